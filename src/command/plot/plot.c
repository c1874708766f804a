/* fathom plot: which figure, from which files, under which names; the tables are made in tables.c and run.c,
 * gnuplot is run in gnuplot.c. */
#include "command/plot/plot.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "command/command.h"
#include "command/gnuplot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct PlotSettings {
  CommonSettings common;
  const char *output, *figure, *title;
  OptionTexts labels;
  bool tsv;
} PlotSettings;

static const PlotSettings defaults = {0};

static const Figure *const figures[] = {&figure_drift,    &figure_cross,    &figure_training, &figure_heatmap,
                                        &figure_steps,    &figure_transfer, &figure_frontier, &figure_layers,
                                        &figure_curves,   &figure_quantity, &figure_ranks,    &figure_axis,
                                        &figure_implicit_words, &figure_projection, &figure_scan_words,
                                        &figure_shift,    &figure_values,   &figure_language,
                                        &figure_weights,  &figure_parts,    &figure_samples,
                                        &figure_margins,  &figure_pairs,    &figure_verdicts,
                                        &figure_planted};
enum { N_FIGURES = sizeof figures / sizeof figures[0] };

const Figure *plot_figure_of(const char *kind, size_t number) {
  for (size_t i = 0; i < N_FIGURES; i++)
    if (strcmp(figures[i]->kind, kind) == 0 && number-- == 0) return figures[i];
  return NULL;
}

/* On one line, not overlong, without double quotes and backslashes, and with nothing in front that makes the row a
 * comment. */
char *plot_plain_text(const char *text) {
  enum { MOST_BYTES = 800 }; /* of a note's 1024 */
  const size_t size = strlen(text);
  char *plain = mem_alloc(size + 3, 1), *end = plain;
  const bool quote = text[0] == '#';
  if (quote) *end++ = '\'';
  for (size_t i = 0; i < size && end - plain < MOST_BYTES;) {
    uint32_t code;
    const size_t n = utf8_decode(text + i, size - i, &code);
    const bool control = n && (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == 0xfffe || code == 0xffff);
    if (n == 0)
      *end++ = '?';
    else if (control)
      *end++ = ' ';
    else if (code == '"')
      *end++ = '\'';
    else if (code == '\\')
      *end++ = '/';
    else {
      memcpy(end, text + i, n);
      end += n;
    }
    i += n ? n : 1;
  }
  if (quote) *end++ = '\'';
  *end = 0;
  return plain;
}

/* What tells a file from its neighbours: its name, else the name of its folder (run.h5 in several run folders), else
 * its whole path. Freed by the caller. */
static char *label_from_path(const char *path, int attempt) {
  if (attempt > 1) return plot_plain_text(path);
  char *copy = mem_copy_string(path);
  char *slash = strrchr(copy, '/');
  if (attempt == 1) {
    if (slash)
      *slash = 0;
    else
      copy[0] = 0;
  }
  char *name = mem_copy_string(file_name(copy));
  if (attempt == 0 && file_has_suffix(name, ".h5") && strlen(name) > 3) name[strlen(name) - 3] = 0;
  char *label = plot_plain_text(name);
  free(name);
  free(copy);
  return label;
}

static bool labels_differ(const PlotFile *files, size_t n, size_t *first, size_t *second) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++)
      if (strcmp(files[i].label, files[j].label) == 0) {
        *first = i;
        *second = j;
        return false;
      }
  return true;
}

Status plot_name_files(PlotFile *files, size_t n, const OptionTexts *labels, Error *err) {
  size_t first, second;
  if (labels->count && labels->count != n)
    return error_set(err, STATUS_USAGE, "--label was given %zu times for %zu files: one for each, in their order",
                     labels->count, n);
  for (int attempt = 0; attempt < 3; attempt++) {
    for (size_t i = 0; i < n; i++) {
      free(files[i].label);
      files[i].label =
          labels->count ? plot_plain_text(labels->items[i]) : label_from_path(files[i].path, attempt);
    }
    if (labels_differ(files, n, &first, &second)) return STATUS_OK;
  }
  if (labels->count)
    return error_set(err, STATUS_USAGE, "--label %s: was given twice, expected a different label for each file",
                     files[first].label);
  return error_set(err, STATUS_USAGE, "%s: was given twice, expected different files", files[first].path);
}

