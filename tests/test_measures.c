/* The measures of drift beyond those of test_drift.c: the values of NumPy, SciPy and scikit-learn, what each must and
 * must not be blind to, sides that are the same, rows that say little, work that is merged, and how often intervals
 * hold the truth. */
#include "base/cursor.h"
#include "base/file.h"
#include "tests/made_rows.h"

#include <stdlib.h>

static Rows copy_rows(const Rows *from) {
  Rows rows = rows_new(from->n, from->dx, from->dy);
  rows.n_classes = from->n_classes;
  memcpy(rows.x, from->x, from->n * from->dx * 4);
  memcpy(rows.y, from->y, from->n * from->dy * 4);
  memcpy(rows.sample, from->sample, from->n * 4);
  memcpy(rows.class, from->class, from->n * 4);
  return rows;
}

static void check_case(Cursor *c, size_t number, size_t n_names, char *const *names) {
  const size_t n = cursor_u32(c), dx = cursor_u32(c), dy = cursor_u32(c), n_classes = cursor_u32(c);
  Rows rows = rows_new(n, dx, dy);
  rows.n_classes = n_classes;
  for (size_t j = 0; j < n; j++) rows.sample[j] = cursor_u32(c);
  for (size_t j = 0; j < n; j++) rows.class[j] = cursor_u32(c);
  for (size_t j = 0; j < n * dx; j++) rows.x[j] = cursor_f32(c);
  for (size_t j = 0; j < n * dy; j++) rows.y[j] = cursor_f32(c);
  for (size_t v = 0; v < n_names; v++) {
    const double expected = cursor_f64(c), found = value_of(&rows, names[v]);
    /* How it turns directions without rows is a matter of rounding, where one row is 1000 times as far out as others. */
    const double least = strcmp(names[v], "procrustes_held_out") == 0 ? 1e-5 : 1e-9;
    ok(isnan(expected) ? isnan(found) : is_close(found, expected, 2e-6, least),
       "case %zu, %zu rows of %zu and %zu: %s %.9g, reference %.9g", number, n, dx, dy, names[v], found, expected);
  }
  rows_free(&rows);
}

static void test_reference(void) {
  char *path = mem_format("%s/tests/fixtures/measures.bin", getenv("SRCDIR"));
  FileMap map = {0};
  Error err = {0};
  if (!ok(file_map(path, &map, &err) == STATUS_OK, "the fixture opens %s", err.text)) return;
  Cursor c = cursor_over(map.bytes, map.size);
  const size_t n_names = cursor_u32(&c);
  char **names = mem_alloc(n_names, sizeof *names);
  for (size_t v = 0; v < n_names; v++) {
    const size_t size = cursor_u32(&c);
    const uint8_t *bytes = cursor_take(&c, size);
    names[v] = mem_format("%.*s", bytes ? (int)size : 0, bytes ? (const char *)bytes : "");
  }
  const size_t n_cases = cursor_u32(&c);
  for (size_t i = 0; i < n_cases; i++) check_case(&c, i, n_names, names);
  ok(c.at == c.size && c.short_by == 0, "the whole fixture was read");
  for (size_t v = 0; v < n_names; v++) free(names[v]);
  free(names);
  file_unmap(&map);
  free(path);
}

/* rows [n,d] times a product of plane rotations, the same for the same seed. */
static void rotate(uint64_t seed, size_t n, size_t d, float *rows) {
  Rng rng = rng_new(seed);
  for (size_t k = 0; k < 6 * d; k++) {
    const size_t p = rng_below(&rng, d), q = (p + 1 + rng_below(&rng, d - 1)) % d;
    const double angle = 6.28 * rng_uniform(&rng), c = cos(angle), s = sin(angle);
    for (size_t i = 0; i < n; i++) {
      const double a = rows[i * d + p], b = rows[i * d + q];
      rows[i * d + p] = (float)(c * a - s * b);
      rows[i * d + q] = (float)(s * a + c * b);
    }
  }
}

