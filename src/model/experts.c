/* Mixture of experts: rows are grouped by expert, so that an expert's products run over all its rows at once. T rows, D
 * hidden, X experts, k of them a row, F expert width, S shared width. A pair is a row and one of its experts: pair t k
 * + j is row t with the j-th of its experts. */
#include "model/experts.h"

#include <assert.h>
#include <math.h>
#include <string.h>

typedef struct Kept {
  real *probabilities;  /* [T, X] */
  real *weights;        /* [T, k] */
  real *gate_up;        /* [T k, 2F], pairs grouped by expert */
  real *hidden;         /* [T k, F], likewise */
  real *shared_gate_up; /* [T, 2S] */
  real *shared_hidden;  /* [T, S] */
  real *shared_weight;  /* [T] */
} Kept;

size_t experts_kept(const ExpertsShape *s, size_t rows) {
  const size_t shared = s->shared_width ? 3 * s->shared_width + 1 : 0;
  return rows * (s->n_experts + s->top_k + s->top_k * 3 * s->expert_width + shared);
}

static Kept view_kept(const ExpertsShape *s, size_t rows, real *at) {
  const size_t pairs = rows * s->top_k;
  Kept kept;
  kept.probabilities = at;
  kept.weights = kept.probabilities + rows * s->n_experts;
  kept.gate_up = kept.weights + pairs;
  kept.hidden = kept.gate_up + pairs * 2 * s->expert_width;
  kept.shared_gate_up = kept.hidden + pairs * s->expert_width;
  kept.shared_hidden = kept.shared_gate_up + rows * 2 * s->shared_width;
  kept.shared_weight = kept.shared_hidden + rows * s->shared_width;
  return kept;
}

size_t experts_routes(const ExpertsShape *s, size_t rows) { return 2 * rows * s->top_k + s->n_experts + 1; }

/* routes = chosen[T, k] experts; pairs[T k] grouped by expert, in order of rows; begin[X + 1] of the groups. */
static const size_t *pairs_of(const ExpertsShape *s, size_t rows, const size_t *routes) {
  return routes + rows * s->top_k;
}
static const size_t *begin_of(const ExpertsShape *s, size_t rows, const size_t *routes) {
  return routes + 2 * rows * s->top_k;
}

static void softmax(size_t n, real *x) {
  real top = x[0];
  double sum = 0;
  for (size_t i = 1; i < n; i++) top = x[i] > top ? x[i] : top;
  for (size_t i = 0; i < n; i++) sum += (double)(x[i] = (real)exp((double)(x[i] - top)));
  for (size_t i = 0; i < n; i++) x[i] = (real)((double)x[i] / sum);
}

/* The largest value behind the one chosen last, in the order of falling values, then of rising places. A row of NaN
 * gives the places in order. */
static size_t next_largest(size_t n, const real *p, size_t n_chosen, const size_t *chosen) {
  size_t best = n_chosen;
  real value = -1;
  for (size_t i = 0; i < n; i++) {
    const size_t last = n_chosen ? chosen[n_chosen - 1] : 0;
    const bool is_behind = n_chosen == 0 || p[i] < p[last] || (p[i] == p[last] && i > last);
    if (is_behind && p[i] > value) {
      best = i;
      value = p[i];
    }
  }
  return best;
}

/* Probabilities from logits, the choice, its weights. */
static void choose(const ExpertsShape *s, size_t rows, const Kept *kept, size_t *chosen) {
  const size_t k = s->top_k;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    real *p = kept->probabilities + t * s->n_experts, *weights = kept->weights + t * k, sum = 0;
    softmax(s->n_experts, p);
    for (size_t j = 0; j < k; j++) {
      chosen[t * k + j] = next_largest(s->n_experts, p, j, chosen + t * k);
      weights[j] = p[chosen[t * k + j]];
      sum += weights[j];
    }
    for (size_t j = 0; s->renormalise && j < k; j++) weights[j] /= sum;
  }
}

static void group(const ExpertsShape *s, size_t rows, size_t *routes) {
  const size_t n = rows * s->top_k;
  size_t *pairs = routes + n, *begin = pairs + n;
  memset(begin, 0, (s->n_experts + 1) * sizeof *begin);
  for (size_t pair = 0; pair < n; pair++) begin[routes[pair] + 1]++;
  for (size_t x = 0; x < s->n_experts; x++) begin[x + 1] += begin[x];
  for (size_t pair = 0; pair < n; pair++) pairs[begin[routes[pair]]++] = pair; /* begin[x] moves to the end of x */
  for (size_t x = s->n_experts; x > 0; x--) begin[x] = begin[x - 1];
  begin[0] = 0;
}

/* out[n, D] = the rows of x that the pairs name. */
static void gather(const ExpertsShape *s, size_t n, const size_t *pairs, const real *x, real *out) {
  const size_t d = s->hidden_size;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) memcpy(out + i * d, x + pairs[i] / s->top_k * d, d * sizeof *out);
}

