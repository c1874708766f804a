/* Words of a lexicon in carrier sentences. */
#include "text/lexicon/carried.h"

#include "base/memory.h"
#include "base/names.h"

#include <stdlib.h>
#include <string.h>

enum { CONTRADICTORY, PREFIXES, REPEATED, BOTH_POLES, NO_SENTENCE, FIRST_POSITION };

static void sample_free(Sample *sample) {
  free(sample->id);
  free(sample->group);
  free(sample->label);
  free(sample->ids);
  *sample = (Sample){0};
}

void carried_word_clear(CarriedWord *word) {
  for (size_t k = 0; k < word->n_samples; k++) sample_free(&word->samples[k]);
  free(word->samples);
  free(word->sentences);
  free(word->covariates);
}

void carried_words_clear(CarriedWords *words) {
  for (size_t i = 0; i < words->count; i++) carried_word_clear(&words->items[i]);
  free(words->items);
  carriers_clear(&words->carriers);
  lexicon_choice_clear(&words->choice);
  lexicon_free(words->lexicon);
  *words = (CarriedWords){0};
}

/* Which poles have words of each lemma. */
typedef struct PoleLemmas {
  Names lemmas;
  bool (*of)[2]; /* [lemmas.count] */
} PoleLemmas;

static PoleLemmas list_pole_lemmas(const CarriedWords *words) {
  const Lexicon *lexicon = words->lexicon;
  PoleLemmas poles = {.of = mem_alloc(lexicon->n_words, sizeof *poles.of)};
  for (size_t w = 0; w < lexicon->n_words; w++) {
    const int side = words->choice.side[w];
    if ((side == 0 || side == 1) && !lexicon->words[w].is_prefix)
      poles.of[names_number_caseless(&poles.lemmas, lexicon->words[w].lemma)][side] = true;
  }
  return poles;
}

/* Has a pole that is not this category words of the lemma? */
static bool crosses(PoleLemmas *poles, const char *lemma, size_t category) {
  const size_t known = poles->lemmas.count, number = names_number_caseless(&poles->lemmas, lemma);
  return number < known && ((category != 0 && poles->of[number][0]) || (category != 1 && poles->of[number][1]));
}

/* Words in file order, those of the poles first. A form counts once, whatever its parts of speech. */
static void list_words(CarriedWords *words) {
  const Lexicon *lexicon = words->lexicon;
  PoleLemmas pole_lemmas = list_pole_lemmas(words);
  Names forms = {0};
  size_t known;
  words->items = mem_alloc(lexicon->n_words, sizeof *words->items);
  for (int poles = 1; poles >= 0; poles--)
    for (size_t w = 0; w < lexicon->n_words; w++) {
      const LexiconWord *word = &lexicon->words[w];
      const int side = words->choice.side[w];
      if (side < 0 || (side < 2) != poles) continue;
      if (word->is_prefix)
        words->left_out[PREFIXES].count++;
      else if (names_find(&forms, word->form, &known))
        words->left_out[REPEATED].count++;
      else if (crosses(&pole_lemmas, word->lemma, (size_t)side))
        words->left_out[BOTH_POLES].count++;
      else {
        names_add(&forms, word->form);
        words->items[words->count++] = (CarriedWord){.form = word->form,
                                                     .lemma = word->lemma,
                                                     .pos = word->pos,
                                                     .category = (size_t)side,
                                                     .zipf = word->zipf,
                                                     .valence = word->valence};
      }
    }
  names_clear(&forms);
  names_clear(&pole_lemmas.lemmas);
  free(pole_lemmas.of);
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

/* The word in all sentences that take its part of speech. */
static Status put_in_sentences(CarriedWords *words, const Tokenizer *tokenizer, CarriedWord *c, Error *err) {
  bool first_alone = false;
  c->samples = mem_alloc(words->carriers.count, sizeof *c->samples);
  c->sentences = mem_alloc(words->carriers.count, sizeof *c->sentences);
  for (size_t k = 0; k < words->carriers.count; k++) {
    Sample sample = {0};
    size_t n_tokens;
    if (!carrier_fits(&words->carriers.items[k], c->pos)) continue;
    const Status status = carrier_tokenize(&words->carriers.items[k], c->form, tokenizer, &sample, &n_tokens, err);
    if (status != STATUS_OK) return status;
    if (sample.n_tokens == 1) {
      first_alone = true;
      words->left_out[FIRST_POSITION].count++;
      sample_free(&sample);
      continue;
    }
    c->tokens += (double)n_tokens;
    c->sentences[c->n_samples] = k;
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

Status carried_words_tokenize(CarriedWords *words, CarrierSet *carriers, const Tokenizer *tokenizer, Error *err) {
  size_t kept = 0, i = 0;
  Status status = STATUS_OK;
  carriers_clear(&words->carriers);
  words->carriers = *carriers;
  *carriers = (CarrierSet){0};
  if (words->carriers.count == 0) use_own_sentences(&words->carriers);
  for (; i < words->count && status == STATUS_OK; i++) {
    status = put_in_sentences(words, tokenizer, &words->items[i], err);
    if (status == STATUS_OK && words->items[i].n_samples == 0) {
      carried_word_clear(&words->items[i]);
      words->left_out[NO_SENTENCE].count++;
    } else {
      words->items[kept++] = words->items[i];
    }
  }
  for (; i < words->count; i++) words->items[kept++] = words->items[i];
  words->count = kept;
  return status;
}

Status carried_words_read(const char *lexicon, const char *names, const char *pos, bool strict, CarriedWords *words,
                          Error *err) {
  *words = (CarriedWords){.left_out = {[CONTRADICTORY] = {0, "forms of several of the categories", false},
                                       [PREFIXES] = {0, "entries that end in *, which are no words", false},
                                       [REPEATED] = {0, "entries whose form is there under another part of speech", true},
                                       [BOTH_POLES] = {0, "words whose lemma a pole has too that is not theirs", false},
                                       [NO_SENTENCE] = {0, "words whose part of speech no sentence takes", false},
                                       [FIRST_POSITION] = {0, "sentences in which the word is the first token", false}}};
  Status status = lexicon_read(lexicon, strict, &words->lexicon, err);
  if (status == STATUS_OK) status = lexicon_choose(words->lexicon, names, pos, strict, &words->choice, err);
  if (status == STATUS_OK) {
    words->left_out[CONTRADICTORY].count = words->choice.n_contradictory;
    list_words(words);
  } else {
    carried_words_clear(words);
  }
  return status;
}
