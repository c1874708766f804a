/* Training in bfloat16, on every architecture of tests/fixtures/families: gradients near those of float32, the numbers of
 * a model packed for recording, and copies that follow the values. */
#include "base/rng.h"
#include "model/backward.h"
#include "model/forward.h"
#include "tests/golden.h"

#include <dirent.h>

#define SUFFIX ".golden.safetensors"

/* bfloat16 rounds what is multiplied by 2^-9 at most; what a few blocks make of that stays below this share. */
#define NEAR 0.04

enum { SEED = 20261121 };

/* A model, and a batch with the gradients of a loss: at every sequence's reward, and at every last hidden state. */
typedef struct Work {
  Model model;
  GoldenBatch all;
  Pass pass;
  real *drewards, *dfinal;
} Work;

static Gradients gradients_of(Work *w, bool accumulate, Gradients *into) {
  Gradients g = into ? *into
                     : (Gradients){.values = mem_alloc(w->model.table.total - w->model.table.embed, sizeof(real)),
                                   .begin = w->model.table.embed};
  model_forward(&w->model, &w->all.batch, &w->pass, NULL);
  model_backward(&w->model, &w->all.batch, &w->pass, w->drewards, w->dfinal, NULL, accumulate, &g);
  return g;
}

static double relative_l2(const real *a, const real *b, size_t n) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    size += (double)b[i] * (double)b[i];
  }
  return sqrt(difference / size);
}

/* Of all gradients together, and of the matrices the largest. Some biases have none but rounding: a key.s, to softmax. */
static void test_gradients(const char *name, const Work *w, const Gradients *narrow, const Gradients *exact) {
  const ParameterTable *table = &w->model.table;
  const double all = relative_l2(narrow->values, exact->values, table->total - exact->begin);
  double worst = 0;
  for (size_t i = 0; i < table->count; i++) {
    const Parameter *p = &table->items[i];
    const size_t at = p->offset - exact->begin, n = p->rows * p->columns;
    if (p->offset < exact->begin || p->is_vector || p->role == ROLE_ROUTER || p->role == ROLE_SHARED_SWITCH) continue;
    double size = 0;
    for (size_t j = 0; j < n; j++) size += (double)exact->values[at + j] * (double)exact->values[at + j];
    if (size == 0) continue;
    const double error = relative_l2(narrow->values + at, exact->values + at, n);
    if (!(error <= worst)) worst = error;
  }
  ok(all >= 1e-4 && all <= NEAR && worst <= 4 * NEAR, "%s: gradients differ by %.1e, a matrix by at most %.1e",
     name, all, worst);
}

/* Stepping the values moves the copies with model_renew, to the bits of copies made anew; values are not rounded. */
static void test_renew(const char *name, Work *w, Onednn *onednn, const Gradients *before) {
  const size_t n = w->model.table.total - before->begin, begin = w->model.table.layers[0].begin;
  real *kept = mem_alloc(w->model.table.total, sizeof *kept);
  Error err = {0};
  for (size_t i = begin; i < w->model.table.total; i++) kept[i] = w->model.values[i] *= (real)1.01;
  Gradients stale = gradients_of(w, false, NULL);
  model_renew(&w->model, begin);
  Gradients renewed = gradients_of(w, false, NULL);
  arena_clear(&w->model.narrow);
  if (model_narrow(&w->model, onednn, &err) != STATUS_OK) bail_out(&err);
  Gradients anew = gradients_of(w, false, NULL);
  ok(memcmp(renewed.values, anew.values, n * sizeof(real)) == 0 &&
         memcmp(renewed.values, stale.values, n * sizeof(real)) != 0 &&
         memcmp(kept + begin, w->model.values + begin, (w->model.table.total - begin) * sizeof *kept) == 0,
     "%s: copies follow the values", name);
  gradients_clear(&stale), gradients_clear(&renewed), gradients_clear(&anew);
  free(stale.values), free(renewed.values), free(anew.values), free(kept);
}

