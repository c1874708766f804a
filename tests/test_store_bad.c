/* store/activations: the least that is a store, and every way in which one can be wrong, each told in one line. */
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "store/activations.h"
#include "store/texts.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/fathom-bad.XXXXXX";
static char *path;

/* What goes into a small hand-made store: two samples of 2 and 1 tokens, three rows, one site of width 2. */
typedef struct Minimal {
  const char *format;
  uint64_t version;
  size_t n_ids, n_counts, n_samples_of_rows, n_tokens_of_rows;
  int64_t counts[3], row_sample[4], row_token[4];
  bool has_ids, has_tokens, has_sites, has_progress, rows_are_real, hollow;
  size_t n_offsets, n_token_ids;
  int64_t offsets[4];
  size_t rank, dims[3];
  H5Type type;
  const char *dtype, *second_dtype; /* a second site of uint16 where second_dtype is given */
  uint64_t complete, rows_done;
} Minimal;

static const Minimal good = {.format = "fathom-activations", .version = 1, .n_ids = 2, .n_counts = 2, .n_samples_of_rows = 3,
                             .n_tokens_of_rows = 3, .counts = {2, 1}, .row_sample = {0, 0, 1}, .row_token = {0, 1, 0},
                             .has_ids = true, .has_sites = true, .n_offsets = 3, .n_token_ids = 3, .offsets = {0, 2, 3},
                             .rank = 2, .dims = {3, 2, 2}, .type = H5_F32, .complete = 1, .rows_done = 3};

static void put(H5Id file, const char *name, H5Type type, size_t rank, const size_t *dims, const void *values, const char *dtype) {
  Error err = {0};
  H5Dataset set = {.type = type, .rank = rank};
  memcpy(set.dims, dims, rank * sizeof *dims);
  if (h5_make_dataset(file, name, 0, false, &set, &err) != STATUS_OK || h5_write_rows(&set, 0, dims[0], values, &err) != STATUS_OK ||
      (dtype && h5_write_attribute(set.id, "dtype", H5_TEXT, dtype, &err) != STATUS_OK))
    printf("Bail out! %s: %s\n", name, err.text);
  h5_close(&set.id);
}

static void make(const Minimal *m) {
  static const int32_t ids[4] = {5, 6, 7, 8};
  static const double values[64];
  Error err = {0};
  H5Id file = H5_NONE;
  h5_create_file(path, false, &file, &err);
  if (m->format) h5_write_attribute(file, "format", H5_TEXT, m->format, &err);
  h5_write_attribute(file, "format_version", H5_U64, &m->version, &err);
  if (m->has_ids) texts_write(file, "samples/id", (const char *[]){"a", "b", "c"}, m->n_ids, &err);
  put(file, "samples/n_tokens", H5_I64, 1, &m->n_counts, m->counts, NULL);
  put(file, "rows/sample", m->rows_are_real ? H5_F64 : H5_I64, 1, &m->n_samples_of_rows, m->row_sample, NULL);
  put(file, "rows/token_index", H5_I64, 1, &m->n_tokens_of_rows, m->row_token, NULL);
  if (m->has_tokens) {
    put(file, "tokens/offsets", H5_I64, 1, &m->n_offsets, m->offsets, NULL);
    put(file, "tokens/ids", H5_I32, 1, &m->n_token_ids, ids, NULL);
  }
  if (m->hollow) { /* a shape without storage */
    H5Dataset set = {.type = H5_F32, .rank = 2, .dims = {3, 1 << 20}};
    h5_make_dataset(file, "activations/x", 1, true, &set, &err);
    h5_close(&set.id);
  } else if (m->has_sites) {
    put(file, "activations/x", m->type, m->rank, m->dims, values, m->dtype);
  }
  if (m->second_dtype) put(file, "activations/y", H5_U16, 2, (size_t[]){3, 2}, values, m->second_dtype);
  if (m->has_progress) {
    h5_write_attribute(file, "complete", H5_U64, &m->complete, &err);
    put(file, "rows_done", H5_U64, 1, (size_t[]){1}, &m->rows_done, NULL);
  }
  h5_close_file(&file, &err);
}

#define CASE(name, change)                                                                                             \
  static void name(Minimal *m) { change; }
