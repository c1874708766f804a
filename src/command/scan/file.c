/* SCAN.h5 and SCAN.csv: written so that a scan that was interrupted goes on with the prompt it was at. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/scan/scan.h"
#include "text/delimited.h"

#include <stdlib.h>
#include <string.h>

/* The command line without --resume, -q and --json, as provenance: a resumed scan is of the same words. words is freed by
 * the caller. */
static Provenance origin(const Invocation *call, const ScanSettings *s, Inputs *in, char ***words) {
  Provenance from = invocation_provenance(call, "scan", &s->common);
  *words = mem_alloc((size_t)call->argc, sizeof **words);
  from.argc = 0;
  for (int i = 0; i < call->argc; i++)
    if (!invocation_is_talk(call->argv[i])) (*words)[from.argc++] = call->argv[i];
  from.argv = *words;
  inputs_add_provenance(in, &from);
  return from;
}

/* What a scan is of, beyond its command line; the same when it goes on. what: for a person. */
typedef struct Attribute {
  const char *name, *value, *what;
} Attribute;
enum { ATTRIBUTES = 8 };

static void list_attributes(const ScanSettings *s, Inputs *in, const ScanPrompts *prompts, const ScanAnswers *answers,
                            char config_sha256[DIGEST_TEXT], Attribute out[ATTRIBUTES]) {
  digest_bytes(in->config, strlen(in->config), config_sha256);
  const Attribute list[ATTRIBUTES] = {
      {"weights_sha256", inputs_weights_digest(in), "other weights"},
      {"config_sha256", config_sha256, "other settings in config.json"},
      {"tokenizer_sha256", in->tokenizer_sha256, "another tokenizer"},
      {"chat_template_sha256", in->chat_sha256, "another chat template"},
      {"prompts_sha256", prompts->questions.digest, "other prompts, groups or tools"},
      {"answers", answers->are_tokens ? "tokens" : "words", "another kind of answers"},
      {"answers_sha256", answers->digest, "other words"},
      {"compute_dtype", s->input.dtype, "another --dtype"},
  };
  memcpy(out, list, sizeof list);
}

static Status write_numbers(Result *result, const char *name, const double *values, size_t n, Error *err) {
  return result_write_array(result, name, 1, &n, values, err);
}

static Status write_prompts(Result *result, const ScanPrompts *prompts, Error *err) {
  static const char *const names[] = {"prompts/id", "prompts/text", "prompts/group"};
  const size_t n = prompts->n_used;
  const char **texts = mem_alloc(n, sizeof *texts);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 3 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < n; i++) {
      const Question *q = &prompts->questions.items[prompts->used[i]];
      texts[i] = k == 0 ? q->id : k == 1 ? q->text : q->group;
    }
    status = result_write_strings(result, names[k], texts, n, err);
  }
  free(texts);
  return status;
}

static Status write_tokens(Result *result, const ScanAnswers *a, Error *err) {
  double *ids = mem_alloc(a->n, sizeof *ids), *encoding = mem_alloc(a->n, sizeof *encoding),
         *others = mem_alloc(a->n_other, sizeof *others);
  for (size_t i = 0; i < a->n; i++) {
    ids[i] = a->ids[i];
    encoding[i] = a->encoding[i];
  }
  for (size_t i = 0; i < a->n_other; i++) others[i] = (double)a->others[i];
  Status status = write_numbers(result, "answers/token_id", ids, a->n, err);
  if (status == STATUS_OK) status = write_numbers(result, "answers/reencoding", encoding, a->n, err);
  if (status == STATUS_OK)
    status = result_write_strings(result, "answers/name", (const char *const *)a->names, a->n, err);
  if (status == STATUS_OK && a->n_other > 0)
    status = write_numbers(result, "reencoded/answer", others, a->n_other, err);
  free(ids);
  free(encoding);
  free(others);
  return status;
}

static Status write_words(Result *result, const ScanAnswers *a, Error *err) {
  double *n_tokens = mem_alloc(a->n, sizeof *n_tokens);
  for (size_t i = 0; i < a->n; i++) n_tokens[i] = (double)a->n_tokens[i];
  const Status status = write_numbers(result, "answers/n_tokens", n_tokens, a->n, err);
  free(n_tokens);
  return status;
}

