/* Chat templates: the model's own, files and ours; where the answer begins; contents in parts, tools, dates; refusals.
 */
#include "base/file.h"
#include "base/memory.h"
#include "tests/small_tokenizer.h"
#include "tests/tap.h"
#include "text/chat/chat.h"

static char folder[] = "/tmp/fathom-chat.XXXXXX";
static const struct tm *date; /* of the templates that are opened */

#define LOOP "{% for message in messages %}"
#define DEFAULT_SYSTEM(text)                                                                                           \
  "{% if loop.first and messages[0]['role'] != 'system' %}{{ '<|im_start|>system\n" text "<|im_end|>\n' }}{% endif %}"
#define TURN "{{'<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n'}}{% endfor %}"
#define HEADER "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"

/* bos and eos of the tokenizer are <|a|> and <|a|>b. */
static ChatTemplate *open_template(const char *template, const char *choice, Status *status, Error *err) {
  SmallTokenizer s;
  ChatTemplate *chat = NULL;
  small_byte_level(&s);
  s.chat_template = template;
  s.bos = SPECIAL_A;
  s.eos = SPECIAL_AB;
  Tokenizer *t = open_small(folder, &s, status, err);
  if (t) *status = chat_open(choice, date, t, &chat, err);
  tokenizer_close(t);
  return chat;
}

static const Message turns[] = {{"user", "Hi", NULL}, {"assistant", "Hello", NULL}};

