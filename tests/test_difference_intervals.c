/* Intervals of the difference between two drifts that share their samples: how often 95 % intervals hold the truth, that
 * they are paired, and what they are where one side has none. */
#include "probes/drift/interval.h"
#include "tests/made_rows.h"

/* Two models of the same frozen one. Their changes are alike to the part `shared`; the second's is `ratio` as large. */
typedef struct Pair {
  const char *name;
  size_t n_samples, least, most;
  double shift, noise, shared, ratio;
} Pair;

static const Pair pairs[] = {
    {"cka", 120, 1, 1, 0, 0.5, 0.9, 1.3},       {"cka", 120, 1, 6, 0, 0.3, 0.5, 1},
    {"cka", 80, 1, 4, 0, 0.05, 0.9, 2},         {"procrustes", 120, 1, 1, 0, 0.2, 0.9, 1.3},
    {"procrustes", 150, 1, 6, 0, 0.1, 0.5, 1},  {"cosine", 100, 1, 6, 0.1, 0.3, 0.9, 1.3},
    {"cosine_centred", 100, 1, 1, 0, 0.3, 0, 3}, {"relative_l2", 100, 1, 6, 0.1, 0.3, 0.5, 1},
    {"relative_l2", 60, 1, 4, 0, 0.3, 0.95, 1.1}, {"coherence", 100, 1, 6, 0.3, 0.3, 0.5, 1.3},
    {"lens_kl", 100, 1, 4, 0.1, 0.3, 0.9, 1.2},
};
enum { N_PAIRS = sizeof pairs / sizeof pairs[0], WIDTH = 12 };

#ifdef LONG_COVERAGE
enum { DRAWS = 3000, RESAMPLES = 1000 };
static const double slack = 0.012; /* three standard deviations of a share near .95 */
#else
enum { DRAWS = 400, RESAMPLES = 300 };
static const double slack = 0.033;
#endif

/* The second model's rows; the first's are `rows`. */
static Rows draw_second(Rng *rng, const Rows *rows, const Pair *p) {
  Rows second = rows_new(rows->n, WIDTH, WIDTH);
  const double own = sqrt(1 - p->shared * p->shared) * p->noise;
  double common[WIDTH];
  memcpy(second.x, rows->x, rows->n * WIDTH * sizeof(float));
  memcpy(second.sample, rows->sample, rows->n * sizeof(uint32_t));
  memcpy(second.class, rows->class, rows->n * sizeof(uint32_t));
  for (size_t i = 0; i < rows->n; i++)
    for (size_t j = 0; j < WIDTH; j++) {
      const size_t at = i * WIDTH + j;
      if (i == 0 || rows->sample[i] != rows->sample[i - 1]) common[j] = rng_normal(rng);
      const double change = p->shared * ((double)rows->y[at] - (double)rows->x[at]) +
                            own / sqrt(1.0 + (double)j) * (common[j] + rng_normal(rng));
      second.y[at] = (float)(rows->x[at] + p->ratio * change);
    }
  return second;
}

static double population(const Pair *p) {
  Rng rng = rng_new(500);
  Rows first = random_rows(&rng, 30000, WIDTH, p->least, p->most, p->shift, p->noise);
  Rows second = draw_second(&rng, &first, p);
  const double difference = value_of(&first, p->name) - value_of(&second, p->name);
  rows_free(&first);
  rows_free(&second);
  return difference;
}

/* Estimates of one value with its resamples. */
static Interval resample(Rows *rows, const char *name, size_t n_samples, uint64_t seed, double *resampled) {
  Estimate estimates[MEASURE_MAX_VALUES];
  Interval intervals[MEASURE_MAX_VALUES];
  size_t index;
  const Measure *m = measure_find(name, &index);
  double *all = mem_alloc(m->n_values * RESAMPLES, sizeof *all);
  if (!measure(rows, m, true, estimates)) return (Interval){NAN, NAN};
  intervals_resample(n_samples, m->n_values, estimates, RESAMPLES, seed, intervals, all);
  memcpy(resampled, all + index * RESAMPLES, RESAMPLES * sizeof *resampled);
  estimates_clear(estimates, m->n_values);
  free(all);
  return intervals[index];
}

