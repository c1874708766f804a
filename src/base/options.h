/* Command-line options from one table: the table drives parsing, ranges, conflicts, help and the echo of settings.
 *
 * A command declares a settings struct, a const instance of its defaults, and a table whose rows say where in the
 * struct a value lives (offsetof). Numbers are parsed whole ("12x" is an error). */
#ifndef FATHOM_BASE_OPTIONS_H
#define FATHOM_BASE_OPTIONS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef enum OptionKind {
  OPTION_FLAG,    /* bool; --name sets true */
  OPTION_TEXT,    /* const char *, NULL = not given; points into argv */
  OPTION_SIZE,    /* size_t, within [min, max] */
  OPTION_REAL,    /* double, within [min, max] */
  OPTION_CHOICE,  /* const char *: one of choices, "a|b|c" */
  OPTION_TEXTS,   /* OptionTexts: may be repeated */
  OPTION_BYTES,   /* size_t; "64M", "2G" (powers of 1024) or plain bytes */
  OPTION_U64,     /* uint64_t */
} OptionKind;

typedef struct OptionTexts {
  const char **items;
  size_t count;
} OptionTexts;

typedef struct Option {
  const char *name; /* without dashes; NULL ends the table */
  char letter;      /* short form, or 0 */
  OptionKind kind;
  size_t offset;        /* of the value in the settings struct */
  double min, max;      /* SIZE and REAL: inclusive range; both 0 = any */
  const char *argument; /* "FILE", "N"; NULL for a flag; for CHOICE the choices "a|b" */
  const char *help;     /* one line; continued lines are wrapped by the printer */
  const char *conflicts; /* comma-separated names of options that exclude this one, or NULL */
} Option;

/* Parses argv[1..]; words that are not options go to args (capacity argc), in order; "--" ends options; "-" is a
 * word. tables is a NULL-terminated list of tables tried in order. --name=value and --name value are one; a unique
 * prefix is not accepted. Errors are STATUS_USAGE and name the option. Texts point into argv. */
Status options_parse(const Option *const *tables, void *settings, int argc, char **argv, const char **args,
                     size_t *n_args, Error *err);

/* The rows as help text, with defaults from the settings struct. */
void options_print_help(const Option *table, const void *defaults, FILE *out);

void options_free(const Option *const *tables, void *settings); /* the lists of OPTION_TEXTS */

/* Whole-string numbers, for option values and other text: false where text is not exactly one number. */
bool parse_size(const char *text, size_t *value);
bool parse_u64(const char *text, uint64_t *value);
bool parse_real(const char *text, double *value);
bool parse_bytes(const char *text, size_t *value);

#endif
