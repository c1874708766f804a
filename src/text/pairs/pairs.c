/* Preference pairs: the rows of files to samples, two a pair, and counts of what is left out. The layouts of rows are
 * schemas.c. */
#include "base/log.h"
#include "base/memory.h"
#include "text/pairs/rows.h"
#include "text/pairs/turns.h"
#include "text/samples/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BAD_ROWS = 5 };

/* A file being read. */
typedef struct PairReader {
  SampleBuilder *builder;
  const char *path;
  const PairSchema *schema; /* of the first good row; NULL before */
  size_t n_read, n_bad;
  Error bad[SHOWN_BAD_ROWS]; /* what was wrong with the first ones */
} PairReader;

/* The keys of a row, for the message. */
static char *list_keys(const Json *row) {
  char *list = mem_copy_string("");
  for (const Json *member = json_first(row); member && strlen(list) < 120; member = json_next(member)) {
    char *longer = mem_format("%s%s%.40s", list, *list ? ", " : "", json_key(member));
    free(list);
    list = longer;
  }
  return list;
}

static Status unknown_schema(const Records *at, const Json *row, Error *err) {
  char *keys = list_keys(row), *known = pair_schemas_names();
  error_set(err, STATUS_DATA, "%s: no preference pair of a known schema: found the keys %s; expected those of %s",
            at->where, *keys ? keys : "(none)", known);
  free(keys);
  free(known);
  return STATUS_DATA;
}

static Status check_schema(PairReader *r, const Records *at, const Json *row, const PairSchema **schema, Error *err) {
  *schema = pair_schema_of(row);
  if (!r->schema && !*schema) return unknown_schema(at, row, err);
  if (r->schema && *schema != r->schema)
    return error_set(err, STATUS_DATA, "%s: %s, expected %s as in the first row", at->where,
                     *schema ? (*schema)->name : "no preference pair", r->schema->name);
  return STATUS_OK;
}

/* A number that a row may have; null is as if it were not there. */
static Status read_number(const Records *at, const Json *row, const char *key, double least, double most, double *value,
                          Error *err) {
  const Json *node = json_get(row, key);
  if (!node || json_is_null(node)) return STATUS_OK;
  *value = json_number(node, NAN);
  if (*value >= least && *value <= most) return STATUS_OK;
  char *found = json_print(node, false);
  error_set(err, STATUS_DATA, "%s: \"%s\" is %.40s, expected a number from %g to %g", at->where, key, found, least,
            most);
  free(found);
  return STATUS_DATA;
}

static Status read_label(const Records *at, const Json *row, PairLabel *label, Error *err) {
  *label = (PairLabel){.weight = 1, .probability = 1};
  Status status = read_number(at, row, "margin", -1e6, 1e6, &label->margin, err);
  if (status == STATUS_OK) status = read_number(at, row, "weight", 0, 1e6, &label->weight, err);
  if (status == STATUS_OK) status = read_number(at, row, "probability", 0, 1, &label->probability, err);
  return status;
}

/* An answer of blanks alone, which calls no tool either. */
static bool is_empty_side(const Conversation *c) {
  const Message *last = &c->messages[c->count - 1];
  return last->content[strspn(last->content, " \t\r\n")] == 0 && !json_get(last->json, "tool_calls");
}

static Status tokenize_sides(const SampleRules *rules, const Records *at, const Json *row, const PairRow *sides,
                             Sample pair[2], Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
    status = sample_from_messages(rules, at, sides->sides[i].messages, sides->sides[i].count, json_get(row, "tools"),
                                  &pair[i], err);
  return status;
}

/* Takes n tokens out on the left of the prompt, behind a BOS. The digest is then of what is left. */
static void cut_prompt(Sample *sample, size_t keep, size_t n) {
  memmove(sample->ids + keep, sample->ids + keep + n, (sample->n_tokens - keep - n) * sizeof *sample->ids);
  sample->n_tokens -= n;
  sample->response_begin -= n;
  Digest *digest = digest_new();
  for (size_t i = 0; i < sample->n_tokens; i++) digest_add_u64(digest, (uint64_t)sample->ids[i]);
  digest_finish(digest, sample->text_digest);
}

