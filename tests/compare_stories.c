/* A real trained model against another program's activations, logits, ids and greedy text. Run by stories.sh:
 * compare_stories DATA_FOLDER MODEL... */
#include "base/json.h"
#include "model/forward.h"
#include "tests/golden.h"
#include "text/tokenizer/tokenizer.h"

/* The other program sums in float32 in an order of its own. */
static const double tolerance = 1e-5;

typedef struct Expected {
  int32_t *ids;
  size_t n_tokens, n_layers, width, vocab_size;
  const char *text; /* of the ids, without BOS; in root */
  Json *root;
  real *activations; /* [T, L + 2, D]: embedding, residual stream after each layer, final norm */
  real *logits;      /* [T, V] */
  char *greedy;
  size_t greedy_size;
} Expected;

/* A file of count little-endian float32 numbers and nothing else. */
static real *read_floats(const char *folder, const char *name, size_t count) {
  char *path = file_join(folder, name);
  FileMap map;
  Error err = {0};
  if (file_map(path, &map, &err) != STATUS_OK) bail_out(&err);
  if (map.size != count * sizeof(float)) {
    error_set(&err, STATUS_DATA, "%s has %zu bytes, expected %zu", path, map.size, count * sizeof(float));
    bail_out(&err);
  }
  float *widened = mem_alloc(count, sizeof *widened);
  real *values = mem_alloc(count, sizeof *values);
  dtype_widen(DTYPE_F32, map.bytes, count, widened);
  for (size_t i = 0; i < count; i++) values[i] = widened[i];
  free(widened);
  file_unmap(&map);
  free(path);
  return values;
}

static Expected read_expected(const char *folder) {
  Expected e = {0};
  Error err = {0};
  char *path = file_join(folder, "golden_teacher_forced.json");
  if (json_read(path, &e.root, &err) != STATUS_OK ||
      json_need_size(e.root, "n_tokens", path, 1, 4096, &e.n_tokens, &err) ||
      json_need_size(e.root, "n_layers", path, 1, 64, &e.n_layers, &err) ||
      json_need_size(e.root, "dim", path, 1, 4096, &e.width, &err) ||
      json_need_size(e.root, "vocab", path, 1, 65536, &e.vocab_size, &err) ||
      json_need_string(e.root, "text", path, &e.text, &err))
    bail_out(&err);
  e.ids = mem_alloc(e.n_tokens, sizeof *e.ids);
  for (size_t t = 0; t < e.n_tokens; t++) e.ids[t] = (int32_t)json_number(json_at(json_get(e.root, "tokens"), t), -1);
  e.activations = read_floats(folder, "golden_activations.f32", e.n_tokens * (e.n_layers + 2) * e.width);
  e.logits = read_floats(folder, "golden_logits.f32", e.n_tokens * e.vocab_size);
  free(path);
  path = file_join(folder, "golden_greedy_200.txt");
  if (file_read(path, 1 << 20, &e.greedy, &e.greedy_size, &err) != STATUS_OK) bail_out(&err);
  free(path);
  return e;
}

static void expected_clear(Expected *e) {
  free(e->ids);
  free(e->activations);
  free(e->logits);
  free(e->greedy);
  json_free(e->root);
}

/* Rows [T, D] of one of the sites in the other program's array. */
static void check_site(const Expected *e, size_t index, const real *found, const char *name) {
  real *rows = mem_alloc(e->n_tokens * e->width, sizeof *rows);
  for (size_t t = 0; t < e->n_tokens; t++)
    memcpy(rows + t * e->width, e->activations + (t * (e->n_layers + 2) + index) * e->width, e->width * sizeof *rows);
  ok(rows_are_near(found, rows, e->n_tokens, e->width, tolerance), "%s: %.1e", name,
     relative_difference(found, rows, e->n_tokens * e->width));
  free(rows);
}

