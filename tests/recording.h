/* Keeping what a forward pass hands out at every site, and its logits, to compare it with something. */
#ifndef FATHOM_TESTS_RECORDING_H
#define FATHOM_TESTS_RECORDING_H

#include "model/forward.h"
#include "tests/golden.h"

/* Every site's rows of one or more passes. */
typedef struct Recording {
  SiteList sites;
  real **values;    /* [sites][rows, width] */
  real *logits;     /* [rows, V] */
  size_t rows;      /* of the pass being recorded */
  size_t first_row; /* where they go */
} Recording;

__attribute__((unused)) static void recording_init(Recording *r, const ModelConfig *config, size_t rows) {
  *r = (Recording){.rows = rows};
  sites_of_model(config, &r->sites);
  r->values = mem_alloc(r->sites.count, sizeof *r->values);
  for (size_t i = 0; i < r->sites.count; i++) r->values[i] = mem_alloc(rows * r->sites.items[i].width, sizeof(real));
  r->logits = mem_alloc(rows * config->vocab_size, sizeof(real));
}

__attribute__((unused)) static void recording_clear(Recording *r) {
  for (size_t i = 0; i < r->sites.count; i++) free(r->values[i]);
  free(r->values);
  free(r->logits);
  sites_clear(&r->sites);
}

__attribute__((unused)) static void record_rows(void *context, SiteKind kind, size_t layer, const real *rows,
                                                size_t stride, size_t width) {
  Recording *r = context;
  for (size_t i = 0; i < r->sites.count; i++) {
    const Site *site = &r->sites.items[i];
    if (site->kind != kind || site->layer != layer) continue;
    if (site->width != width) ok(false, "%s is tapped with width %zu, listed with %zu", site->name, width, site->width);
    for (size_t t = 0; t < r->rows && site->width == width; t++)
      memcpy(r->values[i] + (r->first_row + t) * width, rows + t * stride, width * sizeof *rows);
  }
}

/* Runs the batch and puts its rows at first_row. */
__attribute__((unused)) static void recording_pass(const Model *model, const Batch *batch, Pass *pass, size_t first_row,
                                                   Recording *r) {
  r->rows = batch->offsets[batch->n_sequences];
  r->first_row = first_row;
  const Tap tap = {record_rows, r};
  model_forward(model, batch, pass, &tap);
  model_logits(model, pass, 0, r->rows, r->logits + first_row * model->config.vocab_size);
}

/* The same in a pass of its own. */
__attribute__((unused)) static void recording_run(const Model *model, const Batch *batch, bool keeps, size_t first_row,
                                                  Recording *r) {
  const size_t rows = batch->offsets[batch->n_sequences];
  size_t longest = 0;
  for (size_t s = 0; s < batch->n_sequences; s++)
    if (batch->offsets[s + 1] - batch->offsets[s] > longest) longest = batch->offsets[s + 1] - batch->offsets[s];
  Pass pass;
  Error err = {0};
  if (pass_init(&pass, &model->config, rows, longest, keeps ? KEEP_BLOCKS : KEEP_NOTHING, &err) != STATUS_OK) bail_out(&err);
  recording_pass(model, batch, &pass, first_row, r);
  pass_clear(&pass);
}

#endif
