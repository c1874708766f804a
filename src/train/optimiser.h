/* An update of all that is trained of a model. */
#ifndef FATHOM_TRAIN_OPTIMISER_H
#define FATHOM_TRAIN_OPTIMISER_H

#include "model/backward.h"
#include "train/adamw.h"

/* AdamW on every trained parameter; first and second are the moments, laid out as the gradients. Weight decay is for
 * matrices; gains and biases are left alone. */
void optimiser_update(Model *model, const Gradients *gradients, const AdamwStep *step, real *first, real *second);

#endif
