/* What rows are made into before they are measured once more: columns that stand out, rows without these, and rows paired
 * with those of other samples. */
#include "probes/drift/columns.h"
#include "probes/drift/shifted.h"
#include "tests/made_rows.h"

enum { WIDTH = 12, SAMPLES = 300 };

static void open_plan(const Rows *rows, RowPlan *plan) {
  Error err = {0};
  ok(row_plan_make(rows->n, rows->sample, NULL, plan, &err) == STATUS_OK, "rows are planned %s", err.text);
}

static double variance_of(const Rows *rows, size_t j) {
  double mean = 0, sum = 0;
  for (size_t i = 0; i < rows->n; i++) mean += (double)rows->x[i * WIDTH + j] / (double)rows->n;
  for (size_t i = 0; i < rows->n; i++) sum += pow((double)rows->x[i * WIDTH + j] - mean, 2);
  return sum;
}

/* A large mean is no variance. */
static void test_find(const Rows *rows, const RowSide *side, const RowPlan *plan) {
  size_t columns[WIDTH];
  double share, total = 0;
  Error err = {0};
  for (size_t j = 0; j < WIDTH; j++) total += variance_of(rows, j);
  ok(columns_find(side, plan, 2, columns, &share, &err) == STATUS_OK && columns[0] == 7 && columns[1] == 3,
     "columns %zu and %zu stand out", columns[0], columns[1]);
  ok(is_close(share, (variance_of(rows, 7) + variance_of(rows, 3)) / total, 1e-9, 0), "they hold %.6f of the variance", share);
  ok(columns_find(side, plan, WIDTH, columns, &share, &err) == STATUS_OK && is_close(share, 1, 1e-12, 0), "all hold all");
  bool seen[WIDTH] = {false}, falling = true;
  for (size_t i = 0; i < WIDTH; i++) {
    falling = falling && !seen[columns[i]] && (i == 0 || variance_of(rows, columns[i]) <= variance_of(rows, columns[i - 1]));
    seen[columns[i]] = true;
  }
  ok(falling, "each once, the largest first");
}

/* What a measure says of a side without columns is what it says of rows that never had them. */
static void test_leave_out(Rows *rows, const RowPlan *plan) {
  static const size_t out[] = {7, 3};
  const RowSource whole = source_of(rows);
  NarrowRows of_x = {&whole.x, 2, out}, of_y = {&whole.y, 2, out};
  const RowSource narrow = {columns_leave_out(&of_x), columns_leave_out(&of_y)};
  Rows fewer = rows_new(rows->n, WIDTH - 2, WIDTH - 2);
  memcpy(fewer.sample, rows->sample, rows->n * sizeof *rows->sample);
  for (size_t i = 0, at = 0; i < rows->n; i++)
    for (size_t j = 0; j < WIDTH; j++) {
      if (j == 3 || j == 7) continue;
      fewer.x[at] = rows->x[i * WIDTH + j];
      fewer.y[at++] = rows->y[i * WIDTH + j];
    }
  static const Measure *const some[] = {&measure_cka, &measure_procrustes, &measure_cosine, &measure_relative_l2, &measure_knn};
  for (size_t m = 0; m < sizeof some / sizeof some[0]; m++) {
    Estimate found[MEASURE_MAX_VALUES], expected[MEASURE_MAX_VALUES];
    const double with = value_of(rows, some[m]->name);
    const DriftAids aids = {.seed = 5};
    Error err = {0};
    const bool done = drift_measure(&narrow, plan, &some[m], 1, &aids, false, found, &err) == STATUS_OK &&
                      measure(&fewer, some[m], false, expected);
    ok(done && found[0].value == expected[0].value && found[0].value != with,
       "%s without them: %.9g, of rows that never had them %.9g, with them %.9g", some[m]->name, found[0].value,
       expected[0].value, with);
  }
  rows_free(&fewer);
}

