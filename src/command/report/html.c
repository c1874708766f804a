/* HTML text: escaping, and streams into memory. Pictures are put into a page by html_svg.c. */
#define _GNU_SOURCE /* vasprintf */
#include "command/report/html.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Controls, noncharacters, and the marks that turn the order of a line around: a path must not look like another one.
 */
static bool is_refused(uint32_t code) {
  return (code < 0x20 && code != '\t' && code != '\n') || (code >= 0x7f && code < 0xa0) || (code & 0xfffe) == 0xfffe ||
         (code >= 0xfdd0 && code <= 0xfdef) || (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069);
}

void html_text(FILE *out, const char *text) {
  const size_t size = strlen(text);
  for (size_t i = 0; i < size;) {
    uint32_t code = 0;
    const size_t n = utf8_decode(text + i, size - i, &code);
    if (n == 0 || is_refused(code))
      fputs("\xef\xbf\xbd", out);
    else if (code == '&')
      fputs("&amp;", out);
    else if (code == '<')
      fputs("&lt;", out);
    else if (code == '>')
      fputs("&gt;", out);
    else if (code == '"')
      fputs("&quot;", out);
    else if (code == '\'')
      fputs("&#39;", out);
    else
      fwrite(text + i, 1, n, out);
    i += n ? n : 1;
  }
}

void html_format(FILE *out, const char *format, ...) {
  va_list args;
  char *text = NULL;
  va_start(args, format);
  if (vasprintf(&text, format, args) < 0) mem_exhausted(strlen(format));
  va_end(args);
  html_text(out, text);
  free(text);
}

void html_element(FILE *out, const char *tag, const char *text) {
  fprintf(out, "<%s>", tag);
  html_text(out, text);
  fprintf(out, "</%.*s>", (int)strcspn(tag, " "), tag);
}

HtmlText *html_open(void) {
  HtmlText *html = mem_alloc(1, sizeof *html);
  html->out = open_memstream(&html->text, &html->size);
  if (!html->out) mem_exhausted(sizeof *html);
  return html;
}

char *html_close(HtmlText *html) {
  if (!html) return NULL;
  const bool failed = ferror(html->out) != 0;
  if (fclose(html->out) != 0 || failed) mem_exhausted(html->size);
  char *text = html->text;
  free(html);
  return text;
}
