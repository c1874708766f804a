/* The folder that fathom calibrate works in, and what all its models share: the grammar, a configuration, the tokenizer, questions
 * and prompts. */
#define _GNU_SOURCE /* nftw */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/calibrate/calibrate.h"
#include "command/shipped.h"
#include "text/lexicon/lexicon.h"
#include "text/samples/questions.h"
#include "text/tokenizer/words.h"

#include <ftw.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { VOCABULARY = 4096 };
static const char BASE_TEXT[] = "base.txt", CONFIG[] = "config.json";

/* A file of the world's folder; freed by the caller. */
static char *world_path(const Calibration *c, const char *name) { return file_join(c->world, name); }

/* The world's folder: named, beside the program, or where it was installed, next to the figures' scripts. */
static Status find_world(Calibration *c, Error *err) {
  static const char *const needed[] = {CALIBRATE_GRAMMAR, CONFIG, CALIBRATE_LEXICON, CALIBRATE_TEMPLATES};
  Status status = STATUS_OK;
  char *beside = shipped_beside_program("probes/world");
  c->world = c->settings->world              ? mem_copy_string(c->settings->world)
             : beside && file_exists(beside) ? mem_copy_string(beside)
                                             : mem_copy_string(FATHOM_PLOTS_DIR "/../world");
  for (size_t i = 0; i < sizeof needed / sizeof needed[0] && status == STATUS_OK; i++) {
    char *path = world_path(c, needed[i]);
    if (!file_exists(path))
      status = error_set(err, STATUS_SYSTEM, "no %s in %s: --world names its folder, probes/world of the source", needed[i], c->world);
    free(path);
  }
  free(beside);
  return status;
}

/* Both categories that the grammar's weights are named after; found out before a model is pretrained. */
static Status check_lexicon(const Calibration *c, Error *err) {
  static const char *const needed[] = {"agency", "communion"};
  char *path = world_path(c, CALIBRATE_LEXICON);
  Lexicon *lexicon = NULL;
  Status status = lexicon_read(path, true, &lexicon, err);
  for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
    if (lexicon_category(lexicon, needed[i]) == LEXICON_NONE)
      status = error_set(err, STATUS_DATA, "%s: no word of %s, expected words of agency and communion", path, needed[i]);
  lexicon_free(lexicon);
  free(path);
  return status;
}

static Status make_folder(Calibration *c, Error *err) {
  if (c->settings->keep) {
    c->folder = mem_copy_string(c->settings->keep);
    char *text = calibrate_path(c, BASE_TEXT);
    const bool exists = file_exists(text);
    free(text);
    if (exists) return error_set(err, STATUS_USAGE, "--keep %s: holds a calibration already, expected a new folder", c->folder);
    return file_make_directory(c->folder, err);
  }
  const char *parent = getenv("TMPDIR");
  char *folder = file_join(parent && *parent ? parent : "/tmp", "fathom-calibrate.XXXXXX");
  if (!mkdtemp(folder)) {
    const Status status = error_system(err, "%s: cannot make a folder to work in", folder);
    free(folder);
    return status;
  }
  c->folder = folder;
  c->is_temporary = true;
  return STATUS_OK;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *at) {
  (void)about, (void)kind, (void)at;
  return remove(path);
}

static void set_size(Json *config, const char *key, size_t value) {
  if (value) json_set(config, key, json_new_number((double)value));
}

/* The world's configuration at this size, and with biases in the MLP: a translation has to be written somewhere. */
static Status read_config(Calibration *c, Error *err) {
  char *path = world_path(c, CONFIG);
  const Status status = json_read(path, &c->config, err);
  free(path);
  if (status != STATUS_OK) return status;
  set_size(c->config, "num_hidden_layers", c->size->n_layers);
  set_size(c->config, "hidden_size", c->size->hidden_size);
  set_size(c->config, "intermediate_size", c->size->intermediate_size);
  set_size(c->config, "head_dim", c->size->head_dim);
  json_set(c->config, "mlp_bias", json_new_bool(true));
  return STATUS_OK;
}

static Status make_tokenizer(Calibration *c, Error *err) {
  static const size_t TEXT_LIMIT = (size_t)1 << 30;
  char *path = calibrate_path(c, BASE_TEXT), *text = NULL;
  size_t size = 0;
  WordCounts counts;
  Status status = calibrate_texts(c, BASE_TEXT, "text", c->size->texts, c->settings->common.seed, NULL, err);
  if (status == STATUS_OK) status = file_read(path, TEXT_LIMIT, &text, &size, err);
  if (status == STATUS_OK)
    status = tokenizer_from_texts((const char *const[]){text}, &size, 1, VOCABULARY, &c->tokenizer, &counts, err);
  free(text);
  free(path);
  return status;
}

/* Questions as a file, which is what fathom implicit reads. */
static Status write_questions(const Calibration *c, Error *err) {
  QuestionSet set;
  FileWriter writer = {0};
  char *path = calibrate_path(c, "questions.jsonl");
  questions_superlatives(&set);
  Status status = file_writer_open(&writer, path, err);
  for (size_t i = 0; i < set.count && status == STATUS_OK; i++) {
    Json *row = json_new_object();
    json_add_string(row, "id", set.items[i].id);
    json_add_string(row, "group", set.items[i].group);
    json_add_string(row, "text", set.items[i].text);
    char *line = json_print(row, false);
    fprintf(writer.stream, "%s\n", line);
    free(line);
    json_free(row);
  }
  if (status == STATUS_OK) status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  questions_clear(&set);
  free(path);
  return status;
}

Status calibrate_open(Calibration *c, Error *err) {
  const uint64_t seed = c->settings->common.seed;
  Status status = find_world(c, err);
  if (status == STATUS_OK) status = check_lexicon(c, err);
  if (status == STATUS_OK) status = read_config(c, err);
  if (status == STATUS_OK) status = make_folder(c, err);
  if (status == STATUS_OK) status = make_tokenizer(c, err);
  if (status == STATUS_OK) status = write_questions(c, err);
  if (status == STATUS_OK) status = calibrate_texts(c, CALIBRATE_PROMPTS, "labelled-saying", c->size->prompts, seed + 1, NULL, err);
  c->layer = (size_t)json_number(json_get(c->config, "num_hidden_layers"), 2) / 2;
  return status;
}

void calibrate_close(Calibration *c) {
  for (size_t i = 0; i < c->curves.n_sites; i++) free(c->curves.sites[i]);
  free(c->curves.sites);
  free(c->curves.distances);
  for (size_t i = 0; i < c->n_rows; i++) {
    free(c->rows[i].where);
    free(c->rows[i].expected);
  }
  free(c->rows);
  tokenizer_close(c->tokenizer);
  json_free(c->config);
  if (c->is_temporary && nftw(c->folder, remove_entry, 16, FTW_DEPTH | FTW_PHYS) != 0)
    log_warn("%s: could not be removed", c->folder);
  free(c->folder);
  free(c->world);
}
