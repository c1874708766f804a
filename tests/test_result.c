/* store/result: arrays, texts and appended curves come back; a run's file is whole at every moment; bad files are told. */
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "store/result.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/fathom-result.XXXXXX";

static char *in_folder(const char *name) { return file_join(folder, name); }

static const char *const words[] = {"fathom", "drift", "a.h5", "b c.h5"};
static const Provenance origin = {.command = "drift", .argc = 4, .argv = (char *const *)words, .seed = 11,
                                  .models = {{"m.gguf", "abc"}, {"n", "def"}}, .n_models = 2};

static void test_written(void) {
  Error err = {0};
  char *path = in_folder("d.h5"), *part = in_folder("d.h5.part"), *text = NULL, **names = NULL;
  Result *result = NULL;
  const double values[6] = {1, -2.385, NAN, INFINITY, 1e-300, 0};
  ok(result_create(path, "drift", &origin, &result, &err) == STATUS_OK, "a result is made: %s", err.text);
  ok(result_write_array(result, "value", 2, (size_t[]){2, 3}, values, &err) == STATUS_OK &&
         result_write_array(result, "deep/er/cube", 3, (size_t[]){1, 2, 3}, values, &err) == STATUS_OK &&
         result_write_array(result, "empty", 2, (size_t[]){0, 3}, values, &err) == STATUS_OK &&
         result_write_strings(result, "site", (const char *[]){"blocks.0.hook_resid_post", "", "\xc3\xa9t\xc3\xa9"}, 3, &err) == STATUS_OK &&
         result_write_strings(result, "none", NULL, 0, &err) == STATUS_OK &&
         result_write_attribute(result, "note", "first", &err) == STATUS_OK &&
         result_write_attribute(result, "note", "second", &err) == STATUS_OK, "arrays, texts and an attribute are written: %s", err.text);
  ok(result_write_array(result, "value", 1, (size_t[]){1}, values, &err) == STATUS_DATA && strstr(err.text, "value: cannot make this dataset"),
     "a name is used once: %s", err.text);
  ok(!file_exists(path) && file_exists(part), "nothing has the final name yet");
  ok(result_finish(result, &err) == STATUS_OK && file_exists(path) && !file_exists(part), "finishing gives the name");

  size_t rank = 0, shape[RESULT_MAX_RANK], n = 0;
  double *read = NULL;
  ok(result_open(path, &result, &err) == STATUS_OK && strcmp(result_kind(result), "drift") == 0 &&
         strcmp(result_command_line(result), "fathom drift a.h5 'b c.h5'") == 0 && result_seed(result) == origin.seed,
     "kind, arguments and seed come back: %s", err.text);
  bool is_text = true;
  ok(result_describe(result, "value", &is_text, &rank, shape, &err) == STATUS_OK && !is_text && rank == 2 && shape[0] == 2 && shape[1] == 3 &&
         result_describe(result, "site", &is_text, &rank, shape, &err) == STATUS_OK && is_text && rank == 1 && shape[0] == 3,
     "datasets are described without reading them: %s", err.text);
  ok(result_describe(result, "values", &is_text, &rank, shape, &err) == STATUS_DATA && strstr(err.text, "d.h5: values: cannot open this dataset"),
     "a missing one: %s", err.text);
  ok(result_read_array(result, "value", &rank, shape, &read, &err) == STATUS_OK && rank == 2 && shape[0] == 2 && shape[1] == 3 &&
         memcmp(read, values, sizeof values) == 0, "an array comes back bit by bit");
  free(read);
  ok(result_read_array(result, "empty", &rank, shape, &read, &err) == STATUS_OK && shape[0] == 0, "an empty array too");
  free(read);
  ok(result_read_strings(result, "site", &names, &n, &err) == STATUS_OK && n == 3 && strcmp(names[0], "blocks.0.hook_resid_post") == 0 &&
         names[1][0] == 0 && strcmp(names[2], "\xc3\xa9t\xc3\xa9") == 0, "texts come back");
  string_list_free(names, n);
  ok(result_read_strings(result, "models/sha256", &names, &n, &err) == STATUS_OK && n == 2 && strcmp(names[1], "def") == 0,
     "the models' digests are there");
  string_list_free(names, n);
  ok(result_read_attribute(result, "note", &text, &err) == STATUS_OK && strcmp(text, "second") == 0, "an attribute is replaced");
  free(text);
  ok(result_list(result, &names, &n, &err) == STATUS_OK && n == 7 && strcmp(names[0], "deep/er/cube") == 0 && strcmp(names[6], "value") == 0,
     "datasets are listed in alphabetical order");
  string_list_free(names, n);
  ok(result_has(result, "value") && !result_has(result, "values") && !result_has(result, "deep") && !result_has(result, "no/such"),
     "what is there is known");
  ok(result_read_array(result, "values", &rank, shape, &read, &err) == STATUS_DATA && strstr(err.text, "d.h5: values: cannot open this dataset"),
     "a missing array: %s", err.text);
  ok(result_read_array(result, "site", &rank, shape, &read, &err) == STATUS_DATA && strstr(err.text, "site: expected an array of numbers"),
     "texts are not numbers: %s", err.text);
  ok(result_read_strings(result, "value", &names, &n, &err) == STATUS_DATA && strstr(err.text, "value: expected a list of texts"),
     "numbers are not texts: %s", err.text);
  ok(result_read_attribute(result, "nope", &text, &err) == STATUS_DATA && strstr(err.text, "attribute nope is missing"), "a missing attribute");
  result_close(result);
  free(part);
  free(path);
}

