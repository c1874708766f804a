/* Lexicons: every layout, merging, look-ups with prefixes and phrases, categories held against each other, and every refusal
 * with its line. */
#include "tests/bytes.h"
#include "tests/tap.h"
#include "text/lexicon/carriers.h"
#include "text/delimited.h"
#include "text/lexicon/lexicon.h"

static char folder[] = "/tmp/fathom-lexicon.XXXXXX";

static Status read_as(const char *name, const char *text, size_t size, bool strict, Lexicon **lexicon, Error *err) {
  char *path = file_join(folder, name);
  Bytes bytes = {0};
  put(&bytes, text, size);
  write_bytes(path, &bytes, size);
  drop(&bytes);
  const Status status = lexicon_read(path, strict, lexicon, err);
  unlink(path);
  free(path);
  return status;
}

static Lexicon *read_good(const char *name, const char *text) {
  Lexicon *lexicon;
  Error err = {0};
  ok(read_as(name, text, strlen(text), false, &lexicon, &err) == STATUS_OK, "%s is read: %s", name, err.text);
  if (!lexicon) exit(1);
  return lexicon;
}

static void refused(const char *name, const char *text, bool strict, const char *message) {
  Lexicon *lexicon;
  Error err = {0};
  const Status status = read_as(name, text, strlen(text), strict, &lexicon, &err);
  ok(status == STATUS_DATA && !lexicon && strstr(err.text, message) && !strchr(err.text, '\n'), "refused: %s", message);
  if (!strstr(err.text, message)) printf("# found \"%s\"\n", err.text);
  lexicon_free(lexicon);
}

static size_t find(const Lexicon *l, const char *text) { return lexicon_find(l, text, strlen(text)); }

static bool is_form(const Lexicon *l, const char *text, const char *form) {
  const size_t w = find(l, text);
  return w == LEXICON_NONE ? form == NULL : form && strcmp(l->words[w].form, form) == 0;
}

static void test_rows(void) {
  Lexicon *l = read_good("a.tsv", "# a remark\n\nWord\tcategory\tlemma\tPOS\tweight\tzipf\tvalence\trationale\r\n"
                                  "Ambition\tagency\tambition\tnoun\t\t4.1\t1\t\"quotes\" stay\r\n"
                                  "ambitions\tagency\tambition\t noun \t0.5\t-\tNA\t\n\n"
                                  "support\tcommunion\t\tnoun\t\t5\t\t\n"
                                  "support\tcommunion\t\tverb\t\t5\t\t\n"
                                  "support\tcommunion\t\tnoun\t\t5\t\tagain\n"
                                  "support\tagency\t\tnoun\t0\t5\t\tnone of it\n");
  ok(strcmp(l->layout, "TSV") == 0 && l->n_words == 4 && l->n_categories == 2 && l->n_repeated == 2 && l->n_skipped == 0 && l->words[2].n_members == 1,
     "one row a word: names of columns in any case and order, a repeated row merged");
  ok(strcmp(l->words[0].form, "Ambition") == 0 && strcmp(l->words[1].lemma, "ambition") == 0 &&
         strcmp(l->words[2].lemma, "support") == 0 && l->words[0].line == 4 && l->words[2].line == 7,
     "forms as spelt, lemmas, lines");
  ok(l->words[0].zipf == 4.1 && isnan(l->words[1].zipf) && l->words[0].valence == 1 && isnan(l->words[1].valence),
     "numbers, and none");
  ok(strcmp(l->words[1].pos, "noun") == 0 && lexicon_weight(l, 0, 0) == 1 && lexicon_weight(l, 1, 0) == 0.5 && lexicon_weight(l, 0, 1) == 0, "weights");
  const size_t support = find(l, "Support");
  ok(support == 2 && l->words[2].next_same == 3 && l->words[3].next_same == LEXICON_NONE, "two words of one form");
  ok(is_form(l, " AMBITION\t", "Ambition") && is_form(l, "ambit", NULL) && is_form(l, "", NULL) &&
         lexicon_find(l, "support\0s", 9) == LEXICON_NONE,
     "found in any case, without the blanks around it, and whole");
  lexicon_free(l);
  l = read_good("b.csv", "\"Category\",\"token_decoded\"\n\"Agency\",\"accuracy\"\n\"Care, tender\",\"say \"\"hi\"\"\"\n");
  ok(strcmp(l->layout, "CSV, one row a word") == 0 && strcmp(l->categories[1], "Care, tender") == 0 &&
         is_form(l, "say \"hi\"", "say \"hi\""),
     "quoted CSV");
  lexicon_free(l);
}