/* The rows of sum that the pairs name += y[n, D], times the pair's weight where there are weights. A row comes once
 * among the pairs of an expert. */
static void scatter(const ExpertsShape *s, size_t n, const size_t *pairs, const real *weights, const real *y,
                    real *sum) {
  const size_t d = s->hidden_size;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) {
    const real weight = weights ? weights[pairs[i]] : 1;
    real *row = sum + pairs[i] / s->top_k * d;
    for (size_t c = 0; c < d; c++) row[c] += weight * y[i * d + c];
  }
}

/* Scratch: [T, D] twice, what an expert reads and gives. */
size_t experts_scratch(const ExpertsShape *s, size_t rows) { return 2 * rows * s->hidden_size; }

static void shared_forward(const ExpertsShape *s, const Experts *w, size_t rows, const real *x, const Kept *kept,
                           real *given, real *out) {
  const size_t d = s->hidden_size, width = s->shared_width;
  linear_forward(w->shared_gate_up, rows, x, d, kept->shared_gate_up, 2 * width);
  activation_gated_forward(s->activation, rows, width, kept->shared_gate_up, kept->shared_hidden);
  linear_forward(w->shared_down, rows, kept->shared_hidden, width, given, d);
  linear_forward(w->shared_gate, rows, x, d, kept->shared_weight, 1);
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++) {
    const real weight = (real)(1 / (1 + exp(-(double)kept->shared_weight[t])));
    for (size_t c = 0; c < d; c++) out[t * d + c] += weight * given[t * d + c];
    kept->shared_weight[t] = weight;
  }
}

void experts_forward(const ExpertsShape *s, const Experts *w, size_t rows, const real *x, real *kept_at, size_t *routes,
                     real *scratch, real *out) {
  const size_t d = s->hidden_size, f = s->expert_width;
  const Kept kept = view_kept(s, rows, kept_at);
  real *read = scratch, *given = scratch + rows * d;
  assert(s->top_k > 0 && s->top_k <= s->n_experts);
  linear_forward(w->router, rows, x, d, kept.probabilities, s->n_experts);
  choose(s, rows, &kept, routes);
  group(s, rows, routes);
  memset(out, 0, rows * d * sizeof *out);
  const size_t *begin = begin_of(s, rows, routes);
  for (size_t e = 0; e < s->n_experts; e++) {
    const size_t first = begin[e], n = begin[e + 1] - first, *pairs = pairs_of(s, rows, routes) + first;
    if (n == 0) continue;
    real *gate_up = kept.gate_up + first * 2 * f, *hidden = kept.hidden + first * f;
    gather(s, n, pairs, x, read);
    linear_forward(&w->gate_up[e], n, read, d, gate_up, 2 * f);
    activation_gated_forward(s->activation, n, f, gate_up, hidden);
    linear_forward(&w->down[e], n, hidden, f, given, d);
    scatter(s, n, pairs, kept.weights, given, out);
  }
  if (s->shared_width) shared_forward(s, w, rows, x, &kept, given, out);
}

/* A backward pass under way. */
typedef struct Backward {
  const ExpertsShape *shape;
  const Experts *weights;
  const ExpertsGradients *gradients;
  bool accumulate;
  size_t rows;
  const real *x, *dout;
  Kept kept;
  const size_t *routes;
  real *dx;
  /* Scratch: */
  real *read;     /* [T, D] x of an expert's rows */
  real *dgiven;   /* [T, D] the gradient of what it gives; then that of read */
  real *dhidden;  /* [T, larger of F and S] */
  real *dweights; /* [T, k], [T] for the shared expert */
  real *dlogits;  /* [T, X] */
} Backward;

static size_t wider(const ExpertsShape *s) {
  return s->expert_width > s->shared_width ? s->expert_width : s->shared_width;
}

size_t experts_backward_scratch(const ExpertsShape *s, size_t rows) {
  return rows * (2 * s->hidden_size + wider(s) + s->top_k + s->n_experts);
}

static void lay_out_scratch(Backward *b, real *scratch) {
  b->read = scratch;
  b->dgiven = b->read + b->rows * b->shape->hidden_size;
  b->dhidden = b->dgiven + b->rows * b->shape->hidden_size;
  b->dweights = b->dhidden + b->rows * wider(b->shape);
  b->dlogits = b->dweights + b->rows * b->shape->top_k;
}

