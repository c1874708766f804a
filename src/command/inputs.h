/* What record, score and train begin with: a model, its tokenizer and chat template, and tokenised samples. */
#ifndef FATHOM_COMMAND_INPUTS_H
#define FATHOM_COMMAND_INPUTS_H

#include "base/options.h"
#include "command/command.h"
#include "model/model.h"
#include "store/activations.h"
#include "text/chat/chat.h"
#include "text/samples/samples.h"
#include "text/tokenizer/tokenizer.h"

/* The options of these commands that say what is read. */
typedef struct InputSettings {
  OptionTexts prompts, pairs;
  const char *text, *dtype, *chat_template, *chat_date, *adapter;
  size_t max_length, limit, batch_tokens;
  const char *preference; /* of PKU-SafeRLHF's two; NULL: not given */
  bool strict, truncate_prompt;
  bool widen;               /* as training of the matrices themselves needs */
  bool trains;              /* bfloat16 then is a copy beside what the model has, for products both ways */
  const LoraSettings *lora; /* factors to be trained, or NULL */
} InputSettings;

typedef struct Inputs {
  Source *source;
  Adapter *adapter;         /* NULL: none */
  Source *adapter_files;    /* its folder, where that has a tokenizer of its own */
  Tokenizer *tokenizer;
  ChatTemplate *chat;
  Onednn *onednn;           /* for products in bfloat16, or NULL */
  Model model;
  SampleSet samples;
  bool are_pairs;
  char tokenizer_sha256[DIGEST_TEXT], chat_sha256[DIGEST_TEXT];
  char *model_name;                   /* what the user named: the model, and the adapter on it */
  char weights_sha256[DIGEST_TEXT]; /* of both */
  char *config; /* config.json text, one line */
  char **notes; /* [n_notes]: what the data are, for the head of a table */
  size_t n_notes;
} Inputs;

/* Opens the model, with --adapter put on it, and the tokenizer (the adapter's, where its folder has one), and checks
 * that they fit. */
Status inputs_open_model(Inputs *inputs, const char *path, const InputSettings *settings, Error *err);

/* Reads the samples of --prompts, --pairs or --text: exactly one of them. At least one sample must be left. */
Status inputs_read_samples(Inputs *inputs, const InputSettings *settings, Error *err);

/* The length limit in force: --max-length, or the model's context length; a larger one is warned of. */
size_t inputs_max_length(const Inputs *inputs, const InputSettings *settings);

/* How samples are read: tokenizer, chat template, limits, preference, strictness. */
SampleRules inputs_sample_rules(const Inputs *inputs, const InputSettings *settings);

/* Reads the pairs of these files. At least one must be left. What was left out, and what each file holds, is said and
 * noted. */
Status inputs_read_pairs(Inputs *inputs, const OptionTexts *files, const SampleRules *rules, SampleSet *set, Error *err);

/* Says and notes how many prompts the files of a set share with another set, which is called name. */
void inputs_note_overlap(Inputs *inputs, const SampleSet *set, const SampleSet *other, const char *name);

