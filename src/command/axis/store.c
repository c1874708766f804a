/* Words from an activation store: samples of one group are one word, and their label is its category. */
#include "base/json.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/sitename.h"
#include "command/axis/axis.h"
#include "model/family.h"
#include "store/activations.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Which word each sample is of, SIZE_MAX where it is of none. */
typedef struct StoreWords {
  size_t *word; /* [n_samples] */
  Names names;  /* of the words, by their numbers */
  size_t n_other_labels;
} StoreWords;

static void split_names(const AxisSettings *s, AxisWords *w) {
  char *list = s->others ? mem_format("%s,%s", s->poles, s->others) : mem_copy_string(s->poles);
  for (const char *at = list; at;) {
    const size_t size = strcspn(at, ",");
    w->categories = mem_resize(w->categories, w->n_categories + 1, sizeof *w->categories);
    w->categories[w->n_categories++] = mem_format("%.*s", (int)size, at);
    at = at[size] ? at + size + 1 : NULL;
  }
  free(list);
}

static size_t category_of(const AxisWords *w, const char *label) {
  size_t c = 0;
  while (c < w->n_categories && strcmp(w->categories[c], label) != 0) c++;
  return c;
}

/* The word of this name, made where it is new. */
static Status find_word(AxisWords *w, Names *names, const char *name, size_t category, size_t *word, Error *err) {
  *word = names_number(names, name);
  if (*word < w->n && w->category[*word] != category)
    return error_set(err, STATUS_DATA,
                     "group \"%.60s\" has samples labelled %.60s and %.60s: all samples of a group are one word", name,
                     w->categories[w->category[*word]], w->categories[category]);
  if (*word < w->n) return STATUS_OK;
  w->words[w->n] = mem_copy_string(name);
  w->lemmas[w->n] = mem_copy_string(name);
  w->category[w->n++] = category;
  return STATUS_OK;
}

static Status list_words(const StoreContents *c, AxisWords *w, StoreWords *of, Error *err) {
  const size_t n = c->n_samples;
  Status status = STATUS_OK;
  w->words = mem_alloc(n, sizeof *w->words);
  w->lemmas = mem_alloc(n, sizeof *w->lemmas);
  w->category = mem_alloc(n, sizeof *w->category);
  of->word = mem_alloc(n, sizeof *of->word);
  for (int poles = 1; poles >= 0; poles--)
    for (size_t i = 0; i < n && status == STATUS_OK; i++) {
      const size_t category = category_of(w, c->labels[i]);
      if (poles) of->word[i] = SIZE_MAX;
      if (category == w->n_categories) of->n_other_labels += (size_t)poles;
      if (category == w->n_categories || (category < 2) != poles) continue;
      status = find_word(w, &of->names, c->groups[i][0] ? c->groups[i] : c->sample_ids[i], category, &of->word[i], err);
    }
  return status;
}

/* Rows that count: position 0 does not, except where a row stands for its whole sample. */
static bool *rows_that_count(const Store *store, const AxisSettings *s) {
  const StoreContents *c = store_contents(store);
  const bool whole = strcmp(c->token_rule, "last") == 0 || strcmp(c->token_rule, "mean") == 0;
  bool *counts = mem_alloc(c->n_rows, sizeof *counts);
  for (size_t i = 0; i < store_rows_done(store); i++) counts[i] = whole || s->keep_first || c->row_token[i] > 0;
  return counts;
}

enum { BLOCK = 512 }; /* rows read at a time */

/* The mean of each word's rows at a site. */
static Status average(Store *store, size_t site, const size_t *word, const bool *counts, const AxisWords *words,
                      float **rows, Error *err) {
  const StoreContents *c = store_contents(store);
  const size_t d = c->sites[site].width, n_words = words->n;
  size_t *n = mem_alloc(n_words, sizeof *n);
  double *sums = NULL;
  float *block = mem_alloc(BLOCK * d, sizeof *block);
  Status status = mem_try(n_words * d, sizeof *sums, (void **)&sums, err);
  if (status == STATUS_OK) status = mem_try(n_words * d, sizeof **rows, (void **)rows, err);
  for (size_t first = 0; first < store_rows_done(store) && status == STATUS_OK; first += BLOCK) {
    const size_t left = store_rows_done(store) - first, m = left < BLOCK ? left : BLOCK;
    status = store_read_rows(store, site, first, m, block, err);
    for (size_t i = 0; i < m && status == STATUS_OK; i++) {
      const size_t w = word[c->row_sample[first + i]];
      if (w == SIZE_MAX || !counts[first + i]) continue;
      n[w]++;
      for (size_t j = 0; j < d; j++) sums[w * d + j] += (double)block[i * d + j];
    }
  }
  for (size_t w = 0; w < n_words && status == STATUS_OK; w++) {
    if (n[w] == 0)
      status = error_set(err, STATUS_DATA,
                         "group \"%.60s\" has no row: position 0 of each sequence is left out, --keep-first keeps it",
                         words->words[w]);
    for (size_t j = 0; j < d && n[w]; j++) (*rows)[w * d + j] = (float)(sums[w * d + j] / (double)n[w]);
  }
  free(n);
  free(sums);
  free(block);
  return status;
}

