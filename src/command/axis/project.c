/* Recorded stores along saved axes: group means of scores, with intervals over samples. */
#include "base/log.h"
#include "base/memory.h"
#include "base/names.h"
#include "command/axis/axis.h"
#include "probes/values/axis_compare.h"
#include "store/activations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The rows of a store by group, whatever the site. */
typedef struct Grouping {
  Store *store;
  Names names;     /* of the groups */
  size_t *group;   /* [n_samples] */
  size_t *unit;    /* [n_samples]: what is one observation */
  bool *counts;    /* [n_rows]: position 0 does not */
  bool first_left_out;
} Grouping;

static void grouping_clear(Grouping *g) {
  store_close(g->store);
  names_clear(&g->names);
  free(g->group);
  free(g->unit);
  free(g->counts);
  *g = (Grouping){0};
}

static void name_groups(Grouping *g, const char *by) {
  const StoreContents *c = store_contents(g->store);
  const char *const *words = strcmp(by, "group") == 0 ? c->groups : c->labels;
  g->group = mem_alloc(c->n_samples, sizeof *g->group);
  for (size_t i = 0; i < c->n_samples; i++)
    g->group[i] = names_number(&g->names, strcmp(by, "none") == 0 ? "" : words[i]);
}

/* A sample is one observation; the two sides of a preference pair, which share their prompt, are one together. */
static void number_units(Grouping *g) {
  const StoreContents *c = store_contents(g->store);
  g->unit = mem_alloc(c->n_samples, sizeof *g->unit);
  for (size_t i = 0; i < c->n_samples; i++) g->unit[i] = i - store_is_second_side(c, i);
}

static Status grouping_open(const char *path, const AxisSettings *s, Grouping *g, Error *err) {
  *g = (Grouping){0};
  const Status status = store_open(path, &g->store, err);
  if (status != STATUS_OK) return status;
  const StoreContents *c = store_contents(g->store);
  const bool whole = strcmp(c->token_rule, "last") == 0 || strcmp(c->token_rule, "mean") == 0;
  const size_t done = store_rows_done(g->store);
  if (!store_is_complete(g->store))
    log_warn("%s is not complete: its first %zu of %zu rows are used", path, done, c->n_rows);
  g->counts = mem_alloc(c->n_rows, sizeof *g->counts);
  bool *cut = mem_alloc(c->n_samples, sizeof *cut); /* samples that an unfinished store cuts in two are left out whole */
  for (size_t i = done; i < c->n_rows; i++) cut[c->row_sample[i]] = true;
  for (size_t i = 0; i < done; i++) {
    const bool first = !whole && !s->keep_first && c->row_token[i] == 0;
    g->counts[i] = !first && !cut[c->row_sample[i]];
    g->first_left_out = g->first_left_out || first;
  }
  free(cut);
  name_groups(g, s->by);
  number_units(g);
  return STATUS_OK;
}

enum { BLOCK = 512 }; /* rows read at a time */

/* Each sample's mean score at a site; NaN where it has no row that counts. */
static Status score_samples(const Grouping *g, size_t site, const ValueAxis *axis, double *scores, Error *err) {
  const StoreContents *c = store_contents(g->store);
  const size_t d = axis->width, done = store_rows_done(g->store);
  double *counts = mem_alloc(c->n_samples, sizeof *counts);
  float *block = mem_alloc(BLOCK * d, sizeof *block);
  Status status = STATUS_OK;
  for (size_t i = 0; i < c->n_samples; i++) scores[i] = 0;
  for (size_t first = 0; first < done && status == STATUS_OK; first += BLOCK) {
    const size_t m = done - first < BLOCK ? done - first : BLOCK;
    status = store_read_rows(g->store, site, first, m, block, err);
    for (size_t i = 0; i < m && status == STATUS_OK; i++) {
      if (!g->counts[first + i]) continue;
      const size_t sample = c->row_sample[first + i];
      const double score = axis_score(axis, block + i * d);
      if (!isfinite(score))
        status = error_set(err, STATUS_DATA, "%s: %s: sample %s (row %zu) holds a NaN or an infinity",
                           store_path(g->store), axis->site, c->sample_ids[sample], first + i);
      scores[sample] += score;
      counts[sample] += 1;
    }
  }
  for (size_t i = 0; i < c->n_samples; i++) scores[i] /= counts[i];
  free(counts);
  free(block);
  return status;
}

/* Groups' means at one site: units stand in the place of lemmas. */
typedef struct Means {
  const AxisSettings *settings;
  size_t *order; /* [n_samples] samples group by group, rising in each */
  size_t *begin; /* [groups + 1] into order */
  double *scores; /* of one group's samples */
  size_t *unit;   /* theirs, from 0 on */
  bool *chosen;
} Means;

static Means means_new(const AxisSettings *s, const Grouping *g) {
  const size_t n = store_contents(g->store)->n_samples, n_groups = g->names.count;
  Means m = {.settings = s,
             .order = mem_alloc(n, sizeof *m.order),
             .begin = mem_alloc(n_groups + 1, sizeof *m.begin),
             .scores = mem_alloc(n, sizeof *m.scores),
             .unit = mem_alloc(n, sizeof *m.unit),
             .chosen = mem_alloc(n, sizeof *m.chosen)};
  size_t *at = mem_alloc(n_groups + 1, sizeof *at);
  for (size_t i = 0; i < n; i++) m.begin[g->group[i] + 1]++;
  for (size_t k = 0; k < n_groups; k++) at[k + 1] = m.begin[k + 1] += m.begin[k];
  for (size_t i = 0; i < n; i++) m.order[at[g->group[i]]++] = i;
  free(at);
  return m;
}

