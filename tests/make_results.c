/* make_results FOLDER: writes the small result files that tests/plot.sh draws, with values by formula, so that the
 * script can say what a table must hold. Broken ones are written beside them. */
#include "base/file.h"
#include "base/memory.h"
#include "base/sitename.h"
#include "store/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 30, STEPS = 200, RECORDED = 5 };

static Error err;
static const char *folder;

static void check(Status status) {
  if (status == STATUS_OK) return;
  fprintf(stderr, "make_results: %s\n", err.text);
  exit(1);
}

static Result *create(const char *name, const char *kind, uint64_t seed) {
  char *argv[] = {"fathom", "drift", "frozen.h5", "tuned & <trained>.h5"};
  const Provenance from = {.command = kind, .argc = 4, .argv = argv, .seed = seed};
  char *path = file_join(folder, name);
  Result *result;
  check(result_create(path, kind, &from, &result, &err));
  free(path);
  return result;
}

/* resid_post of layers 0 .. n - 1, with embed before and ln_final behind where all is true. */
static void write_sites(Result *result, const char *name, size_t n, bool all) {
  char **sites = mem_alloc(n + 2, sizeof *sites);
  size_t count = 0;
  if (all) sites[count++] = site_name_format("embed", SITE_NO_LAYER);
  for (size_t i = 0; i < n; i++) sites[count++] = site_name_format("resid_post", (int)i);
  if (all) sites[count++] = site_name_format("ln_final", SITE_NO_LAYER);
  check(result_write_strings(result, name, (const char *const *)sites, count, &err));
  for (size_t i = 0; i < count; i++) free(sites[i]);
  free(sites);
}

/* Drift of n layers, growing with depth; site 3 was not measured, and without intervals lo and hi are NaN. */
static void write_drift(const char *name, size_t n, double strength, uint64_t seed, bool intervals) {
  Result *result = create(name, "drift", seed);
  const size_t sites = n + 2, measures = 2;
  double *layer = mem_alloc(sites, sizeof *layer), *cells = mem_alloc(4 * sites * measures, sizeof *cells);
  double *value = cells, *lo = value + sites * measures, *hi = lo + sites * measures, *count = hi + sites * measures;
  write_sites(result, "site", n, true);
  check(result_write_strings(result, "measure", (const char *[]){"cka", "relative_l2"}, measures, &err));
  if (intervals) check(result_write_attribute(result, "interval", "95 %, bootstrap over samples", &err));
  for (size_t s = 0; s < sites; s++) {
    layer[s] = s == 0 || s == sites - 1 ? NAN : (double)s - 1;
    const double drift = strength * (0.002 + 0.25 * pow((double)s / (double)(sites - 1), 2));
    for (size_t m = 0; m < measures; m++) {
      const size_t at = s * measures + m;
      value[at] = s == 3 ? NAN : m == 0 ? 1 - drift : 2 * drift;
      lo[at] = intervals ? value[at] - 0.1 * drift - 0.001 : NAN;
      hi[at] = intervals ? value[at] + 0.1 * drift + 0.001 : NAN;
      count[at] = 412;
    }
  }
  check(result_write_array(result, "layer", 1, &sites, layer, &err));
  check(result_write_array(result, "value", 2, (size_t[]){sites, measures}, value, &err));
  check(result_write_array(result, "lo", 2, (size_t[]){sites, measures}, lo, &err));
  check(result_write_array(result, "hi", 2, (size_t[]){sites, measures}, hi, &err));
  check(result_write_array(result, "n", 2, (size_t[]){sites, measures}, count, &err));
  free(layer);
  free(cells);
  check(result_finish(result, &err));
}

static void write_cross(const char *name, size_t a, size_t b) {
  Result *result = create(name, "cross", 7);
  double *map = mem_alloc(a * b, sizeof *map);
  write_sites(result, "site_a", a, false);
  write_sites(result, "site_b", b, false);
  check(result_write_strings(result, "measure", (const char *[]){"cka"}, 1, &err));
  for (size_t i = 0; i < a; i++)
    for (size_t j = 0; j < b; j++) {
      const double apart = (double)i / (double)a - (double)j / (double)b;
      map[i * b + j] = exp(-8 * apart * apart);
    }
  map[1] = NAN;
  check(result_write_array(result, "cka", 2, (size_t[]){a, b}, map, &err));
  free(map);
  check(result_finish(result, &err));
}

static double noise(size_t i) { return fmod(0.61803398875 * (double)(i + 1), 1) - 0.5; }

