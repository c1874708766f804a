/* fathom verify: the model's activations beside those that another implementation has computed, site by site. */
#include "base/log.h"
#include "base/memory.h"
#include "command/command.h"
#include "command/verify/verify.h"
#include "model/forward.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOGIT_ROWS = 64 }; /* rows of logits held at a time */

typedef struct VerifySettings {
  CommonSettings common;
  const char *golden, *adapter;
  double limit;
  size_t batch_tokens;
  bool strict;
} VerifySettings;

static const VerifySettings verify_defaults = {.limit = 1e-5, .batch_tokens = 1024};

static const Option verify_options[] = {
    {"golden", 0, OPTION_TEXT, offsetof(VerifySettings, golden), 0, 0, "F.safetensors",
     "what another implementation computed (tests/make_golden.py makes it with transformers)", NULL},
    {"limit", 0, OPTION_REAL, offsetof(VerifySettings, limit), 0, 1e9, "X",
     "the largest difference allowed, as a share of a site's largest value", NULL},
    {"batch-tokens", 0, OPTION_SIZE, offsetof(VerifySettings, batch_tokens), 1, 1e9, "N",
     "tokens run through the model at a time", NULL},
    {"adapter", 0, OPTION_TEXT, offsetof(VerifySettings, adapter), 0, 0, "DIR",
     "a LoRA adapter in PEFT's layout, put on MODEL", NULL},
    {"strict", 0, OPTION_FLAG, offsetof(VerifySettings, strict), 0, 0, NULL,
     "refuse a model or adapter with settings or tensors that fathom does not know (default: warn)", NULL},
    {0}};

typedef struct Verification {
  Golden golden;
  Adapter *adapter; /* NULL: none */
  Source *source;
  Model model;
  size_t first_token;        /* of the batch that is being run */
  size_t first_row, end_row; /* of the golden: those of its rows that are in the batch */
} Verification;

/* A token's row of the model against the golden's. */
static void compare_row(Golden *g, Check *c, size_t golden_row_number, const real *row) {
  const float *values = golden_row(g, c, golden_row_number);
  for (size_t i = 0; i < c->n_columns; i++) {
    const size_t column = c->columns ? c->columns[i] : i;
    const double found = (double)row[column], expected = (double)values[i];
    const double difference = fabs(found - expected);
    if (isnan(c->worst) || difference <= c->worst) continue;
    c->worst = difference;
    c->token = g->rows[golden_row_number];
    c->column = column;
    c->found = found;
    c->expected = expected;
  }
}

static void take_site(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  Verification *v = context;
  for (size_t i = 0; i < v->golden.n_checks; i++) {
    Check *c = &v->golden.checks[i];
    if (!c->site || c->site->kind != kind || c->site->layer != layer || c->width != width) continue;
    for (size_t row = v->first_row; row < v->end_row; row++)
      compare_row(&v->golden, c, row, rows + (v->golden.rows[row] - v->first_token) * stride);
  }
}

/* Of the tokens that the golden holds alone, those that follow each other together. */
static void compare_logits(Verification *v, Pass *pass, real *logits) {
  Golden *g = &v->golden;
  Check *last = &g->checks[g->n_checks - 1];
  if (last->site) return;
  for (size_t row = v->first_row, n; row < v->end_row; row += n) {
    for (n = 1; n < LOGIT_ROWS && row + n < v->end_row && g->rows[row + n] == g->rows[row] + n;) n++;
    model_logits(&v->model, pass, g->rows[row] - v->first_token, n, logits);
    for (size_t i = 0; i < n; i++) compare_row(g, last, row + i, logits + i * last->width);
  }
}

/* Sequences [first, *end) make the next batch: as many as fit, at least one. */
static size_t batch_end(const Golden *g, size_t first, size_t batch_tokens) {
  size_t end = first + 1;
  while (end < g->n_sequences && g->offsets[end + 1] - g->offsets[first] <= batch_tokens) end++;
  return end;
}

static void run_batch(Verification *v, Pass *pass, size_t first, size_t end, size_t *offsets, real *logits) {
  const Golden *g = &v->golden;
  v->first_token = g->offsets[first];
  v->first_row = v->end_row;
  while (v->end_row < g->n_rows && g->rows[v->end_row] < g->offsets[end]) v->end_row++;
  for (size_t s = first; s <= end; s++) offsets[s - first] = g->offsets[s] - v->first_token;
  const Batch batch = {.n_sequences = end - first, .offsets = offsets, .ids = g->ids + v->first_token};
  const Tap tap = {take_site, v};
  model_forward(&v->model, &batch, pass, &tap);
  compare_logits(v, pass, logits);
}

static Status run_model(Verification *v, size_t batch_tokens, Error *err) {
  const Golden *g = &v->golden;
  size_t longest = 0, most = 0;
  for (size_t first = 0, end; first < g->n_sequences; first = end) {
    end = batch_end(g, first, batch_tokens);
    if (g->offsets[end] - g->offsets[first] > most) most = g->offsets[end] - g->offsets[first];
    for (size_t s = first; s < end; s++)
      if (g->offsets[s + 1] - g->offsets[s] > longest) longest = g->offsets[s + 1] - g->offsets[s];
  }
  Pass pass;
  const Status status = pass_init(&pass, &v->model.config, most, longest, KEEP_NOTHING, err);
  if (status != STATUS_OK) return status;
  size_t *offsets = mem_alloc(g->n_sequences + 1, sizeof *offsets);
  real *logits = mem_alloc(LOGIT_ROWS * v->model.config.vocab_size, sizeof *logits);
  Progress progress = progress_begin("verify", "sequences", g->n_sequences);
  for (size_t first = 0, end; first < g->n_sequences; first = end) {
    end = batch_end(g, first, batch_tokens);
    run_batch(v, &pass, first, end, offsets, logits);
    progress_show(&progress, end);
  }
  progress_end(&progress);
  free(offsets);
  free(logits);
  pass_clear(&pass);
  return STATUS_OK;
}

