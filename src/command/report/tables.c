/* The tables of a report: cells as the commands print them, long tables folded, drift also with its sites down and its
 * measures across. */
#include "base/memory.h"
#include "command/report/report.h"
#include "probes/drift/measure.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Rows that stand open; cells that a page can hold. */
enum { OPEN_ROWS = 12, MOST_CELLS = 12000 };

/* --- grids --- */

/* Which columns say something: not one without any value, and not the file where all rows are of one. */
static bool says_something(const Grid *grid, size_t column) {
  bool differs = false, filled = false;
  for (size_t r = 0; r < grid->n_rows; r++) {
    const char *cell = grid->cells[r * grid->n_columns + column];
    filled |= strcmp(cell, "-") != 0;
    differs |= strcmp(cell, grid->cells[column]) != 0;
  }
  return filled && (differs || strcmp(grid->columns[column], "file") != 0);
}

static bool is_numeric(const Grid *grid, size_t column) {
  double value;
  for (size_t r = 0; r < grid->n_rows; r++)
    if (!grid_is_number(grid->cells[r * grid->n_columns + column], &value)) return false;
  return true;
}

/* A box that scrolls where the page is narrow; named, and reached by keyboard. */
static void begin_scroll(Report *report, const char *name, FILE *out) {
  report->n_labels++;
  fputs("<div class=\"scroll\" role=\"region\" tabindex=\"0\" aria-label=\"", out);
  html_format(out, "%s (table %zu)", name, report->n_labels);
  fputs("\">\n<table>\n", out);
}

static void write_cells(const Grid *grid, FILE *out) {
  bool *shown = mem_alloc(grid->n_columns, sizeof *shown), *numeric = mem_alloc(grid->n_columns, sizeof *numeric);
  fputs("<thead><tr>", out);
  for (size_t c = 0; c < grid->n_columns; c++) {
    shown[c] = says_something(grid, c);
    numeric[c] = is_numeric(grid, c);
    if (!shown[c]) continue;
    fprintf(out, "<th scope=\"col\"%s>", numeric[c] ? " class=\"n\"" : "");
    html_text(out, grid->columns[c]);
    fputs("</th>", out);
  }
  fputs("</tr></thead>\n<tbody>\n", out);
  for (size_t r = 0; r < grid->n_rows; r++) {
    fputs("<tr>", out);
    for (size_t c = 0; c < grid->n_columns; c++) {
      if (!shown[c]) continue;
      fputs(numeric[c] ? "<td class=\"n\">" : "<td>", out);
      html_text(out, grid->cells[r * grid->n_columns + c]);
      fputs("</td>", out);
    }
    fputs("</tr>\n", out);
  }
  fputs("</tbody>\n", out);
  free(shown);
  free(numeric);
}

/* Notes that the page does not say elsewhere. */
static void write_notes(const Grid *grid, FILE *out) {
  static const char *const elsewhere[] = {"source: ", "result seed: ", "model: ", "title: "};
  for (size_t i = 0; i < grid->n_notes; i++) {
    bool said = false;
    for (size_t k = 0; k < sizeof elsewhere / sizeof elsewhere[0]; k++)
      said |= strncmp(grid->notes[i], elsewhere[k], strlen(elsewhere[k])) == 0;
    if (!said) html_element(out, "p class=\"note\"", grid->notes[i]);
    if (!said) fputc('\n', out);
  }
}

void report_write_grid(Report *report, const Grid *grid, const char *title, const char *command, FILE *out) {
  if (grid->n_rows == 0) return;
  const bool too_long = grid->n_rows * grid->n_columns > MOST_CELLS;
  fprintf(out, "<details class=\"table\"%s><summary>", grid->n_rows <= OPEN_ROWS ? " open=\"\"" : "");
  html_format(out, "%s: %zu rows", title, grid->n_rows);
  fputs("</summary>\n", out);
  write_notes(grid, out);
  if (too_long) {
    fputs("<p class=\"note\">Too long for a page.</p>\n", out);
  } else {
    begin_scroll(report, title, out);
    write_cells(grid, out);
    fputs("</table>\n</div>\n", out);
  }
  if (command) {
    fputs("<p class=\"note\">The same for programs: <code>", out);
    html_text(out, command);
    fputs("</code></p>\n", out);
  }
  fputs("</details>\n", out);
}

/* --- drift by layer --- */

static size_t find_text(const Texts *texts, const char *text) {
  size_t i = 0;
  while (i < texts->n && strcmp(texts->items[i], text) != 0) i++;
  return i;
}

static Texts distinct(const Grid *grid, const char *column) {
  Texts texts = {0};
  for (size_t r = 0; r < grid->n_rows; r++)
    if (find_text(&texts, grid_text(grid, r, column)) == texts.n)
      texts_add(&texts, mem_copy_string(grid_text(grid, r, column)));
  return texts;
}

/* Digits that a reader compares: four behind the point, or of what is smaller still. */
static void write_value(double value, FILE *out) {
  if (isnan(value))
    fputs("–", out);
  else
    fprintf(out, fabs(value) > 0 && fabs(value) < 0.001 ? "%.2e" : "%.4f", value);
}

static void write_bounds(const Grid *grid, size_t row, FILE *out) {
  const double lo = grid_number(grid, row, "lo"), hi = grid_number(grid, row, "hi");
  write_value(grid_number(grid, row, "value"), out);
  if (isnan(lo) && isnan(hi)) return;
  fputs(" <small>[", out);
  write_value(lo, out);
  fputs(", ", out);
  write_value(hi, out);
  fputs("]</small>", out);
}

static void write_measure_names(const Texts *names, FILE *out) {
  fputs("<thead><tr><th scope=\"col\">site</th>", out);
  for (size_t m = 0; m < names->n; m++) {
    size_t which;
    const Measure *measure = measure_find(names->items[m], &which);
    fputs("<th scope=\"col\" class=\"n\">", out);
    html_text(out, names->items[m]);
    if (measure && strcmp(measure->values[which].identical, "-") != 0) {
      fputs(" <small>identical: ", out);
      html_text(out, measure->values[which].identical);
      fputs("</small>", out);
    }
    fputs("</th>", out);
  }
  fputs("</tr></thead>\n<tbody>\n", out);
}

void report_write_pivot(Report *report, const Grid *grid, FILE *out) {
  Texts sites = distinct(grid, "site"), measures_there = distinct(grid, "measure");
  size_t *rows = mem_alloc(sites.n * measures_there.n, sizeof *rows); /* number of the row, from 1 */
  for (size_t r = 0; r < grid->n_rows; r++)
    rows[find_text(&sites, grid_text(grid, r, "site")) * measures_there.n +
         find_text(&measures_there, grid_text(grid, r, "measure"))] = r + 1;
  fprintf(out, "<details class=\"table\"%s><summary>By layer: %zu sites</summary>\n",
          sites.n <= OPEN_ROWS ? " open=\"\"" : "", sites.n);
  begin_scroll(report, "By layer", out);
  write_measure_names(&measures_there, out);
  for (size_t s = 0; s < sites.n; s++) {
    fputs("<tr><th scope=\"row\">", out);
    html_text(out, sites.items[s]);
    fputs("</th>", out);
    for (size_t m = 0; m < measures_there.n; m++) {
      const size_t row = rows[s * measures_there.n + m];
      fputs("<td class=\"n\">", out);
      if (row) write_bounds(grid, row - 1, out);
      fputs("</td>", out);
    }
    fputs("</tr>\n", out);
  }
  fputs("</tbody>\n</table>\n</div>\n</details>\n", out);
  free(rows);
  texts_clear(&sites);
  texts_clear(&measures_there);
}
