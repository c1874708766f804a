/* store/activations under way: resuming, other arguments, killed writers, and readers beside the writer. Full disks are in
 * test_store_full.c. */
#include "base/file.h"
#include "base/log.h"
#include "base/rng.h"
#include "tests/store_fixture.h"
#include "tests/tap.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/fathom-crash.XXXXXX";
static char *path, *part, *whole;

/* --- resuming --- */

static void test_resume(void) {
  Error err = {0};
  Fixture f;
  Store *store = NULL, *reader = NULL;
  size_t done = 99;
  fixture_init(&f, 100, 90, STORE_F16);
  ok(fixture_store(&f, whole, &err) == STATUS_OK, "an uninterrupted store");
  ok(store_create(path, &f.contents, true, &store, &done, &err) == STATUS_OK && done == 0, "resuming what is not there starts anew");
  ok(fixture_write(&f, store, 0, 57, &err) == STATUS_OK && !file_exists(path), "some rows");
  ok(store_open(part, &reader, &err) == STATUS_OK && !store_is_complete(reader) && store_rows_done(reader) == 57,
     "what is done can be read while it is written: %s", err.text);
  store_close(reader);
  store_close(store);
  f.contents.command_line = "fathom record m --resume -o a.h5";
  ok(store_create(path, &f.contents, true, &store, &done, &err) == STATUS_OK && done == 57, "resumes at the mark: %s", err.text);
  ok(fixture_go_on(&f, store, done, &err) == STATUS_OK && file_exists(path) && !file_exists(part) && fixture_same_files(path, whole),
     "and ends with the same bytes");
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_OK && done == 0, "without resume it starts anew");
  fixture_write(&f, store, 0, 30, &err);
  store_close(store);
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_OK && done == 0, "also where an unfinished one is");
  store_close(store);
  fixture_clear(&f);
  unlink(path);
  unlink(part);
}

#define CASE(name, change)                                                                                             \
  static void name(Fixture *f) { change; }
CASE(site_name, f->sites[1].name = "blocks.11.hook_resid_post")
CASE(site_width, f->sites[1].width += 1)
CASE(fewer_sites, f->contents.n_sites = 2)
CASE(dtype, f->contents.dtype = STORE_BF16)
CASE(seed, f->contents.seed = 6)
CASE(threads, f->contents.threads = 1)
CASE(arguments, f->contents.command_line = "fathom record m -o a.h5 --limit 5")
CASE(weights, f->contents.weights_sha256 = "a0")
CASE(template, f->contents.chat_template_sha256 = "t")
CASE(data, f->contents.data_sha256 = "c0")
CASE(rule, f->contents.token_rule = "last")
CASE(sample_id, f->ids[4] = "x")
CASE(label, f->contents.labels = f->ids)
CASE(token, f->token_ids[9] = 1)
CASE(row, f->row_token[2] = 0)
CASE(fewer_rows, f->contents.n_rows -= 1)

static void test_other_contents(void) {
  static const struct {
    void (*change)(Fixture *f);
    const char *message;
  } cases[] = {{site_name, "site blocks.11.hook_resid_post: its site is \"blocks.10.hook_resid_post\", this run's \"blocks.11.hook_resid_post\""},
               {site_width, "site blocks.10.hook_resid_post: its width is 90, this run's 91"},
               {fewer_sites, "its number of sites is 3, this run's 2"},
               {dtype, "its stored type is \"float32\", this run's \"bfloat16\""},
               {seed, "its seed is 5, this run's 6"},
               {threads, "its threads is 2, this run's 1"},
               {arguments, "its argv is \"fathom record m -o a.h5\", this run's \"fathom record m -o a.h5 --limit 5\""},
               {weights, "its weights_sha256 is \"aa\", this run's \"a0\""},
               {template, "its chat_template_sha256 is \"\", this run's \"t\""},
               {data, "its data_sha256 is \"cc\", this run's \"c0\""},
               {rule, "its token_rule is \"all\", this run's \"last\""},
               {sample_id, "its samples/id differs from this run's at entry 4"},
               {label, "its samples/label differs from this run's at entry 0"},
               {token, "its tokens/ids differs from this run's at entry 9"},
               {row, "its rows/token_index differs from this run's at entry 2"},
               {fewer_rows, "its rows/sample has 399 entries, this run's 398"}};
  Error err = {0};
  Fixture f;
  Store *store = NULL;
  size_t done;
  fixture_init(&f, 100, 90, STORE_F32);
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_OK, "a store that is left unfinished");
  store_close(store);
  fixture_clear(&f);
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    fixture_init(&f, 100, 90, STORE_F32);
    cases[i].change(&f);
    store = NULL;
    ok(store_create(path, &f.contents, true, &store, &done, &err) == STATUS_DATA && store == NULL &&
           strstr(err.text, "a.h5.part: cannot be resumed with other arguments or inputs: ") && strstr(err.text, cases[i].message) &&
           file_exists(part), "%s", err.text);
    fixture_clear(&f);
  }
  fixture_init(&f, 100, 90, STORE_F32);
  ok(store_create(path, &f.contents, true, &store, &done, &err) == STATUS_OK, "and it can still be resumed: %s", err.text);
  store_close(store);
  f.row_sample[3] = 100;
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_DATA && strstr(err.text, "row 3 is of sample 100"),
     "a writer's own mistake: %s", err.text);
  f.row_sample[3] = f.row_sample[2];
  f.sites[1].width = 0;
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_DATA &&
         strstr(err.text, "site blocks.10.hook_resid_post has width 0"), "a site without width: %s", err.text);
  f.sites[1].width = 90;
  f.sites[1].name = "hook_embed";
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_DATA &&
         strstr(err.text, "activations/hook_embed: cannot make this dataset: name already exists"), "one site twice: %s", err.text);
  fixture_clear(&f);
  file_write_text(part, "something else", &err);
  fixture_init(&f, 10, 9, STORE_F32);
  ok(store_create(path, &f.contents, true, &store, &done, &err) == STATUS_DATA && strstr(err.text, "a.h5.part: not an HDF5 file"),
     "something else is not resumed: %s", err.text);
  fixture_clear(&f);
  unlink(part);
}

