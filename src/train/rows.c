/* Token rules and ragged batches. */
#include "train/rows.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

bool token_rule_from_name(const char *name, TokenRule *rule) {
  static const char *const names[] = {"last", "response", "mean", "all"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
    if (strcmp(name, names[i]) == 0) {
      *rule = (TokenRule)i;
      return true;
    }
  return false;
}

void token_rule_range(const Sample *sample, TokenRule rule, size_t *first, size_t *end) {
  *end = sample->n_tokens;
  *first = rule == TOKENS_LAST       ? sample->n_tokens - 1
           : rule == TOKENS_RESPONSE ? sample->response_begin
           : rule == TOKENS_MEAN     ? sample->n_tokens > 1
                                     : 0;
}

void token_rule_counted_range(const Sample *sample, TokenRule rule, size_t *first, size_t *end) {
  token_rule_range(sample, rule, first, end);
  if (rule != TOKENS_LAST && *first == 0) *first = 1;
  if (*first > *end) *first = *end;
}

void sample_batch_fill(SampleBatch *b, const Sample *const *samples, size_t n) {
  size_t rows = 0;
  for (size_t i = 0; i < n; i++) rows += samples[i]->n_tokens;
  if (n > b->room_sequences) {
    b->room_sequences = n;
    b->samples = mem_resize(b->samples, n, sizeof *b->samples);
    b->offsets = mem_resize(b->offsets, n + 1, sizeof *b->offsets);
  }
  if (rows > b->room_rows) {
    b->room_rows = rows;
    b->ids = mem_resize(b->ids, rows, sizeof *b->ids);
  }
  b->offsets[0] = 0;
  for (size_t i = 0; i < n; i++) {
    b->samples[i] = samples[i];
    memcpy(b->ids + b->offsets[i], samples[i]->ids, samples[i]->n_tokens * sizeof *b->ids);
    b->offsets[i + 1] = b->offsets[i] + samples[i]->n_tokens;
  }
  b->batch = (Batch){.n_sequences = n, .offsets = b->offsets, .ids = b->ids};
}

void sample_batch_clear(SampleBatch *b) {
  free(b->samples);
  free(b->ids);
  free(b->offsets);
  *b = (SampleBatch){0};
}

size_t sample_batch_count(const Sample *const *samples, size_t n, size_t first, size_t unit, size_t max_tokens) {
  size_t count = 0, tokens = 0;
  while (first + count + unit <= n) {
    size_t more = 0;
    for (size_t i = 0; i < unit; i++) more += samples[first + count + i]->n_tokens;
    if (count > 0 && tokens + more > max_tokens) break;
    tokens += more;
    count += unit;
  }
  return count;
}

void sample_batch_extent(const Sample *const *samples, size_t n, size_t unit, size_t max_tokens, size_t *longest,
                         size_t *most_rows) {
  *longest = *most_rows = 0;
  for (size_t first = 0, count; first < n; first += count) {
    size_t rows = 0;
    count = sample_batch_count(samples, n, first, unit, max_tokens);
    if (count == 0) return;
    for (size_t i = first; i < first + count; i++) {
      rows += samples[i]->n_tokens;
      if (samples[i]->n_tokens > *longest) *longest = samples[i]->n_tokens;
    }
    if (rows > *most_rows) *most_rows = rows;
  }
}
