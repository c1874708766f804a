/* Which family a model is of, by the name of its file; how a prompt is framed; which categories are contrasted. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/bias/bias.h"
#include "store/texts.h"
#include "text/samples/questions.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

const char *const framing_names[FRAMINGS] = {"positive", "negative", "none"};

/* --- families --- */

/* Is one of the comma-separated parts in text? Upper and lower case are alike. */
static bool holds_part(const char *text, const char *parts) {
  for (const char *at = parts; *at;) {
    const size_t n = strcspn(at, ",");
    for (const char *place = text; n && *place; place++)
      if (strncasecmp(place, at, n) == 0) return true;
    at += n + (at[n] == ',');
  }
  return false;
}

static bool are_parts(const char *parts) {
  return *parts && *parts != ',' && !strstr(parts, ",,") && parts[strlen(parts) - 1] != ',';
}

static Status name_families(const OptionTexts *given, BiasGroups *g, Error *err) {
  g->n_families = given->count ? given->count : 1;
  g->families = mem_alloc(g->n_families, sizeof *g->families);
  if (!given->count) g->families[0] = mem_copy_string("all");
  for (size_t i = 0; i < given->count; i++) {
    const char *text = given->items[i], *equals = strchr(text, '=');
    if (!equals || equals == text || !are_parts(equals + 1))
      return error_set(err, STATUS_USAGE, "--family %s: expected NAME=SUBSTRING[,SUBSTRING]...", text);
    g->families[i] = mem_format("%.*s", (int)(equals - text), text);
    for (size_t j = 0; j < i; j++)
      if (strcmp(g->families[i], g->families[j]) == 0)
        return error_set(err, STATUS_USAGE, "--family %s: the family %s was given before; name its parts together",
                         text, g->families[i]);
  }
  return STATUS_OK;
}

/* The families whose parts are in the name: how many, and the first two. */
static size_t find_families(const OptionTexts *given, const char *name, size_t found[2]) {
  size_t n = 0;
  for (size_t i = 0; i < given->count; i++)
    if (holds_part(name, strchr(given->items[i], '=') + 1)) {
      if (n < 2) found[n] = i;
      n++;
    }
  return n;
}

/* By the file's name; where that says nothing, by its whole path. */
static Status assign_families(const OptionTexts *given, const BiasScores *s, BiasGroups *g, Error *err) {
  g->family = mem_alloc(s->n_models, sizeof *g->family);
  size_t *n_of = mem_alloc(g->n_families, sizeof *n_of);
  Status status = STATUS_OK;
  for (size_t m = 0; m < s->n_models && status == STATUS_OK; m++) {
    size_t found[2] = {0};
    size_t n = given->count ? find_families(given, file_name(s->paths[m]), found) : 1;
    if (n == 0) n = find_families(given, s->paths[m], found);
    if (n == 0)
      status = error_set(err, STATUS_USAGE, "%s: belongs to no --family: none of their substrings is in its name",
                         s->paths[m]);
    else if (n > 1)
      status =
          error_set(err, STATUS_USAGE, "%s: belongs to two families, %s and %s: their substrings are both in its name",
                    s->paths[m], g->families[found[0]], g->families[found[1]]);
    g->family[m] = found[0];
    n_of[found[0]]++;
  }
  for (size_t i = 0; i < g->n_families && status == STATUS_OK; i++)
    if (n_of[i] == 0)
      status =
          error_set(err, STATUS_USAGE, "--family %s: no table's name has one of these substrings", given->items[i]);
  free(n_of);
  return status;
}

/* --- framing --- */

static bool is_word(const char *word, size_t n, const char *const *list) {
  for (; *list; list++)
    if (strlen(*list) == n && strncasecmp(*list, word, n) == 0) return true;
  return false;
}

