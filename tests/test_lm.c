/* Language modelling in double: the loss from its definition, its gradient against central differences through the whole
 * model, and the optimiser's step; in chunks of logits and in micro-batches. */
#include "model/forward.h"
#include "tests/small_model.h"
#include "tests/tap.h"
#include "train/lm.h"

enum { SEED = 23, SEQUENCES = 4, ROWS = 14 };
#define TOLERANCE 1e-6 /* of strongly bent losses; a wrong factor of 5 % is 1e-2 */

/* The third predicts nothing: it has one token. */
static int32_t ids[SEQUENCES][7] = {{3, 1, 4, 1, 5, 9, 2}, {6, 5, 3, 5}, {8}, {9, 7, 9, 3, 2}};
static const size_t lengths[SEQUENCES] = {7, 4, 1, 5};

typedef struct Scene {
  Model model;
  Pass pass;
  LmStepper stepper;
  Sample samples[SEQUENCES];
  const Sample *list[SEQUENCES];
} Scene;

static void must(Status status, const Error *err) {
  if (status == STATUS_OK) return;
  printf("Bail out! %s\n", err->text);
  exit(1);
}

static void scene_init(Scene *s, Model model, size_t begin, size_t chunk, PassKeeps keeps) {
  Error err;
  *s = (Scene){.model = model};
  for (size_t i = 0; i < SEQUENCES; i++) {
    s->samples[i] = (Sample){.id = (char *)"text", .ids = ids[i], .n_tokens = lengths[i]};
    s->list[i] = &s->samples[i];
  }
  const size_t n = model.table.total - begin;
  must(pass_init(&s->pass, &s->model.config, ROWS, 7, keeps, &err), &err);
  s->stepper = (LmStepper){.model = &s->model,
                           .pass = &s->pass,
                           .gradients = {.values = calloc(n, sizeof(real)), .begin = begin},
                           .first = calloc(n, sizeof(real)),
                           .second = calloc(n, sizeof(real)),
                           .n_trained = n,
                           .batch_tokens = ROWS}; /* the first three, then the last */
  must(token_loss_init(&s->stepper.tokens, &s->model.config, chunk, ROWS, &err), &err);
}

static void scene_clear(Scene *s) {
  free(s->stepper.gradients.values);
  free(s->stepper.first);
  free(s->stepper.second);
  lm_stepper_clear(&s->stepper);
  pass_clear(&s->pass);
  model_close(&s->model);
}

/* Where the trained part begins if all is trained. */
static size_t whole(const Model *m) { return m->table.lm_head < m->table.embed ? m->table.lm_head : m->table.embed; }

/* From its definition: one sequence at a time, all logits at once, plain exponentials. */
static double definition(Scene *s) {
  const size_t v = s->model.config.vocab_size;
  SampleBatch batch = {0};
  double sum = 0;
  size_t predicted = 0;
  real logits[7 * 32];
  for (size_t i = 0; i < SEQUENCES; i++) {
    sample_batch_fill(&batch, s->list + i, 1);
    model_forward(&s->model, &batch.batch, &s->pass, NULL);
    model_logits(&s->model, &s->pass, 0, lengths[i], logits);
    for (size_t t = 1; t < lengths[i]; t++, predicted++) {
      double all = 0;
      for (size_t w = 0; w < v; w++) all += exp((double)logits[(t - 1) * v + w]);
      sum += log(all) - (double)logits[(t - 1) * v + (size_t)ids[i][t]];
    }
  }
  sample_batch_clear(&batch);
  return sum / (double)predicted;
}

/* The worst error of the gradient over draws of every parameter that is trained. */
static double worst_gradient(Scene *s, Rng *rng) {
  const Gradients *g = &s->stepper.gradients;
  double most = 0;
  for (size_t i = 0; i < s->model.table.count; i++) {
    const Parameter *p = &s->model.table.items[i];
    if (p->offset < g->begin) continue;
    for (int draw = 0; draw < 3; draw++) {
      real *at = &s->model.values[p->offset + rng_below(rng, p->rows * p->columns)];
      const real kept = *at;
      double f[5] = {0};
      for (int k = -2; k <= 2; k++) {
        *at = kept + (real)k * (real)1e-3;
        if (k) f[k + 2] = definition(s);
      }
      *at = kept;
      const double numeric = (8 * (f[3] - f[1]) - (f[4] - f[0])) / 12e-3;
      const double found = (double)g->values[(size_t)(at - s->model.values) - g->begin];
      const double error = fabs(found - numeric) / (1e-2 + fabs(numeric));
      if (!(error < TOLERANCE)) printf("# %s: %g, by differences %g\n", p->name, found, numeric);
      if (!(error <= most)) most = error;
    }
  }
  return most;
}

