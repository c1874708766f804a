/* fathom verify: the model's activations beside those that another implementation has computed, site by site. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "command/command.h"
#include "command/info.h"
#include "model/forward.h"
#include "weights/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { LOGIT_ROWS = 64 }; /* rows of logits held at a time */

typedef struct VerifySettings {
  CommonSettings common;
  const char *golden;
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
    {"strict", 0, OPTION_FLAG, offsetof(VerifySettings, strict), 0, 0, NULL,
     "refuse a model whose config.json has keys that fathom does not know (default: warn)", NULL},
    {0}};

/* One array of the golden, and the worst difference from it so far. */
typedef struct Check {
  const Tensor *golden; /* [rows, width] */
  const char *name;
  const Site *site; /* NULL: logits */
  size_t width;
  double largest; /* of the golden's magnitudes */
  double worst;   /* |found - expected|; below 0 where nothing has been compared, NaN where found is not a number */
  size_t row, column;
  double found, expected;
} Check;

typedef struct Verification {
  const char *path; /* of the golden */
  FileMap map;
  Weights *arrays;
  Source *source;
  Model model;
  SiteList sites;
  size_t n_sequences, rows, *offsets;
  int32_t *ids;
  Check *checks; /* in the order a pass reaches them, logits last */
  size_t n_checks;
  size_t first_row; /* of the batch that is being run */
  size_t batch_rows;
  float *scratch; /* a row of the widest array */
} Verification;

/* An array of whole numbers in [0, most], n of them; freed by the caller. */
static Status read_numbers(const Verification *v, const char *name, size_t least, double most, double **numbers,
                           size_t *n, Error *err) {
  const Tensor *tensor = weights_find(v->arrays, name);
  if (!tensor) return error_set(err, STATUS_DATA, "%s: array %s is missing", v->path, name);
  if (tensor->dtype != DTYPE_F32 || tensor->n_dims != 1 || tensor->count < least) {
    char *shape = info_shape(tensor->shape, tensor->n_dims);
    error_set(err, STATUS_DATA, "%s: array %s is %s %s, expected F32 and at least [%zu]", v->path, name,
              dtype_info(tensor->dtype)->name, shape, least);
    free(shape);
    return STATUS_DATA;
  }
  float *widened = mem_alloc(tensor->count, sizeof *widened);
  dtype_widen(tensor->dtype, tensor->bytes, tensor->count, widened);
  *n = tensor->count;
  *numbers = mem_alloc(*n, sizeof **numbers);
  Status status = STATUS_OK;
  for (size_t i = 0; status == STATUS_OK && i < *n; i++) {
    (*numbers)[i] = (double)widened[i];
    if (!(widened[i] >= 0 && (*numbers)[i] <= most && widened[i] == floorf(widened[i])))
      status = error_set(err, STATUS_DATA, "%s: %s[%zu] is %g, expected a whole number from 0 to %.0f", v->path, name,
                         i, (*numbers)[i], most);
  }
  free(widened);
  return status;
}

static Status read_sequences(Verification *v, Error *err) {
  double *ids = NULL, *offsets = NULL;
  size_t n_offsets = 0;
  Status status = read_numbers(v, "ids", 1, (double)v->model.config.vocab_size - 1, &ids, &v->rows, err);
  if (status == STATUS_OK) status = read_numbers(v, "offsets", 2, (double)v->rows, &offsets, &n_offsets, err);
  if (status == STATUS_OK) {
    v->n_sequences = n_offsets - 1;
    v->ids = mem_alloc(v->rows, sizeof *v->ids);
    v->offsets = mem_alloc(n_offsets, sizeof *v->offsets);
    for (size_t i = 0; i < v->rows; i++) v->ids[i] = (int32_t)ids[i];
    for (size_t i = 0; i < n_offsets; i++) v->offsets[i] = (size_t)offsets[i];
    if (v->offsets[0] != 0 || v->offsets[v->n_sequences] != v->rows)
      status = error_set(err, STATUS_DATA, "%s: offsets go from %zu to %zu, expected from 0 to the %zu ids", v->path,
                         v->offsets[0], v->offsets[v->n_sequences], v->rows);
  }
  for (size_t s = 0; status == STATUS_OK && s < v->n_sequences; s++)
    if (v->offsets[s + 1] <= v->offsets[s])
      status = error_set(err, STATUS_DATA, "%s: offsets[%zu] is %zu behind %zu: every sequence has a token", v->path,
                         s + 1, v->offsets[s + 1], v->offsets[s]);
  free(ids);
  free(offsets);
  return status;
}

/* Where positions are learned there is none beyond the table. */
static Status check_lengths(const Verification *v, Error *err) {
  const ModelConfig *c = &v->model.config;
  for (size_t s = 0; c->has[ROLE_POSITIONS] && s < v->n_sequences; s++)
    if (v->offsets[s + 1] - v->offsets[s] > c->max_positions)
      return error_set(err, STATUS_DATA, "%s: sequence %zu has %zu tokens, the model learned %zu positions", v->path, s,
                       v->offsets[s + 1] - v->offsets[s], c->max_positions);
  return STATUS_OK;
}

