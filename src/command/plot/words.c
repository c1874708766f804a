/* The figure of top and bottom words: of results of `fathom implicit` the next tokens by MWLR, and the words of a
 * lexicon by their log ratio. */
#include "base/memory.h"
#include "command/plot/plot.h"
#include "probes/values/means.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Words at either end, and groups of prompts; of more groups, all prompts alone are drawn. */
enum { SHOWN = 12, MOST_GROUPS = 12 };

/* What is ranked in one panel; borrowed. */
typedef struct WordPanel {
  const char *file, *name, *measure;
  size_t n, step;                     /* numbers of word i are at i * step */
  char *const *texts, *const *groups; /* [n]; groups may be NULL */
  bool is_escaped;                    /* texts hold "\\x0a" for a byte that is no text, and "\\\\" for a backslash */
  const double *values, *lows, *highs;
} WordPanel;

/* Takes one character off *from, or of an escaped text one of its "\\xNN" and "\\\\". A byte that is no letter of a text is
 * <0x0a>, a backslash, which figures cannot carry, is U+2216, and a blank at the text's edge U+00B7. Returns the end. */
static char *put_visible(char *to, const char **from, bool at_edge, bool is_escaped) {
  const char *at = *from;
  const bool is_hex = is_escaped && at[0] == '\\' && at[1] == 'x' && at[2] && at[3];
  *from += is_hex ? 4 : is_escaped && at[0] == '\\' && at[1] == '\\' ? 2 : 1;
  if (is_hex) return to + sprintf(to, "<0x%c%c>", at[2], at[3]);
  if (*at == '\\') return stpcpy(to, "\xe2\x88\x96");
  if (*at == ' ' && at_edge) return stpcpy(to, "\xc2\xb7");
  if ((unsigned char)*at < 0x20) return to + sprintf(to, "<0x%02x>", (unsigned char)*at);
  *to = *at;
  return to + 1;
}

/* A text as the figure shows it. Freed by the caller. */
static char *visible(const char *text, bool is_escaped) {
  char *marked = mem_alloc(6 * strlen(text) + 1, 1), *to = marked;
  for (const char *from = text; *from;) to = put_visible(to, &from, from == text || !from[1], is_escaped);
  char *plain = plot_plain_text(marked);
  free(marked);
  return plain;
}

typedef struct RankedWord {
  double value;
  size_t word;
} RankedWord;

static int falling(const void *a, const void *b) {
  const RankedWord *x = a, *y = b;
  if (x->value != y->value) return x->value < y->value ? 1 : -1;
  return (x->word > y->word) - (x->word < y->word);
}

static void write_word(const WordPanel *p, const char *end, size_t rank, size_t word, Table *table) {
  char *text = visible(p->texts[word], p->is_escaped), *group = p->groups ? plot_plain_text(p->groups[word]) : NULL;
  table_string(table, p->file);
  table_string(table, p->name);
  table_string(table, p->measure);
  table_string(table, end);
  table_count(table, rank);
  table_string(table, text);
  table_string(table, group);
  plot_number(table, p->values[word * p->step]);
  plot_number(table, p->lows ? p->lows[word * p->step] : NAN);
  plot_number(table, p->highs ? p->highs[word * p->step] : NAN);
  free(text);
  free(group);
}

/* Words without a number are left out. */
static void write_panel(const WordPanel *p, Table *table) {
  RankedWord *ranked = mem_alloc(p->n, sizeof *ranked);
  size_t n = 0;
  for (size_t i = 0; i < p->n; i++)
    if (isfinite(p->values[i * p->step])) ranked[n++] = (RankedWord){p->values[i * p->step], i};
  qsort(ranked, n, sizeof *ranked, falling);
  const size_t shown = n < 2 * SHOWN ? n / 2 : SHOWN;
  for (size_t i = 0; i < shown; i++) write_word(p, "top", i + 1, ranked[i].word, table);
  for (size_t i = 0; i < shown; i++) write_word(p, "bottom", i + 1, ranked[n - 1 - i].word, table);
  free(ranked);
}

/* The first set is of all prompts, the others are the groups. */
static size_t drawn_sets(size_t n_sets) { return n_sets <= MOST_GROUPS + 1 ? n_sets : 1; }

/* A panel for each set of prompts: group/{value, lo, hi} is [S, n] or [S, n, forms], of which the first form is drawn.
 */
static Status write_sets(const PlotFile *file, const char *group, const char *value, const char *measure,
                         char *const *sets, size_t n_sets, WordPanel panel, size_t n_forms, Table *table, Error *err) {
  const char *const names[] = {value, "lo", "hi"};
  size_t shape[] = {n_sets, panel.n, n_forms};
  double *numbers[3] = {NULL};
  Status status = STATUS_OK;
  for (size_t i = 0; i < 3 && status == STATUS_OK; i++) {
    char *path = mem_format("%s/%s", group, names[i]);
    status = plot_read_array(file, path, n_forms ? 3 : 2, shape, &numbers[i], err);
    free(path);
  }
  panel.step = n_forms ? n_forms : 1;
  for (size_t s = 0; s < drawn_sets(n_sets) && status == STATUS_OK; s++) {
    const size_t at = s * panel.n * panel.step;
    char *title = mem_format("%ss, %s prompts", group, sets[s]), *plain = plot_plain_text(title);
    panel.name = plain;
    panel.measure = measure;
    panel.values = numbers[0] + at;
    panel.lows = numbers[1] + at;
    panel.highs = numbers[2] + at;
    write_panel(&panel, table);
    free(title);
    free(plain);
  }
  for (size_t i = 0; i < 3; i++) free(numbers[i]);
  return status;
}

