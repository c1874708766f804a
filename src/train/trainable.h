/* What is trained: all parameters, the last K blocks with final norm and head, LoRA factors and head, or the head
 * alone. It is always the end of the parameter table from some offset on: gradients, moments and checkpoints hold just
 * that. */
#ifndef FATHOM_TRAIN_TRAINABLE_H
#define FATHOM_TRAIN_TRAINABLE_H

#include "model/model.h"

/* The offset from which parameters are trained: "all", "last:K", "lora" (of a model that was opened with factors) or
 * "head". STATUS_USAGE for anything else. */
Status trainable_from(const Model *model, const char *parts, size_t *begin, Error *err);

/* Can these parts be trained and these blocks be anchored? STATUS_USAGE where not, also where a positive lambda would
 * pull on frozen blocks alone. */
Status trainable_check(const Model *model, const char *parts, const char *anchor_layers, double lambda, Error *err);

/* Can the controls (0: off) do anything to these parts? STATUS_USAGE where not; STATUS_DATA where sft needs a
 * language-model head and the model has none. */
Status trainable_check_controls(const Model *model, const char *parts, double sft, double l2_sp, double stop_at_drift,
                                bool has_lm_head, Error *err);

#endif
