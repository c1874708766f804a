/* Questions as they are read, what a template writes around their answers, and texts that share a beginning. */
#include "tests/bytes.h"
#include "tests/golden.h"
#include "tests/small_tokenizer.h"
#include "text/chat/answers.h"
#include "train/scan.h"

static Source *source;
static Tokenizer *tokenizer;

static Status read_text(const char *name, const char *text, size_t limit, QuestionSet *set, Error *err) {
  char folder[] = "/tmp/fathom-answers.XXXXXX";
  if (!mkdtemp(folder)) abort();
  char *path = file_join(folder, name);
  if (file_write_text(path, text, err) != STATUS_OK) bail_out(err);
  const Status status = questions_read((const char *const[]){path}, 1, limit, set, err);
  unlink(path);
  rmdir(folder);
  free(path);
  return status;
}

static void test_questions(void) {
  QuestionSet set, other;
  Error err = {0};
  ok(read_text("a.txt", "one\r\ntwo words\n", 0, &set, &err) == STATUS_OK && set.count == 2 &&
         strcmp(set.items[1].text, "two words") == 0 && strcmp(set.items[1].id, "2") == 0 &&
         strcmp(set.items[0].messages[0].role, "user") == 0,
     "lines are turns of the user: %s", err.text);
  questions_clear(&set);
  const char *rows = "{\"messages\": [{\"role\": \"user\", \"content\": [{\"type\": \"text\", \"text\": \"in \"}, {\"type\": "
                     "\"text\", \"text\": \"parts\"}]}], \"group\": \"g\"}\n"
                     "{\"id\": 7, \"text\": \"plain\", \"tools\": []}\n";
  ok(read_text("a.jsonl", rows, 0, &set, &err) == STATUS_OK && set.count == 2 &&
         strcmp(set.items[0].messages[0].content, "in parts") == 0 && strcmp(set.items[0].group, "g") == 0 &&
         strcmp(set.items[1].id, "7") == 0 && set.items[1].tools,
     "rows keep what they say behind the next one: %s", err.text);
  ok(read_text("a.jsonl", rows, 1, &other, &err) == STATUS_OK && other.count == 1 && strcmp(set.digest, other.digest) != 0,
     "a limit leaves the rest");
  questions_clear(&other);
  questions_clear(&set);
  ok(read_text("a.jsonl", "\n", 0, &set, &err) == STATUS_DATA && strstr(err.text, "no prompts"), "an empty file: %s",
     err.text);
  ok(questions_from_text("\xff", &set, &err) == STATUS_USAGE && strstr(err.text, "not UTF-8"), "--text: %s", err.text);
}

static bool same_ids(const TokenList *a, const TokenList *b) {
  return a->count == b->count && memcmp(a->ids, b->ids, a->count * sizeof *a->ids) == 0;
}

/* Ids of the whole text as score makes them. */
static TokenList rendered_ids(const ChatTemplate *chat, const Question *q, const char *answer) {
  TokenList tokens = {0};
  char *text;
  size_t size;
  Error err;
  if (answer_render(chat, q, answer, &text, &size, &err) != STATUS_OK ||
      tokenizer_encode(tokenizer, text, size, chat_tokenize_flags(chat), &tokens, &err) != STATUS_OK)
    bail_out(&err);
  free(text);
  return tokens;
}

static void test_template(const char *name, const Question *q, bool joined) {
  static const char *const answers[] = {"freedom", "a", "hard working", "9", "\xc3\xa9t\xc3\xa9"};
  ChatTemplate *chat;
  AnswerFrame frame;
  AnswerIds ids = {0};
  Error err = {0};
  bool same = true, framed = true;
  if (chat_open(name, NULL, tokenizer, &chat, &err) != STATUS_OK) bail_out(&err);
  const bool found = answer_frame_init(&frame, chat, q, &err) == STATUS_OK &&
                     answer_ids_find(&frame, chat, tokenizer, &ids, &err) == STATUS_OK;
  for (size_t i = 0; i < sizeof answers / sizeof answers[0] && found; i++) {
    TokenList tokens = {0}, expected = rendered_ids(chat, q, answers[i]);
    same = same && answer_tokenize(&frame, chat, tokenizer, answers[i], &tokens, &err) == STATUS_OK &&
           same_ids(&tokens, &expected);
    const size_t head = ids.head.count, tail = ids.tail.count;
    framed = framed && tokens.count > head + tail && memcmp(tokens.ids, ids.head.ids, head * sizeof(int32_t)) == 0 &&
             (tail == 0 || memcmp(tokens.ids + tokens.count - tail, ids.tail.ids, tail * sizeof(int32_t)) == 0);
    token_list_clear(&tokens);
    token_list_clear(&expected);
  }
  ok(found && same, "%s: head, answer and tail are the text: %s", name, err.text);
  ok(found && framed && (ids.joined_head || ids.joined_tail) == joined, "%s: %zu ids before and %zu behind every answer%s",
     name, ids.head.count, ids.tail.count, joined ? ", whose blanks are the answer's" : "");
  answer_ids_clear(&ids);
  answer_frame_clear(&frame);
  chat_close(chat);
}

