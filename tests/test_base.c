/* base/: numbers parsed whole, option tables, JSON strictness, UTF-8, digests, RNG, file writers. */
#include "base/digest.h"
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/names.h"
#include "base/options.h"
#include "base/rng.h"
#include "base/table.h"
#include "base/utf8.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <unistd.h>

typedef struct Settings {
  bool flag;
  const char *text, *choice;
  size_t size, bytes;
  double real;
  OptionTexts texts;
} Settings;

static const Option table[] = {
    {"flag", 'f', OPTION_FLAG, offsetof(Settings, flag), 0, 0, NULL, "a flag", "text"},
    {"text", 0, OPTION_TEXT, offsetof(Settings, text), 0, 0, "S", "a text", NULL},
    {"choice", 0, OPTION_CHOICE, offsetof(Settings, choice), 0, 0, "one|two", "a choice", NULL},
    {"size", 's', OPTION_SIZE, offsetof(Settings, size), 1, 9, "N", "a size", NULL},
    {"bytes", 0, OPTION_BYTES, offsetof(Settings, bytes), 0, 0, "SIZE", "bytes", NULL},
    {"real", 0, OPTION_REAL, offsetof(Settings, real), 0, 1, "X", "a number", NULL},
    {"texts", 0, OPTION_TEXTS, offsetof(Settings, texts), 0, 0, "S", "texts", NULL},
    {0}};

static Status parse(Settings *settings, Error *err, int argc, const char **argv) {
  const Option *const tables[] = {table, NULL};
  const char *args[16];
  size_t n_args;
  options_free(tables, settings);
  *settings = (Settings){0};
  return options_parse(tables, settings, argc, (char **)argv, args, &n_args, err);
}

