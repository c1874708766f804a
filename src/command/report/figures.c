/* The figures of a report: those of `fathom plot`, drawn as SVG and put into the page. */
#include "base/memory.h"
#include "command/gnuplot.h"
#include "command/report/report.h"

#include <stdlib.h>
#include <string.h>

static const FigureWords figure_words[] = {
    {"drift", "drift", "Drift by layer", "One panel for each measure, layers from first to last; bands are intervals."},
    {"cross", "cross", "All layers against all",
     "Layers of the one model up, of the other across; the darker, the more alike."},
    {"parts", "parts", "Where the change lies, by layer",
     "A line for each part of the rows, or for attention, MLP and the stream from below; bands are intervals."},
    {"margins", "margins", "Drift of pairs and reward margins, by layer",
     "Rank correlations over pairs; bands are intervals."},
    {"margins", "pairs", "Drift of pairs against reward margins", "A point a pair, a panel a site."},
    {"samples", "samples", "Samples that drift most", "The size of each sample's change, in units of the whole's spread."},
    {"run", "training", "Training curves", "What was logged at every step; points are held-out pairs."},
    {"run", "heatmap", "Drift of every layer at every step",
     "Relative squared drift of each step's batch; the darker, the further from the frozen model."},
    {"run", "steps", "Drift measures as training goes on",
     "One panel for each measure, layers across, a line for each step that was looked at."},
    {"run", "values", "Value words as training goes on",
     "Ranks of the words' rewards, and how far they have moved along the frozen model's axes."},
    {"lm-run", "language", "Training curves of a language model",
     "Loss in nats a token at every step; points are held-out text."},
    {"weights", "weights", "Drift of weights by layer",
     "How far matrices have moved from those of the first model; no data is looked at."},
    {"sweep", "transfer", "Transfer against anchor strength",
     "Points are runs, lines means over seeds with their intervals."},
    {"sweep", "frontier", "Accuracy against drift",
     "Points are runs; controls stand beside anchors of the same drift."},
    {"sweep", "layers", "Drift of every layer, by setting", "Means over seeds; their intervals are in the table."},
    {"sweep", "curves", "Training curves of all settings", "Means over seeds."},
    {"sweep", "quantity", "Accuracy against the number of training pairs", "Means over seeds with their intervals."},
    {"bias", "ranks", "Where the words of each category stand",
     "Median rank of a category's words, 1 the highest reward; points are prompts."},
    {"axis", "axis", "How well axes tell the words apart, by layer",
     "Held-out AUC beside random axes, Hedges' g, and categories along the axes."},
    {"axis-projection", "projection", "Recordings along the axes, by layer", "Mean scores of groups, with intervals."},
    {"axis-shift", "shift", "The same words in two models, by layer",
     "How far words lie further along the first model's axes, and the angle between both models' axes."},
    {"calibration", "verdicts", "What each instrument said of each planted truth",
     "A column a truth, a row a measure; green is found, blue blind as it must be, dark is wrong."},
    {"calibration", "planted", "Where each planted truth is seen",
     "How far measures of drift are from what identical models give, along the forward pass; the edited block is grey."},
    {"scan", "words", "Answers of highest and lowest reward", "Means over prompts with their intervals."},
    {"implicit", "words", "What the second model prefers, and the first",
     "Next tokens and words at either end, with intervals over prompts."},
};

const FigureWords *report_figure_words(const Figure *figure) {
  static FigureWords other;
  for (size_t i = 0; i < sizeof figure_words / sizeof figure_words[0]; i++)
    if (strcmp(figure_words[i].kind, figure->kind) == 0 && strcmp(figure_words[i].figure, figure->name) == 0)
      return &figure_words[i];
  other = (FigureWords){figure->kind, figure->name, figure->name, ""};
  return &other;
}

/* The command that draws the same figure. */
static char *plot_command(ReportFile *const *files, size_t n, const Figure *figure) {
  char **words = mem_alloc(n + 7, sizeof *words);
  size_t at = 0;
  char *picture = mem_format("%s.svg", figure->name);
  words[at++] = "fathom";
  words[at++] = "plot";
  for (size_t i = 0; i < n; i++) words[at++] = files[i]->path;
  words[at++] = "--figure";
  words[at++] = (char *)figure->name;
  words[at++] = "-o";
  words[at++] = picture;
  char *line = command_line((int)at, words);
  free(picture);
  free(words);
  return line;
}