static void test_templates(void) {
  QuestionSet set;
  Error err = {0};
  if (questions_from_text("What is \x01 and \x02?", &set, &err) != STATUS_OK) bail_out(&err);
  test_template("auto", &set.items[0], false);
  test_template("none", &set.items[0], false);
  test_template("chatml", &set.items[0], false);
  test_template("gemma", &set.items[0], false);
  test_template("llama-3", &set.items[0], false);
  test_template("zephyr", &set.items[0], false);
  test_template("llama-2", &set.items[0], true);
  test_template("vicuna", &set.items[0], true);
  questions_clear(&set);
}

/* Of a vocabulary in which every plain word takes the blank before it, or none does: are head and tail joined to answers? */
static int joined_ends(bool takes_blanks, const char *template) {
  static const char *const taken[][2] = {{"\xc4\xa0" "a", "\xc4\xa0 a"}, {"\xc4\xa0T", "\xc4\xa0 T"}, {"\xc4\xa0y", "\xc4\xa0 y"},
                                         {"\xc4\xa0" "7", "\xc4\xa0 7"}, {"\xc4\xa0W", "\xc4\xa0 W"}};
  static SmallTokenizer s;
  char folder[] = "/tmp/fathom-answers.XXXXXX";
  Status status;
  Error err = {0};
  ChatTemplate *chat;
  AnswerFrame frame;
  AnswerIds ids;
  QuestionSet set;
  small_byte_level(&s);
  s.chat_template = template;
  for (size_t i = 0; i < 5 && takes_blanks; i++) {
    small_add(&s, taken[i][0], NORMAL, 0);
    s.merges[s.n_merges++] = taken[i][1];
  }
  if (!mkdtemp(folder)) abort();
  Tokenizer *t = open_small(folder, &s, &status, &err);
  if (!t || chat_open("auto", NULL, t, &chat, &err) != STATUS_OK || questions_from_text("x", &set, &err) != STATUS_OK ||
      answer_frame_init(&frame, chat, &set.items[0], &err) != STATUS_OK || answer_ids_find(&frame, chat, t, &ids, &err) != STATUS_OK)
    bail_out(&err);
  const int joined = ids.joined_head + 2 * ids.joined_tail;
  answer_ids_clear(&ids);
  answer_frame_clear(&frame);
  questions_clear(&set);
  chat_close(chat);
  tokenizer_close(t);
  rmdir(folder);
  return joined;
}

static void test_joined(void) {
  const char *blank = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}";
  const char *line = "{% for m in messages %}{{ m.role }}:\n{{ m.content }}\n{% endfor %}";
  ok(joined_ends(true, blank) == 1, "a blank before answers is seen to be in their tokens, where it is in all of them");
  ok(joined_ends(false, blank) == 0, "and not to be, where it is a token of its own");
  ok(joined_ends(true, line) == 0, "nor is a newline");
}

static void put_letters(TokenList *whole, size_t *ends, size_t *n, const char *letters) {
  for (; *letters; letters++) token_list_add(whole, *letters);
  ends[(*n)++] = whole->count;
}

/* What texts share, and the rest of each, as letters. */
static bool splits(const char *const *texts, size_t n_texts, const char *expected) {
  TokenList whole = {0};
  ScanTexts found;
  size_t ends[8], n = 0;
  char out[256] = "", *to = out;
  for (size_t i = 0; i < n_texts; i++) put_letters(&whole, ends, &n, texts[i]);
  scan_texts_of_whole(&found, &whole, ends, n);
  for (size_t i = 0; i < found.shared.count; i++) *to++ = (char)found.shared.ids[i];
  for (size_t i = 0; i < found.n; i++) {
    *to++ = '|';
    for (size_t t = found.offsets[i]; t < found.offsets[i + 1]; t++) *to++ = (char)found.own.ids[t];
  }
  *to = 0;
  if (strcmp(out, expected) != 0) printf("# found %s, expected %s\n", out, expected);
  scan_texts_clear(&found);
  token_list_clear(&whole);
  return strcmp(out, expected) == 0;
}

static void test_sharing(void) {
  ok(splits((const char *const[]){"hello.", "help.", "hex."}, 3, "he|llo.|lp.|x."), "texts share what all begin with");
  ok(splits((const char *const[]){"he", "hello", "hell"}, 3, "h|e|ello|ell"), "a text's last token is its own");
  ok(splits((const char *const[]){"same", "same"}, 2, "sam|e|e"), "also of equal ones");
  ok(splits((const char *const[]){"one"}, 1, "on|e"), "and of a single one");
  ok(splits((const char *const[]){"a", "b"}, 2, "|a|b") && splits((const char *const[]){"ab", "a"}, 2, "|ab|a"),
     "there may be nothing to share");
  ScanTexts texts;
  const TokenList head = {(int32_t[]){'h', 'i'}, 2, 2}, tail = {(int32_t[]){'.'}, 1, 1};
  scan_texts_of_ids(&texts, &head, (const int32_t[]){'x', 'y'}, 2, &tail);
  ok(texts.shared.count == 2 && texts.own.count == 4 && texts.own.ids[2] == 'y' && texts.own.ids[3] == '.' &&
         texts.offsets[2] == 4 && scan_texts_longest(&texts) == 4,
     "ids stand between a head and a tail");
  scan_texts_clear(&texts);
}

int main(void) {
  char *path = fixture_path("llama-reward");
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK || tokenizer_open(source, &tokenizer, &err) != STATUS_OK)
    bail_out(&err);
  test_questions();
  test_templates();
  test_joined();
  test_sharing();
  tokenizer_close(tokenizer);
  source_close(source);
  free(path);
  return tap_end();
}
