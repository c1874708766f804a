/* The implicit reward of preference pairs: what one model gives to an answer more than the other does. */
#include "base/memory.h"
#include "command/implicit/implicit.h"
#include "train/logprobs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const implicit_forms[FORM_COUNT] = {"sum", "mean", "first", "sum_end", "mean_end"};

void implicit_form(size_t n, const double *log_p, double forms[FORM_COUNT]) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += log_p[i];
  forms[FORM_SUM] = sum;
  forms[FORM_MEAN] = sum / (double)n;
  forms[FORM_FIRST] = log_p[0];
  forms[FORM_SUM_END] = sum + log_p[n];
  forms[FORM_MEAN_END] = (sum + log_p[n]) / (double)(n + 1);
}

/* How many blanks the template writes before an answer. */
static Status count_blanks(const Inputs *in, size_t *n, Error *err) {
  QuestionSet questions = {0};
  Asked asked = {0};
  *n = 0;
  if (chat_is_plain(in->chat)) return STATUS_OK;
  Status status = questions_from_text("x", &questions, err);
  if (status == STATUS_OK) status = question_ask(&questions.items[0], in->chat, in->tokenizer, &asked, err);
  if (status == STATUS_OK) *n = strlen(asked.separator);
  asked_clear(&asked);
  questions_clear(&questions);
  return status;
}

static bool is_blank(const Tokenizer *tokenizer, int32_t id, size_t *n) {
  char *text = NULL;
  bool is_special, is = tokenizer_is_plain(tokenizer, id) && tokenizer_token_text(tokenizer, id, &text, n, &is_special);
  is = is && *n > 0 && strspn(text, " ") == *n;
  free(text);
  return is;
}

/* Where an answer begins: with the template's blanks before it, also where these are a token of their own, so that all
 * answers have them. */
static size_t find_first(const Sample *sample, const Tokenizer *tokenizer, size_t n_blanks) {
  size_t first = sample->response_begin, n;
  for (; first > 1 && is_blank(tokenizer, sample->ids[first - 1], &n) && n <= n_blanks; first--) n_blanks -= n;
  return first ? first : 1; /* nothing stands before a first token */
}

/* The answer without what the template writes behind it; [first, n_tokens) of the text is what is asked about. */
static LogprobText answer_of(const ImplicitSide *side, const Sample *sample, size_t n_blanks, bool *ends) {
  const TokenList *tail = &side->end.tail;
  LogprobText text = {.sample = *sample, .end = side->end.token};
  text.first = find_first(sample, side->in.tokenizer, n_blanks);
  const size_t n = sample->n_tokens;
  *ends = n > text.first + tail->count &&
          (tail->count == 0 || memcmp(sample->ids + n - tail->count, tail->ids, tail->count * sizeof *tail->ids) == 0);
  if (*ends) text.sample.n_tokens = n - tail->count;
  return text;
}

static Status run_side(const ImplicitRun *run, int k, ImplicitPairs *pairs, Error *err) {
  const ImplicitSide *side = &run->sides[k];
  const size_t n = run->n_samples;
  LogprobText *texts = mem_alloc(n, sizeof *texts);
  size_t n_numbers = 0, n_blanks;
  Status status = count_blanks(&side->in, &n_blanks, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    bool ends;
    texts[i] = answer_of(side, side->samples[i], n_blanks, &ends);
    pairs->n_unended[k] += !ends && !chat_is_plain(side->in.chat);
    if (texts[i].sample.n_tokens <= texts[i].first)
      status = error_set(err, STATUS_DATA, "%s: the answer of \"%s\" has no tokens behind the prompt",
                         side->in.model_name, side->samples[i]->id);
    else
      n_numbers += texts[i].sample.n_tokens - texts[i].first + 1;
  }
  double *numbers = mem_alloc(n_numbers, sizeof *numbers), *at = numbers;
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    texts[i].log_p = at;
    at += texts[i].sample.n_tokens - texts[i].first + 1;
  }
  if (status == STATUS_OK)
    status =
        logprobs_compute(&side->in.model, texts, n, run->settings->input.batch_tokens, k ? "model 2" : "model 1", err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    pairs->n_tokens[k][i] = texts[i].sample.n_tokens - texts[i].first;
    implicit_form(pairs->n_tokens[k][i], texts[i].log_p, pairs->forms[k] + i * FORM_COUNT);
  }
  free(numbers);
  free(texts);
  return status;
}

Status implicit_pairs(const ImplicitRun *run, ImplicitPairs *pairs, Error *err) {
  Status status = STATUS_OK;
  *pairs = (ImplicitPairs){0};
  for (int k = 0; k < 2 && status == STATUS_OK; k++) {
    pairs->n_tokens[k] = mem_alloc(run->n_samples, sizeof(size_t));
    pairs->forms[k] = mem_alloc(run->n_samples * FORM_COUNT, sizeof(double));
    status = run_side(run, k, pairs, err);
  }
  return status;
}

void implicit_pairs_clear(ImplicitPairs *pairs) {
  for (int k = 0; k < 2; k++) {
    free(pairs->n_tokens[k]);
    free(pairs->forms[k]);
  }
  *pairs = (ImplicitPairs){0};
}

double implicit_reward(const ImplicitPairs *p, size_t sample, size_t form) {
  return p->forms[1][sample * FORM_COUNT + form] - p->forms[0][sample * FORM_COUNT + form];
}

ImplicitAccuracy implicit_accuracy(const ImplicitPairs *p, size_t n, size_t form) {
  double right = 0, alone[2] = {0}, margin = 0, ties = 0;
  for (size_t i = 0; i < n; i++) {
    const double chosen = implicit_reward(p, 2 * i, form), rejected = implicit_reward(p, 2 * i + 1, form);
    right += pair_correct(chosen, rejected);
    ties += chosen == rejected;
    margin += (chosen - rejected) / (double)n;
    for (int k = 0; k < 2; k++) {
      const double *forms = p->forms[k] + 2 * i * FORM_COUNT + form;
      alone[k] += pair_correct(forms[0], forms[FORM_COUNT]);
    }
  }
  if (isnan(margin)) return (ImplicitAccuracy){n, {NAN, NAN, NAN}, NAN, margin, {NAN, NAN}};
  return (ImplicitAccuracy){n, wilson_interval(right, (double)n), ties, margin, {alone[0] / (double)n, alone[1] / (double)n}};
}
