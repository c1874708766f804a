/* The two models of fathom weights, and whether their weights can be compared at all. */
#include "base/file.h"
#include "base/memory.h"
#include "base/sitename.h"
#include "command/inputs.h"
#include "command/weights/weights.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void weights_note(WeightsRun *run, const char *format, ...) {
  char text[512];
  va_list args;
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  run->notes = mem_resize(run->notes, run->n_notes + 1, sizeof *run->notes);
  run->notes[run->n_notes++] = mem_copy_string(text);
}

static Status open_side(WeightsSide *side, const char *adapter, bool strict, Error *err) {
  side->name = adapter ? mem_format("%s + %s", side->path, adapter) : mem_copy_string(side->path);
  Status status = side->source ? STATUS_OK : source_open(side->path, &side->source, err);
  if (status == STATUS_OK && adapter) status = adapter_open(adapter, strict, &side->adapter, err);
  if (status == STATUS_OK)
    status = model_check(side->source, (ModelOptions){.adapter = side->adapter, .strict = strict}, &side->model,
                         &side->head, err);
  if (status == STATUS_OK && adapter) inputs_warn_of_other_base(side->adapter, side->source, side->path);
  return status;
}

/* Rows of the table that one GGUF architecture serves are one architecture: the settings tell them apart where that
 * matters. */
static bool same_family(const Family *a, const Family *b) {
  return a == b || (a->gguf_architecture && b->gguf_architecture && strcmp(a->gguf_architecture, b->gguf_architecture) == 0);
}

static Status check_shapes(const WeightsSide *first, const WeightsSide *second, Error *err) {
  const ModelConfig *a = &first->model.config, *b = &second->model.config;
  const struct {
    const char *name;
    size_t expected, found;
  } sizes[] = {
      {"blocks", a->n_layers, b->n_layers},       {"hidden size", a->hidden_size, b->hidden_size},
      {"heads", a->n_heads, b->n_heads},          {"key/value heads", a->n_kv_heads, b->n_kv_heads},
      {"head width", a->head_dim, b->head_dim},   {"experts", a->n_experts, b->n_experts},
  };
  if (!same_family(a->family, b->family))
    return error_set(err, STATUS_DATA, "%s: is of architecture %s, expected %s as %s is", second->path, b->family->name,
                     a->family->name, first->path);
  for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
    if (sizes[i].found != sizes[i].expected)
      return error_set(err, STATUS_DATA, "%s: %s: %zu, expected %zu as in %s", second->path, sizes[i].name,
                       sizes[i].found, sizes[i].expected, first->path);
  return STATUS_OK;
}

Status weights_open(WeightsRun *run, const char *first, const char *second, const WeightsSettings *settings, Error *err) {
  WeightsSide *sides = run->sides;
  const char *adapter = settings->adapter;
  *run = (WeightsRun){.settings = settings};
  if (adapter_is_folder(first))
    return error_set(err, STATUS_DATA, "%s: holds an adapter, not a model: name its base model first, then the adapter",
                     first);
  if (adapter_is_folder(second)) {
    if (adapter)
      return error_set(err, STATUS_USAGE, "--adapter %s: %s is an adapter already, expected a model", adapter, second);
    adapter = second;
    second = first;
  }
  sides[0].path = first;
  sides[1].path = second;
  Status status = open_side(&sides[0], NULL, settings->strict, err);
  if (status == STATUS_OK && file_is_same(first, second)) sides[1].source = sides[0].source;
  if (status == STATUS_OK) status = open_side(&sides[1], adapter, settings->strict, err);
  if (status == STATUS_OK) status = check_shapes(&sides[0], &sides[1], err);
  if (status != STATUS_OK || !settings->layers) return status;
  const size_t n_layers = sides[0].model.config.n_layers;
  run->chosen = mem_alloc(n_layers, sizeof *run->chosen);
  return layers_parse(settings->layers, "--layers", n_layers, run->chosen, err);
}

void weights_close(WeightsRun *run) {
  for (int k = 0; k < 2; k++) {
    model_close(&run->sides[k].model);
    adapter_close(run->sides[k].adapter);
    free(run->sides[k].name);
  }
  if (run->sides[1].source != run->sides[0].source) source_close(run->sides[1].source);
  source_close(run->sides[0].source);
  for (size_t i = 0; i < run->n_notes; i++) free(run->notes[i]);
  free(run->notes);
  free(run->chosen);
  free(run->pairs);
  *run = (WeightsRun){0};
}
