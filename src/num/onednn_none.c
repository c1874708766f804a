/* What there is of num/onednn.h where fathom is built without oneDNN: an error that says so. */
#include "config.h"
#include "num/onednn.h"

#ifndef HAVE_ONEDNN

#include <assert.h>

const char *onednn_description(void) { return NULL; }

Status onednn_open(Onednn **onednn, Error *err) {
  *onednn = NULL;
  return error_set(err, STATUS_SYSTEM,
                   "this fathom was built without oneDNN, which computes in bfloat16: on Debian, apt-get install "
                   "libdnnl-dev, then configure and make again");
}

void onednn_close(Onednn *onednn) { (void)onednn; }

/* Without an Onednn nothing below can be called. */
Status onednn_packed_bytes(Onednn *onednn, size_t n, size_t k, size_t *bytes, Error *err) {
  (void)onednn, (void)n, (void)k, (void)bytes, (void)err;
  assert(!"no oneDNN");
  return STATUS_SYSTEM;
}

Status onednn_pack(Onednn *onednn, size_t n, size_t k, const uint16_t *rows, void *packed, Error *err) {
  (void)onednn, (void)n, (void)k, (void)rows, (void)packed, (void)err;
  assert(!"no oneDNN");
  return STATUS_SYSTEM;
}

uint16_t *onednn_scratch(Onednn *onednn, size_t n) {
  (void)onednn, (void)n;
  assert(!"no oneDNN");
  return NULL;
}

void onednn_multiply(Onednn *onednn, size_t m, size_t n, size_t k, const uint16_t *x, const void *packed, float *y) {
  (void)onednn, (void)m, (void)n, (void)k, (void)x, (void)packed, (void)y;
  assert(!"no oneDNN");
}

void onednn_gemm(Onednn *onednn, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const uint16_t *a,
                 const uint16_t *b, bool accumulate, float *c) {
  (void)onednn, (void)transpose_a, (void)transpose_b, (void)m, (void)n, (void)k, (void)a, (void)b, (void)accumulate;
  (void)c;
  assert(!"no oneDNN");
}

#endif
