/* fathom info on fathom's own HDF5 files: activation stores and results. */
#include "base/file.h"
#include "base/memory.h"
#include "command/info/info.h"
#include "store/activations.h"
#include "store/result.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool info_is_h5(const char *path) {
  char start[8] = {0};
  FILE *stream = file_is_directory(path) ? NULL : fopen(path, "rb");
  const bool is_h5 = stream && fread(start, 1, 8, stream) == 8 && memcmp(start, "\x89HDF\r\n\x1a\n", 8) == 0;
  if (stream) fclose(stream);
  return is_h5;
}

/* A text of provenance, where it is known. */
static void print_origin(Table *table, const char *name, const char *text) {
  if (!text || !text[0]) return;
  char *shown = info_shown_text(text, strlen(text));
  info_text(table, "origin", name, shown);
  free(shown);
}

static void print_store(Table *table, const Store *store) {
  const StoreContents *c = store_contents(store);
  info_text(table, "file", "kind", "activations");
  info_text(table, "file", "complete", store_is_complete(store) ? "yes" : "no");
  info_count(table, "file", "rows_done", store_rows_done(store));
  info_text(table, "file", "dtype", store_dtype_name(c->dtype));
  info_count(table, "data", "samples", c->n_samples);
  info_count(table, "data", "rows", c->n_rows);
  info_count(table, "data", "sites", c->n_sites);
  print_origin(table, "command_line", c->command_line);
  print_origin(table, "tool_version", c->tool_version);
  print_origin(table, "model", c->model);
  print_origin(table, "weights_sha256", c->weights_sha256);
  print_origin(table, "config", c->config);
  print_origin(table, "tokenizer_sha256", c->tokenizer_sha256);
  print_origin(table, "chat_template_sha256", c->chat_template_sha256);
  print_origin(table, "chat_date", c->chat_date);
  print_origin(table, "data_sha256", c->data_sha256);
  print_origin(table, "token_rule", c->token_rule);
  print_origin(table, "compute_dtype", c->compute_dtype);
  info_count(table, "origin", "seed", c->seed);
  info_count(table, "origin", "threads", c->threads);
  for (size_t i = 0; i < c->n_sites; i++) {
    char *name = info_shown_text(c->sites[i].name, strlen(c->sites[i].name));
    info_count(table, "site width", name, c->sites[i].width);
    free(name);
  }
}

static Status info_store(const char *path, const InfoSettings *settings, const Provenance *from, Error *err) {
  Store *store;
  const Status status = store_open(path, &store, err);
  if (status != STATUS_OK) return status;
  Table *table = table_begin(stdout, settings->common.json, from, info_columns, 3);
  print_store(table, store);
  store_close(store);
  return table_end(table, err);
}

/* What there is to say of a result, read before anything is printed. */
typedef struct Facts {
  char *tool_version, *compute_dtype, **paths, **digests, **names, **shapes;
  size_t n_paths, n_digests, n_names, n_shapes; /* a shape a name, as text */
} Facts;

static Status read_shapes(Result *result, Facts *facts, Error *err) {
  Status status = STATUS_OK;
  facts->shapes = mem_alloc(facts->n_names, sizeof *facts->shapes);
  for (size_t i = 0; i < facts->n_names && status == STATUS_OK; i++) {
    size_t rank = 0, shape[RESULT_MAX_RANK];
    bool is_text = false;
    status = result_describe(result, facts->names[i], &is_text, &rank, shape, err);
    if (status != STATUS_OK) break;
    char *dims = info_shape(shape, rank);
    facts->shapes[facts->n_shapes++] = mem_format("%s %s", is_text ? "text" : "number", dims);
    free(dims);
  }
  return status;
}

static Status read_facts(Result *result, Facts *facts, Error *err) {
  Status status = result_read_attribute(result, "tool_version", &facts->tool_version, err);
  if (result_read_attribute(result, "compute_dtype", &facts->compute_dtype, NULL) != STATUS_OK)
    facts->compute_dtype = NULL; /* only drift results say it */
  if (status == STATUS_OK) status = result_read_strings(result, "models/path", &facts->paths, &facts->n_paths, err);
  if (status == STATUS_OK)
    status = result_read_strings(result, "models/sha256", &facts->digests, &facts->n_digests, err);
  if (status == STATUS_OK) status = result_list(result, &facts->names, &facts->n_names, err);
  return status == STATUS_OK ? read_shapes(result, facts, err) : status;
}

static void clear_facts(Facts *facts) {
  string_list_free(facts->paths, facts->n_paths);
  string_list_free(facts->digests, facts->n_digests);
  string_list_free(facts->names, facts->n_names);
  string_list_free(facts->shapes, facts->n_shapes);
  free(facts->tool_version);
  free(facts->compute_dtype);
}

static void print_result(Table *table, const Result *result, const Facts *facts) {
  info_text(table, "file", "kind", result_kind(result));
  print_origin(table, "command_line", result_command_line(result));
  print_origin(table, "tool_version", facts->tool_version);
  print_origin(table, "compute_dtype", facts->compute_dtype);
  for (size_t i = 0; i < facts->n_paths && i < facts->n_digests; i++) {
    print_origin(table, "model", facts->paths[i]);
    print_origin(table, "weights_sha256", facts->digests[i]);
  }
  for (size_t i = 0; i < facts->n_names; i++) {
    char *name = info_shown_text(facts->names[i], strlen(facts->names[i]));
    info_text(table, "dataset", name, facts->shapes[i]);
    free(name);
  }
}

static Status info_result(const char *path, const InfoSettings *settings, const Provenance *from, Error *err) {
  Result *result;
  Facts facts = {0};
  Status status = result_open(path, &result, err);
  if (status != STATUS_OK) return status;
  status = read_facts(result, &facts, err);
  if (status == STATUS_OK) {
    Table *table = table_begin(stdout, settings->common.json, from, info_columns, 3);
    print_result(table, result, &facts);
    status = table_end(table, err);
  }
  clear_facts(&facts);
  result_close(result);
  return status;
}

Status info_h5(const char *path, const InfoSettings *settings, const Provenance *from, Error *err) {
  if (settings->tensors || settings->metadata || settings->digest)
    return error_set(err, STATUS_USAGE, "--%s is for models; %s is an HDF5 file",
                     settings->tensors    ? "tensors"
                     : settings->metadata ? "metadata"
                                          : "digest",
                     path);
  char *kind;
  const Status status = h5_file_kind(path, &kind, err);
  if (status != STATUS_OK) return status;
  const bool is_store = strcmp(kind, "activations") == 0;
  free(kind);
  return is_store ? info_store(path, settings, from, err) : info_result(path, settings, from, err);
}
