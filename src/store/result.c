/* The result container. The file is held in memory and reaches the disk as a whole, under a temporary name that is then
 * renamed: a reader, and a run killed at any moment, sees the file of one flush or of the next, never of half of one.
 */
#include "store/result.h"

#include "base/file.h"
#include "base/memory.h"
#include "config.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { RESULT_FORMAT_VERSION = 1 };
#define RESULT_FORMAT "fathom-result"
#define ACTIVATIONS_FORMAT "fathom-activations"

struct Result {
  char *path;
  H5Id file;
  char *kind, *command_line;
  uint64_t seed;
  FileWriter writer; /* PATH.part, from the start, of one that appears when finished; all zeros in place */
};

static Status fail(const Result *result, const char *name, Error *err) {
  return name ? error_prefix(err, "%s: %s", result->path, name) : error_prefix(err, "%s", result->path);
}

/* --- making --- */

static Status write_provenance(Result *result, const Provenance *from, Error *err) {
  const H5Id file = result->file;
  Status status = h5_write_attribute(file, "format", H5_TEXT, RESULT_FORMAT, err);
  if (status == STATUS_OK)
    status = h5_write_attribute(file, "format_version", H5_U64, &(uint64_t){RESULT_FORMAT_VERSION}, err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "kind", H5_TEXT, result->kind, err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "tool_version", H5_TEXT, PACKAGE_VERSION, err);
  if (status == STATUS_OK)
    status = h5_write_attribute(file, "command", H5_TEXT, from->command ? from->command : "", err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "argv", H5_TEXT, result->command_line, err);
  if (status == STATUS_OK) status = h5_write_attribute(file, "seed", H5_U64, &from->seed, err);
  const char *paths[PROVENANCE_MODELS], *digests[PROVENANCE_MODELS];
  for (size_t i = 0; i < from->n_models; i++) {
    paths[i] = from->models[i].path;
    digests[i] = from->models[i].sha256;
  }
  if (status == STATUS_OK) status = texts_write(file, "models/path", paths, from->n_models, err);
  return status == STATUS_OK ? texts_write(file, "models/sha256", digests, from->n_models, err) : status;
}

static Status create(const char *path, const char *kind, bool in_place, const Provenance *from, Result **out,
                     Error *err) {
  Result *result = mem_alloc(1, sizeof *result);
  *result = (Result){.path = mem_copy_string(path),
                     .file = H5_NONE,
                     .kind = mem_copy_string(kind),
                     .command_line = command_line(from->argc, from->argv),
                     .seed = from->seed};
  Status status = h5_create_file(path, true, &result->file, err);
  if (status == STATUS_OK) status = write_provenance(result, from, err);
  if (status != STATUS_OK)
    fail(result, NULL, err);
  else
    status = in_place ? result_flush(result, err) : file_writer_open(&result->writer, path, err);
  *out = status == STATUS_OK ? result : NULL;
  if (status != STATUS_OK) result_close(result);
  return status;
}

Status result_create(const char *path, const char *kind, const Provenance *provenance, Result **out, Error *err) {
  return create(path, kind, false, provenance, out, err);
}

Status result_create_in_place(const char *path, const char *kind, const Provenance *provenance, Result **out,
                              Error *err) {
  return create(path, kind, true, provenance, out, err);
}

static Status check_format(H5Id file, char **kind, Error *err) {
  char *format = NULL;
  uint64_t version = 0;
  Status status = h5_read_attribute(file, "format", H5_TEXT, &format, err);
  if (status == STATUS_OK) status = h5_read_attribute(file, "format_version", H5_U64, &version, err);
  if (status == STATUS_OK) status = h5_read_attribute(file, "kind", H5_TEXT, kind, err);
  if (status != STATUS_OK) {
  } else if (!format || strcmp(format, RESULT_FORMAT) != 0) {
    status = error_set(err, STATUS_DATA, "not a result: attribute format is \"%.100s\", expected \"%s\"",
                       format ? format : "", RESULT_FORMAT);
  } else if (version != RESULT_FORMAT_VERSION) {
    status = error_set(err, STATUS_DATA, "result of format version %" PRIu64 ", fathom %s reads version %d%s", version,
                       PACKAGE_VERSION, RESULT_FORMAT_VERSION,
                       version > RESULT_FORMAT_VERSION ? ": use a newer fathom" : "");
  } else if (!*kind) {
    status = error_set(err, STATUS_DATA, "attribute kind is missing");
  }
  free(format);
  return status;
}

