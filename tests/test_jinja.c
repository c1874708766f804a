/* Jinja: the goldens that jinja2 made (tests/fixtures/make_templates.py), what is refused and with which line, and
 * templates that would take for ever. */
#include "base/memory.h"
#include "tests/tap.h"
#include "text/jinja/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct tm day = {.tm_year = 124, .tm_mon = 6, .tm_mday = 26, .tm_wday = 5, .tm_yday = 207};

/* Renders a template with the members of variables; *text is freed by the caller. */
static Status render(const char *source, const Json *variables, char **text, Error *err) {
  Jinja *jinja;
  size_t size;
  *text = NULL;
  Status status = jinja_open(source, strlen(source), &jinja, err);
  if (status == STATUS_OK) status = jinja_render(jinja, variables, &day, text, &size, err);
  jinja_close(jinja);
  return status;
}

/* Where two texts begin to differ. */
static void show_difference(const char *found, const char *expected) {
  size_t at = 0;
  while (found[at] && found[at] == expected[at]) at++;
  const size_t from = at > 30 ? at - 30 : 0;
  printf("# at byte %zu: found \"%.60s\"\n", at, found + from);
  printf("# expected \"%.60s\"\n", expected + from);
}

static void test_goldens(void) {
  char *path = mem_format("%s/tests/fixtures/templates.json", getenv("SRCDIR"));
  Error err = {0};
  Json *root = NULL;
  size_t n = 0;
  if (json_read(path, &root, &err) != STATUS_OK) printf("# %s\n", err.text);
  for (const Json *row = json_first(json_get(root, "templates")); row; row = json_next(row)) {
    const char *source = json_string(json_get(row, "source"), ""), *name = json_string(json_get(row, "name"), "");
    for (const Json *golden = json_first(json_get(row, "texts")); golden; golden = json_next(golden), n++) {
      char *text;
      const char *expected = json_string(golden, NULL);
      const Json *variables = json_get(json_get(root, "conversations"), json_key(golden));
      const Status status = render(source, variables, &text, &err);
      if (!expected)
        ok(status == STATUS_DATA && strncmp(err.text, "line ", 5) == 0, "%s, %s: refused: %s", name, json_key(golden),
           err.text);
      else if (!ok(status == STATUS_OK && strcmp(text, expected) == 0, "%s, %s%s%s", name, json_key(golden),
                   status == STATUS_OK ? "" : ": ", status == STATUS_OK ? "" : err.text) &&
               text)
        show_difference(text, expected);
      free(text);
    }
  }
  ok(n > 100, "%zu goldens", n);
  json_free(root);
  free(path);
}

static Json *some_variables(void) {
  static const char text[] = "{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"tools\":null}";
  Json *variables = NULL;
  Error err;
  if (json_parse(text, sizeof text - 1, "test", &variables, &err) != STATUS_OK) printf("Bail out! %s\n", err.text);
  return variables;
}

/* The template is refused with this message. */
static void refuses(const char *source, const char *message) {
  Error err = {0};
  char *text;
  Json *variables = some_variables();
  const Status status = render(source, variables, &text, &err);
  if (!ok(status == STATUS_DATA && strcmp(err.text, message) == 0 && !text, "%s", message))
    printf("# found status %d, \"%s\"\n", status, status == STATUS_OK ? text : err.text);
  free(text);
  json_free(variables);
}

