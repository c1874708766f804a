/* model/lora against PEFT and torch: from a Hugging Face folder and from GGUF, matrices as values and in their file's
 * bytes, the loss with an adapter's factors and its gradients by every factor and the head; new factors, and what cannot
 * be trained. Built twice, for float and for double. */
#include "model/backward.h"
#include "tests/golden.h"
#include "weights/adapter.h"

#include <string.h>

/* Gradients sum over rows, so that float32 loses a little more than in the activations. */
static const double gradient_tolerance = 2 * GOLDEN_TOLERANCE;

static Source *open_source(const char *base) {
  char *path = fixture_path(base);
  Source *source;
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK) bail_out(&err);
  free(path);
  return source;
}

static Status open_model(const Source *source, const char *adapter_name, bool in_file, const LoraSettings *settings, Model *model,
                         Error *err) {
  Adapter *adapter = NULL;
  if (adapter_name) {
    char *folder = fixture_path(adapter_name);
    if (adapter_open(folder, true, &adapter, err) != STATUS_OK) bail_out(err);
    free(folder);
  }
  const ModelOptions options = {.adapter = adapter, .strict = true, .in_file = in_file, .lora = settings};
  const Status status = model_open(source, options, model, err);
  adapter_close(adapter);
  return status;
}

/* The projection's part of the loss, and the rewards'. */
static double loss_of(const Model *model, const GoldenBatch *all, const Pass *pass, const real *projection, const real *weights) {
  double sum = 0;
  real rewards[8];
  for (size_t i = 0; i < all->rows * model->config.hidden_size; i++) sum += (double)projection[i] * (double)pass->final_normed[i];
  if (!model->has_score) return sum;
  model_rewards(model, &all->batch, pass, rewards);
  for (size_t s = 0; s < all->batch.n_sequences; s++) sum += (double)weights[s] * (double)rewards[s];
  return sum;
}

static void compare(const Golden *golden, const char *name, const real *found, size_t rows, size_t columns) {
  char *key = mem_format("gradient.%s", name);
  const GoldenArray expected = golden_array(golden, key);
  const bool shaped = expected.values && expected.rows == rows && expected.width == columns;
  const double difference = shaped ? relative_difference(found, expected.values, rows * columns) : NAN;
  ok(difference <= gradient_tolerance, "%s: %.1e", name, difference);
  free(expected.values);
  free(key);
}

static size_t check_gradients(const Model *model, const Golden *golden, const Gradients *g) {
  const ParameterTable *t = &model->table;
  size_t n = 0;
  for (size_t i = 0; i < model->lora.count; i++, n += 2) {
    const LoraModule *m = &model->lora.modules[i];
    const Parameter *a = &t->items[m->a], *b = &t->items[m->b];
    real *gathered = mem_alloc(b->rows * b->columns, sizeof *gathered);
    lora_gather_b(&model->config, t, m, g->values, g->begin, gathered);
    compare(golden, a->name, g->values + (a->offset - g->begin), a->rows, a->columns);
    compare(golden, b->name, gathered, b->rows, b->columns);
    free(gathered);
  }
  if (!model->has_score) return n;
  compare(golden, "score.weight", g->values + (t->score - g->begin), 1, model->config.hidden_size);
  return n + 1;
}

static void test_gradients(const char *base, const char *name, bool in_file) {
  printf("# %s with %s, matrices %s\n", base, name, in_file ? "in the file" : "as values");
  char *path = mem_format("%s.gradient.safetensors", name);
  Golden golden = golden_open(path);
  GoldenBatch all = golden_batch(&golden);
  const GoldenArray projection = golden_array(&golden, "projection"), weights = golden_array(&golden, "weights"),
                    loss = golden_array(&golden, "loss");
  const LoraSettings none = {.rank = 1, .alpha = 1, .targets = "nothing"};
  Source *source = open_source(base);
  Model model;
  Pass pass;
  Error err = {0};
  if (open_model(source, name, in_file, &none, &model, &err) != STATUS_OK) bail_out(&err);
  if (pass_init(&pass, &model.config, all.rows, all.rows, KEEP_BLOCKS, &err) != STATUS_OK) bail_out(&err);
  ok((model.matrices.bytes_in_file > 0) == in_file && model.matrices.n_factors == 0, "%zu modules are trained", model.lora.count);
  model_forward(&model, &all.batch, &pass, NULL);
  const double found = loss_of(&model, &all, &pass, projection.values, weights.values);
  ok(is_close(found, (double)loss.values[0], 10 * GOLDEN_TOLERANCE, 0), "loss %.6f", found);
  const size_t begin = model.table.items[model.lora.modules[0].a].offset;
  Gradients g = {.values = mem_alloc(model.table.total - begin, sizeof(real)), .begin = begin};
  model_backward(&model, &all.batch, &pass, model.has_score ? weights.values : NULL, projection.values, NULL, false, &g);
  ok(check_gradients(&model, &golden, &g) + 5 == weights_count(golden.arrays), "no gradient of torch's is left out");
  gradients_clear(&g);
  free(g.values);
  pass_clear(&pass);
  model_close(&model);
  source_close(source);
  free(projection.values), free(weights.values), free(loss.values);
  golden_batch_clear(&all);
  golden_close(&golden);
  free(path);
}