/* Texts too long for the usual forms: one among many short ones, and an attribute beyond HDF5's 64 KiB. */
static void test_long_texts(void) {
  enum { LONG = 100000, N = 50 };
  Error err = {0};
  char *path = in_folder("d2.h5"), *text = mem_alloc(LONG + 1, 1), *back = NULL, **found = NULL;
  const char *texts[N];
  Result *result = NULL;
  size_t n = 0;
  memset(text, 'x', LONG);
  for (size_t i = 0; i < N; i++) texts[i] = i == 7 ? text : i % 2 ? "odd" : NULL;
  ok(result_create(path, "drift", &origin, &result, &err) == STATUS_OK && result_write_strings(result, "texts", texts, N, &err) == STATUS_OK &&
         result_write_attribute(result, "long", text, &err) == STATUS_OK && result_finish(result, &err) == STATUS_OK,
     "long texts are written: %s", err.text);
  bool right = result_open(path, &result, &err) == STATUS_OK && result_read_strings(result, "texts", &found, &n, &err) == STATUS_OK && n == N;
  for (size_t i = 0; right && i < N; i++) right = strcmp(found[i], texts[i] ? texts[i] : "") == 0;
  ok(right && result_read_attribute(result, "long", &back, &err) == STATUS_OK && strcmp(back, text) == 0, "and come back: %s", err.text);
  result_close(result);
  string_list_free(found, n);
  unlink(path);
  free(back);
  free(text);
  free(path);
}

static void append_step(Result *result, size_t step, Error *err) {
  const double row[3] = {step + .25, step + .5, -(double)step};
  ok(result_append(result, "train/loss", 0, NULL, row, err) == STATUS_OK &&
         result_append(result, "train/drift", 1, (size_t[]){3}, row, err) == STATUS_OK, "step %zu is appended", step);
}

static void check_steps(const char *path, size_t n_steps, const char *what) {
  Error err = {0};
  Result *result = NULL;
  size_t rank, shape[RESULT_MAX_RANK];
  double *loss = NULL, *drift = NULL;
  bool right = result_open(path, &result, &err) == STATUS_OK &&
               result_read_array(result, "train/loss", &rank, shape, &loss, &err) == STATUS_OK && rank == 1 && shape[0] == n_steps &&
               result_read_array(result, "train/drift", &rank, shape, &drift, &err) == STATUS_OK && rank == 2 && shape[0] == n_steps &&
               shape[1] == 3;
  for (size_t i = 0; right && i < n_steps; i++)
    right = loss[i] == i + .25 && drift[3 * i] == i + .25 && drift[3 * i + 1] == i + .5 && drift[3 * i + 2] == -(double)i;
  ok(right, "%s %s", what, err.text);
  free(drift);
  free(loss);
  result_close(result);
}

