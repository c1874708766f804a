/* A set of samples: filling, splitting, freeing. The files' layouts are prompts.c and pairs/pairs.c. */
#include "text/samples/samples.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/utf8.h"
#include "text/pairs/turns.h"
#include "text/samples/parts.h"
#include "text/tokenizer/vocabulary.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void sample_clear(Sample *sample) {
  free(sample->id);
  free(sample->group);
  free(sample->label);
  free(sample->ids);
  *sample = (Sample){0};
}

static void drop_files(SampleSet *set) {
  for (size_t i = 0; i < set->n_files; i++) {
    free(set->files[i].path);
    free(set->files[i].schema);
  }
  free(set->files);
  set->files = NULL;
  set->n_files = 0;
}

void samples_clear(SampleSet *set) {
  for (size_t i = 0; i < set->count; i++) sample_clear(&set->items[i]);
  for (size_t i = 0; i < set->count / 2 && set->turns; i++) pair_turns_clear(&set->turns[i]);
  free(set->turns);
  free(set->items);
  free(set->pairs);
  free(set->schema);
  drop_files(set);
  *set = (SampleSet){0};
}

static bool is_plain(const PairLabel *label) {
  return label->margin == 0 && label->weight == 1 && label->probability == 1;
}

/* A pair's label counts where it says something. */
void samples_finish_digest(SampleSet *set) {
  Digest *digest = digest_new();
  for (size_t i = 0; set->pairs && i < set->count / 2; i++) {
    const PairLabel *label = &set->pairs[i];
    if (is_plain(label)) continue;
    char *text = mem_format("%zu %.17g %.17g %.17g", i, label->margin, label->weight, label->probability);
    digest_add_string(digest, text);
    free(text);
  }
  for (size_t i = 0; i < set->count; i++) {
    digest_add_string(digest, set->items[i].id);
    digest_add_string(digest, set->items[i].label);
    digest_add_string(digest, set->items[i].text_digest);
  }
  digest_finish(digest, set->digest);
}

size_t samples_dropped(const SampleSet *set) {
  return set->n_bad + set->n_tied + set->n_empty + set->n_equal + set->n_too_long;
}

void builder_init(SampleBuilder *b, const SampleRules *rules, SampleSet *set, size_t n_paths) {
  *b = (SampleBuilder){.rules = rules, .set = set, .several_files = n_paths > 1, .seen_mask = 63};
  b->seen = mem_alloc(b->seen_mask + 1, sizeof *b->seen);
  *set = (SampleSet){0};
}

Status builder_end(SampleBuilder *b, Status status) {
  for (size_t i = 0; i <= b->seen_mask; i++) free(b->seen[i]);
  free(b->seen);
  if (status == STATUS_OK)
    samples_finish_digest(b->set);
  else
    samples_clear(b->set);
  return status;
}

bool builder_is_full(const SampleBuilder *b) { return b->rules->limit && b->set->n_read >= b->rules->limit; }

static size_t seen_slot(char *const *seen, size_t mask, const char *id) {
  size_t slot = bytes_hash(id, strlen(id)) & mask;
  while (seen[slot] && strcmp(seen[slot], id) != 0) slot = (slot + 1) & mask;
  return slot;
}

/* false where the id was there before. */
static bool remember(SampleBuilder *b, const char *id) {
  if (2 * b->n_seen > b->seen_mask) {
    const size_t mask = 4 * b->seen_mask + 3;
    char **larger = mem_alloc(mask + 1, sizeof *larger);
    for (size_t i = 0; i <= b->seen_mask; i++)
      if (b->seen[i]) larger[seen_slot(larger, mask, b->seen[i])] = b->seen[i];
    free(b->seen);
    b->seen = larger;
    b->seen_mask = mask;
  }
  const size_t slot = seen_slot(b->seen, b->seen_mask, id);
  if (b->seen[slot]) return false;
  b->seen[slot] = mem_copy_string(id);
  b->n_seen++;
  return true;
}

Status row_text(const Records *at, const Json *row, const char *key, char **text, Error *err) {
  const Json *node = json_get(row, key);
  const double number = json_number(node, NAN);
  *text = NULL;
  if (json_is_string(node))
    *text = mem_copy_string(json_string(node, ""));
  else if (number == floor(number) && fabs(number) < 9e15) /* false for NaN */
    *text = mem_format("%.0f", number);
  else if (!node || json_is_null(node))
    *text = mem_copy_string("");
  else
    return error_set(err, STATUS_DATA, "%s: \"%s\" is neither a string nor a whole number", at->where, key);
  return STATUS_OK;
}

Status builder_take_id(SampleBuilder *b, const Records *at, const Json *row, char **id, Error *err) {
  const Status status = row_text(at, row, "id", id, err);
  if (status != STATUS_OK) return status;
  if (!**id) {
    free(*id);
    *id = b->several_files ? mem_format("%s:%zu", file_name(at->path), at->number) : mem_format("%zu", at->number);
  }
  if (remember(b, *id)) return STATUS_OK;
  error_set(err, STATUS_DATA, "%s: the id \"%.200s\" was there before, expected each once", at->where, *id);
  free(*id);
  *id = NULL;
  return STATUS_DATA;
}

