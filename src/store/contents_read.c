/* Reading what a store holds beside rows. The file is not trusted: every count and index is checked against the others.
 */
#include "store/contents.h"

#include "base/memory.h"
#include "base/sitename.h"
#include "config.h"
#include "store/texts.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static Status read_format(H5Id file, Error *err) {
  char *format = NULL;
  uint64_t version = 0;
  Status status = h5_read_attribute(file, "format", H5_TEXT, &format, err);
  if (status == STATUS_OK) status = h5_read_attribute(file, "format_version", H5_U64, &version, err);
  if (status == STATUS_OK && (!format || strcmp(format, STORE_FORMAT) != 0))
    status = error_set(err, STATUS_DATA, "not an activation store: attribute format is \"%.100s\", expected \"%s\"",
                       format ? format : "", STORE_FORMAT);
  if (status == STATUS_OK && version != STORE_FORMAT_VERSION)
    status = error_set(err, STATUS_DATA, "activation store of format version %" PRIu64 ", fathom %s reads version %d%s",
                       version, PACKAGE_VERSION, STORE_FORMAT_VERSION,
                       version > STORE_FORMAT_VERSION ? ": use a newer fathom" : "");
  free(format);
  return status;
}

static Status read_attributes(H5Id file, StoreContents *c, Error *err) {
  Status status = read_format(file, err);
  for (const ContentsAttribute *a = contents_attributes; a->name && status == STATUS_OK; a++) {
    char *text = NULL;
    status = h5_read_attribute(file, a->name, H5_TEXT, &text, err);
    if (!text) text = mem_copy_string("");
    memcpy((char *)c + a->offset, &text, sizeof text);
  }
  if (status == STATUS_OK) status = h5_read_attribute(file, "seed", H5_U64, &c->seed, err);
  if (status == STATUS_OK) status = h5_read_attribute(file, "threads", H5_U64, &c->threads, err);
  return status;
}

/* Whole numbers of any width in the file, as type; one that does not fit is an error. */
static Status read_numbers(const H5Dataset *set, H5Type type, void *values, Error *err) {
  enum { BLOCK = 4096 };
  int64_t block[BLOCK];
  const int64_t least = type == H5_I32 ? INT32_MIN : 0;
  const int64_t most = type == H5_I32 ? INT32_MAX : type == H5_U32 ? UINT32_MAX : INT64_MAX;
  const size_t n = set->dims[0];
  for (size_t at = 0; at < n; at += BLOCK) {
    const size_t m = n - at < BLOCK ? n - at : BLOCK;
    const Status status = h5_read_rows(set, H5_I64, at, m, block, err);
    if (status != STATUS_OK) return status;
    for (size_t i = 0; i < m; i++) {
      if (block[i] < least || block[i] > most)
        return error_set(err, STATUS_DATA, "entry %zu is %" PRId64 ", expected %" PRId64 " to %" PRId64, at + i,
                         block[i], least, most);
      if (type == H5_U64)
        ((uint64_t *)values)[at + i] = (uint64_t)block[i];
      else if (type == H5_U32)
        ((uint32_t *)values)[at + i] = (uint32_t)block[i];
      else
        ((int32_t *)values)[at + i] = (int32_t)block[i];
    }
  }
  return STATUS_OK;
}

static Status read_number_array(H5Id file, const ContentsArray *array, void **values, size_t *n, Error *err) {
  H5Dataset set = {.id = H5_NONE};
  Status status = h5_open_dataset(file, array->name, &set, err);
  if (status != STATUS_OK) return status;
  if (set.rank != 1 || (set.type != H5_I64 && set.type != H5_U16))
    status = error_set(err, STATUS_DATA, "expected a list of whole numbers");
  if (status == STATUS_OK) status = mem_try(*n = set.dims[0], contents_size(array->type), values, err);
  if (status == STATUS_OK) status = read_numbers(&set, array->type, *values, err);
  h5_close(&set.id);
  return status == STATUS_OK ? status : error_prefix(err, "%s", array->name);
}

/* One array into its member. The first of samples and of rows sets their number, which the others must have. One that a
 * minimal store leaves out becomes empty texts, or no tokens. */
static Status read_array(H5Id file, StoreContents *c, const ContentsArray *array, bool first, Error *err) {
  void *values = NULL;
  size_t n = contents_count(c, array->count);
  const size_t expected = n;
  Status status = STATUS_OK;
  if (!array->needed && !(array->count == TOKENS && n) && !h5_has_dataset(file, array->name)) {
    status = mem_try(n, contents_size(array->type), &values, err);
    for (size_t i = 0; array->type == H5_TEXT && status == STATUS_OK && i < n; i++)
      ((char **)values)[i] = mem_copy_string("");
  } else if (array->type == H5_TEXT) {
    status = texts_read(file, array->name, (char ***)&values, &n, err);
  } else {
    status = read_number_array(file, array, &values, &n, err);
  }
  if (first && array->count == SAMPLES) c->n_samples = n;
  if (first && array->count == ROWS) c->n_rows = n;
  if (status == STATUS_OK && !first && n != expected)
    status = error_set(err, STATUS_DATA, "%s has %zu entries, expected %zu", array->name, n, expected);
  if (status == STATUS_OK) {
    memcpy((char *)c + array->offset, &values, sizeof values);
  } else if (array->type == H5_TEXT) {
    string_list_free(values, n);
  } else {
    free(values);
  }
  return status;
}