static void scale(size_t n, float *rows, double factor) {
  for (size_t i = 0; i < n; i++) rows[i] = (float)(rows[i] * factor);
}

static void translate(size_t n, size_t d, float *rows) {
  for (size_t i = 0; i < n * d; i++) rows[i] += (float)(1.5 + 0.1 * (double)(i % d));
}

enum { ROTATE_BOTH, ROTATE_Y, SCALE_BOTH, SCALE_Y, TRANSLATE_BOTH, TRANSLATE_Y, REVERSE, DUPLICATE, N_CHANGES };
static const char *const change_names[N_CHANGES] = {
    "rotation of both",    "rotation of y",    "scale of both",      "scale of y",
    "translation of both", "translation of y", "samples in reverse", "every row twice within its sample"};

static Rows changed_rows(const Rows *from, int change) {
  const size_t n = from->n, d = from->dx, row = d * 4;
  if (change == DUPLICATE) {
    Rows rows = rows_new(2 * n, d, d);
    for (size_t i = 0; i < 2 * n; i++) {
      memcpy(rows.x + i * d, from->x + i / 2 * d, row);
      memcpy(rows.y + i * d, from->y + i / 2 * d, row);
      rows.sample[i] = from->sample[i / 2];
      rows.class[i] = from->class[i / 2];
    }
    return rows;
  }
  Rows rows = copy_rows(from);
  if (change == ROTATE_BOTH) rotate(3, n, d, rows.x);
  if (change == ROTATE_BOTH || change == ROTATE_Y) rotate(3, n, d, rows.y);
  if (change == SCALE_BOTH) scale(n * d, rows.x, 3);
  if (change == SCALE_BOTH || change == SCALE_Y) scale(n * d, rows.y, 3);
  if (change == TRANSLATE_BOTH) translate(n, d, rows.x);
  if (change == TRANSLATE_BOTH || change == TRANSLATE_Y) translate(n, d, rows.y);
  for (size_t i = 0; i < n && change == REVERSE; i++) {
    memcpy(rows.x + i * d, from->x + (n - 1 - i) * d, row);
    memcpy(rows.y + i * d, from->y + (n - 1 - i) * d, row);
    rows.sample[i] = from->sample[n - 1 - i];
    rows.class[i] = from->class[n - 1 - i];
  }
  return rows;
}

/* What each value must (s) and must not (c) be blind to, in the order of the changes above; '-': either. */
typedef struct Property {
  const char *name, *changes;
  double low, high; /* its range */
  double identical; /* NaN: undefined */
} Property;

enum { SOME_NUMBER = -1 }; /* a property of each side */

static const Property properties[] = {
    {"coherence", "scscscss", 0, 1, NAN},
    {"subspace", "scssssss", 0, 1, 1},
    {"subspace_angle", "scssssss", 0, 1.5707963267948966, 0},
    {"subspace_angle_mean", "scssssss", 0, 1.5707963267948966, 0},
    {"effective_rank_x", "ssssssss", 1, 64, SOME_NUMBER},
    {"effective_rank_y", "ssssssss", 1, 64, SOME_NUMBER},
    {"effective_rank_change", "scscssss", 1, 64, NAN},
    {"participation_x", "ssssssss", 1, 64, SOME_NUMBER},
    {"participation_y", "ssssssss", 1, 64, SOME_NUMBER},
    {"participation_change", "scscssss", 1, 64, NAN},
    {"knn", "ssssccs-", 0, 1, 1},
    {"rsa", "ccssccss", -1, 1, 1},
    {"lens_kl", "ccccccss", 0, 1e6, 0},
    {"probe_frozen", "ssssss-s", 0, 1, SOME_NUMBER},
    {"probe_transfer", "scs-sc-s", 0, 1, SOME_NUMBER},
    {"probe_refit", "ssssss-s", 0, 1, SOME_NUMBER},
    {"probe_chance", "ssssssss", 0, 1, SOME_NUMBER},
    {"procrustes_held_out", "ssssss-s", 0, 2, 0},
};
enum { N_PROPERTIES = sizeof properties / sizeof properties[0] };

