/* The options of `fathom train`, their defaults, and which run they make. */
#include "command/train/options.h"

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "config.h"
#include "train/runlog.h"

#include <omp.h>
#include <stdlib.h>
#include <string.h>

const TrainSettings train_defaults = {
    .input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024, .trains = true},
    .objective = "reward",
    .parts = "all",
    .anchor_layers = "all",
    .anchor_tokens = "response",
    .anchor_norm = "relative",
    .batch_size = 8,
    .probe_pairs = 16,
    .epochs = 1,
    .lr = 1e-5,
    .warmup = 0.1,
    .clip = 1,
    .eval_split = 0.1,
};

#define AT(member) offsetof(TrainSettings, member)
const Option train_options[] = {
    {"pairs", 0, OPTION_TEXTS, AT(input.pairs), 0, 0, "FILE",
     "preference pairs in a layout that fathom info lists; JSONL or JSON array, plain or gzip; may be repeated", NULL},
    {"objective", 0, OPTION_CHOICE, AT(objective), 0, 0, "reward|lm",
     "reward: a reward model from --pairs; lm: a language model, which predicts the next token of --text", NULL},
    {"text", 0, OPTION_TEXTS, AT(texts), 0, 0, "FILE",
     "with --objective lm: any text file, plain or gzip, as one text, with the end-of-text token behind it; may be repeated. "
     "Their tokens are cut into sequences of --max-length (default: 512, or the model's context length where that is less)",
     "pairs,labels-from,ceiling,train-pairs,anchor,anchor-layers,anchor-tokens,anchor-norm,frozen,centring,l2-sp,sft,"
     "stop-at-drift,probe-pairs,value-axis,value-words,value-prompts,chat-template,chat-date,preference,truncate-prompt"},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "RUN", "the folder of the run", NULL},
    {"eval", 0, OPTION_TEXTS, AT(eval), 0, 0, "FILE", 
     "held-out pairs (lm: texts), instead of a share of the training data; may be repeated", "eval-split"},
    {"eval-split", 0, OPTION_REAL, AT(eval_split), 0, 0.9, "F", 
     "share of the training pairs' prompts (lm: of the sequences) that is held out where no --eval is given", "eval"},
    {"split-seed", 0, OPTION_TEXT, AT(split_seed), 0, 0, "N",
     "seed of what is held out and of --train-pairs (default: --seed)", NULL},
    {"train-pairs", 0, OPTION_SIZE, AT(train_pairs), 1, 1e12, "N",
     "train on N pairs, drawn with --split-seed; a smaller N takes some of a larger one's (default: all)", NULL},
    {"labels-from", 0, OPTION_TEXT, AT(labels_from), 0, 0, "WEAK|E.h5",
     "weak-to-strong: learn the labels that this reward model gives the training pairs, or whose eval result on "
     "--pairs (and --eval) this is",
     NULL},
    {"ceiling", 0, OPTION_TEXT, AT(ceiling), 0, 0, "MODEL|E.h5",
     "with --labels-from: a model that learned the true labels, for the performance gap recovered", NULL},
    {"train", 0, OPTION_TEXT, AT(parts), 0, 0, "PART",
     "what is trained: all; last:K blocks (with final norm and head); lora (those of --adapter, or new factors beside "
     "frozen matrices; and the head); or head. The head is the reward head, which lm does not have: a language-model head "
     "is trained with all",
     NULL},
    {"lora-rank", 0, OPTION_SIZE, AT(lora_rank), 1, 65536, "R", "rank of the LoRA factors (default: 16)", "adapter"},
    {"lora-alpha", 0, OPTION_REAL, AT(lora_alpha), 1e-6, 1e9, "X",
     "what they add is scaled by X / R (default: twice the rank)", "adapter"},
    {"lora-targets", 0, OPTION_TEXT, AT(lora_targets), 0, 0, "NAME,...",
     "modules that get factors, such as q_proj,v_proj (default: all-linear, those of attention and MLP)", "adapter"},
    {"lora-rslora", 0, OPTION_FLAG, AT(lora_rslora), 0, 0, NULL, "scale by X / sqrt(R) (rsLoRA)", "adapter"},
    {"widen", 0, OPTION_FLAG, AT(input.widen), 0, 0, NULL,
     "with --train lora: widen all weights to float32 in memory (default: they stay as the file has them, and every "
     "product widens what it reads; same numbers). Other parts are always trained so",
     NULL},
    {"anchor", 0, OPTION_REAL, AT(anchor), 0, 1e6, "X",
     "strength lambda of the anchor to the frozen model; 0 = a plain run", NULL},
    {"anchor-layers", 0, OPTION_TEXT, AT(anchor_layers), 0, 0, "LIST",
     "anchored blocks: all, last, middle (the middle third) or a list such as 0,3-7,-1", NULL},
    {"anchor-tokens", 0, OPTION_CHOICE, AT(anchor_tokens), 0, 0, "response|last|all",
     "tokens of the anchor and of all drift (position 0 never counts)", NULL},
    {"anchor-norm", 0, OPTION_CHOICE, AT(anchor_norm), 0, 0, "relative|unit|mse",
     "what the anchor holds down: |h - h0|^2 over the block's spread s^2; that of the rows scaled to length 1; or over "
     "the width. Drift is reported as relative in any case",
     NULL},
    {"frozen", 0, OPTION_TEXT, AT(frozen), 0, 0, "F.h5",
     "store of the frozen features, recorded if it does not exist; shared by runs on its samples or some of them "
     "(default: RUN/frozen.h5)",
     NULL},
    {"steps", 0, OPTION_SIZE, AT(steps), 1, 1e9, "N", "updates (default: by --epochs)", "epochs"},
    {"epochs", 0, OPTION_REAL, AT(epochs), 1e-6, 1e6, "X", "passes over the training data", "steps"},
    {"batch-size", 0, OPTION_SIZE, AT(batch_size), 1, 1e6, "N", "pairs (lm: sequences) of an update", NULL},
    {"lr", 0, OPTION_REAL, AT(lr), 0, 10, "X", "peak learning rate (AdamW, cosine decay to 0)", NULL},
    {"warmup", 0, OPTION_REAL, AT(warmup), 0, 1, "X", "share of the updates with a rising learning rate", NULL},
    {"weight-decay", 0, OPTION_REAL, AT(weight_decay), 0, 10, "X",
     "decoupled weight decay (AdamW) of the matrices; gains and biases are left alone", NULL},
    {"clip", 0, OPTION_REAL, AT(clip), 0, 1e9, "X", "global gradient norm at most; 0 = no clipping", NULL},
    {"centring", 0, OPTION_REAL, AT(centring), 0, 1e3, "X", "weight of (r_chosen + r_rejected)^2 in the loss", NULL},
    {"l2-sp", 0, OPTION_REAL, AT(l2_sp), 0, 1e6, "X",
     "control: adds X |w - w0|^2 to the loss, w0 what is trained as it was at the start; a new head has none", NULL},
    {"sft", 0, OPTION_REAL, AT(sft), 0, 0.99, "A",
     "control, after GRM: (1 - A) times the pairs' loss plus A times the mean -log p of the better answer's tokens",
     NULL},
    {"stop-at-drift", 0, OPTION_TEXT, AT(stop_at), 0, 0, "X|RUN",
     "control: end the run once the probe set's relative squared drift, mean over all blocks, is X, or what it was at the "
     "end of another RUN",
     NULL},
    {"probe-pairs", 0, OPTION_SIZE, AT(probe_pairs), 1, 1e6, "N",
     "held-out pairs (training pairs where none are) on which full drift is measured at steps 0, 1, 2, 4, 8, ... "
     "(of --train head there is none)",
     NULL},
    {"value-axis", 0, OPTION_TEXT, AT(value_axis), 0, 0, "AXIS.h5",
     "value axes that fathom axis fit on MODEL: where --probe-pairs are measured, the words of --value-words are projected on "
     "them, in the sentences the axes' words stood in, and ranked by reward as answers to --value-prompts. A look costs about "
     "as much as one forward pass over 2 tokens a word and sentence and 4 a word and prompt, which is said beforehand",
     NULL},
    {"value-words", 0, OPTION_TEXT, AT(value_words), 0, 0, "LEXICON",
     "with --value-axis: a lexicon with the axes' categories, whose words are projected and ranked", NULL},
    {"value-prompts", 0, OPTION_TEXTS, AT(value_prompts), 0, 0, "FILE",
     "with --value-axis: questions, their group the framing (default: six of probes/prompts/superlatives.jsonl, three a "
     "framing); may be repeated",
     NULL},
    {"checkpoint-every", 0, OPTION_SIZE, AT(checkpoint_every), 1, 1e9, "N",
     "updates between checkpoints (default: none)", NULL},
    {"resume", 0, OPTION_FLAG, AT(resume), 0, 0, NULL, "go on from the run's newest checkpoint, to the same bytes",
     NULL},
    {"recompute", 0, OPTION_FLAG, AT(recompute), 0, 0, NULL,
     "less memory for more time: blocks keep their input alone and are run again in the backward pass; same bits", NULL},
    {"limit", 0, OPTION_SIZE, AT(input.limit), 1, 1e12, "N", "the first N pairs (lm: sequences) only", NULL},
    LENGTH_OPTIONS(TrainSettings),
    {"dtype", 0, OPTION_CHOICE, AT(input.dtype), 0, 0, "float32|bfloat16",
     "type of the blocks' matrix products, forward and backward; weights, gradients and moments are float32 in both", NULL},
    {0}};