/* By the adjectives of the shipped value prompts; both kinds in one prompt say nothing. */
static Framing framing_by_words(const char *prompt) {
  static const char *const good[] = {"best", "greatest", "good", NULL}, *const bad[] = {"worst", "bad", "terrible",
                                                                                        NULL};
  bool is_good = false, is_bad = false;
  for (const char *at = prompt; *at;) {
    size_t n = 0;
    while (isalpha((unsigned char)at[n])) n++;
    is_good |= n && is_word(at, n, good);
    is_bad |= n && is_word(at, n, bad);
    at += n ? n : 1;
  }
  return is_good == is_bad ? FRAMING_NONE : is_good ? FRAMING_POSITIVE : FRAMING_NEGATIVE;
}

/* As the results of scans say it; *found counts those that do. */
static Framing framing_by_group(const char *group, const char *prompt, size_t *found) {
  for (Framing f = 0; f < FRAMING_NONE; f++)
    if (strcmp(group, framing_names[f]) == 0) {
      ++*found;
      return f;
    }
  return framing_by_words(prompt);
}

static Status framing_by_options(const BiasSettings *settings, const char *prompt, Framing *framing, Error *err) {
  const bool is_good = settings->positive && holds_part(prompt, settings->positive);
  const bool is_bad = settings->negative && holds_part(prompt, settings->negative);
  *framing = is_good ? FRAMING_POSITIVE : is_bad ? FRAMING_NEGATIVE : FRAMING_NONE;
  if (!(is_good && is_bad)) return STATUS_OK;
  return error_set(err, STATUS_USAGE, "prompt \"%.200s\": --positive and --negative both have a part of it", prompt);
}

/* A file of prompts says it by their group; the columns are called by their ids or texts. */
static Status framing_from_file(const char *path, const BiasScores *s, BiasGroups *g, Error *err) {
  QuestionSet set = {0};
  size_t n_found = 0;
  Status status = questions_read(&path, 1, 0, &set, err);
  for (size_t i = 0; i < set.count && status == STATUS_OK; i++)
    for (size_t p = 0; p < s->n_prompts; p++) {
      const Question *q = &set.items[i];
      if (strcmp(s->prompts[p], q->id) != 0 && strcmp(s->prompts[p], q->text) != 0) continue;
      for (Framing f = 0; f < FRAMING_NONE; f++)
        if (strcmp(q->group, framing_names[f]) == 0) g->framing[p] = f;
      n_found++;
    }
  if (status == STATUS_OK && n_found == 0)
    status = error_set(err, STATUS_DATA, "%s: none of its %zu prompts is a column of the tables, by id or text", path,
                       set.count);
  questions_clear(&set);
  return status;
}

static Status assign_framings(const BiasSettings *settings, const BiasScores *s, BiasGroups *g, Error *err) {
  const bool by_options = settings->positive || settings->negative;
  Status status = STATUS_OK;
  size_t n_by_group = 0;
  g->framing = mem_alloc(s->n_prompts, sizeof *g->framing);
  for (size_t p = 0; p < s->n_prompts && status == STATUS_OK; p++) {
    g->framing[p] = FRAMING_NONE;
    if (by_options)
      status = framing_by_options(settings, s->prompts[p], &g->framing[p], err);
    else if (!settings->prompts)
      g->framing[p] = framing_by_group(s->groups[p], s->prompts[p], &n_by_group);
  }
  g->rule = by_options                    ? "by --positive and --negative"
            : settings->prompts           ? "by their group in the file of --prompts"
            : n_by_group == s->n_prompts  ? "by their group in the results of scans"
            : n_by_group > 0              ? "by their group in the results of scans, or by the words best, greatest, good and "
                                            "worst, bad, terrible in their names"
                                          : "by the words best, greatest, good and worst, bad, terrible in their names";
  if (status == STATUS_OK && settings->prompts) status = framing_from_file(settings->prompts, s, g, err);
  const char *unframed = NULL;
  for (size_t p = 0; p < s->n_prompts && status == STATUS_OK; p++) {
    g->n_framed[g->framing[p]]++;
    if (g->framing[p] == FRAMING_NONE && !unframed) unframed = s->prompts[p];
  }
  if (status != STATUS_OK || !unframed) return status;
  if (settings->strict) return error_set(err, STATUS_DATA, "prompt \"%.200s\" has no framing (%s)", unframed, g->rule);
  if (g->n_framed[FRAMING_NONE] == s->n_prompts)
    log_warn("no prompt has a framing (%s): contrasts are over all of them, first - second category", g->rule);
  else
    log_warn("%zu prompts have no framing (%s), and are in no contrast: \"%.200s\" is the first",
             g->n_framed[FRAMING_NONE], g->rule, unframed);
  return STATUS_OK;
}

