/* Whole words as answers: their log-probabilities under both models behind each prompt. A prompt is run once; of a word
 * only its own tokens are. Which words these are is lexicon.c's matter. */
#include "base/log.h"
#include "base/memory.h"
#include "command/implicit/implicit.h"
#include "model/forward.h"
#include "model/prefix.h"
#include "num/logsumexp.h"
#include "train/logprobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- one model --- */

typedef struct WordSide {
  const ImplicitSide *side;
  const TokenList *ids;  /* of all words, one after the other */
  const size_t *offsets; /* [n_words + 1] */
  size_t n_words, longest;
  int32_t end;   /* the end-of-turn token, or -1 */
  double *log_p; /* [ids + n_words]: word i's tokens and its end begin at offsets[i] + i */
  real *logits;  /* [V] behind the prompt */
  Logprobs logprobs;
  const Sample *prompt;
  size_t skip; /* rows of a sequence before the word's: the prompt's, where it is run with every word */
} WordSide;

static Status side_open(WordSide *w, const ImplicitRun *run, int k, const ImplicitWords *words, Error *err) {
  const ImplicitSide *side = &run->sides[k];
  const ImplicitWordTokens *tokens = &words->tokens[k];
  *w = (WordSide){.side = side,
                  .ids = &tokens->ids,
                  .offsets = tokens->offsets,
                  .n_words = words->n_words,
                  .longest = tokens->longest,
                  .end = side->end.token};
  w->log_p = mem_alloc(w->ids->count + w->n_words, sizeof *w->log_p);
  w->logits = mem_alloc(side->in.model.config.vocab_size, sizeof *w->logits);
  const Status status = logprobs_init(&w->logprobs, &side->in.model, err);
  return status == STATUS_OK ? status : error_prefix(err, "%s", side->in.model_name);
}

static void side_close(WordSide *w) {
  logprobs_clear(&w->logprobs);
  free(w->log_p);
  free(w->logits);
}

/* Each row of a word speaks of its next token, the last one of the end. */
static Status take_words(void *context, size_t first, const Batch *batch, const Pass *pass, Error *err) {
  WordSide *w = context;
  const size_t d = w->side->in.model.config.hidden_size;
  (void)err;
  for (size_t s = 0; s < batch->n_sequences; s++) {
    const size_t word = first + s, n = w->offsets[word + 1] - w->offsets[word];
    const int32_t *ids = w->ids->ids + w->offsets[word];
    const real *rows = pass->final_normed + (batch->offsets[s] + w->skip) * d;
    double *log_p = w->log_p + w->offsets[word] + word;
    if (w->skip) logprobs_add(&w->logprobs, rows - d, ids[0], &log_p[0]);
    for (size_t t = 1; t < n; t++) logprobs_add(&w->logprobs, rows + (t - 1) * d, ids[t], &log_p[t]);
    if (w->end >= 0) logprobs_add(&w->logprobs, rows + (n - 1) * d, w->end, &log_p[n]);
  }
  logprobs_flush(&w->logprobs); /* the rows are this batch's */
  return STATUS_OK;
}

/* The words behind the prompt, as texts of their own where the prompt is run with each. */
static Status run_words(WordSide *w, const Prefix *prefix, bool fits, size_t batch_tokens, Error *err) {
  const Model *model = &w->side->in.model;
  const size_t n = w->n_words, skip = fits ? 0 : w->prompt->n_tokens;
  w->skip = skip;
  if (fits) {
    const Batch all = {.n_sequences = n, .offsets = w->offsets, .ids = w->ids->ids};
    return prefix_run(model, prefix, &all, batch_tokens, take_words, w, err);
  }
  size_t *offsets = mem_alloc(n + 1, sizeof *offsets);
  int32_t *ids = mem_alloc(w->ids->count + n * skip, sizeof *ids);
  for (size_t i = 0; i < n; i++) {
    const size_t length = w->offsets[i + 1] - w->offsets[i];
    memcpy(ids + offsets[i], w->prompt->ids, skip * sizeof *ids);
    memcpy(ids + offsets[i] + skip, w->ids->ids + w->offsets[i], length * sizeof *ids);
    offsets[i + 1] = offsets[i] + skip + length;
  }
  const Batch all = {.n_sequences = n, .offsets = offsets, .ids = ids};
  const Status status = prefix_run(model, NULL, &all, batch_tokens, take_words, w, err);
  free(offsets);
  free(ids);
  return status;
}

