/* One model's results beside another's: pairs joined by id, gains over the reference. */
#include "base/file.h"
#include "base/memory.h"
#include "command/eval/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The ids of a data set in alphabetical order. */
typedef struct Entry {
  const char *text;
  size_t number;
} Entry;

static int by_text(const void *a, const void *b) {
  const Entry *x = a, *y = b;
  const int order = strcmp(x->text, y->text);
  return order ? order : (x->number > y->number) - (x->number < y->number);
}

static Entry *sorted(char *const *texts, size_t n) {
  Entry *entries = mem_alloc(n, sizeof *entries);
  for (size_t i = 0; i < n; i++) entries[i] = (Entry){texts[i], i};
  qsort(entries, n, sizeof *entries, by_text);
  return entries;
}

/* places[n]: where each of these ids is in the other set, or SIZE_MAX. */
static size_t *places_in(const EvalSet *set, const EvalSet *other) {
  Entry *entries = sorted(other->ids, other->n);
  size_t *places = mem_alloc(set->n, sizeof *places);
  for (size_t i = 0; i < set->n; i++) {
    size_t low = 0, high = other->n;
    while (low < high) {
      const size_t middle = low + (high - low) / 2;
      if (strcmp(entries[middle].text, set->ids[i]) < 0)
        low = middle + 1;
      else
        high = middle;
    }
    places[i] = low < other->n && strcmp(entries[low].text, set->ids[i]) == 0 ? entries[low].number : SIZE_MAX;
  }
  free(entries);
  return places;
}

static double correct_at(const EvalSet *set, size_t pair) {
  return pair_correct(set->rewards[2 * pair], set->rewards[2 * pair + 1]);
}

/* A number for each distinct prompt among the pairs; returns how many there are. numbers may be NULL. */
static size_t number_prompts(char *const *prompts, size_t n, size_t *numbers) {
  Entry *entries = sorted(prompts, n);
  size_t count = 0;
  for (size_t i = 0; i < n; i++) {
    count += i == 0 || strcmp(entries[i].text, entries[i - 1].text) != 0;
    if (numbers) numbers[entries[i].number] = count - 1;
  }
  free(entries);
  return count;
}

size_t eval_shared_prompts(const EvalSet *a, const EvalSet *b) {
  char **both = mem_alloc(a->n + b->n, sizeof *both);
  memcpy(both, a->prompts, a->n * sizeof *both);
  memcpy(both + a->n, b->prompts, b->n * sizeof *both);
  const size_t apart = number_prompts(a->prompts, a->n, NULL) + number_prompts(b->prompts, b->n, NULL);
  const size_t together = number_prompts(both, a->n + b->n, NULL);
  free(both);
  return apart - together;
}

static double share_of(const double *correct, size_t n) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += correct[i];
  return n ? sum / (double)n : NAN;
}

/* The pairs that all models have, as a TransferSet whose arrays are freed by clear_set. */
static void join(const EvalSet *student, const EvalSet *reference, const EvalSet *ceiling, bool by_prompt,
                 TransferSet *set) {
  size_t *in_reference = places_in(student, reference), *in_ceiling = ceiling ? places_in(student, ceiling) : NULL,
         n = 0;
  double *own = mem_alloc(student->n, sizeof *own), *theirs = mem_alloc(student->n, sizeof *theirs),
         *best = ceiling ? mem_alloc(student->n, sizeof *best) : NULL;
  char **prompts = mem_alloc(student->n, sizeof *prompts);
  for (size_t i = 0; i < student->n; i++) {
    if (in_reference[i] == SIZE_MAX || (in_ceiling && in_ceiling[i] == SIZE_MAX)) continue;
    own[n] = correct_at(student, i);
    theirs[n] = correct_at(reference, in_reference[i]);
    if (best) best[n] = correct_at(ceiling, in_ceiling[i]);
    prompts[n++] = student->prompts[i];
  }
  size_t *cluster = by_prompt ? mem_alloc(n, sizeof *cluster) : NULL;
  *set = (TransferSet){.n_pairs = n,
                       .student = own,
                       .reference = theirs,
                       .ceiling = best,
                       .cluster = cluster,
                       .n_clusters = by_prompt ? number_prompts(prompts, n, cluster) : 0};
  free(in_reference);
  free(in_ceiling);
  free(prompts);
}

static void clear_set(TransferSet *set) {
  free((double *)set->student);
  free((double *)set->reference);
  free((double *)set->ceiling);
  free((size_t *)set->cluster);
}

