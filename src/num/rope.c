/* Rotary position embedding: the frequencies of each scaling, their tables, and the rotation. */
#include "num/rope.h"

#include <assert.h>
#include <math.h>

static double plain_frequency(const Rope *rope, double theta, size_t i) {
  return pow(theta, -2 * (double)i / (double)rope->rotary_dim);
}

static double factor_of(const Rope *rope) {
  return rope->factor != 0 ? rope->factor : (double)rope->max_positions / (double)rope->original_positions;
}

/* The base at which the lowest frequency fits the longer text ("NTK-aware"). */
static double dynamic_base(const Rope *rope, size_t length) {
  const double trained = (double)rope->max_positions, r = (double)rope->rotary_dim;
  const double longer = (double)length > trained ? (double)length : trained;
  return rope->theta * pow(rope->factor * longer / trained - (rope->factor - 1), r / (r - 2));
}

/* The index, as a fraction, of the frequency that turns so many times over the original length. */
static double yarn_index(const Rope *rope, double turns) {
  return (double)rope->rotary_dim * log((double)rope->original_positions / (turns * 2 * M_PI)) / (2 * log(rope->theta));
}

static double yarn_frequency(const Rope *rope, size_t i) {
  double low = yarn_index(rope, rope->beta_fast != 0 ? rope->beta_fast : 32),
         high = yarn_index(rope, rope->beta_slow != 0 ? rope->beta_slow : 1);
  if (!rope->exact_ramp) {
    low = floor(low);
    high = ceil(high);
  }
  low = fmax(low, 0);
  high = fmin(high, (double)rope->rotary_dim - 1);
  if (low == high) high += 0.001; /* as transformers avoids the division by zero */
  const double ramp = fmin(fmax(((double)i - low) / (high - low), 0), 1);
  return plain_frequency(rope, rope->theta, i) * (ramp / factor_of(rope) + (1 - ramp));
}

static double llama3_frequency(const Rope *rope, size_t i) {
  const double plain = plain_frequency(rope, rope->theta, i);
  const double turns = plain * (double)rope->original_positions / (2 * M_PI);
  if (turns > rope->high_turns) return plain;
  if (turns < rope->low_turns) return plain / rope->factor;
  const double smooth = (turns - rope->low_turns) / (rope->high_turns - rope->low_turns);
  return (1 - smooth) * plain / rope->factor + smooth * plain;
}

double rope_frequency(const Rope *rope, size_t length, size_t i) {
  switch (rope->scaling) {
  case ROPE_PLAIN: return plain_frequency(rope, rope->theta, i);
  case ROPE_LINEAR: return plain_frequency(rope, rope->theta, i) / rope->factor;
  case ROPE_DYNAMIC: return plain_frequency(rope, dynamic_base(rope, length), i);
  case ROPE_YARN: return yarn_frequency(rope, i);
  case ROPE_LLAMA3: return llama3_frequency(rope, i);
  case ROPE_LONGROPE:
    return plain_frequency(rope, rope->theta, i) /
           (length > rope->original_positions ? rope->long_factors : rope->short_factors)[i];
  }
  assert(!"kind of scaling");
}

static double yarn_magnitude(double factor, double mscale) { return factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1; }

double rope_attention_factor(const Rope *rope) {
  if (rope->scaling != ROPE_YARN && rope->scaling != ROPE_LONGROPE) return 1;
  if (rope->attention_factor != 0) return rope->attention_factor;
  const double factor = factor_of(rope);
  if (rope->scaling == ROPE_LONGROPE)
    return factor <= 1 ? 1 : sqrt(1 + log(factor) / log((double)rope->original_positions));
  if (rope->mscale != 0 && rope->mscale_all_dim != 0)
    return yarn_magnitude(factor, rope->mscale) / yarn_magnitude(factor, rope->mscale_all_dim);
  return yarn_magnitude(factor, 1);
}

bool rope_depends_on_length(const Rope *rope) {
  return rope->scaling == ROPE_DYNAMIC || (rope->scaling == ROPE_LONGROPE && rope->short_factors != rope->long_factors);
}

bool rope_lengths_agree(const Rope *rope, size_t a, size_t b) {
  if (!rope_depends_on_length(rope) || a == b) return true;
  if (rope->scaling == ROPE_LONGROPE) return (a > rope->original_positions) == (b > rope->original_positions);
  return a <= rope->max_positions && b <= rope->max_positions; /* the base grows from there on */
}

void rope_table(const Rope *rope, size_t length, size_t first, size_t positions, real *cosines, real *sines) {
  const size_t half = rope->rotary_dim / 2;
  const double factor = rope_attention_factor(rope);
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < half; i++) {
    const double frequency = rope_frequency(rope, length, i);
    for (size_t p = 0; p < positions; p++) {
      const double angle = (double)(first + p) * frequency;
      cosines[p * half + i] = (real)(factor * cos(angle));
      sines[p * half + i] = (real)(factor * sin(angle));
    }
  }
}

void rope_rotate(size_t rows, size_t n_heads, size_t head_dim, size_t rotary_dim, const size_t *rows_at,
                 const real *cosines, const real *sines, bool backward, real *x, size_t stride) {
  const size_t half = rotary_dim / 2;
  const real direction = backward ? -1 : 1;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    const real *c = cosines + rows_at[t] * half, *s = sines + rows_at[t] * half;
    for (size_t h = 0; h < n_heads; h++) {
      real *a = x + t * stride + h * head_dim, *b = a + half;
      for (size_t i = 0; i < half; i++) {
        const real u = a[i], v = b[i], sine = direction * s[i];
        a[i] = u * c[i] - v * sine;
        b[i] = v * c[i] + u * sine;
      }
    }
  }
}
