/* model/adapt and model/head against PEFT, transformers and torch: sites, logits and rewards of base and adapter, from
 * Hugging Face and GGUF bases, merged and on the fly, and rewards of heads in every layout. Built twice, for float and for double. */
#include "base/json.h"
#include "tests/golden.h"
#include "weights/adapter.h"

#include <unistd.h>

static const struct {
  const char *base, *adapter;
} cases[] = {{"llama-tied", "adapter-lm"},
             {"llama-tied.gguf", "adapter-lm"},
             {"llama-tied", "adapter-embedding"},
             {"llama-tied.gguf", "adapter-embedding"},
             {"llama-base.gguf", "adapter-reward"},
             {"families/gpt2", "adapter-gpt2"},
             {"families/gpt2.gguf", "adapter-gpt2"},
             {"families/gpt2-published", "adapter-gpt2"},
             {"families/phi3", "adapter-phi3"},
             {"families/phi3.gguf", "adapter-phi3"},
             {"families/gpt_neox", "adapter-gpt_neox"},
             {"families/gpt_neox.gguf", "adapter-gpt_neox"},
             {"families/qwen2", "adapter-qwen2"},
             {"families/qwen2.gguf", "adapter-qwen2"},
             {"families/gemma2", "adapter-gemma2"},
             {"families/gemma2.gguf", "adapter-gemma2"},
             {"families/gemma3", "adapter-gemma3"}};

/* The source is to be closed after the model. */
static Model open_adapted(const char *base, const char *adapter_name, bool in_file, Source **kept) {
  char *path = fixture_path(base), *folder = fixture_path(adapter_name);
  Source *source;
  Adapter *adapter;
  Model model;
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK || adapter_open(folder, true, &adapter, &err) != STATUS_OK ||
      model_open(source, (ModelOptions){.adapter = adapter, .strict = true, .in_file = in_file}, &model, &err) != STATUS_OK)
    bail_out(&err);
  adapter_close(adapter);
  *kept = source;
  free(path);
  free(folder);
  return model;
}

typedef struct Comparison {
  const Golden *golden;
  size_t rows, n;
} Comparison;

static void compare(const char *name, const real *found, size_t stride, size_t rows, size_t width, Comparison *with) {
  const GoldenArray expected = golden_array(with->golden, name);
  if (!expected.values) return;
  real *packed = mem_alloc(rows * width, sizeof *packed);
  for (size_t t = 0; t < rows; t++) memcpy(packed + t * width, found + t * stride, width * sizeof *packed);
  const bool shaped = expected.rows == rows && expected.width == width;
  ok(shaped && rows_are_near(packed, expected.values, rows, width, GOLDEN_TOLERANCE), "%s: %.1e", name,
     shaped ? relative_difference(packed, expected.values, rows * width) : NAN);
  with->n++;
  free(packed);
  free(expected.values);
}

static const SiteList *all_sites;

static void take(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  Comparison *with = context;
  for (size_t i = 0; i < all_sites->count; i++)
    if (all_sites->items[i].kind == kind && all_sites->items[i].layer == layer)
      compare(all_sites->items[i].name, rows, stride, with->rows, width, with);
}

/* Every array of the golden that a pass gives: how many there were. */
static size_t compare_pass(const Model *model, const GoldenBatch *batch, const Golden *golden, const char *rewards_name) {
  Comparison with = {golden, batch->rows, 0};
  SiteList sites;
  Pass pass;
  Error err = {0};
  const Tap tap = {take, &with};
  const size_t n = batch->batch.n_sequences, vocab = model->config.vocab_size;
  sites_of_model(&model->config, &sites);
  all_sites = &sites;
  if (pass_init(&pass, &model->config, batch->rows, batch->rows, KEEP_NOTHING, &err) != STATUS_OK) bail_out(&err);
  model_forward(model, &batch->batch, &pass, &tap);
  real *rewards = mem_alloc(n, sizeof *rewards), *logits = mem_alloc(batch->rows * vocab, sizeof *logits);
  if (model->has_score) {
    model_rewards(model, &batch->batch, &pass, rewards);
    compare(rewards_name, rewards, n, 1, n, &with);
  } else {
    model_logits(model, &pass, 0, batch->rows, logits);
    compare("logits", logits, vocab, batch->rows, vocab, &with);
  }
  free(rewards);
  free(logits);
  pass_clear(&pass);
  sites_clear(&sites);
  return with.n;
}

