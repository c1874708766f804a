/* Cutting a template into data, tags and what stands in them. Strings and numbers are literal.c. */
#include "text/jinja/lexer.h"

#include "base/utf8.h"
#include "text/jinja/string.h"

enum { NAME_MAX_BYTES = 1000 }; /* names are compared byte by byte at every use */

typedef struct Lexer {
  Box *box;
  const char *at, *end, *begin;
  bool line_starting; /* nothing but what was cut off stands between the start of the line and `at` */
  JinjaToken *tokens;
  size_t count, room;
  char open[64]; /* brackets that wait to be closed */
  size_t n_open;
} Lexer;

/* Moves on, counting lines. */
static void advance(Lexer *l, const char *to) {
  for (const char *c = l->at; c < to; c++) l->box->line += *c == '\n';
  if (to > l->at) l->line_starting = to[-1] == '\n';
  l->at = to;
}

static JinjaToken *add(Lexer *l, TokenType type) {
  if (l->count == l->room) {
    const size_t room = 2 * l->room + 64;
    JinjaToken *larger = box_take(l->box, room, sizeof *larger);
    if (l->count) memcpy(larger, l->tokens, l->count * sizeof *larger);
    l->tokens = larger;
    l->room = room;
  }
  l->tokens[l->count] = (JinjaToken){.type = type, .line = l->box->line};
  return &l->tokens[l->count++];
}

static void add_data(Lexer *l, const char *bytes, size_t size) {
  if (size) add(l, LEX_DATA)->value = value_text(bytes, size);
}

static bool starts(const Lexer *l, const char *at, const char *what) {
  const size_t n = strlen(what);
  return (size_t)(l->end - at) >= n && memcmp(at, what, n) == 0;
}

static const char *skip_blanks(const Lexer *l, const char *at) {
  return at + text_blanks_in_front(at, (size_t)(l->end - at));
}

/* The end of `{%- raw %}` where that stands at a tag, else NULL; *sign is the character behind {%, or 0. */
static const char *tag_of(const Lexer *l, const char *at, const char *name, char *sign) {
  at += 2;
  *sign = at < l->end && (*at == '-' || *at == '+') ? *at++ : 0;
  at = skip_blanks(l, at);
  if (!starts(l, at, name)) return NULL;
  return skip_blanks(l, at + strlen(name));
}

/* What white space control leaves of the text in front of a tag. */
static size_t trimmed(const Lexer *l, const char *text, size_t size, char sign, bool is_print) {
  if (sign == '-') return size - text_blanks_behind(text, size);
  if (sign == '+' || is_print) return size;
  size_t line = size;
  while (line > 0 && text[line - 1] != '\n') line--;
  const bool from_line_start = line > 0 || l->line_starting;
  return from_line_start && line + text_blanks_in_front(text + line, size - line) == size ? line : size;
}

/* Behind a closing %} or #}: one newline goes too (trim_blocks). */
static const char *behind_newline(const Lexer *l, const char *at) { return at < l->end && *at == '\n' ? at + 1 : at; }

/* `at` is the sign or the closing mark; NULL where neither closes here. */
static const char *closing(const Lexer *l, const char *at, const char *mark, bool trims) {
  if (at < l->end && *at == '-' && starts(l, at + 1, mark)) return skip_blanks(l, at + 3);
  if (trims && at < l->end && *at == '+' && starts(l, at + 1, mark)) return at + 3;
  if (!starts(l, at, mark)) return NULL;
  return trims ? behind_newline(l, at + 2) : at + 2;
}

static void skip_comment(Lexer *l) {
  const char *at = l->at, *end = NULL;
  while (at < l->end && !(end = closing(l, at, "#}", true))) at++;
  if (!end) box_fail(l->box, "a comment that is not closed by #}");
  advance(l, end);
}

/* Behind `{% raw`: the data up to `{% endraw %}`. */
static void take_raw(Lexer *l) {
  for (const char *at = l->at; at + 1 < l->end; at++) {
    char sign;
    const char *rest = starts(l, at, "{%") ? tag_of(l, at, "endraw", &sign) : NULL;
    const char *end = rest ? closing(l, rest, "%}", true) : NULL;
    if (!end) continue;
    add_data(l, l->at, trimmed(l, l->at, (size_t)(at - l->at), sign, false));
    advance(l, end);
    return;
  }
  box_fail(l->box, "a raw block that is not closed by {%% endraw %%}");
}

static void take_name(Lexer *l) {
  const char *at = l->at;
  while (at < l->end &&
         (*at == '_' || (*at >= '0' && *at <= '9') || (*at >= 'a' && *at <= 'z') || (*at >= 'A' && *at <= 'Z')))
    at++;
  const size_t size = (size_t)(at - l->at);
  if (size > NAME_MAX_BYTES) box_fail(l->box, "a name of %zu bytes, expected at most %d", size, NAME_MAX_BYTES);
  char *name = box_take(l->box, size + 1, 1);
  memcpy(name, l->at, size);
  add(l, LEX_NAME)->name = name;
  advance(l, at);
}

