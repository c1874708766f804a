/* The axes of a sweep: lists on the command line, or a JSON file of arrays, each value checked. */
#include "base/json.h"
#include "base/memory.h"
#include "command/sweep/sweep.h"
#include "command/train/options.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef enum AxisKind { KIND_FILE, KIND_QUANTITY, KIND_REAL, KIND_TEXT, KIND_OPTIONS, KIND_SEED } AxisKind;

/* option is what the command line calls it. */
static const struct AxisRow {
  const char *key, *option;
  AxisKind kind;
  double min, max;
} rows[N_AXES] = {
    [AXIS_SOURCE] = {"pairs", "pairs", KIND_FILE, 0, 0},
    [AXIS_QUANTITY] = {"train-pairs", "train-pairs", KIND_QUANTITY, 0, 0},
    [AXIS_RATE] = {"lr", "lr", KIND_REAL, 0, 10},
    [AXIS_ANCHOR] = {"anchor", "anchor", KIND_REAL, 0, 1e6},
    [AXIS_LAYERS] = {"anchor-layers", "anchor-layers", KIND_TEXT, 0, 0},
    [AXIS_CONTROL] = {"control", "control", KIND_OPTIONS, 0, 0},
    [AXIS_SEED] = {"seeds", "seeds", KIND_SEED, 0, 0},
};

const char *sweep_axis_name(SweepAxisName axis) { return rows[axis].key; }

/* Is text a value of this axis? number is filled in. */
static bool check_value(const struct AxisRow *row, const char *text, double *number) {
  uint64_t seed;
  size_t count;
  *number = NAN;
  switch (row->kind) {
  case KIND_FILE:
  case KIND_TEXT: return *text;
  case KIND_OPTIONS: return strncmp(text, "--", 2) == 0 && text[2] && text[2] != ' ';
  case KIND_REAL: return parse_real(text, number) && *number >= row->min && *number <= row->max;
  case KIND_SEED: return parse_u64(text, &seed) && (*number = (double)seed, true);
  case KIND_QUANTITY:
    return strcmp(text, "all") == 0 || (parse_size(text, &count) && count > 0 && (*number = (double)count, true));
  }
  return false;
}

static const char *expected(AxisKind kind) {
  switch (kind) {
  case KIND_FILE: return "a file";
  case KIND_QUANTITY: return "a number of pairs or \"all\"";
  case KIND_REAL: return "numbers in the range of train's option";
  case KIND_TEXT: return "all, last, middle or a list of blocks";
  case KIND_OPTIONS: return "options of train, such as --l2-sp 0.01";
  case KIND_SEED: return "whole numbers";
  }
  return "";
}

/* where: "--anchor" or "FILE: anchor". */
static Status add_value(SweepGrid *grid, SweepAxisName name, const char *where, const char *text, Status wrong,
                        Error *err) {
  SweepAxis *axis = &grid->axes[name];
  double number;
  if (!check_value(&rows[name], text, &number))
    return error_set(err, wrong, "%s %s: expected %s", where, *text ? text : "(empty)", expected(rows[name].kind));
  for (size_t i = 0; i < axis->n; i++)
    if (strcmp(axis->values[i].text, text) == 0 || axis->values[i].number == number)
      return error_set(err, wrong, "%s %s: was given twice", where, text);
  axis->values = mem_resize(axis->values, axis->n + 1, sizeof *axis->values);
  axis->values[axis->n++] = (SweepValue){mem_copy_string(text), number};
  return STATUS_OK;
}

static Status add_list(SweepGrid *grid, SweepAxisName name, const char *list, Error *err) {
  char *where = mem_format("--%s", rows[name].option), *copy = mem_copy_string(list);
  Status status = STATUS_OK;
  for (char *at = copy, *next; at && status == STATUS_OK; at = next) {
    next = strchr(at, ',');
    if (next) *next++ = 0;
    status = add_value(grid, name, where, at, STATUS_USAGE, err);
  }
  free(copy);
  free(where);
  return status;
}

static Status add_texts(SweepGrid *grid, SweepAxisName name, const OptionTexts *texts, Error *err) {
  char *where = mem_format("--%s", rows[name].option);
  Status status = STATUS_OK;
  for (size_t i = 0; i < texts->count && status == STATUS_OK; i++)
    status = add_value(grid, name, where, texts->items[i], STATUS_USAGE, err);
  free(where);
  return status;
}

/* --- the file --- */

char *sweep_number_text(double number) {
  char *text = NULL;
  for (int digits = 1; digits <= 17; digits++) {
    free(text);
    text = mem_format("%.*g", digits, number);
    if (strtod(text, NULL) == number) break;
  }
  return text;
}

