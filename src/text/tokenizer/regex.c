/* Translation of Oniguruma's dialect, and matching through PCRE2's compiler to machine code. */
#include "text/tokenizer/regex.h"

#include "base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Steps of matching at one place, after which a pattern is given up: sane ones need tens. */
enum { MATCH_LIMIT = 5000000, PATTERN_LIMIT = 1 << 16 };

struct Regex {
  char *text; /* as given */
  pcre2_code *code;
  pcre2_match_context *limits;
  bool jit;
  bool has_starts; /* starts[b]: a match may begin with the byte b */
  bool starts[256];
};

/* Classes are spelled out, since PCRE2's differ from Oniguruma's and from version to version: \s is the property
 * White_Space, \w letters, marks, digits, letter numbers, joining punctuation and letters in circles and squares, and
 * outside of classes six numbers of Latin-1 as well. */
#define SPACES "\\t-\\r\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"
#define NO_SPACES                                                                                                      \
  "\\x{0}-\\x{8}\\x{e}-\\x{1f}\\x{21}-\\x{84}\\x{86}-\\x{9f}\\x{a1}-\\x{167f}\\x{1681}-\\x{1fff}\\x{200b}-\\x{2027}"   \
  "\\x{202a}-\\x{202e}\\x{2030}-\\x{205e}\\x{2060}-\\x{2fff}\\x{3001}-\\x{10ffff}"
#define WORD                                                                                                           \
  "\\p{L}\\p{M}\\p{Nd}\\p{Nl}\\p{Pc}\\x{24b6}-\\x{24e9}\\x{1f130}-\\x{1f149}\\x{1f150}-\\x{1f169}\\x{1f170}-"          \
  "\\x{1f189}"
#define WORD_OUTSIDE WORD "\\x{b2}\\x{b3}\\x{b9}\\x{bc}-\\x{be}"
#define IS_WORD "[" WORD_OUTSIDE "]"
#define HEX "0-9A-Fa-f"

typedef struct Spelling {
  char letter;
  const char *outside, *inside; /* of a class; NULL: cannot be said there */
} Spelling;

static const Spelling spellings[] = {
    {'s', "[" SPACES "]", SPACES},
    {'S', "[^" SPACES "]", NO_SPACES},
    {'w', IS_WORD, WORD},
    {'W', "[^" WORD_OUTSIDE "]", NULL},
    {'h', "[" HEX "]", HEX},
    {'H', "[^" HEX "]", NULL},
    {'b', "(?:(?<=" IS_WORD ")(?!" IS_WORD ")|(?<!" IS_WORD ")(?=" IS_WORD "))", NULL},
    {'B', "(?:(?<=" IS_WORD ")(?=" IS_WORD ")|(?<!" IS_WORD ")(?!" IS_WORD "))", NULL},
};

enum { LONGEST_SPELLING = sizeof "(?:(?<=" IS_WORD ")(?!" IS_WORD ")|(?<!" IS_WORD ")(?=" IS_WORD "))" };

static const Spelling *find_spelling(char letter) {
  for (size_t i = 0; i < sizeof spellings / sizeof spellings[0]; i++)
    if (spellings[i].letter == letter) return &spellings[i];
  return NULL;
}

/* "{1,3}" closed at `close`: a "+" behind it repeats again in Oniguruma and forbids to go back in PCRE2. */
static bool closes_interval(const char *begin, const char *close) {
  const char *at = close;
  while (at > begin && strchr("0123456789,", at[-1])) at--;
  return at < close && at > begin && at[-1] == '{';
}

typedef struct Translation {
  const char *begin, *at; /* in the pattern */
  char *to;
  unsigned class_depth;
  const char *differs; /* what cannot be translated */
} Translation;

/* Whether PCRE2 tells a script from its extensions by this name; before 10.40 it knew no extensions. */
static bool is_script(const char *name, size_t size) {
  enum { LONGEST = 40 };
  char probe[LONGEST + 8];
  int code;
  PCRE2_SIZE where;
  if (size < 3 || size > LONGEST) return false;
  snprintf(probe, sizeof probe, "\\p{sc:%.*s}", (int)size, name);
  pcre2_code *compiled = pcre2_compile((PCRE2_SPTR)probe, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &code, &where, NULL);
  pcre2_code_free(compiled);
  return compiled != NULL;
}

