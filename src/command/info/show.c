/* How `fathom info` shows what a model's files say: one cell a value, long texts and arrays cut, nothing that could
 * upset a terminal. */
#include "base/memory.h"
#include "base/utf8.h"
#include "command/info/info.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { SHOWN_BYTES = 160, SHOWN_ELEMENTS = 4 };

/* Text from a file for a terminal: valid UTF-8, no control characters, at most SHOWN_BYTES of it; freed by the caller.
 */
char *info_shown_text(const char *bytes, size_t size) {
  char *text = mem_alloc(3 * SHOWN_BYTES + 64, 1);
  size_t at = 0, used = 0;
  while (at < size && at < SHOWN_BYTES) {
    uint32_t code = 0;
    const size_t n = utf8_decode(bytes + at, size - at, &code);
    used += utf8_encode(n == 0 ? 0xfffd : code < 0x20 || (code >= 0x7f && code < 0xa0) ? ' ' : code, text + used);
    at += n ? n : 1;
  }
  if (at < size) snprintf(text + used, 64, " ... (%zu bytes)", size);
  return text;
}

/* The double that prints as the shortest decimal which is the same float: 1e-05, not 9.99999975e-06. */
static double shortest(float value) {
  char text[32];
  for (int digits = 6; digits < 9; digits++) {
    snprintf(text, sizeof text, "%.*g", digits, (double)value);
    if (strtof(text, NULL) == value) return strtod(text, NULL);
  }
  return (double)value;
}

double info_decimal(double value) { return (double)(float)value == value ? shortest((float)value) : value; }

static char *shown_element(const GgufArray *array, size_t index) {
  const GgufType type = gguf_array_type(array);
  if (type == GGUF_STRING) {
    const GgufText text = gguf_array_text(array, index);
    return info_shown_text(text.bytes, text.size);
  }
  if (type == GGUF_FLOAT32 || type == GGUF_FLOAT64)
    return mem_format("%.9g", info_decimal(gguf_array_real(array, index)));
  return mem_format("%lld", (long long)gguf_array_integer(array, index));
}

/* "49152 strings: <|endoftext|>, <|im_start|>, ..." */
static char *shown_array(const GgufArray *array) {
  static const char *const kinds[] = {
      [GGUF_UINT8] = "integer",  [GGUF_INT8] = "integer",  [GGUF_UINT16] = "integer", [GGUF_INT16] = "integer",
      [GGUF_UINT32] = "integer", [GGUF_INT32] = "integer", [GGUF_FLOAT32] = "real",   [GGUF_BOOL] = "boolean",
      [GGUF_STRING] = "string",  [GGUF_ARRAY] = "array",   [GGUF_UINT64] = "integer", [GGUF_INT64] = "integer",
      [GGUF_FLOAT64] = "real"};
  const size_t count = gguf_array_count(array);
  char *text = mem_format("%zu %s%s", count, kinds[gguf_array_type(array)], count == 1 ? "" : "s");
  const size_t n_shown = gguf_array_type(array) == GGUF_ARRAY ? 0 : count < SHOWN_ELEMENTS ? count : SHOWN_ELEMENTS;
  for (size_t i = 0; i < n_shown; i++) {
    char *element = shown_element(array, i), *longer = mem_format("%s%s%s", text, i ? ", " : ": ", element);
    free(element);
    free(text);
    text = longer;
  }
  char *whole = mem_format("%s%s", text, n_shown && n_shown < count ? ", ..." : "");
  free(text);
  return whole;
}

void info_gguf_cell(Table *table, const Gguf *gguf, const char *key) {
  int64_t integer;
  double real;
  bool flag;
  GgufText text;
  const GgufArray *array = gguf_array(gguf, key);
  if (gguf_integer(gguf, key, &integer)) {
    integer >= 0 ? table_count(table, (size_t)integer) : table_number(table, (double)integer);
  } else if (gguf_real(gguf, key, &real)) {
    table_number(table, info_decimal(real));
  } else if (gguf_bool(gguf, key, &flag)) {
    table_string(table, flag ? "true" : "false");
  } else {
    char *shown = array                         ? shown_array(array)
                  : gguf_text(gguf, key, &text) ? info_shown_text(text.bytes, text.size)
                                                : NULL;
    table_string(table, shown);
    free(shown);
  }
}

void info_json_cell(Table *table, const Json *node) {
  if (json_is_number(node)) {
    const double number = json_number(node, NAN);
    const bool whole = number >= 0 && number < 0x1p53 && number == floor(number);
    whole ? table_count(table, (size_t)number) : table_number(table, number);
  } else if (json_is_null(node)) {
    table_string(table, NULL);
  } else {
    char *printed = json_is_string(node) ? mem_copy_string(json_string(node, "")) : json_print(node, false);
    char *shown = info_shown_text(printed, strlen(printed));
    table_string(table, shown);
    free(shown);
    free(printed);
  }
}
