/* The words of a lexicon through a model. */
#include "base/log.h"
#include "base/memory.h"
#include "command/axis.h"
#include "model/family.h"
#include "model/sites.h"
#include "train/averages.h"

#include <stdlib.h>

/* All sentences through the model. */
static Status record(const Inputs *in, const AxisSettings *s, const AxisGathering *g, const SiteList *sites, AxisData *data,
                     Error *err) {
  const Sample **samples;
  size_t *group, n;
  axis_gathering_samples(g, &samples, &group, &n);
  Status status = STATUS_OK;
  data->n_sites = sites->count;
  data->sites = mem_alloc(sites->count, sizeof *data->sites);
  data->widths = mem_alloc(sites->count, sizeof *data->widths);
  data->rows = mem_alloc(sites->count, sizeof *data->rows);
  for (size_t k = 0; k < sites->count && status == STATUS_OK; k++) {
    data->sites[k] = mem_copy_string(sites->items[k].name);
    data->widths[k] = sites->items[k].width;
    status = mem_try(g->count * data->widths[k], sizeof(float), (void **)&data->rows[k], err);
  }
  const AveragePlan plan = {.sites = sites,
                            .samples = samples,
                            .group = group,
                            .n_samples = n,
                            .n_groups = g->count,
                            .batch_tokens = s->input.batch_tokens,
                            .label = "axis"};
  if (status == STATUS_OK) status = averages_record(&in->model, &plan, data->rows, err);
  free(samples);
  free(group);
  axis_note(data, false,
            mem_format("rows: each word's last token, averaged over the sentences that take its part of speech, of %zu%s%s",
                       g->carriers.count, s->templates ? " in " : "", s->templates ? s->templates : ""));
  return status;
}

Status axis_from_model(const char *path, const AxisSettings *s, AxisData *data, Error *err) {
  Inputs in = {0};
  AxisGathering g = {0};
  SiteList sites = {0};
  Status status = inputs_open_model(&in, path, &s->input, err);
  if (status == STATUS_OK)
    status = sites_of_selection(&in.model.config, s->sites ? s->sites : "resid_post", s->layers, &sites, err);
  if (status == STATUS_OK) status = axis_gather(s, in.tokenizer, &g, err);
  if (status == STATUS_OK) {
    axis_gathering_note(&g, data);
    axis_gathering_words(&g, &data->words);
    status = axis_words_index(&data->words, err);
    if (status != STATUS_OK) error_prefix(err, "%s", s->lexicon);
  }
  if (status == STATUS_OK) {
    char *parameters = inputs_parameter_memory(&in);
    log_note("memory: %s", parameters);
    free(parameters);
    status = record(&in, s, &g, &sites, data, err);
  }
  if (status == STATUS_OK) {
    const char *architecture = in.model.config.family->gguf_architecture;
    data->architecture = mem_copy_string(architecture ? architecture : "");
    data->model = mem_copy_string(in.model_name);
    data->sha256 = mem_copy_string(inputs_weights_digest(&in));
    axis_note(data, false, mem_format("computed in %s", s->input.dtype));
  }
  sites_clear(&sites);
  axis_gathering_clear(&g);
  inputs_close(&in);
  return status;
}