/* in_file: factors beside matrices in their file's format, else merged into widened ones. */
static void test_adapters(bool in_file) {
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    printf("# %s with %s %s\n", cases[i].base, cases[i].adapter, in_file ? "beside" : "merged");
    char *name = mem_format("%s.golden.safetensors", cases[i].adapter);
    Golden golden = golden_open(name);
    GoldenBatch batch = golden_batch(&golden);
    Source *source;
    Model model = open_adapted(cases[i].base, cases[i].adapter, in_file, &source);
    ok(in_file ? model.matrices.n_factors > 0 && model.matrices.bytes_in_file > 0 : model.matrices.n_factors == 0,
       "%zu matrices have factors beside them", model.matrices.n_factors);
    ok(compare_pass(&model, &batch, &golden, "rewards") == weights_count(golden.arrays) - 2, "nothing of PEFT's is left out");
    model_close(&model);
    source_close(source);
    golden_batch_clear(&batch);
    golden_close(&golden);
    free(name);
  }
}

/* A folder with the body of llama-tied, a head, and more settings in config.json. */
static char folder[] = "/tmp/fathom-head.XXXXXX";

static void remove_files(void) {
  static const char *const names[] = {"config.json", "body.safetensors", "head.safetensors", "model.safetensors.index.json"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *path = file_join(folder, names[i]);
    unlink(path);
    free(path);
  }
}

static void link_fixture(const char *from, const char *name) {
  char *to = file_join(folder, name), *path = from[0] == '/' ? mem_copy_string(from) : fixture_path(from);
  char *whole = realpath(path, NULL);
  if (!whole || symlink(whole, to) != 0) abort();
  free(whole);
  free(path);
  free(to);
}

/* head: a file of tests/fixtures, or a path; tensor: one of its names, for the index. */
static void make_folder(const char *head, const char *tensor, const char *key, const char *value) {
  char *config = fixture_path("llama-tied/config.json"), *to = file_join(folder, "config.json"),
       *index = file_join(folder, "model.safetensors.index.json");
  Json *json, *new_value;
  Error err = {0};
  remove_files();
  link_fixture("llama-tied/model.safetensors", "body.safetensors");
  link_fixture(head, "head.safetensors");
  if (json_read(config, &json, &err) != STATUS_OK) bail_out(&err);
  if (key && json_parse(value, strlen(value), key, &new_value, &err) != STATUS_OK) bail_out(&err);
  if (key)
    for (const Json *node = json_first(new_value); node; node = json_next(node)) json_add(json, json_key(node), json_copy(node));
  if (key) json_free(new_value);
  char *text = json_print(json, true);
  char *map = mem_format("{\"weight_map\": {\"model.norm.weight\": \"body.safetensors\", \"%s\": \"head.safetensors\"}}", tensor);
  if (file_write_text(to, text, &err) != STATUS_OK || file_write_text(index, map, &err) != STATUS_OK) bail_out(&err);
  free(map);
  free(text);
  json_free(json);
  free(config);
  free(to);
  free(index);
}

static Status open_folder(Model *model, bool strict, Error *err) {
  Source *source;
  if (source_open(folder, &source, err) != STATUS_OK) bail_out(err);
  const Status status = model_open(source, (ModelOptions){.strict = strict}, model, err);
  source_close(source);
  return status;
}

