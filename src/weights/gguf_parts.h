/* What the parts of the GGUF reader share: gguf.c (file, tensors), gguf_metadata.c (parsing keys and values) and
 * gguf_values.c (handing them out). Nobody else includes it. */
#ifndef FATHOM_WEIGHTS_GGUF_PARTS_H
#define FATHOM_WEIGHTS_GGUF_PARTS_H

#include "base/cursor.h"
#include "base/names.h"
#include "weights/gguf.h"

struct GgufArray {
  GgufType type;
  size_t count;
  const uint8_t *items; /* the first element in the file */
  GgufText *texts;      /* [count] for GGUF_STRING, else NULL */
};

typedef struct GgufValue {
  GgufType type;
  const uint8_t *bytes;   /* a scalar's bytes in the file */
  GgufText text;          /* GGUF_STRING */
  struct GgufArray array; /* GGUF_ARRAY */
} GgufValue;

struct Gguf {
  char *path;
  FileMap map;
  uint32_t version;
  Names keys;
  GgufValue *values; /* [keys.count] */
  Weights *weights;
};

/* Bytes of a scalar; 0 for strings and arrays. */
size_t gguf_scalar_size(GgufType type);

/* STATUS_DATA where a read went past the end of the file; what and name say of what: "key", "general.name". */
Status gguf_check_read(const Gguf *gguf, const Cursor *cursor, const char *what, const char *name, Error *err);

/* A name (key or tensor) as a C string of at most limit bytes, valid UTF-8 without NUL; freed by the caller. */
Status gguf_read_name(const Gguf *gguf, Cursor *cursor, const char *what, size_t index, char **name, Error *err);

/* n_keys keys with their values. */
Status gguf_read_metadata(Gguf *gguf, Cursor *cursor, uint64_t n_keys, Error *err);

#endif
