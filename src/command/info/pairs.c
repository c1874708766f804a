/* fathom info on preference pairs: their schema, what would be left out and why, how long the answers are, and what
 * length alone would score. */
#include "base/file.h"
#include "command/info/info.h"
#include "text/pairs/summary.h"
#include "text/tokenizer/tokenizer.h"
#include "weights/source.h"

bool info_is_pairs(const char *path) {
  static const char *const suffixes[] = {".jsonl", ".json", ".jsonl.gz", ".json.gz"};
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
    if (file_has_suffix(path, suffixes[i]) && !file_is_directory(path)) return true;
  return false;
}

static void print_counts(Table *table, const SampleSet *set) {
  const struct {
    const char *name;
    size_t n;
  } counts[] = {{"rows", set->n_read},          {"pairs", set->count / 2},     {"dropped", samples_dropped(set)},
                {"dropped_bad", set->n_bad},    {"dropped_tied", set->n_tied}, {"dropped_empty", set->n_empty},
                {"dropped_equal", set->n_equal}};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) info_count(table, "pairs", counts[i].name, counts[i].n);
}

/* How many pairs say more than which side is chosen. */
static void print_labels(Table *table, const SampleSet *set) {
  size_t margins = 0, weights = 0, soft = 0;
  for (size_t i = 0; i < set->count / 2; i++) {
    margins += set->pairs[i].margin != 0;
    weights += set->pairs[i].weight != 1;
    soft += set->pairs[i].probability != 1;
  }
  info_count(table, "pairs", "with_margin", margins);
  info_count(table, "pairs", "with_weight", weights);
  info_count(table, "pairs", "with_probability", soft);
}

static void print_lengths(Table *table, const char *section, double chosen, double rejected, double longer_wins) {
  info_number(table, section, "mean_chosen", chosen);
  info_number(table, section, "mean_rejected", rejected);
  info_number(table, section, "longer_wins", longer_wins);
  info_number(table, section, "shorter_wins", 1 - longer_wins);
}

static void print_set(Table *table, const SampleSet *set, bool has_tokens) {
  const PairSummary summary = pairs_summarise(set->items, set->count / 2);
  info_text(table, "file", "kind", "preference pairs");
  info_text(table, "file", "schema", set->schema);
  print_counts(table, set);
  info_count(table, "pairs", "prompts", summary.n_prompts);
  print_labels(table, set);
  print_lengths(table, "words", summary.chosen_words, summary.rejected_words, summary.longer_wins_words);
  if (has_tokens)
    print_lengths(table, "tokens", summary.chosen_tokens, summary.rejected_tokens, summary.longer_wins_tokens);
}

Status info_pairs(const char *path, const InfoSettings *settings, const Provenance *from, Error *err) {
  Source *source = NULL;
  Tokenizer *tokenizer = NULL;
  ChatTemplate *chat = NULL;
  SampleSet set = {0};
  Status status = STATUS_OK;
  if (settings->tokenizer) {
    status = source_open(settings->tokenizer, &source, err);
    if (status == STATUS_OK) status = tokenizer_open(source, &tokenizer, err);
    if (status == STATUS_OK) status = chat_open("auto", NULL, tokenizer, &chat, err);
  }
  const SampleRules rules = {
      .tokenizer = tokenizer, .chat = chat, .preference = settings->preference, .strict = settings->strict};
  if (status == STATUS_OK) status = samples_read_pairs(&path, 1, &rules, &set, err);
  if (status == STATUS_OK) {
    Table *table = info_begin(settings, from);
    table_note(table,
               "words and tokens are of the answers; longer_wins is the accuracy of calling the longer answer the "
               "better one, equal lengths count one half");
    print_set(table, &set, tokenizer != NULL);
    status = table_end(table, err);
  }
  samples_clear(&set);
  chat_close(chat);
  tokenizer_close(tokenizer);
  source_close(source);
  return status;
}
