/* What the two halves of the parser share: the place in the tokens. */
#ifndef FATHOM_TEXT_JINJA_PARSER_H
#define FATHOM_TEXT_JINJA_PARSER_H

#include "text/jinja/lexer.h"
#include "text/jinja/tree.h"

typedef struct Parser {
  Box *box;
  const JinjaToken *at;
  unsigned loops; /* around this place, inside the innermost macro or captured block: where break may stand */
} Parser;

bool parser_is_name(const Parser *p, const char *name);
bool parser_is_operator(const Parser *p, const char *mark);
bool parser_skip_name(Parser *p, const char *name); /* moves behind it and says true where it is there */
bool parser_skip_operator(Parser *p, const char *mark);
void parser_expect_operator(Parser *p, const char *mark);
const char *parser_take_name(Parser *p);                     /* fails where there is no name */
_Noreturn void parser_fail(Parser *p, const char *expected); /* "expected X, found Y" */

Node *parser_node(Parser *p, NodeKind kind);
void parser_add(Parser *p, NodeList *list, Node *node);

/* An expression; with_condition: `a if b else c` may be one. */
Node *parse_expression(Parser *p, bool with_condition);
/* An expression, or several with commas between them, which are a tuple. end: a name that ends it, or NULL. */
Node *parse_tuple(Parser *p, bool with_condition, const char *end);
/* The target of `set` or `for`: a name, names in a tuple, with_namespace also name.attribute. */
Node *parse_target(Parser *p, bool with_namespace, const char *end);
Node *parse_primary(Parser *p);
/* |name(...)|name..., the innermost on node; inline: the first | is not written. */
Node *parse_filters(Parser *p, Node *node, bool is_inline);

#endif
