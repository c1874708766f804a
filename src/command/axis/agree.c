/* Whether two files of axes can be compared: the same words in the same texts, fit by the same method. */
#include "command/axis/axis.h"

#include <string.h>

static Status check_words(const AxisFile *x, const AxisFile *y, Error *err) {
  const AxisWords *a = &x->words, *b = &y->words;
  for (size_t i = 0; i < a->n && i < b->n; i++)
    if (strcmp(a->words[i], b->words[i]) != 0)
      return error_set(err, STATUS_DATA, "%s and %s hold different words: word %zu is \"%.60s\" against \"%.60s\"",
                       x->path, y->path, i, a->words[i], b->words[i]);
    else if (strcmp(a->lemmas[i], b->lemmas[i]) != 0 ||
             strcmp(a->categories[a->category[i]], b->categories[b->category[i]]) != 0)
      return error_set(err, STATUS_DATA, "%s and %s do not agree on \"%.60s\": %.60s (%.60s) against %.60s (%.60s)",
                       x->path, y->path, a->words[i], a->categories[a->category[i]], a->lemmas[i],
                       b->categories[b->category[i]], b->lemmas[i]);
  if (a->n != b->n)
    return error_set(err, STATUS_DATA, "%s and %s hold different words: %zu against %zu", x->path, y->path, a->n, b->n);
  for (size_t c = 0; c < 2; c++)
    if (strcmp(a->categories[c], b->categories[c]) != 0)
      return error_set(err, STATUS_DATA, "%s and %s do not agree on the first pole: %.60s against %.60s", x->path,
                       y->path, a->categories[0], b->categories[0]);
  return STATUS_OK;
}

/* Their names may differ. */
static bool same_sentence(const Carrier *a, const Carrier *b) {
  return strcmp(a->pos, b->pos) == 0 && strcmp(a->before, b->before) == 0 && strcmp(a->after, b->after) == 0;
}

/* What the words' rows were read off. */
static Status check_texts(const AxisFile *x, const AxisFile *y, Error *err) {
  const CarrierSet *a = &x->carriers, *b = &y->carriers;
  for (size_t i = 0; i < a->count && i < b->count; i++)
    if (!same_sentence(&a->items[i], &b->items[i]))
      return error_set(err, STATUS_DATA,
                       "%s and %s have their words in different sentences: sentence %zu is \"%.60s{word}%.60s\" against "
                       "\"%.60s{word}%.60s\"", x->path, y->path, i, a->items[i].before, a->items[i].after,
                       b->items[i].before, b->items[i].after);
  if (a->count != b->count)
    return error_set(err, STATUS_DATA, "%s and %s have their words in different sentences: %zu against %zu", x->path,
                     y->path, a->count, b->count);
  if (x->rule[0] && y->rule[0] && strcmp(x->rule, y->rule) != 0)
    return error_set(err, STATUS_DATA, "%s and %s hold different rows of the texts: %.60s against %.60s", x->path,
                     y->path, x->rule, y->rule);
  if (x->texts_sha256[0] && y->texts_sha256[0] && strcmp(x->texts_sha256, y->texts_sha256) != 0)
    return error_set(err, STATUS_DATA, "%s and %s were read off different texts (digests %.12s... and %.12s...)", x->path,
                     y->path, x->texts_sha256, y->texts_sha256);
  return STATUS_OK;
}

static Status check_covariates(const AxisFile *x, const AxisFile *y, Error *err) {
  const AxisWords *a = &x->words, *b = &y->words;
  const size_t q = a->n_covariates;
  for (size_t k = 0; k < q || k < b->n_covariates; k++) {
    const char *one = k < q ? a->covariates[k] : "none", *two = k < b->n_covariates ? b->covariates[k] : "none";
    if (strcmp(one, two) != 0)
      return error_set(err, STATUS_DATA, "%s and %s have different covariates taken out: number %zu is %.60s against %.60s",
                       x->path, y->path, k + 1, one, two);
  }
  for (size_t i = 0; i < a->n * q; i++)
    if (a->covariate[i] != b->covariate[i])
      return error_set(err, STATUS_DATA, "%s and %s do not agree on covariate %.60s of \"%.60s\": %g against %g", x->path,
                       y->path, a->covariates[i % q], a->words[i / q], a->covariate[i], b->covariate[i]);
  return STATUS_OK;
}

Status axis_check_agreement(const AxisFile *x, const AxisFile *y, Error *err) {
  Status status = check_words(x, y, err);
  if (status == STATUS_OK && x->method != y->method)
    status = error_set(err, STATUS_DATA, "%s was fit by %s, %s by %s: expected one method", x->path, x->method_name,
                       y->path, y->method_name);
  if (status == STATUS_OK) status = check_texts(x, y, err);
  return status == STATUS_OK ? check_covariates(x, y, err) : status;
}
