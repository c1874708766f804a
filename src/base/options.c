/* The option table's parser and help printer. */
#include "base/options.h"

#include "base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

bool parse_u64(const char *text, uint64_t *value) {
  if (!isdigit((unsigned char)text[0])) return false;
  char *end;
  errno = 0;
  const unsigned long long parsed = strtoull(text, &end, 10);
  if (*end || errno) return false;
  *value = parsed;
  return true;
}

bool parse_size(const char *text, size_t *value) {
  uint64_t parsed;
  if (!parse_u64(text, &parsed) || parsed > SIZE_MAX) return false;
  *value = (size_t)parsed;
  return true;
}

bool parse_real(const char *text, double *value) {
  if (!*text || isspace((unsigned char)text[0])) return false;
  char *end;
  errno = 0;
  const double parsed = strtod(text, &end);
  if (*end || !isfinite(parsed)) return false;
  *value = parsed;
  return true;
}

bool parse_bytes(const char *text, size_t *value) {
  char digits[32];
  const size_t n = strlen(text);
  if (n == 0 || n >= sizeof digits) return false;
  memcpy(digits, text, n + 1);
  const char *units = "KMGT", *unit = strchr(units, toupper((unsigned char)text[n - 1]));
  if (unit) digits[n - 1] = 0;
  size_t number;
  const size_t scale = unit ? (size_t)1 << 10 * (unit - units + 1) : 1;
  return parse_size(digits, &number) && size_multiply(number, scale, value);
}

static bool is_choice(const char *choices, const char *text) {
  const size_t n = strlen(text);
  for (const char *at = choices; at; at = strchr(at, '|')) {
    if (*at == '|') at++;
    if (strncmp(at, text, n) == 0 && (at[n] == '|' || at[n] == 0)) return n > 0;
  }
  return false;
}

static Status out_of_range(const Option *o, const char *text, Error *err) {
  return error_set(err, STATUS_USAGE, "--%s %s: expected a %s from %g to %g", o->name, text,
                   o->kind == OPTION_REAL ? "number" : "whole number", o->min, o->max);
}

static Status store(const Option *o, void *settings, const char *text, Error *err) {
  void *value = (char *)settings + o->offset;
  const bool ranged = o->min != 0 || o->max != 0;
  switch (o->kind) {
  case OPTION_FLAG: *(bool *)value = true; break;
  case OPTION_TEXT: *(const char **)value = text; break;
  case OPTION_SIZE:
    if (!parse_size(text, value))
      return error_set(err, STATUS_USAGE, "--%s %s: expected a whole number", o->name, text);
    if (ranged && !((double)*(size_t *)value >= o->min && (double)*(size_t *)value <= o->max))
      return out_of_range(o, text, err);
    break;
  case OPTION_U64:
    if (!parse_u64(text, value))
      return error_set(err, STATUS_USAGE, "--%s %s: expected a whole number", o->name, text);
    break;
  case OPTION_REAL:
    if (!parse_real(text, value)) return error_set(err, STATUS_USAGE, "--%s %s: expected a number", o->name, text);
    if (ranged && !(*(double *)value >= o->min && *(double *)value <= o->max)) return out_of_range(o, text, err);
    break;
  case OPTION_CHOICE:
    if (!is_choice(o->argument, text))
      return error_set(err, STATUS_USAGE, "--%s %s: expected one of %s", o->name, text, o->argument);
    *(const char **)value = text;
    break;
  case OPTION_TEXTS: {
    OptionTexts *list = value;
    list->items = mem_resize(list->items, list->count + 1, sizeof *list->items);
    list->items[list->count++] = text;
    break;
  }
  case OPTION_BYTES:
    if (!parse_bytes(text, value))
      return error_set(err, STATUS_USAGE, "--%s %s: expected a size such as 64M or 2G", o->name, text);
    break;
  }
  return STATUS_OK;
}

static const Option *find(const Option *const *tables, const char *name, size_t length, char letter) {
  for (; *tables; tables++)
    for (const Option *o = *tables; o->name; o++)
      if (letter ? o->letter == letter : strlen(o->name) == length && strncmp(o->name, name, length) == 0) return o;
  return NULL;
}

enum { MOST_GIVEN = 256 };

static Status check_conflicts(const Option **given, size_t n_given, Error *err) {
  for (size_t i = 0; i < n_given; i++) {
    for (const char *at = given[i]->conflicts; at && *at;) {
      const size_t n = strcspn(at, ",");
      for (size_t j = 0; j < n_given; j++)
        if (strlen(given[j]->name) == n && strncmp(given[j]->name, at, n) == 0)
          return error_set(err, STATUS_USAGE, "--%s and --%s exclude each other", given[i]->name, given[j]->name);
      at += n + (at[n] == ',');
    }
  }
  return STATUS_OK;
}

