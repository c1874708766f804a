/* What each value of fathom drift must see of each truth, and what it is blind to. */
#include "command/calibrate.h"

#include <math.h>

const char *const calibrate_truths[CALIBRATE_TRUTHS] = {"nothing", "noise", "rotation", "translation", "rank one"};

const char calibrate_measures[] =
    "cka,cka_biased,procrustes,procrustes_angle,cosine,cosine_centred,relative_l2,coherence,subspace,subspace_angle,"
    "subspace_angle_mean,effective_rank_x,effective_rank_y,effective_rank_change,participation_x,participation_y,participation_change,"
    "knn,rsa,lens_kl";

/* Coherence is held to .99: the whole cloud was moved as one. Procrustes distances are roots of rounded numbers near 0. knn may lose a
 * neighbour to rounding. Noise may move
 * an effective rank either way. Spectra of the change are read where it is of rank one: of rounding they mean nothing. */
#define S CLAIM_SEES
#define B CLAIM_BLIND
#define N CLAIM_NOTHING
#define ONE CLAIM_ONE
const CalibrateRule calibrate_rules[] = {
    /*                                                         nothing noise rotation translation rank one */
    {"cka", NULL, 1, 1e-6,                                     {B, S, B, B, S}},
    {"cka_biased", NULL, 1, 1e-6,                              {B, S, B, B, S}},
    {"procrustes", NULL, 0, 5e-4,                              {B, S, B, B, S}},
    {"procrustes_angle", NULL, 0, 5e-4,                        {B, S, B, B, S}},
    {"cosine", NULL, 0, 1e-6,                                  {B, S, S, S, S}},
    {"cosine_centred", NULL, 0, 1e-6,                          {B, S, S, S, S}},
    {"relative_l2", NULL, 0, 1e-5,                             {B, S, S, S, S}},
    {"coherence", NULL, 0, 0.99,                               {N, B, B, S, N}},
    {"subspace", NULL, 1, 1e-5,                                {B, S, S, B, S}},
    {"subspace_angle", NULL, 0, 1e-3,                          {B, S, S, B, S}},
    {"subspace_angle_mean", NULL, 0, 1e-3,                     {B, S, S, B, S}},
    {"effective_rank_y", "effective_rank_x", 0, 1e-4,          {B, N, B, B, N}},
    {"effective_rank_change", NULL, 0, INFINITY,               {N, N, N, N, ONE}},
    {"participation_y", "participation_x", 0, 1e-4,            {B, S, B, B, N}},
    {"participation_change", NULL, 0, INFINITY,                {N, N, N, N, ONE}},
    {"knn", NULL, 1, 5e-3,                                     {B, S, B, S, S}},
    {"rsa", NULL, 1, 1e-4,                                     {B, S, S, S, S}},
    {"lens_kl", NULL, 0, 1e-9,                                 {B, S, N, S, S}},
    {0}};
#undef S
#undef B
#undef N
#undef ONE

bool calibrate_speaks(const CalibrateRule *rule, const CalibrateReading *r) {
  const double most = rule->tolerance * (rule->beside ? fabs(r->identical) : 1);
  if (!(fabs(r->value - r->identical) > most)) return false; /* so is NaN: nothing is said */
  if (!isfinite(r->lo) || !isfinite(r->hi)) return true;
  return r->lo > r->identical + most || r->hi < r->identical - most;
}

CalibrateVerdict calibrate_judge(const CalibrateRule *rule, CalibrateClaim claim, const CalibrateReading *r,
                                 const char **expected) {
  static const double CLOSE_TO_ONE = 0.05;
  const bool speaks = calibrate_speaks(rule, r);
  *expected = claim == CLAIM_ONE ? "1" : claim == CLAIM_SEES ? "seen" : "not seen";
  if (isnan(r->value)) return CALIBRATE_MISSED; /* where there are rows, every claim is of a number */
  if (claim == CLAIM_ONE) return fabs(r->value - 1) <= CLOSE_TO_ONE ? CALIBRATE_FOUND : CALIBRATE_MISSED;
  if (claim == CLAIM_SEES) return speaks ? CALIBRATE_FOUND : CALIBRATE_MISSED;
  return speaks ? CALIBRATE_FALSE_ALARM : CALIBRATE_BLIND;
}
