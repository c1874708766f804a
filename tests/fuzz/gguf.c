/* A GGUF file: metadata, tensors, configuration, tokenizer. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const char *path = fuzz_write("model.gguf", data, size);
  fuzz_model(path);
  fuzz_tokenizer(path, data + size / 2, size - size / 2 < 256 ? size - size / 2 : 256);
  return 0;
}
