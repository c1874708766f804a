/* L_SFT: which tokens of a step's pairs are learnt, and how much each counts. */
#include "train/sft.h"

size_t sft_bytes(const ModelConfig *c, double share, size_t chunk, size_t max_rows) {
  return share == 0 ? 0 : token_loss_bytes(c, chunk, max_rows);
}

Status sft_init(Sft *s, const ModelConfig *c, double share, size_t chunk, size_t max_rows, Error *err) {
  *s = (Sft){.share = share};
  return share == 0 ? STATUS_OK : token_loss_init(&s->tokens, c, chunk, max_rows, err);
}

void sft_clear(Sft *s) {
  token_loss_clear(&s->tokens);
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
  s->step_tokens = s->tokens.sum = 0;
  for (size_t i = 0; i < n_pairs; i++) {
    size_t first;
    s->step_tokens += weight_of(labels, i) * (double)response_tokens(samples[2 * i + favoured_side(labels, i)], &first);
  }
}

void sft_add(Sft *s, const Model *model, const SampleBatch *batch, const PairLabel *labels, const Pass *pass,
             Gradients *gradients) {
  token_loss_begin(&s->tokens, &model->config, batch->offsets[batch->batch.n_sequences]);
  for (size_t pair = 0; pair < batch->batch.n_sequences / 2; pair++) {
    const size_t sequence = 2 * pair + favoured_side(labels, pair);
    const Sample *sample = batch->samples[sequence];
    const double scale = s->share * weight_of(labels, pair) / s->step_tokens;
    size_t t;
    for (response_tokens(sample, &t); t < sample->n_tokens && weight_of(labels, pair) > 0; t++)
      token_loss_add(&s->tokens, model, pass, batch->offsets[sequence] + t - 1, sample->ids[t], scale, gradients);
  }
  token_loss_flush(&s->tokens, model, pass, gradients);
}

double sft_value(const Sft *s) { return s->share > 0 ? s->tokens.sum / s->share : 0; }
