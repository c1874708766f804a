/* Words of a lexicon that an axis is fit to, and the sentences they are read in. */
#include "base/memory.h"
#include "command/axis.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void sample_free(Sample *sample) {
  free(sample->id);
  free(sample->group);
  free(sample->label);
  free(sample->ids);
  *sample = (Sample){0};
}

static void candidate_clear(AxisCandidate *c) {
  for (size_t k = 0; k < c->n_samples; k++) sample_free(&c->samples[k]);
  free(c->samples);
  free(c->covariates);
}

void axis_gathering_clear(AxisGathering *g) {
  for (size_t i = 0; i < g->count; i++) candidate_clear(&g->items[i]);
  free(g->items);
  string_list_free(g->covariates, g->n_covariates);
  carriers_clear(&g->carriers);
  lexicon_choice_clear(&g->choice);
  lexicon_free(g->lexicon);
}

static bool has_form(const AxisGathering *g, const char *form) {
  for (size_t i = 0; i < g->count; i++)
    if (strcmp(g->items[i].form, form) == 0) return true;
  return false;
}

/* Is the lemma that of a pole's word of another category than this one? */
static bool crosses(const AxisGathering *g, const char *lemma, size_t category) {
  const Lexicon *lexicon = g->lexicon;
  for (size_t w = 0; w < lexicon->n_words; w++) {
    const int side = g->choice.side[w];
    if ((side == 0 || side == 1) && (size_t)side != category && !lexicon->words[w].is_prefix &&
        strcasecmp(lexicon->words[w].lemma, lemma) == 0)
      return true;
  }
  return false;
}

/* Candidates in file order, those of the poles first. A form counts once, whatever its parts of speech. */
static void list_candidates(AxisGathering *g) {
  const Lexicon *lexicon = g->lexicon;
  g->items = mem_alloc(lexicon->n_words, sizeof *g->items);
  for (int poles = 1; poles >= 0; poles--)
    for (size_t w = 0; w < lexicon->n_words; w++) {
      const LexiconWord *word = &lexicon->words[w];
      const int side = g->choice.side[w];
      if (side < 0 || (side < 2) != poles) continue;
      if (word->is_prefix)
        g->n_prefixes++;
      else if (has_form(g, word->form))
        g->n_repeated++;
      else if (crosses(g, word->lemma, (size_t)side))
        g->n_both_poles++;
      else
        g->items[g->count++] = (AxisCandidate){.form = word->form,
                                               .lemma = word->lemma,
                                               .pos = word->pos,
                                               .category = (size_t)side,
                                               .zipf = word->zipf,
                                               .valence = word->valence};
    }
}

/* Sentences for words of any part of speech, where no file of them is given. */
static void use_own_sentences(CarrierSet *set) {
  static const char *const before[] = {"The next word is ", "She wrote down the word ", "In one word: ",
                                       "They were thinking of the word "};
  set->count = sizeof before / sizeof before[0];
  set->items = mem_alloc(set->count, sizeof *set->items);
  for (size_t i = 0; i < set->count; i++)
    set->items[i] = (Carrier){mem_format("own-%zu", i + 1), mem_copy_string(""), mem_copy_string(before[i]),
                              mem_copy_string(".")};
}

/* The word in all sentences that take its part of speech. A row at position 0 holds what the model parks there, not the
 * word (METHODS section 1): such a sentence is left out. */
static Status put_in_sentences(AxisGathering *g, const Tokenizer *tokenizer, AxisCandidate *c, Error *err) {
  bool first_alone = false;
  c->samples = mem_alloc(g->carriers.count, sizeof *c->samples);
  for (size_t k = 0; k < g->carriers.count; k++) {
    Sample sample = {0};
    size_t n_tokens;
    if (!carrier_fits(&g->carriers.items[k], c->pos)) continue;
    const Status status = carrier_tokenize(&g->carriers.items[k], c->form, tokenizer, &sample, &n_tokens, err);
    if (status != STATUS_OK) return status;
    if (sample.n_tokens == 1) {
      first_alone = true;
      g->n_first_position++;
      sample_free(&sample);
      continue;
    }
    c->tokens += (double)n_tokens;
    c->samples[c->n_samples++] = sample;
  }
  if (c->n_samples == 0 && first_alone)
    return error_set(err, STATUS_DATA,
                     "\"%.60s\" is the first token of every sentence, where models do not read a word: expected "
                     "sentences with words before {word}",
                     c->form);
  c->tokens /= (double)c->n_samples;
  return STATUS_OK;
}

