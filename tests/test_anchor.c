/* The training objective in double: the anchor's value and gradient in every norm, and the Bradley-Terry loss with margins,
 * weights and soft labels, against central differences; AdamW and the learning rate against their formulas. */
#include "model/forward.h"
#include "tests/small_model.h"
#include "tests/tap.h"
#include "train/adamw.h"
#include "train/anchor.h"
#include "train/loss.h"

enum { SEED = 11, ROWS = SMALL_ROWS, COUNTED = 6 };

static const size_t counted[COUNTED] = {2, 3, 4, 6, 9, 11}; /* rows of the batch */

typedef struct Scene {
  Model model;
  Batch batch;
  Pass pass;
  Anchor anchor;
  double *scale;
  Gradients gradients;
} Scene;

/* h0 = the features of the model itself, moved by noise of this size. */
static Scene setting_new(Rng *rng, double lambda, AnchorNorm norm, const char *layers, double noise) {
  Scene s = {.model = small_model(rng, true), .batch = {SMALL_SEQUENCES, small_offsets, small_ids}};
  const size_t d = s.model.config.hidden_size, n_layers = s.model.config.n_layers;
  Error err;
  s.scale = malloc(n_layers * sizeof *s.scale);
  for (size_t l = 0; l < n_layers; l++) s.scale[l] = 0.5 + (double)l;
  if (pass_init(&s.pass, &s.model.config, ROWS, 7, KEEP_BLOCKS, &err) != STATUS_OK ||
      anchor_init(&s.anchor, lambda, norm, layers, n_layers, d, s.scale, &err) != STATUS_OK)
    abort();
  s.anchor.n_rows = s.anchor.room = COUNTED;
  s.anchor.batch_row = malloc(sizeof counted);
  memcpy(s.anchor.batch_row, counted, sizeof counted);
  s.anchor.row_squares = malloc(COUNTED * sizeof(double));
  s.anchor.row_turns = malloc(COUNTED * sizeof(double));
  s.anchor.frozen = malloc(n_layers * COUNTED * d * sizeof(float));
  model_forward(&s.model, &s.batch, &s.pass, NULL);
  for (size_t l = 0; l < n_layers; l++)
    for (size_t r = 0; r < COUNTED; r++)
      for (size_t i = 0; i < d; i++)
        s.anchor.frozen[(l * COUNTED + r) * d + i] =
            (float)((double)s.pass.layers[l].resid_post[counted[r] * d + i] + noise * rng_normal(rng));
  s.gradients = (Gradients){.values = calloc(s.model.table.total, sizeof(real)), .begin = s.model.table.embed};
  return s;
}

static void setting_free(Scene *s) {
  free(s->gradients.values);
  gradients_clear(&s->gradients);
  anchor_clear(&s->anchor);
  pass_clear(&s->pass);
  model_close(&s->model);
  free(s->scale);
}

/* The distance of a norm from its definition. */
static double distance(AnchorNorm norm, size_t d, double scale, const real *h, const float *h0) {
  double squares = 0, hh = 0, h0h0 = 0, hh0 = 0;
  for (size_t i = 0; i < d; i++) {
    squares += pow((double)h[i] - (double)h0[i], 2);
    hh += (double)h[i] * (double)h[i];
    h0h0 += (double)h0[i] * (double)h0[i];
    hh0 += (double)h[i] * (double)h0[i];
  }
  if (norm == ANCHOR_UNIT) return 2 - 2 * hh0 / sqrt(hh * h0h0);
  return squares / (norm == ANCHOR_MSE ? (double)d : scale);
}

/* lambda R from its definition. */
static double definition(const Scene *s) {
  const size_t d = s->model.config.hidden_size;
  double sum = 0;
  model_forward(&s->model, &s->batch, (Pass *)&s->pass, NULL);
  for (size_t l = 0; l < s->model.config.n_layers; l++)
    for (size_t r = 0; s->anchor.anchored[l] && r < COUNTED; r++)
      sum += distance(s->anchor.norm, d, s->scale[l], s->pass.layers[l].resid_post + counted[r] * d,
                      s->anchor.frozen + (l * COUNTED + r) * d);
  return s->anchor.lambda * sum / COUNTED / (double)s->anchor.n_anchored;
}

