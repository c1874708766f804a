/* Reading the samples of record, score and train, and saying what they are. */
#include "base/log.h"
#include "base/memory.h"
#include "command/inputs.h"
#include "text/pairs/summary.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

size_t inputs_max_length(const Inputs *in, const InputSettings *settings) {
  const size_t context = in->model.config.max_positions;
  if (settings->max_length > context && in->model.config.has[ROLE_POSITIONS]) {
    log_warn("--max-length %zu: the model learned %zu positions, and has none beyond", settings->max_length, context);
    return context;
  }
  if (settings->max_length > context)
    log_warn("--max-length %zu is beyond the model's context of %zu tokens", settings->max_length, context);
  return settings->max_length ? settings->max_length : context;
}

SampleRules inputs_sample_rules(const Inputs *in, const InputSettings *settings) {
  return (SampleRules){.tokenizer = in->tokenizer,
                       .chat = in->chat,
                       .max_length = inputs_max_length(in, settings),
                       .limit = settings->limit,
                       .preference = settings->preference,
                       .truncate_prompt = settings->truncate_prompt,
                       .strict = settings->strict};
}

static void add_note(Inputs *in, bool is_warning, char *note) {
  is_warning ? log_warn("%s", note) : log_note("%s", note);
  in->notes = mem_resize(in->notes, in->n_notes + 1, sizeof *in->notes);
  in->notes[in->n_notes++] = note;
}

void inputs_note(Inputs *in, bool is_warning, const char *format, ...) {
  va_list args, again;
  va_start(args, format);
  va_copy(again, args);
  const size_t size = (size_t)vsnprintf(NULL, 0, format, again) + 1;
  va_end(again);
  char *text = mem_alloc(size, 1);
  vsnprintf(text, size, format, args);
  va_end(args);
  add_note(in, is_warning, text);
}

void inputs_add_notes(const Inputs *in, Table *table) {
  for (size_t i = 0; i < in->n_notes; i++) table_note(table, "%s", in->notes[i]);
}

static Status need_some(const SampleSet *set, const char *what, size_t max_length, Error *err) {
  if (set->count > 0) return STATUS_OK;
  char *counts = samples_describe_counts(set, max_length);
  error_set(err, STATUS_DATA, "nothing is left of %zu %s: %s", set->n_read, what, counts);
  free(counts);
  return STATUS_DATA;
}

static void note_files(Inputs *in, const SampleSet *set) {
  for (size_t i = 0; i < set->n_files; i++) {
    const PairFile *file = &set->files[i];
    const PairSummary summary = pairs_summarise(set->items + file->first, file->count / 2);
    char *text = pairs_describe(&summary);
    add_note(in, false, mem_format("%s: %s, %zu rows: %s", file->path, file->schema, file->n_read, text));
    free(text);
  }
}

static void note_counts(Inputs *in, const SampleSet *set, const char *what, size_t max_length) {
  char *counts = samples_describe_counts(set, max_length);
  add_note(in, samples_dropped(set) > 0, mem_format("%s: %s", what, counts));
  free(counts);
}

Status inputs_read_pairs(Inputs *in, const OptionTexts *files, const SampleRules *rules, SampleSet *set, Error *err) {
  Status status = samples_read_pairs(files->items, files->count, rules, set, err);
  if (status == STATUS_OK) status = need_some(set, "pairs", rules->max_length, err);
  if (status != STATUS_OK) return status;
  note_files(in, set);
  note_counts(in, set, set->schema, rules->max_length);
  return STATUS_OK;
}

void inputs_note_overlap(Inputs *in, const SampleSet *set, const SampleSet *other, const char *name) {
  for (size_t i = 0; i < set->n_files; i++) {
    const PairFile *file = &set->files[i];
    const PromptOverlap shared =
        pairs_overlap(other->items, other->count / 2, set->items + file->first, file->count / 2);
    add_note(in, shared.n_pairs > 0,
             mem_format("%s: shares %zu prompts with %s (%zu of its %zu pairs)", file->path, shared.n_prompts, name,
                        shared.n_pairs, file->count / 2));
  }
}

static Status read_prompts(Inputs *in, const InputSettings *settings, const SampleRules *rules, Error *err) {
  Status status =
      settings->text ? samples_from_text(settings->text, rules, &in->samples, err)
                     : samples_read_prompts(settings->prompts.items, settings->prompts.count, rules, &in->samples, err);
  if (status == STATUS_OK) status = need_some(&in->samples, "prompts", rules->max_length, err);
  if (status == STATUS_OK) note_counts(in, &in->samples, in->samples.schema, rules->max_length);
  return status;
}

Status inputs_read_samples(Inputs *in, const InputSettings *settings, Error *err) {
  const size_t n_kinds = (settings->prompts.count > 0) + (settings->pairs.count > 0) + (settings->text != NULL);
  if (n_kinds != 1) return error_set(err, STATUS_USAGE, "one of --prompts, --pairs and --text is needed");
  const SampleRules rules = inputs_sample_rules(in, settings);
  in->are_pairs = settings->pairs.count > 0;
  return in->are_pairs ? inputs_read_pairs(in, &settings->pairs, &rules, &in->samples, err)
                       : read_prompts(in, settings, &rules, err);
}

const Sample **inputs_sample_list(const Inputs *in) {
  const Sample **list = mem_alloc(in->samples.count, sizeof *list);
  for (size_t i = 0; i < in->samples.count; i++) list[i] = &in->samples.items[i];
  return list;
}
