/* What fathom implicit prints: one table, and notes that say what its numbers are. */
#include "base/memory.h"
#include "base/utf8.h"
#include "command/implicit/implicit.h"
#include "probes/transfer/accuracy.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* --- notes --- */

static void note_side(const ImplicitSide *side, int number, Table *table) {
  const Inputs *in = &side->in;
  char *end = NULL, *shown = NULL;
  size_t size;
  bool is_special;
  if (tokenizer_token_text(in->tokenizer, side->end.token, &end, &size, &is_special)) shown = utf8_shown(end, size);
  table_note(table, "model %d: %s; prompts %s%s; end of turn %s", number, in->model_name,
             chat_is_plain(in->chat) ? "as plain text" : "through ", chat_is_plain(in->chat) ? "" : chat_name(in->chat),
             shown ? shown : "unknown");
  free(shown);
  free(end);
  if (!side->asked) return;
  const Asked *asked = &side->asked[side->samples[0] - side->prompts];
  if (asked->opening) {
    shown = utf8_shown(asked->text + strlen(asked->text) - asked->opening, asked->opening);
    table_note(table,
               "model %d: behind the generation prompt stands \"%s\", as the template writes it before an answer",
               number, shown);
    free(shown);
  }
  if (!asked->is_continued)
    table_note(table,
               "model %d: the template writes answers otherwise than its generation prompt begins one; what is asked "
               "stands behind the generation prompt",
               number);
}

static double mean_of(size_t n, const double *values) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += values[i];
  return sum / (double)n;
}

static void note_tokens(const ImplicitReport *r, Table *table) {
  const ImplicitTokens *t = r->tokens;
  const size_t n = r->run->n_samples;
  for (int k = 0; k < 2; k++) {
    const Inputs *in = &r->run->sides[k].in;
    table_note(table,
               "joined vocabulary: %zu strings; %zu of model %d's %zu tokens, with %.6g of its probability (mean)",
               t->joined.n, t->joined.n_tokens[k], k + 1, tokenizer_vocab_size(in->tokenizer), mean_of(n, t->mass[k]));
  }
  if (r->run->settings->ignore_blanks) table_note(table, "blanks in front of tokens are ignored (ours)");
  table_note(table,
             "mwlr = 0.5 (p1 + p2) (log p2 - log p1), p over each model's whole vocabulary; of ids with one "
             "string the %s",
             strcmp(r->run->settings->duplicates, "max") == 0 ? "largest p" : "sum of p");
}

static void note_words(const ImplicitReport *r, Table *table) {
  const ImplicitWords *w = r->words;
  table_note(table, "log_ratio = log p2 - log p1 of whole words, in nats; first: their first tokens; _end: with the "
                    "end-of-turn token; mean: per token");
  if (w->n_contradictory) table_note(table, "%zu words of several of the categories are left out", w->n_contradictory);
  if (w->n_left_out) table_note(table, "%zu entries with wildcards are left out", w->n_left_out);
  for (int k = 0; k < 2; k++) {
    const char *separator = w->tokens[k].separator;
    char *shown = utf8_shown(separator, strlen(separator));
    table_note(table, "model %d: words stand behind \"%s\"", k + 1, shown);
    free(shown);
    if (w->tokens[k].n_merging)
      table_note(table,
                 "%zu words would merge with the prompt's last token in model %d, and are given their own tokens",
                 w->tokens[k].n_merging, k + 1);
  }
}

static void note_pairs(const ImplicitReport *r, Table *table) {
  table_note(table,
             "reward = log p2 - log p1 of an answer, in nats; _end: with the end-of-turn token; mean: per token");
  for (int k = 0; k < 2; k++)
    if (r->pairs->n_unended[k])
      table_note(table,
                 "model %d: %zu answers include what the template writes behind them, which could not be told apart",
                 k + 1, r->pairs->n_unended[k]);
}

static bool has_note(const Inputs *in, const char *note) {
  for (size_t i = 0; i < in->n_notes; i++)
    if (strcmp(in->notes[i], note) == 0) return true;
  return false;
}

/* Notes on the data: what both models say of them once. */
static void note_data(const ImplicitRun *run, Table *table) {
  for (int k = 0; k < 2; k++) {
    const Inputs *in = &run->sides[k].in, *other = &run->sides[!k].in;
    for (size_t i = 0; i < in->n_notes; i++) {
      const bool is_shared = has_note(other, in->notes[i]);
      if (is_shared && k == 0) table_note(table, "%s", in->notes[i]);
      if (!is_shared) table_note(table, "model %d: %s", k + 1, in->notes[i]);
    }
  }
}

