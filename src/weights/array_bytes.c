/* A run of bytes that a file holds as it is or deflated, with or without a checksum. */
#include "weights/array_parts.h"

#include <assert.h>
#include <string.h>

enum { STEP = 1 << 16 };

void array_stream_open(ArrayStream *s, const ArrayBytes *of) {
  *s = (ArrayStream){.of = of};
  if (of->is_deflated) s->inflate = file_inflate_new(of->stored, of->stored_size);
}

void array_stream_close(ArrayStream *s) {
  file_inflate_free(s->inflate);
  *s = (ArrayStream){0};
}

/* The next n bytes. */
static Status take(ArrayStream *s, size_t n, void *to, Error *err) {
  Status status = STATUS_OK;
  if (s->inflate)
    status = file_inflate_read(s->inflate, to, n, err);
  else
    memcpy(to, s->of->stored + s->at, n);
  if (status != STATUS_OK) return status;
  if (s->of->has_crc && s->at == s->crc_at) {
    s->crc = file_crc32(s->crc, to, n);
    s->crc_at += n;
  }
  s->at += n;
  return STATUS_OK;
}

/* Passes over bytes until `at`. */
static Status skip_to(ArrayStream *s, size_t at, Error *err) {
  uint8_t passed[STEP];
  Status status = STATUS_OK;
  if (at < s->at) {
    if (s->inflate) file_inflate_rewind(s->inflate);
    s->at = 0;
  }
  if (!s->inflate) s->at = at;
  while (s->at < at && status == STATUS_OK) status = take(s, at - s->at < STEP ? at - s->at : STEP, passed, err);
  return status;
}

Status array_stream_read(ArrayStream *s, size_t at, size_t n, void *to, Error *err) {
  assert(n <= s->of->size && at <= s->of->size - n);
  const Status status = skip_to(s, at, err);
  return status == STATUS_OK && n ? take(s, n, to, err) : status;
}

Status array_stream_check(ArrayStream *s, Error *err) {
  uint8_t passed[STEP];
  Status status = STATUS_OK;
  if (!s->of->has_crc) return STATUS_OK;
  while (s->crc_at < s->of->size && status == STATUS_OK) {
    const size_t n = s->of->size - s->crc_at < STEP ? s->of->size - s->crc_at : STEP;
    status = array_stream_read(s, s->crc_at, n, passed, err);
    array_stream_forget(s);
  }
  if (status == STATUS_OK && s->crc != s->of->crc)
    status = error_set(err, STATUS_DATA, "the checksum of its bytes is %08x, expected %08x: the file is damaged",
                       s->crc, s->of->crc);
  if (status != STATUS_OK || !s->inflate) return status;
  status = skip_to(s, s->of->size, err);
  if (status == STATUS_OK && !file_inflate_has_ended(s->inflate))
    status = error_set(err, STATUS_DATA, "more is deflated than the %zu bytes that the zip file names", s->of->size);
  return status;
}

void array_stream_forget(const ArrayStream *s) { file_forget(s->of->stored, s->of->stored_size); }
