/* The controls in double against central differences, through the whole model: SFT through the language-model head in
 * chunks and micro-batches, and L2-SP, also with its start read from a file. */
#include "base/file.h"
#include "model/forward.h"
#include "tests/small_model.h"
#include "tests/tap.h"
#include "train/l2sp.h"
#include "train/sft.h"

enum { SEED = 17, PAIRS = 3 };
#define TOLERANCE 1e-6 /* of strongly bent losses; a wrong factor of 5 % is 1e-2 */

/* Three pairs, of which the micro-batches hold two and one. The second side of pair 1 is a plain text. */
static int32_t ids[2 * PAIRS][7] = {{3, 1, 4, 1, 5, 9, 2}, {3, 1, 6, 5}, {3, 5, 8, 9, 7},
                                    {9, 3, 2, 3},          {8, 4, 6},    {8, 4}};
static const size_t lengths[2 * PAIRS] = {7, 4, 5, 4, 3, 2}, begins[2 * PAIRS] = {2, 2, 3, 0, 1, 2};
static const PairLabel labels[PAIRS] = {{0, 1, 1}, {0, 0.4, 0.2}, {0, 2.5, 0.5}}; /* margin, weight, probability */

typedef struct Scene {
  Model model;
  Pass pass;
  Sft sft;
  Sample samples[2 * PAIRS];
  const Sample *list[2 * PAIRS];
  SampleBatch batch;
  Gradients gradients;
} Scene;

/* Everything is trained, the language-model head too. */
static void scene_init(Scene *s, Model model, size_t chunk) {
  Error err;
  *s = (Scene){.model = model};
  for (size_t i = 0; i < 2 * PAIRS; i++) {
    s->samples[i] = (Sample){.ids = ids[i], .n_tokens = lengths[i], .response_begin = begins[i]};
    s->list[i] = &s->samples[i];
  }
  if (pass_init(&s->pass, &s->model.config, 25, 7, KEEP_BLOCKS, &err) != STATUS_OK ||
      sft_init(&s->sft, &s->model.config, 0.3, chunk, 25, &err) != STATUS_OK)
    abort();
  const size_t begin = model.table.lm_head < model.table.embed ? model.table.lm_head : model.table.embed;
  s->gradients = (Gradients){.values = calloc(model.table.total - begin, sizeof(real)), .begin = begin};
}

static void scene_clear(Scene *s) {
  free(s->gradients.values);
  gradients_clear(&s->gradients);
  sample_batch_clear(&s->batch);
  sft_clear(&s->sft);
  pass_clear(&s->pass);
  model_close(&s->model);
}

/* One step in micro-batches of two pairs and of one. */
static void step(Scene *s) {
  sft_begin_step(&s->sft, s->list, labels, PAIRS);
  gradients_clear_tables(&s->model, &s->gradients);
  for (size_t first = 0, count = 2; first < PAIRS; first += count, count = 1) {
    sample_batch_fill(&s->batch, s->list + 2 * first, 2 * count);
    model_forward(&s->model, &s->batch.batch, &s->pass, NULL);
    sft_add(&s->sft, &s->model, &s->batch, labels + first, &s->pass, &s->gradients);
    model_backward(&s->model, &s->batch.batch, &s->pass, NULL, s->sft.tokens.dfinal, NULL, first > 0, &s->gradients);
  }
}

/* L_SFT from its definition, all logits at once. */
static double definition(Scene *s) {
  static const size_t learnt[PAIRS] = {0, 3, 4}; /* the sides that the labels favour */
  const size_t v = s->model.config.vocab_size;
  double sum = 0, tokens = 0;
  real logits[25 * 600];
  for (size_t pair = 0; pair < PAIRS; pair++) {
    const size_t side = learnt[pair], n = lengths[side], from = begins[side] ? begins[side] : 1;
    sample_batch_fill(&s->batch, s->list + side, 1);
    model_forward(&s->model, &s->batch.batch, &s->pass, NULL);
    model_logits(&s->model, &s->pass, 0, n, logits);
    for (size_t t = from; t < n; t++) {
      double all = 0;
      for (size_t i = 0; i < v; i++) all += exp((double)logits[(t - 1) * v + i]);
      sum += labels[pair].weight * (log(all) - (double)logits[(t - 1) * v + (size_t)ids[side][t]]);
      tokens += labels[pair].weight;
    }
  }
  return sum / tokens;
}

/* The worst error of the gradient of factor * value over draws of every parameter. */
static double worst_gradient(Scene *s, double (*value)(Scene *), double factor, Rng *rng) {
  double most = 0;
  for (size_t i = 0; i < s->model.table.count; i++) {
    const Parameter *p = &s->model.table.items[i];
    if (p->offset < s->gradients.begin) continue;
    for (int draw = 0; draw < 3; draw++) {
      real *at = &s->model.values[p->offset + rng_below(rng, p->rows * p->columns)];
      const real kept = *at;
      double f[5] = {0};
      for (int k = -2; k <= 2; k++) {
        *at = kept + (real)k * (real)1e-3;
        if (k) f[k + 2] = factor * value(s);
      }
      *at = kept;
      const double numeric = (8 * (f[3] - f[1]) - (f[4] - f[0])) / 12e-3;
      const double found = (double)s->gradients.values[(size_t)(at - s->model.values) - s->gradients.begin];
      const double error = fabs(found - numeric) / (1e-2 + fabs(numeric));
      if (!(error < TOLERANCE)) printf("# %s: %g, by differences %g\n", p->name, found, numeric);
      if (!(error <= most)) most = error;
    }
  }
  return most;
}

