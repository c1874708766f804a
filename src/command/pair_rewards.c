/* Rewards of another model, by id. */
#include "command/pair_rewards.h"

#include "base/file.h"
#include "base/memory.h"
#include "command/info/info.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct PairEntry {
  char *key;
  const EvalSet *set;
  size_t pair;
};

static int by_key(const void *a, const void *b) {
  const PairEntry *x = a, *y = b;
  const int order = strcmp(x->key, y->key);
  if (order) return order;
  if (x->set != y->set) return x->set < y->set ? -1 : 1;
  return (x->pair > y->pair) - (x->pair < y->pair);
}

/* Of several files a made-up id carries the file's name, and a given one does not: which it was is not known here. */
static void add_entries(PairRewards *r, const EvalFile *file, const EvalSet *set, bool several) {
  for (size_t i = 0; i < set->n; i++) {
    r->entries[r->n_entries++] = (PairEntry){mem_copy_string(set->ids[i]), set, i};
    if (several)
      r->entries[r->n_entries++] = (PairEntry){mem_format("%s:%s", file_name(file->path), set->ids[i]), set, i};
  }
}

static void index_entries(PairRewards *r, const EvalFile *files) {
  size_t n = 0;
  for (size_t i = 0; i < r->run.n_sets; i++) n += 2 * r->run.sets[i].n;
  r->entries = mem_alloc(n, sizeof *r->entries);
  for (size_t i = 0; i < r->run.n_sets; i++) add_entries(r, &files[i], &r->run.sets[i], r->run.n_sets > 1);
  qsort(r->entries, r->n_entries, sizeof *r->entries, by_key);
}

static Status check_schemas(const PairRewards *r, const EvalFile *files, const char *schema, Error *err) {
  for (size_t i = 0; i < r->run.n_sets; i++)
    if (!strstr(schema, r->run.sets[i].schema))
      return error_set(err, STATUS_DATA, "%s: %s has its pairs as %s, this run has %s", files[i].path, r->run.name,
                       r->run.sets[i].schema, schema);
  return STATUS_OK;
}

Status pair_rewards_open(const char *path, const InputSettings *settings, const OptionTexts *files, const char *schema,
                         PairRewards *rewards, Error *err) {
  EvalFile *identified = NULL;
  InputSettings input = *settings;
  input.adapter = NULL;
  input.lora = NULL;
  input.widen = false;
  *rewards = (PairRewards){0};
  Status status = eval_files_identify(files, &identified, err);
  if (status == STATUS_OK)
    status = info_is_h5(path)
                 ? eval_result_read(path, identified, files->count, &rewards->run, err)
                 : eval_run_model(path, &input, &(EvalTasks){0}, identified, files->count, &rewards->run, err);
  if (status == STATUS_OK) status = check_schemas(rewards, identified, schema, err);
  if (status == STATUS_OK) index_entries(rewards, identified);
  free(identified);
  if (status != STATUS_OK) pair_rewards_close(rewards);
  return status;
}

void pair_rewards_close(PairRewards *r) {
  for (size_t i = 0; i < r->n_entries; i++) free(r->entries[i].key);
  free(r->entries);
  eval_run_clear(&r->run);
  *r = (PairRewards){0};
}

static size_t first_entry(const PairRewards *r, const char *key) {
  size_t low = 0, high = r->n_entries;
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    if (strcmp(r->entries[middle].key, key) < 0)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

Status pair_rewards_find(const PairRewards *r, const Sample *chosen, const double **found, Error *err) {
  char prompt[17];
  const PairEntry *only = NULL;
  snprintf(prompt, sizeof prompt, "%016" PRIx64, chosen->prompt_key);
  *found = NULL;
  for (size_t i = first_entry(r, chosen->group); i < r->n_entries && strcmp(r->entries[i].key, chosen->group) == 0;
       i++) {
    const PairEntry *entry = &r->entries[i];
    if (strcmp(entry->set->prompts[entry->pair], prompt) != 0) continue;
    if (only)
      return error_set(err, STATUS_DATA, "%s: pair \"%s\" is in two of the files, with one prompt: give the pairs ids",
                       r->run.name, chosen->group);
    only = entry;
  }
  if (only) *found = only->set->rewards + 2 * only->pair;
  return STATUS_OK;
}
