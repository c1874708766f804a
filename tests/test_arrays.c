/* weights/arrays: every type, order and kind of file against the numbers they were made of, and every way in which a .npy
 * or .npz can be wrong, each told in one line. Run with a seed to break other bytes. */
#include "tests/made_arrays.h"
#include "tests/tap.h"
#include "weights/arrays.h"

enum { ROWS = 11, WIDTH = 5 };

static char folder[] = "/tmp/fathom-arrays.XXXXXX";
static char *path;

static char *fixture(const char *name) {
  const char *source = getenv("SRCDIR");
  return mem_format("%s/tests/fixtures/import/%s", source ? source : ".", name);
}

static float number(size_t i, size_t j) { return (float)((int)((7 * i + 3 * j) % 64) - 20) / 4; }

/* The rows in steps, with memory for so many of them at a time where they are transposed. */
static bool has_numbers(const ArrayFile *file, const Array *array, size_t step, size_t part) {
  float rows[ROWS * WIDTH];
  ArrayRows *reader = NULL;
  Error err = {0};
  bool right = array->n_dims == 2 && array->shape[0] == ROWS && array->shape[1] == WIDTH &&
               array_rows_open(file, array, part * (WIDTH + 16) * sizeof(float), &reader, &err) == STATUS_OK;
  for (size_t at = 0, n; right && at < ROWS; at += n) {
    n = ROWS - at < step ? ROWS - at : step;
    right = array_rows_read(reader, n, rows + at * WIDTH, &err) == STATUS_OK;
  }
  right = right && array_rows_check(reader, &err) == STATUS_OK;
  for (size_t i = 0; right && i < ROWS; i++)
    for (size_t j = 0; right && j < WIDTH; j++) right = rows[i * WIDTH + j] == number(i, j);
  if (!right) printf("# %s %s: step %zu, part %zu: %s\n", file->path, array->name, step, part, err.text);
  array_rows_close(reader);
  return right;
}

static bool has_integers(const ArrayFile *file, const Array *array) {
  int64_t *values;
  Error err = {0};
  const int64_t first = array->type == ARRAY_SIGNED ? -7 : 7;
  if (array_read_integers(file, array, &values, &err) != STATUS_OK) return false;
  const bool right = array->count == 3 && values[0] == first && values[1] == 0 && values[2] == 100;
  free(values);
  return right;
}

static bool has_texts(const ArrayFile *file, const Array *array) {
  char **texts;
  Error err = {0};
  if (array_read_texts(file, array, &texts, &err) != STATUS_OK) return false;
  const bool wide = array->type == ARRAY_UTF32;
  const bool right = array->count == 3 && strcmp(texts[0], wide ? "é€" : "é") == 0 && texts[1][0] == 0 &&
                     strcmp(texts[2], wide ? "a🙂bc" : "abcd") == 0;
  for (size_t i = 0; i < array->count; i++) free(texts[i]);
  free(texts);
  return right;
}

static void test_types(const char *name, size_t n_floats, size_t n_integers, size_t n_texts) {
  Error err = {0};
  ArrayFile file;
  char *from = fixture(name);
  size_t floats = 0, integers = 0, texts = 0;
  const bool opens = arrays_open(from, &file, &err) == STATUS_OK;
  for (size_t i = 0; opens && i < file.count; i++) {
    const Array *array = &file.items[i];
    if (array_is_float(array))
      floats += has_numbers(&file, array, 11, 11) && has_numbers(&file, array, 4, 3) && has_numbers(&file, array, 1, 0);
    if (array_is_integer(array)) integers += has_integers(&file, array);
    if (array_is_text(array)) texts += has_texts(&file, array);
  }
  ok(opens && floats == n_floats && integers == n_integers && texts == n_texts,
     "%s: %zu of %zu arrays of floats, %zu of %zu of integers, %zu of %zu of texts %s", name, floats, n_floats, integers, n_integers,
     texts, n_texts, err.text);
  if (opens) arrays_close(&file);
  free(from);
}

/* --- what is wrong --- */