Status sample_tokenize(const SampleRules *rules, const char *text, size_t size, unsigned flags, size_t response,
                       Sample *sample, Error *err) {
  TokenList tokens = {0};
  Status status =
      tokenizer_encode_at(rules->tokenizer, text, size, flags, response, &tokens, &sample->response_begin, err);
  if (status == STATUS_OK && tokens.count == 0) status = error_set(err, STATUS_DATA, "the text has no tokens");
  if (status != STATUS_OK) {
    token_list_clear(&tokens);
    return status;
  }
  sample->ids = mem_resize(tokens.ids, tokens.count, sizeof *tokens.ids);
  sample->n_tokens = tokens.count;
  digest_bytes(text, size, sample->text_digest);
  return STATUS_OK;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static size_t count_words(const char *text) {
  size_t n = 0;
  for (; *text; text++) n += !is_blank(*text) && (is_blank(text[1]) || !text[1]);
  return n;
}

/* Of turns that are not rendered. */
static void digest_messages(const Message *messages, size_t n, char text[DIGEST_TEXT]) {
  Digest *digest = digest_new();
  for (size_t i = 0; i < n; i++) {
    digest_add_string(digest, messages[i].role);
    digest_add_string(digest, messages[i].content);
  }
  digest_finish(digest, text);
}

static Status render(const SampleRules *rules, const Message *messages, size_t n, const Json *tools, Sample *sample,
                     Error *err) {
  ChatTemplate *plain = NULL;
  char *text = NULL;
  size_t size, response;
  Status status = rules->chat ? STATUS_OK : chat_open("none", NULL, rules->tokenizer, &plain, err);
  const ChatTemplate *chat = rules->chat ? rules->chat : plain;
  if (status == STATUS_OK) status = chat_render(chat, messages, n, tools, false, &text, &size, &response, err);
  if (status == STATUS_OK)
    status = sample_tokenize(rules, text, size, chat_tokenize_flags(chat), response, sample, err);
  free(text);
  chat_close(plain);
  return status;
}

Status sample_from_messages(const SampleRules *rules, const Records *at, const Message *messages, size_t n,
                            const Json *tools, Sample *sample, Error *err) {
  sample->prompt_key = prompt_key(messages, n);
  if (n > 0) sample->n_words = count_words(messages[n - 1].content);
  if (!rules->tokenizer) {
    digest_messages(messages, n, sample->text_digest);
    return STATUS_OK;
  }
  const Status status = render(rules, messages, n, tools, sample, err);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, "%s", at->where);
}

uint64_t prompt_key(const Message *messages, size_t n) {
  size_t first = 0;
  while (first < n && strcmp(messages[first].role, "user") != 0) first++;
  if (n == 0) return 0;
  const char *text = messages[first < n ? first : 0].content;
  while (is_blank(*text)) text++;
  size_t size = strlen(text);
  while (size > 0 && is_blank(text[size - 1])) size--;
  char digest[DIGEST_TEXT], half[17];
  digest_bytes(text, size, digest);
  memcpy(half, digest, 16);
  half[16] = 0;
  return strtoull(half, NULL, 16);
}

/* A list of {"type": "text", "text": ...} as one text. */
static Status join_parts(const Records *at, const char *name, const Json *parts, const char **content, Error *err) {
  size_t size = 0;
  for (const Json *part = json_first(parts); part; part = json_next(part)) {
    const char *type = json_string(json_get(part, "type"), ""), *text = json_string(json_get(part, "text"), NULL);
    if (strcmp(type, "text") != 0 || !text)
      return error_set(err, STATUS_DATA, "%s: \"content\" has a part that is no {\"type\": \"text\", \"text\": ...}",
                       name);
    size += strlen(text);
  }
  char *joined = mem_alloc(size + 1, 1), *to = joined;
  for (const Json *part = json_first(parts); part; part = json_next(part))
    to = stpcpy(to, json_string(json_get(part, "text"), ""));
  *content = records_keep(at, joined);
  return STATUS_OK;
}

/* The content of a turn; one that only calls tools may have none. */
static Status read_content(const Records *at, const char *name, const Json *turn, const char **content, Error *err) {
  const Json *node = json_get(turn, "content");
  *content = "";
  if ((!node || json_is_null(node)) && json_count(json_get(turn, "tool_calls")) > 0) return STATUS_OK;
  if (json_is_array(node)) return join_parts(at, name, node, content, err);
  return json_need_string(turn, "content", name, content, err);
}

Status read_messages(const Records *at, const char *key, const Json *list, Message **messages, size_t *n, Error *err) {
  *n = 0;
  *messages = mem_alloc(json_count(list), sizeof **messages);
  char *name = mem_format("%s: %s", at->where, key);
  Status status = STATUS_OK;
  for (const Json *turn = json_first(list); turn && status == STATUS_OK; turn = json_next(turn)) {
    Message *message = &(*messages)[*n];
    message->json = turn;
    status = json_need_string(turn, "role", name, &message->role, err);
    if (status == STATUS_OK) status = read_content(at, name, turn, &message->content, err);
    if (status == STATUS_OK) ++*n;
  }
  if (status == STATUS_OK && *n == 0)
    status =
        error_set(err, STATUS_DATA, "%s is no list of turns, expected [{\"role\": ..., \"content\": ...}, ...]", name);
  free(name);
  return status;
}

