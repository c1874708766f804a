/* SHA-256 of bytes, as 64 hex digits. The only user of nettle. */
#ifndef FATHOM_BASE_DIGEST_H
#define FATHOM_BASE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_TEXT = 65 }; /* 64 hex digits and a NUL */

typedef struct Digest Digest;

Digest *digest_new(void);
void digest_add(Digest *digest, const void *bytes, size_t size);
void digest_add_u64(Digest *digest, uint64_t value);   /* eight bytes, little endian */
void digest_add_string(Digest *digest, const char *s); /* its length, then its bytes: fields cannot run together */
void digest_finish(Digest *digest, char text[DIGEST_TEXT]); /* frees the digest */

void digest_bytes(const void *bytes, size_t size, char text[DIGEST_TEXT]);

#endif
