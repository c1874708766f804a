/* Looking at value words: projections, then ranks. */
#include "train/values.h"

#include "base/memory.h"
#include "probes/values/axis_compare.h"
#include "probes/values/ranks.h"
#include "train/word_rows.h"

#include <math.h>
#include <stdlib.h>

/* Adds a word's score in one of its sentences, as its share of their mean. */
static Status add_score(void *context, SiteKind kind, size_t layer, size_t word, size_t n_sentences, const real *row,
                        size_t width, Error *err) {
  Values *v = context;
  const size_t s = v->axis_of[kind * v->n_layers + layer];
  if (s == SIZE_MAX) return STATUS_OK;
  const ValueAxis *axis = &v->axes.axes[s];
  double along = 0;
  for (size_t i = 0; i < width; i++) along += axis->direction[i] * (double)row[i];
  const double score = (along - axis->midpoint) / axis->scale;
  if (!isfinite(score))
    return error_set(err, STATUS_NUMERIC, "%s: the score of \"%.60s\" along the axis is not finite", axis->site,
                     v->words.items[word].form);
  v->words_projected[s * v->index.n + word] += score / (double)n_sentences;
  return STATUS_OK;
}

static Status project(Values *v, const Model *model, Error *err) {
  const AxisWords *w = &v->index;
  const size_t n_axes = v->axes.n_axes;
  bool *chosen = mem_alloc(w->n, sizeof *chosen);
  for (size_t i = 0; i < n_axes * w->n; i++) v->words_projected[i] = 0;
  const Status status = word_rows_run(model, &v->words, v->batch_tokens, NULL, add_score, v, err);
  for (size_t s = 0; s < n_axes && status == STATUS_OK; s++)
    for (size_t c = 0; c < w->n_categories; c++) {
      size_t n_lemmas;
      for (size_t i = 0; i < w->n; i++) chosen[i] = w->category[i] == c;
      Estimate mean = axis_lemma_mean(w->n, v->words_projected + s * w->n, chosen, w->lemma, w->n_lemmas, &n_lemmas);
      v->projection[s * w->n_categories + c] = mean.value;
      free(mean.pseudo);
    }
  free(chosen);
  v->is_projected = status == STATUS_OK;
  return status;
}

/* Buffers for the words' ranks under one prompt, [words]. */
typedef struct Ranking {
  real *rewards;
  double *scores, *ranks, *scratch;
  size_t *order;
} Ranking;

static Status rank_prompt(Values *v, const Model *model, size_t p, Ranking *r, double *means, Error *err) {
  const AxisWords *w = &v->index;
  const Status status = scan_rewards(model, &v->texts[p], v->batch_tokens, NULL, 0, r->rewards, err);
  if (status != STATUS_OK) return status;
  for (size_t i = 0; i < w->n; i++) {
    r->scores[i] = (double)r->rewards[i];
    if (!isfinite(r->scores[i]))
      return error_set(err, STATUS_NUMERIC, "prompt \"%.100s\": the reward of the answer \"%.60s\" is not finite",
                       v->prompts.items[p].id, w->words[i]);
  }
  ranks_from_scores(w->n, r->scores, r->ranks, r->order);
  ranks_by_category(w->n, r->ranks, w->category, w->n_categories, v->median_rank + p * w->n_categories, means,
                    r->scratch);
  return STATUS_OK;
}

static Status rank(Values *v, const Model *model, Error *err) {
  const size_t n = v->index.n;
  Ranking r = {.rewards = mem_alloc(n, sizeof *r.rewards),
               .scores = mem_alloc(n, sizeof *r.scores),
               .ranks = mem_alloc(n, sizeof *r.ranks),
               .scratch = mem_alloc(n, sizeof *r.scratch),
               .order = mem_alloc(n, sizeof *r.order)};
  double *means = mem_alloc(v->index.n_categories, sizeof *means);
  Status status = STATUS_OK;
  for (size_t p = 0; p < v->prompts.count && status == STATUS_OK; p++) status = rank_prompt(v, model, p, &r, means, err);
  free(r.rewards);
  free(r.scores);
  free(r.ranks);
  free(r.scratch);
  free(r.order);
  free(means);
  return status;
}

Status values_measure(Values *v, const Model *model, bool blocks_move, Error *err) {
  Status status = STATUS_OK;
  if (blocks_move || !v->is_projected) status = project(v, model, err);
  return status == STATUS_OK ? rank(v, model, err) : status;
}