static void test_columns(void) {
  Lexicon *l = read_good("a.dicx", "\xef\xbb\xbf" "DicTerm,Care Virtue,Care_Vice,Loyalty\r\n"
                                   "abus*,,X,\r\nall for one,,,X\r\nally,NA,x,0.25\r\nabuse,1,0,\r\nfill,,,\r\n");
  ok(strcmp(l->layout, "CSV, one column a category") == 0 && l->n_words == 5 && l->n_categories == 3 && l->has_prefixes &&
         l->has_phrases,
     "one column a category, with a byte order mark");
  ok(l->words[2].n_members == 2 && lexicon_weight(l, 2, 1) == 1 && lexicon_weight(l, 2, 2) == 0.25 &&
         lexicon_weight(l, 2, 0) == 0 && lexicon_weight(l, 3, 0) == 1 && l->words[3].n_members == 1 &&
         l->words[4].n_members == 0,
     "marks, weights, and nothing");
  ok(is_form(l, "abuse", "abuse") && l->words[find(l, "abuser")].is_prefix && is_form(l, "Abus", "abus") &&
         is_form(l, "abu", NULL) && is_form(l, "All  for\tone", "all for one") && is_form(l, "all for", NULL),
     "a whole entry before a prefix, and phrases by all their words");
  lexicon_free(l);
  l = read_good("c.csv", "word,up,down\nca*,X,\ncare*,,X\n\xc3\x89t\xc3\xa9*,X,\n");
  ok(lexicon_weight(l, find(l, "careful"), 1) == 1 && lexicon_weight(l, find(l, "cat"), 0) == 1 && find(l, "c") == LEXICON_NONE,
     "the longest prefix");
  ok(is_form(l, "\xc3\xa9t\xc3\xa9s", "\xc3\x89t\xc3\xa9"), "letters with accents have two cases as well");
  lexicon_free(l);
}

static void test_dic(void) {
  Lexicon *l = read_good("a.dic", "% \n1\tAgency\n\t02 Care (tender)\n%\nable\t1\naffection*\t2\nstand by\t1\t2\n"
                                  "24 7\t2\n:)\t2\nroute66 1 2\nat ease 2\n");
  ok(strcmp(l->layout, "LIWC .dic") == 0 && l->n_words == 7 && l->n_categories == 2 &&
         strcmp(l->categories[1], "Care (tender)") == 0,
     "a .dic file");
  ok(lexicon_weight(l, find(l, "affectionate"), 1) == 1 && l->words[find(l, "stand by")].n_members == 2 &&
         is_form(l, "24 7", "24 7") && is_form(l, ":)", ":)"),
     "prefixes, phrases, several categories, digits in a word");
  ok(l->words[find(l, "route66")].n_members == 2 && lexicon_weight(l, find(l, "at ease"), 1) == 1, "blanks as separators");
  lexicon_free(l);
  l = read_good("b.dic", "%\n1\ta\n2\tb\n%\nkind\t(<of>)1/2\nkin*d\t1\nat *\t1\nlike\t(02 134)1/2\t2\nnone\ngood\t1\n");
  ok(l->n_words == 1 && l->n_skipped == 5, "entries that cannot be read are counted");
  lexicon_free(l);
}

