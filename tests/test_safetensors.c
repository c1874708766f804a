/* weights/safetensors: written files read back, and a one-line error for every way to break the header or the data. */
#include "tests/bytes.h"
#include "tests/tap.h"
#include "weights/safetensors.h"

#include <signal.h>
#include <sys/resource.h>

static char folder[] = "/tmp/fathom-safetensors.XXXXXX";
static char *path;

/* One opened file; close_file also takes a failed one. */
typedef struct Opened {
  Status status;
  Error err;
  FileMap map;
  Weights *weights;
} Opened;

static Opened open_file(void) {
  Opened o = {.weights = weights_new()};
  o.status = safetensors_open(path, &o.map, o.weights, &o.err);
  return o;
}

static void close_file(Opened *o) {
  weights_free(o->weights);
  file_unmap(&o->map);
}

/* A file of this header and n_data bytes 0, 1, 2, ... */
static Bytes file_of(const char *header, size_t n_data) {
  Bytes b = {0};
  put_int(&b, 8, strlen(header));
  put(&b, header, strlen(header));
  for (size_t i = 0; i < n_data; i++) put_int(&b, 1, i);
  return b;
}

static Opened open_bytes(const Bytes *b, size_t size) {
  write_bytes(path, b, size);
  return open_file();
}

enum { LARGE = 3 * 4096 + 5 }; /* more than the writer narrows at a time, and no multiple of it */

static void check_large(const Tensor *t, const float *values, Dtype dtype) {
  float *back = mem_alloc(LARGE, sizeof *back), *expected = mem_alloc(LARGE, sizeof *expected);
  uint8_t *narrow = mem_alloc(LARGE, sizeof *values);
  dtype_narrow(dtype, values, LARGE, narrow);
  dtype_widen(dtype, narrow, LARGE, expected);
  if (ok(t && t->count == LARGE && t->dtype == dtype, "%s: the large tensor is there", dtype_info(dtype)->name)) {
    dtype_widen(t->dtype, t->bytes, LARGE, back);
    ok(memcmp(back, expected, LARGE * sizeof *back) == 0, "%s: its values are the rounded ones", dtype_info(dtype)->name);
  }
  free(back);
  free(expected);
  free(narrow);
}

static void test_round_trip(Dtype dtype) {
  float *values = mem_alloc(LARGE, sizeof *values);
  for (size_t i = 0; i < LARGE; i++) values[i] = (float)i * 2.385f - 7000;
  const float few[6] = {1, -2, 0.5f, 4, 5, -6};
  const SafetensorsEntry entries[] = {{"few \"quoted\" \xc3\xa9", 2, {2, 3}, few}, {"scalar", 0, {0}, few + 2}, {"large", 1, {LARGE}, values}};
  Error err = {0};
  ok(safetensors_write(path, entries, 3, dtype, &err) == STATUS_OK, "%s: written %s", dtype_info(dtype)->name, err.text);
  Opened o = open_file();
  if (ok(o.status == STATUS_OK && weights_count(o.weights) == 3, "%s: read back %s", dtype_info(dtype)->name, o.err.text)) {
    const Tensor *t = weights_find(o.weights, entries[0].name), *scalar = weights_find(o.weights, "scalar");
    float back[6] = {0}, one = 0;
    ok(t && t->n_dims == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->shape[2] == 1 && (size_t)(t->bytes - o.map.bytes) % 8 == 0,
       "%s: names, shapes and alignment", dtype_info(dtype)->name);
    if (t) dtype_widen(t->dtype, t->bytes, 6, back);
    if (scalar) dtype_widen(scalar->dtype, scalar->bytes, 1, &one);
    ok(memcmp(back, few, sizeof few) == 0 && scalar && scalar->n_dims == 0 && scalar->count == 1 && one == 0.5f,
       "%s: small values are exact", dtype_info(dtype)->name);
    check_large(weights_find(o.weights, "large"), values, dtype);
  }
  close_file(&o);
  free(values);
}

