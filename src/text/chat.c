/* ChatML, written for a given list of turns, and the recognition of templates that mean it.
 *
 * ChatML puts every turn as "<|im_start|>ROLE\nCONTENT<|im_end|>\n". A model's template, a Jinja program, is recognised
 * where it is one of the spellings of that loop below, with or without a default system turn in front. */
#include "text/chat.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

typedef enum ChatKind { CHAT_PLAIN, CHAT_CHATML, CHAT_MISSING, CHAT_UNKNOWN } ChatKind;

struct ChatTemplate {
  ChatKind kind;
  const char *name;
  char *system; /* content of the system turn put first where the turns have none; NULL = no such turn */
};

/* The program, blanks between tokens left out. */
#define SYSTEM_BEGIN "{%formessageinmessages%}{%ifloop.firstandmessages[0]['role']!='system'%}{{'<|im_start|>system\n"
#define SYSTEM_END "<|im_end|>\n'}}{%endif%}"
#define TURN "{{'<|im_start|>'+message['role']+'\n'+message['content']+'<|im_end|>'+'\n'}}{%endfor%}"
#define HEADER "{%ifadd_generation_prompt%}{{'<|im_start|>assistant\n'}}{%endif%}"

/* The template with the blanks inside tags but outside quotes left out, "\n" in quotes as a newline, " as quote turned
 * into ', and the newline behind a block gone (HF renders with trim_blocks). Blanks between tags are text, and stay. */
static char *squeeze(const char *template) {
  char *out = mem_alloc(strlen(template) + 1, 1), *to = out, quote = 0;
  bool in_tag = false;
  for (const char *at = template; *at; at++) {
    if (!quote && at[0] == '{' && (at[1] == '%' || at[1] == '{')) in_tag = true;
    if (!quote && at > template && at[0] == '}' && (at[-1] == '%' || at[-1] == '}')) in_tag = false;
    if (!quote && in_tag && strchr(" \t\r\n", *at)) continue;
    if (!in_tag) {
      if (*at != '\n' || to - out < 2 || memcmp(to - 2, "%}", 2) != 0) *to++ = *at;
      continue;
    }
    if (quote && at[0] == '\\' && at[1] == 'n') {
      *to++ = '\n';
      at++;
    } else if (quote && *at == '\\' && at[1]) {
      *to++ = *at++; /* any other escape stays, and is not recognised */
      *to++ = *at;
    } else if ((*at == '\'' || *at == '"') && (!quote || quote == *at)) {
      quote = quote ? 0 : *at;
      *to++ = '\'';
    } else {
      *to++ = *at;
    }
  }
  return out;
}

/* text behind prefix, or NULL. */
static const char *behind(const char *text, const char *prefix) {
  const size_t n = strlen(prefix);
  return strncmp(text, prefix, n) == 0 ? text + n : NULL;
}

/* True where the template is ChatML; *system is its default system turn, or NULL. */
static bool is_chatml(const char *template, char **system) {
  char *program = squeeze(template);
  const char *at = behind(program, SYSTEM_BEGIN), *end = at ? strstr(at, SYSTEM_END) : NULL, *rest;
  *system = NULL;
  if (end && !memchr(at, '\'', (size_t)(end - at)) && !memchr(at, '\\', (size_t)(end - at))) {
    *system = mem_alloc((size_t)(end - at) + 1, 1);
    memcpy(*system, at, (size_t)(end - at));
    rest = end + strlen(SYSTEM_END);
  } else {
    rest = behind(program, "{%formessageinmessages%}");
  }
  rest = rest ? behind(rest, TURN) : NULL;
  rest = rest ? behind(rest, HEADER) : NULL;
  const bool known = rest && *rest == 0;
  if (!known) {
    free(*system);
    *system = NULL;
  }
  free(program);
  return known;
}

