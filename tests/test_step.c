/* A training step in double: with every term of the loss on, the gradient that it leaves against central differences of
 * the loss that it reports; what weight decay shrinks; and what a step that is not finite leaves alone. */
#include "tests/small_model.h"
#include "tests/tap.h"
#include "train/recorder.h"
#include "train/step.h"

#include <unistd.h>

enum { SEED = 23, PAIRS = 3, SAMPLES = 2 * PAIRS, ROWS = 25, LONGEST = 7 };
#define TOLERANCE 1e-6 /* of strongly bent losses; a wrong factor of 5 % is 1e-2 */

static int32_t ids[SAMPLES][LONGEST] = {{3, 1, 4, 1, 5, 9, 2}, {3, 1, 6, 5},    {3, 5, 8, 9, 7},
                                        {9, 3, 2, 3},          {8, 4, 6, 2, 1}, {8, 4}};
static const size_t lengths[SAMPLES] = {7, 4, 5, 4, 5, 2}, begins[SAMPLES] = {2, 2, 3, 0, 1, 2};
static const PairLabel labels[PAIRS] = {{0.2, 1, 1}, {0, 0.4, 0.2}, {0.5, 2.5, 0.5}}; /* margin, weight, probability */

typedef struct Scene {
  Model model;
  Pass pass;
  Frozen frozen;
  Anchor anchor;
  Stepper stepper;
  Sample samples[SAMPLES];
  const Sample *list[SAMPLES];
  size_t indices[SAMPLES];
  char path[64];
} Scene;

static void must(Status status, const Error *err) {
  if (status == STATUS_OK) return;
  printf("Bail out! %s\n", err->text);
  exit(1);
}

/* The frozen features are those of the model as it is; afterwards it is moved. */
static void record(Scene *s) {
  Error err;
  SiteList sites = {0};
  must(sites_of_selection(&s->model.config, "resid_post", NULL, &sites, &err), &err);
  const RecordPlan plan = {.path = s->path,
                           .sites = &sites,
                           .samples = s->list,
                           .n_samples = SAMPLES,
                           .rule_name = "response",
                           .rule = TOKENS_RESPONSE,
                           .dtype = STORE_F32,
                           .batch_tokens = ROWS,
                           .about = {.weights_sha256 = ""}};
  must(recorder_run(&s->model, &plan, &err), &err);
  must(frozen_open(&s->frozen, s->path, TOKENS_RESPONSE, s->model.config.n_layers, s->model.config.hidden_size, s->list,
                   SAMPLES, &err),
       &err);
  must(frozen_measure_scale(&s->frozen, s->list, SAMPLES, &err), &err);
  sites_clear(&sites);
}

static void scene_init(Scene *s, Rng *rng, Model model, AnchorNorm norm) {
  Error err;
  const ModelConfig *c = &model.config;
  *s = (Scene){.model = model};
  snprintf(s->path, sizeof s->path, "/tmp/fathom-step.%ld.h5", (long)getpid());
  for (size_t i = 0; i < SAMPLES; i++) {
    s->samples[i] = (Sample){
        .id = "s", .group = "", .label = "", .ids = ids[i], .n_tokens = lengths[i], .response_begin = begins[i]};
    s->list[i] = &s->samples[i];
    s->indices[i] = i;
  }
  record(s);
  must(anchor_init(&s->anchor, 0.3, norm, "0,-1", c->n_layers, c->hidden_size, s->frozen.scale, &err), &err);
  must(pass_init(&s->pass, c, ROWS, LONGEST, KEEP_BLOCKS, &err), &err);
  const size_t begin = model.table.lm_head < model.table.embed ? model.table.lm_head : model.table.embed;
  const size_t n = model.table.total - begin;
  s->stepper = (Stepper){.model = &s->model,
                         .pass = &s->pass,
                         .frozen = &s->frozen,
                         .anchor = &s->anchor,
                         .gradients = {.values = calloc(n, sizeof(real)), .begin = begin},
                         .first = calloc(n, sizeof(real)),
                         .second = calloc(n, sizeof(real)),
                         .n_trained = n,
                         .centring = 0.05,
                         .batch_tokens = 12}; /* pairs of 11, 9 and 7 tokens: three micro-batches */
  must(sft_init(&s->stepper.sft, c, 0.4, 3, ROWS, &err), &err);
  l2sp_init(&s->stepper.l2sp, 0.2, &s->model, begin, true, NULL, NULL);
  for (size_t i = 0; i < model.table.total; i++) model.values[i] += (real)(0.1 * rng_normal(rng));
}

static void scene_clear(Scene *s) {
  free(s->stepper.gradients.values), free(s->stepper.first), free(s->stepper.second);
  gradients_clear(&s->stepper.gradients);
  sample_batch_clear(&s->stepper.batch);
  sft_clear(&s->stepper.sft);
  l2sp_clear(&s->stepper.l2sp);
  anchor_clear(&s->anchor);
  frozen_close(&s->frozen);
  pass_clear(&s->pass);
  model_close(&s->model);
  unlink(s->path);
}

