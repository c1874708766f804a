/* The page: its head, the parts of all results in the order of their kinds, what was not shown, and the commands. */
#include "base/file.h"
#include "base/memory.h"
#include "command/report/report.h"
#include "config.h"

#include <stdlib.h>
#include <string.h>

/* --- kinds, in the order of the page --- */

const ReportKind report_kinds[] = {{"drift", "Drift by layer", true},
                                   {"cross", "All layers against all", false},
                                   {"parts", "Where the change lies", false},
                                   {"margins", "Drift and reward margins", false},
                                   {"samples", "Samples that drift most", false},
                                   {"weights", "Drift of weights", true},
                                   {"run", "Training", true},
                                   {"lm-run", "Training of language models", true},
                                   {"sweep", "Sweeps", false},
                                   {"eval", "Accuracy and transfer", false},
                                   {"axis", "Value axes", false},
                                   {"axis-projection", "Recordings along value axes", false},
                                   {"axis-shift", "Value axes of two models", false},
                                   {"bias", "Value bias of model families", false},
                                   {"scan", "Token scans", false},
                                   {"implicit", "Implicit rewards", false},
                                   {"calibration", "Are the instruments right?", false},
                                   {NULL, "Other results", false}, /* any other kind that has figures */
                                   {"activations", "Recordings", false},
                                   {0}};
enum { MOST_JOINT = 6 };

bool report_is_of_kind(const ReportFile *file, const ReportKind *kind) {
  if (file->problem || file->is_of_sweep || !file->kind) return false;
  if (kind->name) return strcmp(file->kind, kind->name) == 0;
  for (size_t k = 0; report_kinds[k].title; k++)
    if (report_kinds[k].name && strcmp(file->kind, report_kinds[k].name) == 0) return false;
  return true;
}

static size_t count_of_kind(const Report *report, const ReportKind *kind) {
  size_t n = 0;
  for (size_t i = 0; i < report->n_files; i++) n += report_is_of_kind(&report->files[i], kind);
  return n;
}

/* --- results --- */

static void write_cautions(const ReportFile *file, FILE *out) {
  if (file->cautions.n == 0) return;
  fputs("<div class=\"cautions\" role=\"note\"><b>Beware</b>\n<ul>\n", out);
  for (size_t i = 0; i < file->cautions.n; i++) {
    html_element(out, "li", file->cautions.items[i]);
    fputc('\n', out);
  }
  fputs("</ul>\n</div>\n", out);
}

static void write_command(const ReportFile *file, FILE *out) {
  if (!file->command_line || !file->command_line[0]) return;
  char *plain = plot_plain_command(file->command_line);
  fputs("<pre class=\"one\" tabindex=\"0\"><code>", out);
  html_text(out, plain);
  fputs("</code></pre>\n", out);
  free(plain);
}

/* What a figure shows of several files stands before them; of one, in it. */
static Status write_article(Report *report, ReportFile *file, bool with_figures, FILE *out, Error *err) {
  Status status = STATUS_OK;
  fprintf(out, "<article id=\"file-%zu\">\n<h3>", file->number);
  html_text(out, file->name);
  fputs("</h3>\n", out);
  write_cautions(file, out);
  if (with_figures) status = report_draw_figures(report, &file, 1, out, err);
  if (file->section) fputs(file->section, out);
  write_command(file, out);
  fputs("</article>\n", out);
  return status;
}

/* The next files of a kind that look back to one model. */
static size_t gather(const Report *report, const ReportKind *kind, ReportFile **files) {
  size_t n = 0;
  for (size_t i = 0; i < report->n_files && n < (kind->is_joint ? MOST_JOINT : 1); i++) {
    ReportFile *file = &report->files[i];
    if (!report_is_of_kind(file, kind) || file->is_written) continue;
    if (n && (!file->first_model[0] || strcmp(file->first_model, files[0]->first_model) != 0)) continue;
    files[n++] = file;
  }
  return n;
}

/* What no single run can say of itself: whether it was held back, or merely trained less. */
static void caution_runs(ReportFile *const *files, size_t n, FILE *out) {
  for (size_t i = 0; i < n; i++)
    if (files[i]->command_line && strstr(files[i]->command_line, "--stop-at-drift")) return;
  fputs("<div class=\"cautions\" role=\"note\"><b>Beware</b>\n<p>Each of these is one run. A run that is held back "
        "drifts less, and so "
        "does one that trains less: none was stopped at the drift of another (<code>--stop-at-drift</code>), which "
        "would tell the two "
        "apart.</p>\n</div>\n",
        out);
}

