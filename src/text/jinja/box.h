/* What bounds a template, which is untrusted: the memory it may take, the steps it may make, how deep it may nest. And
 * the way out: everything that parsing or rendering makes lives in the box's memory, so the first failure leaves with
 * longjmp to where the box was opened, and nothing is left to free but the box. */
#ifndef FATHOM_TEXT_JINJA_BOX_H
#define FATHOM_TEXT_JINJA_BOX_H

#include "base/error.h"

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>

typedef struct BoxBlock BoxBlock;

typedef struct Box {
  BoxBlock *blocks;
  char *free; /* of the newest block */
  size_t room;
  size_t memory, steps; /* left to take */
  unsigned depth;       /* how many box_enter are open */
  unsigned line;        /* of the template, for messages */
  jmp_buf *way_out;
  Error *err;
} Box;

/* A box is used so; box_fail and the functions that call it may only run between the two:
 *   jmp_buf way_out;
 *   Box box;
 *   box_open(&box, memory, steps, &way_out, err);
 *   if (setjmp(way_out) == 0) ... else status = STATUS_DATA, *err is filled
 *   box_close(&box); */
void box_open(Box *box, size_t memory, size_t steps, jmp_buf *way_out, Error *err);
void box_close(Box *box);

/* STATUS_DATA, "line N: ...". */
_Noreturn void box_fail(Box *box, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Zeroed memory, aligned for any value; fails where the template has used up its share. */
void *box_take(Box *box, size_t count, size_t size);

/* Counts work that is about to be done, by the time it takes: one step is a node of the tree, an item of a list,
 * BOX_BYTES bytes that are copied or compared, or BOX_CHARACTERS bytes that are looked at one by one. */
void box_step(Box *box, size_t steps);
enum { BOX_BYTES = 64, BOX_CHARACTERS = 8, BOX_FLOAT = 100 /* writing a float */ };
static inline void box_step_bytes(Box *box, size_t bytes) { box_step(box, 1 + bytes / BOX_BYTES); }
static inline void box_step_characters(Box *box, size_t bytes) { box_step(box, 1 + bytes / BOX_CHARACTERS); }
/* Looking for what in text: memmem() prepares itself for what, and compares a short one at many places. */
void box_step_search(Box *box, size_t text, size_t what);

/* Around whatever calls itself. */
void box_enter(Box *box);
static inline void box_leave(Box *box) { box->depth--; }

/* A growing text in the box. */
typedef struct Text {
  char *bytes;
  size_t size, room;
} Text;

void text_add(Box *box, Text *text, const char *bytes, size_t size);
void text_add_string(Box *box, Text *text, const char *string);

#endif
