/* Tokenizers on one core: seconds to load one, and megabytes of text a second, whole and in pieces of a prompt's size.
 */
#include "base/file.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/table.h"
#include "bench/machine.h"
#include "bench/program.h"
#include "text/tokenizer/tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { ROUNDS = 5, TEXT_LIMIT = 1 << 28 };

typedef struct Settings {
  const char *text;
  size_t piece;
  bool json, help;
} Settings;

static const Settings defaults = {.piece = 1000};
static const Option options[] = {
    {"text", 0, OPTION_TEXT, offsetof(Settings, text), 0, 0, "FILE", "a text of some megabytes; none: loading only",
     NULL},
    {"piece", 0, OPTION_SIZE, offsetof(Settings, piece), 1, 1e9, "BYTES", "the size of a prompt", NULL},
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

static const char *const columns[] = {"model", "tokens", "load_seconds", "text", "MB/s", "bytes/token"};

static double processor_seconds(void) {
  struct timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static Status load(const char *path, Tokenizer **tokenizer, double *seconds, Error *err) {
  Source *source;
  const double start = processor_seconds();
  Status status = source_open(path, &source, err);
  if (status == STATUS_OK) status = tokenizer_open(source, tokenizer, err);
  *seconds = processor_seconds() - start;
  source_close(source);
  return status;
}

/* The text in pieces, once; seconds and tokens. */
static Status encode(const Tokenizer *t, const char *text, size_t size, size_t piece, double *seconds, size_t *n_tokens,
                     Error *err) {
  TokenList tokens = {0};
  Status status = STATUS_OK;
  const double start = processor_seconds();
  *n_tokens = 0;
  for (size_t at = 0; at < size && status == STATUS_OK; at += piece) {
    tokens.count = 0;
    status = tokenizer_encode(t, text + at, size - at < piece ? size - at : piece, 0, &tokens, err);
    *n_tokens += tokens.count;
  }
  *seconds = processor_seconds() - start;
  token_list_clear(&tokens);
  return status;
}

static Status measure(const Settings *settings, const char *path, const char *text, size_t size, Table *table,
                      Error *err) {
  double load_seconds[ROUNDS], seconds[2][ROUNDS];
  size_t n_tokens[2] = {0}, vocab = 0;
  const size_t pieces[] = {size, settings->piece};
  Status status = STATUS_OK;
  for (int round = 0; round < ROUNDS && status == STATUS_OK; round++) {
    Tokenizer *t = NULL;
    status = load(path, &t, &load_seconds[round], err);
    for (int i = 0; i < 2 && size && status == STATUS_OK; i++)
      status = encode(t, text, size, pieces[i], &seconds[i][round], &n_tokens[i], err);
    if (status == STATUS_OK) vocab = tokenizer_vocab_size(t);
    tokenizer_close(t);
  }
  if (status != STATUS_OK) return status;
  const double median = machine_median(load_seconds, ROUNDS);
  for (int i = 0; i < (size ? 2 : 1); i++) {
    table_string(table, path);
    table_count(table, vocab);
    table_number(table, median);
    table_string(table, size == 0 ? NULL : i == 0 ? "whole" : "pieces");
    table_number(table, size ? (double)size / 1e6 / machine_median(seconds[i], ROUNDS) : NAN);
    table_number(table, size ? (double)size / (double)n_tokens[i] : NAN);
  }
  return STATUS_OK;
}

static Status measure_all(const Settings *settings, const char **models, size_t n_models, Table *table, Error *err) {
  char *text = NULL;
  size_t size = 0;
  Status status = settings->text ? file_read(settings->text, TEXT_LIMIT, &text, &size, err) : STATUS_OK;
  for (size_t i = 0; i < n_models && status == STATUS_OK; i++)
    status = measure(settings, models[i], text, size, table, err);
  free(text);
  return status;
}

static Status run(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err) {
  const Settings *s = settings;
  Table *table = table_begin(stdout, s->json, from, columns, sizeof columns / sizeof columns[0]);
  const Status status = measure_all(s, args, n_args, table, err);
  const Status ended = table_end(table, status == STATUS_OK ? err : NULL);
  return status == STATUS_OK ? ended : status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/tokenizer",
                                .arguments = "MODEL...",
                                .min_args = 1,
                                .max_args = SIZE_MAX,
                                .options = options,
                                .defaults = &defaults,
                                .settings_size = sizeof(Settings),
                                .help_at = offsetof(Settings, help),
                                .run = run};
  return bench_main(&program, argc, argv);
}