static void test_activations(const Expected *e, const Model *model) {
  ok(model->config.n_layers == e->n_layers && model->config.hidden_size == e->width &&
         model->config.vocab_size == e->vocab_size,
     "%zu layers, width %zu, vocabulary %zu", e->n_layers, e->width, e->vocab_size);
  const size_t offsets[2] = {0, e->n_tokens};
  const Batch batch = {.n_sequences = 1, .offsets = offsets, .ids = e->ids};
  Pass pass;
  Error err = {0};
  if (pass_init(&pass, &model->config, e->n_tokens, e->n_tokens, KEEP_BLOCKS, &err) != STATUS_OK) bail_out(&err);
  model_forward(model, &batch, &pass, NULL);
  check_site(e, 0, pass.layers[0].resid_pre, "embedding");
  for (size_t l = 0; l < e->n_layers; l++) {
    char *name = mem_format("residual stream after layer %zu", l);
    check_site(e, l + 1, pass.layers[l].resid_post, name);
    free(name);
  }
  check_site(e, e->n_layers + 1, pass.final_normed, "final norm");
  real *logits = mem_alloc(e->n_tokens * e->vocab_size, sizeof *logits);
  model_logits(model, &pass, 0, e->n_tokens, logits);
  ok(rows_are_near(logits, e->logits, e->n_tokens, e->vocab_size, tolerance), "logits: %.1e",
     relative_difference(logits, e->logits, e->n_tokens * e->vocab_size));
  free(logits);
  pass_clear(&pass);
}

static void test_tokens(const Expected *e, const Tokenizer *tokenizer) {
  TokenList tokens = {0};
  Error err = {0};
  const Status status = tokenizer_encode(tokenizer, e->text, strlen(e->text), TOKENIZE_ADD_SPECIAL, &tokens, &err);
  ok(status == STATUS_OK && tokens.count == e->n_tokens &&
         memcmp(tokens.ids, e->ids, e->n_tokens * sizeof *e->ids) == 0,
     "the text has the other program's ids");
  token_list_clear(&tokens);
}

/* From BOS, 200 times the likeliest token. */
static void test_greedy(const Expected *e, const Model *model, const Tokenizer *tokenizer) {
  enum { STEPS = 200 };
  int32_t ids[STEPS + 1] = {tokenizer_bos(tokenizer)};
  Pass pass;
  Error err = {0};
  if (pass_init(&pass, &model->config, STEPS, STEPS, KEEP_NOTHING, &err) != STATUS_OK) bail_out(&err);
  real *logits = mem_alloc(e->vocab_size, sizeof *logits);
  for (size_t n = 1; n <= STEPS; n++) {
    const size_t offsets[2] = {0, n};
    const Batch batch = {.n_sequences = 1, .offsets = offsets, .ids = ids};
    model_forward(model, &batch, &pass, NULL);
    model_logits(model, &pass, n - 1, 1, logits);
    for (size_t v = 1; v < e->vocab_size; v++)
      if (logits[v] > logits[ids[n]]) ids[n] = (int32_t)v;
  }
  char *text;
  size_t size;
  if (tokenizer_decode(tokenizer, ids + 1, STEPS, &text, &size, &err) != STATUS_OK) bail_out(&err);
  const char *begin = text + (size > 0 && text[0] == ' '); /* SentencePiece's own space in front */
  const size_t length = size - (size_t)(begin - text);
  const size_t expected = e->greedy_size - (e->greedy_size > 0 && e->greedy[e->greedy_size - 1] == '\n');
  const bool same = length == expected && memcmp(begin, e->greedy, length) == 0;
  if (!ok(same, "200 greedy tokens are the other program's text")) printf("# found: %s\n", begin);
  free(text);
  free(logits);
  pass_clear(&pass);
}

static void test_model(const Expected *e, const char *path) {
  Source *source;
  Model model;
  Tokenizer *tokenizer;
  Error err = {0};
  printf("# %s\n", file_name(path));
  if (source_open(path, &source, &err) != STATUS_OK || model_open(source, (ModelOptions){.strict = true}, &model, &err) != STATUS_OK ||
      tokenizer_open(source, &tokenizer, &err) != STATUS_OK)
    bail_out(&err);
  test_activations(e, &model);
  test_tokens(e, tokenizer);
  test_greedy(e, &model, tokenizer);
  tokenizer_close(tokenizer);
  model_close(&model);
  source_close(source);
}

int main(int argc, char **argv) {
  if (argc < 3) {
    printf("Bail out! usage: compare_stories DATA_FOLDER MODEL...\n");
    return 1;
  }
  Expected e = read_expected(argv[1]);
  for (int i = 2; i < argc; i++) test_model(&e, argv[i]);
  expected_clear(&e);
  return tap_end();
}
