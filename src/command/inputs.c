/* Opening models and reading samples for the commands that run a model. */
#include "command/inputs.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "config.h"

#include <ctype.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

/* Letters and digits of a name's last part, in lower case: "meta-llama/Llama-3.1-8B" and llama-3.1-8b.gguf are alike.
 */
static char *plain_name(const char *path) {
  const char *from = file_name(path);
  char *plain = mem_alloc(strlen(from) + 1, 1), *to = plain;
  for (; *from; from++)
    if (isalnum((unsigned char)*from)) *to++ = (char)tolower((unsigned char)*from);
  return plain;
}

/* File names differ for many reasons, so this is only said. */
void inputs_warn_of_other_base(const Adapter *adapter, const Source *source, const char *path) {
  const char *base = adapter_base(adapter);
  if (!base) return;
  GgufText name = {"", 0};
  if (source_gguf(source)) gguf_text(source_gguf(source), "general.name", &name);
  char *resolved = realpath(path, NULL),
       *general = mem_format("%.*s", (int)(name.size < 200 ? name.size : 200), name.bytes);
  const char *const names[] = {path, resolved, general,
                               json_string(json_get(source_config(source), "_name_or_path"), "")};
  char *expected = plain_name(base);
  bool known = false;
  for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
    char *found = names[i] ? plain_name(names[i]) : NULL;
    known = known || (found && strstr(found, expected));
    free(found);
  }
  if (!known) log_warn("%s: was made for %s, and is put on %s", adapter_path(adapter), base, path);
  free(expected);
  free(general);
  free(resolved);
}

static Status open_adapter(Inputs *in, const char *folder, bool strict, Error *err) {
  Status status = adapter_open(folder, strict, &in->adapter, err);
  if (status != STATUS_OK) return status;
  char *tokenizer = file_join(folder, "tokenizer.json");
  if (file_exists(tokenizer)) {
    status = source_open(folder, &in->adapter_files, err);
    log_note("tokenizer and chat template of %s", folder);
  }
  free(tokenizer);
  return status;
}

/* What computing in bfloat16 needs, which is asked for before large files are read. */
static Status open_narrow(Inputs *in, const InputSettings *settings, Error *err) {
  if (strcmp(settings->dtype, "bfloat16") != 0) return STATUS_OK;
  if (settings->widen && !settings->trains)
    return error_set(err, STATUS_USAGE, "--widen and --dtype bfloat16 exclude each other");
  const Status status = onednn_open(&in->onednn, err);
  return status == STATUS_OK ? status : error_prefix(err, "--dtype bfloat16");
}

static Status open_files(Inputs *in, const char *path, const InputSettings *settings, Error *err) {
  if (adapter_is_folder(path))
    return error_set(err, STATUS_DATA, "%s: holds an adapter, not a model: name its base model, and --adapter %s", path,
                     path);
  struct tm date;
  bool has_date;
  Status status = open_narrow(in, settings, err);
  if (status == STATUS_OK) status = chat_date(settings->chat_date, &date, &has_date, err);
  if (status == STATUS_OK) status = source_open(path, &in->source, err);
  if (status == STATUS_OK && settings->adapter) status = open_adapter(in, settings->adapter, settings->strict, err);
  const Source *texts = in->adapter_files ? in->adapter_files : in->source;
  if (status == STATUS_OK) status = tokenizer_open(texts, &in->tokenizer, err);
  if (status == STATUS_OK)
    status = chat_open(settings->chat_template, has_date ? &date : NULL, in->tokenizer, &in->chat, err);
  if (status == STATUS_OK && settings->chat_date && !*chat_written_date(in->chat))
    log_warn("--chat-date has no effect: %s writes no date", chat_name(in->chat));
  if (status == STATUS_OK)
    status = model_open(in->source, (ModelOptions){in->adapter, settings->strict, !settings->widen, settings->lora},
                        &in->model, err);
  if (status == STATUS_OK && in->onednn)
    status = (settings->trains ? model_narrow : model_pack)(&in->model, in->onednn, err);
  if (status == STATUS_OK && in->adapter) inputs_warn_of_other_base(in->adapter, in->source, path);
  return status;
}

