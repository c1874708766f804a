/* fathom report: one page about everything that a folder holds. What the folder holds is in folder.c, the page
 * in page.c. */
#include "command/report/report.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

/* All files first, since results say from which recordings they were made. */
static Status read_files(Report *report, Error *err) {
  size_t number = 0;
  for (size_t i = 0; i < report->n_files; i++) report_look_at_file(&report->files[i]);
  for (size_t i = 0; i < report->n_files; i++)
    if (!report->files[i].problem && !report->files[i].is_of_sweep) report->files[i].number = ++number;
  Progress progress = progress_begin("report", "files", report->n_files);
  Status status = STATUS_OK;
  for (size_t i = 0; i < report->n_files && status == STATUS_OK; i++) {
    if (report->files[i].number) status = report_read_file(report, &report->files[i], err);
    progress_show(&progress, i + 1);
  }
  progress_end(&progress);
  return status;
}

static Status write_page(Report *report, const char *output, Error *err) {
  FileWriter writer;
  Status status = file_writer_open(&writer, output, err);
  if (status != STATUS_OK) return status;
  status = report_write_page(report, writer.stream, err);
  if (status == STATUS_OK && report->n_figures == 0 && report->figure_problem.status != STATUS_OK) {
    *err = report->figure_problem; /* not one could be drawn: it is not this or that result */
    status = err->status;
  }
  if (status == STATUS_OK) status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  return status;
}

/* What became of every file. */
static Status print_files(const Report *report, const char *output, Error *err) {
  static const char *const columns[] = {"file", "kind", "shown", "note"};
  const Provenance from = invocation_provenance(report->call, "report", &report->settings->common);
  Table *table = table_begin(stdout, report->settings->common.json, &from, columns, 4);
  table_note(table, "report: %s, %zu figures", output, report->n_figures);
  for (size_t i = 0; i < report->n_files; i++) {
    const ReportFile *file = &report->files[i];
    table_string(table, file->name);
    table_string(table, file->kind);
    table_string(table, file->problem ? "no" : file->is_of_sweep ? "sweep" : "yes");
    table_string(table, file->problem);
  }
  return table_end(table, err);
}

static Status run(const Invocation *call, const void *given, Error *err) {
  const ReportSettings *settings = given;
  Report report = {.call = call, .settings = settings, .folder = call->args[0]};
  char *output = settings->output ? mem_copy_string(settings->output) : file_join(report.folder, "report.html");
  Status status = report_find_files(&report, err);
  if (status == STATUS_OK) status = read_files(&report, err);
  if (status == STATUS_OK) status = write_page(&report, output, err);
  for (size_t i = 0; i < report.n_files && status == STATUS_OK; i++)
    if (report.files[i].problem) log_warn("%s: not shown: %s", report.files[i].path, report.files[i].problem);
  for (size_t i = 0; i < report.warnings.n && status == STATUS_OK; i++) log_warn("%s", report.warnings.items[i]);
  if (status == STATUS_OK) status = print_files(&report, output, err);
  report_clear(&report);
  free(output);
  return status;
}

static const Option options[] = {{"output", 'o', OPTION_TEXT, offsetof(ReportSettings, output), 0, 0, "REPORT.html",
                                  "the page to write (default: report.html in the folder)", NULL},
                                 {0}};

static const ReportSettings defaults = {0};

const Command command_report = {
    .name = "report",
    .arguments = "DIR",
    .summary = "one page about all results in a folder: findings, figures, tables, cautions and commands",
    .details =
        "Looks through DIR and the folders in it for results (of drift, weights, train, sweep, eval, axis, bias, scan,\n"
        "implicit and calibrate) and activation stores, and writes one HTML page that stands alone: no scripts, nothing to load, figures\n"
        "inside. On top is what moved most, and by how much; then, kind by kind, the figures of fathom plot, what was\n"
        "compared, what to beware of in these very numbers, the tables, and the commands. Results of drift and of training\n"
        "that begin with the same model share a figure. Files of the runs of a sweep are told of by the sweep. What is\n"
        "damaged or unknown is listed, with a warning. The same files give the same bytes.\n\n"
        "Printed: a line for every file; shown is yes, no, or sweep (a file of a run of a sweep).",
    .example = "fathom report demo -o report.html",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(ReportSettings),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
