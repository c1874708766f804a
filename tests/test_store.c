/* store/activations: what is written comes back, in every type; resuming; what is refused, and how it is said. */
#include "base/file.h"
#include "base/half.h"
#include "tests/store_fixture.h"
#include "tests/tap.h"

#include <math.h>
#include <stdlib.h>
#include <unistd.h>

static char folder[] = "/tmp/fathom-store.XXXXXX";

static char *in_folder(const char *name) { return file_join(folder, name); }

static float rounded(float value, StoreDtype dtype) {
  if (dtype == STORE_BF16) return half_bf16_to_f32(half_bf16_from_f32(value));
  return dtype == STORE_F16 ? half_f16_to_f32(half_f16_from_f32(value)) : value;
}

/* Reads every site in blocks of the given size, several threads at once; counts the elements that are not as they were made. */
static size_t wrong_elements(Store *store, StoreDtype dtype, size_t block) {
  const StoreContents *c = store_contents(store);
  size_t wrong = 0;
  for (size_t s = 0; s < c->n_sites; s++) {
    const size_t width = c->sites[s].width;
#pragma omp parallel for num_threads(4) reduction(+ : wrong)
    for (size_t at = 0; at < c->n_rows; at += block) {
      Error err = {0};
      float *rows = mem_alloc(block * width, sizeof *rows);
      const size_t n = c->n_rows - at < block ? c->n_rows - at : block;
      if (store_read_rows(store, s, at, n, rows, &err) != STATUS_OK) wrong += n * width;
      for (size_t i = 0; i < n * width; i++) {
        const float expected = rounded(fixture_value(s, at + i / width, i % width), dtype);
        wrong += memcmp(&rows[i], &expected, sizeof expected) != 0;
      }
      free(rows);
    }
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

/* --- 16-bit floats --- */

/* The value of binary16 bits by its definition, in double. */
static double f16_value(uint16_t bits) {
  const int exponent = bits >> 10 & 31, mantissa = bits & 1023;
  const double size = exponent == 31 ? (mantissa ? NAN : INFINITY)
                                     : exponent ? ldexp(1024 + mantissa, exponent - 25) : ldexp(mantissa, -24);
  return bits & 0x8000 ? -size : size;
}

static bool same_bits(float a, float b) { return memcmp(&a, &b, sizeof a) == 0; }

static void test_half_widening(void) {
  size_t wrong = 0;
  for (uint32_t bits = 0; bits < 0x10000; bits++) {
    const float value = half_f16_to_f32((uint16_t)bits);
    const double expected = f16_value((uint16_t)bits);
    wrong += isnan(expected) ? !isnan(value) : !same_bits(value, (float)expected);
    wrong += !isnan(expected) && half_f16_from_f32(value) != bits;
    wrong += isnan(expected) && !isnan(half_f16_to_f32(half_f16_from_f32(value)));
    const float brain = half_bf16_to_f32((uint16_t)bits);
    wrong += isnan(brain) ? !isnan(half_bf16_to_f32(half_bf16_from_f32(brain))) : half_bf16_from_f32(brain) != bits;
  }
  ok(wrong == 0, "every float16 widens to its value, and both kinds come back (%zu wrong)", wrong);
}

/* Between neighbours a < b of a 16-bit type, the middle goes to the even one and what is beside it to the nearer. */
static void test_half_rounding(void) {
  size_t wrong = 0;
  for (uint32_t bits = 0; bits < 0x7bff; bits++) {
    const float a = half_f16_to_f32((uint16_t)bits), b = half_f16_to_f32((uint16_t)(bits + 1)), middle = (a + b) / 2;
    wrong += half_f16_from_f32(middle) != bits + (bits & 1);
    wrong += half_f16_from_f32(nextafterf(middle, 0)) != bits || half_f16_from_f32(nextafterf(middle, b)) != bits + 1;
    wrong += half_f16_from_f32(-middle) != (0x8000 | (bits + (bits & 1)));
  }
  for (uint32_t bits = 0; bits < 0x7f7f; bits++) {
    const uint32_t middle = bits << 16 | 0x8000;
    float at, below, above;
    memcpy(&at, &middle, 4), memcpy(&below, &(uint32_t){middle - 1}, 4), memcpy(&above, &(uint32_t){middle + 1}, 4);
    wrong += half_bf16_from_f32(at) != bits + (bits & 1) || half_bf16_from_f32(below) != bits || half_bf16_from_f32(above) != bits + 1;
  }
  ok(wrong == 0, "rounding goes to the nearest, ties to even (%zu wrong)", wrong);
  ok(half_f16_from_f32(65519.996f) == 0x7bff && half_f16_from_f32(65520) == 0x7c00 && half_f16_from_f32(1e30f) == 0x7c00 &&
         half_f16_from_f32(-INFINITY) == 0xfc00 && half_f16_from_f32(1e-30f) == 0 && half_f16_from_f32(-0.0f) == 0x8000 &&
         half_bf16_from_f32(3.4e38f) == 0x7f80 && half_bf16_from_f32(INFINITY) == 0x7f80, "the ends of the range");
}

/* --- the same rows --- */

typedef void Change(Fixture *f);
static void change_id(Fixture *f) { f->ids[12] = "other"; }
static void change_digest(Fixture *f) { f->digests[3] = "d9"; }
static void change_token(Fixture *f) { f->token_ids[f->offsets[5] + 2] = -1; }
static void change_row_token(Fixture *f) { f->row_token[40] ^= 1; }
static void change_row_sample(Fixture *f) { f->row_sample[7] -= 1, f->row_token[7] = 0; }
static void drop_rows(Fixture *f) { f->contents.n_rows -= 2; }
static void drop_sample(Fixture *f) { f->contents.n_samples -= 1, f->contents.n_rows = f->offsets[f->contents.n_samples]; }
static void change_nothing(Fixture *f) { (void)f; }

/* One row a sample: its last token. */
static void keep_last(Fixture *f) {
  for (uint32_t i = 0; i < f->contents.n_samples; i++) f->row_sample[i] = i, f->row_token[i] = f->n_tokens[i] - 1;
  f->contents.n_rows = f->contents.n_samples;
  f->contents.token_rule = "last";
}
/* Another tokenizer: the last sample has a token less. */
static void change_tokenizer(Fixture *f) {
  f->contents.tokenizer_sha256 = "bc";
  f->n_tokens[29]--, f->offsets[30]--, f->row_token[29]--;
}
static void change_tokenizer_and_text(Fixture *f) { change_tokenizer(f), change_digest(f); }
static void change_tokenizer_hide_text(Fixture *f) { change_tokenizer(f), f->digests[29] = ""; }
static void change_tokenizer_and_rule(Fixture *f) { change_tokenizer(f), f->contents.token_rule = "mean"; }
static void change_tokens_alone(Fixture *f) { change_tokenizer(f), f->contents.tokenizer_sha256 = "bb"; }
static void hide_tokenizer(Fixture *f) { change_tokenizer(f), f->contents.tokenizer_sha256 = ""; }

static void test_same_rows(void) {
  static const struct {
    Change *change;
    const char *message;
    bool last;
  } cases[] = {{change_id, "hold different rows: sample 12: id \"sample-12\" against \"other\"", false},
               {change_digest, "sample 3 (id \"sample-3\"): its text differs", false},
               {change_token, "sample 5 (id \"sample-5\"): token 2 is 154 against -1", false},
               {change_row_token, "row 40: token_index 1 against 0", false},
               {change_row_sample, "row 7: sample 2 against 1", false},
               {drop_rows, "119 rows against 117", false},
               {drop_sample, "30 samples against 29", false},
               {change_nothing, NULL, false},
               {change_tokenizer, NULL, true},
               {change_tokenizer_and_text, "sample 3 (id \"sample-3\"): its text differs", true},
               {change_tokenizer_hide_text, "tokens against 5 of another tokenizer (both recorded with --tokens last, or mean, compare)", true},
               {change_tokenizer_and_rule, "of another tokenizer", true},
               {change_tokens_alone, "sample 29 (id \"sample-29\"): 6 tokens against 5", true},
               {hide_tokenizer, "sample 29 (id \"sample-29\"): 6 tokens against 5", true}};
  Error err = {0};
  char *path = in_folder("x.h5"), *other = in_folder("y.h5");
  for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
    Fixture f, g;
    Store *x = NULL, *y = NULL;
    fixture_init(&f, 30, 8, STORE_F32);
    fixture_init(&g, 30, 8, STORE_F16);
    if (cases[i].last) keep_last(&f), keep_last(&g);
    cases[i].change(&g);
    bool right = fixture_store(&f, path, &err) == STATUS_OK && fixture_store(&g, other, &err) == STATUS_OK &&
                 store_open(path, &x, &err) == STATUS_OK && store_open(other, &y, &err) == STATUS_OK;
    const Status status = right ? store_check_same_rows(x, y, &err) : STATUS_SYSTEM;
    if (cases[i].message) right = right && status == STATUS_DATA && strstr(err.text, cases[i].message);
    else right = right && status == STATUS_OK;
    ok(right, "rows compared: %s", status == STATUS_OK ? "the same" : err.text);
    store_close(x);
    store_close(y);
    fixture_clear(&f);
    fixture_clear(&g);
  }
  unlink(path);
  unlink(other);
  free(other);
  free(path);
}

/* --- small things --- */

static void test_same_bytes(void) {
  Error err = {0};
  char *path = in_folder("x.h5"), *bytes[2] = {NULL, NULL};
  size_t size[2] = {0, 0};
  Fixture f;
  fixture_init(&f, 40, 300, STORE_BF16);
  for (int i = 0; i < 2; i++) {
    if (i) sleep(1); /* a time stamp would show */
    fixture_store(&f, path, &err);
    file_read(path, 1 << 24, &bytes[i], &size[i], &err);
    unlink(path);
  }
  ok(size[0] > 0 && size[0] == size[1] && memcmp(bytes[0], bytes[1], size[0]) == 0, "same contents, same bytes (%zu)", size[0]);
  const double estimate = (double)store_estimate_bytes(&f.contents);
  ok(is_close(estimate, (double)size[0], .1, 0), "the estimate of its size, %.0f, is right within 10 %%", estimate);
  free(bytes[0]);
  free(bytes[1]);
  fixture_clear(&f);
  free(path);
}

static void test_odd_shapes(void) {
  static const size_t shapes[][2] = {{1, 1}, {0, 5}, {2, 300000}, {300, 1}};
  Error err = {0};
  char *path = in_folder("x.h5");
  for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
    for (int dtype = STORE_F32; dtype <= STORE_F16; dtype++) {
      Fixture f;
      Store *store = NULL;
      fixture_init(&f, shapes[i][0], shapes[i][1], (StoreDtype)dtype);
      const bool right = fixture_store(&f, path, &err) == STATUS_OK && store_open(path, &store, &err) == STATUS_OK &&
                         wrong_elements(store, (StoreDtype)dtype, 4) == 0;
      ok(right, "%zu samples, width %zu, %s", shapes[i][0], shapes[i][1], store_dtype_name((StoreDtype)dtype));
      store_close(store);
      fixture_clear(&f);
      unlink(path);
    }
  free(path);
}

static void test_names(void) {
  StoreDtype dtype = STORE_F32;
  ok(store_dtype_from_name("bfloat16", &dtype) && dtype == STORE_BF16 && store_dtype_from_name("float16", &dtype) && dtype == STORE_F16 &&
         store_dtype_from_name("float32", &dtype) && dtype == STORE_F32 && !store_dtype_from_name("float", &dtype), "names of types");
}

int main(void) {
  if (!mkdtemp(folder)) return 1;
  test_dtype(STORE_F32);
  test_dtype(STORE_BF16);
  test_dtype(STORE_F16);
  test_half_widening();
  test_half_rounding();
  test_same_rows();
  test_same_bytes();
  test_odd_shapes();
  test_names();
  ok(rmdir(folder) == 0, "nothing was left in the folder");
  return tap_end();
}