/* What a measure says of a shifted side is what it says of rows that were paired so from the beginning. */
static void check_shifted(const Rows *rows, RowSource source, const RowPlan *plan, size_t shift) {
  Rows paired = rows_new(plan->n_rows, WIDTH, WIDTH);
  bool apart = true;
  for (size_t p = 0; p < plan->n_rows; p++) {
    const size_t from = plan->rows[p], with = plan->rows[(p + shift) % plan->n_rows];
    apart = apart && rows->sample[from] != rows->sample[with];
    paired.sample[p] = rows->sample[from];
    memcpy(paired.x + p * WIDTH, rows->x + from * WIDTH, WIDTH * 4);
    memcpy(paired.y + p * WIDTH, rows->y + with * WIDTH, WIDTH * 4);
  }
  ok(apart, "%zu rows shifted by %zu: none is paired with one of its own sample", plan->n_rows, shift);
  const RowSide in_place = source.y;
  ShiftedRows shifted = {&in_place, plan, shift};
  source.y = rows_shift(&shifted);
  static const Measure *const some[] = {&measure_cka, &measure_cosine, &measure_knn};
  for (size_t m = 0; m < sizeof some / sizeof some[0]; m++) {
    Estimate found[MEASURE_MAX_VALUES], expected[MEASURE_MAX_VALUES];
    const DriftAids aids = {.seed = 5};
    Error err = {0};
    const bool done = drift_measure(&source, plan, &some[m], 1, &aids, false, found, &err) == STATUS_OK &&
                      measure(&paired, some[m], false, expected);
    ok(done && found[0].value == expected[0].value, "%s of shifted rows %.9g, of rows paired so %.9g", some[m]->name,
       found[0].value, expected[0].value);
  }
  rows_free(&paired);
}

static void test_shift(Rows *rows) {
  bool *keep = mem_alloc(rows->n, sizeof *keep);
  for (size_t i = 0; i < rows->n; i++) keep[i] = i % 7 != 3;
  RowPlan plan, one;
  Error err = {0};
  row_plan_make(rows->n, rows->sample, keep, &plan, &err);
  enum { MANY = 8 };
  size_t shifts[MANY], again[MANY], other[MANY], few[MANY];
  ok(rows_shifts_draw(&plan, 3, MANY, shifts) == MANY && rows_shifts_draw(&plan, 3, MANY, again) == MANY &&
         rows_shifts_draw(&plan, 4, MANY, other) == MANY && memcmp(shifts, again, sizeof shifts) == 0 &&
         memcmp(shifts, other, sizeof shifts) != 0,
     "shifts are drawn with the seed");
  bool differ = true;
  for (size_t i = 0; i < MANY; i++)
    for (size_t k = 0; k < i; k++) differ = differ && shifts[i] != shifts[k];
  ok(differ, "each is another");
  for (size_t i = 0; i < MANY; i += 3) check_shifted(rows, source_of(rows), &plan, shifts[i]);
  check_shifted(rows, source_of(rows), &plan, plan.longest);
  check_shifted(rows, source_of(rows), &plan, plan.n_rows - plan.longest);
  row_plan_clear(&plan);
  uint32_t alone[4] = {0, 0, 0, 1};
  row_plan_make(4, alone, NULL, &one, &err);
  ok(rows_shifts_draw(&one, 3, MANY, few) == 0, "no shift where one sample has most of the rows");
  row_plan_clear(&one);
  uint32_t three[4] = {0, 1, 2, 3};
  row_plan_make(4, three, NULL, &one, &err);
  ok(rows_shifts_draw(&one, 3, MANY, few) == 3 && few[0] + few[1] + few[2] == 6, "of four rows there are three shifts");
  row_plan_clear(&one);
  free(keep);
}

int main(void) {
  Rng rng = rng_new(31);
  printf("# seed 31\n");
  Rows rows = random_rows(&rng, SAMPLES, WIDTH, 1, 6, 0.1, 0.4);
  for (size_t i = 0; i < rows.n; i++) {
    rows.x[i * WIDTH + 5] += 3000, rows.y[i * WIDTH + 5] += 3000;
    rows.x[i * WIDTH + 3] *= 30, rows.y[i * WIDTH + 3] *= 30;
    rows.x[i * WIDTH + 7] *= 300, rows.y[i * WIDTH + 7] *= 300;
  }
  RowPlan plan;
  open_plan(&rows, &plan);
  const RowSource source = source_of(&rows);
  test_find(&rows, &source.x, &plan);
  test_leave_out(&rows, &plan);
  test_shift(&rows);
  size_t column;
  double share;
  Error err = {0};
  rows.x[40] = NAN;
  ok(columns_find(&source.x, &plan, 1, &column, &share, &err) == STATUS_DATA && strstr(err.text, "NaN"), "%s", err.text);
  for (size_t i = 0; i < rows.n * WIDTH; i++) rows.x[i] = 2;
  ok(columns_find(&source.x, &plan, 1, &column, &share, &err) == STATUS_OK && isnan(share) && column == 0,
     "constant rows have no outliers, and no share of nothing");
  row_plan_clear(&plan);
  rows_free(&rows);
  return tap_end();
}