static Status open_as(const char *path, H5Mode mode, Result **out, Error *err) {
  Result *result = mem_alloc(1, sizeof *result);
  *result = (Result){.path = mem_copy_string(path), .file = H5_NONE};
  Status status = h5_open_file(path, mode, &result->file, err);
  if (status == STATUS_OK) status = check_format(result->file, &result->kind, err);
  if (status == STATUS_OK) status = h5_read_attribute(result->file, "argv", H5_TEXT, &result->command_line, err);
  if (status == STATUS_OK) status = h5_read_attribute(result->file, "seed", H5_U64, &result->seed, err);
  if (!result->command_line) result->command_line = mem_copy_string("");
  *out = status == STATUS_OK ? result : NULL;
  if (status != STATUS_OK) {
    fail(result, NULL, err);
    result_close(result);
  }
  return status;
}

Status result_open(const char *path, Result **out, Error *err) { return open_as(path, H5_READ, out, err); }

Status result_reopen(const char *path, Result **out, Error *err) { return open_as(path, H5_MEMORY, out, err); }

/* --- writing --- */

static Status write_numbers(Result *result, const char *name, H5Type type, size_t rank, const size_t *shape,
                            const void *values, Error *err) {
  assert(rank >= 1 && rank <= RESULT_MAX_RANK);
  H5Dataset set = {.type = type, .rank = rank};
  memcpy(set.dims, shape, rank * sizeof *shape);
  Status status = h5_make_dataset(result->file, name, 0, false, &set, err);
  if (status == STATUS_OK) status = h5_write_rows(&set, 0, shape[0], values, err);
  h5_close(&set.id);
  return status == STATUS_OK ? status : fail(result, NULL, err);
}

Status result_write_array(Result *result, const char *name, size_t rank, const size_t *shape, const double *values,
                          Error *err) {
  return write_numbers(result, name, H5_F64, rank, shape, values, err);
}

Status result_write_floats(Result *result, const char *name, size_t rank, const size_t *shape, const float *values,
                           Error *err) {
  return write_numbers(result, name, H5_F32, rank, shape, values, err);
}

Status result_write_strings(Result *result, const char *name, const char *const *values, size_t n, Error *err) {
  const Status status = texts_write(result->file, name, values, n, err);
  return status == STATUS_OK ? status : fail(result, NULL, err);
}

Status result_write_attribute(Result *result, const char *name, const char *value, Error *err) {
  const Status status = h5_write_attribute(result->file, name, H5_TEXT, value ? value : "", err);
  return status == STATUS_OK ? status : fail(result, NULL, err);
}

Status result_write_notes(Result *result, Table *notebook, Error *err) {
  size_t n;
  char *const *notes = table_notes(notebook, &n);
  const Status status = n ? result_write_strings(result, "notes", (const char *const *)notes, n, err) : STATUS_OK;
  table_close_notebook(notebook);
  return status;
}

/* Chunks of about 8 KiB: a run of a few steps stays small, one of many has few chunks. */
static Status open_growing(Result *result, const char *name, size_t row_rank, const size_t *row_shape, H5Dataset *set,
                           Error *err) {
  assert(row_rank + 1 <= RESULT_MAX_RANK);
  if (!h5_has_dataset(result->file, name)) {
    size_t row = sizeof(double);
    *set = (H5Dataset){.type = H5_F64, .rank = row_rank + 1};
    for (size_t i = 0; i < row_rank; i++) row *= set->dims[i + 1] = row_shape[i];
    return h5_make_dataset(result->file, name, row && row < 8192 ? 8192 / row : 1, true, set, err);
  }
  const Status status = h5_open_dataset(result->file, name, set, err);
  if (status != STATUS_OK) return status;
  bool same = set->type == H5_F64 && set->rank == row_rank + 1;
  for (size_t i = 0; i < row_rank && same; i++) same = set->dims[i + 1] == row_shape[i];
  if (same) return STATUS_OK;
  h5_close(&set->id);
  return error_set(err, STATUS_DATA, "%s: its rows have another shape than those to append", name);
}

Status result_append(Result *result, const char *name, size_t row_rank, const size_t *row_shape, const double *values,
                     Error *err) {
  H5Dataset set = {.id = H5_NONE};
  Status status = open_growing(result, name, row_rank, row_shape, &set, err);
  if (status == STATUS_OK) status = h5_resize(&set, set.dims[0] + 1, err);
  if (status == STATUS_OK) status = h5_write_rows(&set, set.dims[0] - 1, 1, values, err);
  h5_close(&set.id);
  return status == STATUS_OK ? status : fail(result, NULL, err);
}

Status result_truncate(Result *result, const char *name, size_t n, Error *err) {
  H5Dataset set;
  Status status = h5_open_dataset(result->file, name, &set, err);
  if (status != STATUS_OK) return fail(result, NULL, err);
  if (set.dims[0] > n) status = h5_resize(&set, n, err);
  h5_close(&set.id);
  return status == STATUS_OK ? status : fail(result, name, err);
}

