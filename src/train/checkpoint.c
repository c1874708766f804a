/* Checkpoints: a folder with state.safetensors (values, first, second) and state.json (step, settings digest). It is
 * written under a temporary name and renamed when both files are whole. */
#include "train/checkpoint.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "train/adamw.h"
#include "weights/safetensors.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char prefix[] = "checkpoint-";

static void remove_checkpoint(const char *folder) {
  static const char *const files[] = {"state.safetensors", "state.json", "state.safetensors.part", "state.json.part"};
  for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
    char *path = file_join(folder, files[i]);
    unlink(path);
    free(path);
  }
  rmdir(folder);
}

/* Calls each(step) for every whole checkpoint of the folder; returns the newest step, SIZE_MAX if there is none. Steps
 * other than keep are removed where remove is set. */
static size_t newest_checkpoint(const char *run_folder, bool remove, size_t keep) {
  size_t newest = SIZE_MAX;
  DIR *directory = opendir(run_folder);
  if (!directory) return newest;
  for (struct dirent *entry; (entry = readdir(directory));) {
    size_t step;
    char *end;
    if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0) continue;
    step = strtoull(entry->d_name + strlen(prefix), &end, 10);
    if (*end || end == entry->d_name + strlen(prefix)) continue;
    if (remove && step != keep) {
      char *path = file_join(run_folder, entry->d_name);
      remove_checkpoint(path);
      free(path);
    } else if (newest == SIZE_MAX || step > newest) {
      newest = step;
    }
  }
  closedir(directory);
  return newest;
}

size_t checkpoint_newest(const char *run_folder) { return newest_checkpoint(run_folder, false, 0); }

void checkpoint_name_newest(const char *run_folder, Error *err) {
  const size_t step = checkpoint_newest(run_folder);
  const Error cause = *err;
  if (step != SIZE_MAX) error_set(err, cause.status, "%.800s; %s/checkpoint-%zu is kept", cause.text, run_folder, step);
}

void checkpoint_remove_all(const char *run_folder) { newest_checkpoint(run_folder, true, SIZE_MAX); }

static Status write_files(const char *folder, const CheckpointState *state, Error *err) {
  const SafetensorsEntry entries[] = {{"values", 1, {state->n, 1, 1, 1}, state->values},
                                      {"first", 1, {state->n, 1, 1, 1}, state->first},
                                      {"second", 1, {state->n, 1, 1, 1}, state->second}};
  char *path = file_join(folder, "state.safetensors");
  Status status = safetensors_write(path, entries, 3, DTYPE_F32, err);
  free(path);
  if (status != STATUS_OK) return status;
  Json *json = json_new_object();
  json_add_number(json, "step", (double)state->step);
  json_add_number(json, "parameters", (double)state->n);
  json_add_string(json, "settings_sha256", state->settings_sha256);
  char *text = json_print(json, true);
  path = file_join(folder, "state.json");
  status = file_write_text(path, text, err);
  free(path);
  free(text);
  json_free(json);
  return status;
}

Status checkpoint_check(const CheckpointState *state, Error *err) {
  if (isfinite(sum_of_squares(state->n, state->values))) return STATUS_OK;
  return error_set(err, STATUS_NUMERIC, "step %zu: the updated parameters are not finite: try a lower --lr or --clip", state->step);
}

Status checkpoint_write(const char *run_folder, const CheckpointState *state, Error *err) {
  char *folder = mem_format("%s/%s%zu", run_folder, prefix, state->step), *part = mem_format("%s.part", folder);
  remove_checkpoint(part);
  Status status = file_make_directory(part, err);
  if (status == STATUS_OK) status = write_files(part, state, err);
  if (status == STATUS_OK) {
    remove_checkpoint(folder);
    status = file_rename(part, folder, err);
  }
  if (status == STATUS_OK)
    newest_checkpoint(run_folder, true, state->step);
  else
    remove_checkpoint(part);
  free(folder);
  free(part);
  return status;
}

static Status read_array(const Weights *weights, const char *name, const char *path, size_t n, real *values,
                         Error *err) {
  const Tensor *tensor = weights_find(weights, name);
  if (!tensor || tensor->dtype != DTYPE_F32 || tensor->count != n)
    return error_set(err, STATUS_DATA, "%s: no float32 tensor \"%s\" of %zu values", path, name, n);
  dtype_widen(DTYPE_F32, tensor->bytes, n, values);
  return STATUS_OK;
}

static Status read_state(const char *folder, size_t step, CheckpointState *state, Error *err) {
  char *path = file_join(folder, "state.json");
  Json *json = NULL;
  size_t n = 0;
  const char *digest = NULL;
  Status status = json_read(path, &json, err);
  if (status == STATUS_OK) status = json_need_size(json, "step", path, 0, SIZE_MAX >> 12, &state->step, err);
  if (status == STATUS_OK) status = json_need_size(json, "parameters", path, 1, SIZE_MAX >> 12, &n, err);
  if (status == STATUS_OK) status = json_need_string(json, "settings_sha256", path, &digest, err);
  if (status == STATUS_OK && (n != state->n || strcmp(digest, state->settings_sha256) != 0))
    status =
        error_set(err, STATUS_DATA,
                  "%s: a checkpoint of another model, data set or settings: --resume needs the same arguments", path);
  if (status == STATUS_OK && state->step != step)
    status = error_set(err, STATUS_DATA, "%s: step %zu, expected %zu as the folder's name says", path, state->step, step);
  json_free(json);
  free(path);
  return status;
}

Status checkpoint_read_newest(const char *run_folder, CheckpointState *state, bool *found, Error *err) {
  const size_t step = newest_checkpoint(run_folder, false, 0);
  *found = step != SIZE_MAX;
  if (!*found) return STATUS_OK;
  char *folder = mem_format("%s/%s%zu", run_folder, prefix, step), *path = file_join(folder, "state.safetensors");
  FileMap map = {0};
  Weights *weights = weights_new();
  Status status = read_state(folder, step, state, err);
  if (status == STATUS_OK) status = safetensors_open(path, &map, weights, err);
  if (status == STATUS_OK) status = read_array(weights, "values", path, state->n, state->values, err);
  if (status == STATUS_OK) status = read_array(weights, "first", path, state->n, state->first, err);
  if (status == STATUS_OK) status = read_array(weights, "second", path, state->n, state->second, err);
  weights_free(weights);
  file_unmap(&map);
  free(path);
  free(folder);
  return status;
}
