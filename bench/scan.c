/* Scanning a reward model: answers a second with one whole forward pass for each answer, with whole texts in batches as
 * fathom score runs them, and with the prompt run once for all; and how far the rewards differ. */
#include "base/log.h"
#include "base/memory.h"
#include "base/rng.h"
#include "bench/machine.h"
#include "bench/program.h"
#include "model/forward.h"
#include "train/scan.h"
#include "weights/source.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

typedef struct Settings {
  size_t threads, prompt, tail, answers, whole, rounds, batch_tokens;
  bool widen, json, help;
} Settings;

static const Settings defaults = {
    .prompt = 38, .tail = 2, .answers = 1024, .whole = 32, .rounds = 3, .batch_tokens = 1024};
static const Option options[] = {
    {"prompt", 0, OPTION_SIZE, offsetof(Settings, prompt), 1, 1e5, "N", "tokens before the answer, template included", NULL},
    {"tail", 0, OPTION_SIZE, offsetof(Settings, tail), 0, 1e3, "N", "tokens of the template behind the answer of one token",
     NULL},
    {"answers", 0, OPTION_SIZE, offsetof(Settings, answers), 1, 1e7, "N", "answers to score with the prompt run once", NULL},
    {"whole", 0, OPTION_SIZE, offsetof(Settings, whole), 1, 1e7, "N", "of which are scored by whole passes, too", NULL},
    {"rounds", 0, OPTION_SIZE, offsetof(Settings, rounds), 1, 1e3, "N", "rounds, of which the median", NULL},
    {"batch-tokens", 0, OPTION_SIZE, offsetof(Settings, batch_tokens), 1, 1e9, "N", "tokens run through the model at a time",
     NULL},
    {"widen", 0, OPTION_FLAG, offsetof(Settings, widen), 0, 0, NULL, "widen all weights first", NULL},
    BENCH_THREADS(Settings),
    BENCH_JSON(Settings),
    BENCH_HELP(Settings),
    {0}};

typedef struct Work {
  const Settings *settings;
  Model model;
  ScanTexts shared; /* all answers */
  ScanTexts whole;  /* the first of them, nothing shared */
} Work;

/* Random ids, another answer each time as far as there are as many tokens. */
static void make_texts(Work *w) {
  const Settings *s = w->settings;
  const size_t vocabulary = w->model.config.vocab_size;
  Rng rng = rng_new(1);
  TokenList head = {0}, tail = {0};
  int32_t *ids = mem_alloc(s->answers, sizeof *ids);
  for (size_t i = 0; i < s->prompt; i++) token_list_add(&head, (int32_t)rng_below(&rng, vocabulary));
  for (size_t i = 0; i < s->tail; i++) token_list_add(&tail, (int32_t)rng_below(&rng, vocabulary));
  for (size_t i = 0; i < s->answers; i++) ids[i] = (int32_t)(i * 7919 % vocabulary);
  scan_texts_of_ids(&w->shared, &head, ids, s->answers, &tail);
  w->whole = (ScanTexts){.n = s->whole < s->answers ? s->whole : s->answers};
  w->whole.offsets = mem_alloc(w->whole.n + 1, sizeof *w->whole.offsets);
  for (size_t i = 0; i < w->whole.n; i++) {
    for (size_t t = 0; t < head.count; t++) token_list_add(&w->whole.own, head.ids[t]);
    token_list_add(&w->whole.own, ids[i]);
    for (size_t t = 0; t < tail.count; t++) token_list_add(&w->whole.own, tail.ids[t]);
    w->whole.offsets[i + 1] = w->whole.own.count;
  }
  free(ids);
  token_list_clear(&head), token_list_clear(&tail);
}

typedef struct Way {
  const char *name;
  const ScanTexts *texts;
  size_t batch_tokens;
  real *rewards;
  double *seconds; /* [rounds] */
} Way;
enum { WAYS = 3 };