static void test_coverage(const Pair *p) {
  const double truth = population(p);
  size_t held = 0, n = 0;
#pragma omp parallel for schedule(static) reduction(+ : held, n)
  for (uint64_t draw = 0; draw < DRAWS; draw++) {
    Rng rng = rng_new(9000 + draw);
    Rows first = random_rows(&rng, p->n_samples, WIDTH, p->least, p->most, p->shift, p->noise);
    Rows second = draw_second(&rng, &first, p);
    double one[RESAMPLES], two[RESAMPLES];
    resample(&first, p->name, p->n_samples, draw, one);
    resample(&second, p->name, p->n_samples, draw, two);
    const Interval interval = interval_of_difference(RESAMPLES, one, two);
    held += interval.low <= truth && truth <= interval.high;
    n += !isnan(interval.low);
    rows_free(&first);
    rows_free(&second);
  }
  const double share = (double)held / (double)n;
  ok(n > DRAWS / 2 && share >= 0.93 - slack && share <= 0.97 + slack,
     "%s, %zu samples of %zu to %zu rows, changes alike to %.2f: difference %.5f, %.1f %% of %zu intervals hold it", p->name,
     p->n_samples, p->least, p->most, p->shared, truth, 100 * share, n);
}

/* Changes that are alike scatter alike: their difference is known better than either. Other resamples lose that. */
static void test_pairing(void) {
  const Pair p = {"relative_l2", 100, 1, 4, 0, 0.3, 0.98, 1.05};
  Rng rng = rng_new(3);
  Rows first = random_rows(&rng, p.n_samples, WIDTH, p.least, p.most, p.shift, p.noise);
  Rows second = draw_second(&rng, &first, &p);
  double one[RESAMPLES], two[RESAMPLES], other[RESAMPLES], none[RESAMPLES];
  const Interval alone = resample(&first, p.name, p.n_samples, 1, one);
  resample(&second, p.name, p.n_samples, 1, two);
  resample(&second, p.name, p.n_samples, 2, other);
  const Interval paired = interval_of_difference(RESAMPLES, one, two), free_of = interval_of_difference(RESAMPLES, one, other);
  ok(paired.high - paired.low < 0.5 * (alone.high - alone.low) && free_of.high - free_of.low > alone.high - alone.low,
     "a paired interval is %.5f wide, that of one drift %.5f, unpaired %.5f (seed 3)", paired.high - paired.low,
     alone.high - alone.low, free_of.high - free_of.low);
  const Interval same = interval_of_difference(RESAMPLES, one, one);
  ok(same.low == 0 && same.high == 0, "a drift and itself differ by exactly 0");
  resample(&first, "cka_biased", p.n_samples, 1, none);
  const Interval without = interval_of_difference(RESAMPLES, one, none), nothing = interval_of_difference(0, one, two);
  ok(isnan(without.low) && isnan(without.high) && isnan(nothing.low), "no interval where one side has none, or without resamples");
  rows_free(&first);
  rows_free(&second);
}

/* The bounds of one drift are the quantiles of what it is in the resamples. */
static void test_resamples(void) {
  Rng rng = rng_new(4);
  Rows rows = random_rows(&rng, 60, WIDTH, 1, 4, 0, 0.3);
  double resampled[RESAMPLES], zero[RESAMPLES] = {0};
  const Interval found = resample(&rows, "cka", 60, 7, resampled);
  const Interval again = interval_of_difference(RESAMPLES, resampled, zero);
  ok(is_close(again.low, found.low, 1e-3, 0) && is_close(again.high, found.high, 1e-3, 0),
     "[%.6f, %.6f] from the resamples, [%.6f, %.6f] the interval (seed 4)", again.low, again.high, found.low, found.high);
  rows_free(&rows);
}

int main(void) {
  printf("# draws from seeds 9000 to %d\n", 9000 + DRAWS - 1);
  test_resamples();
  test_pairing();
  for (size_t i = 0; i < N_PAIRS; i++) test_coverage(&pairs[i]);
  return tap_end();
}
