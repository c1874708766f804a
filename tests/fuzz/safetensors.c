/* model.safetensors in a folder whose config.json is right. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const others[] = {"config.json"};
  fuzz_link("llama-reward", others, 1);
  fuzz_write("model.safetensors", data, size);
  fuzz_model(fuzz_folder());
  return 0;
}
