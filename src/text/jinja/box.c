/* The memory, steps and depth of a template, and the way out. */
#include "text/jinja/box.h"

#include "base/memory.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct BoxBlock {
  BoxBlock *next;
  max_align_t bytes[];
};

enum {
  BLOCK_BYTES = 1 << 16,
  DEPTH_MAX = 1000, /* nested calls of the evaluator; some hundred bytes of stack each */
};

void box_open(Box *box, size_t memory, size_t steps, jmp_buf *way_out, Error *err) {
  *box = (Box){.memory = memory, .steps = steps, .way_out = way_out, .err = err, .line = 1};
}

void box_close(Box *box) {
  while (box->blocks) {
    BoxBlock *next = box->blocks->next;
    free(box->blocks);
    box->blocks = next;
  }
}

void box_fail(Box *box, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  error_set(box->err, STATUS_DATA, "line %u: %s", box->line, text);
  longjmp(*box->way_out, 1);
}

static void add_block(Box *box, size_t bytes) {
  BoxBlock *block = mem_alloc(1, sizeof *block + bytes);
  block->next = box->blocks;
  box->blocks = block;
  box->free = (char *)block->bytes;
  box->room = bytes;
}

void *box_take(Box *box, size_t count, size_t size) {
  size_t bytes;
  const size_t step = sizeof(max_align_t);
  if (!size_multiply(count, size, &bytes) || bytes > box->memory) box_fail(box, "the template takes too much memory");
  bytes = bytes ? (bytes + step - 1) / step * step : step;
  box->memory -= bytes < box->memory ? bytes : box->memory;
  if (bytes > box->room) {
    if (bytes > BLOCK_BYTES / 4) { /* a block of its own, behind the one that is being filled */
      BoxBlock *block = mem_alloc(1, sizeof *block + bytes);
      if (!box->blocks) add_block(box, BLOCK_BYTES);
      block->next = box->blocks->next;
      box->blocks->next = block;
      return block->bytes;
    }
    add_block(box, BLOCK_BYTES);
  }
  void *taken = box->free;
  box->free += bytes;
  box->room -= bytes;
  return taken;
}

void box_step(Box *box, size_t steps) {
  if (steps > box->steps) box_fail(box, "the template takes too many steps");
  box->steps -= steps;
}

void box_step_search(Box *box, size_t text, size_t what) {
  enum { SHORT = 256 };
  if (what > text) return;
  box_step_characters(box, what);
  box_step(box, text / BOX_BYTES * (1 + (what < SHORT ? what : SHORT) / 32));
}

void box_enter(Box *box) {
  if (++box->depth > DEPTH_MAX) box_fail(box, "the template is nested too deep, or calls itself without end");
}

void text_add(Box *box, Text *text, const char *bytes, size_t size) {
  if (size > text->room - text->size) {
    size_t room;
    if (!size_add(text->size, size, &room) || !size_add(room, room / 2 + 64, &room))
      box_fail(box, "the template takes too much memory");
    char *larger = box_take(box, room, 1);
    if (text->size) memcpy(larger, text->bytes, text->size);
    text->bytes = larger;
    text->room = room;
  }
  if (size) memcpy(text->bytes + text->size, bytes, size);
  text->size += size;
  box_step_bytes(box, size);
}

void text_add_string(Box *box, Text *text, const char *string) { text_add(box, text, string, strlen(string)); }
