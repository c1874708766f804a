/* fathom info: what is in a model, an adapter, an activation store or a result; finds out which it is. */
#include "command/info/info.h"

#include "base/memory.h"
#include "text/lexicon/lexicon.h"
#include "text/samples/samples.h"
#include "weights/adapter.h"

#include <stdlib.h>

const char *const info_columns[3] = {"section", "name", "value"};

void info_text(Table *table, const char *section, const char *name, const char *value) {
  table_string(table, section);
  table_string(table, name);
  table_string(table, value);
}

void info_count(Table *table, const char *section, const char *name, size_t value) {
  table_string(table, section);
  table_string(table, name);
  table_count(table, value);
}

void info_number(Table *table, const char *section, const char *name, double value) {
  table_string(table, section);
  table_string(table, name);
  table_number(table, info_decimal(value));
}

char *info_shape(const size_t *shape, size_t n_dims) {
  char *text = mem_copy_string("[");
  for (size_t i = 0; i < n_dims; i++) {
    char *longer = mem_format("%s%s%zu", text, i ? ", " : "", shape[i]);
    free(text);
    text = longer;
  }
  char *closed = mem_format("%s]", text);
  free(text);
  return closed;
}

/* Options are for some kinds of file alone. */
static Status check_options(const InfoSettings *set, bool is_pairs, bool is_lexicon, Error *err) {
  if ((is_pairs || is_lexicon) && (set->tensors || set->metadata || set->digest))
    return error_set(err, STATUS_USAGE, "info: --tensors, --metadata and --digest are for models, not for %s",
                     is_pairs ? "pairs" : "lexicons");
  if (!is_pairs && set->preference) return error_set(err, STATUS_USAGE, "info: --preference is for files of pairs");
  if (!is_pairs && !is_lexicon && (set->tokenizer || set->strict))
    return error_set(err, STATUS_USAGE, "info: --tokenizer and --strict are for files of pairs and lexicons");
  return STATUS_OK;
}

static Status run(const Invocation *call, const void *settings, Error *err) {
  const InfoSettings *set = settings;
  const char *path = call->args[0];
  const Provenance from = invocation_provenance(call, "info", &set->common);
  if (call->n_args == 0) {
    if (set->tensors || set->metadata || set->digest)
      return error_set(err, STATUS_USAGE, "info: --tensors, --metadata and --digest are for models: name one");
    const Status status = check_options(set, false, false, err);
    return status == STATUS_OK ? info_families(set, &from, err) : status;
  }
  const bool is_pairs = info_is_pairs(path), is_lexicon = info_is_lexicon(path);
  const Status status = check_options(set, is_pairs, is_lexicon, err);
  if (status != STATUS_OK) return status;
  if (is_pairs) return info_pairs(path, set, &from, err);
  if (is_lexicon) return info_lexicon(path, set, &from, err);
  if (info_is_h5(path)) return info_h5(path, set, &from, err);
  return adapter_is_folder(path) ? info_adapter(path, set, from, err) : info_model(path, set, from, err);
}

static const Option options[] = {
    {"tensors", 0, OPTION_FLAG, offsetof(InfoSettings, tensors), 0, 0, NULL, "list every tensor of a model",
     "metadata"},
    {"metadata", 0, OPTION_FLAG, offsetof(InfoSettings, metadata), 0, 0, NULL,
     "list every key of a GGUF file's metadata or of config.json; long values are cut", NULL},
    {"digest", 0, OPTION_FLAG, offsetof(InfoSettings, digest), 0, 0, NULL,
     "also SHA-256 of a model's weights, which reads the whole file", NULL},
    {"preference", 0, OPTION_CHOICE, offsetof(InfoSettings, preference), 0, 0, "safer|better",
     "which of PKU-SafeRLHF's two preferences makes a side the chosen one (default: safer)", NULL},
    {"tokenizer", 0, OPTION_TEXT, offsetof(InfoSettings, tokenizer), 0, 0, "MODEL",
     "count the answers' tokens as well, with this model's tokenizer and chat template; of a "
     "lexicon the words that are one token",
     NULL},
    {"strict", 0, OPTION_FLAG, offsetof(InfoSettings, strict), 0, 0, NULL,
     "refuse a file of pairs or a lexicon with a bad row (default: warn)", NULL},
    {0}};

static const InfoSettings defaults = {0};

const Command command_info = {
    .name = "info",
    .arguments = "[MODEL|ADAPTER|STORE|RESULT|PAIRS|LEXICON]",
    .summary = "what is in a model, an adapter, an activation store, a result, a file of preference pairs or a lexicon",
    .details =
        "MODEL is a folder in Hugging Face's layout (config.json, model.safetensors or its index, tokenizer.json)\n"
        "or a GGUF file, which may hold a vocabulary alone: its format, its architecture and settings as fathom "
        "computes\n"
        "with them (defaults and patterns included; else cannot_run says why not), its tokenizer, how many tensors,\n"
        "parameters and bytes there are of each element type, and which reward head it has. ADAPTER is a LoRA adapter\n"
        "in PEFT's layout: its base, ranks, scales, and what it replaces. Of a STORE (a whole one, or\n"
        "the .part of one being recorded): samples, rows, sites and their widths, and what it was recorded from. Of\n"
        "a RESULT: its kind, the command that made it, and its datasets with their shapes. Without a file: the\n"
        "architectures that can be loaded, by model_type in config.json and general.architecture in GGUF.\n"
        "\n"
        "PAIRS is a .jsonl or .json file of preference pairs (JSONL or one JSON array; .gz is fine): its schema, how\n"
        "many rows are used and why others are not (bad rows, neither side preferred, an empty answer, equal sides),\n"
        "labels, the length of the answers, and what length alone would score. The schemas, and the keys they are\n"
        "told by:\n" PAIR_SCHEMAS_HELP
        "Any row may have \"margin\", \"weight\" (of its loss) and \"probability\" (that chosen is the better one).\n"
        "\n"
        "LEXICON is a list of words by category (.tsv, .csv, .dic or .dicx; .gz is fine): its layout, how many words "
        "there\n"
        "are of which part of speech, how long they are and how common, and what was merged or left out. The "
        "layouts:\n" LEXICON_LAYOUTS_HELP
        "\"form*\" stands for every word that begins so, and an entry may be several words.",
    .example = "fathom info models/SmolLM2-135M-Instruct.Q4_1.gguf",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(InfoSettings),
    .min_args = 0,
    .max_args = 1,
    .run = run,
};
