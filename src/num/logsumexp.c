/* Normalisers of softmax. The largest value is taken out first, so that large logits do not overflow. */
#include "num/logsumexp.h"

#include "num/vec.h"

#include <math.h>

/* A register of doubles. */
typedef double Wide __attribute__((vector_size(VEC_BYTES)));
typedef int64_t WideBits __attribute__((vector_size(VEC_BYTES)));
enum { WIDE = VEC_BYTES / sizeof(double) };
typedef real Narrow __attribute__((vector_size(WIDE * sizeof(real)), aligned(sizeof(real)), may_alias));

static inline Wide load(const real *p) { return __builtin_convertvector(*(const Narrow *)p, Wide); }

static inline Wide larger(Wide a, Wide b) {
  const WideBits mask = (WideBits)(a > b);
  return (Wide)((mask & (WideBits)a) | (~mask & (WideBits)b));
}

/* e^x of x <= 0, within 2 epsilon; what is below e^-708 becomes that. x = n ln 2 + r with |r| <= ln 2 / 2, ln 2 in two
 * parts of which the first times n is exact; e^r by its Taylor polynomial, whose first missing term is below 5e-18. */
static inline Wide wide_exp(Wide x) {
  const double MAGIC = 0x1.8p52; /* adding it rounds to a whole number, in the last bits */
  const double LN2_HIGH = 0x1.62e42fee00000p-1, LN2_LOW = 0x1.a39ef35793c76p-33;
  static const double inverse[] = {
      1.0 / 6227020800, 1.0 / 479001600, 1.0 / 39916800, 1.0 / 3628800, 1.0 / 362880, 1.0 / 40320, 1.0 / 5040,
      1.0 / 720,        1.0 / 120,       1.0 / 24,       1.0 / 6,       0.5,          1,           1};
  x = larger(x, (Wide){0} - 708);
  const Wide shifted = x * 0x1.71547652b82fep0 + MAGIC, n = shifted - MAGIC, r = (x - n * LN2_HIGH) - n * LN2_LOW;
  Wide e = r * inverse[0] + inverse[1];
  for (size_t i = 2; i < sizeof inverse / sizeof inverse[0]; i++) e = e * r + inverse[i];
  return (Wide)((WideBits)e + ((WideBits)shifted << 52));
}

double log_sum_exp(size_t v, const real *x) {
  double most = (double)x[0], sum = 0, odd = 0;
  Wide mosts = (Wide){0} + most, sums = {0}, odds = {0};
  size_t i;
  for (i = 0; i + WIDE <= v; i += WIDE) {
    const Wide values = load(x + i);
    mosts = larger(mosts, values);
    odds += values - values; /* NaN where one is not finite */
  }
  for (; i < v; i++) {
    most = (double)x[i] > most ? (double)x[i] : most;
    odd += (double)x[i] - (double)x[i];
  }
  for (size_t lane = 0; lane < WIDE; lane++) {
    most = mosts[lane] > most ? mosts[lane] : most;
    odd += odds[lane];
  }
  if (isnan(odd)) return NAN;
  for (i = 0; i + WIDE <= v; i += WIDE) sums += wide_exp(load(x + i) - most);
  for (; i < v; i++) sum += exp((double)x[i] - most);
  for (size_t lane = 0; lane < WIDE; lane++) sum += sums[lane];
  return most + log(sum);
}

double log_add_exp(double a, double b) {
  const double most = a > b ? a : b, least = a > b ? b : a;
  return most + log1p(exp(least - most));
}
