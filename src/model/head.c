/* Finding, reading and applying reward heads. */
#include "model/head.h"

#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* transformers; OpenRLHF; TRL and GRM; Starling; UltraRM and Eurus. */
static const char *const prefixes[] = {"score", "value_head", "v_head.summary", "v_head", "regression_head"};

/* A tensor by its name in the base. */
static const Tensor *find(const Source *source, const Adapter *adapter, const char *prefix, const char *rest) {
  char name[128];
  snprintf(name, sizeof name, "%s.%s", prefix, rest);
  if (!adapter) return weights_find(source_weights(source), name);
  const AdapterTensor *tensor = adapter_tensor_find(adapter, name);
  return tensor ? tensor->tensor : NULL;
}

static bool has_prefix(const Source *source, const Adapter *adapter, const char *prefix) {
  return find(source, adapter, prefix, "weight") || find(source, adapter, prefix, "0.weight");
}

/* The layers under a prefix that is there. */
static Status find_layers(const Source *source, const Adapter *adapter, const char *prefix, HeadTensors *t,
                          Error *err) {
  *t = (HeadTensors){.n = 1};
  snprintf(t->prefix, sizeof t->prefix, "%s", prefix);
  t->weights[0] = find(source, adapter, prefix, "weight");
  t->biases[0] = find(source, adapter, prefix, "bias");
  if (t->weights[0]) return STATUS_OK;
  char rest[32];
  for (t->n = 0; t->n < HEAD_LAYERS; t->n++) {
    snprintf(rest, sizeof rest, "%zu.weight", 2 * t->n);
    t->weights[t->n] = find(source, adapter, prefix, rest);
    if (!t->weights[t->n]) break;
    snprintf(rest, sizeof rest, "%zu.bias", 2 * t->n);
    t->biases[t->n] = find(source, adapter, prefix, rest);
  }
  for (size_t i = 0; i < 4 * HEAD_LAYERS; i++) { /* a norm in between, or one layer too many */
    snprintf(rest, sizeof rest, "%zu.weight", i);
    const Tensor *other = i % 2 || i >= 2 * t->n ? find(source, adapter, prefix, rest) : NULL;
    if (other)
      return error_set(err, STATUS_DATA,
                       "%s: tensor %s: expected a reward head of at most %d linear layers and ReLU in turn",
                       other->file, other->name, HEAD_LAYERS);
  }
  return STATUS_OK;
}

static Status find_in(const Source *source, const Adapter *adapter, HeadTensors *t, Error *err) {
  const Json *named = source ? json_get(source_config(source), "value_head_prefix") : NULL;
  const char *chosen = json_string(named, NULL), *first = NULL;
  *t = (HeadTensors){0};
  if (chosen && strlen(chosen) < sizeof t->prefix && has_prefix(source, adapter, chosen))
    return find_layers(source, adapter, chosen, t, err);
  for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
    if (!has_prefix(source, adapter, prefixes[i])) continue;
    if (first)
      return error_set(err, STATUS_DATA,
                       "%s: two reward heads, %s and %s: expected one, or \"value_head_prefix\" in config.json",
                       adapter ? adapter_path(adapter) : source_path(source), first, prefixes[i]);
    first = prefixes[i];
  }
  if (first && chosen && !adapter)
    return error_set(err, STATUS_DATA, "%s: config.json names the reward head %.80s, but the files hold %s",
                     source_path(source), chosen, first);
  return first ? find_layers(source, adapter, first, t, err) : STATUS_OK;
}

Status head_find(const Source *source, const Adapter *adapter, HeadTensors *t, Error *err) {
  *t = (HeadTensors){0};
  const Status status = adapter ? find_in(source, adapter, t, err) : STATUS_OK;
  return status == STATUS_OK && source && !(adapter && t->n) ? find_in(source, NULL, t, err) : status;
}

/* Widens a tensor; a value that is not finite is an error. */
static Status widen(const Tensor *tensor, real *out, Error *err) {
  float *values = mem_alloc(tensor->count, sizeof *values);
  bool is_finite = true;
  dtype_widen(tensor->dtype, tensor->bytes, tensor->count, values);
  for (size_t i = 0; i < tensor->count; i++) {
    out[i] = (real)values[i];
    is_finite = is_finite && isfinite(values[i]);
  }
  free(values);
  return is_finite ? STATUS_OK
                   : error_set(err, STATUS_DATA, "%s: tensor %s holds a value that is not finite", tensor->file,
                               tensor->name);
}

/* Each layer takes what the one before gives, and the last gives one number. */
static Status check_shapes(const HeadTensors *t, size_t width, Error *err) {
  for (size_t i = 0; i < t->n; i++) {
    const Tensor *w = t->weights[i], *b = t->biases[i];
    if (w->n_dims != 2 || w->shape[1] != width)
      return error_set(err, STATUS_DATA, "%s: tensor %s has %zu columns, expected [N, %zu]", w->file, w->name,
                       w->n_dims ? w->shape[w->n_dims - 1] : 0, width);
    width = w->shape[0];
    if (b && (b->n_dims != 1 || b->shape[0] != width))
      return error_set(err, STATUS_DATA, "%s: tensor %s has %zu elements, expected [%zu]", b->file, b->name, b->count,
                       width);
  }
  const Tensor *last = t->weights[t->n - 1];
  if (width == 1) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: tensor %s has %zu rows: a head of %zu labels, expected a reward head of 1",
                   last->file, last->name, width, width);
}

