/* Scan tables of several models, brought onto the same words and prompts. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/bias/bias.h"
#include "command/info/info.h"
#include "store/texts.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* --- names of models --- */

/* Attempt 0: the file's name without .csv, .gz and .h5; 1: the whole path without them; 2: the path. */
static char *table_name(const char *path, int attempt) {
  char *name = mem_copy_string(attempt ? path : file_name(path));
  const char *const suffixes[] = {".gz", ".csv", ".tsv", ".h5"};
  for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes && attempt < 2; i++)
    if (file_has_suffix(name, suffixes[i]) && strlen(name) > strlen(suffixes[i]))
      name[strlen(name) - strlen(suffixes[i])] = 0;
  return name;
}

static bool are_different(char *const *names, size_t n) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++)
      if (strcmp(names[i], names[j]) == 0) return false;
  return true;
}

/* Does what is left of a name still say something: at least four signs, and a letter among them? */
static bool is_telling(const char *rest) {
  bool has_letter = false;
  for (const char *at = rest; *at; at++) has_letter |= isalpha((unsigned char)*at) != 0;
  return has_letter && strlen(rest) >= 4;
}

/* How much may be left out of all names: what they all begin with, up to '_', '/' or a blank. */
static size_t shared_beginning(char *const *names, size_t n) {
  size_t shared = 0;
  for (size_t at = 0; n > 1; at++) {
    bool telling = true;
    for (size_t i = 0; i < n; i++) {
      if (!names[i][at] || names[i][at] != names[0][at]) return shared;
      telling &= is_telling(names[i] + at + 1);
    }
    if (telling && strchr("/_ ", names[0][at])) shared = at + 1;
  }
  return shared;
}

static Status name_models(BiasScores *s, Error *err) {
  for (size_t i = 0; i < s->n_models; i++)
    for (size_t j = i + 1; j < s->n_models; j++)
      if (file_is_same(s->paths[i], s->paths[j]))
        return error_set(err, STATUS_USAGE, "%s: was given twice", s->paths[j]);
  for (int attempt = 0; attempt < 3 && (attempt == 0 || !are_different(s->models, s->n_models)); attempt++)
    for (size_t i = 0; i < s->n_models; i++) {
      free(s->models[i]);
      s->models[i] = table_name(s->paths[i], attempt);
    }
  const size_t shared = shared_beginning(s->models, s->n_models);
  for (size_t i = 0; i < s->n_models; i++)
    memmove(s->models[i], s->models[i] + shared, strlen(s->models[i] + shared) + 1);
  return STATUS_OK;
}

/* --- one table --- */

/* Keeps the words of the lexicon, sorted. */
static Status keep_lexicon(const LexiconChoice *choice, ScanTable *t, size_t *n_dropped, Error *err) {
  bool *kept = mem_alloc(t->n_words, sizeof *kept);
  size_t n_kept = 0, place = 0;
  for (size_t i = 0; i < t->n_words; i++)
    n_kept += kept[i] = lexicon_side(choice, t->words[i], strlen(t->words[i]), NULL) >= 0;
  *n_dropped = t->n_words - n_kept;
  scan_table_keep(t, kept);
  free(kept);
  const Status status = lexicon_check_found(choice->lexicon, n_kept, t->path, err);
  if (status != STATUS_OK) return status;
  const char *word = NULL;
  const size_t n_again = scan_table_sort(t, &place, &word);
  const char *at = t->groups ? "answer" : "line";
  if (n_again && strcmp(t->layout, "words") == 0)
    return error_set(err, STATUS_DATA, "%s: %s %zu: the word \"%.60s\" is there twice", t->path, at, place, word);
  if (n_again)
    log_warn("%s: tokens that decode alike: the first of each is used, and %zu are left out (\"%.60s\" in %s %zu)",
             t->path, n_again, word, at, place);
  return STATUS_OK;
}