/* What is known so far, under the temporary name; a device is written once. */
static Status flush(const ScanFile *file, Error *err) {
  return file->is_device ? STATUS_OK : result_flush(file->result, err);
}

static Status begin(ScanFile *file, const Provenance *from, const Attribute *attributes, const ScanPrompts *prompts,
                    const ScanAnswers *a, Error *err) {
  Status status = file->is_device ? result_create(file->path, "scan", from, &file->result, err)
                                  : result_create_in_place(file->part, "scan", from, &file->result, err);
  for (size_t i = 0; i < ATTRIBUTES && status == STATUS_OK; i++)
    status = result_write_attribute(file->result, attributes[i].name, attributes[i].value, err);
  if (status == STATUS_OK) status = write_prompts(file->result, prompts, err);
  if (status == STATUS_OK)
    status = result_write_strings(file->result, "answers/text", (const char *const *)a->texts, a->n, err);
  if (status == STATUS_OK) status = a->are_tokens ? write_tokens(file->result, a, err) : write_words(file->result, a, err);
  return status == STATUS_OK ? flush(file, err) : status;
}

/* Rows that were written before the scan was interrupted. */
static Status read_rows(ScanFile *file, const char *name, size_t width, size_t n_prompts, double *to, size_t *n_rows,
                        Error *err) {
  size_t rank, shape[RESULT_MAX_RANK];
  double *rows;
  *n_rows = 0;
  if (!result_has(file->result, name)) return STATUS_OK;
  Status status = result_read_array(file->result, name, &rank, shape, &rows, err);
  if (status != STATUS_OK) return status;
  if (rank != 2 || shape[1] != width || shape[0] > n_prompts)
    status = error_set(err, STATUS_DATA, "%s: %s is of %zu x %zu, expected at most %zu x %zu", file->part, name, shape[0],
                       shape[1], n_prompts, width);
  else
    memcpy(to, rows, shape[0] * width * sizeof *to);
  *n_rows = shape[0];
  free(rows);
  return status;
}

static Status check_same(const ScanFile *file, const char *path, const Provenance *from, const Attribute *attributes,
                         Error *err) {
  char *line = command_line(from->argc, from->argv);
  const bool same = strcmp(line, result_command_line(file->result)) == 0 && strcmp(result_kind(file->result), "scan") == 0;
  const char *what = same ? NULL : "other arguments";
  free(line);
  for (size_t i = 0; i < ATTRIBUTES && !what; i++) {
    char *value;
    const Status status = result_read_attribute(file->result, attributes[i].name, &value, err);
    if (status != STATUS_OK) return status;
    if (strcmp(value, attributes[i].value) != 0) what = attributes[i].what;
    free(value);
  }
  return what ? error_set(err, STATUS_DATA, "%s: is of %s, expected the same: choose another -o", path, what)
              : STATUS_OK;
}

/* file->result stays NULL where the scan was interrupted before its first prompt was done. */
static Status go_on(ScanFile *file, const char *path, const Provenance *from, const Attribute *attributes,
                    size_t n_prompts, const ScanAnswers *a, bool reencoded, Error *err) {
  size_t n_others = 0;
  Status status = result_reopen(path, &file->result, err);
  if (status == STATUS_OK && !file->is_whole && !result_has(file->result, "rewards")) {
    result_close(file->result);
    file->result = NULL;
    return STATUS_OK;
  }
  if (status == STATUS_OK) status = check_same(file, path, from, attributes, err);
  if (status == STATUS_OK) status = read_rows(file, "rewards", a->n, n_prompts, file->rewards, &file->n_done, err);
  if (status == STATUS_OK && reencoded && a->n_other > 0) {
    status = read_rows(file, "reencoded/rewards", a->n_other, n_prompts, file->others, &n_others, err);
    if (status == STATUS_OK && n_others != file->n_done)
      status = error_set(err, STATUS_DATA, "%s: reencoded/rewards has %zu rows, expected %zu as rewards has", path, n_others,
                         file->n_done);
  }
  return status;
}

