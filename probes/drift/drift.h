/* Measures run over rows: all passes of all measures, at one site. */
#ifndef FATHOM_PROBES_DRIFT_DRIFT_H
#define FATHOM_PROBES_DRIFT_DRIFT_H

#include "probes/drift/measure.h"
#include "probes/drift/rows.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* estimates holds the values of the n_measures measures one behind the other (drift_value_count of them); freed by
 * estimates_clear. Every measure sees every pass of the rows that it asked for, in one reading a pass. aids may be
 * NULL: all zeros. */
Status drift_measure(const RowSource *source, const RowPlan *plan, const Measure *const *chosen, size_t n_measures,
                     const DriftAids *aids, bool with_intervals, Estimate *estimates, Error *err);

size_t drift_value_count(const Measure *const *chosen, size_t n_measures);
void estimates_clear(Estimate *estimates, size_t n);

/* One measure on rows in memory, without aids and intervals: x[n, dx] of the frozen model, y[n, dy], row_sample[n]
 * (rows of a sample next to each other). values has room for measure->n_values. NaN or infinite rows are STATUS_DATA.
 */
Status drift_measure_rows(const Measure *measure, size_t n, size_t dx, const float *x, size_t dy, const float *y,
                          const uint32_t *row_sample, double *values, Error *err);

#endif
