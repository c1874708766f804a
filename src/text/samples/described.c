/* Samples as a file describes them, for activations that were made elsewhere: names and token ids, nothing tokenised.
 */
#include "base/memory.h"
#include "text/samples/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Digests are those of prompts of the same texts or ids, so that the two compare. */
static Status read_ids(const Records *at, const Json *list, Sample *sample, Error *err) {
  if (!json_is_array(list) || json_count(list) == 0)
    return error_set(err, STATUS_DATA, "%s: \"ids\" is no list of token ids", at->where);
  sample->ids = mem_alloc(json_count(list), sizeof *sample->ids);
  Digest *digest = digest_new();
  Status status = STATUS_OK;
  for (const Json *node = json_first(list); node && status == STATUS_OK; node = json_next(node)) {
    const double id = json_number(node, -1);
    if (!(id >= 0 && id <= INT32_MAX && id == floor(id)))
      status = error_set(err, STATUS_DATA, "%s: \"ids\" holds %g at place %zu, expected a token id", at->where,
                         json_number(node, NAN), sample->n_tokens);
    else
      sample->ids[sample->n_tokens++] = (int32_t)id;
    digest_add_u64(digest, status == STATUS_OK ? (uint64_t)id : 0);
  }
  digest_finish(digest, sample->text_digest);
  return status;
}

static Status read_row(const Records *at, const Json *row, Sample *sample, Error *err) {
  const Json *text = json_get(row, "text"), *ids = json_get(row, "ids"), *count = json_get(row, "n_tokens");
  Status status = ids ? read_ids(at, ids, sample, err) : STATUS_OK;
  if (status != STATUS_OK) return status;
  if (text && !json_is_string(text)) return error_set(err, STATUS_DATA, "%s: \"text\" is no string", at->where);
  if (text) digest_bytes(json_string(text, ""), strlen(json_string(text, "")), sample->text_digest);
  const size_t n_ids = sample->n_tokens;
  if (count) status = json_need_size(row, "n_tokens", at->where, 1, UINT32_MAX, &sample->n_tokens, err);
  if (status == STATUS_OK && ids && sample->n_tokens != n_ids)
    status =
        error_set(err, STATUS_DATA, "%s: \"n_tokens\" is %zu, but \"ids\" are %zu", at->where, sample->n_tokens, n_ids);
  return status;
}

static Status check_uniform(const Records *at, const char *key, bool has, bool others_have, Error *err) {
  if (has == others_have) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: \"%s\" is %s, unlike in the rows before", at->where, key,
                   has ? "there" : "missing");
}

static Status add_row(SampleBuilder *b, const Records *at, const Json *row, bool *counted, bool *has_ids, Error *err) {
  Sample sample = {0};
  Status status = read_row(at, row, &sample, err);
  if (status == STATUS_OK && b->set->count == 0) {
    *counted = sample.n_tokens > 0;
    *has_ids = sample.ids != NULL;
  }
  if (status == STATUS_OK) status = check_uniform(at, "ids", sample.ids != NULL, *has_ids, err);
  if (status == STATUS_OK) status = check_uniform(at, "n_tokens", sample.n_tokens > 0, *counted, err);
  if (status == STATUS_OK) status = builder_take_id(b, at, row, &sample.id, err);
  if (status == STATUS_OK) status = row_text(at, row, "group", &sample.group, err);
  if (status == STATUS_OK) status = row_text(at, row, "label", &sample.label, err);
  if (status == STATUS_OK) {
    b->set->n_read++;
    builder_add(b, &sample);
    sample = (Sample){0};
  }
  sample_clear(&sample);
  return status;
}

Status samples_read_described(const char *path, SampleSet *set, bool *counted, bool *has_ids, Error *err) {
  const SampleRules rules = {0};
  SampleBuilder b;
  Records records = {0};
  *counted = *has_ids = false;
  builder_init(&b, &rules, set, 1);
  Status status = records_open(&records, path, err);
  while (status == STATUS_OK) {
    Json *row;
    status = records_next(&records, &row, err);
    if (status != STATUS_OK || !row) break;
    status = add_row(&b, &records, row, counted, has_ids, err);
    json_free(row);
  }
  if (status == STATUS_OK && set->count == 0) status = error_set(err, STATUS_DATA, "%s: no samples in this file", path);
  records_close(&records);
  return builder_end(&b, status);
}
