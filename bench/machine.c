/* Rates of the bare machine: what its registers, memory and disk do when nothing else is asked of them. */
#define _GNU_SOURCE
#include "base/log.h"
#include "bench/machine.h"

#include "base/file.h"
#include "base/memory.h"

#include <fcntl.h>
#ifdef __x86_64__
#include <immintrin.h>
#endif
#include <omp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Twelve independent chains of acc = acc * x + y hide a latency of four at three a cycle and fit, with x and y, into
 * sixteen registers. The values converge to y / (1 - x): no overflow, no denormals. */
enum { CHAINS = 12, PIECE = 4 << 20 };

#define DEFINE_FMA(name, lanes, attributes)                                                                            \
  attributes __attribute__((noinline)) static float name(size_t iterations, float factor, float term) {                \
    typedef float Lanes __attribute__((vector_size(4 * (lanes))));                                                     \
    const Lanes x = (Lanes){0} + factor, y = (Lanes){0} + term;                                                        \
    Lanes acc[CHAINS];                                                                                                 \
    _Pragma("GCC unroll 12") for (size_t c = 0; c < CHAINS; c++) acc[c] = x + (float)c;                                \
    for (size_t i = 0; i < iterations; i++) {                                                                          \
      _Pragma("GCC unroll 12") for (size_t c = 0; c < CHAINS; c++) acc[c] = acc[c] * x + y;                            \
    }                                                                                                                  \
    Lanes sum = acc[0];                                                                                                \
    _Pragma("GCC unroll 12") for (size_t c = 1; c < CHAINS; c++) sum += acc[c];                                        \
    float total = 0;                                                                                                   \
    for (size_t lane = 0; lane < (lanes); lane++) total += sum[lane];                                                  \
    return total;                                                                                                      \
  }

DEFINE_FMA(fma_generic, 4, )
#ifdef __x86_64__
DEFINE_FMA(fma_avx2, 8, __attribute__((target("avx2,fma"))))
DEFINE_FMA(fma_avx512, 16, __attribute__((target("avx512f,fma,prefer-vector-width=512"))))
#endif

#ifdef __x86_64__
/* bfloat16: an instruction adds two products to each of sixteen floats. Its chains are longer and the registers are 32.
 * Either half of a float's bits is a bfloat16 of harmless size; the sums end where adding no longer changes them. */
enum { BF16_CHAINS = 20 };
__attribute__((target("avx512f,avx512bf16"), noinline)) static float dot_avx512(size_t iterations, float factor,
                                                                                float term) {
  const __m512bh x = (__m512bh)_mm512_set1_ps(factor);
  __m512 acc[BF16_CHAINS];
  _Pragma("GCC unroll 20") for (size_t c = 0; c < BF16_CHAINS; c++) acc[c] = _mm512_set1_ps(term + (float)c);
  for (size_t i = 0; i < iterations; i++) {
    _Pragma("GCC unroll 20") for (size_t c = 0; c < BF16_CHAINS; c++) acc[c] = _mm512_dpbf16_ps(acc[c], x, x);
  }
  float total = 0;
  _Pragma("GCC unroll 20") for (size_t c = 0; c < BF16_CHAINS; c++) total += _mm512_reduce_add_ps(acc[c]);
  return total;
}
#endif

typedef struct Kernel {
  const char *name;
  double operations; /* of an iteration */
  float (*run)(size_t iterations, float factor, float term);
} Kernel;

static Kernel fma_kernel(void) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512f")) return (Kernel){"avx512f", 2 * 16 * CHAINS, fma_avx512};
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    return (Kernel){"avx2", 2 * 8 * CHAINS, fma_avx2};
#endif
  return (Kernel){"generic", 2 * 4 * CHAINS, fma_generic};
}

static Kernel bf16_kernel(void) {
#ifdef __x86_64__
  if (__builtin_cpu_supports("avx512bf16")) return (Kernel){"avx512_bf16", 4 * 16 * BF16_CHAINS, dot_avx512};
#endif
  return (Kernel){0};
}

