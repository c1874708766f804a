/* Makes fathom's HDF5 files for tests of commands: make_h5 FOLDER writes whole.h5 and cut.h5.part (an activation store,
 * whole and interrupted after 100 rows) and drift.h5 (a result). */
#include "base/file.h"
#include "store/result.h"
#include "tests/store_fixture.h"

static Status make_cut(const Fixture *f, const char *path, Error *err) {
  Store *store;
  size_t done;
  Status status = store_create(path, &f->contents, false, &store, &done, err);
  if (status != STATUS_OK) return status;
  status = fixture_write(f, store, 0, 100, err);
  store_close(store);
  return status;
}

static Status make_result(const char *path, Error *err) {
  static const char *const words[] = {"fathom", "drift", "a.h5", "b.h5"};
  const Provenance from = {.command = "drift", .argc = 4, .argv = (char *const *)words, .models = {{"a.h5", "aa"}}, .n_models = 1};
  const double values[6] = {0};
  Result *result;
  Status status = result_create(path, "drift", &from, &result, err);
  if (status != STATUS_OK) return status;
  status = result_write_array(result, "drift/value", 2, (size_t[]){2, 3}, values, err);
  if (status == STATUS_OK) status = result_write_strings(result, "site", (const char *[]){"x", "y"}, 2, err);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  char *whole = file_join(argv[1], "whole.h5"), *cut = file_join(argv[1], "cut.h5"), *drift = file_join(argv[1], "drift.h5");
  Error err = {0};
  Fixture f;
  fixture_init(&f, 80, 7, STORE_BF16);
  Status status = fixture_store(&f, whole, &err);
  if (status == STATUS_OK) status = make_cut(&f, cut, &err);
  if (status == STATUS_OK) status = make_result(drift, &err);
  fixture_clear(&f);
  free(whole);
  free(cut);
  free(drift);
  if (status != STATUS_OK) fprintf(stderr, "make_h5: %s\n", err.text);
  return status;
}
