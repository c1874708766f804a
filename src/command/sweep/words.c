/* The command lines of a sweep: what records the frozen features of a source, trains a run, and evaluates it. */
#include "base/file.h"
#include "base/memory.h"
#include "command/sweep/parts.h"

#include <stdlib.h>
#include <string.h>

void words_add(Words *words, const char *word) {
  words->items = mem_resize(words->items, words->n + 2, sizeof *words->items);
  words->items[words->n++] = mem_copy_string(word);
  words->items[words->n] = NULL;
}

void words_free(Words *words) {
  for (size_t i = 0; i < words->n; i++) free(words->items[i]);
  free(words->items);
  *words = (Words){0};
}

/* NAME VALUE, where there is a value. */
static void add_option(Words *words, const char *name, const char *value) {
  if (!value) return;
  words_add(words, name);
  words_add(words, value);
}

static void add_size(Words *words, const char *name, size_t value) {
  if (!value) return;
  char *text = mem_format("%zu", value);
  add_option(words, name, text);
  free(text);
}

/* Words between blanks. */
static void add_text(Words *words, const char *text) {
  char *copy = mem_copy_string(text), *rest = NULL;
  for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) words_add(words, word);
  free(copy);
}

static Words begin(const Sweep *sweep, const char *command, const char *model) {
  Words words = {0};
  words_add(&words, sweep->call->argv[0]);
  words_add(&words, command);
  words_add(&words, model);
  return words;
}

/* How texts are read, the same for all three. */
static void add_reading(const Sweep *sweep, Words *words) {
  const InputSettings *in = &sweep->settings->input;
  if (strcmp(in->chat_template, "auto") != 0) add_option(words, "--chat-template", in->chat_template);
  add_option(words, "--chat-date", in->chat_date);
  add_size(words, "--max-length", in->max_length);
  add_option(words, "--preference", in->preference);
  if (in->truncate_prompt) words_add(words, "--truncate-prompt");
  add_size(words, "--batch-tokens", in->batch_tokens);
  if (in->strict) words_add(words, "--strict");
}

static void add_source(const Sweep *sweep, size_t source, Words *words) {
  const InputSettings *in = &sweep->settings->input;
  add_option(words, "--pairs", sweep->sources[source].path);
  add_option(words, "--adapter", in->adapter);
  if (strcmp(in->dtype, "float32") != 0) add_option(words, "--dtype", in->dtype);
}

Words sweep_record_words(const Sweep *sweep, size_t source) {
  Words words = begin(sweep, "record", sweep->model);
  add_source(sweep, source, &words);
  /* record's limit would count the held-out pairs, too. */
  if (sweep->sources[source].heldout)
    add_option(&words, "--pairs", sweep->sources[source].heldout);
  else
    add_size(&words, "--limit", sweep->settings->input.limit);
  add_option(&words, "--sites", "resid_post,ln_final");
  add_option(&words, "--tokens", sweep->settings->anchor_tokens);
  add_reading(sweep, &words);
  add_size(&words, "--threads", sweep->record_threads);
  words_add(&words, "--resume");
  add_option(&words, "--output", sweep->sources[source].frozen);
  return words;
}

static void add_heldout(const Sweep *sweep, const SweepSource *source, Words *words) {
  const SweepSettings *s = sweep->settings;
  char *share = sweep_number_text(s->eval_split), *seed = mem_format("%llu", (unsigned long long)s->common.seed);
  add_option(words, source->heldout ? "--eval" : "--eval-split", source->heldout ? source->heldout : share);
  add_option(words, "--split-seed", s->split_seed ? s->split_seed : seed);
  free(share);
  free(seed);
}

/* What distinguishes the run. A control may say what it likes of the anchor. */
static void add_method(const Sweep *sweep, const SweepRun *run, Words *words) {
  if (run->control && run->matched != SWEEP_NONE) {
    const char *at = strstr(run->control->text, "anchor:");
    char *text = mem_format("%.*s%s%s", (int)(at - run->control->text), run->control->text,
                            sweep->runs[run->matched].folder, at + strcspn(at, " "));
    add_text(words, text);
    free(text);
  } else if (run->control) {
    add_text(words, run->control->text);
  } else {
    add_option(words, "--anchor", run->anchor->text);
  }
  if (run->layers) add_option(words, "--anchor-layers", run->layers->text);
}

