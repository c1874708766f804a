/* Cutting: matches and gaps, and what becomes of them. */
#include "text/tokenizer/pretokenize.h"

#include "base/memory.h"
#include "base/utf8.h"
#include "text/tokenizer/regex.h"
#include "text/tokenizer/unicode.h"
#include "text/tokenizer/vocabulary.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

typedef struct Step {
  Cut cut;
  Regex *pattern;
} Step;

struct Pretokenizer {
  Step steps[PRETOKENIZER_CUTS];
  size_t count;
  bool as_bytes; /* pieces end up as characters that stand for bytes */
};

struct PretokenizerWork {
  RegexWork *patterns[PRETOKENIZER_CUTS]; /* one a step: steps are nested */
};

Pretokenizer *pretokenizer_new(void) { return mem_alloc(1, sizeof(Pretokenizer)); }

void pretokenizer_free(Pretokenizer *p) {
  if (!p) return;
  for (size_t i = 0; i < p->count; i++) {
    regex_free(p->steps[i].pattern);
    free((char *)p->steps[i].cut.pattern);
  }
  free(p);
}

Status pretokenizer_add(Pretokenizer *p, const Cut *cut, Error *err) {
  if (p->count == PRETOKENIZER_CUTS)
    return error_set(err, STATUS_DATA, "more than %d steps in the pre-tokenizer", PRETOKENIZER_CUTS);
  Step *step = &p->steps[p->count];
  *step = (Step){.cut = *cut};
  if (cut->kind == CUT_SPLIT) {
    const Status status = regex_new(cut->pattern, &step->pattern, err);
    if (status != STATUS_OK) return status;
    step->cut.pattern = mem_copy_string(cut->pattern);
  }
  if (cut->kind == CUT_AS_BYTES) p->as_bytes = true;
  p->count++;
  return STATUS_OK;
}

size_t pretokenizer_count(const Pretokenizer *p) { return p->count; }
const Cut *pretokenizer_cut(const Pretokenizer *p, size_t index) { return &p->steps[index].cut; }

static bool same_cut(const Cut *a, const Cut *b) {
  return a->kind == b->kind && a->behavior == b->behavior && a->invert == b->invert && a->front == b->front &&
         (a->kind != CUT_SPLIT || strcmp(a->pattern, b->pattern) == 0);
}

bool pretokenizer_same(const Pretokenizer *a, const Pretokenizer *b) {
  if (a->count != b->count) return false;
  for (size_t i = 0; i < a->count; i++)
    if (!same_cut(&a->steps[i].cut, &b->steps[i].cut)) return false;
  return true;
}

PretokenizerWork *pretokenizer_work_new(const Pretokenizer *p) {
  PretokenizerWork *work = mem_alloc(1, sizeof *work);
  for (size_t i = 0; i < p->count; i++)
    if (p->steps[i].pattern) work->patterns[i] = regex_work_new();
  return work;
}

void pretokenizer_work_free(PretokenizerWork *work) {
  if (!work) return;
  for (size_t i = 0; i < PRETOKENIZER_CUTS; i++) regex_work_free(work->patterns[i]);
  free(work);
}

typedef struct Cutting {
  const Pretokenizer *p;
  PretokenizerWork *work;
  PieceSink sink;
  void *context;
} Cutting;

static Status cut_from(const Cutting *c, size_t index, CutText text, Error *err);

/* A text that is cut into parts at one step, and how far that has come. */
typedef struct Parts {
  const Cutting *cutting;
  size_t index; /* of the step */
  CutText text;
  size_t watch; /* NOWHERE once a part has taken it */
  size_t begin, end;
  bool pending; /* begin..end waits for what comes next */
  bool last_matched;
} Parts;

/* Hands one part to the next step. */
static Status send(Parts *p, size_t begin, size_t end, Error *err) {
  if (end == begin) return STATUS_OK;
  CutText part = {.text = p->text.text + begin, .size = end - begin, .watch = NOWHERE};
  part.first = p->text.first && begin == 0;
  part.continues = p->text.continues && begin == 0;
  if (p->watch != NOWHERE && p->watch < end) {
    part.watch = p->watch > begin ? p->watch - begin : 0;
    p->watch = NOWHERE;
  }
  return cut_from(p->cutting, p->index + 1, part, err);
}

/* Whether a match or gap goes on with the part that waits. */
static bool joins(const Parts *p, CutBehavior behavior, bool matched) {
  if (behavior == CUT_CONTIGUOUS) return matched == p->last_matched;
  if (behavior == CUT_MERGED_WITH_PREVIOUS) return matched && !p->last_matched;
  return p->last_matched && !matched; /* CUT_MERGED_WITH_NEXT */
}

static Status take(Parts *p, const Cut *cut, size_t begin, size_t end, bool matched, Error *err) {
  if (cut->invert) matched = !matched;
  if (cut->behavior == CUT_ISOLATED) return send(p, begin, end, err);
  if (cut->behavior == CUT_REMOVED) return matched ? STATUS_OK : send(p, begin, end, err);
  Status status = STATUS_OK;
  if (p->pending && joins(p, cut->behavior, matched)) {
    p->end = end;
  } else {
    if (p->pending) status = send(p, p->begin, p->end, err);
    p->begin = begin;
    p->end = end;
    p->pending = true;
  }
  p->last_matched = matched;
  return status;
}

