/* Real GGUF files, all tensors widened, against the gguf Python package: SHA-256 over the float32 values of all tensors
 * in file order. The expected digest is what this prints (gguf 0.19.0, numpy):
 *
 *   r = gguf.GGUFReader(FILE); h = hashlib.sha256()
 *   for t in r.tensors: h.update(gguf.quants.dequantize(t.data, t.tensor_type).astype("<f4").tobytes())
 *   print(h.hexdigest()) */
#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "tests/tap.h"
#include "weights/source.h"

#include <stdlib.h>

static const struct {
  const char *name, *file, *file_sha256; /* as tests/fetch-models knows them */
  size_t n_tensors, n_values;
  const char *values_sha256;
} models[] = {
    {"smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
     272, 134515008, "1034100613c22abd3cc047d99b02ed7a8d419bc245f4cf54a4736c5f699ba569"},
    /* Q4_K, Q5_0, Q6_K, Q8_0 and F32 */
    {"gemma3", "gemma-3-270m-Q4_K_M.gguf", "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818", 236,
     268098176, "91fdb6fea3dfcf39038123ce414f80e101a78f17fd69ae2165c91c4453bbd66b"},
};

static char *model_path(const char *name) {
  const char *folder = getenv("FATHOM_MODELS"), *tree = getenv("SRCDIR");
  char *models_folder = folder ? mem_copy_string(folder) : file_join(tree ? tree : ".", "models");
  char *path = file_join(models_folder, name);
  free(models_folder);
  return path;
}

static size_t widened_digest(const Weights *weights, char text[DIGEST_TEXT]) {
  Digest *digest = digest_new();
  size_t n_values = 0;
  for (size_t i = 0; i < weights_count(weights); i++) {
    const Tensor *tensor = weights_at(weights, i);
    float *values = mem_alloc(tensor->count, sizeof *values);
    dtype_widen(tensor->dtype, tensor->bytes, tensor->count, values);
    digest_add(digest, values, tensor->count * sizeof *values);
    n_values += tensor->count;
    free(values);
  }
  digest_finish(digest, text);
  return n_values;
}

int main(void) {
  for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
    char *path = model_path(models[i].file), text[DIGEST_TEXT];
    Error err = {0};
    Source *source;
    if (!file_exists(path)) {
      skip_one("%s is missing: run tests/fetch-models %s", path, models[i].name);
    } else if (ok(source_open(path, &source, &err) == STATUS_OK, "%s opens %s", models[i].file, err.text)) {
      ok(weights_count(source_weights(source)) == models[i].n_tensors, "it has %zu tensors", models[i].n_tensors);
      ok(strcmp(source_digest(source), models[i].file_sha256) == 0,
         "it is the file that the other digest was made from");
      const size_t n_values = widened_digest(source_weights(source), text);
      ok(n_values == models[i].n_values && strcmp(text, models[i].values_sha256) == 0,
         "%zu weights widen bit for bit as the gguf package does", n_values);
      source_close(source);
    }
    free(path);
  }
  return tap_end();
}
