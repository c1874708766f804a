/* Writing run.h5. */
#include "train/runlog.h"

#include "base/memory.h"
#include "base/sitename.h"
#include "train/values_log.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool is_log_spaced(size_t step, size_t n_steps) { return step == n_steps || (step & (step - 1)) == 0; }

static Status write_sites(Result *run, size_t n_layers, Error *err) {
  char **names = mem_alloc(n_layers, sizeof *names);
  for (size_t l = 0; l < n_layers; l++) names[l] = site_name_format("resid_post", (int)l);
  Status status = result_write_strings(run, "train/sites", (const char *const *)names, n_layers, err);
  if (status == STATUS_OK) status = result_write_strings(run, "drift/sites", (const char *const *)names, n_layers, err);
  for (size_t l = 0; l < n_layers; l++) free(names[l]);
  free(names);
  return status;
}

/* How many entries of an array of step numbers are at most `step`. */
static Status entries_up_to(Result *run, const char *name, size_t step, size_t *n, Error *err) {
  size_t rank, shape[RESULT_MAX_RANK];
  double *steps;
  *n = 0;
  if (!result_has(run, name)) return STATUS_OK;
  const Status status = result_read_array(run, name, &rank, shape, &steps, err);
  if (status != STATUS_OK) return status;
  while (*n < shape[0] && steps[*n] <= (double)step) ++*n;
  free(steps);
  return STATUS_OK;
}

/* Cuts back everything logged after `step`. */
static Status cut_back(Result *run, size_t step, Error *err) {
  static const char *const groups[] = {"train/", "eval/", "drift/", "probe/", "values/"};
  char **names = NULL;
  size_t n_names = 0;
  Status status = result_list(run, &names, &n_names, err);
  for (size_t g = 0; g < sizeof groups / sizeof groups[0] && status == STATUS_OK; g++) {
    char steps[32];
    size_t kept;
    snprintf(steps, sizeof steps, "%sstep", groups[g]);
    status = entries_up_to(run, steps, step, &kept, err);
    if (status == STATUS_OK && g == 0 && kept != step)
      status = error_set(err, STATUS_DATA, "run.h5: %zu steps are logged, the checkpoint is after %zu", kept, step);
    for (size_t i = 0; i < n_names && status == STATUS_OK; i++) {
      const char *name = names[i], *own = name + strlen(groups[g]);
      if (strncmp(name, groups[g], strlen(groups[g])) != 0 || strcmp(own, "sites") == 0 || strcmp(own, "scale") == 0 ||
          values_log_is_fixed(name))
        continue;
      status = result_truncate(run, name, kept, err);
    }
  }
  string_list_free(names, n_names);
  return status;
}

Status runlog_open(const char *path, const Provenance *from, bool resume, size_t keep_steps, const Anchor *anchor,
                   Result **out, Error *err) {
  Status status;
  *out = NULL;
  if (resume) {
    status = result_reopen(path, out, err);
    if (status == STATUS_OK) status = cut_back(*out, keep_steps, err);
  } else {
    status = result_create_in_place(path, anchor ? "run" : "lm-run", from, out, err);
    if (status == STATUS_OK && anchor) status = write_sites(*out, anchor->n_layers, err);
    if (status == STATUS_OK && anchor)
      status = result_write_array(*out, "train/scale", 1, &anchor->n_layers, anchor->scale, err);
  }
  if (status == STATUS_OK) status = result_flush(*out, err);
  if (status != STATUS_OK) {
    result_close(*out);
    *out = NULL;
  }
  return status;
}

Status runlog_value(Result *run, const char *name, bool last, double *value, Error *err) {
  size_t rank, shape[RESULT_MAX_RANK];
  double *values;
  *value = NAN;
  if (!result_has(run, name)) return STATUS_OK;
  const Status status = result_read_array(run, name, &rank, shape, &values, err);
  if (status != STATUS_OK) return status;
  if (shape[0] > 0) *value = values[last ? shape[0] - 1 : 0];
  free(values);
  return STATUS_OK;
}

typedef struct Field {
  const char *name;
  double value;
} Field;

static Status append_fields(Result *run, const Field *fields, size_t n, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    status = result_append(run, fields[i].name, 0, NULL, &fields[i].value, err);
  return status;
}

