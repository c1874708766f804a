/* Continuations of a prefix against the forward pass over whole texts, on every architecture of tests/fixtures/families:
 * last hidden states of all rows, and the prefix's own. Built for float and for double. */
#include "model/prefix.h"

#include "base/rng.h"
#include "model/forward.h"
#include "tests/golden.h"

#include <dirent.h>
#include <omp.h>

enum { SEED = 51, CONTINUATIONS = 6, BATCH_TOKENS = 70 };

/* A prefix of so many tokens, and continuations of these lengths; 0 ends them. */
typedef struct Plan {
  size_t prefix, lengths[CONTINUATIONS];
} Plan;
static const Plan plans[] = {
    {1, {1, 2, 3}}, {3, {1, 2, 3}}, {5, {1, 1, 2, 7, 1}}, {40, {2, 2, 2, 2, 3}}, {70, {1, 2, 3, 66, 1, 130}},
};
enum { PLANS = sizeof plans / sizeof plans[0] };

/* Ids of the prefix and of all continuations, and the same as whole texts. */
typedef struct Texts {
  size_t n, prefix, longest;
  size_t own_offsets[CONTINUATIONS + 1], whole_offsets[CONTINUATIONS + 1];
  int32_t *own, *whole;
} Texts;

static Texts draw_texts(Rng *rng, const Plan *plan, size_t vocab_size) {
  Texts t = {.prefix = plan->prefix};
  for (; t.n < CONTINUATIONS && plan->lengths[t.n]; t.n++) {
    t.own_offsets[t.n + 1] = t.own_offsets[t.n] + plan->lengths[t.n];
    t.whole_offsets[t.n + 1] = t.whole_offsets[t.n] + plan->prefix + plan->lengths[t.n];
    if (plan->prefix + plan->lengths[t.n] > t.longest) t.longest = plan->prefix + plan->lengths[t.n];
  }
  t.own = mem_alloc(t.own_offsets[t.n], sizeof *t.own);
  t.whole = mem_alloc(t.whole_offsets[t.n], sizeof *t.whole);
  for (size_t i = 0; i < plan->prefix; i++) t.whole[i] = (int32_t)rng_below(rng, vocab_size);
  for (size_t s = 0; s < t.n; s++) {
    int32_t *whole = t.whole + t.whole_offsets[s];
    memmove(whole, t.whole, plan->prefix * sizeof *whole);
    for (size_t i = 0; i < plan->lengths[s]; i++)
      whole[plan->prefix + i] = t.own[t.own_offsets[s] + i] = (int32_t)rng_below(rng, vocab_size);
  }
  return t;
}

typedef struct Rows {
  real *values; /* [rows of all continuations, D] */
  size_t width;
  const size_t *offsets;
  size_t batches, sequences;
} Rows;

static Status take_rows(void *context, size_t first, const Batch *batch, const Pass *pass, Error *err) {
  Rows *r = context;
  (void)err;
  memcpy(r->values + r->offsets[first] * r->width, pass->final_normed,
         batch->offsets[batch->n_sequences] * r->width * sizeof(real));
  r->batches++;
  r->sequences += batch->n_sequences;
  return STATUS_OK;
}

/* The largest difference between the rows of continuations and those of whole texts. */
static double difference(const Model *model, const Texts *t, const Prefix *prefix, const Rows *found) {
  const size_t d = model->config.hidden_size, rows = t->whole_offsets[t->n];
  const Batch batch = {.n_sequences = t->n, .offsets = t->whole_offsets, .ids = t->whole};
  Pass pass;
  Error err = {0};
  double worst = 0;
  if (pass_init(&pass, &model->config, rows, t->longest, KEEP_NOTHING, &err) != STATUS_OK) bail_out(&err);
  model_forward(model, &batch, &pass, NULL);
  for (size_t s = 0; s < t->n; s++) {
    const size_t n = t->own_offsets[s + 1] - t->own_offsets[s];
    const double own = relative_difference(found->values + t->own_offsets[s] * d,
                                           pass.final_normed + (t->whole_offsets[s] + t->prefix) * d, n * d);
    worst = isnan(worst) || own <= worst ? worst : own;
  }
  const double last = relative_difference(prefix->hidden, pass.final_normed + (t->prefix - 1) * d, d);
  pass_clear(&pass);
  return isnan(worst) || last <= worst ? worst : last;
}