/* Every token needs a row of the embedding. Folders may have rows to spare; GGUF files name them all. */
static Status check_vocabulary(const Inputs *in, Error *err) {
  const Source *texts = in->adapter_files ? in->adapter_files : in->source;
  const size_t vocab = tokenizer_vocab_size(in->tokenizer), rows = in->model.config.vocab_size;
  const bool gguf = source_gguf(texts) != NULL;
  if (vocab == rows || (vocab < rows && !gguf)) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: %s has %zu tokens, the embedding %zu rows, expected %s", source_path(texts),
                   gguf ? "tokenizer.ggml.tokens" : "tokenizer.json", vocab, rows,
                   gguf ? "as many" : "no more tokens than rows");
}

Status inputs_open_model(Inputs *in, const char *path, const InputSettings *settings, Error *err) {
  Status status = open_files(in, path, settings, err);
  if (status != STATUS_OK) return status;
  status = check_vocabulary(in, err);
  if (status != STATUS_OK) return status;
  tokenizer_digest(in->tokenizer, in->tokenizer_sha256);
  chat_digest(in->chat, in->chat_sha256);
  Json *config = config_to_json(&in->model.config, in->model.has_score, tokenizer_bos(in->tokenizer),
                                tokenizer_eos(in->tokenizer), tokenizer_pad(in->tokenizer));
  in->config = json_print(config, false);
  json_free(config);
  in->model_name = in->adapter ? mem_format("%s + %s", path, settings->adapter) : mem_copy_string(path);
  return STATUS_OK;
}

char *inputs_parameter_memory(const Inputs *in) {
  const Model *model = &in->model;
  const double mib = 1 << 20,
               widened =
                   (double)(model->table.total * sizeof(real) - model->bytes_dropped + model->matrices.factor_bytes) /
                   mib,
               in_file = (double)model->matrices.bytes_in_file / mib;
  char *narrow = model->packed.base
                     ? mem_format("%.1f MiB of parameters in bfloat16, ", (double)model->packed.used / mib)
                     : mem_copy_string("");
  char *text = in_file > 0 ? mem_format("%s%.1f MiB of parameters as the file has them and %.1f MiB widened", narrow,
                                        in_file, widened)
                           : mem_format("%s%.1f MiB of parameters", narrow, widened);
  free(narrow);
  return text;
}

const char *inputs_weights_digest(Inputs *in) {
  if (!in->adapter) return source_digest(in->source);
  Digest *digest = digest_new();
  digest_add_string(digest, source_digest(in->source));
  digest_add_string(digest, adapter_digest(in->adapter));
  digest_finish(digest, in->weights_sha256);
  return in->weights_sha256;
}

void inputs_add_provenance(Inputs *in, Provenance *provenance) {
  provenance->models[provenance->n_models].path = source_path(in->source);
  provenance->models[provenance->n_models++].sha256 = source_digest(in->source);
  if (!in->adapter) return;
  provenance->models[provenance->n_models].path = adapter_path(in->adapter);
  provenance->models[provenance->n_models++].sha256 = adapter_digest(in->adapter);
}

StoreContents inputs_store_provenance(Inputs *in, const CommonSettings *common, const char *line) {
  return (StoreContents){.command_line = line,
                         .model = in->model_name,
                         .weights_sha256 = inputs_weights_digest(in),
                         .config = in->config,
                         .tokenizer_sha256 = in->tokenizer_sha256,
                         .chat_template_sha256 = in->chat_sha256,
                         .chat_date = chat_written_date(in->chat),
                         .data_sha256 = in->samples.digest,
                         .compute_dtype = in->onednn ? "bfloat16" : "float32",
                         .tool_version = PACKAGE_VERSION,
                         .seed = common->seed,
                         .threads = (uint64_t)omp_get_max_threads()};
}

char *inputs_command_line(const Invocation *call) {
  char **words = mem_alloc((size_t)call->argc, sizeof *words);
  int n = 0;
  for (int i = 0; i < call->argc; i++)
    if (!invocation_is_talk(call->argv[i])) words[n++] = call->argv[i];
  char *line = command_line(n, words);
  free(words);
  return line;
}

void inputs_close(Inputs *in) {
  for (size_t i = 0; i < in->n_notes; i++) free(in->notes[i]);
  free(in->notes);
  samples_clear(&in->samples);
  model_close(&in->model);
  onednn_close(in->onednn);
  chat_close(in->chat);
  tokenizer_close(in->tokenizer);
  source_close(in->adapter_files);
  adapter_close(in->adapter);
  source_close(in->source);
  free(in->model_name);
  free(in->config);
  *in = (Inputs){0};
}