/* Opens all files; they must be results of one kind that some figure draws. */
static Status open_files(PlotFile *files, size_t n, Error *err) {
  for (size_t i = 0; i < n; i++) {
    char *kind = NULL;
    Status status = h5_file_kind(files[i].path, &kind, err);
    bool drawable = false;
    for (size_t j = 0; j < N_FIGURES && status == STATUS_OK; j++) drawable |= strcmp(kind, figures[j]->kind) == 0;
    if (status == STATUS_OK && !drawable)
      status =
          error_set(err, STATUS_DATA, "%s: holds %s; a figure needs a result of drift, drift --cross, train, sweep, bias, scan, implicit, axis or weights%s",
                    files[i].path, kind, strcmp(kind, "activations") == 0 ? " (compare two with fathom drift)" : "");
    if (status == STATUS_OK) status = result_open(files[i].path, &files[i].result, err);
    free(kind);
    if (status != STATUS_OK) return status;
    if (strcmp(result_kind(files[i].result), result_kind(files[0].result)) != 0)
      return error_set(err, STATUS_USAGE, "%s holds a result of kind %s and %s one of kind %s: a figure draws one kind",
                       files[0].path, result_kind(files[0].result), files[i].path, result_kind(files[i].result));
  }
  return STATUS_OK;
}

static Status choose_figure(const PlotSettings *settings, const PlotFile *file, const Figure **figure, Error *err) {
  const char *kind = result_kind(file->result);
  char possible[64] = "";
  for (size_t i = 0; i < N_FIGURES; i++) {
    if (strcmp(figures[i]->kind, kind) != 0) continue;
    *figure = figures[i];
    if (!settings->figure || strcmp(settings->figure, figures[i]->name) == 0) return STATUS_OK;
    snprintf(possible + strlen(possible), sizeof possible - strlen(possible), "%s%s", possible[0] ? ", " : "",
             figures[i]->name);
  }
  return error_set(err, STATUS_USAGE, "--figure %s: %s holds a result of kind %s, whose figures are: %s",
                   settings->figure, file->path, kind, possible);
}

char *plot_plain_command(const char *line) {
  const size_t size = strcspn(line, " ");
  char *program = mem_format("%.*s", (int)size, line);
  char *plain = strcmp(file_name(program), "fathom") == 0 ? mem_format("fathom%s", line + size) : mem_copy_string(line);
  free(program);
  return plain;
}

/* Notes of the form "key: value", which the scripts read. */
static void write_notes(const char *title, const PlotFile *files, size_t n, Table *table) {
  if (title) {
    char *plain = plot_plain_text(title);
    table_note(table, "title: %s", plain);
    free(plain);
  }
  for (size_t i = 0; i < n; i++) {
    char *command = plot_plain_command(result_command_line(files[i].result)), *source = plot_plain_text(command);
    table_note(table, "source: %s", source);
    free(command);
    free(source);
  }
  bool same = true;
  for (size_t i = 1; i < n; i++) same &= result_seed(files[i].result) == result_seed(files[0].result);
  for (size_t i = 0; i < (same ? 1 : n); i++)
    table_note(table, "result seed: %llu", (unsigned long long)result_seed(files[i].result));
}

Status plot_write_table(const Figure *figure, const PlotFile *files, size_t n, const char *title,
                        const Provenance *provenance, bool json, FILE *out, Error *err) {
  size_t n_columns = 0;
  while (figure->columns[n_columns]) n_columns++;
  Table *table = table_begin(out, json, provenance, figure->columns, n_columns);
  write_notes(title, files, n, table);
  const Status status = figure->write(files, n, table, err);
  const Status ended = table_end(table, status == STATUS_OK ? err : NULL);
  return status != STATUS_OK ? status : ended;
}

static Status copy_to_stdout(FILE *table, Error *err) {
  char block[1 << 14];
  size_t n;
  rewind(table);
  errno = 0;
  while ((n = fread(block, 1, sizeof block, table)) > 0)
    if (fwrite(block, 1, n, stdout) != n) return error_system(err, "standard output: cannot write");
  if (ferror(table)) return error_system(err, "cannot read the temporary table");
  return STATUS_OK; /* main flushes, and looks */
}

/* By way of a temporary file, so that nothing is printed of a table that turns out to be broken, and so that gnuplot
 * can read it several times. */
static Status draw_or_print(const PlotSettings *settings, const Invocation *call, const Figure *figure,
                            const PlotFile *files, size_t n, Error *err) {
  FILE *table = tmpfile();
  if (!table) return error_system(err, "cannot make a temporary file");
  const Provenance provenance = invocation_provenance(call, "plot", &settings->common);
  Status status = plot_write_table(figure, files, n, settings->title, &provenance, settings->common.json, table, err);
  if (status == STATUS_OK && settings->output) status = gnuplot_draw(figure->script, table, settings->output, err);
  if (status == STATUS_OK && !settings->output) status = copy_to_stdout(table, err);
  fclose(table);
  return status;
}

static Status check_settings(const PlotSettings *settings, Error *err) {
  const bool print = settings->tsv || settings->common.json;
  if (!settings->output && !print)
    return error_set(err, STATUS_USAGE,
                     "plot: -o P.png|svg|pdf, --tsv or --json is needed: where should the figure go?");
  if (settings->output && print)
    return error_set(err, STATUS_USAGE, "--output and --%s exclude each other", settings->tsv ? "tsv" : "json");
  if (settings->tsv && settings->common.json)
    return error_set(err, STATUS_USAGE, "--tsv and --json exclude each other");
  if (settings->output && !gnuplot_format(settings->output))
    return error_set(err, STATUS_USAGE, "--output %s: expected a name that ends in .png, .svg or .pdf",
                     settings->output);
  return STATUS_OK;
}

