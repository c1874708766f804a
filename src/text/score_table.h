/* Tables of `fathom score --pairs`: the rewards of both sides of preference pairs, a row a side, with the columns id, side
 * (chosen or rejected) and reward; others are passed over. TSV or CSV, plain or gzip. */
#ifndef FATHOM_TEXT_SCORE_TABLE_H
#define FATHOM_TEXT_SCORE_TABLE_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct ScoredPair {
  char *id;
  double chosen, rejected; /* rewards, finite */
} ScoredPair;

typedef struct ScoreTable {
  ScoredPair *pairs; /* [n] by id */
  size_t n;
} ScoreTable;

/* Another layout, a reward that is no finite number, a side that is there twice or not at all are STATUS_DATA. */
Status score_table_read(const char *path, ScoreTable *table, Error *err);
void score_table_clear(ScoreTable *table); /* all zeros is fine */

/* chosen - rejected; false where there is no such pair. */
bool score_table_margin(const ScoreTable *table, const char *id, double *margin);

#endif
