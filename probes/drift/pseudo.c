/* Pseudo-values of debiased CKA: delete-one-sample values on the scale of atanh. */
#include "probes/drift/pseudo.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>

double cka_ratio(double xy, double xx, double yy) { return xx > 0 && yy > 0 ? xy / sqrt(xx * yy) : NAN; }

/* NULL where one of them is undefined. */
static double *pseudo_values(size_t n, const double lead[3], const double *const pull[3], IntervalScale scale) {
  double *pseudo = mem_alloc(n, sizeof *pseudo);
  const double whole = cka_ratio(lead[0], lead[1], lead[2]);
  bool defined = isfinite(whole);
  for (size_t s = 0; s < n && defined; s++) {
    const double left = cka_ratio(lead[0] - 2 * pull[0][s], lead[1] - 2 * pull[1][s], lead[2] - 2 * pull[2][s]);
    pseudo[s] = (double)(n - 1) * (scale == SCALE_ATANH ? atanh(whole) - atanh(left) : whole - left);
    defined = isfinite(pseudo[s]);
  }
  if (defined) {
    pseudo_centre(n, pseudo);
    return pseudo;
  }
  free(pseudo);
  return NULL;
}

void cka_pseudo(size_t n, const double lead[3], const double *const pull[3], Estimate *e) {
  e->scale = SCALE_NONE;
  if (isnan(e->value)) return;
  e->centre = atanh(e->value);
  if (isfinite(e->centre)) e->pseudo = pseudo_values(n, lead, pull, SCALE_ATANH);
  if (e->pseudo) {
    e->scale = SCALE_ATANH;
    return;
  }
  e->centre = e->value; /* at or beyond 1 */
  e->pseudo = pseudo_values(n, lead, pull, SCALE_RAW);
  if (e->pseudo) e->scale = SCALE_RAW;
}
