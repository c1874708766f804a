/* The intervals of the measures beyond those of test_drift.c: pseudo-values against what the estimate is without each
 * sample, and how often 95 % intervals hold the truth. tests/test_coverage.c does the same for the others.
 * check-long draws 3000 times where `make check` does 600. */
#include "probes/drift/interval.h"
#include "tests/made_rows.h"

/* 95 % intervals of many draws against the value of the population. */
typedef struct Coverage {
  const char *name;
  size_t n_samples, least, most;
  double shift, noise;
} Coverage;

static const Coverage coverages[] = {
    {"coherence", 100, 1, 1, 0.3, 0.5},
    {"coherence", 100, 1, 8, 0.2, 0.4},
    {"coherence", 60, 1, 6, 0.6, 0.2},
    {"rsa", 50, 1, 1, 0, 0.5},
    {"rsa", 40, 1, 4, 0, 1},
    {"lens_kl", 100, 1, 1, 0, 0.3},
    {"lens_kl", 80, 1, 6, 0.2, 0.3},
    {"cosine", 24, 1, 8, 0.2, 0.4},
    {"cosine_centred", 24, 1, 8, 0.2, 0.4},
    {"relative_l2", 24, 1, 8, 0.2, 0.4},
    {"coherence", 24, 1, 8, 0.2, 0.4},
};
enum { N_COVERAGES = sizeof coverages / sizeof coverages[0], COVERAGE_WIDTH = 12 };

#ifdef LONG_COVERAGE
enum { DRAWS = 3000, RESAMPLES = 1000 };
#else
enum { DRAWS = 600, RESAMPLES = 400 };
#endif
enum { POPULATION_DRAWS = 600 }; /* where every draw is measured on a population */

/* 93 to 97 % of n intervals hold the truth, give or take three standard deviations of such a share. */
static bool is_covered(double share, double n) { return fabs(share - 0.95) <= 0.02 + 3 * sqrt(0.95 * 0.05 / n); }

/* Of very many samples; where a measure looks at a subsample, the mean over many of those. */
static double population(const Coverage *c) {
  size_t index;
  const bool subsampled = measure_find(c->name, &index)->subsampled;
  const size_t parts = subsampled ? 60 : 1, part = subsampled ? 300 / c->most : 60000;
  double sum = 0;
  for (uint64_t i = 0; i < parts; i++) {
    Rng rng = rng_new(500 + i);
    Rows rows = random_rows(&rng, part, COVERAGE_WIDTH, c->least, c->most, c->shift, c->noise);
    sum += value_of(&rows, c->name);
    rows_free(&rows);
  }
  return sum / (double)parts;
}

static Rows without_sample(const Rows *from, uint32_t sample) {
  const size_t d = from->dx;
  Rows rows = rows_new(from->n, d, d);
  rows.n = 0;
  for (size_t i = 0; i < from->n; i++) {
    if (from->sample[i] == sample) continue;
    memcpy(rows.x + rows.n * d, from->x + i * d, d * 4);
    memcpy(rows.y + rows.n * d, from->y + i * d, d * 4);
    rows.class[rows.n] = from->class[i];
    rows.sample[rows.n++] = from->sample[i];
  }
  return rows;
}

static double on_scale(IntervalScale scale, double x) {
  return scale == SCALE_LOG ? log(x) : scale == SCALE_ATANH ? atanh(x) : x;
}

/* What a sample contributes is, to first order, what goes when it is left out. */
static void test_pseudo_values(const char *name, size_t most) {
  enum { N = 60 };
  Rng rng = rng_new(27);
  Rows rows = random_rows(&rng, N, COVERAGE_WIDTH, 1, most, 0.5, 0.3);
  Estimate estimates[MEASURE_MAX_VALUES];
  size_t index;
  const Measure *m = measure_find(name, &index);
  measure(&rows, m, true, estimates);
  const Estimate *e = &estimates[index];
  double left_out[N], mean = 0, product = 0, square_found = 0, square = 0;
  for (uint32_t s = 0; s < N; s++) {
    Rows fewer = without_sample(&rows, s);
    left_out[s] = (N - 1) * (on_scale(e->scale, e->value) - on_scale(e->scale, value_of(&fewer, name)));
    mean += left_out[s] / N;
    rows_free(&fewer);
  }
  for (size_t s = 0; s < N; s++) {
    product += (left_out[s] - mean) * e->pseudo[s];
    square += (left_out[s] - mean) * (left_out[s] - mean);
    square_found += e->pseudo[s] * e->pseudo[s];
  }
  const double correlation = product / sqrt(square * square_found), ratio = sqrt(square_found / square);
  ok(correlation > 0.999 && fabs(ratio - 1) < 0.05,
     "%s, 1 to %zu rows a sample: pseudo-values are those of leaving out (correlation %.4f, size %.3f; seed 27)", name,
     most, correlation, ratio);
  estimates_clear(estimates, m->n_values);
  rows_free(&rows);
}

