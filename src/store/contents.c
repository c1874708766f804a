/* What a store holds beside rows: two tables, of attributes and of arrays, drive writing and comparing it here and
 * reading it in contents_read.c. */
#include "store/contents.h"

#include "base/memory.h"
#include "store/texts.h"
#include "store/writer.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const ContentsAttribute contents_attributes[] = {
    {"tool_version", offsetof(StoreContents, tool_version)},
    {"argv", offsetof(StoreContents, command_line)},
    {"compute_dtype", offsetof(StoreContents, compute_dtype)},
    {"model", offsetof(StoreContents, model)},
    {"weights_sha256", offsetof(StoreContents, weights_sha256)},
    {"config", offsetof(StoreContents, config)},
    {"tokenizer_sha256", offsetof(StoreContents, tokenizer_sha256)},
    {"chat_template_sha256", offsetof(StoreContents, chat_template_sha256)},
    {"chat_date", offsetof(StoreContents, chat_date)},
    {"data_sha256", offsetof(StoreContents, data_sha256)},
    {"token_rule", offsetof(StoreContents, token_rule)},
    {NULL, 0},
};

const ContentsArray contents_arrays[] = {
    {"samples/id", offsetof(StoreContents, sample_ids), H5_TEXT, SAMPLES, true},
    {"samples/text_digest", offsetof(StoreContents, text_digests), H5_TEXT, SAMPLES, false},
    {"samples/group", offsetof(StoreContents, groups), H5_TEXT, SAMPLES, false},
    {"samples/label", offsetof(StoreContents, labels), H5_TEXT, SAMPLES, false},
    {"samples/n_tokens", offsetof(StoreContents, n_tokens), H5_U32, SAMPLES, true},
    {"tokens/offsets", offsetof(StoreContents, token_offsets), H5_U64, OFFSETS, false},
    {"tokens/ids", offsetof(StoreContents, token_ids), H5_I32, TOKENS, false},
    {"rows/sample", offsetof(StoreContents, row_sample), H5_U32, ROWS, true},
    {"rows/token_index", offsetof(StoreContents, row_token), H5_U32, ROWS, true},
    {NULL, 0, H5_OTHER, ROWS, false},
};

size_t contents_count(const StoreContents *c, ContentsCount count) {
  switch (count) {
  case SAMPLES: return c->n_samples;
  case OFFSETS: return c->n_samples + 1;
  case TOKENS: return c->token_offsets ? (size_t)c->token_offsets[c->n_samples] : 0;
  default: return c->n_rows;
  }
}

size_t contents_size(H5Type type) { return type == H5_U64 ? 8 : type == H5_TEXT ? sizeof(char *) : 4; }

static const void *pointer_at(const StoreContents *c, size_t offset) {
  const void *pointer;
  memcpy(&pointer, (const char *)c + offset, sizeof pointer);
  return pointer;
}

static const char *or_empty(const char *text) { return text ? text : ""; }

static Status write_array(H5Id file, const StoreContents *c, const ContentsArray *array, Error *err) {
  const void *values = pointer_at(c, array->offset);
  const size_t n = contents_count(c, array->count);
  if (!values && array->count != SAMPLES) return STATUS_OK; /* rows without tokens, made elsewhere */
  if (array->type == H5_TEXT) return texts_write(file, array->name, values, n, err);
  H5Dataset set = {.type = array->type, .rank = 1, .dims = {n}};
  Status status = h5_make_dataset(file, array->name, 0, false, &set, err);
  if (status == STATUS_OK) status = h5_write_rows(&set, 0, n, values, err);
  h5_close(&set.id);
  return status;
}

/* The fewest rows that fill whole pages. */
static size_t rows_of_pages(size_t row_size) {
  size_t a = WRITER_PAGE, b = row_size;
  while (b) {
    const size_t rest = a % b;
    a = b;
    b = rest;
  }
  return WRITER_PAGE / a;
}

size_t contents_chunk_rows(const StoreContents *c, size_t site) {
  const size_t row = c->sites[site].width * store_dtype_size(c->dtype);
  const size_t most = row < (size_t)1 << 20 ? ((size_t)1 << 20) / row : 1;
  const size_t n_chunks = c->n_rows / most + (c->n_rows % most != 0);
  const size_t even = n_chunks ? (c->n_rows + n_chunks - 1) / n_chunks : 1, paged = rows_of_pages(row);
  const size_t whole = (even + paged - 1) / paged * paged;
  return even >= 16 * paged && whole <= c->n_rows ? whole : even;
}

