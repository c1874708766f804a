/* The part of a report that is about one file: what was compared, its tables, what it says, what to beware of, and the
 * command that made it. Figures are drawn in report_figures.c, since several files may share one. */
#include "base/file.h"
#include "base/memory.h"
#include "command/report.h"
#include "store/activations.h"

#include <stdlib.h>
#include <string.h>

/* --- facts --- */

static void fact(FILE *out, const char *label, const char *value) {
  if (!value || !value[0]) return;
  fprintf(out, "<div><dt>%s</dt><dd>", label);
  html_text(out, value);
  fputs("</dd></div>\n", out);
}

static void digest_fact(FILE *out, const char *label, const char *digest) {
  if (!digest || !digest[0]) return;
  fprintf(out, "<div><dt>%s</dt><dd><code class=\"digest\">", label);
  html_text(out, digest);
  fputs("</code></dd></div>\n", out);
}

static void count_fact(FILE *out, const char *label, size_t count) {
  fprintf(out, "<div><dt>%s</dt><dd>%zu</dd></div>\n", label, count);
}

/* A model, and the digest of its weights. */
static void model_fact(FILE *out, const char *label, const char *model, const char *digest) {
  fprintf(out, "<div><dt>%s</dt><dd>", label);
  html_text(out, model[0] ? model : "not named");
  if (digest[0]) {
    fputs(" <code class=\"digest\">SHA-256 ", out);
    html_text(out, digest);
    fputs("</code>", out);
  }
  fputs("</dd></div>\n", out);
}

/* --- activation stores --- */

/* "resid_post of 30 blocks" would be shorter, but sites need not be called so. */
static char *site_words(const StoreContents *c) {
  if (c->n_sites == 1) return mem_format("%s, %zu wide", c->sites[0].name, c->sites[0].width);
  return mem_format("%zu, from %s to %s, %zu wide", c->n_sites, c->sites[0].name, c->sites[c->n_sites - 1].name,
                    c->sites[c->n_sites - 1].width);
}

static void write_store(const Store *store, FILE *out) {
  const StoreContents *c = store_contents(store);
  char *sites = site_words(c);
  fputs("<dl>\n", out);
  if (c->model && c->model[0]) model_fact(out, "Model", c->model, c->weights_sha256);
  count_fact(out, "Samples", c->n_samples);
  count_fact(out, "Rows", c->n_rows);
  fact(out, "Tokens", c->token_rule);
  fact(out, "Sites", sites);
  fact(out, "Stored as", store_dtype_name(c->dtype));
  fact(out, "Computed in", c->compute_dtype);
  digest_fact(out, "Data", c->data_sha256);
  digest_fact(out, "Tokenizer", c->tokenizer_sha256);
  digest_fact(out, "Chat template", c->chat_template_sha256);
  fact(out, "Date in the template", c->chat_date);
  fact(out, "By fathom", c->tool_version);
  fputs("</dl>\n", out);
  free(sites);
}

static Status read_store(ReportFile *file, Error *err) {
  Store *store = NULL;
  const Status status = store_open(file->path, &store, err);
  if (status != STATUS_OK) return status;
  HtmlText *html = html_open();
  write_store(store, html->out);
  file->section = html_close(html);
  const StoreContents *c = store_contents(store);
  file->extent = mem_format("%zu samples, %zu rows%s%s", c->n_samples, c->n_rows,
                            c->token_rule && c->token_rule[0] ? ", tokens: " : "", c->token_rule ? c->token_rule : "");
  if (c->command_line && c->command_line[0]) file->command_line = mem_copy_string(c->command_line);
  if (!store_is_complete(store))
    texts_add(&file->cautions,
              mem_format("Not finished: %zu of %zu rows are recorded. The same command with --resume goes on.",
                         store_rows_done(store), c->n_rows));
  store_close(store);
  return STATUS_OK;
}

/* --- what a result says of where it comes from --- */

typedef struct Attribute {
  const char *name, *label;
  bool is_digest;
} Attribute;
static const Attribute attributes[] = {{"by", "Split by", false},
                                       {"interval", "Intervals", false},
                                       {"compute_dtype", "Computed in", false},
                                       {"reference", "Reference", false},
                                       {"ceiling", "Ceiling", false},
                                       {"source", "Source", false},
                                       {"method", "Axes by", false},
                                       {"folds", "Folds", false},
                                       {"answers", "Answers", false},
                                       {"lexicon", "Lexicon", false},
                                       {"lexicon_sha256", "Lexicon", true},
                                       {"prompts_sha256", "Prompts", true},
                                       {"answers_sha256", "Answers", true},
                                       {"tokenizer_sha256", "Tokenizer", true},
                                       {"chat_template_sha256", "Chat template", true}};