static Status write_kind(Report *report, const ReportKind *kind, FILE *out, Error *err) {
  ReportFile *files[MOST_JOINT];
  Status status = STATUS_OK;
  const bool has_figures = !kind->name || strcmp(kind->name, "activations") != 0;
  for (size_t n; status == STATUS_OK && (n = gather(report, kind, files)) > 0;) {
    if (n > 1 && strcmp(files[0]->kind, "run") == 0) caution_runs(files, n, out);
    if (n > 1) status = report_draw_figures(report, files, n, out, err);
    for (size_t k = 0; k < n && status == STATUS_OK; k++) {
      status = write_article(report, files[k], n == 1 && has_figures, out, err);
      files[k]->is_written = true;
    }
  }
  return status;
}

static Status write_kinds(Report *report, FILE *out, Error *err) {
  Status status = STATUS_OK;
  for (size_t k = 0; report_kinds[k].title && status == STATUS_OK; k++) {
    if (count_of_kind(report, &report_kinds[k]) == 0) continue;
    fprintf(out, "<section aria-labelledby=\"kind-%zu\">\n<h2 id=\"kind-%zu\">%s</h2>\n", k, k, report_kinds[k].title);
    status = write_kind(report, &report_kinds[k], out, err);
    fputs("</section>\n", out);
  }
  return status;
}

/* --- what is only listed --- */

/* Files of a sweep's runs are many, and its own tables tell of them. */
static void write_runs_of_sweeps(const Report *report, FILE *out) {
  size_t n = 0;
  for (size_t i = 0; i < report->n_files; i++) n += report->files[i].is_of_sweep && !report->files[i].problem;
  if (n == 0) return;
  fputs("<section aria-labelledby=\"runs\">\n<h2 id=\"runs\">Files of the sweeps</h2>\n<p>What they hold is in the "
        "tables of their "
        "sweep; a report on a folder of its own shows one in full.</p>\n<details><summary>",
        out);
  fprintf(out, "%zu files</summary>\n<ul>\n", n);
  for (size_t i = 0; i < report->n_files; i++) {
    if (!report->files[i].is_of_sweep || report->files[i].problem) continue;
    html_element(out, "li", report->files[i].name);
    fputc('\n', out);
  }
  fputs("</ul>\n</details>\n</section>\n", out);
}

static void write_problems(const Report *report, FILE *out) {
  size_t n = 0;
  for (size_t i = 0; i < report->n_files; i++) n += report->files[i].problem != NULL;
  if (n == 0) return;
  fputs("<section aria-labelledby=\"problems\">\n<h2 id=\"problems\">Not shown</h2>\n<div class=\"scroll wrap\" "
        "role=\"region\" "
        "tabindex=\"0\" aria-label=\"Files that are not shown\">\n<table>\n<thead><tr><th scope=\"col\">file</th>"
        "<th scope=\"col\">why</th></tr></thead>\n<tbody>\n",
        out);
  for (size_t i = 0; i < report->n_files; i++) {
    const ReportFile *file = &report->files[i];
    if (!file->problem) continue;
    if (file->number)
      fprintf(out, "<tr id=\"file-%zu\">", file->number);
    else
      fputs("<tr>", out);
    html_element(out, "th scope=\"row\"", file->name);
    html_element(out, "td", file->problem);
    fputs("</tr>\n", out);
  }
  fputs("</tbody>\n</table>\n</div>\n</section>\n", out);
}

/* --- commands --- */

/* Does the command of a file read what that of another made? The same command makes several files. */
static bool reads(const ReportFile *file, const ReportFile *other) {
  bool found = false;
  if (!other->made || strcmp(file->command_line, other->command_line) == 0) return false;
  Texts words = report_split_words(file->command_line);
  const size_t size = strlen(other->made);
  for (size_t i = 2; i < words.n && !found; i++)
    found = strncmp(words.items[i], other->made, size) == 0 && (!words.items[i][size] || words.items[i][size] == '/') &&
            !(file->made && strcmp(words.items[i], file->made) == 0);
  texts_clear(&words);
  return found;
}