static Status make_site(H5Id file, const StoreContents *c, size_t site, const H5Id scales[2], Error *err) {
  static const H5Type types[] = {[STORE_F32] = H5_F32, [STORE_BF16] = H5_U16, [STORE_F16] = H5_F16};
  H5Dataset set = {.type = types[c->dtype], .rank = 2, .dims = {c->n_rows, c->sites[site].width}};
  char *name = mem_format("activations/%s", c->sites[site].name);
  Status status = h5_make_dataset(file, name, contents_chunk_rows(c, site), false, &set, err);
  if (status == STATUS_OK && c->dtype == STORE_BF16)
    status = h5_write_attribute(set.id, "dtype", H5_TEXT, store_dtype_name(c->dtype), err);
  if (status == STATUS_OK) status = h5_name_axis(set.id, 0, "row", scales, 2, err);
  if (status == STATUS_OK) status = h5_name_axis(set.id, 1, "feature", NULL, 0, err);
  h5_close(&set.id);
  free(name);
  return status;
}

/* The sites' rows are scaled by what each row is: its sample, and its token in the sample. */
static Status make_sites(H5Id file, const StoreContents *c, Error *err) {
  H5Dataset sample = {.id = H5_NONE}, token = {.id = H5_NONE};
  Status status = h5_make_group(file, "activations", err);
  if (status == STATUS_OK) status = h5_open_dataset(file, "rows/sample", &sample, err);
  if (status == STATUS_OK) status = h5_open_dataset(file, "rows/token_index", &token, err);
  if (status == STATUS_OK) status = h5_make_scale(sample.id, "sample", err);
  if (status == STATUS_OK) status = h5_make_scale(token.id, "token_index", err);
  for (size_t i = 0; i < c->n_sites && status == STATUS_OK; i++)
    status = make_site(file, c, i, (H5Id[]){sample.id, token.id}, err);
  h5_close(&token.id);
  h5_close(&sample.id);
  return status;
}

Status contents_write(H5Id file, const StoreContents *c, Error *err) {
  Status status = h5_write_attribute(file, "format", H5_TEXT, STORE_FORMAT, err);
  if (status == STATUS_OK)
    status = h5_write_attribute(file, "format_version", H5_U64, &(uint64_t){STORE_FORMAT_VERSION}, err);
  for (const ContentsAttribute *a = contents_attributes; a->name && status == STATUS_OK; a++)
    status = h5_write_attribute(file, a->name, H5_TEXT, or_empty(pointer_at(c, a->offset)), err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "seed", H5_U64, &c->seed, err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "threads", H5_U64, &c->threads, err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "weight_processing", H5_TEXT, "none", err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "complete", H5_U64, &(uint64_t){0}, err);
  for (const ContentsArray *a = contents_arrays; a->name && status == STATUS_OK; a++)
    status = write_array(file, c, a, err);
  if (status == STATUS_OK) status = make_sites(file, c, err);
  H5Dataset done = {.type = H5_U64, .rank = 1, .dims = {1}};
  if (status == STATUS_OK) status = h5_make_dataset(file, "rows_done", 0, false, &done, err);
  if (status == STATUS_OK) status = h5_write_rows(&done, 0, 1, &(uint64_t){0}, err);
  h5_close(&done.id);
  return status;
}

/* --- comparing --- */

static Status check_tokens(const StoreContents *c, Error *err) {
  const uint64_t *offsets = c->token_offsets;
  if (!offsets || offsets[c->n_samples] == 0) return STATUS_OK;
  if (offsets[0] != 0)
    return error_set(err, STATUS_DATA, "tokens/offsets starts at %" PRIu64 ", expected 0", offsets[0]);
  for (size_t i = 0; i < c->n_samples; i++) {
    if (offsets[i + 1] < offsets[i])
      return error_set(err, STATUS_DATA, "tokens/offsets falls from %" PRIu64 " to %" PRIu64 " at sample %zu",
                       offsets[i], offsets[i + 1], i);
    if (offsets[i + 1] - offsets[i] != c->n_tokens[i])
      return error_set(err, STATUS_DATA, "sample %zu has %" PRIu64 " token ids, but samples/n_tokens says %" PRIu32, i,
                       offsets[i + 1] - offsets[i], c->n_tokens[i]);
  }
  return STATUS_OK;
}