static Status read_tables(const LexiconChoice *choice, BiasScores *s, ScanTable *tables, Error *err) {
  Status status = STATUS_OK;
  Progress progress = progress_begin("reading", "tables", s->n_models);
  for (size_t i = 0; i < s->n_models && status == STATUS_OK; i++) {
    progress_show(&progress, i);
    status = (info_is_h5(s->paths[i]) ? bias_scan_file_read : scan_table_read)(s->paths[i], &tables[i], err);
    if (status != STATUS_OK) break;
    memcpy(s->digests[i], tables[i].sha256, DIGEST_TEXT);
    status = keep_lexicon(choice, &tables[i], &s->n_dropped[i], err);
  }
  progress_end(&progress);
  return status;
}

/* --- all tables --- */

static size_t find_prompt(const ScanTable *t, const char *prompt) {
  size_t i = 0;
  while (i < t->n_prompts && strcmp(t->prompts[i], prompt) != 0) i++;
  return i;
}

static Status lacks(const ScanTable *t, const ScanTable *other, const char *what, const char *text, Error *err) {
  return error_set(err, STATUS_DATA,
                   "%s: has no %s \"%.100s\", which %s has; --shared-only leaves out what not all tables have", t->path,
                   what, text, other->path);
}

/* STATUS_DATA where some table has a word or prompt that another lacks. */
static Status check_same(const ScanTable *tables, size_t n, Error *err) {
  for (size_t i = 1; i < n; i++)
    for (size_t side = 0; side < 2; side++) {
      const ScanTable *a = &tables[side ? i : 0], *b = &tables[side ? 0 : i];
      for (size_t w = 0; w < a->n_words; w++)
        if (scan_table_find(b, a->words[w]) == b->n_words) return lacks(b, a, "word", a->words[w], err);
      for (size_t p = 0; p < a->n_prompts; p++)
        if (find_prompt(b, a->prompts[p]) == b->n_prompts) return lacks(b, a, "prompt", a->prompts[p], err);
    }
  return STATUS_OK;
}

/* The words and prompts of the first table that all have. */
static Status take_shared(const ScanTable *tables, BiasScores *s, Error *err) {
  const ScanTable *first = &tables[0];
  s->words = mem_alloc(first->n_words, sizeof *s->words);
  s->prompts = mem_alloc(first->n_prompts, sizeof *s->prompts);
  for (size_t w = 0; w < first->n_words; w++) {
    size_t i = 1;
    while (i < s->n_models && scan_table_find(&tables[i], first->words[w]) < tables[i].n_words) i++;
    if (i == s->n_models) s->words[s->n_words++] = mem_copy_string(first->words[w]);
  }
  for (size_t p = 0; p < first->n_prompts; p++) {
    size_t i = 1;
    while (i < s->n_models && find_prompt(&tables[i], first->prompts[p]) < tables[i].n_prompts) i++;
    if (i == s->n_models) s->prompts[s->n_prompts++] = mem_copy_string(first->prompts[p]);
  }
  s->n_words_left = first->n_words - s->n_words;
  s->n_prompts_left = first->n_prompts - s->n_prompts;
  if (s->n_words && s->n_prompts) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: shares no %s with all other tables", first->path,
                   s->n_words ? "prompt" : "word of the lexicon");
}

/* The framing that a result says a prompt to be of, else "". */
static const char *framing_said(const ScanTable *t, const char *prompt) {
  const char *group = t->groups ? t->groups[find_prompt(t, prompt)] : "";
  for (Framing f = 0; f < FRAMING_NONE; f++)
    if (strcmp(group, framing_names[f]) == 0) return group;
  return "";
}

/* What results say of prompts' framings; two that contradict each other are STATUS_DATA. */
static Status take_groups(const ScanTable *tables, BiasScores *s, Error *err) {
  s->groups = mem_alloc(s->n_prompts, sizeof *s->groups);
  for (size_t p = 0; p < s->n_prompts; p++) {
    const ScanTable *first = NULL;
    const char *group = "";
    for (size_t i = 0; i < s->n_models; i++) {
      const char *said = framing_said(&tables[i], s->prompts[p]);
      if (*said && *group && strcmp(said, group) != 0)
        return error_set(err, STATUS_DATA, "%s: prompt \"%.100s\" is of the group %s, in %s of %s", tables[i].path,
                         s->prompts[p], said, first->path, group);
      if (!*said || *group) continue;
      group = said;
      first = &tables[i];
    }
    s->groups[p] = mem_copy_string(group);
  }
  return STATUS_OK;
}

