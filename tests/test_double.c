/* The double-precision build of the library, in which gradients are checked: it really computes in double. */
#include "num/blas.h"
#include "tests/tap.h"

int main(void) {
  ok(sizeof(real) == sizeof(double), "real is double here");
  /* 1 + 2^-40 is not a float: in float the product below would be exactly 0. */
  const real tiny = 9.094947017729282e-13;
  const real a[2] = {1 + tiny, -1}, b[2] = {1, 1};
  real c = 0;
  blas_gemm(false, false, 1, 1, 2, 1, a, 2, b, 1, 0, &c, 1);
  ok(is_close((double)c, (double)tiny, 1e-3, 0), "a product keeps what float would lose: %g", (double)c);
  return tap_end();
}
