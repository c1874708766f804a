/* fathom COMMAND [OPTIONS] ARGS: the table of commands, and the only place where the process exits. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/command.h"
#include "config.h"
#include "num/blas.h"

#include <omp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const Command *const commands[] = {
    &command_info,
    &command_tokenize,
    &command_record,
    &command_import,
    &command_score,
    &command_scan,
    &command_drift,
    &command_weights,
    &command_axis,
    &command_bias,
    &command_implicit,
    &command_world,
    &command_new,
    &command_train,
    &command_eval,
    &command_sweep,
    &command_plot,
    &command_report,
    &command_verify,
    &command_calibrate,
    NULL,
};
enum { N_COMMANDS = sizeof commands / sizeof commands[0] - 1 };

static const Option common_options[] = {
    {"seed", 0, OPTION_U64, offsetof(CommonSettings, seed), 0, 0, "N", "seed of everything random", NULL},
    {"threads", 0, OPTION_SIZE, offsetof(CommonSettings, threads), 1, 1024, "N", "threads to use (default: all)", NULL},
    {"json", 0, OPTION_FLAG, offsetof(CommonSettings, json), 0, 0, NULL, "print one JSON object instead of TSV", NULL},
    {"quiet", 'q', OPTION_FLAG, offsetof(CommonSettings, quiet), 0, 0, NULL, "no notes and no progress on stderr",
     NULL},
    {"help", 'h', OPTION_FLAG, offsetof(CommonSettings, help), 0, 0, NULL, "this text", NULL},
    {0}};

static void out_of_memory(size_t bytes) {
  fprintf(stderr, "fathom: no memory left (%zu bytes asked for)\n", bytes);
  _Exit(STATUS_SYSTEM);
}

static void print_usage(FILE *out) {
  fputs("fathom sounds language models layer by layer.\n\nUsage: fathom COMMAND [OPTIONS] ARGS\n\nCommands:\n", out);
  for (size_t i = 0; i < N_COMMANDS; i++) fprintf(out, "  %-10s %s\n", commands[i]->name, commands[i]->summary);
  fputs("\n'fathom COMMAND --help' explains one of them. 'fathom --version' names the version.\n"
        "Exit codes: 0 done; 1 the answer is \"no\"; 2 usage; 3 bad data; 4 system; 5 numerical failure.\n",
        out);
}

static void print_help(const Command *command) {
  printf("fathom %s - %s\n\nUsage: fathom %s [OPTIONS] %s\n", command->name, command->summary, command->name,
         command->arguments);
  if (command->details) printf("\n%s\n", command->details);
  printf("\nOptions:\n");
  options_print_help(command->options, command->defaults, stdout);
  options_print_help(common_options, command->defaults, stdout);
  if (command->example) printf("\nExample:\n  %s\n", command->example);
}

bool invocation_is_talk(const char *word) {
  static const char *const words[] = {"--resume", "-q", "--quiet", "--json"};
  for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
    if (strcmp(word, words[i]) == 0) return true;
  return false;
}

Provenance invocation_provenance(const Invocation *call, const char *command, const CommonSettings *common) {
  return (Provenance){.command = command, .argc = call->argc, .argv = call->argv, .seed = common->seed};
}

static Status run_command(const Command *command, int argc, char **argv, Error *err) {
  const Option *const tables[] = {command->options, common_options, NULL};
  char *settings = mem_alloc(1, command->settings_size);
  memcpy(settings, command->defaults, command->settings_size);
  const char **args = mem_alloc((size_t)argc, sizeof *args);
  size_t n_args = 0;
  const CommonSettings *common = (const CommonSettings *)settings;
  Status status = options_parse(tables, settings, argc - 1, argv + 1, args, &n_args, err);
  if (status == STATUS_OK && common->help) {
    print_help(command);
  } else if (status == STATUS_OK) {
    if (n_args < command->min_args || n_args > command->max_args) {
      status = error_set(err, STATUS_USAGE, "%s: usage: fathom %s [OPTIONS] %s (see fathom %s --help)", command->name,
                         command->name, command->arguments, command->name);
    } else {
      log_set_quiet(common->quiet);
      if (common->threads) omp_set_num_threads((int)common->threads);
      const Invocation call = {args, n_args, argc, argv};
      status = command->run(&call, settings, err);
    }
  }
  free(args);
  options_free(tables, settings);
  free(settings);
  return status;
}

static Status dispatch(int argc, char **argv, Error *err) {
  if (argc < 2) {
    print_usage(stderr);
    return error_set(err, STATUS_USAGE, "no command given");
  }
  const char *name = argv[1];
  if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0 || strcmp(name, "help") == 0) {
    print_usage(stdout);
    return STATUS_OK;
  }
  if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) {
    printf("fathom %s\nOpenBLAS: %s\n", PACKAGE_VERSION, blas_description());
    return STATUS_OK;
  }
  for (size_t i = 0; i < N_COMMANDS; i++)
    if (strcmp(name, commands[i]->name) == 0) return run_command(commands[i], argc, argv, err);
  return error_set(err, STATUS_USAGE, "unknown command %s (see fathom --help)", name);
}

int main(int argc, char **argv) {
  mem_on_exhaustion(out_of_memory);
  signal(SIGXFSZ, SIG_IGN); /* a file that may not grow is an error of write(), as a full disk is */
  Error err = {0};
  Status status = dispatch(argc, argv, &err);
  if (status == STATUS_OK) status = file_flush(stdout, "standard output", &err);
  if (status != STATUS_OK && err.text[0]) fprintf(stderr, "fathom: %s\n", err.text);
  return status;
}
