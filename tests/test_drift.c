/* Measures of drift that are asked for unasked: NumPy's numbers, what they are invariant to and what not, small drifts,
 * plans that leave rows out. How rows get to them is in test_drift_rows.c, maps of all sites in test_cross.c, other measures are in test_measures.c. */
#include "base/cursor.h"
#include "base/file.h"
#include "probes/drift/interval.h"
#include "tests/made_rows.h"

#include <string.h>

enum { CKA, CKA_BIASED, CKA_FLOOR, PROCRUSTES, ANGLE, COSINE, COSINE_CENTRED, RELATIVE_L2, N_VALUES };
enum { N_MEASURES = 4 }; /* the first of the table, which give these; tests/test_measures.c has the others */

static const char *const names[N_VALUES] = {"cka",    "cka_biased",     "cka_floor",  "procrustes", "procrustes_angle",
                                            "cosine", "cosine_centred", "relative_l2"};

static void measure_all(const Rows *rows, double values[N_VALUES]) {
  Error err = {0};
  for (size_t m = 0; m < N_MEASURES; values += measures[m++]->n_values)
    if (drift_measure_rows(measures[m], rows->n, rows->dx, rows->x, rows->dy, rows->y, rows->sample, values, &err) !=
        STATUS_OK)
      printf("# %s\n", err.text);
}

/* The demo's population has CKA 1/2; counting a row drawn twice as two would put the interval at about [0.52, 0.61]. */
static void check_reference_interval(Rows *rows) {
  const RowSource source = source_of(rows);
  const Measure *cka = &measure_cka;
  RowPlan plan;
  Error err = {0};
  Estimate estimates[3];
  Interval intervals[3];
  row_plan_make(rows->n, rows->sample, NULL, &plan, &err);
  drift_measure(&source, &plan, &cka, 1, NULL, true, estimates, &err);
  intervals_bootstrap(plan.n_samples, 3, estimates, 1000, 0, intervals);
  const double low = intervals[0].low, high = intervals[0].high, value = estimates[0].value;
  ok(low < 0.48 && high > 0.54 && high < 0.62 && value - low > 0.6 * (high - value) &&
         high - value > 0.6 * (value - low),
     "its interval [%.3f, %.3f] lies around the value", low, high);
  ok(isnan(intervals[1].low) && isnan(intervals[2].low), "biased CKA and its floor have none");
  estimates_clear(estimates, 3);
  row_plan_clear(&plan);
}

static void test_numpy(void) {
  char *path = mem_format("%s/tests/fixtures/drift.bin", getenv("SRCDIR"));
  FileMap map = {0};
  Error err = {0};
  if (!ok(file_map(path, &map, &err) == STATUS_OK, "the fixture opens %s", err.text)) return;
  Cursor c = cursor_over(map.bytes, map.size);
  const size_t n_cases = cursor_u32(&c);
  for (size_t i = 0; i < n_cases; i++) {
    const size_t n = cursor_u32(&c), dx = cursor_u32(&c), dy = cursor_u32(&c);
    Rows rows = rows_new(n, dx, dy);
    for (size_t j = 0; j < n; j++) rows.sample[j] = cursor_u32(&c);
    for (size_t j = 0; j < n * dx; j++) rows.x[j] = cursor_f32(&c);
    for (size_t j = 0; j < n * dy; j++) rows.y[j] = cursor_f32(&c);
    double found[N_VALUES];
    measure_all(&rows, found);
    for (size_t v = 0; v < N_VALUES; v++) {
      const double expected = cursor_f64(&c);
      const double rtol = v < PROCRUSTES ? 1e-6 : v < COSINE ? 1e-5 : 1e-7;
      ok(isnan(expected) ? isnan(found[v]) : is_close(found[v], expected, rtol, 1e-15),
         "case %zu, %zu rows of %zu and %zu: %s %.9g, NumPy %.9g", i, n, dx, dy, names[v], found[v], expected);
    }
    if (i == 0)
      ok(fabs(found[CKA] - 0.51346) < 5e-6 && fabs(found[CKA_BIASED] - 0.55761) < 5e-6,
         "the published reference values of CKA");
    if (i == 0) check_reference_interval(&rows);
    rows_free(&rows);
  }
  ok(c.at == c.size && c.short_by == 0, "the whole fixture was read");
  file_unmap(&map);
  free(path);
}

static Rows copy_rows(const Rows *from) {
  Rows rows = rows_new(from->n, from->dx, from->dy);
  memcpy(rows.x, from->x, from->n * from->dx * 4);
  memcpy(rows.y, from->y, from->n * from->dy * 4);
  memcpy(rows.sample, from->sample, from->n * 4);
  return rows;
}

