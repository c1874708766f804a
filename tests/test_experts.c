/* model/experts against its definition in double, row by row; gradients of x and of every weight against central
 * differences of that. Built for float and for double. */
#include "model/experts.h"
#include "tests/kernels.h"

#include <omp.h>

enum { SEED = 35 };

enum { X, ROUTER, GATE_UP, DOWN, SHARED_GATE_UP, SHARED_DOWN, SHARED_GATE, INPUTS };
static const char *const input_names[] = {"x",           "router",     "gate and up", "down", "shared gate and up",
                                          "shared down", "shared gate"};

/* Loss = c . out. The choice of experts is fixed: between choices there is no derivative. */
typedef struct Case {
  ExpertsShape shape;
  size_t rows, sizes[INPUTS];
  real *in[INPUTS];
  double *wide[INPUTS], *c, *out;
  size_t *chosen; /* [T, k] */
} Case;

static double activation(Activation act, double x) {
  return act == ACTIVATION_SILU ? x / (1 + exp(-x)) : 0.5 * x * (1 + erf(x / sqrt(2)));
}

/* out[D] += weight * down(act(gate x) up x). */
static void add_mlp(const Case *w, size_t width, const double *x, const double *gate_up, const double *down,
                    double weight, double *out) {
  const size_t d = w->shape.hidden_size;
  for (size_t f = 0; f < width; f++) {
    double gate = 0, up = 0;
    for (size_t i = 0; i < d; i++) {
      gate += gate_up[f * d + i] * x[i];
      up += gate_up[(width + f) * d + i] * x[i];
    }
    for (size_t i = 0; i < d; i++) out[i] += weight * down[i * width + f] * activation(w->shape.activation, gate) * up;
  }
}

static void router_probabilities(const Case *w, const double *x, double *p) {
  double sum = 0;
  for (size_t e = 0; e < w->shape.n_experts; e++) {
    double logit = 0;
    for (size_t i = 0; i < w->shape.hidden_size; i++) logit += w->wide[ROUTER][e * w->shape.hidden_size + i] * x[i];
    sum += p[e] = exp(logit);
  }
  for (size_t e = 0; e < w->shape.n_experts; e++) p[e] /= sum;
}

static void choose(Case *w) {
  double p[64];
  for (size_t t = 0; t < w->rows; t++) {
    router_probabilities(w, w->wide[X] + t * w->shape.hidden_size, p);
    for (size_t j = 0; j < w->shape.top_k; j++) {
      size_t best = 0;
      for (size_t e = 1; e < w->shape.n_experts; e++)
        if (p[e] > p[best]) best = e;
      w->chosen[t * w->shape.top_k + j] = best;
      p[best] = -1;
    }
  }
}

static double loss(void *context) {
  const Case *w = context;
  const ExpertsShape *s = &w->shape;
  const size_t d = s->hidden_size, f = s->expert_width;
  double sum = 0, p[64];
  for (size_t t = 0; t < w->rows; t++) {
    const double *x = w->wide[X] + t * d;
    const size_t *chosen = w->chosen + t * s->top_k;
    double *out = w->out + t * d, total = 0, gate = 0;
    router_probabilities(w, x, p);
    for (size_t i = 0; i < d; i++) out[i] = 0;
    for (size_t j = 0; j < s->top_k; j++) total += p[chosen[j]];
    for (size_t j = 0; j < s->top_k; j++)
      add_mlp(w, f, x, w->wide[GATE_UP] + chosen[j] * 2 * f * d, w->wide[DOWN] + chosen[j] * d * f,
              p[chosen[j]] / (s->renormalise ? total : 1), out);
    for (size_t i = 0; s->shared_width && i < d; i++) gate += w->wide[SHARED_GATE][i] * x[i];
    if (s->shared_width)
      add_mlp(w, s->shared_width, x, w->wide[SHARED_GATE_UP], w->wide[SHARED_DOWN], 1 / (1 + exp(-gate)), out);
    for (size_t i = 0; i < d; i++) sum += w->c[t * d + i] * out[i];
  }
  return sum;
}

static Linear linear_of(size_t n, size_t k, const real *values) {
  return (Linear){.n = n, .k = k, .n_parts = 1, .parts = {{.rows = n, .values = values}}};
}

/* The kernel's side: weights, what it keeps, gradients of all inputs. */
typedef struct Run {
  Linear router, shared_gate_up, shared_down, shared_gate, *gate_up, *down;
  Experts experts;
  real *kept, *scratch, *out, *c, *d[INPUTS];
  size_t *routes;
} Run;

