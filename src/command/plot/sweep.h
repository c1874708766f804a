/* A sweep's result as its figures read it (sweep.c); their tables are in sweep_tables.c. */
#ifndef FATHOM_COMMAND_PLOT_SWEEP_H
#define FATHOM_COMMAND_PLOT_SWEEP_H

#include "command/plot/plot.h"
#include "command/sweep/parts.h"

typedef struct PlotSweep {
  size_t n_runs, n_settings, n_evals, n_sites, n_steps;
  char **status, **source, **method, **layers; /* [n_runs] */
  char **series; /* [n_runs]: what varies of source, rate and pairs (but see below), "" where nothing does */
  char **evals, **sites;
  double *anchor, *rate, *pairs, *seed, *setting, *control, *heldout, *drift, *target, *aog, *nts; /* [n_runs] */
  double *accuracy;     /* [n_runs, n_evals] */
  double *layer_drift;  /* [n_runs, n_sites]: relative L2; NULL where it was not measured */
  double *curves[SWEEP_CURVES]; /* [n_runs, n_steps]; NULL where there are none */
} PlotSweep;

/* by_pairs: the number of pairs is an axis of the figure, and no part of a series' name. */
Status plot_sweep_read(const PlotFile *file, bool by_pairs, PlotSweep *sweep, Error *err);
void plot_sweep_clear(PlotSweep *sweep);

/* Is the run finished? */
bool plot_sweep_is_done(const PlotSweep *sweep, size_t run);

/* What transfer is looked at by: held-out pairs of the source, each target, the mean of targets, AOG and NTS. */
size_t plot_sweep_n_measures(const PlotSweep *sweep);
char *plot_sweep_measure_name(const PlotSweep *sweep, size_t measure); /* freed by the caller */
double plot_sweep_measure(const PlotSweep *sweep, size_t measure, size_t run);

#endif