static Status choose_sites(const StoreContents *c, const char *path, const AxisSettings *s, bool *chosen, Error *err) {
  const char **names = mem_alloc(c->n_sites, sizeof *names);
  for (size_t i = 0; i < c->n_sites; i++) names[i] = c->sites[i].name;
  const Status status = sites_select(s->sites, s->layers, names, c->n_sites, path, chosen, err);
  free(names);
  return status;
}

static Status read_sites(Store *store, const AxisSettings *s, const StoreWords *of, AxisData *data, Error *err) {
  const StoreContents *c = store_contents(store);
  bool *chosen = mem_alloc(c->n_sites, sizeof *chosen), *counts = rows_that_count(store, s);
  size_t *site = mem_alloc(c->n_sites, sizeof *site);
  data->sites = mem_alloc(c->n_sites, sizeof *data->sites);
  data->widths = mem_alloc(c->n_sites, sizeof *data->widths);
  data->rows = mem_alloc(c->n_sites, sizeof *data->rows);
  Status status = choose_sites(c, store_path(store), s, chosen, err);
  for (size_t i = 0; i < c->n_sites && status == STATUS_OK; i++) {
    if (!chosen[i]) continue;
    const size_t k = data->n_sites++;
    site[k] = i;
    data->sites[k] = mem_copy_string(c->sites[i].name);
    data->widths[k] = c->sites[i].width;
  }
  if (status == STATUS_OK) status = axis_check_sites(s, (const char *const *)data->sites, data->n_sites, err);
  for (size_t k = 0; k < data->n_sites && status == STATUS_OK; k++)
    status = average(store, site[k], of->word, counts, &data->words, &data->rows[k], err);
  free(chosen);
  free(counts);
  free(site);
  return status;
}

/* The architecture that the store's config names, "" where it does not say. */
static char *architecture_of(const StoreContents *c) {
  Json *config = NULL;
  bool nested;
  const Family *family = NULL;
  if (json_parse(c->config, strlen(c->config), "config", &config, NULL) == STATUS_OK)
    family = family_by_hf_type(json_string(json_get(config, "model_type"), ""), &nested);
  json_free(config);
  return mem_copy_string(family && family->gguf_architecture ? family->gguf_architecture : "");
}

/* Which rows of a sample stand for it. */
static char *rule_of(const StoreContents *c, const AxisSettings *s) {
  const bool whole = strcmp(c->token_rule, "last") == 0 || strcmp(c->token_rule, "mean") == 0;
  return mem_format("recorded with --tokens %s%s", c->token_rule[0] ? c->token_rule : "unknown",
                    whole ? "" : s->keep_first ? ", position 0 kept" : ", position 0 left out");
}

/* Of the texts of all words, word by word; "" where the store does not know them all. */
static void digest_texts(const StoreContents *c, const StoreWords *of, size_t n_words, char *to) {
  size_t *next = mem_alloc(c->n_samples, sizeof *next), *first = mem_alloc(n_words, sizeof *first);
  Digest *digest = digest_new();
  bool known = true;
  for (size_t w = 0; w < n_words; w++) first[w] = SIZE_MAX;
  for (size_t i = c->n_samples; i-- > 0;) {
    const size_t w = of->word[i];
    if (w == SIZE_MAX) continue;
    known = known && c->text_digests[i][0];
    next[i] = first[w];
    first[w] = i;
  }
  for (size_t w = 0; w < n_words; w++)
    for (size_t i = first[w]; i != SIZE_MAX; i = next[i]) digest_add_string(digest, c->text_digests[i]);
  digest_finish(digest, to);
  if (!known) to[0] = '\0';
  free(next);
  free(first);
}

Status axis_from_store(const char *path, const AxisSettings *s, AxisData *data, Error *err) {
  Store *store = NULL;
  StoreWords of = {0};
  Status status = store_open(path, &store, err);
  if (status != STATUS_OK) return status;
  const StoreContents *c = store_contents(store);
  if (!store_is_complete(store))
    status = error_set(err, STATUS_DATA, "the recording is not complete: %zu of %zu rows", store_rows_done(store),
                       c->n_rows);
  split_names(s, &data->words);
  if (status == STATUS_OK) status = list_words(c, &data->words, &of, err);
  if (status == STATUS_OK) status = axis_check_words(s, &data->words, err);
  if (status == STATUS_OK) status = read_sites(store, s, &of, data, err);
  if (status == STATUS_OK) {
    data->rule = rule_of(c, s);
    digest_texts(c, &of, data->words.n, data->texts_sha256);
    data->architecture = architecture_of(c);
    data->model = mem_copy_string(c->model);
    data->sha256 = mem_copy_string(c->weights_sha256);
    if (of.n_other_labels)
      axis_note(data, false, mem_format("left out: %zu samples of other labels", of.n_other_labels));
    axis_note(data, false, mem_format("rows: of %s, averaged over the samples of each group", path));
    axis_note(data, false, mem_format("computed in %s", c->compute_dtype[0] ? c->compute_dtype : "unknown"));
  }
  store_close(store);
  free(of.word);
  names_clear(&of.names);
  return status == STATUS_OK || strncmp(err->text, path, strlen(path)) == 0 ? status : error_prefix(err, "%s", path);
}
