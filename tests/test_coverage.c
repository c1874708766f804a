/* How often the intervals of the drift measures hold the truth: data from planted distributions, whose drift is known,
 * are drawn again and again. 95 % intervals should cover 93 to 97 %. Rows of a sample share a part (correlation rho),
 * and what is changed may be much larger in some samples than in others. `make check` runs a few hundred draws,
 * check-long 3000, where chance is 1.2 points (three standard deviations). */
#include "base/memory.h"
#include "base/rng.h"
#include "probes/drift/drift.h"
#include "probes/drift/interval.h"
#include "tests/tap.h"

#include <stdlib.h>

#ifdef LONG_COVERAGE
enum { DRAWS = 3000, RESAMPLES = 1000 };
#else
enum { DRAWS = 300, RESAMPLES = 300 };
#endif

enum { D = 8, VALUES = 8 };

typedef struct Truth {
  const char *name;
  size_t n_samples, least, most; /* rows a sample */
  double rho, noise, heavy; /* noise: standard deviation of the change; heavy: of the log of its factor for a sample */
} Truth;

static const Truth truths[] = {
    {"one row a sample", 120, 1, 1, 0, 0.3, 0},
    {"one row a sample, small change", 120, 1, 1, 0, 0.03, 0},
    {"2 to 16 rows a sample", 160, 2, 16, 0.6, 0.3, 0},
    {"1 to 8 rows, uneven change", 200, 1, 8, 0.4, 0.3, 0.4},
    {"2 to 16 rows, mostly unrelated", 160, 2, 16, 0.6, 3, 0},
    {"24 samples of 1 to 8 rows", 24, 1, 8, 0.4, 0.3, 0}, /* procrustes: where there is one */
};
enum { N_TRUTHS = sizeof truths / sizeof truths[0] };

static double spread(size_t j) { return 1.5 / (1 + 0.4 * (double)j); }

typedef struct Draw {
  size_t n;
  float *x, *y;
  uint32_t *sample;
} Draw;

static void draw_rows(Rng *rng, const Truth *t, Draw *draw) {
  const double own = sqrt(1 - t->rho), shared = sqrt(t->rho);
  draw->n = 0;
  for (uint32_t s = 0; s < t->n_samples; s++) {
    const size_t m = t->least + rng_below(rng, t->most - t->least + 1);
    const double factor = t->noise * exp(t->heavy * rng_normal(rng));
    double common[2 * D];
    for (size_t j = 0; j < 2 * D; j++) common[j] = rng_normal(rng);
    for (size_t i = 0; i < m; i++, draw->n++) {
      draw->sample[draw->n] = s;
      for (size_t j = 0; j < D; j++) {
        const double x = 1 + spread(j) * (shared * common[j] + own * rng_normal(rng));
        draw->x[draw->n * D + j] = (float)x;
        draw->y[draw->n * D + j] = (float)(x + factor * (shared * common[D + j] + own * rng_normal(rng)));
      }
    }
  }
}

static Status read_part(void *context, size_t first, size_t n, float *rows, Error *err) {
  (void)err;
  memcpy(rows, (const float *)context + first * D, n * D * sizeof *rows);
  return STATUS_OK;
}

/* The population's values, in the order of the table of measures; cosines from a million rows. */
static void population(const Truth *t, double truth[VALUES]) {
  const double change = t->noise * t->noise * exp(2 * t->heavy * t->heavy);
  double xx = 0, yy = 0, trace_x = 0, trace_y = 0;
  for (size_t j = 0; j < D; j++) {
    const double a = spread(j) * spread(j), b = a + change;
    xx += a * a;
    yy += b * b;
    trace_x += a;
    trace_y += b;
  }
  const double nuclear = trace_x / sqrt(trace_x * trace_y); /* cov(x, y) is cov(x), symmetric and positive */
  truth[0] = xx / sqrt(xx * yy);
  truth[1] = truth[2] = NAN;
  truth[3] = sqrt(2 - 2 * nuclear);
  truth[4] = acos(nuclear);
  truth[7] = sqrt(D * change / trace_x);
  Rng rng = rng_new(99);
  enum { N = 1000000 };
  double cosine[2] = {0};
  for (size_t i = 0; i < N; i++) {
    const double factor = t->noise * exp(t->heavy * rng_normal(&rng));
    double x[D], y[D];
    for (size_t j = 0; j < D; j++) {
      x[j] = spread(j) * rng_normal(&rng);
      y[j] = x[j] + factor * rng_normal(&rng);
    }
    for (size_t k = 0; k < 2; k++) {
      double a = 0, b = 0, ab = 0;
      for (size_t j = 0; j < D; j++) {
        const double p = x[j] + (k == 0), q = y[j] + (k == 0);
        a += p * p;
        b += q * q;
        ab += p * q;
      }
      cosine[k] += (1 - ab / sqrt(a * b)) / N;
    }
  }
  truth[5] = cosine[0];
  truth[6] = cosine[1];
}

