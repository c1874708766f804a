/* weights/gguf: every metadata type and tensor record of a small file, and a one-line error for every way to break it. */
#include "tests/small_gguf.h"
#include "tests/tap.h"

static char folder[] = "/tmp/fathom-gguf.XXXXXX";
static char *path;

static Status open_bytes(const Bytes *b, size_t size, Gguf **gguf, Error *err) {
  *err = (Error){0};
  write_bytes(path, b, size);
  return gguf_open(path, gguf, err);
}

static bool integer_is(const Gguf *gguf, const char *key, int64_t expected) {
  int64_t value;
  return gguf_integer(gguf, key, &value) && value == expected;
}

static bool real_is(const Gguf *gguf, const char *key, double expected) {
  double value;
  return gguf_real(gguf, key, &value) && value == expected;
}

static bool text_is(GgufText text, const char *expected) {
  return text.size == strlen(expected) && memcmp(text.bytes, expected, text.size) == 0;
}

static void test_scalars(const Gguf *gguf) {
  int64_t i;
  double r;
  bool b = false;
  GgufText text = {0};
  ok(gguf_key_count(gguf) == SMALL_KEYS && strcmp(gguf_key(gguf, 0), "general.architecture") == 0 &&
         gguf_key_type(gguf, 0) == GGUF_STRING && strcmp(gguf_key(gguf, 18), "a.none") == 0 && gguf_has(gguf, "a.a") &&
         !gguf_has(gguf, "a"), "keys in file order");
  ok(integer_is(gguf, "t.u8", 200) && integer_is(gguf, "t.i8", -100) && integer_is(gguf, "t.u16", 60000) &&
         integer_is(gguf, "t.i16", -30000) && integer_is(gguf, "t.i32", -2000000000) && integer_is(gguf, "t.i64", INT64_MIN) &&
         integer_is(gguf, "general.alignment", 64) && integer_is(gguf, "t.u64", INT64_MAX), "integers of every width and sign");
  ok(real_is(gguf, "t.f32", (double)2.385f) && real_is(gguf, "t.f64", -1.25e100) && real_is(gguf, "t.i8", -100), "reals");
  ok(gguf_bool(gguf, "t.bool", &b) && b && gguf_text(gguf, "general.architecture", &text) && text_is(text, "testing") &&
         gguf_text(gguf, "t.empty", &text) && text.size == 0, "booleans and strings");
  ok(!gguf_integer(gguf, "t.f32", &i) && !gguf_integer(gguf, "none", &i) && !gguf_real(gguf, "t.bool", &r) &&
         !gguf_bool(gguf, "t.u8", &b) && !gguf_text(gguf, "t.u8", &text) && !gguf_array(gguf, "t.u8") && !gguf_array(gguf, "none"),
     "a key of another kind is as good as missing");
}

static void test_arrays(const Gguf *gguf) {
  const GgufArray *texts = gguf_array(gguf, "a.text"), *ints = gguf_array(gguf, "a.i16"), *reals = gguf_array(gguf, "a.f32"),
                  *bools = gguf_array(gguf, "a.bool"), *nested = gguf_array(gguf, "a.a"), *none = gguf_array(gguf, "a.none");
  ok(texts && gguf_array_type(texts) == GGUF_STRING && gguf_array_count(texts) == 3 && text_is(gguf_array_text(texts, 0), "one") &&
         text_is(gguf_array_text(texts, 1), "") && text_is(gguf_array_text(texts, 2), "\xff\n"), "an array of strings");
  ok(ints && gguf_array_integer(ints, 0) == 7 && gguf_array_integer(ints, 1) == -7 && gguf_array_real(ints, 1) == -7, "an array of integers");
  ok(reals && gguf_array_count(reals) == 1 && gguf_array_real(reals, 0) == 0.5, "an array of reals");
  ok(bools && gguf_array_integer(bools, 0) == 0 && gguf_array_integer(bools, 1) == 1, "an array of booleans");
  ok(nested && gguf_array_type(nested) == GGUF_ARRAY && gguf_array_count(nested) == 2, "an array of arrays is stepped over");
  ok(none && gguf_array_count(none) == 0, "an empty array");
}