static void test_gradient(Rng *rng, const char *what, Model model, size_t begin, size_t chunk, PassKeeps keeps) {
  Scene s;
  Error err;
  LmStepResult r;
  scene_init(&s, model, begin, chunk, keeps);
  lm_gradient(&s.stepper, s.list, SEQUENCES, &r);
  lm_gradient(&s.stepper, s.list, SEQUENCES, &r); /* what the first left behind must not count */
  double loss = NAN;
  ok(is_close(r.loss, definition(&s), 1e-12, 0) && r.tokens == 17 && r.micro_batches == 2,
     "%s, %zu rows a chunk: the loss is %g as defined", what, chunk, r.loss);
  must(lm_loss(&s.model, &s.pass, s.list, SEQUENCES, 9, &loss, &err), &err);
  ok(is_close(loss, r.loss, 1e-12, 0), "and the same forward alone, in other batches");
  const double error = worst_gradient(&s, rng);
  ok(error < TOLERANCE, "its gradient against central differences: %.1e", error);
  scene_clear(&s);
}

/* Steps go down, by AdamW; one that is not finite changes nothing. */
static void test_steps(Rng *rng) {
  Scene s;
  Error err;
  LmStepResult r;
  Model model = small_model(rng, true);
  scene_init(&s, model, whole(&model), 5, KEEP_BLOCKS);
  s.stepper.clip = 0.5;
  lm_gradient(&s.stepper, s.list, SEQUENCES, &r);
  const size_t at = model.table.layers[1].begin + 3, n = s.stepper.n_trained;
  const double before = (double)s.model.values[at], first_loss = r.loss,
               g = (double)s.stepper.gradients.values[at - s.stepper.gradients.begin];
  must(lm_step(&s.stepper, s.list, SEQUENCES, 1e-2, 1, &r, &err), &err);
  ok(r.grad_norm > 0.5, "the gradient is long enough to be clipped: %g", r.grad_norm);
  /* AdamW's first step is the sign of the gradient, but for epsilon. */
  const double clipped = g * 0.5 / r.grad_norm;
  ok(is_close((double)s.model.values[at], before - 1e-2 * clipped / (fabs(clipped) + 1e-8), 1e-12, 1e-14),
     "the first update is AdamW's");
  for (size_t step = 2; step < 40; step++) must(lm_step(&s.stepper, s.list, SEQUENCES, 1e-2, step, &r, &err), &err);
  ok(r.loss < 0.5 * first_loss, "40 steps learn the text: %g to %g", first_loss, r.loss);
  real *kept = malloc(n * sizeof *kept), *values = s.model.values + s.stepper.gradients.begin;
  s.model.values[model.table.final_norm] = (real)INFINITY;
  memcpy(kept, values, n * sizeof *kept);
  ok(lm_step(&s.stepper, s.list, SEQUENCES, 1e-2, 41, &r, &err) == STATUS_NUMERIC &&
         strcmp(err.text, "step 41: the loss is not finite: try a lower --lr or --clip") == 0 &&
         memcmp(kept, values, n * sizeof *kept) == 0,
     "a loss that is not finite: %s", err.text);
  double loss;
  ok(lm_loss(&s.model, &s.pass, s.list, SEQUENCES, 9, &loss, &err) == STATUS_NUMERIC &&
         strcmp(err.text, "a log-probability in sample \"text\" is not finite") == 0,
     "and forward alone: %s", err.text);
  free(kept);
  scene_clear(&s);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  Model tied = small_model(&rng, true), untied = small_model(&rng, false), part = small_model(&rng, false);
  test_gradient(&rng, "tied", tied, whole(&tied), 4, KEEP_BLOCKS);
  test_gradient(&rng, "a head of its own", untied, whole(&untied), 64, KEEP_BLOCKS);
  test_gradient(&rng, "the last two blocks, recomputed", part, part.table.layers[1].begin, 3, KEEP_INPUTS);
  test_steps(&rng);
  return tap_end();
}
