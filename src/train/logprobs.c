/* Log-probabilities of tokens, a bounded number of rows of logits at a time. */
#include "train/logprobs.h"

#include "base/log.h"
#include "model/forward.h"
#include "num/logsumexp.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A quantised head is widened anew for every block of rows: with fewer of them that takes longer than the product. */
enum { CHUNK_BYTES = 128 << 20, FEWEST_ROWS = 8, MOST_ROWS = 256 };

size_t logprobs_chunk(size_t vocab_size) {
  const size_t rows = CHUNK_BYTES / sizeof(real) / vocab_size;
  return rows < FEWEST_ROWS ? FEWEST_ROWS : rows > MOST_ROWS ? MOST_ROWS : rows;
}

Status logprobs_init(Logprobs *l, const Model *model, Error *err) {
  const size_t chunk = logprobs_chunk(model->config.vocab_size);
  const size_t hidden = chunk * model->config.hidden_size * sizeof(real),
               logits = chunk * model->config.vocab_size * sizeof(real);
  *l = (Logprobs){.model = model, .chunk = chunk};
  const Status status = arena_init(&l->arena,
                                   arena_need(hidden) + arena_need(logits) + arena_need(chunk * sizeof *l->targets) +
                                       arena_need(chunk * sizeof *l->to),
                                   err);
  if (status != STATUS_OK) return status;
  l->hidden = arena_take(&l->arena, hidden);
  l->logits = arena_take(&l->arena, logits);
  l->targets = arena_take(&l->arena, chunk * sizeof *l->targets);
  l->to = arena_take(&l->arena, chunk * sizeof *l->to);
  return STATUS_OK;
}

void logprobs_clear(Logprobs *l) {
  arena_clear(&l->arena);
  *l = (Logprobs){0};
}

void logprobs_flush(Logprobs *l) {
  const size_t v = l->model->config.vocab_size;
  if (l->n == 0) return;
  model_logits_of(l->model, l->n, l->hidden, l->logits);
#pragma omp parallel for schedule(static)
  for (size_t r = 0; r < l->n; r++) {
    const real *row = l->logits + r * v;
    *l->to[r] = (double)row[l->targets[r]] - log_sum_exp(v, row);
  }
  l->n = 0;
}

void logprobs_add(Logprobs *l, const real *hidden, int32_t target, double *to) {
  const size_t d = l->model->config.hidden_size;
  memcpy(l->hidden + l->n * d, hidden, d * sizeof *hidden);
  l->targets[l->n] = target;
  l->to[l->n] = to;
  if (++l->n == l->chunk) logprobs_flush(l);
}

/* Row t of a sequence speaks of the token behind it. */
static void add_text(Logprobs *l, const LogprobText *text, const real *rows, size_t d) {
  const size_t n = text->sample.n_tokens;
  for (size_t t = text->first; t < n; t++)
    logprobs_add(l, rows + (t - 1) * d, text->sample.ids[t], &text->log_p[t - text->first]);
  if (text->end >= 0)
    logprobs_add(l, rows + (n - 1) * d, text->end, &text->log_p[n - text->first]);
  else
    text->log_p[n - text->first] = NAN;
}

static Status check_text(const LogprobText *text, Error *err) {
  const size_t n = text->sample.n_tokens - text->first + (text->end >= 0);
  for (size_t i = 0; i < n; i++)
    if (!isfinite(text->log_p[i]))
      return error_set(err, STATUS_NUMERIC, "a log-probability in sample \"%s\" is not finite", text->sample.id);
  return STATUS_OK;
}

static Status run(const Model *model, Pass *pass, Logprobs *l, const LogprobText *texts, const Sample *const *samples,
                  size_t n, size_t batch_tokens, Progress *progress, Error *err) {
  const size_t d = model->config.hidden_size;
  SampleBatch batch = {0};
  Status status = STATUS_OK;
  for (size_t first = 0, count; status == STATUS_OK && first < n; first += count) {
    count = sample_batch_count(samples, n, first, 1, batch_tokens);
    sample_batch_fill(&batch, samples + first, count);
    model_forward(model, &batch.batch, pass, NULL);
    for (size_t i = 0; i < count; i++) add_text(l, &texts[first + i], pass->final_normed + batch.offsets[i] * d, d);
    logprobs_flush(l);
    for (size_t i = first; i < first + count && status == STATUS_OK; i++) status = check_text(&texts[i], err);
    progress_show(progress, first + count);
  }
  sample_batch_clear(&batch);
  return status;
}

Status logprobs_compute(const Model *model, const LogprobText *texts, size_t n, size_t batch_tokens, const char *label,
                        Error *err) {
  Pass pass = {0};
  Logprobs logprobs = {0};
  size_t longest, most;
  const Sample **samples = mem_alloc(n, sizeof *samples);
  for (size_t i = 0; i < n; i++) samples[i] = &texts[i].sample;
  sample_batch_extent(samples, n, 1, batch_tokens, &longest, &most);
  Status status = pass_init(&pass, &model->config, most, longest, KEEP_NOTHING, err);
  if (status == STATUS_OK) status = logprobs_init(&logprobs, model, err);
  Progress progress = progress_begin(label, "texts", n);
  if (status == STATUS_OK) status = run(model, &pass, &logprobs, texts, samples, n, batch_tokens, &progress, err);
  progress_end(&progress);
  logprobs_clear(&logprobs);
  pass_clear(&pass);
  free(samples);
  return status;
}
