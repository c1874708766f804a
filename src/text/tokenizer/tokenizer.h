/* Text to token ids and back, exactly as the model's own tokenizer: byte-level BPE and SentencePiece BPE with byte
 * fallback, from GGUF metadata or tokenizer.json. */
#ifndef FATHOM_TEXT_TOKENIZER_TOKENIZER_H
#define FATHOM_TEXT_TOKENIZER_TOKENIZER_H

#include "base/digest.h"
#include "base/error.h"
#include "weights/source.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct Tokenizer Tokenizer;

/* A growing list of ids; all zeros is an empty one. */
typedef struct TokenList {
  int32_t *ids;
  size_t count, room;
} TokenList;

void token_list_add(TokenList *list, int32_t id);
void token_list_clear(TokenList *list); /* frees */

Status tokenizer_open(const Source *source, Tokenizer **out, Error *err);
void tokenizer_close(Tokenizer *tokenizer); /* NULL is fine */

enum {
  TOKENIZE_ADD_SPECIAL = 1,   /* BOS/EOS where the model adds them */
  TOKENIZE_PARSE_SPECIAL = 2, /* "<|im_start|>" in the text is the special token, else plain text */
};

/* Appends the ids of size bytes of text. Any bytes will do: what is no UTF-8 is cut out and merged (byte-level) or
 * becomes byte tokens (SentencePiece), so that decoding gives it back. A byte that the vocabulary cannot express is
 * STATUS_DATA. A tokenizer may be used by several threads at a time. */
Status tokenizer_encode(const Tokenizer *tokenizer, const char *text, size_t size, unsigned flags, TokenList *tokens,
                        Error *err);

/* The same, and *token (may be NULL) = the index among the appended ids of the first one that covers text[byte]; where
 * byte >= size, of the first one behind the text. */
Status tokenizer_encode_at(const Tokenizer *tokenizer, const char *text, size_t size, unsigned flags, size_t byte,
                           TokenList *tokens, size_t *token, Error *err);

/* The bytes the ids stand for, special tokens included; freed by the caller, NUL-terminated beside *size. The inverse
 * of encoding (SentencePiece has no way to write U+2581 itself: it comes back as a blank). */
Status tokenizer_decode(const Tokenizer *tokenizer, const int32_t *ids, size_t n, char **text, size_t *size,
                        Error *err);

/* A token as its vocabulary writes it ("\xc4\xa0the" of GPT-2's files, "<0x0A>"), freed by the caller; NULL where that is no
 * text. Is it a piece of text, and no special, added or unused token? The id must be below tokenizer_vocab_size. */
char *tokenizer_token_name(const Tokenizer *tokenizer, int32_t id);
bool tokenizer_is_plain(const Tokenizer *tokenizer, int32_t id);

size_t tokenizer_vocab_size(const Tokenizer *tokenizer);

/* The bytes one token stands for inside a text, where decoding it alone would take a blank off its front; freed by the
 * caller, NUL-terminated beside *size. *is_special: control and unknown tokens, whose text is their name. false where no
 * token has this id. */
bool tokenizer_token_text(const Tokenizer *tokenizer, int32_t id, char **text, size_t *size, bool *is_special);

const char *tokenizer_kind(const Tokenizer *tokenizer); /* "byte-level BPE, pre-tokenizer smollm" */

/* -1 where the model has none. */
int32_t tokenizer_bos(const Tokenizer *tokenizer);
int32_t tokenizer_eos(const Tokenizer *tokenizer);
int32_t tokenizer_pad(const Tokenizer *tokenizer);
int32_t tokenizer_unknown(const Tokenizer *tokenizer);

/* The model's own chat template (Jinja), NULL where it has none. */
const char *tokenizer_chat_template(const Tokenizer *tokenizer);

/* Covers vocabulary, merges or scores and flags, not the file: a GGUF and a HF copy of one model compare. */
void tokenizer_digest(const Tokenizer *tokenizer, char text[DIGEST_TEXT]);

/* Writes tokenizer.json and tokenizer_config.json, which transformers and fathom load to the same ids. pad_token_id, -1
 * = as the model has it, is what tokenizer_config.json names. */
Status tokenizer_write(const Tokenizer *tokenizer, const char *folder, int32_t pad_token_id, Error *err);

#endif
