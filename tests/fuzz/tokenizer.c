/* tokenizer.json, which then encodes some of its own bytes. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const others[] = {"config.json", "tokenizer_config.json"};
  fuzz_link("llama-reward", others, 2);
  fuzz_write("tokenizer.json", data, size);
  fuzz_tokenizer(fuzz_folder(), data, size < 256 ? size : 256);
  return 0;
}
