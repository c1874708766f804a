/* What every benchmark is: a program with options, --help, and a table or an answer on standard output. */
#ifndef FATHOM_BENCH_PROGRAM_H
#define FATHOM_BENCH_PROGRAM_H

#include "base/options.h"
#include "base/table.h"

typedef struct BenchProgram {
  const char *name, *arguments; /* "bench/speed", "MODEL" */
  size_t min_args, max_args;
  const Option *options;
  const void *defaults;
  size_t settings_size, help_at; /* help_at: where the settings keep the flag of --help */
  Status (*run)(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err);
} BenchProgram;

/* The exit code. */
int bench_main(const BenchProgram *program, int argc, char **argv);

#define BENCH_THREADS(Settings)                                                                                        \
  { "threads", 0, OPTION_SIZE, offsetof(Settings, threads), 1, 1024, "N", "threads to use (default: all)", NULL }
#define BENCH_JSON(Settings)                                                                                           \
  { "json", 0, OPTION_FLAG, offsetof(Settings, json), 0, 0, NULL, "print one JSON object instead of TSV", NULL }
#define BENCH_HELP(Settings)                                                                                           \
  { "help", 'h', OPTION_FLAG, offsetof(Settings, help), 0, 0, NULL, "this text", NULL }

#endif