static void test_negative_weights(void) {
  Lexicon *l = read_good("a.csv", "word,agency,communion\nweak,-1,\nlead,0.5,-2\nshare,,1\n");
  LexiconChoice c;
  Error err = {0};
  ok(lexicon_choose(l, "agency,communion", NULL, false, &c, &err) == STATUS_OK && c.n_forms[0] == 1 && c.n_forms[1] == 1 &&
         c.n_contradictory == 0 && c.side[0] == -1 && c.side[1] == 0 && c.side[2] == 1,
     "a weight below 0 is no membership%s%s", err.text[0] ? ": " : "", err.text);
  lexicon_choice_clear(&c);
  lexicon_free(l);
}

static void test_refusals(void) {
  refused("a.dic", "compassion\t1\nempathy\t1\n", false, "line 1: a LIWC .dic file without its head");
  refused("a.csv", "response,best_ever\nlove,3.5\n", false, "line 1: no layout of a lexicon that fathom knows: found \"response\" and 1 more");
  refused("a.tsv", "# only remarks\n\n", false, "nothing in this file");
  refused("a.tsv", "word\tcategory\n", false, "no words in this lexicon");
  refused("a.tsv", "word\tcategory\nlove\n", false, "line 2: 1 columns, expected the 2");
  refused("a.tsv", "word\tcategory\nlove\t\n", false, "line 2: \"love\" has no category");
  refused("a.tsv", "word\tcategory\tzipf\nlove\ta\tnan\n", false, "line 2: \"nan\" in column zipf, expected a finite number");
  refused("a.tsv", "word\tcategory\tlemma\nloves\ta\tlove\nloves\ta\tlover\n", false,
          "line 3: \"loves\" has the lemma \"lover\", in line 2 it has \"love\"");
  refused("a.tsv", "word\tcategory\tweight\nlove\ta\t1\nlove\ta\t2\n", false, "line 3: \"love\" has the weight 2 in a, and 1 before");
  refused("a.tsv", "word\tcategory\nl*ve\ta\nlove\ta\n", true, "line 2: \"l*ve\": '*' is understood at the end of a word alone");
  refused("a.csv", "word,category\n\"love,a\n", false, "line 2: a quoted cell is not closed");
  refused("a.csv", "word,category\n\"love\"d,a\n", false, "line 2: text behind a closing quote");
  refused("a.csv", "word,a,A\nlove,X,\n", false, "line 1: column 3 has the name of another");
  refused("a.csv", "word,a,\nlove,X,\n", false, "line 1: column 3 has no name");
  refused("a.csv", "word,a\nlove,yes\n", false, "line 2: \"yes\" under category a, expected X, a weight or nothing");
  refused("a.csv", "word,a\nlove,X,X\n", false, "line 2: 3 columns, expected the 2");
  refused("a.csv", "word,a\nl\xfc" "ck,X\n", false, "line 2: not UTF-8: convert the file");
  refused("a.dic", "%\n1\ta\nlove\t1\n", false, "line 3: \"love 1\", expected the number and name of a category");
  refused("a.dic", "%\n1\ta\n", false, "no second line of '%'");
  refused("a.dic", "%\n%\nlove\t1\n", false, "no categories between");
  refused("a.dic", "%\n1\ta\n1\tb\n%\n", false, "line 3: category number 1 a second time");
  refused("a.dic", "%\n1\ta\n2\ta\n%\n", false, "line 3: category \"a\" a second time");
  refused("a.dic", "%\n1\ta\n%\nlove\t2\n", false, "line 4: category number 2, which the head of the file does not have");
  refused("a.dic", "%\n1\ta\n%\nlove\t99999999999999999999999\n", false, "line 4: category number 99999999999999999999999");
  refused("a.dic", "%\n1\ta\n%\nkind\t(<of>)1/2\n", true, "line 4: \"kind\": its categories are no plain numbers");
  Lexicon *l;
  Error err = {0};
  ok(read_as("nul.tsv", "word\tcategory\nlo\0ve\ta\n", 22, false, &l, &err) == STATUS_DATA && strstr(err.text, "line 2: a NUL byte"),
     "refused: %s", err.text);
  ok(lexicon_read("/nowhere/a.tsv", false, &l, &err) == STATUS_SYSTEM && !l, "a missing file: %s", err.text);
  Bytes many = {0};
  put(&many, "word", 4);
  for (int i = 0; i < 1025; i++) put(&many, ",c", 2), put(&many, (char[]){(char)('a' + i / 676), (char)('a' + i / 26 % 26), (char)('a' + i % 26)}, 3);
  put(&many, "\n", 1);
  ok(read_as("many.csv", (char *)many.data, many.size, false, &l, &err) == STATUS_DATA && strstr(err.text, "more than 1024 categories"),
     "refused: %s", err.text);
  drop(&many);
}

