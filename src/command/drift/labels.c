/* The labels of samples as classes of rows, for measures that predict them. */
#include "base/memory.h"
#include "command/drift/drift.h"

#include <stdlib.h>
#include <string.h>

enum { MOST_CLASSES = 100 };

/* Their texts in the order they come; n beyond MOST_CLASSES is not counted on. */
typedef struct Classes {
  const char *names[MOST_CLASSES];
  size_t n;
} Classes;

static size_t class_of(Classes *classes, const char *label) {
  for (size_t i = 0; i < classes->n; i++)
    if (strcmp(classes->names[i], label) == 0) return i;
  if (classes->n == MOST_CLASSES) return MOST_CLASSES;
  classes->names[classes->n] = label;
  return classes->n++;
}

Status drift_labels_read(DriftStores *stores, Error *err) {
  const StoreContents *c = store_contents(stores->a);
  const RowPlan *plan = &stores->plan;
  const char *path = store_path(stores->a);
  Classes classes = {.n = 0};
  stores->row_class = mem_alloc(plan->n_rows, sizeof *stores->row_class);
  for (size_t i = 0; i < plan->n_rows; i++) {
    const char *label = c->labels[c->row_sample[plan->rows[i]]];
    const size_t class = label[0] ? class_of(&classes, label) : 0;
    if (class == MOST_CLASSES)
      return error_set(err, STATUS_DATA,
                       "%s: more than %d different labels, expected classes that probes can tell apart", path,
                       MOST_CLASSES);
    stores->row_class[i] = label[0] ? (uint32_t) class : ROW_NO_CLASS;
  }
  stores->n_classes = classes.n;
  if (classes.n == 0)
    return error_set(err, STATUS_DATA, "%s: its samples have no labels (/samples/label), which probes predict", path);
  if (classes.n == 1)
    return error_set(err, STATUS_DATA, "%s: all labels are \"%.80s\", expected at least two classes", path,
                     classes.names[0]);
  return STATUS_OK;
}