Status options_parse(const Option *const *tables, void *settings, int argc, char **argv, const char **args,
                     size_t *n_args, Error *err) {
  const Option *given[MOST_GIVEN];
  size_t n_given = 0;
  bool options_ended = false;
  *n_args = 0;
  for (int i = 1; i < argc; i++) {
    char *word = argv[i];
    if (options_ended || word[0] != '-' || word[1] == 0) {
      args[(*n_args)++] = word;
      continue;
    }
    if (strcmp(word, "--") == 0) {
      options_ended = true;
      continue;
    }
    const bool is_long = word[1] == '-';
    const char *name = word + 1 + is_long;
    const size_t length = is_long ? strcspn(name, "=") : 1;
    const Option *o = find(tables, name, length, is_long ? 0 : word[1]);
    if (!o) return error_set(err, STATUS_USAGE, "unknown option %.*s (see --help)", (int)(length + 1 + is_long), word);
    const char *text = name[length] ? name + length + is_long : NULL; /* behind '=' or right behind the letter */
    if (o->kind == OPTION_FLAG && text)
      return error_set(err, STATUS_USAGE, "--%s takes no value, found %s", o->name, text);
    if (o->kind != OPTION_FLAG && !text) {
      if (++i >= argc) return error_set(err, STATUS_USAGE, "--%s needs a value: %s", o->name, o->argument);
      text = argv[i];
    }
    const Status status = store(o, settings, text, err);
    if (status != STATUS_OK) return status;
    if (n_given < MOST_GIVEN) given[n_given++] = o;
  }
  return check_conflicts(given, n_given, err);
}

/* The default as " [8]"; empty where the option has none, which a number outside of its range says too. */
static void show_default(const Option *o, const void *defaults, char *text, size_t size) {
  const void *value = (const char *)defaults + o->offset;
  text[0] = 0;
  switch (o->kind) {
  case OPTION_TEXT:
  case OPTION_CHOICE:
    if (*(const char *const *)value) snprintf(text, size, " [%s]", *(const char *const *)value);
    break;
  case OPTION_SIZE:
    if (*(const size_t *)value) snprintf(text, size, " [%zu]", *(const size_t *)value);
    break;
  case OPTION_U64: snprintf(text, size, " [%llu]", (unsigned long long)*(const uint64_t *)value); break;
  case OPTION_REAL:
    if (*(const double *)value >= o->min) snprintf(text, size, " [%g]", *(const double *)value);
    break;
  case OPTION_BYTES:
    if (*(const size_t *)value) snprintf(text, size, " [%zuM]", *(const size_t *)value >> 20);
    break;
  case OPTION_FLAG:
  case OPTION_TEXTS: break;
  }
}

enum { LEFT = 34, RIGHT = 100 };

/* Words of text wrapped before column RIGHT, continued at column LEFT; says at which column it ends. */
static size_t print_wrapped(const char *text, size_t column, FILE *out) {
  while (*text) {
    const bool blank = *text == ' ';
    text += blank;
    const size_t n = strcspn(text, " ");
    if (column + blank + n > RIGHT && column > LEFT) {
      fprintf(out, "\n%*s", LEFT, "");
      column = LEFT;
    } else if (blank) {
      fputc(' ', out), column++;
    }
    fprintf(out, "%.*s", (int)n, text);
    column += n;
    text += n;
  }
  return column;
}

void options_print_help(const Option *table, const void *defaults, FILE *out) {
  for (const Option *o = table; o->name; o++) {
    char left[128], value[128];
    const char *letter = o->letter ? (char[]){'-', o->letter, ',', ' ', 0} : "    ";
    snprintf(left, sizeof left, "  %s--%s%s%s", letter, o->name, o->argument ? " " : "", o->argument ? o->argument : "");
    if (strlen(left) > LEFT - 2)
      fprintf(out, "%s\n%*s", left, LEFT, "");
    else
      fprintf(out, "%-*s", LEFT, left);
    show_default(o, defaults, value, sizeof value);
    print_wrapped(value, print_wrapped(o->help, LEFT, out), out);
    fputc('\n', out);
  }
}

void options_free(const Option *const *tables, void *settings) {
  for (; *tables; tables++)
    for (const Option *o = *tables; o->name; o++)
      if (o->kind == OPTION_TEXTS) {
        OptionTexts *list = (OptionTexts *)((char *)settings + o->offset);
        free(list->items);
        *list = (OptionTexts){0};
      }
}
