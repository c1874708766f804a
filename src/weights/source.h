/* A model as the user names it: a Hugging Face directory (config.json, model.safetensors or its index, tokenizer.json,
 * tokenizer_config.json) or a GGUF file. Opens what is there; knows nothing of architectures. */
#ifndef FATHOM_WEIGHTS_SOURCE_H
#define FATHOM_WEIGHTS_SOURCE_H

#include "base/digest.h"
#include "base/json.h"
#include "weights/gguf.h"
#include "weights/weights.h"

typedef struct Source Source;

Status source_open(const char *path, Source **out, Error *err);
void source_close(Source *source); /* NULL is fine */

const char *source_path(const Source *source);
const Weights *
source_weights(const Source *source);               /* a directory without weights (tokenizer only) has none: count 0 */
const Gguf *source_gguf(const Source *source);      /* NULL for a directory */
const Json *source_config(const Source *source);    /* config.json; NULL for GGUF or where missing */
const Json *source_tokenizer(const Source *source); /* tokenizer.json; NULL as above */
const Json *source_tokenizer_config(const Source *source); /* tokenizer_config.json; NULL as above */

/* SHA-256 over the weight files' bytes (in name order for shards); computed at the first call. */
const char *source_digest(Source *source);

#endif