#undef AT

Status train_check_options(const TrainSettings *s, Error *err) {
  const bool trains_lora = strcmp(s->parts, "lora") == 0;
  const char *option = s->lora_rank        ? "--lora-rank"
                       : s->lora_alpha > 0 ? "--lora-alpha"
                       : s->lora_targets   ? "--lora-targets"
                       : s->lora_rslora    ? "--lora-rslora"
                       : s->input.widen    ? "--widen"
                                           : NULL;
  if (option && !trains_lora)
    return error_set(err, STATUS_USAGE, "%s is for --train lora, not --train %s", option, s->parts);
  if (s->recompute && strcmp(s->parts, "head") == 0)
    return error_set(err, STATUS_USAGE, "--recompute: --train head keeps no activations");
  if (s->ceiling && !s->labels_from)
    return error_set(err, STATUS_USAGE, "--ceiling needs --labels-from: the weak model below it");
  if (!s->value_axis != !s->value_words)
    return error_set(err, STATUS_USAGE, "%s: whose words lie where along which axis? Give --value-axis and --value-words",
                     s->value_axis ? "--value-axis" : "--value-words");
  if (s->value_prompts.count && !s->value_axis)
    return error_set(err, STATUS_USAGE, "--value-prompts needs --value-axis and --value-words: what to ask about");
  const char *const models[] = {s->labels_from, s->ceiling};
  for (size_t i = 0; i < 2; i++)
    if (models[i] && !file_exists(models[i]))
      return error_set(err, STATUS_SYSTEM, "%s: no such model or result", models[i]);
  return STATUS_OK;
}

