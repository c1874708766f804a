/* `fathom drift --by`: where the change lies. by.c (which way, and the table of those that give one), parts.c
 * (positions, groups, labels), branches.c (what attention and MLP add), samples.c (samples that drift most),
 * margins.c (drift of pairs against their reward margin, which margins.h finds). */
#ifndef FATHOM_COMMAND_DRIFT_BY_H
#define FATHOM_COMMAND_DRIFT_BY_H

#include "command/drift/drift.h"
#include "probes/drift/interval.h"

/* A row of the table; strings are borrowed. */
typedef struct PartRow {
  const char *site, *part, *measure;
  double value;
  Interval interval;
  size_t n, n_rows;
} PartRow;

/* What is asked for, and the rows that answer it. */
typedef struct PartTable {
  const char *kind; /* of the result */
  const Invocation *call;
  const DriftSettings *settings;
  const DriftStores *stores;
  const DriftSelection *selection; /* NULL: shares alone */
  const char *note;                /* what the parts are */
  const char *difference;          /* the part that is one of two others; NULL: there is none */
  PartRow *rows;
  size_t n;
  Status (*write_more)(const void *more, Result *result, Error *err); /* to the result; NULL: nothing */
  const void *more;
} PartTable;

/* Writes -o and prints. */
Status part_table_finish(const PartTable *table, Error *err);

/* STATUS_USAGE where a measure cannot be of a part of the rows. */
Status drift_by_check(const DriftSelection *selection, Error *err);

/* Whatever --by says. */
Status drift_by(const Invocation *call, const DriftSettings *settings, const DriftStores *stores,
                const DriftSelection *selection, Error *err);

Status drift_by_part(const Invocation *call, const DriftSettings *settings, const DriftStores *stores,
                     const DriftSelection *selection, Error *err);
Status drift_by_branch(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err);
Status drift_by_margin(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err);
Status drift_by_sample(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err);

#endif