/* "word category" rows as a lexicon: 12 words a0 ... a11 of agency, 12 of communion, and what is given. */
static Lexicon *pair_with(const char *rows) {
  Bytes text = {0};
  put(&text, "word\tcategory\tpos\n", 18);
  for (int i = 0; i < 24; i++) {
    char row[64];
    put(&text, row, (size_t)snprintf(row, sizeof row, "%c%d\t%s\tnoun\n", i % 2 ? 'c' : 'a', i / 2, i % 2 ? "Communion" : "Agency"));
  }
  put(&text, rows, strlen(rows) + 1);
  Lexicon *l = read_good("pair.tsv", (char *)text.data);
  drop(&text);
  return l;
}

static int side(const LexiconChoice *c, const char *text) { return lexicon_side(c, text, strlen(text), NULL); }

static void test_choice(void) {
  Lexicon *l = pair_with("care\tCommunion\tnoun\ncare\tAgency\tverb\nhelp\tCommunion\tverb\nstone\tNeutral\tnoun\n"
                         "hope\tNeutral\tnoun\nhope\tAgency\tnoun\nwin*\tAgency\tverb\n");
  LexiconChoice c;
  Error err = {0};
  size_t word;
  ok(lexicon_choose(l, "communion, AGENCY", NULL, false, &c, &err) == STATUS_OK && c.n == 2 && c.n_forms[0] == 13 &&
         c.n_forms[1] == 14 && c.n_contradictory == 1,
     "two categories, in the order asked for, without the word that is in both");
  ok(side(&c, "C3") == 0 && side(&c, "a3") == 1 && side(&c, "care") == -1 && side(&c, "stone") == -1 &&
         side(&c, "hope") == 1 && side(&c, "winning") == 1 && side(&c, "nothing") == -1,
     "which of them a word is in");
  ok(lexicon_side(&c, "help", 4, &word) == 0 && strcmp(l->words[word].form, "help") == 0, "and the entry that says so");
  lexicon_choice_clear(&c);
  ok(lexicon_choose(l, "agency,communion", "Noun", true, &c, &err) == STATUS_OK && side(&c, "care") == 1 &&
         side(&c, "help") == -1 && c.n_contradictory == 0,
     "of one part of speech: what is contradictory elsewhere is not");
  lexicon_choice_clear(&c);
  ok(lexicon_choose(l, "agency,communion", NULL, true, &c, &err) == STATUS_DATA &&
         strstr(err.text, "contradictory: \"care\" is in more than one of Agency, Communion (1 such words)"),
     "strict: %s", err.text);
  ok(lexicon_choose(l, NULL, NULL, false, &c, &err) == STATUS_OK && c.n == 3 && c.n_contradictory == 2 && c.n_forms[2] == 1,
     "all categories; few words are warned of");
  lexicon_choice_clear(&c);
  ok(lexicon_choose(l, "agency,Neutral", NULL, true, &c, &err) == STATUS_DATA && strstr(err.text, "contradictory"), "%s", err.text);
  ok(lexicon_choose(l, "Neutral", NULL, true, &c, &err) == STATUS_DATA &&
         strstr(err.text, "category Neutral has 2 words, expected at least 10"),
     "strict: %s", err.text);
  ok(lexicon_choose(l, "agency,communion", "adverb", false, &c, &err) == STATUS_DATA &&
         strstr(err.text, "category Agency has 0 words that are adverb, expected at least 1"),
     "none at all: %s", err.text);
  ok(lexicon_choose(l, "agency,warmth", NULL, false, &c, &err) == STATUS_USAGE &&
         strstr(err.text, "no category \"warmth\": it has Agency, Communion, Neutral"),
     "an unknown one: %s", err.text);
  ok(lexicon_choose(l, "agency,Agency", NULL, false, &c, &err) == STATUS_USAGE && strstr(err.text, "named twice"), "%s", err.text);
  ok(lexicon_check_found(l, 0, "the vocabulary", &err) == STATUS_DATA && strstr(err.text, "none of its 30 words is in the vocabulary") &&
         lexicon_check_found(l, 1, "it", &err) == STATUS_OK,
     "%s", err.text);
  lexicon_free(l);
}

