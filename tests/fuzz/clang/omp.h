/* What the library asks of OpenMP, for a compiler without it: fuzzing runs one thread. */
#ifndef FATHOM_FUZZ_OMP_H
#define FATHOM_FUZZ_OMP_H

#include <time.h>

static inline int omp_get_max_threads(void) { return 1; }
static inline int omp_get_num_threads(void) { return 1; }
static inline int omp_get_thread_num(void) { return 0; }
static inline int omp_in_parallel(void) { return 0; }
static inline void omp_set_num_threads(int n) { (void)n; }
static inline double omp_get_wtime(void) { return (double)time(NULL); }

#endif