static void test_targets(void) {
  Error err = {0};
  Fixture f;
  Store *store = NULL;
  size_t done;
  struct stat info;
  fixture_init(&f, 10, 9, STORE_F32);
  ok(store_create("/dev/full", &f.contents, false, &store, &done, &err) == STATUS_SYSTEM && store == NULL &&
         strstr(err.text, "/dev/full: is not a regular file") && stat("/dev/full", &info) == 0 && S_ISCHR(info.st_mode) &&
         !file_exists("/dev/full.part"), "a device stays a device: %s", err.text);
  ok(store_create(folder, &f.contents, false, &store, &done, &err) == STATUS_SYSTEM && strstr(err.text, "is not a regular file"),
     "a folder: %s", err.text);
  ok(store_create("/nonexistent/a.h5", &f.contents, false, &store, &done, &err) == STATUS_SYSTEM &&
         strstr(err.text, "/nonexistent/a.h5: cannot make this file: No such file or directory"), "a missing folder: %s", err.text);
  fixture_clear(&f);
}

/* --- killed --- */

/* A child that resumes, writes and marks until it is killed or done. */
static pid_t start_writer(const Fixture *f, bool resume) {
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    Error err = {0};
    Store *store;
    size_t done;
    if (store_create(path, &f->contents, resume, &store, &done, &err) != STATUS_OK || fixture_go_on(f, store, done, &err) != STATUS_OK) {
      fprintf(stderr, "# %s\n", err.text);
      _exit(1);
    }
    _exit(0);
  }
  return child;
}

static void test_second_writer(void) {
  Error err = {0};
  Fixture f;
  Store *store = NULL;
  size_t done;
  int ready[2], go[2];
  char byte = 0;
  fixture_init(&f, 10, 9, STORE_F32);
  if (pipe(ready) != 0 || pipe(go) != 0) return;
  fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    const bool right = store_create(path, &f.contents, false, &store, &done, &err) == STATUS_OK;
    _exit(!(right && write(ready[1], "x", 1) == 1 && read(go[0], &byte, 1) == 1));
  }
  ok(read(ready[0], &byte, 1) == 1 && store_create(path, &f.contents, true, &store, &done, &err) == STATUS_SYSTEM &&
         strstr(err.text, "a.h5.part: another process is writing this file"), "a second writer is refused: %s", err.text);
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_SYSTEM, "also one that would start anew");
  ok(store_open(part, &store, &err) == STATUS_OK && store_rows_done(store) == 0, "a reader is not: %s", err.text);
  store_close(store);
  int status = 1;
  ok(write(go[1], "x", 1) == 1 && waitpid(child, &status, 0) == child && status == 0, "the first one is not disturbed");
  for (int i = 0; i < 2; i++) close(ready[i]), close(go[i]);
  fixture_clear(&f);
  unlink(part);
}