static bool in_range(const Property *p, double v) { return v >= p->low - 1e-9 && v <= p->high + 1e-9; }

static void test_invariance(void) {
  Rng rng = rng_new(21);
  Rows rows = random_rows(&rng, 60, 24, 1, 5, 0.2, 0.4);
  for (int k = 0; k < N_CHANGES; k++) {
    Rows changed = changed_rows(&rows, k);
    for (size_t i = 0; i < N_PROPERTIES; i++) {
      const Property *p = &properties[i];
      if (p->changes[k] == '-') continue;
      const double before = value_of(&rows, p->name), after = value_of(&changed, p->name);
      const bool same = is_close(after, before, 1e-4, 1e-7);
      ok(isfinite(before) && isfinite(after) && same == (p->changes[k] == 's'), "%s: %s %s it (%.6g, %.6g; seed 21)",
         p->name, change_names[k], p->changes[k] == 's' ? "leaves" : "changes", before, after);
    }
    rows_free(&changed);
  }
  rows_free(&rows);
}

static void test_identity(void) {
  Rng rng = rng_new(22);
  Rows rows = random_rows(&rng, 50, 24, 1, 4, 0, 0);
  for (size_t i = 0; i < N_PROPERTIES; i++) {
    const Property *p = &properties[i];
    const double v = value_of(&rows, p->name);
    const bool right = isnan(p->identical) ? isnan(v) : p->identical == SOME_NUMBER ? v > 0 : v == p->identical;
    ok(right, "%s of identical sides is %g, exactly (%.17g)", p->name, p->identical, v);
  }
  rows_free(&rows);
}

/* Rows that say little: every value is in its range or undefined. */
static void check_all(Rows *rows, const char *what, bool defined) {
  for (size_t i = 0; i < N_PROPERTIES; i++) {
    const Property *p = &properties[i];
    const double v = value_of(rows, p->name);
    ok(in_range(p, v) || (!defined && isnan(v)), "%s: %s is %.6g", what, p->name, v);
  }
}

static void test_probes(void) {
  Rng rng = rng_new(24);
  Rows rows = random_rows(&rng, 200, 24, 1, 3, 0, 0);
  const double frozen = value_of(&rows, "probe_frozen"), chance = value_of(&rows, "probe_chance");
  ok(frozen > chance + 0.1 && value_of(&rows, "probe_transfer") == frozen && value_of(&rows, "probe_refit") == frozen,
     "probes of identical sides are equally right: %.3f, by chance %.3f", frozen, chance);
  rotate(3, rows.n, 24, rows.y);
  const double transfer = value_of(&rows, "probe_transfer"), refit = value_of(&rows, "probe_refit");
  ok(transfer < frozen - 0.1 && fabs(refit - frozen) < 1e-9,
     "a rotation is a loss of transfer (%.3f), not of what is there (%.3f)", transfer, refit);
  memcpy(rows.y, rows.x, rows.n * 24 * 4);
  for (size_t i = 0; i < rows.n; i++) rows.y[i * 24 + 2] = 0;
  ok(value_of(&rows, "probe_refit") < frozen - 0.1, "a column taken away is one: %.3f", value_of(&rows, "probe_refit"));
  for (size_t i = 0; i < rows.n; i++) rows.class[i] = ROW_NO_CLASS;
  ok(isnan(value_of(&rows, "probe_frozen")), "rows without a class teach nothing");
  for (size_t i = 0; i < rows.n; i++) rows.class[i] = 1;
  ok(isnan(value_of(&rows, "probe_frozen")), "nor do rows of one class");
  rows_free(&rows);
}

