/* Layouts whose rows hold several answers and say by a number which of them is the better one. */
#include "base/options.h"
#include "text/pairs/rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The conversation of a key, with each of the two answers behind it. */
static Status answer_both(const PairSource *from, const char *key, const char *chosen, const char *rejected,
                          PairRow *pair, Error *err) {
  const char *const answers[] = {chosen, rejected};
  Status status = STATUS_OK;
  for (size_t i = 0; i < 2 && status == STATUS_OK; i++) {
    status = conversation_add_key(from->at, from->row, key, "user", &pair->sides[i], err);
    if (status == STATUS_OK) conversation_add(&pair->sides[i], "assistant", answers[i]);
  }
  return status;
}

/* Two answers of which the row says the better one: better = 0, 1, or -1 for neither. */
static Status choose(const PairSource *from, const char *key, const char *const answer_keys[2], int better,
                     PairRow *pair, Error *err) {
  const char *answers[2] = {NULL, NULL};
  for (size_t i = 0; i < 2; i++) {
    const Status status = json_need_string(from->row, answer_keys[i], from->at->where, &answers[i], err);
    if (status != STATUS_OK) return status;
  }
  pair->is_tied = better < 0;
  return pair->is_tied ? STATUS_OK : answer_both(from, key, answers[better], answers[1 - better], pair, err);
}

/* A whole number in [least, most] under key, which must be there; *is_null where it is null. */
static Status read_verdict(const PairSource *from, const char *key, int least, int most, int *verdict, bool *is_null,
                           Error *err) {
  const Json *node = json_get(from->row, key);
  const double number = json_number(node, NAN);
  *is_null = json_is_null(node);
  *verdict = 0;
  if (*is_null) return STATUS_OK;
  if (!(number >= least && number <= most && number == floor(number)))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is %s, expected a whole number from %d to %d", from->at->where, key,
                     !node                  ? "missing"
                     : json_is_number(node) ? "another number"
                                            : "no number",
                     least, most);
  *verdict = (int)number;
  return STATUS_OK;
}

bool fits_pku(const Json *row) {
  return json_get(row, "prompt") && json_get(row, "response_0") && json_get(row, "response_1") &&
         (json_get(row, "safer_response_id") || json_get(row, "better_response_id"));
}

/* The id of the safer or of the better answer; -1 where neither is. */
Status read_pku(const PairSource *from, PairRow *pair, Error *err) {
  static const char *const answers[] = {"response_0", "response_1"};
  int id;
  bool is_null;
  const Status status =
      read_verdict(from, from->by_help ? "better_response_id" : "safer_response_id", -1, 1, &id, &is_null, err);
  return status == STATUS_OK ? choose(from, "prompt", answers, is_null ? -1 : id, pair, err) : status;
}

bool fits_pku_list(const Json *row) { return json_get(row, "prompt") && json_is_array(json_get(row, "response")); }

Status read_pku_list(const PairSource *from, PairRow *pair, Error *err) {
  const Json *list = json_get(from->row, "response");
  const char *safer = json_string(json_at(list, 0), NULL), *other = json_string(json_at(list, 1), NULL);
  if (from->by_help)
    return error_set(err, STATUS_DATA, "%s: \"response\" says which answer is safer, not which is better",
                     from->at->where);
  if (json_count(list) != 2 || !safer || !other)
    return error_set(err, STATUS_DATA, "%s: \"response\" is no list of two strings", from->at->where);
  return answer_both(from, "prompt", safer, other, pair, err);
}

bool fits_helpsteer(const Json *row) {
  return json_get(row, "context") && json_get(row, "response1") && json_get(row, "response2") &&
         json_get(row, "overall_preference");
}

/* -3, -2, -1: the first answer is the better one, 1, 2, 3: the second; 0: about the same. */
Status read_helpsteer(const PairSource *from, PairRow *pair, Error *err) {
  static const char *const answers[] = {"response1", "response2"};
  int preference;
  bool is_null;
  const Status status = read_verdict(from, "overall_preference", -3, 3, &preference, &is_null, err);
  const int better = preference < 0 ? 0 : preference > 0 ? 1 : -1;
  return status == STATUS_OK ? choose(from, "context", answers, better, pair, err) : status;
}

bool fits_auto_j(const Json *row) {
  return json_get(row, "prompt") && json_get(row, "response 1") && json_get(row, "response 2") &&
         json_get(row, "label");
}

