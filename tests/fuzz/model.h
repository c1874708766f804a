/* Everything that opening a model does before memory for its parameters is taken. */
#ifndef FATHOM_TESTS_FUZZ_MODEL_H
#define FATHOM_TESTS_FUZZ_MODEL_H

#include "model/config.h"
#include "model/head.h"
#include "model/parameters.h"
#include "num/gemm.h"
#include "tests/fuzz/fuzz.h"
#include "text/tokenizer/tokenizer.h"
#include "weights/source.h"

/* Nothing is computed here, and clang does not know the vectors of src/num. */
void gemm(bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const real *a, size_t lda, const real *b,
          size_t ldb, bool accumulate, real *c, size_t ldc) {
  (void)transpose_a, (void)transpose_b, (void)m, (void)n, (void)k, (void)a, (void)lda, (void)b, (void)ldb;
  (void)accumulate, (void)c, (void)ldc;
  abort();
}

/* Widens the first values of every tensor. */
static inline void fuzz_widen(const Weights *weights) {
  for (size_t i = 0; i < weights_count(weights); i++) {
    const Tensor *tensor = weights_at(weights, i);
    const size_t block = dtype_info(tensor->dtype)->block;
    float values[1024];
    size_t n = tensor->count < 1024 ? tensor->count : 1024;
    n -= n % block;
    dtype_widen(tensor->dtype, tensor->bytes, n, values);
  }
}

static inline void fuzz_model(const char *path) {
  Error err = {0};
  Source *source;
  Status status = source_open(path, &source, &err);
  fuzz_expect(status, &err);
  if (status != STATUS_OK) return;
  ModelConfig config = {0};
  fuzz_widen(source_weights(source));
  status = config_read(source, false, &config, &err);
  fuzz_expect(status, &err);
  if (status == STATUS_OK) {
    ParameterTable table = {0};
    HeadTensors head;
    parameters_init(&config, &table);
    status = head_find(source, NULL, &head, &err);
    fuzz_expect(status, &err);
    if (status == STATUS_OK)
      fuzz_expect(parameters_check(&config, &table, source, NULL, head.n > 0, &err), &err);
    parameters_clear(&table);
  }
  config_clear(&config);
  source_close(source);
}

/* The tokenizer of a model, with some of the fuzzer's bytes as text. */
static inline void fuzz_tokenizer(const char *path, const uint8_t *text, size_t size) {
  Error err = {0};
  Source *source;
  Tokenizer *tokenizer = NULL;
  TokenList tokens = {0};
  Status status = source_open(path, &source, &err);
  fuzz_expect(status, &err);
  if (status != STATUS_OK) return;
  status = tokenizer_open(source, &tokenizer, &err);
  fuzz_expect(status, &err);
  if (status == STATUS_OK) {
    char *back = NULL, digest[DIGEST_TEXT];
    size_t n;
    tokenizer_digest(tokenizer, digest);
    status = tokenizer_encode(tokenizer, (const char *)text, size, TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL,
                              &tokens, &err);
    fuzz_expect(status, &err);
    for (size_t i = 0; i < tokens.count; i++)
      if (tokens.ids[i] < 0 || (size_t)tokens.ids[i] >= tokenizer_vocab_size(tokenizer)) abort();
    if (status == STATUS_OK) fuzz_expect(tokenizer_decode(tokenizer, tokens.ids, tokens.count, &back, &n, &err), &err);
    free(back);
  }
  token_list_clear(&tokens);
  tokenizer_close(tokenizer);
  source_close(source);
}

#endif