static void write_attributes(Result *result, FILE *out) {
  for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
    char *value = NULL;
    if (result_read_attribute(result, attributes[i].name, &value, NULL) == STATUS_OK)
      (attributes[i].is_digest ? digest_fact : fact)(out, attributes[i].label, value);
    free(value);
  }
}

/* The files of this report that the command line names: what was compared. */
static void write_inputs(const Report *report, const ReportFile *file, FILE *out) {
  Texts words = report_split_words(file->command_line);
  for (size_t i = 2; i < words.n; i++) {
    const ReportFile *input = report_find_made(report, words.items[i], file);
    if (!input || (file->made && strcmp(words.items[i], file->made) == 0)) continue;
    fputs("<div><dt>From</dt><dd>", out);
    if (input->number) fprintf(out, "<a href=\"#file-%zu\">", input->number);
    html_text(out, input->name);
    if (input->number) fputs("</a>", out);
    if (input->extent) html_format(out, ": %s", input->extent);
    fputs("</dd></div>\n", out);
  }
  texts_clear(&words);
}

/* What a result's models are to it, as its figures and columns call them. */
static const char *model_label(const char *kind, size_t number, size_t n) {
  static const char *const labels[][3] = {{"drift", "Frozen", "Compared with"},
                                          {"parts", "Frozen", "Compared with"},
                                          {"samples", "Frozen", "Compared with"},
                                          {"cross", "Model A", "Model B"},
                                          {"weights", "Model 0", "Model 1"},
                                          {"implicit", "Model 1", "Model 2"},
                                          {"axis-shift", "Model X", "Model Y"}};
  for (size_t i = 0; i < sizeof labels / sizeof labels[0] && n == 2; i++)
    if (strcmp(kind, labels[i][0]) == 0) return labels[i][1 + number];
  return strcmp(kind, "bias") == 0 ? "Scan table" : "Model";
}

static Status write_models(Result *result, const char *kind, ReportFile *file, FILE *out, Error *err) {
  char **paths = NULL, **digests = NULL;
  size_t n = 0, n_digests = 0;
  Status status =
      result_has(result, "models/path") ? result_read_strings(result, "models/path", &paths, &n, err) : STATUS_OK;
  if (status == STATUS_OK && n) status = result_read_strings(result, "models/sha256", &digests, &n_digests, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    model_fact(out, model_label(kind, i, n), paths[i], i < n_digests ? digests[i] : "");
  file->first_model = mem_copy_string(n && n_digests ? digests[0] : "");
  string_list_free(paths, n);
  string_list_free(digests, n_digests);
  return status;
}

/* --- tables --- */

/* The table of a figure, as `fathom plot --tsv` prints it. */
static Status read_grid(const Report *report, const Figure *figure, const PlotFile *plot, Grid *grid, Error *err) {
  const Provenance from = invocation_provenance(report->call, "report", &report->settings->common);
  FILE *table = tmpfile();
  if (!table) return error_system(err, "cannot make a temporary file");
  Status status = plot_write_table(figure, plot, 1, NULL, &from, false, table, err);
  if (status == STATUS_OK) status = grid_read(table, grid, err);
  fclose(table);
  return status;
}

static char *plot_command(const ReportFile *file, const Figure *figure) {
  char *const words[] = {"fathom", "plot", file->path, "--figure", (char *)figure->name, "--tsv"};
  return command_line(6, words);
}

/* All tables of a result. A result's first figure it must have, the others it may. */
static Status write_tables(Report *report, ReportFile *file, const PlotFile *plot, FILE *out, Error *err) {
  static const char *const groups[][3] = {
      {"eval", "data", "Data sets"}, {"sweep", "runs", "Runs"}, {"bias", "tests", "Tests"}};
  const Figure *figure;
  bool said = false;
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
    if (strcmp(groups[i][0], file->kind) != 0) continue;
    Grid grid;
    const Status status = report_read_columns(plot, groups[i][1], &grid, err);
    if (status != STATUS_OK) return status;
    report_write_grid(report, &grid, groups[i][2], NULL, out);
    report_add_findings(file, plot, &grid);
    report_add_cautions(file, plot, &grid);
    grid_clear(&grid);
    said = true;
  }
  for (size_t i = 0; (figure = plot_figure_of(file->kind, i)); i++) {
    Grid grid = {0};
    const Status status = read_grid(report, figure, plot, &grid, i == 0 ? err : NULL);
    if (status != STATUS_OK && i == 0) return status;
    if (status != STATUS_OK) continue;
    if (!said) {
      report_add_findings(file, plot, &grid);
      report_add_cautions(file, plot, &grid);
      said = true;
    }
    if (strcmp(figure->name, "drift") == 0) report_write_pivot(report, &grid, out);
    char *command = plot_command(file, figure);
    report_write_grid(report, &grid, report_figure_words(figure)->title, command, out);
    free(command);
    grid_clear(&grid);
  }
  return said ? STATUS_OK
              : error_set(err, STATUS_DATA, "a result of kind %s, which this fathom neither draws nor sums up",
                          file->kind);
}

