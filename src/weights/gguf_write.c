/* GGUF v3, little endian, data aligned to 32 bytes; gguf.c draws the layout. */
#include "weights/gguf_write.h"

#include "base/file.h"
#include "weights/gguf.h"

#include <assert.h>
#include <string.h>

enum { VERSION = 3, ALIGNMENT = 32, TYPE_F32 = 0 };

/* Where a write fails, the stream remembers it until it is committed. */
static void put(FILE *to, const void *bytes, size_t size, uint64_t *at) {
  fwrite(bytes, 1, size, to);
  *at += size;
}

static void put_number(FILE *to, uint64_t value, size_t size, uint64_t *at) {
  unsigned char bytes[8];
  for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)(value >> 8 * i);
  put(to, bytes, size, at);
}

static void put_text(FILE *to, const char *text, uint64_t *at) {
  const size_t size = strlen(text);
  put_number(to, size, 8, at);
  put(to, text, size, at);
}

static void pad(FILE *to, uint64_t *at) {
  while (*at % ALIGNMENT) put_number(to, 0, 1, at);
}

static void put_pair(FILE *to, const GgufPair *pair, uint64_t *at) {
  put_text(to, pair->key, at);
  put_number(to, pair->text ? GGUF_STRING : GGUF_UINT32, 4, at);
  if (pair->text)
    put_text(to, pair->text, at);
  else
    put_number(to, pair->number, 4, at);
}

/* The float's bits, so that the file is the same on any machine. */
static void put_values(FILE *to, const GgufVector *vector, uint64_t *at) {
  for (size_t i = 0; i < vector->width; i++) {
    uint32_t bits;
    memcpy(&bits, &vector->values[i], sizeof bits);
    put_number(to, bits, 4, at);
  }
}

Status gguf_write(const char *path, const GgufPair *pairs, size_t n_pairs, const GgufVector *vectors, size_t n_vectors,
                  Error *err) {
  FileWriter writer;
  Status status = file_writer_open(&writer, path, err);
  if (status != STATUS_OK) return status;
  uint64_t at = 0, offset = 0;
  FILE *to = writer.stream;
  put(to, "GGUF", 4, &at);
  put_number(to, VERSION, 4, &at);
  put_number(to, n_vectors, 8, &at);
  put_number(to, n_pairs, 8, &at);
  for (size_t i = 0; i < n_pairs; i++) put_pair(to, &pairs[i], &at);
  for (size_t i = 0; i < n_vectors; i++) {
    assert(vectors[i].width > 0);
    put_text(to, vectors[i].name, &at);
    put_number(to, 1, 4, &at);
    put_number(to, vectors[i].width, 8, &at);
    put_number(to, TYPE_F32, 4, &at);
    put_number(to, offset, 8, &at);
    const uint64_t bytes = 4 * (uint64_t)vectors[i].width;
    offset += (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  }
  pad(to, &at);
  for (size_t i = 0; i < n_vectors; i++) {
    put_values(to, &vectors[i], &at);
    pad(to, &at); /* behind the last one, too: readers take its padded size */
  }
  status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  return status;
}
