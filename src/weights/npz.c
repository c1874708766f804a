/* The members of an .npz file, which is a zip file of .npy files, stored or deflated:
 *
 *   | member ... | central directory | zip64 end, its locator (of large files) | end of the directory, comment |
 *
 * Sizes are those of the central directory; where 32 bits do not hold them they are in an extra field of 64-bit
 * numbers. Source: PKWARE's APPNOTE.TXT 6.3. */
#include "base/cursor.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "weights/array_parts.h"

#include <stdlib.h>

enum {
  END_MARK = 0x06054b50,
  END_SIZE = 22,
  END64_MARK = 0x06064b50,
  END64_SIZE = 56,
  LOCATOR_MARK = 0x07064b50,
  LOCATOR_SIZE = 20,
  ENTRY_MARK = 0x02014b50,
  ENTRY_SIZE = 46,
  LOCAL_MARK = 0x04034b50,
  LOCAL_SIZE = 30,
  ENCRYPTED = 1,
  STORED = 0,
  DEFLATED = 8,
  EXTRA_64 = 1,
  DEFLATE_MOST = 1032, /* bytes that one deflated byte can stand for (zlib's documentation) */
};

typedef struct Directory {
  uint64_t count, size, offset;
} Directory;

static Cursor at_offset(const FileMap *map, uint64_t offset) {
  Cursor cursor = cursor_over(map->bytes, map->size);
  if (offset > map->size)
    cursor.short_by = 1;
  else
    cursor.at = (size_t)offset;
  return cursor;
}

/* The end of the directory is the last record; a comment of up to 64 KiB may follow. */
static bool find_end(const FileMap *map, size_t *at) {
  if (map->size < END_SIZE) return false;
  const size_t last = map->size - END_SIZE, first = last > UINT16_MAX ? last - UINT16_MAX : 0;
  for (*at = last;; (*at)--) {
    Cursor cursor = at_offset(map, *at);
    if (cursor_u32(&cursor) == END_MARK) {
      cursor = at_offset(map, *at + 20);
      if (cursor_u16(&cursor) == last - *at) return true;
    }
    if (*at == first) return false;
  }
}

/* The 64-bit form, whose locator stands before the other. */
static Status read_end64(const FileMap *map, size_t end, Directory *d, Error *err) {
  Cursor cursor = at_offset(map, end >= LOCATOR_SIZE ? end - LOCATOR_SIZE : SIZE_MAX);
  const bool is_locator = cursor_u32(&cursor) == LOCATOR_MARK;
  cursor_u32(&cursor);
  const uint64_t offset = cursor_u64(&cursor);
  cursor = at_offset(map, offset);
  const bool is_end = cursor_u32(&cursor) == END64_MARK;
  cursor_take(&cursor, 20);
  const uint64_t count_here = cursor_u64(&cursor);
  d->count = cursor_u64(&cursor);
  d->size = cursor_u64(&cursor);
  d->offset = cursor_u64(&cursor);
  if (!is_locator || cursor.short_by || !is_end || count_here != d->count)
    return error_set(err, STATUS_DATA, "the zip file's 64-bit directory is broken");
  return STATUS_OK;
}

static Status read_end(const FileMap *map, Directory *d, Error *err) {
  size_t end;
  if (!find_end(map, &end))
    return error_set(err, STATUS_DATA, "truncated, or no zip file: the end of the directory was not found");
  Cursor cursor = at_offset(map, end + 4);
  const unsigned disk = cursor_u16(&cursor), directory_disk = cursor_u16(&cursor), here = cursor_u16(&cursor);
  d->count = cursor_u16(&cursor);
  d->size = cursor_u32(&cursor);
  d->offset = cursor_u32(&cursor);
  const bool is_64 = d->count == UINT16_MAX || d->size == UINT32_MAX || d->offset == UINT32_MAX;
  if (!is_64 && (disk || directory_disk || here != d->count))
    return error_set(err, STATUS_DATA, "a zip file in several parts, expected one");
  const Status status = is_64 ? read_end64(map, end, d, err) : STATUS_OK;
  if (status != STATUS_OK) return status;
  if (d->offset > end || d->size > end - d->offset || d->count > d->size / ENTRY_SIZE)
    return error_set(
        err, STATUS_DATA, "the zip directory's %llu entries in %llu bytes at %llu do not fit into the file's %zu bytes",
        (unsigned long long)d->count, (unsigned long long)d->size, (unsigned long long)d->offset, map->size);
  return STATUS_OK;
}

/* One entry of the directory. */
typedef struct Entry {
  unsigned flags, method;
  uint32_t crc;
  uint64_t stored, size, offset;
  const uint8_t *name;
  size_t name_size;
} Entry;