static Status read_carriers(const char *text, CarrierSet *set, Error *err) {
  char *path = file_join(folder, "carriers.tsv");
  Bytes bytes = {0};
  put(&bytes, text, strlen(text));
  write_bytes(path, &bytes, bytes.size);
  drop(&bytes);
  const Status status = carriers_read(path, set, err);
  unlink(path);
  free(path);
  return status;
}

static void carriers_refused(const char *text, const char *message) {
  CarrierSet set;
  Error err = {0};
  ok(read_carriers(text, &set, &err) == STATUS_DATA && set.count == 0 && strstr(err.text, message), "refused: %s", message);
  if (!strstr(err.text, message)) printf("# found \"%s\"\n", err.text);
}

static void test_carriers(void) {
  CarrierSet set;
  Error err = {0};
  ok(read_carriers("# a remark\nid\tpos\tsentence\na\tnoun\tOf {word}, \"so\".\nb\t\t{word}\n", &set, &err) == STATUS_OK &&
         set.count == 2,
     "carriers: %s", err.text);
  size_t end = 0;
  char *text = carrier_fill(&set.items[0], "love", &end);
  ok(strcmp(text, "Of love, \"so\".") == 0 && end == 7, "the word in its place: %s", text);
  free(text);
  text = carrier_fill(&set.items[1], "love", &end);
  ok(strcmp(text, "love") == 0 && end == 4, "a slot alone");
  free(text);
  ok(carrier_fits(&set.items[0], "Noun") && !carrier_fits(&set.items[0], "verb") && carrier_fits(&set.items[0], "") &&
         carrier_fits(&set.items[1], "verb"),
     "parts of speech");
  carriers_clear(&set);
  carriers_refused("id\tsentence\na\t{word}\n", "line 1: expected columns named id, pos and sentence");
  carriers_refused("id\tpos\tsentence\na\tnoun\tnothing\n", "line 2: \"nothing\" has no slot, expected one {word}");
  carriers_refused("id\tpos\tsentence\na\tnoun\t{word} {word}\n", "has several slots");
  carriers_refused("id\tpos\tsentence\na\tnoun\t{word}\na\tnoun\tx {word}\n", "line 3: id \"a\" was used before");
  carriers_refused("id\tpos\tsentence\na\tnoun\n", "line 2: 2 columns, expected the 3");
  carriers_refused("id\tpos\tsentence\n", "no sentences in this file");
}