/* Cuts the prompts where the pair is too long and that helps. */
static bool fit_pair(const SampleRules *rules, Sample pair[2], bool *is_cut) {
  const size_t longest = pair[0].n_tokens > pair[1].n_tokens ? pair[0].n_tokens : pair[1].n_tokens;
  *is_cut = rules->max_length && longest > rules->max_length;
  if (!*is_cut) return true;
  const size_t over = longest - rules->max_length;
  size_t keep[2];
  for (size_t i = 0; i < 2; i++) {
    keep[i] = pair[i].ids[0] == tokenizer_bos(rules->tokenizer);
    if (!rules->truncate_prompt || pair[i].response_begin == pair[i].n_tokens ||
        pair[i].response_begin < keep[i] + over)
      return false;
  }
  for (size_t i = 0; i < 2; i++) cut_prompt(&pair[i], keep[i], over);
  return true;
}

static void add_pair(SampleBuilder *b, const char *id, const PairLabel *label, Sample pair[2]) {
  static const char *const sides[] = {"chosen", "rejected"};
  pair[1].prompt_key = pair[0].prompt_key;
  builder_add_label(b, label);
  for (size_t i = 0; i < 2; i++) {
    pair[i].id = mem_format("%s/%s", id, sides[i]);
    pair[i].group = mem_copy_string(id);
    pair[i].label = mem_copy_string(sides[i]);
    builder_add(b, &pair[i]);
    pair[i] = (Sample){0};
  }
}

static void keep_turns(SampleBuilder *b, const PairRow *row, const Json *tools) {
  const Conversation *const c = row->sides;
  const PairTurns turns = pair_turns_copy((const Message *const[]){c[0].messages, c[1].messages},
                                          (const size_t[]){c[0].count, c[1].count}, tools);
  builder_add_turns(b, &turns);
}

/* Into the set, or into the count of why not. */
static void settle(SampleBuilder *b, const char *id, const PairRow *row, const Json *tools, const PairLabel *label,
                   Sample pair[2]) {
  SampleSet *set = b->set;
  bool is_cut;
  if (row->is_tied) {
    set->n_tied++;
  } else if (is_empty_side(&row->sides[0]) || is_empty_side(&row->sides[1])) {
    set->n_empty++;
  } else if (strcmp(pair[0].text_digest, pair[1].text_digest) == 0) {
    set->n_equal++;
  } else if (!fit_pair(b->rules, pair, &is_cut)) {
    set->n_too_long++;
  } else {
    set->n_truncated += is_cut;
    if (b->rules->keep_turns) keep_turns(b, row, tools);
    add_pair(b, id, label, pair);
  }
}

static Status read_row(PairReader *r, const Records *at, const Json *row, Error *err) {
  SampleBuilder *b = r->builder;
  const PairSchema *schema;
  PairLabel label;
  PairRow sides = {0};
  Sample pair[2] = {0};
  char *id = NULL;
  const PairSource from = {at, row, b->rules->preference && strcmp(b->rules->preference, "better") == 0};
  Status status = check_schema(r, at, row, &schema, err);
  if (status == STATUS_OK) status = schema->read(&from, &sides, err);
  if (status == STATUS_OK) status = read_label(at, row, &label, err);
  if (status == STATUS_OK && !sides.is_tied) status = tokenize_sides(b->rules, at, row, &sides, pair, err);
  if (status == STATUS_OK) status = builder_take_id(b, at, row, &id, err);
  if (status == STATUS_OK) {
    r->schema = schema;
    settle(b, id, &sides, json_get(row, "tools"), &label, pair);
  }
  free(id);
  sample_clear(&pair[0]);
  sample_clear(&pair[1]);
  pair_row_clear(&sides);
  return status;
}