/* What the figure shows, in words: for those who do not see it. */
static char *describe(ReportFile *const *files, size_t n, const char *reading) {
  char *words = mem_copy_string(reading);
  for (size_t i = 0; i < n; i++)
    for (size_t k = 0; k < files[i]->caption.n; k++) {
      char *longer = mem_format("%s %s: %s", words, files[i]->name, files[i]->caption.items[k]);
      free(words);
      words = longer;
    }
  return words;
}

static void write_caption(ReportFile *const *files, size_t n, const Figure *figure, size_t number, FILE *out) {
  const FigureWords *words = report_figure_words(figure);
  char *command = plot_command(files, n, figure);
  fprintf(out, "<figcaption><b>Figure %zu. ", number);
  html_text(out, words->title);
  fputs(".</b> ", out);
  html_text(out, words->reading);
  fputs(" <code>", out);
  html_text(out, command);
  fputs("</code></figcaption>\n", out);
  free(command);
}

/* By gnuplot, as a picture for the page; freed by the caller, NULL where it cannot be drawn. */
static char *draw(const Figure *figure, FILE *table, size_t number, const char *description, Error *err) {
  HtmlText *picture = html_open();
  Status status = gnuplot_draw_stream(figure->script, table, "svg", "the figure", picture->out, err);
  char *svg = html_close(picture), *inlined;
  picture = html_open();
  if (status == STATUS_OK)
    status = html_inline_svg(svg, number, report_figure_words(figure)->title, description, picture->out, err);
  inlined = html_close(picture);
  free(svg);
  if (status == STATUS_OK) return inlined;
  free(inlined);
  return NULL;
}

/* A figure that cannot be drawn is said to be so in its place. */
static void write_figure(Report *report, ReportFile *const *files, size_t n, const Figure *figure, FILE *table,
                         FILE *out) {
  Error why = {0};
  const FigureWords *words = report_figure_words(figure);
  const size_t number = report->n_figures + 1;
  char *description = describe(files, n, words->reading), *picture = draw(figure, table, number, description, &why);
  if (picture) {
    report->n_figures = number;
    fprintf(out,
            "<figure id=\"fig-%zu\">\n<div class=\"plot\" role=\"region\" tabindex=\"0\" aria-label=\"Figure "
            "%zu\">\n%s</div>\n",
            number, number, picture);
    write_caption(files, n, figure, number, out);
    fputs("</figure>\n", out);
  } else {
    texts_add(&report->warnings, mem_format("%s: no figure %s: %s", files[0]->path, figure->name, why.text));
    fputs("<p class=\"note\">", out);
    html_format(out, "Not drawn: %s. %s", words->title, why.text);
    fputs("</p>\n", out);
    if (why.status == STATUS_SYSTEM) report->figure_problem = why;
  }
  free(picture);
  free(description);
}

/* Not all results have all figures: STATUS_DATA from a table is no more than that, since what a result must have was
 * read before. */
static Status make_figure(Report *report, ReportFile *const *files, const PlotFile *plots, size_t n,
                          const Figure *figure, FILE *out, Error *err) {
  const Provenance from = invocation_provenance(report->call, "report", &report->settings->common);
  Error own = {0};
  FILE *table = tmpfile();
  if (!table) return error_system(err, "cannot make a temporary file");
  Status status = plot_write_table(figure, plots, n, NULL, &from, false, table, &own);
  if (status == STATUS_OK)
    write_figure(report, files, n, figure, table, out);
  else if (status == STATUS_DATA)
    status = STATUS_OK;
  else
    *err = own;
  fclose(table);
  return status;
}

Status report_draw_figures(Report *report, ReportFile *const *files, size_t n, FILE *out, Error *err) {
  PlotFile *plots = mem_alloc(n, sizeof *plots);
  const Figure *figure;
  Status status = STATUS_OK;
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    plots[i].path = files[i]->path;
    status = result_open(files[i]->path, &plots[i].result, err);
  }
  if (status == STATUS_OK) status = plot_name_files(plots, n, &(OptionTexts){0}, err);
  for (size_t k = 0; status == STATUS_OK && (figure = plot_figure_of(files[0]->kind, k)); k++)
    status = make_figure(report, files, plots, n, figure, out, err);
  for (size_t i = 0; i < n; i++) {
    result_close(plots[i].result);
    free(plots[i].label);
  }
  free(plots);
  return status;
}