static void refused(const Bytes *b, const char *message) {
  Error err = {0};
  ArrayFile file;
  write_bytes(path, b, b->size);
  const Status status = arrays_open(path, &file, &err);
  if (!ok(status == STATUS_DATA && strncmp(err.text, path, strlen(path)) == 0 && strstr(err.text, message), "%s", err.text))
    printf("# expected: %s\n", message);
  if (status == STATUS_OK) arrays_close(&file);
}

static void test_headers(void) {
  static const char general[] = "its .npy header is not {'descr'";
  static const struct {
    const char *header, *message;
    size_t n_bytes;
  } cases[] = {
      {NPY("'<f4'", "False", "(2, 3)"), "its shape needs 24 bytes, but 23 follow the header: truncated?", 23},
      {NPY("'<f4'", "False", "(2, 3)"), "its shape needs 24 bytes, but 25 follow the header", 25},
      {NPY("'<f4'", "False", "(4294967296, 4294967296)"), "its shape is too large", 24},
      {NPY("'<f4'", "False", "(6148914691236517206, 3)"), "its shape is too large", 24},
      {NPY("'<f4'", "False", "(99999999999999999999,)"), general, 24},
      {NPY("'<f4'", "False", "(-2, 3)"), general, 24},
      {NPY("'<f4'", "False", "(2 3)"), general, 24},
      {NPY("'<f4'", "False", "2"), general, 24},
      {NPY("'<f4'", "False", "(1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,6)"), general, 24},
      {NPY("'<f4'", "0", "(2, 3)"), general, 24},
      {NPY("<f4", "False", "(2, 3)"), general, 24},
      {NPY("'<f4", "False", "(2, 3)"), general, 24},
      {NPY("'<f4567890123456789012345678901234567890'", "False", "(2, 3)"), general, 24},
      {NPY("[('a', '<f4')]", "False", "(2, 3)"), "its elements have named fields, expected plain numbers", 24},
      {"{'descr': '<f4', 'shape': (2, 3)}", general, 24},
      {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}", general, 24},
      {"{'descr': '<f4', 'order': 'C', 'fortran_order': False, 'shape': (2, 3)}", general, 24},
      {NPY("'<f4'", "False", "(2, 3)") "{}", general, 24},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)", general, 24},
      {"", general, 0},
  };
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Bytes b = npy(1, cases[i].header, cases[i].n_bytes);
    refused(&b, cases[i].message);
    drop(&b);
  }
  Bytes b = npy(4, NPY("'<f4'", "False", "(2, 3)"), 24);
  refused(&b, ".npy version 4.0, expected 1 to 3");
  drop(&b);
  b = npy(1, NPY("'<f4'", "False", "(2, 3)"), 24);
  patch(&b, "length", 2, 999);
  refused(&b, "a header of 999 bytes, expected at most 84");
  b.size = 9;
  refused(&b, "is no .npy file");
  drop(&b);
  b = npy(2, NPY("'<f4'", "False", "(2, 3)"), 24);
  patch(&b, "length", 4, 0xffffffff);
  refused(&b, "a header of 4294967295 bytes, expected at most 84");
  b.size = 11;
  refused(&b, "truncated: 11 bytes");
  drop(&b);
}

static void test_accepted_headers(void) {
  static const char *const headers[] = {
      "{\"shape\":(2L,3L),\"fortran_order\":True,\"descr\":\"<f4\"}",
      "  { 'descr' : '<f4' ,\n 'fortran_order' : False , 'shape' : ( 2 , 3 , ) }   \n",
  };
  for (size_t i = 0; i < sizeof headers / sizeof headers[0]; i++) {
    Error err = {0};
    ArrayFile file;
    Bytes b = npy(1, headers[i], 24);
    write_bytes(path, &b, b.size);
    ok(arrays_open(path, &file, &err) == STATUS_OK && file.items->n_dims == 2 && file.items->shape[1] == 3 &&
           file.items->type == ARRAY_F32 && file.items->is_fortran == (i == 0),
       "a header of other blanks and quotes: %s", err.text);
    arrays_close(&file);
    drop(&b);
  }
}

static void zip_refused(bool wide, const char *place, size_t n, uint64_t value, const char *message) {
  Bytes b = zip("a.npy", "b.npy", wide);
  patch(&b, place, n, value);
  refused(&b, message);
  drop(&b);
}

