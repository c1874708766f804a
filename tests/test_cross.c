/* Maps of all sites against all, in every form: what drift gives pair by pair. */
#include "probes/drift/cross.h"
#include "probes/drift/interval.h"
#include "tests/made_rows.h"

/* A site of made rows on either side; all sites share samples, some the width too. */
static Status read_site(void *context, size_t first, size_t n, float *rows, Error *err) {
  (void)err;
  const Rows *site = context;
  memcpy(rows, site->x + first * site->dx, n * site->dx * 4);
  return STATUS_OK;
}

enum { SITES_X = 3, SITES_Y = 2, SITES = SITES_X + SITES_Y };

/* The map in one form against drift_measure pair by pair. */
static void check_map(const RowSide *sides, const RowPlan *plan, CrossForm form, size_t memory, const char *what) {
  double values[4][SITES_X * SITES_Y];
  const CrossMap map = {values[0], values[1], values[2], values[3]};
  const CrossRequest request = {sides, sides + SITES_X, SITES_X, SITES_Y, plan, 200, 5, memory};
  Error err = {0};
  bool equal = cross_cka(&request, form, &map, &err) == STATUS_OK;
  for (size_t i = 0; i < SITES_X * SITES_Y && equal; i++) {
    const RowSource source = {sides[i / SITES_Y], sides[SITES_X + i % SITES_Y]};
    const Measure *cka = &measure_cka;
    Estimate estimates[3];
    Interval intervals[3];
    drift_measure(&source, plan, &cka, 1, NULL, true, estimates, &err);
    intervals_bootstrap(plan->n_samples, 3, estimates, 200, 5, intervals);
    const double expected[4] = {estimates[0].value, estimates[1].value, intervals[0].low, intervals[0].high};
    for (size_t v = 0; v < 4; v++)
      if (!is_close(values[v][i], expected[v], v < 2 ? 1e-6 : 1e-5, 1e-6)) {
        printf("# pair %zu, number %zu: %.9g, pair by pair %.9g\n", i, v, values[v][i], expected[v]);
        equal = false;
      }
    estimates_clear(estimates, 3);
  }
  ok(equal, "a map %s is what pairs give one by one", what);
}

static void test_cross(void) {
  for (size_t clustered = 0; clustered < 2; clustered++) {
    Rng rng = rng_new(17);
    Rows sites[SITES];
    RowSide sides[SITES];
    Rng samples = rng_new(18);
    sites[0] = random_rows(&samples, 220, 6, 1, 6, 0, 0.4);
    for (size_t s = 1; s < SITES; s++) {
      const size_t d = s == 2 ? 9 : 6;
      sites[s] = rows_new(sites[0].n, d, 1);
      for (size_t i = 0; i < sites[0].n * d; i++)
        sites[s].x[i] = (float)(sites[0].x[i / d * 6 + i % d % 6] * (1 + 0.2 * (double)(i % d)) +
                                (double)s * 0.3 * rng_normal(&rng)) *
                        (s == 4   ? 1e9f
                         : s == 1 ? 1e-9f
                                  : 1);
    }
    for (size_t i = 0; i < sites[0].n && !clustered; i++) sites[0].sample[i] = (uint32_t)i;
    for (size_t s = 0; s < SITES; s++) sides[s] = (RowSide){sites[s].dx, read_site, &sites[s], "x", "s", NULL, NULL, NULL};
    RowPlan plan;
    Error err = {0};
    row_plan_make(sites[0].n, sites[0].sample, NULL, &plan, &err);
    check_map(sides, &plan, CROSS_ROWS, 0,
              clustered ? "by rows, several rows a sample," : "by rows, one row a sample,");
    check_map(sides, &plan, CROSS_COLUMNS, (size_t)1 << 30,
              clustered ? "by columns, several rows a sample," : "by columns, one row a sample,");
    check_map(sides, &plan, CROSS_COLUMNS, 1, "by columns in as many passes as pairs");
    row_plan_clear(&plan);
    for (size_t s = 0; s < SITES; s++) rows_free(&sites[s]);
  }
}

int main(void) {
  test_cross();
  return tap_end();
}
