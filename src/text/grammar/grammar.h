/* A grammar that makes texts: rules with weighted alternatives, drawn with a seed. Of a file such as
 *
 *   # A comment. Weights are numbers that can be set from outside.
 *   weight kind = 3
 *
 *   story:
 *     <who = person>The <who> <deed>.\nThe village knows the <who>.
 *   person:
 *     smith
 *     miller
 *   deed:
 *     [kind] shares a loaf
 *     [1] keeps the loaf
 *
 * A rule is a name and a colon, then its alternatives, one an indented line, blanks at both ends left out. "[w]" in front
 * of an alternative is its weight, a number or a weight's name (none: 1). "<rule>" stands for an alternative of the rule,
 * "<x = rule>" for nothing: it keeps the text that the rule gives, and from there on "<x>" is that text, to the end of the
 * text that is made. An empty alternative is "<>". "\n" is a line end, a backslash before any other character that
 * character. Names are small letters, digits and hyphens. */
#ifndef FATHOM_TEXT_GRAMMAR_GRAMMAR_H
#define FATHOM_TEXT_GRAMMAR_GRAMMAR_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

typedef struct Grammar Grammar;

/* What is not as above, or a name that is no rule, weight or kept text, is STATUS_DATA with "FILE: line N". */
Status grammar_open(const char *path, Grammar **out, Error *err);
void grammar_close(Grammar *grammar); /* NULL is fine */

/* Sets a weight, at least 0. STATUS_USAGE where the grammar has none of this name. */
Status grammar_set(Grammar *grammar, const char *weight, double value, Error *err);

/* Text number `index` of a rule: a function of grammar, weights, rule, seed and index alone, freed by the caller.
 * STATUS_USAGE for a rule that is not there; STATUS_DATA where all weights of a rule are 0, a kept text is asked for before
 * it is kept, or the rules never end. */
Status grammar_expand(const Grammar *grammar, const char *rule, uint64_t seed, size_t index, char **text, Error *err);

/* The first `count` texts, one behind the other. Whether they could be written is for the stream's owner to check. */
Status grammar_write(const Grammar *grammar, const char *rule, uint64_t seed, size_t count, FILE *stream, Error *err);

#endif