static void test_sft(Rng *rng, const char *what, Model model, size_t chunk) {
  Scene s;
  scene_init(&s, model, chunk);
  step(&s);
  step(&s); /* what the first left behind must not count */
  ok(is_close(sft_value(&s.sft), definition(&s), 1e-12, 0), "SFT, %s, %zu rows a chunk: %g as defined", what, chunk,
     sft_value(&s.sft));
  const double error = worst_gradient(&s, definition, 0.3, rng);
  ok(error < TOLERANCE, "its gradient, head and embedding too, against central differences: %.1e", error);
  scene_clear(&s);
}

/* A head that stays frozen, and blocks below: the rest as before. */
static void test_part(Rng *rng) {
  Scene s;
  scene_init(&s, small_model(rng, false), 4);
  step(&s);
  const size_t begin = s.model.table.layers[1].begin, n = s.model.table.total - begin;
  Gradients whole = s.gradients;
  s.gradients = (Gradients){.values = calloc(n, sizeof(real)), .begin = begin};
  step(&s);
  ok(memcmp(s.gradients.values, whole.values + (begin - whole.begin), n * sizeof(real)) == 0,
     "training some blocks: the same gradients there");
  free(whole.values);
  gradients_clear(&whole);
  scene_clear(&s);
}

static double *start; /* w0 */

static double l2sp_definition(Scene *s) {
  double sum = 0;
  for (size_t i = 0; i < s->model.table.total; i++)
    if (i < s->model.table.score && i >= s->gradients.begin) sum += pow((double)s->model.values[i] - start[i], 2);
  return sum;
}

/* The gradient of the small model's L2-SP, and that a new head has none. */
static void test_l2sp(Rng *rng) {
  Scene s;
  L2sp l2sp;
  scene_init(&s, small_model(rng, false), 4);
  const size_t total = s.model.table.total, score = s.model.table.score, width = total - score;
  l2sp_init(&l2sp, 0.7, &s.model, s.gradients.begin, false, NULL, NULL);
  start = calloc(total, sizeof *start);
  for (size_t i = 0; i < total; i++) start[i] = (double)s.model.values[i];
  ok(l2sp_add(&l2sp, &s.model, &s.gradients) == 0 && l2sp.copied == (score - s.gradients.begin) * sizeof(real),
     "L2-SP at the start is 0; without files all but the new head is copied");
  for (size_t i = 0; i < total; i++) s.model.values[i] += (real)(0.1 * rng_normal(rng));
  const double value = l2sp_add(&l2sp, &s.model, &s.gradients);
  ok(is_close(value, l2sp_definition(&s), 1e-12, 0), "L2-SP: %g as defined", value);
  const double error = worst_gradient(&s, l2sp_definition, 0.7, rng);
  ok(error < TOLERANCE, "its gradient against central differences: %.1e", error);
  l2sp_clear(&l2sp);
  l2sp_init(&l2sp, 0.7, &s.model, score, true, NULL, NULL);
  for (size_t i = score; i < total; i++) s.model.values[i] += 2;
  ok(is_close(l2sp_add(&l2sp, &s.model, &s.gradients), 4.0 * (double)width, 1e-12, 0),
     "a head that was read has a start");
  l2sp_clear(&l2sp);
  free(start);
  scene_clear(&s);
}

/* The start read from a model's files and from a copy: the same bits. */
static void test_in_file(Rng *rng, const char *name) {
  const char *srcdir = getenv("SRCDIR");
  char *path = mem_format("%s/tests/fixtures/%s", srcdir ? srcdir : ".", name);
  Source *source = NULL;
  Model model = {0};
  Error err = {0};
  if (!ok(source_open(path, &source, &err) == STATUS_OK &&
              model_open(source, (ModelOptions){.strict = false}, &model, &err) == STATUS_OK,
          "%s opens %s", name, err.text))
    return;
  const size_t begin = model.table.embed, n = model.table.total - begin;
  L2sp mapped, copied;
  l2sp_init(&mapped, 0.3, &model, begin, model.has_score, source, NULL);
  l2sp_init(&copied, 0.3, &model, begin, model.has_score, NULL, NULL);
  ok(mapped.copied * 4 < copied.copied, "%s: %zu of %zu bytes are copied, the rest is read from the file", name,
     mapped.copied, copied.copied);
  for (size_t i = 0; i < model.table.total; i++) model.values[i] += (real)(0.1 * rng_normal(rng));
  Gradients a = {.values = calloc(n, sizeof(real)), .begin = begin}, b = a;
  b.values = calloc(n, sizeof(real));
  const double one = l2sp_add(&mapped, &model, &a), two = l2sp_add(&copied, &model, &b);
  ok(one == two && one > 0 && memcmp(a.values, b.values, n * sizeof(real)) == 0, "%s: the same bits either way: %g",
     name, one);
  free(a.values), free(b.values);
  l2sp_clear(&mapped), l2sp_clear(&copied);
  model_close(&model);
  source_close(source);
  free(path);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_sft(&rng, "tied", small_model(&rng, true), 4);
  test_sft(&rng, "tied", small_model(&rng, true), 100);
  test_sft(&rng, "untied", small_model(&rng, false), 1);
  test_part(&rng);
  test_l2sp(&rng);
  test_in_file(&rng, "llama-base.gguf");
  test_in_file(&rng, "llama-reward");
  ok(token_loss_chunk(1 << 20) >= 8 && token_loss_chunk(256) <= 512 &&
         token_loss_chunk(49152) * 49152 * sizeof(real) <= (size_t)64 << 20,
     "the logits of a chunk stay bounded");
  return tap_end();
}