static void expected_row(const Check *c, size_t row, float *out) {
  size_t bytes = 0;
  dtype_size(c->golden->dtype, c->width, &bytes);
  dtype_widen(c->golden->dtype, c->golden->bytes + row * bytes, c->width, out);
}

/* Checks an array's shape and values, and keeps its largest magnitude. */
static Status measure_golden(Verification *v, Check *c, Error *err) {
  const Tensor *t = c->golden;
  if (t->n_dims != 2 || t->shape[0] != v->rows || t->shape[1] != c->width) {
    char *shape = info_shape(t->shape, t->n_dims);
    error_set(err, STATUS_DATA, "%s: array %s has shape %s, expected [%zu, %zu]", v->path, c->name, shape, v->rows,
              c->width);
    free(shape);
    return STATUS_DATA;
  }
  for (size_t row = 0; row < v->rows; row++) {
    expected_row(c, row, v->scratch);
    for (size_t i = 0; i < c->width; i++) {
      if (!isfinite(v->scratch[i]))
        return error_set(err, STATUS_DATA, "%s: array %s holds a value that is not finite (row %zu, column %zu)",
                         v->path, c->name, row, i);
      c->largest = fmax(c->largest, fabs((double)v->scratch[i]));
    }
  }
  return STATUS_OK;
}

/* What an array of the golden is compared with: a site of the model, logits, or nothing the model knows. */
static Status find_check(Verification *v, const Tensor *tensor, Check *check, Error *err) {
  *check = (Check){.golden = tensor, .name = tensor->name, .worst = -1};
  for (size_t i = 0; i < v->sites.count; i++)
    if (strcmp(v->sites.items[i].name, tensor->name) == 0) check->site = &v->sites.items[i];
  check->width = check->site ? check->site->width : v->model.config.vocab_size;
  if (!check->site && strcmp(tensor->name, "logits") != 0)
    return error_set(err, STATUS_DATA, "%s: array %s is no site of this model", v->path, tensor->name);
  if (!check->site && v->model.has_score)
    return error_set(err, STATUS_DATA, "%s: there are logits, but the model has a reward head in their place", v->path);
  return STATUS_OK;
}

/* In the order of the pass; logits come after every site. */
static int by_order(const void *a, const void *b) {
  const Site *x = ((const Check *)a)->site, *y = ((const Check *)b)->site;
  if (!x || !y) return !x - !y;
  return (x > y) - (x < y);
}

static Status read_checks(Verification *v, Error *err) {
  const size_t n = weights_count(v->arrays);
  size_t widest = v->model.config.vocab_size;
  Status status = STATUS_OK;
  sites_of_model(&v->model.config, &v->sites);
  for (size_t i = 0; i < v->sites.count; i++)
    if (v->sites.items[i].width > widest) widest = v->sites.items[i].width;
  v->scratch = mem_alloc(widest, sizeof *v->scratch);
  v->checks = mem_alloc(n, sizeof *v->checks);
  for (size_t i = 0; status == STATUS_OK && i < n; i++) {
    const Tensor *tensor = weights_at(v->arrays, i);
    if (strcmp(tensor->name, "ids") == 0 || strcmp(tensor->name, "offsets") == 0) continue;
    Check *check = &v->checks[v->n_checks++];
    status = find_check(v, tensor, check, err);
    if (status == STATUS_OK) status = measure_golden(v, check, err);
  }
  if (status == STATUS_OK && v->n_checks == 0)
    status = error_set(err, STATUS_DATA, "%s: no site to compare, expected arrays such as %s", v->path,
                       v->sites.items[v->sites.count - 2].name);
  if (status == STATUS_OK) qsort(v->checks, v->n_checks, sizeof *v->checks, by_order);
  return status;
}

/* n rows of the model against the golden's from first_row on. */
static void compare_rows(Verification *v, Check *c, size_t first_row, size_t n, const real *rows, size_t stride) {
  for (size_t t = 0; t < n; t++) {
    expected_row(c, first_row + t, v->scratch);
    for (size_t i = 0; i < c->width; i++) {
      const double found = (double)rows[t * stride + i], expected = (double)v->scratch[i];
      const double difference = fabs(found - expected);
      if (isnan(c->worst) || difference <= c->worst) continue;
      c->worst = difference;
      c->row = first_row + t;
      c->column = i;
      c->found = found;
      c->expected = expected;
    }
  }
}

static void take_site(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  Verification *v = context;
  for (size_t i = 0; i < v->n_checks; i++) {
    Check *c = &v->checks[i];
    if (c->site && c->site->kind == kind && c->site->layer == layer && c->width == width)
      compare_rows(v, c, v->first_row, v->batch_rows, rows, stride);
  }
}

/* Sequences [first, *end) make the next batch: as many as fit, at least one. */
static size_t batch_end(const Verification *v, size_t first, size_t batch_tokens) {
  size_t end = first + 1;
  while (end < v->n_sequences && v->offsets[end + 1] - v->offsets[first] <= batch_tokens) end++;
  return end;
}

