/* All sites of one store against all of another. */
#include "base/log.h"
#include "base/memory.h"
#include "base/sitename.h"
#include "command/drift/drift.h"
#include "num/crossproduct.h"
#include "probes/drift/cross.h"
#include "store/result.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CKA, CKA_BIASED, KINDS };
static const char *const kind_names[KINDS] = {"cka", "cka_biased"};

/* The map: wanted kinds, each [n_a, n_b]. */
typedef struct Map {
  bool wanted[KINDS];
  const char **sites_a, **sites_b;
  double *values[KINDS], *low, *high; /* of cka */
} Map;

static Status select_kinds(const char *list, Map *map, Error *err) {
  if (!list) map->wanted[CKA] = true;
  for (const char *at = list; at;) {
    const size_t size = strcspn(at, ",");
    bool found = false;
    for (size_t k = 0; k < KINDS; k++)
      if (strlen(kind_names[k]) == size && strncmp(at, kind_names[k], size) == 0) map->wanted[k] = found = true;
    if (!found)
      return error_set(err, STATUS_USAGE, "--measures: --cross knows cka and cka_biased, not \"%.*s\"",
                       (int)(size < 64 ? size : 64), at);
    at = at[size] ? at + size + 1 : NULL;
  }
  return STATUS_OK;
}

/* Multiplications a second, and bytes read a second, from a twentieth of a second of either. */
static Status measure_rates(const CrossRequest *r, double *multiplications, double *bytes, Error *err) {
  enum { SIZE = 512 };
  const size_t width = r->x[0].width, most = r->plan->n_rows < ROW_BLOCK ? r->plan->n_rows : ROW_BLOCK;
  float *a = mem_alloc(SIZE * SIZE, sizeof *a), *c = mem_alloc(SIZE * SIZE, sizeof *c);
  float *rows = mem_alloc(most * width, sizeof *rows), *scratch = mem_alloc((most + ROW_MOST_GAP) * width, sizeof *scratch);
  double started = clock_seconds(), seconds = 0;
  size_t n = 0;
  Status status = STATUS_OK;
  for (; seconds < 0.05; n++, seconds = clock_seconds() - started) product_f32(true, false, SIZE, SIZE, SIZE, a, SIZE, a, SIZE, c, SIZE);
  *multiplications = (double)n * SIZE * SIZE * SIZE / seconds;
  started = clock_seconds();
  for (n = 0, seconds = 0; seconds < 0.05 && (n + 1) * most <= r->plan->n_rows && status == STATUS_OK; n++) {
    status = rows_read(&r->x[0], r->plan, n * most, most, scratch, rows, err);
    seconds = clock_seconds() - started;
  }
  *bytes = (double)(n * most * width * sizeof *rows) / seconds;
  free(a);
  free(c);
  free(rows);
  free(scratch);
  return status;
}

/* Says what the map takes before it is begun; refuses what memory does not hold. */
static Status announce(CrossRequest *r, Error *err) {
  CrossCost cost = cross_cost(r, CROSS_CHEAPER);
  double multiplications, bytes;
  if (r->memory == 0) {
    r->memory = cost.least > DRIFT_MEMORY ? cost.least : DRIFT_MEMORY;
    cost = cross_cost(r, CROSS_CHEAPER);
  }
  if (cost.form == CROSS_COLUMNS && cost.least > r->memory)
    return error_set(err, STATUS_USAGE,
                     "--memory %zuM: the least that a map takes here is %zuM; --bootstrap 0 or --rows make it less",
                     r->memory >> 20, (cost.least >> 20) + 1);
  const Status status = measure_rates(r, &multiplications, &bytes, err);
  if (status == STATUS_OK)
    log_note("map: %zu x %zu sites between %s, %zu passes, %.4g MiB to read, %zu MiB of memory, about %.3g s", r->n_x, r->n_y,
             cost.form == CROSS_ROWS ? "rows" : "columns", cost.passes, cost.bytes / (1 << 20), (cost.memory >> 20) + 1,
             cost.multiplications / multiplications + cost.bytes / bytes);
  return status;
}

static Status measure(const DriftStores *stores, const DriftSettings *settings, Map *map, Error *err) {
  StoreRows *rows = mem_alloc(stores->n_a + stores->n_b, sizeof *rows);
  RowSide *sides = mem_alloc(stores->n_a + stores->n_b, sizeof *sides);
  for (size_t i = 0; i < stores->n_a + stores->n_b; i++) {
    const bool of_a = i < stores->n_a;
    rows[i] =
        of_a ? (StoreRows){stores->a, stores->sites_a[i]} : (StoreRows){stores->b, stores->sites_b[i - stores->n_a]};
    sides[i] = drift_side(&rows[i]);
    if (of_a)
      map->sites_a[i] = sides[i].site;
    else
      map->sites_b[i - stores->n_a] = sides[i].site;
  }
  CrossRequest request = {.x = sides,
                          .y = sides + stores->n_a,
                          .n_x = stores->n_a,
                          .n_y = stores->n_b,
                          .plan = &stores->plan,
                          .n_resamples = map->wanted[CKA] ? settings->bootstrap : 0,
                          .seed = settings->common.seed,
                          .memory = settings->memory};
  const CrossMap to = {map->values[CKA], map->values[CKA_BIASED], map->low, map->high};
  Status status = announce(&request, err);
  if (status == STATUS_OK) status = cross_cka(&request, CROSS_CHEAPER, &to, err);
  free(sides);
  free(rows);
  return status;
}