CASE(no_format, m->format = NULL)
CASE(other_format, m->format = "fathom-result")
CASE(newer, m->version = 2)
CASE(version_0, m->version = 0)
CASE(no_ids, m->has_ids = false)
CASE(count_short, m->n_counts = 1)
CASE(count_large, m->counts[1] = INT64_C(1) << 32)
CASE(count_negative, m->counts[1] = -1)
CASE(rows_short, m->n_tokens_of_rows = 2)
CASE(rows_real, m->rows_are_real = true)
CASE(row_of_no_sample, m->row_sample[2] = 2)
CASE(row_of_no_token, m->row_token[2] = 1)
CASE(offsets_short, m->has_tokens = true; m->n_offsets = 2)
CASE(offsets_start, m->has_tokens = true; m->offsets[0] = 1)
CASE(offsets_fall, m->has_tokens = true; m->offsets[2] = 1; m->n_token_ids = 1)
CASE(offsets_large, m->has_tokens = true; m->offsets[2] = INT64_MAX)
CASE(offsets_wrong, m->has_tokens = true; m->offsets[1] = 1)
CASE(tokens_short, m->has_tokens = true; m->n_token_ids = 2)
CASE(no_site, m->has_sites = false)
CASE(site_rank, m->rank = 3)
CASE(site_rows, m->dims[0] = 2)
CASE(site_width, m->dims[1] = 0)
CASE(site_double, m->type = H5_F64)
CASE(site_u16, m->type = H5_U16)
CASE(site_other_16, m->type = H5_U16; m->dtype = "posit16")
CASE(site_mixed, m->second_dtype = "bfloat16")
CASE(site_hollow, m->hollow = true)
CASE(done_large, m->has_progress = true; m->complete = 0; m->rows_done = 4)
CASE(done_small, m->has_progress = true; m->rows_done = 2)

static const struct {
  void (*change)(Minimal *m);
  const char *message;
} cases[] = {
    {no_format, "not an activation store: attribute format is \"\", expected \"fathom-activations\""},
    {other_format, "not an activation store: attribute format is \"fathom-result\", expected \"fathom-activations\""},
    {newer, "activation store of format version 2, fathom"},
    {version_0, "activation store of format version 0, fathom"},
    {no_ids, "samples/id: cannot open this dataset"},
    {count_short, "samples/n_tokens has 1 entries, expected 2"},
    {count_large, "samples/n_tokens: entry 1 is 4294967296, expected 0 to 4294967295"},
    {count_negative, "samples/n_tokens: entry 1 is -1, expected 0 to 4294967295"},
    {rows_short, "rows/token_index has 2 entries, expected 3"},
    {rows_real, "rows/sample: expected a list of whole numbers"},
    {row_of_no_sample, "row 2 is of sample 2, but there are 2 samples"},
    {row_of_no_token, "row 2 is of token 1, but sample 1 has 1 tokens"},
    {offsets_short, "tokens/offsets has 2 entries, expected 3"},
    {offsets_start, "tokens/offsets starts at 1, expected 0"},
    {offsets_fall, "tokens/offsets falls from 2 to 1 at sample 1"},
    {offsets_large, "tokens/ids has 3 entries, expected 9223372036854775807"},
    {offsets_wrong, "sample 0 has 1 token ids, but samples/n_tokens says 2"},
    {tokens_short, "tokens/ids has 2 entries, expected 3"},
    {no_site, "activations: cannot list its datasets"},
    {site_rank, "activations/x: rank 3, expected 2: rows, width"},
    {site_rows, "activations/x: 2 rows, but rows/sample has 3"},
    {site_width, "activations/x: width 0"},
    {site_double, "activations/x: expected elements of float32, of float16, or of uint16 with attribute dtype=\"bfloat16\""},
    {site_u16, "activations/x: expected elements of float32"},
    {site_other_16, "activations/x: expected elements of float32"},
    {site_mixed, "activations/y: bfloat16, but the sites before it are float32"},
    {site_hollow, "activations/x: its storage holds at most 0 bytes, its shape needs more"},
    {done_large, "rows_done is 4 of 3 rows"},
    {done_small, "rows_done is 2 of 3 rows, but the store says it is complete"},
};

static void test_minimal(void) {
  Error err = {0};
  Store *store = NULL;
  make(&good);
  ok(store_open(path, &store, &err) == STATUS_OK && store_is_complete(store) && store_rows_done(store) == 3 &&
         store_contents(store)->token_offsets[2] == 0 && store_contents(store)->groups[1][0] == 0 &&
         store_contents(store)->config[0] == 0, "a minimal store opens: %s", err.text);
  store_close(store);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Minimal m = good;
    cases[i].change(&m);
    make(&m);
    store = NULL;
    ok(store_open(path, &store, &err) == STATUS_DATA && store == NULL && strncmp(err.text, path, strlen(path)) == 0 &&
           strstr(err.text, cases[i].message), "%s", err.text);
    store_close(store);
  }
  Minimal half = good;
  half.has_progress = true;
  half.complete = 0;
  half.rows_done = 2;
  make(&half);
  ok(store_open(path, &store, &err) == STATUS_OK && !store_is_complete(store) && store_rows_done(store) == 2, "an unfinished one opens");
  store_close(store);
}