static void means_clear(Means *m) {
  free(m->order);
  free(m->begin);
  free(m->scores);
  free(m->unit);
  free(m->chosen);
}

static void add_means(Means *m, const Grouping *g, const ValueAxis *axis, const double *scores, AxisRows *to) {
  const AxisSettings *s = m->settings;
  for (size_t k = 0; k < g->names.count; k++) {
    const size_t *members = m->order + m->begin[k], n = m->begin[k + 1] - m->begin[k];
    Interval interval;
    size_t units;
    for (size_t j = 0; j < n; j++) {
      m->scores[j] = scores[members[j]];
      m->chosen[j] = !isnan(m->scores[j]);
      m->unit[j] = j == 0 ? 0 : m->unit[j - 1] + (g->unit[members[j]] != g->unit[members[j - 1]]);
    }
    Estimate mean = axis_lemma_mean(n, m->scores, m->chosen, m->unit, m->unit[n - 1] + 1, &units);
    intervals_bootstrap(units, 1, &mean, s->bootstrap, s->common.seed, &interval);
    axis_rows_add(to, (AxisRow){axis->site, store_path(g->store), g->names.items[k][0] ? g->names.items[k] : "all",
                                {mean.value, interval.low, interval.high}, units});
    free(mean.pseudo);
  }
}

/* The chosen axes whose sites the store has; one that was asked for and is missing is an error. */
static Status project_store(const AxisSettings *s, const AxisFile *file, const bool *chosen, const Grouping *g,
                            AxisRows *to, Error *err) {
  const StoreContents *c = store_contents(g->store);
  double *scores = mem_alloc(c->n_samples, sizeof *scores);
  Means means = means_new(s, g);
  Status status = STATUS_OK;
  const size_t before = to->count;
  for (size_t k = 0; k < file->n_axes && status == STATUS_OK; k++) {
    const ValueAxis *axis = &file->axes[k];
    size_t site;
    if (!chosen[k]) continue;
    if (!store_find_site(g->store, axis->site, &site)) {
      if (s->sites || s->layers)
        status = error_set(err, STATUS_USAGE, "%s is in %s and not in %s", axis->site, file->path, store_path(g->store));
      continue;
    }
    if (c->sites[site].width != axis->width)
      status = error_set(err, STATUS_DATA,
                         "%s: %s is %zu wide, the axis in %s %zu: an axis is read off the model it was fit on, or one "
                         "trained from it",
                         store_path(g->store), axis->site, c->sites[site].width, file->path, axis->width);
    if (status == STATUS_OK) status = score_samples(g, site, axis, scores, err);
    if (status == STATUS_OK) add_means(&means, g, axis, scores, to);
  }
  means_clear(&means);
  free(scores);
  if (status == STATUS_OK && to->count == before)
    status = error_set(err, STATUS_DATA, "%s and %s have no site in common", file->path, store_path(g->store));
  return status;
}

static Status print(const AxisSettings *s, const Provenance *from, const AxisFile *file, const AxisRows *rows,
                    const char *interval, bool first_left_out, Error *err) {
  Table *table = axis_rows_begin(s, from, rows);
  table_note(table, "value: mean score over samples (rows of a sample averaged first; the two sides of a pair are one): 0 half-way between %s and %s, in "
                    "standard deviations of the words of %s; + is %s",
             file->words.categories[1], file->words.categories[0], file->path, file->words.categories[0]);
  if (first_left_out) table_note(table, "position 0 of each sequence is left out (--keep-first keeps it)");
  if (interval) table_note(table, "interval: %s", interval);
  return axis_rows_end(table, rows, err);
}

Status axis_project_stores(const Invocation *call, const AxisSettings *s, Error *err) {
  const size_t n = call->n_args - 1;
  AxisFile file = {0};
  AxisRows rows = {.what = "store"};
  Grouping *groupings = mem_alloc(n, sizeof *groupings);
  Provenance from = invocation_provenance(call, "axis", &s->common);
  Status status = axis_file_open(call->args[0], &file, err);
  bool *chosen = mem_alloc(file.n_axes, sizeof *chosen), first_left_out = false;
  if (status == STATUS_OK) status = axis_choose(s, &file, chosen, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    status = grouping_open(call->args[1 + i], s, &groupings[i], err);
    if (status == STATUS_OK) status = project_store(s, &file, chosen, &groupings[i], &rows, err);
    if (status != STATUS_OK) break;
    first_left_out = first_left_out || groupings[i].first_left_out;
    const StoreContents *c = store_contents(groupings[i].store);
    from.models[from.n_models].path = c->model;
    from.models[from.n_models++].sha256 = c->weights_sha256;
  }
  char *interval = axis_interval_words(s, "samples");
  if (status == STATUS_OK && s->output)
    status = axis_rows_write(s->output, "axis-projection", &from, &file.words, interval, &rows, err);
  if (status == STATUS_OK) status = print(s, &from, &file, &rows, interval, first_left_out, err);
  free(interval);
  for (size_t i = 0; i < n; i++) grouping_clear(&groupings[i]);
  free(groupings);
  free(chosen);
  free(rows.items);
  axis_file_close(&file);
  return status;
}