/* Every candidate; those that no sentence takes are dropped. */
static Status tokenize(AxisGathering *g, const Tokenizer *tokenizer, Error *err) {
  size_t kept = 0, i = 0;
  Status status = STATUS_OK;
  for (; i < g->count && status == STATUS_OK; i++) {
    status = put_in_sentences(g, tokenizer, &g->items[i], err);
    if (status == STATUS_OK && g->items[i].n_samples == 0) {
      candidate_clear(&g->items[i]);
      g->n_no_sentence++;
    } else {
      g->items[kept++] = g->items[i];
    }
  }
  for (; i < g->count; i++) g->items[kept++] = g->items[i];
  g->count = kept;
  return status;
}

/* Drops candidates with a covariate that is not known; the others keep their order. */
static void drop_unknown(AxisGathering *g) {
  size_t kept = 0;
  for (size_t i = 0; i < g->count; i++) {
    bool known = true;
    for (size_t k = 0; k < g->n_covariates; k++) known = known && isfinite(g->items[i].covariates[k]);
    if (known) {
      g->items[kept++] = g->items[i];
    } else {
      candidate_clear(&g->items[i]);
      g->n_unknown++;
    }
  }
  g->count = kept;
}

void axis_gathering_words(const AxisGathering *g, AxisWords *w) {
  const size_t n = g->count, q = g->n_covariates, n_categories = g->choice.n;
  *w = (AxisWords){.n = n,
                   .words = mem_alloc(n, sizeof *w->words),
                   .lemmas = mem_alloc(n, sizeof *w->lemmas),
                   .category = mem_alloc(n, sizeof *w->category),
                   .categories = mem_alloc(n_categories, sizeof *w->categories),
                   .n_categories = n_categories,
                   .covariates = mem_alloc(q, sizeof *w->covariates),
                   .covariate = mem_alloc(n * q, sizeof *w->covariate),
                   .n_covariates = q};
  for (size_t i = 0; i < n; i++) {
    w->words[i] = mem_copy_string(g->items[i].form);
    w->lemmas[i] = mem_copy_string(g->items[i].lemma);
    w->category[i] = g->items[i].category;
    for (size_t k = 0; k < q; k++) w->covariate[i * q + k] = g->items[i].covariates[k];
  }
  for (size_t c = 0; c < n_categories; c++)
    w->categories[c] = mem_copy_string(g->lexicon->categories[g->choice.categories[c]]);
  for (size_t k = 0; k < q; k++) w->covariates[k] = mem_copy_string(g->covariates[k]);
}

void axis_gathering_note(const AxisGathering *g, AxisData *data) {
  const struct {
    size_t count;
    const char *what;
  } all[] = {{g->choice.n_contradictory, "forms of several of the categories"},
             {g->n_prefixes, "entries that end in *, which are no words"},
             {g->n_repeated, "words whose form was there before"},
             {g->n_both_poles, "words whose lemma a pole has too that is not theirs"},
             {g->n_no_sentence, "words whose part of speech no sentence takes"},
             {g->n_unknown, "words with a covariate that is not known"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (all[i].count) axis_note(data, true, mem_format("left out: %zu %s", all[i].count, all[i].what));
  if (g->n_first_position)
    axis_note(data, true, mem_format("left out: %zu sentences in which the word is the first token", g->n_first_position));
}

Status axis_gather(const AxisSettings *s, const Tokenizer *tokenizer, AxisGathering *g, Error *err) {
  *g = (AxisGathering){0};
  char *names = s->others ? mem_format("%s,%s", s->poles, s->others) : mem_copy_string(s->poles);
  Status status = lexicon_read(s->lexicon, s->input.strict, &g->lexicon, err);
  if (status == STATUS_OK) status = lexicon_choose(g->lexicon, names, s->pos, s->input.strict, &g->choice, err);
  if (status == STATUS_OK && s->templates) status = carriers_read(s->templates, &g->carriers, err);
  if (status == STATUS_OK && !s->templates) use_own_sentences(&g->carriers);
  if (status == STATUS_OK) {
    list_candidates(g);
    status = tokenize(g, tokenizer, err);
  }
  if (status == STATUS_OK) status = axis_read_covariates(s, g->items, g->count, &g->covariates, &g->n_covariates, err);
  if (status == STATUS_OK) drop_unknown(g);
  free(names);
  return status;
}

void axis_gathering_samples(const AxisGathering *g, const Sample ***samples, size_t **group, size_t *n) {
  size_t at = 0;
  *n = 0;
  for (size_t i = 0; i < g->count; i++) *n += g->items[i].n_samples;
  *samples = mem_alloc(*n, sizeof **samples);
  *group = mem_alloc(*n, sizeof **group);
  for (size_t i = 0; i < g->count; i++)
    for (size_t k = 0; k < g->items[i].n_samples; k++) {
      (*samples)[at] = &g->items[i].samples[k];
      (*group)[at++] = i;
    }
}
