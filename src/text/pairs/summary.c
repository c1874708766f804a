/* Length statistics and shared prompts of preference pairs. */
#include "text/pairs/summary.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

static int compare_keys(const void *a, const void *b) {
  const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
  return (x > y) - (x < y);
}

/* The different prompts of n pairs, sorted; freed by the caller. */
static uint64_t *prompt_keys(const Sample *samples, size_t n, size_t *count) {
  uint64_t *keys = mem_alloc(n, sizeof *keys);
  for (size_t i = 0; i < n; i++) keys[i] = samples[2 * i].prompt_key;
  qsort(keys, n, sizeof *keys, compare_keys);
  *count = 0;
  for (size_t i = 0; i < n; i++)
    if (i == 0 || keys[i] != keys[i - 1]) keys[(*count)++] = keys[i];
  return keys;
}

static double answer_tokens(const Sample *s) { return (double)(s->n_tokens - s->response_begin); }

static double wins(double a, double b) { return a > b ? 1 : a == b ? 0.5 : 0; }

PairSummary pairs_summarise(const Sample *samples, size_t n_pairs) {
  PairSummary s = {.n_pairs = n_pairs};
  bool has_tokens = n_pairs > 0;
  free(prompt_keys(samples, n_pairs, &s.n_prompts));
  for (size_t i = 0; i < n_pairs; i++) {
    const Sample *chosen = &samples[2 * i], *rejected = chosen + 1;
    has_tokens = has_tokens && chosen->n_tokens && rejected->n_tokens;
    s.chosen_words += (double)chosen->n_words;
    s.rejected_words += (double)rejected->n_words;
    s.chosen_tokens += answer_tokens(chosen);
    s.rejected_tokens += answer_tokens(rejected);
    s.longer_wins_words += wins((double)chosen->n_words, (double)rejected->n_words);
    s.longer_wins_tokens += wins(answer_tokens(chosen), answer_tokens(rejected));
  }
  double *const words[] = {&s.chosen_words, &s.rejected_words, &s.longer_wins_words}, *const tokens[] = {
                                                                                          &s.chosen_tokens,
                                                                                          &s.rejected_tokens,
                                                                                          &s.longer_wins_tokens};
  for (size_t i = 0; i < 3; i++) {
    *words[i] = n_pairs ? *words[i] / (double)n_pairs : NAN;
    *tokens[i] = has_tokens ? *tokens[i] / (double)n_pairs : NAN;
  }
  return s;
}

static char *describe_lengths(const char *unit, double chosen, double rejected, double longer_wins) {
  if (isnan(chosen)) return mem_copy_string("");
  return mem_format("; mean answer in %s: chosen %.1f, rejected %.1f; longer wins %.3f, shorter wins %.3f", unit,
                    chosen, rejected, longer_wins, 1 - longer_wins);
}

char *pairs_describe(const PairSummary *s) {
  char *words = describe_lengths("words", s->chosen_words, s->rejected_words, s->longer_wins_words),
       *tokens = describe_lengths("tokens", s->chosen_tokens, s->rejected_tokens, s->longer_wins_tokens),
       *text = mem_format("%zu pairs of %zu prompts%s%s", s->n_pairs, s->n_prompts, words, tokens);
  free(words);
  free(tokens);
  return text;
}

char *samples_describe_counts(const SampleSet *set, size_t max_length) {
  const struct {
    size_t n;
    const char *what;
  } reasons[] = {{set->n_bad, "bad rows"},
                 {set->n_tied, "that prefer neither side"},
                 {set->n_empty, "with an empty answer"},
                 {set->n_equal, "with equal sides"}};
  char *text = mem_format("%zu read, %zu used", set->n_read, set->n_read - samples_dropped(set));
  const char *separator = "; left out: ";
  for (size_t i = 0; i <= sizeof reasons / sizeof reasons[0]; i++) {
    const bool is_length = i == sizeof reasons / sizeof reasons[0];
    const size_t n = is_length ? set->n_too_long : reasons[i].n;
    if (n == 0) continue;
    char *longer = is_length ? mem_format("%s%s%zu of more than %zu tokens", text, separator, n, max_length)
                             : mem_format("%s%s%zu %s", text, separator, n, reasons[i].what);
    free(text);
    text = longer;
    separator = ", ";
  }
  char *whole = set->n_truncated ? mem_format("%s; %zu with a prompt cut on its left", text, set->n_truncated)
                                 : mem_copy_string(text);
  free(text);
  return whole;
}

PromptOverlap pairs_overlap(const Sample *first, size_t n_first, const Sample *second, size_t n_second) {
  PromptOverlap overlap = {0};
  size_t n_keys, n_others;
  uint64_t *keys = prompt_keys(first, n_first, &n_keys), *others = prompt_keys(second, n_second, &n_others);
  for (size_t i = 0; i < n_others; i++)
    overlap.n_prompts += bsearch(&others[i], keys, n_keys, sizeof *keys, compare_keys) != NULL;
  for (size_t i = 0; i < n_second; i++)
    overlap.n_pairs += bsearch(&second[2 * i].prompt_key, keys, n_keys, sizeof *keys, compare_keys) != NULL;
  free(keys);
  free(others);
  return overlap;
}
