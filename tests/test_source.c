/* weights/source: folders in Hugging Face's layout, shards, GGUF files, and what is said where something is missing. */
#include "tests/small_gguf.h"
#include "tests/tap.h"
#include "weights/safetensors.h"
#include "weights/source.h"

static char folder[] = "/tmp/fathom-source.XXXXXX";

static void add_text(const char *name, const char *text) {
  char *path = file_join(folder, name);
  Error err = {0};
  if (file_write_text(path, text, &err) != STATUS_OK) abort();
  free(path);
}

/* A shard of one tensor [2]. */
static void add_shard(const char *name, const char *tensor, float value) {
  char *path = file_join(folder, name);
  const float values[2] = {value, -value};
  const SafetensorsEntry entry = {tensor, 1, {2}, values};
  Error err = {0};
  if (safetensors_write(path, &entry, 1, DTYPE_F32, &err) != STATUS_OK) abort();
  free(path);
}

static void clear_folder(void) {
  static const char *const names[] = {"config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors",
                                      "model.safetensors.index.json", "pytorch_model.bin", "one.safetensors", "two.safetensors",
                                      "small.gguf"};
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *path = file_join(folder, names[i]);
    unlink(path);
    free(path);
  }
}

static void refused(const char *path, Status expected, const char *message) {
  Error err = {0};
  Source *source;
  const Status status = source_open(path, &source, &err);
  ok(status == expected && !source && strstr(err.text, message), "%s", err.text);
  source_close(source);
}

static void test_folder(void) {
  Error err = {0};
  Source *source;
  refused(folder, STATUS_DATA, "holds neither config.json nor tokenizer.json, expected a model in Hugging Face's layout or a GGUF file");
  add_text("tokenizer.json", "{\"model\":{}}");
  ok(source_open(folder, &source, &err) == STATUS_OK && source_tokenizer(source) && !source_config(source) && !source_gguf(source) &&
         weights_count(source_weights(source)) == 0, "a folder with a tokenizer alone opens %s", err.text);
  source_close(source);
  add_text("config.json", "{\"model_type\":\"x\"}");
  add_text("tokenizer_config.json", "{}");
  add_shard("model.safetensors", "w", 3);
  ok(source_open(folder, &source, &err) == STATUS_OK && json_get(source_config(source), "model_type") && source_tokenizer_config(source) &&
         weights_find(source_weights(source), "w") && strcmp(source_path(source), folder) == 0, "a whole folder opens %s", err.text);
  char digest[DIGEST_TEXT], *path = file_join(folder, "model.safetensors");
  FileMap map;
  file_map(path, &map, &err);
  digest_bytes(map.bytes, map.size, digest);
  ok(source && strcmp(source_digest(source), digest) == 0 && strcmp(source_digest(source), digest) == 0, "the digest is the file's SHA-256");
  file_unmap(&map);
  source_close(source);
  refused(path, STATUS_DATA, "a bare safetensors file, expected its folder");
  free(path);
  add_text("config.json", "{\"model_type\":");
  refused(folder, STATUS_DATA, "config.json: broken JSON");
  add_text("config.json", "[]");
  refused(folder, STATUS_DATA, "config.json: expected a JSON object");
  clear_folder();
  add_text("config.json", "{}");
  add_text("pytorch_model.bin", "x");
  refused(folder, STATUS_DATA, "has only pytorch_model.bin, expected model.safetensors; convert it with transformers");
  clear_folder();
}

