/* What is trained: all parameters, the last K blocks with final norm and head, or the head alone. */
#ifndef FATHOM_TRAIN_TRAINABLE_H
#define FATHOM_TRAIN_TRAINABLE_H

#include "model/model.h"

/* The offset from which parameters are trained: "all", "last:K" or "head". STATUS_USAGE for anything else. */
Status trainable_from(const Model *model, const char *parts, size_t *begin, Error *err);

/* Can these parts be trained and these blocks be anchored? STATUS_USAGE where not, also where a positive lambda would
 * pull on frozen blocks alone. */
Status trainable_check(const Model *model, const char *parts, const char *anchor_layers, double lambda, Error *err);

#endif
