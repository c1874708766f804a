/* Scan tables: both layouts, what a cell may hold, and what is refused. */
#include "tests/bytes.h"
#include "tests/tap.h"
#include "text/scan_table.h"

#include <zlib.h>

static char folder[] = "/tmp/fathom-scans.XXXXXX";

static Status read_text(const char *text, ScanTable *table, Error *err) {
  char *path = file_join(folder, "s.csv");
  Bytes bytes = {0};
  put(&bytes, text, strlen(text));
  write_bytes(path, &bytes, bytes.size);
  drop(&bytes);
  const Status status = scan_table_read(path, table, err);
  unlink(path);
  free(path);
  return status;
}

static void test_words(void) {
  ScanTable t;
  Error err = {0};
  ok(read_text("response,best_ever,\"worst, ever\"\nlove,1.5,-2\r\n\" \"\"x\"\", y\",0,1e-3\nzeal,-7,8\n", &t, &err) == STATUS_OK,
     "a table of words: %s", err.text);
  ok(strcmp(t.layout, "words") == 0 && t.n_words == 3 && t.n_prompts == 2, "3 words, 2 prompts");
  ok(strcmp(t.prompts[1], "worst, ever") == 0 && strcmp(t.words[1], " \"x\", y") == 0, "quoted cells");
  ok(t.scores[0] == 1.5 && t.scores[1] == -2 && t.scores[3] == 1e-3 && t.scores[5] == 8, "scores, row by row");
  ok(t.places[0] == 2 && t.places[2] == 4, "and the line of each");
  scan_table_clear(&t);
}

static void test_tokens(void) {
  ScanTable t;
  Error err = {0};
  ok(read_text("\"\",token_id,token_name,token_decoded,p q\n1,7,\"\xc4\xa0love\",\" love\",3\n2,9,\"a,\",\"a,\",-1\n", &t, &err) ==
         STATUS_OK,
     "a table of tokens: %s", err.text);
  ok(strcmp(t.layout, "tokens") == 0 && t.n_words == 2 && t.n_prompts == 1 && t.scores[1] == -1, "prompts behind the tokens");
  ok(strcmp(t.words[0], " love") == 0, "the blank in front of a token stays");
  scan_table_clear(&t);
}

/* The prompts of a table with this first line, joined by '|'; words are "love". */
static bool has_prompts(const char *first_line, char delimiter, const char *expected) {
  ScanTable t;
  Error err = {0};
  char *text = mem_format("%s\nlove%c1%c2\n", first_line, delimiter, delimiter), *found = NULL;
  if (read_text(text, &t, &err) == STATUS_OK && t.n_prompts == 2) found = mem_format("%s|%s", t.prompts[0], t.prompts[1]);
  const bool same = found && strcmp(found, expected) == 0;
  if (!same) printf("# found %s, expected %s: %s\n", found ? found : "none", expected, err.text);
  scan_table_clear(&t);
  free(text);
  free(found);
  return same;
}

static void test_delimiters(void) {
  ok(has_prompts("response,\"a\tb\",\"c \"\"\td\"\"\"", ',', "a\tb|c \"\td\""), "a tab in a quoted cell of the first row is none of TSV");
  ok(has_prompts("\"response\",\"a\nb\t\",c", ',', "a\nb\t|c"), "nor in one of two lines");
  ok(has_prompts("response\ta,b\tc", '\t', "a,b|c"), "a tab outside of quotes is");
  ok(has_prompts("response\t\"a\t\"b\"", '\t', "\"a|\"b\""), "TSV has no quotes");
  ok(has_prompts("response,\"a\",b", ',', "a|b"), "CSV without a tab");
}

