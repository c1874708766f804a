/* Filters, tests, methods and global functions: tables of C functions that get their arguments bound to parameters. */
#ifndef FATHOM_TEXT_JINJA_BUILTIN_H
#define FATHOM_TEXT_JINJA_BUILTIN_H

#include "text/jinja/tree.h"

#include <time.h>

enum { PARAMETERS_MAX = 4 };

typedef struct Run Run; /* a render under way, run.h */

/* What a call was given. */
typedef struct Arguments {
  const Value *values; /* without name, [count] */
  size_t count;
  const char *const *names; /* with name, [n_named] */
  const Value *named;
  size_t n_named;
} Arguments;

typedef struct Call {
  Run *run;
  Box *box;
  const char *name;           /* of the builtin, for messages */
  Value self;                 /* what is filtered or tested, the object of a method */
  Value args[PARAMETERS_MAX]; /* by parameter; VALUE_MISSING where not given */
  const Arguments *given;
} Call;

struct Builtin {
  const char *name;
  /* "old new [count]": names in order, those in brackets may be left out, /x cannot be given by name; NULL = the
   * function looks at call->given itself. */
  const char *parameters;
  Value (*call)(Call *call);
};

/* A method's value. */
struct Function {
  const Builtin *builtin;
  Value self;
};

/* Tables end with an all-zero row. */
extern const Builtin jinja_filters[], jinja_list_filters[], jinja_tests[], jinja_globals[], jinja_string_methods[],
    jinja_dict_methods[], jinja_list_methods[], jinja_loop_methods[];

const Builtin *builtin_find(const Builtin *table, const char *name); /* NULL where there is none */
const Builtin *filter_find(const char *name);
const Builtin *filter_need(Box *box, const char *name); /* the same for a name that fails where there is none */
const Builtin *test_need(Box *box, const char *name);

Value builtin_call(Run *run, const Builtin *builtin, Value self, const Arguments *given);

/* Argument i or what stands for it where it is missing. */
static inline bool call_has(const Call *call, size_t i) { return call->args[i].kind != VALUE_MISSING; }
bool call_truth(const Call *call, size_t i, bool otherwise);
int64_t call_integer(const Call *call, size_t i, int64_t otherwise); /* anything but an integer fails */
Value call_string(const Call *call, size_t i);                       /* anything but a string fails */

/* A string to compute with: text marked safe fails, since jinja2 would escape what is joined to it. */
Value need_plain(Box *box, Value text);
/* What a filter for text works on: anything, as its text. */
Value call_self_text(const Call *call);

/* "string % values" and str.format. */
Value format_percent(Box *box, Value format, Value values);
Value format_braces(Box *box, Value format, const Arguments *given);

/* json.dumps as transformers' tojson calls it. */
Value filter_tojson(Call *call);

#endif
