/* Shift and rotation of an axis between two models. */
#include "probes/values/axis_compare.h"

#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

Estimate axis_lemma_mean(size_t n, const double *numbers, const bool *chosen, const size_t *lemma, size_t n_lemmas,
                         size_t *n_units) {
  double *sums = mem_alloc(n_lemmas, sizeof *sums), *counts = mem_alloc(n_lemmas, sizeof *counts), mean = 0;
  size_t units = 0;
  for (size_t i = 0; i < n; i++) {
    if (!chosen[i]) continue;
    sums[lemma[i]] += numbers[i];
    counts[lemma[i]] += 1;
  }
  for (size_t l = 0; l < n_lemmas; l++)
    if (counts[l] > 0) sums[units++] = sums[l] / counts[l];
  for (size_t u = 0; u < units; u++) mean += sums[u] / (double)units;
  for (size_t u = 0; u < units; u++) sums[u] -= mean;
  free(counts);
  *n_units = units;
  return (Estimate){.value = units ? mean : NAN, .scale = SCALE_RAW, .centre = mean, .pseudo = sums};
}

/* Two models' rows of the words that are kept, and a design over them. */
typedef struct Part {
  size_t n;
  bool *first;
  size_t *lemma;
  float *x, *y;
  double *covariates;
} Part;

static void part_clear(Part *part) {
  free(part->first);
  free(part->lemma);
  free(part->x);
  free(part->y);
  free(part->covariates);
}

/* Without the words of one group; group SIZE_MAX keeps all. */
static Part take_part(const AxisDesign *design, const size_t *group_of, size_t left_out, const double *covariates,
                      size_t q, size_t d, const float *x, const float *y) {
  const size_t n = design->n;
  Part p = {.first = mem_alloc(n, sizeof *p.first),
            .lemma = mem_alloc(n, sizeof *p.lemma),
            .x = mem_alloc(n * d, sizeof *p.x),
            .y = mem_alloc(n * d, sizeof *p.y),
            .covariates = mem_alloc(n * q, sizeof *p.covariates)};
  for (size_t i = 0; i < n; i++) {
    if (group_of[design->lemma[i]] == left_out) continue;
    p.first[p.n] = design->first[i];
    p.lemma[p.n] = design->lemma[i];
    memcpy(p.x + p.n * d, x + i * d, d * sizeof *x);
    memcpy(p.y + p.n * d, y + i * d, d * sizeof *y);
    if (q) memcpy(p.covariates + p.n * q, covariates + i * q, q * sizeof *covariates);
    p.n++;
  }
  return p;
}

/* By half the angle, which keeps its digits near 0 and 180. */
static double degrees_between(size_t d, const double *u, const double *v) {
  double apart = 0, together = 0;
  for (size_t j = 0; j < d; j++) {
    apart += (u[j] - v[j]) * (u[j] - v[j]);
    together += (u[j] + v[j]) * (u[j] + v[j]);
  }
  return 2 * atan2(sqrt(apart), sqrt(together)) * (180 / 3.14159265358979323846);
}

static Status part_angle(const Part *p, AxisMethod method, size_t q, size_t d, double *angle, Error *err) {
  const AxisDesign design = {.n = p->n, .first = p->first, .lemma = p->lemma};
  ValueAxis x = {0}, y = {0};
  Status status = axis_fit(&design, method, "", d, p->x, p->covariates, q, &x, err);
  if (status == STATUS_OK) status = axis_fit(&design, method, "", d, p->y, p->covariates, q, &y, err);
  if (status == STATUS_OK) *angle = degrees_between(d, x.direction, y.direction);
  axis_clear(&x);
  axis_clear(&y);
  return status;
}

/* Lemmas pole by pole, shuffled, dealt to the groups; so every group has some of both poles, or nearly so. */
static size_t deal_groups(const AxisDesign *design, uint64_t seed, size_t *group_of) {
  bool *pole = mem_alloc(design->n_lemmas, sizeof *pole);
  size_t *list = mem_alloc(design->n_lemmas, sizeof *list), at = 0;
  const size_t n_groups = design->n_lemmas < AXIS_MOST_GROUPS ? design->n_lemmas : AXIS_MOST_GROUPS;
  Rng rng = rng_new(seed ^ UINT64_C(0x6a09e667f3bcc909));
  for (size_t i = 0; i < design->n; i++) pole[design->lemma[i]] = design->first[i];
  for (int side = 0; side < 2; side++) {
    size_t count = 0;
    for (size_t l = 0; l < design->n_lemmas; l++)
      if (pole[l] == (side == 0)) list[count++] = l;
    rng_shuffle(&rng, list, count);
    for (size_t i = 0; i < count; i++) group_of[list[i]] = at++ % n_groups;
  }
  free(pole);
  free(list);
  return n_groups;
}

Status axis_rotation(const AxisDesign *design, AxisMethod method, const double *covariates, size_t q, size_t d,
                     const float *x, const float *y, uint64_t seed, Estimate *angle, size_t *n_units, Error *err) {
  size_t *group_of = mem_alloc(design->n_lemmas, sizeof *group_of);
  const size_t n_groups = deal_groups(design, seed, group_of);
  double *pseudo = mem_alloc(n_groups, sizeof *pseudo), whole = NAN, mean = 0;
  Part all = take_part(design, group_of, SIZE_MAX, covariates, q, d, x, y);
  Status status = part_angle(&all, method, q, d, &whole, err);
  part_clear(&all);
  for (size_t g = 0; g < n_groups && status == STATUS_OK; g++) {
    Part part = take_part(design, group_of, g, covariates, q, d, x, y);
    status = part_angle(&part, method, q, d, &pseudo[g], err);
    mean += pseudo[g] / (double)n_groups;
    part_clear(&part);
  }
  for (size_t g = 0; g < n_groups; g++) pseudo[g] = (double)(n_groups - 1) * (mean - pseudo[g]);
  free(group_of);
  *n_units = n_groups;
  *angle = (Estimate){.value = whole, .scale = SCALE_RAW, .centre = whole, .pseudo = pseudo};
  if (status == STATUS_OK) return STATUS_OK;
  free(pseudo);
  *angle = (Estimate){.value = NAN};
  return status;
}