/* Fewer rows than columns: any rotation fits. Only what is held out tells the same rows from unrelated ones. */
static void test_held_out(void) {
  Rng rng = rng_new(28);
  Rows rows = random_rows(&rng, 40, 96, 1, 1, 0, 0.01);
  const double near = value_of(&rows, "relative_l2"), found = value_of(&rows, "procrustes_held_out");
  ok(found > 0.5 * near && found < 1.5 * near, "a small change, 40 rows of 96: held out %.5f, relative L2 %.5f (seed 28)",
     found, near);
  memcpy(rows.y, rows.x, rows.n * 96 * 4);
  rotate(3, rows.n, 96, rows.y);
  const double turned = value_of(&rows, "procrustes_held_out");
  ok(value_of(&rows, "procrustes") < 1e-3 && turned > 0.1, "a rotation that rows are too few for is not made up: %.5f", turned);
  rows_free(&rows);
  Rows one = random_rows(&rng, 40, 96, 1, 1, 0, 0), other = random_rows(&rng, 40, 96, 1, 1, 0, 0);
  memcpy(one.y, other.x, one.n * 96 * 4);
  const double fitted = value_of(&one, "procrustes"), held_out = value_of(&one, "procrustes_held_out");
  ok(fitted < 1.1 && held_out > 1.25, "unrelated sides: %.4f where it is fitted, %.4f held out", fitted, held_out);
  rows_free(&one);
  rows_free(&other);
}

static void test_poor_rows(void) {
  Rng rng = rng_new(23);
  Rows rows = random_rows(&rng, 50, 24, 1, 3, 0.1, 0.5);
  for (size_t j = 0; j < 24; j++) rows.x[4 * 24 + j] *= 1e4f, rows.y[4 * 24 + j] *= 1e4f;
  check_all(&rows, "one row far out", true);
  rows_free(&rows);
  rows = random_rows(&rng, 50, 24, 1, 3, 0.1, 0.5);
  for (size_t i = 0; i < rows.n; i++) rows.x[i * 24 + 3] = rows.y[i * 24 + 3] = 7, rows.y[i * 24 + 9] = 1;
  check_all(&rows, "constant columns", true);
  for (size_t i = 0; i < rows.n; i++)
    for (size_t j = 2; j < 24; j++) {
      rows.x[i * 24 + j] = rows.x[i * 24] * (float)j;
      rows.y[i * 24 + j] = rows.y[i * 24 + 1] + rows.y[i * 24];
    }
  check_all(&rows, "two dimensions of 24", false);
  for (size_t i = 0; i < rows.n * 24; i++) rows.x[i] = 2.5f;
  check_all(&rows, "a constant frozen side", false);
  for (size_t i = 0; i < rows.n * 24; i++) rows.y[i] = 1.5f;
  check_all(&rows, "constant sides", false);
  memset(rows.x, 0, rows.n * 24 * 4);
  check_all(&rows, "a frozen side of zeros", false);
  ok(isnan(value_of(&rows, "knn")), "who is nearest among rows that are all the same is not made up");
  ok(isnan(value_of(&rows, "rsa")), "nor who resembles whom");
  rows_free(&rows);
  rows = random_rows(&rng, 30, 64, 1, 1, 0.1, 0.5);
  check_all(&rows, "fewer rows than columns", true);
  for (size_t n = 4; n-- > 1;) {
    char what[16];
    rows.n = n;
    snprintf(what, sizeof what, "%zu rows", n);
    check_all(&rows, what, false);
  }
  rows_free(&rows);
}

