/* Sums over rows: each thread owns some columns. */
#include "num/columns.h"

#include <omp.h>

void columns_add(size_t rows, size_t n, const real *x, size_t ldx, real *sums) {
  const size_t parts = (size_t)omp_get_max_threads();
#pragma omp parallel for schedule(static)
  for (size_t part = 0; part < parts; part++)
    for (size_t t = 0; t < rows; t++)
      for (size_t i = n * part / parts; i < n * (part + 1) / parts; i++) sums[i] += x[t * ldx + i];
}