static void test_tensors(const Gguf *gguf) {
  const Weights *weights = gguf_weights(gguf);
  const Tensor *x = weights_find(weights, "x.weight"), *y = weights_find(weights, "y.weight"), *z = weights_find(weights, "z.weight");
  ok(weights_count(weights) == 3 && weights_at(weights, 0) == x && weights_at(weights, 2) == z && !weights_find(weights, "w.weight"),
     "tensors in file order and by name");
  if (!x || !y || !z) return;
  ok(x->dtype == DTYPE_F32 && x->n_dims == 2 && x->shape[0] == 2 && x->shape[1] == 3 && x->shape[2] == 1 && x->shape[3] == 1 &&
         x->count == 6 && x->n_bytes == 24 && strcmp(x->file, path) == 0, "a record: the outermost dimension comes first");
  ok(z->n_dims == 3 && z->shape[0] == 2 && z->shape[1] == 1 && z->shape[2] == 32 && z->n_bytes == 68, "a quantised record");
  float values[64];
  dtype_widen(x->dtype, x->bytes, 6, values);
  ok(values[0] == 1.5f && values[5] == 6.5f, "F32 values");
  dtype_widen(y->dtype, y->bytes, 5, values);
  ok(values[0] == 1 && values[4] == 1 + 4 / 1024.f, "F16 values");
  dtype_widen(z->dtype, z->bytes, 64, values);
  ok(values[0] == -8 && values[31] == 7.5f && values[63] == 7.5f, "Q8_0 values");
}

static void test_good(uint32_t version) {
  Error err;
  Gguf *gguf;
  Bytes b = small_gguf(version);
  if (ok(open_bytes(&b, b.size, &gguf, &err) == STATUS_OK && gguf_version(gguf) == version, "version %u opens %s", version, err.text)) {
    test_scalars(gguf);
    test_arrays(gguf);
    test_tensors(gguf);
  }
  gguf_close(gguf);
  drop(&b);
}

static const struct {
  const char *mark;
  size_t n;
  uint64_t value;
  const char *message;
} faults[] = {
    {"magic", 4, 0x04034b50, "starts with bytes 50 4b 03 04, expected a GGUF file"},
    {"magic", 4, 0x47475546, "a big-endian GGUF file, expected little-endian"},
    {"version", 4, 0x03000000, "a big-endian GGUF file, expected little-endian"},
    {"version", 4, 1, "GGUF version 1, expected 2 or 3"},
    {"version", 4, 4, "GGUF version 4, expected 2 or 3"},
    {"tensors", 8, UINT64_MAX, "claims 18446744073709551615 tensors"},
    {"tensors", 8, 4, "tensor 3 has a name of 0 bytes"},
    {"keys", 8, UINT64_MAX / 2, "the header's count of keys claims 9223372036854775807 elements"},
    {"keys", 8, 20, "tensor 0 has a name of 562949953421312 bytes"},
    {"key 0", 8, 0, "key 0 has a name of 0 bytes, expected 1 to 65535"},
    {"key 0", 8, UINT64_MAX, "key 0 has a name of 18446744073709551615 bytes"},
    {"key 0", 8, 60000, "truncated: key name needs 59068 bytes more"},
    {"type 0", 4, 13, "key general.architecture has value type 13, expected 0 to 12"},
    {"text 0", 8, UINT64_MAX, "truncated: key general.architecture needs 18446744073709550715 bytes more than the file has after byte 64"},
    {"alignment", 4, 0, "general.alignment is 0, expected a power of two"},
    {"alignment", 4, 48, "general.alignment is 48, expected a power of two"},
    {"alignment", 4, 1 << 21, "general.alignment is 2097152, expected a power of two up to 1048576"},
    {"alignment", 4, 128, "tensor y.weight starts at offset 64, expected a multiple of 128"},
    {"bool", 1, 2, "key t.bool: a boolean of 2, expected 0 or 1"},
    {"bools", 1, 255, "key a.bool: a boolean of 255, expected 0 or 1"},
    {"array type", 4, 99, "key a.text has value type 99"},
    {"element 0", 8, UINT64_MAX - 3, "truncated: key a.text needs"},
    {"count", 8, UINT64_MAX / 2 + 1, "a.i16 claims 9223372036854775808 elements of at least 2 bytes"},
    {"inner", 4, 77, "key a.a has value type 77"},
    {"name x", 8, 1 << 20, "tensor 0 has a name of 1048576 bytes"},
    {"dims x", 4, 0, "tensor x.weight has 0 dimensions, expected 1 to 4"},
    {"dims x", 4, 5, "tensor x.weight has 5 dimensions, expected 1 to 4"},
    {"shape x", 8, 0, "tensor x.weight: dimension 1 is 0"},
    {"shape x", 8, UINT64_MAX, "tensor x.weight: its shape has more elements than can be counted"},
    {"shape x", 8, UINT64_MAX / 4, "tensor x.weight: its shape has more bytes than can be counted"},
    {"shape x", 8, 1000, "truncated: tensor x.weight needs 8000 bytes at offset 0 of the data, which has 196 bytes"},
    {"shape x", 8, 9, "the data of tensors x.weight and y.weight overlap"},
    {"dtype x", 4, 16, "tensor x.weight has ggml type 16 (IQ2_XXS), which this fathom cannot read"},
    {"dtype x", 4, 4000, "tensor x.weight has ggml type 4000, which this fathom cannot read"},
    {"dtype x", 4, 2, "tensor x.weight: rows of 3 elements, expected a multiple of Q4_0's block of 32"},
    {"name y", 1, 'x', "a second tensor named x.weight"},
    {"name y", 1, 0, "tensor 1 has a name that is not UTF-8 text"},
    {"name y", 1, 0xff, "tensor 1 has a name that is not UTF-8 text"},
    {"offset y", 8, 65, "tensor y.weight starts at offset 65, expected a multiple of 64"},
    {"offset y", 8, 0, "the data of tensors x.weight and y.weight overlap"},
    {"offset z", 8, 192, "truncated: tensor z.weight needs 68 bytes at offset 192"},
    {"offset z", 8, UINT64_MAX - 63, "truncated: tensor z.weight needs 68 bytes at offset 18446744073709551552"},
    {"shape z", 8, 16, "tensor z.weight: rows of 16 elements, expected a multiple of Q8_0's block of 32"},
    {"outer z", 8, 3, "truncated: tensor z.weight needs 102 bytes at offset 128"},
};

