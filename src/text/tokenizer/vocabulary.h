/* The token table: what every id stands for, and which id a run of bytes is. Knows nothing of how text is cut. */
#ifndef FATHOM_TEXT_TOKENIZER_VOCABULARY_H
#define FATHOM_TEXT_TOKENIZER_VOCABULARY_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
  VOCABULARY_MAX = 1 << 22,  /* ids; the largest public vocabularies have 2^18 */
  TOKEN_MAX_BYTES = 1 << 16, /* bytes of one token */
};

typedef enum TokenKind {
  TOKEN_NONE,    /* an id that no token has */
  TOKEN_NORMAL,  /* a piece that merging makes */
  TOKEN_BYTE,    /* "<0x0A>": stands for one byte (SentencePiece's byte fallback) */
  TOKEN_SPECIAL, /* control and unknown tokens: text only where special tokens are asked for */
  TOKEN_ADDED,   /* a user's word, always one token */
  TOKEN_UNUSED,  /* has an id and a text; no input becomes it */
} TokenKind;

/* Of special and added tokens, as HF has them. */
enum {
  TOKEN_STRIPS_LEFT = 1, /* swallows the white space beside it */
  TOKEN_STRIPS_RIGHT = 2,
  TOKEN_SINGLE_WORD = 4, /* is found between other than word characters only */
  TOKEN_NORMALIZED = 8,  /* is looked for, itself normalised, in normalised text */
  TOKEN_PIECE = 16,      /* merging may make it as well */
};

typedef struct Token {
  size_t begin;  /* of its text in Vocabulary.bytes */
  uint32_t size; /* bytes. Byte-level: the bytes it stands for; SentencePiece: as in the file, blanks as U+2581 */
  uint8_t kind, flags;
} Token;

typedef struct Vocabulary {
  Token *tokens; /* [count], by id */
  size_t count, room;
  char *bytes;
  size_t n_bytes, bytes_room;
  uint32_t *slots; /* open addressing over the texts: id + 1, 0 = free */
  size_t mask;
  size_t longest;        /* bytes of the longest token that merging makes */
  int32_t byte_ids[256]; /* the BYTE token of each byte, -1 where there is none */
} Vocabulary;

void vocabulary_init(Vocabulary *v);
void vocabulary_clear(Vocabulary *v);

/* Gives an id its token; ids may come in any order. An id out of range or given twice, or a text that is too long, is
 * STATUS_DATA. */
Status vocabulary_set(Vocabulary *v, size_t id, const char *text, size_t size, TokenKind kind, Error *err);

/* After the last vocabulary_set: builds the table. Two pieces (NORMAL tokens and TOKEN_PIECE) of one text, or two
 * tokens that are not NORMAL, are STATUS_DATA (a NORMAL and another may share one: byte-level files write them
 * differently). */
Status vocabulary_index(Vocabulary *v, Error *err);

/* The token that merging makes of this text, or -1. */
int32_t vocabulary_find(const Vocabulary *v, const char *text, size_t size);
/* The token of this text that is not NORMAL, or -1. */
int32_t vocabulary_find_other(const Vocabulary *v, const char *text, size_t size);

/* Makes a token that is not NORMAL a piece as well, unless another piece has its text. */
void vocabulary_make_piece(Vocabulary *v, int32_t id);

static inline bool vocabulary_is_piece(const Vocabulary *v, int32_t id) {
  return v->tokens[id].kind == TOKEN_NORMAL || (v->tokens[id].flags & TOKEN_PIECE);
}
static inline const char *vocabulary_text(const Vocabulary *v, int32_t id) { return v->bytes + v->tokens[id].begin; }
static inline size_t vocabulary_size(const Vocabulary *v, int32_t id) { return v->tokens[id].size; }
static inline TokenKind vocabulary_kind(const Vocabulary *v, int32_t id) { return (TokenKind)v->tokens[id].kind; }

/* U+2581, which SentencePiece writes for a blank. */
#define SPACE_MARK "\xe2\x96\x81"
enum { SPACE_MARK_SIZE = 3 };

/* "<0x0A>" -> 10; -1 for anything else. */
int byte_token_value(const char *text, size_t size);

uint64_t bytes_hash(const char *bytes, size_t size);

/* Byte-level BPE files write each byte as one printable character: GPT-2's table (bytes_to_unicode in its encoder.py),
 * where '!'..'~', U+00A1..U+00AC and U+00AE..U+00FF are themselves and the other bytes follow from U+0100 on. */
uint32_t byte_to_character(uint8_t byte);
/* The bytes of a token's written form into out (room for size bytes); false where it holds any other character. */
bool bytes_from_characters(const char *text, size_t size, char *out, size_t *out_size);

#endif
