/* Prompt files: lines of text, or JSONL of texts, turns or ids. */
#include "base/file.h"
#include "base/memory.h"
#include "text/samples/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Token ids as they are: nothing is added to them. */
static Status read_ids(const SampleRules *rules, const Records *at, const Json *list, Sample *sample, Error *err) {
  const size_t n = json_count(list), vocabulary = tokenizer_vocab_size(rules->tokenizer);
  if (!json_is_array(list) || n == 0)
    return error_set(err, STATUS_DATA, "%s: \"ids\" is no list of token ids", at->where);
  sample->ids = mem_alloc(n, sizeof *sample->ids);
  Digest *digest = digest_new();
  Status status = STATUS_OK;
  for (const Json *node = json_first(list); node && status == STATUS_OK; node = json_next(node)) {
    const double id = json_number(node, -1);
    if (!(id >= 0 && id < (double)vocabulary && id == floor(id))) {
      status = error_set(err, STATUS_DATA, "%s: \"ids\" holds %g at place %zu, expected a token id below %zu",
                         at->where, json_number(node, NAN), sample->n_tokens, vocabulary);
      break;
    }
    sample->ids[sample->n_tokens++] = (int32_t)id;
    digest_add_u64(digest, (uint64_t)id);
  }
  digest_finish(digest, sample->text_digest);
  return status;
}

static Status read_text(const SampleRules *rules, const Records *at, const char *text, size_t size, Sample *sample,
                        Error *err) {
  if (size == 0) return error_set(err, STATUS_DATA, "%s: the text is empty", at->where);
  const Status status =
      sample_tokenize(rules, text, size, TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL, 0, sample, err);
  sample->response_begin = 0;
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, "%s", at->where);
}

static Status read_turns(const SampleRules *rules, const Records *at, const Json *row, Sample *sample, Error *err) {
  Message *messages;
  size_t n;
  Status status = read_messages(at, "messages", json_get(row, "messages"), &messages, &n, err);
  if (status == STATUS_OK && !*messages[n - 1].content && !json_get(messages[n - 1].json, "tool_calls"))
    status = error_set(err, STATUS_DATA, "%s: the last turn is empty", at->where);
  if (status == STATUS_OK) status = sample_from_messages(rules, at, messages, n, json_get(row, "tools"), sample, err);
  free(messages);
  return status;
}

static Status read_row(const SampleRules *rules, const Records *at, const Json *row, Sample *sample, Error *err) {
  const Json *text = json_get(row, "text"), *turns = json_get(row, "messages"), *ids = json_get(row, "ids");
  const int n = (text != NULL) + (turns != NULL) + (ids != NULL);
  if (n != 1)
    return error_set(err, STATUS_DATA, "%s: %s of \"text\", \"messages\" and \"ids\", expected one", at->where,
                     n ? "several" : "none");
  if (turns) return read_turns(rules, at, row, sample, err);
  if (ids) return read_ids(rules, at, ids, sample, err);
  if (!json_is_string(text)) return error_set(err, STATUS_DATA, "%s: \"text\" is no string", at->where);
  return read_text(rules, at, json_string(text, ""), strlen(json_string(text, "")), sample, err);
}

/* The row's names, then the sample into the set or into the count of those that are too long. */
static Status add_row(SampleBuilder *b, const Records *at, const Json *row, Sample *sample, Error *err) {
  Status status = builder_take_id(b, at, row, &sample->id, err);
  if (status == STATUS_OK) status = row_text(at, row, "group", &sample->group, err);
  if (status == STATUS_OK) status = row_text(at, row, "label", &sample->label, err);
  if (status != STATUS_OK) return status;
  b->set->n_read++;
  if (sample_is_too_long(b->rules, sample)) {
    b->set->n_too_long++;
    return STATUS_OK;
  }
  builder_add(b, sample);
  *sample = (Sample){0};
  return STATUS_OK;
}

static Status read_lines(SampleBuilder *b, Records *records, Error *err) {
  Status status = STATUS_OK;
  while (status == STATUS_OK && !builder_is_full(b)) {
    const char *line;
    size_t size;
    Sample sample = {0};
    status = records_next_line(records, &line, &size, err);
    if (status != STATUS_OK || !line) break;
    status = read_text(b->rules, records, line, size, &sample, err);
    if (status == STATUS_OK) status = add_row(b, records, NULL, &sample, err);
    sample_clear(&sample);
  }
  return status;
}

static Status read_rows(SampleBuilder *b, Records *records, Error *err) {
  Status status = STATUS_OK;
  while (status == STATUS_OK && !builder_is_full(b)) {
    Json *row;
    Sample sample = {0};
    status = records_next(records, &row, err);
    if (status != STATUS_OK || !row) break;
    status = read_row(b->rules, records, row, &sample, err);
    if (status == STATUS_OK) status = add_row(b, records, row, &sample, err);
    sample_clear(&sample);
    json_free(row);
  }
  return status;
}

Status samples_read_prompts(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set,
                            Error *err) {
  SampleBuilder b;
  Status status = STATUS_OK;
  builder_init(&b, rules, set, n_paths);
  set->schema = mem_copy_string("prompts");
  for (size_t i = 0; i < n_paths && status == STATUS_OK && !builder_is_full(&b); i++) {
    Records records = {0};
    const size_t before = set->n_read;
    status = records_open(&records, paths[i], err);
    if (status == STATUS_OK)
      status = file_has_suffix(paths[i], ".txt") || file_has_suffix(paths[i], ".txt.gz") ? read_lines(&b, &records, err)
                                                                                         : read_rows(&b, &records, err);
    if (status == STATUS_OK && set->n_read == before)
      status = error_set(err, STATUS_DATA, "%s: no prompts in this file", paths[i]);
    records_close(&records);
  }
  return builder_end(&b, status);
}
