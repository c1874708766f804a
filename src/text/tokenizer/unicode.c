/* Unicode tables through utf8proc, with the shortcuts that ASCII allows. */
#include "text/tokenizer/unicode.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

void byte_run_add(ByteRun *run, const char *bytes, size_t size) {
  if (size > run->room - run->size) {
    run->room = run->room + run->room / 2 + size + 64;
    run->bytes = mem_resize(run->bytes, run->room, 1);
  }
  if (size) memcpy(run->bytes + run->size, bytes, size);
  run->size += size;
}

void byte_run_clear(ByteRun *run) {
  free(run->bytes);
  *run = (ByteRun){0};
}

static Status normalize_piece(UnicodeForm form, const char *text, size_t size, ByteRun *out, Error *err) {
  static const int options[] = {UTF8PROC_COMPOSE, UTF8PROC_DECOMPOSE, UTF8PROC_COMPOSE | UTF8PROC_COMPAT,
                                UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT};
  utf8proc_uint8_t *made = NULL;
  const utf8proc_ssize_t n = utf8proc_map((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, &made,
                                          (utf8proc_option_t)(UTF8PROC_STABLE | options[form]));
  if (n < 0) return error_set(err, STATUS_SYSTEM, "normalising %zu bytes of text: %s", size, utf8proc_errmsg(n));
  byte_run_add(out, (const char *)made, (size_t)n);
  free(made);
  return STATUS_OK;
}

/* ASCII is its own normal form and combines with nothing before it, so each run of other characters is looked at with
 * the one ASCII character in front of it, and nothing else is. */
Status unicode_normalize(UnicodeForm form, const char *text, size_t size, ByteRun *out, Error *err) {
  Status status = STATUS_OK;
  for (size_t at = 0; at < size && status == STATUS_OK;) {
    size_t run = at, length;
    uint32_t code;
    while (run < size && !(text[run] & 0x80)) run++;
    size_t end = run;
    while (end < size && (text[end] & 0x80) && (length = utf8_decode(text + end, size - end, &code)) > 0) end += length;
    const size_t begin = run > at && end > run ? run - 1 : run;
    byte_run_add(out, text + at, begin - at);
    if (end > begin) status = normalize_piece(form, text + begin, end - begin, out, err);
    for (at = end; at < size && (text[at] & 0x80) && utf8_decode(text + at, size - at, &code) == 0; at++)
      byte_run_add(out, text + at, 1);
  }
  return status;
}

uint32_t unicode_upper(uint32_t code) { return (uint32_t)utf8proc_toupper((utf8proc_int32_t)code); }
uint32_t unicode_lower(uint32_t code) { return (uint32_t)utf8proc_tolower((utf8proc_int32_t)code); }
uint32_t unicode_title(uint32_t code) { return (uint32_t)utf8proc_totitle((utf8proc_int32_t)code); }

bool unicode_is_printable(uint32_t code) {
  switch (utf8proc_category((utf8proc_int32_t)code)) {
  case UTF8PROC_CATEGORY_CN:
  case UTF8PROC_CATEGORY_CC:
  case UTF8PROC_CATEGORY_CF:
  case UTF8PROC_CATEGORY_CS:
  case UTF8PROC_CATEGORY_CO:
  case UTF8PROC_CATEGORY_ZL:
  case UTF8PROC_CATEGORY_ZP: return false;
  case UTF8PROC_CATEGORY_ZS: return code == ' ';
  default: return true;
  }
}

void unicode_lowercase(const char *text, size_t size, ByteRun *out) {
  for (size_t at = 0; at < size;) {
    uint32_t code;
    char lower[4];
    const size_t length = utf8_decode(text + at, size - at, &code);
    if (length == 0)
      byte_run_add(out, text + at, 1);
    else if (code == 0x130) /* the one character whose lower case is two: i and a dot above */
      byte_run_add(out, "i\xcc\x87", 3);
    else
      byte_run_add(out, lower, utf8_encode((uint32_t)utf8proc_tolower((utf8proc_int32_t)code), lower));
    at += length ? length : 1;
  }
}

bool unicode_is_space(uint32_t c) {
  return (c >= 9 && c <= 13) || c == 32 || c == 0x85 || c == 0xa0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200a) ||
         c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f || c == 0x3000;
}

bool unicode_is_word(uint32_t c) {
  switch (utf8proc_category((utf8proc_int32_t)c)) {
  case UTF8PROC_CATEGORY_LU:
  case UTF8PROC_CATEGORY_LL:
  case UTF8PROC_CATEGORY_LT:
  case UTF8PROC_CATEGORY_LM:
  case UTF8PROC_CATEGORY_LO:
  case UTF8PROC_CATEGORY_MN:
  case UTF8PROC_CATEGORY_MC:
  case UTF8PROC_CATEGORY_ME:
  case UTF8PROC_CATEGORY_ND:
  case UTF8PROC_CATEGORY_NL:
  case UTF8PROC_CATEGORY_PC: return true;
  default: /* joiners, and the symbols that count as alphabetic: letters in circles and squares */
    return c == 0x200c || c == 0x200d || (c >= 0x24b6 && c <= 0x24e9) || (c >= 0x1f130 && c <= 0x1f149) ||
           (c >= 0x1f150 && c <= 0x1f169) || (c >= 0x1f170 && c <= 0x1f189);
  }
}

size_t unicode_skip_spaces(const char *text, size_t size, size_t at) {
  uint32_t code;
  for (size_t n; at < size && (n = utf8_decode(text + at, size - at, &code)) > 0 && unicode_is_space(code);) at += n;
  return at;
}

size_t unicode_step_back(const char *text, size_t from, size_t at) {
  if (at == from) return at;
  for (at--; at > from && ((uint8_t)text[at] & 0xc0) == 0x80;) at--;
  return at;
}

size_t unicode_skip_spaces_back(const char *text, size_t from, size_t at) {
  uint32_t code;
  while (at > from) {
    const size_t begin = unicode_step_back(text, from, at);
    if (utf8_decode(text + begin, at - begin, &code) != at - begin || !unicode_is_space(code)) break;
    at = begin;
  }
  return at;
}
