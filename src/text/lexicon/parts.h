/* What the reader of lexicons, its index and the files' layouts share: a lexicon being filled. */
#ifndef FATHOM_TEXT_LEXICON_PARTS_H
#define FATHOM_TEXT_LEXICON_PARTS_H

#include "text/delimited.h"
#include "text/lexicon/lexicon.h"

enum { LEXICON_CATEGORIES = 1024 }; /* LIWC has about a hundred */

typedef struct LexiconBuilder {
  Lexicon *lexicon;
  Delimited *file;
  bool strict;
  size_t room, categories_room;
} LexiconBuilder;

/* The category of this name, made where it is new; more than LEXICON_CATEGORIES are STATUS_DATA. */
Status builder_category(LexiconBuilder *b, const char *name, size_t *category, Error *err);

/* What a row says of a word; lemma and pos may be "". */
typedef struct LexiconRow {
  const char *form, *lemma, *pos;
  double zipf, valence; /* NaN where not given */
} LexiconRow;

/* The row's word, new or said before (then by the same lemma), in *word; LEXICON_NONE where the entry cannot be read.
 */
Status builder_word(LexiconBuilder *b, const LexiconRow *row, size_t *word, Error *err);

/* Puts the word into a category. Being in it twice is fine by one weight, and STATUS_DATA by two. */
Status builder_member(LexiconBuilder *b, size_t word, size_t category, double weight, Error *err);

/* An entry that is passed over: counted and, the first few times, warned of; STATUS_DATA with strict. */
Status builder_skip(LexiconBuilder *b, const char *entry, const char *why, Error *err);

/* The layouts: the rest of the file into the builder, its first row having been read. */
Status lexicon_read_rows(LexiconBuilder *b, Error *err);    /* names of columns; one row a word */
Status lexicon_read_columns(LexiconBuilder *b, Error *err); /* names of categories; one column a category */
Status lexicon_read_dic(LexiconBuilder *b, Error *err);     /* "%" */

/* The column of words in a row of names, or n_cells. */
size_t lexicon_word_column(const Delimited *file);

/* The text with blanks made single and none around it; freed by the caller. */
char *lexicon_trimmed(const char *text, size_t size);

typedef struct LexiconIndex LexiconIndex;

LexiconIndex *lexicon_index_new(void);
void lexicon_index_free(LexiconIndex *index); /* NULL is fine */
/* The first word of this form, or LEXICON_NONE. */
size_t lexicon_index_find(const LexiconIndex *index, const char *form, bool is_prefix);
/* Makes `word` the first of a form that has none. */
void lexicon_index_add(LexiconIndex *index, const char *form, bool is_prefix, size_t word);

#endif
