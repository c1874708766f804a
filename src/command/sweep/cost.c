/* What a sweep will cost, before it is run. The model of cost:
 *   forward pass  2 P FLOP a token, P the parameters of the blocks; training all of them 6 P, the last blocks 2 P + 4 of
 *                 those, the head alone nothing, from the store; a run also evaluates its held-out pairs at steps 0, 1, 2,
 *                 4, 8, ..., and the targets at its end;
 *   memory        parameters in float32, gradient and two moments of what is trained, the activations of a micro-batch;
 *   disk          frozen features (rows x blocks x width x 4 bytes) and a float32 model a run, or its factors (LoRA). */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/sweep/parts.h"
#include "model/pass.h"
#include "num/gemm.h"
#include "train/sft.h"
#include "train/trainable.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAM_BYTES = 64 << 20 }; /* code, tokenizer, texts */
static const double lora_share = 0.02;  /* of the parameters, in factors */
static const double passes_share = 0.6; /* of the rate of matrix products that whole passes reach */

size_t sweep_free_memory(void) {
  FILE *file = fopen("/proc/meminfo", "r");
  char line[256];
  size_t kib = 0;
  if (!file) return 0;
  while (fgets(line, sizeof line, file))
    if (sscanf(line, "MemAvailable: %zu", &kib) == 1) break;
  fclose(file);
  return kib << 10;
}

/* FLOP a second of a product of the shape of a block's, on the threads in force. */
static double measure_rate(void) {
  enum { ROWS = 512, WIDTH = 768 };
  float *a = mem_alloc((size_t)ROWS * WIDTH, sizeof *a), *b = mem_alloc((size_t)WIDTH * WIDTH, sizeof *b),
        *c = mem_alloc((size_t)ROWS * WIDTH, sizeof *c);
  gemm(false, true, ROWS, WIDTH, WIDTH, a, WIDTH, b, WIDTH, false, c, WIDTH);
  const double started = clock_seconds();
  double seconds = 0, flop = 0;
  while (seconds < 0.1) {
    gemm(false, true, ROWS, WIDTH, WIDTH, a, WIDTH, b, WIDTH, false, c, WIDTH);
    flop += 2.0 * ROWS * WIDTH * WIDTH;
    seconds = clock_seconds() - started;
  }
  free(a);
  free(b);
  free(c);
  return passes_share * flop / seconds;
}

/* Held-out pairs and their tokens, about. */
static void heldout_size(const Sweep *sweep, const SweepInputs *inputs, const SweepRun *run, double *pairs,
                         double *tokens) {
  const SweepData *source = &inputs->sources[run->source];
  const bool given = sweep->settings->heldout.count > 0;
  const double share = given ? 1 : sweep->settings->eval_split;
  const SweepData *from = given ? &inputs->heldout[run->source] : source;
  *pairs = share * (double)from->n_pairs;
  *tokens = share * (double)from->n_tokens;
}

/* The head alone is trained on stored features. */
static bool runs_no_model(const TrainSettings *s) { return strcmp(s->parts, "head") == 0 && s->sft == 0; }

static double run_flop(const Sweep *sweep, const SweepInputs *inputs, const SweepRun *run, const TrainSettings *s,
                       double n_forward, double n_trained) {
  const SweepData *source = &inputs->sources[run->source];
  double heldout_pairs, heldout_tokens, eval_tokens = 0;
  heldout_size(sweep, inputs, run, &heldout_pairs, &heldout_tokens);
  const double pairs = isnan(run->quantity->number) ? (double)source->n_train : run->quantity->number,
               a_pair = (double)source->n_tokens / (double)source->n_pairs,
               steps = s->steps ? (double)s->steps : ceil(s->epochs * pairs / (double)s->batch_size),
               trained_tokens = steps * (double)s->batch_size * a_pair, evaluations = floor(log2(fmax(steps, 1))) + 3,
               probe_tokens = heldout_pairs > 0 ? fmin((double)s->probe_pairs / heldout_pairs, 1) * heldout_tokens : 0;
  for (size_t i = 0; i < sweep->settings->eval.count; i++)
    if (sweep_is_target(sweep, run, i)) eval_tokens += (double)inputs->evals[i].n_tokens;
  if (runs_no_model(s)) return 2 * n_forward * eval_tokens;
  return 2 * n_forward * (trained_tokens + evaluations * (heldout_tokens + probe_tokens) + eval_tokens) +
         4 * n_trained * trained_tokens;
}

