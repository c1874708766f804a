/* The table of drift measures: a new one is a file and a line here. */
#include "probes/drift/measure.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const Measure *const measures[] = {
    &measure_cka,         &measure_procrustes,     &measure_cosine, &measure_relative_l2, &measure_coherence,
    &measure_subspace,    &measure_effective_rank, &measure_knn,    &measure_rsa,         &measure_lens_kl,
    &measure_probe_transfer, &measure_procrustes_held_out, NULL,
};

const Measure *measure_find(const char *value_name, size_t *index) {
  for (size_t m = 0; measures[m]; m++)
    for (size_t v = 0; v < measures[m]->n_values; v++)
      if (strcmp(measures[m]->values[v].name, value_name) == 0) {
        *index = v;
        return measures[m];
      }
  return NULL;
}

bool is_constant(double centred_square, double raw_square) { return !(centred_square > 1e-26 * raw_square); }

Status settle_nothing(void *state, Error *err) {
  (void)state, (void)err;
  return STATUS_OK;
}

void sums_add(size_t n, const double *from, double *into) {
  for (size_t i = 0; from && i < n; i++) into[i] += from[i];
}

/* Delete-one values of the ratio itself; the log and the power count to first order. */
void estimate_of_ratio(const Ratio *r, size_t n, Estimate *e) {
  e->scale = SCALE_LOG;
  e->centre = log(e->value);
  e->pseudo = mem_alloc(n, sizeof *e->pseudo);
  double mean = 0;
  for (size_t s = 0; s < n && r->over > 0; s++) {
    const double left = (1 - r->part_over[s] / r->over) / (1 - r->part_under[s] / r->under);
    e->pseudo[s] = r->power * (double)(n - 1) * (1 - left);
    mean += e->pseudo[s] / (double)n;
  }
  pseudo_centre(n, e->pseudo);
  e->centre += mean;
  if (isfinite(mean)) return;
  free(e->pseudo);
  *e = (Estimate){.value = e->value};
}

void pseudo_centre(size_t n, double *pseudo) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += pseudo[i];
  for (size_t i = 0; i < n; i++) pseudo[i] -= sum / (double)n;
}
