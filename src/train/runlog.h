/* run.h5 of a training run: a row a step under /train, evaluations and full drift measures at log-spaced steps under
 * /eval and /drift, the mean relative drift of the probe set under /probe wherever it was measured, /values (values_log.h), and
 * /end. Of a language model, whose drift nothing measures, /train, /eval and /end alone. */
#ifndef FATHOM_TRAIN_RUNLOG_H
#define FATHOM_TRAIN_RUNLOG_H

#include "store/result.h"
#include "train/step.h"

typedef struct StepRecord {
  size_t step;    /* counted from 1; its numbers are those of the batch before its update */
  LossParts loss; /* centring, sft and l2_sp are logged where they are on */
  bool has_centring, has_sft, has_l2_sp;
  double accuracy, margin, reward_mean, grad_norm, learning_rate, tokens;
  const double *drift; /* [L] */
} StepRecord;

typedef struct EvalRecord {
  size_t step; /* updates made so far; 0 = the untrained head on the frozen model */
  double accuracy, margin, bt_loss;
} EvalRecord;

/* Of a language model's run; losses are nats a token. */
typedef struct LmStepRecord {
  size_t step;
  double loss, grad_norm, learning_rate, tokens;
} LmStepRecord;

/* Steps after which the model is evaluated: 0, 1, 2, 4, 8, ... and the last. */
bool is_log_spaced(size_t step, size_t n_steps);

/* Starts run.h5, or with resume goes on with one, cut back to keep_steps steps. anchor NULL: of a language model, the kind
 * "lm-run". */
Status runlog_open(const char *path, const Provenance *from, bool resume, size_t keep_steps, const Anchor *anchor,
                   Result **out, Error *err);
/* The first or last entry of a logged array, NaN where there is none. */
Status runlog_value(Result *run, const char *name, bool last, double *value, Error *err);

Status runlog_step(Result *run, const StepRecord *record, size_t n_layers, Error *err);
Status runlog_eval(Result *run, const EvalRecord *record, Error *err);
Status runlog_lm_step(Result *run, const LmStepRecord *record, Error *err);
Status runlog_lm_eval(Result *run, size_t step, double loss, Error *err); /* and the perplexity e^loss */

/* mean_drift of the probe set after `step` updates. */
Status runlog_probe(Result *run, size_t step, double mean_drift, Error *err);

/* Why, after which step and at which drift of the probe set the run ended; of the tokens of which rule (NULL: no drift). */
Status runlog_end(Result *run, const char *reason, size_t step, double mean_drift, const char *token_rule, Error *err);

/* The drift that a finished run ended at, of the tokens of a rule: STATUS_DATA where it was not finished, did not drift
 * or counted other tokens. path is for the message. */
Status runlog_end_drift(Result *run, const char *path, const char *token_rule, double *mean_drift, Error *err);

/* values[measure][layer] of every drift measure at a step; names are the measures' own. */
Status runlog_drift(Result *run, size_t step, const char *const *names, const double *values, size_t n_names,
                    size_t n_layers, Error *err);

#endif
