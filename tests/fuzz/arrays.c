/* .npy and .npz files (and what is neither, as safetensors): headers, members, and every array of the size of a test.
 */
#include "tests/fuzz/fuzz.h"
#include "weights/arrays.h"

enum { MOST_BYTES = 4 << 20, MOST_ARRAYS = 16, BLOCK = 1 << 16 };

/* In blocks; transposed in parts of 1 MiB. */
static Status read_rows(const ArrayFile *file, const Array *array, Error *err) {
  const size_t n_rows = array->shape[0], width = array->shape[1], block = width < BLOCK ? BLOCK / width : 1;
  ArrayRows *rows;
  float *to = mem_alloc(block * width, sizeof *to);
  Status status = array_rows_open(file, array, 1 << 20, &rows, err);
  for (size_t first = 0, n; first < n_rows && status == STATUS_OK; first += n) {
    n = n_rows - first < block ? n_rows - first : block;
    status = array_rows_read(rows, n, to, err);
  }
  if (status == STATUS_OK) status = array_rows_check(rows, err);
  array_rows_close(rows);
  free(to);
  return status;
}

static Status read_array(const ArrayFile *file, const Array *array, Error *err) {
  int64_t *numbers = NULL;
  char **texts = NULL;
  Status status = STATUS_OK;
  if (array_is_float(array) && array->n_dims == 2 && array->count > 0) status = read_rows(file, array, err);
  if (array_is_integer(array)) status = array_read_integers(file, array, &numbers, err);
  if (array_is_text(array)) status = array_read_texts(file, array, &texts, err);
  for (size_t i = 0; texts && i < array->count; i++) free(texts[i]);
  free(texts);
  free(numbers);
  return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Error err = {0};
  ArrayFile file;
  Status status = arrays_open(fuzz_write("a.safetensors", data, size), &file, &err);
  fuzz_expect(status, &err);
  if (status != STATUS_OK) return 0;
  for (size_t i = 0; i < file.count && i < MOST_ARRAYS; i++) {
    const Array *array = &file.items[i];
    if (arrays_find(&file, array->name) != array) abort();
    if (array->type == ARRAY_OTHER || array->count > MOST_BYTES || array->count * array->item > MOST_BYTES) continue;
    if (array_is_text(array) && array->count > BLOCK) continue; /* an allocation each */
    status = read_array(&file, array, &err);
    fuzz_expect(status, &err);
  }
  arrays_close(&file);
  return 0;
}