/* rows [n,d] times a product of random plane rotations. */
static void rotate(Rng *rng, size_t n, size_t d, float *rows) {
  for (size_t k = 0; k < 3 * d; k++) {
    const size_t p = rng_below(rng, d), q = (p + 1 + rng_below(rng, d - 1)) % d;
    const double angle = 6.28 * rng_uniform(rng), c = cos(angle), s = sin(angle);
    for (size_t i = 0; i < n; i++) {
      const double a = rows[i * d + p], b = rows[i * d + q];
      rows[i * d + p] = (float)(c * a - s * b);
      rows[i * d + q] = (float)(s * a + c * b);
    }
  }
}

static void scale_columns(size_t n, size_t d, float *rows, double first, double step, double shift) {
  for (size_t i = 0; i < n; i++)
    for (size_t j = 0; j < d; j++) rows[i * d + j] = (float)((first + step * (double)j) * rows[i * d + j] + shift);
}

static bool same(const double *a, const double *b, unsigned which, double rtol) {
  bool all = true;
  for (size_t v = 0; v < N_VALUES; v++)
    if (which >> v & 1 && !is_close(a[v], b[v], rtol, 1e-9)) {
      printf("# %s %.12g became %.12g\n", names[v], b[v], a[v]);
      all = false;
    }
  return all;
}

static void test_properties(void) {
  const unsigned ckas = 1u << CKA | 1u << CKA_BIASED | 1u << CKA_FLOOR, shapes = ckas | 1u << PROCRUSTES | 1u << ANGLE,
                 all = 255;
  Rng rng = rng_new(11);
  Rows rows = random_rows(&rng, 30, 8, 1, 6, 0, 0.4), changed = copy_rows(&rows);
  double base[N_VALUES], now[N_VALUES];
  measure_all(&rows, base);
  rotate(&rng, rows.n, 8, changed.y);
  scale_columns(rows.n, 8, changed.y, 3, 0, -2);
  measure_all(&changed, now);
  ok(same(now, base, shapes, 2e-5),
     "CKA and Procrustes do not see rotation, scale and translation of one side (seed 11)");
  ok(now[COSINE] > 2 * base[COSINE] && now[RELATIVE_L2] > 2 * base[RELATIVE_L2], "cosine and relative L2 do");
  memcpy(changed.y, rows.y, rows.n * 8 * 4);
  scale_columns(rows.n, 8, changed.y, 1, 1, 0);
  measure_all(&changed, now);
  ok(now[CKA] < base[CKA] - 0.01 && now[PROCRUSTES] > base[PROCRUSTES] + 0.01,
     "no measure is blind to every linear map");
  memcpy(changed.y, rows.x, rows.n * 8 * 4);
  rotate(&rng, rows.n, 8, changed.y);
  measure_all(&changed, now);
  ok(now[PROCRUSTES] < 2e-6 && fabs(now[CKA] - 1) < 1e-6, "a pure rotation leaves nothing: %.2g", now[PROCRUSTES]);
  for (size_t i = 0; i < rows.n; i++) { /* samples and their rows in reverse order */
    memcpy(changed.x + i * 8, rows.x + (rows.n - 1 - i) * 8, 32);
    memcpy(changed.y + i * 8, rows.y + (rows.n - 1 - i) * 8, 32);
    changed.sample[i] = rows.sample[rows.n - 1 - i];
  }
  measure_all(&changed, now);
  ok(same(now, base, all, 2e-6), "the order of samples does not matter"); /* each is within 1e-6 of float64 */
  rows_free(&changed);
  changed = rows_new(2 * rows.n, 8, 8); /* every row twice, in its own sample */
  for (size_t i = 0; i < changed.n; i++) {
    memcpy(changed.x + i * 8, rows.x + i / 2 * 8, 32);
    memcpy(changed.y + i * 8, rows.y + i / 2 * 8, 32);
    changed.sample[i] = rows.sample[i / 2];
  }
  measure_all(&changed, now);
  ok(same(now, base, all & ~(1u << CKA_FLOOR), 1e-6), "every row twice within its sample changes nothing, debiased CKA included");
  ok(same(now, base, 1u << CKA_FLOOR, 0.15), "the floor, which takes all rows of a sample as equally alike, little");
  for (size_t i = 0; i < rows.n; i++) rows.x[i * 8 + 3] = rows.y[i * 8 + 3] = 7;
  measure_all(&rows, now);
  ok(isfinite(now[CKA]) && isfinite(now[PROCRUSTES]) && isfinite(now[COSINE_CENTRED]),
     "a constant column is no trouble");
  rows_free(&changed);
  rows_free(&rows);
}

