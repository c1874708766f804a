/* The backward pass against central differences, in double, through the whole model, of every architecture: every
 * parameter, a ragged batch, rewards, hidden states and an injected gradient at every block; and every LoRA factor
 * beside frozen matrices. */
#include "base/file.h"
#include "base/rng.h"
#include "model/backward.h"
#include "model/forward.h"
#include "tests/small_model.h"
#include "tests/tap.h"

#include <dirent.h>
#include <stdlib.h>

enum { SEED = 7, ROWS = SMALL_ROWS, SEQUENCES = SMALL_SEQUENCES };
#define TOLERANCE 1e-6 /* of strongly bent losses; a wrong factor of 5 % is 1e-2 */

/* Loss = a . rewards + sum of C * final_normed + sum over blocks of |resid_post - target|^2 / 2: linear, dense,
 * injected. */
typedef struct Loss {
  const Model *model;
  const Batch *batch;
  Pass *pass;
  double a[SEQUENCES], *c, *targets; /* [T, D], [L, T, D] */
} Loss;

static double loss_value(const Loss *w) {
  const size_t d = w->model->config.hidden_size;
  const size_t n_sequences = w->batch->n_sequences, n = w->batch->offsets[n_sequences] * d;
  real rewards[SEQUENCES];
  double loss = 0;
  model_forward(w->model, w->batch, w->pass, NULL);
  model_rewards(w->model, w->batch, w->pass, rewards);
  for (size_t s = 0; s < n_sequences; s++) loss += w->a[s] * (double)rewards[s];
  for (size_t i = 0; i < n; i++) loss += w->c[i] * (double)w->pass->final_normed[i];
  for (size_t l = 0; l < w->model->config.n_layers; l++)
    for (size_t i = 0; i < n; i++)
      loss += 0.5 * pow((double)w->pass->layers[l].resid_post[i] - w->targets[l * n + i], 2);
  return loss;
}

static void inject(void *context, size_t layer, const real *resid_post, real *dresid) {
  const Loss *w = context;
  const size_t n = w->batch->offsets[w->batch->n_sequences] * w->model->config.hidden_size;
  for (size_t i = 0; i < n; i++) dresid[i] += resid_post[i] - (real)w->targets[layer * n + i];
}

static void gradient(const Loss *w, Gradients *g, bool accumulate) {
  const size_t n = w->batch->offsets[w->batch->n_sequences] * w->model->config.hidden_size;
  real drewards[SEQUENCES], *dfinal = malloc(n * sizeof *dfinal);
  for (size_t s = 0; s < w->batch->n_sequences; s++) drewards[s] = (real)w->a[s];
  for (size_t i = 0; i < n; i++) dfinal[i] = (real)w->c[i];
  loss_value(w);
  model_backward(w->model, w->batch, w->pass, drewards, dfinal, &(Injection){inject, (void *)w}, accumulate, g);
  free(dfinal);
}

/* (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12h: the error is of order h^4. */
static double central_difference(const Loss *w, real *value, real h) {
  const real kept = *value;
  double at[5] = {0};
  for (int i = -2; i <= 2; i++) {
    *value = kept + (real)i * h;
    if (i) at[i + 2] = loss_value(w);
  }
  *value = kept;
  return (8 * (at[3] - at[1]) - (at[4] - at[0])) / (12 * (double)h);
}

/* Some entries of a parameter by central differences; the worst relative error. */
static double check_parameter(const Loss *w, const Parameter *p, const Gradients *g, int draws, Rng *rng) {
  double most = 0;
  for (int draw = 0; draw < draws; draw++) {
    const size_t at = p->offset + (p->role == ROLE_EMBED ? (size_t)small_ids[rng_below(rng, ROWS)] * p->columns +
                                                               rng_below(rng, p->columns)
                                                         : rng_below(rng, p->rows * p->columns));
    double error = INFINITY;
    /* A step may carry a row to another expert, where the loss jumps: then a shorter one. */
    for (real h = (real)1e-3; !(error < TOLERANCE) && h > (real)1e-5; h /= 10) {
      const double expected = central_difference(w, &w->model->values[at], h);
      error = fabs((double)g->values[at - g->begin] - expected) / (1e-2 + fabs(expected));
    }
    if (!(error <= most)) most = error;
  }
  return most;
}