static Status write_image(Result *result, FileWriter *writer, Error *err) {
  void *bytes = NULL;
  size_t size = 0;
  Status status = h5_image(result->file, &bytes, &size, err);
  if (status != STATUS_OK)
    fail(result, NULL, err);
  else if (fwrite(bytes, 1, size, writer->stream) != size)
    status = error_system(err, "%s: cannot write", result->path);
  free(bytes);
  return status == STATUS_OK ? file_writer_commit(writer, err) : status;
}

Status result_flush(Result *result, Error *err) {
  FileWriter writer;
  assert(!result->writer.stream);
  Status status = file_writer_open(&writer, result->path, err);
  if (status == STATUS_OK) status = write_image(result, &writer, err);
  file_writer_discard(&writer);
  return status;
}

Status result_finish(Result *result, Error *err) {
  const Status status = result->writer.stream ? write_image(result, &result->writer, err) : result_flush(result, err);
  result_close(result);
  return status;
}

void result_close(Result *result) {
  if (!result) return;
  file_writer_discard(&result->writer);
  h5_close(&result->file);
  free(result->command_line);
  free(result->kind);
  free(result->path);
  free(result);
}

/* --- reading --- */

const char *result_kind(const Result *result) { return result->kind; }

const char *result_command_line(const Result *result) { return result->command_line; }

uint64_t result_seed(const Result *result) { return result->seed; }

bool result_has(const Result *result, const char *name) { return h5_has_dataset(result->file, name); }

Status result_describe(Result *result, const char *name, bool *is_text, size_t *rank, size_t *shape, Error *err) {
  H5Dataset set = {.id = H5_NONE};
  const Status status = h5_open_dataset(result->file, name, &set, err);
  if (status != STATUS_OK) return fail(result, NULL, err);
  h5_close(&set.id);
  *is_text = set.type == H5_TEXT;
  *rank = set.rank;
  for (size_t i = 0; i < RESULT_MAX_RANK; i++) shape[i] = i < set.rank ? set.dims[i] : 1;
  return STATUS_OK;
}

Status result_read_array(Result *result, const char *name, size_t *rank, size_t *shape, double **values, Error *err) {
  H5Dataset set = {.id = H5_NONE};
  size_t n = 1;
  *values = NULL;
  Status status = h5_open_dataset(result->file, name, &set, err);
  if (status != STATUS_OK) return fail(result, NULL, err);
  if (set.type == H5_TEXT || set.type == H5_OTHER) status = error_set(err, STATUS_DATA, "expected an array of numbers");
  for (size_t i = 0; i < RESULT_MAX_RANK; i++) {
    shape[i] = i < set.rank ? set.dims[i] : 1;
    n *= shape[i]; /* fits: h5_open_dataset checked it against the storage */
  }
  *rank = set.rank;
  if (status == STATUS_OK) status = mem_try(n, sizeof **values, (void **)values, err);
  if (status == STATUS_OK) status = h5_read_rows(&set, H5_F64, 0, set.dims[0], *values, err);
  h5_close(&set.id);
  if (status == STATUS_OK) return status;
  free(*values);
  *values = NULL;
  return fail(result, name, err);
}

Status result_read_strings(Result *result, const char *name, char ***values, size_t *n, Error *err) {
  const Status status = texts_read(result->file, name, values, n, err);
  if (status == STATUS_OK) return status;
  string_list_free(*values, *n);
  *values = NULL;
  *n = 0;
  return fail(result, NULL, err);
}

Status result_read_attribute(Result *result, const char *name, char **value, Error *err) {
  *value = NULL;
  Status status = h5_read_attribute(result->file, name, H5_TEXT, value, err);
  if (status == STATUS_OK && !*value) status = error_set(err, STATUS_DATA, "attribute %s is missing", name);
  return status == STATUS_OK ? status : fail(result, NULL, err);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

Status result_list(Result *result, char ***names, size_t *n, Error *err) {
  bool in_order;
  const Status status = h5_list(result->file, "/", names, n, &in_order, err);
  if (status == STATUS_OK) qsort(*names, *n, sizeof **names, compare_names);
  return status == STATUS_OK ? status : fail(result, NULL, err);
}

Status h5_file_kind(const char *path, char **kind, Error *err) {
  H5Id file = H5_NONE;
  char *format = NULL;
  *kind = NULL;
  Status status = h5_open_file(path, H5_READ, &file, err);
  if (status == STATUS_OK) status = h5_read_attribute(file, "format", H5_TEXT, &format, err);
  if (status == STATUS_OK && format && strcmp(format, ACTIVATIONS_FORMAT) == 0)
    *kind = mem_copy_string("activations");
  else if (status == STATUS_OK && format && strcmp(format, RESULT_FORMAT) == 0)
    status = check_format(file, kind, err);
  else if (status == STATUS_OK)
    status = error_set(err, STATUS_DATA, "an HDF5 file, but not one of fathom's");
  free(format);
  h5_close(&file);
  if (status == STATUS_OK) return status;
  free(*kind);
  *kind = NULL;
  return error_prefix(err, "%s", path);
}
