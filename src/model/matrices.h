/* The model's matrices as linear layers: on the parameter array, or on the mapped files' bytes, widened block by block
 * inside each product. */
#ifndef FATHOM_MODEL_MATRICES_H
#define FATHOM_MODEL_MATRICES_H

#include "model/adapt.h"
#include "model/parameters.h"
#include "num/linear.h"

/* A block's. What it does not have is all zeros. */
typedef struct LayerMatrices {
  Linear qkv;                                        /* [(H + 2K) E, D] */
  Linear o;                                          /* [D, H E] */
  Linear gate_up, down;                              /* [2F, D] or without a gate [F, D]; [D, F] */
  Linear router;                                     /* [X, D] */
  Linear *expert_gate_up;                            /* [X] of [2M, D] */
  Linear *expert_down;                               /* [X] of [D, M] */
  Linear shared_gate_up, shared_down, shared_switch; /* [2S, D], [D, S], [1, D] */
} LayerMatrices;

typedef struct Matrices {
  Linear embed, lm_head; /* [V, D]; the same where tied */
  LayerMatrices *layers; /* [L] */
  size_t n_layers;
  uint32_t **orders; /* [n_orders] what the linear layers point to */
  size_t n_orders;
  AdaptFactors *factors; /* [n_factors] likewise: an adapter's, for matrices that stay in their file */
  size_t n_factors, factor_bytes;
  size_t bytes_in_file; /* of the matrices that stay there */
} Matrices;

/* Marks the matrices that can stay in the source's files as they are, and lays out the array anew without them: their
 * offsets are PARAMETER_NONE. Those that files hold transposed or that the adapter (which may be NULL) replaces
 * cannot. Before parameters_load, which then only checks them. */
void matrices_leave_in_file(const ModelConfig *config, const Source *source, const Adapter *adapter,
                            ParameterTable *table);

/* The linear layers, after parameters_load or over any values[table->total]. Where the table has matrices in_file the
 * source's maps must outlive them, and an adapter's factors are applied beside them; else source may be NULL. A factor
 * that is not finite is STATUS_DATA. */
Status matrices_init(const ModelConfig *config, const ParameterTable *table, const Source *source,
                     const Adapter *adapter, const real *values, Matrices *matrices, Error *err);
void matrices_clear(Matrices *matrices); /* all zeros is fine */

/* The linear layer that a parameter is a part of, or the bias of; NULL: of none. */
Linear *matrices_linear(Matrices *matrices, const Parameter *parameter);

#endif
