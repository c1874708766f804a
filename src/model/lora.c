/* Which modules get factors, where those lie, and what they begin with. */
#include "model/lora.h"

#include "base/memory.h"
#include "base/rng.h"
#include "model/tensor_layout.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define WEIGHT ".weight"
#define ALL_LINEAR "all-linear"

static bool takes_factors(Role role) {
  return role == ROLE_Q || role == ROLE_K || role == ROLE_V || role == ROLE_O || role == ROLE_GATE || role == ROLE_UP ||
         role == ROLE_DOWN;
}

/* "model.layers.0.self_attn.q_proj"; freed by the caller. */
static char *module_name(const Parameter *p) {
  return mem_format("%.*s", (int)(strlen(p->name) - strlen(WEIGHT)), p->name);
}

static const char *last_part(const char *module) { return strrchr(module, '.') ? strrchr(module, '.') + 1 : module; }

static bool ends_with_name(const char *module, const char *name, size_t size) {
  const size_t n = strlen(module);
  return n >= size && strncmp(module + n - size, name, size) == 0 && (n == size || module[n - size - 1] == '.');
}

/* Does the list of names have this module? used[i] is set for the name that does. */
static bool is_target(const char *targets, const char *module, bool *used) {
  bool found = false;
  for (size_t i = 0; *targets; i++) {
    const size_t size = strcspn(targets, ",");
    if (ends_with_name(module, targets, size)) found = used[i] = true;
    targets += size + (targets[size] == ',');
  }
  return found;
}

/* A parameter in front of the score, which moves behind it. */
static void add(ParameterTable *t, Role role, const Parameter *of, const char *module, size_t rows, size_t columns) {
  t->items = mem_resize(t->items, t->count + 1, sizeof *t->items);
  Parameter *p = &t->items[t->count - 1], score = *p;
  assert(score.role == ROLE_SCORE);
  *p = (Parameter){.role = role, .layer = of->layer, .rows = rows, .columns = columns, .offset = score.offset};
  snprintf(p->name, sizeof p->name, "%s.lora_%c" WEIGHT, module, role == ROLE_LORA_A ? 'A' : 'B');
  score.offset += rows * columns;
  t->total += rows * columns;
  t->score = score.offset;
  t->items[t->count++] = score;
}

static void add_module(Lora *lora, ParameterTable *t, const FileTensor *tensor, const char *module, size_t rank,
                       double scale) {
  const Parameter of = t->items[tensor->first];
  lora->modules = mem_resize(lora->modules, lora->count + 1, sizeof *lora->modules);
  lora->modules[lora->count++] = (LoraModule){tensor->first, tensor->n, t->count - 1, t->count, scale};
  add(t, ROLE_LORA_A, &of, module, rank, of.columns);
  add(t, ROLE_LORA_B, &of, module, tensor->place.units, rank);
}

/* What modules there are by the ends of their names: each once. */
static Json *linear_names(const ParameterTable *t, const FileTensor *tensors, size_t n) {
  Json *names = json_new_array();
  for (size_t i = 0; i < n; i++) {
    if (!takes_factors(t->items[tensors[i].first].role)) continue;
    char *module = module_name(&t->items[tensors[i].first]);
    bool is_new = true;
    for (const Json *node = json_first(names); node; node = json_next(node))
      is_new = is_new && strcmp(json_string(node, ""), last_part(module)) != 0;
    if (is_new) json_add(names, NULL, json_new_string(last_part(module)));
    free(module);
  }
  return names;
}

static char *join(const Json *names) {
  char *text = mem_copy_string("");
  for (const Json *node = json_first(names); node; node = json_next(node)) {
    char *longer = mem_format("%s%s%s", text, *text ? "," : "", json_string(node, ""));
    free(text);
    text = longer;
  }
  return text;
}