static void test_heads(void) {
  static const struct {
    const char *name, *tensor;
    bool plain;
  } heads[] = {{"openrlhf", "value_head.weight", true}, {"trl", "v_head.summary.weight", false},
               {"grm", "v_head.summary.0.weight", false}, {"grm-deep", "v_head.summary.4.bias", false}};
  Golden golden = golden_open("heads.golden.safetensors");
  GoldenBatch batch = golden_batch(&golden);
  for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
    char *file = mem_format("head-%s.safetensors", heads[i].name), *name = mem_format("rewards.%s", heads[i].name);
    make_folder(file, heads[i].tensor, "settings",
                "{\"vhead_layer_type\": \"mlp\", \"vhead_num_neurons\": 6, \"vhead_num_layers\": 1, \"summary_dropout_prob\": 0.1}");
    Model model;
    Error err = {0};
    if (open_folder(&model, true, &err) != STATUS_OK) bail_out(&err);
    ok(compare_pass(&model, &batch, &golden, name) == 1 && head_is_plain(&model.head) == heads[i].plain &&
           !head_is_zero(&model.head, model.values + model.table.score, model.config.hidden_size),
       "a head as %s has it", heads[i].name);
    model_close(&model);
    free(file);
    free(name);
  }
  golden_batch_clear(&batch);
  golden_close(&golden);
}

static void test_normalisation(void) {
  Golden golden = golden_open("heads.golden.safetensors");
  GoldenBatch batch = golden_batch(&golden);
  const GoldenArray plain = golden_array(&golden, "rewards.openrlhf");
  static const struct {
    const char *settings;
    double mean, std;
  } rows[] = {{"{\"normalize_reward\": true, \"mean\": 0.75, \"std\": 2.5}", 0.75, 2.5},
              {"{\"normalize_reward\": false, \"mean\": 0.75, \"std\": 2.5}", 0, 1},
              {"{\"normalize_reward\": true}", 0, 1}};
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
    make_folder("head-openrlhf.safetensors", "value_head.weight", "settings", rows[i].settings);
    Model model;
    Error err = {0};
    Pass pass;
    real rewards[16];
    if (open_folder(&model, true, &err) != STATUS_OK || pass_init(&pass, &model.config, batch.rows, batch.rows, KEEP_NOTHING, &err) != STATUS_OK)
      bail_out(&err);
    model_forward(&model, &batch.batch, &pass, NULL);
    model_rewards(&model, &batch.batch, &pass, rewards);
    bool same = plain.width == batch.batch.n_sequences;
    for (size_t s = 0; s < plain.width; s++)
      same = same && is_close((double)rewards[s], ((double)plain.values[s] - rows[i].mean) / rows[i].std, 1e-5, 1e-5);
    ok(same, "rewards are normalised as %s says", rows[i].settings);
    pass_clear(&pass);
    model_close(&model);
  }
  free(plain.values);
  golden_batch_clear(&batch);
  golden_close(&golden);
}

static void refused(const char *message) {
  Model model;
  Error err = {0};
  const Status status = open_folder(&model, true, &err);
  ok(status == STATUS_DATA && strstr(err.text, message), "%s", err.text);
  if (status == STATUS_OK) model_close(&model);
}

static void refused_head(const SafetensorsEntry *entries, size_t n, const char *settings, const char *message) {
  char file[] = "/tmp/fathom-head-XXXXXX";
  const int fd = mkstemp(file);
  Error err = {0};
  if (fd < 0 || close(fd) != 0 || safetensors_write(file, entries, n, DTYPE_F32, &err) != STATUS_OK) bail_out(&err);
  make_folder(file, entries[0].name, settings ? "settings" : NULL, settings);
  refused(message);
  unlink(file);
}

