/* Full drift measures during training. */
#include "train/probe.h"

#include "base/memory.h"
#include "model/forward.h"
#include "probes/drift/drift.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void probe_init(Probe *p, const Frozen *frozen, const Sample *const *samples, size_t n_samples, size_t first_index,
                size_t batch_tokens) {
  *p = (Probe){.samples = samples,
               .n_samples = n_samples,
               .first_index = first_index,
               .batch_tokens = batch_tokens,
               .n_layers = frozen->n_layers,
               .width = frozen->width};
  for (size_t s = 0; s < n_samples; s++) p->n_rows += frozen_rows(frozen, samples[s]);
  p->row_sample = mem_alloc(p->n_rows, sizeof *p->row_sample);
  for (size_t s = 0, row = 0; s < n_samples; s++)
    for (size_t n = frozen_rows(frozen, samples[s]); n > 0; n--) p->row_sample[row++] = (uint32_t)(s / 2);
  p->current = mem_alloc(p->n_layers * p->n_rows * p->width, sizeof *p->current);
  for (const Measure *const *m = measures; *m; m++)
    if ((*m)->by_default) p->n_names += (*m)->n_values;
  p->names = mem_alloc(p->n_names, sizeof *p->names);
  p->values = mem_alloc(p->n_names * p->n_layers, sizeof *p->values);
  size_t at = 0;
  for (const Measure *const *m = measures; *m; m++)
    for (size_t v = 0; v < (*m)->n_values && (*m)->by_default; v++) p->names[at++] = (*m)->values[v].name;
}

void probe_clear(Probe *p) {
  free(p->row_sample);
  free(p->current);
  free(p->names);
  free(p->values);
  *p = (Probe){0};
}

/* The tap of one batch: counted rows of resid_post go to their place in current. */
typedef struct Keeper {
  Probe *probe;
  const Frozen *frozen;
  const SampleBatch *batch;
  size_t first_row;
} Keeper;

static void keep_rows(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  const Keeper *k = context;
  if (kind != SITE_RESID_POST) return;
  float *out = k->probe->current + (layer * k->probe->n_rows + k->first_row) * width;
  for (size_t s = 0; s < k->batch->batch.n_sequences; s++) {
    size_t first, end;
    token_rule_counted_range(k->batch->samples[s], k->frozen->rule, &first, &end);
    for (size_t t = first; t < end; t++, out += width)
      for (size_t i = 0; i < width; i++) out[i] = (float)rows[(k->batch->offsets[s] + t) * stride + i];
  }
}

static void run_model(Probe *p, const Model *model, Pass *pass, const Frozen *frozen) {
  SampleBatch batch = {0};
  Keeper keeper = {p, frozen, &batch, 0};
  const Tap tap = {keep_rows, &keeper};
  for (size_t first = 0, count; first < p->n_samples; first += count) {
    count = sample_batch_count(p->samples, p->n_samples, first, 1, p->batch_tokens);
    sample_batch_fill(&batch, p->samples + first, count);
    model_forward(model, &batch.batch, pass, &tap);
    for (size_t s = first; s < first + count; s++) keeper.first_row += frozen_rows(frozen, p->samples[s]);
  }
  sample_batch_clear(&batch);
}

/* All measures that are made by default, at one block. */
static Status measure_layer(Probe *p, size_t layer, const float *frozen_rows_of_layer, Error *err) {
  const float *y = p->current + layer * p->n_rows * p->width;
  size_t at = 0;
  float check = 0; /* NaN where a value is not finite */
  for (size_t i = 0; i < p->n_rows * p->width; i++) check += y[i] * 0;
  if (check != 0)
    return error_set(err, STATUS_NUMERIC, "block %zu: the activations of the probe set are not finite", layer);
  for (const Measure *const *m = measures; *m; m++) {
    if (!(*m)->by_default) continue;
    double values[MEASURE_MAX_VALUES];
    const Status status =
        drift_measure_rows(*m, p->n_rows, p->width, frozen_rows_of_layer, p->width, y, p->row_sample, values, err);
    if (status != STATUS_OK) return error_prefix(err, "probe set, block %zu", layer);
    for (size_t v = 0; v < (*m)->n_values; v++) p->values[at++ * p->n_layers + layer] = values[v];
  }
  return STATUS_OK;
}

/* Sum over the rows of a block of |h - h0|^2, over its rows and scale: what the anchor calls relative. */
static double layer_drift(const Probe *p, size_t layer, double scale, const float *frozen_rows_of_layer) {
  const size_t n = p->n_rows * p->width;
  const float *y = p->current + layer * n;
  double sum = 0;
  for (size_t i = 0; i < n; i++) {
    const double difference = (double)y[i] - (double)frozen_rows_of_layer[i];
    sum += difference * difference;
  }
  return sum / ((double)p->n_rows * scale);
}

static Status run_probe(Probe *p, const Model *model, Pass *pass, Frozen *frozen, bool full, Error *err) {
  float *rows = mem_alloc(p->n_rows * p->width, sizeof *rows);
  Status status = STATUS_OK;
  p->mean_drift = 0;
  run_model(p, model, pass, frozen);
  for (size_t l = 0; l < p->n_layers && status == STATUS_OK; l++) {
    size_t row = 0;
    for (size_t s = 0; s < p->n_samples && status == STATUS_OK; s++) {
      status = frozen_read(frozen, p->samples[s], p->first_index + s, l, rows + row * p->width, err);
      row += frozen_rows(frozen, p->samples[s]);
    }
    if (status == STATUS_OK && full) status = measure_layer(p, l, rows, err);
    if (status == STATUS_OK) p->mean_drift += layer_drift(p, l, frozen->scale[l], rows) / (double)p->n_layers;
  }
  free(rows);
  if (status == STATUS_OK && !isfinite(p->mean_drift))
    status = error_set(err, STATUS_NUMERIC, "the activations of the probe set are not finite");
  return status;
}

Status probe_drift(Probe *p, const Model *model, Pass *pass, Frozen *frozen, Error *err) {
  return run_probe(p, model, pass, frozen, false, err);
}

Status probe_measure(Probe *p, const Model *model, Pass *pass, Frozen *frozen, Error *err) {
  return run_probe(p, model, pass, frozen, true, err);
}