Status train_read_stop(TrainSettings *s, Error *err) {
  s->stop_at_drift = 0;
  if (!s->stop_at) return STATUS_OK;
  if (parse_real(s->stop_at, &s->stop_at_drift))
    return s->stop_at_drift >= 0 && s->stop_at_drift <= 1e6
               ? STATUS_OK
               : error_set(err, STATUS_USAGE, "--stop-at-drift %s: expected a number from 0 to 1e6", s->stop_at);
  if (!file_is_directory(s->stop_at))
    return error_set(err, STATUS_USAGE, "--stop-at-drift %s: expected a number or the folder of a run", s->stop_at);
  char *path = file_join(s->stop_at, "run.h5");
  Result *run = NULL;
  Status status = result_open(path, &run, err);
  if (status == STATUS_OK) status = runlog_end_drift(run, path, s->anchor_tokens, &s->stop_at_drift, err);
  result_close(run);
  free(path);
  return status;
}

Status train_split_seed(const TrainSettings *s, uint64_t *seed, Error *err) {
  *seed = s->common.seed;
  if (!s->split_seed || parse_u64(s->split_seed, seed)) return STATUS_OK;
  return error_set(err, STATUS_USAGE, "--split-seed %s: expected a whole number", s->split_seed);
}

void train_warn_of_dropout(const Inputs *in) {
  const double dropout = json_number(json_get(in->model.lora.config, "lora_dropout"), 0);
  if (dropout > 0) log_warn("%s: lora_dropout %g: training goes on without dropout", adapter_path(in->adapter), dropout);
}

LoraSettings train_lora(const TrainSettings *s) {
  const size_t rank = s->lora_rank ? s->lora_rank : 16;
  return (LoraSettings){.rank = rank,
                        .alpha = s->lora_alpha > 0 ? s->lora_alpha : 2 * (double)rank,
                        .rslora = s->lora_rslora,
                        .targets = s->lora_targets ? s->lora_targets : "all-linear",
                        .seed = s->common.seed};
}

Status train_open_values(Inputs *in, const TrainSettings *s, Values *values, Error *err) {
  const ModelConfig *c = &in->model.config;
  const ValuesSettings settings = {.axis = s->value_axis,
                                   .words = s->value_words,
                                   .prompts = s->value_prompts.items,
                                   .n_prompts = s->value_prompts.count,
                                   .max_length = c->max_positions,
                                   .batch_tokens = s->input.batch_tokens,
                                   .strict = s->input.strict};
  if (!s->value_axis) return STATUS_OK;
  return values_open(values, &settings, c, inputs_weights_digest(in), in->tokenizer, in->chat, err);
}

void train_identity(const Inputs *in, const TrainSettings *s, const SampleSet *heldout, const char *weights,
                    const char *values, char text[DIGEST_TEXT]) {
  char *settings =
      mem_format("%s %s %s %s %s %s, %d threads, %zu steps or %.17g epochs, %zu %zu %zu, %.17g %.17g %.17g %.17g %.17g "
                 "%.17g %.17g %.17g %.17g, %zu %zu, seed %llu",
                 PACKAGE_VERSION, s->parts, s->anchor_layers, s->anchor_tokens, s->anchor_norm, s->input.dtype, omp_get_max_threads(),
                 s->steps, s->epochs, s->batch_size, s->input.batch_tokens, s->probe_pairs, s->lr, s->warmup,
                 s->weight_decay, s->clip, s->centring, s->anchor, s->sft, s->l2_sp, s->stop_at_drift,
                 in->samples.count, heldout->count, (unsigned long long)s->common.seed);
  const LoraSettings new_lora = train_lora(s);
  char *lora = mem_format("LoRA %zu %.17g %d %s", new_lora.rank, new_lora.alpha, new_lora.rslora, new_lora.targets);
  Digest *digest = digest_new();
  const char *const parts[] = {
      weights, in->tokenizer_sha256, in->chat_sha256, in->samples.digest, heldout->digest, settings, lora};
  for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) digest_add_string(digest, parts[i]);
  if (values) digest_add_string(digest, values);
  digest_finish(digest, text);
  free(settings);
  free(lora);
}