/* --- categories --- */

static size_t find_category(const LexiconChoice *choice, const char *name, size_t n) {
  size_t c = 0;
  for (; c < choice->n; c++) {
    const char *known = choice->lexicon->categories[choice->categories[c]];
    if (strlen(known) == n && strncasecmp(known, name, n) == 0) break;
  }
  return c;
}

static Status parse_contrast(const LexiconChoice *choice, const char *text, BiasContrast *contrast, Error *err) {
  const char *comma = strchr(text, ',');
  if (!comma) return error_set(err, STATUS_USAGE, "--contrast %s: expected two categories, FIRST,SECOND", text);
  const char *const names[] = {text, comma + 1};
  const size_t sizes[] = {(size_t)(comma - text), strlen(comma + 1)};
  size_t found[2];
  for (size_t i = 0; i < 2; i++)
    if ((found[i] = find_category(choice, names[i], sizes[i])) == choice->n)
      return error_set(err, STATUS_USAGE, "--contrast %s: %.*s is none of the categories in use", text, (int)sizes[i],
                       names[i]);
  *contrast = (BiasContrast){found[0], found[1]};
  if (found[0] != found[1]) return STATUS_OK;
  return error_set(err, STATUS_USAGE, "--contrast %s: expected two different categories", text);
}

/* Either way around: only the sign is another. */
static bool is_same_pair(BiasContrast a, BiasContrast b) {
  return (a.first == b.first && a.second == b.second) || (a.first == b.second && a.second == b.first);
}

Status bias_contrasts_choose(const BiasSettings *settings, const LexiconChoice *choice, BiasContrast **contrasts,
                             size_t *n, Error *err) {
  const OptionTexts *given = &settings->contrasts;
  const size_t agency = find_category(choice, "agency", 6), communion = find_category(choice, "communion", 9);
  const bool are_big_two = agency < choice->n && communion < choice->n;
  *n = 0;
  *contrasts = mem_alloc(given->count + 1, sizeof **contrasts);
  for (; *n < given->count; ++*n) {
    const Status status = parse_contrast(choice, given->items[*n], &(*contrasts)[*n], err);
    if (status != STATUS_OK) return status;
    for (size_t i = 0; i < *n; i++)
      if (is_same_pair((*contrasts)[i], (*contrasts)[*n]))
        return error_set(err, STATUS_USAGE, "--contrast %s: was given before (%s); q counts every test once",
                         given->items[*n], given->items[i]);
  }
  if (given->count == 0 && (are_big_two || choice->n == 2))
    (*contrasts)[(*n)++] = are_big_two ? (BiasContrast){agency, communion} : (BiasContrast){0, 1};
  return STATUS_OK;
}

/* --- all --- */

Status bias_groups_assign(const BiasSettings *settings, const BiasScores *scores, BiasGroups *g, Error *err) {
  *g = (BiasGroups){0};
  Status status = name_families(&settings->families, g, err);
  if (status == STATUS_OK) status = assign_families(&settings->families, scores, g, err);
  return status == STATUS_OK ? assign_framings(settings, scores, g, err) : status;
}

void bias_groups_clear(BiasGroups *g) {
  string_list_free(g->families, g->n_families);
  free(g->family);
  free(g->framing);
  *g = (BiasGroups){0};
}
