/* Lists of texts: texts.h says what they are in the file. */
#include "store/texts.h"

#include "base/memory.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

static const char *text_at(const char *const *texts, size_t i) { return texts && texts[i] ? texts[i] : ""; }

/* Bytes for each of n texts so that the longest fits; 0, a length of their own, where most are much shorter. */
static size_t fixed_size(const char *const *texts, size_t n) {
  enum { SMALL = 64, WASTE = 4 };
  size_t longest = 1, sum = 0;
  for (size_t i = 0; i < n; i++) {
    const size_t length = strlen(text_at(texts, i));
    if (length > longest) longest = length;
    sum += length;
  }
  return longest <= SMALL || n * longest / WASTE <= sum ? longest : 0;
}

Status texts_write(H5Id file, const char *name, const char *const *texts, size_t n, Error *err) {
  H5Dataset set = {.type = H5_TEXT, .rank = 1, .dims = {n}, .text_size = fixed_size(texts, n)};
  const size_t entry = set.text_size ? set.text_size : sizeof(char *);
  char *values = mem_alloc(n, entry);
  for (size_t i = 0; i < n; i++) {
    const char *text = text_at(texts, i);
    if (set.text_size)
      memcpy(values + i * entry, text, strlen(text));
    else
      memcpy(values + i * entry, &text, entry);
  }
  Status status = h5_make_dataset(file, name, 0, false, &set, err);
  if (status == STATUS_OK) status = h5_write_rows(&set, 0, n, values, err);
  h5_close(&set.id);
  free(values);
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
