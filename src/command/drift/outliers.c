/* The columns that --without-outliers leaves out: found in the frozen model, site by site. */
#include "base/memory.h"
#include "command/drift/drift.h"
#include "probes/drift/columns.h"

#include <stdio.h>
#include <stdlib.h>

static Status find_at(const DriftStores *stores, size_t i, size_t k, DriftOutliers *outliers, Error *err) {
  const StoreSite *a = &store_contents(stores->a)->sites[stores->sites_a[i]],
                  *b = &store_contents(stores->b)->sites[stores->sites_b[i]];
  if (a->width != b->width)
    return error_set(err, STATUS_DATA, "--without-outliers: %s has width %zu in %s and %zu in %s: their columns are not the same",
                     a->name, a->width, store_path(stores->a), b->width, store_path(stores->b));
  if (k >= a->width)
    return error_set(err, STATUS_USAGE, "--without-outliers %zu: %s has only %zu columns", k, a->name, a->width);
  StoreRows rows = {stores->a, stores->sites_a[i]};
  const RowSide side = drift_side(&rows);
  return columns_find(&side, &stores->plan, k, outliers->columns + i * k, &outliers->share[i], err);
}

Status drift_outliers_find(const DriftStores *stores, size_t k, DriftOutliers *outliers, Error *err) {
  *outliers = (DriftOutliers){k, mem_alloc(stores->n_a * k, sizeof(size_t)), mem_alloc(stores->n_a, sizeof(double))};
  Status status = STATUS_OK;
  for (size_t i = 0; i < stores->n_a && status == STATUS_OK; i++) status = find_at(stores, i, k, outliers, err);
  return status;
}

void drift_outliers_clear(DriftOutliers *outliers) {
  free(outliers->columns);
  free(outliers->share);
  *outliers = (DriftOutliers){0};
}

char *drift_outliers_words(const DriftOutliers *outliers, size_t i) {
  char *words = mem_format("%zu", outliers->columns[i * outliers->k]);
  for (size_t j = 1; j < outliers->k; j++) {
    char *longer = mem_format("%s,%zu", words, outliers->columns[i * outliers->k + j]);
    free(words);
    words = longer;
  }
  return words;
}
