/* Steps of normalisation, and where a byte of the text ends up. */
#define _GNU_SOURCE /* memmem */
#include "text/tokenizer/normalize.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/tokenizer/regex.h"

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

/* One step at work. */
typedef struct Making {
  const Step *step;
  const char *text;
  size_t size;
  size_t most;  /* bytes: a file's steps may not make a text boundless */
  size_t watch; /* a byte of the text, or NOWHERE */
  ByteRun out;
  size_t moved; /* where that byte went */
} Making;

static size_t most_bytes(size_t size) {
  enum { GROWTH = 32, OF_SMALL = 1 << 16, MOST = 3 << 29 };
  return size < MOST / GROWTH - OF_SMALL ? GROWTH * size + OF_SMALL : MOST;
}

static bool watches(const Making *m, size_t begin, size_t end) {
  return m->watch != NOWHERE && m->watch >= begin && m->watch < end;
}

static void keep(Making *m, size_t begin, size_t end) {
  if (watches(m, begin, end)) m->moved = m->out.size + m->watch - begin;
  byte_run_add(&m->out, m->text + begin, end - begin);
}

/* The step's `to` in the place of text[begin, end). */
static Status put(Making *m, size_t begin, size_t end, Error *err) {
  if (watches(m, begin, end)) m->moved = m->out.size;
  byte_run_add(&m->out, m->step->step.to, strlen(m->step->step.to));
  return m->out.size <= m->most
             ? STATUS_OK
             : error_set(err, STATUS_DATA, "the normalizer makes more than %zu bytes of a text", m->most);
}

static Status replace_literal(Making *m, Error *err) {
  const char *from = m->step->step.from;
  const size_t from_size = strlen(from);
  size_t at = 0;
  Status status = STATUS_OK;
  for (const char *found; status == STATUS_OK && (found = memmem(m->text + at, m->size - at, from, from_size));) {
    const size_t begin = (size_t)(found - m->text);
    keep(m, at, begin);
    at = begin + from_size;
    status = put(m, begin, at, err);
  }
  keep(m, at, m->size);
  return status;
}

/* The matches in each valid stretch; what is no UTF-8 stays. */
static Status replace_matches(Making *m, Error *err) {
  RegexWork *work = regex_work_new();
  Status status = STATUS_OK;
  for (size_t at = 0; at < m->size && status == STATUS_OK;) {
    const size_t valid = utf8_valid_prefix(m->text + at, m->size - at);
    RegexScan scan = {.pattern = m->step->pattern, .work = work, .text = m->text + at, .size = valid};
    size_t done = at, begin, end;
    bool found = true;
    while (status == STATUS_OK) {
      status = regex_next(&scan, &found, &begin, &end, err);
      if (status != STATUS_OK || !found) break;
      keep(m, done, at + begin);
      done = at + end;
      status = put(m, at + begin, done, err);
    }
    keep(m, done, at + valid);
    at += valid;
    if (at < m->size) keep(m, at, at + 1), at++;
  }
  regex_work_free(work);
  return status;
}

static Status change_characters(const NormalStep *s, const char *text, size_t size, ByteRun *out, Error *err) {
  if (s->kind == NORMAL_FORM) return unicode_normalize(s->form, text, size, out, err);
  unicode_lowercase(text, size, out);
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
static Status rewrite(Making *m, Error *err) {
  const NormalStep *s = &m->step->step;
  Status status = change_characters(s, m->text, m->size, &m->out, err);
  if (m->watch == NOWHERE || status != STATUS_OK) return status;
  ByteRun before = {0};
  size_t length;
  const size_t begin = character_begin(m->text, m->size, m->watch, &length);
  status = change_characters(s, m->text, begin, &before, err);
  m->moved = before.size < m->out.size ? before.size : m->out.size;
  if (m->out.size - m->moved >= length && memcmp(m->out.bytes + m->moved, m->text + begin, length) == 0)
    m->moved += m->watch - begin;
  byte_run_clear(&before);
  return status;
}

static Status strip(Making *m) {
  const NormalStep *s = &m->step->step;
  const size_t begin = s->left ? unicode_skip_spaces(m->text, m->size, 0) : 0;
  const size_t end = s->right ? unicode_skip_spaces_back(m->text, begin, m->size) : m->size;
  keep(m, begin, end);
  if (m->watch != NOWHERE && m->watch < begin) m->moved = 0;
  if (m->watch != NOWHERE && m->watch >= end) m->moved = m->out.size;
  return STATUS_OK;
}

static Status run_step(Making *m, Error *err) {
  switch (m->step->step.kind) {
  case NORMAL_REPLACE: return replace_literal(m, err);
  case NORMAL_PATTERN: return replace_matches(m, err);
  case NORMAL_FORM:
  case NORMAL_LOWERCASE: return rewrite(m, err);
  case NORMAL_STRIP: return strip(m);
  case NORMAL_PREPEND: break;
  }
  const Status status = m->size ? put(m, 0, 0, err) : STATUS_OK;
  keep(m, 0, m->size);
  return status;
}

Status normalizer_run(const Normalizer *n, const char *text, size_t size, ByteRun *out, size_t *watch, Error *err) {
  const size_t most = most_bytes(size);
  ByteRun made = {0}, spare = {0};
  Status status = STATUS_OK;
  for (size_t i = 0; i < n->count && status == STATUS_OK; i++) {
    Making m = {.step = &n->steps[i], .text = text, .size = size, .most = most, .watch = *watch, .out = spare};
    m.out.size = 0;
    m.moved = NOWHERE;
    status = run_step(&m, err);
    *watch = m.moved;
    spare = made;
    made = m.out;
    text = made.bytes ? made.bytes : "";
    size = made.size;
  }
  byte_run_add(out, text, size);
  byte_run_clear(&made);
  byte_run_clear(&spare);
  return status;
}
