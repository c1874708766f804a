/* GGUF v2 and v3: metadata and tensors of a mapped file, every count, length and offset checked against the file. */
#ifndef FATHOM_WEIGHTS_GGUF_H
#define FATHOM_WEIGHTS_GGUF_H

#include "base/error.h"
#include "base/file.h"
#include "weights/weights.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum GgufType { /* numbers as in the file */
                        GGUF_UINT8,
                        GGUF_INT8,
                        GGUF_UINT16,
                        GGUF_INT16,
                        GGUF_UINT32,
                        GGUF_INT32,
                        GGUF_FLOAT32,
                        GGUF_BOOL,
                        GGUF_STRING,
                        GGUF_ARRAY,
                        GGUF_UINT64,
                        GGUF_INT64,
                        GGUF_FLOAT64,
} GgufType;

/* A string inside the mapped file: not NUL-terminated, may hold any bytes. */
typedef struct GgufText {
  const char *bytes;
  size_t size;
} GgufText;

typedef struct Gguf Gguf;

Status gguf_open(const char *path, Gguf **out, Error *err);
void gguf_close(Gguf *gguf); /* NULL is fine */

const char *gguf_path(const Gguf *gguf);
uint32_t gguf_version(const Gguf *gguf);
const FileMap *gguf_map(const Gguf *gguf);     /* the whole file */
const Weights *gguf_weights(const Gguf *gguf); /* may hold no tensor: vocabulary-only files */

/* Keys in file order, for info. */
size_t gguf_key_count(const Gguf *gguf);
const char *gguf_key(const Gguf *gguf, size_t index);
GgufType gguf_key_type(const Gguf *gguf, size_t index);

bool gguf_has(const Gguf *gguf, const char *key);
/* false where the key is missing or of another kind (any integer type serves gguf_integer, any number gguf_real). */
bool gguf_integer(const Gguf *gguf, const char *key, int64_t *value);
bool gguf_real(const Gguf *gguf, const char *key, double *value);
bool gguf_bool(const Gguf *gguf, const char *key, bool *value);
bool gguf_text(const Gguf *gguf, const char *key, GgufText *value);

/* Arrays; elements are reached through an index built once per array of strings (a 256 k vocabulary is walked once). */
typedef struct GgufArray GgufArray;
const GgufArray *gguf_array(const Gguf *gguf, const char *key); /* NULL if missing or no array */
size_t gguf_array_count(const GgufArray *array);
GgufType gguf_array_type(const GgufArray *array);
GgufText gguf_array_text(const GgufArray *array, size_t index);   /* type GGUF_STRING, index in range: asserted */
int64_t gguf_array_integer(const GgufArray *array, size_t index); /* any integer type or bool */
double gguf_array_real(const GgufArray *array, size_t index);     /* any number */

#endif