static void test_shards(void) {
  Error err = {0};
  Source *source;
  add_text("config.json", "{}");
  add_shard("one.safetensors", "a", 1);
  add_shard("two.safetensors", "b", 2);
  add_text("model.safetensors.index.json", "{\"metadata\":{},\"weight_map\":{\"b\":\"two.safetensors\",\"a\":\"one.safetensors\"}}");
  ok(source_open(folder, &source, &err) == STATUS_OK && weights_count(source_weights(source)) == 2, "shards open %s", err.text);
  if (source) {
    const Tensor *a = weights_find(source_weights(source), "a"), *b = weights_find(source_weights(source), "b");
    float values[2] = {0};
    if (b) dtype_widen(b->dtype, b->bytes, 2, values);
    ok(a && b && values[0] == 2 && values[1] == -2 && strcmp(file_name(b->file), "two.safetensors") == 0, "each tensor from its shard");
    Digest *digest = digest_new();
    char text[DIGEST_TEXT];
    for (int i = 0; i < 2; i++) {
      char *path = file_join(folder, i ? "two.safetensors" : "one.safetensors");
      FileMap map;
      file_map(path, &map, &err);
      digest_add(digest, map.bytes, map.size);
      file_unmap(&map);
      free(path);
    }
    digest_finish(digest, text);
    ok(strcmp(source_digest(source), text) == 0, "the digest runs over the shards in name order");
  }
  source_close(source);
  static const struct {
    const char *index, *message;
  } faults[] = {
      {"{}", "index.json: \"weight_map\" is missing, empty or no object"},
      {"{\"weight_map\":{}}", "index.json: \"weight_map\" is missing, empty or no object"},
      {"{\"weight_map\":{\"a\":3}}", "tensor a is in \"\", expected the name of a file in this folder"},
      {"{\"weight_map\":{\"a\":\"../one.safetensors\"}}", "tensor a is in \"../one.safetensors\", expected the name of a file in this folder"},
      {"{\"weight_map\":{\"a\":\"/etc/passwd\"}}", "tensor a is in \"/etc/passwd\", expected the name of a file in this folder"},
      {"{\"weight_map\":{\"a\":\"..\"}}", "tensor a is in \"..\""},
      {"{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"two.safetensors\"}}", "tensor a is not in two.safetensors"},
      {"{\"weight_map\":{\"a\":\"two.safetensors\",\"b\":\"one.safetensors\"}}", "tensor a is not in two.safetensors"},
  };
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    add_text("model.safetensors.index.json", faults[i].index);
    refused(folder, STATUS_DATA, faults[i].message);
  }
  add_text("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"three.safetensors\"}}");
  refused(folder, STATUS_SYSTEM, "three.safetensors: cannot open: No such file");
  add_shard("two.safetensors", "a", 2);
  add_text("model.safetensors.index.json", "{\"weight_map\":{\"a\":\"one.safetensors\",\"b\":\"two.safetensors\"}}");
  refused(folder, STATUS_DATA, "two.safetensors: a second tensor named a; the first is in");
  clear_folder();
}

static void test_files(void) {
  Error err = {0};
  Source *source;
  char *path = file_join(folder, "small.gguf"), digest[DIGEST_TEXT];
  Bytes b = small_gguf(3);
  write_bytes(path, &b, b.size);
  digest_bytes(b.data, b.size, digest);
  ok(source_open(path, &source, &err) == STATUS_OK && source_gguf(source) && !source_config(source) && !source_tokenizer(source) &&
         weights_count(source_weights(source)) == 3 && strcmp(source_digest(source), digest) == 0, "a GGUF file opens %s", err.text);
  source_close(source);
  b.data[0] = 'X';
  write_bytes(path, &b, b.size);
  refused(path, STATUS_DATA, "starts with bytes 58 47 55 46, expected a GGUF file");
  drop(&b);
  free(path);
  refused("/no/such/model", STATUS_SYSTEM, "/no/such/model: cannot open: No such file");
  refused("/no/such/model.safetensors", STATUS_SYSTEM, "/no/such/model.safetensors: cannot open: No such file");
  clear_folder();
}

int main(void) {
  if (!mkdtemp(folder)) return 99;
  test_folder();
  test_shards();
  test_files();
  ok(rmdir(folder) == 0, "nothing is left behind");
  return tap_end();
}