static void note_groups(Table *table, size_t n) {
  table_note(table, "figure: %zu groups of prompts, not drawn apart", n);
}

static Status write_implicit_file(const PlotFile *file, Table *table, Error *err) {
  char **sets = NULL, **tokens = NULL, **words = NULL, **categories = NULL, **forms = NULL;
  size_t n_sets = 0, n_tokens = 0, n_words = 0, n_forms = 0;
  const bool has_words = result_has(file->result, "word/text");
  if (!result_has(file->result, "token/text"))
    return error_set(err, STATUS_DATA, "%s: holds no words: it is of --pairs", file->path);
  Status status = plot_read_strings(file, "set/name", &sets, &n_sets, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "token/text", &tokens, &n_tokens, err);
  if (status == STATUS_OK && has_words) status = plot_read_strings(file, "word/text", &words, &n_words, err);
  size_t n_categories = n_words;
  if (status == STATUS_OK && has_words)
    status = plot_read_strings(file, "word/category", &categories, &n_categories, err);
  if (status == STATUS_OK && has_words) status = plot_read_strings(file, "form/name", &forms, &n_forms, err);
  if (status == STATUS_OK && drawn_sets(n_sets) < n_sets) note_groups(table, n_sets - 1);
  if (status == STATUS_OK)
    status = write_sets(file, "token", "mwlr", "MWLR", sets, n_sets,
                        (WordPanel){.file = file->label, .n = n_tokens, .texts = tokens, .is_escaped = true}, 0, table, err);
  if (status == STATUS_OK && has_words)
    status = write_sets(file, "word", "log_ratio", "log p2 - log p1, nats", sets, n_sets,
                        (WordPanel){.file = file->label, .n = n_words, .texts = words, .groups = categories}, n_forms,
                        table, err);
  string_list_free(sets, n_sets);
  string_list_free(tokens, n_tokens);
  string_list_free(words, n_words);
  string_list_free(categories, n_categories);
  string_list_free(forms, n_forms);
  return status;
}

static Status write_implicit(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  plot_note_interval(files, n_files, table);
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_implicit_file(&files[i], table, err);
  return status;
}

const Figure figure_implicit_words = {
    .name = "words",
    .kind = "implicit",
    .script = "words.gp",
    .columns = {"file", "panel", "measure", "end", "rank", "text", "category", "value", "lo", "hi"},
    .write = write_implicit,
};

/* --- rewards of a scan --- */

/* Prompts of one group; NULL = all. */
static Status write_rewards(const PlotFile *file, const double *rewards, size_t n_prompts, char *const *groups,
                            const char *group, const WordPanel *answers, Table *table, Error *err) {
  const size_t n = answers->n;
  WordPanel panel = *answers;
  Means means;
  Status status = means_init(&means, n, err);
  if (status != STATUS_OK) return error_prefix(err, "%s", file->path);
  for (size_t p = 0; p < n_prompts; p++)
    if (!group || strcmp(groups[p], group) == 0) means_add(&means, rewards + p * n);
  double *lows = mem_alloc(n, sizeof *lows), *highs = mem_alloc(n, sizeof *highs);
  for (size_t i = 0; i < n; i++) {
    const MeanInterval mean = means_at(&means, i);
    lows[i] = mean.lo;
    highs[i] = mean.hi;
  }
  char *title = mem_format("answers, %s prompts", group ? group : "all"), *plain = plot_plain_text(title);
  panel.name = plain;
  panel.values = means.mean;
  panel.lows = lows;
  panel.highs = highs;
  write_panel(&panel, table);
  free(title);
  free(plain);
  free(lows);
  free(highs);
  means_clear(&means);
  return STATUS_OK;
}

static bool is_first(char *const *groups, size_t prompt) {
  for (size_t i = 0; i < prompt; i++)
    if (strcmp(groups[i], groups[prompt]) == 0) return false;
  return true;
}

static Status write_scan_file(const PlotFile *file, Table *table, Error *err) {
  char **texts = NULL, **groups = NULL;
  double *rewards = NULL;
  size_t shape[2] = {0};
  size_t n_groups = 0;
  Status status = plot_read_strings(file, "answers/text", &texts, &shape[1], err);
  if (status == STATUS_OK) status = plot_read_strings(file, "prompts/group", &groups, &shape[0], err);
  if (status == STATUS_OK) status = plot_read_array(file, "rewards", 2, shape, &rewards, err);
  const WordPanel answers = {.file = file->label, .measure = "reward", .n = shape[1], .step = 1, .texts = texts};
  if (status == STATUS_OK) status = write_rewards(file, rewards, shape[0], groups, NULL, &answers, table, err);
  for (size_t p = 0; p < shape[0] && status == STATUS_OK; p++) n_groups += is_first(groups, p);
  if (n_groups > MOST_GROUPS) note_groups(table, n_groups);
  for (size_t p = 0; p < shape[0] && status == STATUS_OK && n_groups > 1 && n_groups <= MOST_GROUPS; p++)
    if (is_first(groups, p)) status = write_rewards(file, rewards, shape[0], groups, groups[p], &answers, table, err);
  string_list_free(texts, shape[1]);
  string_list_free(groups, shape[0]);
  free(rewards);
  return status;
}

static Status write_scan(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  table_note(table, "interval: 95 %% over prompts (Student's t)");
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) status = write_scan_file(&files[i], table, err);
  return status;
}

const Figure figure_scan_words = {
    .name = "words",
    .kind = "scan",
    .script = "words.gp",
    .columns = {"file", "panel", "measure", "end", "rank", "text", "category", "value", "lo", "hi"},
    .write = write_scan,
};
