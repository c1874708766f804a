/* Cross entropy through the language-model head, a bounded number of rows of logits at a time. */
#include "train/token_loss.h"

#include "model/forward.h"
#include "num/crossentropy.h"

#include <string.h>

enum { CHUNK_BYTES = 64 << 20, FEWEST_ROWS = 16, MOST_ROWS = 512 };

size_t token_loss_chunk(size_t vocab_size) {
  const size_t rows = CHUNK_BYTES / sizeof(real) / vocab_size;
  return rows < FEWEST_ROWS ? FEWEST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

size_t token_loss_bytes(const ModelConfig *c, size_t chunk, size_t max_rows) {
  const size_t row = c->hidden_size * sizeof(real), logits = chunk * c->vocab_size * sizeof(real);
  return arena_need(chunk * sizeof(size_t)) + arena_need(chunk * sizeof(int32_t)) +
         2 * arena_need(chunk * sizeof(double)) + 2 * arena_need(chunk * row) + 2 * arena_need(logits) +
         arena_need(max_rows * row);
}

Status token_loss_init(TokenLoss *l, const ModelConfig *c, size_t chunk, size_t max_rows, Error *err) {
  const size_t row = c->hidden_size * sizeof(real), logits = chunk * c->vocab_size * sizeof(real);
  *l = (TokenLoss){.chunk = chunk};
  const Status status = arena_init(&l->arena, token_loss_bytes(c, chunk, max_rows), err);
  if (status != STATUS_OK) return status;
  l->rows = arena_take(&l->arena, chunk * sizeof *l->rows);
  l->targets = arena_take(&l->arena, chunk * sizeof *l->targets);
  l->scales = arena_take(&l->arena, chunk * sizeof *l->scales);
  l->losses = arena_take(&l->arena, chunk * sizeof *l->losses);
  l->hidden = arena_take(&l->arena, chunk * row);
  l->dhidden = arena_take(&l->arena, chunk * row);
  l->logits = arena_take(&l->arena, logits);
  l->dlogits = arena_take(&l->arena, logits);
  l->dfinal = arena_take(&l->arena, max_rows * row);
  return STATUS_OK;
}

void token_loss_clear(TokenLoss *l) {
  arena_clear(&l->arena);
  *l = (TokenLoss){0};
}

void token_loss_begin(TokenLoss *l, const ModelConfig *c, size_t n_rows) {
  memset(l->dfinal, 0, n_rows * c->hidden_size * sizeof *l->dfinal);
}

void token_loss_flush(TokenLoss *l, const Model *model, const Pass *pass, Gradients *gradients) {
  const size_t d = model->config.hidden_size, v = model->config.vocab_size, head = model->table.lm_head, n = l->n;
  const bool is_trained = head != PARAMETER_NONE && head >= gradients->begin;
  real *dhead = is_trained ? gradients->values + (head - gradients->begin) : NULL;
  if (n == 0) return;
  for (size_t r = 0; r < n; r++) memcpy(l->hidden + r * d, pass->final_normed + l->rows[r] * d, d * sizeof *l->hidden);
  model_logits_of(model, n, l->hidden, l->logits);
  crossentropy_rows(n, v, l->logits, l->targets, l->scales, l->losses, l->dlogits);
  model_logits_backward(model, n, l->hidden, l->logits, l->dlogits, l->dhidden, dhead);
  for (size_t r = 0; r < n; r++) {
    memcpy(l->dfinal + l->rows[r] * d, l->dhidden + r * d, d * sizeof *l->dfinal);
    l->sum += l->losses[r] * l->scales[r];
  }
  l->n = 0;
}

void token_loss_add(TokenLoss *l, const Model *model, const Pass *pass, size_t row, int32_t target, double scale,
                    Gradients *gradients) {
  l->rows[l->n] = row;
  l->targets[l->n] = target;
  l->scales[l->n] = scale;
  if (++l->n == l->chunk) token_loss_flush(l, model, pass, gradients);
}
