/* Sums and Gram matrices of one sample's rows. */
#include "probes/drift/samplegram.h"

#include "num/crossproduct.h"

void sample_sums(const RowBlock *block, const float *rows, size_t d, float *sums) {
  for (size_t s = 0; s < block->n_samples; s++)
    for (size_t j = 0; j < d; j++) {
      double sum = 0;
      for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) sum += rows[i * d + j];
      sums[s * d + j] = (float)sum;
    }
}

void sample_bend(const RowBlock *block, const float *rows, size_t d, const float *sums, double *bend) {
  for (size_t s = 0; s < block->n_samples; s++)
    for (size_t i = block->begin[s]; i < block->begin[s + 1]; i++) bend[i] = dot_f32(d, rows + i * d, sums + s * d);
}

size_t sample_gram_tile(const float *rows, size_t m, size_t d, size_t first, float *tile) {
  const float root_two = 1.41421356f;
  const size_t n = m - first < SAMPLE_TILE ? m - first : SAMPLE_TILE, columns = m - first;
  product_f32(false, true, n, columns, d, rows + first * d, d, rows + first * d, d, tile, columns);
  for (size_t i = 0; i < n; i++)
    for (size_t j = n; j < columns; j++) tile[i * columns + j] *= root_two;
  return n * columns;
}
