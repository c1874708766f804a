/* Preloaded into PyTorch by bench/compare_training.py: MKL asks this function whether the processor is Intel's, and
 * takes its AVX-512 kernels only then. */
int mkl_serv_intel_cpu_true(void);
int mkl_serv_intel_cpu_true(void) { return 1; }
