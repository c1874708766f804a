/* L2-SP, with w0 read from the mapped files. */
#include "train/l2sp.h"

#include "base/memory.h"
#include "model/tensor_layout.h"

#include <stdlib.h>
#include <string.h>

typedef struct L2spPart {
  const Parameter *parameter;
  const Tensor *tensor; /* w0 in the files at this place, or NULL and */
  TensorPlace place;
  real *copy; /* [rows, columns] */
} L2spPart;

/* Does the file give the same bits as the values in memory? */
static bool is_as_read(const Model *model, const L2spPart *part) {
  const Parameter *p = part->parameter;
  const size_t bytes = p->columns * sizeof(real);
  bool same = true;
#pragma omp parallel reduction(&& : same)
  {
    real *row = mem_alloc(p->columns, sizeof *row);
#pragma omp for schedule(static)
    for (size_t r = 0; r < p->rows; r++)
      same = same && parameters_read_row(&model->config, p, &part->place, part->tensor, r, row) &&
             memcmp(row, model->values + p->offset + r * p->columns, bytes) == 0;
    free(row);
  }
  return same;
}

static void take_part(L2sp *l, const Model *model, const Parameter *p, const Source *source, const Adapter *adapter) {
  L2spPart *part = &l->parts[l->n++];
  const size_t n = p->rows * p->columns;
  *part = (L2spPart){.parameter = p};
  if (source && p->role != ROLE_SCORE) part->tensor = parameters_find(&model->config, p, source, adapter, &part->place);
  if (part->tensor && is_as_read(model, part)) return;
  part->tensor = NULL;
  part->copy = mem_alloc(n, sizeof *part->copy);
  memcpy(part->copy, model->values + p->offset, n * sizeof *part->copy);
  l->copied += n * sizeof *part->copy;
}

void l2sp_init(L2sp *l, double strength, const Model *model, size_t begin, bool with_head, const Source *source,
               const Adapter *adapter) {
  const ParameterTable *table = &model->table;
  size_t most = 1;
  *l = (L2sp){.strength = strength, .parts = mem_alloc(table->count, sizeof *l->parts)};
  for (size_t i = 0; i < table->count; i++) {
    const Parameter *p = &table->items[i];
    if (!parameter_is_trained(p, begin) || (p->role == ROLE_SCORE && !with_head)) continue;
    take_part(l, model, p, source, adapter);
    most = p->rows > most ? p->rows : most;
  }
  l->row_squares = mem_alloc(most, sizeof *l->row_squares);
}

void l2sp_clear(L2sp *l) {
  for (size_t i = 0; i < l->n; i++) free(l->parts[i].copy);
  free(l->parts);
  free(l->row_squares);
  *l = (L2sp){0};
}

/* One parameter, its rows shared out among the threads. */
static double add_part(const L2sp *l, const L2spPart *part, const Model *model, Gradients *g) {
  const Parameter *p = part->parameter;
  const size_t n = p->columns;
  const real factor = (real)(2 * l->strength);
#pragma omp parallel
  {
    real *row = mem_alloc(n, sizeof *row);
#pragma omp for schedule(static)
    for (size_t r = 0; r < p->rows; r++) {
      const real *w = model->values + p->offset + r * n, *w0 = part->copy ? part->copy + r * n : row;
      real *dw = g->values + (p->offset - g->begin) + r * n;
      double squares = 0;
      if (!part->copy) parameters_read_row(&model->config, p, &part->place, part->tensor, r, row);
      for (size_t i = 0; i < n; i++) {
        const real difference = w[i] - w0[i];
        squares += (double)difference * (double)difference;
        dw[i] += factor * difference;
      }
      l->row_squares[r] = squares;
    }
    free(row);
  }
  double sum = 0;
  for (size_t r = 0; r < p->rows; r++) sum += l->row_squares[r];
  return sum;
}

double l2sp_add(const L2sp *l, const Model *model, Gradients *g) {
  double sum = 0;
  for (size_t i = 0; i < l->n; i++) sum += add_part(l, &l->parts[i], model, g);
  return sum;
}
