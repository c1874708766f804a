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

/* A language model's run; the loss of step 3 is not a number. */
static void write_language(const char *name, size_t steps) {
  static const char *const names[] = {"train/step", "train/loss", "train/grad_norm", "train/learning_rate", "train/tokens"};
  Result *result = create(name, "lm-run", 11);
  double *curve = mem_alloc(steps, sizeof *curve);
  for (size_t i = 0; i < 5; i++) {
    for (size_t t = 0; t < steps; t++) {
      const double p = (double)t / (double)steps;
      const double at_step[] = {(double)(t + 1), 2 + 3 * exp(-6 * p) + 0.1 * noise(t), 1 + 0.2 * noise(t + steps),
                                1e-3 * (1 - p), 4096};
      curve[t] = i == 1 && t == 2 ? NAN : at_step[i];
    }
    check(result_write_array(result, names[i], 1, &steps, curve, &err));
  }
  free(curve);
  const size_t n = 3;
  check(result_write_array(result, "eval/step", 1, &n, (double[]){0, 64, (double)steps}, &err));
  check(result_write_array(result, "eval/loss", 1, &n, (double[]){5, 3, 2.1}, &err));
  check(result_write_array(result, "eval/perplexity", 1, &n, (double[]){exp(5), exp(3), exp(2.1)}, &err));
  check(result_finish(result, &err));
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

/* --- sweeps: anchors, controls, three seeds, three targets --- */

enum { SEEDS = 3, TARGETS = 3, SWEEP_STEPS = 120 };

typedef struct Setting {
  const char *method, *layers;
  double anchor, pairs, strength; /* strength: how much it holds back */
  bool control;
} Setting;

static void write_texts(Result *result, const char *name, const Setting *settings, size_t n, int which) {
  const char **texts = mem_alloc(n * SEEDS, sizeof *texts);
  for (size_t i = 0; i < n * SEEDS; i++)
    texts[i] = which == 0   ? settings[i / SEEDS].method
               : which == 1 ? settings[i / SEEDS].layers
               : which == 2 ? "harmless"
                            : (i == n * SEEDS - 1 && n > 4 ? "failed" : "done");
  check(result_write_strings(result, name, texts, n * SEEDS, &err));
  free(texts);
}

/* Seeds scatter about the setting's value by up to amount / 2. */
static double scatter(size_t seed, size_t salt, double amount) {
  return amount * ((double)((seed * 7 + salt * 5 + 3) % 11) / 10 - 0.5);
}

static double setting_drift(const Setting *s, size_t seed) {
  return 0.08 * pow(s->pairs / 1000, 0.4) / (1 + 3 * s->strength) * (1 + scatter(seed, 1, 0.2));
}

static double setting_accuracy(const Setting *s, size_t seed, size_t target) {
  const double drift = setting_drift(s, seed), learnt = 0.12 * pow(s->pairs / 1000, 0.3) / (1 + 0.03 * s->strength);
  return 0.56 + (target == 0 ? 1.3 : 0.6) * learnt + (target ? 0.02 * (double)target - 0.9 * drift : 0) +
         scatter(seed, target + 2, 0.02);
}

static void write_sweep_numbers(Result *result, const Setting *settings, size_t n) {
  static const char *const names[] = {"anchor", "lr",    "train_pairs", "seed", "setting", "control", "heldout_accuracy",
                                      "drift",  "target_accuracy", "aog", "nts"};
  const size_t runs = n * SEEDS;
  double *values = mem_alloc(runs, sizeof *values);
  for (size_t c = 0; c < sizeof names / sizeof names[0]; c++) {
    char *name = mem_format("runs/%s", names[c]);
    for (size_t i = 0; i < runs; i++) {
      const Setting *s = &settings[i / SEEDS];
      double mean = 0, base = 0, lost = setting_accuracy(&settings[0], i % SEEDS, 0) - setting_accuracy(s, i % SEEDS, 0);
      for (size_t t = 1; t <= TARGETS; t++) {
        mean += setting_accuracy(s, i % SEEDS, t) / TARGETS;
        base += setting_accuracy(&settings[0], i % SEEDS, t) / TARGETS;
      }
      const double aog = 100 * (mean - base);
      values[i] = (const double[]){s->anchor,
                                   1e-5,
                                   s->pairs,
                                   (double)(i % SEEDS) + 1,
                                   (double)(i / SEEDS),
                                   s->control,
                                   setting_accuracy(s, i % SEEDS, 0),
                                   setting_drift(s, i % SEEDS),
                                   mean,
                                   aog,
                                   aog - fmax(0, 100 * lost)}[c];
    }
    check(result_write_array(result, name, 1, &runs, values, &err));
    free(name);
  }
  free(values);
}

static void write_sweep_arrays(Result *result, const Setting *settings, size_t n) {
  const size_t runs = n * SEEDS, most = runs * SWEEP_STEPS;
  double *values = mem_alloc(most, sizeof *values);
  for (size_t i = 0; i < runs * TARGETS; i++)
    values[i] = setting_accuracy(&settings[i / TARGETS / SEEDS], i / TARGETS % SEEDS, i % TARGETS + 1);
  check(result_write_array(result, "eval/accuracy", 2, (size_t[]){runs, TARGETS}, values, &err));
  for (size_t i = 0; i < runs * LAYERS; i++)
    values[i] = sqrt(setting_drift(&settings[i / LAYERS / SEEDS], i / LAYERS % SEEDS)) *
                (0.02 + 1.6 * pow((double)(i % LAYERS) / LAYERS, 2));
  check(result_write_array(result, "drift/relative_l2", 2, (size_t[]){runs, LAYERS}, values, &err));
  for (size_t c = 0; c < 3; c++) {
    for (size_t i = 0; i < most; i++) {
      const double t = (double)(i % SWEEP_STEPS) / SWEEP_STEPS, noise = scatter(i, i / 13, 0.12);
      const Setting *s = &settings[i / SWEEP_STEPS / SEEDS];
      values[i] = c == 0   ? 0.69 - 0.3 * t / (1 + 0.05 * s->strength) + noise
                  : c == 1 ? 0.5 + 0.3 * t / (1 + 0.05 * s->strength) + noise
                           : t * setting_drift(s, i / SWEEP_STEPS % SEEDS);
      if (s->control && strncmp(s->method, "stop", 4) == 0 && i % SWEEP_STEPS > 40) values[i] = NAN;
    }
    const char *const names[] = {"curves/bt_loss", "curves/accuracy", "curves/drift"};
    check(result_write_array(result, names[c], 2, (size_t[]){runs, SWEEP_STEPS}, values, &err));
  }
  free(values);
}

static void write_sweep(const char *name, const Setting *settings, size_t n) {
  Result *result = create(name, "sweep", 0);
  write_texts(result, "runs/method", settings, n, 0);
  write_texts(result, "runs/anchor_layers", settings, n, 1);
  write_texts(result, "runs/source", settings, n, 2);
  write_texts(result, "runs/status", settings, n, 3);
  check(result_write_strings(result, "eval/name", (const char *[]){"helpful-base", "pku-saferlhf", "auto-j"}, TARGETS,
                             &err));
  write_sites(result, "drift/sites", LAYERS, false);
  write_sweep_numbers(result, settings, n);
  write_sweep_arrays(result, settings, n);
  check(result_finish(result, &err));
}

static void write_sweeps(void) {
  static const Setting all[] = {{"anchor-0", "", 0, 1000, 0, false},
                                {"anchor-0.01", "all", 0.01, 1000, 0.05, false},
                                {"anchor-0.1", "all", 0.1, 1000, 0.3, false},
                                {"anchor-1", "all", 1, 1000, 1, false},
                                {"anchor-10", "all", 10, 1000, 4, false},
                                {"anchor-100", "all", 100, 1000, 30, false},
                                {"l2-sp-0.01", "", 0, 1000, 0.8, true},
                                {"weight-decay-0.1", "", 0, 1000, 0.02, true},
                                {"sft-0.1", "", 0, 1000, 0.5, true},
                                {"stop-at-drift-anchor-1", "", 0, 1000, 1.1, true}};
  static const Setting pairs[] = {{"anchor-0", "", 0, 64, 0, false},     {"anchor-1", "last", 1, 64, 1, false},
                                  {"anchor-0", "", 0, 256, 0, false},    {"anchor-1", "last", 1, 256, 1, false},
                                  {"anchor-0", "", 0, 1000, 0, false},   {"anchor-1", "last", 1, 1000, 1, false}};
  write_sweep("sweep.h5", all, sizeof all / sizeof all[0]);
  write_sweep("sweep-pairs.h5", pairs, sizeof pairs / sizeof pairs[0]);
  write_sweep("sweep-one.h5", all, 1);
}

/* A scan of 30 words by three prompts in two groups: word i has reward i, and one more with every prompt; word 7 none. */
static void write_scan(void) {
  enum { WORDS = 30, PROMPTS = 3 };
  char texts[WORDS][16];
  const char *list[WORDS];
  double rewards[PROMPTS * WORDS];
  for (size_t i = 0; i < WORDS; i++) {
    snprintf(texts[i], sizeof texts[i], "word-%zu", i);
    list[i] = i == 29 ? " 100%" : i == 0 ? "\"#0\"" : i == 1 ? "\\x0a \\\\" : i == 2 ? "a\n" : texts[i];
    for (size_t p = 0; p < PROMPTS; p++) rewards[p * WORDS + i] = i == 7 ? NAN : (double)(i + p);
  }
  Result *result = create("scan.h5", "scan", 1);
  check(result_write_strings(result, "answers/text", list, WORDS, &err));
  check(result_write_strings(result, "prompts/group", (const char *[]){"good", "good", "bad"}, PROMPTS, &err));
  check(result_write_array(result, "rewards", 2, (size_t[]){PROMPTS, WORDS}, rewards, &err));
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
  result = create("bare-sweep.h5", "sweep", 1);
  check(result_finish(result, &err));
  result = create("odd-sweep.h5", "sweep", 1);
  static const char *const numbers[] = {"anchor", "lr", "train_pairs", "seed", "setting", "control", "heldout_accuracy",
                                        "drift", "target_accuracy", "aog", "nts"};
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
    char *name = mem_format("runs/%s", numbers[i]);
    check(result_write_array(result, name, 1, (size_t[]){2}, (double[]){0, 7}, &err));
    free(name);
  }
  check(result_finish(result, &err));
  result = create("nothing.h5", "run", 1);
  check(result_write_array(result, "train/step", 1, (size_t[]){0}, NULL, &err));
  check(result_finish(result, &err));
  result = create("other.h5", "verify", 1);
  check(result_finish(result, &err));
}

