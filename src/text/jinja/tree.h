/* A parsed template: a tree of nodes, and the functions that filters, tests and methods are. */
#ifndef FATHOM_TEXT_JINJA_TREE_H
#define FATHOM_TEXT_JINJA_TREE_H

#include "text/jinja/lexer.h"

typedef enum NodeKind {
  /* statements */
  NODE_BLOCK,      /* items */
  NODE_DATA,       /* value */
  NODE_PRINT,      /* a */
  NODE_IF,         /* items: conditions, more: their blocks, c: the else block or NULL */
  NODE_FOR,        /* a: target, b: what is looped over, c: block, test, otherwise; flag: recursive */
  NODE_SET,        /* a: target, b: value */
  NODE_SET_BLOCK,  /* a: target, b: chain of filters or NULL, c: block */
  NODE_FILTERED,   /* {% filter %}: b: chain of filters, c: block */
  NODE_MACRO,      /* name, items: parameters (NAME), more: defaults of the last ones, c: block */
  NODE_GENERATION, /* c: block */
  NODE_BREAK,
  NODE_CONTINUE,
  /* expressions */
  NODE_CONSTANT,  /* value */
  NODE_NAME,      /* name */
  NODE_NAMESPACE, /* a target: name.attribute in `name` and `attribute` */
  NODE_TUPLE,     /* items */
  NODE_LIST,      /* items */
  NODE_DICT,      /* items: keys, more: values */
  NODE_OR,        /* a, b */
  NODE_AND,
  NODE_NOT,       /* a */
  NODE_NEGATE,    /* a; operator '-' or '+' */
  NODE_BINARY,    /* a, b; operator */
  NODE_CONCAT,    /* items */
  NODE_COMPARE,   /* a; items: OPERAND */
  NODE_OPERAND,   /* operator; a */
  NODE_CONDITION, /* a if test else b; b may be NULL */
  NODE_ATTRIBUTE, /* a.name */
  NODE_ITEM,      /* a[b] */
  NODE_SLICE,     /* as b of an ITEM: a:b:c, each may be NULL */
  NODE_CALL,      /* a(items, more) */
  NODE_FILTER,    /* a|builtin(items, more); a NULL = the text of a block */
  NODE_TEST,      /* a is builtin(items, more) */
  NODE_KEYWORD,   /* name = a, in `more` of the three above */
} NodeKind;

typedef struct Node Node;
typedef struct Builtin Builtin;

typedef struct NodeList {
  Node **nodes;
  size_t count, room;
} NodeList;

typedef enum Operator {
  OP_ADD,
  OP_SUBTRACT,
  OP_MULTIPLY,
  OP_DIVIDE,
  OP_FLOOR_DIVIDE,
  OP_MODULO,
  OP_POWER,
  OP_EQUAL,
  OP_UNEQUAL,
  OP_LESS,
  OP_LESS_EQUAL,
  OP_GREATER,
  OP_GREATER_EQUAL,
  OP_IN,
  OP_NOT_IN,
} Operator;

struct Node {
  NodeKind kind;
  Operator operator;
  unsigned line;
  bool flag;
  const char *name, *attribute;
  Value value;
  Node *a, *b, *c, *test, *otherwise;
  NodeList items, more;
  const Builtin *builtin;
};

/* The tree of a template; it lives in the box. Whatever is not known fails with its line. */
Node *jinja_parse(Box *box, const JinjaToken *tokens);

#endif