/* One measure's passes, blocks dealt out to n_workers in turn. */
static void run_shared(const Measure *m, RowReader *reader, const DriftShape *shape, size_t n_workers,
                       Estimate *estimates) {
  void *settled[4] = {NULL};
  Error err = {0};
  const size_t n_passes = m->passes + m->extra_passes;
  for (size_t pass = 0; pass < n_passes; pass++) {
    void *workers[3];
    for (size_t w = 0; w < n_workers; w++) workers[w] = m->begin(shape, pass ? settled[pass - 1] : NULL);
    row_reader_rewind(reader);
    RowBlock block;
    bool more;
    for (size_t i = 0; row_reader_next(reader, &block, &more, &err) == STATUS_OK && more; i++)
      m->accumulate(workers[i % n_workers], &block);
    for (size_t w = 1; w < n_workers; w++) {
      m->merge(workers[0], workers[w]);
      m->free(workers[w]);
    }
    m->settle(workers[0], &err);
    settled[pass] = workers[0];
  }
  m->finish(settled[n_passes - 1], estimates);
  for (size_t pass = n_passes; pass-- > 0;) m->free(settled[pass]);
}

/* The measures that the table of properties names. */
static bool is_ours(const Measure *m) {
  for (size_t i = 0; i < N_PROPERTIES; i++)
    if (strcmp(properties[i].name, m->values[0].name) == 0) return true;
  return false;
}

static void check_merged(const Measure *m, RowReader *reader, const DriftShape *shape) {
  Estimate one[MEASURE_MAX_VALUES], three[MEASURE_MAX_VALUES];
  run_shared(m, reader, shape, 1, one);
  run_shared(m, reader, shape, 3, three);
  for (size_t v = 0; v < m->n_values; v++) {
    bool equal =
        is_close(three[v].value, one[v].value, 1e-6, 0) && (one[v].pseudo == NULL) == (three[v].pseudo == NULL);
    for (size_t s = 0; s < shape->n_samples && one[v].pseudo && equal; s++)
      equal = is_close(three[v].pseudo[s], one[v].pseudo[s], 1e-4, 1e-5);
    ok(equal && (one[v].pseudo != NULL) == (m->values[v].no_interval == NULL),
       "%s of three merged workers is that of one, and has the interval that the table promises", m->values[v].name);
  }
  estimates_clear(one, m->n_values);
  estimates_clear(three, m->n_values);
}

static void test_merge(void) {
  Rng rng = rng_new(25);
  Rows rows = random_rows(&rng, 1200, 24, 1, 5, 0.3, 0.3);
  const RowSource source = source_of(&rows);
  const DriftLens lens = {rows.dx, VOCABULARY, made_logits, &rows.dx};
  RowPlan plan;
  RowMoments moments;
  Error err = {0};
  row_plan_make(rows.n, rows.sample, NULL, &plan, &err);
  row_moments_read(&source, &plan, &moments, &err);
  RowSubsample *subsample = row_subsample_new(&plan, 5);
  ok(subsample->n_rows <= SUBSAMPLE_ROWS && subsample->n_rows > SUBSAMPLE_ROWS - 5 && subsample->n_samples < 1200,
     "a subsample of %zu of %zu rows", subsample->n_rows, plan.n_rows);
  const DriftShape shape = {.n_rows = plan.n_rows,
                            .n_samples = plan.n_samples,
                            .plan = &plan,
                            .dx = 24,
                            .dy = 24,
                            .longest = plan.longest,
                            .moments = &moments,
                            .with_intervals = true,
                            .subsample = subsample,
                            .aids = {5, &lens, rows.class, 2}};
  RowReader *reader = row_reader_new(&source, &plan, &moments);
  for (size_t m = 0; measures[m]; m++)
    if (is_ours(measures[m])) check_merged(measures[m], reader, &shape);
  row_reader_free(reader);
  row_subsample_free(subsample);
  row_moments_clear(&moments);
  row_plan_clear(&plan);
  rows_free(&rows);
}

int main(void) {
  test_reference();
  test_invariance();
  test_identity();
  test_probes();
  test_held_out();
  test_poor_rows();
  test_merge();
  return tap_end();
}
