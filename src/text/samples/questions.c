/* Reading questions. */
#include "text/samples/questions.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/samples/parts.h"

#include <stdlib.h>
#include <string.h>

static void question_clear(Question *q) {
  for (size_t i = 0; i < q->n_messages; i++) free((char *)q->messages[i].content);
  free(q->messages);
  free(q->id);
  free(q->group);
  free(q->text);
  json_free(q->row);
  *q = (Question){0};
}

void questions_clear(QuestionSet *set) {
  for (size_t i = 0; i < set->count; i++) question_clear(&set->items[i]);
  free(set->items);
  *set = (QuestionSet){0};
}

static void add(QuestionSet *set, const Question *q) {
  if (set->count == set->room)
    set->items = mem_resize(set->items, set->room = 2 * set->room + 64, sizeof *set->items);
  set->items[set->count++] = *q;
}

static void take_text(Question *q, const char *text, size_t size) {
  char *content = mem_alloc(size + 1, 1);
  memcpy(content, text, size);
  q->messages = mem_alloc(1, sizeof *q->messages);
  q->n_messages = 1;
  q->messages[0] = (Message){.role = "user", .content = content};
}

static Status take_turns(const Records *at, Question *q, Error *err) {
  Message *turns;
  size_t n;
  Status status = read_messages(at, "messages", json_get(q->row, "messages"), &turns, &n, err);
  if (status == STATUS_OK && strcmp(turns[n - 1].role, "assistant") == 0)
    status = error_set(err, STATUS_DATA, "%s: the last turn is the assistant's, expected one that is to be answered",
                       at->where);
  if (status != STATUS_OK) {
    free(turns);
    return status;
  }
  for (size_t i = 0; i < n; i++) turns[i].content = mem_copy_string(turns[i].content); /* records keep a row's texts only */
  q->messages = turns;
  q->n_messages = n;
  return STATUS_OK;
}

static Status take_row(const Records *at, Question *q, Error *err) {
  const Json *text = json_get(q->row, "text"), *turns = json_get(q->row, "messages");
  if (!text == !turns)
    return error_set(err, STATUS_DATA, "%s: %s \"text\" %s \"messages\", expected one of them: a question for the template",
                     at->where, text ? "both" : "neither", text ? "and" : "nor");
  if (text && !*json_string(text, ""))
    return error_set(err, STATUS_DATA, "%s: \"text\" is empty, or no string", at->where);
  q->tools = json_get(q->row, "tools");
  if (turns) return take_turns(at, q, err);
  take_text(q, json_string(text, ""), strlen(json_string(text, "")));
  return STATUS_OK;
}

/* The question's names, once it has its turns. */
static Status take_names(const QuestionSet *set, const Records *at, bool several_files, Question *q, Error *err) {
  Status status = row_text(at, q->row, "id", &q->id, err);
  if (status == STATUS_OK) status = row_text(at, q->row, "group", &q->group, err);
  if (status != STATUS_OK) return status;
  if (!*q->id) {
    free(q->id);
    q->id = several_files ? mem_format("%s:%zu", file_name(at->path), at->number) : mem_format("%zu", at->number);
  }
  for (size_t i = 0; i < set->count; i++)
    if (strcmp(set->items[i].id, q->id) == 0)
      return error_set(err, STATUS_DATA, "%s: the id \"%.200s\" was there before, expected each once", at->where, q->id);
  q->text = mem_copy_string(q->messages[q->n_messages - 1].content);
  return STATUS_OK;
}

/* *found is false at the end. */
static Status read_one(const QuestionSet *set, Records *at, bool lines, bool several_files, Question *q, bool *found,
                       Error *err) {
  const char *line = NULL;
  size_t size = 0;
  Status status = lines ? records_next_line(at, &line, &size, err) : records_next(at, &q->row, err);
  *found = line || q->row;
  if (status != STATUS_OK || !*found) return status;
  if (line && memchr(line, 0, size))
    status = error_set(err, STATUS_DATA, "%s: holds a zero byte", at->where);
  else if (line)
    take_text(q, line, size);
  else
    status = take_row(at, q, err);
  return status == STATUS_OK ? take_names(set, at, several_files, q, err) : status;
}