void implicit_note(const ImplicitReport *r, Table *table) {
  for (int k = 0; k < 2; k++) note_side(&r->run->sides[k], k + 1, table);
  note_data(r->run, table);
  if (r->run->n_too_long)
    table_note(table, "%zu %s are too long for one of the models%s, and are left out", r->run->n_too_long,
               r->pairs ? "pairs" : "prompts", r->words ? ", with the longest word behind them" : "");
  if (r->tokens) note_tokens(r, table);
  if (r->words) note_words(r, table);
  if (r->pairs) note_pairs(r, table);
  if (!r->pairs)
    table_note(table,
               "interval: 95 %% over prompts (Student's t): the unit is the prompt, not the word and not the model");
  table_note(table, "computed in %s", r->run->settings->input.dtype);
}

/* --- rows --- */

static void add_interval(Table *table, MeanInterval value) {
  table_number(table, value.mean);
  table_number(table, value.lo);
  table_number(table, value.hi);
}

static void token_row(const ImplicitReport *r, size_t set, const char *end, size_t rank, size_t string, Table *table) {
  const ImplicitTokens *t = r->tokens;
  const Means *means = &t->sets[set];
  const size_t n = t->joined.n;
  const double p1 = means->mean[TOKEN_LOG_P1 * n + string], p2 = means->mean[TOKEN_LOG_P2 * n + string];
  char *shown = utf8_shown(t->joined.strings[string], t->joined.sizes[string]);
  table_string(table, implicit_set_name(r->run, set));
  table_string(table, end);
  table_count(table, rank);
  table_string(table, shown);
  add_interval(table, means_at(means, TOKEN_MWLR * n + string));
  table_number(table, p2 - p1);
  table_number(table, p1);
  table_number(table, p2);
  table_count(table, means->n);
  free(shown);
}

static void token_rows(const ImplicitReport *r, Table *table) {
  const size_t n = r->tokens->joined.n, top = r->run->settings->top < n / 2 ? r->run->settings->top : n / 2;
  for (size_t set = 0; set < r->run->n_sets; set++) {
    size_t *order = implicit_tokens_order(r->tokens, set);
    for (size_t i = 0; i < top; i++) token_row(r, set, "top", i + 1, order[i], table);
    for (size_t i = 0; i < top; i++) token_row(r, set, "bottom", i + 1, order[n - 1 - i], table);
    free(order);
  }
}

static void prompt_rows(const ImplicitReport *r, Table *table) {
  const ImplicitTokens *t = r->tokens;
  for (size_t i = 0; i < r->run->n_samples; i++) {
    table_string(table, r->run->sides[0].samples[i]->id);
    table_string(table, r->run->groups[r->run->group_of[i]]);
    for (int k = 0; k < 2; k++) table_count(table, r->run->sides[k].samples[i]->n_tokens);
    for (int k = 0; k < 2; k++) table_number(table, t->mass[k][i]);
    table_number(table, t->mwlr_sum[i]);
    table_number(table, t->kl_21[i]);
    table_number(table, t->kl_12[i]);
  }
}

/* The numbers of a word or category in one form. */
static void form_cells(const Means *means, size_t item, size_t form, Table *table) {
  const size_t at = (item * FORM_COUNT + form) * WORD_NUMBERS;
  table_string(table, implicit_forms[form]);
  add_interval(table, means_at(means, at + WORD_RATIO));
  table_number(table, means->mean[at + WORD_LOG_P1]);
  table_number(table, means->mean[at + WORD_LOG_P2]);
}

static void word_rows(const ImplicitReport *r, Table *table) {
  const ImplicitWords *w = r->words;
  for (size_t set = 0; set < r->run->n_sets; set++)
    for (size_t i = 0; i < w->n_words; i++)
      for (size_t form = 0; form < FORM_COUNT; form++) {
        table_string(table, implicit_set_name(r->run, set));
        table_string(table, w->words[i]);
        table_string(table, w->categories[w->category_of[i]]);
        for (int k = 0; k < 2; k++) table_count(table, implicit_n_tokens(w, k, i));
        form_cells(&w->word_sets[set], i, form, table);
        table_count(table, w->word_sets[set].n);
      }
}

