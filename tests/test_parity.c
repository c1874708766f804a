/* model/forward against transformers: every site of every layer and the logits, from Hugging Face directories and GGUF
 * files, and the properties that no batch may break. Built twice, for float and for double. */
#include "tests/golden.h"
#include "tests/recording.h"

static const struct {
  const char *model, *golden;
} models[] = {{"llama-tied", "llama-tied.golden.safetensors"},
              {"llama-tied.gguf", "llama-tied.golden.safetensors"},
              {"llama-untied", "llama-untied.golden.safetensors"},
              {"llama-untied.gguf", "llama-untied.golden.safetensors"}};
enum { N_MODELS = sizeof models / sizeof models[0] };

/* Rows [from, from + n) of every site and the logits of a are near rows [to, to + n) of b; exact where tolerance is 0.
 */
static bool same_rows(const Recording *a, size_t from, const Recording *b, size_t to, size_t n, size_t vocab_size,
                      double tolerance) {
  bool same = rows_are_near(a->logits + from * vocab_size, b->logits + to * vocab_size, n, vocab_size, tolerance);
  for (size_t i = 0; i < a->sites.count; i++) {
    const size_t width = a->sites.items[i].width;
    same = same && rows_are_near(a->values[i] + from * width, b->values[i] + to * width, n, width, tolerance);
  }
  return same;
}

static void check_site(const Golden *golden, const char *name, const real *found, size_t rows, size_t width) {
  const GoldenArray expected = golden_array(golden, name);
  const bool shaped = expected.rows == rows && expected.width == width;
  const double difference = shaped ? relative_difference(found, expected.values, rows * width) : NAN;
  ok(shaped && rows_are_near(found, expected.values, rows, width, GOLDEN_TOLERANCE),
     "%s [%zu, %zu] is transformers': %.1e", name, rows, width, difference);
  free(expected.values);
}

static void test_sites(const char *name, const Model *model, const Golden *golden, const GoldenBatch *all,
                       const Recording *whole) {
  printf("# %s\n", name);
  for (size_t i = 0; i < whole->sites.count; i++)
    check_site(golden, whole->sites.items[i].name, whole->values[i], all->rows, whole->sites.items[i].width);
  check_site(golden, "logits", whole->logits, all->rows, model->config.vocab_size);
  ok(weights_count(golden->arrays) == whole->sites.count + 3, "no site of transformers is left out");
}

static void test_independence(const Model *model, const GoldenBatch *all, const Recording *whole) {
  const size_t vocab_size = model->config.vocab_size, n = all->batch.n_sequences;
  Recording other;
  recording_init(&other, &model->config, all->rows);
  recording_run(model, &all->batch, true, 0, &other);
  ok(same_rows(&other, 0, whole, 0, all->rows, vocab_size, 0), "buffers kept for the backward pass: the same bits");
  for (size_t s = 0; s < n; s++) {
    const size_t offsets[2] = {0, all->offsets[s + 1] - all->offsets[s]};
    const Batch one = {.n_sequences = 1, .offsets = offsets, .ids = all->ids + all->offsets[s]};
    recording_run(model, &one, false, all->offsets[s], &other);
  }
  ok(same_rows(&other, 0, whole, 0, all->rows, vocab_size, GOLDEN_TOLERANCE), "one sequence at a time: the same rows");

  size_t *offsets = mem_alloc(n + 1, sizeof *offsets), done = 0;
  int32_t *ids = mem_alloc(all->rows, sizeof *ids);
  for (size_t s = n; s-- > 0; done++) {
    const size_t length = all->offsets[s + 1] - all->offsets[s];
    memcpy(ids + offsets[done], all->ids + all->offsets[s], length * sizeof *ids);
    offsets[done + 1] = offsets[done] + length;
  }
  const Batch reversed = {.n_sequences = n, .offsets = offsets, .ids = ids};
  recording_run(model, &reversed, false, 0, &other);
  bool same = true;
  for (size_t s = 0; s < n; s++)
    same = same && same_rows(&other, offsets[n - 1 - s], whole, all->offsets[s], all->offsets[s + 1] - all->offsets[s],
                             vocab_size, GOLDEN_TOLERANCE);
  ok(same, "sequences in reverse order: the rows in reverse order");
  free(offsets);
  free(ids);
  recording_clear(&other);
}