Status chat_open(const char *choice, const Tokenizer *tokenizer, ChatTemplate **out, Error *err) {
  ChatTemplate chat = {0};
  const char *template = tokenizer_chat_template(tokenizer);
  *out = NULL;
  if (strcmp(choice, "none") == 0)
    chat = (ChatTemplate){.kind = CHAT_PLAIN, .name = "none"};
  else if (strcmp(choice, "chatml") == 0)
    chat = (ChatTemplate){.kind = CHAT_CHATML, .name = "chatml"};
  else if (strcmp(choice, "auto") != 0)
    return error_set(err, STATUS_USAGE, "--chat-template %s: expected auto, chatml or none", choice);
  else if (!template)
    chat = (ChatTemplate){.kind = CHAT_MISSING, .name = "missing"};
  else if (is_chatml(template, &chat.system))
    chat.kind = CHAT_CHATML, chat.name = "the model's own";
  else
    chat = (ChatTemplate){.kind = CHAT_UNKNOWN, .name = "not understood"};
  *out = mem_alloc(1, sizeof **out);
  **out = chat;
  return STATUS_OK;
}

void chat_close(ChatTemplate *chat) {
  if (chat) free(chat->system);
  free(chat);
}

const char *chat_name(const ChatTemplate *chat) { return chat->name; }

void chat_digest(const ChatTemplate *chat, char text[DIGEST_TEXT]) {
  Digest *digest = digest_new();
  digest_add_u64(digest, chat->kind);
  digest_add_string(digest, chat->system ? chat->system : "");
  digest_finish(digest, text);
}

unsigned chat_tokenize_flags(const ChatTemplate *chat) {
  return TOKENIZE_PARSE_SPECIAL | (chat->kind == CHAT_PLAIN ? TOKENIZE_ADD_SPECIAL : 0u);
}

static bool is_role(const char *role) {
  return strcmp(role, "system") == 0 || strcmp(role, "user") == 0 || strcmp(role, "assistant") == 0 ||
         strcmp(role, "tool") == 0;
}

static Status check(const ChatTemplate *chat, const Message *messages, size_t n, Error *err) {
  if (n == 0) return error_set(err, STATUS_DATA, "no turns, expected at least one");
  for (size_t i = 0; i < n; i++)
    if (!is_role(messages[i].role))
      return error_set(err, STATUS_DATA, "turn %zu has the role \"%.100s\", expected system, user, assistant or tool",
                       i + 1, messages[i].role);
  if (chat->kind == CHAT_MISSING)
    return error_set(err, STATUS_DATA, "the model has no chat template: choose --chat-template chatml or none");
  if (chat->kind == CHAT_UNKNOWN)
    return error_set(err, STATUS_DATA,
                     "the model's chat template is not understood: choose --chat-template chatml or none");
  return STATUS_OK;
}

typedef struct Text {
  char *bytes;
  size_t size, room;
} Text;

static void append(Text *text, const char *what) {
  const size_t n = strlen(what);
  if (text->size + n + 1 > text->room) {
    text->room = text->room + text->room / 2 + n + 256;
    text->bytes = mem_resize(text->bytes, text->room, 1);
  }
  memcpy(text->bytes + text->size, what, n + 1);
  text->size += n;
}

static void append_turn(Text *text, const char *role, const char *content) {
  append(text, "<|im_start|>");
  append(text, role);
  append(text, "\n");
  append(text, content);
  append(text, "<|im_end|>\n");
}

Status chat_render(const ChatTemplate *chat, const Message *messages, size_t n, bool open_turn, char **text,
                   size_t *size, size_t *response, Error *err) {
  *text = NULL;
  *size = *response = 0;
  const Status status = check(chat, messages, n, err);
  if (status != STATUS_OK) return status;
  Text out = {0};
  const bool plain = chat->kind == CHAT_PLAIN;
  if (chat->system && strcmp(messages[0].role, "system") != 0) append_turn(&out, "system", chat->system);
  size_t last = 0; /* where the content of the last turn begins */
  for (size_t i = 0; i < n; i++) {
    if (plain) {
      append(&out, i > 0 ? "\n" : "");
      last = out.size;
      append(&out, messages[i].content);
    } else {
      last = out.size + strlen("<|im_start|>") + strlen(messages[i].role) + 1;
      append_turn(&out, messages[i].role, messages[i].content);
    }
  }
  if (open_turn) append(&out, plain ? "\n" : "<|im_start|>assistant\n");
  *text = out.bytes;
  *size = out.size;
  *response = !open_turn && strcmp(messages[n - 1].role, "assistant") == 0 ? last : out.size;
  return STATUS_OK;
}
