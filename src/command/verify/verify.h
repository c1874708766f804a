/* What the parts of `fathom verify` share: verify.c (the command, which runs the model), golden.c (the file that
 * it is compared with). */
#ifndef FATHOM_COMMAND_VERIFY_VERIFY_H
#define FATHOM_COMMAND_VERIFY_VERIFY_H

#include "base/file.h"
#include "model/model.h"
#include "model/sites.h"
#include "weights/weights.h"

/* One array of the golden, and the worst difference from it so far. */
typedef struct Check {
  const Tensor *golden; /* [rows, n_columns] */
  const char *name;
  const Site *site;           /* NULL: logits */
  size_t width;               /* of the site, or V */
  size_t n_columns, *columns; /* those of the site that the golden has, ascending; columns NULL: all */
  double largest;             /* of the golden's magnitudes */
  double worst; /* |found - expected|; below 0 where nothing has been compared, NaN where found is not a number */
  size_t token, column;
  double found, expected;
} Check;

typedef struct Golden {
  const char *path;
  FileMap map;
  Weights *arrays;
  SiteList sites;
  size_t n_sequences, n_tokens, *offsets; /* [n_sequences + 1] */
  int32_t *ids;                           /* [n_tokens] */
  size_t n_rows, *rows;                   /* tokens that the arrays hold, ascending */
  Check *checks;                          /* in the order a pass reaches them, logits last */
  size_t n_checks;
  float *scratch; /* a row of the widest array */
} Golden;

/* Reads and checks all of it against what the model has. path must outlive it. */
Status golden_open(const char *path, Golden *golden, Error *err);
Status golden_read(Golden *golden, const Model *model, Error *err);
void golden_clear(Golden *golden); /* all zeros is fine */

/* Row number `row` of a check's array: [n_columns], valid until the next one is asked for. */
const float *golden_row(Golden *golden, const Check *check, size_t row);

#endif