Words sweep_train_words(const Sweep *sweep, const SweepRun *run) {
  const SweepSettings *s = sweep->settings;
  const struct {
    const char *name, *value;
  } same[] = {{"--train", s->parts},         {"--steps", s->steps},   {"--epochs", s->epochs},
              {"--batch-size", s->batch_size}, {"--warmup", s->warmup}, {"--weight-decay", s->weight_decay},
              {"--clip", s->clip},           {"--probe-pairs", s->probe_pairs},
              {"--value-axis", s->value_axis}, {"--value-words", s->value_words}};
  Words words = begin(sweep, "train", sweep->model);
  add_source(sweep, run->source, &words);
  add_size(&words, "--limit", s->input.limit);
  add_heldout(sweep, &sweep->sources[run->source], &words);
  if (strcmp(run->quantity->text, "all") != 0) add_option(&words, "--train-pairs", run->quantity->text);
  add_option(&words, "--lr", run->rate->text);
  add_option(&words, "--anchor-tokens", s->anchor_tokens);
  for (size_t i = 0; i < sizeof same / sizeof same[0]; i++) add_option(&words, same[i].name, same[i].value);
  for (size_t i = 0; i < s->value_prompts.count; i++) add_option(&words, "--value-prompts", s->value_prompts.items[i]);
  for (size_t i = 1; i < sweep->call->n_args; i++) words_add(&words, sweep->call->args[i]);
  add_method(sweep, run, &words);
  add_option(&words, "--seed", run->seed->text);
  add_reading(sweep, &words);
  add_option(&words, "--frozen", sweep->sources[run->source].frozen);
  add_size(&words, "--checkpoint-every", s->checkpoint_every);
  add_size(&words, "--threads", sweep->run_threads);
  words_add(&words, "--resume");
  add_option(&words, "--output", run->folder);
  return words;
}

bool sweep_is_target(const Sweep *sweep, const SweepRun *run, size_t eval) {
  const char *path = sweep->settings->eval.items[eval];
  const SweepSource *source = &sweep->sources[run->source];
  return !file_is_same(path, source->path) && !(source->heldout && file_is_same(path, source->heldout));
}

bool sweep_has_eval(const Sweep *sweep, const SweepRun *run) {
  for (size_t i = 0; i < sweep->settings->eval.count; i++)
    if (sweep_is_target(sweep, run, i)) return true;
  return false;
}

Words sweep_eval_words(const Sweep *sweep, const SweepRun *run) {
  char *output = file_join(run->folder, "eval.h5");
  Words words = begin(sweep, "eval", sweep_run_is_adapter(sweep, run) ? sweep->model : run->folder);
  for (size_t i = 0; i < sweep->settings->eval.count; i++)
    if (sweep_is_target(sweep, run, i)) add_option(&words, "--pairs", sweep->settings->eval.items[i]);
  if (sweep_run_is_adapter(sweep, run)) add_option(&words, "--adapter", run->folder);
  add_reading(sweep, &words);
  add_size(&words, "--threads", sweep->run_threads);
  add_option(&words, "--output", output);
  free(output);
  return words;
}

/* --- what may not be among options that are handed on --- */

static const char *const of_sweep[] = {
    "pairs",  "eval",   "eval-split",       "split-seed", "limit",         "train-pairs", "seed",          "threads",
    "frozen", "resume", "checkpoint-every", "output",     "anchor-tokens", "adapter",     "chat-template", "chat-date",
    "strict", "dtype",  "max-length",       "preference", "truncate-prompt"};
static const char *const of_grid[] = {"lr", "anchor", "anchor-layers"};

/* The first word that is one of these n options, or NULL. */
static const char *find_option(const Words *words, const char *const *names, size_t n) {
  for (size_t i = 0; i < words->n; i++)
    for (size_t j = 0; j < n; j++) {
      const char *word = words->items[i];
      const size_t length = strlen(names[j]);
      if (strncmp(word, "--", 2) == 0 && strncmp(word + 2, names[j], length) == 0 && strchr("=", word[2 + length]))
        return names[j];
      if (strcmp(names[j], "output") == 0 && strncmp(word, "-o", 2) == 0) return names[j];
    }
  return NULL;
}

Status sweep_check_words(const Sweep *sweep, Error *err) {
  const size_t n_sweep = sizeof of_sweep / sizeof of_sweep[0], n_grid = sizeof of_grid / sizeof of_grid[0];
  const SweepAxis *controls = &sweep->grid.axes[AXIS_CONTROL];
  const Words behind = {.items = (char **)sweep->call->args + 1, .n = sweep->call->n_args - 1};
  const char *found = find_option(&behind, of_sweep, n_sweep);
  if (!found) found = find_option(&behind, of_grid, n_grid);
  if (found) return error_set(err, STATUS_USAGE, "--%s behind --: runs have it from the sweep: give it before --", found);
  for (size_t i = 0; i < controls->n && !found; i++) {
    Words words = {0};
    add_text(&words, controls->values[i].text);
    found = find_option(&words, of_sweep, n_sweep);
    words_free(&words);
    if (found)
      return error_set(err, STATUS_USAGE, "--control \"%s\": all runs have the same --%s, from the sweep",
                       controls->values[i].text, found);
  }
  return STATUS_OK;
}
