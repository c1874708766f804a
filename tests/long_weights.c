/* The real SmolLM2 file, all tensors widened, against the gguf Python package: SHA-256 over the float32 values of all
 * tensors in file order. The expected digest is what this prints (gguf 0.19.0, numpy):
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

static const char *const file_sha256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53";
static const char *const values_sha256 = "1034100613c22abd3cc047d99b02ed7a8d419bc245f4cf54a4736c5f699ba569";

static char *model_path(void) {
  const char *folder = getenv("FATHOM_MODELS"), *tree = getenv("SRCDIR");
  char *models = folder ? mem_copy_string(folder) : file_join(tree ? tree : ".", "models");
  char *path = file_join(models, "SmolLM2-135M-Instruct.Q4_1.gguf");
  free(models);
  return path;
}

static void widened_digest(const Weights *weights, char text[DIGEST_TEXT]) {
  Digest *digest = digest_new();
  for (size_t i = 0; i < weights_count(weights); i++) {
    const Tensor *tensor = weights_at(weights, i);
    float *values = mem_alloc(tensor->count, sizeof *values);
    dtype_widen(tensor->dtype, tensor->bytes, tensor->count, values);
    digest_add(digest, values, tensor->count * sizeof *values);
    free(values);
  }
  digest_finish(digest, text);
}

int main(void) {
  char *path = model_path(), text[DIGEST_TEXT];
  Error err = {0};
  Source *source;
  if (!file_exists(path)) {
    skip_one("%s is missing: run tests/fetch-models smollm2", path);
  } else if (ok(source_open(path, &source, &err) == STATUS_OK, "the file opens %s", err.text)) {
    ok(weights_count(source_weights(source)) == 272, "it has 272 tensors");
    ok(strcmp(source_digest(source), file_sha256) == 0, "it is the file that the other digest was made from");
    widened_digest(source_weights(source), text);
    ok(strcmp(text, values_sha256) == 0, "134,515,008 weights widen bit for bit as the gguf package does");
    source_close(source);
  }
  free(path);
  return tap_end();
}
