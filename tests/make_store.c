/* make_store OUT [NAME=VALUE]...: a made activation store for the tests of commands. All stores of one shape hold the
 * same samples and the same frozen activations; noise= adds a change that grows with the layer. */
#include "base/memory.h"
#include "base/rng.h"
#include "store/activations.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double samples = 40, layers = 3, width = 8, noise = 0, longest = 6, embed = 0, nan_at = -1, other_ids = 0,
              last = 0, cut = 0, constant = 0, bfloat16 = 0, inf_at = -1, other_tokens = 0, pairs = 0, groups = 0, only_position = -1,
              only_rejected = 0, only_group = -1, only_sample = -1, branches = 0, attn = 0, mlp = 0, ramp = 0, bare = 0, shortest = 1;

static const struct {
  const char *name;
  double *value;
} settings[] = {{"samples", &samples}, {"layers", &layers}, {"width", &width},      {"noise", &noise},
                {"longest", &longest}, {"embed", &embed},   {"nan_at", &nan_at},    {"other_ids", &other_ids},
                {"last", &last},       {"cut", &cut},       {"constant", &constant}, {"bfloat16", &bfloat16},
                {"inf_at", &inf_at},   {"other_tokens", &other_tokens},
                {"pairs", &pairs}, {"groups", &groups}, {"only_position", &only_position},
                {"only_rejected", &only_rejected}, {"only_group", &only_group}, {"only_sample", &only_sample},
                {"branches", &branches}, {"attn", &attn}, {"mlp", &mlp}, {"ramp", &ramp}, {"bare", &bare}, {"shortest", &shortest}};

static int set(const char *word) {
  const char *equals = strchr(word, '=');
  for (size_t i = 0; equals && i < sizeof settings / sizeof settings[0]; i++)
    if (strncmp(word, settings[i].name, (size_t)(equals - word)) == 0 && settings[i].name[equals - word] == 0) {
      *settings[i].value = atof(equals + 1);
      return 0;
    }
  fprintf(stderr, "make_store: what is %s?\n", word);
  return 1;
}

/* Does the change reach this row? */
static int is_changed(uint32_t sample, uint32_t token) {
  return (only_position < 0 || token == (uint32_t)only_position) && (only_rejected == 0 || sample % 2 == 1) &&
         (only_group < 0 || sample % (uint32_t)groups == (uint32_t)only_group) &&
         (only_sample < 0 || sample == (uint32_t)only_sample);
}

/* Site 3 l + k of block l: attn_out, mlp_out, and the stream behind them. */
static void fill_branch(size_t site, size_t n, size_t d, float *rows) {
  const size_t block = site / 3, kind = site % 3;
  for (size_t l = 0; l <= block; l++)
    for (size_t k = 0; k < 2; k++) {
      Rng frozen = rng_new(100 + 2 * l + k), change = rng_new(900);
      const double by = l == 0 && k == 0 ? attn : l == 1 && k == 1 ? mlp : 0;
      for (size_t i = 0; i < n * d; i++) {
        const double value = rng_normal(&frozen) + by * rng_normal(&change);
        if (kind == 2 || (l == block && k == kind)) rows[i] += (float)value;
      }
    }
}

static void fill(size_t site, size_t n, const uint32_t *row_sample, const uint32_t *row_token, size_t d, float *rows) {
  Rng frozen = rng_new(100 + site), change = rng_new(900 + site);
  double *common = mem_alloc(2 * d, sizeof *common);
  for (size_t i = 0; i < n; i++) {
    const int begins = i == 0 || row_sample[i] != row_sample[i - 1];
    for (size_t j = 0; j < d; j++) {
      if (begins) common[j] = rng_normal(&frozen), common[d + j] = rng_normal(&change);
      const double x = 1 + common[j] + rng_normal(&frozen), e = common[d + j] + rng_normal(&change);
      rows[i * d + j] = constant > 0 ? 1 : (float)(x + (is_changed(row_sample[i], row_token[i]) ? noise : 0) * (double)(site + 1) * e +
                                                               ramp * (1 + row_sample[i] / 2));
      if (begins) rows[i * d + j] *= 50; /* position 0 */
    }
  }
  free(common);
}