static void note(const DriftStores *stores, const Map *map, const DriftSettings *settings, Table *table) {
  drift_note_rows(table, stores);
  drift_note_compute(table, stores);
  if (map->wanted[CKA]) drift_note_intervals(table, settings);
}

static Status write_notes(const DriftStores *stores, const Map *map, const DriftSettings *settings, Result *result, Error *err) {
  Table *notes = table_notebook();
  note(stores, map, settings, notes);
  return result_write_notes(result, notes, err);
}

static Status write_result(const DriftStores *stores, const Map *map, const DriftSettings *settings, const Provenance *provenance,
                           Error *err) {
  const size_t shape[] = {stores->n_a, stores->n_b};
  const char *wanted[KINDS];
  size_t n_wanted = 0;
  for (size_t k = 0; k < KINDS; k++)
    if (map->wanted[k]) wanted[n_wanted++] = kind_names[k];
  Result *result = NULL;
  char *compute = drift_compute_words(stores);
  Status status = result_create(settings->output, "cross", provenance, &result, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "compute_dtype", compute, err);
  if (status == STATUS_OK) status = drift_write_nonfinite(stores, result, err);
  if (status == STATUS_OK) status = write_notes(stores, map, settings, result, err);
  free(compute);
  if (status == STATUS_OK) status = result_write_strings(result, "site_a", map->sites_a, stores->n_a, err);
  if (status == STATUS_OK) status = result_write_strings(result, "site_b", map->sites_b, stores->n_b, err);
  if (status == STATUS_OK) status = result_write_strings(result, "measure", wanted, n_wanted, err);
  for (size_t k = 0; k < KINDS && status == STATUS_OK; k++)
    if (map->wanted[k]) status = result_write_array(result, kind_names[k], 2, shape, map->values[k], err);
  if (status == STATUS_OK && map->wanted[CKA]) status = result_write_array(result, "lo", 2, shape, map->low, err);
  if (status == STATUS_OK && map->wanted[CKA]) status = result_write_array(result, "hi", 2, shape, map->high, err);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}

static Status print(const DriftStores *stores, const Map *map, const DriftSettings *settings,
                    const Provenance *provenance, Error *err) {
  static const char *const columns[] = {"site_a", "site_b", "measure", "value", "lo", "hi", "n"};
  Table *table = table_begin(stdout, settings->common.json, provenance, columns, 7);
  note(stores, map, settings, table);
  for (size_t i = 0; i < stores->n_a; i++)
    for (size_t j = 0; j < stores->n_b; j++)
      for (size_t k = 0; k < KINDS; k++) {
        if (!map->wanted[k]) continue;
        table_string(table, map->sites_a[i]);
        table_string(table, map->sites_b[j]);
        table_string(table, kind_names[k]);
        table_number(table, map->values[k][i * stores->n_b + j]);
        table_number(table, k == CKA ? map->low[i * stores->n_b + j] : NAN);
        table_number(table, k == CKA ? map->high[i * stores->n_b + j] : NAN);
        table_count(table, stores->plan.n_samples);
      }
  return table_end(table, err);
}

Status drift_cross(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err) {
  Map map = {.sites_a = mem_alloc(stores->n_a, sizeof *map.sites_a),
             .sites_b = mem_alloc(stores->n_b, sizeof *map.sites_b)};
  const size_t size = stores->n_a * stores->n_b;
  for (size_t k = 0; k < KINDS; k++) map.values[k] = mem_alloc(size, sizeof(double));
  map.low = mem_alloc(size, sizeof(double));
  map.high = mem_alloc(size, sizeof(double));
  const Provenance provenance = drift_provenance(call, settings, stores);
  Status status = select_kinds(settings->measures, &map, err);
  if (status == STATUS_OK) status = measure(stores, settings, &map, err);
  if (status == STATUS_OK && settings->output) status = write_result(stores, &map, settings, &provenance, err);
  if (status == STATUS_OK) status = print(stores, &map, settings, &provenance, err);
  for (size_t k = 0; k < KINDS; k++) free(map.values[k]);
  free(map.low);
  free(map.high);
  free(map.sites_a);
  free(map.sites_b);
  return status;
}