/* The two turns under a template and choice are this text, and "Hello" begins where it is found. */
static void renders(const char *template, const char *choice, bool open_turn, const char *expected, const char *what) {
  Status status;
  Error err = {0};
  ChatTemplate *chat = open_template(template, choice, &status, &err);
  char *text = NULL;
  size_t size = 0, response = 0;
  if (chat) status = chat_render(chat, turns, 2, NULL, open_turn, &text, &size, &response, &err);
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
  ok(chat && chat_render(chat, messages, n, NULL, false, &text, &size, &response, &err) == STATUS_DATA &&
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

static Json *json_of(const char *text) {
  Error err = {0};
  Json *root = NULL;
  if (json_parse(text, strlen(text), "test", &root, &err) != STATUS_OK) printf("Bail out! %s\n", err.text);
  return root;
}

/* A conversation in JSON renders to the text, and the answer begins at `answer` in it. content is the last turn's. */
static void renders_json(const char *template, const char *json, const char *content, const char *tools,
                         const char *expected, const char *answer, const char *what) {
  Status status;
  Error err = {0};
  Message messages[8];
  size_t n = 0, size = 0, response = 0;
  char *text = NULL;
  Json *list = json_of(json), *tool_list = tools ? json_of(tools) : NULL;
  ChatTemplate *chat = open_template(template, "auto", &status, &err);
  for (const Json *turn = json_first(list); turn; turn = json_next(turn))
    messages[n++] =
        (Message){json_string(json_get(turn, "role"), ""), json_string(json_get(turn, "content"), content), turn};
  status = chat_render(chat, messages, n, tool_list, false, &text, &size, &response, &err);
  const bool is_there = text && response <= size && strncmp(text + response, answer, strlen(answer)) == 0 &&
                        (*answer || response == size);
  if (!ok(status == STATUS_OK && strcmp(text, expected) == 0 && is_there, "%s", what))
    printf("# found \"%s\", answer at \"%s\"; %s\n", text ? text : "", text ? text + response : "", err.text);
  free(text);
  json_free(list);
  json_free(tool_list);
  chat_close(chat);
}

static void test_own(void) {
  static const char plain[] = "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n";
  static const char with_system[] = "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
                                    "<|im_start|>assistant\nHello<|im_end|>\n";
  renders(LOOP TURN HEADER, "auto", false, plain, "the model's own template");
  renders(LOOP DEFAULT_SYSTEM("Be kind.") TURN HEADER, "auto", false, with_system, "and with a default system turn");
  renders(LOOP "{{ message.content }}{% endfor %}", "chatml", false, plain, "chatml whatever the model has");
  renders(LOOP DEFAULT_SYSTEM("Be kind.") TURN HEADER, "auto", true,
          "<|im_start|>system\nBe kind.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n"
          "<|im_start|>assistant\nHello<|im_end|>\n<|im_start|>assistant\n",
          "an open turn at the end");
  renders("{{ bos_token }}" LOOP "{{ message.content + eos_token + (pad_token or '-') }}{% endfor %}", "auto", false,
          "<|a|>Hi<|a|>b-Hello<|a|>b-", "the tokenizer's special tokens");
  renders(NULL, "none", false, "Hi\nHello", "none: contents and newlines");
  renders(NULL, "none", true, "Hi\nHello\n", "none with an open turn");
  static const Message own[] = {{"system", "S", NULL}, {"user", "Hi", NULL}};
  Status status;
  Error err = {0};
  ChatTemplate *chat = open_template(LOOP DEFAULT_SYSTEM("Be kind.") TURN HEADER, "auto", &status, &err);
  char *text;
  size_t size, response;
  ok(chat_render(chat, own, 2, NULL, false, &text, &size, &response, &err) == STATUS_OK &&
         strcmp(text, "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n") == 0 && response == size,
     "a system turn of one's own replaces the default; no answer, no place for it");
  free(text);
  ok(strcmp(chat_name(chat), "the model's chat template") == 0 && chat_tokenize_flags(chat) == TOKENIZE_PARSE_SPECIAL,
     "a template writes its special tokens itself");
  chat_close(chat);
  chat = open_template(NULL, "none", &status, &err);
  ok(strcmp(chat_name(chat), "none") == 0 &&
         chat_tokenize_flags(chat) == (TOKENIZE_PARSE_SPECIAL | TOKENIZE_ADD_SPECIAL),
     "plain text gets BOS and EOS");
  chat_close(chat);
}

/* What each of our formats makes of the two turns. */
static void test_ours(void) {
  static const struct {
    const char *name, *text;
  } formats[] = {
      {"chatml", "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n"},
      {"gemma", "<|a|><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello<end_of_turn>\n"},
      {"granite", "<|start_of_role|>user<|end_of_role|>Hi<|end_of_text|>\n"
                  "<|start_of_role|>assistant<|end_of_role|>Hello<|end_of_text|>\n"},
      {"llama-2", "<|a|>[INST] Hi [/INST] Hello <|a|>b"},
      {"llama-3", "<|a|><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
                  "<|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>"},
      {"mistral", "<|a|>[INST] Hi [/INST] Hello<|a|>b"},
      {"phi-3", "<|user|>\nHi<|end|>\n<|assistant|>\nHello<|end|>\n"},
      {"tulu", "<|a|><|user|>\nHi\n<|assistant|>\nHello<|a|>b"},
      {"vicuna", "<|a|>USER: Hi ASSISTANT: Hello<|a|>b"},
      {"zephyr", "<|user|>\nHi<|a|>b\n<|assistant|>\nHello<|a|>b\n"},
  };
  for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
    renders(NULL, formats[i].name, false, formats[i].text, formats[i].name);
  static const Message twice[] = {{"user", "Hi", NULL}, {"user", "Hi", NULL}};
  fails_to_render(
      NULL, "llama-2", twice, 2,
      "llama-2: line 5: the template refuses: turns must be the user's and the assistant's in turn, the user's first",
      "two turns of the user");
}

/* Contents in parts, more turns, keys beside role and content. */
static void test_json(void) {
  renders_json(
      LOOP "{{ message.role[0] }}:{{ message.content }};{% endfor %}",
      "[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"A\"},"
      "{\"type\":\"text\",\"text\":\"B\"}]}]",
      "AB", NULL, "u:Hi;a:AB;", "AB;", "a template that knows no parts gets their text");
  renders_json(
      LOOP "{% if message.content is string %}{{ message.content }}{% else %}{% for p in message.content %}"
           "<{{ p.type }}>{{ p['text'] }}{% endfor %}{% endif %};{% endfor %}",
      "[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"A\"},"
      "{\"type\":\"text\",\"text\":\"B\"}]}]",
      "AB", NULL, "Hi;<text>A<text>B;", "A<text>B;", "one that does gets the parts");
  renders_json(LOOP "{% if message.reasoning_content %}<think>{{ message.reasoning_content }}</think>{% endif %}"
                    "{{ message.content }}{{ message.name is defined }};{% endfor %}",
               "[{\"role\":\"user\",\"content\":\"Hi\",\"name\":null},"
               "{\"role\":\"assistant\",\"content\":\"A\",\"thinking\":\"so\"}]",
               "A", NULL, "HiFalse;<think>so</think>AFalse;", "so</think>A",
               "reasoning under its other name, and keys that are null are left out");
  renders_json("{% for t in tools %}{{ t.name }}{% endfor %}|" LOOP "{{ message.tool_calls[0].name }}{% endfor %}",
               "[{\"role\":\"assistant\",\"tool_calls\":[{\"name\":\"f\"}]}]", "",
               "[{\"name\":\"f\"},{\"name\":\"g\"}]", "fg|f", "",
               "tools and calls of them; an answer that is not written has no place");
  renders_json(LOOP "{{ message.content | trim }}{% if message.role == 'assistant' %}E{% endif %}{% endfor %}",
               "[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\" \\n\u00e9 \"}]", "",
               NULL, "Hi\u00e9E", "\u00e9E", "an answer that is trimmed begins behind its blanks");
  renders_json(LOOP "{{ message.content }}{% if message.role == 'assistant' %}E{% endif %}{% endfor %}",
               "[{\"role\":\"user\",\"content\":\"Hi\"},{\"role\":\"assistant\",\"content\":\"\"}]", "", NULL, "HiE",
               "E", "an empty answer");
}

static void test_refusals(void) {
  static const Message unknown[] = {{"user", "Hi", NULL}, {"bot", "x", NULL}};
  fails_to_render(NULL, "auto", turns, 2,
                  "the model has no chat template: choose another with --chat-template (a file, a name, or none)",
                  "no template");
  fails_to_render("\n\n{% include 'x' %}", "auto", turns, 2,
                  "the model's chat template: line 3: the tag \"include\" is not known here: choose another with "
                  "--chat-template (a file, a name, or none)",
                  "a template that is not understood");
  fails_to_render("\n{{ messages[5].role }}", "auto", turns, 2,
                  "the model's chat template: line 2: a list has no such item", "a template that fails");
  fails_to_render(NULL, "chatml", turns, 0, "no turns, expected at least one", "no turns");
  fails_to_render(
      NULL, "chatml", unknown, 2,
      "turn 2 has the role \"bot\", expected system, developer, user, assistant, tool, function, ipython or "
      "environment",
      "an unknown role");
  fails_to_render("{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "auto", turns, 2,
                  "the model's chat template: line 1: the template takes too much memory", "a template without end");
  Json *list = json_of("[{\"role\":\"assistant\",\"content\":\"x\",\"tool_calls\":[1]}]");
  const Message caller = {"assistant", "x", json_first(list)};
  fails_to_render(NULL, "chatml", &caller, 1, "the format chatml has no place for tools",
                  "a call of tools in a format of ours");
  json_free(list);
  Status status;
  Error err = {0};
  ok(!open_template(NULL, "llama3", &status, &err) && status == STATUS_USAGE &&
         strcmp(err.text,
                "--chat-template llama3: expected auto, none, a file, or one of chatml, gemma, granite, llama-2, "
                "llama-3, mistral, phi-3, tulu, vicuna, zephyr") == 0,
     "an unknown choice: %s", err.text);
}

static void test_file(void) {
  char *path = mem_format("%s/t.jinja", folder);
  Status status;
  Error err = {0};
  status = file_write_text(path, LOOP "\n{{ message.content }}.\n{% endfor %}\n", &err);
  renders(NULL, path, false, "Hi.\nHello.\n", "a template of the user's");
  status = file_write_text(path, "a\n{% if %}", &err);
  char *expected = mem_format("%s: line 2: %%} found, expected an expression", path);
  ok(!open_template(NULL, path, &status, &err) && status == STATUS_DATA && strcmp(err.text, expected) == 0,
     "a file that is no template: %s", err.text);
  free(expected);
  remove(path);
  free(path);
}

static void test_dates(void) {
  static const char dated[] = "{{ strftime_now('%d %b %Y, %A, %-d') }}" LOOP "{{ message.content }}{% endfor %}";
  struct tm day;
  bool is_given;
  Error err = {0};
  char with[DIGEST_TEXT], without[DIGEST_TEXT], plain[DIGEST_TEXT], plain_with[DIGEST_TEXT];
  unsetenv("SOURCE_DATE_EPOCH");
  ok(chat_date(NULL, &day, &is_given, &err) == STATUS_OK && !is_given, "no date");
  fails_to_render(dated, "auto", turns, 2,
                  "the model's chat template: line 1: the template writes the date: give --chat-date YYYY-MM-DD (or "
                  "SOURCE_DATE_EPOCH)",
                  "a template that writes the date needs one");
  digest_of(dated, "auto", without);
  digest_of(LOOP TURN, "auto", plain);
  ok(chat_date("2024-07-06", &day, &is_given, &err) == STATUS_OK && is_given, "a date: %s", err.text);
  date = &day;
  renders(dated, "auto", false, "06 Jul 2024, Saturday, 6HiHello", "the date is written");
  digest_of(dated, "auto", with);
  digest_of(LOOP TURN, "auto", plain_with);
  ok(strcmp(with, without) != 0 && strcmp(plain, plain_with) == 0, "and is part of the digest where it is written");
  Status status;
  ChatTemplate *chat = open_template(dated, "auto", &status, &err);
  ok(strcmp(chat_written_date(chat), "2024-07-06") == 0, "and is known");
  chat_close(chat);
  date = NULL;
  setenv("SOURCE_DATE_EPOCH", "86400", 1);
  ok(chat_date(NULL, &day, &is_given, &err) == STATUS_OK && is_given && day.tm_mday == 2 && day.tm_year == 70,
     "SOURCE_DATE_EPOCH");
  setenv("SOURCE_DATE_EPOCH", "x", 1);
  ok(chat_date(NULL, &day, &is_given, &err) == STATUS_USAGE &&
         strcmp(err.text, "SOURCE_DATE_EPOCH x: expected seconds since 1970") == 0,
     "a bad one: %s", err.text);
  unsetenv("SOURCE_DATE_EPOCH");
  ok(chat_date("2023-02-29", &day, &is_given, &err) == STATUS_USAGE &&
         strcmp(err.text, "--chat-date 2023-02-29: expected a day of the calendar") == 0,
     "no such day: %s", err.text);
  ok(chat_date("today", &day, &is_given, &err) == STATUS_USAGE &&
         strcmp(err.text, "--chat-date today: expected YYYY-MM-DD") == 0,
     "no date: %s", err.text);
}

int main(void) {
  char a[DIGEST_TEXT], b[DIGEST_TEXT], c[DIGEST_TEXT], d[DIGEST_TEXT];
  if (!mkdtemp(folder)) return 99;
  test_own();
  test_ours();
  test_json();
  test_refusals();
  test_file();
  test_dates();
  digest_of(LOOP TURN HEADER, "auto", a), digest_of(NULL, "chatml", b), digest_of(NULL, "none", c),
      digest_of(NULL, "auto", d);
  ok(strcmp(a, b) != 0 && strcmp(b, c) != 0 && strcmp(c, d) != 0 && strcmp(b, d) != 0, "digests tell templates apart");
  digest_of(LOOP TURN HEADER, "auto", b);
  ok(strcmp(a, b) == 0, "and one template has one");
  ok(rmdir(folder) == 0, "nothing is left behind");
  return tap_end();
}
