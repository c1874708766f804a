/* Every architecture of tests/fixtures/families computed in bfloat16: near what float32 gives, and each sequence alone
 * as in company; with adapters as well. */
#include "tests/golden.h"
#include "tests/recording.h"

#include <dirent.h>

#define SUFFIX ".golden.safetensors"

/* bfloat16 rounds by 2^-9 at most; what a few blocks and a chosen expert make of that stays below this share. */
#define NEAR 0.03

static double relative_l2(const real *a, const real *b, size_t n) {
  double difference = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
    size += (double)b[i] * (double)b[i];
  }
  return sqrt(difference / size);
}

/* The error of the stream after each block, and of the logits: largest, and smallest. */
static void test_error(const char *name, const Recording *narrow, const Recording *exact, size_t rows, size_t vocab) {
  double worst = relative_l2(narrow->logits, exact->logits, rows * vocab), least = INFINITY;
  bool same_embedding = false;
  for (size_t i = 0; i < exact->sites.count; i++) {
    const Site *site = &exact->sites.items[i];
    const double error = relative_l2(narrow->values[i], exact->values[i], rows * site->width);
    if (site->kind == SITE_EMBED) same_embedding = error == 0;
    if (site->kind != SITE_RESID_POST) continue;
    if (!(error <= worst)) worst = error;
    if (!(error >= least)) least = error;
  }
  ok(worst <= NEAR && least >= 1e-5 && same_embedding, "%s: errors from %.1e to %.1e, none in what is looked up", name,
     least, worst);
}

/* Packed from widened values: the bits of what was packed from the file. */
static void test_widened(const char *name, Onednn *onednn, const Source *source, const GoldenBatch *all,
                         const Recording *expected) {
  Model model;
  Recording found;
  Error err = {0};
  bool same = true;
  if (model_open(source, (ModelOptions){0}, &model, &err) != STATUS_OK || model_pack(&model, onednn, &err) != STATUS_OK)
    bail_out(&err);
  recording_init(&found, &model.config, all->rows);
  recording_run(&model, &all->batch, false, 0, &found);
  for (size_t i = 0; i < found.sites.count; i++)
    same = same && memcmp(found.values[i], expected->values[i],
                          all->rows * found.sites.items[i].width * sizeof **found.values) == 0;
  ok(same && model.bytes_dropped > 0, "%s: the same bits from widened weights", name);
  recording_clear(&found);
  model_close(&model);
}

/* The last sequence by itself has the bits it had in company. */
static void test_alone(const char *name, const Model *model, const Batch *batch, const Recording *all) {
  const size_t first = batch->offsets[batch->n_sequences - 1], rows = batch->offsets[batch->n_sequences] - first;
  const size_t offsets[] = {0, rows};
  const Batch last = {.n_sequences = 1, .offsets = offsets, .ids = batch->ids + first};
  Recording alone;
  double worst = 0;
  recording_init(&alone, &model->config, rows);
  recording_run(model, &last, false, 0, &alone);
  for (size_t i = 0; i < all->sites.count; i++) {
    const size_t width = all->sites.items[i].width;
    const double error = relative_l2(alone.values[i], all->values[i] + first * width, rows * width);
    if (!(error <= worst)) worst = error;
  }
  ok(batch->n_sequences > 1 && worst <= 1e-5, "%s: a sequence alone as in company: %.1e", name, worst);
  recording_clear(&alone);
}

static void test_family(Onednn *onednn, const char *golden_name) {
  char *path = mem_format("families/%s", golden_name), *name = mem_copy_string(golden_name);
  name[strlen(golden_name) - strlen(SUFFIX)] = 0;
  char *copy = mem_format("families/%s", name), *folder = fixture_path(copy);
  Golden golden = golden_open(path);
  GoldenBatch all = golden_batch(&golden);
  Source *source;
  Model model;
  Recording exact, narrow;
  Error err = {0};
  if (source_open(folder, &source, &err) != STATUS_OK ||
      model_open(source, (ModelOptions){.in_file = true}, &model, &err) != STATUS_OK)
    bail_out(&err);
  recording_init(&exact, &model.config, all.rows);
  recording_run(&model, &all.batch, false, 0, &exact);
  if (model_pack(&model, onednn, &err) != STATUS_OK) bail_out(&err);
  recording_init(&narrow, &model.config, all.rows);
  recording_run(&model, &all.batch, false, 0, &narrow);
  test_error(name, &narrow, &exact, all.rows, model.config.vocab_size);
  test_alone(name, &model, &all.batch, &narrow);
  test_widened(name, onednn, source, &all, &narrow);
  recording_clear(&exact);
  recording_clear(&narrow);
  model_close(&model);
  source_close(source);
  golden_batch_clear(&all);
  golden_close(&golden);
  free(folder), free(copy), free(name), free(path);
}

/* An adapter is added to packed products: the errors are those of the rounding alone. */
static void test_adapter(Onednn *onednn, const char *base, const char *adapter_name) {
  char *path = fixture_path(base), *folder = fixture_path(adapter_name),
       *golden_name = mem_format("%s.golden.safetensors", adapter_name);
  Golden golden = golden_open(golden_name);
  GoldenBatch all = golden_batch(&golden);
  Source *source;
  Adapter *adapter;
  Model model;
  Recording exact, narrow;
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK || adapter_open(folder, true, &adapter, &err) != STATUS_OK ||
      model_open(source, (ModelOptions){.adapter = adapter, .in_file = true}, &model, &err) != STATUS_OK)
    bail_out(&err);
  recording_init(&exact, &model.config, all.rows);
  recording_run(&model, &all.batch, false, 0, &exact);
  if (model_pack(&model, onednn, &err) != STATUS_OK) bail_out(&err);
  recording_init(&narrow, &model.config, all.rows);
  recording_run(&model, &all.batch, false, 0, &narrow);
  test_error(adapter_name, &narrow, &exact, all.rows, model.config.vocab_size);
  recording_clear(&exact);
  recording_clear(&narrow);
  model_close(&model);
  adapter_close(adapter);
  source_close(source);
  golden_batch_clear(&all);
  golden_close(&golden);
  free(golden_name), free(folder), free(path);
}

static int is_golden(const struct dirent *entry) { return file_has_suffix(entry->d_name, SUFFIX); }

int main(void) {
  Error err = {0};
  Onednn *onednn;
  struct dirent **goldens;
  char *folder = fixture_path("families");
  const int n = scandir(folder, &goldens, is_golden, alphasort);
  ok(n > 0, "%d models in %s", n, folder);
  const bool can = onednn_open(&onednn, &err) == STATUS_OK;
  if (!can) skip_one("models in bfloat16: %s", err.text);
  for (int i = 0; i < n; i++) {
    if (can) test_family(onednn, goldens[i]->d_name);
    free(goldens[i]);
  }
  static const char *const adapted[] = {"gpt2", "phi3", "gpt_neox", "qwen2", "gemma2", "gemma3"};
  for (size_t i = 0; can && i < sizeof adapted / sizeof adapted[0]; i++) {
    char *base = mem_format("families/%s", adapted[i]), *adapter = mem_format("adapter-%s", adapted[i]);
    test_adapter(onednn, base, adapter);
    free(adapter), free(base);
  }
  if (n >= 0) free(goldens);
  free(folder);
  onednn_close(onednn);
  return tap_end();
}