static Status read_rows(PairReader *r, Records *records, Error *err) {
  SampleSet *set = r->builder->set;
  while (!builder_is_full(r->builder)) {
    Json *row;
    Status status = records_next(records, &row, err);
    if (status == STATUS_OK && !row) break;
    if (records->is_lost) return status;
    if (status == STATUS_OK) status = read_row(r, records, row, err);
    json_free(row);
    if (status != STATUS_OK && (status != STATUS_DATA || r->builder->rules->strict)) return status;
    r->n_read++;
    set->n_read++;
    if (status == STATUS_OK) continue;
    if (r->n_bad < SHOWN_BAD_ROWS) r->bad[r->n_bad] = *err;
    r->n_bad++;
    set->n_bad++;
  }
  return STATUS_OK;
}

/* Bad rows among good ones are warned of; where no row is good, the first one is the error. */
static Status judge(const PairReader *r, Error *err) {
  if (r->n_read == 0) return error_set(err, STATUS_DATA, "%s: no pairs in this file", r->path);
  if (!r->schema) {
    *err = r->bad[0];
    return err->status;
  }
  for (size_t i = 0; i < r->n_bad && i < SHOWN_BAD_ROWS; i++) log_warn("%s: left out", r->bad[i].text);
  if (r->n_bad > SHOWN_BAD_ROWS) log_warn("%s: %zu more bad rows left out", r->path, r->n_bad - SHOWN_BAD_ROWS);
  return STATUS_OK;
}

/* "TRL pairs", then "TRL pairs, HH transcripts" where another file differs. */
static void name_schema(SampleSet *set, const char *name) {
  if (set->schema && strstr(set->schema, name)) return;
  char *longer = set->schema ? mem_format("%s, %s", set->schema, name) : mem_copy_string(name);
  free(set->schema);
  set->schema = longer;
}

static void add_file(const PairReader *r, size_t first) {
  SampleSet *set = r->builder->set;
  const char *wanted = r->builder->rules->preference;
  PairFile *file = &set->files[set->n_files++];
  *file =
      (PairFile){.path = mem_copy_string(r->path), .first = first, .count = set->count - first, .n_read = r->n_read};
  if (r->schema->has_preferences) file->preference = wanted && strcmp(wanted, "better") == 0 ? "better" : "safer";
  file->schema =
      file->preference ? mem_format("%s (%s)", r->schema->name, file->preference) : mem_copy_string(r->schema->name);
  name_schema(set, file->schema);
}

static Status read_file(SampleBuilder *b, const char *path, Error *err) {
  Records records = {0};
  PairReader reader = {.builder = b, .path = path};
  const size_t first = b->set->count;
  Status status = records_open(&records, path, err);
  if (status == STATUS_OK) status = read_rows(&reader, &records, err);
  if (status == STATUS_OK) status = judge(&reader, err);
  if (status == STATUS_OK) add_file(&reader, first);
  records_close(&records);
  return status;
}

/* A wish that no file can grant is answered. */
static void warn_of_preference(const SampleSet *set, const char *preference) {
  for (size_t i = 0; preference && i < set->n_files; i++)
    if (set->files[i].preference) return;
  if (preference)
    log_warn("--preference %s: rows of %s say in one way only which side is preferred", preference, set->schema);
}

Status samples_read_pairs(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set,
                          Error *err) {
  SampleBuilder b;
  Status status = STATUS_OK;
  builder_init(&b, rules, set, n_paths);
  set->files = mem_alloc(n_paths, sizeof *set->files);
  for (size_t i = 0; i < n_paths && status == STATUS_OK && !builder_is_full(&b); i++)
    status = read_file(&b, paths[i], err);
  if (status == STATUS_OK) warn_of_preference(set, rules->preference);
  return builder_end(&b, status);
}