static void run_batch(Verification *v, Pass *pass, size_t first, size_t end, size_t *offsets, real *logits) {
  const size_t vocab_size = v->model.config.vocab_size;
  v->first_row = v->offsets[first];
  v->batch_rows = v->offsets[end] - v->first_row;
  for (size_t s = first; s <= end; s++) offsets[s - first] = v->offsets[s] - v->first_row;
  const Batch batch = {end - first, offsets, v->ids + v->first_row};
  const Tap tap = {take_site, v};
  model_forward(&v->model, &batch, pass, &tap);
  Check *last = &v->checks[v->n_checks - 1];
  for (size_t row = 0; !last->site && row < v->batch_rows; row += LOGIT_ROWS) {
    const size_t n = v->batch_rows - row < LOGIT_ROWS ? v->batch_rows - row : LOGIT_ROWS;
    model_logits(&v->model, pass, row, n, logits);
    compare_rows(v, last, v->first_row + row, n, logits, vocab_size);
  }
}

static Status run_model(Verification *v, size_t batch_tokens, Error *err) {
  size_t longest = 0, most = 0;
  for (size_t first = 0, end; first < v->n_sequences; first = end) {
    end = batch_end(v, first, batch_tokens);
    if (v->offsets[end] - v->offsets[first] > most) most = v->offsets[end] - v->offsets[first];
    for (size_t s = first; s < end; s++)
      if (v->offsets[s + 1] - v->offsets[s] > longest) longest = v->offsets[s + 1] - v->offsets[s];
  }
  Pass pass;
  const Status status = pass_init(&pass, &v->model.config, most, longest, false, err);
  if (status != STATUS_OK) return status;
  size_t *offsets = mem_alloc(v->n_sequences + 1, sizeof *offsets);
  real *logits = mem_alloc(LOGIT_ROWS * v->model.config.vocab_size, sizeof *logits);
  Progress progress = progress_begin("verify", "sequences", v->n_sequences);
  for (size_t first = 0, end; first < v->n_sequences; first = end) {
    end = batch_end(v, first, batch_tokens);
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

static size_t sequence_of(const Verification *v, size_t row) {
  size_t s = 0;
  while (v->offsets[s + 1] <= row) s++;
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
  Table *table = table_begin(stdout, s->common.json, &from, columns, sizeof columns / sizeof columns[0]);
  if (first)
    table_note(table, "first site over the limit %g: %s", s->limit, first->name);
  else
    table_note(table, "no site over the limit %g", s->limit);
  for (size_t i = 0; i < v->n_checks; i++) {
    const Check *c = &v->checks[i];
    const size_t sequence = sequence_of(v, c->row);
    table_string(table, c->name);
    table_number(table, relative_error(c));
    table_count(table, c->row);
    table_count(table, sequence);
    table_count(table, c->row - v->offsets[sequence]);
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
  for (size_t i = 0; i < v->n_checks; i++)
    if (!(relative_error(&v->checks[i]) <= s->limit)) {
      if (!first) first = &v->checks[i];
      n_over++;
    }
  const Status status = print_checks(call, s, v, first, err);
  if (status != STATUS_OK || !first) return status;
  if (isnan(first->worst))
    return error_set(err, STATUS_NO, "%s: not a number at row %zu, column %zu: the first of %zu over the limit",
                     first->name, first->row, first->column, n_over);
  return error_set(err, STATUS_NO, "%s: relative error %.2g at row %zu, column %zu, limit %g: the first of %zu over it",
                   first->name, relative_error(first), first->row, first->column, s->limit, n_over);
}

static void verification_clear(Verification *v) {
  free(v->scratch);
  free(v->checks);
  free(v->offsets);
  free(v->ids);
  sites_clear(&v->sites);
  model_close(&v->model);
  source_close(v->source);
  weights_free(v->arrays);
  file_unmap(&v->map);
}

static Status verify_run(const Invocation *call, const void *settings, Error *err) {
  const VerifySettings *s = settings;
  if (!s->golden)
    return error_set(err, STATUS_USAGE, "verify: --golden F.safetensors is needed: what the model is compared with");
  Verification v = {.path = s->golden, .arrays = weights_new()};
  Status status = safetensors_open(s->golden, &v.map, v.arrays, err);
  if (status == STATUS_OK) status = source_open(call->args[0], &v.source, err);
  if (status == STATUS_OK)
    status = model_open(v.source, (ModelOptions){.strict = s->strict, .in_file = true}, &v.model, err);
  if (status == STATUS_OK) status = read_sequences(&v, err);
  if (status == STATUS_OK) status = check_lengths(&v, err);
  if (status == STATUS_OK) status = read_checks(&v, err);
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
        "sites an array [tokens, width] under the site's name, such as blocks.3.hook_resid_post, and logits. A site's "
        "relative\n"
        "error is the largest difference as a share of the site's largest value; row counts the tokens of all "
        "sequences, position\n"
        "those of one. Exit 1 where a site is over the limit; the message names the first one, where the two part.",
    .example = "fathom verify MODEL --golden golden.safetensors",
    .options = verify_options,
    .defaults = &verify_defaults,
    .settings_size = sizeof(VerifySettings),
    .min_args = 1,
    .max_args = 1,
    .run = verify_run,
};
