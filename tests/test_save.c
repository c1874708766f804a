/* Every architecture written as a reward model and read again: from Hugging Face folders and from GGUF files the folder
 * that is written has the same numbers and the same parameters, bit for bit. With an argument, the folders are kept
 * there. */
#include "base/file.h"
#include "base/rng.h"
#include "model/model.h"
#include "tests/tap.h"
#include "train/save.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SEED = 11 };

static bool open_model(const char *path, Model *model, Error *err) {
  Source *source;
  Status status = source_open(path, &source, err);
  if (status != STATUS_OK) return false;
  status = model_open(source, (ModelOptions){.strict = true}, model, err);
  source_close(source);
  return status == STATUS_OK;
}

static bool same_layers(const ModelConfig *a, const ModelConfig *b) {
  bool same = a->n_layers == b->n_layers;
  for (size_t l = 0; same && l < a->n_layers; l++) {
    const LayerConfig *x = &a->layers[l], *y = &b->layers[l];
    same = x->window == y->window && x->rope == y->rope && x->has_experts == y->has_experts &&
           fabs(x->attention_scale - y->attention_scale) < 1e-7;
  }
  return same;
}

static bool same_rope(const ModelConfig *a, const ModelConfig *b, int r) {
  bool same = true;
  for (size_t i = 0; i < a->rotary_dim / 2; i++)
    for (size_t length = 4; length < 1000; length *= 3)
      same = same && fabs(rope_frequency(&a->ropes[r], length, i) / rope_frequency(&b->ropes[r], length, i) - 1) < 1e-6;
  return same && fabs(rope_attention_factor(&a->ropes[r]) - rope_attention_factor(&b->ropes[r])) < 1e-6;
}

static bool same_config(const ModelConfig *a, const ModelConfig *b) {
  return a->family == b->family && same_layers(a, b) && a->rotary_dim == b->rotary_dim &&
         (a->rotary_dim == 0 ||
          (same_rope(a, b, ROPE_GLOBAL) && (a->ropes[ROPE_LOCAL].theta == 0 || same_rope(a, b, ROPE_LOCAL)))) &&
         memcmp(a->has, b->has, sizeof a->has) == 0 && a->max_positions == b->max_positions &&
         fabs(a->norm_eps / b->norm_eps - 1) < 1e-6 && a->activation == b->activation &&
         a->parallel_residual == b->parallel_residual && fabs(a->embedding_scale / b->embedding_scale - 1) < 1e-6 &&
         fabs(a->residual_scale / b->residual_scale - 1) < 1e-6 && fabs(a->logit_scale / b->logit_scale - 1) < 1e-6 &&
         a->attention_softcap == b->attention_softcap && a->logit_softcap == b->logit_softcap &&
         a->n_experts_used == b->n_experts_used && a->renormalise == b->renormalise;
}

static bool same_values(const Model *a, const Model *b) {
  bool same = a->table.count == b->table.count && a->table.total == b->table.total;
  for (size_t i = 0; same && i < a->table.count; i++) {
    const Parameter *p = &a->table.items[i];
    if (p->role == ROLE_LM_HEAD && a->config.family->hf_classifier) continue; /* a reward model has none */
    same = memcmp(a->values + p->offset, b->values + p->offset, p->rows * p->columns * sizeof(real)) == 0;
    if (!same) printf("# %s differs\n", p->name);
  }
  return same;
}

static void test_model(const char *from, const char *name, const char *to, Rng *rng) {
  char *path = file_join(from, name), *saved = file_join(to, name);
  Model model = {0}, again = {0};
  Error err = {0};
  bool done = open_model(path, &model, &err);
  if (done) {
    for (size_t i = 0; i < model.config.hidden_size; i++) model.values[model.table.score + i] = (real)rng_normal(rng);
    done = file_make_directory(saved, &err) == STATUS_OK && save_model(&model, SAVED_AS_REWARD_MODEL, -1, -1, 0, saved, &err) == STATUS_OK &&
           open_model(saved, &again, &err);
  }
  ok(done, "%s: written and read again%s%s", name, done ? "" : ": ", done ? "" : err.text);
  if (done) {
    ok(again.has_score, "%s: with its head", name);
    ok(same_config(&model.config, &again.config), "%s: the same numbers shape it", name);
    ok(same_values(&model, &again), "%s: the same parameters", name);
  }
  model_close(&model);
  model_close(&again);
  free(path);
  free(saved);
}

static int is_model(const struct dirent *entry) {
  return entry->d_name[0] != '.' && !file_has_suffix(entry->d_name, ".safetensors");
}

int main(int argc, char **argv) {
  const char *source = getenv("SRCDIR");
  char *from = file_join(source ? source : ".", "tests/fixtures/families"), made[] = "/tmp/fathom-save.XXXXXX";
  const char *to = argc > 1 ? argv[1] : mkdtemp(made);
  Rng rng = rng_new(SEED);
  struct dirent **models;
  const int n = scandir(from, &models, is_model, alphasort);
  printf("# seed %d\n", SEED);
  ok(n > 40, "%d models in %s", n, from);
  for (int i = 0; i < n; i++) {
    test_model(from, models[i]->d_name, to, &rng);
    free(models[i]);
  }
  if (n >= 0) free(models);
  if (argc == 1) {
    char *command = mem_format("rm -rf '%s'", to);
    ok(system(command) == 0, "cleaned up");
    free(command);
  }
  free(from);
  return tap_end();
}
