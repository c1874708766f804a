/* A text that many others begin with: it is run once, its keys and values of every block are kept, and batches of
 * continuations attend to them. Model and numbers are those of the ordinary forward pass over the whole texts, to float
 * rounding; only the rows of the continuations are computed.
 *
 *   Prefix prefix;
 *   prefix_init(&prefix, &model, prompt, n, &err);
 *   model_logits_of(&model, 1, prefix.hidden, logits);     what the prompt says of the next token
 *   prefix_run(&model, &prefix, &continuations, 1024, take, &sums, &err);
 *   prefix_clear(&prefix); */
#ifndef FATHOM_MODEL_PREFIX_H
#define FATHOM_MODEL_PREFIX_H

#include "base/error.h"
#include "base/memory.h"
#include "model/model.h"
#include "model/pass.h"
#include "model/sites.h"
#include "num/attention.h"

typedef struct Prefix {
  size_t length;      /* P tokens */
  size_t kv_width;    /* K E */
  Arena arena;
  real *keys, *values; /* [L, P, K E]; keys normalised and rotated as the model does it */
  real *hidden;        /* [D], the last hidden state of its last token: model_logits_of gives what follows the prefix */
} Prefix;

/* Runs ids[length], at least one, through the model. A prefix longer than learned positions is STATUS_DATA. */
Status prefix_init(Prefix *prefix, const Model *model, const int32_t *ids, size_t length, Error *err);
void prefix_clear(Prefix *prefix); /* all zeros is fine */

/* May a prefix of so many tokens be continued to texts of so many in all? Not where rotary frequencies depend on a text's
 * length (dynamic, longrope) and would be others than the prefix was run with: such texts are run whole. */
bool prefix_fits(const ModelConfig *config, size_t length, size_t longest);

/* A batch that was run, sequences [first, first + batch->n_sequences) of all: rows of pass->final_normed are those of
 * batch. Anything but STATUS_OK ends the run. */
typedef Status PrefixTake(void *context, size_t first, const Batch *batch, const Pass *pass, Error *err);

/* Runs all sequences, as continuations of the prefix (or with NULL as whole texts), in batches of at most batch_tokens rows
 * (at least one sequence), in order, and hands out each. all->prefix is not looked at. Texts that the prefix does not fit,
 * or longer than learned positions, are STATUS_DATA. */
Status prefix_run(const Model *model, const Prefix *prefix, const Batch *all, size_t batch_tokens, PrefixTake *take,
                  void *context, Error *err);

/* The same; begin is called before each batch and take after it, and tap is handed the batch's rows between. Each may be
 * NULL. */
Status prefix_run_tapped(const Model *model, const Prefix *prefix, const Batch *all, size_t batch_tokens,
                         PrefixTake *begin, const Tap *tap, PrefixTake *take, void *context, Error *err);

/* For the forward pass: the keys and values of a block as attention reads them; and taking those of the rows of a pass,
 * `stride` reals apart. */
AttentionPrefix prefix_attention(const Prefix *prefix, size_t layer);
void prefix_keep(Prefix *prefix, size_t layer, const real *k, const real *v, size_t stride);

#endif