/* "\p{Han}": characters of that script alone, not those that are also used with it. */
static void translate_property(Translation *t) {
  const char *name = t->at + 3;
  const size_t negated = *name == '^', size = strcspn(name + negated, "}");
  t->to = stpncpy(t->to, t->at, 3 + negated);
  if (is_script(name + negated, size)) t->to = stpcpy(t->to, "sc:");
  t->at += 3 + negated;
}

/* A backslash and what follows it. */
static void translate_escape(Translation *t) {
  const char letter = t->at[1];
  if ((letter == 'p' || letter == 'P') && t->at[2] == '{') {
    translate_property(t);
    return;
  }
  const Spelling *spelling = find_spelling(letter);
  const char *text = spelling ? t->class_depth ? spelling->inside : spelling->outside : NULL;
  if (spelling && !text) t->differs = "\\W, \\H, \\b or \\B inside a class";
  if (text)
    t->to = stpcpy(t->to, text);
  else
    *t->to++ = t->at[0], *t->to++ = letter;
  t->at += 2;
}

/* Inside a class: "[" opens a class whose members are added, "&&" keeps what is in both. */
static void translate_in_class(Translation *t) {
  const char c = *t->at;
  if (c == '[' && (t->at[1] == '^' || t->at[1] == ':')) t->differs = "a negated or named class inside a class";
  if (c == '&' && t->at[1] == '&') t->differs = "&& inside a class";
  if (c == '[')
    t->class_depth++;
  else if (c != ']' || --t->class_depth == 0)
    *t->to++ = c;
  t->at++;
}

static void translate_outside(Translation *t) {
  const char *at = t->at;
  if (*at == '[') {
    t->class_depth = 1;
    *t->to++ = *t->at++;
    if (*t->at == '^') *t->to++ = *t->at++;
    if (*t->at == ']') t->differs = "a class that begins with ]";
    return;
  }
  if (at[0] == '(' && at[1] == '?')
    for (const char *flag = at + 2; *flag && strchr("imsx-", *flag); flag++)
      if (*flag == 'm' || *flag == 's') t->differs = "the flags m and s";
  if (at[0] == '(' && at[1] == '*') t->differs = "(*";
  if (at[0] == '{' && at[1] == ',') t->differs = "{,";
  if (at[0] == '+' && at > t->begin && at[-1] == '}' && closes_interval(t->begin, at - 1)) t->differs = "}+";
  *t->to++ = *t->at++;
}

/* The pattern in PCRE2's dialect, freed by the caller; NULL where it cannot be said, and *differs says why. */
static char *translate(const char *pattern, const char **differs) {
  char *out = mem_alloc(strlen(pattern) + 1, LONGEST_SPELLING);
  Translation t = {.begin = pattern, .at = pattern, .to = out};
  while (*t.at && !t.differs) {
    if (t.at[0] == '\\' && t.at[1])
      translate_escape(&t);
    else if (t.class_depth)
      translate_in_class(&t);
    else
      translate_outside(&t);
  }
  *t.to = 0;
  *differs = t.differs;
  if (!t.differs) return out;
  free(out);
  return NULL;
}

/* Lines end at \n alone and ^ and $ are their ends, as in Oniguruma's default syntax. */
static pcre2_code *compile(const char *regex, int *code, PCRE2_SIZE *where) {
  pcre2_compile_context *context = pcre2_compile_context_create(NULL);
  if (context) pcre2_set_newline(context, PCRE2_NEWLINE_LF);
  pcre2_code *compiled =
      pcre2_compile((PCRE2_SPTR)regex, PCRE2_ZERO_TERMINATED,
                    PCRE2_UTF | PCRE2_UCP | PCRE2_MULTILINE | PCRE2_NEVER_BACKSLASH_C, code, where, context);
  pcre2_compile_context_free(context);
  return compiled;
}

/* The bytes that a match can begin with, where PCRE2 knows them: most texts have few. */
static void find_starts(Regex *p) {
  const uint8_t *bits = NULL;
  p->has_starts = pcre2_pattern_info(p->code, PCRE2_INFO_FIRSTBITMAP, &bits) == 0 && bits;
  for (unsigned b = 0; p->has_starts && b < 256; b++) p->starts[b] = (b & 0xc0) != 0x80 && (bits[b / 8] >> b % 8 & 1);
}