static void test_write_errors(void) {
  float *values = mem_alloc(LARGE, sizeof *values);
  const SafetensorsEntry entry = {"w", 1, {LARGE}, values};
  Error err = {0};
  ok(safetensors_write("/dev/full", &entry, 1, DTYPE_F32, &err) == STATUS_SYSTEM && strstr(err.text, "/dev/full: a write failed: is the disk full?"),
     "%s", err.text);
  ok(safetensors_write("/no/such/model.safetensors", &entry, 1, DTYPE_F32, &err) == STATUS_SYSTEM && strstr(err.text, "cannot write here: No such file"),
     "%s", err.text);
  signal(SIGXFSZ, SIG_IGN);
  const struct rlimit small = {8192, RLIM_INFINITY}, any = {RLIM_INFINITY, RLIM_INFINITY};
  setrlimit(RLIMIT_FSIZE, &small); /* a disk that fills up on the way */
  char *part = mem_format("%s.part", path);
  unlink(path);
  const Status status = safetensors_write(path, &entry, 1, DTYPE_F32, &err);
  setrlimit(RLIMIT_FSIZE, &any);
  ok(status == STATUS_SYSTEM && !file_exists(path) && !file_exists(part), "a file that cannot be finished leaves nothing: %s", err.text);
  free(part);
  free(values);
}

#define ENTRY(dtype, shape, offsets) "{\"dtype\":" dtype ",\"shape\":" shape ",\"data_offsets\":" offsets "}"
#define A ENTRY("\"F32\"", "[2]", "[0,8]")

static const struct {
  const char *header;
  size_t n_data;
  const char *message;
} faults[] = {
    {"[]", 0, "the header is no JSON object"},
    {"{\"a\":", 0, "broken JSON at byte"},
    {"{} x", 0, "text after the JSON value"},
    {"{\"\xff\":" A "}", 8, "not UTF-8 at byte 2"},
    {"{\"a\":3}", 0, "tensor a: \"dtype\" is missing or no string"},
    {"{\"a\":" ENTRY("7", "[2]", "[0,8]") "}", 8, "tensor a: \"dtype\" is missing or no string"},
    {"{\"a\":" ENTRY("\"I64\"", "[1]", "[0,8]") "}", 8, "tensor a has dtype I64, expected F32, F16 or BF16"},
    {"{\"a\":" ENTRY("\"F32\"", "3", "[0,8]") "}", 8, "tensor a: \"shape\" is missing or no array"},
    {"{\"a\":" ENTRY("\"F32\"", "[1,1,1,1,2]", "[0,8]") "}", 8, "tensor a has 5 dimensions, expected at most 4"},
    {"{\"a\":" ENTRY("\"F32\"", "[2,-1]", "[0,8]") "}", 8, "tensor a: dimension 1 is no whole number"},
    {"{\"a\":" ENTRY("\"F32\"", "[1.5]", "[0,8]") "}", 8, "tensor a: dimension 0 is no whole number"},
    {"{\"a\":" ENTRY("\"F32\"", "[\"2\"]", "[0,8]") "}", 8, "tensor a: dimension 0 is no whole number"},
    {"{\"a\":" ENTRY("\"F32\"", "[1e300]", "[0,8]") "}", 8, "tensor a: dimension 0 is no whole number"},
    {"{\"a\":" ENTRY("\"F32\"", "[2,0]", "[0,0]") "}", 0, "tensor a: dimension 1 is 0"},
    {"{\"a\":" ENTRY("\"F32\"", "[9000000000000000,9000000000000000]", "[0,8]") "}", 8, "more elements than can be counted"},
    {"{\"a\":" ENTRY("\"F32\"", "[8000000000000000,2000]", "[0,8]") "}", 8, "more bytes than can be counted"},
    {"{\"a\":" ENTRY("\"F32\"", "[2]", "[0]") "}", 8, "tensor a: \"data_offsets\" is missing or not two whole numbers"},
    {"{\"a\":" ENTRY("\"F32\"", "[2]", "[0,8,9]") "}", 8, "tensor a: \"data_offsets\" is missing or not two whole numbers"},
    {"{\"a\":" ENTRY("\"F32\"", "[2]", "[-8,0]") "}", 8, "tensor a: \"data_offsets\" is missing or not two whole numbers"},
    {"{\"a\":" ENTRY("\"F32\"", "[2]", "[8,0]") "}", 8, "tensor a: data from 8 to 0, expected within the file's 8 bytes"},
    {"{\"a\":" ENTRY("\"F32\"", "[2]", "[0,9]") "}", 8, "tensor a: data from 0 to 9, expected within the file's 8 bytes"},
    {"{\"a\":" ENTRY("\"F32\"", "[3]", "[0,8]") "}", 8, "tensor a: 8 bytes of data, expected 12 for 3 elements of F32"},
    {"{\"a\":" A ",\"a\":" ENTRY("\"F32\"", "[2]", "[8,16]") "}", 16, "a second tensor named a"},
    {"{\"a\":" A ",\"b\":" ENTRY("\"F32\"", "[2]", "[4,12]") "}", 12, "tensor b begins at byte 4 of the data, expected 8 (an overlap)"},
    {"{\"a\":" A ",\"b\":" ENTRY("\"F16\"", "[2]", "[12,16]") "}", 16, "tensor b begins at byte 12 of the data, expected 8 (a hole)"},
    {"{\"a\":" A "}", 9, "the tensors need 8 bytes of data, the file has 9"},
};

