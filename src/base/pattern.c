/* Whole-text matching through PCRE2. Splitting long texts is text/pretokenize.c's, which has a faster way in. */
#include "base/pattern.h"

#include "base/memory.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <stdlib.h>
#include <string.h>

enum { STEP_LIMIT = 200000, LENGTH_LIMIT = 1 << 14 };

struct Pattern {
  char *text;
  pcre2_code *code;
  pcre2_match_context *limits;
  pcre2_match_data *data;
};

Status pattern_new(const char *text, Pattern **out, Error *err) {
  int code;
  PCRE2_SIZE where;
  *out = NULL;
  if (strlen(text) > LENGTH_LIMIT)
    return error_set(err, STATUS_DATA, "a pattern of %zu bytes, expected at most %d", strlen(text), LENGTH_LIMIT);
  Pattern *p = mem_alloc(1, sizeof *p);
  p->text = mem_copy_string(text);
  p->code = pcre2_compile((PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED,
                          PCRE2_UTF | PCRE2_UCP | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_NEVER_BACKSLASH_C, &code,
                          &where, NULL);
  if (!p->code) {
    char why[256] = "";
    pcre2_get_error_message(code, (PCRE2_UCHAR *)why, sizeof why);
    pattern_free(p);
    return error_set(err, STATUS_DATA, "the pattern \"%s\" does not compile: %s", text, why);
  }
  p->limits = pcre2_match_context_create(NULL);
  p->data = pcre2_match_data_create(1, NULL);
  if (!p->limits || !p->data) mem_exhausted(sizeof *p);
  pcre2_set_match_limit(p->limits, STEP_LIMIT);
  *out = p;
  return STATUS_OK;
}

void pattern_free(Pattern *p) {
  if (!p) return;
  pcre2_code_free(p->code);
  pcre2_match_context_free(p->limits);
  pcre2_match_data_free(p->data);
  free(p->text);
  free(p);
}

Status pattern_matches(const Pattern *p, const char *text, bool *matches, Error *err) {
  const int found = pcre2_match(p->code, (PCRE2_SPTR)text, PCRE2_ZERO_TERMINATED, 0, 0, p->data, p->limits);
  *matches = found >= 0;
  if (found >= 0 || found == PCRE2_ERROR_NOMATCH) return STATUS_OK;
  char why[256] = "";
  pcre2_get_error_message(found, (PCRE2_UCHAR *)why, sizeof why);
  return error_set(err, STATUS_DATA, "the pattern \"%s\" failed on \"%s\": %s", p->text, text, why);
}
