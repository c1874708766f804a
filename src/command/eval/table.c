/* What an evaluation prints, and the file it writes: one table of columns serves both. */
#include "base/memory.h"
#include "command/eval/eval.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum ColumnKind { COLUMN_TEXT, COLUMN_COUNT, COLUMN_NUMBER } ColumnKind;

/* Which columns an evaluation has. */
enum { ALWAYS = 1, WITH_REFERENCE = 2, WITH_CEILING = 4, WITH_REORDERED = 8, WITH_NO_PROMPT = 16, WITH_SHUFFLED = 32 };

typedef struct Column {
  const char *name;
  ColumnKind kind;
  size_t offset; /* in EvalRow */
  unsigned part;
} Column;

#define AT(member) offsetof(EvalRow, member)
#define BOUNDED(name, prefix, member, part)                                                                            \
  {name, COLUMN_NUMBER, AT(member.value), part}, {prefix "lo", COLUMN_NUMBER, AT(member.lo), part}, {                  \
    prefix "hi", COLUMN_NUMBER, AT(member.hi), part                                                                    \
  }

#define ABLATED(prefix, which, part)                                                                                   \
  {prefix "n", COLUMN_COUNT, AT(ablated[which].n), part},                                                              \
      BOUNDED(prefix "accuracy", prefix, ablated[which].accuracy, part),                                               \
      {prefix "same", COLUMN_NUMBER, AT(ablated[which].same), part},                                                   \
      BOUNDED(prefix "lost", prefix "lost_", ablated[which].lost, part)

/* The first seven are a contract with scripts: others may follow them. */
static const Column columns[] = {
    {"data", COLUMN_TEXT, AT(data), ALWAYS},
    {"schema", COLUMN_TEXT, AT(schema), ALWAYS},
    {"n", COLUMN_COUNT, AT(n), ALWAYS},
    {"n_dropped", COLUMN_COUNT, AT(n_dropped), ALWAYS},
    BOUNDED("accuracy", "", accuracy, ALWAYS),
    {"ties", COLUMN_COUNT, AT(n_ties), ALWAYS},
    {"prompts", COLUMN_COUNT, AT(n_prompts), ALWAYS},
    {"margin", COLUMN_NUMBER, AT(margin), ALWAYS},
    {"length_rule", COLUMN_TEXT, AT(length_rule), ALWAYS},
    BOUNDED("length_accuracy", "length_", length, ALWAYS),
    {"n_common", COLUMN_COUNT, AT(n_common), WITH_REFERENCE},
    {"reference_accuracy", COLUMN_NUMBER, AT(reference_accuracy), WITH_REFERENCE},
    BOUNDED("gain", "gain_", transfer.gain, WITH_REFERENCE),
    {"ceiling_accuracy", COLUMN_NUMBER, AT(ceiling_accuracy), WITH_CEILING},
    BOUNDED("ceiling_gap", "ceiling_gap_", transfer.gap, WITH_CEILING),
    BOUNDED("pgr", "pgr_", transfer.pgr, WITH_CEILING),
    {"reordered_same", COLUMN_NUMBER, AT(reordered_same), WITH_REORDERED},
    {"reordered_change", COLUMN_NUMBER, AT(reordered_change), WITH_REORDERED},
    ABLATED("no_prompt_", EVAL_NO_PROMPT, WITH_NO_PROMPT),
    ABLATED("shuffled_", EVAL_SHUFFLED, WITH_SHUFFLED),
};
enum { N_COLUMNS = sizeof columns / sizeof columns[0] };
#undef AT

static unsigned parts_of(const EvalReport *report) {
  return ALWAYS | (report->reference ? WITH_REFERENCE : 0u) | (report->ceiling ? WITH_CEILING : 0u) |
         (report->settings->reorder ? WITH_REORDERED : 0u) | (report->ablate[EVAL_NO_PROMPT] ? WITH_NO_PROMPT : 0u) |
         (report->ablate[EVAL_SHUFFLED] ? WITH_SHUFFLED : 0u);
}

static double number_at(const EvalRow *row, const Column *column) {
  return *(const double *)(const void *)((const char *)row + column->offset);
}

static const char *text_at(const EvalRow *row, const Column *column) {
  return *(const char *const *)(const void *)((const char *)row + column->offset);
}

