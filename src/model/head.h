/* Reward heads in the layouts that reward models are published in.
 *
 * A head maps the last hidden state h [D] of a sequence's last token to its reward: linear layers with ReLU between,
 *     r = (w relu(... relu(W h + b) ...) + b' - mean) / std
 * of which most are a single one without bias. Names in the files, P one of a list of known prefixes or config.json's
 * "value_head_prefix" (OpenRLHF):
 *     P.weight [1, D], P.bias [1]                          transformers' score, OpenRLHF, TRL's v_head.summary
 *     P.0.weight [N, D], P.0.bias, P.2.weight [1, N] ...   GRM's v_head.summary: linear layers and ReLU in turn
 * Mean and std are config.json's where "normalize_reward" is true (OpenRLHF). */
#ifndef FATHOM_MODEL_HEAD_H
#define FATHOM_MODEL_HEAD_H

#include "base/error.h"
#include "num/real.h"
#include "weights/adapter.h"
#include "weights/source.h"

#include <stdbool.h>

enum { HEAD_LAYERS = 8 };

/* Where a head lies in the files. */
typedef struct HeadTensors {
  char prefix[64];
  size_t n;                                                 /* layers; 0: no head */
  const Tensor *weights[HEAD_LAYERS], *biases[HEAD_LAYERS]; /* a bias may be NULL */
} HeadTensors;

typedef struct HeadLayer {
  size_t outputs, inputs;
  real *weight; /* [outputs, inputs], owned */
  real *bias;   /* [outputs], owned; zeros where there is none */
} HeadLayer;

/* What a head has beyond a linear layer's weight, which is a parameter of the model. All zeros: nothing; so it is for a
 * head that is new. */
typedef struct RewardHead {
  char prefix[64];   /* of its tensors */
  HeadLayer *layers; /* all of them, where there is more than one */
  size_t n_layers;
  double bias; /* of a single layer */
  bool normalises;
  double mean, std;
} RewardHead;

/* Looks in the adapter, then in the source; either may be NULL. Two heads, of which config.json chooses none, or a
 * layout that is none of the above, is STATUS_DATA. */
Status head_find(const Source *source, const Adapter *adapter, HeadTensors *tensors, Error *err);

/* Is some layer's weight all zeros, as a head's that was never trained? */
bool head_tensors_zero(const HeadTensors *tensors);

/* Reads the head for hidden states of this width. weight[width] takes a linear head's weight; a bias or further layers
 * go to head. Wrong shapes, several labels and values that are not finite are STATUS_DATA. */
Status head_load(const Source *source, const HeadTensors *tensors, size_t width, real *weight, RewardHead *head,
                 Error *err);
void head_clear(RewardHead *head); /* all zeros is fine */

/* Is it a plain linear head, the only kind that can be trained? */
bool head_is_plain(const RewardHead *head);

/* The same of a head that was read: every text would have the same reward. */
bool head_is_zero(const RewardHead *head, const real *weight, size_t width);

/* Reward of one hidden state. */
real head_reward(const RewardHead *head, const real *weight, size_t width, const real *hidden);

#endif
