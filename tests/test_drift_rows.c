/* How rows get to measures of drift: what is refused, and workers that are merged. */
#include "tests/made_rows.h"

#include <string.h>

enum { N_MEASURES = 4 }; /* the first of the table: those of test_drift.c */

static void test_refusals(void) {
  Rng rng = rng_new(14);
  Rows rows = random_rows(&rng, 5, 4, 1, 6, 0, 0.1);
  double v[MEASURE_MAX_VALUES];
  Error err = {0};
  const float kept = rows.y[2 * 4 + 1];
  rows.y[2 * 4 + 1] = INFINITY;
  ok(drift_measure_rows(&measure_cosine, rows.n, 4, rows.x, 4, rows.y, rows.sample, v, &err) == STATUS_DATA &&
         strstr(err.text, "current: rows: sample ") && strstr(err.text, " (row 2) holds a NaN or an infinity"),
     "an infinity is refused: %s", err.text);
  rows.y[2 * 4 + 1] = kept;
  rows.x[0] = NAN;
  ok(drift_measure_rows(&measure_cka, rows.n, 4, rows.x, 4, rows.y, rows.sample, v, &err) == STATUS_DATA &&
         strcmp(err.text, "frozen: rows: sample 0 (row 0) holds a NaN or an infinity") == 0,
     "a NaN is refused: %s", err.text);
  rows.x[0] = 1;
  rows.sample[rows.n - 1] = 0;
  ok(drift_measure_rows(&measure_cka, rows.n, 4, rows.x, 4, rows.y, rows.sample, v, &err) == STATUS_DATA &&
         strstr(err.text, "the rows of sample 0 are not next to each other"),
     "scattered samples are refused: %s", err.text);
  rows_free(&rows);
}

/* One measure's passes, blocks dealt out to n_workers in turn. */
static void run_shared(const Measure *measure, RowReader *reader, const DriftShape *shape, size_t n_workers,
                       Estimate *estimates) {
  void *settled[4] = {NULL};
  Error err = {0};
  const size_t n_passes = measure->passes + measure->extra_passes;
  for (size_t pass = 0; pass < n_passes; pass++) {
    void *workers[3];
    for (size_t w = 0; w < n_workers; w++) workers[w] = measure->begin(shape, pass ? settled[pass - 1] : NULL);
    row_reader_rewind(reader);
    RowBlock block;
    bool more;
    for (size_t i = 0; row_reader_next(reader, &block, &more, &err) == STATUS_OK && more; i++)
      measure->accumulate(workers[i % n_workers], &block);
    for (size_t w = 1; w < n_workers; w++) {
      measure->merge(workers[0], workers[w]);
      measure->free(workers[w]);
    }
    measure->settle(workers[0], &err);
    settled[pass] = workers[0];
  }
  measure->finish(settled[n_passes - 1], estimates);
  for (size_t pass = n_passes; pass-- > 0;) measure->free(settled[pass]);
}

static void test_merge(void) {
  for (size_t one_row = 0; one_row < 2; one_row++) {
    Rng rng = rng_new(15);
    Rows rows = random_rows(&rng, 800, 10, 1, 6, 0, 0.3);
    for (size_t i = 0; i < rows.n && one_row; i++) rows.sample[i] = (uint32_t)i;
    const RowSource source = source_of(&rows);
    RowPlan plan;
    RowMoments moments;
    Error err = {0};
    row_plan_make(rows.n, rows.sample, NULL, &plan, &err);
    row_moments_read(&source, &plan, &moments, &err);
    const DriftShape shape = {.n_rows = plan.n_rows,
                              .n_samples = plan.n_samples,
                              .plan = &plan,
                              .dx = 10,
                              .dy = 10,
                              .longest = plan.longest,
                              .moments = &moments,
                              .with_intervals = true};
    RowReader *reader = row_reader_new(&source, &plan, &moments);
    for (size_t m = 0; m < N_MEASURES; m++) {
      Estimate one[MEASURE_MAX_VALUES], three[MEASURE_MAX_VALUES];
      run_shared(measures[m], reader, &shape, 1, one);
      run_shared(measures[m], reader, &shape, 3, three);
      for (size_t v = 0; v < measures[m]->n_values; v++) {
        bool equal =
            is_close(three[v].value, one[v].value, 1e-6, 0) && (one[v].pseudo == NULL) == (three[v].pseudo == NULL);
        for (size_t s = 0; s < plan.n_samples && one[v].pseudo && equal; s++)
          equal = is_close(three[v].pseudo[s], one[v].pseudo[s], 1e-4, 1e-5);
        ok(equal, "%s of three merged workers is that of one (%zu blocks, %s)", measures[m]->values[v].name,
           rows.n / ROW_BLOCK + 1, one_row ? "one row a sample" : "several rows a sample");
      }
      estimates_clear(one, measures[m]->n_values);
      estimates_clear(three, measures[m]->n_values);
    }
    row_reader_free(reader);
    row_moments_clear(&moments);
    row_plan_clear(&plan);
    rows_free(&rows);
  }
}

int main(void) {
  test_refusals();
  test_merge();
  return tap_end();
}
