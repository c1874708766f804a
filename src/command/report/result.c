/* The part of a report that is about one file: what was compared (facts.c), its tables, what it says, what to beware
 * of, and the command that made it. Figures are drawn in figures.c, since several files may share one. */
#include "base/file.h"
#include "base/memory.h"
#include "command/report/report.h"
#include "store/activations.h"

#include <stdlib.h>
#include <string.h>

/* --- activation stores --- */

static Status read_store(ReportFile *file, Error *err) {
  Store *store = NULL;
  const Status status = store_open(file->path, &store, err);
  if (status != STATUS_OK) return status;
  HtmlText *html = html_open();
  report_write_store(store, html->out);
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

/* All tables of a result. A result's first figure it must have, the others it may; implicit rewards of pairs have none. */
static Status write_tables(Report *report, ReportFile *file, const PlotFile *plot, FILE *out, Error *err) {
  static const char *const groups[][3] = {
      {"eval", "data", "Data sets"}, {"sweep", "runs", "Runs"}, {"bias", "tests", "Tests"},
      {"implicit", "accuracy", "Pairs"}, {"calibration", "", "Truths"}};
  const Figure *figure;
  bool said = false;
  for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++) {
    if (strcmp(groups[i][0], file->kind) != 0) continue;
    Grid grid;
    const Status status = report_read_columns(plot, groups[i][1], &grid, err);
    if (status != STATUS_OK) return status;
    if (grid.n_rows == 0 && strcmp(file->kind, "implicit") == 0) continue; /* not of pairs */
    report_write_grid(report, &grid, groups[i][2], NULL, out);
    report_add_findings(file, plot, &grid);
    report_add_cautions(file, plot, &grid);
    grid_clear(&grid);
    said = true;
  }
  for (size_t i = 0; (figure = plot_figure_of(file->kind, i)); i++) {
    Grid grid = {0};
    const bool must = i == 0 && !(said && strcmp(file->kind, "implicit") == 0);
    const Status status = read_grid(report, figure, plot, &grid, must ? err : NULL);
    if (status != STATUS_OK && must) return status;
    if (status != STATUS_OK) continue;
    if (!said) {
      report_add_findings(file, plot, &grid);
      report_add_cautions(file, plot, &grid);
      said = true;
    }
    if (strcmp(figure->name, "drift") == 0) {
      report_write_pivot(report, &grid, out);
      const Status beside = report_write_beside(report, file, plot, out, err);
      if (beside != STATUS_OK) {
        grid_clear(&grid);
        return beside;
      }
    }
    char *command = plot_command(file, figure);
    report_write_grid(report, &grid, report_figure_words(figure)->title, command, out);
    free(command);
    grid_clear(&grid);
  }
  return said ? STATUS_OK
              : error_set(err, STATUS_DATA, "a result of kind %s, which this fathom neither draws nor sums up",
                          file->kind);
}

/* Closes the result. */
static Status read_result(Report *report, ReportFile *file, PlotFile *plot, Error *err) {
  file->command_line = mem_copy_string(result_command_line(plot->result));
  HtmlText *html = html_open();
  Status status = report_write_facts(report, file, plot->result, html->out, err);
  if (status == STATUS_OK) status = plot_name_files(plot, 1, &(OptionTexts){0}, err);
  if (status == STATUS_OK) status = write_tables(report, file, plot, html->out, err);
  file->section = html_close(html);
  free(plot->label);
  result_close(plot->result);
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

Status report_read_file(Report *report, ReportFile *file, Error *err) {
  Error own = {0};
  PlotFile plot = {.path = file->path};
  if (file->problem || strcmp(file->kind, "activations") == 0) return STATUS_OK;
  free(file->command_line);
  file->command_line = NULL;
  const Status opened = result_open(file->path, &plot.result, &own);
  const Status status = opened == STATUS_OK ? read_result(report, file, &plot, &own) : opened;
  if (status == STATUS_SYSTEM && opened == STATUS_OK) {
    *err = own;
    return status;
  }
  if (status != STATUS_OK) set_problem(file, &own);
  return STATUS_OK;
}
