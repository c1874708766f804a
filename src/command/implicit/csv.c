/* The log-probabilities of words as scan tables, one of each model and one of their differences: what fathom bias
 * ranks. */
#include "base/file.h"
#include "base/memory.h"
#include "command/implicit/implicit.h"
#include "text/delimited.h"

#include <stdlib.h>

static Status write_table(const ImplicitRun *run, const ImplicitWords *w, size_t number, const char *path, Error *err) {
  FileWriter writer;
  Status status = file_writer_open(&writer, path, err);
  if (status != STATUS_OK) return status;
  fputs("response", writer.stream);
  for (size_t p = 0; p < run->n_samples; p++) {
    fputc(',', writer.stream);
    delimited_write_cell(writer.stream, run->sides[0].samples[p]->id);
  }
  for (size_t i = 0; i < w->n_words; i++) {
    fputc('\n', writer.stream);
    delimited_write_cell(writer.stream, w->words[i]);
    for (size_t p = 0; p < run->n_samples; p++)
      fprintf(writer.stream, ",%.9g", w->by_prompt[(p * w->n_words + i) * WORD_NUMBERS + number]);
  }
  fputc('\n', writer.stream);
  status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  return status;
}

Status implicit_write_csv(const ImplicitRun *run, const ImplicitWords *w, Error *err) {
  static const char *const suffixes[WORD_NUMBERS] = {[WORD_RATIO] = "ratio", [WORD_LOG_P1] = "1", [WORD_LOG_P2] = "2"};
  Status status = STATUS_OK;
  for (size_t number = 0; number < WORD_NUMBERS && status == STATUS_OK; number++) {
    char *path = mem_format("%s-%s.csv", run->settings->csv, suffixes[number]);
    status = write_table(run, w, number, path, err);
    free(path);
  }
  return status;
}