static void test_identity(void) {
  Rng rng = rng_new(12);
  Rows rows = random_rows(&rng, 25, 6, 1, 6, 0, 0.3);
  double v[N_VALUES];
  memcpy(rows.y, rows.x, rows.n * 6 * 4);
  measure_all(&rows, v);
  ok(v[CKA] == 1 && v[CKA_BIASED] == 1 && v[PROCRUSTES] == 0 && v[ANGLE] == 0 && v[COSINE] == 0 &&
         v[COSINE_CENTRED] == 0 && v[RELATIVE_L2] == 0,
     "identical sides: CKA 1 and drift 0, exactly");
  for (size_t i = 0; i < rows.n * 6; i++) rows.x[i] = rows.y[i] = 2.5f;
  measure_all(&rows, v);
  ok(isnan(v[CKA]) && isnan(v[CKA_BIASED]) && isnan(v[CKA_FLOOR]), "constant rows: no CKA");
  ok(v[PROCRUSTES] == 0 && v[ANGLE] == 0 && v[COSINE] == 0 && v[COSINE_CENTRED] == 0 && v[RELATIVE_L2] == 0,
     "but no drift either where nothing changed");
  rows.y[3] = 2.6f;
  measure_all(&rows, v);
  ok(isnan(v[CKA]) && isnan(v[PROCRUSTES]) && isnan(v[ANGLE]) && isnan(v[COSINE_CENTRED]) && isnan(v[RELATIVE_L2]) &&
         v[COSINE] > 0,
     "a constant frozen side and a change: nothing that is centred is defined");
  rows_free(&rows);
  rows = random_rows(&rng, 3, 5, 1, 6, 0, 0.3);
  measure_all(&rows, v);
  ok(isnan(v[CKA]) && v[CKA_BIASED] > 0 && v[PROCRUSTES] > 0, "three samples: no debiased CKA");
  memset(rows.sample, 0, rows.n * 4);
  measure_all(&rows, v);
  ok(isnan(v[CKA]) && v[CKA_BIASED] > 0 && isfinite(v[COSINE]) && v[RELATIVE_L2] > 0, "one sample: likewise");
  rows.n = 1;
  measure_all(&rows, v);
  ok(isnan(v[CKA_BIASED]) && isnan(v[PROCRUSTES]) && isnan(v[RELATIVE_L2]) && v[COSINE] > 0,
     "one row: no spread, cosine alone");
  memset(rows.y, 0, rows.dy * 4);
  measure_all(&rows, v);
  ok(v[COSINE] == 1, "a zero row counts as unrelated");
  rows_free(&rows);
}

static void test_small_drift(void) {
  Rng rng = rng_new(13);
  Rows rows = random_rows(&rng, 300, 12, 1, 6, 0, 1e-4);
  double v[N_VALUES], squared = 0, spread = 0, mean[12] = {0}, shift[12] = {0};
  for (size_t i = 0; i < rows.n * 12; i++) {
    mean[i % 12] += rows.x[i] / (double)rows.n;
    shift[i % 12] += ((double)rows.y[i] - rows.x[i]) / (double)rows.n;
  }
  for (size_t i = 0; i < rows.n * 12; i++) {
    squared += pow((double)rows.y[i] - rows.x[i] - shift[i % 12], 2);
    spread += pow(rows.x[i] - mean[i % 12], 2);
  }
  measure_all(&rows, v);
  const double size = sqrt(squared / spread);
  ok(v[PROCRUSTES] > 0.9 * size && v[PROCRUSTES] < 1.001 * size,
     "a Procrustes distance of %.3g is not lost to rounding: %.3g (seed 13)", size, v[PROCRUSTES]);
  ok(fabs(v[COSINE_CENTRED]) < 1e-7 && v[COSINE_CENTRED] > 1e-10, "nor a cosine drift: %.3g", v[COSINE_CENTRED]);
  rows_free(&rows);
}

/* Rows left out: the plan of every third row equals the rows alone. */
static void test_plan(void) {
  Rng rng = rng_new(16);
  Rows rows = random_rows(&rng, 900, 3, 1, 6, 0, 0.3), kept = rows_new(rows.n, 3, 3);
  bool *keep = mem_alloc(rows.n, sizeof *keep);
  kept.n = 0;
  for (size_t i = 0; i < rows.n; i++) {
    keep[i] = i % 3 == 0 && (i < 300 || i > 1700);
    if (!keep[i]) continue;
    memcpy(kept.x + kept.n * 3, rows.x + i * 3, 12);
    memcpy(kept.y + kept.n * 3, rows.y + i * 3, 12);
    kept.sample[kept.n++] = rows.sample[i];
  }
  const RowSource source = source_of(&rows);
  RowPlan plan;
  Error err = {0};
  double expected[N_VALUES];
  Estimate found[N_VALUES];
  row_plan_make(rows.n, rows.sample, keep, &plan, &err);
  measure_all(&kept, expected);
  ok(plan.n_rows == kept.n && drift_measure(&source, &plan, measures, N_MEASURES, NULL, false, found, &err) == STATUS_OK,
     "a plan that leaves rows out");
  for (size_t v = 0; v < N_VALUES; v++) ok(found[v].value == expected[v], "%s sees the kept rows alone", names[v]);
  row_plan_clear(&plan);
  free(keep);
  rows_free(&rows);
  rows_free(&kept);
}

int main(void) {
  test_numpy();
  test_properties();
  test_identity();
  test_small_drift();
  test_plan();
  return tap_end();
}