Status regex_new(const char *regex, Regex **out, Error *err) {
  int code;
  PCRE2_SIZE where;
  const char *differs;
  *out = NULL;
  if (strlen(regex) > PATTERN_LIMIT)
    return error_set(err, STATUS_DATA, "a pattern of %zu bytes, expected at most %d", strlen(regex), PATTERN_LIMIT);
  char *translated = translate(regex, &differs);
  if (!translated)
    return error_set(err, STATUS_DATA, "the pattern \"%s\" uses %s, which is not supported", regex, differs);
  pcre2_code *compiled = compile(translated, &code, &where);
  free(translated);
  if (!compiled) {
    char why[256] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
    return error_set(err, STATUS_DATA, "the pattern \"%s\" does not compile: %s", regex, why);
  }
  Regex *p = mem_alloc(1, sizeof *p);
  p->code = compiled;
  p->text = mem_copy_string(regex);
  p->jit = pcre2_jit_compile(compiled, PCRE2_JIT_COMPLETE) == 0;
  p->limits = pcre2_match_context_create(NULL);
  if (!p->limits) mem_exhausted(64);
  find_starts(p);
  pcre2_set_match_limit(p->limits, MATCH_LIMIT);
  *out = p;
  return STATUS_OK;
}

void regex_free(Regex *p) {
  if (!p) return;
  pcre2_code_free(p->code);
  pcre2_match_context_free(p->limits);
  free(p->text);
  free(p);
}

const char *regex_text(const Regex *p) { return p->text; }

char *regex_quote(const char *literal) {
  char *out = mem_alloc(2 * strlen(literal) + 1, 1), *to = out;
  for (; *literal; literal++) {
    if (strchr("\\^$.[]|()?*+{}", *literal)) *to++ = '\\';
    *to++ = *literal;
  }
  return out;
}

RegexWork *regex_work_new(void) {
  pcre2_match_data *data = pcre2_match_data_create(1, NULL);
  if (!data) mem_exhausted(64);
  return (RegexWork *)data;
}

void regex_work_free(RegexWork *work) { pcre2_match_data_free((pcre2_match_data *)work); }

/* 1, 0 for no match, negative for an error. */
static int match(const RegexScan *scan) {
  const Regex *p = scan->pattern;
  const PCRE2_SPTR subject = (PCRE2_SPTR)scan->text;
  pcre2_match_data *data = (pcre2_match_data *)scan->work;
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  if (p->jit) found = pcre2_jit_match(p->code, subject, scan->size, scan->at, 0, data, p->limits);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT)
    found = pcre2_match(p->code, subject, scan->size, scan->at, PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data, p->limits);
  return found == PCRE2_ERROR_NOMATCH ? 0 : found < 0 ? found : 1;
}

static size_t next_character(const char *text, size_t size, size_t at) {
  for (at++; at < size && ((unsigned char)text[at] & 0xc0) == 0x80;) at++;
  return at;
}

Status regex_next(RegexScan *scan, bool *found, size_t *begin, size_t *end, Error *err) {
  const Regex *p = scan->pattern;
  while (scan->at <= scan->size) {
    if (p->has_starts)
      while (scan->at < scan->size && !p->starts[(unsigned char)scan->text[scan->at]]) scan->at++;
    if (p->has_starts && scan->at == scan->size) break;
    int code = match(scan);
    if (code == 0) break;
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer((pcre2_match_data *)scan->work);
    if (code > 0 && (span[0] < scan->at || span[1] < span[0])) code = PCRE2_ERROR_BADOFFSET; /* \K in older versions */
    if (code < 0) {
      char why[256] = "";
      pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
      return error_set(err, STATUS_DATA, "the pattern \"%s\" failed: %s", p->text, why);
    }
    *begin = span[0], *end = span[1];
    if (*begin == *end && scan->matched && *end == scan->last_end) {
      scan->at = next_character(scan->text, scan->size, scan->at);
      continue;
    }
    scan->at = scan->last_end = *end;
    scan->matched = *found = true;
    return STATUS_OK;
  }
  *found = false;
  return STATUS_OK;
}