static void test_faults(void) {
  const Bytes good = small_gguf(3);
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    Error err;
    Gguf *gguf;
    Bytes b = copy_of(&good);
    patch(&b, faults[i].mark, faults[i].n, faults[i].value);
    const Status status = open_bytes(&b, b.size, &gguf, &err);
    ok(status == STATUS_DATA && !gguf && strncmp(err.text, path, strlen(path)) == 0 && strstr(err.text, faults[i].message),
       "%s = %llu: %s", faults[i].mark, (unsigned long long)faults[i].value, err.text);
    gguf_close(gguf);
    drop(&b);
  }
  Bytes b = good;
  drop(&b);
}

/* Files of a header and one key. */
static Bytes one_key(void) {
  Bytes b = {0};
  put(&b, "GGUF", 4), put_int(&b, 4, 3), put_int(&b, 8, 0), put_int(&b, 8, 1);
  return b;
}

static void test_whole_files(void) {
  Error err;
  Gguf *gguf;
  Bytes deep = one_key(), split = one_key(), twice = one_key(), odd = one_key();
  put_key(&deep, "deep", GGUF_ARRAY);
  for (int i = 0; i < 5; i++) put_array(&deep, GGUF_ARRAY, 1);
  put_array(&deep, GGUF_UINT8, 1), put_int(&deep, 1, 0);
  ok(open_bytes(&deep, deep.size, &gguf, &err) == STATUS_DATA && strstr(err.text, "key deep: arrays nested deeper than 4"), "%s", err.text);
  put_key(&split, "split.count", GGUF_UINT16), put_int(&split, 2, 3);
  ok(open_bytes(&split, split.size, &gguf, &err) == STATUS_DATA && strstr(err.text, "one of 3 parts of a split model; merge them"), "%s", err.text);
  put_key(&twice, "a", GGUF_UINT8), put_int(&twice, 1, 0);
  ok(open_bytes(&twice, twice.size, &gguf, &err) == STATUS_OK && weights_count(gguf_weights(gguf)) == 0, "a vocabulary needs no tensor %s", err.text);
  gguf_close(gguf);
  put_key(&twice, "a", GGUF_UINT8), put_int(&twice, 1, 0);
  twice.data[16] = 2;
  ok(open_bytes(&twice, twice.size, &gguf, &err) == STATUS_DATA && strstr(err.text, "key a appears twice"), "%s", err.text);
  put_key(&odd, "general.alignment", GGUF_STRING), put_text(&odd, "32");
  ok(open_bytes(&odd, odd.size, &gguf, &err) == STATUS_DATA && strstr(err.text, "general.alignment is not an integer"), "%s", err.text);
  ok(open_bytes(&odd, 0, &gguf, &err) == STATUS_DATA && strstr(err.text, "0 bytes, too short for a GGUF file"), "an empty file: %s", err.text);
  ok(gguf_open("/no/such/file", &gguf, &err) == STATUS_SYSTEM && strstr(err.text, "/no/such/file: cannot open: No such file"), "%s", err.text);
  drop(&deep), drop(&split), drop(&twice), drop(&odd);
}

