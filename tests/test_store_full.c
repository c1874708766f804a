/* store/activations and store/result on a disk that fills, after any number of pages: an error, nothing under a final name, and what
 * was flushed is kept. Needs to mount a small file system. */
#define _GNU_SOURCE /* unshare */
#include "base/file.h"
#include "store/result.h"
#include "tests/store_fixture.h"
#include "tests/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[] = "/tmp/fathom-full.XXXXXX";
static char *whole;

static bool file_system_of(const char *where, size_t bytes) {
  char options[40];
  snprintf(options, sizeof options, "size=%zu", bytes);
  return mount("fathom-test", where, "tmpfs", 0, options) == 0;
}

/* A store of a few MB on a disk of 16 with room left: an error that names the file, nothing under its name, and with room
 * again it goes on, from *kept rows if it had come so far, to the same bytes. Returns whether all that is so. */
static bool fill(const char *disk, const Fixture *f, size_t room, size_t *kept, Error *err) {
  char *target = file_join(disk, "a.h5"), *unfinished = file_join(disk, "a.h5.part"), *ballast = file_join(disk, "ballast");
  Store *store = NULL;
  Error later = {0};
  bool right = file_system_of(disk, 16 << 20);
  const int fd = open(ballast, O_CREAT | O_WRONLY, 0666);
  right = right && fd >= 0 && posix_fallocate(fd, 0, (off_t)((16 << 20) - room)) == 0;
  close(fd);
  right = right && fixture_store(f, target, err) == STATUS_SYSTEM && strstr(err->text, target) &&
          strstr(err->text, "No space left on device") && !file_exists(target);
  right = right && file_exists(unfinished) == (strstr(err->text, "which --resume keeps") != NULL);
  unlink(ballast);
  right = right && store_create(target, &f->contents, true, &store, kept, &later) == STATUS_OK &&
          fixture_go_on(f, store, *kept, &later) == STATUS_OK && fixture_same_files(target, whole);
  umount(disk);
  free(ballast);
  free(unfinished);
  free(target);
  return right;
}

static void fill_stores(const char *disk, const Fixture *f) {
  Error err = {0};
  size_t kept = 0, wrong = 0, early = 0;
  const bool right = fill(disk, f, 2 << 20, &kept, &err) && kept > 0;
  ok(right, "with %zu rows kept: %s", kept, err.text);
  fflush(stdout);
  int status = 1;
  const pid_t child = fork(); /* HDF5 leaks a buffer when the very first write of a file fails */
  if (child == 0) _exit(!fill(disk, f, 0, &kept, &err));
  ok(waitpid(child, &status, 0) == child && status == 0, "without any room");
  for (size_t pages = 1; pages < 30; pages++) {
    wrong += !fill(disk, f, pages * 4096, &kept, &err);
    early += strstr(err.text, "--resume") == NULL;
  }
  ok(wrong == 0 && early > 5, "29 disks full at about the first row, %zu of them before it (%zu wrong)", early, wrong);
}

static void fill_results(const char *disk) {
  Error err = {0};
  char *target = file_join(disk, "run.h5");
  const Provenance from = {.command = "train"};
  Result *result = NULL;
  size_t rank, shape[RESULT_MAX_RANK];
  double *values = NULL, *row = mem_alloc(1 << 17, sizeof *row);
  if (!file_system_of(disk, 4 << 20)) return;
  Status status = result_create_in_place(target, "run", &from, &result, &err);
  size_t steps = 0, flushed = 0;
  for (; status == STATUS_OK && steps < 10; steps++) {
    status = result_append(result, "train/drift", 1, (size_t[]){1 << 17}, row, &err);
    if (status == STATUS_OK) status = result_flush(result, &err);
    if (status == STATUS_OK) flushed = steps + 1;
  }
  ok(status == STATUS_SYSTEM && flushed > 0 && strstr(err.text, "run.h5: cannot write: No space left"), "%s", err.text);
  result_close(result);
  ok(result_open(target, &result, &err) == STATUS_OK &&
         result_read_array(result, "train/drift", &rank, shape, &values, &err) == STATUS_OK && shape[0] == flushed,
     "the run keeps its last flush");
  result_close(result);
  umount(disk);
  free(values);
  free(row);
  free(target);
}

static void test_full_disk(void) {
  char *disk = file_join(folder, "disk");
  Error err = {0};
  Fixture f;
  fixture_init(&f, 500, 400, STORE_BF16);
  if (mkdir(disk, 0777) != 0 || unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      !file_system_of(disk, 1 << 20) || umount(disk) != 0) {
    skip_one("no small file system can be mounted here: %s", strerror(errno));
  } else {
    ok(fixture_store(&f, whole, &err) == STATUS_OK, "a store with room");
    fill_stores(disk, &f);
    fill_results(disk);
  }
  rmdir(disk);
  fixture_clear(&f);
  free(disk);
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  whole = file_join(folder, "whole.h5");
  test_full_disk();
  unlink(whole);
  ok(rmdir(folder) == 0, "nothing was left in the folder");
  free(whole);
  return tap_end();
}
