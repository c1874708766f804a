/* The token table and its hash. */
#include "text/tokenizer/vocabulary.h"

#include "base/memory.h"
#include "base/utf8.h"

#include <stdlib.h>
#include <string.h>

void vocabulary_init(Vocabulary *v) {
  *v = (Vocabulary){0};
  for (size_t i = 0; i < 256; i++) v->byte_ids[i] = -1;
}

void vocabulary_clear(Vocabulary *v) {
  free(v->tokens);
  free(v->bytes);
  free(v->slots);
  vocabulary_init(v);
}

/* Bytes of a text from a file that go into a message. */
static int shown(size_t size) { return size < 100 ? (int)size : 100; }

static void make_room(Vocabulary *v, size_t n_ids, size_t n_bytes) {
  if (n_ids > v->room) {
    const size_t room = n_ids > 2 * v->room ? n_ids : 2 * v->room;
    v->tokens = mem_resize(v->tokens, room, sizeof *v->tokens);
    memset(v->tokens + v->room, 0, (room - v->room) * sizeof *v->tokens);
    v->room = room;
  }
  if (n_bytes > v->bytes_room) {
    v->bytes_room = n_bytes + n_bytes / 2 + 64;
    v->bytes = mem_resize(v->bytes, v->bytes_room, 1);
  }
}

int byte_token_value(const char *text, size_t size) {
  if (size != 6 || memcmp(text, "<0x", 3) != 0 || text[5] != '>') return -1;
  int value = 0;
  for (size_t i = 3; i < 5; i++) {
    const char c = text[i];
    const int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

Status vocabulary_set(Vocabulary *v, size_t id, const char *text, size_t size, TokenKind kind, Error *err) {
  if (id >= VOCABULARY_MAX)
    return error_set(err, STATUS_DATA, "token id %zu, expected less than %d", id, VOCABULARY_MAX);
  if (size > TOKEN_MAX_BYTES)
    return error_set(err, STATUS_DATA, "token %zu has %zu bytes, expected at most %d", id, size, TOKEN_MAX_BYTES);
  if (id < v->count && v->tokens[id].kind != TOKEN_NONE)
    return error_set(err, STATUS_DATA, "two tokens have the id %zu: \"%.*s\" and \"%.*s\"", id,
                     shown(v->tokens[id].size), v->bytes + v->tokens[id].begin, shown(size), text);
  make_room(v, id + 1, v->n_bytes + size);
  if (id >= v->count) v->count = id + 1;
  v->tokens[id] = (Token){.begin = v->n_bytes, .size = (uint32_t)size, .kind = (uint8_t)kind};
  if (size) memcpy(v->bytes + v->n_bytes, text, size);
  v->n_bytes += size;
  if (kind == TOKEN_BYTE) {
    const int value = byte_token_value(text, size);
    if (value < 0)
      return error_set(err, STATUS_DATA, "token %zu, \"%.*s\", is marked as a byte, expected the form <0x0A>", id,
                       shown(size), text);
    if (v->byte_ids[value] >= 0)
      return error_set(err, STATUS_DATA, "tokens %d and %zu both stand for the byte 0x%02X", v->byte_ids[value], id,
                       (unsigned)value);
    v->byte_ids[value] = (int32_t)id;
  }
  return STATUS_OK;
}

/* Multiply and fold, eight bytes at a time. */
uint64_t bytes_hash(const char *bytes, size_t size) {
  const uint64_t k = 0x9e3779b97f4a7c15u;
  uint64_t h = size * k;
  while (size >= 8) {
    uint64_t word;
    memcpy(&word, bytes, 8);
    h = (h ^ word) * k;
    h ^= h >> 32;
    bytes += 8;
    size -= 8;
  }
  uint64_t tail = 0;
  for (size_t i = 0; i < size; i++) tail |= (uint64_t)(uint8_t)bytes[i] << 8 * i;
  h = (h ^ tail) * k;
  return h ^ h >> 29;
}

/* The slot that holds the text as a piece (or, piece false, as a token that is not NORMAL), or the free one where it
 * belongs. */
static size_t find_slot(const Vocabulary *v, const char *text, size_t size, bool piece) {
  size_t slot = bytes_hash(text, size) & v->mask;
  for (; v->slots[slot]; slot = (slot + 1) & v->mask) {
    const int32_t id = (int32_t)v->slots[slot] - 1;
    const Token *token = &v->tokens[id];
    if (token->size == size && (piece ? vocabulary_is_piece(v, id) : token->kind != TOKEN_NORMAL) &&
        memcmp(v->bytes + token->begin, text, size) == 0)
      break;
  }
  return slot;
}

Status vocabulary_index(Vocabulary *v, Error *err) {
  size_t n_slots = 16;
  while (n_slots < 2 * v->count) n_slots *= 2;
  v->slots = mem_alloc(n_slots, sizeof *v->slots);
  v->mask = n_slots - 1;
  for (size_t id = 0; id < v->count; id++) {
    const Token *token = &v->tokens[id];
    if (token->kind == TOKEN_NONE) continue;
    const char *text = v->bytes + token->begin;
    const bool piece = vocabulary_is_piece(v, (int32_t)id);
    size_t slot = find_slot(v, text, token->size, piece);
    if (!v->slots[slot] && piece && token->kind != TOKEN_NORMAL) slot = find_slot(v, text, token->size, false);
    if (v->slots[slot])
      return error_set(err, STATUS_DATA, "tokens %u and %zu are the same text, \"%.*s\"", v->slots[slot] - 1, id,
                       shown(token->size), text);
    v->slots[slot] = (uint32_t)id + 1;
    if (piece && token->size > v->longest) v->longest = token->size;
  }
  return STATUS_OK;
}

int32_t vocabulary_find(const Vocabulary *v, const char *text, size_t size) {
  if (size > v->longest) return -1;
  return (int32_t)v->slots[find_slot(v, text, size, true)] - 1;
}

int32_t vocabulary_find_other(const Vocabulary *v, const char *text, size_t size) {
  return (int32_t)v->slots[find_slot(v, text, size, false)] - 1;
}

void vocabulary_make_piece(Vocabulary *v, int32_t id) {
  Token *token = &v->tokens[id];
  if (vocabulary_find(v, v->bytes + token->begin, token->size) >= 0) return;
  token->flags |= TOKEN_PIECE;
  if (token->size > v->longest) v->longest = token->size;
}

static bool is_own_character(uint32_t code) {
  return (code >= '!' && code <= '~') || (code >= 0xa1 && code <= 0xac) || (code >= 0xae && code <= 0xff);
}

/* The bytes without a printable character of their own, in order: 0..32, 127..160, 173. */
uint32_t byte_to_character(uint8_t byte) {
  if (is_own_character(byte)) return byte;
  return 0x100u + (byte <= 32 ? byte : byte == 173 ? 67u : 33u + byte - 127u);
}

static int byte_from_character(uint32_t code) {
  if (is_own_character(code)) return (int)code;
  const uint32_t index = code - 0x100u; /* wraps for smaller codes, which have no byte */
  return index < 33 ? (int)index : index < 67 ? (int)(index - 33 + 127) : index == 67 ? 173 : -1;
}

bool bytes_from_characters(const char *text, size_t size, char *out, size_t *out_size) {
  size_t n = 0;
  for (size_t at = 0; at < size;) {
    uint32_t code;
    const size_t length = utf8_decode(text + at, size - at, &code);
    const int byte = length ? byte_from_character(code) : -1;
    if (byte < 0) return false;
    out[n++] = (char)byte;
    at += length;
  }
  *out_size = n;
  return true;
}