static void test_syntax(void) {
  refuses("a\n{% if x %}\nb", "line 2: the template ends without {% endif %}");
  refuses("{% for x in y %}", "line 1: the template ends without {% endfor %}");
  refuses("\n\n{% endfor %}", "line 3: the tag \"endfor\" is not known here");
  refuses("{% if x %}{% endfor %}", "line 1: the tag \"endfor\" is not known here");
  refuses("{{ a", "line 1: a {{ that is not closed by }}");
  refuses("{{ a %}", "line 1: '}' closes nothing");
  refuses("x\n{# a", "line 2: a comment that is not closed by #}");
  refuses("{% raw %} a", "line 1: a raw block that is not closed by {% endraw %}");
  refuses("{{ 'a }}", "line 1: a string that is not closed by '");
  refuses("{{ (1, 2] }}", "line 1: ']' found, expected ')'");
  refuses("{{ 1) }}", "line 1: ')' closes nothing");
  refuses("{{ }}", "line 1: }} found, expected an expression");
  refuses("{{ a ! b }}", "line 1: unexpected '!'");
  refuses("{{ \xc3\xa9 }}", "line 1: unexpected byte 0xc3 outside a string");
  refuses("\xff", "line 1: the template is not UTF-8");
  refuses("{{ '\\N{DASH}' }}", "line 1: an escape in a string that is not supported");
  refuses("{{ '\\ud800' }}", "line 1: \\ud800 is no character");
  refuses("{{ '\\x4' }}", "line 1: an escape \\x, \\u or \\U in a string that lacks digits");
  refuses("{{ 99999999999999999999 }}", "line 1: a whole number of more than 64 bits");
  refuses("{% set 1 = 2 %}", "line 1: a target that is no name");
  refuses("{% for x.y in z %}{% endfor %}", "line 1: a target that is no name");
  refuses("{% for loop in [1] %}{% endfor %}", "line 1: a loop over items called loop");
  refuses("{% break %}", "line 1: break outside a loop");
  refuses("{% for x in [1] %}{% macro f() %}{% continue %}{% endmacro %}{% endfor %}",
          "line 1: continue outside a loop");
  refuses("{{ f(a=1, 2) }}", "line 1: a string or number found, expected a named argument behind the first one");
  refuses("{% macro f(a=1, b) %}{% endmacro %}",
          "line 1: ')' found, expected a default, as the parameters before have one");
  refuses("{{ f(a=1, b=2, a=3) }}", "line 1: the argument a is given twice");
  refuses("{% macro f(a, b, a) %}{% endmacro %}", "line 1: the macro f has two parameters a");
  refuses("{{ f(*x) }}", "line 1: '*' found, expected an expression");
  refuses("\n{% include 'x' %}", "line 2: the tag \"include\" is not known here");
  refuses("{% call f() %}{% endcall %}", "line 1: the tag \"call\" is not known here");
  refuses("\n{{ a | frobnicate }}", "line 2: the filter \"frobnicate\" is not known here");
  refuses("{{ a is odder }}", "line 1: the test \"odder\" is not known here");
}

