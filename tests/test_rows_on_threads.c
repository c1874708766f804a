/* Work on rows that is shared out over threads: products, what is read and centred, means, and the measures on top. The
 * numbers are right, the bits the same with any number of threads, and the first bad row is the one that is named. */
#include "num/crossproduct.h"
#include "probes/drift/cross.h"
#include "tests/made_rows.h"

#include <omp.h>

/* The bits are promised of our own product, which processors without fused multiply-adds do not get; OpenBLAS rounds as it likes. */
static bool are_same(size_t n, const double *a, const double *b) {
  bool same = true;
#ifdef __FMA__
  same = memcmp(a, b, n * sizeof *a) == 0;
#else
  for (size_t i = 0; i < n; i++) same = same && is_close(a[i], b[i], 1e-4, 1e-3);
#endif
  return same;
}

static float *random_floats(Rng *rng, size_t n) {
  float *values = mem_alloc(n, sizeof *values);
  for (size_t i = 0; i < n; i++) values[i] = (float)rng_normal(rng);
  return values;
}

/* The largest error, in units of the columns' norms: sqrt(n) each. Of a Gram matrix row <= column alone. */
static double product_error(size_t n, const Crossproduct *x, double start) {
  double worst = 0;
  for (size_t i = 0; i < x->p; i++)
    for (size_t j = x->a == x->b ? i : 0; j < x->q; j++) {
      double sum = start;
      for (size_t r = 0; r < n; r++) sum += (double)x->a[r * x->p + i] * (double)x->b[r * x->q + j];
      const double off = fabs(x->total[i * x->q + j] - sum) / (double)(n + 1);
      worst = !(off <= worst) ? off : worst;
    }
  return worst;
}

static void test_products(void) {
  static const size_t sizes[][3] = {{1, 1, 1}, {3, 9, 50}, {513, 97, 130}, {1100, 300, 289}, {512, 600, 7}, {700, 48, 96}};
  Rng rng = rng_new(41);
  for (size_t k = 0; k < sizeof sizes / sizeof sizes[0]; k++) {
    const size_t n = sizes[k][0], p = sizes[k][1], q = sizes[k][2];
    float *a = random_floats(&rng, n * p), *b = random_floats(&rng, n * q);
    double *totals[3];
    bool same = true, mirrored = true;
    for (size_t threads = 1; threads <= 3; threads++) {
      double *to = totals[threads - 1] = mem_alloc(p * q + p * p, sizeof *to);
      for (size_t i = 0; i < p * q + p * p; i++) to[i] = 2.5; /* it is added to */
      const Crossproduct items[] = {{p, p, a, a, to + p * q}, {p, q, a, b, to}};
      omp_set_num_threads((int)threads);
      crossproducts_add(n, 2, items);
      if (threads == 1) {
        const double mixed = product_error(n, &items[1], 2.5), own = product_error(n, &items[0], 2.5);
        ok(mixed <= 3e-6 && own <= 3e-6, "%zu rows of %zu and %zu columns: off by %.2g and %.2g", n, p, q, mixed, own);
      }
      crossproduct_mirror(p, to + p * q);
      for (size_t i = 0; i < p; i++)
        for (size_t j = 0; j < i; j++) mirrored = mirrored && to[p * q + i * p + j] == to[p * q + j * p + i];
      same = same && are_same(p * q + p * p, to, totals[0]);
    }
    ok(mirrored, "the other half is the same");
    ok(same, "the same bits with 1, 2 and 3 threads");
    for (size_t i = 0; i < 3; i++) free(totals[i]);
    free(a);
    free(b);
  }
}

/* Rows that are left out, within units of reading and at their borders. */
static bool *some_kept(const Rows *rows) {
  bool *keep = mem_alloc(rows->n, sizeof *keep);
  for (size_t i = 0; i < rows->n; i++) keep[i] = i % 7 != 3 && (i < 600 || i > 640);
  return keep;
}

static void test_load(Rows *rows) {
  const RowSource source = source_of(rows);
  const size_t d = rows->dx;
  bool *keep = some_kept(rows), right = true;
  RowPlan plan;
  Error err = {0};
  row_plan_make(rows->n, rows->sample, keep, &plan, &err);
  double *mean = mem_alloc(d, sizeof *mean), square = 0;
  float *raw = mem_alloc(plan.n_rows * d, sizeof *raw), *centred = mem_alloc(plan.n_rows * d, sizeof *centred);
  omp_set_num_threads(3);
  ok(row_means_read(&source.x, &plan, mean, &square, &err) == STATUS_OK, "means are read");
  double expected = 0, square_expected = 0;
  for (size_t i = 0; i < plan.n_rows; i++) {
    expected += (double)rows->x[plan.rows[i] * d + 1] / (double)plan.n_rows;
    for (size_t j = 0; j < d; j++) square_expected += pow((double)rows->x[plan.rows[i] * d + j], 2);
  }
  ok(is_close(mean[1], expected, 1e-12, 1e-14) && is_close(square, square_expected, 1e-12, 0), "of the kept rows alone");
  ok(rows_load(&source.x, &plan, 5, plan.n_rows - 5, mean, 0.25f, raw, centred, &err) == STATUS_OK, "rows are loaded");
  for (size_t i = 5; i < plan.n_rows; i++)
    for (size_t j = 0; j < d; j++) {
      const float from = rows->x[plan.rows[i] * d + j], at = raw[(i - 5) * d + j];
      right = right && at == from && centred[(i - 5) * d + j] == 0.25f * (float)((double)from - mean[j]);
    }
  ok(right, "and centred, with those between them left out");
  row_plan_clear(&plan);
  free(keep);
  free(mean);
  free(raw);
  free(centred);
}

