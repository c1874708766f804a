/* Writing /values of run.h5. */
#include "train/values_log.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const char *const texts[] = {"values/site", "values/category", "values/prompt", "values/framing"},
                         *const counts[] = {"values/words", "values/lemmas"};

bool values_log_is_fixed(const char *name) {
  for (size_t k = 0; k < 4; k++)
    if (strcmp(name, texts[k]) == 0) return true;
  return strcmp(name, counts[0]) == 0 || strcmp(name, counts[1]) == 0;
}

static Status write_texts(Result *run, const Values *v, Error *err) {
  const size_t n[] = {v->axes.n_axes, v->index.n_categories, v->prompts.count, v->prompts.count};
  Status status = STATUS_OK;
  for (size_t k = 0; k < 4 && status == STATUS_OK; k++) {
    const char **list = mem_alloc(n[k], sizeof *list);
    for (size_t i = 0; i < n[k]; i++)
      list[i] = k == 0   ? v->axes.axes[i].site
                : k == 1 ? v->index.categories[i]
                : k == 2 ? v->prompts.items[i].id
                         : v->prompts.items[i].group;
    status = result_write_strings(run, texts[k], list, n[k], err);
    free(list);
  }
  return status;
}

Status values_log_begin(Result *run, const Values *v, Error *err) {
  const AxisWords *w = &v->index;
  const size_t n = w->n_categories;
  double *n_words = mem_alloc(n, sizeof *n_words), *n_lemmas = mem_alloc(n, sizeof *n_lemmas);
  bool *seen = mem_alloc(w->n_lemmas * n, sizeof *seen);
  for (size_t i = 0; i < w->n; i++) {
    bool *lemma = &seen[w->lemma[i] * n + w->category[i]];
    n_words[w->category[i]]++;
    n_lemmas[w->category[i]] += !*lemma;
    *lemma = true;
  }
  Status status = write_texts(run, v, err);
  if (status == STATUS_OK) status = result_write_array(run, counts[0], 1, &n, n_words, err);
  if (status == STATUS_OK) status = result_write_array(run, counts[1], 1, &n, n_lemmas, err);
  free(n_words);
  free(n_lemmas);
  free(seen);
  return status;
}

Status values_log_resume(Result *run, Values *v, Error *err) {
  const size_t n = v->axes.n_axes * v->index.n_categories;
  size_t rank, shape[RESULT_MAX_RANK];
  double *rows = NULL;
  Status status = result_read_array(run, "values/projection", &rank, shape, &rows, err);
  if (status == STATUS_OK && (rank != 3 || shape[0] == 0 || shape[1] != v->axes.n_axes || shape[2] != v->index.n_categories))
    status = error_set(err, STATUS_DATA, "run.h5: values/projection is of other axes or categories");
  if (status == STATUS_OK) memcpy(v->start, rows, n * sizeof *rows);
  free(rows);
  return status;
}

Status values_log_add(Result *run, size_t step, Values *v, Error *err) {
  const size_t along[] = {v->axes.n_axes, v->index.n_categories}, ranks[] = {v->prompts.count, v->index.n_categories};
  const size_t n = along[0] * along[1];
  const double at = (double)step;
  double *shift = mem_alloc(n, sizeof *shift);
  if (step == 0) memcpy(v->start, v->projection, n * sizeof *v->start);
  for (size_t i = 0; i < n; i++) shift[i] = v->projection[i] - v->start[i];
  Status status = result_append(run, "values/step", 0, NULL, &at, err);
  if (status == STATUS_OK) status = result_append(run, "values/projection", 2, along, v->projection, err);
  if (status == STATUS_OK) status = result_append(run, "values/shift", 2, along, shift, err);
  if (status == STATUS_OK) status = result_append(run, "values/median_rank", 2, ranks, v->median_rank, err);
  free(shift);
  return status;
}
