/* The folder of a training run, before there is anything in it. */
#include "base/file.h"
#include "base/memory.h"
#include "command/train/options.h"
#include "train/checkpoint.h"

#include <stdint.h>
#include <stdlib.h>

Status train_check_folder(const TrainSettings *s, Error *err) {
  char *config = file_join(s->output, "config.json"), *adapter = file_join(s->output, "adapter_config.json");
  Status status = STATUS_OK;
  if (file_exists(config) || file_exists(adapter))
    status = error_set(err, STATUS_USAGE, "%s: holds a finished model already: choose another -o", s->output);
  else if (!s->resume && checkpoint_newest(s->output) != SIZE_MAX)
    status = error_set(err, STATUS_USAGE,
                       "%s: holds an interrupted run: --resume goes on with it, or choose another -o", s->output);
  free(config);
  free(adapter);
  return status;
}

Status train_open_folder(const Invocation *call, const TrainSettings *s, Error *err) {
  char *text = file_join(s->output, "command.txt");
  Status status = file_make_directory(s->output, err);
  if (status == STATUS_OK && !(s->resume && file_exists(text))) {
    char *line = command_line(call->argc, call->argv), *with_newline = mem_format("%s\n", line);
    status = file_write_text(text, with_newline, err);
    free(with_newline);
    free(line);
  }
  free(text);
  return status;
}
