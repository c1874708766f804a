/* A model whose matrices stay in their file gives the bits of one that is widened, for every type and row order, and with
 * experts. The files are made here: a Llama and a Mixtral of random blocks, each matrix of another type. */
#include "model/forward.h"
#include "tests/bytes.h"
#include "tests/small_gguf.h"
#include "tests/golden.h"
#include "tests/tap.h"
#include "weights/source.h"

#include <math.h>

enum { SEED = 20261121, WIDTH = 256, KV = 128, LAYERS = 4, VOCAB = 40, EXPERTS = 5, ROWS = 11 };

typedef struct Made {
  char name[32];
  Dtype dtype;
  size_t rows, columns, offset, n_bytes; /* rows of all experts, where the tensor is theirs */
} Made;

static Bytes data;
static Made tensors[16 * LAYERS];
static size_t n_tensors;

/* Blocks whose values are small and finite: where one's are not, other bytes are drawn. */
static void put_blocks(Rng *rng, Dtype dtype, size_t n) {
  const DtypeInfo *info = dtype_info(dtype);
  uint8_t block[256];
  float values[256];
  for (size_t b = 0; b < n / info->block; b++) {
    bool is_small;
    do {
      is_small = true;
      for (size_t i = 0; i < info->bytes; i++) block[i] = (uint8_t)rng_below(rng, 256);
      dtype_widen(dtype, block, info->block, values);
      for (size_t i = 0; i < info->block; i++) is_small = is_small && fabsf(values[i]) < 0.5f;
    } while (!is_small);
    put(&data, block, info->bytes);
  }
}

static void add_tensor(Rng *rng, const char *name, Dtype dtype, size_t rows, size_t columns) {
  Made *made = &tensors[n_tensors++];
  while (data.size % 32) put_int(&data, 1, 0);
  *made = (Made){.dtype = dtype, .rows = rows, .columns = columns, .offset = data.size};
  snprintf(made->name, sizeof made->name, "%s", name);
  if (rows > 1)
    put_blocks(rng, dtype, rows * columns);
  else
    for (size_t i = 0; i < columns; i++) put_int(&data, 4, float_bits(1 + 0.1f * (float)rng_normal(rng)));
  made->n_bytes = data.size - made->offset;
}

typedef struct Part {
  const char *name;
  size_t rows;
} Part;

static bool is_of_experts(const char *name) { return strstr(name, "_exps") != NULL; }

static void make_tensors(Rng *rng, bool with_experts) {
  static const Part dense[] = {{"attn_q", WIDTH}, {"attn_k", KV}, {"attn_v", KV}, {"attn_output", WIDTH},
                               {"ffn_gate", WIDTH}, {"ffn_up", WIDTH}, {"ffn_down", WIDTH}, {"attn_norm", 1},
                               {"ffn_norm", 1}, {NULL, 0}},
                    mixed[] = {{"attn_q", WIDTH}, {"attn_k", KV}, {"attn_v", KV}, {"attn_output", WIDTH},
                               {"ffn_gate_inp", EXPERTS}, {"ffn_gate_exps", EXPERTS * WIDTH},
                               {"ffn_up_exps", EXPERTS * WIDTH}, {"ffn_down_exps", EXPERTS * WIDTH}, {"attn_norm", 1},
                               {"ffn_norm", 1}, {NULL, 0}};
  int type = DTYPE_F32;
  drop(&data);
  n_tensors = 0;
  add_tensor(rng, "token_embd.weight", DTYPE_Q6_K, VOCAB, WIDTH);
  add_tensor(rng, "output.weight", DTYPE_Q5_K, VOCAB, WIDTH);
  add_tensor(rng, "output_norm.weight", DTYPE_F32, 1, WIDTH);
  for (size_t l = 0; l < LAYERS; l++)
    for (const Part *part = with_experts ? mixed : dense; part->name; part++) {
      char name[32];
      snprintf(name, sizeof name, "blk.%zu.%s.weight", l, part->name);
      add_tensor(rng, name, part->rows > 1 ? (Dtype)type : DTYPE_F32, part->rows, WIDTH);
      if (part->rows > 1) type = (type + 1) % DTYPE_COUNT;
    }
}

static void put_size(Bytes *b, const char *key, size_t value) {
  put_key(b, key, GGUF_UINT32);
  put_int(b, 4, value);
}

static void write_model(const char *path) {
  bool with_experts = false;
  for (size_t i = 0; i < n_tensors; i++) with_experts = with_experts || is_of_experts(tensors[i].name);
  Bytes b = {0};
  put(&b, "GGUF", 4), put_int(&b, 4, 3), put_int(&b, 8, n_tensors), put_int(&b, 8, with_experts ? 10 : 8);
  put_key(&b, "general.architecture", GGUF_STRING), put_text(&b, "llama");
  put_size(&b, "llama.block_count", LAYERS);
  put_size(&b, "llama.embedding_length", WIDTH);
  put_size(&b, "llama.feed_forward_length", WIDTH);
  put_size(&b, "llama.attention.head_count", 4);
  put_size(&b, "llama.attention.head_count_kv", 2);
  put_size(&b, "llama.context_length", 64);
  put_key(&b, "llama.attention.layer_norm_rms_epsilon", GGUF_FLOAT32), put_int(&b, 4, float_bits(1e-5f));
  if (with_experts) put_size(&b, "llama.expert_count", EXPERTS), put_size(&b, "llama.expert_used_count", 2);
  for (size_t i = 0; i < n_tensors; i++) {
    const Made *t = &tensors[i];
    const size_t n_experts = is_of_experts(t->name) ? EXPERTS : 1;
    put_text(&b, t->name), put_int(&b, 4, n_experts > 1 ? 3 : t->rows > 1 ? 2 : 1), put_int(&b, 8, t->columns);
    if (t->rows > 1) put_int(&b, 8, t->rows / n_experts);
    if (n_experts > 1) put_int(&b, 8, n_experts);
    put_int(&b, 4, (uint64_t)dtype_info(t->dtype)->gguf), put_int(&b, 8, t->offset);
  }
  while (b.size % 32) put_int(&b, 1, 0);
  put(&b, data.data, data.size);
  write_bytes(path, &b, b.size);
  drop(&b);
}