static StepResult run(Scene *s, double rate) {
  StepResult result;
  Error err;
  must(step_run(&s->stepper, s->list, s->indices, labels, PAIRS, rate, 1, &result, &err), &err);
  return result;
}

/* A rate of 0 leaves the parameters as they are. */
static double central_difference(Scene *s, real *value) {
  const real kept = *value, h = (real)1e-3;
  double f[5] = {0};
  for (int k = -2; k <= 2; k++) {
    *value = kept + (real)k * h;
    if (k) f[k + 2] = run(s, 0).loss.total;
  }
  *value = kept;
  return (8 * (f[3] - f[1]) - (f[4] - f[0])) / (12 * (double)h);
}

static void test_total(Rng *rng, const char *what, Model model, AnchorNorm norm) {
  Scene s;
  scene_init(&s, rng, model, norm);
  run(&s, 0); /* what one step leaves behind must not count in the next */
  const LossParts loss = run(&s, 0).loss;
  ok(loss.bt > 0 && loss.centring > 0 && loss.sft > 0 && loss.anchor > 0 && loss.l2_sp > 0 &&
         is_close(loss.total,
                  0.6 * (loss.bt + 0.05 * loss.centring) + 0.4 * loss.sft + 0.3 * loss.anchor + 0.2 * loss.l2_sp, 1e-14,
                  0),
     "%s: the loss %g is the sum of its parts", what, loss.total);
  const size_t begin = s.stepper.gradients.begin;
  real *gradient = malloc(s.stepper.n_trained * sizeof *gradient);
  memcpy(gradient, s.stepper.gradients.values, s.stepper.n_trained * sizeof *gradient);
  double most = 0;
  for (size_t i = 0; i < s.model.table.count; i++) {
    const Parameter *p = &s.model.table.items[i];
    const size_t at = p->offset + rng_below(rng, p->rows * p->columns);
    const double expected = central_difference(&s, &s.model.values[at]);
    const double error = fabs((double)gradient[at - begin] - expected) / (1e-2 + fabs(expected));
    if (!(error < TOLERANCE)) printf("# %s: %s: relative error %.1e\n", what, p->name, error);
    if (!(error <= most)) most = error;
  }
  ok(most < TOLERANCE, "%s: its gradient against central differences: %.1e", what, most);
  free(gradient);
  scene_clear(&s);
}

/* Without any gradient AdamW moves nothing but by decay. */
static void test_decay(Rng *rng) {
  static const PairLabel nothing[PAIRS] = {{0, 0, 1}, {0, 0, 1}, {0, 0, 1}};
  Scene s;
  StepResult result;
  Error err;
  scene_init(&s, rng, small_model(rng, true), ANCHOR_RELATIVE);
  sft_clear(&s.stepper.sft);
  l2sp_clear(&s.stepper.l2sp);
  s.anchor.lambda = 0;
  s.stepper.weight_decay = 0.5;
  real *before = malloc(s.model.table.total * sizeof *before);
  memcpy(before, s.model.values, s.model.table.total * sizeof *before);
  must(step_run(&s.stepper, s.list, s.indices, nothing, PAIRS, 0.1, 1, &result, &err), &err);
  bool vectors = true, matrices = true;
  for (size_t i = 0; i < s.model.table.count; i++) {
    const Parameter *p = &s.model.table.items[i];
    for (size_t k = p->offset; k < p->offset + p->rows * p->columns; k++) {
      if (p->is_vector) vectors = vectors && s.model.values[k] == before[k];
      if (!p->is_vector) matrices = matrices && is_close((double)s.model.values[k], 0.95 * (double)before[k], 1e-14, 0);
    }
  }
  ok(result.grad_norm == 0 && vectors && matrices,
     "weight decay shrinks every matrix by rate times decay, and no gain");
  free(before);
  scene_clear(&s);
}

static void test_not_finite(Rng *rng) {
  Scene s;
  StepResult result;
  Error err;
  scene_init(&s, rng, small_model(rng, true), ANCHOR_UNIT);
  real *before = malloc(s.model.table.total * sizeof *before), *score = s.model.values + s.model.table.score;
  *score = (real)NAN;
  memcpy(before, s.model.values, s.model.table.total * sizeof *before);
  ok(step_run(&s.stepper, s.list, s.indices, labels, PAIRS, 0.1, 41, &result, &err) == STATUS_NUMERIC &&
         strstr(err.text, "step 41: the loss is not finite"),
     "a loss that is not finite: %s", err.text);
  ok(memcmp(before, s.model.values, s.model.table.total * sizeof *before) == 0, "leaves the parameters alone");
  free(before);
  scene_clear(&s);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_total(&rng, "tied, relative", small_model(&rng, true), ANCHOR_RELATIVE);
  test_total(&rng, "untied, unit", small_model(&rng, false), ANCHOR_UNIT);
  test_total(&rng, "tied, mse", small_model(&rng, true), ANCHOR_MSE);
  test_decay(&rng);
  test_not_finite(&rng);
  return tap_end();
}