static void test_bits(Rows *rows, size_t samples_of) {
  const RowSource source = source_of(rows);
  RowSide sides[2] = {source.x, source.y};
  static const Measure *const chosen[] = {&measure_cka, &measure_relative_l2};
  enum { N = sizeof chosen / sizeof chosen[0], VALUES = 3 };
  double first[N * VALUES + VALUES] = {0};
  RowPlan plan;
  Error err = {0};
  bool same = true;
  for (size_t i = 0; i < rows->n; i++) rows->sample[i] = (uint32_t)(i / samples_of);
  row_plan_make(rows->n, rows->sample, NULL, &plan, &err);
  for (int threads = 1; threads <= 3; threads++) {
    double found[N * VALUES + VALUES] = {0}, biased, high;
    Estimate estimates[N * MEASURE_MAX_VALUES];
    const CrossMap map = {&found[N * VALUES], &biased, &found[N * VALUES + 1], &high};
    const CrossRequest request = {sides, sides + 1, 1, 1, &plan, 100, 5, (size_t)1 << 28};
    omp_set_num_threads(threads);
    same = same && drift_measure(&source, &plan, chosen, N, NULL, true, estimates, &err) == STATUS_OK &&
           cross_cka(&request, CROSS_COLUMNS, &map, &err) == STATUS_OK;
    for (size_t v = 0, at = 0; v < N; at += chosen[v++]->n_values) {
      found[v * VALUES] = estimates[at].value;
      for (size_t s = 0; s < plan.n_samples && estimates[at].pseudo; s++)
        found[v * VALUES + 1] += estimates[at].pseudo[s] * (double)(s + 1);
    }
    estimates_clear(estimates, drift_value_count(chosen, N));
    if (threads == 1) memcpy(first, found, sizeof first);
    same = same && isfinite(found[0]) && isfinite(found[N * VALUES]) && are_same(N * VALUES + VALUES, found, first);
  }
  ok(same, "measures and maps, %zu rows a sample: the same bits with 1, 2 and 3 threads", samples_of);
  row_plan_clear(&plan);
}

/* Of procrustes to LAPACK's rounding alone. */
static void test_procrustes(Rows *rows) {
  double first = 0;
  bool close = true;
  for (size_t i = 0; i < rows->n; i++) rows->sample[i] = (uint32_t)i;
  for (int threads = 1; threads <= 3; threads++) {
    omp_set_num_threads(threads);
    const double distance = value_of(rows, "procrustes");
    if (threads == 1) first = distance;
    close = close && is_close(distance, first, 1e-7, 0);
  }
  ok(close, "procrustes is %.12g with any number of threads", first);
}

/* Whichever thread finds its row first. */
static void test_refusal(Rows *rows) {
  const RowSource source = source_of(rows);
  RowPlan plan;
  RowMoments moments;
  Error err = {0};
  for (size_t i = 0; i < rows->n; i++) rows->sample[i] = (uint32_t)i;
  row_plan_make(rows->n, rows->sample, NULL, &plan, &err);
  for (size_t i = 700; i < rows->n; i += 150) rows->x[i * rows->dx] = NAN;
  bool named = true;
  for (size_t round = 0; round < 20; round++) {
    omp_set_num_threads(1 + (int)(round % 4));
    named = named && row_moments_read(&source, &plan, &moments, &err) == STATUS_DATA && strstr(err.text, "sample 700 (row 700)");
  }
  ok(named, "the first row that is not finite is named: %s", err.text);
  row_plan_clear(&plan);
}

static Status fail_from(void *context, size_t first, size_t n, float *to, Error *err) {
  memset(to, 0, n * *(size_t *)context * sizeof *to);
  return first + n > 900 ? error_set(err, STATUS_SYSTEM, "rows from %zu on", first) : STATUS_OK;
}

static void test_failure(void) {
  enum { WIDTH = 700, N = 3000 };
  size_t width = WIDTH;
  const RowSide side = {WIDTH, fail_from, &width, "x", "s", NULL, NULL, NULL};
  uint32_t *samples = mem_alloc(N, sizeof *samples);
  float *rows = mem_alloc((size_t)N * WIDTH, sizeof *rows);
  for (size_t i = 0; i < N; i++) samples[i] = (uint32_t)i;
  RowPlan plan;
  Error err = {0};
  row_plan_make(N, samples, NULL, &plan, &err);
  bool first = true;
  char expected[64];
  snprintf(expected, sizeof expected, "rows from %zu on", 900 / rows_unit(WIDTH) * rows_unit(WIDTH));
  for (size_t round = 0; round < 20; round++) {
    omp_set_num_threads(1 + (int)(round % 4));
    first = first && rows_load(&side, &plan, 0, N, NULL, 1, rows, NULL, &err) == STATUS_SYSTEM && strcmp(err.text, expected) == 0;
  }
  ok(first, "the first failure is the one that is told: %s", err.text);
  row_plan_clear(&plan);
  free(samples);
  free(rows);
}

int main(void) {
  Rng rng = rng_new(40);
  Rows rows = random_rows(&rng, 1500, 130, 1, 1, 0.3, 0.5);
  test_products();
  test_load(&rows);
  test_bits(&rows, 1);
  test_bits(&rows, 6);
  test_procrustes(&rows);
  test_refusal(&rows);
  test_failure();
  rows_free(&rows);
  return tap_end();
}