static void test_run(void) {
  Error err = {0};
  char *path = in_folder("run.h5"), *part = in_folder("run.h5.part");
  Result *result = NULL;
  ok(result_create_in_place(path, "run", &origin, &result, &err) == STATUS_OK && file_exists(path), "a run's file is there from the start");
  for (size_t step = 0; step < 5; step++) append_step(result, step, &err);
  ok(result_flush(result, &err) == STATUS_OK, "flush");
  for (size_t step = 5; step < 8; step++) append_step(result, step, &err);
  check_steps(path, 5, "what was flushed is on disk, what was not is not");
  ok(result_append(result, "train/drift", 1, (size_t[]){2}, (double[]){1, 2}, &err) == STATUS_DATA &&
         strstr(err.text, "train/drift: its rows have another shape"), "rows keep their shape: %s", err.text);
  result_close(result);
  ok(!file_exists(part), "an abandoned run leaves nothing behind");
  check_steps(path, 5, "an abandoned run keeps its last flush");

  ok(result_reopen(path, &result, &err) == STATUS_OK && strcmp(result_kind(result), "run") == 0, "a run is continued");
  ok(result_truncate(result, "train/loss", 2, &err) == STATUS_OK && result_truncate(result, "train/drift", 2, &err) == STATUS_OK &&
         result_truncate(result, "train/drift", 9, &err) == STATUS_OK, "cut back to a checkpoint");
  ok(result_truncate(result, "train/none", 2, &err) == STATUS_DATA && strstr(err.text, "train/none"), "of an array that is there");
  for (size_t step = 2; step < 1500; step++) {
    const double row[3] = {step + .25, step + .5, -(double)step};
    result_append(result, "train/loss", 0, NULL, row, &err);
    result_append(result, "train/drift", 1, (size_t[]){3}, row, &err);
  }
  ok(result_finish(result, &err) == STATUS_OK, "finish: %s", err.text);
  check_steps(path, 1500, "a continued run has every step once");
  free(part);
  free(path);
}

static void test_same_bytes(void) {
  Error err = {0};
  char *bytes[2] = {NULL, NULL};
  size_t size[2] = {0, 0};
  for (int i = 0; i < 2; i++) {
    char *path = in_folder(i ? "same2.h5" : "same1.h5");
    Result *result = NULL;
    if (i) sleep(1); /* a time stamp would show */
    if (result_create(path, "drift", &origin, &result, &err) == STATUS_OK) {
      result_write_array(result, "g/a", 1, (size_t[]){2}, (double[]){1, 2}, &err);
      result_append(result, "g/b", 0, NULL, (double[]){3}, &err);
      result_finish(result, &err);
    }
    file_read(path, 1 << 24, &bytes[i], &size[i], &err);
    free(path);
  }
  ok(size[0] > 0 && size[0] == size[1] && memcmp(bytes[0], bytes[1], size[0]) == 0, "same contents, same bytes (%zu)", size[0]);
  free(bytes[0]);
  free(bytes[1]);
}

static void expect_open(const char *name, Status status, const char *message) {
  Error err = {0};
  Result *result = NULL;
  char *path = in_folder(name);
  ok(result_open(path, &result, &err) == status && result == NULL && strstr(err.text, message), "%s: %s", name, err.text);
  ok(result_reopen(path, &result, &err) == status && result == NULL && strstr(err.text, message), "%s is not continued either", name);
  free(path);
}