/* Rows of every site, one after the other. */
static void take(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  (void)kind, (void)layer;
  for (size_t t = 0; t < ROWS; t++) put(context, rows + t * stride, width * sizeof *rows);
}

static Bytes run(const char *path, bool widened, size_t *array_bytes, size_t *in_file_bytes) {
  static const size_t offsets[] = {0, 4, ROWS};
  static const int32_t ids[ROWS] = {3, 1, 4, 1, 39, 9, 2, 6, 5, 3, 0};
  Error err = {0};
  Source *source;
  Model model = {0};
  Pass pass = {0};
  Bytes seen = {0};
  real *logits = mem_alloc(ROWS * VOCAB, sizeof *logits);
  if (source_open(path, &source, &err) != STATUS_OK || model_open(source, (ModelOptions){.in_file = !widened}, &model, &err) != STATUS_OK ||
      pass_init(&pass, &model.config, ROWS, ROWS, KEEP_NOTHING, &err) != STATUS_OK)
    bail_out(&err);
  model_forward(&model, &(Batch){.n_sequences = 2, .offsets = offsets, .ids = ids}, &pass, &(Tap){take, &seen});
  model_logits(&model, &pass, 0, ROWS, logits);
  put(&seen, logits, ROWS * VOCAB * sizeof *logits);
  *array_bytes = model.table.total * sizeof(real);
  *in_file_bytes = model.matrices.bytes_in_file;
  free(logits);
  pass_clear(&pass);
  model_close(&model);
  source_close(source);
  return seen;
}

static void test_same_bits(const char *path) {
  size_t in_file_bytes, widened_bytes, kept_bytes, none, matrix_bytes = 0;
  Bytes in_file = run(path, false, &in_file_bytes, &kept_bytes), widened = run(path, true, &widened_bytes, &none);
  for (size_t i = 0; i < n_tensors; i++) matrix_bytes += tensors[i].rows > 1 ? tensors[i].n_bytes : 0;
  const real *values = (const real *)(const void *)widened.data;
  bool finite = true;
  for (size_t i = 0; i < widened.size / sizeof *values; i++) finite = finite && isfinite((double)values[i]);
  ok(finite && widened.size > LAYERS * ROWS * WIDTH * sizeof(real), "the made model's activations are finite");
  ok(in_file.size == widened.size && memcmp(in_file.data, widened.data, widened.size) == 0,
     "every site and the logits have the same bits in either form (%zu bytes)", widened.size);
  ok(in_file_bytes < 20 * WIDTH * sizeof(real) && widened_bytes > n_tensors * WIDTH * sizeof(real),
     "gains alone are in memory: %zu bytes, widened %zu", in_file_bytes, widened_bytes);
  ok(kept_bytes == matrix_bytes && none == 0, "all %zu bytes of matrices are used as the file has them", matrix_bytes);
  drop(&in_file), drop(&widened);
}

/* Both forms look at every value before the first product. */
static void test_not_finite(const char *path) {
  static const struct {
    const char *tensor;
    size_t row, at;
  } cases[] = {{"blk.1.attn_q.weight", 3, 0}, {"token_embd.weight", 39, 208}};
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    const Made *made = tensors;
    while (strcmp(made->name, cases[i].tensor) != 0) made++;
    uint8_t *scale = data.data + made->offset + cases[i].row * made->n_bytes / made->rows + cases[i].at, kept[2];
    memcpy(kept, scale, 2);
    memcpy(scale, "\x00\x7e", 2);
    write_model(path);
    for (int widened = 0; widened < 2; widened++) {
      Error err = {0};
      Source *source;
      Model model = {0};
      if (source_open(path, &source, &err) != STATUS_OK) bail_out(&err);
      const Status status = model_open(source, (ModelOptions){.in_file = !widened}, &model, &err);
      ok(status == STATUS_DATA && strstr(err.text, cases[i].tensor) && strstr(err.text, "not finite"), "%s: %s",
         widened ? "widened" : "in the file", err.text);
      source_close(source);
    }
    memcpy(scale, kept, 2);
  }
}

int main(void) {
  Rng rng = rng_new(SEED);
  char folder[] = "/tmp/fathom-in-file.XXXXXX";
  printf("# seed %d\n", SEED);
  if (!mkdtemp(folder)) abort();
  char *path = file_join(folder, "made.gguf");
  make_tensors(&rng, false);
  write_model(path);
  test_same_bits(path);
  test_not_finite(path);
  make_tensors(&rng, true);
  write_model(path);
  test_same_bits(path);
  unlink(path);
  rmdir(folder);
  free(path);
  drop(&data);
  return tap_end();
}