/* The mean relative drift of all blocks, whatever the norm. */
static double drift_by_definition(const Scene *s) {
  const size_t d = s->model.config.hidden_size, n_layers = s->model.config.n_layers;
  double sum = 0;
  for (size_t l = 0; l < n_layers; l++)
    for (size_t r = 0; r < COUNTED; r++)
      sum += distance(ANCHOR_RELATIVE, d, s->scale[l], s->pass.layers[l].resid_post + counted[r] * d,
                      s->anchor.frozen + (l * COUNTED + r) * d);
  return sum / COUNTED / (double)n_layers;
}

static double backward(Scene *s) {
  const Injection injection = anchor_injection(&s->anchor);
  anchor_begin_step(&s->anchor, COUNTED);
  model_forward(&s->model, &s->batch, &s->pass, NULL);
  model_backward(&s->model, &s->batch, &s->pass, NULL, NULL, &injection, false, &s->gradients);
  return s->anchor.lambda * anchor_value(&s->anchor);
}

static void test_gradient(Rng *rng, AnchorNorm norm, const char *layers) {
  static const char *const names[] = {"relative", "unit", "mse"};
  const char *what = names[norm];
  Scene s = setting_new(rng, 0.3, norm, layers, 0.4);
  const double value = backward(&s), expected = definition(&s);
  ok(is_close(value, expected, 1e-12, 0), "%s anchor on %s: value %g as defined", what, layers, value);
  ok(is_close(anchor_mean_drift(&s.anchor), drift_by_definition(&s), 1e-12, 0), "its drift is relative, of all blocks");
  double most = 0;
  for (size_t i = 0; i < s.model.table.count; i++) {
    const Parameter *p = &s.model.table.items[i];
    if (p->role == ROLE_SCORE || p->role == ROLE_FINAL_NORM) continue;
    real *at = &s.model.values[p->offset + (p->role == ROLE_EMBED ? 5 * p->columns : 0) + rng_below(rng, p->columns)];
    const real kept = *at;
    double f[5] = {0};
    for (int k = -2; k <= 2; k++) {
      *at = kept + (real)k * (real)1e-3;
      if (k) f[k + 2] = definition(&s);
    }
    *at = kept;
    const double numeric = (8 * (f[3] - f[1]) - (f[4] - f[0])) / 12e-3;
    const double error = fabs((double)s.gradients.values[(size_t)(at - s.model.values) - s.gradients.begin] - numeric) /
                         (1e-2 + fabs(numeric));
    if (!(error <= most)) most = error;
  }
  ok(most < 1e-7, "%s anchor on %s: gradient against central differences: %.1e", what, layers, most);
  setting_free(&s);
}

static void test_zero(Rng *rng, AnchorNorm norm) {
  Scene s = setting_new(rng, 0.3, norm, "all", 0);
  backward(&s);
  double largest = 0;
  for (size_t i = 0; i < s.model.table.total; i++) largest = fmax(largest, fabs((double)s.gradients.values[i]));
  ok(anchor_value(&s.anchor) < 1e-12 && largest < 1e-5,
     "at the frozen weights the anchor is 0 to float32's rounding: %g", anchor_value(&s.anchor));
  setting_free(&s);
  s = setting_new(rng, 0, norm, "all", 0.4);
  backward(&s);
  bool untouched = true;
  for (size_t i = 0; i < s.model.table.total - s.gradients.begin; i++)
    untouched = untouched && s.gradients.values[i] == 0;
  ok(untouched && anchor_value(&s.anchor) > 0.001, "with lambda 0 drift is measured and no gradient is touched");
  setting_free(&s);
}

/* A unit anchor sees no lengths, and rows without one do not break it. */
static void test_unit(Rng *rng) {
  Scene s = setting_new(rng, 0.3, ANCHOR_UNIT, "all", 0);
  const size_t n = s.model.config.n_layers * COUNTED * s.model.config.hidden_size;
  for (size_t i = 0; i < n; i++) s.anchor.frozen[i] *= 3;
  backward(&s);
  ok(anchor_value(&s.anchor) < 1e-12 && anchor_mean_drift(&s.anchor) > 0.1, "three times as long is no turn, but drift");
  memset(s.anchor.frozen, 0, n * sizeof *s.anchor.frozen);
  backward(&s);
  ok(anchor_value(&s.anchor) == 0, "a row of length 0 counts 0");
  setting_free(&s);
}

