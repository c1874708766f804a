/* What a tokenizer is made of: shared by the readers, the writer and the encoder, not by anyone outside text/. */
#ifndef FATHOM_TEXT_TOKENIZER_PARTS_H
#define FATHOM_TEXT_TOKENIZER_PARTS_H

#include "text/tokenizer/merges.h"
#include "text/tokenizer/normalize.h"
#include "text/tokenizer/pretokenize.h"
#include "text/tokenizer/special.h"
#include "text/tokenizer/tokenizer.h"
#include "text/tokenizer/vocabulary.h"

#include <pthread.h>

typedef enum TokenizerModel { TOKENIZER_BYTE_LEVEL, TOKENIZER_SENTENCEPIECE } TokenizerModel;

/* Scratch of one call of tokenizer_encode. Calls that are over leave theirs to the next ones, with what the cache of
 * short pieces has learnt: prompts are short, and their words are the same. */
typedef struct EncodeWork EncodeWork;
typedef struct EncodeWorks {
  pthread_mutex_t lock;
  EncodeWork *idle; /* as many at most as there were calls at one time */
} EncodeWorks;

EncodeWorks *encode_works_new(void);
void encode_works_free(EncodeWorks *works); /* NULL is fine */

struct Tokenizer {
  TokenizerModel model;
  Vocabulary vocabulary;
  Specials specials;            /* looked for in the text as it is */
  Specials normalized_specials; /* looked for in normalised text */
  Normalizer *normalizer;       /* what is done to each stretch of text between the first kind */
  Pretokenizer *pretokenizer;   /* how what is left between the second kind is cut */
  Merges merges;
  float *scores;     /* [count of the vocabulary] for SentencePiece from GGUF: merges then stay empty */
  bool whole_first;  /* a piece that is a token needs no merging */
  MarkFront front;   /* SentencePiece: where decoding takes a blank away again */
  bool holds[256];   /* SentencePiece: bytes that stand before U+2581 inside a token. Behind any other byte the mark
                        begins a word that is merged on its own */
  bool fuse_unknown; /* neighbouring unknown characters make one unknown token */
  int32_t bos, eos, pad, unknown; /* -1 = none */
  int32_t stand_in; /* what a character without a token becomes: the unknown token, -1 = nothing (see drops) */
  bool drops;       /* byte-level without a stand-in: text loses the bytes that have no token, as in HF */
  bool dropped[256];
  TokenList before, after; /* what TOKENIZE_ADD_SPECIAL adds */
  char *chat_template;
  char *kind;
  EncodeWorks *works;
};

/* An empty one: its vocabulary is initialised, its normalizer and pretokenizer have no step, its ids are -1. */
Tokenizer *tokenizer_new(void);

/* Checks one that was filled, and makes what follows from the rest. */
Status tokenizer_finish(Tokenizer *t, Error *err);

/* Readers: fill an empty Tokenizer. The caller finishes and frees. */
Status tokenizer_read_gguf(Tokenizer *t, const Gguf *gguf, Error *err);
Status tokenizer_read_json(Tokenizer *t, const Source *source, Error *err);

/* The JSON reader's other half: normalizer, pre-tokenizer and post-processor. Decides the model, before the vocabulary
 * is read. */
Status tokenizer_read_pipeline(Tokenizer *t, const Json *root, Error *err);

/* The writer's other half: normalizer, pre-tokenizer, post-processor and decoder. */
void tokenizer_write_pipeline(const Tokenizer *t, Json *root);
/* A token as tokenizer.json writes it; freed by the caller. NULL where JSON cannot hold it. */
char *token_written_form(const Tokenizer *t, int32_t id);

#endif