/* Numbers that did not fit are in the extra field, in this order. */
static bool read_extra(Entry *entry, const uint8_t *extra, size_t size) {
  uint64_t *const numbers[] = {&entry->size, &entry->stored, &entry->offset};
  Cursor fields = cursor_over(extra, size);
  while (fields.at < fields.size) {
    const unsigned id = cursor_u16(&fields), length = cursor_u16(&fields);
    const uint8_t *field = cursor_take(&fields, length);
    if (!field) return false;
    if (id != EXTRA_64) continue;
    Cursor wide = cursor_over(field, length);
    for (size_t i = 0; i < 3; i++)
      if (*numbers[i] == UINT32_MAX) *numbers[i] = cursor_u64(&wide);
    return !wide.short_by;
  }
  return entry->size != UINT32_MAX && entry->stored != UINT32_MAX && entry->offset != UINT32_MAX;
}

static bool read_entry(Cursor *c, Entry *entry) {
  *entry = (Entry){0};
  if (cursor_u32(c) != ENTRY_MARK) return false;
  cursor_u32(c); /* versions */
  entry->flags = cursor_u16(c);
  entry->method = cursor_u16(c);
  cursor_u32(c); /* time */
  entry->crc = cursor_u32(c);
  entry->stored = cursor_u32(c);
  entry->size = cursor_u32(c);
  entry->name_size = cursor_u16(c);
  const size_t extra_size = cursor_u16(c), comment_size = cursor_u16(c);
  cursor_take(c, 8); /* disk, attributes */
  entry->offset = cursor_u32(c);
  entry->name = cursor_take(c, entry->name_size);
  const uint8_t *extra = cursor_take(c, extra_size);
  cursor_take(c, comment_size);
  return !c->short_by && read_extra(entry, extra, extra_size);
}

/* Where the member's bytes lie: behind a header of its own, whose names may be of other lengths. */
static Status locate(const FileMap *map, const Entry *entry, ArrayBytes *bytes, Error *err) {
  if (entry->flags & ENCRYPTED) return error_set(err, STATUS_DATA, "is encrypted");
  if (entry->method != STORED && entry->method != DEFLATED)
    return error_set(err, STATUS_DATA, "is packed by method %u, expected stored (0) or deflated (8)", entry->method);
  if (entry->method == STORED ? entry->size != entry->stored : entry->size / DEFLATE_MOST > entry->stored)
    return error_set(err, STATUS_DATA, "%llu bytes from %llu stored ones cannot be", (unsigned long long)entry->size,
                     (unsigned long long)entry->stored);
  Cursor cursor = at_offset(map, entry->offset);
  const bool is_local = cursor_u32(&cursor) == LOCAL_MARK;
  cursor_take(&cursor, LOCAL_SIZE - 8);
  const size_t name_size = cursor_u16(&cursor), extra_size = cursor_u16(&cursor);
  cursor_take(&cursor, name_size + extra_size);
  if (!is_local || cursor.short_by || entry->stored > cursor.size - cursor.at)
    return error_set(err, STATUS_DATA, "its %llu bytes at %llu are not in the file's %zu bytes",
                     (unsigned long long)entry->stored, (unsigned long long)entry->offset, map->size);
  *bytes = (ArrayBytes){.stored = map->bytes + cursor.at,
                        .stored_size = (size_t)entry->stored,
                        .size = (size_t)entry->size,
                        .is_deflated = entry->method == DEFLATED,
                        .has_crc = true,
                        .crc = entry->crc};
  return STATUS_OK;
}

static Status read_member(const FileMap *map, const Entry *entry, Array *array, Error *err) {
  static const char suffix[] = ".npy";
  const char *name = (const char *)entry->name;
  const size_t n = entry->name_size, end = sizeof suffix - 1;
  if (utf8_valid_prefix(name, n) != n || memchr(name, 0, n))
    return error_set(err, STATUS_DATA, "the name of a member is no UTF-8");
  array->name = mem_format("%.*s", (int)n, name);
  if (n <= end || memcmp(name + n - end, suffix, end) != 0)
    return error_set(err, STATUS_DATA, "member %.200s is no .npy: expected a file of numpy.savez", array->name);
  array->name[n - end] = 0;
  Status status = locate(map, entry, &array->bytes, err);
  if (status == STATUS_OK) status = npy_read_header(array, err);
  return status == STATUS_OK ? status : error_prefix(err, "array %.200s", array->name);
}

Status npz_read_members(const FileMap *map, Array **items, size_t *count, Error *err) {
  Directory d = {0};
  Status status = read_end(map, &d, err);
  if (status != STATUS_OK) return status;
  Cursor cursor = at_offset(map, d.offset);
  cursor.size = (size_t)(d.offset + d.size);
  *items = mem_alloc((size_t)d.count, sizeof **items);
  for (uint64_t i = 0; i < d.count && status == STATUS_OK; i++) {
    Entry entry;
    if (!read_entry(&cursor, &entry))
      return error_set(err, STATUS_DATA, "entry %llu of the zip directory is broken", (unsigned long long)i);
    status = read_member(map, &entry, &(*items)[(*count)++], err);
  }
  return status;
}