static void test_values(void) {
  refuses("{{ x.y }}", "line 1: 'x' is undefined");
  refuses("\n{{ messages[0].x.y }}", "line 2: a dict has no \"x\"");
  refuses("{{ messages[1].role }}", "line 1: a list has no such item");
  refuses("{{ x + 1 }}", "line 1: 'x' is undefined");
  refuses("{{ x() }}", "line 1: 'x' is undefined");
  refuses("{{ 'a'() }}", "line 1: a str is called");
  refuses("{{ 1 + 'a' }}", "line 1: int and str cannot be added");
  refuses("{{ 1 < 'a' }}", "line 1: int and str have no order");
  refuses("{{ 1 in 'a' }}", "line 1: `in` a string asks for a int");
  refuses("{{ 1 in none }}", "line 1: a None cannot be looped over");
  refuses("{% for x in tools %}{% endfor %}", "line 1: a None cannot be looped over");
  refuses("{% for a, b in [[1]] %}{% endfor %}", "line 1: 1 values for 2 names");
  refuses("{{ none | length }}", "line 1: a None has no length");
  refuses("{{ messages | map('nope') }}", "line 1: the filter \"nope\" is not known here");
  refuses("{{ messages | reverse | last }}", "line 1: last of an iterator: make it a list first");
  refuses("{{ messages.append(1) }}", "line 1: the method append of a list is not supported");
  refuses("{{ messages[0].update({}) }}", "line 1: the method update of a dict is not supported");
  refuses("{{ ''.__class__ }}", "line 1: the method __class__ of a str is not supported");
  refuses("{% set messages.x = 1 %}", "line 1: messages.x is set, but messages is no namespace");
  refuses("{% set n = namespace() %}{% set n._x = 1 %}", "line 1: a namespace's attribute that begins with _");
  refuses("{{ 1 // 0 }}", "line 1: division by zero");
  refuses("{{ 9223372036854775807 + 1 }}", "line 1: a whole number of more than 64 bits");
  refuses("{{ 10 ** 30 }}", "line 1: a whole number of more than 64 bits");
  refuses("{{ 'a' | replace('a') }}", "line 1: replace lacks its argument new");
  refuses("{{ 'a' | upper(1) }}", "line 1: upper takes at most 0 arguments, 1 are given");
  refuses("{{ 'a' | trim(x=1) }}", "line 1: trim does not know one of its named arguments (the first is x)");
  refuses("{% macro f(a) %}{% endmacro %}{{ f(1, 2) }}", "line 1: macro f takes 1 arguments, 2 are given");
  refuses("{% macro f(a) %}{{ kwargs }}{% endmacro %}{{ f(1) }}", "line 1: kwargs is not supported");
  refuses("{{ '\\u00df' | upper }}", "line 1: changing the case of U+00DF is not supported");
  refuses("{{ '\\u0663' | int }}", "line 1: a number from text that is not ASCII is not supported");
  refuses("{{ '\\u0663' | float }}", "line 1: a number from text that is not ASCII is not supported");
  refuses("{{ 'a'['upper\\x00b']() }}", "line 1: a str has no such item");
  refuses("{{ ['a'] | map('upper\\x00b') | list }}", "line 1: a name with a zero byte");
  refuses("{{ ('<' | e) + 'a' }}", "line 1: text marked safe can only be printed");
  refuses("{{ namespace() }}", "line 1: a namespace cannot be printed");
  refuses("{{ range(100001) }}", "line 1: a range of more than 100000 numbers");
  refuses("\n\n{{ raise_exception('not so') }}", "line 3: the template refuses: not so");
  refuses("{{ strftime_now('%s') }}", "line 1: strftime_now with a % that is not supported");
  refuses("{{ x | tojson }}", "line 1: tojson: 'x' is undefined");
  refuses("{% macro f() %}\n{{ x.y }}{% endmacro %}\n\n{{ f() }}", "line 2: 'x' is undefined");
  refuses("{% macro f() %}\n{% endmacro %}\n\n{{ f() + x.y }}", "line 4: 'x' is undefined");
}

/* A template of n times a piece between a beginning and an end. */
static void refuses_long(const char *begin, const char *piece, size_t n, const char *end, const char *message) {
  const size_t size = strlen(piece);
  char *source = mem_alloc(strlen(begin) + n * size + strlen(end) + 1, 1);
  strcpy(source, begin);
  for (size_t i = 0; i < n; i++) memcpy(source + strlen(begin) + i * size, piece, size);
  strcpy(source + strlen(begin) + n * size, end);
  refuses(source, message);
  free(source);
}

/* Arguments by name are looked for one by one: a field of a format again and again. */
static void refuses_named(void) {
  enum { N = 5000, EACH = 8 };
  char *source = mem_alloc(N * EACH + 200, 1), *to = source + sprintf(source, "{{ ('{a%d}' * 99999).format(", N);
  for (int i = 1; i <= N; i++) to += sprintf(to, "%sa%d=1", i > 1 ? "," : "", i);
  strcpy(to, ") }}");
  refuses(source, "line 1: the template takes too many steps");
  free(source);
}

