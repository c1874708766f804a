/* A tap that adds up last rows. */
#include "train/averages.h"

#include "base/log.h"
#include "base/memory.h"
#include "model/forward.h"
#include "train/rows.h"

#include <math.h>
#include <stdlib.h>

typedef struct Averager {
  const AveragePlan *plan;
  const SampleBatch *batch;
  const size_t *counts; /* [n_groups] samples */
  float *const *rows;
  size_t first; /* number of the batch's first sample */
  Status status;
  Error *err;
} Averager;

static void add_rows(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  Averager *a = context;
  const SiteList *sites = a->plan->sites;
  size_t site = 0;
  while (site < sites->count && (sites->items[site].kind != kind || sites->items[site].layer != layer)) site++;
  if (site == sites->count || a->status != STATUS_OK) return;
  for (size_t s = 0; s < a->batch->batch.n_sequences; s++) {
    const size_t group = a->plan->group[a->first + s];
    const real *from = rows + (a->batch->offsets[s + 1] - 1) * stride;
    float *to = a->rows[site] + group * width, share = 1 / (float)a->counts[group], check = 0;
    for (size_t i = 0; i < width; i++) {
      to[i] += (float)from[i] * share;
      check += (float)from[i] * 0; /* NaN where a value is not finite */
    }
    if (check != 0 && a->status == STATUS_OK)
      a->status = error_set(a->err, STATUS_NUMERIC, "%s: activations of sample \"%s\" are not finite",
                            sites->items[site].name, a->batch->samples[s]->id);
  }
}

Status averages_record(const Model *model, const AveragePlan *plan, float *const *rows, Error *err) {
  size_t longest, most, *counts = mem_alloc(plan->n_groups, sizeof *counts);
  Pass pass = {0};
  SampleBatch batch = {0};
  Averager a = {.plan = plan, .batch = &batch, .counts = counts, .rows = rows, .err = err};
  const Tap tap = {add_rows, &a};
  for (size_t s = 0; s < plan->n_samples; s++) counts[plan->group[s]]++;
  for (size_t k = 0; k < plan->sites->count; k++)
    for (size_t i = 0; i < plan->n_groups * plan->sites->items[k].width; i++) rows[k][i] = 0;
  sample_batch_extent(plan->samples, plan->n_samples, 1, plan->batch_tokens, &longest, &most);
  a.status = pass_init(&pass, &model->config, most, longest, KEEP_NOTHING, err);
  Progress progress = progress_begin(plan->label, "sentences", plan->n_samples);
  for (size_t count; a.first < plan->n_samples && a.status == STATUS_OK; a.first += count) {
    count = sample_batch_count(plan->samples, plan->n_samples, a.first, 1, plan->batch_tokens);
    sample_batch_fill(&batch, plan->samples + a.first, count);
    model_forward(model, &batch.batch, &pass, &tap);
    progress_show(&progress, a.first + count);
  }
  progress_end(&progress);
  sample_batch_clear(&batch);
  pass_clear(&pass);
  free(counts);
  return a.status;
}
