/* Chat templates: choosing one, what it is given, rendering, and where the answer begins. Jinja itself is the folder jinja/. */
#include "text/chat/chat.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "text/chat/builtin.h"
#include "text/jinja/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct SpecialToken {
  const char *name; /* of the variable */
  char *text;       /* NULL where the model has none */
} SpecialToken;
enum { N_TOKENS = 4 };

struct ChatTemplate {
  char *name, *source; /* source is NULL for plain text and for a model without a template */
  bool is_plain, is_ours;
  bool reads_parts; /* the template knows contents that are lists of parts; else it gets their text */
  Jinja *jinja;     /* NULL where there is none, or it is not understood */
  char *complaint;  /* why not */
  SpecialToken tokens[N_TOKENS];
  struct tm date;
  bool has_date;
  char written_date[16];
};

static Status bad_date(const char *name, const char *text, const char *expected, Error *err) {
  return error_set(err, STATUS_USAGE, "%s %.60s: expected %s", name, text, expected);
}

Status chat_date(const char *text, struct tm *date, bool *is_given, Error *err) {
  const char *epoch = getenv("SOURCE_DATE_EPOCH");
  char again[32];
  time_t seconds = 0;
  *date = (struct tm){0};
  *is_given = text || epoch;
  if (text) {
    int year, month, day, used = 0;
    if (sscanf(text, "%4d-%2d-%2d%n", &year, &month, &day, &used) != 3 || text[used] || strlen(text) != 10)
      return bad_date("--chat-date", text, "YYYY-MM-DD", err);
    struct tm parts = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day};
    seconds = timegm(&parts);
  } else if (epoch) {
    char *end;
    const long long value = strtoll(epoch, &end, 10);
    if (*epoch < '0' || *epoch > '9' || *end || value > 253402300799) /* the year 9999 */
      return bad_date("SOURCE_DATE_EPOCH", epoch, "seconds since 1970", err);
    seconds = (time_t)value;
  } else {
    return STATUS_OK;
  }
  if (!gmtime_r(&seconds, date)) return bad_date("--chat-date", text ? text : epoch, "a day", err);
  strftime(again, sizeof again, "%Y-%m-%d", date);
  return text && strcmp(text, again) != 0 ? bad_date("--chat-date", text, "a day of the calendar", err) : STATUS_OK;
}

static void take_tokens(ChatTemplate *chat, const Tokenizer *t) {
  static const char *const names[N_TOKENS] = {"bos_token", "eos_token", "pad_token", "unk_token"};
  const int32_t ids[N_TOKENS] = {tokenizer_bos(t), tokenizer_eos(t), tokenizer_pad(t), tokenizer_unknown(t)};
  for (size_t i = 0; i < N_TOKENS; i++) {
    size_t size;
    Error ignored;
    chat->tokens[i].name = names[i];
    char *text = NULL;
    if (ids[i] < 0 || tokenizer_decode(t, &ids[i], 1, &text, &size, &ignored) != STATUS_OK) continue;
    if (strlen(text) == size && utf8_valid_prefix(text, size) == size)
      chat->tokens[i].text = text;
    else
      free(text); /* bytes that are no text cannot be written by a template */
  }
}

/* Takes size bytes as the template. */
static Status take_source(ChatTemplate *chat, const char *source, size_t size, Error *err) {
  chat->source = mem_alloc(size + 1, 1);
  memcpy(chat->source, source, size);
  const Status status = jinja_open(source, size, &chat->jinja, err);
  if (status != STATUS_OK) return status;
  chat->reads_parts = !chat->is_ours && jinja_mentions(chat->jinja, "text");
  if (chat->has_date && jinja_mentions(chat->jinja, "strftime_now"))
    strftime(chat->written_date, sizeof chat->written_date, "%Y-%m-%d", &chat->date);
  return STATUS_OK;
}

static void take_models(ChatTemplate *chat, const Tokenizer *tokenizer) {
  const char *source = tokenizer_chat_template(tokenizer);
  Error err;
  chat->name = mem_copy_string("the model's chat template");
  if (!source)
    chat->complaint = mem_copy_string("the model has no chat template");
  else if (take_source(chat, source, strlen(source), &err) != STATUS_OK)
    chat->complaint = mem_format("the model's chat template: %s", err.text);
}

static Status take_file(ChatTemplate *chat, const char *path, Error *err) {
  char *text;
  size_t size;
  chat->name = mem_copy_string(path);
  if (!file_exists(path))
    return error_set(err, STATUS_USAGE, "--chat-template %s: expected auto, none, a file, or one of %s", path,
                     chat_builtin_names());
  Status status = file_read(path, JINJA_SOURCE_MAX, &text, &size, err);
  if (status != STATUS_OK) return status;
  status = memchr(text, 0, size) ? error_set(err, STATUS_DATA, "a zero byte in a template")
                                 : take_source(chat, text, size, err);
  free(text);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, "%s", path);
}

