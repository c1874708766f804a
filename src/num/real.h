/* The element type of the forward and backward passes: float in fathom; the tests build the same sources a second time
 * with double (-DFATHOM_DOUBLE), where a gradient can be told from a wrong one by central differences. */
#ifndef FATHOM_NUM_REAL_H
#define FATHOM_NUM_REAL_H

#ifdef FATHOM_DOUBLE
typedef double real;
#define REAL_EPSILON 2.220446049250313e-16
#else
typedef float real;
#define REAL_EPSILON 1.1920929e-7f
#endif

#endif
