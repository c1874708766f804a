/* Chat templates: what is recognised, what ChatML renders, where the answer begins, and what is refused. */
#include "tests/small_tokenizer.h"
#include "tests/tap.h"
#include "text/chat.h"

static char folder[] = "/tmp/fathom-chat.XXXXXX";

#define LOOP "{% for message in messages %}"
#define DEFAULT_SYSTEM(text)                                                                                           \
  "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n" text "<|im_end|>\n' }}{% endif %}"
#define TURN "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
#define HEADER "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

static ChatTemplate *open_template(const char *template, const char *choice, Status *status, Error *err) {
  SmallTokenizer s;
  ChatTemplate *chat = NULL;
  small_byte_level(&s);
  s.chat_template = template;
  Tokenizer *t = open_small(folder, &s, status, err);
  if (t) *status = chat_open(choice, t, &chat, err);
  tokenizer_close(t);
  return chat;
}

static const Message turns[] = {{"user", "Hi"}, {"assistant", "Hello"}};

/* The two turns under a template and choice are this text, and "Hello" begins where it is found. */
static void renders(const char *template, const char *choice, bool open_turn, const char *expected, const char *what) {
  Status status;
  Error err = {0};
  ChatTemplate *chat = open_template(template, choice, &status, &err);
  char *text = NULL;
  size_t size = 0, response = 0;
  if (chat) status = chat_render(chat, turns, 2, open_turn, &text, &size, &response, &err);
  const size_t answer = open_turn ? size : text ? (size_t)(strstr(text, "Hello") - text) : 0;
  if (!ok(status == STATUS_OK && text && strcmp(text, expected) == 0 && size == strlen(text) && response == answer,
          "%s", what))
    printf("# found \"%s\", answer at %zu; %s\n", text ? text : "", response, err.text);
  free(text);
  chat_close(chat);
}

static void fails_to_render(const char *template, const char *choice, const Message *messages, size_t n,
                            const char *message, const char *what) {
  Status status;
  Error err = {0};
  ChatTemplate *chat = open_template(template, choice, &status, &err);
  char *text = NULL;
  size_t size, response;
  ok(chat && chat_render(chat, messages, n, false, &text, &size, &response, &err) == STATUS_DATA &&
         strcmp(err.text, message) == 0 && !text,
     "%s: %s", what, err.text);
  chat_close(chat);
}

static void digest_of(const char *template, const char *choice, char digest[DIGEST_TEXT]) {
  Status status;
  Error err = {0};
  ChatTemplate *chat = open_template(template, choice, &status, &err);
  chat_digest(chat, digest);
  chat_close(chat);
}

int main(void) {
  static const char plain[] = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n";
  static const char with_system[] =
      "<|im_start|>system\nBe "
      "kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n";
  if (!mkdtemp(folder)) return 99;
  renders(LOOP TURN HEADER, "auto", false, plain, "ChatML is recognised");
  renders(LOOP DEFAULT_SYSTEM("Be kind.") TURN HEADER, "auto", false, with_system, "and with a default system turn");
  renders("{% for message in messages %}\n{{ \"<|im_start|>\" + message[\"role\"] + \"\\n\" + message[\"content\"] + "
          "\"<|im_end|>\" + \"\\n\" }}\n{% endfor %}",
          "chatml", false, plain, "chatml whatever the model has");
  renders("{%for message in "
          "messages%}{{\"<|im_start|>\"+message[\"role\"]+\"\\n\"+message[\"content\"]+\"<|im_end|>\"+\"\\n\"}}{%"
          "endfor%}\n" HEADER,
          "auto", false, plain, "other quotes, written-out newlines, other blanks inside tags");
  renders(LOOP DEFAULT_SYSTEM("Be kind.") TURN HEADER, "auto", true,
          "<|im_start|>system\nBe "
          "kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>"
          "assistant\n",
          "an open turn at the end");
  renders(NULL, "none", false, "Hi\nHello", "none: contents and newlines");

  static const Message own[] = {{"system", "S"}, {"user", "Hi"}}, unknown[] = {{"user", "Hi"}, {"bot", "x"}};
  Status status;
  Error err = {0};
  ChatTemplate *chat = open_template(LOOP DEFAULT_SYSTEM("Be kind.") TURN HEADER, "auto", &status, &err);
  char *text;
  size_t size, response;
  ok(chat_render(chat, own, 2, false, &text, &size, &response, &err) == STATUS_OK &&
         strcmp(text, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n") == 0 && response == size,
     "a system turn of one's own replaces the default; no answer, no place for it");
  free(text);
  ok(strcmp(chat_name(chat), "the model's own") == 0 && chat_tokenize_flags(chat) == TOKENIZE_PARSE_SPECIAL,
     "a template writes its special tokens itself");
  chat_close(chat);
  chat = open_template(NULL, "none", &status, &err);
  ok(strcmp(chat_name(chat), "none") == 0 &&
         chat_tokenize_flags(chat) == (TOKENIZE_PARSE_SPECIAL | TOKENIZE_ADD_SPECIAL),
     "plain text gets BOS and EOS");
  chat_close(chat);

  static const char not_understood[] =
      "the model's chat template is not understood: choose --chat-template chatml or none";
  fails_to_render(NULL, "auto", turns, 2, "the model has no chat template: choose --chat-template chatml or none",
                  "no template");
  fails_to_render(LOOP TURN HEADER "x", "auto", turns, 2, not_understood, "text behind it");
  fails_to_render(LOOP " " TURN HEADER, "auto", turns, 2, not_understood, "a blank between tags, which is text");
  fails_to_render(LOOP TURN, "auto", turns, 2, not_understood, "no header");
  fails_to_render(LOOP DEFAULT_SYSTEM("a' + x + 'b") TURN HEADER, "auto", turns, 2, not_understood,
                  "a system turn that is computed");
  fails_to_render(LOOP "{{'<|im_start|>' + message['role'] + '\n' + message['content'] | trim + '<|im_end|>' + "
                       "'\n'}}{% endfor %}" HEADER,
                  "auto", turns, 2, not_understood, "a filter");
  fails_to_render(NULL, "chatml", turns, 0, "no turns, expected at least one", "no turns");
  fails_to_render(NULL, "chatml", unknown, 2, "turn 2 has the role \"bot\", expected system, user, assistant or tool",
                  "an unknown role");
  ok(!open_template(NULL, "llama3", &status, &err) && status == STATUS_USAGE &&
         strcmp(err.text, "--chat-template llama3: expected auto, chatml or none") == 0,
     "an unknown choice: %s", err.text);

  char a[DIGEST_TEXT], b[DIGEST_TEXT], c[DIGEST_TEXT], d[DIGEST_TEXT];
  digest_of(LOOP TURN HEADER, "auto", a), digest_of(NULL, "chatml", b),
      digest_of(LOOP DEFAULT_SYSTEM("Be kind.") TURN HEADER, "auto", c), digest_of(NULL, "none", d);
  ok(strcmp(a, b) == 0 && strcmp(a, c) != 0 && strcmp(a, d) != 0, "the digest is of what is rendered");
  ok(rmdir(folder) == 0, "nothing is left behind");
  return tap_end();
}