static void test_options(void) {
  Settings s = {0};
  Error err = {0};
  ok(parse(&s, &err, 9, (const char *[]){"x", "--text", "a", "--size=7", "--bytes", "2K", "--texts=p", "--texts", "q"}) == STATUS_OK &&
         strcmp(s.text, "a") == 0 && s.size == 7 && s.bytes == 2048 && s.texts.count == 2 && strcmp(s.texts.items[1], "q") == 0,
     "values land in the settings struct");
  ok(parse(&s, &err, 2, (const char *[]){"x", "-s3"}) == STATUS_OK && s.size == 3, "a short option with its value attached");
  static const struct {
    const char *word, *value, *message;
  } bad[] = {{"--size", "12x", "--size 12x: expected a whole number"},
             {"--size", "0", "--size 0: expected a whole number from 1 to 9"},
             {"--size", "10", "--size 10: expected a whole number from 1 to 9"},
             {"--size", "-1", "--size -1: expected a whole number"},
             {"--real", "nan", "--real nan: expected a number"},
             {"--real", "1.5", "--real 1.5: expected a number from 0 to 1"},
             {"--choice", "tw", "--choice tw: expected one of one|two"},
             {"--bytes", "9Z", "--bytes 9Z: expected a size such as 64M or 2G"},
             {"--nope", "1", "unknown option --nope (see --help)"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ok(parse(&s, &err, 3, (const char *[]){"x", bad[i].word, bad[i].value}) == STATUS_USAGE && strcmp(err.text, bad[i].message) == 0,
       "%s %s is refused: %s", bad[i].word, bad[i].value, err.text);
  ok(parse(&s, &err, 2, (const char *[]){"x", "--text"}) == STATUS_USAGE && strcmp(err.text, "--text needs a value: S") == 0, "a missing value");
  ok(parse(&s, &err, 2, (const char *[]){"x", "--flag=1"}) == STATUS_USAGE, "a flag takes no value");
  ok(parse(&s, &err, 4, (const char *[]){"x", "--flag", "--text", "a"}) == STATUS_USAGE &&
         strcmp(err.text, "--flag and --text exclude each other") == 0, "conflicts come from the table");
  parse(&s, &err, 1, (const char *[]){"x"});
}

static void test_json(void) {
  Error err = {0};
  Json *root;
  ok(json_parse("{\"a\":[1,2.5,\"x\"]} \n", 20, "t", &root, &err) == STATUS_OK && json_count(json_get(root, "a")) == 3 &&
         json_number(json_at(json_get(root, "a"), 1), 0) == 2.5, "JSON reads");
  json_free(root);
  static const char *const bad[] = {"{", "{\"a\":1} x", "\"\xff\"", "", "[1,]", "nul"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    ok(json_parse(bad[i], strlen(bad[i]), "t", &root, &err) == STATUS_DATA && root == NULL, "broken JSON %zu: %s", i, err.text);
    json_free(root);
  }
  static const char numbers[] = " [1, 2.0, \"3.0 \\\" 4.0\", -5e0, {\"6.0\": 7, \"\\\\\": 8.50}, 1E2, -9, [[], 0.0]]";
  ok(json_parse(numbers, sizeof numbers - 1, "t", &root, &err) == STATUS_OK, "numbers of both kinds");
  Json *copy = json_copy(root);
  const Json *inner = json_at(copy, 4);
  ok(!json_is_real(json_at(copy, 0)) && json_is_real(json_at(copy, 1)) && !json_is_real(json_at(copy, 2)) &&
         json_is_real(json_at(copy, 3)) && !json_is_real(json_at(inner, 0)) && json_is_real(json_at(inner, 1)) &&
         json_is_real(json_at(copy, 5)) && !json_is_real(json_at(copy, 6)) && !json_is_real(json_at(copy, 7)) &&
         json_is_real(json_at(json_at(copy, 7), 1)) && !json_is_real(NULL),
     "2.0, -5e0 and 1E2 are told from 1 and -9, in copies too");
  json_free(copy);
  json_free(root);
  ok(json_parse("[\"a\\u0000b\"]", 12, "t", &root, &err) == STATUS_DATA &&
         strcmp(err.text, "t: the character U+0000 at byte 3, which is not supported") == 0,
     "a NUL in a string, which would cut it short, is refused");
  ok(json_parse("[\"a\\\\u0000b\"]", 13, "t", &root, &err) == STATUS_OK &&
         strcmp(json_string(json_first(root), ""), "a\\u0000b") == 0, "a backslash before u0000 is no NUL");
  json_free(root);
  root = json_new_object();
  json_add_number(root, "nan", NAN);
  json_add_number(root, "n", 3);
  char *text = json_print(root, false);
  ok(strcmp(text, "{\"nan\":null,\"n\":3}") == 0, "NaN is written as null");
  free(text);
  Json *bytes = json_new_string("a\xFF\xC3z\xE2\x82 \xC3\xA9\xF0");
  text = json_print(bytes, false);
  ok(strcmp(text, "\"a\xEF\xBF\xBD\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD \xC3\xA9\xEF\xBF\xBD\"") == 0,
     "bytes that are not UTF-8 are written as U+FFFD");
  free(text);
  json_free(bytes);
  size_t size;
  ok(json_need_size(root, "n", "f", 4, 9, &size, &err) == STATUS_DATA && strstr(err.text, "\"n\" is 3, expected a whole number from 4 to 9"),
     "a size out of range names the key");
  json_free(root);
}

static void test_shown(void) {
  char *shown = utf8_shown("a\\x0a\x1b\xc3\xa9\xff\xc2\x85\0 z", 14);
  ok(strcmp(shown, "a\\\\x0a\\x1b\xc3\xa9\\xff\\xc2\\x85\\x00 z") == 0, "controls, stray bytes and backslashes are shown: %s", shown);
  free(shown);
}

static void test_utf8(void) {
  static const char *const bad[] = {"\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x82"};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
    ok(utf8_valid_prefix(bad[i], strlen(bad[i])) == 0, "invalid UTF-8 %zu is refused", i);
  int wrong = 0;
  for (uint32_t c = 0; c < 0x110000; c++) {
    if (c >= 0xd800 && c < 0xe000) continue;
    char bytes[4];
    uint32_t back = ~c;
    const size_t n = utf8_encode(c, bytes);
    wrong += utf8_decode(bytes, n, &back) != n || back != c;
  }
  ok(wrong == 0, "every code point survives encode and decode");
}

static void test_rest(void) {
  char digest[DIGEST_TEXT];
  digest_bytes("abc", 3, digest);
  ok(strcmp(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad") == 0, "SHA-256 of \"abc\" (FIPS 180-4)");
  Rng a = rng_new(7), b = rng_new(7);
  double sum = 0, squares = 0;
  bool same = true;
  for (int i = 0; i < 100000; i++) {
    const double x = rng_normal(&a);
    same = same && x == rng_normal(&b);
    sum += x;
    squares += x * x;
  }
  ok(same, "one seed, one stream");
  ok(fabs(sum / 1e5) < 0.02 && fabs(squares / 1e5 - 1) < 0.03, "normal deviates have mean 0 and variance 1 (seed 7)");
  size_t product = 5;
  ok(!size_multiply(SIZE_MAX / 2, 3, &product) && product == 5, "an overflowing product is seen");
  Arena arena;
  Error err = {0};
  ok(arena_init(&arena, 1000, &err) == STATUS_OK && (size_t)arena_take(&arena, 10) % 64 == 0 && (size_t)arena_take(&arena, 100) % 64 == 0 &&
         arena.used == 192, "arena pieces are aligned");
  arena_clear(&arena);
  ok(arena_init(&arena, 40000, &err) == STATUS_OK, "an arena again");
  unsigned char *before = arena_take(&arena, 5000), *piece = arena_take(&arena, 30000), *after = arena_take(&arena, 100);
  memset(before, 1, 5000), memset(piece, 2, 30000), memset(after, 3, 100);
  arena_drop(&arena, piece, 30000);
  ok(before[4999] == 1 && after[0] == 3 && piece[15000] == 0, "a dropped piece leaves its neighbours alone");
  arena_clear(&arena);
  char *line = command_line(3, (char *[]){"fathom", "a b", "it's"});
  ok(strcmp(line, "fathom 'a b' 'it'\\''s'") == 0, "a command line is quoted for the shell");
  free(line);
}

static void test_files(void) {
  Error err = {0};
  FileWriter writer;
  char folder[] = "/tmp/fathom-base.XXXXXX";
  ok(mkdtemp(folder) != NULL, "a scratch folder");
  char *path = file_join(folder, "x"), *part = file_join(folder, "x.part");
  ok(file_writer_open(&writer, path, &err) == STATUS_OK && !file_exists(path), "nothing under the final name while writing");
  fputs("hello", writer.stream);
  ok(file_writer_commit(&writer, &err) == STATUS_OK && file_exists(path) && !file_exists(part), "commit renames");
  char *bytes;
  size_t size;
  ok(file_read(path, 100, &bytes, &size, &err) == STATUS_OK && size == 5 && strcmp(bytes, "hello") == 0, "and it reads back");
  free(bytes);
  ok(file_read(path, 4, &bytes, &size, &err) == STATUS_DATA && strstr(err.text, "limit"), "a limit holds");
  unlink(path);
  ok(file_writer_open(&writer, "/no/such/folder/x", &err) == STATUS_SYSTEM && strstr(err.text, "/no/such/folder/x: cannot write here: No such file"),
     "a missing folder is named");
  ok(file_writer_open(&writer, "/dev/full", &err) == STATUS_OK, "a device opens");
  fputs("hello", writer.stream);
  ok(file_writer_commit(&writer, &err) == STATUS_SYSTEM && strstr(err.text, "No space left"), "a full disk is seen: %s", err.text);
  ok(file_writer_open(&writer, "/dev/full", &err) == STATUS_OK, "a device opens");
  static const char large[100000];
  fwrite(large, 1, sizeof large, writer.stream);
  ok(file_writer_commit(&writer, &err) == STATUS_SYSTEM && strcmp(err.text, "/dev/full: a write failed: is the disk full?") == 0,
     "and so is one that filled up on the way: %s", err.text);
  ok(file_check_writable(path, &err) == STATUS_OK && !file_exists(path) && !file_exists(part), "a file could be written, and is not");
  file_write_text(part, "half", &err);
  ok(file_check_writable(path, &err) == STATUS_OK && file_read(part, 100, &bytes, &size, &err) == STATUS_OK && size == 4,
     "and the part of an earlier run stays");
  free(bytes);
  unlink(part);
  ok(file_check_writable(folder, &err) == STATUS_SYSTEM && strstr(err.text, ": is a folder"), "a folder is no file: %s", err.text);
  ok(file_check_writable("/no/such/folder/x", &err) == STATUS_SYSTEM, "nor is there one in a missing folder: %s", err.text);
  rmdir(folder);
  free(path);
  free(part);
}

static void test_names(void) {
  Names names = {0};
  size_t index = 7;
  bool same = !names_find(&names, "w0", &index) && names_add(&names, "w0") && !names_add(&names, "w0");
  for (size_t i = 0; i < 1000; i++) {
    char *name = mem_format("w%zu", i);
    same = same && names_number(&names, name) == i && names_number(&names, name) == i && names_find(&names, name, &index) &&
           index == i;
    free(name);
  }
  ok(same && names.count == 1000, "names are numbered in the order they come, and found");
  ok(names_number(&names, "W5") == 1000 && names_number_caseless(&names, "W5") == 5 &&
         names_number_caseless(&names, "N\xc3\x96") != names_number_caseless(&names, "n\xc3\xb6"),
     "by their letters, or whatever the case of a to z");
  names_clear(&names);
}

/* Of some compilers, constants that begin with equal parts lose the zeros behind them; configure knows a remedy. */
typedef struct Four {
  double parts[4];
} Four;
static __attribute__((noinline)) bool has_parts(Four four, double first, size_t n) {
  for (size_t i = 0; i < 4; i++)
    if (four.parts[i] != (i < n ? first : 0)) return false;
  return true;
}

static void test_constants(void) {
  ok(has_parts((Four){{.5, .5, .5, 0}}, .5, 3) && has_parts((Four){{2, 2, 0, 0}}, 2, 2), "constants keep the zeros at their end");
}

int main(void) {
  test_options();
  test_json();
  test_utf8();
  test_shown();
  test_rest();
  test_files();
  test_names();
  test_constants();
  return tap_end();
}
