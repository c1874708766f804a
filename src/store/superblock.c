/* Superblock, version 2 and 3 (HDF5 File Format Specification, II.A):
 *
 *   0 signature, 8 | 8 version | 9 size of offsets | 10 size of lengths | 11 flags | 12 four offsets | checksum, 4
 *
 * The checksum is lookup3 by Bob Jenkins (public domain, 2006) with initial value 0. */
#include "store/superblock.h"

#include <stdint.h>
#include <string.h>

static uint32_t rotate(uint32_t x, int by) { return x << by | x >> (32 - by); }

static uint32_t word_at(const uint8_t *bytes) {
  return (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

/* Of size bytes, a multiple of 4 and not of 12. */
static uint32_t lookup3(const uint8_t *bytes, size_t size) {
  uint32_t a = 0xdeadbeef + (uint32_t)size, b = a, c = a;
  for (; size > 12; size -= 12, bytes += 12) {
    a += word_at(bytes), b += word_at(bytes + 4), c += word_at(bytes + 8);
    a -= c, a ^= rotate(c, 4), c += b;
    b -= a, b ^= rotate(a, 6), a += c;
    c -= b, c ^= rotate(b, 8), b += a;
    a -= c, a ^= rotate(c, 16), c += b;
    b -= a, b ^= rotate(a, 19), a += c;
    c -= b, c ^= rotate(b, 4), b += a;
  }
  a += word_at(bytes);
  if (size > 4) b += word_at(bytes + 4);
  c ^= b, c -= rotate(b, 14);
  a ^= c, a -= rotate(c, 11);
  b ^= a, b -= rotate(a, 25);
  c ^= b, c -= rotate(b, 16);
  a ^= c, a -= rotate(c, 4);
  b ^= a, b -= rotate(a, 14);
  c ^= b, c -= rotate(b, 24);
  return c;
}

void superblock_repair(void *bytes, size_t size) {
  enum { VERSION = 8, OFFSET_SIZE = 9, CHECKED = 44 };
  uint8_t *block = bytes;
  if (size < CHECKED + 4 || block[VERSION] < 2 || block[VERSION] > 3 || block[OFFSET_SIZE] != 8) return;
  const uint32_t sum = lookup3(block, CHECKED);
  for (int i = 0; i < 4; i++) block[CHECKED + i] = (uint8_t)(sum >> 8 * i);
}
