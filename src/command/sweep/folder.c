/* The folder of a sweep: sweep.json says what is swept, so that only the same sweep goes on there, and a lock keeps a
 * second process out. */
#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "command/sweep/parts.h"
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* --- what is swept --- */

static void add_data(Json *to, const char *key, const SweepData *data, size_t n) {
  Json *array = json_add_array(to, key);
  for (size_t i = 0; i < n; i++) {
    Json *one = json_add_object(array, NULL);
    json_add_string(one, "path", data[i].path);
    json_add_string(one, "sha256", data[i].digest);
  }
}

/* Everything that decides the numbers of some run; keys in the order in which a difference is reported. */
static Json *describe(const Sweep *sweep, const SweepInputs *inputs) {
  const SweepSettings *s = sweep->settings;
  Json *json = json_new_object();
  json_add_string(json, "fathom", PACKAGE_VERSION);
  json_add_string(json, "model", inputs->model_sha256);
  json_add_string(json, "tokenizer", inputs->model.tokenizer_sha256);
  json_add_string(json, "chat template", inputs->model.chat_sha256);
  for (size_t name = 0; name < N_AXES; name++) {
    if (name == AXIS_SOURCE) continue;
    Json *array = json_add_array(json, sweep_axis_name((SweepAxisName)name));
    for (size_t i = 0; i < sweep->grid.axes[name].n; i++)
      json_add_string(array, NULL, sweep->grid.axes[name].values[i].text);
  }
  add_data(json, "pairs", inputs->sources, sweep->n_sources);
  add_data(json, "heldout", inputs->heldout, s->heldout.count);
  add_data(json, "eval", inputs->evals, s->eval.count);
  if (inputs->values[0]) json_add_string(json, "value words", inputs->values);
  /* The rest of a run's options, as its command line has them. */
  Words words = sweep_train_words(sweep, &sweep->runs[0]);
  Json *array = json_add_array(json, "options of train");
  for (size_t i = 3; i + 2 < words.n; i++) { /* without program, command and model; --output RUN is last */
    if (strcmp(words.items[i], "--frozen") == 0)
      i++;
    else
      json_add_string(array, NULL, words.items[i]);
  }
  words_free(&words);
  return json;
}

static Status compare(const Json *found, const Json *wanted, const char *folder, Error *err) {
  for (const Json *member = json_first(wanted); member; member = json_next(member)) {
    const Json *other = json_get(found, json_key(member));
    char *is = json_print(member, false), *was = other ? json_print(other, false) : mem_copy_string("nothing");
    Status status = STATUS_OK;
    if (strcmp(is, was) != 0)
      status = error_set(err, STATUS_DATA, "%s: a sweep of other settings: its %s is %.300s, now %.300s: choose another -o",
                         folder, json_key(member), was, is);
    free(is);
    free(was);
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

/* --- the folder --- */

static Status lock_folder(const char *folder, int *lock, Error *err) {
  char *path = file_join(folder, "lock");
  Status status = STATUS_OK;
  *lock = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0666);
  if (*lock < 0)
    status = error_system(err, "%s: cannot open", path);
  else if (flock(*lock, LOCK_EX | LOCK_NB) != 0)
    status = errno == EWOULDBLOCK ? error_set(err, STATUS_SYSTEM, "%s: another sweep is at work here", folder)
                                  : error_system(err, "%s: cannot lock", path);
  free(path);
  return status;
}

/* A folder that holds anything else is somebody's. */
static Status check_empty(const char *folder, Error *err) {
  Status status = STATUS_OK;
  DIR *directory = opendir(folder);
  if (!directory) return error_system(err, "%s: cannot read this folder", folder);
  for (struct dirent *entry; status == STATUS_OK && (entry = readdir(directory));)
    if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0 && !file_has_suffix(entry->d_name, ".part"))
      status = error_set(err, STATUS_USAGE, "%s: holds %s but no sweep.json: not the folder of a sweep, choose another -o",
                         folder, entry->d_name);
  closedir(directory);
  return status;
}

static Status write_settings(const char *path, const Json *settings, Error *err) {
  char *text = json_print(settings, true), *line = mem_format("%s\n", text);
  const Status status = file_write_text(path, line, err);
  free(text);
  free(line);
  return status;
}

/* The thread counts of a sweep are those of its first call: with others the same runs would round differently. */
static Status take_threads(const char *path, Sweep *sweep, bool *found, Error *err) {
  Json *json = NULL;
  *found = file_exists(path);
  if (!*found) return STATUS_OK;
  Status status = json_read(path, &json, err);
  if (status == STATUS_OK)
    status = json_need_size(json, "threads of a run", path, 1, 1024, &sweep->run_threads, err);
  if (status == STATUS_OK)
    status = json_need_size(json, "threads of recording", path, 1, 1024, &sweep->record_threads, err);
  json_free(json);
  return status;
}

static Status settle(Sweep *sweep, const SweepInputs *inputs, Error *err) {
  char *path = file_join(sweep->settings->output, "sweep.json"),
       *command_path = file_join(sweep->settings->output, "command.txt");
  Json *found = NULL, *wanted = NULL;
  bool exists;
  Status status = take_threads(path, sweep, &exists, err);
  if (status == STATUS_OK) wanted = describe(sweep, inputs);
  if (status == STATUS_OK && exists) {
    status = json_read(path, &found, err);
    if (status == STATUS_OK) status = compare(found, wanted, sweep->settings->output, err);
  } else if (status == STATUS_OK) {
    json_add_number(wanted, "threads of a run", (double)sweep->run_threads);
    json_add_number(wanted, "threads of recording", (double)sweep->record_threads);
    status = check_empty(sweep->settings->output, err);
    if (status == STATUS_OK) status = write_settings(path, wanted, err);
  }
  if (status == STATUS_OK && !file_exists(command_path)) {
    char *line = command_line(sweep->call->argc, sweep->call->argv), *text = mem_format("%s\n", line);
    status = file_write_text(command_path, text, err);
    free(line);
    free(text);
  }
  json_free(found);
  json_free(wanted);
  free(path);
  free(command_path);
  return status;
}

Status sweep_open_folder(Sweep *sweep, const SweepInputs *inputs, int *lock, Error *err) {
  const char *folder = sweep->settings->output;
  char *frozen = file_join(folder, "frozen");
  *lock = -1;
  Status status = file_make_directory(folder, err);
  if (status == STATUS_OK) status = lock_folder(folder, lock, err);
  if (status == STATUS_OK) status = settle(sweep, inputs, err);
  if (status == STATUS_OK) status = file_make_directory(frozen, err);
  for (size_t i = 0; i < sweep->n_runs && status == STATUS_OK; i++)
    status = file_make_directory(sweep->runs[i].folder, err);
  free(frozen);
  return status;
}

void sweep_close_folder(int lock) {
  if (lock >= 0) close(lock);
}
