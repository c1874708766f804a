/* Scan tables: what a model scores each of many one-word answers, a row a word and a column a prompt. CSV (or TSV),
 * plain or gzip, in two layouts, told by the name of the column that holds the words:
 *
 *   words    response,PROMPT,PROMPT,...                               words or texts of one or more tokens
 *   tokens   token_id,token_name,token_decoded,PROMPT,PROMPT,...      tokens of a vocabulary
 *
 * The word column may have others in front, which are passed over; every column behind it is a prompt. */
#ifndef FATHOM_TEXT_SCAN_TABLE_H
#define FATHOM_TEXT_SCAN_TABLE_H

#include "base/digest.h"
#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

#define SCAN_TABLE_WORDS "response"
#define SCAN_TABLE_TOKENS "token_decoded"

typedef struct ScanTable {
  char *path;
  const char *layout; /* "words" or "tokens" */
  size_t n_words, n_prompts;
  char **words;             /* [n_words] as they stand there, blanks in front included; tokens may decode alike */
  size_t *places;           /* [n_words]: where in the file each stands, for messages: the line, or of a result the answer, from 1 */
  char **prompts;           /* [n_prompts]: the columns' names, all different */
  char **groups;            /* [n_prompts]: of a result, "" where a prompt has none; NULL of a table, which says none */
  double *scores;           /* [n_words, n_prompts], finite */
  char sha256[DIGEST_TEXT]; /* of the file, gunzipped */
} ScanTable;

/* STATUS_DATA where there is no prompt, one without a name, or two of one name. */
Status scan_table_check_prompts(const ScanTable *table, Error *err);

/* A file of another layout, without a word or a prompt, or with a cell that is no finite number is STATUS_DATA. */
Status scan_table_read(const char *path, ScanTable *table, Error *err);

/* Drops the words that are not kept[n_words]. */
void scan_table_keep(ScanTable *table, const bool *kept);

/* Sorts by word (bytes). Of words that are there twice, the first in the file stays, and the number of those dropped is
 * returned; *again (may be NULL) is the place of the first of them, and *word its text, until the table changes. */
size_t scan_table_sort(ScanTable *table, size_t *again, const char **word);

/* The row of a word of a sorted table, or n_words. */
size_t scan_table_find(const ScanTable *table, const char *word);

void scan_table_clear(ScanTable *table); /* all zeros is fine */

#endif