static double kernel_rate(Kernel kernel, size_t threads, double seconds) {
  const size_t iterations = 1 << 16;
  double rate = 0;
  volatile float sink = 0; /* keeps the result alive */
#pragma omp parallel num_threads((int)threads) reduction(+ : rate)
  {
    size_t rounds = 0;
    float total = kernel.run(iterations, 0.999f, 1e-3f); /* warm up */
#pragma omp barrier
    const double start = clock_seconds();
    double elapsed = 0;
    while (elapsed < seconds) {
      total += kernel.run(iterations, 0.999f, 1e-3f);
      rounds++;
      elapsed = clock_seconds() - start;
    }
    rate += kernel.operations * (double)iterations * (double)rounds / elapsed;
#pragma omp critical
    sink += total;
  }
  return rate;
}

const char *machine_fma_kernel(void) { return fma_kernel().name; }
double machine_fma_rate(size_t threads, double seconds) { return kernel_rate(fma_kernel(), threads, seconds); }

const char *machine_bf16_kernel(void) { return bf16_kernel().name; }
double machine_bf16_rate(size_t threads, double seconds) { return kernel_rate(bf16_kernel(), threads, seconds); }

static const char *const memory_names[] = {"read", "write", "copy"};

const char *machine_memory_name(MemoryUse use) { return memory_names[use]; }

/* Four lines' worth of sums at a time, so that adding does not hold up reading. */
static float sum_floats(const float *array, size_t count) {
  float sums[64] = {0}, total = 0;
  for (size_t i = 0; i + 64 <= count; i += 64)
    for (size_t j = 0; j < 64; j++) sums[j] += array[i + j];
  for (size_t j = 0; j < 64; j++) total += sums[j];
  return total;
}

/* One pass over the share of one thread. */
static float use_memory(MemoryUse use, float *array, size_t count) {
  switch (use) {
  case MEMORY_READ: return sum_floats(array, count);
  case MEMORY_WRITE: memset(array, 0, count * sizeof *array); return array[0];
  case MEMORY_COPY: memcpy(array, array + count / 2, count / 2 * sizeof *array); return array[0];
  }
  return 0;
}

double machine_memory_rate(MemoryUse use, float *array, size_t bytes, double seconds) {
  const size_t count = bytes / sizeof *array / (size_t)omp_get_max_threads() / 128 * 128;
  size_t passes = 0;
  volatile float sink = 0;
  const double start = clock_seconds();
  double elapsed = 0;
  while (elapsed < seconds) {
    float total = 0;
#pragma omp parallel reduction(+ : total)
    total += use_memory(use, array + count * (size_t)omp_get_thread_num(), count);
    sink += total;
    passes++;
    elapsed = clock_seconds() - start;
  }
  return (double)passes * (double)count * sizeof *array * (double)omp_get_max_threads() / elapsed;
}

Status machine_file_rate(const char *folder, const void *source, size_t bytes, double *buffered, double *synced,
                         Error *err) {
  char *path = mem_format("%s/ceiling.%ld.part", folder, (long)getpid());
  const double start = clock_seconds();
  Status status = STATUS_OK;
  const int file = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) {
    status = error_system(err, "%s: cannot write", path);
    free(path);
    return status;
  }
  for (size_t done = 0; done < bytes && status == STATUS_OK;) {
    const ssize_t n = write(file, source, bytes - done < PIECE ? bytes - done : PIECE);
    if (n < 0)
      status = error_system(err, "%s: cannot write", path);
    else
      done += (size_t)n;
  }
  *buffered = (double)bytes / (clock_seconds() - start);
  if (status == STATUS_OK && fsync(file) != 0) status = error_system(err, "%s: cannot write", path);
  *synced = (double)bytes / (clock_seconds() - start);
  if (close(file) != 0 && status == STATUS_OK) status = error_system(err, "%s: cannot write", path);
  unlink(path);
  free(path);
  return status;
}

void machine_processor(char *text, size_t size) {
  snprintf(text, size, "unknown");
  FILE *info = fopen("/proc/cpuinfo", "r");
  if (!info) return;
  char line[256];
  while (fgets(line, sizeof line, info)) {
    const char *colon = strchr(line, ':');
    if (!colon || strncmp(line, "model name", strlen("model name")) != 0) continue;
    snprintf(text, size, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
    break;
  }
  fclose(info);
}

static int compare_doubles(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

double machine_median(double *samples, size_t count) {
  qsort(samples, count, sizeof *samples, compare_doubles);
  return count % 2 ? samples[count / 2] : (samples[count / 2 - 1] + samples[count / 2]) / 2;
}
