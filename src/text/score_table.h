/* Tables of `fathom score --pairs`: the rewards of both sides of preference pairs, a row a side, with the columns id, side
 * (chosen or rejected), reward and, where it is there, n_tokens; others are passed over. TSV or CSV, plain or gzip. */
#ifndef FATHOM_TEXT_SCORE_TABLE_H
#define FATHOM_TEXT_SCORE_TABLE_H

#include "base/error.h"

#include <stddef.h>

typedef struct ScoredPair {
  char *id;
  double chosen, rejected; /* rewards, finite */
  size_t n_tokens[2];      /* of both sides; 0: not said */
} ScoredPair;

typedef struct ScoreTable {
  ScoredPair *pairs; /* [n] by id */
  size_t n;
} ScoreTable;

/* Another layout, a reward that is no finite number, a side that is there twice or not at all are STATUS_DATA. */
Status score_table_read(const char *path, ScoreTable *table, Error *err);
void score_table_clear(ScoreTable *table); /* all zeros is fine */

/* Orders pairs from elsewhere by id, which finding them needs; returns an id that is there twice, or NULL. */
const char *score_table_sort(ScoreTable *table);

const ScoredPair *score_table_find(const ScoreTable *table, const char *id); /* NULL where there is no such pair */

#endif
