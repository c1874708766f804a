/* The header of a .npy file, versions 1 to 3:
 *
 *   | "\x93NUMPY" | u8 major | u8 minor | u16 (version 1) or u32 length | text of that length | elements ... |
 *   text: {'descr': '<f4', 'fortran_order': False, 'shape': (8, 576), } and blanks: a literal of Python
 *
 * Source: numpy.lib.format. */
#include "base/cursor.h"
#include "base/memory.h"
#include "weights/array_parts.h"

#include <stdlib.h>

/* The text that is left to read. */
typedef struct Literal {
  const char *at, *end;
} Literal;

static void skip_blanks(Literal *l) {
  while (l->at < l->end && (*l->at == ' ' || *l->at == '\n' || *l->at == '\t' || *l->at == '\r')) l->at++;
}

static bool accept(Literal *l, char c) {
  skip_blanks(l);
  if (l->at == l->end || *l->at != c) return false;
  l->at++;
  return true;
}

/* A short text in quotes. */
static bool read_quoted(Literal *l, char *to, size_t room) {
  skip_blanks(l);
  const char quote = l->at < l->end ? *l->at : 0;
  if (quote != '\'' && quote != '"') return false;
  const char *begin = ++l->at;
  while (l->at < l->end && *l->at != quote && *l->at != '\\') l->at++;
  const size_t n = (size_t)(l->at - begin);
  if (l->at == l->end || *l->at != quote || n >= room || memchr(begin, 0, n)) return false;
  memcpy(to, begin, n);
  to[n] = 0;
  l->at++;
  return true;
}

static bool read_word(Literal *l, const char *word) {
  const size_t n = strlen(word);
  skip_blanks(l);
  if ((size_t)(l->end - l->at) < n || memcmp(l->at, word, n) != 0) return false;
  l->at += n;
  return true;
}

static bool read_number(Literal *l, size_t *value) {
  skip_blanks(l);
  const char *begin = l->at;
  *value = 0;
  for (; l->at < l->end && *l->at >= '0' && *l->at <= '9'; l->at++)
    if (!size_multiply(*value, 10, value) || !size_add(*value, (size_t)(*l->at - '0'), value)) return false;
  if (l->at == begin) return false;
  if (l->at < l->end && *l->at == 'L') l->at++; /* as Python 2 wrote it */
  return true;
}

static bool read_shape(Literal *l, Array *array) {
  if (!accept(l, '(')) return false;
  array->n_dims = 0;
  while (!accept(l, ')')) {
    if (array->n_dims == ARRAY_MAX_DIMS || !read_number(l, &array->shape[array->n_dims++])) return false;
    if (accept(l, ',')) continue;
    if (accept(l, ')')) return true;
    return false;
  }
  return true;
}

/* "<f4" and its like: byte order, kind, bytes of an element (of U: code points). */
static void read_type(const char *name, Array *array) {
  static const struct {
    const char *name;
    ArrayType type;
  } types[] = {{"f2", ARRAY_F16},      {"f4", ARRAY_F32},      {"f8", ARRAY_F64},      {"V2", ARRAY_BF16},
               {"i1", ARRAY_SIGNED},   {"i2", ARRAY_SIGNED},   {"i4", ARRAY_SIGNED},   {"i8", ARRAY_SIGNED},
               {"u1", ARRAY_UNSIGNED}, {"u2", ARRAY_UNSIGNED}, {"u4", ARRAY_UNSIGNED}, {"u8", ARRAY_UNSIGNED}};
  const char *kind = name + (name[0] && strchr("<>|=", name[0]) != NULL);
  char *end;
  const unsigned long size = kind[0] && kind[1] >= '0' && kind[1] <= '9' ? strtoul(kind + 1, &end, 10) : 0;
  array->type = ARRAY_OTHER;
  array->is_big_endian = name[0] == '>';
  if (size == 0 || *end || size > UINT32_MAX) return;
  array->item = size;
  for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
    if (strcmp(kind, types[i].name) == 0) array->type = types[i].type;
  if (kind[0] == 'S') array->type = ARRAY_BYTES;
  if (kind[0] != 'U') return;
  array->type = ARRAY_UTF32;
  array->item = 4 * size;
}

static Status read_text(Literal *l, Array *array, Error *err) {
  enum { TYPE = 1, ORDER = 2, SHAPE = 4 };
  unsigned seen = 0;
  bool good = accept(l, '{');
  while (good && !accept(l, '}')) {
    char key[32];
    good = read_quoted(l, key, sizeof key) && accept(l, ':');
    const unsigned which = !good                               ? 0
                           : strcmp(key, "descr") == 0         ? TYPE
                           : strcmp(key, "fortran_order") == 0 ? ORDER
                           : strcmp(key, "shape") == 0         ? SHAPE
                                                               : 0;
    good = which && !(seen & which);
    seen |= which;
    skip_blanks(l);
    if (good && which == TYPE && l->at < l->end && *l->at == '[')
      return error_set(err, STATUS_DATA, "its elements have named fields, expected plain numbers");
    if (which == TYPE) good = good && read_quoted(l, array->type_name, sizeof array->type_name);
    if (which == ORDER) {
      array->is_fortran = read_word(l, "True");
      good = good && (array->is_fortran || read_word(l, "False"));
    }
    if (which == SHAPE) good = good && read_shape(l, array);
    good = good && (accept(l, ',') || (l->at < l->end && *l->at == '}'));
  }
  skip_blanks(l);
  if (!good || seen != (TYPE | ORDER | SHAPE) || l->at != l->end)
    return error_set(err, STATUS_DATA, "its .npy header is not {'descr': ..., 'fortran_order': ..., 'shape': (...)}");
  read_type(array->type_name, array);
  return STATUS_OK;
}

static Status read_header(ArrayStream *stream, Array *array, Error *err) {
  enum { START = 8 };
  uint8_t start[START + 4];
  const size_t size = array->bytes.size;
  Status status = STATUS_OK;
  if (size >= START + 2) status = array_stream_read(stream, 0, START, start, err);
  if (status != STATUS_OK) return status;
  if (size < START + 2 || memcmp(start, "\x93NUMPY", 6) != 0) return error_set(err, STATUS_DATA, "is no .npy file");
  if (start[6] < 1 || start[6] > 3)
    return error_set(err, STATUS_DATA, ".npy version %d.%d, expected 1 to 3", start[6], start[7]);
  const size_t wide = start[6] == 1 ? 2 : 4;
  if (size < START + wide) return error_set(err, STATUS_DATA, "truncated: %zu bytes", size);
  status = array_stream_read(stream, START, wide, start + START, err);
  if (status != STATUS_OK) return status;
  Cursor cursor = cursor_over(start + START, wide);
  const size_t length = cursor_unsigned(&cursor, wide), left = size - START - wide;
  if (length > left || length > ARRAY_HEADER_LIMIT)
    return error_set(err, STATUS_DATA, "a header of %zu bytes, expected at most %zu", length,
                     left < ARRAY_HEADER_LIMIT ? left : (size_t)ARRAY_HEADER_LIMIT);
  char *text = mem_alloc(length, 1);
  status = array_stream_read(stream, START + wide, length, text, err);
  Literal literal = {text, text + length};
  if (status == STATUS_OK) status = read_text(&literal, array, err);
  free(text);
  array->bytes.skip = START + wide + length;
  return status == STATUS_OK ? array_measure(array, err) : status;
}

Status npy_read_header(Array *array, Error *err) {
  ArrayStream stream;
  array_stream_open(&stream, &array->bytes);
  const Status status = read_header(&stream, array, err);
  array_stream_close(&stream);
  return status;
}