static Status read_arrays(H5Id file, StoreContents *c, Error *err) {
  bool seen[ROWS + 1] = {[OFFSETS] = true, [TOKENS] = true};
  Status status = STATUS_OK;
  for (const ContentsArray *a = contents_arrays; a->name && status == STATUS_OK; a++) {
    status = read_array(file, c, a, !seen[a->count], err);
    seen[a->count] = true;
  }
  return status == STATUS_OK ? contents_check(c, err) : status;
}

/* --- sites --- */

/* By layer, for files whose groups keep no order; h5_list's alphabetical order within a layer. */
static int compare_layers(const void *a, const void *b) {
  const char *const *x = a, *const *y = b;
  const int i = site_name_parse(*x).layer, j = site_name_parse(*y).layer;
  return i != j ? (i > j) - (i < j) : strcmp(*x, *y);
}

static Status read_dtype(const H5Dataset *set, StoreDtype *dtype, Error *err) {
  char *name = NULL;
  Status status = h5_read_attribute(set->id, "dtype", H5_TEXT, &name, err);
  if (status != STATUS_OK) return status;
  if (set->type == H5_F32)
    *dtype = STORE_F32;
  else if (set->type == H5_F16)
    *dtype = STORE_F16;
  else if (set->type == H5_U16 && name && strcmp(name, "bfloat16") == 0)
    *dtype = STORE_BF16;
  else
    status = error_set(err, STATUS_DATA,
                       "expected elements of float32, of float16, or of uint16 with attribute dtype=\"bfloat16\"");
  free(name);
  return status;
}

static Status read_site(H5Id file, StoreContents *c, size_t i, StoreSite *site, H5Dataset *set, Error *err) {
  StoreDtype dtype = STORE_F32;
  char *path = mem_format("activations/%s", site->name);
  Status status = h5_open_dataset(file, path, set, err);
  free(path);
  if (status != STATUS_OK) return status;
  if (set->rank != 2)
    status = error_set(err, STATUS_DATA, "rank %zu, expected 2: rows, width", set->rank);
  else if (set->dims[0] != c->n_rows)
    status = error_set(err, STATUS_DATA, "%zu rows, but rows/sample has %zu", set->dims[0], c->n_rows);
  else if (set->dims[1] == 0)
    status = error_set(err, STATUS_DATA, "width 0");
  else
    status = read_dtype(set, &dtype, err);
  if (status == STATUS_OK && i > 0 && dtype != c->dtype)
    status = error_set(err, STATUS_DATA, "%s, but the sites before it are %s", store_dtype_name(dtype),
                       store_dtype_name(c->dtype));
  c->dtype = dtype;
  site->width = set->dims[1];
  return status == STATUS_OK ? status : error_prefix(err, "activations/%s", site->name);
}

static Status read_sites(Store *store, Error *err) {
  StoreContents *c = &store->contents;
  char **names = NULL;
  size_t n = 0;
  bool in_order = false;
  Status status = h5_list(store->file, "activations", &names, &n, &in_order, err);
  if (status == STATUS_OK && n == 0) status = error_set(err, STATUS_DATA, "activations: holds no dataset");
  if (!in_order && n) qsort(names, n, sizeof *names, compare_layers);
  StoreSite *sites = mem_alloc(n, sizeof *sites);
  store->sites = mem_alloc(n, sizeof *store->sites);
  for (size_t i = 0; i < n; i++) {
    sites[i].name = names[i]; /* owned from here on */
    store->sites[i].id = H5_NONE;
  }
  free(names);
  c->sites = sites;
  c->n_sites = n;
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    status = read_site(store->file, c, i, &sites[i], &store->sites[i], err);
  return status;
}

/* A file without the marks of an unfinished one is complete. */
static Status read_progress(Store *store, Error *err) {
  uint64_t complete = 1, done = store->contents.n_rows;
  Status status = h5_read_attribute(store->file, "complete", H5_U64, &complete, err);
  if (status == STATUS_OK && h5_has_dataset(store->file, "rows_done")) {
    status = h5_open_dataset(store->file, "rows_done", &store->rows_done_set, err);
    const H5Dataset *set = &store->rows_done_set;
    if (status == STATUS_OK && (set->rank != 1 || set->dims[0] != 1 || set->type != H5_I64))
      status = error_set(err, STATUS_DATA, "rows_done: expected one whole number");
    if (status == STATUS_OK) status = h5_read_rows(set, H5_U64, 0, 1, &done, err);
  } else if (!complete) {
    done = 0;
  }
  const size_t n = store->contents.n_rows;
  if (status == STATUS_OK && (done > n || (complete && done < n)))
    status = error_set(err, STATUS_DATA, "rows_done is %" PRIu64 " of %zu rows%s", done, n,
                       done > n ? "" : ", but the store says it is complete");
  store->rows_done = (size_t)done;
  store->complete = complete != 0;
  return status;
}

Status contents_read(Store *store, Error *err) {
  Status status = read_attributes(store->file, &store->contents, err);
  if (status == STATUS_OK) status = read_arrays(store->file, &store->contents, err);
  if (status == STATUS_OK) status = read_sites(store, err);
  return status == STATUS_OK ? read_progress(store, err) : status;
}

void contents_clear(StoreContents *c) {
  for (const ContentsAttribute *a = contents_attributes; a->name; a++) {
    char *text;
    memcpy(&text, (char *)c + a->offset, sizeof text);
    free(text);
  }
  for (const ContentsArray *a = contents_arrays; a->name; a++) {
    void *values;
    memcpy(&values, (char *)c + a->offset, sizeof values);
    if (a->type == H5_TEXT)
      string_list_free(values, values ? c->n_samples : 0);
    else
      free(values);
  }
  for (size_t i = 0; i < c->n_sites; i++) free((char *)c->sites[i].name);
  free((StoreSite *)c->sites);
  *c = (StoreContents){0};
}
