/* The table of drift measures: a new one is a file and a line here. */
#include "probes/drift/measure.h"

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

void pseudo_centre(size_t n, double *pseudo) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += pseudo[i];
  for (size_t i = 0; i < n; i++) pseudo[i] -= sum / (double)n;
}
