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
              last = 0, cut = 0, constant = 0, bfloat16 = 0, inf_at = -1, other_tokens = 0;

static const struct {
  const char *name;
  double *value;
} settings[] = {{"samples", &samples}, {"layers", &layers}, {"width", &width},      {"noise", &noise},
                {"longest", &longest}, {"embed", &embed},   {"nan_at", &nan_at},    {"other_ids", &other_ids},
                {"last", &last},       {"cut", &cut},       {"constant", &constant}, {"bfloat16", &bfloat16},
                {"inf_at", &inf_at},   {"other_tokens", &other_tokens}};

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

static void fill(size_t site, size_t n, const uint32_t *row_sample, size_t d, float *rows) {
  Rng frozen = rng_new(100 + site), change = rng_new(900 + site);
  double *common = mem_alloc(2 * d, sizeof *common);
  for (size_t i = 0; i < n; i++) {
    const int begins = i == 0 || row_sample[i] != row_sample[i - 1];
    for (size_t j = 0; j < d; j++) {
      if (begins) common[j] = rng_normal(&frozen), common[d + j] = rng_normal(&change);
      const double x = 1 + common[j] + rng_normal(&frozen), e = common[d + j] + rng_normal(&change);
      rows[i * d + j] = constant > 0 ? 1 : (float)(x + noise * (double)(site + 1) * e);
      if (begins) rows[i * d + j] *= 50; /* position 0 */
    }
  }
  free(common);
}

int main(int argc, char **argv) {
  for (int i = 2; i < argc; i++)
    if (set(argv[i])) return 2;
  const size_t n_samples = (size_t)samples, n_sites = (size_t)layers + (embed > 0);
  size_t n_rows = 0;
  for (size_t s = 0; s < n_samples; s++) n_rows += last > 0 ? 1 : 1 + s % (size_t)longest;
  const char **ids = mem_alloc(n_samples, sizeof *ids), **digests = mem_alloc(n_samples, sizeof *digests);
  uint32_t *n_tokens = mem_alloc(n_samples, sizeof *n_tokens), *row_sample = mem_alloc(n_rows, sizeof *row_sample);
  uint32_t *row_token = mem_alloc(n_rows, sizeof *row_token);
  uint64_t *offsets = mem_alloc(n_samples + 1, sizeof *offsets);
  StoreSite *sites = mem_alloc(n_sites, sizeof *sites);
  for (size_t i = 0; i < n_sites; i++)
    sites[i] =
        (StoreSite){i < (size_t)layers ? mem_format("blocks.%zu.hook_resid_post", i) : "hook_embed", (size_t)width};
  for (size_t s = 0, row = 0; s < n_samples; s++) {
    ids[s] = mem_format("%s%zu", other_ids > 0 && s == 3 ? "other" : "p", s);
    digests[s] = "text";
    n_tokens[s] = last > 0 ? 1 : (uint32_t)(1 + s % (size_t)longest);
    offsets[s + 1] = offsets[s] + n_tokens[s];
    for (uint32_t t = 0; t < n_tokens[s]; t++, row++) row_sample[row] = (uint32_t)s, row_token[row] = t;
  }
  int32_t *token_ids = mem_alloc(offsets[n_samples], sizeof *token_ids);
  if (other_tokens > 0) token_ids[offsets[4] + 2] = 7;
  const StoreContents contents = {.sites = sites,
                                  .n_sites = n_sites,
                                  .dtype = STORE_F32,
                                  .n_rows = n_rows,
                                  .n_samples = n_samples,
                                  .sample_ids = ids,
                                  .text_digests = digests,
                                  .n_tokens = n_tokens,
                                  .token_ids = token_ids,
                                  .token_offsets = offsets,
                                  .row_sample = row_sample,
                                  .row_token = row_token,
                                  .command_line = "make_store",
                                  .model = noise > 0 ? "tuned" : "frozen",
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
    fill(i, n_rows, row_sample, (size_t)width, rows);
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
  for (size_t i = 0; i < n_sites; i++)
    if (i < (size_t)layers) free((char *)sites[i].name);
  for (size_t i = 0; i < n_samples; i++) free((char *)ids[i]);
  void *const all[] = {ids, digests, n_tokens, row_sample, row_token, offsets, sites, token_ids, rows};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++) free(all[i]);
  return status;
}