static Json *new_config(const ModelConfig *c, const LoraSettings *s, const char *targets) {
  Json *config = json_new_object();
  json_add_string(config, "peft_type", "LORA");
  json_add_number(config, "r", (double)s->rank);
  json_add(config, "lora_alpha", json_new_number(s->alpha));
  json_add_bool(config, "use_rslora", s->rslora);
  json_add_number(config, "lora_dropout", 0);
  json_add_string(config, "bias", "none");
  json_add_bool(config, "fan_in_fan_out", c->family->hf_transposed);
  json_add_bool(config, "init_lora_weights", true);
  Json *names = json_add_array(config, "target_modules");
  for (const char *at = targets; *at;) {
    const size_t size = strcspn(at, ",");
    char *name = mem_format("%.*s", (int)size, at);
    json_add(names, NULL, json_new_string(name));
    free(name);
    at += size + (at[size] == ',');
  }
  return config;
}

static Status init_new(const ModelConfig *c, const LoraSettings *s, const FileTensor *tensors, size_t n_tensors,
                       ParameterTable *t, Lora *lora, Error *err) {
  Json *names = linear_names(t, tensors, n_tensors);
  char *all = join(names);
  const char *targets = strcmp(s->targets, ALL_LINEAR) == 0 ? all : s->targets, *at = targets;
  const double r = (double)s->rank, scale = s->alpha / (s->rslora ? sqrt(r) : r);
  bool *used = mem_alloc(strlen(targets) + 1, sizeof *used);
  Status status = STATUS_OK;
  for (size_t i = 0; i < n_tensors; i++) {
    const Parameter *p = &t->items[tensors[i].first];
    if (!takes_factors(p->role)) continue;
    char *module = module_name(p);
    if (is_target(targets, module, used)) add_module(lora, t, &tensors[i], module, s->rank, scale);
    free(module);
  }
  for (size_t i = 0; status == STATUS_OK && (*at || i == 0); i++) {
    const int size = (int)strcspn(at, ",");
    if (!used[i])
      status =
          error_set(err, STATUS_USAGE, "--lora-targets \"%.*s\": expected " ALL_LINEAR " or some of %s", size, at, all);
    at += (size_t)size + (at[size] == ',');
  }
  if (status == STATUS_OK) lora->config = new_config(c, s, targets);
  free(used);
  free(all);
  json_free(names);
  return status;
}

/* Nothing but those factors and a reward head may be there. */
static Status check_rest(const Adapter *adapter, const char *head, size_t n_modules, Error *err) {
  const size_t n = head ? strlen(head) : 0;
  if (n_modules != adapter_factors_count(adapter))
    return error_set(err, STATUS_DATA,
                     "%s: has factors of other modules than the matrices of attention and MLP: training cannot go on "
                     "with them",
                     adapter_path(adapter));
  for (size_t i = 0; i < adapter_tensors_count(adapter); i++) {
    const AdapterTensor *saved = adapter_tensors_at(adapter, i);
    if (!head || strncmp(saved->name, head, n) != 0 || saved->name[n] != '.')
      return error_set(err, STATUS_DATA,
                       "%s: tensor %s: training goes on with LoRA matrices and a reward head, not with other tensors",
                       saved->tensor->file, saved->tensor->name);
  }
  return STATUS_OK;
}

static Status init_from(const ModelConfig *c, const Adapter *adapter, const char *head, const FileTensor *tensors,
                        size_t n_tensors, ParameterTable *t, Lora *lora, Error *err) {
  for (size_t i = 0; i < n_tensors; i++) {
    const AdapterFactors *f = adapt_module(c, adapter, &t->items[tensors[i].first]);
    if (f && takes_factors(t->items[tensors[i].first].role))
      add_module(lora, t, &tensors[i], f->module, f->rank, f->scale);
  }
  lora->config = json_copy(adapter_config(adapter));
  return check_rest(adapter, head, lora->count, err);
}