/* An output that is there already is gone on with, or was whole; without --resume it is written anew. */
static Status open_result(ScanFile *file, const ScanSettings *s, const Provenance *from, const Attribute *attributes,
                          const ScanPrompts *prompts, const ScanAnswers *a, Error *err) {
  const size_t n_prompts = prompts->n_used;
  file->is_device = strncmp(file->path, "/dev/", 5) == 0;
  file->part = mem_format("%s.part", file->path);
  const bool has_part = !file->is_device && file_exists(file->part);
  file->is_whole = s->resume && !file->is_device && !has_part && file_exists(file->path);
  if (!s->resume || (!has_part && !file->is_whole)) return begin(file, from, attributes, prompts, a, err);
  const char *path = file->is_whole ? file->path : file->part;
  Status status = go_on(file, path, from, attributes, n_prompts, a, s->reencoded, err);
  if (status == STATUS_OK && !file->result) return begin(file, from, attributes, prompts, a, err);
  if (status == STATUS_OK && file->is_whole && file->n_done < n_prompts)
    status = error_set(err, STATUS_DATA, "%s: has %zu of %zu prompts, expected all of a file that is whole", path,
                       file->n_done, n_prompts);
  if (status == STATUS_OK)
    log_note(file->is_whole ? "%s: is whole already" : "%s: goes on behind %zu prompts", path, file->n_done);
  return status;
}

Status scan_file_open(ScanFile *file, const Invocation *call, const ScanSettings *s, Inputs *in,
                      const ScanPrompts *prompts, const ScanAnswers *a, Error *err) {
  char **words, config_sha256[DIGEST_TEXT];
  size_t cells;
  Attribute attributes[ATTRIBUTES];
  *file = (ScanFile){.path = s->output ? mem_copy_string(s->output) : NULL};
  if (!size_multiply(prompts->n_used, a->n, &cells))
    return error_set(err, STATUS_SYSTEM, "%zu prompts x %zu answers: too many", prompts->n_used, a->n);
  Status status = mem_try(cells, sizeof *file->rewards, (void **)&file->rewards, err);
  if (status == STATUS_OK && s->reencoded)
    status = mem_try(prompts->n_used * a->n_other, sizeof *file->others, (void **)&file->others, err);
  if (status != STATUS_OK || !file->path) return status;
  const Provenance from = origin(call, s, in, &words);
  list_attributes(s, in, prompts, a, config_sha256, attributes);
  status = open_result(file, s, &from, attributes, prompts, a, err);
  free(words);
  return status;
}

Status scan_file_add(ScanFile *file, const ScanAnswers *a, Error *err) {
  const size_t row = file->n_done++;
  if (!file->result) return STATUS_OK;
  Status status = result_append(file->result, "rewards", 1, &a->n, file->rewards + row * a->n, err);
  if (status == STATUS_OK && file->others && a->n_other > 0)
    status = result_append(file->result, "reencoded/rewards", 1, &a->n_other, file->others + row * a->n_other, err);
  return status == STATUS_OK ? flush(file, err) : status;
}

Status scan_file_finish(ScanFile *file, Error *err) {
  if (!file->result || file->is_whole) return STATUS_OK;
  Result *result = file->result;
  file->result = NULL;
  const Status status = result_finish(result, err);
  return status == STATUS_OK && !file->is_device ? file_rename(file->part, file->path, err) : status;
}

void scan_file_close(ScanFile *file) {
  result_close(file->result);
  free(file->path);
  free(file->part);
  free(file->rewards);
  free(file->others);
  *file = (ScanFile){0};
}

/* --- CSV --- */

Status scan_write_csv(const char *path, const ScanPrompts *prompts, const ScanAnswers *a, const double *rewards,
                      Error *err) {
  FileWriter writer;
  Status status = file_writer_open(&writer, path, err);
  if (status != STATUS_OK) return status;
  fputs(a->are_tokens ? "token_id,token_name,token_decoded" : "response", writer.stream);
  for (size_t p = 0; p < prompts->n_used; p++) {
    fputc(',', writer.stream);
    delimited_write_cell(writer.stream, prompts->questions.items[prompts->used[p]].id);
  }
  for (size_t i = 0; i < a->n; i++) {
    fputc('\n', writer.stream);
    if (a->are_tokens) {
      fprintf(writer.stream, "%d,", (int)a->ids[i]);
      delimited_write_cell(writer.stream, a->names[i]);
      fputc(',', writer.stream);
    }
    delimited_write_cell(writer.stream, a->texts[i]);
    for (size_t p = 0; p < prompts->n_used; p++) fprintf(writer.stream, ",%.9g", rewards[p * a->n + i]);
  }
  fputc('\n', writer.stream);
  status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  return status;
}
