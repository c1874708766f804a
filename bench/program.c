/* The command line of a benchmark. */
#include "bench/program.h"

#include "base/log.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

int bench_main(const BenchProgram *program, int argc, char **argv) {
  const Option *const tables[] = {program->options, NULL};
  const char **args = mem_alloc((size_t)argc, sizeof *args);
  char *settings = mem_alloc(1, program->settings_size);
  size_t n_args = 0;
  bool help = false;
  Error err = {0};
  memcpy(settings, program->defaults, program->settings_size);
  Status status = options_parse(tables, settings, argc, argv, args, &n_args, &err);
  memcpy(&help, settings + program->help_at, sizeof help);
  if (status == STATUS_OK && help) {
    printf("Usage: %s [OPTIONS]%s%s\n\n", program->name, *program->arguments ? " " : "", program->arguments);
    options_print_help(program->options, program->defaults, stdout);
  } else if (status == STATUS_OK && (n_args < program->min_args || n_args > program->max_args)) {
    status = error_set(&err, STATUS_USAGE, "%zu arguments, expected %s", n_args,
                       *program->arguments ? program->arguments : "none (see --help)");
  } else if (status == STATUS_OK) {
    const Provenance from = {.command = program->name, .argc = argc, .argv = argv};
    log_set_quiet(true);
    status = program->run(settings, args, n_args, &from, &err);
  }
  if (status != STATUS_OK) fprintf(stderr, "%s: %s\n", program->name, err.text);
  free(settings);
  free(args);
  return status;
}