static Status check_finite(const WordSide *w, Error *err) {
  for (size_t i = 0; i < w->n_words; i++) {
    const size_t n = w->offsets[i + 1] - w->offsets[i] + (w->end >= 0);
    for (size_t t = 0; t < n; t++)
      if (!isfinite(w->log_p[w->offsets[i] + i + t]))
        return error_set(err, STATUS_NUMERIC, "a log-probability behind prompt \"%s\" is not finite", w->prompt->id);
  }
  return STATUS_OK;
}

/* log_p of all words behind one prompt. */
static Status side_run(WordSide *w, size_t prompt, size_t batch_tokens, Error *err) {
  const Model *model = &w->side->in.model;
  const size_t v = model->config.vocab_size;
  Prefix prefix = {0};
  w->prompt = w->side->samples[prompt];
  for (size_t i = 0; i < w->ids->count + w->n_words; i++) w->log_p[i] = NAN;
  Status status = prefix_init(&prefix, model, w->prompt->ids, w->prompt->n_tokens, err);
  if (status == STATUS_OK) {
    model_logits_of(model, 1, prefix.hidden, w->logits);
    const double normaliser = log_sum_exp(v, w->logits);
    for (size_t i = 0; i < w->n_words; i++)
      w->log_p[w->offsets[i] + i] = (double)w->logits[w->ids->ids[w->offsets[i]]] - normaliser;
    const bool fits = prefix_fits(&model->config, w->prompt->n_tokens, w->prompt->n_tokens + w->longest);
    status = run_words(w, &prefix, fits, batch_tokens, err);
  }
  prefix_clear(&prefix);
  if (status == STATUS_OK) status = check_finite(w, err);
  return status == STATUS_OK ? status : error_prefix(err, "%s", w->side->in.model_name);
}

/* --- both --- */

/* Means over the words of each category, and their differences. */
static void average_categories(const ImplicitWords *w, const double *values, double *means) {
  enum { NUMBERS = FORM_COUNT * WORD_NUMBERS };
  size_t *n = mem_alloc(w->n_categories, sizeof *n);
  memset(means, 0, w->n_categories * NUMBERS * sizeof *means);
  for (size_t i = 0; i < w->n_words; i++) {
    n[w->category_of[i]]++;
    for (size_t j = 0; j < NUMBERS; j++) means[w->category_of[i] * NUMBERS + j] += values[i * NUMBERS + j];
  }
  for (size_t c = 0; c < w->n_categories; c++)
    for (size_t j = 0; j < NUMBERS; j++) means[c * NUMBERS + j] /= (double)n[c];
  double *to = means + w->n_categories * NUMBERS;
  for (size_t a = 0; a < w->n_categories && w->n_differences; a++)
    for (size_t b = a + 1; b < w->n_categories; b++)
      for (size_t j = 0; j < NUMBERS; j++) *to++ = means[a * NUMBERS + j] - means[b * NUMBERS + j];
  free(n);
}

static void compare_words(const WordSide sides[2], const ImplicitWords *w, double *values) {
  for (size_t i = 0; i < w->n_words; i++) {
    double forms[2][FORM_COUNT];
    for (int k = 0; k < 2; k++)
      implicit_form(implicit_n_tokens(w, k, i), sides[k].log_p + sides[k].offsets[i] + i, forms[k]);
    for (size_t f = 0; f < FORM_COUNT; f++) {
      double *to = values + (i * FORM_COUNT + f) * WORD_NUMBERS;
      to[WORD_RATIO] = forms[1][f] - forms[0][f];
      to[WORD_LOG_P1] = forms[0][f];
      to[WORD_LOG_P2] = forms[1][f];
    }
  }
}