/* Memory of one run. */
static size_t run_bytes(const SweepInputs *inputs, const SweepData *source, const TrainSettings *s, size_t n_trained) {
  const Model *model = &inputs->widened;
  const size_t rows = s->input.batch_tokens > source->longest_pair ? s->input.batch_tokens : source->longest_pair;
  const LayerOffsets *layers = model->table.layers;
  const bool narrow = strcmp(s->input.dtype, "bfloat16") == 0; /* a rounded copy of the blocks beside the rest */
  const size_t copies = narrow ? (layers[model->config.n_layers - 1].end - layers[0].begin) * sizeof(uint16_t) : 0;
  const size_t bytes = PROGRAM_BYTES + copies + (model->table.total + 3 * n_trained) * sizeof(float);
  if (runs_no_model(s)) return bytes;
  return bytes + sft_bytes(&model->config, s->sft, token_loss_chunk(model->config.vocab_size), rows) +
         pass_bytes(&model->config, rows, source->longest, s->recompute ? KEEP_INPUTS : KEEP_BLOCKS);
}

static Status add_run(const Sweep *sweep, const SweepInputs *inputs, size_t i, SweepCost *cost, Error *err) {
  const SweepRun *run = &sweep->runs[i];
  const ParameterTable *table = &inputs->widened.table;
  const size_t in_blocks = table->layers[inputs->widened.config.n_layers - 1].end - table->layers[0].begin;
  Words words = sweep_train_words(sweep, run);
  TrainSettings settings;
  size_t begin = 0;
  const Status status = sweep_train_settings(&words, &settings, err);
  if (status == STATUS_OK) {
    const bool known = trainable_from(&inputs->widened, settings.parts, &begin, NULL) == STATUS_OK;
    const size_t n_trained = known ? table->total - begin : (size_t)(lora_share * (double)table->total);
    const size_t bytes = run_bytes(inputs, &inputs->sources[run->source], &settings, n_trained);
    cost->run_bytes = bytes > cost->run_bytes ? bytes : cost->run_bytes;
    cost->run_flop[i] = run_flop(sweep, inputs, run, &settings, (double)in_blocks,
                                 (double)(n_trained < in_blocks ? n_trained : in_blocks));
    if (!sweep->settings->drop_models) cost->disk_bytes += (unsigned long long)(known ? table->total : n_trained) * sizeof(float);
  }
  sweep_train_settings_free(&settings);
  words_free(&words);
  return status;
}

Status sweep_cost(const Sweep *sweep, const SweepInputs *inputs, bool measure, SweepCost *cost, Error *err) {
  const Model *model = &inputs->widened;
  const ParameterTable *table = &model->table;
  const size_t n_layers = model->config.n_layers;
  const double in_blocks = (double)(table->layers[n_layers - 1].end - table->layers[0].begin);
  *cost = (SweepCost){.run_flop = mem_alloc(sweep->n_runs, sizeof *cost->run_flop)};
  Status status = STATUS_OK;
  for (size_t i = 0; i < sweep->n_sources; i++) {
    const SweepData *data = &inputs->sources[i], *heldout = sweep->settings->heldout.count ? &inputs->heldout[i] : NULL;
    const double tokens = (double)data->n_tokens + (heldout ? (double)heldout->n_tokens : 0),
                 rows = (double)data->n_rows + (heldout ? (double)heldout->n_rows : 0);
    if (!file_exists(sweep->sources[i].frozen)) cost->record_flop += 2 * in_blocks * tokens;
    cost->disk_bytes += (unsigned long long)(rows * (double)(n_layers * model->config.hidden_size) * sizeof(float));
  }
  for (size_t i = 0; i < sweep->n_runs && status == STATUS_OK; i++) status = add_run(sweep, inputs, i, cost, err);
  if (status == STATUS_OK && measure) cost->rate = measure_rate();
  return status;
}

void sweep_cost_clear(SweepCost *cost) {
  free(cost->run_flop);
  *cost = (SweepCost){0};
}
