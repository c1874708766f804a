/* Text files cut into sequences. */
#include "text/samples/documents.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "text/samples/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const size_t FILE_LIMIT = (size_t)2 << 30;

static Status read_file(const char *path, const Tokenizer *tokenizer, TokenList *stream, Error *err) {
  const size_t before = stream->count;
  const int32_t end = tokenizer_eos(tokenizer);
  char *text = NULL;
  size_t size = 0;
  Status status = file_read(path, FILE_LIMIT, &text, &size, err);
  if (status != STATUS_OK) return status;
  status = tokenizer_encode(tokenizer, text, size, TOKENIZE_ADD_SPECIAL | TOKENIZE_PARSE_SPECIAL, stream, err);
  if (status != STATUS_OK) error_prefix(err, "%s", path);
  if (status == STATUS_OK && (size == 0 || stream->count == before))
    status = error_set(err, STATUS_DATA, "%s: no text to learn from, the file has %zu bytes", path, size);
  if (status == STATUS_OK && end >= 0 && stream->ids[stream->count - 1] != end) token_list_add(stream, end);
  free(text);
  return status;
}

/* Sequence number `index`: n ids. */
static Sample sequence(const int32_t *ids, size_t n, size_t index) {
  Sample sample = {.id = mem_format("%zu", index + 1),
                   .group = mem_copy_string(""),
                   .label = mem_copy_string(""),
                   .ids = mem_alloc(n, sizeof *sample.ids),
                   .n_tokens = n,
                   .prompt_key = index};
  memcpy(sample.ids, ids, n * sizeof *ids);
  Digest *digest = digest_new();
  for (size_t i = 0; i < n; i++) digest_add_u64(digest, (uint64_t)ids[i]);
  digest_finish(digest, sample.text_digest);
  return sample;
}

Status samples_read_texts(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set, Error *err) {
  SampleBuilder b;
  TokenList stream = {0};
  Status status = STATUS_OK;
  builder_init(&b, rules, set, n_paths);
  set->schema = mem_copy_string("text");
  for (size_t i = 0; i < n_paths && status == STATUS_OK; i++)
    status = read_file(paths[i], rules->tokenizer, &stream, err);
  for (size_t at = 0; status == STATUS_OK && at + 1 < stream.count && !builder_is_full(&b); at += rules->max_length) {
    const size_t left = stream.count - at, n = left < rules->max_length ? left : rules->max_length;
    const Sample sample = sequence(stream.ids + at, n, set->n_read++);
    builder_add(&b, &sample);
  }
  if (status == STATUS_OK && set->count == 0)
    status = error_set(err, STATUS_DATA, "%s: one token alone, expected at least two", paths[0]);
  token_list_clear(&stream);
  return builder_end(&b, status);
}

void samples_split_texts(SampleSet *set, double held_out_share, uint64_t seed, SampleSet *held_out) {
  const size_t n = set->count;
  size_t n_out = (size_t)floor(held_out_share * (double)n + 0.5), kept = 0;
  if (n_out >= n) n_out = n - 1;
  size_t *order = mem_alloc(n, sizeof *order);
  bool *is_out = mem_alloc(n, sizeof *is_out);
  Rng rng = rng_new(seed);
  for (size_t i = 0; i < n; i++) order[i] = i;
  rng_shuffle(&rng, order, n);
  for (size_t i = 0; i < n_out; i++) is_out[order[i]] = true;
  *held_out = (SampleSet){.items = mem_alloc(n_out, sizeof *held_out->items), .schema = mem_copy_string(set->schema)};
  for (size_t i = 0; i < n; i++)
    if (is_out[i])
      held_out->items[held_out->count++] = set->items[i];
    else
      set->items[kept++] = set->items[i];
  set->count = kept;
  samples_finish_digest(set);
  samples_finish_digest(held_out);
  free(order);
  free(is_out);
}

size_t samples_count_tokens(const SampleSet *set) {
  size_t n = 0;
  for (size_t i = 0; i < set->count; i++) n += set->items[i].n_tokens;
  return n;
}
