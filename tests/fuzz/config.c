/* config.json in a folder whose weights are right. */
#include "tests/fuzz/model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  static const char *const others[] = {"model.safetensors"};
  fuzz_link("llama-reward", others, 1);
  fuzz_write("config.json", data, size);
  fuzz_model(fuzz_folder());
  return 0;
}