/* Step t (from 1): the drift of layer l is 0 at step 1, then t l strength / 1e4. */
static void write_curves(Result *result, size_t steps, size_t layers, double strength) {
  static const char *const names[] = {"step",   "loss",        "bt_loss",   "anchor",        "accuracy",
                                      "margin", "reward_mean", "grad_norm", "learning_rate", "tokens"};
  double *drift = mem_alloc(steps * layers, sizeof *drift), *curve = mem_alloc(steps, sizeof *curve);
  for (size_t t = 0; t < steps; t++)
    for (size_t l = 0; l < layers; l++)
      drift[t * layers + l] = t == 0 ? 0 : strength * (double)(t + 1) * (double)l / 1e4;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    for (size_t t = 0; t < steps; t++) {
      const double p = (double)t / (double)steps;
      const double at_step[] = {(double)t + 1,
                                0.7 - 0.4 * p + 0.1 * noise(t),
                                0.69 - 0.4 * p + 0.1 * noise(t),
                                strength * p,
                                0.5 + 0.4 * p,
                                2 * p + 0.3 * noise(t),
                                0.2 * p,
                                (3 + noise(t)) * exp(-5 * p),
                                2e-5 * (1 - p),
                                1024};
      curve[t] = at_step[i];
    }
    if (i == 7 && steps > 2) curve[2] = INFINITY;
    char *name = mem_format("train/%s", names[i]);
    check(result_write_array(result, name, 1, &steps, curve, &err));
    free(name);
  }
  write_sites(result, "train/sites", layers, false);
  check(result_write_array(result, "train/drift", 2, (size_t[]){steps, layers}, drift, &err));
  free(drift);
  free(curve);
}

/* Held-out pairs scored before training and at steps 100 and 200. */
static void write_evals(Result *result) {
  const size_t n = 3;
  check(result_write_array(result, "eval/step", 1, &n, (double[]){0, 100, 200}, &err));
  check(result_write_array(result, "eval/bt_loss", 1, &n, (double[]){0.7, 0.5, 0.4}, &err));
  check(result_write_array(result, "eval/accuracy", 1, &n, (double[]){0.5, 0.625, 0.75}, &err));
  check(result_write_array(result, "eval/margin", 1, &n, (double[]){0, 0.5, 1.5}, &err));
}

static void write_run(const char *name, size_t steps, size_t layers, double strength, bool recorded) {
  Result *result = create(name, "run", 11);
  const double at[RECORDED] = {0, 1, 10, 100, 200};
  double *measure = mem_alloc(RECORDED * layers, sizeof *measure);
  write_curves(result, steps, layers, strength);
  if (recorded) {
    write_evals(result);
    write_sites(result, "drift/sites", layers, false);
    check(result_write_array(result, "drift/step", 1, (size_t[]){RECORDED}, at, &err));
    for (size_t m = 0; m < 2; m++) {
      for (size_t i = 0; i < RECORDED * layers; i++) {
        const double drift = strength * at[i / layers] * (double)(i % layers) / 1e5;
        measure[i] = m ? drift : 1 - drift;
      }
      check(
          result_write_array(result, m ? "drift/cosine" : "drift/cka", 2, (size_t[]){RECORDED, layers}, measure, &err));
    }
  }
  free(measure);
  check(result_finish(result, &err));
}

/* Results whose arrays do not fit together. */
static void write_broken(void) {
  Result *result = create("misfit.h5", "drift", 1);
  write_sites(result, "site", 2, false);
  check(result_write_strings(result, "measure", (const char *[]){"cka"}, 1, &err));
  check(result_write_array(result, "layer", 1, (size_t[]){3}, (double[]){0, 1, 2}, &err));
  check(result_finish(result, &err));
  result = create("bare.h5", "drift", 1);
  check(result_finish(result, &err));
  result = create("nothing.h5", "run", 1);
  check(result_write_array(result, "train/step", 1, (size_t[]){0}, NULL, &err));
  check(result_finish(result, &err));
  result = create("other.h5", "scan", 1);
  check(result_finish(result, &err));
}

int main(int argc, char **argv) {
  if (argc != 2) {
    fputs("usage: make_results FOLDER\n", stderr);
    return 2;
  }
  folder = argv[1];
  write_drift("plain.h5", LAYERS, 1, 17, true);
  write_drift("anchored.h5", LAYERS, 0.2, 17, true);
  write_drift("exact.h5", LAYERS, 0.5, 18, false);
  write_drift("small.h5", 1, 1, 17, true);
  write_cross("cross.h5", LAYERS, 18);
  write_run("run.h5", STEPS, LAYERS, 1, true);
  write_run("run-anchored.h5", STEPS, LAYERS, 0.2, true);
  write_run("short.h5", 1, 1, 1, false);
  write_run("long.h5", 1000, 2, 1, false);
  write_broken();
  return 0;
}