/* Opening must say no or give a store whose rows can be read, whatever the bytes: in a child, since HDF5 has its own bugs. */
static int open_in_child(void) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    Error err = {0};
    Store *store = NULL;
    alarm(20);
    if (store_open(path, &store, &err) != STATUS_OK) _exit(err.status == STATUS_DATA || err.status == STATUS_SYSTEM ? 0 : 9);
    const StoreContents *c = store_contents(store);
    for (size_t s = 0; s < c->n_sites; s++) {
      float *rows = malloc(c->n_rows * c->sites[s].width * sizeof *rows);
      if (rows) (void)store_read_rows(store, s, 0, store_rows_done(store), rows, &err);
      free(rows);
    }
    store_close(store);
    _exit(0);
  }
  int status = 0;
  waitpid(child, &status, 0);
  return status;
}

static void write_bytes(const char *bytes, size_t size) {
  FILE *stream = fopen(path, "wb");
  if (!stream || fwrite(bytes, 1, size, stream) != size || fclose(stream) != 0) puts("Bail out! cannot write");
}

static void test_broken_bytes(uint64_t seed) {
  Error err = {0};
  char *bytes = NULL;
  size_t size = 0, accepted = 0, failed = 0, crashed = 0;
  Minimal m = good;
  m.has_tokens = m.has_progress = true;
  make(&m);
  file_read(path, 1 << 24, &bytes, &size, &err);
  for (size_t n = 0; n < size; n += size / 61 + 1) {
    Store *store = NULL;
    write_bytes(bytes, n);
    accepted += store_open(path, &store, &err) != STATUS_DATA;
  }
  ok(size > 0 && accepted == 0, "a store cut off anywhere is refused: %s", err.text);
  printf("# seed %llu\n", (unsigned long long)seed);
  Rng rng = rng_new(seed);
  for (int i = 0; i < 200; i++) {
    char *copy = mem_alloc(size, 1);
    memcpy(copy, bytes, size);
    for (uint64_t flips = 1 + rng_below(&rng, 3); flips > 0;) { /* where there is something */
      const size_t at = rng_below(&rng, size);
      if (bytes[at] == 0) continue;
      copy[at] ^= (char)(1 << rng_below(&rng, 8));
      flips--;
    }
    write_bytes(copy, size);
    const int status = open_in_child();
    crashed += !WIFEXITED(status);
    failed += WIFEXITED(status) && WEXITSTATUS(status) != 0;
    free(copy);
  }
  ok(failed == 0 && crashed == 0, "200 stores with flipped bits are read or refused (%zu wrong, %zu crashed)", failed, crashed);
  free(bytes);
}

static void test_other_files(void) {
  Error err = {0};
  Store *store = NULL;
  file_write_text(path, "", &err);
  ok(store_open(path, &store, &err) == STATUS_DATA && strstr(err.text, "bad.h5: not an HDF5 file"), "an empty file: %s", err.text);
  unlink(path);
  ok(store_open(path, &store, &err) == STATUS_SYSTEM && strstr(err.text, "bad.h5: cannot open: No such file"), "no file: %s", err.text);
  ok(mkfifo(path, 0666) == 0 && store_open(path, &store, &err) == STATUS_DATA && strstr(err.text, "not an HDF5 file"),
     "a pipe is not waited for: %s", err.text);
  unlink(path);
  ok(store_open(folder, &store, &err) == STATUS_DATA && strstr(err.text, "not an HDF5 file"), "a folder: %s", err.text);
}

static void test_other_writers(void) {
  Error err = {0};
  Store *store = NULL;
  char *file = mem_format("%s/tests/fixtures/h5py_store.h5", getenv("SRCDIR") ? getenv("SRCDIR") : ".");
  float rows[12];
  bool right = store_open(file, &store, &err) == STATUS_OK;
  const StoreContents *c = right ? store_contents(store) : NULL;
  ok(right && c->n_sites == 3 && strcmp(c->sites[0].name, "hook_embed") == 0 && strcmp(c->sites[1].name, "blocks.2.hook_resid_post") == 0 &&
         strcmp(c->sites[2].name, "blocks.10.hook_resid_post") == 0, "a store made with h5py opens, sites by layer: %s", err.text);
  ok(right && strcmp(c->sample_ids[0], "first") == 0 && strcmp(c->sample_ids[1], "deuxi\xc3\xa8me") == 0 && c->n_tokens[1] == 1,
     "its fixed-length texts and narrow numbers are read");
  right = right && store_read_rows(store, 2, 1, 2, rows, &err) == STATUS_OK;
  for (int i = 0; right && i < 8; i++) right = rows[i] == 100 + 4 + i;
  ok(right, "its deflated, big-endian rows are read: %s", err.text);
  store_close(store);
  free(file);
}

int main(int argc, char **argv) {
  if (!mkdtemp(folder)) return 1;
  path = file_join(folder, "bad.h5");
  test_minimal();
  test_broken_bytes(argc > 1 ? strtoull(argv[1], NULL, 10) : 20250);
  test_other_files();
  test_other_writers();
  unlink(path);
  free(path);
  ok(rmdir(folder) == 0, "nothing was left in the folder");
  return tap_end();
}
