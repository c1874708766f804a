/* The table of value words in training runs (run.h5): how their rewards rank them, and how far they have moved along the axes
 * of the frozen model, at the steps they were looked at. */
#include "base/memory.h"
#include "base/sitename.h"
#include "command/plot/plot.h"
#include "store/texts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct RunValues {
  char **sites, **categories, **prompts, **framings;
  size_t n_steps, n_sites, n_categories, n_prompts;
  double *steps, *lemmas;       /* [n_steps], [n_categories] */
  double n_words;               /* of all categories: ranks go from 1 to it */
  double *projection, *shift;   /* [n_steps, n_sites, n_categories] */
  double *ranks;                /* [n_steps, n_prompts, n_categories] */
} RunValues;

static void values_clear(RunValues *v) {
  string_list_free(v->sites, v->n_sites);
  string_list_free(v->categories, v->n_categories);
  string_list_free(v->prompts, v->n_prompts);
  string_list_free(v->framings, v->n_prompts);
  free(v->steps);
  free(v->lemmas);
  free(v->projection);
  free(v->shift);
  free(v->ranks);
}

static Status values_read(const PlotFile *file, RunValues *v, Error *err) {
  double *words = NULL;
  *v = (RunValues){0};
  if (!result_has(file->result, "values/step"))
    return error_set(err, STATUS_DATA, "%s: holds no value words: fathom train --value-axis looks at some", file->path);
  Status status = plot_read_strings(file, "values/site", &v->sites, &v->n_sites, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "values/category", &v->categories, &v->n_categories, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "values/prompt", &v->prompts, &v->n_prompts, err);
  if (status == STATUS_OK) status = plot_read_strings(file, "values/framing", &v->framings, &v->n_prompts, err);
  if (status == STATUS_OK) status = plot_read_array(file, "values/words", 1, &v->n_categories, &words, err);
  for (size_t c = 0; c < v->n_categories && status == STATUS_OK; c++) v->n_words += words[c];
  if (status == STATUS_OK) status = plot_read_array(file, "values/lemmas", 1, &v->n_categories, &v->lemmas, err);
  if (status == STATUS_OK) status = plot_read_array(file, "values/step", 1, &v->n_steps, &v->steps, err);
  size_t along[] = {v->n_steps, v->n_sites, v->n_categories}, ranks[] = {v->n_steps, v->n_prompts, v->n_categories};
  if (status == STATUS_OK) status = plot_read_array(file, "values/projection", 3, along, &v->projection, err);
  if (status == STATUS_OK) status = plot_read_array(file, "values/shift", 3, along, &v->shift, err);
  if (status == STATUS_OK) status = plot_read_array(file, "values/median_rank", 3, ranks, &v->ranks, err);
  free(words);
  return status;
}

static void plain_cell(Table *table, const char *text) {
  char *plain = text ? plot_plain_text(text) : NULL;
  table_string(table, plain);
  free(plain);
}

/* What a row is of; NULL is missing. */
typedef struct RowName {
  const char *measure, *framing, *prompt, *site, *category;
} RowName;

static void write_row(const PlotFile *file, double step, RowName name, double value, double n, Table *table) {
  const int layer = name.site ? site_name_parse(name.site).layer : SITE_NO_LAYER;
  table_string(table, file->label);
  plot_number(table, step);
  table_string(table, name.measure);
  plain_cell(table, name.framing);
  plain_cell(table, name.prompt);
  table_string(table, name.site);
  layer == SITE_NO_LAYER ? table_string(table, NULL) : table_count(table, (size_t)layer);
  plain_cell(table, name.category);
  plot_number(table, value);
  plot_number(table, n);
}

static const char *framing_of(const RunValues *v, size_t prompt) {
  return v->framings[prompt][0] ? v->framings[prompt] : "none";
}

/* The prompts of one framing, then their mean without a prompt. */
static void write_framing(const PlotFile *file, const RunValues *v, size_t t, size_t category, const char *framing,
                          Table *table) {
  double sum = 0, n = 0;
  RowName name = {.measure = "median_rank", .framing = framing, .category = v->categories[category]};
  for (size_t p = 0; p < v->n_prompts; p++) {
    if (strcmp(framing_of(v, p), framing) != 0) continue;
    const double rank = v->ranks[(t * v->n_prompts + p) * v->n_categories + category];
    name.prompt = v->prompts[p];
    write_row(file, v->steps[t], name, rank, v->n_words, table);
    sum += rank;
    n++;
  }
  name.prompt = NULL;
  write_row(file, v->steps[t], name, sum / n, v->n_words, table);
}

static bool is_first_framing(const RunValues *v, size_t prompt) {
  for (size_t p = 0; p < prompt; p++)
    if (strcmp(framing_of(v, p), framing_of(v, prompt)) == 0) return false;
  return true;
}

static void write_step(const PlotFile *file, const RunValues *v, size_t t, Table *table) {
  const size_t n = v->n_categories;
  for (size_t p = 0; p < v->n_prompts; p++)
    for (size_t c = 0; c < n && is_first_framing(v, p); c++) write_framing(file, v, t, c, framing_of(v, p), table);
  for (size_t s = 0; s < v->n_sites; s++)
    for (size_t c = 0; c < n; c++) {
      const size_t at = (t * v->n_sites + s) * n + c;
      RowName name = {.measure = "projection", .site = v->sites[s], .category = v->categories[c]};
      write_row(file, v->steps[t], name, v->projection[at], v->lemmas[c], table);
      name.measure = "shift";
      write_row(file, v->steps[t], name, v->shift[at], v->lemmas[c], table);
    }
}

static Status write_values(const PlotFile *files, size_t n_files, Table *table, Error *err) {
  Status status = STATUS_OK;
  table_note(table, "median_rank: of a category's words among all n, by reward as the whole answer to a prompt, 1 = highest; "
                    "rows without a prompt are means over those of a framing");
  table_note(table, "projection: mean score of a category's n lemmas along the axis of the frozen model, in standard deviations of "
                    "the axis' words; shift: what it has gained since step 0");
  for (size_t i = 0; i < n_files && status == STATUS_OK; i++) {
    RunValues v;
    status = values_read(&files[i], &v, err);
    for (size_t t = 0; t < v.n_steps && status == STATUS_OK; t++) write_step(&files[i], &v, t, table);
    values_clear(&v);
  }
  return status;
}

const Figure figure_values = {
    .name = "values",
    .kind = "run",
    .script = "values.gp",
    .columns = {"file", "step", "measure", "framing", "prompt", "site", "layer", "category", "value", "n"},
    .write = write_values,
};
