/* Known edits of parameters, in double: a rotation that the next matrix undoes changes v and nothing behind it, also with grouped
 * heads and biases; a translation adds one vector to all that an MLP gives; noise and a change of rank one have the size that was
 * asked for; and nothing else moves. */
#include "model/edit.h"
#include "model/forward.h"
#include "tests/small_model.h"
#include "tests/tap.h"

enum { LAYER = 1, BLOCKS = 3, D = 12, SEED = 11 };
static const char config[] =
    "{\"model_type\": \"llama\", \"num_hidden_layers\": 3, \"hidden_size\": 12, \"num_attention_heads\": 4, "
    "\"num_key_value_heads\": 2, \"head_dim\": 6, \"intermediate_size\": 14, \"vocab_size\": 11, "
    "\"max_position_embeddings\": 64, \"rms_norm_eps\": 1e-3, \"rope_theta\": 100, \"attention_bias\": true, \"mlp_bias\": true, "
    "\"tie_word_embeddings\": true}";

/* What a pass computes at some sites of the edited block, and at the end. */
typedef struct Seen {
  real v[SMALL_ROWS * D], attn_out[SMALL_ROWS * D], mlp_out[SMALL_ROWS * D], before[SMALL_ROWS * D], last[SMALL_ROWS * D];
} Seen;

static void keep(real *to, const real *rows, size_t stride, size_t width) {
  for (size_t t = 0; t < SMALL_ROWS; t++)
    for (size_t i = 0; i < width; i++) to[t * width + i] = rows[t * stride + i];
}

static void take(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  Seen *seen = context;
  if (kind == SITE_RESID_POST && layer == BLOCKS - 1) keep(seen->last, rows, stride, width);
  if (kind == SITE_RESID_POST && layer == LAYER - 1) keep(seen->before, rows, stride, width);
  if (layer != LAYER) return;
  if (kind == SITE_V) keep(seen->v, rows, stride, width);
  if (kind == SITE_ATTN_OUT) keep(seen->attn_out, rows, stride, width);
  if (kind == SITE_MLP_OUT) keep(seen->mlp_out, rows, stride, width);
}

static Seen see(const Model *model) {
  Seen seen;
  Pass pass = {0};
  Error err;
  const Batch batch = {.n_sequences = SMALL_SEQUENCES, .offsets = small_offsets, .ids = small_ids};
  const Tap tap = {take, &seen};
  if (pass_init(&pass, &model->config, SMALL_ROWS, SMALL_ROWS, KEEP_NOTHING, &err) != STATUS_OK) {
    printf("Bail out! %s\n", err.text);
    exit(1);
  }
  model_forward(model, &batch, &pass, &tap);
  pass_clear(&pass);
  return seen;
}

/* Largest difference over the largest value. */
static double moved(size_t n, const real *a, const real *b) {
  double most = 0, size = 0;
  for (size_t i = 0; i < n; i++) {
    most = fmax(most, fabs((double)(a[i] - b[i])));
    size = fmax(size, fabs((double)b[i]));
  }
  return most / size;
}

static const Parameter *find(const Model *model, Role role) {
  for (size_t i = 0; i < model->table.count; i++)
    if (model->table.items[i].role == role && model->table.items[i].layer == LAYER) return &model->table.items[i];
  return NULL;
}

static double difference(const Parameter *p, const real *a, const real *b) {
  double square = 0;
  for (size_t i = p->offset; i < p->offset + p->rows * p->columns; i++) square += (double)((a[i] - b[i]) * (a[i] - b[i]));
  return sqrt(square);
}

/* Parameters that moved, as a list of roles in the edited block; "?" for one elsewhere. */
static char *moved_roles(const Model *model, const real *before) {
  char *list = mem_copy_string("");
  for (size_t i = 0; i < model->table.count; i++) {
    const Parameter *p = &model->table.items[i];
    if (difference(p, model->values, before) == 0) continue;
    const bool inside = p->role >= ROLE_FIRST_IN_BLOCK && p->role <= ROLE_LAST_IN_BLOCK && p->layer == LAYER;
    char *longer = inside ? mem_format("%s %d", list, (int)p->role) : mem_format("%s ?", list);
    free(list);
    list = longer;
  }
  return list;
}

static void check_roles(const Model *model, const real *before, const char *expected, const char *what) {
  char *list = moved_roles(model, before);
  ok(strcmp(list, expected) == 0, "%s: parameters that moved:%s, expected%s", what, list, expected);
  free(list);
}

static void restore(Model *model, const real *before) { memcpy(model->values, before, model->table.total * sizeof *before); }

static void check_rotation(Model *model, const real *before, const Seen *plain) {
  const size_t n = SMALL_ROWS * D;
  edit_rotate_values(&model->config, &model->table, LAYER, SEED, model->values);
  const Seen seen = see(model);
  double longest = 0;
  for (size_t t = 0; t < SMALL_ROWS; t++)
    for (size_t head = 0; head < 2; head++) {
      double a = 0, b = 0;
      for (size_t i = t * D + head * 6; i < t * D + head * 6 + 6; i++)
        a += (double)(seen.v[i] * seen.v[i]), b += (double)(plain->v[i] * plain->v[i]);
      longest = fmax(longest, fabs(a - b) / b);
    }
  ok(moved(n, seen.v, plain->v) > 0.1, "rotation: v moves: %g", moved(n, seen.v, plain->v));
  ok(longest < 1e-12, "rotation: each head's v keeps its length: %g", longest);
  ok(moved(n, seen.attn_out, plain->attn_out) < 1e-12, "rotation: attention gives what it gave: %g",
     moved(n, seen.attn_out, plain->attn_out));
  ok(moved(n, seen.last, plain->last) < 1e-12, "rotation: and so does all behind it");
  char *expected = mem_format(" %d %d %d", ROLE_V, ROLE_V_BIAS, ROLE_O);
  check_roles(model, before, expected, "rotation");
  free(expected);
  restore(model, before);
}

