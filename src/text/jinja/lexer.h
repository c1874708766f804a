/* A template's text cut into tokens, as jinja2 does with trim_blocks and lstrip_blocks, which is how transformers sets
 * it. */
#ifndef FATHOM_TEXT_JINJA_LEXER_H
#define FATHOM_TEXT_JINJA_LEXER_H

#include "text/jinja/value.h"

typedef enum TokenType {
  LEX_DATA,      /* text between the tags, white space already taken off */
  LEX_TAG,       /* {% */
  LEX_TAG_END,   /* %} */
  LEX_PRINT,     /* {{ */
  LEX_PRINT_END, /* }} */
  LEX_NAME,
  LEX_CONSTANT, /* a string or a number */
  LEX_OPERATOR,
  LEX_END,
} TokenType;

typedef struct JinjaToken {
  TokenType type;
  unsigned line;
  const char *name; /* NAME and OPERATOR */
  Value value;      /* DATA and CONSTANT */
} JinjaToken;

/* The tokens, LEX_END last. */
const JinjaToken *jinja_tokens(Box *box, const char *template, size_t size);

#endif
