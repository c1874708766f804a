/* Words of a lexicon in carrier sentences. */
#include "text/carried.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

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

static bool has_form(const CarriedWords *words, const char *form) {
  for (size_t i = 0; i < words->count; i++)
    if (strcmp(words->items[i].form, form) == 0) return true;
  return false;
}

/* Is the lemma that of a pole's word of another category than this one? */
static bool crosses(const CarriedWords *words, const char *lemma, size_t category) {
  const Lexicon *lexicon = words->lexicon;
  for (size_t w = 0; w < lexicon->n_words; w++) {
    const int side = words->choice.side[w];
    if ((side == 0 || side == 1) && (size_t)side != category && !lexicon->words[w].is_prefix &&
        strcasecmp(lexicon->words[w].lemma, lemma) == 0)
      return true;
  }
  return false;
}

/* Words in file order, those of the poles first. A form counts once, whatever its parts of speech. */
static void list_words(CarriedWords *words) {
  const Lexicon *lexicon = words->lexicon;
  words->items = mem_alloc(lexicon->n_words, sizeof *words->items);
  for (int poles = 1; poles >= 0; poles--)
    for (size_t w = 0; w < lexicon->n_words; w++) {
      const LexiconWord *word = &lexicon->words[w];
      const int side = words->choice.side[w];
      if (side < 0 || (side < 2) != poles) continue;
      if (word->is_prefix)
        words->left_out[PREFIXES].count++;
      else if (has_form(words, word->form))
        words->left_out[REPEATED].count++;
      else if (crosses(words, word->lemma, (size_t)side))
        words->left_out[BOTH_POLES].count++;
      else
        words->items[words->count++] = (CarriedWord){.form = word->form,
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

/* Every word; those that no sentence takes are dropped. */
static Status tokenize(CarriedWords *words, const Tokenizer *tokenizer, Error *err) {
  size_t kept = 0, i = 0;
  Status status = STATUS_OK;
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

Status carried_words_read(const char *lexicon, const char *names, const char *pos, bool strict, CarrierSet *carriers,
                          const Tokenizer *tokenizer, CarriedWords *words, Error *err) {
  *words = (CarriedWords){.carriers = *carriers,
                          .left_out = {[CONTRADICTORY] = {0, "forms of several of the categories"},
                                       [PREFIXES] = {0, "entries that end in *, which are no words"},
                                       [REPEATED] = {0, "words whose form was there before"},
                                       [BOTH_POLES] = {0, "words whose lemma a pole has too that is not theirs"},
                                       [NO_SENTENCE] = {0, "words whose part of speech no sentence takes"},
                                       [FIRST_POSITION] = {0, "sentences in which the word is the first token"}}};
  *carriers = (CarrierSet){0};
  Status status = lexicon_read(lexicon, strict, &words->lexicon, err);
  if (status == STATUS_OK) status = lexicon_choose(words->lexicon, names, pos, strict, &words->choice, err);
  if (status == STATUS_OK) {
    words->left_out[CONTRADICTORY].count = words->choice.n_contradictory;
    if (words->carriers.count == 0) use_own_sentences(&words->carriers);
    list_words(words);
    status = tokenize(words, tokenizer, err);
  }
  if (status != STATUS_OK) carried_words_clear(words);
  return status;
}
