/* The same answers behind no prompt, or another pair's: what of an accuracy is about the prompt? */
#include "base/log.h"
#include "base/memory.h"
#include "command/eval/eval.h"
#include "text/pairs/turns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const words[EVAL_ABLATIONS] = {"prompt", "shuffle"};

Status eval_ablations_parse(const char *list, bool chosen[EVAL_ABLATIONS], Error *err) {
  memset(chosen, 0, EVAL_ABLATIONS * sizeof *chosen);
  while (list && *list) {
    const size_t length = strcspn(list, ",");
    size_t found = EVAL_ABLATIONS;
    for (size_t i = 0; i < EVAL_ABLATIONS; i++)
      if (strlen(words[i]) == length && strncmp(words[i], list, length) == 0) found = i;
    if (found == EVAL_ABLATIONS)
      return error_set(err, STATUS_USAGE, "--ablate %.*s: expected prompt, shuffle or prompt,shuffle", (int)length,
                       list);
    chosen[found] = true;
    list += length + (list[length] == ',');
  }
  return STATUS_OK;
}

/* rewards [n, 2] of changed pairs; a pair that is over the length limit with its new prompt has NaN. */
static Status score_pairs(const Inputs *in, const SampleSet *changed, size_t max_length, size_t batch_tokens,
                          double *rewards, Error *err) {
  const Sample **list = mem_alloc(changed->count, sizeof *list);
  double *scored = mem_alloc(changed->count, sizeof *scored);
  bool *fits = mem_alloc(changed->count / 2, sizeof *fits);
  size_t n = 0;
  for (size_t i = 0; i < changed->count; i += 2) {
    const Sample *pair = changed->items + i;
    fits[i / 2] = !max_length || (pair[0].n_tokens <= max_length && pair[1].n_tokens <= max_length);
    if (fits[i / 2]) list[n++] = &pair[0], list[n++] = &pair[1];
  }
  const Status status = n ? eval_score(in, list, n, batch_tokens, scored, err) : STATUS_OK;
  n = 0;
  for (size_t i = 0; i < changed->count; i++) rewards[i] = fits[i / 2] ? scored[n++] : NAN;
  free(list);
  free(scored);
  free(fits);
  return status;
}

Status eval_ablate(const Inputs *in, const SampleRules *rules, EvalAblation which, size_t batch_tokens, uint64_t seed,
                   EvalSet *set, Error *err) {
  SampleSet changed;
  set->ablated[which] = mem_alloc(2 * set->n, sizeof(double));
  if (which == EVAL_SHUFFLED && !pairs_can_shuffle_prompts(&in->samples)) {
    for (size_t i = 0; i < 2 * set->n; i++) set->ablated[which][i] = NAN;
    log_warn("--ablate shuffle: left out for these %zu pairs: more than half of them have the same prompt", set->n);
    return STATUS_OK;
  }
  Status status = pairs_change_prompts(&in->samples, rules, which == EVAL_NO_PROMPT ? PROMPT_REMOVED : PROMPT_SHUFFLED,
                                       seed, &changed, err);
  if (status != STATUS_OK) return error_prefix(err, "--ablate %s", words[which]);
  status = score_pairs(in, &changed, rules->max_length, batch_tokens, set->ablated[which], err);
  samples_clear(&changed);
  return status;
}

/* The pairs that could be scored both ways: accuracies, agreement, and the points that go with the prompt. */
EvalAblated eval_ablated_row(const EvalSet *set, EvalAblation which, size_t n_resamples, uint64_t seed) {
  const double *changed = set->ablated[which];
  double *with = mem_alloc(set->n, sizeof *with), *without = mem_alloc(set->n, sizeof *without), sum = 0, same = 0;
  size_t n = 0;
  for (size_t i = 0; i < set->n; i++) {
    if (isnan(changed[2 * i])) continue;
    with[n] = pair_correct(set->rewards[2 * i], set->rewards[2 * i + 1]);
    without[n] = pair_correct(changed[2 * i], changed[2 * i + 1]);
    sum += without[n];
    same += with[n] == without[n];
    n++;
  }
  const TransferSet pairs = {.n_pairs = n, .student = with, .reference = without};
  TransferGain gain;
  TransferSummary summary;
  transfer_gains(&pairs, 1, 0, n_resamples, seed, &gain, &summary);
  free(with);
  free(without);
  return (EvalAblated){.n = (double)n,
                       .accuracy = wilson_interval(sum, (double)n),
                       .same = n ? same / (double)n : NAN,
                       .lost = gain.gain};
}