static Status read_result(Report *report, ReportFile *file, Error *err) {
  PlotFile plot = {.path = file->path};
  Status status = result_open(file->path, &plot.result, err);
  if (status != STATUS_OK) return status;
  file->command_line = mem_copy_string(result_command_line(plot.result));
  HtmlText *html = html_open();
  fputs("<dl>\n", html->out);
  status = write_models(plot.result, file->kind, file, html->out, err);
  if (status == STATUS_OK) status = plot_name_files(&plot, 1, &(OptionTexts){0}, err);
  if (status == STATUS_OK) {
    char *seed = mem_format("%llu", (unsigned long long)result_seed(plot.result));
    write_inputs(report, file, html->out);
    write_attributes(plot.result, html->out);
    fact(html->out, "Seed", seed);
    fputs("</dl>\n", html->out);
    status = write_tables(report, file, &plot, html->out, err);
    free(seed);
  }
  file->section = html_close(html);
  free(plot.label);
  result_close(plot.result);
  return status;
}

/* --- a file --- */

/* The output that a command line names, where this file is that: DIR of DIR/run.h5 too. */
static char *output_word(const ReportFile *file) {
  if (!file->command_line) return NULL;
  Texts words = report_split_words(file->command_line);
  const char *found = NULL;
  for (size_t i = 2; i < words.n; i++) {
    const char *word = words.items[i];
    if (i + 1 < words.n && (strcmp(word, "-o") == 0 || strcmp(word, "--output") == 0)) found = words.items[i + 1];
    if (strncmp(word, "--output=", 9) == 0) found = word + 9;
  }
  const bool is_folder =
      strcmp(file->kind, "run") == 0 || strcmp(file->kind, "lm-run") == 0 || strcmp(file->kind, "sweep") == 0;
  const bool is_it = found && (is_folder || strcmp(file_name(found), file_name(file->name)) == 0);
  char *made = is_it ? mem_copy_string(found) : NULL;
  texts_clear(&words);
  return made;
}

static void set_problem(ReportFile *file, const Error *err) {
  const size_t n = strlen(file->path);
  const bool named = strncmp(err->text, file->path, n) == 0 && strncmp(err->text + n, ": ", 2) == 0;
  file->problem = mem_copy_string(named ? err->text + n + 2 : err->text);
}

void report_look_at_file(ReportFile *file) {
  Error err = {0};
  if (h5_file_kind(file->path, &file->kind, &err) != STATUS_OK) {
    set_problem(file, &err);
    return;
  }
  const bool is_store = strcmp(file->kind, "activations") == 0;
  if (!is_store && file_has_suffix(file->name, ".part")) {
    file->problem = mem_format("a result of kind %s that is not finished", file->kind);
    return;
  }
  Result *result = NULL;
  Status status = STATUS_OK;
  if (is_store) {
    status = read_store(file, &err);
  } else if ((status = result_open(file->path, &result, &err)) == STATUS_OK) {
    file->command_line = mem_copy_string(result_command_line(result));
  }
  result_close(result);
  if (status != STATUS_OK) set_problem(file, &err);
  file->made = output_word(file);
}

void report_read_file(Report *report, ReportFile *file) {
  Error err = {0};
  if (file->problem || strcmp(file->kind, "activations") == 0) return;
  free(file->command_line);
  if (read_result(report, file, &err) != STATUS_OK) set_problem(file, &err);
}