static Status split(const Cutting *c, size_t index, CutText text, Error *err) {
  const Step *step = &c->p->steps[index];
  Parts parts = {.cutting = c, .index = index, .text = text, .watch = text.watch};
  RegexScan scan = {.pattern = step->pattern, .work = c->work->patterns[index], .text = text.text, .size = text.size};
  size_t done = 0, begin, end;
  for (;;) {
    bool found;
    Status status = regex_next(&scan, &found, &begin, &end, err);
    if (status != STATUS_OK) return error_prefix(err, "the pre-tokenizer");
    if (!found) break;
    if (begin > done) status = take(&parts, &step->cut, done, begin, false, err);
    if (status == STATUS_OK) status = take(&parts, &step->cut, begin, end, true, err);
    if (status != STATUS_OK) return status;
    done = end;
  }
  Status status = STATUS_OK;
  if (done < text.size) status = take(&parts, &step->cut, done, text.size, false, err);
  if (status == STATUS_OK && parts.pending) status = send(&parts, parts.begin, parts.end, err);
  return status;
}

/* Blanks as marks, and one in front. */
static void write_marks(MarkFront front, const CutText *text, ByteRun *out, size_t *watch) {
  static const char mark[] = SPACE_MARK;
  const bool begins = text->size >= SPACE_MARK_SIZE && memcmp(text->text, mark, SPACE_MARK_SIZE) == 0;
  const bool wanted = front == FRONT_ALWAYS || (front == FRONT_TEXT && text->first);
  if (wanted && !text->continues && !begins && text->text[0] != ' ') byte_run_add(out, mark, SPACE_MARK_SIZE);
  for (size_t at = 0; at < text->size;) {
    const char *blank = memchr(text->text + at, ' ', text->size - at);
    const size_t end = blank ? (size_t)(blank - text->text) : text->size;
    if (text->watch != NOWHERE && text->watch >= at && text->watch <= end) *watch = out->size + text->watch - at;
    byte_run_add(out, text->text + at, end - at);
    if (blank) byte_run_add(out, mark, SPACE_MARK_SIZE);
    at = end + 1;
  }
}

/* A piece whose bytes are written as characters, and the other way: short ones need no memory. */
enum { SHORT_PIECE = 256 };

static Status send_characters(const Cutting *c, size_t index, CutText text, Error *err) {
  char small[2 * SHORT_PIECE], *out = text.size <= SHORT_PIECE ? small : mem_alloc(2, text.size), *to = out;
  size_t watch = NOWHERE;
  for (size_t at = 0; at < text.size; at++) {
    if (text.watch == at) watch = (size_t)(to - out);
    to += utf8_encode(byte_to_character((uint8_t)text.text[at]), to);
  }
  text.text = out;
  text.size = (size_t)(to - out);
  text.watch = watch;
  const Status status = cut_from(c, index + 1, text, err);
  if (out != small) free(out);
  return status;
}

static Status send_bytes(const Cutting *c, const CutText *text, Error *err) {
  char small[SHORT_PIECE], *bytes = text->size <= SHORT_PIECE ? small : mem_alloc(text->size, 1);
  size_t n, watch = text->watch;
  bool all = watch == NOWHERE || bytes_from_characters(text->text, text->watch, bytes, &watch);
  all = all && bytes_from_characters(text->text, text->size, bytes, &n);
  assert(all); /* only characters for bytes were written, and no cut is inside a character */
  const Status status = c->sink(c->context, bytes, n, watch, err);
  if (bytes != small) free(bytes);
  return status;
}

/* The steps that change a piece and do not cut it. */
static Status change(const Cutting *c, size_t index, CutText text, Error *err) {
  const Cut *cut = &c->p->steps[index].cut;
  ByteRun out = {0};
  size_t watch = NOWHERE;
  if (cut->kind == CUT_MARKS) {
    write_marks(cut->front, &text, &out, &watch);
  } else if (cut->kind == CUT_AS_BYTES) {
    return send_characters(c, index, text, err);
  } else if (text.text[0] == ' ' || text.continues) {
    return cut_from(c, index + 1, text, err);
  } else {
    byte_run_add(&out, " ", 1);
    byte_run_add(&out, text.text, text.size);
    if (text.watch != NOWHERE) watch = text.watch + 1;
  }
  text.text = out.bytes;
  text.size = out.size;
  text.watch = watch;
  const Status status = cut_from(c, index + 1, text, err);
  byte_run_clear(&out);
  return status;
}

static Status cut_from(const Cutting *c, size_t index, CutText text, Error *err) {
  if (index < c->p->count)
    return c->p->steps[index].cut.kind == CUT_SPLIT ? split(c, index, text, err) : change(c, index, text, err);
  return c->p->as_bytes ? send_bytes(c, &text, err) : c->sink(c->context, text.text, text.size, text.watch, err);
}

Status pretokenizer_split(const Pretokenizer *p, PretokenizerWork *work, CutText text, PieceSink sink, void *context,
                          Error *err) {
  const Cutting cutting = {p, work, sink, context};
  return text.size ? cut_from(&cutting, 0, text, err) : STATUS_OK;
}
