/* Writing HTML: text that cannot be taken for markup, and streams into memory. Knows nothing of what is written. */
#ifndef FATHOM_COMMAND_REPORT_HTML_H
#define FATHOM_COMMAND_REPORT_HTML_H

#include "base/error.h"

#include <stdio.h>

/* Text, in an element or between quotes of an attribute. What is no valid UTF-8, and characters that a page must not
 * hold, become U+FFFD; tabs and newlines stay. */
void html_text(FILE *out, const char *text);

/* The same, formatted first. */
void html_format(FILE *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* <TAG>text</TAG>; a tag may carry attributes of ours: "th scope=\"row\"". */
void html_element(FILE *out, const char *tag, const char *text);

/* What is written to out is in text once html_close was called; text is freed by the caller. Memory alone can fail, and
 * then ends the process as mem_alloc does. */
typedef struct HtmlText {
  FILE *out;
  char *text;
  size_t size;
} HtmlText;

HtmlText *html_open(void);
char *html_close(HtmlText *html); /* frees html; NULL gives NULL */

/* A picture in SVG, as gnuplot writes it, put into a page as figure number: no prolog; a title and a description for
 * those who do not see it in place of gnuplot's; only ids that something refers to, with "fig-NUMBER-" in front, so
 * that those of several pictures differ; no tooltips. An element or attribute that gnuplot does not write, such as a
 * script, and a reference out of the picture is STATUS_SYSTEM. */
Status html_inline_svg(const char *svg, size_t number, const char *title, const char *description, FILE *out,
                       Error *err);

#endif
