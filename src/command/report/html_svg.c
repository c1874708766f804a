/* Pictures for a page: gnuplot's SVG read tag by tag, and written again with what only a file of its own can have left
 * out or made unique. Nothing but the elements and attributes listed here gets through. */
#include "command/report/html.h"

#include "base/memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* What gnuplot 5 and 6 write. */
static const char *const elements[] = {"circle",  "clipPath", "defs",    "ellipse", "feBlend",  "feComposite",
                                       "feFlood", "filter",   "g",       "image",   "line",     "linearGradient",
                                       "mask",    "path",     "pattern", "polygon", "polyline", "rect",
                                       "stop",    "svg",      "text",    "tspan",   "use"};
static const char *const attributes[] = {"baseline-shift",
                                         "class",
                                         "clip-path",
                                         "color",
                                         "cx",
                                         "cy",
                                         "d",
                                         "dx",
                                         "dy",
                                         "fill",
                                         "fill-opacity",
                                         "fill-rule",
                                         "filter",
                                         "filterUnits",
                                         "flood-color",
                                         "flood-opacity",
                                         "font-family",
                                         "font-size",
                                         "font-style",
                                         "font-weight",
                                         "height",
                                         "href",
                                         "id",
                                         "in",
                                         "in2",
                                         "mode",
                                         "offset",
                                         "opacity",
                                         "operator",
                                         "patternUnits",
                                         "points",
                                         "preserveAspectRatio",
                                         "r",
                                         "result",
                                         "rx",
                                         "ry",
                                         "shape-rendering",
                                         "stop-color",
                                         "stop-opacity",
                                         "stroke",
                                         "stroke-dasharray",
                                         "stroke-linecap",
                                         "stroke-linejoin",
                                         "stroke-opacity",
                                         "stroke-width",
                                         "text-anchor",
                                         "text-decoration",
                                         "transform",
                                         "type",
                                         "viewBox",
                                         "visibility",
                                         "width",
                                         "x",
                                         "x1",
                                         "x2",
                                         "xml:space",
                                         "y",
                                         "y1",
                                         "y2"};

typedef struct Span {
  const char *at;
  size_t size;
} Span;

static bool span_is(Span span, const char *text) {
  return span.size == strlen(text) && memcmp(span.at, text, span.size) == 0;
}

static bool is_listed(Span span, const char *const *list, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (span_is(span, list[i])) return true;
  return false;
}

/* A name in "#name" that something refers to; defined once it was written as an id. */
typedef struct Reference {
  Span name;
  bool defined;
} Reference;

enum { MOST_OPEN = 64 };

typedef struct Picture {
  const char *at; /* the next byte of the SVG */
  size_t number;
  const char *title, *description;
  Reference *references;
  size_t n_references;
  Span open[MOST_OPEN]; /* names of elements that are not ended yet */
  size_t n_open;
  FILE *out;
  Error *err;
} Picture;

static Status refuse(const Picture *p, const char *what, Span found) {
  return error_set(p->err, STATUS_SYSTEM, "gnuplot drew what a page cannot hold: %s %.*s", what,
                   (int)(found.size < 60 ? found.size : 60), found.at);
}

static Reference *find_reference(const Picture *p, Span name) {
  for (size_t i = 0; i < p->n_references; i++)
    if (p->references[i].name.size == name.size && memcmp(p->references[i].name.at, name.at, name.size) == 0)
      return &p->references[i];
  return NULL;
}

static void add_reference(Picture *p, Span name) {
  if (name.size == 0 || find_reference(p, name)) return;
  p->references = mem_resize(p->references, p->n_references + 1, sizeof *p->references);
  p->references[p->n_references++] = (Reference){name, false};
}

/* "#name" and url(#name), wherever they stand: a name too many, such as a colour, does no harm. */
static void find_references(Picture *p, const char *svg) {
  for (const char *at = svg; (at = strchr(at, '#')); at++)
    if (at > svg && strchr("'\"(", at[-1])) add_reference(p, (Span){at + 1, strcspn(at + 1, "'\")")});
}