static void fill_scores(const ScanTable *tables, BiasScores *s) {
  s->scores = mem_alloc(s->n_models * s->n_prompts * s->n_words, sizeof *s->scores);
  size_t *rows = mem_alloc(s->n_words, sizeof *rows);
  for (size_t m = 0; m < s->n_models; m++) {
    for (size_t w = 0; w < s->n_words; w++) rows[w] = scan_table_find(&tables[m], s->words[w]);
    for (size_t p = 0; p < s->n_prompts; p++) {
      const size_t column = find_prompt(&tables[m], s->prompts[p]);
      double *scores = s->scores + (m * s->n_prompts + p) * s->n_words;
      for (size_t w = 0; w < s->n_words; w++) scores[w] = tables[m].scores[rows[w] * tables[m].n_prompts + column];
    }
  }
  free(rows);
}

/* A category of few words is warned of, unless that was said of the lexicon itself. */
static Status check_categories(const BiasSettings *settings, const LexiconChoice *choice, const BiasScores *s,
                               Error *err) {
  for (size_t c = 0; c < s->n_categories; c++) {
    size_t n = 0;
    for (size_t w = 0; w < s->n_words; w++) n += s->category[w] == c;
    if (n >= LEXICON_FEW || choice->n_forms[c] < LEXICON_FEW) continue;
    if (settings->strict)
      return error_set(err, STATUS_DATA, "%s: category %.60s has %zu words in the tables, expected at least %d",
                       settings->lexicon, s->categories[c], n, LEXICON_FEW);
    log_warn("%s: category %.60s has %zu words in the tables, fewer than %d: little can be said of it",
             settings->lexicon, s->categories[c], n, LEXICON_FEW);
  }
  return STATUS_OK;
}

static void take_categories(const LexiconChoice *choice, BiasScores *s) {
  s->n_categories = choice->n;
  s->categories = mem_alloc(choice->n, sizeof *s->categories);
  for (size_t c = 0; c < choice->n; c++)
    s->categories[c] = mem_copy_string(choice->lexicon->categories[choice->categories[c]]);
  s->category = mem_alloc(s->n_words, sizeof *s->category);
  for (size_t w = 0; w < s->n_words; w++)
    s->category[w] = (size_t)lexicon_side(choice, s->words[w], strlen(s->words[w]), NULL);
}

Status bias_scores_read(const BiasSettings *settings, const LexiconChoice *choice, const char *const *paths, size_t n,
                        BiasScores *s, Error *err) {
  ScanTable *tables = mem_alloc(n, sizeof *tables);
  *s = (BiasScores){.n_models = n,
                    .paths = paths,
                    .models = mem_alloc(n, sizeof *s->models),
                    .digests = mem_alloc(n, sizeof *s->digests),
                    .n_dropped = mem_alloc(n, sizeof *s->n_dropped)};
  Status status = name_models(s, err);
  if (status == STATUS_OK) status = read_tables(choice, s, tables, err);
  if (status == STATUS_OK && !settings->shared_only) status = check_same(tables, n, err);
  if (status == STATUS_OK) status = take_shared(tables, s, err);
  if (status == STATUS_OK && !settings->prompts && !settings->positive && !settings->negative)
    status = take_groups(tables, s, err);
  if (status == STATUS_OK) {
    take_categories(choice, s);
    fill_scores(tables, s);
    status = check_categories(settings, choice, s, err);
  }
  for (size_t i = 0; i < n; i++) scan_table_clear(&tables[i]);
  free(tables);
  return status;
}

void bias_scores_clear(BiasScores *s) {
  string_list_free(s->models, s->n_models);
  string_list_free(s->words, s->n_words);
  string_list_free(s->prompts, s->n_prompts);
  string_list_free(s->groups, s->n_prompts);
  string_list_free(s->categories, s->n_categories);
  free(s->digests);
  free(s->n_dropped);
  free(s->category);
  free(s->scores);
  *s = (BiasScores){0};
}