static void begin(Rng *rng, ExpertsShape shape, size_t rows, Case *w, Run *run) {
  const size_t d = shape.hidden_size, f = shape.expert_width, n = shape.n_experts, width = shape.shared_width;
  const size_t sizes[] = {rows * d, n * d, n * 2 * f * d, n * d * f, 2 * width * d, d * width, width ? d : 0};
  *w = (Case){.shape = shape, .rows = rows};
  for (int i = 0; i < INPUTS; i++) {
    w->sizes[i] = sizes[i];
    w->in[i] = normal_reals(rng, sizes[i], i == X || i == ROUTER ? 1 : 0.5, &w->wide[i]);
    run->d[i] = normal_reals(rng, sizes[i], 1, NULL);
  }
  run->c = normal_reals(rng, rows * d, 1, &w->c);
  w->out = malloc(rows * d * sizeof *w->out);
  w->chosen = malloc(rows * shape.top_k * sizeof *w->chosen);
  run->gate_up = malloc(n * sizeof *run->gate_up);
  run->down = malloc(n * sizeof *run->down);
  for (size_t e = 0; e < n; e++) {
    run->gate_up[e] = linear_of(2 * f, d, w->in[GATE_UP] + e * 2 * f * d);
    run->down[e] = linear_of(d, f, w->in[DOWN] + e * d * f);
  }
  run->router = linear_of(n, d, w->in[ROUTER]);
  run->shared_gate_up = linear_of(2 * width, d, w->in[SHARED_GATE_UP]);
  run->shared_down = linear_of(d, width, w->in[SHARED_DOWN]);
  run->shared_gate = linear_of(1, d, w->in[SHARED_GATE]);
  run->experts =
      (Experts){&run->router, run->gate_up, run->down, &run->shared_gate_up, &run->shared_down, &run->shared_gate};
  const size_t forward = experts_scratch(&shape, rows), backward = experts_backward_scratch(&shape, rows);
  run->kept = normal_reals(rng, experts_kept(&shape, rows), 1, NULL);
  run->scratch = normal_reals(rng, forward > backward ? forward : backward, 1, NULL);
  run->routes = calloc(experts_routes(&shape, rows), sizeof *run->routes);
  run->out = normal_reals(rng, rows * d, 1, NULL);
}

static void end(Case *w, Run *run) {
  for (int i = 0; i < INPUTS; i++) free(w->in[i]), free(w->wide[i]), free(run->d[i]);
  free(w->c), free(w->out), free(w->chosen), free(run->c), free(run->gate_up), free(run->down), free(run->kept);
  free(run->scratch), free(run->routes), free(run->out);
}

static void run_backward(Case *w, Run *run, bool accumulate) {
  const ExpertsGradients g = {run->d[ROUTER],         run->d[GATE_UP],     run->d[DOWN],
                              run->d[SHARED_GATE_UP], run->d[SHARED_DOWN], run->d[SHARED_GATE]};
  experts_forward(&w->shape, &run->experts, w->rows, w->in[X], run->kept, run->routes, run->scratch, run->out);
  experts_backward(&w->shape, &run->experts, w->rows, w->in[X], run->kept, run->routes, run->c, &g, accumulate,
                   run->d[X], run->scratch);
}

static void test_shape(Rng *rng, const char *what, ExpertsShape shape, size_t rows) {
  Case w;
  Run run;
  begin(rng, shape, rows, &w, &run);
  choose(&w);
  loss(&w);
  run_backward(&w, &run, false);
  ok(memcmp(run.routes, w.chosen, rows * shape.top_k * sizeof *w.chosen) == 0, "%s: the most probable experts", what);
  const double forward = worst_wide(run.out, w.out, rows * shape.hidden_size);
  ok(forward <= 20 * (double)REAL_EPSILON, "%s: agrees with its definition: %.2g", what, forward);
  for (int i = 0; i < INPUTS; i++) {
    if (w.sizes[i] == 0) continue;
    const double error = gradient_error(loss, &w, rng, w.wide[i], w.sizes[i], run.d[i]);
    ok(error <= GRADIENT_TOLERANCE, "%s: gradient of %s agrees with central differences: %.2g", what, input_names[i],
       error);
  }
  double most = 0;
  real *once[INPUTS];
  for (int i = 0; i < INPUTS; i++) {
    once[i] = malloc((w.sizes[i] + 1) * sizeof *once[i]);
    memcpy(once[i], run.d[i], w.sizes[i] * sizeof *once[i]);
  }
  run_backward(&w, &run, true);
  for (int i = 0; i < INPUTS; i++) {
    for (size_t j = 0; j < w.sizes[i]; j++)
      keep_worst(&most,
                 fabs((double)run.d[i][j] - (i == X ? 1 : 2) * (double)once[i][j]) / (1 + fabs((double)once[i][j])));
    free(once[i]);
  }
  ok(most <= 100 * (double)REAL_EPSILON, "%s: accumulating doubles the weights' gradients: %.2g", what, most);
  end(&w, &run);
}