Status runlog_step(Result *run, const StepRecord *r, size_t n_layers, Error *err) {
  const Field fields[] = {{"train/step", (double)r->step},
                          {"train/loss", r->loss.total},
                          {"train/bt_loss", r->loss.bt},
                          {"train/anchor", r->loss.anchor},
                          {"train/accuracy", r->accuracy},
                          {"train/margin", r->margin},
                          {"train/reward_mean", r->reward_mean},
                          {"train/grad_norm", r->grad_norm},
                          {"train/learning_rate", r->learning_rate},
                          {"train/tokens", r->tokens}};
  const Field centring = {"train/centring", r->loss.centring}, sft = {"train/sft_loss", r->loss.sft},
              l2_sp = {"train/l2_sp", r->loss.l2_sp};
  Status status = append_fields(run, fields, sizeof fields / sizeof fields[0], err);
  if (status == STATUS_OK && r->has_centring) status = append_fields(run, &centring, 1, err);
  if (status == STATUS_OK && r->has_sft) status = append_fields(run, &sft, 1, err);
  if (status == STATUS_OK && r->has_l2_sp) status = append_fields(run, &l2_sp, 1, err);
  return status == STATUS_OK ? result_append(run, "train/drift", 1, &n_layers, r->drift, err) : status;
}

Status runlog_eval(Result *run, const EvalRecord *r, Error *err) {
  const Field fields[] = {{"eval/step", (double)r->step},
                          {"eval/accuracy", r->accuracy},
                          {"eval/margin", r->margin},
                          {"eval/bt_loss", r->bt_loss}};
  return append_fields(run, fields, sizeof fields / sizeof fields[0], err);
}

Status runlog_lm_step(Result *run, const LmStepRecord *r, Error *err) {
  const Field fields[] = {{"train/step", (double)r->step},
                          {"train/loss", r->loss},
                          {"train/grad_norm", r->grad_norm},
                          {"train/learning_rate", r->learning_rate},
                          {"train/tokens", r->tokens}};
  return append_fields(run, fields, sizeof fields / sizeof fields[0], err);
}

Status runlog_lm_eval(Result *run, size_t step, double loss, Error *err) {
  const Field fields[] = {{"eval/step", (double)step}, {"eval/loss", loss}, {"eval/perplexity", exp(loss)}};
  return append_fields(run, fields, sizeof fields / sizeof fields[0], err);
}

Status runlog_probe(Result *run, size_t step, double mean_drift, Error *err) {
  const Field fields[] = {{"probe/step", (double)step}, {"probe/drift", mean_drift}};
  return append_fields(run, fields, sizeof fields / sizeof fields[0], err);
}

/* A run that was killed while its model was saved has an end already, and comes to the same. */
Status runlog_end(Result *run, const char *reason, size_t step, double mean_drift, const char *token_rule, Error *err) {
  const size_t one = 1;
  if (result_has(run, "end/reason")) return STATUS_OK;
  Status status = result_write_array(run, "end/step", 1, &one, &(double){(double)step}, err);
  if (status == STATUS_OK && token_rule) status = result_write_array(run, "end/drift", 1, &one, &mean_drift, err);
  if (status == STATUS_OK && token_rule) status = result_write_strings(run, "end/tokens", &token_rule, 1, err);
  return status == STATUS_OK ? result_write_strings(run, "end/reason", &reason, 1, err) : status;
}

Status runlog_end_drift(Result *run, const char *path, const char *token_rule, double *mean_drift, Error *err) {
  char **rule = NULL;
  size_t n = 0;
  Status status = runlog_value(run, "end/drift", true, mean_drift, err);
  if (status == STATUS_OK && !(*mean_drift > 0))
    status = error_set(err, STATUS_DATA, "%s: a run that is not finished, or did not drift, expected one to match", path);
  if (status == STATUS_OK && result_has(run, "end/tokens")) status = result_read_strings(run, "end/tokens", &rule, &n, err);
  if (status == STATUS_OK && n == 1 && strcmp(rule[0], token_rule) != 0)
    status = error_set(err, STATUS_DATA, "%s: its drift is of --anchor-tokens %s, expected %s as in this run", path, rule[0],
                       token_rule);
  string_list_free(rule, n);
  return status;
}

Status runlog_drift(Result *run, size_t step, const char *const *names, const double *values, size_t n_names,
                    size_t n_layers, Error *err) {
  const Field at = {"drift/step", (double)step};
  Status status = append_fields(run, &at, 1, err);
  for (size_t i = 0; i < n_names && status == STATUS_OK; i++) {
    char name[64];
    snprintf(name, sizeof name, "drift/%s", names[i]);
    status = result_append(run, name, 1, &n_layers, values + i * n_layers, err);
  }
  return status;
}
