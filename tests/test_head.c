/* Training the head alone on hidden states kept in memory, against forward and backward passes: the same rewards, losses
 * and weights after every step. Built twice, for float and for double. */
#include "base/memory.h"
#include "model/forward.h"
#include "tests/small_model.h"
#include "tests/tap.h"
#include "train/step.h"

#include <math.h>

enum { SEED = 29, PAIRS = 6, SAMPLES = 2 * PAIRS, STEPS = 7, BATCH = 4 /* pairs */ };

static Sample samples[SAMPLES];
static const Sample *list[SAMPLES];

static void make_samples(Rng *rng, size_t vocab) {
  for (size_t s = 0; s < SAMPLES; s++) {
    samples[s] = (Sample){.id = mem_format("s%zu", s), .n_tokens = 1 + rng_below(rng, 9)};
    samples[s].ids = mem_alloc(samples[s].n_tokens, sizeof *samples[s].ids);
    for (size_t t = 0; t < samples[s].n_tokens; t++) samples[s].ids[t] = (int32_t)rng_below(rng, vocab);
    list[s] = &samples[s];
  }
}

/* Which samples a step takes; each pair comes in several steps. */
static void choose(size_t step, size_t *indices, const Sample **chosen) {
  for (size_t i = 0; i < 2 * BATCH; i++) {
    indices[i] = 2 * ((step * BATCH + i / 2) * 5 % PAIRS) + i % 2;
    chosen[i] = list[indices[i]];
  }
}

/* The reference: everything that step_run leaves out. Returns the mean loss. */
static double full_step(Model *model, Pass *pass, const Sample *const *chosen, const PairLabel *labels, size_t update, double clip, real *first,
                        real *second) {
  const size_t d = model->config.hidden_size;
  real rewards[2 * BATCH], drewards[2 * BATCH];
  PairSums sums = {0};
  SampleBatch batch = {0};
  Gradients g = {.values = mem_alloc(d, sizeof(real)), .begin = model->table.score};
  sample_batch_fill(&batch, chosen, 2 * BATCH);
  model_forward(model, &batch.batch, pass, NULL);
  model_rewards(model, &batch.batch, pass, rewards);
  loss_bradley_terry(BATCH, rewards, labels, 0.03, 1.0 / BATCH, &sums, drewards);
  model_backward(model, &batch.batch, pass, drewards, NULL, NULL, false, &g);
  const double norm = sqrt(sum_of_squares(d, g.values));
  const AdamwStep step = {0.05, 0.9, 0.999, 1e-8, 0.1, update, norm > clip ? clip / norm : 1};
  adamw_update(&step, d, model->values + model->table.score, g.values, first, second);
  free(g.values);
  gradients_clear(&g);
  sample_batch_clear(&batch);
  return sums.loss / BATCH;
}

static double largest_difference(const real *a, const real *b, size_t n) {
  double most = 0;
  for (size_t i = 0; i < n; i++) {
    const double difference = fabs((double)a[i] - (double)b[i]);
    if (!(difference <= most)) most = difference;
    if (isnan(most)) return NAN;
  }
  return most;
}

static void test_steps(Model *full, Model *head, const PairLabel *labels, size_t batch_tokens) {
  const size_t d = full->config.hidden_size;
  Error err = {0};
  Pass pass;
  Features features;
  Anchor anchor = {0};
  Frozen frozen = {0};
  real *moments = mem_alloc(5 * d, sizeof *moments);
  double worst = 0;
  if (pass_init(&pass, &full->config, 2 * BATCH * 9, 9, KEEP_BLOCKS, &err) != STATUS_OK) abort();
  if (!ok(features_load(&features, head, NULL, list, SAMPLES, batch_tokens, &err) == STATUS_OK && features.from_store == 0,
          "last hidden states, %zu tokens at a time", batch_tokens))
    exit(1);
  if (anchor_init(&anchor, 0, ANCHOR_RELATIVE, "all", full->config.n_layers, d, NULL, &err) != STATUS_OK) abort();
  Stepper stepper = {.model = head, .frozen = &frozen, .anchor = &anchor, .features = &features,
                     .gradients = {.values = moments, .begin = head->table.score}, .first = moments + d, .second = moments + 2 * d,
                     .n_trained = d, .centring = 0.03, .clip = 0.4, .weight_decay = 0.1, .batch_tokens = batch_tokens};
  size_t tokens = 0;
  real *start = mem_alloc(d, sizeof *start);
  memcpy(start, head->values + head->table.score, d * sizeof *start);
  for (size_t step = 0; step < STEPS; step++) {
    size_t indices[2 * BATCH];
    const Sample *chosen[2 * BATCH];
    StepResult result;
    choose(step, indices, chosen);
    const double loss = full_step(full, &pass, chosen, labels, step + 1, stepper.clip, moments + 3 * d, moments + 4 * d);
    ok(step_run(&stepper, chosen, indices, labels, BATCH, 0.05, step + 1, &result, &err) == STATUS_OK && fabs(result.loss.bt - loss) < 1e-5,
       "step %zu: loss %.6f", step, loss);
    const double difference = largest_difference(head->values + head->table.score, full->values + full->table.score, d);
    worst = difference > worst || isnan(difference) ? difference : worst;
    tokens += result.tokens;
  }
  real rewards[SAMPLES], expected[SAMPLES];
  SampleBatch batch = {0};
  for (size_t s = 0; s < SAMPLES; s++) {
    sample_batch_fill(&batch, &list[s], 1);
    model_forward(full, &batch.batch, &pass, NULL);
    model_rewards(full, &batch.batch, &pass, &expected[s]);
  }
  features_rewards(&features, head, NULL, 0, SAMPLES, rewards);
  const double of_rewards = largest_difference(rewards, expected, SAMPLES);
  ok(worst < 1e-5 && of_rewards < 1e-5, "weights after every step and rewards at the end are a forward pass's: %.1e, %.1e", worst, of_rewards);
  ok(tokens > 0 && largest_difference(head->values + head->table.score, start, d) > 0.1, "the head has moved, over %zu tokens", tokens);
  free(start);
  sample_batch_clear(&batch);
  anchor_clear(&anchor);
  features_clear(&features);
  pass_clear(&pass);
  free(moments);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  Model full = small_model(&rng, true);
  rng = rng_new(SEED);
  Model head = small_model(&rng, true);
  const PairLabel labels[BATCH] = {{.margin = 0.2, .weight = 1, .probability = 1}, {.margin = 0, .weight = 0.5, .probability = 1},
                                   {.margin = 0, .weight = 1, .probability = 0.7}, {.margin = 0, .weight = 2, .probability = 0}};
  make_samples(&rng, full.config.vocab_size);
  test_steps(&full, &head, NULL, 1000);
  test_steps(&full, &head, labels, 10);
  head.values[head.table.final_norm] = NAN;
  Features features;
  Error err = {0};
  ok(features_load(&features, &head, NULL, list, SAMPLES, 10, &err) == STATUS_NUMERIC &&
         strcmp(err.text, "the last hidden state of sample \"s0\" is not finite") == 0, "%s", err.text);
  for (size_t s = 0; s < SAMPLES; s++) free(samples[s].id), free(samples[s].ids);
  model_close(&full);
  model_close(&head);
  return tap_end();
}