static void test_zips(void) {
  for (int wide = 0; wide < 2; wide++) {
    Error err = {0};
    ArrayFile file;
    int64_t *values = NULL;
    Bytes b = zip("a.npy", "b.npy", wide);
    write_bytes(path, &b, b.size);
    ok(arrays_open(path, &file, &err) == STATUS_OK && file.count == 2 && arrays_find(&file, "b") && !arrays_find(&file, "c") &&
           array_read_integers(&file, arrays_find(&file, "a"), &values, &err) == STATUS_OK && values[1] == 0x302,
       "a zip file by hand%s: %s", wide ? ", a size in 64 bits" : "", err.text);
    free(values);
    arrays_close(&file);
    drop(&b);
  }
  zip_refused(false, "flags", 2, 1, "array a: is encrypted");
  zip_refused(false, "method", 2, 12, "array a: is packed by method 12, expected stored (0) or deflated (8)");
  zip_refused(false, "method", 2, 8, "array a: the deflated data end 2 bytes too early");
  zip_refused(false, "stored", 4, 7, "array a: 93 bytes from 7 stored ones cannot be");
  zip_refused(false, "size", 4, 1 << 20, "array a: 1048576 bytes from 93 stored ones cannot be");
  zip_refused(false, "offset", 4, 1 << 20, "bytes at 1048576 are not in the file's");
  zip_refused(false, "offset", 4, 1, "bytes at 1 are not in the file's");
  zip_refused(false, "local", 1, 0, "expected a .npy or .npz of numpy");
  zip_refused(false, "entry", 1, 0, "entry 0 of the zip directory is broken");
  zip_refused(false, "extra", 2, 999, "entry 0 of the zip directory is broken");
  zip_refused(false, "array", 1, 'x', "array a: is no .npy file");
  zip_refused(false, "disks", 2, 1, "a zip file in several parts, expected one");
  zip_refused(false, "count", 2, 3, "a zip file in several parts, expected one");
  zip_refused(false, "directory size", 4, 1 << 20, "do not fit into the file's");
  zip_refused(false, "directory", 4, 1 << 20, "do not fit into the file's");
  zip_refused(false, "count", 2, 0xffff, "the zip file's 64-bit directory is broken");
  zip_refused(false, "comment", 2, 5, "the end of the directory was not found");
  zip_refused(true, "id64", 2, 7, "entry 0 of the zip directory is broken");
  zip_refused(true, "length64", 2, 8, "entry 0 of the zip directory is broken");
  zip_refused(true, "length64", 2, 17, "entry 0 of the zip directory is broken");
  zip_refused(true, "size64", 8, UINT64_MAX, "bytes from 93 stored ones cannot be");
  Bytes b = zip("a.npy", "a.npy", false);
  refused(&b, "a second array named a");
  drop(&b);
  b = zip("archive/data.pkl", "b.npy", false);
  refused(&b, "member archive/data.pkl is no .npy: expected a file of numpy.savez");
  drop(&b);
  b = zip("\xff.npy", "b.npy", false);
  refused(&b, "the name of a member is no UTF-8");
  drop(&b);
  b = zip("a.npy", "b.npy", false);
  b.size -= 30;
  refused(&b, "the end of the directory was not found");
  drop(&b);
}

