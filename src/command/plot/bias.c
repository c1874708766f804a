/* The table of results of `fathom bias`: where the words of each category stand, per model, framing and prompt. */
#include "base/memory.h"
#include "command/plot/plot.h"
#include "store/texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_CATEGORIES = 14 }; /* two rounds of colours, told apart by their marks */

typedef struct BiasResult {
  char **models, **families, **prompts, **framings, **categories, **words;
  size_t n_models, n_prompts, n_categories, n_words;
  double *ranks;  /* [n_models, n_prompts, n_categories] */
  bool *is_drawn; /* [n_categories] */
  size_t n_drawn;
} BiasResult;

static void bias_clear(BiasResult *b) {
  string_list_free(b->models, b->n_models);
  string_list_free(b->families, b->n_models);
  string_list_free(b->prompts, b->n_prompts);
  string_list_free(b->framings, b->n_prompts);
  string_list_free(b->categories, b->n_categories);
  string_list_free(b->words, b->n_words);
  free(b->ranks);
  free(b->is_drawn);
}

/* Is category a larger than category b? Of equal ones the first is. */
static bool is_larger(const size_t *n_words, size_t a, size_t b) {
  return n_words[a] != n_words[b] ? n_words[a] > n_words[b] : a < b;
}

/* A category is drawn where it has a word and fewer than MOST_CATEGORIES are larger. */
static Status choose_categories(const PlotFile *file, BiasResult *b, Error *err) {
  char **of_words = NULL;
  size_t *n_words = mem_alloc(b->n_categories, sizeof *n_words);
  const Status status = plot_read_strings(file, "word/category", &of_words, &b->n_words, err);
  b->is_drawn = mem_alloc(b->n_categories, sizeof *b->is_drawn);
  for (size_t w = 0; w < b->n_words && status == STATUS_OK; w++)
    for (size_t c = 0; c < b->n_categories; c++) n_words[c] += strcmp(of_words[w], b->categories[c]) == 0;
  for (size_t c = 0; c < b->n_categories && status == STATUS_OK; c++) {
    size_t n_larger = 0;
    for (size_t other = 0; other < b->n_categories; other++) n_larger += is_larger(n_words, other, c);
    b->is_drawn[c] = n_words[c] > 0 && n_larger < MOST_CATEGORIES;
    b->n_drawn += b->is_drawn[c];
  }
  if (status == STATUS_OK) string_list_free(of_words, b->n_words);
  free(n_words);
  return status;
}

static Status bias_read(const PlotFile *file, BiasResult *b, Error *err) {
  *b = (BiasResult){0};
  Status status = plot_read_strings(file, "model/name", &b->models, &b->n_models, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "model/family", &b->families, &b->n_models, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "prompt/name", &b->prompts, &b->n_prompts, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "prompt/framing", &b->framings, &b->n_prompts, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "category/name", &b->categories, &b->n_categories, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "word/text", &b->words, &b->n_words, err);
  if (status == STATUS_OK) status = choose_categories(file, b, err);
  size_t shape[] = {b->n_models, b->n_prompts, b->n_categories};
  return status == STATUS_OK ? plot_read_array(file, "median_rank", 3, shape, &b->ranks, err) : status;
}

static void plain_cell(Table *table, const char *text) {
  char *plain = plot_plain_text(text);
  table_string(table, plain);
  free(plain);
}

static void write_row(const PlotFile *file, const BiasResult *b, size_t model, const char *framing, size_t category,
                      const char *prompt, double rank, Table *table) {
  table_string(table, file->label);
  plain_cell(table, b->families[model]);
  plain_cell(table, b->models[model]);
  plain_cell(table, framing);
  plain_cell(table, b->categories[category]);
  prompt ? plain_cell(table, prompt) : table_string(table, NULL);
  plot_number(table, rank);
  table_count(table, b->n_words);
}

/* A row a prompt, then their mean without one. */
static void write_cell(const PlotFile *file, const BiasResult *b, size_t model, const char *framing, size_t category,
                       Table *table) {
  double sum = 0, n = 0;
  for (size_t p = 0; p < b->n_prompts; p++) {
    if (strcmp(b->framings[p], framing) != 0) continue;
    const double rank = b->ranks[(model * b->n_prompts + p) * b->n_categories + category];
    write_row(file, b, model, framing, category, b->prompts[p], rank, table);
    sum += rank;
    n++;
  }
  if (n > 0) write_row(file, b, model, framing, category, NULL, sum / n, table);
}

static bool is_first_of(char *const *texts, size_t i) {
  for (size_t j = 0; j < i; j++)
    if (strcmp(texts[j], texts[i]) == 0) return false;
  return true;
}

/* Models of a family stand together. */
static void write_family(const PlotFile *file, const BiasResult *b, const char *family, Table *table) {
  for (size_t m = 0; m < b->n_models; m++) {
    if (strcmp(b->families[m], family) != 0) continue;
    for (size_t p = 0; p < b->n_prompts; p++)
      for (size_t c = 0; c < b->n_categories && is_first_of(b->framings, p); c++)
        if (b->is_drawn[c]) write_cell(file, b, m, b->framings[p], c, table);
  }
}

static Status write_ranks(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    BiasResult b;
    status = bias_read(&files[i], &b, err);
    if (status == STATUS_OK && b.n_drawn < b.n_categories)
      table_note(table, "figure: %zu of %zu categories, those of most words", b.n_drawn, b.n_categories);
    for (size_t m = 0; m < b.n_models && status == STATUS_OK; m++)
      if (is_first_of(b.families, m)) write_family(&files[i], &b, b.families[m], table);
    bias_clear(&b);
  }
  return status;
}

const Figure figure_ranks = {
    .name = "ranks",
    .kind = "bias",
    .script = "ranks.gp",
    .columns = {"file", "family", "model", "framing", "category", "prompt", "median_rank", "words"},
    .write = write_ranks,
};