/* Two models are alike in every hidden state. */
static bool same_states(const Model *a, const Model *b, double tolerance) {
  static const size_t offsets[] = {0, 3, 8};
  static const int32_t ids[] = {3, 1, 4, 1, 5, 9, 2, 6};
  const Batch batch = {.n_sequences = 2, .offsets = offsets, .ids = ids};
  const size_t n = 8 * a->config.hidden_size;
  real *states = mem_alloc(n, sizeof *states);
  bool same = false;
  for (int i = 0; i < 2; i++) {
    Pass pass;
    Error err = {0};
    if (pass_init(&pass, &a->config, 8, 8, KEEP_NOTHING, &err) != STATUS_OK) bail_out(&err);
    model_forward(i ? b : a, &batch, &pass, NULL);
    same = i && relative_difference(pass.final_normed, states, n) <= tolerance;
    memcpy(states, pass.final_normed, n * sizeof *states);
    pass_clear(&pass);
  }
  free(states);
  return same;
}

/* New factors: PEFT's beginning, and the base's numbers, bit for bit. */
static void test_new(void) {
  const LoraSettings settings = {.rank = 4, .alpha = 8, .rslora = true, .targets = "q_proj,mlp.down_proj", .seed = 5};
  Source *source = open_source("llama-base.gguf");
  Model base, model, again;
  Error err = {0};
  if (open_model(source, NULL, true, NULL, &base, &err) != STATUS_OK ||
      open_model(source, NULL, true, &settings, &model, &err) != STATUS_OK ||
      open_model(source, NULL, false, &settings, &again, &err) != STATUS_OK)
    bail_out(&err);
  const ParameterTable *t = &model.table;
  ok(model.lora.count == 4 && model.lora.modules[0].scale == 4, "two modules of two blocks, scale alpha / sqrt(rank)");
  ok(strcmp(t->items[model.lora.modules[1].b].name, "model.layers.0.mlp.down_proj.lora_B.weight") == 0, "%s",
     t->items[model.lora.modules[1].b].name);
  bool zero = true;
  double most = 0, squares = 0;
  size_t n = 0;
  for (size_t i = 0; i < model.lora.count; i++) {
    const Parameter *a = &t->items[model.lora.modules[i].a], *b = &t->items[model.lora.modules[i].b];
    for (size_t j = 0; j < a->rows * a->columns; j++, n++) {
      const double x = (double)model.values[a->offset + j] * sqrt((double)a->columns);
      most = fmax(most, fabs(x));
      squares += x * x;
    }
    for (size_t j = 0; j < b->rows * b->columns; j++) zero = zero && model.values[b->offset + j] == 0;
  }
  ok(zero, "B is zero");
  ok(most <= 1 && most > 0.95 && fabs(squares / (double)n - 1.0 / 3) < 0.05, "A is uniform in +-1/sqrt(in): to %.3f, variance %.3f",
     most, squares / (double)n);
  ok(same_states(&base, &model, 0), "new factors leave the base as it is");
  ok(memcmp(model.values + t->items[model.lora.modules[0].a].offset, again.values + again.table.items[again.lora.modules[0].a].offset,
            (t->score - t->items[model.lora.modules[0].a].offset) * sizeof(real)) == 0, "the same seed gives the same factors");
  model_close(&base);
  model_close(&model);
  model_close(&again);
  source_close(source);
}

static void refused(const char *base, const char *adapter, const char *targets, Status status, const char *message) {
  const LoraSettings settings = {.rank = 4, .alpha = 8, .targets = targets};
  Source *source = open_source(base);
  Model model;
  Error err = {0};
  const Status found = open_model(source, adapter, true, &settings, &model, &err);
  ok(found == status && strstr(err.text, message), "%s", err.text);
  source_close(source);
}

static void test_refused(void) {
  refused("llama-base.gguf", NULL, "q_proj,proj", STATUS_USAGE,
          "--lora-targets \"proj\": expected all-linear or some of q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj");
  refused("llama-base.gguf", NULL, "", STATUS_USAGE, "--lora-targets \"\"");
  refused("families/gpt2", NULL, "wte", STATUS_USAGE, "some of c_attn,c_proj,c_fc");
  refused("llama-tied", "adapter-lm", "", STATUS_DATA, "training goes on with LoRA matrices and a reward head, not with other tensors");
  refused("families/phi3", "adapter-phi3", "", STATUS_DATA, "has factors of other modules than the matrices of attention and MLP");
}

int main(void) {
  static const char *const stacked[] = {"gpt2", "phi3", "gpt_neox"};
  for (int in_file = 0; in_file < 2; in_file++) {
    test_gradients("llama-base.gguf", "lora-llama", in_file);
    for (size_t i = 0; i < 3; i++) {
      char *base = mem_format("families/%s", stacked[i]), *gguf = mem_format("%s.gguf", base), *name = mem_format("lora-%s", stacked[i]);
      test_gradients(base, name, in_file && i > 0); /* gpt2's matrices are transposed in its file */
      test_gradients(gguf, name, in_file);
      free(base), free(gguf), free(name);
    }
  }
  test_new();
  test_refused();
  return tap_end();
}
