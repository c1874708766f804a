/* What the parts of `fathom report` know of one another: the files of a folder, what is found in each of them, and the
 * page that comes of it. */
#ifndef FATHOM_COMMAND_REPORT_REPORT_H
#define FATHOM_COMMAND_REPORT_REPORT_H

#include "command/command.h"
#include "command/grid.h"
#include "command/report/html.h"
#include "command/plot/plot.h"
#include "store/activations.h"

typedef struct ReportSettings {
  CommonSettings common;
  const char *output;
} ReportSettings;

/* A sentence: a few words that stand out, and the rest. */
typedef struct Finding {
  char *lead, *text;
} Finding;

/* Which site a measure of drift says moved most, away from the value of identical models. */
typedef struct Mover {
  char *measure, *site;
  double value, lo, hi, n;
  double distance;         /* of the value from that of identical models */
  bool is_first; /* of what its measure gives: others, such as an angle beside a distance, say the same once more */
  size_t n_sites, n_alike; /* sites that have the measure; others whose interval reaches the mover's */
} Mover;

typedef struct Texts {
  char **items;
  size_t n;
} Texts;

/* A file of the folder: a result, an activation store, or what is only listed. */
typedef struct ReportFile {
  char *path, *name;  /* to open it; below the folder, "plain/run.h5" */
  char *kind;         /* "activations", a result's; NULL where the file cannot be read */
  char *problem;      /* why it is listed and not shown, or NULL */
  bool is_of_sweep;   /* a file of a run below a sweep.h5, whose tables tell of it */
  size_t number;      /* of those that are shown, from 1 */
  char *command_line; /* that made it; NULL where it is not known */
  char *made;         /* the output that this command line names; or NULL */
  char *extent;       /* of a store: "58 samples, 7825 rows" */
  char *first_model;  /* SHA-256 of a result's first model, or "" */
  char *section;      /* its part of the page */
  Finding *findings;
  size_t n_findings;
  Mover *movers; /* of a result of drift */
  size_t n_movers;
  Texts cautions, caption; /* caption: what its figures say, for those who do not see them */
  bool is_written;         /* into the page */
} ReportFile;

typedef struct Report {
  const Invocation *call;
  const ReportSettings *settings;
  const char *folder;
  char *title; /* the folder's own name */
  ReportFile *files;
  size_t n_files;
  size_t n_figures, n_labels; /* numbers given to figures and to regions of the page so far */
  Error figure_problem;       /* of the last figure that could not be drawn */
  Texts warnings;             /* of all that could not */
} Report;

/* --- folder.c --- */

/* Lists what the folder and those in it hold, in the order of names: results, stores, what is left of those that were
 * not finished, and what only looks like one. None at all is STATUS_DATA. */
Status report_find_files(Report *report, Error *err);
void report_clear(Report *report);

void texts_add(Texts *texts, char *text); /* takes the text */
void texts_clear(Texts *texts);

/* The file, other than not, that a command line calls so, or NULL. */
const ReportFile *report_find_made(const Report *report, const char *word, const ReportFile * not );

/* The words of a command line as command_line() writes it, without their quotes. */
Texts report_split_words(const char *command_line);

/* --- result.c: the part of one file --- */

/* What kind of file it is, and which command made it; all of a store. What is wrong with the file becomes its problem.
 */
void report_look_at_file(ReportFile *file);

/* The rest of a result: section, findings, cautions. All files were looked at before, so that it can say which of them
 * it was made from. An error is the system's, such as a full disk; what is wrong with the file becomes its problem. */
Status report_read_file(Report *report, ReportFile *file, Error *err);

/* --- facts.c --- */

void report_write_store(const Store *store, FILE *out);
/* Of a result; fills in the file's first_model. */
Status report_write_facts(const Report *report, ReportFile *file, Result *result, FILE *out, Error *err);

/* --- figures.c --- */

/* The figures that results of one kind share, or that one has for itself. One that gnuplot cannot draw is a note in its
 * place. */
Status report_draw_figures(Report *report, ReportFile *const *files, size_t n, FILE *out, Error *err);

/* What a figure is called on the page, and how it is read. */
typedef struct FigureWords {
  const char *kind, *figure, *title, *reading;
} FigureWords;
const FigureWords *report_figure_words(const Figure *figure);

/* --- tables.c --- */

/* A table; a long one is folded, and one too long for a page stands only in name. title: of the table, unescaped. */
void report_write_grid(Report *report, const Grid *grid, const char *title, const char *command, FILE *out);

/* Sites down, measures across, of a table of drift. */
void report_write_pivot(Report *report, const Grid *grid, FILE *out);

/* --- columns.c --- */

/* The table of a group of arrays of one length: the data sets of an evaluation, the runs of a sweep; group "" is those of
 * no group. Without any array it is empty. */
Status report_read_columns(const PlotFile *file, const char *group, Grid *grid, Error *err);

/* --- findings.c, findings_drift.c, findings_values.c --- */

/* What the first table of a result says in a sentence or two, and in which layer. */
void report_add_findings(ReportFile *file, const PlotFile *plot, const Grid *grid);
bool report_find_drift(ReportFile *file, const Grid *grid); /* is it of a kind of drift? */
void report_find_values(ReportFile *file, const Grid *grid);

/* A sentence; takes both texts. */
void report_find(ReportFile *file, char *lead, char *text);
/* "0.123 [0.1, 0.15]", of a row with its columns lo and hi; freed by the caller. */
char *report_bounded(double value, double lo, double hi);
char *report_bounded_row(const Grid *grid, size_t row, const char *value);
/* The row of a measure with the largest |value|; n_rows where there is none. */
size_t report_largest(const Grid *grid, const char *measure);
/* The value that a measure of drift has for identical models; false where none tells how far two are apart. */
bool report_identical_value(const char *name, double *value);

/* --- beside.c --- */

/* What stands beside the values of a result of drift: its table, what it says and what to beware of. */
Status report_write_beside(Report *report, ReportFile *file, const PlotFile *plot, FILE *out, Error *err);

/* --- cautions.c, cautions_values.c --- */

/* What to beware of when this result is read; only what holds for its own numbers. grid is its first table. */
void report_add_cautions(ReportFile *file, const PlotFile *plot, const Grid *grid);
void report_caution_values(ReportFile *file, const PlotFile *plot,
                           const Grid *grid); /* results of eval and of values */

/* A sentence, as by printf. */
void report_caution(ReportFile *file, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* --- summary.c, style.c --- */
void report_write_summary(const Report *report, FILE *out);
extern const char report_style[];

/* --- page.c --- */

/* A part of the page: results of a kind; name NULL is any other. A kind without a title ends the list. */
typedef struct ReportKind {
  const char *name, *title;
  bool is_joint; /* results that look back to one model are drawn side by side */
} ReportKind;
extern const ReportKind report_kinds[];                                 /* the first is drift */
bool report_is_of_kind(const ReportFile *file, const ReportKind *kind); /* one that is shown */

Status report_write_page(Report *report, FILE *out, Error *err);

#endif
