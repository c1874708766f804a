/* All parameters of a model in one flat array, and the table that says what lies where. Optimiser state and gradients
 * use the same offsets. Inside, every matrix is [out, in] and stands alone; tensor_layout.h knows how the files have
 * them. */
#ifndef FATHOM_MODEL_PARAMETERS_H
#define FATHOM_MODEL_PARAMETERS_H

#include "base/error.h"
#include "model/config.h"
#include "num/real.h"
#include "weights/adapter.h"
#include "weights/source.h"

#include <stdint.h>

enum { PARAMETER_NAME = 112 };
#define PARAMETER_NONE SIZE_MAX /* the offset of what a model or block does not have */

typedef struct Parameter {
  Role role;
  size_t layer, expert; /* 0 outside the blocks, and without experts */
  bool is_vector;       /* gains and biases, [1, columns] */
  size_t rows, columns;
  bool in_file;              /* not in the array: stays in its file's format (model/matrices.h) */
  size_t offset;             /* in reals, from the start of the array; PARAMETER_NONE in_file */
  char name[PARAMETER_NAME]; /* Hugging Face's; stacked parameters share it */
} Parameter;

/* Where a block's parameters lie, by role. q, k, v are one matrix [(H + 2K) E, D] and their biases one vector, gate and
 * up one [2F, D]; experts' gates and ups are one [X, 2M, D], their downs one [X, D, M]. */
typedef struct LayerOffsets {
  size_t at[ROLE_COUNT];
  size_t begin, end;
} LayerOffsets;

/* In order: lm_head (where it is not the embedding), embedding, positions, the blocks, final norm, LoRA factors where
 * those are trained, score. What training can touch is a suffix: everything from the embedding, the last k blocks,
 * factors and head, or the head alone. */
typedef struct ParameterTable {
  Parameter *items;
  size_t count, total; /* items; reals in all */
  LayerOffsets *layers;
  size_t lm_head, embed, positions, final_norm, final_norm_bias, score; /* lm_head is the embedding's where tied */
} ParameterTable;

void parameters_init(const ModelConfig *config, ParameterTable *table);
void parameters_clear(ParameterTable *table); /* all zeros is fine */

/* Is it trained where everything from offset `begin` on is? */
bool parameter_is_trained(const Parameter *parameter, size_t begin);

/* The lowest block that gradients from `begin` on reach into; n_layers where none. 0 where the embedding is trained. */
size_t parameters_lowest_trained(const ParameterTable *table, size_t n_layers, size_t begin);

/* The tensor that a parameter is read from and its place in it, NULL where it is missing; then the place's name says
 * which. A tensor of the adapter's own, which stands for the base's, has Hugging Face's layout whatever the base's. */
struct TensorPlace;
const Tensor *parameters_find(const ModelConfig *config, const Parameter *parameter, const Source *source,
                              const Adapter *adapter, struct TensorPlace *place);

/* Does the source, or the adapter (which may be NULL) in its place, hold every tensor in its right shape? Said before
 * memory for the parameters is asked for. A missing tensor or a wrong shape is STATUS_DATA naming it. Not of the reward
 * head, which is model/head.h's; a model that has one (has_score) needs no language-model head. */
Status parameters_check(const ModelConfig *config, const ParameterTable *table, const Source *source,
                        const Adapter *adapter, bool has_score, Error *err);

/* Reads and widens every tensor of a checked source into values[table->total], in Hugging Face's row order and
 * convention of gains whatever the file's, and merges the adapter into them. What stays in_file is only looked at. A
 * value that is not finite is STATUS_DATA. The score is left as it is. */
Status parameters_load(const ModelConfig *config, const ParameterTable *table, const Source *source,
                       const Adapter *adapter, real *values, Error *err);

/* Rows [first, first + n) of a parameter (a vector is one row) from the tensor and place that parameters_find gave, as
 * parameters_load reads them but without an adapter's factors: out[n, columns]. A value that is not finite is
 * STATUS_DATA. */
Status parameters_read_rows(const ModelConfig *config, const Parameter *parameter, const struct TensorPlace *place,
                            const Tensor *tensor, size_t first, size_t n, real *out, Error *err);

/* Row `row` of a matrix, read again as parameters_load read it from the tensor and place that parameters_find gave, but
 * without an adapter: out[columns]. false where its rows are not runs of the file: vectors and transposed matrices. */
bool parameters_read_row(const ModelConfig *config, const Parameter *parameter, const struct TensorPlace *place,
                         const Tensor *tensor, size_t row, real *out);

#endif