/* Blocks that keep their inputs alone: the same bits, from fewer bytes. */
static void test_recompute(const Loss *w, const char *what, const Gradients *expected) {
  const ModelConfig *c = &w->model->config;
  const size_t n = w->model->table.total - expected->begin;
  Gradients g = {calloc(n, sizeof(real)), expected->begin, NULL, 0};
  Pass pass;
  Error err;
  Loss own = *w;
  own.pass = &pass;
  if (pass_init(&pass, c, ROWS, 7, KEEP_INPUTS, &err) != STATUS_OK) ok(false, "%s: %s", what, err.text);
  gradient(&own, &g, false);
  const bool is_smaller = c->n_layers == 1 || pass_bytes(c, ROWS, 7, KEEP_INPUTS) < pass_bytes(c, ROWS, 7, KEEP_BLOCKS);
  ok(memcmp(g.values, expected->values, n * sizeof(real)) == 0 && is_smaller, "%s: recomputed blocks give the same bits",
     what);
  gradients_clear(&g);
  free(g.values);
  pass_clear(&pass);
}

/* The batch one sequence at a time, added up: the gradients of the whole batch. */
static void test_micro_batches(const Loss *w, const char *what, const Gradients *expected) {
  const size_t d = w->model->config.hidden_size, n_layers = w->model->config.n_layers,
               n = w->model->table.total - expected->begin;
  Gradients g = {calloc(n, sizeof(real)), expected->begin, NULL, 0};
  double *targets = malloc(n_layers * ROWS * d * sizeof *targets), worst = 0;
  for (size_t s = 0; s < SEQUENCES; s++) {
    const size_t first = small_offsets[s], rows = small_offsets[s + 1] - first, offsets[] = {0, rows};
    const Batch one = {.n_sequences = 1, .offsets = offsets, .ids = small_ids + first};
    const Loss part = {w->model, &one, w->pass, {w->a[s]}, w->c + first * d, targets};
    for (size_t l = 0; l < n_layers; l++)
      memcpy(targets + l * rows * d, w->targets + (l * ROWS + first) * d, rows * d * sizeof *targets);
    gradient(&part, &g, s > 0);
  }
  for (size_t i = 0; i < n; i++) {
    const double e = fabs((double)g.values[i] - (double)expected->values[i]) / (1 + fabs((double)expected->values[i]));
    if (!(e <= worst)) worst = e;
  }
  ok(worst < 1e-11, "%s: micro-batches add up to the batch: %.1e", what, worst);
  gradients_clear(&g);
  free(g.values);
  free(targets);
}