static double dot(size_t n, const real *a, const real *b) {
  double sum = 0;
  for (size_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
  return sum;
}

/* given = weight y, y = down hidden:  dweight = dgiven . y = (down' dgiven) . hidden. On entry dhidden[n, width] is
 * down' dgiven; it and dgiven are multiplied by the weight. Row i has weight and dweight number pairs[i], or i. */
static void weigh_backward(const Backward *b, size_t n, size_t width, const size_t *pairs, const real *weights,
                           const real *hidden) {
  const size_t d = b->shape->hidden_size;
#pragma omp parallel for schedule(static)
  for (size_t i = 0; i < n; i++) {
    const size_t at = pairs ? pairs[i] : i;
    b->dweights[at] = (real)dot(width, b->dhidden + i * width, hidden + i * width);
    for (size_t c = 0; c < width; c++) b->dhidden[i * width + c] *= weights[at];
    for (size_t c = 0; c < d; c++) b->dgiven[i * d + c] *= weights[at];
  }
}

/* Adds to dx, and leaves the gradients of the expert's weights in its rows. */
static void expert_backward(const Backward *b, size_t e) {
  const ExpertsShape *s = b->shape;
  const ExpertsGradients *g = b->gradients;
  const size_t d = s->hidden_size, f = s->expert_width, *begin = begin_of(s, b->rows, b->routes) + e;
  const size_t first = begin[0], n = begin[1] - first, *pairs = pairs_of(s, b->rows, b->routes) + first;
  const real *hidden = b->kept.hidden + first * f;
  const Linear *down = &b->weights->down[e], *up = &b->weights->gate_up[e];
  real *gate_up = b->kept.gate_up + first * 2 * f;
  gather(s, n, pairs, b->x, b->read);
  gather(s, n, pairs, b->dout, b->dgiven);
  linear_backward_input(down, n, b->dgiven, false, b->dhidden);
  weigh_backward(b, n, f, pairs, b->kept.weights, hidden);
  linear_backward(down, n, hidden, b->dgiven, NULL, b->accumulate, g->down ? g->down + e * d * f : NULL);
  activation_gated_backward(s->activation, n, f, gate_up, b->dhidden);
  linear_backward(up, n, b->read, gate_up, b->dgiven, b->accumulate, g->gate_up ? g->gate_up + e * 2 * f * d : NULL);
  scatter(s, n, pairs, NULL, b->dgiven, b->dx);
}

/* p = softmax(logits), weights = the chosen p, or those divided by their sum: then what was not chosen has no part. */
static void choose_backward(const Backward *b) {
  const size_t k = b->shape->top_k, n = b->shape->n_experts;
  const bool renormalise = b->shape->renormalise;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < b->rows; t++) {
    const real *weights = b->kept.weights + t * k, *p = b->kept.probabilities + t * n, *dw = b->dweights + t * k;
    const real mean = (real)dot(k, weights, dw);
    real *dlogits = b->dlogits + t * n;
    for (size_t i = 0; i < n; i++) dlogits[i] = renormalise ? 0 : -p[i] * mean;
    for (size_t j = 0; j < k; j++) dlogits[b->routes[t * k + j]] += weights[j] * (renormalise ? dw[j] - mean : dw[j]);
  }
}

static void shared_backward(const Backward *b) {
  const Experts *w = b->weights;
  const size_t rows = b->rows, d = b->shape->hidden_size, width = b->shape->shared_width;
  real *gate_up = b->kept.shared_gate_up, *weight = b->kept.shared_weight;
  memcpy(b->dgiven, b->dout, rows * d * sizeof *b->dout);
  linear_backward_input(w->shared_down, rows, b->dout, false, b->dhidden);
  weigh_backward(b, rows, width, NULL, weight, b->kept.shared_hidden);
  linear_backward(w->shared_down, rows, b->kept.shared_hidden, b->dgiven, NULL, b->accumulate,
                  b->gradients->shared_down);
  activation_gated_backward(b->shape->activation, rows, width, gate_up, b->dhidden);
  linear_backward(w->shared_gate_up, rows, b->x, gate_up, NULL, b->accumulate, b->gradients->shared_gate_up);
  linear_backward_input(w->shared_gate_up, rows, gate_up, true, b->dx);
  for (size_t t = 0; t < rows; t++) b->dweights[t] *= weight[t] * (1 - weight[t]);
  linear_backward(w->shared_gate, rows, b->x, b->dweights, NULL, b->accumulate, b->gradients->shared_gate);
  linear_backward_input(w->shared_gate, rows, b->dweights, true, b->dx);
}

void experts_backward(const ExpertsShape *s, const Experts *w, size_t rows, const real *x, real *kept,
                      const size_t *routes, const real *dout, const ExpertsGradients *gradients, bool accumulate,
                      real *dx, real *scratch) {
  const size_t d = s->hidden_size, n = s->n_experts;
  Backward b = {.shape = s,
                .weights = w,
                .gradients = gradients,
                .accumulate = accumulate,
                .rows = rows,
                .x = x,
                .dout = dout,
                .kept = view_kept(s, rows, kept),
                .routes = routes,
                .dx = dx};
  lay_out_scratch(&b, scratch);
  memset(dx, 0, rows * d * sizeof *dx);
  for (size_t e = 0; e < n; e++) expert_backward(&b, e);
  choose_backward(&b);
  linear_backward(w->router, rows, x, b.dlogits, NULL, accumulate, gradients->router);
  linear_backward_input(w->router, rows, b.dlogits, true, dx);
  if (s->shared_width) shared_backward(&b);
}
