/* fathom score: rewards of the user's own texts. */
#include "base/log.h"
#include "base/memory.h"
#include "command/command.h"
#include "command/inputs.h"
#include "train/rewards.h"

#include <stdlib.h>

typedef struct ScoreSettings {
  CommonSettings common;
  InputSettings input;
} ScoreSettings;

static const ScoreSettings score_defaults = {
    .input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024}};

static const Option score_options[] = {INPUT_OPTIONS(ScoreSettings),
                                       LENGTH_OPTIONS(ScoreSettings),
                                       DTYPE_OPTION(ScoreSettings),
                                       WIDEN_OPTION(ScoreSettings),
                                       {0}};

/* "7/chosen" is shown as id 7, side chosen. */
static void add_row(Table *table, const Sample *sample, bool is_pair, double reward) {
  table_string(table, is_pair ? sample->group : sample->id);
  table_string(table, is_pair ? sample->label : NULL);
  table_count(table, sample->n_tokens);
  table_number(table, reward);
}

static Status score_run(const Invocation *call, const void *settings, Error *err) {
  static const char *const columns[] = {"id", "side", "n_tokens", "reward"};
  const ScoreSettings *s = settings;
  Inputs in = {0};
  real *rewards = NULL;
  Status status = inputs_open_model(&in, call->args[0], &s->input, err);
  if (status == STATUS_OK) status = rewards_check_head(&in.model, in.model_name, err);
  if (status == STATUS_OK) status = inputs_read_samples(&in, &s->input, err);
  if (status == STATUS_OK) {
    char *parameters = inputs_parameter_memory(&in);
    log_note("memory: %s", parameters);
    free(parameters);
    const Sample **list = inputs_sample_list(&in);
    rewards = mem_alloc(in.samples.count, sizeof *rewards);
    status = rewards_compute(&in.model, list, in.samples.count, s->input.batch_tokens, "score", rewards, err);
    free(list);
  }
  if (status == STATUS_OK) {
    Provenance from = invocation_provenance(call, "score", &s->common);
    inputs_add_provenance(&in, &from);
    Table *table = table_begin(stdout, s->common.json, &from, columns, 4);
    inputs_add_notes(&in, table);
    table_note(table, "computed in %s", s->input.dtype);
    for (size_t i = 0; i < in.samples.count; i++)
      add_row(table, &in.samples.items[i], in.are_pairs, (double)rewards[i]);
    status = table_end(table, err);
  }
  free(rewards);
  inputs_close(&in);
  return status;
}

const Command command_score = {
    .name = "score",
    .arguments = "MODEL --prompts F|--pairs F|--text S",
    .summary = "rewards of your own texts: id, side, n_tokens, reward",
    .details = "MODEL is a reward model: a Hugging Face folder with a reward head, such as fathom train writes, or a "
               "language\n"
               "model whose --adapter brings one. Heads are transformers' score, OpenRLHF's value head (with its "
               "mean and std),\n"
               "and v_head of TRL and GRM. The reward is the head on the last token of each text; pairs give two rows, "
               "chosen\n"
               "and rejected.",
    .example = "fathom score RUN --pairs pairs.jsonl",
    .options = score_options,
    .defaults = &score_defaults,
    .settings_size = sizeof(ScoreSettings),
    .min_args = 1,
    .max_args = 1,
    .run = score_run,
};