static void test_limits(void) {
  static const char too_deep[] = "line 1: the template is nested too deep, or calls itself without end",
                    too_long[] = "line 1: the template takes too many steps",
                    too_large[] = "line 1: the template takes too much memory";
  refuses("{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", too_large);
  refuses("{% set s = 'a' * 999999 %}{% for i in range(99999) %}{% if 'b' in s %}{% endif %}{% endfor %}", too_long);
  refuses("{% set s = 'a' * 999999 %}{% for i in range(99999) %}{{ s }}{% endfor %}", too_large);
  refuses("{{ 'a' * 999999999999 }}", too_large);
  refuses("{{ [1] * 999999999999 }}", too_large);
  refuses("{{ 'ab'.replace('', 'c' * 9999999) * 99 }}", too_large);
  refuses("{{ '%999999d' % 1 }}", "line 1: % with a width of more than 1000");
  refuses("{{ ('a' * 500000).rfind('a' * 250000 + 'b') }}", too_long);
  refuses("{{ 'x' | indent(99999999999) }}", too_large);
  refuses("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", too_deep);
  refuses("{% macro f(n) %}{{ f(n) ~ f(n) }}{% endmacro %}{{ f(1) }}", too_deep);
  refuses("{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}", too_deep);
  refuses("{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x }}",
          too_deep);
  refuses("{% set n = namespace(x=[]) %}{% for i in range(9999) %}{% set n.x = [n.x] %}{% endfor %}{{ n.x | tojson }}",
          too_deep);
  refuses(
      "{% set n = namespace(x=[], y=[]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% set n.y = [n.y, n.y] %}"
      "{% endfor %}{{ n.x == n.y }}",
      too_long);
  refuses("{% set n = namespace(x=[]) %}{% for i in range(99) %}{% set n.x = [n.x, n.x] %}{% endfor %}{{ n.x }}",
          too_long);
  refuses("{% set n = namespace(x='a') %}{% for i in range(99) %}{% set n.x = n.x + n.x %}{% endfor %}", too_large);
  refuses("{{ ('a' * 300000).strip('b' * 300000 ~ 'a') }}", too_long);
  refuses("{% set s = '1' * 400000 %}{% for i in range(9999) %}{% if s | float %}{% endif %}{% endfor %}", too_long);
  refuses("{% set s = '0' * 400000 %}{% for i in range(9999) %}{% if s | int %}{% endif %}{% endfor %}", too_long);
  refuses("{% set s = 'a' * 400000 %}{% for i in range(9999) %}{% if s.split() %}{% endif %}{% endfor %}", too_long);
  refuses("{% set s = 'a' * 400000 %}{% for i in range(9999) %}{% if s.isalpha() %}{% endif %}{% endfor %}", too_long);
  refuses("{% set s = 'a' * 400000 %}{% for i in range(99999) %}{% if s.removeprefix(s) %}{% endif %}{% endfor %}",
          too_long);
  refuses(
      "{% set s = 'a' * 400000 %}{% set t = 'a' * 200000 ~ 'b' %}{% for i in range(9999) %}{% if t in s %}{% endif %}"
      "{% endfor %}",
      too_long);
  refuses("{% set r = range(99999) | list %}{% for i in range(999) %}{% if r | sum %}{% endif %}{% endfor %}",
          too_long);
  refuses(
      "{% set r = range(1, 99999) | list %}{% for i in range(999) %}{% if r | reject | list %}{% endif %}{% endfor %}",
      too_long);
  refuses(
      "{% for i in range(9999) %}{% for j in range(99) %}{% if 1e308 | round(15) %}{% endif %}{% endfor %}{% endfor %}",
      too_long);
  refuses_named();
  refuses_long("{{ ", "a", 1001, " }}", "line 1: a name of 1001 bytes, expected at most 1000");
  refuses_long("{{ ", "(", 2000, "", "line 1: brackets nested too deep");
  refuses_long("{{ ", "not ", 9999, "x }}", too_deep);
  refuses_long("{{ ", "- ", 9999, "1 }}", too_deep);
  refuses_long("{{ 1", " + 1", 9999, " }}", too_deep);
  refuses_long("{{ x", "|e", 9999, " }}", too_deep);
  refuses_long("{{ 1", " if 1 else 2", 9999, " }}", too_deep);
  refuses_long("", "{% if 1 %}", 9999, "", too_deep);
  refuses_long("", "a", JINJA_SOURCE_MAX + 1, "", "a template of 1048577 bytes, expected at most 1048576");
}

int main(void) {
  test_goldens();
  test_syntax();
  test_values();
  test_limits();
  return tap_end();
}