/* The next attribute of the tag at p->at; name.size 0 at the tag's end. */
static Status read_attribute(Picture *p, Span *name, Span *value) {
  p->at += strspn(p->at, " \t\r\n");
  *name = (Span){p->at, strcspn(p->at, " \t\r\n=/><'\"")};
  if (name->size == 0) return STATUS_OK;
  p->at += name->size;
  p->at += strspn(p->at, " \t\r\n");
  if (*p->at != '=') return refuse(p, "the attribute", *name);
  p->at++;
  p->at += strspn(p->at, " \t\r\n");
  const char quote = *p->at, *start = p->at + 1, *end = quote == '"' || quote == '\'' ? strchr(start, quote) : NULL;
  if (!end || memchr(start, '<', (size_t)(end - start))) return refuse(p, "the attribute", *name);
  *value = (Span){start, (size_t)(end - start)};
  p->at = end + 1;
  return STATUS_OK;
}

/* "url(#name)", or a value without any url. */
static Status write_value(const Picture *p, Span value) {
  static const char opening[] = "url(#";
  for (size_t i = 0; i < value.size; i++) {
    if (value.size - i >= 4 && memcmp(value.at + i, "url(", 4) == 0) {
      if (value.size - i < sizeof opening || value.at[i + 4] != '#') return refuse(p, "the value", value);
      fprintf(p->out, "url(#fig-%zu-", p->number);
      i += 4;
    } else if (value.at[i] == '"') {
      fputs("&quot;", p->out);
    } else {
      fputc(value.at[i], p->out);
    }
  }
  return STATUS_OK;
}

/* Inside the picture, or a raster that is part of it. */
static Status write_href(const Picture *p, Span value) {
  static const char raster[] = "data:image/png;base64,";
  if (value.size > 1 && value.at[0] == '#')
    fprintf(p->out, " href=\"#fig-%zu-%.*s\"", p->number, (int)value.size - 1, value.at + 1);
  else if (value.size >= sizeof raster - 1 && memcmp(value.at, raster, sizeof raster - 1) == 0 &&
           !memchr(value.at, '"', value.size))
    fprintf(p->out, " href=\"%.*s\"", (int)value.size, value.at);
  else
    return refuse(p, "a reference to", value);
  return STATUS_OK;
}

static Status write_attribute(Picture *p, Span name, Span value) {
  static const char space[] = "xlink:";
  if (name.size > sizeof space - 1 && memcmp(name.at, space, sizeof space - 1) == 0)
    name = (Span){name.at + sizeof space - 1, name.size - (sizeof space - 1)};
  else if (span_is(name, "xmlns") || span_is(name, "xmlns:xlink") || span_is(name, "version"))
    return STATUS_OK;
  if (!is_listed(name, attributes, sizeof attributes / sizeof attributes[0])) return refuse(p, "the attribute", name);
  if (span_is(name, "href")) return write_href(p, value);
  if (!span_is(name, "id")) {
    fprintf(p->out, " %.*s=\"", (int)name.size, name.at);
    const Status status = write_value(p, value);
    fputc('"', p->out);
    return status;
  }
  Reference *reference = find_reference(p, value);
  if (!reference || reference->defined) return STATUS_OK;
  reference->defined = true;
  fprintf(p->out, " id=\"fig-%zu-%.*s\"", p->number, (int)value.size, value.at);
  return STATUS_OK;
}

/* What stands for the picture in the ears of those who do not see it. */
static void write_names(const Picture *p) {
  fprintf(p->out, " role=\"img\" aria-labelledby=\"fig-%zu-title fig-%zu-text\"><title id=\"fig-%zu-title\">",
          p->number, p->number, p->number);
  html_text(p->out, p->title);
  fprintf(p->out, "</title><desc id=\"fig-%zu-text\">", p->number);
  html_text(p->out, p->description);
  fputs("</desc>", p->out);
}