/* Gradients from `begin` on, and once more from `later` on. */
static void test_from(Rng *rng, const char *what, int draws, Model model, size_t begin, size_t later) {
  const size_t d = model.config.hidden_size, n_layers = model.config.n_layers;
  const Batch batch = {.n_sequences = SEQUENCES, .offsets = small_offsets, .ids = small_ids};
  Pass pass;
  Error err;
  ok(pass_init(&pass, &model.config, ROWS, 7, KEEP_BLOCKS, &err) == STATUS_OK, "%s: a pass of 12 rows", what);
  Loss w = {&model,
            &batch,
            &pass,
            {0.7, -1.3, 0.4},
            malloc(ROWS * d * sizeof(double)),
            malloc(n_layers * ROWS * d * sizeof(double))};
  for (size_t i = 0; i < ROWS * d; i++) w.c[i] = rng_normal(rng);
  for (size_t i = 0; i < n_layers * ROWS * d; i++) w.targets[i] = rng_normal(rng);
  Gradients g = {calloc(model.table.total - begin, sizeof(real)), begin, NULL, 0}, g2 = {0};
  gradient(&w, &g, false);
  double worst = 0;
  for (size_t i = 0; i < model.table.count; i++) {
    const Parameter *p = &model.table.items[i];
    if (p->offset < g.begin) continue;
    const double error = check_parameter(&w, p, &g, draws, rng);
    if (!(error < TOLERANCE)) printf("# %s: %s: relative error %.1e\n", what, p->name, error);
    if (!(error <= worst)) worst = error;
  }
  ok(worst < TOLERANCE, "%s: every parameter by central differences: %.1e", what, worst);
  g2.begin = later;
  g2.values = calloc(model.table.total - g2.begin, sizeof(real));
  gradient(&w, &g2, false);
  ok(memcmp(g2.values, g.values + (g2.begin - g.begin), (model.table.total - g2.begin) * sizeof(real)) == 0,
     "%s: training less gives the same gradients there", what);
  double most = 0;
  gradient(&w, &g2, true);
  for (size_t i = 0; i < model.table.total - g2.begin; i++) {
    const double e = fabs((double)g2.values[i] - 2 * (double)g.values[i + g2.begin - g.begin]) /
                     (1 + fabs((double)g.values[i + g2.begin - g.begin]));
    if (!(e <= most)) most = e;
  }
  ok(most < 1e-12, "%s: accumulating the same batch twice doubles every gradient: %.1e", what, most);
  test_recompute(&w, what, &g);
  test_micro_batches(&w, what, &g);
  gradients_clear(&g);
  gradients_clear(&g2);
  free(w.c), free(w.targets), free(g.values), free(g2.values);
  pass_clear(&pass);
  model_close(&model);
}

/* All parameters, and those from block 1 on. */
static void test_all(Rng *rng, const char *what, int draws, Model model) {
  test_from(rng, what, draws, model, model.table.embed, model.table.layers[model.config.n_layers > 1].begin);
}

/* Factors of every module and the head, and those from the second module on. */
static void test_lora(Rng *rng, const char *name, const char *config, bool rslora) {
  const LoraSettings settings = {.rank = 3, .alpha = 5, .rslora = rslora, .targets = "all-linear"};
  Model model = small_model_with(rng, config, &settings);
  char *what = mem_format("%s, LoRA of %zu modules", name, model.lora.count);
  ok(model.lora.count > model.config.n_layers, "%s", what);
  test_from(rng, what, 1, model, model.table.items[model.lora.modules[0].a].offset,
            model.table.items[model.lora.modules[1].a].offset);
  free(what);
}

static int is_folder(const struct dirent *entry) {
  return !strchr(entry->d_name, '.') && !strstr(entry->d_name, "-published"); /* which is another's copy */
}

/* Every architecture of the fixtures, with weights of our own. */
static void test_families(Rng *rng) {
  const char *source = getenv("SRCDIR");
  char *root = file_join(source ? source : ".", "tests/fixtures/families");
  struct dirent **folders;
  const int n = scandir(root, &folders, is_folder, alphasort);
  ok(n >= 27, "%d architectures in %s", n, root);
  for (int i = 0; i < n; i++) {
    char *folder = file_join(root, folders[i]->d_name), *path = file_join(folder, "config.json");
    Json *config;
    Error err;
    const bool is_read = json_read(path, &config, &err) == STATUS_OK;
    if (!is_read) ok(false, "%s", err.text);
    char *text = is_read ? json_print(config, false) : NULL;
    if (is_read) test_all(rng, folders[i]->d_name, 1, small_model_of(rng, text));
    if (is_read) test_lora(rng, folders[i]->d_name, text, i % 2);
    free(text);
    json_free(is_read ? config : NULL);
    free(path);
    free(folder);
    free(folders[i]);
  }
  if (n >= 0) free(folders);
  free(root);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_all(&rng, "tied", 3, small_model(&rng, true));
  test_all(&rng, "untied", 3, small_model(&rng, false));
  test_families(&rng);
  return tap_end();
}
