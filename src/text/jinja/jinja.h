/* Jinja templates as chat templates are: parsed once, rendered with variables to the text that jinja2 gives, set as
 * transformers sets it (sandbox, trim_blocks, lstrip_blocks). What this interpreter does not know it refuses. A
 * template is untrusted: its text, time, depth and memory are bounded. Errors are STATUS_DATA, "line N: ..." of the
 * template. */
#ifndef FATHOM_TEXT_JINJA_JINJA_H
#define FATHOM_TEXT_JINJA_JINJA_H

#include "base/error.h"
#include "base/json.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

typedef struct Jinja Jinja;

enum { JINJA_SOURCE_MAX = 1 << 20 }; /* bytes of a template */

/* text is copied. A tag, filter, test or escape that is not known is an error here, a method where it is called. */
Status jinja_open(const char *text, size_t size, Jinja **out, Error *err);
void jinja_close(Jinja *jinja); /* NULL is fine */

/* True where the template holds this name, or this string. */
bool jinja_mentions(const Jinja *jinja, const char *name);

/* Renders with the members of the object as variables. date is what strftime_now writes, NULL = calling it is an error.
 * *text is freed by the caller and ends with a NUL that *size does not count. */
Status jinja_render(const Jinja *jinja, const Json *variables, const struct tm *date, char **text, size_t *size,
                    Error *err);

#endif