static void category_rows(const ImplicitReport *r, Table *table) {
  const ImplicitWords *w = r->words;
  size_t *n_words = mem_alloc(w->n_categories, sizeof *n_words);
  for (size_t i = 0; i < w->n_words; i++) n_words[w->category_of[i]]++;
  for (size_t set = 0; set < r->run->n_sets; set++)
    for (size_t i = 0; i < w->n_categories + w->n_differences; i++)
      for (size_t form = 0; form < FORM_COUNT; form++) {
        table_string(table, implicit_set_name(r->run, set));
        table_string(table, w->categories[i]);
        table_number(table, i < w->n_categories ? (double)n_words[i] : NAN);
        form_cells(&w->category_sets[set], i, form, table);
        table_count(table, w->category_sets[set].n);
      }
  free(n_words);
}

/* --- pairs --- */

static void pair_rows(const ImplicitReport *r, Table *table) {
  const ImplicitPairs *p = r->pairs;
  for (size_t i = 0; i < r->run->n_samples; i++) {
    const Sample *sample = r->run->sides[0].samples[i];
    table_string(table, sample->group);
    table_string(table, sample->label);
    for (int k = 0; k < 2; k++) table_count(table, p->n_tokens[k][i]);
    for (int k = 0; k < 2; k++) table_number(table, p->forms[k][i * FORM_COUNT + FORM_SUM]);
    for (int k = 0; k < 2; k++) table_number(table, p->forms[k][i * FORM_COUNT + FORM_SUM_END]);
    table_number(table, implicit_reward(p, i, FORM_SUM));
    table_number(table, implicit_reward(p, i, FORM_MEAN));
    table_number(table, implicit_reward(p, i, FORM_SUM_END));
    table_number(table, implicit_reward(p, i, FORM_MEAN_END));
  }
}

/* Pairs whose chosen answer has the higher number: of the implicit reward, and of each model alone. */
static void accuracy_row(const ImplicitReport *r, size_t form, Table *table) {
  const ImplicitAccuracy a = implicit_accuracy(r->pairs, r->run->n_samples / 2, form);
  table_string(table, implicit_forms[form]);
  table_count(table, a.n);
  table_number(table, a.accuracy.value);
  table_number(table, a.accuracy.lo);
  table_number(table, a.accuracy.hi);
  table_number(table, a.ties);
  table_number(table, a.margin);
  for (int k = 0; k < 2; k++) table_number(table, a.alone[k]);
}

static void accuracy_rows(const ImplicitReport *r, Table *table) {
  for (size_t form = 0; form < FORM_COUNT; form++)
    if (form != FORM_FIRST) accuracy_row(r, form, table);
}

/* --- which --- */

enum { MOST_COLUMNS = 16 };

static const struct ImplicitTable {
  const char *name, *columns[MOST_COLUMNS];
  void (*rows)(const ImplicitReport *r, Table *table);
} tables[] = {
    {"tokens",
     {"group", "end", "rank", "token", "mwlr", "lo", "hi", "log_ratio", "log_p_1", "log_p_2", "n_prompts"},
     token_rows},
    {"prompts",
     {"id", "group", "n_tokens_1", "n_tokens_2", "mass_1", "mass_2", "mwlr_sum", "kl_2_1", "kl_1_2"},
     prompt_rows},
    {"words",
     {"group", "word", "category", "n_tokens_1", "n_tokens_2", "form", "log_ratio", "lo", "hi", "log_p_1", "log_p_2",
      "n_prompts"},
     word_rows},
    {"categories",
     {"group", "category", "n_words", "form", "log_ratio", "lo", "hi", "log_p_1", "log_p_2", "n_prompts"},
     category_rows},
    {"accuracy", {"form", "n", "accuracy", "lo", "hi", "ties", "margin", "accuracy_1", "accuracy_2"}, accuracy_rows},
    {"pairs",
     {"id", "side", "n_tokens_1", "n_tokens_2", "log_p_1", "log_p_2", "log_p_end_1", "log_p_end_2", "sum", "mean",
      "sum_end", "mean_end"},
     pair_rows},
};

Status implicit_print(const ImplicitReport *report, const char *name, const Provenance *from, Error *err) {
  size_t which = 0, n = 0;
  while (strcmp(tables[which].name, name) != 0) which++;
  while (tables[which].columns[n]) n++;
  Table *table = table_begin(stdout, report->run->settings->common.json, from, tables[which].columns, n);
  implicit_note(report, table);
  tables[which].rows(report, table);
  return table_end(table, err);
}
