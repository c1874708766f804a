/* What a run looks at of value words, in its run.h5 under /values:
 *
 *   site [S], category [C], prompt, framing [P]   texts: of the axes, the words, the questions and their groups
 *   words, lemmas [C]                             how many of each category
 *   step [n]                                      updates made
 *   projection, shift [n, S, C]                   mean scores along the axes, over lemmas; and less that of step 0
 *   median_rank [n, P, C]                         of the words' rewards within a prompt; 1 = highest */
#ifndef FATHOM_TRAIN_VALUES_LOG_H
#define FATHOM_TRAIN_VALUES_LOG_H

#include "store/result.h"
#include "train/values.h"

/* Into a new run.h5; or where one goes on, what step 0 was. */
Status values_log_begin(Result *run, const Values *values, Error *err);
Status values_log_resume(Result *run, Values *values, Error *err);

/* Step 0 sets values->start. */
Status values_log_add(Result *run, size_t step, Values *values, Error *err);

/* Is this one of the arrays that do not grow? */
bool values_log_is_fixed(const char *name);

#endif
