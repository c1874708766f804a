/* fathom weights: how far the weights of two models are apart, matrix by matrix, without any data. */
#include "command/weights/weights.h"

#include "base/file.h"

/* What would only be found out after all has been measured. */
static Status check_output(const Invocation *call, const char *output, Error *err) {
  if (!output) return STATUS_OK;
  for (size_t i = 0; i < call->n_args; i++)
    if (file_is_same(output, call->args[i]))
      return error_set(err, STATUS_USAGE, "--output %s: is one of the models, expected another file", output);
  return file_check_writable(output, err);
}

static Status run_weights(const Invocation *call, const void *given, Error *err) {
  const WeightsSettings *settings = given;
  WeightsRun run = {0};
  Provenance provenance = {0};
  Status status = check_output(call, settings->output, err);
  if (status == STATUS_OK) status = weights_open(&run, call->args[0], call->args[1], settings, err);
  if (status == STATUS_OK) status = weights_pair(&run, err);
  if (status == STATUS_OK) status = weights_measure(&run, err);
  if (status == STATUS_OK) provenance = weights_provenance(call, &run);
  if (status == STATUS_OK && settings->output) status = weights_write(&run, &provenance, err);
  if (status == STATUS_OK) status = weights_print(&run, &provenance, err);
  weights_close(&run);
  return status;
}

static const Option options[] = {
    {"layers", 0, OPTION_TEXT, offsetof(WeightsSettings, layers), 0, 0, "LIST",
     "of these blocks alone, such as 0,3-7,-1 (default: all, and what is outside the blocks)", NULL},
    {"adapter", 0, OPTION_TEXT, offsetof(WeightsSettings, adapter), 0, 0, "DIR",
     "a LoRA adapter in PEFT's layout, put on the second model", NULL},
    {"strict", 0, OPTION_FLAG, offsetof(WeightsSettings, strict), 0, 0, NULL,
     "refuse a model or adapter with settings or tensors that fathom does not know (default: warn)", NULL},
    {"output", 'o', OPTION_TEXT, offsetof(WeightsSettings, output), 0, 0, "W.h5", "also write the result to a file",
     NULL},
    {0}};

static const WeightsSettings defaults = {0};

const Command command_weights = {
    .name = "weights",
    .arguments = "MODEL_0 MODEL_1|ADAPTER",
    .summary = "how far the weights of two models are apart, matrix by matrix, without any data",
    .details =
        "W0 is a weight of MODEL_0, W1 the same of MODEL_1. Both are folders or GGUF files, in any types, of one\n"
        "architecture and shape; whatever the file's, rows are in Hugging Face's order and gains in its convention.\n"
        "ADAPTER is a LoRA adapter's folder: MODEL_1 is then MODEL_0 with it.\n\n"
        "Columns: tensor (Hugging Face's name), layer, kind (q, k, v, o, gate, up, down, attn_norm, embed, lm_head,\n"
        "score ...), rows and columns, measure, value. The measures:\n"
        "  frobenius           |W1 - W0|, root of the sum of squares\n"
        "  relative_frobenius  |W1 - W0| / |W0|: 0 where nothing has changed\n"
        "  spectral            largest singular value of W1 - W0\n"
        "  relative_spectral   the same over that of W0\n"
        "  effective_rank      exp(-sum p ln p) of W1 - W0, p = singular values over their sum (Roy and Vetterli): 1\n"
        "                      for a change along one direction, at most the smaller of rows and columns\n"
        "Vectors (gains, biases) have the first two. Rows of kind block (fathom's own) are all weights of a block\n"
        "taken as one vector, that of kind all every weight compared. '-' (null in JSON) is what is undefined: the effective rank\n"
        "of no change, a change relative to zeros.\n\n"
        "Everything is computed in float64: singular values by QR decomposition in blocks of rows and an SVD of the\n"
        "triangle, the spectral norm of W0 as the root of the largest eigenvalue of W0'W0. Where nothing but an\n"
        "adapter's factors differs their product is not formed: QR of both, and an SVD of rank x rank.",
    .example = "fathom weights base.gguf run -o weights.h5",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(WeightsSettings),
    .min_args = 2,
    .max_args = 2,
    .run = run_weights,
};
