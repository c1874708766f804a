/* Every architecture of tests/fixtures/families against transformers: each site of each block, the logits, and the
 * gradient of a projection of the logits by every tensor, from the Hugging Face folder and from the GGUF file. Built
 * twice, for float and for double. */
#include "model/backward.h"
#include "model/tensor_layout.h"
#include "tests/golden.h"
#include "tests/recording.h"

#include <dirent.h>

#define SUFFIX ".golden.safetensors"

/* What transformers computed with one model. */
typedef struct Fixture {
  char *name;
  Golden golden, gradients;
  GoldenBatch all;
} Fixture;

/* The larger of two, where not a number is larger than anything. */
static double worse(double a, double b) { return isnan(a) || a > b ? a : b; }

static const real *site_rows(const Recording *r, const char *name, size_t *width) {
  for (size_t i = 0; i < r->sites.count; i++)
    if (strcmp(r->sites.items[i].name, name) == 0) return *width = r->sites.items[i].width, r->values[i];
  return NULL;
}

/* Goldens leave out a block's resid_pre where the block before it has said the same. */
static void test_chain(const char *copy, const Recording *r, size_t n_layers, size_t rows) {
  bool same = true;
  for (size_t l = 1; l < n_layers; l++) {
    char *pre = mem_format("blocks.%zu.hook_resid_pre", l), *post = mem_format("blocks.%zu.hook_resid_post", l - 1);
    size_t width = 0;
    const real *a = site_rows(r, pre, &width), *b = site_rows(r, post, &width);
    same = same && a && b && memcmp(a, b, rows * width * sizeof *a) == 0;
    free(pre);
    free(post);
  }
  ok(same, "%s: a block reads what the one before it wrote", copy);
}

static void test_sites(const char *copy, const Fixture *fixture, const Recording *r, const ModelConfig *config) {
  const Weights *arrays = fixture->golden.arrays;
  const size_t rows = fixture->all.rows;
  double worst = 0;
  bool near = true;
  for (size_t i = 0; i < weights_count(arrays); i++) {
    const char *name = weights_at(arrays, i)->name;
    if (strcmp(name, "ids") == 0 || strcmp(name, "offsets") == 0) continue;
    const GoldenArray expected = golden_array(&fixture->golden, name);
    const bool is_logits = strcmp(name, "logits") == 0;
    size_t width = config->vocab_size;
    const real *found = is_logits ? r->logits : site_rows(r, name, &width);
    const bool shaped = found && expected.rows == rows && expected.width == width;
    const double difference = shaped ? relative_difference(found, expected.values, rows * width) : NAN;
    const bool passed = shaped && rows_are_near(found, expected.values, rows, width, GOLDEN_TOLERANCE);
    if (!passed)
      printf("# %s: %s: %.1e%s\n", copy, name, difference, shaped ? "" : " (no such site, or another shape)");
    near = near && passed;
    worst = worse(difference, worst);
    free(expected.values);
  }
  ok(near, "%s: sites and logits are transformers': %.1e", copy, worst);
  ok(weights_count(arrays) == r->sites.count - (config->n_layers - 1) + 3, "%s: no site is left out", copy);
}

/* loss = sum(projection * logits), after a forward pass that kept its buffers. */
static void backward(const Fixture *fixture, const Model *model, Pass *pass, const real *logits, Gradients *g) {
  const size_t rows = fixture->all.rows;
  const GoldenArray projection = golden_array(&fixture->gradients, "projection");
  real *dfinal = mem_alloc(rows * model->config.hidden_size, sizeof *dfinal);
  *g = (Gradients){.values = mem_alloc(model->table.total, sizeof *g->values)};
  model_logits_backward(model, rows, pass->final_normed, logits, projection.values, dfinal, g->values + model->table.lm_head);
  model_backward(model, &fixture->all.batch, pass, NULL, dfinal, NULL, false, g);
  free(dfinal);
  free(projection.values);
}

/* Every tensor as transformers' files have it; one that the golden does not name is out of the loss's reach. */
static void test_gradients(const char *copy, const Fixture *fixture, const Model *model, const Gradients *g) {
  size_t n = 0, named = 0;
  double worst = 0;
  bool near = true;
  FileTensor *tensors = tensor_layout_all(&model->config, &model->table, &n);
  for (size_t i = 0; i < n; i++) {
    const char *name = tensors[i].place.name;
    real *found = mem_alloc(tensors[i].count, sizeof *found);
    tensor_layout_gather(&model->config, &model->table, &tensors[i], g->values, 0, found);
    GoldenArray expected = golden_array(&fixture->gradients, name);
    const bool is_named = expected.values != NULL;
    if (!is_named) expected = (GoldenArray){1, tensors[i].count, mem_alloc(tensors[i].count, sizeof *found)};
    const bool shaped = expected.rows * expected.width == tensors[i].count;
    const double difference = shaped ? relative_difference(found, expected.values, tensors[i].count) : NAN;
    if (!(difference <= GOLDEN_TOLERANCE)) printf("# %s: gradient of %s: %.1e\n", copy, name, difference);
    near = near && difference <= GOLDEN_TOLERANCE;
    worst = worse(difference, worst);
    named += is_named;
    free(expected.values);
    free(found);
  }
  ok(near, "%s: gradients are transformers': %.1e", copy, worst);
  ok(named + 2 == weights_count(fixture->gradients.arrays), "%s: no gradient is left out", copy);
  free(tensors);
}