static void print_cell(Table *table, const EvalRow *row, const Column *column) {
  if (column->kind == COLUMN_TEXT)
    table_string(table, text_at(row, column));
  else if (column->kind == COLUMN_COUNT)
    table_count(table, (size_t)number_at(row, column));
  else
    table_number(table, number_at(row, column));
}

static void note_overlaps(const EvalReport *r, Table *table) {
  const size_t n = r->student->n_sets;
  size_t n_found = 0;
  for (size_t i = 0; i < n; i++)
    for (size_t j = i + 1; j < n; j++) {
      const size_t shared = eval_shared_prompts(&r->student->sets[i], &r->student->sets[j]);
      n_found += shared > 0;
      if (shared)
        table_note(table, "overlap: %zu prompts are in both %s (%.0f prompts) and %s (%.0f)", shared, r->rows[i].data,
                   r->rows[i].n_prompts, r->rows[j].data, r->rows[j].n_prompts);
    }
  if (n > 1 && n_found == 0) table_note(table, "overlap: no prompt is in two data sets");
}

static void note_ablations(const EvalReport *r, Table *table) {
  if (r->ablate[EVAL_NO_PROMPT])
    table_note(table, "no_prompt: the same answers behind one user turn without text, all other turns left out");
  if (r->ablate[EVAL_SHUFFLED])
    table_note(table,
               "shuffled: the same answers behind the prompt of another pair (seed %llu), never one with the same "
               "first user turn",
               (unsigned long long)r->settings->common.seed);
  if (r->ablate[EVAL_NO_PROMPT] || r->ablate[EVAL_SHUFFLED])
    table_note(table,
               "of both: n pairs fit so; same: share that keep their preference; lost: points that go with the "
               "prompt, 95 %% by paired bootstrap over pairs, B = %zu; accuracy that stays is not about the prompt",
               r->settings->bootstrap);
}

static void note_plain(const EvalReport *r, Table *table) {
  table_note(table, "accuracy: share of pairs whose chosen side has the higher reward, a tie one half; lo and hi: "
                    "Wilson's 95 %% interval, each pair one independent trial (a tie varies less than that)");
  table_note(
      table,
      "length_accuracy: of the rule that sees the answers' lengths in words alone, longer or shorter wins, whichever "
      "is better on these pairs");
  for (size_t i = 0; i < r->student->n_sets; i++)
    if (r->student->sets[i].n_disfavoured)
      table_note(table,
                 "%s: the file's soft labels favour the rejected side of %zu pairs; the chosen side counts as right "
                 "all the same",
                 r->rows[i].data, r->student->sets[i].n_disfavoured);
  if (r->settings->reorder)
    table_note(table,
               "reordered: all texts scored again, pairs shuffled (seed %llu) and sides swapped; same: share of "
               "pairs that keep their preference; change: largest change of a margin, in root mean squares of "
               "the margins",
               (unsigned long long)r->settings->common.seed);
  note_ablations(r, table);
}

static void summary_bounded(Table *table, const char *name, Bounded b) {
  const char *const ends[] = {"", "_lo", "_hi"};
  const double values[] = {b.value, b.lo, b.hi};
  for (size_t i = 0; i < 3; i++) {
    char *full = mem_format("%s%s", name, ends[i]);
    table_summary_number(table, full, values[i]);
    free(full);
  }
}

static void note_comparison(const EvalReport *r, Table *table) {
  const EvalSettings *s = r->settings;
  const EvalComparison *c = r->comparison;
  const size_t n = r->student->n_sets;
  table_note(table,
             "gain: 100 (accuracy - accuracy of the reference) in points, on the n_common pairs that every model "
             "has; intervals: 95 %%, paired bootstrap over %s, B = %zu, seed %llu",
             strcmp(s->resample, "prompts") == 0 ? "prompts with all their pairs" : "pairs", s->bootstrap,
             (unsigned long long)s->common.seed);
  table_note(table,
             "ours: aog is the mean gain over targets (all data sets but the source), nts is aog - %g max(0, -gain "
             "on the source)",
             s->nts_weight);
  if (r->ceiling)
    table_note(table, "pgr = (student - reference) / (ceiling - reference), where the interval of ceiling_gap lies "
                      "above 0");
  table_summary_text(table, "reference", r->reference->name);
  if (r->ceiling) table_summary_text(table, "ceiling", r->ceiling->name);
  table_summary_text(table, "source", c->source < n ? r->rows[c->source].data : NULL);
  table_summary_number(table, "nts_weight", s->nts_weight);
  summary_bounded(table, "aog", c->summary.aog);
  summary_bounded(table, "nts", c->summary.nts);
  const size_t worst = c->summary.worst;
  table_summary_text(table, "worst_target", worst < n ? r->rows[worst].data : NULL);
  summary_bounded(table, "worst_gain", worst < n ? r->rows[worst].transfer.gain : (Bounded){NAN, NAN, NAN});
}

