/* What stands beside a drift: differences from another one, noise, what unrelated data give, and the drift without outlier
 * dimensions. beside.c measures it, beside_table.c prints and writes it. */
#ifndef FATHOM_COMMAND_DRIFT_BESIDE_H
#define FATHOM_COMMAND_DRIFT_BESIDE_H

#include "command/drift/drift.h"

/* What stands beside the drift of each site and measure, where it is asked for. Differences are the drift minus that of
 * another model or layer; each [n_sites, n_printed]. */
struct DriftBeside {
  bool has_difference, has_noise, has_floor, has_without;
  DriftStores against_stores, noise_stores; /* of the frozen model and the other; closed: not asked for */
  DriftAnswers against, noise;              /* at the sites of the stores that are compared */
  DriftAnswers difference;
  DriftAnswers floor; /* values alone: means of n_floors pairings with other samples */
  double *floor_least, *floor_most; /* of these pairings */
  size_t n_floors;
  DriftOutliers outliers;
  DriftAnswers without; /* these columns */
  double *under_noise; /* 1: not told from noise; 0: told; NaN: it cannot be said */
};

/* Opens the stores of --against and --noise, and leaves in all of them the samples that all of them hold. */
Status drift_beside_open(const char *path_a, const DriftSettings *settings, DriftStores *stores, DriftBeside *beside,
                         Error *err);
Status drift_beside_measure(const DriftStores *stores, const DriftSelection *selection, const DriftSettings *settings,
                            const DriftAnswers *answers, DriftBeside *beside, Error *err);
void drift_beside_close(DriftBeside *beside); /* all zeros is fine */

/* Columns after the first n; returns how many there are then. */
size_t drift_beside_columns(const DriftBeside *beside, const char **columns, size_t n);
/* Adds the models of --against and --noise. */
void drift_beside_provenance(const DriftBeside *beside, Provenance *provenance);
void drift_beside_note(const DriftBeside *beside, const DriftSettings *settings, Table *table);
void drift_beside_print(const DriftBeside *beside, size_t site, size_t at, Table *table); /* cells of value number at */
Status drift_beside_write(const DriftBeside *beside, const DriftSettings *settings, Result *result, Error *err);
enum { DRIFT_BESIDE_COLUMNS = 14 };

#endif
