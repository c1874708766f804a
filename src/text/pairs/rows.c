/* Turns of preference rows, from strings, lists and transcripts. Which keys hold them is up to the layouts. */
#include "text/pairs/rows.h"

#include "base/memory.h"
#include "text/samples/parts.h"

#include <stdlib.h>
#include <string.h>

void conversation_clear(Conversation *c) {
  free(c->messages);
  *c = (Conversation){0};
}

void pair_row_clear(PairRow *pair) {
  conversation_clear(&pair->sides[0]);
  conversation_clear(&pair->sides[1]);
  *pair = (PairRow){0};
}

static void add_messages(Conversation *c, const Message *messages, size_t n) {
  c->messages = mem_resize(c->messages, c->count + n, sizeof *c->messages);
  memcpy(c->messages + c->count, messages, n * sizeof *messages);
  c->count += n;
}

void conversation_add(Conversation *c, const char *role, const char *content) {
  add_messages(c, &(Message){role, content, NULL}, 1);
}

Status conversation_add_key(const Records *at, const Json *row, const char *key, const char *role, Conversation *c,
                            Error *err) {
  const Json *node = json_get(row, key);
  Message *list = NULL;
  size_t n;
  if (json_is_string(node)) {
    conversation_add(c, role, json_string(node, ""));
    return STATUS_OK;
  }
  if (!json_is_array(node))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is neither a string nor a list of turns", at->where, key);
  const Status status = read_messages(at, key, node, &list, &n, err);
  if (status == STATUS_OK) add_messages(c, list, n);
  free(list);
  return status;
}

/* The speaker whose mark stands at text, and what follows it; NULL where there is none. */
static const char *speaker(char *text, char **behind) {
  static const struct { const char *mark, *role; } speakers[] = {{"Human:", "user"}, {"Assistant:", "assistant"}};
  for (size_t i = 0; i < 2; i++)
    if (strncmp(text, speakers[i].mark, strlen(speakers[i].mark)) == 0) {
      *behind = text + strlen(speakers[i].mark);
      return speakers[i].role;
    }
  return NULL;
}

static bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }

static char *trimmed(char *text) {
  while (is_blank(*text)) text++;
  size_t n = strlen(text);
  while (n > 0 && is_blank(text[n - 1])) text[--n] = 0;
  return text;
}

void conversation_add_transcript(const Records *at, const char *text, const char *separator, Conversation *c) {
  char *copy = mem_copy_string(text), *content = copy, *behind = NULL;
  const char *role = NULL;
  const size_t n = strlen(separator);
  const bool trim = n == 1;
  records_keep(at, copy);
  for (char *p = copy; *p; p++) {
    const bool separated = strncmp(p, separator, n) == 0;
    const char *next = separated ? speaker(p + n, &behind) : p == copy ? speaker(p, &behind) : NULL;
    if (!next) continue;
    *p = 0; /* the turn before ends here */
    if (role || *trimmed(content)) conversation_add(c, role ? role : "user", trim ? trimmed(content) : content);
    role = next;
    content = behind + (!trim && *behind == ' ');
    p = behind - 1;
  }
  if (trim) content = trimmed(content);
  if (role || *content) conversation_add(c, role ? role : "user", content);
}

static bool same_message(const Message *a, const Message *b) {
  return strcmp(a->role, b->role) == 0 && strcmp(a->content, b->content) == 0;
}

void conversation_drop_repeat(Conversation *c, size_t n_prompt) {
  if (c->count <= 2 * n_prompt) return;
  for (size_t i = 0; i < n_prompt; i++)
    if (!same_message(&c->messages[i], &c->messages[n_prompt + i])) return;
  memmove(c->messages, c->messages + n_prompt, (c->count - n_prompt) * sizeof *c->messages);
  c->count -= n_prompt;
}