static void balance(Lexer *l, char c) {
  static const char opening[] = "([{", closing_marks[] = ")]}";
  const char *opens = strchr(opening, c), *closes = strchr(closing_marks, c);
  if (opens) {
    if (l->n_open == sizeof l->open) box_fail(l->box, "brackets nested too deep");
    l->open[l->n_open++] = closing_marks[opens - opening];
  } else if (closes) {
    if (l->n_open == 0) box_fail(l->box, "'%c' closes nothing", c);
    if (l->open[--l->n_open] != c) box_fail(l->box, "'%c' found, expected '%c'", c, l->open[l->n_open]);
  }
}

static void take_operator(Lexer *l) {
  static const char *const operators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
                                          "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ",", ";"};
  for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
    if (!starts(l, l->at, operators[i])) continue;
    if (!operators[i][1]) balance(l, operators[i][0]);
    add(l, LEX_OPERATOR)->name = operators[i];
    advance(l, l->at + strlen(operators[i]));
    return;
  }
  const unsigned char c = (unsigned char)*l->at;
  if (c > 0x20 && c < 0x7f) box_fail(l->box, "unexpected '%c'", c);
  box_fail(l->box, "unexpected byte 0x%02x outside a string", c);
}

/* The inside of a tag or a {{ }}, up to and including its end. */
static void take_inside(Lexer *l, bool is_print) {
  const char *mark = is_print ? "}}" : "%}";
  const unsigned first_line = l->box->line;
  l->n_open = 0;
  while (l->at < l->end) {
    const char *end = l->n_open == 0 ? closing(l, l->at, mark, !is_print) : NULL, *at = skip_blanks(l, l->at);
    const char c = *l->at;
    if (end) {
      add(l, is_print ? LEX_PRINT_END : LEX_TAG_END);
      advance(l, end);
      return;
    }
    if (at > l->at) {
      advance(l, at);
    } else if (c == '\'' || c == '"' || (c >= '0' && c <= '9')) {
      Value value;
      const bool behind_dot = l->at[-1] == '.';
      const size_t size = c == '\'' || c == '"'
                              ? string_literal(l->box, l->at, (size_t)(l->end - l->at), &value)
                              : number_literal(l->box, l->at, (size_t)(l->end - l->at), behind_dot, &value);
      add(l, LEX_CONSTANT)->value = value;
      advance(l, l->at + size);
    } else if (c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) {
      take_name(l);
    } else {
      take_operator(l);
    }
  }
  l->box->line = first_line;
  box_fail(l->box, "a %s that is not closed by %s", is_print ? "{{" : "{%", mark);
}

/* The next tag, print or comment at or behind `at`, l->end where there is none. */
static const char *next_mark(const Lexer *l, const char *at) {
  for (; at + 1 < l->end; at++)
    if (*at == '{' && (at[1] == '%' || at[1] == '{' || at[1] == '#')) return at;
  return l->end;
}

static void take_mark(Lexer *l, const char *mark) {
  const char kind = mark[1];
  char sign;
  const char *raw = kind == '%' ? tag_of(l, mark, "raw", &sign) : NULL;
  if (raw && starts(l, raw, "-%}"))
    raw = skip_blanks(l, raw + 3);
  else if (raw)
    raw = starts(l, raw, "%}") ? raw + 2 : NULL;
  if (kind != '%') sign = mark + 2 < l->end && (mark[2] == '-' || mark[2] == '+') ? mark[2] : 0;
  add_data(l, l->at, trimmed(l, l->at, (size_t)(mark - l->at), sign, kind == '{'));
  advance(l, raw ? raw : mark + 2 + (sign != 0));
  if (raw) {
    take_raw(l);
  } else if (kind == '#') {
    skip_comment(l);
  } else {
    add(l, kind == '{' ? LEX_PRINT : LEX_TAG);
    take_inside(l, kind == '{');
  }
}

/* "\r\n" and "\r" become "\n"; one newline at the very end goes. */
static Value normalise(Box *box, const char *template, size_t size) {
  char *to = box_take(box, size, 1);
  size_t n = 0;
  for (size_t i = 0; i < size; i++)
    if (template[i] != '\r')
      to[n++] = template[i];
    else if (i + 1 == size || template[i + 1] != '\n')
      to[n++] = '\n';
  if (n > 0 && to[n - 1] == '\n') n--;
  return value_text(to, n);
}

const JinjaToken *jinja_tokens(Box *box, const char *template, size_t size) {
  box->line = 1;
  if (utf8_valid_prefix(template, size) < size) box_fail(box, "the template is not UTF-8");
  const Value text = normalise(box, template, size);
  Lexer l = {.box = box, .at = text.text.bytes, .begin = text.text.bytes, .line_starting = true};
  l.end = l.begin + text.text.size;
  while (l.at < l.end) {
    const char *mark = next_mark(&l, l.at);
    if (mark < l.end) {
      take_mark(&l, mark);
    } else {
      add_data(&l, l.at, (size_t)(l.end - l.at));
      advance(&l, l.end);
    }
  }
  add(&l, LEX_END);
  return l.tokens;
}
