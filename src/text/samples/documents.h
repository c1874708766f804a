/* Text files as what a language model is trained on: every file's tokens, one behind the other, cut into sequences of one
 * length. */
#ifndef FATHOM_TEXT_SAMPLES_DOCUMENTS_H
#define FATHOM_TEXT_SAMPLES_DOCUMENTS_H

#include "text/samples/samples.h"

/* Reads the files, plain or gzip, byte for byte, each as one text: with BOS and EOS where the tokenizer adds them, what
 * spells a special token as that token, and the end-of-text token behind it where the tokenizer has one and the file does not
 * end with it. The sequences are rules->max_length tokens long, the last one what is left of them (one of a single token
 * is left out); a sequence may hold the end of one text and the beginning of the next. rules->limit: the first sequences
 * alone. A file without tokens is STATUS_DATA. */
Status samples_read_texts(const char *const *paths, size_t n_paths, const SampleRules *rules, SampleSet *set, Error *err);

/* Moves the share [0, 1) of the sequences, drawn with the seed, to held_out, both in order; never all of them. */
void samples_split_texts(SampleSet *set, double held_out_share, uint64_t seed, SampleSet *held_out);

/* Tokens of all samples. */
size_t samples_count_tokens(const SampleSet *set);

#endif
