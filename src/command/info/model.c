/* fathom info on a model: a summary, its tensors, or its metadata, whatever the architecture. */
#include "base/file.h"
#include "base/memory.h"
#include "command/info/info.h"
#include "model/head.h"

#include <stdlib.h>
#include <string.h>

/* In the tokenizer's config, or in a file beside it. */
static bool has_chat_template(const Source *source) {
  static const char *const names[] = {"chat_template.jinja", "chat_template.json"};
  bool has = json_get(source_tokenizer_config(source), "chat_template") != NULL;
  for (size_t i = 0; i < 2 && !has; i++) {
    char *path = file_join(source_path(source), names[i]);
    has = file_exists(path);
    free(path);
  }
  return has;
}

static void print_folder_tokenizer(Table *table, const Source *source) {
  const Json *model = json_get(source_tokenizer(source), "model");
  if (!source_tokenizer(source)) return;
  info_text(table, "tokenizer", "kind", json_string(json_get(model, "type"), NULL));
  info_count(table, "tokenizer", "tokens", json_count(json_get(model, "vocab")));
  info_count(table, "tokenizer", "added_tokens", json_count(json_get(source_tokenizer(source), "added_tokens")));
  info_text(table, "tokenizer", "chat_template", has_chat_template(source) ? "yes" : "no");
}

static void print_gguf_tokenizer(Table *table, const Gguf *gguf) {
  static const struct {
    const char *name, *key;
  } rows[] = {{"kind", "tokenizer.ggml.model"}, {"pre_tokenizer", "tokenizer.ggml.pre"}};
  const GgufArray *tokens = gguf_array(gguf, "tokenizer.ggml.tokens");
  for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
    if (gguf_has(gguf, rows[i].key)) {
      table_string(table, "tokenizer");
      table_string(table, rows[i].name);
      info_gguf_cell(table, gguf, rows[i].key);
    }
  if (!tokens) return;
  info_count(table, "tokenizer", "tokens", gguf_array_count(tokens));
  info_text(table, "tokenizer", "chat_template", gguf_has(gguf, "tokenizer.chat_template") ? "yes" : "no");
}

void info_weights(Table *table, const Weights *weights) {
  size_t n_tensors[DTYPE_COUNT] = {0}, n_bytes[DTYPE_COUNT] = {0}, parameters = 0, bytes = 0;
  for (size_t i = 0; i < weights_count(weights); i++) {
    const Tensor *tensor = weights_at(weights, i);
    parameters += tensor->count;
    bytes += tensor->n_bytes;
    n_tensors[tensor->dtype]++;
    n_bytes[tensor->dtype] += tensor->n_bytes;
  }
  info_count(table, "weights", "tensors", weights_count(weights));
  info_count(table, "weights", "parameters", parameters);
  info_count(table, "weights", "bytes", bytes);
  if (weights_skipped_count(weights)) info_count(table, "weights", "tensors not read", weights_skipped_count(weights));
  for (int i = 0; i < DTYPE_COUNT; i++) {
    if (!n_tensors[i]) continue;
    char *count = mem_format("%s tensors", dtype_info((Dtype)i)->name);
    char *size = mem_format("%s bytes", dtype_info((Dtype)i)->name);
    info_count(table, "weights", count, n_tensors[i]);
    info_count(table, "weights", size, n_bytes[i]);
    free(count);
    free(size);
  }
}

void info_head(Table *table, const HeadTensors *head, const Error *err) {
  if (err || head->n == 0) {
    info_text(table, "reward_head", "name", err ? err->text : "none");
    return;
  }
  info_text(table, "reward_head", "name", head->prefix);
  for (size_t i = 0; i < head->n; i++) {
    char *shape = info_shape(head->weights[i]->shape, head->weights[i]->n_dims);
    info_text(table, "reward_head", "shape", shape);
    free(shape);
  }
  if (head_tensors_zero(head)) info_text(table, "reward_head", "state", "all zeros: never trained");
}

static void print_head(Table *table, const Source *source) {
  HeadTensors head;
  Error err = {0};
  const Status status = head_find(source, NULL, &head, &err);
  info_head(table, &head, status == STATUS_OK ? NULL : &err);
}

static void print_summary(Table *table, Source *source, const char *digest) {
  const Gguf *gguf = source_gguf(source);
  char *format =
      gguf ? mem_format("GGUF version %u", (unsigned)gguf_version(gguf)) : mem_copy_string("Hugging Face folder");
  info_text(table, "file", "kind", weights_count(source_weights(source)) ? "model" : "model without weights");
  info_text(table, "file", "format", format);
  free(format);
  if (digest) info_text(table, "file", "sha256", digest);
  info_model_config(table, source);
  if (gguf)
    print_gguf_tokenizer(table, gguf);
  else
    print_folder_tokenizer(table, source);
  info_weights(table, source_weights(source));
  if (weights_count(source_weights(source))) print_head(table, source);
}

void info_tensors(Table *table, const Weights *weights) {
  for (size_t i = 0; i < weights_count(weights); i++) {
    const Tensor *tensor = weights_at(weights, i);
    char *name = info_shown_text(tensor->name, strlen(tensor->name)),
         *shape = info_shape(tensor->shape, tensor->n_dims);
    table_string(table, name);
    table_string(table, dtype_info(tensor->dtype)->name);
    table_string(table, shape);
    table_count(table, tensor->count);
    table_count(table, tensor->n_bytes);
    free(name);
    free(shape);
  }
}

void info_config(Table *table, const Json *config) {
  for (const Json *node = json_first(config); node; node = json_next(node)) {
    char *key = info_shown_text(json_key(node), strlen(json_key(node)));
    table_string(table, key);
    info_json_cell(table, node);
    free(key);
  }
}

static void print_metadata(Table *table, const Source *source) {
  const Gguf *gguf = source_gguf(source);
  for (size_t i = 0; gguf && i < gguf_key_count(gguf); i++) {
    char *key = info_shown_text(gguf_key(gguf, i), strlen(gguf_key(gguf, i)));
    table_string(table, key);
    info_gguf_cell(table, gguf, gguf_key(gguf, i));
    free(key);
  }
  info_config(table, source_config(source));
}

Table *info_begin(const InfoSettings *settings, const Provenance *from) {
  static const char *const tensor_columns[] = {"name", "dtype", "shape", "parameters", "bytes"};
  static const char *const metadata_columns[] = {"key", "value"};
  if (settings->tensors) return table_begin(stdout, settings->common.json, from, tensor_columns, 5);
  if (settings->metadata) return table_begin(stdout, settings->common.json, from, metadata_columns, 2);
  return table_begin(stdout, settings->common.json, from, info_columns, 3);
}

Status info_model(const char *path, const InfoSettings *settings, Provenance provenance, Error *err) {
  Source *source;
  const Status status = source_open(path, &source, err);
  if (status != STATUS_OK) return status;
  const char *digest = settings->digest ? source_digest(source) : NULL;
  if (digest) {
    provenance.models[0].path = path;
    provenance.models[0].sha256 = digest;
    provenance.n_models = 1;
  }
  Table *table = info_begin(settings, &provenance);
  if (settings->tensors)
    info_tensors(table, source_weights(source));
  else if (settings->metadata)
    print_metadata(table, source);
  else
    print_summary(table, source, digest);
  source_close(source);
  return table_end(table, err);
}
