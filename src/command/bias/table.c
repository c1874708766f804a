/* What bias prints: median ranks by family, framing and category, then contrasts with their tests. */
#include "base/memory.h"
#include "command/bias/bias.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Two kinds of row: ranks, and from "contrast" on tests; JSON rows have the members of their own kind alone. family to
 * median_rank and contrast to labelings are a contract with scripts: others may come behind. */
static const char *const columns[] = {"family", "framing",   "category",   "median_rank", "least",     "most",
                                      "models", "prompts",   "words",      "contrast",    "statistic", "p",
                                      "unit",   "labelings", "exact",      "q",           "lo",        "hi",
                                      "g",      "n",         "categories", "framings"};
enum { N_COLUMNS = sizeof columns / sizeof columns[0], RANK_COLUMNS = 9, TEST_COLUMNS = N_COLUMNS - RANK_COLUMNS };

/* --- ranks --- */

/* Of one model: the mean over the prompts of a framing. */
static double model_rank(const BiasReport *r, size_t model, Framing framing, size_t category) {
  const BiasScores *s = r->scores;
  double sum = 0;
  for (size_t p = 0; p < s->n_prompts; p++)
    if (r->groups->framing[p] == framing)
      sum += r->ranks->medians[(model * s->n_prompts + p) * s->n_categories + category];
  return sum / (double)r->groups->n_framed[framing];
}

static void print_rank(const BiasReport *r, Table *table, size_t family, Framing framing, size_t category) {
  const BiasScores *s = r->scores;
  double sum = 0, least = INFINITY, most = -INFINITY;
  size_t n_models = 0, n_words = 0;
  for (size_t m = 0; m < s->n_models; m++) {
    if (r->groups->family[m] != family) continue;
    const double rank = model_rank(r, m, framing, category);
    sum += rank;
    least = fmin(least, rank);
    most = fmax(most, rank);
    n_models++;
  }
  for (size_t w = 0; w < s->n_words; w++) n_words += s->category[w] == category;
  table_string(table, r->groups->families[family]);
  table_string(table, framing_names[framing]);
  table_string(table, s->categories[category]);
  table_number(table, sum / (double)n_models);
  table_number(table, n_words ? least : NAN);
  table_number(table, n_words ? most : NAN);
  table_count(table, n_models);
  table_count(table, r->groups->n_framed[framing]);
  table_count(table, n_words);
  for (size_t i = 0; i < TEST_COLUMNS; i++) table_absent(table);
}

static void print_test(const BiasTest *t, Table *table) {
  for (size_t i = 0; i < RANK_COLUMNS; i++) table_absent(table);
  table_string(table, t->contrast);
  table_number(table, t->test.statistic);
  table_number(table, t->test.p);
  table_string(table, t->unit);
  table_count(table, t->test.labelings);
  table_string(table, t->test.is_exact ? "yes" : "no");
  table_number(table, t->q);
  table_number(table, t->lo);
  table_number(table, t->hi);
  table_number(table, t->g);
  table_count(table, t->n);
  table_string(table, t->categories);
  table_string(table, t->framings);
}

/* --- notes --- */

static void note_data(const BiasReport *r, Table *table) {
  const BiasScores *s = r->scores;
  size_t least = s->n_dropped[0], most = s->n_dropped[0];
  for (size_t m = 0; m < s->n_models; m++) {
    least = s->n_dropped[m] < least ? s->n_dropped[m] : least;
    most = s->n_dropped[m] > most ? s->n_dropped[m] : most;
  }
  table_note(table, "lexicon: %s (%s), sha256 %s", r->settings->lexicon, r->choice->lexicon->layout,
             r->choice->lexicon->digest);
  size_t n_forms = 0;
  for (size_t c = 0; c < r->choice->n; c++) n_forms += r->choice->n_forms[c];
  table_note(table,
             "words: %zu are ranked, by %zu entries of the lexicon%s; %zu to %zu of each table are not in it, and were "
             "dropped before",
             s->n_words, n_forms, r->settings->categories || r->settings->pos ? " (as chosen)" : "", least, most);
  if (s->n_words_left || s->n_prompts_left)
    table_note(table, "left out: %zu words and %zu prompts of %s that not all tables have", s->n_words_left,
               s->n_prompts_left, s->paths[0]);
  table_note(table, "prompts: %zu positive, %zu negative, %zu without a framing, told %s",
             r->groups->n_framed[FRAMING_POSITIVE], r->groups->n_framed[FRAMING_NEGATIVE],
             r->groups->n_framed[FRAMING_NONE], r->groups->rule);
  for (size_t m = 0; m < s->n_models; m++)
    table_note(table, "table: %s is model %s, family %s", s->paths[m], s->models[m],
               r->groups->families[r->groups->family[m]]);
}

static void note_tests(const BiasReport *r, Table *table) {
  size_t n_tests = 0;
  const BiasTests *tests = r->tests;
  for (size_t i = 0; i < tests->n; i++) n_tests += isnan(tests->items[i].q) ? 0 : 1;
  if (tests->without) table_note(table, "%s", tests->without);
  if (tests->n == 0) return;
  table_note(
      table,
      "contrast of a model: rank of the first category - rank of the second, mean over prompts of the first framing "
      "- mean over those of the second; statistic: that of a model, or T, the difference of two families' means");
  if (n_tests) {
    table_note(
        table,
        "unit models: p = share of all ways to deal out the families among the models with |T*| >= |T| (exact: no: "
        "that many drawn, seed %llu, p = (1 + #) / (1 + drawn)): would other models of these families differ so?",
        (unsigned long long)r->settings->common.seed);
    table_note(table, "q: Benjamini and Hochberg over the %zu tests with models as the unit", n_tests);
  }
  table_note(
      table,
      "unit prompts (ours): lo and hi 95 %% (Welch's t; Student's for one framing), g Hedges' g in standard deviations "
      "over "
      "prompts, p by dealing out the framings (one framing: the signs) among the prompts: would other such prompts say "
      "the same of these very models? Prompts are many and alike: a small p says nothing of other models");
  for (size_t i = 0; i < tests->n; i++) {
    const BiasTest *t = &tests->items[i];
    if (!isnan(t->q) && t->test.least_p > 0.05)
      table_note(table, "%s, %s: %zu labelings of so few models cannot give a p below %.3g", t->contrast, t->categories,
                 t->test.labelings, t->test.least_p);
    if (t->sensitivity)
      table_note(table, "sensitivity (ours) of %s, %s: %s", t->contrast, t->categories, t->sensitivity);
  }
}

void bias_table_note(const BiasReport *r, Table *table) {
  note_data(r, table);
  table_note(
      table,
      "median_rank: rank among the %zu words, 1 = highest score, ties share the average; median over the category's "
      "words, mean over prompts, then over models; least and most: of single models; without a preference %g",
      r->scores->n_words, 0.5 * (double)(r->scores->n_words + 1));
  note_tests(r, table);
}

Status bias_table_print(const BiasReport *r, const Provenance *from, Error *err) {
  Table *table = table_begin(stdout, r->settings->common.json, from, columns, N_COLUMNS);
  bias_table_note(r, table);
  for (size_t f = 0; f < r->groups->n_families; f++)
    for (Framing framing = 0; framing < FRAMINGS; framing++)
      for (size_t c = 0; c < r->scores->n_categories && r->groups->n_framed[framing]; c++)
        print_rank(r, table, f, framing, c);
  for (size_t i = 0; i < r->tests->n; i++) print_test(&r->tests->items[i], table);
  return table_end(table, err);
}
