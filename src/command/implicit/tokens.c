/* Next-token distributions of both models behind each prompt, joined on the strings of their tokens. Prompts go through
 * in blocks, and only means over prompts are kept. */
#define _GNU_SOURCE /* mempcpy */
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "command/implicit/implicit.h"
#include "model/forward.h"
#include "probes/values/mwlr.h"
#include "train/logprobs.h"
#include "train/rows.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What one model needs to say what comes next. */
typedef struct NextTokens {
  const Model *model;
  const Sample *const *samples;
  Pass pass;
  SampleBatch batch;
  real *hidden, *logits; /* [block, D], [block, V] */
  int32_t *strings;      /* [V]: rows of the embedding beyond the tokenizer have none */
  double *log_p;         /* [strings] */
} NextTokens;

static Status next_open(NextTokens *next, const ImplicitSide *side, const int32_t *of_token, size_t n_strings,
                        size_t n_samples, size_t block, size_t batch_tokens, Error *err) {
  const ModelConfig *c = &side->in.model.config;
  const size_t n_tokens = tokenizer_vocab_size(side->in.tokenizer);
  size_t longest = 0, all = 0;
  *next = (NextTokens){.model = &side->in.model, .samples = side->samples};
  for (size_t i = 0; i < n_samples; i++) {
    const size_t n = side->samples[i]->n_tokens;
    all += n;
    longest = n > longest ? n : longest;
  }
  const size_t batch = all < batch_tokens ? all : batch_tokens;
  Status status = pass_init(&next->pass, c, batch > longest ? batch : longest, longest, KEEP_NOTHING, err);
  if (status == STATUS_OK) status = mem_try(block * c->vocab_size, sizeof(real), (void **)&next->logits, err);
  next->hidden = mem_alloc(block * c->hidden_size, sizeof *next->hidden);
  next->strings = mem_alloc(c->vocab_size, sizeof *next->strings);
  next->log_p = mem_alloc(n_strings, sizeof *next->log_p);
  for (size_t id = 0; id < c->vocab_size; id++) next->strings[id] = id < n_tokens ? of_token[id] : -1;
  return status;
}

static void next_close(NextTokens *next) {
  pass_clear(&next->pass);
  sample_batch_clear(&next->batch);
  free(next->hidden);
  free(next->logits);
  free(next->strings);
  free(next->log_p);
}

/* logits[count, V] behind samples [first, first + count), which may be several batches. */
static void next_run(NextTokens *next, size_t first, size_t count, size_t batch_tokens) {
  const size_t d = next->model->config.hidden_size;
  for (size_t at = 0, n; at < count; at += n) {
    n = sample_batch_count(next->samples + first, count, at, 1, batch_tokens);
    sample_batch_fill(&next->batch, next->samples + first + at, n);
    model_forward(next->model, &next->batch.batch, &next->pass, NULL);
    for (size_t i = 0; i < n; i++)
      memcpy(next->hidden + (at + i) * d, next->pass.final_normed + (next->batch.offsets[i + 1] - 1) * d,
             d * sizeof *next->hidden);
  }
  model_logits_of(next->model, count, next->hidden, next->logits);
}

/* Row `row` of both models' logits is prompt `prompt`. values[TOKEN_NUMBERS, strings] is scratch. */
static Status add_prompt(const ImplicitRun *run, NextTokens next[2], size_t row, size_t prompt, double *values,
                         ImplicitTokens *tokens, Error *err) {
  const size_t n = tokens->joined.n;
  const bool largest = strcmp(run->settings->duplicates, "max") == 0;
  for (int k = 0; k < 2; k++) {
    const size_t v = next[k].model->config.vocab_size;
    tokens->mass[k][prompt] =
        mwlr_gather(v, next[k].logits + row * v, next[k].strings, largest ? MWLR_MAX : MWLR_SUM, n, next[k].log_p);
    if (isnan(tokens->mass[k][prompt]))
      return error_set(err, STATUS_NUMERIC, "%s: a logit behind prompt \"%s\" is not finite",
                       run->sides[k].in.model_name, run->sides[k].samples[prompt]->id);
  }
  const double *p1 = next[0].log_p, *p2 = next[1].log_p;
  tokens->mwlr_sum[prompt] = mwlr_compute(n, p1, p2, values + TOKEN_MWLR * n);
  memcpy(values + TOKEN_LOG_P1 * n, p1, n * sizeof *values);
  memcpy(values + TOKEN_LOG_P2 * n, p2, n * sizeof *values);
  /* The largest of several ids' probabilities is no distribution: there is no divergence. */
  const bool whole = !largest && fmin(tokens->mass[0][prompt], tokens->mass[1][prompt]) > 1 - 1e-6;
  tokens->kl_21[prompt] = whole ? kl_divergence(n, p2, p1) : NAN;
  tokens->kl_12[prompt] = whole ? kl_divergence(n, p1, p2) : NAN;
  implicit_add(run, prompt, tokens->sets, values);
  return STATUS_OK;
}