static bool is_ready(const Report *report, const bool *done, size_t number) {
  for (size_t i = 0; i < report->n_files; i++)
    if (!done[i] && i != number && reads(&report->files[number], &report->files[i])) return false;
  return true;
}

/* What makes a file stands before what reads it, and otherwise in the order of names; each command once. */
static void write_commands(const Report *report, FILE *out) {
  bool *done = mem_alloc(report->n_files, sizeof *done);
  Texts lines = {0};
  for (size_t i = 0; i < report->n_files; i++)
    done[i] = report->files[i].is_of_sweep || !report->files[i].command_line || !report->files[i].command_line[0];
  for (bool strict = true;;) { /* commands that go round in a circle come in the order of names */
    size_t next = 0;
    while (next < report->n_files && (done[next] || (strict && !is_ready(report, done, next)))) next++;
    if (next == report->n_files && !strict) break;
    strict = next < report->n_files;
    if (!strict) continue;
    done[next] = true;
    char *line = plot_plain_command(report->files[next].command_line);
    bool is_new = true;
    for (size_t k = 0; k < lines.n; k++) is_new &= strcmp(lines.items[k], line) != 0;
    if (is_new)
      texts_add(&lines, line);
    else
      free(line);
  }
  char *own = command_line(report->call->argc, report->call->argv);
  texts_add(&lines, plot_plain_command(own));
  fputs("<section aria-labelledby=\"commands\">\n<h2 id=\"commands\">The commands</h2>\n<p>As they were typed (--resume and -q of "
        "recordings left out), those first whose results others read. A click selects them all.</p>\n<pre tabindex=\"0\"><code>",
        out);
  for (size_t i = 0; i < lines.n; i++) html_format(out, "%s%s", i ? "\n" : "", lines.items[i]);
  fputs("</code></pre>\n</section>\n", out);
  free(own);
  texts_clear(&lines);
  free(done);
}

/* --- the page --- */

static void write_head(const Report *report, FILE *out) {
  fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\"/>\n"
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'; img-src "
        "data:\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<meta name=\"generator\" content=\"fathom " PACKAGE_VERSION "\"/>\n<title>",
        out);
  html_format(out, "%s: a report", report->title);
  fprintf(out, "</title>\n<style>\n%s</style>\n</head>\n<body>\n", report_style);
}

static void write_header(const Report *report, FILE *out) {
  size_t shown = 0, stores = 0, bad = 0;
  for (size_t i = 0; i < report->n_files; i++) {
    const ReportFile *file = &report->files[i];
    bad += file->problem != NULL;
    if (file->problem || file->is_of_sweep) continue;
    if (strcmp(file->kind, "activations") == 0)
      stores++;
    else
      shown++;
  }
  fputs("<header>\n<p class=\"kicker\">A report of fathom</p>\n", out);
  html_element(out, "h1", report->title);
  fprintf(out, "\n<p class=\"byline\">%zu result%s and %zu recording%s", shown, shown == 1 ? "" : "s", stores,
          stores == 1 ? "" : "s");
  if (bad) fprintf(out, "; %zu file%s <a href=\"#problems\">not shown</a>", bad, bad == 1 ? "" : "s");
  fputs(". Made by fathom " PACKAGE_VERSION " from what the files say of themselves.</p>\n<nav class=\"contents\" "
        "aria-label=\"Contents\">\n<ul>\n<li><a href=\"#summary\">In short</a></li>\n",
        out);
  for (size_t k = 0; report_kinds[k].title; k++)
    if (count_of_kind(report, &report_kinds[k]))
      fprintf(out, "<li><a href=\"#kind-%zu\">%s</a></li>\n", k, report_kinds[k].title);
  fputs("<li><a href=\"#commands\">The commands</a></li>\n</ul>\n</nav>\n</header>\n<main>\n", out);
}

Status report_write_page(Report *report, FILE *out, Error *err) {
  write_head(report, out);
  write_header(report, out);
  report_write_summary(report, out);
  const Status status = write_kinds(report, out, err);
  write_runs_of_sweeps(report, out);
  write_problems(report, out);
  write_commands(report, out);
  fputs("</main>\n</body>\n</html>\n", out);
  return status;
}
