/* A PEFT adapter: adapter_config.json up to the first zero byte, then adapter_model.safetensors. */
#include "tests/fuzz/model.h"
#include "weights/adapter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *zero = size ? memchr(data, 0, size) : NULL;
  const size_t config = zero ? (size_t)(zero - data) : size, rest = zero ? config + 1 : size;
  Error err = {0};
  Adapter *adapter;
  fuzz_write("adapter_config.json", data, config);
  fuzz_write("adapter_model.safetensors", data + rest, size - rest);
  const Status status = adapter_open(fuzz_folder(), data && size % 2, &adapter, &err);
  fuzz_expect(status, &err);
  if (status != STATUS_OK) return 0;
  fuzz_widen(adapter_weights(adapter));
  for (size_t i = 0; i < adapter_factors_count(adapter); i++)
    if (!adapter_factors_at(adapter, i)->module[0] || adapter_factors_at(adapter, i)->rank == 0) abort();
  adapter_close(adapter);
  return 0;
}