/* For --csv: the numbers of one form. */
static void keep_prompt(const ImplicitRun *run, size_t prompt, ImplicitWords *w, const double *values) {
  size_t form = 0;
  if (!w->by_prompt) return;
  while (strcmp(implicit_forms[form], run->settings->form) != 0) form++;
  for (size_t i = 0; i < w->n_words; i++)
    memcpy(w->by_prompt + (prompt * w->n_words + i) * WORD_NUMBERS, values + (i * FORM_COUNT + form) * WORD_NUMBERS,
           WORD_NUMBERS * sizeof *values);
}

static Status run_prompts(const ImplicitRun *run, WordSide sides[2], ImplicitWords *w, Error *err) {
  const size_t numbers = FORM_COUNT * WORD_NUMBERS;
  double *values = mem_alloc(w->n_words * numbers, sizeof *values),
         *means = mem_alloc((w->n_categories + w->n_differences) * numbers, sizeof *means);
  Progress progress = progress_begin("words", "prompts", run->n_samples);
  Status status = STATUS_OK;
  for (size_t p = 0; p < run->n_samples && status == STATUS_OK; p++) {
    for (int k = 0; k < 2 && status == STATUS_OK; k++)
      status = side_run(&sides[k], p, run->settings->input.batch_tokens, err);
    if (status != STATUS_OK) break;
    compare_words(sides, w, values);
    keep_prompt(run, p, w, values);
    average_categories(w, values, means);
    implicit_add(run, p, w->word_sets, values);
    implicit_add(run, p, w->category_sets, means);
    progress_show(&progress, p + 1);
  }
  progress_end(&progress);
  free(values);
  free(means);
  return status;
}

Status implicit_words(const ImplicitRun *run, ImplicitWords *w, Error *err) {
  const size_t numbers = FORM_COUNT * WORD_NUMBERS;
  WordSide sides[2] = {0};
  Status status = STATUS_OK;
  w->word_sets = mem_alloc(run->n_sets, sizeof *w->word_sets);
  w->category_sets = mem_alloc(run->n_sets, sizeof *w->category_sets);
  for (size_t s = 0; s < run->n_sets && status == STATUS_OK; s++) {
    status = means_init(&w->word_sets[s], w->n_words * numbers, err);
    if (status == STATUS_OK)
      status = means_init(&w->category_sets[s], (w->n_categories + w->n_differences) * numbers, err);
  }
  if (status == STATUS_OK && run->settings->csv)
    status = mem_try(run->n_samples * w->n_words, WORD_NUMBERS * sizeof(double), (void **)&w->by_prompt, err);
  for (int k = 0; k < 2 && status == STATUS_OK; k++) status = side_open(&sides[k], run, k, w, err);
  if (status == STATUS_OK) status = run_prompts(run, sides, w, err);
  for (int k = 0; k < 2; k++) side_close(&sides[k]);
  return status;
}

void implicit_words_clear(const ImplicitRun *run, ImplicitWords *w) {
  for (size_t s = 0; s < run->n_sets; s++) {
    if (w->word_sets) means_clear(&w->word_sets[s]);
    if (w->category_sets) means_clear(&w->category_sets[s]);
  }
  string_list_free(w->words, w->n_words);
  string_list_free(w->categories, w->n_categories + w->n_differences);
  free(w->by_prompt);
  free(w->word_sets);
  free(w->category_sets);
  free(w->category_of);
  for (int k = 0; k < 2; k++) {
    token_list_clear(&w->tokens[k].ids);
    free(w->tokens[k].offsets);
  }
  *w = (ImplicitWords){0};
}