static Opened open_model(const char *header, size_t n_data) {
  Bytes b = file_of(header, n_data);
  Opened o = {.weights = weights_new()};
  write_bytes(path, &b, b.size);
  o.status = safetensors_open_model(path, &o.map, o.weights, &o.err);
  drop(&b);
  return o;
}

/* A model's file may hold what is no weight; it is checked for its place and its name all the same. */
static void test_skipped(void) {
#define MASK(offsets) ENTRY("\"BOOL\"", "[3]", offsets)
  Opened o = open_model("{\"mask\":" MASK("[0,3]") ",\"a\":" ENTRY("\"F32\"", "[2]", "[3,11]") "}", 11);
  const SkippedTensor *mask = weights_skipped_find(o.weights, "mask");
  ok(o.status == STATUS_OK && weights_count(o.weights) == 1 && weights_find(o.weights, "a") && !weights_find(o.weights, "mask"),
     "a model's file may hold tensors of other types%s", o.err.text);
  ok(mask && weights_skipped_count(o.weights) == 1 && mask == weights_skipped_at(o.weights, 0) && strcmp(mask->name, "mask") == 0 &&
         strcmp(mask->dtype, "BOOL") == 0 && strcmp(mask->file, path) == 0 && !weights_skipped_find(o.weights, "a"),
     "which are kept by name and type");
  close_file(&o);
  static const struct {
    const char *header;
    size_t n_data;
    const char *message;
  } bad[] = {{"{\"mask\":" MASK("[0,4]") ",\"a\":" A "}", 8, "tensor a begins at byte 0"},
             {"{\"mask\":" MASK("[0,9]") "}", 8, "tensor mask: data from 0 to 9, expected within"},
             {"{\"a\":" A ",\"a\":" MASK("[8,11]") "}", 11, "a second tensor named a"},
             {"{\"a\":" MASK("[0,3]") ",\"a\":" MASK("[3,6]") "}", 6, "a second tensor named a"},
             {"{\"a\":" MASK("[0,3]") ",\"a\":" ENTRY("\"F32\"", "[2]", "[3,11]") "}", 11, "a second tensor named a"}};
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    o = open_model(bad[i].header, bad[i].n_data);
    ok(o.status == STATUS_DATA && strstr(o.err.text, bad[i].message), "%s", o.err.text);
    close_file(&o);
  }
}

