/* Words in their sentences, sentence by sentence. */
#include "train/word_rows.h"

#include "base/log.h"
#include "base/memory.h"
#include "train/scan.h"

#include <math.h>
#include <stdlib.h>

/* One sentence with all its words, at work. */
typedef struct Run {
  const CarriedWords *words;
  const size_t *members; /* words in this sentence */
  WordTake *take;
  void *context;
  Progress *progress;
  size_t done;
  size_t first;       /* of the batch: number among the members */
  const Batch *batch;
  Status status;
  Error *err;
} Run;

static Status begin_batch(void *context, size_t first, const Batch *batch, const Pass *pass, Error *err) {
  Run *run = context;
  (void)pass;
  (void)err;
  run->first = first;
  run->batch = batch;
  return STATUS_OK;
}

static void tap_rows(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  Run *run = context;
  for (size_t s = 0; s < run->batch->n_sequences && run->status == STATUS_OK; s++) {
    const size_t word = run->members[run->first + s];
    run->status = run->take(run->context, kind, layer, word, run->words->items[word].n_samples,
                            rows + (run->batch->offsets[s + 1] - 1) * stride, width, run->err);
  }
}

static Status end_batch(void *context, size_t first, const Batch *batch, const Pass *pass, Error *err) {
  Run *run = context;
  (void)pass;
  (void)err;
  if (run->progress) progress_show(run->progress, run->done + first + batch->n_sequences);
  return run->status;
}

/* The texts of all words that sentence number k carries; their numbers into members. next[count] is each word's first
 * sample that no earlier sentence had: its sentences rise. */
static size_t list_texts(const CarriedWords *words, size_t k, size_t *next, size_t *members, ScanTexts *texts) {
  TokenList whole = {0};
  size_t n = 0, *ends = mem_alloc(words->count, sizeof *ends);
  for (size_t i = 0; i < words->count; i++) {
    const CarriedWord *word = &words->items[i];
    if (next[i] == word->n_samples || word->sentences[next[i]] != k) continue;
    const Sample *sample = &word->samples[next[i]++];
    for (size_t t = 0; t < sample->n_tokens; t++) token_list_add(&whole, sample->ids[t]);
    ends[n] = whole.count;
    members[n++] = i;
  }
  scan_texts_of_whole(texts, &whole, ends, n);
  token_list_clear(&whole);
  free(ends);
  return n;
}

Status word_rows_run(const Model *model, const CarriedWords *words, size_t batch_tokens, const char *label,
                     WordTake *take, void *context, Error *err) {
  size_t n_samples = 0, *members = mem_alloc(words->count, sizeof *members), *next = mem_alloc(words->count, sizeof *next);
  for (size_t i = 0; i < words->count; i++) n_samples += words->items[i].n_samples;
  Progress progress = {0};
  if (label) progress = progress_begin(label, "sentences", n_samples);
  Run run = {.words = words,
             .members = members,
             .take = take,
             .context = context,
             .progress = label ? &progress : NULL,
             .err = err};
  const Tap tap = {tap_rows, &run};
  Status status = STATUS_OK;
  for (size_t k = 0; k < words->carriers.count && status == STATUS_OK; k++) {
    ScanTexts texts;
    const size_t n = list_texts(words, k, next, members, &texts);
    if (n > 0) status = scan_texts_run(model, &texts, batch_tokens, begin_batch, &tap, end_batch, &run, err);
    if (status == STATUS_OK) status = run.status;
    run.done += n;
    scan_texts_clear(&texts);
  }
  if (label) progress_end(&progress);
  free(members);
  free(next);
  return status;
}

/* --- averages --- */

typedef struct Averager {
  const CarriedWords *words;
  const SiteList *sites;
  float *const *rows;
} Averager;

static Status add_row(void *context, SiteKind kind, size_t layer, size_t word, size_t n_sentences, const real *row,
                      size_t width, Error *err) {
  const Averager *a = context;
  const SiteList *sites = a->sites;
  size_t site = 0;
  while (site < sites->count && (sites->items[site].kind != kind || sites->items[site].layer != layer)) site++;
  if (site == sites->count) return STATUS_OK;
  float *to = a->rows[site] + word * width, share = 1 / (float)n_sentences, check = 0;
  for (size_t i = 0; i < width; i++) {
    to[i] += (float)row[i] * share;
    check += (float)row[i] * 0; /* NaN where a value is not finite */
  }
  return check == 0 ? STATUS_OK
                    : error_set(err, STATUS_NUMERIC, "%s: activations of \"%.60s\" are not finite",
                                sites->items[site].name, a->words->items[word].form);
}

Status word_rows_average(const Model *model, const CarriedWords *words, const SiteList *sites, size_t batch_tokens,
                         const char *label, float *const *rows, Error *err) {
  Averager a = {words, sites, rows};
  for (size_t k = 0; k < sites->count; k++)
    for (size_t i = 0; i < words->count * sites->items[k].width; i++) rows[k][i] = 0;
  return word_rows_run(model, words, batch_tokens, label, add_row, &a, err);
}