static void test_values(void) {
  Error err = {0};
  ArrayFile file;
  int64_t *values = NULL;
  char **texts = NULL;
  Bytes b = zip("a.npy", "b.npy", false);
  patch(&b, "crc", 4, 12345);
  write_bytes(path, &b, b.size);
  ok(arrays_open(path, &file, &err) == STATUS_OK && array_read_integers(&file, file.items, &values, &err) == STATUS_DATA &&
         strstr(err.text, "array a: the checksum of its bytes is") && !values, "%s", err.text);
  arrays_close(&file);
  drop(&b);
  b = npy(1, NPY("'<u8'", "False", "(2,)"), 0);
  put_int(&b, 8, 5);
  put_int(&b, 8, UINT64_MAX);
  write_bytes(path, &b, b.size);
  ok(arrays_open(path, &file, &err) == STATUS_OK && array_read_integers(&file, file.items, &values, &err) == STATUS_DATA &&
         strstr(err.text, "entry 1 is too large"), "%s", err.text);
  arrays_close(&file);
  drop(&b);
  for (int i = 0; i < 3; i++) {
    b = npy(1, i == 2 ? NPY("'|S4'", "False", "(2,)") : NPY("'<U1'", "False", "(2,)"), 0);
    put_int(&b, 4, i == 2 ? 0x63626100 : 'a'); /* a zero byte inside */
    put_int(&b, 4, i == 0 ? 0xd800 : 0x110000);
    write_bytes(path, &b, b.size);
    ok(arrays_open(path, &file, &err) == STATUS_OK && array_read_texts(&file, file.items, &texts, &err) == STATUS_DATA &&
           strstr(err.text, i == 2 ? "entry 0 is no text of Unicode" : "entry 1 is no text of Unicode") && !texts, "%s", err.text);
    arrays_close(&file);
    drop(&b);
  }
  b = npy(1, NPY("'<i4'", "False", "(2, 3)"), 24);
  write_bytes(path, &b, b.size);
  ok(arrays_open(path, &file, &err) == STATUS_OK && array_read_integers(&file, file.items, &values, &err) == STATUS_DATA &&
         strstr(err.text, "2 dimensions, expected one"), "%s", err.text);
  arrays_close(&file);
  drop(&b);
}

/* Reads all that there is; false where something fails without a line of its own. */
static bool read_all(void) {
  Error err = {0};
  ArrayFile file;
  Status status = arrays_open(path, &file, &err);
  if (status != STATUS_OK) return status == STATUS_DATA && err.text[0];
  bool right = true;
  for (size_t i = 0; right && i < file.count; i++) {
    const Array *array = &file.items[i];
    if (array_is_float(array) && array->n_dims == 2 && array->count > 0 && array->shape[1] < 1000) {
      ArrayRows *reader = NULL;
      float rows[1000];
      status = array_rows_open(&file, array, 4096, &reader, &err);
      for (size_t row = 0; status == STATUS_OK && row < array->shape[0]; row++) status = array_rows_read(reader, 1, rows, &err);
      if (status == STATUS_OK) status = array_rows_check(reader, &err);
      array_rows_close(reader);
    } else if (array_is_integer(array)) {
      int64_t *values = NULL;
      status = array_read_integers(&file, array, &values, &err);
      free(values);
    } else if (array_is_text(array)) {
      char **texts = NULL;
      status = array_read_texts(&file, array, &texts, &err);
      for (size_t t = 0; texts && t < array->count; t++) free(texts[t]);
      free(texts);
    }
    right = status == STATUS_OK || (status == STATUS_DATA && err.text[0]);
  }
  arrays_close(&file);
  return right;
}

static void test_broken_bytes(const char *name, uint64_t seed) {
  enum { TIMES = 600 };
  Error err = {0};
  FileMap map;
  char *from = fixture(name);
  Rng rng = rng_new(seed);
  bool right = file_map(from, &map, &err) == STATUS_OK;
  for (int i = 0; right && i < TIMES; i++) {
    Bytes b = {0};
    put(&b, map.bytes, map.size);
    if (i % 4 == 0)
      b.size = rng_below(&rng, b.size);
    else
      damage(&b, &rng);
    write_bytes(path, &b, b.size);
    right = read_all();
    if (!right) printf("# %s: try %d\n", name, i);
    drop(&b);
  }
  ok(right, "%s broken %d times (seed %llu): an error or numbers", name, TIMES, (unsigned long long)seed);
  file_unmap(&map);
  free(from);
}

int main(int argc, char **argv) {
  const uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 10) : 906;
  if (!mkdtemp(folder)) return 1;
  path = file_join(folder, "bad.npz");
  test_types("types.npz", 14, 14, 3);
  test_types("types_deflated.npz", 14, 14, 3);
  test_types("zip64.npz", 2, 0, 0);
  test_types("types.safetensors", 3, 2, 0);
  test_types("version2.npy", 1, 0, 0);
  test_accepted_headers();
  test_headers();
  test_zips();
  test_values();
  test_broken_bytes("types.npz", seed);
  test_broken_bytes("types_deflated.npz", seed);
  test_broken_bytes("zip64.npz", seed);
  test_broken_bytes("version1.npy", seed);
  unlink(path);
  free(path);
  ok(rmdir(folder) == 0, "nothing was left in the folder");
  return tap_end();
}
