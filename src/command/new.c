/* fathom new: a language model from nothing, with random weights and a tokenizer made of a text or taken from a model. */
#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/command.h"
#include "model/new.h"
#include "text/tokenizer/words.h"
#include "train/save.h"

#include <stdlib.h>
#include <string.h>

typedef struct NewSettings {
  CommonSettings common;
  OptionTexts texts;
  const char *output, *tokenizer;
  size_t vocabulary;
  bool strict;
} NewSettings;

static const NewSettings defaults = {.vocabulary = 4096};

#define AT(member) offsetof(NewSettings, member)
static const Option options[] = {
    {"text", 0, OPTION_TEXTS, AT(texts), 0, 0, "FILE",
     "text that the tokenizer is made of, plain or gzip; may be repeated", "tokenizer"},
    {"vocabulary", 0, OPTION_SIZE, AT(vocabulary), WORDS_FEWEST, 1e6, "N",
     "tokens at most: two special ones, 256 bytes, and the words that are most frequent in the text", "tokenizer"},
    {"tokenizer", 0, OPTION_TEXT, AT(tokenizer), 0, 0, "MODEL", "the tokenizer of this model instead", "text,vocabulary"},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "DIR", "the model's folder", NULL},
    {"strict", 0, OPTION_FLAG, AT(strict), 0, 0, NULL, "refuse settings that fathom does not know (default: warn)", NULL},
    {0}};
#undef AT

static Status make_tokenizer(const NewSettings *s, Tokenizer **tokenizer, WordCounts *counts, Error *err) {
  static const size_t FILE_LIMIT = (size_t)2 << 30;
  const size_t n = s->texts.count;
  char **texts = mem_alloc(n, sizeof *texts);
  size_t *sizes = mem_alloc(n, sizeof *sizes);
  Status status = STATUS_OK;
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    status = file_read(s->texts.items[i], FILE_LIMIT, &texts[i], &sizes[i], err);
    if (status == STATUS_OK && sizes[i] == 0)
      status = error_set(err, STATUS_DATA, "%s: no text to make a tokenizer of, the file has 0 bytes", s->texts.items[i]);
  }
  if (status == STATUS_OK)
    status = tokenizer_from_texts((const char *const *)texts, sizes, n, s->vocabulary, tokenizer, counts, err);
  for (size_t i = 0; i < n; i++) free(texts[i]);
  free(texts);
  free(sizes);
  return status;
}

static Status take_tokenizer(const char *path, Tokenizer **tokenizer, Error *err) {
  Source *source = NULL;
  Status status = source_open(path, &source, err);
  if (status == STATUS_OK) status = tokenizer_open(source, tokenizer, err);
  source_close(source);
  return status;
}

/* A folder that holds a model is not written over. */
static Status check_folder(const char *folder, Error *err) {
  char *config = file_join(folder, "config.json");
  const bool exists = file_exists(config);
  free(config);
  if (!exists) return STATUS_OK;
  return error_set(err, STATUS_USAGE, "%s: holds a model already: choose another -o", folder);
}

static Status print_summary(const NewSettings *s, const Model *model, const WordCounts *counts, const Provenance *from,
                            Error *err) {
  static const char *const columns[] = {"model", "family", "parameters", "vocabulary", "whole_words"};
  Table *table = table_begin(stdout, s->common.json, from, columns, sizeof columns / sizeof columns[0]);
  table_note(table, "parameters: the reward head, which there is none of, apart; whole_words: share of the text's words, runs of "
                    "digits, signs and blanks that are one token (missing with --tokenizer); the rest is spelt in bytes");
  table_string(table, s->output);
  table_string(table, model->config.family->hf_causal);
  table_count(table, model->table.total - model->config.hidden_size);
  table_count(table, model->config.vocab_size);
  table_number(table, (double)counts->whole / (double)counts->pieces); /* 0 / 0 is missing */
  return table_end(table, err);
}

static Status new_run(const Invocation *call, const void *given, Error *err) {
  const NewSettings *s = given;
  Json *config = NULL;
  Tokenizer *tokenizer = NULL;
  Model model = {0};
  WordCounts counts = {0};
  if (!s->output) return error_set(err, STATUS_USAGE, "new: -o DIR is needed: the model's folder");
  if (!s->texts.count && !s->tokenizer)
    return error_set(err, STATUS_USAGE, "new: --text FILE or --tokenizer MODEL is needed");
  Status status = check_folder(s->output, err);
  if (status == STATUS_OK) status = json_read(call->args[0], &config, err);
  if (status == STATUS_OK)
    status = s->tokenizer ? take_tokenizer(s->tokenizer, &tokenizer, err) : make_tokenizer(s, &tokenizer, &counts, err);
  if (status == STATUS_OK) {
    status = model_new(config, tokenizer_vocab_size(tokenizer), s->strict, s->common.seed, &model, err);
    if (status != STATUS_OK) error_prefix(err, "%s", call->args[0]);
  }
  if (status == STATUS_OK) status = file_make_directory(s->output, err);
  if (status == STATUS_OK) status = save_language_model(&model, tokenizer, s->output, err);
  const Provenance from = invocation_provenance(call, "new", &s->common);
  if (status == STATUS_OK) status = print_summary(s, &model, &counts, &from, err);
  model_close(&model);
  tokenizer_close(tokenizer);
  json_free(config);
  return status;
}

const Command command_new = {
    .name = "new",
    .arguments = "CONFIG.json --text F -o DIR",
    .summary = "make a language model with random weights, and a tokenizer from a text",
    .details = "CONFIG.json: the settings of any architecture that fathom info lists, as Hugging Face has them; the size of the "
               "vocabulary\n"
               "is the tokenizer's. Weights are random as in transformers: matrices normal with deviation "
               "\"initializer_range\" (.02),\n"
               "gains 1, biases 0, drawn with --seed. The tokenizer (a kind of our own, which Hugging Face's tokenizers reads): the "
               "most\n"
               "frequent words of the text are tokens, with the blank before them; all else is spelt in bytes. \"<|end|>\" ends a "
               "text.\n"
               "fathom train --objective lm pretrains the model.",
    .example = "fathom new probes/world/config.json --text world.txt -o world-model",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(NewSettings),
    .min_args = 1,
    .max_args = 1,
    .run = new_run,
};
