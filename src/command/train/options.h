/* The settings of `fathom train`, as its command line gives them. */
#ifndef FATHOM_COMMAND_TRAIN_OPTIONS_H
#define FATHOM_COMMAND_TRAIN_OPTIONS_H

#include "command/command.h"
#include "command/inputs.h"
#include "train/values.h"

typedef struct TrainSettings {
  CommonSettings common;
  InputSettings input; /* pairs, limit, chat template, lengths */
  OptionTexts eval, texts;
  const char *objective;
  const char *output, *parts, *anchor_layers, *anchor_tokens, *anchor_norm, *frozen;
  const char *labels_from, *ceiling; /* weak-to-strong */
  const char *value_axis, *value_words;
  OptionTexts value_prompts;
  const char *split_seed; /* NULL: --seed */
  const char *stop_at;    /* a number or a finished run's folder; train_read_stop makes stop_at_drift of it */
  /* Of new LoRA factors; 0 and NULL where not given. */
  size_t lora_rank;
  double lora_alpha;
  const char *lora_targets;
  bool lora_rslora;
  size_t steps, batch_size, checkpoint_every, probe_pairs, train_pairs;
  double epochs, lr, warmup, weight_decay, clip, centring, anchor, sft, l2_sp, stop_at_drift, eval_split;
  bool resume, recompute;
} TrainSettings;

extern const Option train_options[];
extern const TrainSettings train_defaults;

/* Settings that do not go together, STATUS_USAGE; then what they say of new LoRA factors, with the defaults. */
Status train_check_options(const TrainSettings *settings, Error *err);
LoraSettings train_lora(const TrainSettings *settings);

/* The drift to stop at, from --stop-at-drift; 0 without it. */
Status train_read_stop(TrainSettings *settings, Error *err);

/* The seed of what is held out: --split-seed, or --seed. */
Status train_split_seed(const TrainSettings *settings, uint64_t *seed, Error *err);

/* An adapter may ask for dropout, which training here has none of: warns of it. */
void train_warn_of_dropout(const Inputs *in);

/* A folder with a finished run is not written over, nor one with an interrupted run without --resume (STATUS_USAGE); then the
 * folder is made, with the command line in it. */
Status train_check_folder(const TrainSettings *settings, Error *err);
Status train_open_folder(const Invocation *call, const TrainSettings *settings, Error *err);

/* Opens what --value-axis, if it is given, and its kin ask for. */
Status train_open_values(Inputs *in, const TrainSettings *settings, Values *values, Error *err);

/* A digest of everything that decides the numbers of a run: what a checkpoint must agree with. values: that of
 * values_open, or NULL. */
void train_identity(const Inputs *in, const TrainSettings *settings, const SampleSet *heldout, const char *weights,
                    const char *values, char text[DIGEST_TEXT]);

#endif