/* The mean of few changes is too long; the interval is centred where it is not. */
static void test_coherence_centre(void) {
  const Coverage c = {"coherence", 20, 1, 2, 0.3, 0.5};
  const double truth = population(&c);
  double value = 0, centre = 0;
  for (uint64_t draw = 0; draw < DRAWS; draw++) {
    Rng rng = rng_new(9000 + draw);
    Rows rows = random_rows(&rng, c.n_samples, COVERAGE_WIDTH, c.least, c.most, c.shift, c.noise);
    Estimate e;
    measure(&rows, &measure_coherence, true, &e);
    value += (e.value - truth) / DRAWS;
    centre += (tanh(e.centre) - truth) / DRAWS;
    estimates_clear(&e, 1);
    rows_free(&rows);
  }
  ok(value > 0.01 && fabs(centre) < 0.4 * value,
     "coherence of 20 samples is %.4f too large, the centre of its interval %.4f", value, centre);
}

/* The spread of few samples around their own mean is too small. */
static void test_relative_centre(void) {
  const Coverage c = {"relative_l2", 16, 1, 6, 0.2, 0.4};
  const double truth = log(population(&c));
  double value = 0, centre = 0;
  for (uint64_t draw = 0; draw < DRAWS; draw++) {
    Rng rng = rng_new(9000 + draw);
    Rows rows = random_rows(&rng, c.n_samples, COVERAGE_WIDTH, c.least, c.most, c.shift, c.noise);
    Estimate e;
    measure(&rows, &measure_relative_l2, true, &e);
    value += (log(e.value) - truth) / DRAWS;
    centre += (e.centre - truth) / DRAWS;
    estimates_clear(&e, 1);
    rows_free(&rows);
  }
  ok(value > 0.015 && fabs(centre) < 0.4 * value,
     "relative_l2 of 16 samples is %.2f %% too large, the centre of its interval %.2f %%", 100 * value, 100 * centre);
}

/* Delete-one values of a ratio, against leaving each sample out by hand. */
static void test_ratio(void) {
  enum { N = 4 };
  const double over[N] = {1.5, 0.25, 4, 2.25}, under[N] = {1, 3, 2, 5}, power = 0.5;
  const Ratio ratio = {8, 11, power, over, under};
  Estimate e = {.value = sqrt(8.0 / 11)};
  double expected[N], mean = 0;
  bool close = true;
  for (size_t s = 0; s < N; s++) {
    expected[s] = power * (N - 1) * (1 - (8 - over[s]) / (11 - under[s]) / (8.0 / 11));
    mean += expected[s] / N;
  }
  estimate_of_ratio(&ratio, N, &e);
  for (size_t s = 0; s < N; s++) close = close && is_close(e.pseudo[s], expected[s] - mean, 1e-12, 1e-14);
  ok(close && is_close(e.centre, 0.5 * log(8.0 / 11) + mean, 1e-12, 0), "a ratio without each sample; the centre is moved by %.4f", mean);
  estimates_clear(&e, 1);
  const double all[N] = {11, 0, 0, 0}, nothing[N] = {0};
  const Ratio of_one = {8, 11, power, over, all}, none = {0, 11, power, nothing, under};
  Estimate one = {.value = 1}, zero = {.value = 0};
  estimate_of_ratio(&of_one, N, &one);
  ok(one.scale == SCALE_NONE && !one.pseudo && one.value == 1, "no interval where one sample has all that is under the line");
  estimate_of_ratio(&none, N, &zero);
  Interval interval;
  intervals_bootstrap(N, 1, &zero, 100, 1, &interval);
  ok(interval.low == 0 && interval.high == 0, "no change at all is exactly 0");
  estimates_clear(&zero, 1);
}