bool head_tensors_zero(const HeadTensors *t) {
  bool zero = false;
  for (size_t i = 0; i < t->n && !zero; i++) {
    const Tensor *w = t->weights[i];
    float *values = mem_alloc(w->count, sizeof *values);
    dtype_widen(w->dtype, w->bytes, w->count, values);
    zero = true;
    for (size_t k = 0; k < w->count && zero; k++) zero = values[k] == 0;
    free(values);
  }
  return zero;
}

/* OpenRLHF: (r - mean) / std at inference, where config.json has them. */
static Status read_normalisation(const Source *source, RewardHead *head, Error *err) {
  const Json *config = source_config(source), *flag = json_get(config, "normalize_reward");
  Status status = STATUS_OK;
  if (flag && !json_is_null(flag))
    status = json_need_bool(config, "normalize_reward", "config.json", &head->normalises, err);
  head->normalises = head->normalises && json_get(config, "mean");
  if (status == STATUS_OK && head->normalises)
    status = json_need_number(config, "mean", "config.json", &head->mean, err);
  if (status == STATUS_OK && head->normalises) status = json_need_number(config, "std", "config.json", &head->std, err);
  if (status == STATUS_OK && head->normalises && !(head->std > 0))
    status = error_set(err, STATUS_DATA, "config.json: \"std\" is %g, expected a positive number", head->std);
  return status == STATUS_OK ? status : error_prefix(err, "%s", source_path(source));
}

static Status load_layers(const HeadTensors *t, RewardHead *head, Error *err) {
  Status status = STATUS_OK;
  head->layers = mem_alloc(t->n, sizeof *head->layers);
  head->n_layers = t->n;
  for (size_t i = 0; i < t->n && status == STATUS_OK; i++) {
    HeadLayer *layer = &head->layers[i];
    *layer =
        (HeadLayer){t->weights[i]->shape[0], t->weights[i]->shape[1], mem_alloc(t->weights[i]->count, sizeof(real)),
                    mem_alloc(t->weights[i]->shape[0], sizeof(real))};
    status = widen(t->weights[i], layer->weight, err);
    if (status == STATUS_OK && t->biases[i]) status = widen(t->biases[i], layer->bias, err);
  }
  return status;
}

Status head_load(const Source *source, const HeadTensors *t, size_t width, real *weight, RewardHead *head, Error *err) {
  *head = (RewardHead){0};
  if (t->n == 0) return STATUS_OK;
  memcpy(head->prefix, t->prefix, sizeof head->prefix);
  real bias = 0;
  Status status = check_shapes(t, width, err);
  if (status == STATUS_OK) status = read_normalisation(source, head, err);
  if (status == STATUS_OK && t->n > 1) status = load_layers(t, head, err);
  if (status == STATUS_OK && t->n == 1) status = widen(t->weights[0], weight, err);
  if (status == STATUS_OK && t->n == 1 && t->biases[0]) status = widen(t->biases[0], &bias, err);
  head->bias = (double)bias;
  if (status != STATUS_OK) head_clear(head);
  return status;
}

void head_clear(RewardHead *head) {
  for (size_t i = 0; i < head->n_layers; i++) {
    free(head->layers[i].weight);
    free(head->layers[i].bias);
  }
  free(head->layers);
  *head = (RewardHead){0};
}

bool head_is_plain(const RewardHead *head) { return head->n_layers == 0 && head->bias == 0 && !head->normalises; }

static bool all_zero(const real *values, size_t n) {
  for (size_t i = 0; i < n; i++)
    if (values[i] != 0) return false;
  return true;
}

bool head_is_zero(const RewardHead *head, const real *weight, size_t width) {
  for (size_t i = 0; i < head->n_layers; i++)
    if (all_zero(head->layers[i].weight, head->layers[i].outputs * head->layers[i].inputs)) return true;
  return head->n_layers == 0 && all_zero(weight, width);
}

static double dot(const real *a, const real *b, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

/* The layers one after the other, ReLU before each but the first. */
static double run_layers(const RewardHead *head, const real *hidden) {
  real *input = NULL;
  double last = 0;
  for (size_t i = 0; i < head->n_layers; i++) {
    const HeadLayer *layer = &head->layers[i];
    real *output = mem_alloc(layer->outputs, sizeof *output);
    for (size_t o = 0; o < layer->outputs; o++) {
      last = dot(input ? input : hidden, layer->weight + o * layer->inputs, layer->inputs) + (double)layer->bias[o];
      output[o] = (real)(last > 0 ? last : 0);
    }
    free(input);
    input = output;
  }
  free(input);
  return last;
}

real head_reward(const RewardHead *head, const real *weight, size_t width, const real *hidden) {
  double reward = head->n_layers ? run_layers(head, hidden) : dot(hidden, weight, width) + head->bias;
  if (head->normalises) reward = (reward - head->mean) / head->std;
  return (real)reward;
}