Status lora_init(const ModelConfig *c, const LoraSettings *settings, const Adapter *adapter, const char *head,
                 ParameterTable *t, Lora *lora, Error *err) {
  size_t n;
  FileTensor *tensors = tensor_layout_all(c, t, &n);
  *lora = (Lora){0};
  const Status status =
      adapter ? init_from(c, adapter, head, tensors, n, t, lora, err) : init_new(c, settings, tensors, n, t, lora, err);
  free(tensors);
  return status;
}

void lora_clear(Lora *lora) {
  free(lora->modules);
  json_free(lora->config);
  *lora = (Lora){0};
}

/* Row u of our B is row *unit of the module's in Hugging Face's order: calls for all rows in our order. */
static void copy_b(const ModelConfig *c, const ParameterTable *t, const LoraModule *m, const real *from, bool to_ours,
                   real *to) {
  const size_t rank = t->items[m->b].columns;
  size_t ours = 0;
  for (size_t i = m->first; i < m->first + m->n; i++) {
    TensorPlace place;
    tensor_place(c, &t->items[i], false, &place);
    for (size_t u = 0; u < t->items[i].rows; u++, ours++) {
      const size_t theirs = tensor_place_unit(c, &place, u);
      memcpy(to + (to_ours ? ours : theirs) * rank, from + (to_ours ? theirs : ours) * rank, rank * sizeof *to);
    }
  }
}

void lora_gather_b(const ModelConfig *c, const ParameterTable *t, const LoraModule *m, const real *values, size_t begin,
                   real *out) {
  copy_b(c, t, m, values + (t->items[m->b].offset - begin), false, out);
}

static Status begin_from(const ModelConfig *c, const ParameterTable *t, const LoraModule *m, const Adapter *adapter,
                         real *values, Error *err) {
  const AdapterFactors *f = adapt_module(c, adapter, &t->items[m->first]);
  real *b = mem_alloc(f->b->count, sizeof *b);
  Status status = adapt_read(f->a, values + t->items[m->a].offset, err);
  if (status == STATUS_OK) status = adapt_read(f->b, b, err);
  if (status == STATUS_OK) copy_b(c, t, m, b, true, values + t->items[m->b].offset);
  free(b);
  return status;
}

Status lora_begin(const ModelConfig *c, const ParameterTable *t, const Lora *lora, uint64_t seed,
                  const Adapter *adapter, real *values, Error *err) {
  Rng rng = rng_new(seed ^ UINT64_C(0x6c6f7261)); /* another stream than that of a new reward head */
  for (size_t i = 0; i < lora->count; i++) {
    const LoraModule *m = &lora->modules[i];
    const Parameter *a = &t->items[m->a], *b = &t->items[m->b];
    const Status status = adapter ? begin_from(c, t, m, adapter, values, err) : STATUS_OK;
    if (status != STATUS_OK) return status;
    if (adapter) continue;
    const double bound = 1 / sqrt((double)a->columns);
    for (size_t j = 0; j < a->rows * a->columns; j++)
      values[a->offset + j] = (real)(bound * (2 * rng_uniform(&rng) - 1));
    memset(values + b->offset, 0, b->rows * b->columns * sizeof *values);
  }
  return STATUS_OK;
}

void lora_attach(const ParameterTable *t, const Lora *lora, const real *values, Matrices *matrices) {
  for (size_t i = 0; i < lora->count; i++) {
    const LoraModule *m = &lora->modules[i];
    const Parameter *a = &t->items[m->a], *b = &t->items[m->b];
    Linear *w = matrices_linear(matrices, &t->items[m->first]);
    size_t first = 0;
    for (size_t k = m->first; k > 0 && matrices_linear(matrices, &t->items[k - 1]) == w; k--)
      if (!t->items[k - 1].is_vector) first += t->items[k - 1].rows;
    assert(w->n_factors < LINEAR_PARTS);
    w->factors[w->n_factors++] =
        (LinearFactors){first, b->rows, a->rows, (real)m->scale, values + a->offset, values + b->offset};
  }
}