static void test_sorted(void) {
  ScanTable t;
  Error err = {0};
  size_t line = 0;
  const char *word = NULL;
  ok(read_text("response,p\nd,1\nb,2\nx,3\na,4\nb,5\n", &t, &err) == STATUS_OK, "%s", "words in any order");
  scan_table_keep(&t, (bool[]){true, true, false, true, true});
  ok(t.n_words == 4 && strcmp(t.words[2], "a") == 0 && t.scores[2] == 4, "words that are not kept are gone");
  ok(scan_table_sort(&t, &line, &word) == 1 && line == 6 && word && strcmp(word, "b") == 0, "a word twice is counted and named");
  ok(t.n_words == 3 && strcmp(t.words[0], "a") == 0 && strcmp(t.words[2], "d") == 0, "sorted");
  ok(t.scores[0] == 4 && t.scores[1] == 2 && t.scores[2] == 1, "scores go with their words, and the first of two stays");
  ok(scan_table_find(&t, "d") == 2 && scan_table_find(&t, "x") == 3 && scan_table_find(&t, "") == 3, "found by bisection");
  scan_table_keep(&t, (bool[]){false, false, false});
  ok(t.n_words == 0 && scan_table_sort(&t, NULL, NULL) == 0 && scan_table_find(&t, "a") == 0, "nothing left is fine");
  scan_table_clear(&t);
}

static void test_gzip(void) {
  static const char text[] = "response,p\nlove,1\n";
  char *path = file_join(folder, "s.csv.gz");
  ScanTable plain, packed;
  Error err = {0};
  gzFile stream = gzopen(path, "wb");
  ok(stream && gzwrite(stream, text, sizeof text - 1) == sizeof text - 1 && gzclose(stream) == Z_OK, "a gzip file");
  ok(read_text(text, &plain, &err) == STATUS_OK && scan_table_read(path, &packed, &err) == STATUS_OK, "%s", err.text);
  ok(packed.n_words == 1 && packed.scores[0] == 1 && strcmp(plain.sha256, packed.sha256) == 0,
     "reads as the plain one, with its digest");
  scan_table_clear(&plain);
  scan_table_clear(&packed);
  unlink(path);
  free(path);
}

static void refused(const char *text, const char *part, const char *what) {
  ScanTable t;
  Error err = {0};
  const Status status = read_text(text, &t, &err);
  ok(status == STATUS_DATA && strstr(err.text, part) && strstr(err.text, "s.csv") && !t.words && !t.path, "%s", what);
  if (status != STATUS_DATA || !strstr(err.text, part)) printf("# status %d: %s\n", status, err.text);
}

static void test_refused(void) {
  refused("word,p\nlove,1\n", "no column called \"response\" or \"token_decoded\"", "another layout");
  refused("response,token_decoded,p\na,b,1\n", "more than one column called", "two columns of words");
  refused("response\nlove\n", "no prompt", "no prompt");
  refused("response,p,\nlove,1,2\n", "has no name", "a prompt without a name");
  refused("response,p,q,p\nlove,1,2,3\n", "two columns are called \"p\"", "a prompt twice");
  refused("response,p\n", "no word below", "no word");
  refused("", "nothing in this file", "an empty file");
  refused("response,p\nlove,1\nzeal,1,2\n", "line 3 has 3 columns, expected 2", "a row too long");
  refused("response,p,q\nlove,1\n", "line 2 has 2 columns, expected 3", "a row too short");
  refused("response,p\nlove,1\nzeal,one\n", "line 3, column \"p\": found \"one\", expected a finite number", "a word for a number");
  refused("response,p\nlove,nan\n", "found \"nan\"", "no number");
  refused("response,p\nlove,-inf\n", "found \"-inf\"", "an infinite one");
  refused("response,p\nlove,\n", "found \"\"", "an empty cell");
  refused("response,p\nlove,1x\n", "found \"1x\"", "a number with something behind it");
  refused("response,p\n\"love,1\n", "quote", "a quote that is not closed");
}

int main(void) {
  if (!mkdtemp(folder)) return 99;
  test_words();
  test_tokens();
  test_delimiters();
  test_sorted();
  test_gzip();
  test_refused();
  rmdir(folder);
  return tap_end();
}
