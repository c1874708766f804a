/* SHA-256 through nettle, which uses the processor's SHA instructions. */
#include "base/digest.h"

#include "base/memory.h"

#include <nettle/sha2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct Digest {
  struct sha256_ctx state;
};

Digest *digest_new(void) {
  Digest *digest = mem_alloc(1, sizeof *digest);
  sha256_init(&digest->state);
  return digest;
}

void digest_add(Digest *digest, const void *bytes, size_t size) { sha256_update(&digest->state, size, bytes); }

void digest_add_u64(Digest *digest, uint64_t value) {
  uint8_t bytes[8];
  for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)(value >> 8 * i);
  digest_add(digest, bytes, sizeof bytes);
}

void digest_add_string(Digest *digest, const char *s) {
  const size_t n = strlen(s);
  digest_add_u64(digest, n);
  digest_add(digest, s, n);
}

void digest_finish(Digest *digest, char text[DIGEST_TEXT]) {
  uint8_t hash[SHA256_DIGEST_SIZE];
  sha256_digest(&digest->state, sizeof hash, hash);
  for (size_t i = 0; i < sizeof hash; i++) snprintf(text + 2 * i, 3, "%02x", hash[i]);
  free(digest);
}

void digest_bytes(const void *bytes, size_t size, char text[DIGEST_TEXT]) {
  Digest *digest = digest_new();
  digest_add(digest, bytes, size);
  digest_finish(digest, text);
}