static void note(const EvalReport *r, Table *table) {
  for (size_t i = 0; i < r->student->n_notes; i++) table_note(table, "%s", r->student->notes[i]);
  note_plain(r, table);
  note_overlaps(r, table);
  if (r->reference) note_comparison(r, table);
}

Status eval_table_print(const EvalReport *r, const Provenance *from, Error *err) {
  const char *names[N_COLUMNS];
  const unsigned parts = parts_of(r);
  size_t n = 0;
  for (size_t i = 0; i < N_COLUMNS; i++)
    if (columns[i].part & parts) names[n++] = columns[i].name;
  Table *table = table_begin(stdout, r->settings->common.json, from, names, n);
  note(r, table);
  for (size_t i = 0; i < r->student->n_sets; i++)
    for (size_t j = 0; j < N_COLUMNS; j++)
      if (columns[j].part & parts) print_cell(table, &r->rows[i], &columns[j]);
  return table_end(table, err);
}

/* data/NAME: a number or text for each data set. */
static Status write_column(Result *result, const EvalReport *r, const Column *column, Error *err) {
  const size_t n = r->student->n_sets;
  char *path = mem_format("data/%s", strcmp(column->name, "data") == 0 ? "path" : column->name);
  double *numbers = mem_alloc(n, sizeof *numbers);
  const char **texts = mem_alloc(n, sizeof *texts);
  for (size_t i = 0; i < n; i++)
    if (column->kind == COLUMN_TEXT)
      texts[i] = text_at(&r->rows[i], column);
    else
      numbers[i] = number_at(&r->rows[i], column);
  const Status status = column->kind == COLUMN_TEXT ? result_write_strings(result, path, texts, n, err)
                                                    : result_write_array(result, path, 1, &n, numbers, err);
  free(path);
  free(numbers);
  free(texts);
  return status;
}

/* summary/NAME: value, lo, hi; and what they are measured against. */
static Status write_comparison(Result *result, const EvalReport *r, Error *err) {
  const EvalComparison *c = r->comparison;
  const size_t n = r->student->n_sets, three = 3, worst = c->summary.worst;
  const Bounded *const values[] = {&c->summary.aog, &c->summary.nts};
  const char *const names[] = {"summary/aog", "summary/nts"};
  Status status = result_write_attribute(result, "reference", r->reference->name, err);
  if (status == STATUS_OK && r->ceiling) status = result_write_attribute(result, "ceiling", r->ceiling->name, err);
  if (status == STATUS_OK)
    status = result_write_attribute(result, "source", c->source < n ? r->rows[c->source].data : "", err);
  if (status == STATUS_OK)
    status = result_write_attribute(result, "worst_target", worst < n ? r->rows[worst].data : "", err);
  if (status == STATUS_OK)
    status = result_write_array(result, "summary/nts_weight", 1, &(size_t){1}, &r->settings->nts_weight, err);
  for (size_t i = 0; i < 2 && status == STATUS_OK; i++)
    status = result_write_array(result, names[i], 1, &three,
                                (const double[]){values[i]->value, values[i]->lo, values[i]->hi}, err);
  return status;
}

static Status write_notes(const EvalReport *r, Result *result, Error *err) {
  Table *notes = table_notebook();
  note(r, notes);
  return result_write_notes(result, notes, err);
}

Status eval_table_write(const EvalReport *r, const Provenance *from, Error *err) {
  Result *result;
  Status status = result_create(r->settings->output, "eval", from, &result, err);
  if (status != STATUS_OK) return status;
  for (size_t i = 0; i < N_COLUMNS && status == STATUS_OK; i++)
    if (columns[i].part & parts_of(r)) status = write_column(result, r, &columns[i], err);
  if (status == STATUS_OK) status = write_notes(r, result, err);
  if (status == STATUS_OK) status = eval_result_add_run(result, r->student, r->files, err);
  if (status == STATUS_OK && r->reference) status = write_comparison(result, r, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "compute_dtype", r->settings->input.dtype, err);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}