/* A few samples with most of the variance: that is known less well than with as many samples that are alike. */
static void test_degrees(void) {
  enum { N = 50, MANY = 20000 };
  double even[N], uneven[N], square = 0;
  for (size_t s = 0; s < N; s++) even[s] = uneven[s] = s % 2 ? 1 : -1;
  uneven[0] = -8, uneven[1] = 8;
  for (size_t s = 0; s < N; s++) square += uneven[s] * uneven[s];
  const Estimate estimates[] = {{.scale = SCALE_RAW, .pseudo = even}, {.scale = SCALE_RAW, .pseudo = uneven}};
  Interval found[2];
  intervals_bootstrap(N, 2, estimates, MANY, 3, found);
  /* Excess kurtosis 50 * 8240 / 176^2 - 3 = 10.3006, so 2 / (2 / 49 + 10.3006 / 50) = 8.103 degrees of freedom. */
  const double t[] = {2.00958, 2.30092}, error[] = {sqrt(1.0 / (N - 1)), sqrt(square / N / (N - 1))};
  for (size_t k = 0; k < 2; k++) {
    const double half = 0.5 * (found[k].high - found[k].low);
    ok(is_close(half, t[k] * error[k], 0.03, 0), "%s pseudo-values: half an interval is %.4f, t times the standard error %.4f",
       k ? "uneven" : "even", half, t[k] * error[k]);
  }
}

static void test_coverage(const Coverage *c) {
  const double truth = population(c);
  size_t index, held = 0, n = 0;
  const Measure *m = measure_find(c->name, &index);
  for (uint64_t draw = 0; draw < DRAWS; draw++) {
    Rng rng = rng_new(9000 + draw);
    Rows rows = random_rows(&rng, c->n_samples, COVERAGE_WIDTH, c->least, c->most, c->shift, c->noise);
    Estimate estimates[MEASURE_MAX_VALUES];
    Interval intervals[MEASURE_MAX_VALUES];
    if (measure(&rows, m, true, estimates)) {
      intervals_bootstrap(c->n_samples, m->n_values, estimates, RESAMPLES, draw, intervals);
      held += intervals[index].low <= truth && truth <= intervals[index].high;
      n += estimates[index].pseudo != NULL;
      estimates_clear(estimates, m->n_values);
    }
    rows_free(&rows);
  }
  const double share = (double)held / (double)n;
  ok(n > DRAWS / 2 && is_covered(share, (double)n),
     "%s, truth %.4f: %.1f %% of %zu intervals hold it (seeds from 9000)", c->name, truth, 100 * share, n);
}

/* Rows and what a measure's pass over them begins with; rows stay where they are. */
typedef struct Setting {
  RowSource source;
  RowPlan plan;
  RowMoments moments;
  DriftShape shape;
} Setting;

static void setting_open(Setting *s, Rows *rows) {
  Error err = {0};
  s->source = source_of(rows);
  row_plan_make(rows->n, rows->sample, NULL, &s->plan, &err);
  row_moments_read(&s->source, &s->plan, &s->moments, &err);
  s->shape = (DriftShape){.n_rows = s->plan.n_rows,
                          .n_samples = s->plan.n_samples,
                          .plan = &s->plan,
                          .dx = rows->dx,
                          .dy = rows->dy,
                          .longest = s->plan.longest,
                          .moments = &s->moments,
                          .with_intervals = true,
                          .aids = {.row_class = rows->class, .n_classes = 2}};
}

static void setting_close(Setting *s) {
  row_moments_clear(&s->moments);
  row_plan_clear(&s->plan);
}

static void *run_one_pass(const Measure *m, const Setting *s, const void *settled) {
  void *state = m->begin(&s->shape, settled);
  RowReader *reader = row_reader_new(&s->source, &s->plan, &s->moments);
  RowBlock block;
  bool more;
  Error err = {0};
  while (row_reader_next(reader, &block, &more, &err) == STATUS_OK && more) m->accumulate(state, &block);
  m->settle(state, &err);
  row_reader_free(reader);
  return state;
}

/* What intervals of probes should hold is how well the probes that were fit do on the population. */
static void test_probe_coverage(void) {
  enum { N_PROBES = 3, N_VALUES = 4 };
  const Measure *m = &measure_probe_transfer;
  Rng rng = rng_new(26);
  Rows all = random_rows(&rng, 2000, COVERAGE_WIDTH, 1, 6, 0.1, 0.5);
  Setting population, draw;
  size_t held[N_PROBES] = {0};
  setting_open(&population, &all);
  for (uint64_t r = 0; r < POPULATION_DRAWS; r++) {
    Rng draws = rng_new(9000 + r);
    Rows rows = random_rows(&draws, 100, COVERAGE_WIDTH, 1, 6, 0.1, 0.5);
    Estimate truth[N_VALUES], found[N_VALUES];
    Interval intervals[N_VALUES];
    setting_open(&draw, &rows);
    void *fit = run_one_pass(m, &draw, NULL), *tested = run_one_pass(m, &draw, fit);
    void *tested_on_all = run_one_pass(m, &population, fit);
    m->finish(tested, found);
    m->finish(tested_on_all, truth);
    intervals_bootstrap(100, N_VALUES, found, RESAMPLES, r, intervals);
    for (size_t k = 0; k < N_PROBES; k++)
      held[k] += intervals[k].low <= truth[k].value && truth[k].value <= intervals[k].high;
    estimates_clear(found, N_VALUES);
    estimates_clear(truth, N_VALUES);
    m->free(tested_on_all);
    m->free(tested);
    m->free(fit);
    setting_close(&draw);
    rows_free(&rows);
  }
  for (size_t k = 0; k < N_PROBES; k++) {
    const double share = (double)held[k] / POPULATION_DRAWS;
    ok(is_covered(share, POPULATION_DRAWS),
       "%s: %.1f %% of %d intervals hold what the probe does on the population", m->values[k].name, 100 * share, POPULATION_DRAWS);
  }
  setting_close(&population);
  rows_free(&all);
}

