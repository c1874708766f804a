/* The head that `fathom drift --lens MODEL` reads hidden states with: the frozen model's final norm and language-model
 * head.
 */
#include "base/log.h"
#include "base/memory.h"
#include "base/sitename.h"
#include "command/drift/drift.h"
#include "model/blocks.h"
#include "model/forward.h"

#include <stdlib.h>
#include <string.h>

/* A store from elsewhere may not say what it was recorded from. */
static Status check_digest(Source *source, const Store *frozen, const char *path, Error *err) {
  const char *recorded = store_contents(frozen)->weights_sha256;
  if (!recorded || !recorded[0]) {
    log_warn("%s does not say which weights it was recorded from: that they are those of %s is taken on trust",
             store_path(frozen), path);
    return STATUS_OK;
  }
  const char *found = source_digest(source);
  if (strcmp(found, recorded) == 0) return STATUS_OK;
  return error_set(err, STATUS_DATA,
                   "--lens %s: has weights %.12s..., %s was recorded from %.12s...: expected the frozen model", path,
                   found, store_path(frozen), recorded);
}

Status drift_lens_open(const char *path, const Store *frozen, DriftLensModel *lens, Error *err) {
  Status status = source_open(path, &lens->source, err);
  if (status == STATUS_OK) status = check_digest(lens->source, frozen, path, err);
  if (status == STATUS_OK) status = model_open(lens->source, (ModelOptions){.in_file = true}, &lens->model, err);
  if (status == STATUS_OK && !model_has_lm_head(&lens->model, lens->source, NULL))
    status = error_set(err, STATUS_DATA, "--lens %s: no language-model head, which lens_kl reads with", path);
  return status;
}

void drift_lens_close(DriftLensModel *lens) {
  model_close(&lens->model);
  source_close(lens->source);
  *lens = (DriftLensModel){0};
}

/* Hidden states before the final norm. */
static void read_stream(const void *context, size_t n, const float *rows, float *logits) {
  const Model *model = context;
  const Norm norm = block_final_norm(model);
  real *normed = mem_alloc(n * norm.width, sizeof *normed), *stats = mem_alloc(n * NORM_STATS, sizeof *stats);
  norm_forward(&norm, n, rows, normed, stats);
  model_logits_of(model, n, normed, logits);
  free(normed);
  free(stats);
}

/* Hidden states behind it. */
static void read_normed(const void *context, size_t n, const float *rows, float *logits) {
  model_logits_of(context, n, rows, logits);
}

bool drift_lens_at(const DriftLensModel *lens, const char *site, DriftLens *at) {
  static const char *const streams[] = {"embed", "resid_pre", "resid_mid", "resid_post", NULL};
  const SiteName name = site_name_parse(site);
  const ModelConfig *config = &lens->model.config;
  if (!lens->source) return false;
  *at = (DriftLens){config->hidden_size, config->vocab_size, NULL, &lens->model};
  if (strcmp(name.kind, "ln_final") == 0) at->logits = read_normed;
  for (size_t i = 0; streams[i]; i++)
    if (strcmp(name.kind, streams[i]) == 0) at->logits = read_stream;
  return at->logits != NULL;
}