static Status measure(const Work *w, Way *ways, Error *err) {
  Status status = STATUS_OK;
  for (size_t round = 0; round < w->settings->rounds; round++)
    for (size_t i = 0; i < WAYS && status == STATUS_OK; i++) {
      const double started = clock_seconds();
      status = scan_rewards(&w->model, ways[i].texts, ways[i].batch_tokens, NULL, 0, ways[i].rewards, err);
      ways[i].seconds[round] = clock_seconds() - started;
    }
  return status;
}

/* The largest difference of two ways' rewards, as a share of the largest reward. */
static double difference(const Way *a, const Way *b) {
  double most = 0, largest = 0;
  for (size_t i = 0; i < a->texts->n && i < b->texts->n; i++) {
    most = fmax(most, fabs((double)(a->rewards[i] - b->rewards[i])));
    largest = fmax(largest, fabs((double)b->rewards[i]));
  }
  return most / largest;
}

static void print_rows(const Work *w, Table *table, Way *ways) {
  const size_t n = w->settings->rounds;
  double first = 0;
  for (size_t i = 0; i < WAYS; i++) {
    const double each = machine_median(ways[i].seconds, n) / (double)ways[i].texts->n;
    if (i == 0) first = each;
    table_string(table, ways[i].name);
    table_count(table, ways[i].texts->n);
    table_number(table, 1e3 * each);
    table_number(table, first / each);
    table_number(table, difference(&ways[i], &ways[0]));
  }
}

static Status compare(const Work *w, const Provenance *from, Error *err) {
  static const char *const columns[] = {"way", "answers", "milliseconds_each", "times_faster", "difference"};
  const Settings *s = w->settings;
  char processor[128];
  Way ways[WAYS] = {{"a whole pass for each answer", &w->whole, 1, NULL, NULL},
                    {"whole texts in batches", &w->whole, s->batch_tokens, NULL, NULL},
                    {"the prompt run once", &w->shared, s->batch_tokens, NULL, NULL}};
  for (size_t i = 0; i < WAYS; i++) {
    ways[i].rewards = mem_alloc(ways[i].texts->n, sizeof *ways[i].rewards);
    ways[i].seconds = mem_alloc(s->rounds, sizeof *ways[i].seconds);
  }
  Status status = measure(w, ways, err);
  if (status == STATUS_OK) {
    Table *table = table_begin(stdout, s->json, from, columns, sizeof columns / sizeof columns[0]);
    machine_processor(processor, sizeof processor);
    table_note(table,
               "%s, %d threads; texts of %zu + 1 + %zu tokens; times_faster and difference (largest of the rewards, over the "
               "largest reward): than the first row",
               processor, omp_get_max_threads(), s->prompt, s->tail);
    print_rows(w, table, ways);
    status = table_end(table, err);
  }
  for (size_t i = 0; i < WAYS; i++) free(ways[i].rewards), free(ways[i].seconds);
  return status;
}

static Status run(const void *settings, const char **args, size_t n_args, const Provenance *from, Error *err) {
  (void)n_args;
  const Settings *s = settings;
  Work w = {.settings = s};
  Source *source = NULL;
  if (s->threads) omp_set_num_threads((int)s->threads);
  Status status = source_open(args[0], &source, err);
  if (status == STATUS_OK)
    status = model_open(source, (ModelOptions){.strict = true, .in_file = !s->widen}, &w.model, err);
  if (status == STATUS_OK) {
    const ModelConfig *c = &w.model.config;
    if (!w.model.has_score) /* a language model gets a head that nothing depends on */
      for (size_t i = 0; i < c->hidden_size; i++)
        w.model.values[w.model.table.score + i] = (real)(0.02 * sin((double)i));
    make_texts(&w);
    status = compare(&w, from, err);
  }
  scan_texts_clear(&w.shared);
  scan_texts_clear(&w.whole);
  model_close(&w.model);
  source_close(source);
  return status;
}

int main(int argc, char **argv) {
  const BenchProgram program = {.name = "bench/scan",
                                .arguments = "MODEL",
                                .min_args = 1,
                                .max_args = 1,
                                .options = options,
                                .defaults = &defaults,
                                .settings_size = sizeof(Settings),
                                .help_at = offsetof(Settings, help),
                                .run = run};
  return bench_main(&program, argc, argv);
}