static Status run_plot(const Invocation *call, const void *given, Error *err) {
  const PlotSettings *settings = given;
  PlotFile *files = mem_alloc(call->n_args, sizeof *files);
  const Figure *figure = NULL;
  for (size_t i = 0; i < call->n_args; i++) files[i].path = call->args[i];
  Status status = check_settings(settings, err);
  if (status == STATUS_OK) status = plot_name_files(files, call->n_args, &settings->labels, err);
  if (status == STATUS_OK) status = open_files(files, call->n_args, err);
  if (status == STATUS_OK) status = choose_figure(settings, files, &figure, err);
  if (status == STATUS_OK) status = draw_or_print(settings, call, figure, files, call->n_args, err);
  for (size_t i = 0; i < call->n_args; i++) {
    result_close(files[i].result);
    free(files[i].label);
  }
  free(files);
  return status;
}

static const Option options[] = {
    {"output", 'o', OPTION_TEXT, offsetof(PlotSettings, output), 0, 0, "P.png|svg|pdf",
     "the picture to write; its suffix is its format", NULL},
    {"tsv", 0, OPTION_FLAG, offsetof(PlotSettings, tsv), 0, 0, NULL, "print the figure's data instead of drawing it",
     NULL},
    {"figure", 0, OPTION_CHOICE, offsetof(PlotSettings, figure), 0, 0, "drift|cross|training|heatmap|steps|values|transfer|frontier|layers|curves|quantity|ranks|words|axis|projection|shift|weights|parts|samples|margins|pairs|verdicts|planted",
     "which figure, where the files hold several (default: the first one listed above)", NULL},
    {"label", 0, OPTION_TEXTS, offsetof(PlotSettings, labels), 0, 0, "TEXT",
     "a file's name in the figure; once for each file, in their order (default: from the paths)", NULL},
    {"title", 0, OPTION_TEXT, offsetof(PlotSettings, title), 0, 0, "TEXT", "the title of the figure", NULL},
    {0}};

const Command command_plot = {
    .name = "plot",
    .arguments = "FILE... -o P.png|svg|pdf, or --tsv",
    .summary = "draw what result files hold: drift, training, sweeps, maps, ranks, words, value axes, weights",
    .details =
        "Files of one kind are drawn side by side on the same axes. What they hold decides the figure:\n"
        "  results of drift          drift      each measure over the layers, with interval bands\n"
        "  results of drift --cross  cross      all layers against all, as a map\n"
        "  results of drift --by     parts      parts of the rows, or attention and MLP, over the layers\n"
        "                            samples    the samples that drift most (--by sample)\n"
        "  run.h5 of train           training   loss, accuracy, margin, learning rate ... at every step (the default)\n"
        "                            heatmap    relative squared drift of every layer at every step\n"
        "                            steps      the full drift measures at the steps they were recorded at\n"
        "                            values     ranks of value words, and their shift along axes (--value-axis)\n"
        "  sweep.h5 of sweep         transfer   accuracy, AOG and NTS (ours) against anchor strength (the default)\n"
        "                            frontier   the same against the drift of the result, controls beside anchors\n"
        "                            layers     drift of every layer, by strength\n"
        "                            curves     loss, accuracy and drift at every step, means over seeds\n"
        "                            quantity   accuracy against the number of training pairs\n"
        "  results of bias           ranks      where the words of each category stand, per model and framing\n"
        "  results of scan           words      the tokens or words of highest and lowest mean reward\n"
        "  results of implicit       words      the words and next tokens at either end, with intervals over prompts\n"
        "  results of axis           axis       AUC, Hedges' g and categories along the axes, over the layers\n"
        "                            projection activations along saved axes; shift: two models' axes beside each other\n"
        "  results of weights        weights    drift of the weights over the blocks, by kind\n"
        "  results of calibrate      verdicts   what every measure said of every planted truth\n"
        "                            planted    where the drift of each planted edit is seen, block by block\n"
        "Pictures are drawn by gnuplot with the scripts in plots/, which also run by hand on the output of --tsv:\n"
        "  gnuplot -e \"data='drift.tsv'; out='drift.png'\" plots/drift.gp\n"
        "Environment: GNUPLOT names the gnuplot to run, FATHOM_PLOTS_DIR the folder of the scripts.",
    .example = "fathom plot plain.h5 anchored.h5 --label plain --label \"anchor 0.1\" -o drift.svg",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof defaults,
    .min_args = 1,
    .max_args = PLOT_MAX_FILES,
    .run = run_plot,
};
