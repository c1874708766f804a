/* What each value of fathom drift must see of each truth, and what it is blind to. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const char *const calibrate_truths[CALIBRATE_TRUTHS] = {"nothing", "noise", "rotation", "translation", "rank one"};

/* How far a value may be from that of identical models where nothing but rounding changed. Activations that should be the same agree
 * within 1e-5 of their size (the independence of batches that recordings promise), and what grows as the change does is held to that; what
 * grows as its square is held to 1e-6, the error that the measures' products of rows may have; the distances of Procrustes are roots of
 * such products. Other numbers are their own unit's: */
#define ROUNDED 1e-5
#define ROUNDED_SQUARE 1e-6
#define ROUNDED_ROOT 1e-3
#define DIVERGED 1e-9  /* nats: the square of a rounded logit, and some */
#define NEIGHBOURS 2e-3 /* one row of a hundred swaps one neighbour of ten */
#define PROBED 0.02    /* a share of an accuracy: the fit of a probe ends within its own tolerance */
#define AS_ONE 0.99    /* coherence of a cloud that moved as one; no other change may reach it */

static const char unknown[] = "undefined, or not known beforehand", stream[] = "reads the residual stream alone",
                  spectra[] = "may go either way";

/* Noise and a change of rank one make some directions larger and others smaller: the number of directions may rise or fall, by as little as
 * nothing, and with more noise turn about. A change of rank one is neither along one vector for every row nor without a favourite one: its coherence is not known. A head reads the
 * stream, not the values of a block. A probe may do as well or worse where noise, a translation or one direction was added. */
#define S CLAIM_SEES
#define B CLAIM_BLIND
#define N CLAIM_NOTHING
#define ONE CLAIM_ONE
const CalibrateRule calibrate_rules[] = {
    /*                                                          nothing noise rotation translation rank one */
    {"cka", NULL, 1, ROUNDED_SQUARE,                            {B, S, B, B, S}, NULL},
    {"cka_biased", NULL, 1, ROUNDED_SQUARE,                     {B, S, B, B, S}, NULL},
    {"procrustes", NULL, 0, ROUNDED_ROOT,                       {B, S, B, B, S}, NULL},
    {"procrustes_angle", NULL, 0, ROUNDED_ROOT,                 {B, S, B, B, S}, NULL},
    {"procrustes_held_out", NULL, 0, ROUNDED_ROOT,              {B, S, B, B, S}, NULL},
    {"cosine", NULL, 0, ROUNDED_SQUARE,                         {B, S, S, S, S}, NULL},
    {"cosine_centred", NULL, 0, ROUNDED_SQUARE,                 {B, S, S, S, S}, NULL},
    {"relative_l2", NULL, 0, ROUNDED,                           {B, S, S, S, S}, NULL},
    {"coherence", NULL, 0, AS_ONE,                              {N, B, B, S, N}, unknown},
    {"subspace", NULL, 1, ROUNDED_SQUARE,                       {B, S, S, B, S}, NULL},
    {"subspace_angle", NULL, 0, ROUNDED,                        {B, S, S, B, S}, NULL},
    {"subspace_angle_mean", NULL, 0, ROUNDED,                   {B, S, S, B, S}, NULL},
    {"effective_rank_y", "effective_rank_x", 0, ROUNDED,        {B, N, B, B, N}, spectra},
    {"effective_rank_change", NULL, 0, INFINITY,                {N, N, N, N, ONE}, unknown},
    {"participation_y", "participation_x", 0, ROUNDED,          {B, N, B, B, N}, spectra},
    {"participation_change", NULL, 0, INFINITY,                 {N, N, N, N, ONE}, unknown},
    {"knn", NULL, 1, NEIGHBOURS,                                {B, S, B, S, S}, NULL},
    {"rsa", NULL, 1, ROUNDED,                                   {B, S, S, S, S}, NULL},
    {"lens_kl", NULL, 0, DIVERGED,                              {B, S, N, S, S}, stream},
    {"probe_transfer", "probe_frozen", 0, PROBED,               {B, N, S, N, N}, unknown},
    {"probe_refit", "probe_frozen", 0, PROBED,                  {B, N, B, B, N}, unknown},
    {0}};
#undef S
#undef B
#undef N
#undef ONE

size_t calibrate_count_rules(void) {
  size_t n = 0;
  while (calibrate_rules[n].measure) n++;
  return n;
}

char *calibrate_measures(void) {
  char *list = mem_copy_string("");
  for (const CalibrateRule *rule = calibrate_rules; rule->measure; rule++) {
    const char *const beside = rule->beside && !strstr(list, rule->beside) ? rule->beside : NULL;
    char *longer = mem_format("%s%s%s%s%s", list, list[0] ? "," : "", rule->measure, beside ? "," : "", beside ? beside : "");
    free(list);
    list = longer;
  }
  return list;
}

double calibrate_distance(const CalibrateRule *rule, const CalibrateReading *r) {
  return fabs(r->value - r->identical) / (rule->beside ? fabs(r->identical) : 1);
}

bool calibrate_speaks(const CalibrateRule *rule, const CalibrateReading *r) {
  const double most = rule->tolerance * (rule->beside ? fabs(r->identical) : 1);
  if (!(calibrate_distance(rule, r) > rule->tolerance)) return false; /* so is NaN: nothing is said */
  if (!isfinite(r->lo) || !isfinite(r->hi)) return true;
  return r->lo > r->identical + most || r->hi < r->identical - most;
}

static char *in_words(const CalibrateRule *rule, CalibrateClaim claim, const CalibrateReading *r) {
  const double most = rule->tolerance * (rule->beside ? fabs(r->identical) : 1);
  if (claim == CLAIM_NOTHING) return mem_copy_string(rule->unasked);
  if (r->identical == 0) return mem_format("%s %.2g", claim == CLAIM_SEES ? "more than" : "at most", most);
  return mem_format(claim == CLAIM_SEES ? "off %.6g by more than %.2g" : "%.6g +- %.2g", r->identical, most);
}

CalibrateVerdict calibrate_judge(const CalibrateRule *rule, CalibrateClaim claim, const CalibrateReading *r, char **expected) {
  static const double CLOSE_TO_ONE = 0.01;
  const bool speaks = calibrate_speaks(rule, r);
  if (claim == CLAIM_ONE) {
    *expected = mem_format("1 +- %g", CLOSE_TO_ONE);
    return fabs(r->value - 1) <= CLOSE_TO_ONE ? CALIBRATE_FOUND : CALIBRATE_MISSED;
  }
  *expected = in_words(rule, claim, r);
  if (claim == CLAIM_NOTHING) return CALIBRATE_NOT_ASKED;
  if (isnan(calibrate_distance(rule, r))) return CALIBRATE_MISSED; /* every claim is of a number */
  if (claim == CLAIM_SEES) return speaks ? CALIBRATE_FOUND : CALIBRATE_MISSED;
  return speaks ? CALIBRATE_FALSE_ALARM : CALIBRATE_BLIND;
}
