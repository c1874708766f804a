/* What a tokenizer is made of: shared by the readers, the writer and the encoder, not by anyone outside text/. */
#ifndef FATHOM_TEXT_TOKENIZER_PARTS_H
#define FATHOM_TEXT_TOKENIZER_PARTS_H

#include "text/merges.h"
#include "text/pretokenize.h"
#include "text/special.h"
#include "text/tokenizer.h"
#include "text/vocabulary.h"

typedef enum TokenizerModel { TOKENIZER_BYTE_LEVEL, TOKENIZER_SENTENCEPIECE } TokenizerModel;

struct Tokenizer {
  TokenizerModel model;
  Vocabulary vocabulary;
  Specials specials;
  Merges merges;
  float *scores;              /* [count of the vocabulary] for SentencePiece from GGUF: merges then stay empty */
  Pretokenizer *pretokenizer; /* byte-level: how text is cut; SentencePiece: NULL or no step */
  bool whole_first;           /* a piece that is a token needs no merging */
  bool space_prefix;          /* SentencePiece: every stretch of text between special tokens gets a blank in front */
  bool cut_at_spaces; /* SentencePiece: no token holds U+2581 behind another character, so words can be cut apart */
  bool fuse_unknown;  /* neighbouring unknown characters make one unknown token */
  int32_t bos, eos, pad, unknown; /* -1 = none */
  int32_t stand_in; /* what a character without a token becomes: the unknown token, -1 = nothing (see drops) */
  bool drops;       /* byte-level without a stand-in: text loses the bytes that have no token, as in HF */
  bool dropped[256];
  TokenList before, after;        /* what TOKENIZE_ADD_SPECIAL adds */
  char *chat_template;
  char *kind;
};

/* Readers: fill an all-zero Tokenizer whose vocabulary is initialised and whose ids are -1. The caller finishes and
 * frees. */
Status tokenizer_read_gguf(Tokenizer *t, const Gguf *gguf, Error *err);
Status tokenizer_read_json(Tokenizer *t, const Source *source, Error *err);

/* The JSON reader's other half: normalizer, pre-tokenizer and post-processor. Decides the model, before the vocabulary
 * is read. */
Status tokenizer_read_pipeline(Tokenizer *t, const Json *root, Error *err);

/* U+2581, which SentencePiece writes for a blank. */
#define SPACE_MARK "\xe2\x96\x81"
enum { SPACE_MARK_SIZE = 3 };

/* SentencePiece: true where cut_at_spaces may be set. */
bool spaces_only_begin_tokens(const Vocabulary *v);

#endif
