/* Rates of the bare machine. */
#ifndef FATHOM_BENCH_MACHINE_H
#define FATHOM_BENCH_MACHINE_H

#include "base/error.h"

#include <stddef.h>

/* FLOP/s of float32 multiply-adds held in registers, summed over threads, measured for about that many seconds. */
double machine_fma_rate(size_t threads, double seconds);
const char *machine_fma_kernel(void); /* the instruction set it used: "avx512f", "avx2", "generic" */

/* The same of bfloat16 products added up in float32; NULL and nothing to measure where the processor has none, or only
 * in AMX's tiles. */
double machine_bf16_rate(size_t threads, double seconds);
const char *machine_bf16_kernel(void); /* "avx512_bf16" */

/* Bytes moved per second by all threads over an array that should be larger than the caches; a copy counts what it
 * reads and what it writes. The array is overwritten by the last two. */
typedef enum MemoryUse { MEMORY_READ, MEMORY_WRITE, MEMORY_COPY } MemoryUse;
double machine_memory_rate(MemoryUse use, float *array, size_t bytes, double seconds);
const char *machine_memory_name(MemoryUse use);

/* Bytes per second of writing a new file of that size in folder in 4 MiB pieces taken from source (which holds at least
 * one piece), until write returns (buffered) and until it is on the disk (synced). The file is removed. */
Status machine_file_rate(const char *folder, const void *source, size_t bytes, double *buffered, double *synced,
                         Error *err);

void machine_processor(char *text, size_t size); /* the processor's own name for itself, "unknown" where it has none */

double machine_median(double *samples, size_t count); /* sorts them */

#endif
