/* L_SFT, a bounded number of rows of logits at a time. */
#include "train/sft.h"

#include "model/forward.h"
#include "num/crossentropy.h"

#include <string.h>

enum { CHUNK_BYTES = 64 << 20, FEWEST_ROWS = 16, MOST_ROWS = 512 };

size_t sft_chunk_rows(size_t vocab_size) {
  const size_t rows = CHUNK_BYTES / sizeof(real) / vocab_size;
  return rows < FEWEST_ROWS ? FEWEST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

size_t sft_bytes(const ModelConfig *c, double share, size_t chunk, size_t max_rows) {
  const size_t row = c->hidden_size * sizeof(real), logits = chunk * c->vocab_size * sizeof(real);
  if (share == 0) return 0;
  return arena_need(chunk * sizeof(size_t)) + arena_need(chunk * sizeof(int32_t)) +
         2 * arena_need(chunk * sizeof(double)) + 2 * arena_need(chunk * row) + 2 * arena_need(logits) +
         arena_need(max_rows * row);
}

Status sft_init(Sft *s, const ModelConfig *c, double share, size_t chunk, size_t max_rows, Error *err) {
  const size_t row = c->hidden_size * sizeof(real), logits = chunk * c->vocab_size * sizeof(real);
  *s = (Sft){.share = share, .chunk = chunk};
  if (share == 0) return STATUS_OK;
  const Status status = arena_init(&s->arena, sft_bytes(c, share, chunk, max_rows), err);
  if (status != STATUS_OK) return status;
  s->rows = arena_take(&s->arena, chunk * sizeof *s->rows);
  s->targets = arena_take(&s->arena, chunk * sizeof *s->targets);
  s->scales = arena_take(&s->arena, chunk * sizeof *s->scales);
  s->losses = arena_take(&s->arena, chunk * sizeof *s->losses);
  s->hidden = arena_take(&s->arena, chunk * row);
  s->dhidden = arena_take(&s->arena, chunk * row);
  s->logits = arena_take(&s->arena, logits);
  s->dlogits = arena_take(&s->arena, logits);
  s->dfinal = arena_take(&s->arena, max_rows * row);
  return STATUS_OK;
}

void sft_clear(Sft *s) {
  arena_clear(&s->arena);
  *s = (Sft){0};
}

static double weight_of(const PairLabel *labels, size_t pair) { return labels ? labels[pair].weight : 1; }

/* The side of a pair that is learnt: 0 or 1. */
static size_t favoured_side(const PairLabel *labels, size_t pair) { return labels && labels[pair].probability < 0.5; }

/* Response tokens with a token before them: positions [*first, n_tokens). */
static size_t response_tokens(const Sample *sample, size_t *first) {
  *first = sample->response_begin > 0 ? sample->response_begin : 1;
  return sample->n_tokens > *first ? sample->n_tokens - *first : 0;
}

void sft_begin_step(Sft *s, const Sample *const *samples, const PairLabel *labels, size_t n_pairs) {
  s->step_tokens = s->value = 0;
  for (size_t i = 0; i < n_pairs; i++) {
    size_t first;
    s->step_tokens += weight_of(labels, i) * (double)response_tokens(samples[2 * i + favoured_side(labels, i)], &first);
  }
}

/* Value and gradients of the n rows that have been collected. */
static void run_chunk(Sft *s, const Model *model, size_t n, const Pass *pass, real *dhead) {
  const size_t d = model->config.hidden_size, v = model->config.vocab_size;
  for (size_t r = 0; r < n; r++) memcpy(s->hidden + r * d, pass->final_normed + s->rows[r] * d, d * sizeof *s->hidden);
  model_logits_of(model, n, s->hidden, s->logits);
  crossentropy_rows(n, v, s->logits, s->targets, s->scales, s->losses, s->dlogits);
  model_logits_backward(model, n, s->hidden, s->logits, s->dlogits, s->dhidden, dhead);
  for (size_t r = 0; r < n; r++) {
    memcpy(s->dfinal + s->rows[r] * d, s->dhidden + r * d, d * sizeof *s->dfinal);
    s->value += s->losses[r] * s->scales[r] / s->share;
  }
}

void sft_add(Sft *s, const Model *model, const SampleBatch *batch, const PairLabel *labels, const Pass *pass,
             Gradients *gradients) {
  const size_t n_rows = batch->offsets[batch->batch.n_sequences], d = model->config.hidden_size;
  const size_t head = model->table.lm_head;
  const bool is_trained = head != PARAMETER_NONE && head >= gradients->begin;
  real *dhead = is_trained ? gradients->values + (head - gradients->begin) : NULL;
  size_t n = 0;
  memset(s->dfinal, 0, n_rows * d * sizeof *s->dfinal);
  for (size_t pair = 0; pair < batch->batch.n_sequences / 2; pair++) {
    const size_t sequence = 2 * pair + favoured_side(labels, pair);
    const Sample *sample = batch->samples[sequence];
    size_t t;
    for (response_tokens(sample, &t); t < sample->n_tokens && weight_of(labels, pair) > 0; t++) {
      s->rows[n] = batch->offsets[sequence] + t - 1;
      s->targets[n] = sample->ids[t];
      s->scales[n] = s->share * weight_of(labels, pair) / s->step_tokens;
      if (++n < s->chunk) continue;
      run_chunk(s, model, n, pass, dhead);
      n = 0;
    }
  }
  if (n > 0) run_chunk(s, model, n, pass, dhead);
}