/* NaN where the model's value is not a number. */
static double relative_error(const Check *c) { return c->worst == 0 ? 0 : c->worst / c->largest; }

static size_t sequence_of(const Golden *g, size_t token) {
  size_t s = 0;
  while (g->offsets[s + 1] <= token) s++;
  return s;
}

static Status print_checks(const Invocation *call, const VerifySettings *s, Verification *v, const Check *first,
                           Error *err) {
  static const char *const columns[] = {"site",     "relative_error", "row",   "sequence",
                                        "position", "column",         "found", "expected"};
  Provenance from = invocation_provenance(call, "verify", &s->common);
  from.models[0].path = call->args[0];
  from.models[0].sha256 = source_digest(v->source);
  from.n_models = 1;
  if (v->adapter) {
    from.models[from.n_models].path = s->adapter;
    from.models[from.n_models++].sha256 = adapter_digest(v->adapter);
  }
  Table *table = table_begin(stdout, s->common.json, &from, columns, sizeof columns / sizeof columns[0]);
  if (first)
    table_note(table, "first site over the limit %g: %s", s->limit, first->name);
  else
    table_note(table, "no site over the limit %g", s->limit);
  for (size_t i = 0; i < v->golden.n_checks; i++) {
    const Check *c = &v->golden.checks[i];
    const size_t sequence = sequence_of(&v->golden, c->token);
    table_string(table, c->name);
    table_number(table, relative_error(c));
    table_count(table, c->token);
    table_count(table, sequence);
    table_count(table, c->token - v->golden.offsets[sequence]);
    table_count(table, c->column);
    table_number(table, c->found);
    table_number(table, c->expected);
  }
  return table_end(table, err);
}

/* STATUS_NO where a site is over the limit; what is not a number cannot be said to be below it. */
static Status judge(const Invocation *call, const VerifySettings *s, Verification *v, Error *err) {
  const Check *first = NULL;
  size_t n_over = 0;
  for (size_t i = 0; i < v->golden.n_checks; i++)
    if (!(relative_error(&v->golden.checks[i]) <= s->limit)) {
      if (!first) first = &v->golden.checks[i];
      n_over++;
    }
  const Status status = print_checks(call, s, v, first, err);
  if (status != STATUS_OK || !first) return status;
  if (isnan(first->worst))
    return error_set(err, STATUS_NO, "%s: not a number at row %zu, column %zu: the first of %zu over the limit",
                     first->name, first->token, first->column, n_over);
  return error_set(err, STATUS_NO, "%s: relative error %.2g at row %zu, column %zu, limit %g: the first of %zu over it",
                   first->name, relative_error(first), first->token, first->column, s->limit, n_over);
}

static void verification_clear(Verification *v) {
  golden_clear(&v->golden);
  model_close(&v->model);
  adapter_close(v->adapter);
  source_close(v->source);
}

static Status verify_run(const Invocation *call, const void *settings, Error *err) {
  const VerifySettings *s = settings;
  if (!s->golden)
    return error_set(err, STATUS_USAGE, "verify: --golden F.safetensors is needed: what the model is compared with");
  Verification v = {0};
  Status status = golden_open(s->golden, &v.golden, err);
  if (status == STATUS_OK) status = source_open(call->args[0], &v.source, err);
  if (status == STATUS_OK && s->adapter) status = adapter_open(s->adapter, s->strict, &v.adapter, err);
  if (status == STATUS_OK)
    status = model_open(v.source, (ModelOptions){v.adapter, s->strict, .in_file = true}, &v.model, err);
  if (status == STATUS_OK) status = golden_read(&v.golden, &v.model, err);
  if (status == STATUS_OK) status = run_model(&v, s->batch_tokens, err);
  if (status == STATUS_OK) status = judge(call, s, &v, err);
  verification_clear(&v);
  return status;
}

const Command command_verify = {
    .name = "verify",
    .arguments = "MODEL --golden F.safetensors",
    .summary = "compare the model's activations with another implementation's, site by site",
    .details =
        "F holds float32 arrays: ids (tokens of all sequences), offsets (sequences + 1 of them, from 0), and for any "
        "of the model's\n"
        "sites an array [tokens, width] under the site's name, such as blocks.3.hook_resid_post, and logits. Parts do: "
        "with an array\n"
        "rows, all sites have those tokens alone; with an array SITE.columns (or logits.columns), SITE has those "
        "columns alone\n"
        "(both ascending, from 0). A site's relative error is the largest difference as a share of the largest value "
        "that F has of\n"
        "it; row counts the tokens of all sequences, position those of one. Exit 1 where a site is over the limit; the "
        "message names\n"
        "the first one, where the two part.",
    .example = "fathom verify MODEL --golden golden.safetensors",
    .options = verify_options,
    .defaults = &verify_defaults,
    .settings_size = sizeof(VerifySettings),
    .min_args = 1,
    .max_args = 1,
    .run = verify_run,
};
