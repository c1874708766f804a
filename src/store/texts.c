/* Lists of texts: texts.h says what they are in the file. */
#include "store/texts.h"

#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>

Status texts_write(H5Id file, const char *name, const char *const *texts, size_t n, Error *err) {
  H5Dataset dataset = {.type = H5_TEXT, .rank = 1, .dims = {n}};
  const char **filled = mem_alloc(n, sizeof *filled);
  for (size_t i = 0; i < n; i++) filled[i] = texts && texts[i] ? texts[i] : "";
  Status status = h5_make_dataset(file, name, 0, false, &dataset, err);
  if (status == STATUS_OK) status = h5_write_rows(&dataset, 0, n, filled, err);
  h5_close(&dataset.id);
  free(filled);
  return status;
}

static Status read_fixed(const H5Dataset *dataset, char **texts, Error *err) {
  const size_t size = dataset->text_size, n = dataset->dims[0];
  if (size > INT_MAX) return error_set(err, STATUS_DATA, "texts of %zu bytes each", size);
  void *bytes = NULL;
  Status status = mem_try(n, size, &bytes, err);
  if (status == STATUS_OK) status = h5_read_rows(dataset, H5_TEXT, 0, n, bytes, err);
  for (size_t i = 0; status == STATUS_OK && i < n; i++)
    texts[i] = mem_format("%.*s", (int)size, (const char *)bytes + i * size);
  free(bytes);
  return status;
}

Status texts_read(H5Id file, const char *name, char ***texts, size_t *n, Error *err) {
  H5Dataset dataset;
  *texts = NULL;
  *n = 0;
  Status status = h5_open_dataset(file, name, &dataset, err);
  if (status != STATUS_OK) return status;
  if (dataset.rank != 1 || dataset.type != H5_TEXT) status = error_set(err, STATUS_DATA, "expected a list of texts");
  if (status == STATUS_OK) status = mem_try(dataset.dims[0], sizeof **texts, (void **)texts, err);
  if (status == STATUS_OK) {
    *n = dataset.dims[0];
    status =
        dataset.text_size ? read_fixed(&dataset, *texts, err) : h5_read_rows(&dataset, H5_TEXT, 0, *n, *texts, err);
    for (size_t i = 0; i < *n; i++)
      if (!(*texts)[i]) (*texts)[i] = mem_copy_string("");
  }
  h5_close(&dataset.id);
  return status == STATUS_OK ? status : error_prefix(err, "%s", name);
}

void string_list_free(char **values, size_t n) {
  for (size_t i = 0; values && i < n; i++) free(values[i]);
  free(values);
}
