/* Words of the command line of `fathom drift`: which measures, which limits. */
#include "base/memory.h"
#include "command/drift/drift.h"

#include <stdlib.h>
#include <string.h>

void drift_selection_clear(DriftSelection *s) {
  free(s->measures);
  free(s->printed);
  free(s->values);
}

/* Is name a word of the comma list? */
static bool is_word(const char *list, const char *name) {
  const size_t size = strlen(name);
  for (const char *at = list; at; at = strchr(at, ',')) {
    at += *at == ',';
    if (strncmp(at, name, size) == 0 && (at[size] == ',' || at[size] == 0)) return true;
  }
  return false;
}

static Status check_words(const char *list, Error *err) {
  for (const char *at = list;;) {
    const size_t size = strcspn(at, ",");
    char word[64];
    size_t unused;
    snprintf(word, sizeof word, "%.*s", size < sizeof word ? (int)size : (int)sizeof word, at);
    if (!measure_find(word, &unused))
      return error_set(err, STATUS_USAGE, "--measures: there is no measure \"%s\" (fathom drift --list names them)",
                       word);
    if (!at[size]) return STATUS_OK;
    at += size + 1;
  }
}

static Status check_lens(const DriftSelection *s, bool has_lens, Error *err) {
  bool reads = false;
  for (size_t m = 0; m < s->n_measures; m++) {
    if (s->measures[m]->needs != NEEDS_LENS) continue;
    if (!has_lens)
      return error_set(err, STATUS_USAGE, "--measures: %s needs the frozen model's head: --lens MODEL",
                       s->measures[m]->name);
    reads = true;
  }
  if (has_lens && !reads)
    return error_set(err, STATUS_USAGE, "--lens: none of --measures reads with it (lens_kl does)");
  return STATUS_OK;
}

Status drift_select(const char *list, bool has_lens, DriftSelection *s, Error *err) {
  const Status status = list ? check_words(list, err) : STATUS_OK;
  if (status != STATUS_OK) return status;
  size_t n = 0, n_values = 0;
  for (; measures[n]; n++) n_values += measures[n]->n_values;
  s->measures = mem_alloc(n, sizeof *s->measures);
  s->printed = mem_alloc(n_values, sizeof *s->printed);
  s->values = mem_alloc(n_values, sizeof *s->values);
  for (size_t m = 0; m < n; m++) {
    const Measure *measure = measures[m];
    const size_t before = s->n_printed;
    const bool unasked = measure->by_default || (has_lens && measure->needs == NEEDS_LENS);
    for (size_t v = 0; v < measure->n_values; v++) {
      const char *name = measure->values[v].name;
      const bool floor = strcmp(name, "cka_floor") == 0 && list && is_word(list, "cka_biased");
      s->values[s->n_values + v] = &measure->values[v];
      s->printed[s->n_values + v] = list ? floor || is_word(list, name) : unasked;
      s->n_printed += s->printed[s->n_values + v];
    }
    if (s->n_printed == before) continue;
    s->measures[s->n_measures++] = measure;
    s->n_values += measure->n_values;
  }
  return check_lens(s, has_lens, err);
}

Status drift_limits_parse(const OptionTexts *texts, DriftLimit **limits, Error *err) {
  *limits = mem_alloc(texts->count, sizeof **limits);
  for (size_t i = 0; i < texts->count; i++) {
    DriftLimit *limit = &(*limits)[i];
    const char *equals = strchr(texts->items[i], '=');
    limit->text = texts->items[i];
    if (!equals || (size_t)(equals - limit->text) >= sizeof limit->measure || !parse_real(equals + 1, &limit->most))
      return error_set(err, STATUS_USAGE, "--fail-above %s: expected MEASURE=NUMBER", limit->text);
    memcpy(limit->measure, limit->text, (size_t)(equals - limit->text));
  }
  return STATUS_OK;
}

Status drift_limits_check(const DriftLimit *limits, size_t n, const DriftSelection *s, Error *err) {
  for (size_t i = 0; i < n; i++) {
    bool found = false;
    for (size_t v = 0; v < s->n_values; v++)
      found = found || (s->printed[v] && strcmp(s->values[v]->name, limits[i].measure) == 0);
    if (!found)
      return error_set(err, STATUS_USAGE, "--fail-above %s: %s is not among the measures", limits[i].text,
                       limits[i].measure);
  }
  return STATUS_OK;
}