static Status add_node(SweepGrid *grid, SweepAxisName name, const Json *node, const char *where, Error *err) {
  if (!json_is_string(node) && !json_is_number(node))
    return error_set(err, STATUS_DATA, "%s: expected an array of %s", where, expected(rows[name].kind));
  const bool whole = json_is_number(node) && fabs(json_number(node, 0)) < 1e15 &&
                     json_number(node, 0) == floor(json_number(node, 0));
  char *text = json_is_string(node) ? mem_copy_string(json_string(node, ""))
               : whole              ? mem_format("%.0f", json_number(node, 0))
                                    : sweep_number_text(json_number(node, 0));
  const Status status = add_value(grid, name, where, text, STATUS_DATA, err);
  free(text);
  return status;
}

static Status add_member(SweepGrid *grid, const char *path, const Json *member, Error *err) {
  size_t name = 0;
  while (name < N_AXES && strcmp(rows[name].key, json_key(member)) != 0) name++;
  if (name == N_AXES)
    return error_set(err, STATUS_DATA,
                     "%s: unknown key \"%s\": expected anchor, anchor-layers, lr, pairs, train-pairs, seeds or control",
                     path, json_key(member));
  if (grid->axes[name].n)
    return error_set(err, STATUS_USAGE, "%s: %s is given on the command line, too, or twice", path, rows[name].key);
  char *where = mem_format("%s: %s", path, rows[name].key);
  Status status = STATUS_OK;
  if (json_is_array(member) && json_count(member) == 0)
    status = error_set(err, STATUS_DATA, "%s: is empty", where);
  else if (!json_is_array(member))
    status = add_node(grid, (SweepAxisName)name, member, where, err);
  for (const Json *node = json_is_array(member) ? json_first(member) : NULL; node && status == STATUS_OK;
       node = json_next(node))
    status = add_node(grid, (SweepAxisName)name, node, where, err);
  free(where);
  return status;
}

static Status read_file(SweepGrid *grid, const char *path, Error *err) {
  Json *root = NULL;
  Status status = json_read(path, &root, err);
  if (status == STATUS_OK && !json_is_object(root))
    status = error_set(err, STATUS_DATA, "%s: expected an object of arrays", path);
  for (const Json *member = status == STATUS_OK ? json_first(root) : NULL; member && status == STATUS_OK;
       member = json_next(member))
    status = add_member(grid, path, member, err);
  json_free(root);
  return status;
}

/* --- all of it --- */

/* An axis that nobody gave has one value, or none: controls are extra. */
static void fill_in(SweepGrid *grid, const SweepSettings *s) {
  char *rate = sweep_number_text(train_defaults.lr), *seed = mem_format("%llu", (unsigned long long)s->common.seed);
  const char *const defaults[N_AXES] = {[AXIS_QUANTITY] = "all", [AXIS_RATE] = rate,   [AXIS_ANCHOR] = "0",
                                        [AXIS_LAYERS] = "all",   [AXIS_SEED] = seed};
  for (size_t name = 0; name < N_AXES; name++)
    if (grid->axes[name].n == 0 && defaults[name])
      add_value(grid, (SweepAxisName)name, "", defaults[name], STATUS_USAGE, NULL);
  free(rate);
  free(seed);
}

Status sweep_grid_read(const SweepSettings *s, SweepGrid *grid, Error *err) {
  const struct {
    SweepAxisName name;
    const char *list;
  } lists[] = {
      {AXIS_ANCHOR, s->anchors}, {AXIS_RATE, s->rates}, {AXIS_QUANTITY, s->quantities}, {AXIS_SEED, s->seeds}};
  *grid = (SweepGrid){0};
  Status status = add_texts(grid, AXIS_SOURCE, &s->input.pairs, err);
  if (status == STATUS_OK) status = add_texts(grid, AXIS_LAYERS, &s->anchor_layers, err);
  if (status == STATUS_OK) status = add_texts(grid, AXIS_CONTROL, &s->controls, err);
  for (size_t i = 0; i < sizeof lists / sizeof lists[0] && status == STATUS_OK; i++)
    if (lists[i].list) status = add_list(grid, lists[i].name, lists[i].list, err);
  if (status == STATUS_OK && s->grid) status = read_file(grid, s->grid, err);
  if (status == STATUS_OK && grid->axes[AXIS_SOURCE].n == 0)
    status = error_set(err, STATUS_USAGE, "sweep: --pairs FILE is needed");
  if (status == STATUS_OK && s->heldout.count && s->heldout.count != grid->axes[AXIS_SOURCE].n)
    status = error_set(err, STATUS_USAGE, "--heldout was given %zu times for %zu --pairs: one for each, in their order",
                       s->heldout.count, grid->axes[AXIS_SOURCE].n);
  if (status == STATUS_OK) fill_in(grid, s);
  if (status != STATUS_OK) sweep_grid_clear(grid);
  return status;
}

void sweep_grid_clear(SweepGrid *grid) {
  for (size_t name = 0; name < N_AXES; name++) {
    for (size_t i = 0; i < grid->axes[name].n; i++) free(grid->axes[name].values[i].text);
    free(grid->axes[name].values);
  }
  *grid = (SweepGrid){0};
}
