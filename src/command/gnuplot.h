/* Runs one of the figure scripts in plots/ on a table. Knows gnuplot and files, nothing of results. */
#ifndef FATHOM_COMMAND_GNUPLOT_H
#define FATHOM_COMMAND_GNUPLOT_H

#include "base/error.h"

#include <stdio.h>

/* "png", "svg" or "pdf" by the suffix of path, or NULL. */
const char *gnuplot_format(const char *path);

/* Draws table (a seekable temporary file, rewound here) with plots/SCRIPT as the file output, which appears under its
 * name when it is whole; its suffix is one that gnuplot_format knows. The program is $GNUPLOT or gnuplot; the scripts
 * are looked for in $FATHOM_PLOTS_DIR alone where that is set, else in plots/ beside the program, else where they
 * were installed. STATUS_SYSTEM where gnuplot or the script is missing, or gnuplot fails, with its last words;
 * STATUS_DATA where the script says that this table cannot be drawn (exit status 3). */
Status gnuplot_draw(const char *script, FILE *table, const char *output, Error *err);

/* The same into an open stream, as one of these formats; what a failure leaves there is not whole. name: for messages.
 */
Status gnuplot_draw_stream(const char *script, FILE *table, const char *format, const char *name, FILE *out,
                           Error *err);

#endif