static void test_model(const char *copy, const Fixture *fixture, const Model *model) {
  const size_t rows = fixture->all.rows;
  Recording r;
  Pass pass;
  Gradients g;
  Error err = {0};
  recording_init(&r, &model->config, rows);
  if (pass_init(&pass, &model->config, rows, rows, KEEP_BLOCKS, &err) != STATUS_OK) bail_out(&err);
  recording_pass(model, &fixture->all.batch, &pass, 0, &r);
  test_sites(copy, fixture, &r, &model->config);
  test_chain(copy, &r, model->config.n_layers, rows);
  backward(fixture, model, &pass, r.logits, &g);
  test_gradients(copy, fixture, model, &g);
  gradients_clear(&g);
  free(g.values);
  pass_clear(&pass);
  recording_clear(&r);
}

/* A model whose matrices stay in the file has the bits of one that is widened. */
static void test_in_file(const char *copy, const Fixture *fixture, const Source *source, const Model *widened) {
  const size_t rows = fixture->all.rows;
  Model model;
  Recording expected, found;
  Error err = {0};
  if (model_open(source, (ModelOptions){.strict = true, .in_file = true}, &model, &err) != STATUS_OK) bail_out(&err);
  recording_init(&expected, &widened->config, rows);
  recording_init(&found, &model.config, rows);
  recording_run(widened, &fixture->all.batch, false, 0, &expected);
  recording_run(&model, &fixture->all.batch, false, 0, &found);
  bool same = memcmp(found.logits, expected.logits, rows * model.config.vocab_size * sizeof(real)) == 0;
  for (size_t i = 0; i < found.sites.count; i++)
    same = same && memcmp(found.values[i], expected.values[i], rows * found.sites.items[i].width * sizeof(real)) == 0;
  ok(same && model.matrices.bytes_in_file > 0, "%s: the same bits with %zu bytes left in the file", copy,
     model.matrices.bytes_in_file);
  recording_clear(&found);
  recording_clear(&expected);
  model_close(&model);
}

/* One copy of a family's model: a folder or a file of tests/fixtures/families. */
static void test_copy(const char *copy, const Fixture *fixture) {
  char *name = mem_format("families/%s", copy), *path = fixture_path(name);
  Source *source;
  Model model;
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK) bail_out(&err);
  const Status status = model_open(source, (ModelOptions){.strict = true}, &model, &err);
  if (ok(status == STATUS_OK, "%s is opened%s%s", copy, status == STATUS_OK ? "" : ": ", err.text)) {
    test_model(copy, fixture, &model);
    test_in_file(copy, fixture, source, &model);
    model_close(&model);
  }
  source_close(source);
  free(path);
  free(name);
}

static bool is_fixture(const char *copy) {
  char *name = mem_format("families/%s", copy), *path = fixture_path(name);
  const bool there = file_exists(path);
  free(path);
  free(name);
  return there;
}

/* Returns how many copies there are. */
static int test_family(const char *golden_name) {
  Fixture fixture = {.name = mem_copy_string(golden_name)};
  fixture.name[strlen(golden_name) - strlen(SUFFIX)] = 0;
  char *path = mem_format("families/%s", golden_name),
       *gradients = mem_format("families/%s.gradient.safetensors", fixture.name);
  fixture.golden = golden_open(path);
  fixture.gradients = golden_open(gradients);
  fixture.all = golden_batch(&fixture.golden);
  static const char *const copies[] = {"", ".gguf", "-published"};
  int n = 0;
  for (size_t i = 0; i < sizeof copies / sizeof copies[0]; i++) {
    char *copy = mem_format("%s%s", fixture.name, copies[i]);
    if (is_fixture(copy)) {
      test_copy(copy, &fixture);
      n++;
    }
    free(copy);
  }
  golden_batch_clear(&fixture.all);
  golden_close(&fixture.golden);
  golden_close(&fixture.gradients);
  free(gradients);
  free(path);
  free(fixture.name);
  return n;
}

static int is_golden(const struct dirent *entry) { return file_has_suffix(entry->d_name, SUFFIX); }

int main(void) {
  char *folder = fixture_path("families");
  struct dirent **goldens;
  const int n = scandir(folder, &goldens, is_golden, alphasort);
  int n_copies = 0;
  for (int i = 0; i < n; i++) {
    n_copies += test_family(goldens[i]->d_name);
    free(goldens[i]);
  }
  ok(n == 29 && n_copies == 53, "%d models in %d copies", n, n_copies);
  if (n >= 0) free(goldens);
  free(folder);
  return tap_end();
}
