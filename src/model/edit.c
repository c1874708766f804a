/* Known edits of parameters: noise, a rotation that is undone, a translation, a change of rank one. */
#include "model/edit.h"

#include "base/memory.h"
#include "base/rng.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

static const Parameter *in_block(const ParameterTable *table, Role role, size_t layer) {
  for (size_t i = 0; i < table->count; i++)
    if (table->items[i].role == role && table->items[i].layer == layer) return &table->items[i];
  return NULL;
}

static double norm_of(size_t n, const real *values) {
  double square = 0;
  for (size_t i = 0; i < n; i++) square += (double)values[i] * (double)values[i];
  return sqrt(square);
}

/* A random vector of length 1; freed by the caller. */
static double *random_direction(size_t n, Rng *rng) {
  double *direction = mem_alloc(n, sizeof *direction), square = 0;
  for (size_t i = 0; i < n; i++) {
    direction[i] = rng_normal(rng);
    square += direction[i] * direction[i];
  }
  for (size_t i = 0; i < n; i++) direction[i] /= sqrt(square);
  return direction;
}

void edit_add_noise(const ParameterTable *table, size_t layer, double share, uint64_t seed, real *values) {
  Rng rng = rng_new(seed);
  for (size_t k = 0; k < table->count; k++) {
    const Parameter *p = &table->items[k];
    const size_t n = p->rows * p->columns;
    if (p->role < ROLE_FIRST_IN_BLOCK || p->role > ROLE_LAST_IN_BLOCK || p->layer != layer || p->is_vector) continue;
    const double deviation = share * norm_of(n, values + p->offset) / sqrt((double)n);
    for (size_t i = 0; i < n; i++) values[p->offset + i] += (real)(deviation * rng_normal(&rng));
  }
}

/* q[n, n]: rows of normal numbers made orthonormal one after the other, each twice, which leaves nothing but rounding
 * (Gram-Schmidt). */
static void random_rotation(size_t n, Rng *rng, double *q) {
  for (size_t i = 0; i < n * n; i++) q[i] = rng_normal(rng);
  for (size_t i = 0; i < n; i++) {
    double *row = q + i * n, square = 0;
    for (size_t j = 0; j < 2 * i; j++) {
      const double *other = q + j % i * n;
      double along = 0;
      for (size_t k = 0; k < n; k++) along += row[k] * other[k];
      for (size_t k = 0; k < n; k++) row[k] -= along * other[k];
    }
    for (size_t k = 0; k < n; k++) square += row[k] * row[k];
    for (size_t k = 0; k < n; k++) row[k] /= sqrt(square);
  }
}

/* x becomes q x for `count` vectors x of n values: value j of vector c is at c * across + j * down. */
static void turn(size_t n, const double *q, size_t count, size_t across, size_t down, real *values) {
  double *x = mem_alloc(n, sizeof *x);
  for (size_t c = 0; c < count; c++) {
    real *at = values + c * across;
    for (size_t j = 0; j < n; j++) x[j] = (double)at[j * down];
    for (size_t i = 0; i < n; i++) {
      double sum = 0;
      for (size_t j = 0; j < n; j++) sum += q[i * n + j] * x[j];
      at[i * down] = (real)sum;
    }
  }
  free(x);
}

void edit_rotate_values(const ModelConfig *config, const ParameterTable *table, size_t layer, uint64_t seed, real *values) {
  const size_t width = config->head_dim, d = config->hidden_size, shared = config->n_heads / config->n_kv_heads;
  const Parameter *v = in_block(table, ROLE_V, layer), *bias = in_block(table, ROLE_V_BIAS, layer),
                  *o = in_block(table, ROLE_O, layer);
  Rng rng = rng_new(seed);
  double *q = mem_alloc(width * width, sizeof *q);
  assert(v && o);
  for (size_t head = 0; head < config->n_kv_heads; head++) {
    random_rotation(width, &rng, q);
    turn(width, q, d, 1, d, values + v->offset + head * width * d);
    if (bias) turn(width, q, 1, 0, 1, values + bias->offset + head * width);
    for (size_t h = head * shared; h < (head + 1) * shared; h++) /* a row of o R' is R times the row of o */
      turn(width, q, d, o->columns, 1, values + o->offset + h * width);
  }
  free(q);
}

void edit_translate(const ParameterTable *table, size_t layer, double length, uint64_t seed, real *values) {
  const Parameter *bias = in_block(table, ROLE_DOWN_BIAS, layer);
  Rng rng = rng_new(seed);
  assert(bias);
  double *direction = random_direction(bias->columns, &rng);
  for (size_t i = 0; i < bias->columns; i++) values[bias->offset + i] += (real)(length * direction[i]);
  free(direction);
}

void edit_add_rank_one(const ParameterTable *table, Role role, size_t layer, double share, uint64_t seed, real *values) {
  const Parameter *w = in_block(table, role, layer);
  Rng rng = rng_new(seed);
  assert(w && !w->is_vector);
  const double size = share * norm_of(w->rows * w->columns, values + w->offset);
  double *left = random_direction(w->rows, &rng), *right = random_direction(w->columns, &rng);
  for (size_t i = 0; i < w->rows; i++)
    for (size_t j = 0; j < w->columns; j++)
      values[w->offset + i * w->columns + j] += (real)(size * left[i] * right[j]);
  free(left);
  free(right);
}