static void test_faults(void) {
  for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) {
    Bytes b = file_of(faults[i].header, faults[i].n_data);
    Opened o = open_bytes(&b, b.size);
    ok(o.status == STATUS_DATA && !o.map.bytes && strncmp(o.err.text, path, strlen(path)) == 0 && strstr(o.err.text, faults[i].message),
       "%s", o.err.text);
    close_file(&o);
    drop(&b);
  }
  Bytes b = file_of("{}", 0);
  b.data[3] = 5; /* 83886082 bytes: within the format's limit, not within the file */
  Opened o = open_bytes(&b, b.size);
  ok(o.status == STATUS_DATA && strstr(o.err.text, "truncated: a header of 83886082 bytes, but only 2 follow"), "%s", o.err.text);
  close_file(&o);
  b.data[7] = 0x80;
  o = open_bytes(&b, b.size);
  ok(o.status == STATUS_DATA && strstr(o.err.text, "expected 2 to 100000000: not a safetensors file?"), "%s", o.err.text);
  close_file(&o);
  drop(&b);
  unlink(path);
  o = open_file();
  ok(o.status == STATUS_SYSTEM && strstr(o.err.text, "cannot open: No such file"), "%s", o.err.text);
  close_file(&o);
}

static Bytes good_file(void) {
  return file_of("{\"__metadata__\":{\"format\":\"pt\"},\"b\":" ENTRY("\"BF16\"", "[2,2]", "[8,16]") ",\"a\":" A ",\"c\":" ENTRY(
                     "\"F16\"", "[1,1,1,3]", "[16,22]") "}  ", 22);
}

static bool is_sound(const Opened *o) {
  bool sound = true;
  for (size_t i = 0; i < weights_count(o->weights); i++) {
    const Tensor *t = weights_at(o->weights, i);
    sound = sound && t->bytes >= o->map.bytes && t->n_bytes <= (size_t)(o->map.bytes + o->map.size - t->bytes);
    float *values = mem_alloc(t->count, sizeof *values);
    if (sound) dtype_widen(t->dtype, t->bytes, t->count, values);
    free(values);
  }
  return sound;
}

static void test_truncation(void) {
  Bytes b = good_file();
  Opened o = open_bytes(&b, b.size);
  ok(o.status == STATUS_OK && weights_count(o.weights) == 3 && strcmp(weights_at(o.weights, 0)->name, "b") == 0 && is_sound(&o),
     "tensors in the header's order, data in another %s", o.err.text);
  close_file(&o);
  size_t wrong = 0;
  for (size_t size = 0; size < b.size; size++) {
    o = open_bytes(&b, size);
    wrong += o.status != STATUS_DATA || !o.err.text[0];
    close_file(&o);
  }
  ok(wrong == 0, "a file cut at any of its %zu bytes is an error that says so", b.size);
  drop(&b);
}

static void test_damage(uint64_t seed) {
  enum { ROUNDS = 4000 };
  Bytes good = good_file();
  Rng rng = rng_new(seed);
  size_t wrong = 0, opened = 0;
  for (int i = 0; i < ROUNDS; i++) {
    Bytes b = copy_of(&good);
    damage(&b, &rng);
    Opened o = open_bytes(&b, b.size);
    opened += o.status == STATUS_OK;
    wrong += o.status == STATUS_OK ? !is_sound(&o) : o.status != STATUS_DATA || !o.err.text[0];
    close_file(&o);
    drop(&b);
  }
  ok(wrong == 0 && opened > 0 && opened < ROUNDS, "%d damaged files (seed %llu): %zu open, the rest are refused with a message",
     ROUNDS, (unsigned long long)seed, opened);
  drop(&good);
}

int main(int argc, char **argv) {
  if (!mkdtemp(folder)) return 99;
  path = file_join(folder, "small.safetensors");
  test_round_trip(DTYPE_F32);
  test_round_trip(DTYPE_F16);
  test_round_trip(DTYPE_BF16);
  test_write_errors();
  test_faults();
  test_skipped();
  test_truncation();
  test_damage(argc > 1 ? strtoull(argv[1], NULL, 10) : 21);
  unlink(path);
  ok(rmdir(folder) == 0, "nothing is left behind");
  free(path);
  return tap_end();
}
