/* What the calibration says: a row for each measure on each truth. */
#include "base/memory.h"
#include "command/calibrate/calibrate.h"

#include <stdlib.h>

static const char *const verdicts[CALIBRATE_VERDICTS] = {"found", "missed", "blind", "quiet", "false alarm", "not asked"};

void calibrate_add(Calibration *c, CalibrateRow row) {
  c->rows = mem_resize(c->rows, c->n_rows + 1, sizeof *c->rows);
  c->rows[c->n_rows++] = row;
}

bool calibrate_holds(const CalibrateRow *row) {
  return row->verdict != CALIBRATE_MISSED && row->verdict != CALIBRATE_FALSE_ALARM && row->false_alarms == 0;
}

const char *const calibrate_text_names[ROW_TEXTS] = {"truth", "instrument", "measure", "where", "expected", "verdict"};

const char *calibrate_text(const CalibrateRow *row, int which) {
  const char *const texts[ROW_TEXTS] = {row->truth, row->instrument, row->measure, row->where, row->expected, verdicts[row->verdict]};
  return texts[which];
}

const char *const calibrate_number_names[ROW_NUMBERS] = {"value", "lo", "hi", "false_alarms", "places"};

double calibrate_number(const CalibrateRow *row, int which) {
  const double numbers[ROW_NUMBERS] = {row->value, row->lo, row->hi, (double)row->false_alarms, (double)row->places};
  return numbers[which];
}

static void summarise(const Calibration *c, Table *table) {
  static const char *const names[CALIBRATE_VERDICTS] = {"found", "missed", "blind", "quiet", "false_alarms", "not_asked"};
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

void calibrate_note(const Calibration *c, Table *table) {
  table_note(table, "every model was made and pretrained here; edits are in block %zu", c->layer);
  table_note(table, "verdict: found or missed what was planted; blind: a measure that cannot see it did not; quiet: nothing was planted, "
                    "and nothing seen; false alarm: something was; not asked: no claim is made, expected says why");
  table_note(table, "expected: of drift, how far the value must be, or may be, from that of identical models; lo and hi must be so too");
  table_note(table, "false_alarms, places: elsewhere, that is at sites before the edit or behind one that is undone, or in other weights, "
                    "where nothing has changed: how often the measure says that something has, and of how many");
  table_note(table, "lo, hi: 95 %% intervals as in the instrument's own table: over prompts for drift and implicit, over words for axis, over "
                    "pairs for eval; none is over trainings");
}

Status calibrate_print(const Calibration *c, const Provenance *from, Error *err) {
  static const char *const columns[] = {"truth",    "instrument", "measure", "where",        "value", "lo",
                                        "hi",       "expected",   "verdict", "false_alarms", "places"};
  Table *table = table_begin(stdout, c->settings->common.json, from, columns, sizeof columns / sizeof columns[0]);
  calibrate_note(c, table);
  summarise(c, table);
  for (size_t i = 0; i < c->n_rows; i++) {
    const CalibrateRow *row = &c->rows[i];
    for (int t = ROW_TRUTH; t <= ROW_WHERE; t++) table_string(table, calibrate_text(row, t));
    for (int k = ROW_VALUE; k <= ROW_HI; k++) table_number(table, calibrate_number(row, k));
    table_string(table, row->expected);
    table_string(table, verdicts[row->verdict]);
    table_count(table, row->false_alarms);
    table_count(table, row->places);
  }
  return table_end(table, err);
}
