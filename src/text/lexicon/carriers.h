/* Carrier sentences: a TSV file of id, pos and a sentence with the slot "{word}", into which words of that part of
 * speech are put. */
#ifndef FATHOM_TEXT_LEXICON_CARRIERS_H
#define FATHOM_TEXT_LEXICON_CARRIERS_H

#include "base/error.h"
#include "text/samples/samples.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Carrier {
  char *id, *pos;       /* pos "" fits every word */
  char *before, *after; /* the sentence around the slot */
} Carrier;

typedef struct CarrierSet {
  Carrier *items; /* [count] in file order */
  size_t count;
} CarrierSet;

/* A file without the columns id, pos and sentence, an id twice, or a sentence without exactly one slot is STATUS_DATA.
 */
Status carriers_read(const char *path, CarrierSet *set, Error *err);
void carriers_clear(CarrierSet *set);

/* Does the sentence take words of this part of speech? A word without one ("") fits everywhere. */
bool carrier_fits(const Carrier *carrier, const char *pos);

/* The sentence with the word in it, freed by the caller; *word_end is the byte behind the word. */
char *carrier_fill(const Carrier *carrier, const char *word, size_t *word_end);

/* The tokens of the sentence with this word, with BOS where the model adds one, up to and with the word's last: no later
 * token changes what a decoder does there. *n_word_tokens of them have a byte of the word. The sample's members are the
 * caller's to free; its id is the text up to the word's end. */
Status carrier_tokenize(const Carrier *carrier, const char *word, const Tokenizer *tokenizer, Sample *sample,
                        size_t *n_word_tokens, Error *err);

#endif