/* One draw: what becomes of each value's interval. */
typedef enum Outcome { HOLDS, MISSES, HAS_NONE } Outcome;

static bool try_once(const Truth *t, Rng *rng, Draw *draw, const double truth[VALUES], Outcome *outcomes) {
  draw_rows(rng, t, draw);
  const RowSource source = {{D, read_part, draw->x, "x", "s", NULL, NULL, NULL}, {D, read_part, draw->y, "y", "s", NULL, NULL, NULL}};
  RowPlan plan;
  Error err = {0};
  Estimate estimates[VALUES];
  Interval intervals[VALUES];
  if (row_plan_make(draw->n, draw->sample, NULL, &plan, &err) != STATUS_OK) return false;
  const bool done = drift_measure(&source, &plan, measures, 4, NULL, true, estimates, &err) == STATUS_OK;
  if (done) intervals_bootstrap(plan.n_samples, VALUES, estimates, RESAMPLES, rng_next(rng), intervals);
  for (size_t v = 0; v < VALUES && done; v++)
    outcomes[v] = isnan(intervals[v].low) ? HAS_NONE : intervals[v].low <= truth[v] && truth[v] <= intervals[v].high ? HOLDS : MISSES;
  estimates_clear(estimates, VALUES);
  row_plan_clear(&plan);
  return done;
}

static void test_truth(const Truth *t) {
  static const char *const names[VALUES] = {
      "cka", "", "", "procrustes", "procrustes_angle", "cosine", "cosine_centred", "relative_l2"};
  double truth[VALUES];
  unsigned found[VALUES][HAS_NONE + 1] = {0}, failed = 0;
  population(t, truth);
#pragma omp parallel for schedule(static)
  for (size_t r = 0; r < DRAWS; r++) {
    Rng rng = rng_new(7000 + r);
    Draw draw = {0, mem_alloc(t->n_samples * t->most * D, sizeof(float)),
                 mem_alloc(t->n_samples * t->most * D, sizeof(float)),
                 mem_alloc(t->n_samples * t->most, sizeof(uint32_t))};
    Outcome outcomes[VALUES];
    const bool done = try_once(t, &rng, &draw, truth, outcomes);
#pragma omp critical
    {
      failed += !done;
      for (size_t v = 0; v < VALUES && done; v++) found[v][outcomes[v]]++;
    }
    free(draw.x);
    free(draw.y);
    free(draw.sample);
  }
  ok(failed == 0, "%s: all are measured", t->name);
  for (size_t v = 0; v < VALUES; v++) {
    const unsigned n = DRAWS - found[v][HAS_NONE];
    if (!names[v][0]) continue;
    const double share = (double)found[v][HOLDS] / n, slack = 3 * sqrt(0.95 * 0.05 / n); /* three standard deviations */
    ok(share >= 0.93 - slack && share <= 0.97 + slack, "%-32s %-16s truth %.5f: %.1f %% of %u intervals hold it", t->name,
       names[v], truth[v], 100 * share, n);
  }
}

int main(void) {
  printf("# draws from seeds 7000 to %d\n", 7000 + DRAWS - 1);
  for (size_t i = 0; i < N_TRUTHS; i++) test_truth(&truths[i]);
  return tap_end();
}