/* From behind "<title" or "<desc" to behind its end. */
static Status skip_element(Picture *p, Span name) {
  char end[16];
  snprintf(end, sizeof end, "</%.*s>", (int)name.size, name.at);
  const char *found = strstr(p->at, end);
  if (!found) return refuse(p, "an unfinished", name);
  p->at = found + strlen(end);
  return STATUS_OK;
}

/* From behind "<g": gnuplot opens a group for every change of its pen, most of them for nothing. */
static bool skip_empty_group(Picture *p) {
  const char *end = strchr(p->at, '>');
  if (!end || end[-1] == '/') return false;
  end += 1 + strspn(end + 1, " \t\r\n");
  if (strncmp(end, "</g>", 4) != 0) return false;
  p->at = end + 4;
  p->at += strspn(p->at, "\r\n");
  return true;
}

/* From behind "<name". */
static Status write_element(Picture *p, Span name) {
  if (!is_listed(name, elements, sizeof elements / sizeof elements[0])) return refuse(p, "the element", name);
  if (span_is(name, "g") && skip_empty_group(p)) return STATUS_OK;
  Span key, value;
  fprintf(p->out, "<%.*s", (int)name.size, name.at);
  Status status = read_attribute(p, &key, &value);
  while (status == STATUS_OK && key.size) {
    status = write_attribute(p, key, value);
    if (status == STATUS_OK) status = read_attribute(p, &key, &value);
  }
  if (status != STATUS_OK) return status;
  const bool closed = p->at[0] == '/';
  if (p->at[closed] != '>') return refuse(p, "an unfinished", name);
  p->at += closed + 1;
  if (!closed && p->n_open == MOST_OPEN) return refuse(p, "too deep", name);
  if (!closed) p->open[p->n_open++] = name;
  if (span_is(name, "svg") && !closed)
    write_names(p);
  else
    fputs(closed ? "/>" : ">", p->out);
  return STATUS_OK;
}

static Status write_tag(Picture *p) {
  const bool ends = p->at[1] == '/';
  p->at += 1 + ends;
  const Span name = {p->at, strcspn(p->at, " \t\r\n/>")};
  p->at += name.size;
  if (span_is(name, "title") || span_is(name, "desc")) return skip_element(p, name);
  if (!ends) return write_element(p, name);
  p->at += strspn(p->at, " \t\r\n");
  const Span *last = p->n_open ? &p->open[p->n_open - 1] : NULL;
  if (*p->at != '>' || !last || last->size != name.size || memcmp(last->at, name.at, name.size) != 0)
    return refuse(p, "a misplaced end of", name);
  p->n_open--;
  p->at++;
  fprintf(p->out, "</%.*s>", (int)name.size, name.at);
  return STATUS_OK;
}

/* Text between tags: blanks count in texts alone, so that a line's indentation is left out. gnuplot leaves > as it is, which
 * XML takes for an end behind ]]. */
static void write_text(Picture *p) {
  const size_t size = strcspn(p->at, "<");
  const bool blank = strspn(p->at, " \t\r\n") == size;
  if (blank && size && memchr(p->at, '\n', size))
    fputc('\n', p->out);
  else
    for (size_t i = 0; i < size; i++) {
      if (p->at[i] == '>')
        fputs("&gt;", p->out);
      else
        fputc(p->at[i], p->out);
    }
  p->at += size;
}

Status html_inline_svg(const char *svg, size_t number, const char *title, const char *description, FILE *out,
                       Error *err) {
  Picture p = {
      .at = strstr(svg, "<svg"), .number = number, .title = title, .description = description, .out = out, .err = err};
  Status status = STATUS_OK;
  if (!p.at) return error_set(err, STATUS_SYSTEM, "gnuplot drew no SVG");
  find_references(&p, p.at);
  while (*p.at && status == STATUS_OK) {
    if (*p.at == '<')
      status = write_tag(&p);
    else
      write_text(&p);
  }
  if (status == STATUS_OK && p.n_open) status = refuse(&p, "an unfinished", p.open[p.n_open - 1]);
  free(p.references);
  return status;
}