Status chat_open(const char *choice, const struct tm *date, const Tokenizer *tokenizer, ChatTemplate **out,
                 Error *err) {
  ChatTemplate *chat = mem_alloc(1, sizeof *chat);
  const char *ours = chat_builtin(choice);
  Status status = STATUS_OK;
  *out = NULL;
  chat->has_date = date != NULL;
  if (date) chat->date = *date;
  chat->is_plain = strcmp(choice, "none") == 0;
  take_tokens(chat, tokenizer);
  chat->is_ours = ours != NULL;
  if (chat->is_plain || ours) {
    chat->name = mem_copy_string(choice);
    if (ours) status = take_source(chat, ours, strlen(ours), err);
  } else if (strcmp(choice, "auto") == 0) {
    take_models(chat, tokenizer);
  } else {
    status = take_file(chat, choice, err);
  }
  if (status == STATUS_OK)
    *out = chat;
  else
    chat_close(chat);
  return status;
}

void chat_close(ChatTemplate *chat) {
  if (!chat) return;
  for (size_t i = 0; i < N_TOKENS; i++) free(chat->tokens[i].text);
  jinja_close(chat->jinja);
  free(chat->name);
  free(chat->source);
  free(chat->complaint);
  free(chat);
}

bool chat_is_plain(const ChatTemplate *chat) { return chat->is_plain; }
const char *chat_name(const ChatTemplate *chat) { return chat->name; }
const char *chat_written_date(const ChatTemplate *chat) { return chat->written_date; }

void chat_digest(const ChatTemplate *chat, char text[DIGEST_TEXT]) {
  Digest *digest = digest_new();
  digest_add_string(digest, chat->is_plain ? "none" : chat->source ? "jinja" : "missing");
  digest_add_string(digest, chat->source ? chat->source : "");
  for (size_t i = 0; i < N_TOKENS; i++)
    if (chat->jinja && jinja_mentions(chat->jinja, chat->tokens[i].name)) {
      digest_add_string(digest, chat->tokens[i].name);
      digest_add_string(digest, chat->tokens[i].text ? chat->tokens[i].text : "");
    }
  digest_add_string(digest, chat->written_date);
  digest_finish(digest, text);
}

unsigned chat_tokenize_flags(const ChatTemplate *chat) {
  return TOKENIZE_PARSE_SPECIAL | (chat->is_plain ? TOKENIZE_ADD_SPECIAL : 0u);
}

static bool is_role(const char *role) {
  static const char *const roles[] = {"system", "developer", "user",    "assistant",
                                      "tool",   "function",  "ipython", "environment"};
  for (size_t i = 0; i < sizeof roles / sizeof roles[0]; i++)
    if (strcmp(role, roles[i]) == 0) return true;
  return false;
}

static Status check(const ChatTemplate *chat, const Message *messages, size_t n, const Json *tools, Error *err) {
  if (n == 0) return error_set(err, STATUS_DATA, "no turns, expected at least one");
  for (size_t i = 0; i < n; i++)
    if (!is_role(messages[i].role))
      return error_set(err, STATUS_DATA,
                       "turn %zu has the role \"%.100s\", expected system, developer, user, assistant, tool, function, "
                       "ipython or environment",
                       i + 1, messages[i].role);
  if (tools && !json_is_array(tools) && !json_is_null(tools))
    return error_set(err, STATUS_DATA, "\"tools\" is no list");
  bool has_tools = json_count(tools) > 0;
  for (size_t i = 0; i < n; i++) has_tools |= json_count(json_get(messages[i].json, "tool_calls")) > 0;
  if (has_tools && chat->is_ours)
    return error_set(err, STATUS_DATA, "the format %s has no place for tools", chat->name);
  if (chat->complaint)
    return error_set(err, STATUS_DATA, "%s: choose another with --chat-template (a file, a name, or none)",
                     chat->complaint);
  return STATUS_OK;
}

static const char *const reasoning_keys[] = {"reasoning_content", "thinking", "reasoning"};

static bool is_reasoning(const char *key) {
  for (size_t i = 0; i < 3; i++)
    if (strcmp(key, reasoning_keys[i]) == 0) return true;
  return false;
}

/* What the assistant says, of a turn: with stand_in that text instead of content and reasoning. */
static Json *spoken(const Json *value, const char *stand_in) {
  Json *copy;
  if (!stand_in) return json_copy(value);
  if (!json_is_array(value)) {
    Json *holder = json_new_array();
    json_add_string(holder, NULL, stand_in);
    copy = json_copy(json_first(holder));
    json_free(holder);
    return copy;
  }
  copy = json_new_array();
  for (const Json *part = json_first(value); part; part = json_next(part)) {
    Json *other = json_new_object();
    for (const Json *member = json_first(part); member; member = json_next(member))
      if (strcmp(json_key(member), "text") == 0)
        json_add_string(other, "text", stand_in);
      else
        json_add(other, json_key(member), json_copy(member));
    json_add(copy, NULL, other);
  }
  return copy;
}