/* From the middle of every sequence on other tokens. */
static void test_causality(const Model *model, const GoldenBatch *all, const Recording *whole) {
  const size_t vocab_size = model->config.vocab_size;
  int32_t *ids = mem_alloc(all->rows, sizeof *ids);
  memcpy(ids, all->ids, all->rows * sizeof *ids);
  for (size_t s = 0; s < all->batch.n_sequences; s++)
    for (size_t t = (all->offsets[s] + all->offsets[s + 1]) / 2; t < all->offsets[s + 1]; t++)
      ids[t] = (ids[t] + 1) % (int32_t)vocab_size;
  const Batch changed = {.n_sequences = all->batch.n_sequences, .offsets = all->offsets, .ids = ids};
  Recording other;
  recording_init(&other, &model->config, all->rows);
  recording_run(model, &changed, false, 0, &other);
  bool same = true, differ = true;
  for (size_t s = 0; s < all->batch.n_sequences; s++) {
    const size_t begin = all->offsets[s], end = all->offsets[s + 1], middle = (begin + end) / 2;
    same = same && (middle == begin || same_rows(&other, begin, whole, begin, middle - begin, vocab_size, 0));
    differ = differ && !same_rows(&other, middle, whole, middle, end - middle, vocab_size, 1e-3);
  }
  ok(same, "later tokens change no bit of earlier rows");
  ok(differ, "but their own");
  free(ids);
  recording_clear(&other);
}

static void test_model(const char *name, const char *golden_name) {
  Golden golden = golden_open(golden_name);
  GoldenBatch all = golden_batch(&golden);
  char *path = fixture_path(name);
  Source *source;
  Model model;
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK || model_open(source, (ModelOptions){.strict = true}, &model, &err) != STATUS_OK) bail_out(&err);
  Recording whole;
  recording_init(&whole, &model.config, all.rows);
  recording_run(&model, &all.batch, false, 0, &whole);
  test_sites(name, &model, &golden, &all, &whole);
  test_independence(&model, &all, &whole);
  test_causality(&model, &all, &whole);
  recording_clear(&whole);
  model_close(&model);
  source_close(source);
  free(path);
  golden_batch_clear(&all);
  golden_close(&golden);
}

/* The comparison itself must be able to fail. */
static void test_comparison(void) {
  const real expected[4] = {100, -2.385f, 0.5f, 0.25f};
  real found[4] = {100, -2.385f, 0.5f, 0.25f};
  ok(rows_are_near(found, expected, 2, 2, GOLDEN_TOLERANCE), "equal rows are near");
  found[2] = (real)(0.5 * (1 + 10 * GOLDEN_TOLERANCE));
  ok(!rows_are_near(found, expected, 2, 2, GOLDEN_TOLERANCE), "a row of small values that is off is seen");
  found[2] = 0.5f, found[0] = (real)(100 * (1 + 2 * GOLDEN_TOLERANCE));
  ok(!rows_are_near(found, expected, 2, 2, GOLDEN_TOLERANCE), "a large value that is off is seen");
  for (size_t i = 0; i < 4; i++) {
    memcpy(found, expected, sizeof found);
    found[i] = NAN;
    ok(!rows_are_near(found, expected, 2, 2, GOLDEN_TOLERANCE), "NaN at %zu is not near", i);
  }
  ok(!rows_are_near(found, expected, 0, 2, GOLDEN_TOLERANCE), "no rows are not near");
}

int main(void) {
  test_comparison();
  for (size_t i = 0; i < N_MODELS; i++) test_model(models[i].model, models[i].golden);
  return tap_end();
}