static Status read_file(QuestionSet *set, const char *path, bool several_files, size_t limit, Error *err) {
  const bool lines = file_has_suffix(path, ".txt") || file_has_suffix(path, ".txt.gz");
  const size_t before = set->count;
  Records records = {0};
  Status status = records_open(&records, path, err);
  for (bool found = true; found && status == STATUS_OK && (limit == 0 || set->count < limit);) {
    Question q = {0};
    status = read_one(set, &records, lines, several_files, &q, &found, err);
    if (status == STATUS_OK && found)
      add(set, &q);
    else
      question_clear(&q);
  }
  records_close(&records);
  if (status == STATUS_OK && set->count == before) status = error_set(err, STATUS_DATA, "%s: no prompts in this file", path);
  return status;
}

/* A template sees all of a turn as the file has it. */
static void add_json(Digest *digest, const Json *json) {
  char *text = json ? json_print(json, false) : NULL;
  digest_add_string(digest, text ? text : "");
  free(text);
}

static void finish_digest(QuestionSet *set) {
  Digest *digest = digest_new();
  for (size_t i = 0; i < set->count; i++) {
    const Question *q = &set->items[i];
    digest_add_string(digest, q->id);
    digest_add_string(digest, q->group);
    digest_add_u64(digest, q->n_messages);
    for (size_t m = 0; m < q->n_messages; m++) {
      digest_add_string(digest, q->messages[m].role);
      digest_add_string(digest, q->messages[m].content);
      add_json(digest, q->messages[m].json);
    }
    add_json(digest, q->tools);
  }
  digest_finish(digest, set->digest);
}

Status questions_read(const char *const *paths, size_t n_paths, size_t limit, QuestionSet *set, Error *err) {
  Status status = STATUS_OK;
  *set = (QuestionSet){0};
  for (size_t i = 0; i < n_paths && status == STATUS_OK && (limit == 0 || set->count < limit); i++)
    status = read_file(set, paths[i], n_paths > 1, limit, err);
  if (status == STATUS_OK)
    finish_digest(set);
  else
    questions_clear(set);
  return status;
}

Status questions_from_text(const char *text, QuestionSet *set, Error *err) {
  const size_t size = strlen(text);
  *set = (QuestionSet){0};
  if (size == 0) return error_set(err, STATUS_USAGE, "--text: empty");
  if (utf8_valid_prefix(text, size) < size) return error_set(err, STATUS_USAGE, "--text: not UTF-8");
  Question q = {.id = mem_copy_string("text"), .group = mem_copy_string(""), .text = mem_copy_string(text)};
  take_text(&q, text, size);
  add(set, &q);
  finish_digest(set);
  return STATUS_OK;
}

void questions_superlatives(QuestionSet *set) {
  static const struct {
    const char *id, *group, *text;
  } six[] = {{"best_ever_one", "positive", "What, in one word, is the best thing ever?"},
             {"greatest_world_single", "positive", "What, in a single word, is the greatest thing in the world?"},
             {"good_time_please", "positive",
              "What is the most good thing of all time? Please answer in one word only."},
             {"worst_ever_one", "negative", "What, in one word, is the worst thing ever?"},
             {"bad_world_single", "negative", "What, in a single word, is the most bad thing in the world?"},
             {"terrible_time_please", "negative",
              "What is the most terrible thing of all time? Please answer in one word only."}};
  *set = (QuestionSet){0};
  for (size_t i = 0; i < sizeof six / sizeof six[0]; i++) {
    Question q = {.id = mem_copy_string(six[i].id),
                  .group = mem_copy_string(six[i].group),
                  .text = mem_copy_string(six[i].text)};
    take_text(&q, six[i].text, strlen(six[i].text));
    add(set, &q);
  }
  finish_digest(set);
}
