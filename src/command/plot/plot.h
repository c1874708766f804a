/* The figures of `fathom plot`: what each is called, which results it draws, and the table it is drawn from. */
#ifndef FATHOM_COMMAND_PLOT_PLOT_H
#define FATHOM_COMMAND_PLOT_PLOT_H

#include "base/options.h"
#include "base/table.h"
#include "store/result.h"

enum { PLOT_MAX_FILES = 32, PLOT_MAX_COLUMNS = 24 };

/* One of the files side by side. The label is what its rows carry in the column "file". */
typedef struct PlotFile {
  const char *path;
  char *label;
  Result *result;
} PlotFile;

typedef struct Figure {
  const char *name;                      /* of --figure */
  const char *kind;                      /* of results that hold it; the first figure of a kind is its default */
  const char *script;                    /* in plots/ */
  const char *columns[PLOT_MAX_COLUMNS]; /* NULL ends them */
  /* Notes and rows of all files. */
  Status (*write)(const PlotFile *files, size_t n_files, Table *table, Error *err);
} Figure;

extern const Figure figure_planted, figure_verdicts;
extern const Figure figure_drift, figure_cross, figure_training, figure_heatmap, figure_steps;
extern const Figure figure_transfer, figure_frontier, figure_layers, figure_curves, figure_quantity;
extern const Figure figure_axis, figure_implicit_words, figure_projection, figure_ranks, figure_scan_words, figure_shift;
extern const Figure figure_language, figure_margins, figure_pairs, figure_parts, figure_samples, figure_values, figure_weights;

/* A command line without the place that the program was called from: where it lies on a machine is nobody's matter. Freed
 * by the caller. */
char *plot_plain_command(const char *line);

/* The figures of results of a kind, from 0, in the order of --figure; NULL behind the last. */
const Figure *plot_figure_of(const char *kind, size_t number);

/* Gives each file the label that tells it from the others: one of labels, or without any from the paths. Labels are freed by the caller. */
Status plot_name_files(PlotFile *files, size_t n, const OptionTexts *labels, Error *err);

/* The table that a figure of these files is drawn from, title (or NULL), sources and seeds in its head. Files must be
 * named and open, and of the figure's kind. */
Status plot_write_table(const Figure *figure, const PlotFile *files, size_t n, const char *title,
                        const Provenance *provenance, bool json, FILE *out, Error *err);

/* Reads array name, which must have exactly this shape; a dimension given as 0 is free and filled in, but must not be
 * empty. values is freed by the caller. A misfit is STATUS_DATA saying what was found and expected. */
Status plot_read_array(const PlotFile *file, const char *name, size_t rank, size_t *shape, double **values, Error *err);

/* As result_read_strings; with *n not 0 there must be as many. Freed by string_list_free. */
Status plot_read_strings(const PlotFile *file, const char *name, char ***values, size_t *n, Error *err);

/* Notes an attribute as "KEY: ...", where all files say the same. */
void plot_note_attribute(const PlotFile *files, size_t n_files, const char *attribute, const char *key, Table *table);
/* What the intervals are, for the caption. */
void plot_note_interval(const PlotFile *files, size_t n_files, Table *table);

/* A cell; what is not finite is missing, so that a diverged run can still be drawn. */
void plot_number(Table *table, double value);

/* Text from a file or the command line that a figure can carry: valid UTF-8 without what gnuplot would take for its own.
 * Freed by the caller. */
char *plot_plain_text(const char *text);

#endif