static void test_bad(void) {
  Error err = {0};
  Result *result = NULL;
  char *text = in_folder("text.h5"), *cut = in_folder("cut.h5"), *whole = in_folder("d.h5"), *kind = NULL, *bytes = NULL;
  char *newer = in_folder("newer.h5"), *other = in_folder("other.h5");
  size_t size = 0;
  file_write_text(text, "not HDF5\n", &err);
  expect_open("text.h5", STATUS_DATA, "text.h5: not an HDF5 file");
  expect_open("none.h5", STATUS_SYSTEM, "none.h5: cannot open: No such file");
  file_read(whole, 1 << 24, &bytes, &size, &err);
  size_t crashed = 0;
  for (size_t n = 0; n < size; n += size / 97 + 1) {
    FILE *stream = fopen(cut, "wb");
    crashed += fwrite(bytes, 1, n, stream) != n;
    fclose(stream);
    crashed += result_open(cut, &result, &err) != STATUS_DATA || result != NULL;
  }
  ok(size > 0 && crashed == 0, "a file cut off anywhere is refused: %s", err.text);
  free(bytes);
  if (result_create(newer, "drift", &origin, &result, &err) == STATUS_OK) {
    result_write_attribute(result, "format", "fathom-other", &err);
    result_finish(result, &err);
  }
  expect_open("newer.h5", STATUS_DATA, "newer.h5: not a result: attribute format is \"fathom-other\", expected \"fathom-result\"");
  ok(h5_file_kind(newer, &kind, &err) == STATUS_DATA && kind == NULL && strstr(err.text, "newer.h5: an HDF5 file, but not one of fathom's"),
     "kind of a stranger: %s", err.text);
  ok(h5_file_kind(whole, &kind, &err) == STATUS_OK && strcmp(kind, "drift") == 0, "kind of a result");
  free(kind);
  ok(h5_file_kind(text, &kind, &err) == STATUS_DATA && strstr(err.text, "text.h5: not an HDF5 file"), "kind of a text");
  H5Id file = H5_NONE;
  h5_create_file(other, false, &file, &err);
  h5_write_attribute(file, "format", H5_TEXT, "fathom-result", &err);
  h5_write_attribute(file, "format_version", H5_U64, &(uint64_t){2}, &err);
  h5_write_attribute(file, "kind", H5_TEXT, "drift", &err);
  h5_close_file(&file, &err);
  expect_open("other.h5", STATUS_DATA, "other.h5: result of format version 2, fathom");
  ok(result_create("/nonexistent/x.h5", "drift", &origin, &result, &err) == STATUS_SYSTEM && result == NULL &&
         strstr(err.text, "/nonexistent/x.h5: cannot write here: No such file"), "a missing folder is told at once: %s", err.text);
  ok(result_create("/dev/full", "drift", &origin, &result, &err) == STATUS_OK && result_finish(result, &err) == STATUS_SYSTEM &&
         strstr(err.text, "/dev/full: cannot write: No space left"), "a full disk: %s", err.text);
  free(other);
  free(newer);
  free(whole);
  free(cut);
  free(text);
}

/* Reads all that is in the file, in a child: HDF5 has its own bugs. */
static int read_in_child(const char *path) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    Error err = {0};
    Result *result = NULL;
    char **names = NULL, **texts = NULL;
    double *values = NULL;
    size_t n = 0, rank, shape[RESULT_MAX_RANK], n_texts;
    alarm(20);
    if (result_open(path, &result, &err) == STATUS_OK && result_list(result, &names, &n, &err) == STATUS_OK)
      for (size_t i = 0; i < n; i++) {
        if (result_read_array(result, names[i], &rank, shape, &values, &err) == STATUS_OK) free(values);
        if (result_read_strings(result, names[i], &texts, &n_texts, &err) == STATUS_OK) string_list_free(texts, n_texts);
      }
    _exit(0);
  }
  int status = 1;
  waitpid(child, &status, 0);
  return status;
}

static void test_broken_bytes(uint64_t seed) {
  Error err = {0};
  char *whole = in_folder("d.h5"), *path = in_folder("cut.h5"), *bytes = NULL;
  size_t size = 0, crashed = 0;
  printf("# seed %llu\n", (unsigned long long)seed);
  Rng rng = rng_new(seed);
  file_read(whole, 1 << 24, &bytes, &size, &err);
  for (int i = 0; i < 200; i++) {
    char *copy = mem_alloc(size, 1);
    memcpy(copy, bytes, size);
    for (uint64_t flips = 1 + rng_below(&rng, 3); flips > 0;) { /* where there is something */
      const size_t at = rng_below(&rng, size);
      if (bytes[at] == 0) continue;
      copy[at] ^= (char)(1 << rng_below(&rng, 8));
      flips--;
    }
    FILE *stream = fopen(path, "wb");
    crashed += fwrite(copy, 1, size, stream) != size;
    fclose(stream);
    crashed += read_in_child(path) != 0;
    free(copy);
  }
  ok(crashed == 0, "200 results with flipped bits are read or refused (%zu crashed)", crashed);
  free(bytes);
  free(path);
  free(whole);
}

int main(int argc, char **argv) {
  if (!mkdtemp(folder)) return 1;
  test_written();
  test_long_texts();
  test_run();
  test_same_bytes();
  test_bad();
  test_broken_bytes(argc > 1 ? strtoull(argv[1], NULL, 10) : 20251);
  static const char *const made[] = {"d.h5", "run.h5", "same1.h5", "same2.h5", "text.h5", "cut.h5", "newer.h5", "other.h5"};
  for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
    char *path = in_folder(made[i]);
    unlink(path);
    free(path);
  }
  ok(rmdir(folder) == 0, "nothing else was left in the folder");
  return tap_end();
}
