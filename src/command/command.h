/* The face of a sub-command: one file, one Command, one row in main's table. */
#ifndef FATHOM_COMMAND_COMMAND_H
#define FATHOM_COMMAND_COMMAND_H

#include "base/error.h"
#include "base/options.h"
#include "base/table.h"

/* First member of every command's settings struct. */
typedef struct CommonSettings {
  uint64_t seed;
  size_t threads; /* 0 = all processors */
  bool json, quiet, help;
} CommonSettings;

/* A parsed command line. */
typedef struct Invocation {
  const char *const *args; /* words that are not options */
  size_t n_args;
  int argc; /* as typed, "fathom COMMAND ..." */
  char *const *argv;
} Invocation;

typedef struct Command {
  const char *name, *arguments; /* "record", "MODEL --prompts F|--pairs F -o A.h5" */
  const char *summary;          /* one line for the list of commands */
  const char *details;          /* paragraphs for --help; may be NULL */
  const char *example;          /* one command line that works */
  const Option *options;        /* without the common ones */
  const void *defaults;         /* a settings struct, CommonSettings first */
  size_t settings_size;
  size_t min_args, max_args;
  Status (*run)(const Invocation *call, const void *settings, Error *err);
} Command;

extern const Command command_axis, command_bias, command_calibrate, command_drift, command_eval, command_implicit,
    command_import, command_info, command_new, command_plot, command_record, command_report, command_scan, command_score,
    command_sweep, command_tokenize, command_train, command_verify, command_weights, command_world;

/* Provenance of this call, models still empty. */
Provenance invocation_provenance(const Invocation *call, const char *command, const CommonSettings *common);

/* Does this word of a command line leave the file that is written as it is? --resume, and what is said and how. */
bool invocation_is_talk(const char *word);

#endif