/* A turn as transformers hands it to templates: without keys that are null, and the reasoning under the names that
 * templates read it by. */
static Json *turn(const ChatTemplate *chat, const Message *message, const char *stand_in) {
  Json *object = json_new_object();
  const Json *reasoning = NULL;
  if (!message->json || chat->is_ours) {
    json_add_string(object, "role", message->role);
    json_add_string(object, "content", stand_in ? stand_in : message->content);
    return object;
  }
  for (size_t i = 0; i < 3 && (!reasoning || json_is_null(reasoning)); i++)
    reasoning = json_get(message->json, reasoning_keys[i]);
  const bool reasons = reasoning && !json_is_null(reasoning);
  if (reasons && !json_get(message->json, "thinking")) json_add(object, "thinking", spoken(reasoning, stand_in));
  for (const Json *member = json_first(message->json); member; member = json_next(member)) {
    const char *key = json_key(member);
    if (json_is_null(member) || strcmp(key, "reasoning_content") == 0) continue;
    const bool is_content = strcmp(key, "content") == 0;
    if (is_content && json_is_array(member) && !chat->reads_parts)
      json_add_string(object, key, stand_in ? stand_in : message->content);
    else
      json_add(object, key, is_content || is_reasoning(key) ? spoken(member, stand_in) : json_copy(member));
  }
  if (stand_in && !json_get(object, "content")) json_add_string(object, "content", stand_in);
  if (reasons) json_add(object, "reasoning_content", spoken(reasoning, stand_in));
  return object;
}

/* One rendering; stand_in is what the last turn says instead, NULL = what it says. */
static Status render(const ChatTemplate *chat, const Message *messages, size_t n, const Json *tools, bool open_turn,
                     const char *stand_in, char **text, size_t *size, Error *err) {
  Json *variables = json_new_object(), *list = json_add_array(variables, "messages");
  for (size_t i = 0; i < n; i++) json_add(list, NULL, turn(chat, &messages[i], i + 1 == n ? stand_in : NULL));
  if (tools)
    json_add(variables, "tools", json_copy(tools));
  else
    json_add_null(variables, "tools");
  json_add_null(variables, "documents");
  json_add_bool(variables, "add_generation_prompt", open_turn);
  for (size_t i = 0; i < N_TOKENS; i++)
    if (chat->tokens[i].text) json_add_string(variables, chat->tokens[i].name, chat->tokens[i].text);
  Status status = jinja_render(chat->jinja, variables, chat->has_date ? &chat->date : NULL, text, size, err);
  json_free(variables);
  return status == STATUS_OK ? STATUS_OK : error_prefix(err, "%s", chat->name);
}

/* Where the answer begins is where the text becomes another when the last turn says something else. */
static Status find_response(const ChatTemplate *chat, const Message *messages, size_t n, const Json *tools,
                            const char *text, size_t size, size_t *response, Error *err) {
  char *other;
  size_t other_size;
  const char *stand_in = strchr(messages[n - 1].content, 1) ? "\x02" : "\x01"; /* no answer begins with these */
  const Status status = render(chat, messages, n, tools, false, stand_in, &other, &other_size, err);
  if (status != STATUS_OK) return status;
  size_t at = 0;
  while (at < size && at < other_size && text[at] == other[at]) at++;
  *response = at;
  free(other);
  return STATUS_OK;
}

/* Contents with newlines between them. */
static void render_plain(const Message *messages, size_t n, bool open_turn, char **text, size_t *size,
                         size_t *response) {
  size_t all = open_turn ? 1 : 0;
  for (size_t i = 0; i < n; i++) all += (i > 0) + strlen(messages[i].content);
  char *to = *text = mem_alloc(all + 1, 1);
  for (size_t i = 0; i < n; i++) {
    if (i > 0) *to++ = '\n';
    *response = (size_t)(to - *text);
    const size_t length = strlen(messages[i].content);
    memcpy(to, messages[i].content, length);
    to += length;
  }
  if (open_turn) *to = '\n';
  *size = all;
}

Status chat_render(const ChatTemplate *chat, const Message *messages, size_t n, const Json *tools, bool open_turn,
                   char **text, size_t *size, size_t *response, Error *err) {
  *text = NULL;
  *size = *response = 0;
  Status status = check(chat, messages, n, tools, err);
  if (status != STATUS_OK) return status;
  if (chat->is_plain)
    render_plain(messages, n, open_turn, text, size, response);
  else
    status = render(chat, messages, n, tools, open_turn, NULL, text, size, err);
  if (status != STATUS_OK) return status;
  const bool answers = !open_turn && strcmp(messages[n - 1].role, "assistant") == 0;
  if (!answers)
    *response = *size;
  else if (!chat->is_plain)
    status = find_response(chat, messages, n, tools, *text, *size, response, err);
  if (status != STATUS_OK) {
    free(*text);
    *text = NULL;
  }
  return status;
}