/* Of a step whose sequences have no more than a first token nothing counts. */
static void test_no_rows(Rng *rng, AnchorNorm norm) {
  Scene s = setting_new(rng, 0.3, norm, "all", 0.4);
  s.anchor.n_rows = 0;
  model_forward(&s.model, &s.batch, &s.pass, NULL);
  anchor_begin_step(&s.anchor, 0);
  const Injection injection = anchor_injection(&s.anchor);
  model_backward(&s.model, &s.batch, &s.pass, NULL, NULL, &injection, false, &s.gradients);
  ok(anchor_value(&s.anchor) == 0 && anchor_mean_drift(&s.anchor) == 0, "a step without counted rows has no distance");
  setting_free(&s);
}

static void test_words(void) {
  AnchorNorm norm = ANCHOR_RELATIVE;
  Error err;
  Anchor bad;
  const double scale[3] = {1, 1, 1};
  ok(anchor_init(&bad, 1, ANCHOR_RELATIVE, "0,7", 3, 12, scale, &err) == STATUS_USAGE &&
         strstr(err.text, "--anchor-layers"),
     "a block that is not there: %s", err.text);
  anchor_clear(&bad);
  ok(anchor_norm_from_name("mse", &norm) && norm == ANCHOR_MSE && anchor_norm_from_name("unit", &norm) &&
         norm == ANCHOR_UNIT && !anchor_norm_from_name("cosine", &norm),
     "norms by name");
}

static const PairLabel soft[3] = {{0.4, 2, 0.3}, {0, 0.5, 1}, {-1.5, 1, 0.5}}; /* margin, weight, probability */

/* scale * (loss + 0.01 centring) from the formulas. */
static double pairs_by_definition(const real *rewards, const PairLabel *labels, double scale) {
  double sum = 0;
  for (int i = 0; i < 3; i++) {
    const double d = (double)rewards[2 * i] - (double)rewards[2 * i + 1], p = labels[i].probability;
    const double m = labels[i].margin, total = (double)rewards[2 * i] + (double)rewards[2 * i + 1];
    sum += labels[i].weight *
           (-p * log(1 / (1 + exp(-(d - m)))) - (1 - p) * log(1 / (1 + exp(d + m))) + 0.01 * total * total);
  }
  return scale * sum;
}

static void test_labels(Rng *rng) {
  real rewards[6], drewards[6], plain[6];
  for (int i = 0; i < 6; i++) rewards[i] = (real)(2 * rng_normal(rng));
  PairSums sums = {0}, none = {0};
  loss_bradley_terry(3, rewards, soft, 0.01, 0.5, &sums, drewards);
  ok(is_close(0.5 * (sums.loss + 0.01 * sums.centring), pairs_by_definition(rewards, soft, 0.5), 1e-12, 0),
     "margins, weights and soft labels: the loss as defined");
  double most = 0;
  for (int i = 0; i < 6; i++) {
    const real kept = rewards[i];
    rewards[i] = kept + (real)1e-4;
    const double up = pairs_by_definition(rewards, soft, 0.5);
    rewards[i] = kept - (real)1e-4;
    const double error = fabs((double)drewards[i] - (up - pairs_by_definition(rewards, soft, 0.5)) / 2e-4);
    rewards[i] = kept;
    if (!(error <= most)) most = error;
  }
  ok(most < 1e-8, "and its gradient: %.1e", most);
  const PairLabel hard[3] = {{0, 1, 1}, {0, 1, 1}, {0, 1, 1}};
  sums = none;
  loss_bradley_terry(3, rewards, hard, 0.01, 0.5, &sums, drewards);
  loss_bradley_terry(3, rewards, NULL, 0.01, 0.5, &none, plain);
  ok(memcmp(&sums, &none, sizeof sums) == 0 && memcmp(drewards, plain, sizeof plain) == 0,
     "labels that say nothing: the same bits as none");
  const real swapped[2] = {rewards[1], rewards[0]};
  const PairLabel label = {0.4, 1, 0.8}, other = {0.4, 1, 0.2};
  PairSums one = {0}, two = {0};
  loss_bradley_terry(1, rewards, &label, 0, 1, &one, drewards);
  loss_bradley_terry(1, swapped, &other, 0, 1, &two, plain);
  ok(is_close(one.loss, two.loss, 1e-14, 0) && one.correct == two.correct && one.margin == two.margin &&
         is_close((double)drewards[0], (double)plain[1], 1e-14, 0),
     "swapping the sides and the label changes nothing");
}

