/* store/activations: what is written comes back, in every type; resuming; what is refused, and how it is said. */
#include "base/file.h"
#include "base/half.h"
#include "store/h5.h"
#include "tests/store_fixture.h"
#include "tests/tap.h"

#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/fathom-store.XXXXXX";

static char *in_folder(const char *name) { return file_join(folder, name); }

static float rounded(float value, StoreDtype dtype) {
  if (dtype == STORE_BF16) return half_bf16_to_f32(half_bf16_from_f32(value));
  return dtype == STORE_F16 ? half_f16_to_f32(half_f16_from_f32(value)) : value;
}

/* Reads every site in blocks of the given size; counts the elements that are not as they were made. */
static size_t wrong_elements(Store *store, StoreDtype dtype, size_t block) {
  Error err = {0};
  const StoreContents *c = store_contents(store);
  size_t wrong = 0;
  for (size_t s = 0; s < c->n_sites; s++) {
    const size_t width = c->sites[s].width;
    float *rows = mem_alloc(block * width, sizeof *rows);
    for (size_t at = 0; at < c->n_rows; at += block) {
      const size_t n = c->n_rows - at < block ? c->n_rows - at : block;
      if (store_read_rows(store, s, at, n, rows, &err) != STATUS_OK) wrong += n * width;
      for (size_t i = 0; i < n * width; i++) {
        const float expected = rounded(fixture_value(s, at + i / width, i % width), dtype);
        wrong += memcmp(&rows[i], &expected, sizeof expected) != 0;
      }
    }
    free(rows);
  }
  return wrong;
}

static void check_contents(const StoreContents *found, const StoreContents *made) {
  bool same = found->n_rows == made->n_rows && found->n_samples == made->n_samples && found->seed == 5 && found->threads == 2;
  for (size_t i = 0; same && i < made->n_samples; i++)
    same = strcmp(found->sample_ids[i], made->sample_ids[i]) == 0 && found->n_tokens[i] == made->n_tokens[i] &&
           strcmp(found->groups[i], made->groups[i] ? made->groups[i] : "") == 0 && found->labels[i][0] == 0 &&
           strcmp(found->text_digests[i], made->text_digests[i]) == 0 && found->token_offsets[i + 1] == made->token_offsets[i + 1];
  same = same && memcmp(found->token_ids, made->token_ids, made->n_rows * 4) == 0 &&
         memcmp(found->row_sample, made->row_sample, made->n_rows * 4) == 0 &&
         memcmp(found->row_token, made->row_token, made->n_rows * 4) == 0;
  ok(same, "samples, tokens and rows come back");
  ok(strcmp(found->command_line, made->command_line) == 0 && strcmp(found->config, "{}") == 0 &&
         strcmp(found->chat_template_sha256, "") == 0 && strcmp(found->token_rule, "all") == 0, "provenance comes back");
  ok(found->n_sites == 3 && strcmp(found->sites[0].name, "hook_embed") == 0 && found->sites[1].width == made->sites[1].width &&
         strcmp(found->sites[1].name, "blocks.10.hook_resid_post") == 0, "sites come back in the order they were made");
}

static void test_dtype(StoreDtype dtype) {
  Error err = {0};
  Fixture f;
  char *path = in_folder("a.h5"), *part = in_folder("a.h5.part");
  fixture_init(&f, 300, 700, dtype);
  ok(fixture_store(&f, path, &err) == STATUS_OK && file_exists(path) && !file_exists(part), "a %s store is written: %s",
     store_dtype_name(dtype), err.text);
  Store *store = NULL;
  ok(store_open(path, &store, &err) == STATUS_OK && store_is_complete(store) && store_rows_done(store) == f.contents.n_rows &&
         strcmp(store_path(store), path) == 0 && store_contents(store)->dtype == dtype, "it opens, complete: %s", err.text);
  check_contents(store_contents(store), &f.contents);
  size_t site = 9;
  ok(store_find_site(store, "blocks.2.hook_resid_post", &site) && site == 2 && !store_find_site(store, "blocks.2", &site), "sites are found");
  ok(wrong_elements(store, dtype, 100) == 0, "every element comes back, in blocks");
  ok(wrong_elements(store, dtype, f.contents.n_rows) == 0, "and at once");
  store_close(store);
  fixture_clear(&f);
  unlink(path);
  free(part);
  free(path);
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  test_dtype(STORE_F32);
  test_dtype(STORE_BF16);
  test_dtype(STORE_F16);
  ok(rmdir(folder) == 0, "nothing was left in the folder");
  return tap_end();
}
