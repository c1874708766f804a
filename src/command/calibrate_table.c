/* What the calibration says: a row for each measure on each truth, as a table and as a result. */
#include "base/memory.h"
#include "command/calibrate.h"
#include "store/result.h"

#include <math.h>
#include <stdlib.h>

static const char *const verdicts[CALIBRATE_VERDICTS] = {"found", "missed", "blind", "quiet", "false alarm"};

void calibrate_add(Calibration *c, CalibrateRow row) {
  c->rows = mem_resize(c->rows, c->n_rows + 1, sizeof *c->rows);
  c->rows[c->n_rows++] = row;
}

bool calibrate_holds(const CalibrateRow *row) {
  return row->verdict != CALIBRATE_MISSED && row->verdict != CALIBRATE_FALSE_ALARM && row->false_alarms == 0;
}

enum { TRUTH, INSTRUMENT, MEASURE, WHERE, EXPECTED, VERDICT, TEXTS };
static const char *const text_names[TEXTS] = {"truth", "instrument", "measure", "where", "expected", "verdict"};

static const char *text_of(const CalibrateRow *row, int which) {
  const char *const texts[TEXTS] = {row->truth, row->instrument, row->measure, row->where, row->expected, verdicts[row->verdict]};
  return texts[which];
}

enum { VALUE, LO, HI, FALSE_ALARMS, PLACES, NUMBERS };
static const char *const number_names[NUMBERS] = {"value", "lo", "hi", "false_alarms", "places"};

static double number_of(const CalibrateRow *row, int which) {
  const double numbers[NUMBERS] = {row->value, row->lo, row->hi, (double)row->false_alarms, (double)row->places};
  return numbers[which];
}

Status calibrate_write(const Calibration *c, const Provenance *from, Error *err) {
  const size_t n = c->n_rows;
  const char **texts = mem_alloc(n, sizeof *texts);
  double *numbers = mem_alloc(n, sizeof *numbers);
  Result *result = NULL;
  Status status = result_create(c->settings->output, "calibration", from, &result, err);
  for (int t = 0; t < TEXTS && status == STATUS_OK; t++) {
    for (size_t i = 0; i < n; i++) texts[i] = text_of(&c->rows[i], t);
    status = result_write_strings(result, text_names[t], texts, n, err);
  }
  for (int k = 0; k < NUMBERS && status == STATUS_OK; k++) {
    for (size_t i = 0; i < n; i++) numbers[i] = number_of(&c->rows[i], k);
    status = result_write_array(result, number_names[k], 1, &n, numbers, err);
  }
  if (status == STATUS_OK)
    status = result_finish(result, err);
  else
    result_close(result);
  free(texts);
  free(numbers);
  return status;
}

static void summarise(const Calibration *c, Table *table) {
  static const char *const names[CALIBRATE_VERDICTS] = {"found", "missed", "blind", "quiet", "false_alarms"};
  double counts[CALIBRATE_VERDICTS] = {0}, elsewhere = 0, places = 0;
  for (size_t i = 0; i < c->n_rows; i++) {
    counts[c->rows[i].verdict]++;
    elsewhere += (double)c->rows[i].false_alarms;
    places += (double)c->rows[i].places;
  }
  for (size_t v = 0; v < CALIBRATE_VERDICTS; v++) table_summary_number(table, names[v], counts[v]);
  table_summary_number(table, "false_alarms_elsewhere", elsewhere);
  table_summary_number(table, "places_elsewhere", places);
}

Status calibrate_print(const Calibration *c, const Provenance *from, Error *err) {
  static const char *const columns[] = {"truth",    "instrument", "measure", "where",        "value", "lo",
                                        "hi",       "expected",   "verdict", "false_alarms", "places"};
  Table *table = table_begin(stdout, c->settings->common.json, from, columns, sizeof columns / sizeof columns[0]);
  table_note(table, "every model was made and pretrained here; edits are in block %zu", c->layer);
  table_note(table, "verdict: found or missed what was planted; blind: a measure that cannot see it did not; quiet: nothing was planted, "
                    "and nothing seen; false alarm: something was");
  table_note(table, "columns false_alarms and places: elsewhere, that is at sites before the edit or behind one that is undone, or in other "
                    "weights, where nothing has changed: how often the measure says that something has, and of how many");
  table_note(table, "lo, hi: 95 %% intervals as in the instrument's own table: over prompts for drift and implicit, over pairs for eval; none "
                    "is over trainings");
  summarise(c, table);
  for (size_t i = 0; i < c->n_rows; i++) {
    const CalibrateRow *row = &c->rows[i];
    for (int t = TRUTH; t <= WHERE; t++) table_string(table, text_of(row, t));
    for (int k = VALUE; k <= HI; k++) table_number(table, number_of(row, k));
    table_string(table, row->expected);
    table_string(table, verdicts[row->verdict]);
    table_count(table, row->false_alarms);
    table_count(table, row->places);
  }
  return table_end(table, err);
}