bool sample_is_too_long(const SampleRules *rules, const Sample *sample) {
  return rules->max_length && sample->n_tokens > rules->max_length;
}

void builder_add(SampleBuilder *b, const Sample *sample) {
  SampleSet *set = b->set;
  if (set->count == b->room) {
    b->room = 2 * b->room + 64;
    set->items = mem_resize(set->items, b->room, sizeof *set->items);
  }
  set->items[set->count++] = *sample;
}

void builder_add_label(SampleBuilder *b, const PairLabel *label) {
  const size_t n = b->set->count / 2;
  if (n == b->pairs_room) {
    b->pairs_room = 2 * b->pairs_room + 32;
    b->set->pairs = mem_resize(b->set->pairs, b->pairs_room, sizeof *b->set->pairs);
  }
  b->set->pairs[n] = *label;
}

void builder_add_turns(SampleBuilder *b, const PairTurns *turns) {
  const size_t n = b->set->count / 2;
  if (n == b->turns_room) {
    b->turns_room = 2 * b->turns_room + 32;
    b->set->turns = mem_resize(b->set->turns, b->turns_room, sizeof *b->set->turns);
  }
  b->set->turns[n] = *turns;
}

Status samples_from_text(const char *text, const SampleRules *rules, SampleSet *set, Error *err) {
  const size_t size = strlen(text);
  *set = (SampleSet){0};
  if (size == 0) return error_set(err, STATUS_USAGE, "--text: empty");
  if (utf8_valid_prefix(text, size) < size) return error_set(err, STATUS_USAGE, "--text: not UTF-8");
  SampleBuilder b;
  Sample sample = {0};
  builder_init(&b, rules, set, 1);
  set->n_read = 1;
  set->schema = mem_copy_string("prompts");
  Status status = sample_tokenize(rules, text, size, TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL, 0, &sample, err);
  sample.response_begin = 0;
  if (status != STATUS_OK) {
    error_prefix(err, "--text");
  } else if (sample_is_too_long(rules, &sample)) {
    set->n_too_long = 1;
  } else {
    sample.id = mem_copy_string("text");
    sample.group = mem_copy_string("");
    sample.label = mem_copy_string("");
    builder_add(&b, &sample);
    sample = (Sample){0};
  }
  sample_clear(&sample);
  return builder_end(&b, status);
}

void samples_split_pairs(SampleSet *set, double held_out_share, uint64_t seed, SampleSet *held_out) {
  assert(!set->turns);
  *held_out = (SampleSet){.items = mem_alloc(set->count, sizeof *held_out->items),
                          .pairs = mem_alloc(set->count / 2, sizeof *held_out->pairs),
                          .schema = mem_copy_string(set->schema ? set->schema : "")};
  size_t kept = 0;
  for (size_t i = 0; i + 1 < set->count; i += 2) {
    Rng rng = rng_new(seed ^ set->items[i].prompt_key);
    const bool out = rng_uniform(&rng) < held_out_share;
    Sample *to = out ? held_out->items + held_out->count : set->items + kept;
    to[0] = set->items[i];
    to[1] = set->items[i + 1];
    *(out ? held_out->pairs + held_out->count / 2 : set->pairs + kept / 2) = set->pairs[i / 2];
    *(out ? &held_out->count : &kept) += 2;
  }
  set->count = kept;
  drop_files(set);
  samples_finish_digest(set);
  samples_finish_digest(held_out);
}

/* Keeps the pairs that are wanted, in their order. */
static void keep_pairs(SampleSet *set, const bool *wanted) {
  size_t kept = 0;
  assert(!set->turns);
  for (size_t i = 0; i < set->count; i++) {
    if (wanted[i / 2]) {
      set->pairs[kept / 2] = set->pairs[i / 2];
      set->items[kept++] = set->items[i];
    } else {
      sample_clear(&set->items[i]);
    }
  }
  set->count = kept;
  drop_files(set);
  samples_finish_digest(set);
}

void samples_draw_pairs(SampleSet *set, size_t n, uint64_t seed) {
  const size_t n_pairs = set->count / 2;
  if (n >= n_pairs) return;
  Rng rng = rng_new(seed);
  size_t *order = mem_alloc(n_pairs, sizeof *order);
  bool *drawn = mem_alloc(n_pairs, sizeof *drawn);
  for (size_t i = 0; i < n_pairs; i++) order[i] = i;
  rng_shuffle(&rng, order, n_pairs);
  for (size_t i = 0; i < n; i++) drawn[order[i]] = true;
  keep_pairs(set, drawn);
  free(order);
  free(drawn);
}

void samples_relabel_pairs(SampleSet *set, const PairLabel *labels, const bool *wanted) {
  memcpy(set->pairs, labels, set->count / 2 * sizeof *labels);
  keep_pairs(set, wanted);
}
