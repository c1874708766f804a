/* Linear CKA of every site of one model with every site of another, on the same rows. */
#ifndef FATHOM_PROBES_DRIFT_CROSS_H
#define FATHOM_PROBES_DRIFT_CROSS_H

#include "probes/drift/rows.h"

#include <stddef.h>
#include <stdint.h>

typedef struct CrossRequest {
  const RowSide *x, *y; /* [n_x], [n_y] */
  size_t n_x, n_y;
  const RowPlan *plan;
  size_t n_resamples; /* of the intervals; 0: none */
  uint64_t seed;
  size_t memory; /* bytes that sums, rows kept at hand and work space may take; a pair of sites is always done */
} CrossRequest;

/* How the products are formed: between rows (cost n^2 d a site, n^2 a pair) where rows are few, else between columns (n
 * d^2 a pair), in as many passes over the rows as memory asks for. */
typedef enum CrossForm { CROSS_CHEAPER, CROSS_ROWS, CROSS_COLUMNS } CrossForm;

/* What a map will take. Between columns the pairs of a pass are a tile of the map, as near to a square as memory allows, so
 * that a pass reads few sites. */
typedef struct CrossCost {
  CrossForm form;       /* CROSS_ROWS or CROSS_COLUMNS */
  size_t passes;        /* over rows of some or all sites */
  double bytes;         /* read, as float32 */
  double multiplications;
  size_t memory, least; /* bytes at a time; those that a pass of one pair would take */
} CrossCost;

CrossCost cross_cost(const CrossRequest *request, CrossForm form);

/* Each [n_x, n_y]: the numbers `cka` and `cka_biased` of cka.c, and the interval of the former as interval.h has it. */
typedef struct CrossMap {
  double *debiased, *biased, *low, *high;
} CrossMap;

/* NaN or infinite rows are STATUS_DATA. */
Status cross_cka(const CrossRequest *request, CrossForm form, const CrossMap *map, Error *err);

#endif
