/* Pre-tokenizers: the table of names, and patterns through PCRE2. */
#include "text/pretokenize.h"

#include "base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

/* smollm: decimal digits stand alone. llama.cpp and HF's Digits part every number character, ½ too; the reference ids
 * that tests/tokenizers.sh compares with keep " ½" together. */
static const PretokenizerRow rows[] = {
    {"gpt-2", {PATTERN_GPT2}, false, false},
    {"smollm", {"\\p{Nd}", PATTERN_GPT2}, false, false},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

/* Steps of matching at one place, after which a pattern is given up: sane ones need tens. */
enum { MATCH_LIMIT = 5000000, PATTERN_LIMIT = 1 << 16 };

typedef struct Step {
  char *pattern; /* as given */
  pcre2_code *code;
  bool jit, drop_gaps;
} Step;

struct Pretokenizer {
  Step steps[PRETOKENIZER_STEPS];
  size_t count;
  pcre2_match_context *limits;
};

struct PretokenizerWork {
  pcre2_match_data *data[PRETOKENIZER_STEPS]; /* one a step: steps are nested */
};

const PretokenizerRow *pretokenizer_row(const char *name, size_t size) {
  for (size_t i = 0; i < N_ROWS; i++)
    if (strlen(rows[i].name) == size && memcmp(rows[i].name, name, size) == 0) return &rows[i];
  return NULL;
}

char *pretokenizer_names(void) {
  char *names = mem_copy_string(rows[0].name);
  for (size_t i = 1; i < N_ROWS; i++) {
    char *longer = mem_format("%s, %s", names, rows[i].name);
    free(names);
    names = longer;
  }
  return names;
}

Pretokenizer *pretokenizer_new(void) {
  Pretokenizer *p = mem_alloc(1, sizeof *p);
  p->limits = pcre2_match_context_create(NULL);
  if (p->limits) pcre2_set_match_limit(p->limits, MATCH_LIMIT);
  return p;
}

void pretokenizer_free(Pretokenizer *p) {
  if (!p) return;
  for (size_t i = 0; i < p->count; i++) {
    pcre2_code_free(p->steps[i].code);
    free(p->steps[i].pattern);
  }
  pcre2_match_context_free(p->limits);
  free(p);
}

/* PCRE2's \s holds U+180E, which Unicode no longer counts as white space; the property does not exist by name in older
 * versions. So \s is written out, with its complement for \S. */
#define SPACES "\\t-\\r\\x{20}\\x{85}\\x{a0}\\x{1680}\\x{2000}-\\x{200a}\\x{2028}\\x{2029}\\x{202f}\\x{205f}\\x{3000}"

/* NULL where the pattern holds what means one thing here and another in the engine the pattern was written for
 * (Oniguruma): classes inside classes, \w, \b, \h and their complements. */
static char *spell_out_spaces(const char *pattern) {
  char *out = mem_alloc(strlen(pattern) / 2 + 1, sizeof SPACES + 3), *to = out;
  bool in_class = false, differs = false;
  for (const char *at = pattern; *at && !differs; at++) {
    if (at[0] == '\\' && at[1]) {
      if (at[1] == 's')
        to = stpcpy(to, in_class ? SPACES : "[" SPACES "]");
      else if (at[1] == 'S' && !in_class)
        to = stpcpy(to, "[^" SPACES "]");
      else
        *to++ = at[0], *to++ = at[1];
      differs = strchr("wWbBhH", at[1]) || (at[1] == 'S' && in_class);
      at++;
      continue;
    }
    if (in_class) differs = *at == '[' || (at[0] == '&' && at[1] == '&');
    if (*at == '[')
      in_class = true;
    else if (*at == ']')
      in_class = false;
    *to++ = *at;
  }
  *to = 0;
  if (!differs) return out;
  free(out);
  return NULL;
}

Status pretokenizer_add(Pretokenizer *p, const char *pattern, bool drop_gaps, Error *err) {
  if (p->count == PRETOKENIZER_STEPS)
    return error_set(err, STATUS_DATA, "more than %d patterns in the pre-tokenizer", PRETOKENIZER_STEPS);
  if (strlen(pattern) > PATTERN_LIMIT)
    return error_set(err, STATUS_DATA, "a pattern of %zu bytes, expected at most %d", strlen(pattern), PATTERN_LIMIT);
  int code;
  PCRE2_SIZE where;
  char *spelled = spell_out_spaces(pattern);
  if (!spelled)
    return error_set(err, STATUS_DATA,
                     "the pattern \"%s\" uses \\w, \\b, \\h or a class inside a class, which is not supported",
                     pattern);
  Step step = {.drop_gaps = drop_gaps};
  step.code = pcre2_compile((PCRE2_SPTR)spelled, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_UCP | PCRE2_NEVER_BACKSLASH_C,
                            &code, &where, NULL);
  free(spelled);
  if (!step.code) {
    char why[256] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
    return error_set(err, STATUS_DATA, "the pattern \"%s\" does not compile: %s", pattern, why);
  }
  step.jit = pcre2_jit_compile(step.code, PCRE2_JIT_COMPLETE) == 0;
  step.pattern = mem_copy_string(pattern);
  p->steps[p->count++] = step;
  return STATUS_OK;
}

size_t pretokenizer_count(const Pretokenizer *p) { return p->count; }
const char *pretokenizer_pattern(const Pretokenizer *p, size_t step) { return p->steps[step].pattern; }
bool pretokenizer_drops_gaps(const Pretokenizer *p, size_t step) { return p->steps[step].drop_gaps; }

const PretokenizerRow *pretokenizer_same_row(const Pretokenizer *p) {
  for (size_t r = 0; r < N_ROWS; r++) {
    size_t n = 0;
    while (n < p->count && rows[r].patterns[n] && !p->steps[n].drop_gaps &&
           strcmp(rows[r].patterns[n], p->steps[n].pattern) == 0)
      n++;
    if (n == p->count && (n == PRETOKENIZER_STEPS || !rows[r].patterns[n])) return &rows[r];
  }
  return NULL;
}

PretokenizerWork *pretokenizer_work_new(const Pretokenizer *p) {
  PretokenizerWork *work = mem_alloc(1, sizeof *work);
  for (size_t i = 0; i < p->count; i++) work->data[i] = pcre2_match_data_create(1, NULL);
  return work;
}

void pretokenizer_work_free(PretokenizerWork *work) {
  if (!work) return;
  for (size_t i = 0; i < PRETOKENIZER_STEPS; i++) pcre2_match_data_free(work->data[i]);
  free(work);
}

/* The next match that is not empty: 1, 0 for none, negative for an error. The text is known to be valid UTF-8. */
static int match(const Pretokenizer *p, const Step *step, pcre2_match_data *data, const char *text, size_t size,
                 size_t from) {
  const PCRE2_SPTR subject = (PCRE2_SPTR)text;
  int found = PCRE2_ERROR_JIT_STACKLIMIT;
  if (step->jit) found = pcre2_jit_match(step->code, subject, size, from, PCRE2_NOTEMPTY, data, p->limits);
  if (found == PCRE2_ERROR_JIT_STACKLIMIT)
    found = pcre2_match(step->code, subject, size, from, PCRE2_NOTEMPTY | PCRE2_NO_UTF_CHECK | PCRE2_NO_JIT, data,
                        p->limits);
  return found == PCRE2_ERROR_NOMATCH ? 0 : found < 0 ? found : 1;
}

typedef struct Split {
  const Pretokenizer *p;
  PretokenizerWork *work;
  PieceSink sink;
  void *context;
} Split;

static Status split_from(const Split *split, size_t step_index, const char *text, size_t size, Error *err) {
  if (step_index == split->p->count) return split->sink(split->context, text, size, err);
  const Step *step = &split->p->steps[step_index];
  pcre2_match_data *data = split->work->data[step_index];
  Status status = STATUS_OK;
  size_t at = 0;
  while (at < size && status == STATUS_OK) {
    int found = data ? match(split->p, step, data, text, size, at) : PCRE2_ERROR_NOMEMORY;
    const PCRE2_SIZE *span = data ? pcre2_get_ovector_pointer(data) : NULL;
    if (found > 0 && (span[0] < at || span[1] <= span[0])) found = PCRE2_ERROR_BADOFFSET; /* \K in older versions */
    if (found < 0) {
      char why[256] = "";
      pcre2_get_error_message(found, (PCRE2_UCHAR *)why, sizeof why);
      return error_set(err, STATUS_DATA, "the pre-tokenizer's pattern \"%s\" failed: %s", step->pattern, why);
    }
    const size_t begin = found ? span[0] : size, end = found ? span[1] : size;
    if (begin > at && !step->drop_gaps) status = split_from(split, step_index + 1, text + at, begin - at, err);
    if (end > begin && status == STATUS_OK) status = split_from(split, step_index + 1, text + begin, end - begin, err);
    at = end;
  }
  return status;
}

Status pretokenizer_split(const Pretokenizer *p, PretokenizerWork *work, const char *text, size_t size, PieceSink sink,
                          void *context, Error *err) {
  const Split split = {p, work, sink, context};
  return size ? split_from(&split, 0, text, size, err) : STATUS_OK;
}