static void test_killed(uint64_t seed) {
  enum { TIMES = 30 };
  Error err = {0};
  Fixture f;
  fixture_init(&f, 500, 400, STORE_BF16);
  printf("# seed %llu\n", (unsigned long long)seed);
  Rng rng = rng_new(seed);
  const double started = clock_seconds();
  ok(fixture_store(&f, whole, &err) == STATUS_OK, "an uninterrupted store");
  const double span = clock_seconds() - started;
  size_t kills = 0, starts = 0, unreadable = 0, backward = 0, last = 0, marks = 0;
  for (int status = 1; kills < TIMES || status != 0;) {
    const pid_t child = start_writer(&f, starts++ > 0);
    if (kills < TIMES) usleep((useconds_t)(rng_uniform(&rng) * span * 1e6 / 3));
    if (kills < TIMES) kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (WIFEXITED(status) && WEXITSTATUS(status) != 0) break;
    if (WIFSIGNALED(status)) kills++;
    if (file_exists(path) && (WIFSIGNALED(status) || kills < TIMES)) { /* it won, or died on its way out: anew */
      unreadable += !fixture_same_files(path, whole);
      unlink(path);
      last = 0;
      continue;
    }
    Store *store = NULL;
    if (!WIFSIGNALED(status) || !file_exists(part)) continue; /* killed before the store had its name */
    unreadable += store_open(part, &store, &err) != STATUS_OK;
    if (store) {
      backward += store_rows_done(store) < last;
      marks += store_rows_done(store) > last;
      last = store_rows_done(store);
    }
    store_close(store);
  }
  ok(kills == TIMES, "killed %zu times in %zu starts", kills, starts);
  ok(unreadable == 0 && backward == 0, "always a store, its mark never moving back (%s)", err.text);
  ok(marks > 0, "%zu times with rows to resume from", marks);
  ok(fixture_same_files(path, whole) && !file_exists(part), "resumed to the same bytes");
  fixture_clear(&f);
  unlink(path);
  char *new = mem_format("%s.new", part);
  unlink(new);
  free(new);
}

/* Killed while the store is made: under its name there is a whole one or none. */
static void test_killed_early(uint64_t seed) {
  enum { TIMES = 40 };
  Error err = {0};
  Fixture f;
  Store *store = NULL;
  size_t done, broken = 0, none = 0;
  char *new = mem_format("%s.new", part);
  fixture_init(&f, 20000, 40, STORE_F32);
  Rng rng = rng_new(seed);
  const double started = clock_seconds();
  ok(store_create(path, &f.contents, false, &store, &done, &err) == STATUS_OK, "a store of many samples is made");
  const double span = clock_seconds() - started;
  store_close(store);
  for (int i = 0; i < TIMES; i++) {
    int status;
    unlink(part);
    const pid_t child = start_writer(&f, false);
    if (i > 0) usleep((useconds_t)(rng_uniform(&rng) * span * 1.2e6)); /* the first at once: before there is anything */
    kill(child, SIGKILL);
    waitpid(child, &status, 0);
    if (!file_exists(part)) {
      none++;
      continue;
    }
    broken += store_open(part, &store, &err) != STATUS_OK;
    store_close(store);
  }
  ok(broken == 0 && none > 0, "killed %d times while it is made: %zu times none, never a broken one %s", TIMES, none, err.text);
  fixture_clear(&f);
  unlink(part);
  unlink(path);
  unlink(new);
  free(new);
}

/* --- other programs --- */

static void test_h5dump(void) {
  Error err = {0};
  Fixture f;
  char *dump = file_join(folder, "dump"), *text = NULL;
  size_t size;
  fixture_init(&f, 3, 4, STORE_F32);
  fixture_store(&f, path, &err);
  if (system("h5dump --version >/dev/null 2>&1") != 0) {
    skip_one("no h5dump (Debian: hdf5-tools)");
  } else {
    char *command = mem_format("h5dump -d /rows/token_index -y -w 0 -o %s %s >/dev/null && h5dump %s >/dev/null", dump, path, path);
    const bool right = system(command) == 0 && file_read(dump, 4096, &text, &size, &err) == STATUS_OK;
    ok(right && strstr(text, "0, 0, 1, 2, 3, 4, 5, 0, 1, 2, 3"), "h5dump reads it all");
    free(command);
    free(text);
  }
  fixture_clear(&f);
  unlink(dump);
  free(dump);
  unlink(path);
}

int main(int argc, char **argv) {
  if (!mkdtemp(folder)) return 1;
  path = file_join(folder, "a.h5");
  part = file_join(folder, "a.h5.part");
  whole = file_join(folder, "whole.h5");
  test_resume();
  test_other_contents();
  test_targets();
  test_second_writer();
  const uint64_t seed_of_kills = argc > 1 ? strtoull(argv[1], NULL, 10) : 4242;
  test_killed(seed_of_kills);
  test_killed_early(seed_of_kills);
  test_h5dump();
  unlink(whole);
  ok(rmdir(folder) == 0, "nothing was left in the folder");
  free(whole);
  free(part);
  free(path);
  return tap_end();
}
