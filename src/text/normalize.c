/* Steps of normalisation, and where a byte of the text ends up. */
#define _GNU_SOURCE /* memmem */
#include "text/normalize.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/regex.h"

#include <stdlib.h>
#include <string.h>

typedef struct Step {
  NormalStep step;
  Regex *pattern;
} Step;

struct Normalizer {
  Step steps[NORMALIZER_STEPS];
  size_t count;
};

Normalizer *normalizer_new(void) { return mem_alloc(1, sizeof(Normalizer)); }

void normalizer_free(Normalizer *n) {
  if (!n) return;
  for (size_t i = 0; i < n->count; i++) {
    free((char *)n->steps[i].step.from);
    free((char *)n->steps[i].step.to);
    regex_free(n->steps[i].pattern);
  }
  free(n);
}

Status normalizer_add(Normalizer *n, const NormalStep *step, Error *err) {
  if (n->count == NORMALIZER_STEPS)
    return error_set(err, STATUS_DATA, "more than %d steps in the normalizer", NORMALIZER_STEPS);
  Step *s = &n->steps[n->count];
  *s = (Step){.step = *step};
  if (step->kind == NORMAL_PATTERN) {
    const Status status = regex_new(step->from, &s->pattern, err);
    if (status != STATUS_OK) return status;
  }
  s->step.from = step->from ? mem_copy_string(step->from) : NULL;
  s->step.to = step->to ? mem_copy_string(step->to) : NULL;
  n->count++;
  return STATUS_OK;
}

size_t normalizer_count(const Normalizer *n) { return n->count; }
const NormalStep *normalizer_step(const Normalizer *n, size_t index) { return &n->steps[index].step; }

/* A file's steps may not make a text boundless. */
static size_t most_bytes(size_t size) {
  enum { GROWTH = 32, OF_SMALL = 1 << 16, MOST = 3 << 29 };
  return size < MOST / GROWTH - OF_SMALL ? GROWTH * size + OF_SMALL : MOST;
}

static Status check_growth(const ByteRun *out, size_t most, Error *err) {
  return out->size <= most ? STATUS_OK
                           : error_set(err, STATUS_DATA, "the normalizer makes more than %zu bytes of a text", most);
}

static Status replace_literal(const NormalStep *s, const char *text, size_t size, size_t most, ByteRun *out,
                              Error *err) {
  const size_t from_size = strlen(s->from), to_size = strlen(s->to);
  const char *at = text, *const end = text + size;
  Status status = STATUS_OK;
  for (const char *found; (found = memmem(at, (size_t)(end - at), s->from, from_size)); at = found + from_size) {
    byte_run_add(out, at, (size_t)(found - at));
    byte_run_add(out, s->to, to_size);
    if ((status = check_growth(out, most, err)) != STATUS_OK) return status;
  }
  byte_run_add(out, at, (size_t)(end - at));
  return STATUS_OK;
}

/* The matches in each valid stretch; what is no UTF-8 stays. */
static Status replace_matches(const Step *s, const char *text, size_t size, size_t most, ByteRun *out, Error *err) {
  RegexWork *work = regex_work_new();
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    const size_t valid = utf8_valid_prefix(text + at, size - at);
    RegexScan scan = {.pattern = s->pattern, .work = work, .text = text + at, .size = valid};
    size_t done = 0, begin, end;
    bool found = true;
    while ((status = regex_next(&scan, &found, &begin, &end, err)) == STATUS_OK && found) {
      byte_run_add(out, text + at + done, begin - done);
      byte_run_add(out, s->step.to, strlen(s->step.to));
      done = end;
      if ((status = check_growth(out, most, err)) != STATUS_OK) break;
    }
    byte_run_add(out, text + at + done, valid - done);
    at += valid;
    if (at < size) byte_run_add(out, text + at++, 1);
  }
  regex_work_free(work);
  return status;
}

static Status run_step(const Step *s, const char *text, size_t size, size_t most, ByteRun *out, Error *err) {
  size_t begin = 0, end = size;
  switch (s->step.kind) {
  case NORMAL_PREPEND:
    if (size) byte_run_add(out, s->step.to, strlen(s->step.to));
    break;
  case NORMAL_REPLACE: return replace_literal(&s->step, text, size, most, out, err);
  case NORMAL_PATTERN: return replace_matches(s, text, size, most, out, err);
  case NORMAL_FORM: return unicode_normalize(s->step.form, text, size, out, err);
  case NORMAL_LOWERCASE: unicode_lowercase(text, size, out); return STATUS_OK;
  case NORMAL_STRIP:
    if (s->step.left) begin = unicode_skip_spaces(text, size, 0);
    if (s->step.right) end = unicode_skip_spaces_back(text, begin, size);
    break;
  }
  byte_run_add(out, text + begin, end - begin);
  return STATUS_OK;
}

/* Where the character that holds a byte begins; a byte that is no UTF-8 is by itself. */
static size_t character_begin(const char *text, size_t size, size_t byte, size_t *length) {
  uint32_t code;
  const size_t begin = unicode_step_back(text, byte < 3 ? 0 : byte - 3, byte + 1);
  *length = utf8_decode(text + begin, size - begin, &code);
  if (begin + *length > byte) return begin;
  *length = 1;
  return byte;
}

/* A character goes to where what is before it ends; a byte inside a character that stays keeps its place in it. */
static Status move_watch(const Step *s, const char *text, size_t size, const ByteRun *made, size_t *watch, Error *err) {
  if (*watch == NOWHERE) return STATUS_OK;
  Step step = *s;
  step.step.right = false; /* blanks before the character are not at the end of the text */
  ByteRun before = {0};
  size_t length;
  const size_t begin = character_begin(text, size, *watch, &length), inside = *watch - begin;
  const Status status = run_step(&step, text, begin, SIZE_MAX, &before, err);
  *watch = begin == 0 && s->step.kind == NORMAL_PREPEND ? strlen(s->step.to) : before.size;
  if (*watch > made->size) *watch = made->size;
  if (made->size - *watch >= length && memcmp(made->bytes + *watch, text + begin, length) == 0) *watch += inside;
  byte_run_clear(&before);
  return status;
}

Status normalizer_run(const Normalizer *n, const char *text, size_t size, ByteRun *out, size_t *watch, Error *err) {
  const size_t most = most_bytes(size);
  ByteRun made = {0}, last = {0};
  Status status = STATUS_OK;
  for (size_t i = 0; i < n->count && status == STATUS_OK; i++) {
    made.size = 0;
    status = run_step(&n->steps[i], text, size, most, &made, err);
    if (status == STATUS_OK) status = check_growth(&made, most, err);
    if (status == STATUS_OK) status = move_watch(&n->steps[i], text, size, &made, watch, err);
    const ByteRun swap = last;
    last = made;
    made = swap;
    text = last.bytes ? last.bytes : "";
    size = last.size;
  }
  byte_run_add(out, text, size);
  byte_run_clear(&made);
  byte_run_clear(&last);
  return status;
}