static void check_translation(Model *model, const real *before, const Seen *plain) {
  edit_translate(&model->table, LAYER, 2.5, SEED, model->values);
  const Seen seen = see(model);
  double spread = 0, square = 0;
  for (size_t i = 0; i < D; i++) {
    const double first = (double)(seen.mlp_out[i] - plain->mlp_out[i]);
    square += first * first;
    for (size_t t = 1; t < SMALL_ROWS; t++)
      spread = fmax(spread, fabs((double)(seen.mlp_out[t * D + i] - plain->mlp_out[t * D + i]) - first));
  }
  ok(spread < 1e-12, "translation: all rows of the MLP move alike: %g", spread);
  ok(is_close(sqrt(square), 2.5, 1e-12, 0), "translation: by what was asked for: %g", sqrt(square));
  ok(memcmp(seen.attn_out, plain->attn_out, sizeof seen.attn_out) == 0, "translation: nothing before it moves");
  ok(moved(SMALL_ROWS * D, seen.last, plain->last) > 1e-3, "translation: what follows does");
  char *expected = mem_format(" %d", ROLE_DOWN_BIAS);
  check_roles(model, before, expected, "translation");
  free(expected);
  restore(model, before);
}

static void check_noise(Model *model, const real *before, const Seen *plain) {
  edit_add_noise(&model->table, LAYER, 0.3, SEED, model->values);
  const Seen seen = see(model);
  const Parameter *up = find(model, ROLE_UP);
  double norm = 0;
  for (size_t i = up->offset; i < up->offset + up->rows * up->columns; i++) norm += (double)(before[i] * before[i]);
  const double share = difference(up, model->values, before) / sqrt(norm);
  ok(share > 0.25 && share < 0.35, "noise: of the size that was asked for: %g", share); /* 168 draws: +- .016 */
  ok(memcmp(seen.before, plain->before, sizeof seen.before) == 0, "noise: no bit before the block");
  ok(moved(SMALL_ROWS * D, seen.v, plain->v) > 0.01, "noise: in it, there is");
  char *expected =
      mem_format(" %d %d %d %d %d %d %d", ROLE_Q, ROLE_K, ROLE_V, ROLE_O, ROLE_GATE, ROLE_UP, ROLE_DOWN);
  check_roles(model, before, expected, "noise: every matrix and no vector");
  free(expected);
  restore(model, before);
}

static void check_rank_one(Model *model, const real *before) {
  edit_add_rank_one(&model->table, ROLE_DOWN, LAYER, 0.7, SEED, model->values);
  const Parameter *p = find(model, ROLE_DOWN);
  const real *after = model->values + p->offset, *from = before + p->offset;
  double norm = 0, minor = 0;
  for (size_t i = 0; i < p->rows * p->columns; i++) norm += (double)(from[i] * from[i]);
  const double size = difference(p, model->values, before);
  for (size_t i = 1; i < p->rows; i++)
    for (size_t j = 1; j < p->columns; j++) {
      const size_t a = 0, b = j, c = i * p->columns, d = c + j;
      const double det = (double)((after[a] - from[a]) * (after[d] - from[d]) - (after[b] - from[b]) * (after[c] - from[c]));
      minor = fmax(minor, fabs(det));
    }
  ok(is_close(size, 0.7 * sqrt(norm), 1e-12, 0), "rank one: of the size that was asked for");
  ok(minor < 1e-12 * size * size, "rank one: every 2 x 2 determinant with the first row and column is 0: %g", minor);
  char *expected = mem_format(" %d", ROLE_DOWN);
  check_roles(model, before, expected, "rank one");
  free(expected);
  restore(model, before);
}

int main(void) {
  printf("# seed %d\n", SEED);
  Rng rng = rng_new(SEED);
  Model model = small_model_of(&rng, config);
  real *before = mem_alloc(model.table.total, sizeof *before);
  memcpy(before, model.values, model.table.total * sizeof *before);
  const Seen plain = see(&model);
  check_rotation(&model, before, &plain);
  check_translation(&model, before, &plain);
  check_noise(&model, before, &plain);
  check_rank_one(&model, before);
  edit_rotate_values(&model.config, &model.table, LAYER, SEED, model.values);
  real *once = mem_alloc(model.table.total, sizeof *once);
  memcpy(once, model.values, model.table.total * sizeof *once);
  restore(&model, before);
  edit_rotate_values(&model.config, &model.table, LAYER, SEED, model.values);
  ok(memcmp(once, model.values, model.table.total * sizeof *once) == 0, "one seed, one edit");
  free(once);
  free(before);
  model_close(&model);
  return tap_end();
}
