/* A model on disk: finds the files of a folder, opens them, and keeps the maps alive. */
#include "weights/source.h"

#include "base/file.h"
#include "base/memory.h"
#include "weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

typedef struct Shard {
  char *path;
  FileMap map;
} Shard;

struct Source {
  char *path;
  Gguf *gguf; /* or a folder's: */
  Weights *weights;
  Shard *shards; /* [n_shards], in name order */
  size_t n_shards;
  Json *config, *tokenizer, *tokenizer_config;
  char digest[DIGEST_TEXT];
};

/* name inside the folder, or *root NULL where there is no such file. */
static Status read_if_there(const char *folder, const char *name, Json **root, Error *err) {
  char *path = file_join(folder, name);
  Status status = file_exists(path) ? json_read(path, root, err) : STATUS_OK;
  if (status == STATUS_OK && *root && !json_is_object(*root))
    status = error_set(err, STATUS_DATA, "%s: expected a JSON object", path);
  free(path);
  return status;
}

static bool folder_has(const char *folder, const char *name) {
  char *path = file_join(folder, name);
  const bool there = file_exists(path);
  free(path);
  return there;
}

static Status open_shards(Source *source, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < source->n_shards && status == STATUS_OK; i++)
    status = safetensors_open_model(source->shards[i].path, &source->shards[i].map, source->weights, err);
  return status;
}

static int by_text(const void *a, const void *b) { return strcmp(*(const char *const *)a, *(const char *const *)b); }

/* A shard's name comes from a file: it must stay inside the folder. */
static bool is_plain_name(const char *name) { return *name && !strchr(name, '/') && !strstr(name, ".."); }

/* The different shards of a weight map, in name order. */
static Status list_shards(Source *source, const char *index_path, const Json *map, Error *err) {
  Status status = STATUS_OK;
  const char **names = mem_alloc(json_count(map), sizeof *names);
  size_t n = 0;
  for (const Json *entry = json_first(map); entry && status == STATUS_OK; entry = json_next(entry)) {
    names[n] = json_string(entry, "");
    if (!is_plain_name(names[n]))
      status = error_set(err, STATUS_DATA, "%s: tensor %s is in \"%s\", expected the name of a file in this folder",
                         index_path, json_key(entry), names[n]);
    n++;
  }
  if (status == STATUS_OK) {
    qsort(names, n, sizeof *names, by_text);
    source->shards = mem_alloc(n, sizeof *source->shards);
    for (size_t i = 0; i < n; i++)
      if (i == 0 || strcmp(names[i], names[i - 1]) != 0)
        source->shards[source->n_shards++].path = file_join(source->path, names[i]);
  }
  free(names);
  return status;
}

static Status check_map(const Source *source, const char *index_path, const Json *map, Error *err) {
  for (const Json *entry = json_first(map); entry; entry = json_next(entry)) {
    const Tensor *tensor = weights_find(source->weights, json_key(entry));
    const SkippedTensor *skipped = weights_skipped_find(source->weights, json_key(entry));
    const char *shard = json_string(entry, ""), *file = tensor ? tensor->file : skipped ? skipped->file : "";
    if (strcmp(file_name(file), shard) != 0)
      return error_set(err, STATUS_DATA, "%s: tensor %s is not in %s", index_path, json_key(entry), shard);
  }
  return STATUS_OK;
}

static Status open_index(Source *source, const char *index_path, Error *err) {
  Json *root;
  Status status = json_read(index_path, &root, err);
  if (status != STATUS_OK) return status;
  const Json *map = json_get(root, "weight_map");
  if (!json_is_object(map) || json_count(map) == 0)
    status = error_set(err, STATUS_DATA, "%s: \"weight_map\" is missing, empty or no object", index_path);
  if (status == STATUS_OK) status = list_shards(source, index_path, map, err);
  if (status == STATUS_OK) status = open_shards(source, err);
  if (status == STATUS_OK) status = check_map(source, index_path, map, err);
  json_free(root);
  return status;
}

