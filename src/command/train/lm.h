/* `fathom train --objective lm`: a language model from text files. */
#ifndef FATHOM_COMMAND_TRAIN_LM_H
#define FATHOM_COMMAND_TRAIN_LM_H

#include "command/train/options.h"

/* The whole run, model and data not yet opened. */
Status train_lm_run(const Invocation *call, const TrainSettings *settings, Error *err);

#endif
