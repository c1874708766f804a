/* Word lists: which words belong to which categories, by which weight; one Lexicon whatever the file's layout.
 *
 * A word is one form and part of speech: "support" the noun and "support" the verb are two words of one form. A
 * category that a whole analysis rests on (agency against communion) is chosen by lexicon_choose. */
#ifndef FATHOM_TEXT_LEXICON_LEXICON_H
#define FATHOM_TEXT_LEXICON_LEXICON_H

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LEXICON_NONE SIZE_MAX /* no such word or category */

enum { LEXICON_FEW = 10 }; /* a category of fewer forms is warned of */

typedef struct LexiconMember {
  size_t category;
  double weight; /* finite; 1 where the file gives none */
} LexiconMember;

typedef struct LexiconWord {
  char *form;     /* as the file spells it, blanks made single, without the '*' */
  bool is_prefix; /* "form*" in the file: every word that begins so */
  char *lemma;    /* inflections share it; the form where the file gives none */
  char *pos;      /* part of speech: "noun", "adjective", "verb"; "" where the file gives none */
  double zipf,
      valence; /* log10 of uses in 10^9 words; unpleasant to pleasant, in the file's units; NaN where not given */
  size_t line; /* where the file says it first */
  LexiconMember *members; /* [n_members], by category; none where a row of the file is marked in no category */
  size_t n_members;
  size_t next_same; /* the next word of this form, or LEXICON_NONE */
} LexiconWord;

typedef struct Lexicon {
  char *path;
  const char *layout; /* "TSV", "CSV, one column a category", "LIWC .dic": see LEXICON_LAYOUTS_HELP */
  LexiconWord *words; /* [n_words] in file order */
  size_t n_words;
  char **categories; /* [n_categories] in file order, as the file spells them */
  size_t n_categories;
  size_t n_repeated;              /* rows that said a word again: merged with the first */
  size_t n_skipped;               /* entries that fathom cannot read as a word: warned of */
  bool has_prefixes, has_phrases; /* any "form*"; any form of several words */
  char digest[DIGEST_TEXT];       /* of words, categories and weights in order */
  struct LexiconIndex *index;     /* by form */
} Lexicon;

/* The layouts and how they are told, for help texts: one a line. */
#define LEXICON_LAYOUTS_HELP                                                                                           \
  "  TSV or CSV, one row a word          columns word and category (also lemma, pos, weight, zipf, valence)\n"         \
  "  CSV or .dicx, one column a category first column word, term or DicTerm; cells X, a weight, or empty\n"            \
  "  LIWC .dic                           '%', numbers and names of categories, '%'; words and numbers\n"

/* Reads a lexicon of any layout, plain or gzip; a file of none is STATUS_DATA and says what its first line is. strict
 * makes an entry that cannot be read an error. */
Status lexicon_read(const char *path, bool strict, Lexicon **lexicon, Error *err);
void lexicon_free(Lexicon *lexicon); /* NULL is fine */

/* The first word of this form (go on with next_same), whatever its case and the blanks around it; else the longest
 * "prefix*" that it begins with; else LEXICON_NONE. An entry of several words is found by all of it. */
size_t lexicon_find(const Lexicon *lexicon, const char *text, size_t size);

/* The category of this name, upper or lower case; LEXICON_NONE where there is none. */
size_t lexicon_category(const Lexicon *lexicon, const char *name);

/* The word's weight in a category; 0 where it is not in it. */
double lexicon_weight(const Lexicon *lexicon, size_t word, size_t category);

/* Several categories that exclude each other, and which of them each word is in. */
typedef struct LexiconChoice {
  const Lexicon *lexicon;
  size_t n;           /* categories chosen */
  size_t *categories; /* [n] in the order asked for */
  int *side;          /* [n_words]: which of the n; -1 = none of them, contradictory, or of another part of speech */
  size_t *n_forms;    /* [n] different forms */
  size_t n_contradictory; /* forms dropped because they are in several of the n */
} LexiconChoice;

/* names: comma-separated, as "agency,communion"; NULL = all. pos: the one part of speech that counts; NULL = all. A
 * form in several of the categories (under any part of speech that counts) is dropped and counted, and warned of; so
 * are categories of fewer than LEXICON_FEW forms. With strict both are STATUS_DATA. An unknown name is STATUS_USAGE and
 * lists those there are; a category without words is STATUS_DATA. */
Status lexicon_choose(const Lexicon *lexicon, const char *names, const char *pos, bool strict, LexiconChoice *choice,
                      Error *err);
void lexicon_choice_clear(LexiconChoice *choice); /* all zeros is fine */

/* Which of the chosen categories a text belongs to, by the rules of lexicon_find; -1 = none. *word (may be NULL) is the
 * entry that says so. */
int lexicon_side(const LexiconChoice *choice, const char *text, size_t size, size_t *word);

/* STATUS_DATA "LEXICON: none of its N words is in WHERE" where n_found is 0. */
Status lexicon_check_found(const Lexicon *lexicon, size_t n_found, const char *where, Error *err);

#endif