static Status open_weights(Source *source, Error *err) {
  const char *folder = source->path;
  if (folder_has(folder, "model.safetensors")) {
    source->shards = mem_alloc(1, sizeof *source->shards);
    source->shards[source->n_shards++].path = file_join(folder, "model.safetensors");
    return open_shards(source, err);
  }
  if (folder_has(folder, "model.safetensors.index.json")) {
    char *index_path = file_join(folder, "model.safetensors.index.json");
    const Status status = open_index(source, index_path, err);
    free(index_path);
    return status;
  }
  if (folder_has(folder, "pytorch_model.bin") || folder_has(folder, "pytorch_model.bin.index.json"))
    return error_set(err, STATUS_DATA,
                     "%s: has only pytorch_model.bin, expected model.safetensors; convert it with transformers: "
                     "AutoModelForCausalLM.from_pretrained(DIR).save_pretrained(DIR, safe_serialization=True)",
                     folder);
  return STATUS_OK;
}

static Status open_folder(Source *source, Error *err) {
  const char *folder = source->path;
  source->weights = weights_new();
  Status status = read_if_there(folder, "config.json", &source->config, err);
  if (status == STATUS_OK) status = read_if_there(folder, "tokenizer.json", &source->tokenizer, err);
  if (status == STATUS_OK) status = read_if_there(folder, "tokenizer_config.json", &source->tokenizer_config, err);
  if (status == STATUS_OK && !source->config && !source->tokenizer)
    status = error_set(err, STATUS_DATA,
                       "%s: holds neither config.json nor tokenizer.json, expected a model in "
                       "Hugging Face's layout or a GGUF file",
                       folder);
  return status == STATUS_OK ? open_weights(source, err) : status;
}

Status source_open(const char *path, Source **out, Error *err) {
  *out = NULL;
  if (file_has_suffix(path, ".safetensors") && file_exists(path) && !file_is_directory(path))
    return error_set(err, STATUS_DATA,
                     "%s: a bare safetensors file, expected its folder (with config.json) or a GGUF file", path);
  Source *source = mem_alloc(1, sizeof *source);
  source->path = mem_copy_string(path);
  const Status status = file_is_directory(path) ? open_folder(source, err) : gguf_open(path, &source->gguf, err);
  if (status == STATUS_OK)
    *out = source;
  else
    source_close(source);
  return status;
}

void source_close(Source *source) {
  if (!source) return;
  gguf_close(source->gguf);
  weights_free(source->weights);
  for (size_t i = 0; i < source->n_shards; i++) {
    file_unmap(&source->shards[i].map);
    free(source->shards[i].path);
  }
  free(source->shards);
  json_free(source->config);
  json_free(source->tokenizer);
  json_free(source->tokenizer_config);
  free(source->path);
  free(source);
}

const char *source_path(const Source *source) { return source->path; }
const Weights *source_weights(const Source *source) {
  return source->gguf ? gguf_weights(source->gguf) : source->weights;
}
const Gguf *source_gguf(const Source *source) { return source->gguf; }
const Json *source_config(const Source *source) { return source->config; }
const Json *source_tokenizer(const Source *source) { return source->tokenizer; }
const Json *source_tokenizer_config(const Source *source) { return source->tokenizer_config; }

/* A piece at a time, so that a large file does not stay in memory for having been read. */
static void digest_map(Digest *digest, const FileMap *map) {
  const size_t piece = 16 << 20;
  for (size_t at = 0; at < map->size; at += piece) {
    const size_t n = map->size - at < piece ? map->size - at : piece;
    digest_add(digest, map->bytes + at, n);
    file_forget(map->bytes + at, n);
  }
}

const char *source_digest(Source *source) {
  if (source->digest[0]) return source->digest;
  Digest *digest = digest_new();
  if (source->gguf) digest_map(digest, gguf_map(source->gguf));
  for (size_t i = 0; i < source->n_shards; i++) digest_map(digest, &source->shards[i].map);
  digest_finish(digest, source->digest);
  return source->digest;
}
