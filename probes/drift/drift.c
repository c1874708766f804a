/* Measures run over rows. */
#include "probes/drift/drift.h"

#include "base/memory.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

size_t drift_value_count(const Measure *const *chosen, size_t n_measures) {
  size_t n = 0;
  for (size_t m = 0; m < n_measures; m++) n += chosen[m]->n_values;
  return n;
}

void estimates_clear(Estimate *estimates, size_t n) {
  for (size_t i = 0; i < n; i++) {
    free(estimates[i].pseudo);
    estimates[i].pseudo = NULL;
  }
}

enum { MOST_PASSES = 4 };

/* A measure at work: the state of each pass. */
typedef struct Worker {
  const Measure *measure;
  size_t n_passes; /* 0: undefined for these widths */
  void *states[MOST_PASSES];
} Worker;

static Status run_pass(size_t pass, RowReader *reader, const DriftShape *shape, Worker *workers, size_t n_workers,
                       Error *err) {
  for (size_t i = 0; i < n_workers; i++)
    if (pass < workers[i].n_passes)
      workers[i].states[pass] = workers[i].measure->begin(shape, pass ? workers[i].states[pass - 1] : NULL);
  row_reader_rewind(reader);
  for (;;) {
    RowBlock block;
    bool more;
    const Status status = row_reader_next(reader, &block, &more, err);
    if (status != STATUS_OK) return status;
    if (!more) break;
    for (size_t i = 0; i < n_workers; i++)
      if (pass < workers[i].n_passes) workers[i].measure->accumulate(workers[i].states[pass], &block);
  }
  for (size_t i = 0; i < n_workers; i++)
    if (pass < workers[i].n_passes && workers[i].measure->settle(workers[i].states[pass], err) != STATUS_OK)
      return error_prefix(err, "%s", workers[i].measure->name);
  return STATUS_OK;
}

static Status run_passes(RowReader *reader, const DriftShape *shape, Worker *workers, size_t n_workers,
                         Estimate *estimates, Error *err) {
  Status status = STATUS_OK;
  for (size_t pass = 0; pass < MOST_PASSES && status == STATUS_OK; pass++) {
    bool wanted = false;
    for (size_t i = 0; i < n_workers; i++) wanted = wanted || pass < workers[i].n_passes;
    if (!wanted) break;
    status = run_pass(pass, reader, shape, workers, n_workers, err);
  }
  for (size_t i = 0; i < n_workers; estimates += workers[i++].measure->n_values)
    if (status == STATUS_OK && workers[i].n_passes)
      workers[i].measure->finish(workers[i].states[workers[i].n_passes - 1], estimates);
  return status;
}

static void workers_free(Worker *workers, size_t n_workers) {
  for (size_t i = 0; i < n_workers; i++)
    for (size_t pass = MOST_PASSES; pass-- > 0;)
      if (workers[i].states[pass]) workers[i].measure->free(workers[i].states[pass]);
  free(workers);
}

/* Has the measure what it is defined on? */
static bool is_defined(const Measure *measure, const DriftShape *shape) {
  if (measure->same_width && shape->dx != shape->dy) return false;
  if (measure->needs == NEEDS_LENS) return shape->aids.lens && shape->aids.lens->width == shape->dx;
  return measure->needs != NEEDS_LABELS || shape->aids.row_class;
}

static RowSubsample *subsample_for(const Measure *const *chosen, size_t n_measures, const RowPlan *plan,
                                   const DriftAids *aids) {
  for (size_t m = 0; m < n_measures; m++)
    if (chosen[m]->subsampled) return row_subsample_new(plan, aids ? aids->seed : 0);
  return NULL;
}

Status drift_measure(const RowSource *source, const RowPlan *plan, const Measure *const *chosen, size_t n_measures,
                     const DriftAids *aids, bool with_intervals, Estimate *estimates, Error *err) {
  const size_t n_values = drift_value_count(chosen, n_measures);
  for (size_t i = 0; i < n_values; i++) estimates[i] = (Estimate){.value = NAN};
  if (plan->n_rows == 0) return STATUS_OK;
  RowMoments moments;
  Status status = row_moments_read(source, plan, &moments, err);
  if (status != STATUS_OK) return status;
  RowSubsample *subsample = subsample_for(chosen, n_measures, plan, aids);
  const DriftShape shape = {.n_rows = plan->n_rows,
                            .n_samples = plan->n_samples,
                            .dx = source->x.width,
                            .dy = source->y.width,
                            .longest = plan->longest,
                            .plan = plan,
                            .moments = &moments,
                            .with_intervals = with_intervals,
                            .subsample = subsample,
                            .aids = aids ? *aids : (DriftAids){0}};
  RowReader *reader = row_reader_new(source, plan, &moments);
  Worker *workers = mem_alloc(n_measures, sizeof *workers);
  for (size_t m = 0; m < n_measures; m++) {
    workers[m].measure = chosen[m];
    if (!is_defined(chosen[m], &shape)) continue;
    workers[m].n_passes = chosen[m]->passes + (with_intervals ? chosen[m]->extra_passes : 0);
    assert(workers[m].n_passes <= MOST_PASSES);
  }
  status = run_passes(reader, &shape, workers, n_measures, estimates, err);
  if (status != STATUS_OK) estimates_clear(estimates, n_values);
  workers_free(workers, n_measures);
  row_reader_free(reader);
  row_subsample_free(subsample);
  row_moments_clear(&moments);
  return status;
}

typedef struct MemoryRows {
  const float *rows;
  size_t width;
} MemoryRows;

static Status read_memory(void *context, size_t first, size_t n, float *rows, Error *err) {
  (void)err;
  const MemoryRows *from = context;
  memcpy(rows, from->rows + first * from->width, n * from->width * sizeof *rows);
  return STATUS_OK;
}

Status drift_measure_rows(const Measure *measure, size_t n, size_t dx, const float *x, size_t dy, const float *y,
                          const uint32_t *row_sample, double *values, Error *err) {
  MemoryRows of_x = {x, dx}, of_y = {y, dy};
  const RowSource source = {{dx, read_memory, &of_x, "frozen", "rows", NULL, NULL, NULL},
                            {dy, read_memory, &of_y, "current", "rows", NULL, NULL, NULL}};
  RowPlan plan;
  Estimate estimates[MEASURE_MAX_VALUES];
  Status status = row_plan_make(n, row_sample, NULL, &plan, err);
  if (status != STATUS_OK) return status;
  status = drift_measure(&source, &plan, &measure, 1, NULL, false, estimates, err);
  for (size_t v = 0; v < measure->n_values && status == STATUS_OK; v++) values[v] = estimates[v].value;
  row_plan_clear(&plan);
  return status;
}