/* Says a note on the data, or warns with it, and keeps it for the table. */
void inputs_note(Inputs *inputs, bool is_warning, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The notes on the data, as notes of a table. */
void inputs_add_notes(const Inputs *inputs, Table *table);

/* What the parameters take: "513.1 MiB of parameters", or what of them stays in the file. Freed by the caller. */
char *inputs_parameter_memory(const Inputs *inputs);

/* The samples as an array of pointers; freed by the caller. */
const Sample **inputs_sample_list(const Inputs *inputs);

/* SHA-256 of the weights that run: the model's file, or of its digest and the adapter's. */
const char *inputs_weights_digest(Inputs *inputs);

/* An adapter says by name which model it was made for; where that is not the model at path, warns. */
void inputs_warn_of_other_base(const Adapter *adapter, const Source *source, const char *path);

/* The rows of model and adapter in a result's provenance, and the provenance of a store. */
void inputs_add_provenance(Inputs *inputs, Provenance *provenance);
StoreContents inputs_store_provenance(Inputs *inputs, const CommonSettings *common, const char *command_line);

/* The command line without --resume, -q and --json: a resumed run writes the same bytes as an uninterrupted one, whatever
 * it says. Freed by the caller. */
char *inputs_command_line(const Invocation *call);

void inputs_close(Inputs *inputs); /* all zeros is fine */

/* The rows of an option table for a settings struct with a member `input` of type InputSettings. */
#define INPUT_OPTIONS(Settings)                                                                                        \
  {"prompts",                                                                                                          \
   0,                                                                                                                  \
   OPTION_TEXTS,                                                                                                       \
   offsetof(Settings, input.prompts),                                                                                  \
   0,                                                                                                                  \
   0,                                                                                                                  \
   "FILE",                                                                                                             \
   "prompts: JSONL with \"text\", \"messages\" or \"ids\", or .txt with one a line; plain or gzip; may be repeated",   \
   "pairs,text"},                                                                                                      \
      {"pairs",                                                                                                        \
       0,                                                                                                              \
       OPTION_TEXTS,                                                                                                   \
       offsetof(Settings, input.pairs),                                                                                \
       0,                                                                                                              \
       0,                                                                                                              \
       "FILE",                                                                                                         \
       "preference pairs in a layout that fathom info lists; JSONL or JSON array, plain or gzip; may be repeated",     \
       "prompts,text"},                                                                                                \
      {"text", 0, OPTION_TEXT, offsetof(Settings, input.text), 0, 0, "S", "one text", "prompts,pairs"}, {              \
    "limit", 0, OPTION_SIZE, offsetof(Settings, input.limit), 1, 1e12, "N", "the first N prompts or pairs only", NULL  \
  }

/* Which chat template; a command that takes several writes this row itself. */
#define CHAT_TEMPLATES_HELP                                                                                            \
  "auto (the model's own), a Jinja file, chatml, gemma, granite, llama-2, llama-3, mistral, phi-3, tulu, vicuna, "     \
  "zephyr, or none (contents with newlines between)"

#define CHAT_TEMPLATE_OPTION(Settings)                                                                                 \
  {"chat-template",                                                                                                    \
   0,                                                                                                                  \
   OPTION_TEXT,                                                                                                        \
   offsetof(Settings, input.chat_template),                                                                            \
   0,                                                                                                                  \
   0,                                                                                                                  \
   "FILE|NAME|none",                                                                                                   \
   "how messages become text: " CHAT_TEMPLATES_HELP,                                                                   \
   NULL}

/* The day a template writes, and the adapter. */
#define DATE_OPTIONS(Settings)                                                                                         \
  {"chat-date",                                                                                                    \
       0,                                                                                                              \
       OPTION_TEXT,                                                                                                    \
       offsetof(Settings, input.chat_date),                                                                            \
       0,                                                                                                              \
       0,                                                                                                              \
       "YYYY-MM-DD",                                                                                                   \
       "the day for chat templates that write today's (default: that of SOURCE_DATE_EPOCH)",                           \
       NULL},                                                                                                          \
      {"adapter", 0, OPTION_TEXT, offsetof(Settings, input.adapter), 0, 0, "DIR",                                       \
       "a LoRA adapter in PEFT's layout, put on MODEL", NULL}

/* How texts are read, but for the chat template. */
#define READING_OPTIONS(Settings)                                                                                      \
  DATE_OPTIONS(Settings),                                                                                              \
      {"max-length",                                                                                                   \
       0,                                                                                                              \
       OPTION_SIZE,                                                                                                    \
       offsetof(Settings, input.max_length),                                                                           \
       1,                                                                                                              \
       1e9,                                                                                                            \
       "N",                                                                                                            \
       "leave out, and count, samples of more tokens (default: the model's context length)",                           \
       NULL},                                                                                                          \
      {"preference", 0, OPTION_CHOICE, offsetof(Settings, input.preference), 0, 0, "safer|better",                     \
       "which of PKU-SafeRLHF's two preferences makes a side the chosen one (default: safer)", "prompts,text"},        \
      {"truncate-prompt", 0, OPTION_FLAG, offsetof(Settings, input.truncate_prompt), 0, 0, NULL,                       \
       "cut the prompts of pairs that are too long on their left, where that is enough, instead of leaving the pair "  \
       "out; counted", "prompts,text"},                                                                                          \
      {"strict", 0, OPTION_FLAG, offsetof(Settings, input.strict), 0, 0, NULL,                                         \
       "refuse a model or adapter with settings or tensors that fathom does not know, and a file of pairs with a bad row "        \
       "(default: warn)", NULL},                                                                                                          \
  {                                                                                                                    \
    "batch-tokens", 0, OPTION_SIZE, offsetof(Settings, input.batch_tokens), 1, 1e9, "N",                               \
        "tokens run through the model at a time", NULL                                                                 \
  }

#define LENGTH_OPTIONS(Settings) CHAT_TEMPLATE_OPTION(Settings), READING_OPTIONS(Settings)

#define DTYPE_OPTION(Settings)                                                                                         \
  {                                                                                                                    \
    "dtype", 0, OPTION_CHOICE, offsetof(Settings, input.dtype), 0, 0, "float32|bfloat16",                              \
        "type of the blocks' matrix products; bfloat16 keeps 8 bits of what is multiplied, and sums in float32", NULL  \
  }

#define WIDEN_OPTION(Settings)                                                                                         \
  {                                                                                                                    \
    "widen", 0, OPTION_FLAG, offsetof(Settings, input.widen), 0, 0, NULL,                                              \
        "widen all weights to float32 in memory (default: they stay as the file has them, and every product widens "   \
        "what it reads; same numbers)",                                                                                \
        NULL                                                                                                           \
  }

#endif