int main(int argc, char **argv) {
  for (int i = 2; i < argc; i++)
    if (set(argv[i])) return 2;
  const size_t n_samples = (size_t)samples, n_sites = (size_t)layers * (branches > 0 ? 3 : 1) + (embed > 0);
  static const char *const kinds[] = {"attn_out", "mlp_out", "resid_post"};
  size_t n_rows = 0;
  for (size_t s = 0; s < n_samples; s++) n_rows += last > 0 ? 1 : (size_t)shortest + s % (size_t)longest;
  const char **labels = mem_alloc(n_samples, sizeof *labels), **in_groups = mem_alloc(n_samples, sizeof *in_groups);
  const char **ids = mem_alloc(n_samples, sizeof *ids), **digests = mem_alloc(n_samples, sizeof *digests);
  uint32_t *n_tokens = mem_alloc(n_samples, sizeof *n_tokens), *row_sample = mem_alloc(n_rows, sizeof *row_sample);
  uint32_t *row_token = mem_alloc(n_rows, sizeof *row_token);
  uint64_t *offsets = mem_alloc(n_samples + 1, sizeof *offsets);
  StoreSite *sites = mem_alloc(n_sites, sizeof *sites);
  for (size_t i = 0; i < n_sites; i++)
    sites[i] = (StoreSite){branches > 0         ? mem_format("blocks.%zu.hook_%s", i / 3, kinds[i % 3])
                           : i < (size_t)layers ? mem_format("blocks.%zu.hook_resid_post", i)
                                                : mem_copy_string("hook_embed"),
                           (size_t)width};
  for (size_t s = 0, row = 0; s < n_samples; s++) {
    ids[s] = mem_format("%s%zu", other_ids > 0 && s == 3 ? "other" : "p", s);
    digests[s] = "text";
    labels[s] = pairs > 0 ? (s % 2 ? "rejected" : "chosen") : "";
    in_groups[s] = mem_format(pairs > 0 || groups > 0 ? "g%zu" : "", pairs > 0 ? s / 2 : groups > 0 ? s % (size_t)groups : 0);
    n_tokens[s] = last > 0 ? 1 : (uint32_t)((size_t)shortest + s % (size_t)longest);
    offsets[s + 1] = offsets[s] + n_tokens[s];
    for (uint32_t t = 0; t < n_tokens[s]; t++, row++) row_sample[row] = (uint32_t)s, row_token[row] = t;
  }
  int32_t *token_ids = mem_alloc(offsets[n_samples], sizeof *token_ids);
  if (other_tokens > 0) token_ids[offsets[4] + 2] = other_tokens > 1 ? (int32_t)other_tokens : 7;
  const StoreContents contents = {.sites = sites,
                                  .n_sites = n_sites,
                                  .dtype = STORE_F32,
                                  .n_rows = n_rows,
                                  .n_samples = n_samples,
                                  .sample_ids = ids,
                                  .text_digests = digests,
                                  .groups = in_groups,
                                  .labels = labels,
                                  .n_tokens = n_tokens,
                                  .token_ids = bare > 0 ? NULL : token_ids,
                                  .token_offsets = bare > 0 ? NULL : offsets,
                                  .row_sample = row_sample,
                                  .row_token = row_token,
                                  .command_line = "make_store",
                                  .model = noise > 0 || attn > 0 || mlp > 0 || ramp > 0 ? "tuned" : "frozen",
                                  .weights_sha256 = "00",
                                  .token_rule = last > 0 ? "last" : "all",
                                  .compute_dtype = bfloat16 > 0 ? "bfloat16" : "float32",
                                  .tool_version = "0"};
  Store *store;
  Error err = {0};
  size_t done;
  Status status = store_create(argv[1], &contents, false, &store, &done, &err);
  float *rows = mem_alloc(n_rows * (size_t)width, sizeof *rows);
  for (size_t i = 0; i < n_sites && status == STATUS_OK; i++) {
    memset(rows, 0, n_rows * (size_t)width * sizeof *rows);
    if (branches > 0)
      fill_branch(i, n_rows, (size_t)width, rows);
    else
      fill(i, n_rows, row_sample, row_token, (size_t)width, rows);
    if (nan_at >= 0 && i == 1) rows[(size_t)nan_at * (size_t)width] = NAN;
    if (inf_at >= 0 && i == 2) rows[((size_t)inf_at + 1) * (size_t)width - 1] = -INFINITY;
    status = store_write_rows(store, i, 0, n_rows, rows, (size_t)width, &err);
  }
  if (status == STATUS_OK && cut > 0) {
    status = store_mark_done(store, (size_t)cut, &err);
    store_close(store);
  } else if (status == STATUS_OK) {
    status = store_mark_done(store, n_rows, &err);
    if (status == STATUS_OK) status = store_finish(store, &err);
  }
  if (status != STATUS_OK) fprintf(stderr, "make_store: %s\n", err.text);
  for (size_t i = 0; i < n_sites; i++) free((char *)sites[i].name);
  for (size_t i = 0; i < n_samples; i++) {
    free((char *)ids[i]);
    free((char *)in_groups[i]);
  }
  void *const all[] = {labels, in_groups, ids, digests, n_tokens, row_sample, row_token, offsets, sites, token_ids, rows};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
  return status;
}
