/* fathom record: layer-wise activations of a model over samples, into a store. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/command.h"
#include "command/inputs.h"
#include "train/recorder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct RecordSettings {
  CommonSettings common;
  InputSettings input;
  const char *output, *sites, *layers, *tokens, *store_dtype;
  bool resume;
} RecordSettings;

static const RecordSettings record_defaults = {
    .input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024},
    .sites = "resid_post",
    .tokens = "response",
    .store_dtype = "float32",
};

static const Option record_options[] = {
    INPUT_OPTIONS(RecordSettings),
    {"output", 'o', OPTION_TEXT, offsetof(RecordSettings, output), 0, 0, "A.h5", "the store to write", NULL},
    {"sites", 0, OPTION_TEXT, offsetof(RecordSettings, sites), 0, 0, "NAME,...",
     "what to record: full names, or embed resid_pre q k v z attn_out resid_mid mlp_out resid_post ln_final", NULL},
    {"layers", 0, OPTION_TEXT, offsetof(RecordSettings, layers), 0, 0, "LIST",
     "of which blocks, such as 0,3-7,-1 (default: all)", NULL},
    {"tokens", 0, OPTION_CHOICE, offsetof(RecordSettings, tokens), 0, 0, "last|response|mean|all",
     "of which tokens: the last, the final assistant turn, the mean over the sequence, all", NULL},
    LENGTH_OPTIONS(RecordSettings),
    DTYPE_OPTION(RecordSettings),
    WIDEN_OPTION(RecordSettings),
    {"store-dtype", 0, OPTION_CHOICE, offsetof(RecordSettings, store_dtype), 0, 0, "float32|bfloat16|float16",
     "element type on disk", NULL},
    {"resume", 0, OPTION_FLAG, offsetof(RecordSettings, resume), 0, 0, NULL,
     "go on with A.h5.part of an interrupted run of the same arguments", NULL},
    {0}};

static void say_cost(const Inputs *in, const RecordPlan *plan, const RecordCost *cost) {
  log_note("%zu samples, %zu tokens; %zu sites x %zu rows", plan->n_samples, cost->tokens, plan->sites->count,
           cost->rows);
  char *parameters = inputs_parameter_memory(in);
  log_note("disk: %.1f MiB in %s; memory: %s, and %.1f MiB to work in", (double)cost->file_bytes / (1 << 20),
           plan->path, parameters, (double)cost->pass_bytes / (1 << 20));
  free(parameters);
}

/* A store that is whole already is what a resumed recording would write, or of something else. */
static Status check_whole(const RecordPlan *plan, Error *err) {
  Store *store;
  Status status = store_open(plan->path, &store, err);
  if (status != STATUS_OK) return status;
  const StoreContents *c = store_contents(store);
  if (strcmp(c->command_line, plan->about.command_line) != 0 ||
      strcmp(c->weights_sha256, plan->about.weights_sha256) != 0 ||
      strcmp(c->data_sha256, plan->about.data_sha256) != 0)
    status = error_set(err, STATUS_DATA, "%s: is whole, and of other arguments, weights or data: choose another -o",
                       plan->path);
  else
    log_note("%s: is whole already", plan->path);
  store_close(store);
  return status;
}

static Status print_result(const Invocation *call, const RecordSettings *s, Inputs *in, const RecordPlan *plan,
                           const RecordCost *cost, double seconds, Error *err) {
  static const char *const columns[] = {"store", "samples", "tokens", "sites", "rows", "tokens_per_second", "peak_mib"};
  Provenance from = invocation_provenance(call, "record", &s->common);
  inputs_add_provenance(in, &from);
  Table *table = table_begin(stdout, s->common.json, &from, columns, sizeof columns / sizeof columns[0]);
  inputs_add_notes(in, table);
  table_note(table, "computed in %s", s->input.dtype);
  table_string(table, plan->path);
  table_count(table, plan->n_samples);
  table_count(table, cost->tokens);
  table_count(table, plan->sites->count);
  table_count(table, cost->rows);
  table_number(table, seconds > 0 ? (double)cost->tokens / seconds : NAN);
  table_number(table, (double)mem_peak() / (1 << 20));
  return table_end(table, err);
}

static Status record_samples(const Invocation *call, const RecordSettings *s, Inputs *in, const RecordPlan *plan,
                             Error *err) {
  RecordCost cost;
  char *part = mem_format("%s.part", plan->path);
  const bool is_whole = plan->resume && file_exists(plan->path) && !file_exists(part);
  free(part);
  recorder_cost(&in->model, plan, &cost);
  say_cost(in, plan, &cost);
  const double started = clock_seconds();
  const Status status = is_whole ? check_whole(plan, err) : recorder_run(&in->model, plan, err);
  const double seconds = is_whole ? 0 : clock_seconds() - started;
  return status == STATUS_OK ? print_result(call, s, in, plan, &cost, seconds, err) : status;
}

static Status record_run(const Invocation *call, const void *settings, Error *err) {
  const RecordSettings *s = settings;
  Inputs in = {0};
  SiteList sites = {0};
  const Sample **list = NULL;
  char *line = NULL;
  RecordPlan plan = {.path = s->output,
                     .sites = &sites,
                     .rule_name = s->tokens,
                     .batch_tokens = s->input.batch_tokens,
                     .resume = s->resume,
                     .label = "record"};
  if (!s->output) return error_set(err, STATUS_USAGE, "record: -o A.h5 is needed: where the activations go");
  token_rule_from_name(s->tokens, &plan.rule);
  store_dtype_from_name(s->store_dtype, &plan.dtype);
  Status status = inputs_open_model(&in, call->args[0], &s->input, err);
  if (status == STATUS_OK) status = sites_of_selection(&in.model.config, s->sites, s->layers, &sites, err);
  if (status == STATUS_OK) status = inputs_read_samples(&in, &s->input, err);
  if (status == STATUS_OK) {
    line = inputs_command_line(call);
    plan.samples = list = inputs_sample_list(&in);
    plan.n_samples = in.samples.count;
    plan.about = inputs_store_provenance(&in, &s->common, line);
    status = record_samples(call, s, &in, &plan, err);
  }
  free(line);
  free(list);
  sites_clear(&sites);
  inputs_close(&in);
  return status;
}

const Command command_record = {
    .name = "record",
    .arguments = "MODEL --prompts F|--pairs F|--text S -o A.h5",
    .summary = "record layer-wise activations into an HDF5 store",
    .details = "MODEL is a Hugging Face folder or a GGUF file. Sites have TransformerLens's names; attn_out and "
               "mlp_out are what is\n"
               "added to the residual stream, q and k are taken before q/k norms and the rotary embedding, and "
               "ln_final is the final "
               "norm with\n"
               "its gain. Rows are token positions, never padding. Memory is the parameters and one batch, whatever "
               "the number\n"
               "of rows; an interrupted run leaves A.h5.part, which --resume continues.",
    .example = "fathom record models/SmolLM2-135M-Instruct.Q4_1.gguf --prompts prompts.txt --tokens last -o frozen.h5",
    .options = record_options,
    .defaults = &record_defaults,
    .settings_size = sizeof(RecordSettings),
    .min_args = 1,
    .max_args = 1,
    .run = record_run,
};
