/* What the reader of grammars and the maker of texts share. */
#ifndef FATHOM_TEXT_GRAMMAR_PARTS_H
#define FATHOM_TEXT_GRAMMAR_PARTS_H

#include "text/grammar/grammar.h"

#include <stdbool.h>

#define GRAMMAR_NONE SIZE_MAX

typedef enum PartKind {
  PART_TEXT,   /* these bytes */
  PART_NAME,   /* <name>: a rule, or a kept text */
  PART_KEEP,   /* <name = rule> */
} PartKind;

typedef struct Part {
  PartKind kind;
  char *text; /* of PART_TEXT, owned */
  size_t name, rule; /* of names[]; rule of PART_KEEP alone */
} Part;

typedef struct Alternative {
  size_t weight; /* of names[], or GRAMMAR_NONE and */
  double value;
  size_t first, n; /* of parts[] */
} Alternative;

/* One name may be a rule, a weight or a kept text, and no two of them. */
typedef struct Name {
  char *text;
  size_t line; /* where it was first met */
  bool is_rule, is_weight, is_kept;
  size_t first, n; /* of alternatives[], of a rule */
  double value;    /* of a weight */
} Name;

struct Grammar {
  char *path;
  Name *names;
  Alternative *alternatives;
  Part *parts;
  size_t n_names, n_alternatives, n_parts;
};

/* GRAMMAR_NONE where there is none. */
size_t grammar_find(const Grammar *grammar, const char *name, size_t size);

#endif