static void test_bad_heads(void) {
  static const float ones[24 * 24] = {[0 ... 575] = 1}, broken[24] = {[7] = NAN};
#define HEAD(...) (const SafetensorsEntry[]){__VA_ARGS__}, sizeof((const SafetensorsEntry[]){__VA_ARGS__}) / sizeof(SafetensorsEntry)
  refused_head(HEAD({"score.weight", 2, {2, 24}, ones}), NULL, "tensor score.weight has 2 rows: a head of 2 labels, expected a reward head of 1");
  refused_head(HEAD({"score.weight", 2, {1, 20}, ones}), NULL, "tensor score.weight has 20 columns, expected [N, 24]");
  refused_head(HEAD({"score.weight", 1, {24}, ones}), NULL, "tensor score.weight has 24 columns, expected [N, 24]");
  refused_head(HEAD({"score.weight", 2, {1, 24}, broken}), NULL, "tensor score.weight holds a value that is not finite");
  refused_head(HEAD({"v_head.weight", 2, {1, 24}, ones}, {"v_head.bias", 1, {3}, ones}), NULL, "tensor v_head.bias has 3 elements, expected [1]");
  refused_head(HEAD({"v_head.summary.0.weight", 2, {6, 24}, ones}, {"v_head.summary.2.weight", 2, {1, 5}, ones}), NULL,
               "tensor v_head.summary.2.weight has 5 columns, expected [N, 6]");
  refused_head(HEAD({"v_head.summary.0.weight", 2, {6, 24}, ones}), NULL, "tensor v_head.summary.0.weight has 6 rows: a head of 6 labels");
  refused_head(HEAD({"score.0.weight", 2, {6, 24}, ones}, {"score.1.weight", 1, {6}, ones}, {"score.2.weight", 2, {1, 6}, ones}), NULL,
               "tensor score.1.weight: expected a reward head of at most 8 linear layers and ReLU in turn");
  refused_head(HEAD({"score.weight", 2, {1, 24}, ones}, {"v_head.weight", 2, {1, 24}, ones}), NULL, "two reward heads, score and v_head");
  refused_head(HEAD({"score.weight", 2, {1, 24}, ones}), "{\"normalize_reward\": true, \"mean\": 0, \"std\": 0}", "\"std\" is 0, expected a positive number");
  refused_head(HEAD({"score.weight", 2, {1, 24}, ones}), "{\"normalize_reward\": true, \"mean\": 0}", "\"std\" is missing");
  refused_head(HEAD({"score.weight", 2, {1, 24}, ones}), "{\"value_head_prefix\": \"reward_head\"}",
               "config.json names the reward head reward_head, but the files hold score");
  refused_head(HEAD({"score.weight", 2, {1, 24}, ones}), "{\"normalize_reward\": \"yes\"}", "\"normalize_reward\" is a string, expected true or false");
  char file[] = "/tmp/fathom-head-XXXXXX";
  const int fd = mkstemp(file);
  const float zeros[24] = {0};
  const SafetensorsEntry both[] = {{"score.weight", 2, {1, 24}, ones}, {"reward_head.weight", 2, {1, 24}, zeros}};
  Model model;
  Error err = {0};
  if (fd < 0 || close(fd) != 0 || safetensors_write(file, both, 2, DTYPE_F32, &err) != STATUS_OK) bail_out(&err);
  make_folder(file, "score.weight", "settings", "{\"value_head_prefix\": \"reward_head\"}");
  if (open_folder(&model, false, &err) != STATUS_OK) bail_out(&err);
  ok(model.has_score && head_is_zero(&model.head, model.values + model.table.score, 24), "config.json's prefix chooses the head, and zeros are seen");
  model_close(&model);
  ok(open_folder(&model, true, &err) == STATUS_DATA && strstr(err.text, "tensor score.weight is no part of this model"), "strictly the other head is one too many");
  unlink(file);
}

int main(void) {
  if (!mkdtemp(folder)) return 99;
  test_adapters(false);
  test_adapters(true);
  test_heads();
  test_normalisation();
  test_bad_heads();
  remove_files();
  rmdir(folder);
  return tap_end();
}