/* --source names a data set as --pairs does, or by its file's name. */
static Status find_source(const char *source, const EvalFile *files, size_t n, size_t *number, Error *err) {
  size_t n_found = 0;
  *number = n;
  if (!source) return STATUS_OK;
  for (size_t i = 0; i < n; i++)
    if (strcmp(source, files[i].path) == 0) {
      *number = i;
      return STATUS_OK;
    }
  for (size_t i = 0; i < n; i++)
    if (strcmp(source, file_name(files[i].path)) == 0) *number = i, n_found++;
  if (n_found == 1) return STATUS_OK;
  return error_set(err, STATUS_USAGE, "--source %s: %s, expected a file of --pairs", source,
                   n_found ? "several data sets have this name" : "no data set has this name");
}

/* Which side is the chosen one may depend on how a file was read: "PKU-SafeRLHF (safer)". */
static Status check_schema(const EvalFile *file, const EvalRun *student, const EvalRun *other, size_t set, Error *err) {
  const char *ours = student->sets[set].schema, *theirs = other->sets[set].schema;
  if (strcmp(ours, theirs) == 0) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: %s has its pairs as %s, %s as %s", file->path, student->name, ours,
                   other->name, theirs);
}

Status eval_compare(const EvalSettings *settings, const EvalFile *files, const EvalRun *student,
                    const EvalRun *reference, const EvalRun *ceiling, EvalRow *rows, EvalComparison *comparison,
                    Error *err) {
  const size_t n = student->n_sets;
  Status status = find_source(settings->source, files, n, &comparison->source, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    status = check_schema(&files[i], student, reference, i, err);
    if (status == STATUS_OK && ceiling) status = check_schema(&files[i], student, ceiling, i, err);
  }
  if (status != STATUS_OK) return status;
  TransferSet *sets = mem_alloc(n, sizeof *sets);
  TransferGain *gains = mem_alloc(n, sizeof *gains);
  for (size_t i = 0; i < n; i++) {
    join(&student->sets[i], &reference->sets[i], ceiling ? &ceiling->sets[i] : NULL,
         strcmp(settings->resample, "prompts") == 0, &sets[i]);
    sets[i].is_source = i == comparison->source;
    if (sets[i].n_pairs == 0 && status == STATUS_OK)
      status = error_set(err, STATUS_DATA, "%s: %s and %s have no pair in common", files[i].path, student->name,
                         reference->name);
  }
  if (status == STATUS_OK)
    transfer_gains(sets, n, settings->nts_weight, settings->bootstrap, settings->common.seed, gains,
                   &comparison->summary);
  for (size_t i = 0; i < n; i++) {
    rows[i].n_common = (double)sets[i].n_pairs;
    rows[i].reference_accuracy = share_of(sets[i].reference, sets[i].n_pairs);
    if (ceiling) rows[i].ceiling_accuracy = share_of(sets[i].ceiling, sets[i].n_pairs);
    rows[i].transfer = gains[i];
    clear_set(&sets[i]);
  }
  free(sets);
  free(gains);
  return status;
}

/* Scored again in another order, does a pair keep its preference, and by how much does its margin change at most (in
 * root mean squares of all margins)? */
static void add_reordered(const EvalSet *set, EvalRow *row) {
  double same = 0, square = 0, most = 0;
  for (size_t i = 0; i < set->n; i++) {
    const double *a = set->rewards + 2 * i, *b = set->reordered + 2 * i, margin = a[0] - a[1];
    same += pair_correct(a[0], a[1]) == pair_correct(b[0], b[1]);
    square += margin * margin;
    most = fmax(most, fabs(margin - (b[0] - b[1])));
  }
  row->reordered_same = same / (double)set->n;
  row->reordered_change = square > 0 ? most / sqrt(square / (double)set->n) : NAN;
}

EvalRow eval_row(const EvalFile *file, const EvalSet *set, size_t n_resamples, uint64_t seed) {
  const double n = (double)set->n;
  double correct = 0, ties = 0, margin = 0;
  for (size_t i = 0; i < set->n; i++) {
    correct += correct_at(set, i);
    ties += correct_at(set, i) == 0.5;
    margin += set->rewards[2 * i] - set->rewards[2 * i + 1];
  }
  const LengthBaseline length = length_baseline(set->n, set->lengths);
  const Bounded none = {NAN, NAN, NAN};
  EvalRow row = {.data = file->path,
                 .schema = set->schema,
                 .length_rule = length.rule,
                 .n = n,
                 .n_dropped = (double)set->n_dropped,
                 .n_ties = ties,
                 .n_prompts = (double)number_prompts(set->prompts, set->n, NULL),
                 .margin = margin / n,
                 .accuracy = wilson_interval(correct, n),
                 .length = length.best,
                 .n_common = NAN,
                 .reference_accuracy = NAN,
                 .ceiling_accuracy = NAN,
                 .transfer = {none, none, none},
                 .reordered_same = NAN,
                 .reordered_change = NAN};
  if (set->reordered) add_reordered(set, &row);
  for (size_t i = 0; i < EVAL_ABLATIONS; i++)
    if (set->ablated[i]) row.ablated[i] = eval_ablated_row(set, i, n_resamples, seed);
  return row;
}
