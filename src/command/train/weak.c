/* Weak-to-strong: labels, and the report. */
#include "command/train/weak.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "train/rewards.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { WEAK_RESAMPLES = 1000 };

Status weak_open(const TrainSettings *s, const SampleSet *train, const SampleSet *heldout, WeakToStrong *w,
                 Error *err) {
  *w = (WeakToStrong){.is_on = s->labels_from != NULL, .has_own_heldout = s->eval.count > 0};
  if (!w->is_on) return STATUS_OK;
  if (s->ceiling && heldout->count == 0)
    return error_set(err, STATUS_USAGE, "--ceiling needs held-out pairs: --eval or --eval-split");
  InputSettings all = s->input; /* --limit is for the training files */
  if (w->has_own_heldout) all.limit = 0;
  const OptionTexts *files = w->has_own_heldout ? &s->eval : &s->input.pairs;
  Status status = pair_rewards_open(s->labels_from, &s->input, &s->input.pairs, train->schema, &w->weak, err);
  if (status == STATUS_OK && w->has_own_heldout)
    status = pair_rewards_open(s->labels_from, &all, files, heldout->schema, &w->heldout, err);
  if (status != STATUS_OK) return error_prefix(err, "--labels-from");
  if (s->ceiling) status = pair_rewards_open(s->ceiling, &all, files, heldout->schema, &w->ceiling, err);
  return status == STATUS_OK ? status : error_prefix(err, "--ceiling");
}

void weak_close(WeakToStrong *w) {
  pair_rewards_close(&w->weak);
  pair_rewards_close(&w->heldout);
  pair_rewards_close(&w->ceiling);
}

Status weak_label(WeakToStrong *w, SampleSet *train, Error *err) {
  const size_t n = train->count / 2;
  PairLabel *labels = mem_alloc(n, sizeof *labels);
  bool *wanted = mem_alloc(n, sizeof *wanted);
  double correct = 0;
  Status status = STATUS_OK;
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    const double *rewards;
    status = pair_rewards_find(&w->weak, &train->items[2 * i], &rewards, err);
    if (status != STATUS_OK || !rewards) continue;
    wanted[i] = true;
    labels[i] = (PairLabel){.weight = train->pairs[i].weight, .probability = 1 / (1 + exp(rewards[1] - rewards[0]))};
    correct += pair_correct(rewards[0], rewards[1]);
    w->n_labelled++;
  }
  w->n_unlabelled = n - w->n_labelled;
  w->label_accuracy = wilson_interval(correct, (double)w->n_labelled);
  if (status == STATUS_OK && w->n_labelled == 0)
    status = error_set(err, STATUS_DATA, "--labels-from: %s has a label for none of %zu training pairs",
                       w->weak.run.name, n);
  if (status == STATUS_OK) {
    samples_relabel_pairs(train, labels, wanted);
    log_note("labels of %s for %zu training pairs, of which %.3f favour the chosen side", w->weak.run.name,
             w->n_labelled, w->label_accuracy.value);
    if (w->n_unlabelled) log_warn("%zu training pairs without a weak label left out", w->n_unlabelled);
  }
  free(labels);
  free(wanted);
  return status;
}

Status weak_write_labels(const WeakToStrong *w, const SampleSet *train, const char *folder, Error *err) {
  char *path = file_join(folder, "labels.jsonl");
  FileWriter writer = {0};
  Status status = file_writer_open(&writer, path, err);
  for (size_t i = 0; i < train->count / 2 && status == STATUS_OK; i++) {
    const double *rewards;
    status = pair_rewards_find(&w->weak, &train->items[2 * i], &rewards, err);
    if (status != STATUS_OK) break;
    Json *row = json_new_object();
    json_add_string(row, "id", train->items[2 * i].group);
    json_add_number(row, "probability", train->pairs[i].probability);
    json_add_number(row, "chosen", rewards[0]);
    json_add_number(row, "rejected", rewards[1]);
    char *line = json_print(row, false);
    if (fprintf(writer.stream, "%s\n", line) < 0) status = error_system(err, "%s: cannot write", path);
    free(line);
    json_free(row);
  }
  if (status == STATUS_OK) status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  free(path);
  return status;
}

/* What each model gets right of the held-out pairs that all of them have: three columns of n. */
typedef struct Results {
  double *student, *weak, *best;
  size_t n;
} Results;

static Status add_pair(const WeakToStrong *w, const Sample *chosen, const real *own, Results *r, Error *err) {
  const double *weak, *best = NULL;
  Status status = pair_rewards_find(w->has_own_heldout ? &w->heldout : &w->weak, chosen, &weak, err);
  if (status == STATUS_OK && r->best) status = pair_rewards_find(&w->ceiling, chosen, &best, err);
  if (status != STATUS_OK || !weak || (r->best && !best)) return status;
  r->student[r->n] = pair_correct((double)own[0], (double)own[1]);
  r->weak[r->n] = pair_correct(weak[0], weak[1]);
  if (best) r->best[r->n] = pair_correct(best[0], best[1]);
  r->n++;
  return STATUS_OK;
}