Status contents_check(const StoreContents *c, Error *err) {
  for (size_t i = 0; i < c->n_sites; i++)
    if (c->sites[i].width == 0) return error_set(err, STATUS_DATA, "site %s has width 0", c->sites[i].name);
  for (size_t i = 0; i < c->n_rows; i++) {
    const uint32_t sample = c->row_sample[i];
    if (sample >= c->n_samples)
      return error_set(err, STATUS_DATA, "row %zu is of sample %" PRIu32 ", but there are %zu samples", i, sample,
                       c->n_samples);
    if (c->row_token[i] >= c->n_tokens[sample])
      return error_set(err, STATUS_DATA,
                       "row %zu is of token %" PRIu32 ", but sample %" PRIu32 " has %" PRIu32 " tokens", i,
                       c->row_token[i], sample, c->n_tokens[sample]);
  }
  return check_tokens(c, err);
}

/* The arguments without --resume, which the run that continues has and the first one need not. */
static char *without_resume(const char *arguments) {
  static const char word[] = " --resume";
  const size_t n = strlen(word);
  char *copy = mem_copy_string(arguments);
  for (char *at = copy; (at = strstr(at, word));) {
    if (at[n] == ' ' || at[n] == 0)
      memmove(at, at + n, strlen(at + n) + 1);
    else
      at += n;
  }
  return copy;
}

static Status compare_text(const char *name, const char *found, const char *wanted, Error *err) {
  char *a = without_resume(or_empty(found)), *b = without_resume(or_empty(wanted));
  Status status = STATUS_OK;
  if (strcmp(a, b) != 0)
    status = error_set(err, STATUS_DATA, "its %s is \"%.200s\", this run's \"%.200s\"", name, a, b);
  free(b);
  free(a);
  return status;
}

static Status compare_size(const char *name, uint64_t found, uint64_t wanted, Error *err) {
  if (found == wanted) return STATUS_OK;
  return error_set(err, STATUS_DATA, "its %s is %" PRIu64 ", this run's %" PRIu64, name, found, wanted);
}

static Status compare_array(const ContentsArray *array, const StoreContents *found, const StoreContents *wanted,
                            Error *err) {
  const void *a = pointer_at(found, array->offset), *b = pointer_at(wanted, array->offset);
  const size_t n = contents_count(wanted, array->count), size = contents_size(array->type);
  if (contents_count(found, array->count) != n)
    return error_set(err, STATUS_DATA, "its %s has %zu entries, this run's %zu", array->name,
                     contents_count(found, array->count), n);
  if (array->type != H5_TEXT && !b) return STATUS_OK; /* no tokens, in neither */
  for (size_t i = 0; i < n; i++) {
    const char *const *x = a, *const *y = b;
    const bool same = array->type == H5_TEXT
                          ? strcmp(or_empty(x ? x[i] : NULL), or_empty(y ? y[i] : NULL)) == 0
                          : memcmp((const char *)a + i * size, (const char *)b + i * size, size) == 0;
    if (!same) return error_set(err, STATUS_DATA, "its %s differs from this run's at entry %zu", array->name, i);
  }
  return STATUS_OK;
}

Status contents_compare(const StoreContents *found, const StoreContents *wanted, Error *err) {
  Status status = compare_size("number of sites", found->n_sites, wanted->n_sites, err);
  for (size_t i = 0; i < wanted->n_sites && status == STATUS_OK; i++) {
    status = compare_text("site", found->sites[i].name, wanted->sites[i].name, err);
    if (status == STATUS_OK) status = compare_size("width", found->sites[i].width, wanted->sites[i].width, err);
    if (status != STATUS_OK) return error_prefix(err, "site %s", wanted->sites[i].name);
  }
  if (status == STATUS_OK)
    status = compare_text("stored type", store_dtype_name(found->dtype), store_dtype_name(wanted->dtype), err);
  if (status == STATUS_OK) status = compare_size("seed", found->seed, wanted->seed, err);
  if (status == STATUS_OK) status = compare_size("threads", found->threads, wanted->threads, err);
  for (const ContentsAttribute *a = contents_attributes; a->name && status == STATUS_OK; a++)
    status = compare_text(a->name, pointer_at(found, a->offset), pointer_at(wanted, a->offset), err);
  for (const ContentsArray *a = contents_arrays; a->name && status == STATUS_OK; a++)
    status = compare_array(a, found, wanted, err);
  return status;
}
