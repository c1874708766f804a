/* fathom info on a LoRA adapter: what it was made for, its ranks and scales, and what it replaces. */
#include "base/memory.h"
#include "command/info/info.h"
#include "model/head.h"
#include "weights/adapter.h"

#include <stdlib.h>
#include <string.h>

/* Smallest and largest over the modules. */
static void print_factors(Table *table, const Adapter *adapter) {
  const size_t n = adapter_factors_count(adapter);
  info_count(table, "adapter", "modules", n);
  if (n == 0) return;
  const AdapterFactors *first = adapter_factors_at(adapter, 0);
  size_t least = first->rank, most = first->rank;
  double low = first->scale, high = first->scale;
  for (size_t i = 1; i < n; i++) {
    const AdapterFactors *f = adapter_factors_at(adapter, i);
    least = f->rank < least ? f->rank : least;
    most = f->rank > most ? f->rank : most;
    low = f->scale < low ? f->scale : low;
    high = f->scale > high ? f->scale : high;
  }
  info_count(table, "adapter", least == most ? "rank" : "least_rank", least);
  if (least != most) info_count(table, "adapter", "most_rank", most);
  info_number(table, "adapter", low == high ? "scale" : "least_scale", low);
  if (low != high) info_number(table, "adapter", "most_scale", high);
}

static void print_summary(Table *table, const Adapter *adapter, const char *digest) {
  HeadTensors head;
  Error err = {0};
  info_text(table, "file", "kind", "LoRA adapter");
  info_text(table, "file", "format", "PEFT folder");
  if (digest) info_text(table, "file", "sha256", digest);
  info_text(table, "adapter", "base", adapter_base(adapter));
  info_text(table, "adapter", "task", adapter_task(adapter));
  print_factors(table, adapter);
  for (size_t i = 0; i < adapter_tensors_count(adapter); i++)
    info_text(table, "adapter", "replaces", adapter_tensors_at(adapter, i)->name);
  info_weights(table, adapter_weights(adapter));
  const Status status = head_find(NULL, adapter, &head, &err);
  info_head(table, &head, status == STATUS_OK ? NULL : &err);
}

Status info_adapter(const char *path, const InfoSettings *settings, Provenance provenance, Error *err) {
  Adapter *adapter;
  const Status status = adapter_open(path, false, &adapter, err);
  if (status != STATUS_OK) return status;
  const char *digest = settings->digest ? adapter_digest(adapter) : NULL;
  if (digest) {
    provenance.models[0].path = path;
    provenance.models[0].sha256 = digest;
    provenance.n_models = 1;
  }
  Table *table = info_begin(settings, &provenance);
  if (settings->tensors)
    info_tensors(table, adapter_weights(adapter));
  else if (settings->metadata)
    info_config(table, adapter_config(adapter));
  else
    print_summary(table, adapter, digest);
  adapter_close(adapter);
  return table_end(table, err);
}
