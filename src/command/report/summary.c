/* What stands on top of a report: which layer moved most, by which measure and how surely, and what each result found.
 */
#include "base/memory.h"
#include "command/report/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool has_interval(const Mover *m) { return !isnan(m->lo) && !isnan(m->hi); }

static void write_bounds(const Mover *m, FILE *out) {
  fprintf(out, "%.4g", m->value);
  if (has_interval(m)) fprintf(out, " <small>[%.4g, %.4g]</small>", m->lo, m->hi);
}

static bool has_movers(const ReportFile *file) { return report_is_of_kind(file, report_kinds) && file->n_movers > 0; }

static const Mover *find_mover(const ReportFile *file, const char *measure) {
  for (size_t i = 0; i < file->n_movers && has_movers(file); i++)
    if (strcmp(file->movers[i].measure, measure) == 0) return &file->movers[i];
  return NULL;
}

/* The measure that the page's first sentence is in: one that sees all there is to see, else the first. */
static const char *leading_measure(const Report *report) {
  const char *first = NULL;
  for (size_t i = 0; i < report->n_files; i++) {
    if (find_mover(&report->files[i], "relative_l2")) return "relative_l2";
    if (!first && has_movers(&report->files[i])) first = report->files[i].movers[0].measure;
  }
  return first;
}

static void write_lede(const Report *report, FILE *out) {
  const char *measure = leading_measure(report);
  const ReportFile *of = NULL;
  const Mover *most = NULL;
  for (size_t i = 0; i < report->n_files && measure; i++) {
    const Mover *m = find_mover(&report->files[i], measure);
    if (!m || (most && m->distance <= most->distance)) continue;
    most = m;
    of = &report->files[i];
  }
  if (!most) return;
  fputs("<p class=\"lede\">", out);
  if (most->distance > 0) {
    fputs("Furthest from the frozen model lies <strong>", out);
    html_text(out, most->site);
    fputs("</strong>: ", out);
    html_text(out, most->measure);
    fputc(' ', out);
    write_bounds(most, out);
  } else {
    fputs("No layer moved: every value is that of identical models", out);
  }
  fprintf(out, " (<a href=\"#file-%zu\">", of->number);
  html_text(out, of->name);
  fputs("</a>).", out);
  if (most->distance > 0 && has_interval(most) && most->n_alike)
    fprintf(out, " The intervals of %zu of the %zu other sites reach its own.", most->n_alike, most->n_sites - 1);
  else if (most->distance > 0 && has_interval(most) && most->n_sites > 1)
    fputs(" No other site's interval reaches it.", out);
  fputs("</p>\n", out);
}

static void write_mover(const Mover *m, FILE *out) {
  fputs("<tr>", out);
  html_element(out, "th scope=\"row\"", m->measure);
  html_element(out, "td", m->distance > 0 ? m->site : "none moved");
  fputs("<td class=\"n\">", out);
  write_bounds(m, out);
  if (has_interval(m) && m->distance > 0)
    fprintf(out, "</td><td class=\"n\">%zu of %zu</td></tr>\n", m->n_alike, m->n_sites - 1);
  else
    fputs("</td><td class=\"n\">–</td></tr>\n", out);
}

static void write_movers(const Report *report, FILE *out) {
  bool any = false;
  for (size_t i = 0; i < report->n_files; i++) any |= has_movers(&report->files[i]);
  if (!any) return;
  fputs("<div class=\"scroll movers\" role=\"region\" tabindex=\"0\" aria-label=\"Which layer moved most\">\n<table>\n"
        "<caption>Which layer moved most, by each measure</caption>\n"
        "<thead><tr><th scope=\"col\">measure</th><th scope=\"col\">site</th><th scope=\"col\" class=\"n\">value "
        "[interval]</th><th scope=\"col\" class=\"n\">reached by</th></tr></thead>\n",
        out);
  for (size_t i = 0; i < report->n_files; i++) {
    const ReportFile *file = &report->files[i];
    if (!has_movers(file)) continue;
    fprintf(out, "<tbody>\n<tr><th scope=\"rowgroup\" colspan=\"4\"><a href=\"#file-%zu\">", file->number);
    html_text(out, file->name);
    fprintf(out, "</a>, %.0f samples</th></tr>\n", file->movers[0].n);
    for (size_t m = 0; m < file->n_movers; m++)
      if (file->movers[m].is_first) write_mover(&file->movers[m], out);
    fputs("</tbody>\n", out);
  }
  fputs("</table>\n</div>\n<p class=\"note\">Reached by: other sites whose interval reaches that of the site named. Whether one "
        "of them drifts less all the same, since the same samples stand behind both, <code>fathom drift --against-layer</code> "
        "says. A site that was picked for being the largest of many looks larger than it is; its interval does not allow for "
        "that.</p>\n",
        out);
}

static void write_findings(const Report *report, FILE *out) {
  for (size_t k = 0; report_kinds[k].title; k++) {
    bool begun = false;
    for (size_t i = 0; i < report->n_files; i++) {
      const ReportFile *file = &report->files[i];
      if (!report_is_of_kind(file, &report_kinds[k]) || file->n_findings == 0) continue;
      if (!begun) fprintf(out, "<h3>%s</h3>\n<ul>\n", report_kinds[k].title);
      begun = true;
      for (size_t f = 0; f < file->n_findings; f++) {
        fputs("<li><strong>", out);
        html_text(out, file->findings[f].lead);
        fputs("</strong> ", out);
        html_text(out, file->findings[f].text);
        fprintf(out, " <small><a href=\"#file-%zu\">", file->number);
        html_text(out, file->name);
        fputs("</a></small></li>\n", out);
      }
    }
    if (begun) fputs("</ul>\n", out);
  }
}

void report_write_summary(const Report *report, FILE *out) {
  fputs("<section class=\"summary\" aria-labelledby=\"summary\">\n<h2 id=\"summary\">In short</h2>\n", out);
  write_lede(report, out);
  write_movers(report, out);
  write_findings(report, out);
  fputs("</section>\n", out);
}