/* Cells of every kind of end, each as "[cell]". */
static void test_cells(void) {
  static const char *const texts[] = {"a,\"b \"\"c\"\"\",\r\n\n,\"d\ne\"\r\n\"\"", "a\t\"b\"\t\r\n\t\tc,d\r", "\"a\",b"};
  static const char *const cells[] = {"1[a][b \"c\"][] 3[][d\ne] 5[] ", "1[a][\"b\"][] 2[][][c,d] ", "1[a][b] "};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
    char *path = file_join(folder, "cells.csv"), found[256] = "";
    Bytes bytes = {0};
    Delimited table;
    Error err = {0};
    put(&bytes, texts[i], strlen(texts[i]));
    write_bytes(path, &bytes, bytes.size);
    drop(&bytes);
    Status status = delimited_open(&table, path, &err);
    while (status == STATUS_OK && (status = delimited_next(&table, &err)) == STATUS_OK && table.n_cells > 0) {
      sprintf(found + strlen(found), "%zu", table.line);
      for (size_t c = 0; c < table.n_cells; c++) sprintf(found + strlen(found), "[%s]", table.cells[c]);
      strcat(found, " ");
    }
    ok(status == STATUS_OK && strcmp(found, cells[i]) == 0, "cells of file %zu", i + 1);
    if (strcmp(found, cells[i]) != 0) printf("# found \"%s\"\n", found);
    delimited_close(&table);
    unlink(path);
    free(path);
  }
}

/* What delimited_write_cell writes is what is read again. */
static void test_written(void) {
  static const char *const texts[] = {"plain", " the", "a, b", "\"so\"", "one\ntwo", "\r", "tab\there", "#", "", "\"", "'"};
  enum { N = sizeof texts / sizeof texts[0] };
  char *path = file_join(folder, "written.csv");
  Delimited table;
  Error err = {0};
  FILE *out = fopen(path, "w");
  fputs("text,number\n", out);
  for (size_t i = 0; i < N; i++) {
    delimited_write_cell(out, texts[i]);
    fprintf(out, ",%zu\n", i);
  }
  fclose(out);
  bool same = delimited_open(&table, path, &err) == STATUS_OK && delimited_next(&table, &err) == STATUS_OK;
  for (size_t i = 0; i < N && same; i++)
    same = delimited_next(&table, &err) == STATUS_OK && table.n_cells == 2 && strcmp(table.cells[0], texts[i]) == 0 &&
           (size_t)atoi(table.cells[1]) == i;
  ok(same && delimited_next(&table, &err) == STATUS_OK && table.n_cells == 0, "cells as they are written");
  delimited_close(&table);
  unlink(path);
  free(path);
}

/* What bias and scan read: cells with line ends, and more rows than the index begins with. */
static void test_large(void) {
  Bytes text = {0};
  put(&text, "word,category\n", 14);
  for (int i = 0; i < 5000; i++) {
    char row[64];
    put(&text, row, (size_t)snprintf(row, sizeof row, "\"w\n%d\",c%d\n", i, i % 7));
  }
  put(&text, "", 1);
  Lexicon *l = read_good("large.csv", (char *)text.data);
  bool right = l->n_words == 5000 && l->n_categories == 7;
  for (size_t i = 0; i < 5000; i += 7) {
    char form[32];
    snprintf(form, sizeof form, "W %zu", i);
    right = right && find(l, form) == i && l->words[i].line == 2 + 2 * i && lexicon_weight(l, i, i % 7) == 1;
  }
  ok(right, "5000 words over two lines each");
  char first[DIGEST_TEXT];
  memcpy(first, l->digest, sizeof first);
  lexicon_free(l);
  text.data[text.size - 3] = '0'; /* the last word's category */
  l = read_good("large.csv", (char *)text.data);
  ok(strcmp(first, l->digest) != 0, "another category, another digest");
  lexicon_free(l);
  drop(&text);
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  test_rows();
  test_columns();
  test_dic();
  test_negative_weights();
  test_refusals();
  test_carriers();
  test_cells();
  test_written();
  test_choice();
  test_large();
  rmdir(folder);
  return tap_end();
}