/* 0: the first answer is the better one, 1: the second, 2: a tie. */
Status read_auto_j(const PairSource *from, PairRow *pair, Error *err) {
  static const char *const answers[] = {"response 1", "response 2"};
  int label;
  bool is_null;
  const Status status = read_verdict(from, "label", 0, 2, &label, &is_null, err);
  return status == STATUS_OK ? choose(from, "prompt", answers, is_null || label == 2 ? -1 : label, pair, err) : status;
}

/* The best and the worst of scored answers, the first of equals. */
typedef struct Extremes {
  const char *best, *worst;
  double highest, lowest;
} Extremes;

static void consider(Extremes *e, const char *answer, double score) {
  if (!e->best || score > e->highest) {
    e->best = answer;
    e->highest = score;
  }
  if (!e->worst || score < e->lowest) {
    e->worst = answer;
    e->lowest = score;
  }
}

static Status answer_extremes(const PairSource *from, const char *key, const Extremes *e, PairRow *pair, Error *err) {
  pair->is_tied = !e->best || e->highest == e->lowest;
  return pair->is_tied ? STATUS_OK : answer_both(from, key, e->best, e->worst, pair, err);
}

bool fits_ultrafeedback(const Json *row) {
  return json_get(row, "instruction") && json_is_array(json_get(row, "completions"));
}

/* The highest overall score against the lowest. A completion without a score, as "N/A", is passed over. */
Status read_ultrafeedback(const PairSource *from, PairRow *pair, Error *err) {
  Extremes extremes = {0};
  const Json *list = json_get(from->row, "completions");
  for (const Json *node = json_first(list); node; node = json_next(node)) {
    const Json *score = json_get(node, "overall_score");
    const char *answer = json_string(json_get(node, "response"), NULL);
    double value = json_number(score, NAN);
    if (!answer) return error_set(err, STATUS_DATA, "%s: a completion has no string \"response\"", from->at->where);
    if (!json_is_string(score) || parse_real(json_string(score, ""), &value))
      if (isfinite(value)) consider(&extremes, answer, value);
  }
  return answer_extremes(from, "instruction", &extremes, pair, err);
}

/* BIG-bench's prompts begin with the user's words and may go on with "\n\nAssistant: ..." and "\n\nHuman: ...". */
static Status answer_input(const PairSource *from, const Extremes *e, PairRow *pair, Error *err) {
  const char *input = NULL;
  const Status status = json_need_string(from->row, "input", from->at->where, &input, err);
  if (status != STATUS_OK) return status;
  pair->is_tied = !e->best || e->highest == e->lowest;
  for (size_t i = 0; i < 2 && !pair->is_tied; i++) {
    conversation_add_transcript(from->at, input, "\n\n", &pair->sides[i]);
    conversation_add(&pair->sides[i], "assistant", i ? e->worst : e->best);
  }
  return STATUS_OK;
}

bool fits_hhh(const Json *row) {
  const Json *targets = json_get(row, "targets");
  return json_get(row, "input") && json_is_array(json_get(targets, "choices")) &&
         json_is_array(json_get(targets, "labels"));
}

Status read_hhh(const PairSource *from, PairRow *pair, Error *err) {
  Extremes extremes = {0};
  const Json *targets = json_get(from->row, "targets"), *label = json_first(json_get(targets, "labels"));
  for (const Json *choice = json_first(json_get(targets, "choices")); choice; choice = json_next(choice)) {
    const double value = json_number(label, NAN);
    if (!json_is_string(choice) || !isfinite(value))
      return error_set(err, STATUS_DATA, "%s: \"targets\" holds a choice that is no string, or has no label",
                       from->at->where);
    consider(&extremes, json_string(choice, ""), value);
    label = json_next(label);
  }
  if (label) return error_set(err, STATUS_DATA, "%s: \"targets\" holds more labels than choices", from->at->where);
  return answer_input(from, &extremes, pair, err);
}

bool fits_big_bench(const Json *row) {
  return json_get(row, "input") && json_is_object(json_get(row, "target_scores"));
}

Status read_big_bench(const PairSource *from, PairRow *pair, Error *err) {
  Extremes extremes = {0};
  for (const Json *score = json_first(json_get(from->row, "target_scores")); score; score = json_next(score)) {
    const double value = json_number(score, NAN);
    if (!isfinite(value))
      return error_set(err, STATUS_DATA, "%s: \"target_scores\" holds what is no number", from->at->where);
    consider(&extremes, json_key(score), value);
  }
  return answer_input(from, &extremes, pair, err);
}