/* The bits do not depend on the threads; an expert without rows has a zero gradient; frozen weights are not touched. */
static void test_determinism(Rng *rng) {
  const ExpertsShape shape = {40, 12, 2, 24, 20, false, ACTIVATION_SILU};
  const size_t rows = 4, f = shape.expert_width, d = shape.hidden_size; /* 8 pairs for 12 experts */
  Case w;
  Run run;
  begin(rng, shape, rows, &w, &run);
  run_backward(&w, &run, false);
  real *out = malloc(rows * d * sizeof *out), *dx = malloc(rows * d * sizeof *dx),
       *down = malloc(w.sizes[DOWN] * sizeof *down);
  memcpy(out, run.out, rows * d * sizeof *out);
  memcpy(dx, run.d[X], rows * d * sizeof *dx);
  memcpy(down, run.d[DOWN], w.sizes[DOWN] * sizeof *down);
  const int threads = omp_get_max_threads();
  omp_set_num_threads(threads == 1 ? 3 : 1);
  run_backward(&w, &run, false);
  omp_set_num_threads(threads);
  ok(memcmp(out, run.out, rows * d * sizeof *out) == 0 && memcmp(dx, run.d[X], rows * d * sizeof *dx) == 0 &&
         memcmp(down, run.d[DOWN], w.sizes[DOWN] * sizeof *down) == 0,
     "another number of threads gives the same bits");
  bool right = true;
  for (size_t e = 0; e < shape.n_experts; e++) {
    bool used = false, some = false;
    for (size_t i = 0; i < rows * shape.top_k; i++) used = used || run.routes[i] == e;
    for (size_t i = e * d * f; i < (e + 1) * d * f; i++) some = some || run.d[DOWN][i] != 0;
    right = right && used == some;
  }
  ok(right, "an expert has a gradient where it has rows, and zeros where it has none");
  const ExpertsGradients none = {0};
  memset(run.d[X], 0, rows * d * sizeof *dx);
  experts_forward(&shape, &run.experts, rows, w.in[X], run.kept, run.routes, run.scratch, run.out);
  experts_backward(&shape, &run.experts, rows, w.in[X], run.kept, run.routes, run.c, &none, false, run.d[X],
                   run.scratch);
  ok(memcmp(dx, run.d[X], rows * d * sizeof *dx) == 0, "frozen experts pass on the same gradient");
  free(out), free(dx), free(down);
  end(&w, &run);
}

/* Equal probabilities: the first experts, each once. A row of NaN stays in range and in its row. */
static void test_ties(Rng *rng) {
  enum { D = 8, ROWS = 3 };
  static const size_t expected[] = {4, 0, 1, 0, 1, 2, 0, 1, 2};
  const ExpertsShape shape = {D, 5, 3, 4, 0, true, ACTIVATION_SILU};
  Case w;
  Run run;
  begin(rng, shape, ROWS, &w, &run);
  memset(w.in[ROUTER], 0, w.sizes[ROUTER] * sizeof(real));
  w.in[ROUTER][4 * D] = 1; /* the last expert is above the others in row 0, below them in row 2 */
  w.in[X][0] = 1;
  w.in[X][D] = (real)NAN;
  w.in[X][2 * D] = -1;
  experts_forward(&shape, &run.experts, ROWS, w.in[X], run.kept, run.routes, run.scratch, run.out);
  ok(memcmp(run.routes, expected, sizeof expected) == 0, "of equal experts the first are chosen, each once");
  ok(!isnan(run.out[0]) && isnan(run.out[D]) && !isnan(run.out[2 * D]), "NaN stays in its row");
  end(&w, &run);
}

int main(void) {
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  test_shape(&rng, "two of four, renormalised", (ExpertsShape){20, 4, 2, 17, 0, true, ACTIVATION_SILU}, 33);
  test_shape(&rng, "three of nine", (ExpertsShape){24, 9, 3, 10, 0, false, ACTIVATION_GELU_ERF}, 19);
  test_shape(&rng, "with a shared expert", (ExpertsShape){18, 6, 2, 7, 21, false, ACTIVATION_SILU}, 25);
  test_shape(&rng, "all of three, one row", (ExpertsShape){9, 3, 3, 5, 3, true, ACTIVATION_SILU}, 1);
  test_shape(&rng, "one expert", (ExpertsShape){16, 1, 1, 16, 0, false, ACTIVATION_SILU}, 5);
  test_determinism(&rng);
  test_ties(&rng);
  return tap_end();
}