/* false where the model refuses to share the prefix of such texts. */
static bool run_plan(Rng *rng, const Model *model, const Plan *plan, double *worst, Error *err) {
  Texts t = draw_texts(rng, plan, model->config.vocab_size);
  const Batch all = {.n_sequences = t.n, .offsets = t.own_offsets, .ids = t.own};
  Rows rows = {.width = model->config.hidden_size, .offsets = t.own_offsets};
  rows.values = mem_alloc(t.own_offsets[t.n] * rows.width, sizeof(real));
  Prefix prefix = {0};
  Status status = prefix_init(&prefix, model, t.whole, t.prefix, err);
  if (status == STATUS_OK) status = prefix_run(model, &prefix, &all, BATCH_TOKENS, take_rows, &rows, err);
  if (status == STATUS_OK) {
    const double own = rows.sequences == t.n ? difference(model, &t, &prefix, &rows) : NAN;
    *worst = isnan(*worst) || own <= *worst ? *worst : own;
  }
  if (status == STATUS_OK && t.own_offsets[t.n] > BATCH_TOKENS && rows.batches < 2) *worst = NAN;
  prefix_clear(&prefix);
  free(rows.values);
  free(t.own);
  free(t.whole);
  return status == STATUS_OK;
}

static bool depends_on_length(const ModelConfig *c) {
  for (size_t l = 0; l < c->n_layers; l++)
    if (c->layers[l].rope != ROPE_NONE && rope_depends_on_length(&c->ropes[c->layers[l].rope])) return true;
  return false;
}

static void test_model(Rng *rng, const char *name, const Model *model) {
  const ModelConfig *c = &model->config;
  const bool depends = depends_on_length(c), learned = c->has[ROLE_POSITIONS];
  double worst = 0;
  size_t n_run = 0, n_right = 0;
  for (size_t i = 0; i < PLANS; i++) {
    Error err = {0};
    if (run_plan(rng, model, &plans[i], &worst, &err))
      n_run++;
    else
      n_right += strstr(err.text, learned ? "learned" : "the beginning cannot be shared") != NULL;
  }
  ok(n_run >= 2 && worst <= GOLDEN_TOLERANCE, "%s: %zu prefixes, continued as the whole texts: %.1e", name, n_run, worst);
  ok(n_run + n_right == PLANS && (n_right == 0 || learned || depends), "%s: %zu refused, and rightly", name, n_right);
}

static int is_golden(const struct dirent *entry) { return file_has_suffix(entry->d_name, ".golden.safetensors"); }

/* The folder of a family's model, or the file where there is no folder. */
static void test_family(Rng *rng, const char *golden) {
  char *name = mem_format("families/%.*s", (int)(strlen(golden) - strlen(".golden.safetensors")), golden),
       *path = fixture_path(name);
  Source *source;
  Model model;
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK ||
      model_open(source, (ModelOptions){.strict = true}, &model, &err) != STATUS_OK)
    bail_out(&err);
  test_model(rng, name, &model);
  model_close(&model);
  source_close(source);
  free(path);
  free(name);
}

int main(void) {
  char *folder = fixture_path("families");
  struct dirent **goldens;
  const int n = scandir(folder, &goldens, is_golden, alphasort);
  Rng rng = rng_new(SEED);
  printf("# seed %d\n", SEED);
  for (int i = 0; i < n; i++) {
    omp_set_num_threads(1 + i % 3);
    test_family(&rng, goldens[i]->d_name);
    free(goldens[i]);
  }
  ok(n >= 29, "%d architectures", n);
  if (n >= 0) free(goldens);
  free(folder);
  return tap_end();
}