/* A truth found, one missed, one that a measure is blind to, and one that another speaks of elsewhere. */
static void write_calibration(void) {
  enum { N = 4 };
  static const struct {
    const char *name, *rows[N];
  } texts[] = {{"truth", {"noise", "noise", "rotation", "nothing"}}, {"instrument", {"drift", "drift", "drift", "drift"}},
               {"measure", {"relative_l2", "cka", "rsa", "cka"}},    {"where", {"a", "a", "a", "a"}},
               {"expected", {"seen", "seen", "not seen", "not seen"}}, {"verdict", {"found", "missed", "blind", "quiet"}}};
  static const struct {
    const char *name;
    double rows[N];
  } numbers[] = {{"value", {0.3, 1, 1, 1}}, {"lo", {0.2, 1, NAN, 1}}, {"hi", {0.4, 1, NAN, 1}},
                 {"false_alarms", {0, 0, 3, 0}}, {"places", {10, 10, 10, 10}}};
  Result *result = create("calibration.h5", "calibration", 1);
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) check(result_write_strings(result, texts[i].name, texts[i].rows, N, &err));
  for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
    check(result_write_array(result, numbers[i].name, 1, (size_t[]){N}, numbers[i].rows, &err));
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
  write_language("language.h5", 128);
  write_sweeps();
  write_scan();
  write_calibration();
  write_broken();
  return 0;
}