/* Is the sample in the half that procrustes_held_out is scored on? Of two neighbours one is. */
static bool is_held_out(uint32_t sample) { return __builtin_parity(sample); }

/* As the draw, but each sample that is held out is a piece of the population. */
static Rows with_population(const Rows *draw, size_t n_samples, const Rows *population) {
  const size_t d = draw->dx, piece = population->n / (n_samples / 2);
  Rows rows = rows_new(draw->n + population->n, d, d);
  rows.n = 0;
  for (size_t i = 0; i < draw->n; i++) {
    const uint32_t sample = draw->sample[i];
    const bool begins = i == 0 || draw->sample[i - 1] != sample;
    const bool out = is_held_out(sample);
    if (out && !begins) continue;
    const size_t n = out ? piece : 1, from = out ? sample / 2 * piece : i;
    const Rows *of = out ? population : draw;
    memcpy(rows.x + rows.n * d, of->x + from * d, n * d * 4);
    memcpy(rows.y + rows.n * d, of->y + from * d, n * d * 4);
    for (size_t k = 0; k < n; k++) rows.sample[rows.n++] = sample;
  }
  return rows;
}

/* The interval of procrustes_held_out is of the rotation that was fitted, on the population. */
static void test_held_out_coverage(size_t n_samples, size_t most, double noise) {
  enum { PIECE = 60 };
  size_t held = 0;
  double below = 0, above = 0;
  for (uint64_t draw = 0; draw < POPULATION_DRAWS; draw++) {
    Rng rng = rng_new(9000 + draw);
    Rows rows = random_rows(&rng, n_samples, COVERAGE_WIDTH, 1, most, 0.2, noise);
    Rows population = random_rows(&rng, PIECE * n_samples / 2, COVERAGE_WIDTH, 1, 1, 0.2, noise);
    Rows whole = with_population(&rows, n_samples, &population);
    const double truth = value_of(&whole, "procrustes_held_out");
    Estimate e;
    Interval interval = {NAN, NAN};
    if (measure(&rows, &measure_procrustes_held_out, true, &e))
      intervals_bootstrap(n_samples, 1, &e, RESAMPLES, draw, &interval);
    held += interval.low <= truth && truth <= interval.high;
    below += value_of(&rows, "procrustes") / POPULATION_DRAWS;
    above += value_of(&rows, "procrustes_held_out") / POPULATION_DRAWS;
    estimates_clear(&e, 1);
    rows_free(&rows);
    rows_free(&population);
    rows_free(&whole);
  }
  const double share = (double)held / POPULATION_DRAWS;
  ok(is_covered(share, POPULATION_DRAWS),
     "procrustes_held_out, %zu samples of 1 to %zu rows: %.1f %% of %d intervals hold what the rotation leaves of the population",
     n_samples, most, 100 * share, POPULATION_DRAWS);
  ok(below < above, "it is above procrustes, which is fitted to what it scores: %.5f, %.5f", above, below);
}

int main(void) {
  static const char *const measured[] = {"coherence", "rsa", "lens_kl", "cosine", "relative_l2", NULL};
  for (size_t i = 0; measured[i]; i++)
    for (size_t most = 1; most <= 5; most += 4) test_pseudo_values(measured[i], most);
  test_coherence_centre();
  test_relative_centre();
  test_ratio();
  test_degrees();
  for (size_t i = 0; i < N_COVERAGES; i++) test_coverage(&coverages[i]);
  test_probe_coverage();
  test_held_out_coverage(100, 1, 0.3);
  test_held_out_coverage(120, 6, 0.2);
  test_held_out_coverage(24, 3, 0.2);
  return tap_end();
}