/* Adding a batch to itself doubles the gradients. */
static void test_accumulate(const char *name, Work *w, const Gradients *once) {
  Gradients twice = gradients_of(w, false, NULL);
  const size_t n = w->model.table.total - once->begin;
  bool same = memcmp(twice.values, once->values, n * sizeof(real)) == 0;
  twice = gradients_of(w, true, &twice);
  for (size_t i = 0; i < n; i++) twice.values[i] /= 2;
  const double error = relative_l2(twice.values, once->values, n);
  ok(same && error <= 1e-6, "%s: the same bits again, and twice as much when added: %.1e", name, error);
  gradients_clear(&twice);
  free(twice.values);
}

/* The last hidden states are those of a model packed for recording. */
static void test_packed(const char *name, const Work *w, const Source *source, Onednn *onednn) {
  const size_t n = w->all.rows * w->model.config.hidden_size;
  Model model;
  Pass pass;
  Error err = {0};
  if (model_open(source, (ModelOptions){0}, &model, &err) != STATUS_OK ||
      model_pack(&model, onednn, &err) != STATUS_OK ||
      pass_init(&pass, &model.config, w->all.rows, w->all.rows, KEEP_NOTHING, &err) != STATUS_OK)
    bail_out(&err);
  model_forward(&model, &w->all.batch, &pass, NULL);
  const double error = relative_l2(w->pass.final_normed, pass.final_normed, n);
  ok(error <= 1e-3, "%s: trained from what is recorded: %.1e", name, error);
  pass_clear(&pass);
  model_close(&model);
}

static void test_family(Onednn *onednn, Rng *rng, const char *golden_name) {
  char *path = mem_format("families/%s", golden_name), *name = mem_copy_string(golden_name);
  name[strlen(golden_name) - strlen(SUFFIX)] = 0;
  char *copy = mem_format("families/%s", name), *folder = fixture_path(copy);
  Golden golden = golden_open(path);
  Work w = {.all = golden_batch(&golden)};
  Source *source;
  Error err = {0};
  if (source_open(folder, &source, &err) != STATUS_OK ||
      model_open(source, (ModelOptions){0}, &w.model, &err) != STATUS_OK ||
      pass_init(&w.pass, &w.model.config, w.all.rows, w.all.rows, KEEP_BLOCKS, &err) != STATUS_OK)
    bail_out(&err);
  const size_t d = w.model.config.hidden_size;
  for (size_t i = 0; i < d; i++) w.model.values[w.model.table.score + i] = (real)rng_normal(rng);
  w.drewards = mem_alloc(w.all.batch.n_sequences, sizeof *w.drewards);
  w.dfinal = mem_alloc(w.all.rows * d, sizeof *w.dfinal);
  for (size_t s = 0; s < w.all.batch.n_sequences; s++) w.drewards[s] = (real)rng_normal(rng);
  for (size_t i = 0; i < w.all.rows * d; i++) w.dfinal[i] = (real)rng_normal(rng);
  Gradients exact = gradients_of(&w, false, NULL);
  if (model_narrow(&w.model, onednn, &err) != STATUS_OK) bail_out(&err);
  Gradients narrow = gradients_of(&w, false, NULL);
  test_gradients(name, &w, &narrow, &exact);
  test_packed(name, &w, source, onednn);
  test_accumulate(name, &w, &narrow);
  test_renew(name, &w, onednn, &narrow);
  gradients_clear(&exact), gradients_clear(&narrow);
  free(exact.values), free(narrow.values), free(w.drewards), free(w.dfinal);
  pass_clear(&w.pass);
  model_close(&w.model);
  source_close(source);
  golden_batch_clear(&w.all);
  golden_close(&golden);
  free(folder), free(copy), free(name), free(path);
}

static int is_golden(const struct dirent *entry) { return file_has_suffix(entry->d_name, SUFFIX); }

int main(void) {
  Error err = {0};
  Onednn *onednn;
  Rng rng = rng_new(SEED);
  struct dirent **goldens;
  char *folder = fixture_path("families");
  const int n = scandir(folder, &goldens, is_golden, alphasort);
  printf("# seed %d\n", SEED);
  ok(n > 0, "%d models in %s", n, folder);
  const bool can = onednn_open(&onednn, &err) == STATUS_OK;
  if (!can) skip_one("training in bfloat16: %s", err.text);
  for (int i = 0; i < n; i++) {
    if (can) test_family(onednn, &rng, goldens[i]->d_name);
    free(goldens[i]);
  }
  if (n >= 0) free(goldens);
  free(folder);
  onednn_close(onednn);
  return tap_end();
}