static void test_truncation(void) {
  Bytes b = small_gguf(3);
  size_t wrong = 0;
  for (size_t size = 0; size < b.size; size++) {
    Error err;
    Gguf *gguf;
    const Status status = open_bytes(&b, size, &gguf, &err);
    wrong += status != STATUS_DATA || !err.text[0] || gguf;
    gguf_close(gguf);
  }
  ok(wrong == 0, "a file cut at any of its %zu bytes is an error that says so", b.size);
  drop(&b);
}

static bool inside(const Gguf *gguf, const void *bytes, size_t size) {
  const FileMap *map = gguf_map(gguf);
  const uint8_t *p = bytes;
  return p >= map->bytes && p <= map->bytes + map->size && size <= (size_t)(map->bytes + map->size - p);
}

/* Everything a reader can reach stays inside the file; reading it is left to the sanitizers. */
static bool is_sound(const Gguf *gguf) {
  bool sound = true;
  for (size_t i = 0; i < gguf_key_count(gguf); i++) {
    const char *key = gguf_key(gguf, i);
    GgufText text;
    double value;
    const GgufArray *array = gguf_array(gguf, key);
    gguf_real(gguf, key, &value);
    if (gguf_text(gguf, key, &text)) sound = sound && inside(gguf, text.bytes, text.size);
    for (size_t j = 0; array && j < gguf_array_count(array); j++) {
      const GgufType type = gguf_array_type(array);
      if (type == GGUF_STRING) sound = sound && inside(gguf, gguf_array_text(array, j).bytes, gguf_array_text(array, j).size);
      else if (type == GGUF_BOOL) gguf_array_integer(array, j);
      else if (type != GGUF_ARRAY) gguf_array_real(array, j);
    }
  }
  const Weights *weights = gguf_weights(gguf);
  for (size_t i = 0; i < weights_count(weights); i++) {
    const Tensor *tensor = weights_at(weights, i);
    sound = sound && inside(gguf, tensor->bytes, tensor->n_bytes);
    float *values = mem_alloc(tensor->count, sizeof *values);
    if (sound) dtype_widen(tensor->dtype, tensor->bytes, tensor->count, values);
    free(values);
  }
  return sound;
}

static void test_damage(uint64_t seed) {
  enum { ROUNDS = 4000 };
  const Bytes good = small_gguf(3);
  Rng rng = rng_new(seed);
  size_t wrong = 0, opened = 0;
  for (int i = 0; i < ROUNDS; i++) {
    Error err;
    Gguf *gguf;
    Bytes b = copy_of(&good);
    damage(&b, &rng);
    const Status status = open_bytes(&b, b.size, &gguf, &err);
    if (status == STATUS_OK) {
      opened++;
      wrong += !is_sound(gguf);
    } else {
      wrong += status != STATUS_DATA || !err.text[0] || gguf;
    }
    gguf_close(gguf);
    drop(&b);
  }
  ok(wrong == 0 && opened > 0 && opened < ROUNDS, "%d damaged files (seed %llu): %zu open, the rest are refused with a message",
     ROUNDS, (unsigned long long)seed, opened);
  Bytes b = good;
  drop(&b);
}

int main(int argc, char **argv) {
  if (!mkdtemp(folder)) return 99;
  path = file_join(folder, "small.gguf");
  test_good(2);
  test_good(3);
  test_faults();
  test_whole_files();
  test_truncation();
  test_damage(argc > 1 ? strtoull(argv[1], NULL, 10) : 20);
  unlink(path);
  rmdir(folder);
  free(path);
  return tap_end();
}