static void test_loss(Rng *rng) {
  real rewards[6], drewards[6], swapped[6];
  for (int i = 0; i < 6; i++) rewards[i] = (real)(3 * rng_normal(rng));
  PairSums sums = {0}, other = {0};
  loss_bradley_terry(3, rewards, NULL, 0.01, 0.5, &sums, drewards);
  double most = 0;
  for (int i = 0; i < 6; i++) {
    PairSums up = {0}, down = {0};
    const real kept = rewards[i];
    rewards[i] = kept + (real)1e-4;
    loss_bradley_terry(3, rewards, NULL, 0.01, 1, &up, NULL);
    rewards[i] = kept - (real)1e-4;
    loss_bradley_terry(3, rewards, NULL, 0.01, 1, &down, NULL);
    rewards[i] = kept;
    const double error = fabs((double)drewards[i] - 0.5 * (up.loss - down.loss + 0.01 * (up.centring - down.centring)) / 2e-4);
    if (!(error <= most)) most = error;
  }
  ok(most < 1e-8, "Bradley-Terry gradient: %.1e", most);
  for (int i = 0; i < 6; i++) swapped[i] = rewards[i ^ 1];
  loss_bradley_terry(3, swapped, NULL, 0.01, 1, &other, NULL);
  ok(is_close(other.margin, -sums.margin, 1e-12, 0) && is_close(other.correct, 3 - sums.correct, 1e-12, 0),
     "swapping chosen and rejected flips the margin");
  const real far[] = {2000, -2000, -2000, 2000, 1, 1};
  PairSums extreme = {0};
  loss_bradley_terry(3, far, NULL, 0, 1, &extreme, drewards);
  ok(is_close(extreme.loss, 4000 + log(2), 1e-12, 0) && extreme.correct == 1.5 && drewards[0] == 0 &&
         drewards[2] == -1 && drewards[5] == (real)0.5,
     "huge margins neither overflow nor vanish; a tie counts one half");
}

static void test_adamw(void) {
  real w[3] = {1, -2, 0.5}, m[3] = {0}, v[3] = {0};
  double w_ref[3] = {1, -2, 0.5}, m_ref[3] = {0}, v_ref[3] = {0}, most = 0;
  for (size_t step = 1; step <= 5; step++) {
    const real g[3] = {(real)0.3 * (real)step, -1, 1e-6};
    const AdamwStep s = {0.01, 0.9, 0.999, 1e-8, 0.1, step, 0.5};
    adamw_update(&s, 3, w, g, m, v);
    for (int i = 0; i < 3; i++) {
      const double gi = 0.5 * (double)g[i];
      m_ref[i] = 0.9 * m_ref[i] + 0.1 * gi;
      v_ref[i] = 0.999 * v_ref[i] + 0.001 * gi * gi;
      w_ref[i] -= 0.01 * 0.1 * w_ref[i];
      w_ref[i] -=
          0.01 * (m_ref[i] / (1 - pow(0.9, (double)step))) / (sqrt(v_ref[i] / (1 - pow(0.999, (double)step))) + 1e-8);
      const double error = fabs((double)w[i] - w_ref[i]);
      if (!(error <= most)) most = error;
    }
  }
  ok(most < 1e-12, "AdamW follows its definition over five steps: %.1e", most);
  ok(is_close(learning_rate_at(0, 100, 10, 1), 0.1, 1e-12, 0) &&
         is_close(learning_rate_at(9, 100, 10, 1), 1, 1e-12, 0) &&
         is_close(learning_rate_at(55, 100, 10, 1), 0.5, 1e-12, 0) && learning_rate_at(99, 100, 10, 1) < 0.001 &&
         learning_rate_at(0, 5, 0, 2) == 2,
     "the learning rate rises over the warm-up and falls as a cosine");
  real *x = malloc(200001 * sizeof *x);
  for (size_t i = 0; i < 200001; i++) x[i] = (real)(i % 7);
  double expected = 0;
  for (size_t i = 0; i < 200001; i++) expected += (double)(i % 7) * (double)(i % 7);
  ok(sum_of_squares(200001, x) == expected, "the sum of squares misses nothing at the chunks' ends");
  free(x);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  for (AnchorNorm norm = ANCHOR_RELATIVE; norm <= ANCHOR_MSE; norm++) {
    test_gradient(&rng, norm, "all");
    test_gradient(&rng, norm, "last");
    test_gradient(&rng, norm, "middle");
    test_gradient(&rng, norm, "0,-1");
    test_zero(&rng, norm);
  }
  test_unit(&rng);
  test_no_rows(&rng, ANCHOR_RELATIVE);
  test_words();
  test_loss(&rng);
  test_labels(&rng);
  test_adamw();
  return tap_end();
}