static Bounded share(const double *correct, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n && correct; i++) sum += correct[i];
  return correct ? wilson_interval(sum, (double)n) : (Bounded){NAN, NAN, NAN};
}

static void summarise(const Results *r, uint64_t seed, WeakToStrong *w) {
  const TransferSet set = {.n_pairs = r->n, .student = r->student, .reference = r->weak, .ceiling = r->best};
  TransferSummary summary;
  transfer_gains(&set, 1, 0, WEAK_RESAMPLES, seed, &w->transfer, &summary);
  w->n_heldout = r->n;
  w->student = share(r->student, r->n);
  w->weak_accuracy = share(r->weak, r->n);
  w->best = share(r->best, r->n);
}

Status weak_measure(WeakToStrong *w, const Inputs *in, const SampleSet *heldout, const TrainSettings *s, Error *err) {
  const size_t n = heldout->count / 2;
  const Sample **list = mem_alloc(2 * n, sizeof *list);
  real *own = mem_alloc(2 * n, sizeof *own);
  Results r = {mem_alloc(n, sizeof(double)), mem_alloc(n, sizeof(double)),
               s->ceiling ? mem_alloc(n, sizeof(double)) : NULL, 0};
  for (size_t i = 0; i < 2 * n; i++) list[i] = &heldout->items[i];
  Status status = STATUS_OK;
  if (n) status = rewards_compute(&in->model, list, 2 * n, s->input.batch_tokens, "held out", own, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) status = add_pair(w, list[2 * i], own + 2 * i, &r, err);
  if (status == STATUS_OK) summarise(&r, s->common.seed, w);
  free(list);
  free(own);
  free(r.student);
  free(r.weak);
  free(r.best);
  return status;
}

/* The report's numbers, in their order. */
static const struct {
  const char *name;
  size_t offset; /* of a double in WeakToStrong */
} columns[] = {
#define AT(member) offsetof(WeakToStrong, member)
#define BOUNDED(name, prefix, member)                                                                                  \
  {name, AT(member.value)}, {prefix "_lo", AT(member.lo)}, { prefix "_hi", AT(member.hi) }
    BOUNDED("label_accuracy", "label", label_accuracy),
    BOUNDED("weak_accuracy", "weak", weak_accuracy),
    BOUNDED("student_accuracy", "student", student),
    BOUNDED("gain", "gain", transfer.gain),
    BOUNDED("ceiling_accuracy", "ceiling", best),
    BOUNDED("ceiling_gap", "ceiling_gap", transfer.gap),
    BOUNDED("pgr", "pgr", transfer.pgr),
#undef AT
#undef BOUNDED
};
enum { N_NUMBERS = sizeof columns / sizeof columns[0] };
_Static_assert(N_NUMBERS + 3 == WEAK_COLUMNS, "the report's columns");

void weak_add_columns(const WeakToStrong *w, const char **names, size_t *n) {
  static const char *const counts[] = {"n_labelled", "n_unlabelled", "n_heldout"};
  if (!w->is_on) return;
  for (size_t i = 0; i < 3; i++) names[(*n)++] = counts[i];
  for (size_t i = 0; i < N_NUMBERS; i++) names[(*n)++] = columns[i].name;
}

void weak_print_cells(const WeakToStrong *w, Table *table) {
  if (!w->is_on) return;
  table_count(table, w->n_labelled);
  table_count(table, w->n_unlabelled);
  table_count(table, w->n_heldout);
  for (size_t i = 0; i < N_NUMBERS; i++)
    table_number(table, *(const double *)(const void *)((const char *)w + columns[i].offset));
}

void weak_print_notes(const WeakToStrong *w, const TrainSettings *s, Table *table) {
  if (!w->is_on) return;
  table_note(table,
             "labels: p = sigmoid(r_chosen - r_rejected) of %s for n_labelled training pairs; label_accuracy: share "
             "of them that favour the true side; accuracy: agreement with these labels",
             w->weak.run.name);
  table_note(table,
             "on the n_heldout held-out pairs that every model has, with true labels: accuracies with Wilson's 95 %% "
             "interval; gain: student minus weak in points, 95 %% by paired bootstrap over pairs, B = %d, seed %llu",
             WEAK_RESAMPLES, (unsigned long long)s->common.seed);
  if (!s->ceiling) return;
  table_note(table, "ceiling: %s; pgr = (student - weak) / (ceiling - weak)%s", w->ceiling.run.name,
             isnan(w->transfer.pgr.value) ? ": not defined here, the interval of ceiling_gap does not lie above 0"
                                          : "");
}

void weak_add_provenance(const WeakToStrong *w, Provenance *from) {
  const EvalRun *const runs[] = {&w->weak.run, &w->ceiling.run};
  for (size_t i = 0; i < 2; i++) eval_add_models(runs[i], from);
}
