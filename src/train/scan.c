/* Rewards of answers that share a prompt. */
#include "train/scan.h"

#include "base/memory.h"
#include "model/forward.h"

#include <stdlib.h>
#include <string.h>

static void append(TokenList *to, const int32_t *ids, size_t n) {
  for (size_t i = 0; i < n; i++) token_list_add(to, ids[i]);
}

void scan_texts_of_ids(ScanTexts *texts, const TokenList *head, const int32_t *ids, size_t n, const TokenList *tail) {
  *texts = (ScanTexts){.n = n, .offsets = mem_alloc(n + 1, sizeof *texts->offsets)};
  append(&texts->shared, head->ids, head->count);
  for (size_t i = 0; i < n; i++) {
    token_list_add(&texts->own, ids[i]);
    append(&texts->own, tail->ids, tail->count);
    texts->offsets[i + 1] = texts->own.count;
  }
}

/* A text's last token is its own: there the reward is read. */
static size_t find_shared(const TokenList *whole, const size_t *ends, size_t n) {
  size_t shared = SIZE_MAX;
  for (size_t i = 0; i < n; i++) {
    const size_t begin = i ? ends[i - 1] : 0, most = ends[i] - begin - 1;
    if (most < shared) shared = most;
    size_t same = 0;
    while (same < shared && whole->ids[begin + same] == whole->ids[same]) same++;
    shared = same;
  }
  return n ? shared : 0;
}

void scan_texts_of_whole(ScanTexts *texts, const TokenList *whole, const size_t *ends, size_t n) {
  *texts = (ScanTexts){.n = n, .offsets = mem_alloc(n + 1, sizeof *texts->offsets)};
  const size_t shared = find_shared(whole, ends, n);
  append(&texts->shared, whole->ids, shared);
  for (size_t i = 0; i < n; i++) {
    const size_t begin = (i ? ends[i - 1] : 0) + shared;
    append(&texts->own, whole->ids + begin, ends[i] - begin);
    texts->offsets[i + 1] = texts->own.count;
  }
}

size_t scan_texts_longest(const ScanTexts *texts) {
  size_t longest = 0;
  for (size_t i = 0; i < texts->n; i++)
    if (texts->offsets[i + 1] - texts->offsets[i] > longest) longest = texts->offsets[i + 1] - texts->offsets[i];
  return texts->shared.count + longest;
}

void scan_texts_clear(ScanTexts *texts) {
  token_list_clear(&texts->shared);
  token_list_clear(&texts->own);
  free(texts->offsets);
  *texts = (ScanTexts){0};
}

/* The same texts with nothing shared. */
static void unshare(const ScanTexts *texts, ScanTexts *whole) {
  *whole = (ScanTexts){.n = texts->n, .offsets = mem_alloc(texts->n + 1, sizeof *whole->offsets)};
  for (size_t i = 0; i < texts->n; i++) {
    append(&whole->own, texts->shared.ids, texts->shared.count);
    append(&whole->own, texts->own.ids + texts->offsets[i], texts->offsets[i + 1] - texts->offsets[i]);
    whole->offsets[i + 1] = whole->own.count;
  }
}

Status scan_texts_run(const Model *model, const ScanTexts *texts, size_t batch_tokens, PrefixTake *begin, const Tap *tap,
                      PrefixTake *take, void *context, Error *err) {
  const size_t shared = texts->shared.count;
  if (shared > 0 && !prefix_fits(&model->config, shared, scan_texts_longest(texts))) {
    ScanTexts whole;
    unshare(texts, &whole);
    const Status status = scan_texts_run(model, &whole, batch_tokens, begin, tap, take, context, err);
    scan_texts_clear(&whole);
    return status;
  }
  const Batch all = {.n_sequences = texts->n, .offsets = texts->offsets, .ids = texts->own.ids};
  Prefix prefix = {0};
  Status status = shared ? prefix_init(&prefix, model, texts->shared.ids, shared, err) : STATUS_OK;
  if (status == STATUS_OK)
    status = prefix_run_tapped(model, shared ? &prefix : NULL, &all, batch_tokens, begin, tap, take, context, err);
  prefix_clear(&prefix);
  return status;
}

typedef struct Taker {
  const Model *model;
  real *rewards;
  Progress *progress;
  size_t done;
} Taker;

static Status take_rewards(void *context, size_t first, const Batch *batch, const Pass *pass, Error *err) {
  const Taker *taker = context;
  (void)err;
  model_rewards(taker->model, batch, pass, taker->rewards + first);
  if (taker->progress) progress_show(taker->progress, taker->done + first + batch->n_sequences);
  return STATUS_OK;
}

Status scan_rewards(const Model *model, const ScanTexts *texts, size_t batch_tokens, Progress *progress, size_t done,
                    real *rewards, Error *err) {
  Taker taker = {model, rewards, progress, done};
  return scan_texts_run(model, texts, batch_tokens, NULL, NULL, take_rewards, &taker, err);
}