static Status run_blocks(const ImplicitRun *run, NextTokens next[2], size_t block, ImplicitTokens *tokens, Error *err) {
  const size_t batch_tokens = run->settings->input.batch_tokens;
  double *values = mem_alloc(TOKEN_NUMBERS * tokens->joined.n, sizeof *values);
  Progress progress = progress_begin("next tokens", "prompts", run->n_samples);
  Status status = STATUS_OK;
  for (size_t first = 0; first < run->n_samples && status == STATUS_OK; first += block) {
    const size_t count = run->n_samples - first < block ? run->n_samples - first : block;
    for (int k = 0; k < 2; k++) next_run(&next[k], first, count, batch_tokens);
    for (size_t i = 0; i < count && status == STATUS_OK; i++)
      status = add_prompt(run, next, i, first + i, values, tokens, err);
    progress_show(&progress, first + count);
  }
  progress_end(&progress);
  free(values);
  return status;
}

static Status make_room(const ImplicitRun *run, ImplicitTokens *tokens, Error *err) {
  const size_t n = run->n_samples;
  vocabulary_join(run->sides[0].in.tokenizer, run->sides[1].in.tokenizer, run->settings->ignore_blanks,
                  &tokens->joined);
  if (tokens->joined.n == 0)
    return error_set(err, STATUS_DATA, "the vocabularies of %s and %s have no token in common",
                     run->sides[0].in.model_name, run->sides[1].in.model_name);
  double **const columns[] = {&tokens->mass[0], &tokens->mass[1], &tokens->mwlr_sum, &tokens->kl_21, &tokens->kl_12};
  for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) *columns[i] = mem_alloc(n, sizeof(double));
  tokens->sets = mem_alloc(run->n_sets, sizeof *tokens->sets);
  Status status = STATUS_OK;
  for (size_t s = 0; s < run->n_sets && status == STATUS_OK; s++)
    status = means_init(&tokens->sets[s], TOKEN_NUMBERS * tokens->joined.n, err);
  return status;
}

Status implicit_tokens(const ImplicitRun *run, ImplicitTokens *tokens, Error *err) {
  NextTokens next[2] = {0};
  *tokens = (ImplicitTokens){0};
  Status status = make_room(run, tokens, err);
  const size_t rows[2] = {logprobs_chunk(run->sides[0].in.model.config.vocab_size),
                          logprobs_chunk(run->sides[1].in.model.config.vocab_size)};
  const size_t fewer = rows[0] < rows[1] ? rows[0] : rows[1], block = fewer < run->n_samples ? fewer : run->n_samples;
  for (int k = 0; k < 2 && status == STATUS_OK; k++)
    status = next_open(&next[k], &run->sides[k], tokens->joined.of_token[k], tokens->joined.n, run->n_samples, block,
                       run->settings->input.batch_tokens, err);
  if (status == STATUS_OK) status = run_blocks(run, next, block, tokens, err);
  for (int k = 0; k < 2; k++) next_close(&next[k]);
  return status;
}

void implicit_tokens_clear(const ImplicitRun *run, ImplicitTokens *tokens) {
  for (size_t s = 0; tokens->sets && s < run->n_sets; s++) means_clear(&tokens->sets[s]);
  free(tokens->sets);
  free(tokens->mass[0]);
  free(tokens->mass[1]);
  free(tokens->mwlr_sum);
  free(tokens->kl_21);
  free(tokens->kl_12);
  joined_vocabulary_clear(&tokens->joined);
  *tokens = (ImplicitTokens){0};
}

/* What is sorted: strings with the number they are sorted by. */
typedef struct Ranked {
  double value;
  size_t string;
} Ranked;

static int falling(const void *a, const void *b) {
  const Ranked *x = a, *y = b;
  if (x->value != y->value) return x->value < y->value ? 1 : -1;
  return (x->string > y->string) - (x->string < y->string);
}

size_t *implicit_tokens_order(const ImplicitTokens *tokens, size_t set) {
  const size_t n = tokens->joined.n;
  Ranked *ranked = mem_alloc(n, sizeof *ranked);
  size_t *order = mem_alloc(n, sizeof *order);
  for (size_t i = 0; i < n; i++) ranked[i] = (Ranked){tokens->sets[set].mean[TOKEN_MWLR * n + i], i};
  qsort(ranked, n, sizeof *ranked, falling);
  for (size_t i = 0; i < n; i++) order[i] = ranked[i].string;
  free(ranked);
  return order;
}
