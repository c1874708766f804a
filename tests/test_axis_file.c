/* Axis files: what is written is read, and files whose parts do not fit are refused; GGUF as control vectors need it. */
#include "base/file.h"
#include "base/memory.h"
#include "tests/tap.h"
#include "train/axis_file.h"
#include "weights/gguf.h"
#include "weights/gguf_write.h"

#include <stdlib.h>
#include <unistd.h>

enum { N = 6, D = 3 };
static Error err;

/* A small axis file with one thing changed. */
typedef struct Variant {
  const char *method, *kind, *name; /* attribute, kind, and the array that is changed */
  double value;                     /* its first entry, or with shape: how many it has */
  bool shape;
  const char *category, *lemma; /* of word 4 */
  const char *first_lemma;      /* of words 0 to 2, which are its forms then */
  const char *sha256;           /* of the texts, under a rule */
  size_t n_many;                /* so many words, all of the poles */
  bool one_end;                 /* of two sentences */
  bool twice;                   /* the site */
} Variant;

static void put(Result *to, const Variant *v, const char *name, size_t rank, const size_t *shape, const double *values) {
  size_t dims[2] = {shape[0], rank > 1 ? shape[1] : 1};
  double *copy = mem_alloc(dims[0] * dims[1] + 64, sizeof *copy);
  memcpy(copy, values, dims[0] * dims[1] * sizeof *copy);
  const bool changed = v->name && strcmp(v->name, name) == 0;
  if (changed && v->shape)
    dims[0] = (size_t)v->value;
  else if (changed)
    copy[0] = v->value;
  result_write_array(to, name, rank, dims, copy, &err);
  free(copy);
}

/* Words w0, w1, ... of the poles in halves, each its own lemma. */
static void write_many(Result *to, size_t n) {
  char **words = mem_alloc(n, sizeof *words);
  const char **categories = mem_alloc(n, sizeof *categories);
  for (size_t i = 0; i < n; i++) {
    words[i] = mem_format("w%zu", i);
    categories[i] = i % 2 ? "agency" : "communion";
  }
  result_write_strings(to, "words/word", (const char *const *)words, n, &err);
  result_write_strings(to, "words/lemma", (const char *const *)words, n, &err);
  result_write_strings(to, "words/category", categories, n, &err);
  free(categories);
  string_list_free(words, n);
}

static void write_file(const char *path, const Variant *v) {
  char *argv[] = {"fathom", "axis"};
  const Provenance from = {.command = "axis", .argc = 2, .argv = argv};
  const char *const words[N] = {"bold", "bolder", "lead", "kind", "warm", "table"};
  const char *const lemmas[N] = {"bold", v->first_lemma ? v->first_lemma : "Bold", v->first_lemma ? "bold" : "lead", "kind",
                                 v->lemma ? v->lemma : "warm", "table"};
  const char *const categories[N] = {"agency", "agency", "agency", "communion", v->category ? v->category : "communion",
                                     "neutral"};
  const double rows[N * D] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18.5};
  Result *to;
  result_create(path, v->kind ? v->kind : "axis", &from, &to, &err);
  result_write_attribute(to, "method", v->method ? v->method : "lda", &err);
  const size_t n_axes = v->twice ? 2 : 1;
  result_write_strings(to, "site", (const char *[]){"blocks.1.hook_resid_post", "blocks.1.hook_resid_post"}, n_axes, &err);
  put(to, v, "midpoint", 1, &n_axes, (double[]){0.5, 0.5});
  put(to, v, "scale", 1, &n_axes, (double[]){2, 2});
  put(to, v, "separation", 1, &n_axes, (double[]){1.5, 1.5});
  put(to, v, "direction/blocks.1.hook_resid_post", 1, (size_t[]){D}, (double[]){0.6, 0, 0.8});
  put(to, v, "rows/blocks.1.hook_resid_post", 2, (size_t[]){N, D}, rows);
  result_write_strings(to, "category", (const char *[]){"agency", "communion", "neutral"}, 3, &err);
  if (v->n_many) {
    write_many(to, v->n_many);
  } else {
    result_write_strings(to, "words/word", words, N, &err);
    result_write_strings(to, "words/lemma", lemmas, N, &err);
    result_write_strings(to, "words/category", categories, N, &err);
  }
  if (!v->n_many) {
    result_write_strings(to, "covariate", (const char *[]){"zipf"}, 1, &err);
    put(to, v, "words/covariates", 2, (size_t[]){N, 1}, (double[]){1, 2, 3, 4, 5, 6});
  }
  if (v->sha256) {
    result_write_strings(to, "texts/rule", (const char *[]){"last"}, 1, &err);
    result_write_strings(to, "texts/sha256", (const char *[]){v->sha256}, 1, &err);
    result_write_strings(to, "words/only_pos", (const char *[]){"verb"}, 1, &err);
  }
  result_write_strings(to, "sentences/id", (const char *[]){"a", "b"}, 2, &err);
  result_write_strings(to, "sentences/pos", (const char *[]){"verb", ""}, 2, &err);
  result_write_strings(to, "sentences/before", (const char *[]){"they ", "to "}, 2, &err);
  result_write_strings(to, "sentences/after", (const char *[]){"", " it."}, v->one_end ? 1 : 2, &err);
  result_finish(to, &err);
}

static void test_read(const char *path) {
  AxisFile file;
  write_file(path, &(Variant){0});
  ok(axis_file_open(path, &file, &err) == STATUS_OK, "an axis file opens");
  const AxisWords *w = &file.words;
  ok(file.n_axes == 1 && file.method == AXIS_LDA && file.axes[0].width == D && file.axes[0].separation == 1.5, "its axis");
  ok(w->n == N && w->n_pole_words == 5 && w->n_lemmas == 5 && w->n_pole_lemmas == 4 && w->lemma[1] == 0 && w->lemma[5] == 4,
     "its words and lemmas, of which Bold is bold");
  ok(w->first[2] && !w->first[3] && w->n_covariates == 1 && w->covariate[4] == 5, "its poles and covariates");
  ok(strcmp(file.rule, "") == 0 && strcmp(file.texts_sha256, "") == 0 && strcmp(file.only_pos, "") == 0,
     "no word on its texts");
  const Carrier *second = &file.carriers.items[1];
  ok(file.carriers.count == 2 && strcmp(second->id, "b") == 0 && strcmp(second->pos, "") == 0 &&
         strcmp(second->before, "to ") == 0 && strcmp(second->after, " it.") == 0,
     "its sentences");
  float *rows;
  ok(axis_file_rows(&file, 0, &rows, &err) == STATUS_OK && rows[N * D - 1] == 18.5F, "its rows");
  ok(is_close(axis_score(&file.axes[0], rows), (0.6 * 1 + 0.8 * 3 - 0.5) / 2, 1e-12, 0), "and a score");
  free(rows);
  size_t axis;
  ok(axis_file_find(&file, "blocks.1.hook_resid_post", &axis) && axis == 0 && !axis_file_find(&file, "x", &axis),
     "axes are found by their sites");
  axis_file_close(&file);
  write_file(path, &(Variant){.sha256 = "abc"});
  ok(axis_file_open(path, &file, &err) == STATUS_OK && strcmp(file.rule, "last") == 0 &&
         strcmp(file.texts_sha256, "abc") == 0 && strcmp(file.only_pos, "verb") == 0,
     "or one");
  axis_file_close(&file);
  write_file(path, &(Variant){.n_many = 5000});
  ok(axis_file_open(path, &file, &err) == STATUS_OK && file.words.n_pole_lemmas == 5000, "5000 words of the poles");
  axis_file_close(&file);
}

static void test_bad(const char *path) {
  static const struct {
    Variant variant;
    const char *message;
  } bad[] = {
      {{.kind = "drift"}, "holds a result of kind drift, expected axis"},
      {{.method = "svm"}, "attribute method is \"svm\""},
      {{.name = "scale", .value = 0}, "midpoint 0.5 and scale 0"},
      {{.name = "scale", .value = -1}, "scale -1"},
      {{.name = "midpoint", .value = NAN}, "midpoint nan"},
      {{.name = "midpoint", .value = 2, .shape = true}, "midpoint has 2 x 1 entries, expected 1 x 1"},
      {{.name = "direction/blocks.1.hook_resid_post", .value = 3}, "its length is 3.1"},
      {{.name = "direction/blocks.1.hook_resid_post", .value = NAN}, "its length is "},
      {{.name = "words/covariates", .value = 4, .shape = true}, "words/covariates has 4 x 1 entries, expected 6 x 1"},
      {{.name = "words/covariates", .value = INFINITY}, "words/covariates holds inf"},
      {{.category = "other"}, "words/category: \"other\" is not in category"},
      {{.category = "neutral"}, "pole communion has 1 words, expected at least 2"},
      {{.twice = true}, "site: blocks.1.hook_resid_post is there twice"},
      {{.one_end = true}, "sentences/after has 1 entries, expected 2"},
      {{.lemma = "BOLD"}, "\"BOLD\" is of both poles, agency and communion"},
      {{.first_lemma = "bold"}, "pole agency has 1 lemmas, expected at least 2"},
      {{.lemma = "Kind"}, "pole communion has 1 lemmas, expected at least 2"},
      {{.n_many = 5001}, "5001 words of both poles, expected at most 5000"},
      {{.n_many = 100001}, "words/word has 100001 entries, expected at most 100000"},
  };
  for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
    AxisFile file;
    write_file(path, &bad[i].variant);
    const Status status = axis_file_open(path, &file, &err);
    ok(status == STATUS_DATA && strncmp(err.text, path, strlen(path)) == 0 && strstr(err.text, bad[i].message), "%s",
       err.text);
  }
  AxisFile file;
  float *rows;
  write_file(path, &(Variant){.name = "rows/blocks.1.hook_resid_post", .value = 4, .shape = true});
  ok(axis_file_open(path, &file, &err) == STATUS_OK && axis_file_rows(&file, 0, &rows, &err) == STATUS_DATA &&
         strstr(err.text, "has 4 x 3 entries, expected 6 x 3"),
     "%s", err.text);
  axis_file_close(&file);
  write_file(path, &(Variant){.name = "rows/blocks.1.hook_resid_post", .value = NAN});
  ok(axis_file_open(path, &file, &err) == STATUS_OK && axis_file_rows(&file, 0, &rows, &err) == STATUS_DATA && !rows &&
         strstr(err.text, "rows/blocks.1.hook_resid_post: row 0 holds nan"),
     "%s", err.text);
  axis_file_close(&file);
}

static void test_gguf(const char *path) {
  const float one[] = {1.5F, -2, 1e-30F}, two[] = {3, 4, 5, 6, 7, 8, 9, 10, 11};
  const GgufPair pairs[] = {{"general.architecture", "controlvector", 0}, {"controlvector.layer_count", NULL, 70000}};
  const GgufVector vectors[] = {{"direction.1", 3, one}, {"direction.12", 9, two}};
  Gguf *gguf = NULL;
  GgufText text;
  int64_t number;
  ok(gguf_write(path, pairs, 2, vectors, 2, &err) == STATUS_OK && gguf_open(path, &gguf, &err) == STATUS_OK,
     "a GGUF file is written and opens");
  ok(gguf_text(gguf, "general.architecture", &text) && text.size == 13 && memcmp(text.bytes, "controlvector", 13) == 0 &&
         gguf_integer(gguf, "controlvector.layer_count", &number) && number == 70000 && gguf_version(gguf) == 3,
     "its keys");
  const Tensor *a = weights_find(gguf_weights(gguf), "direction.1"), *b = weights_find(gguf_weights(gguf), "direction.12");
  ok(a && b && a->n_dims == 1 && a->shape[0] == 3 && b->shape[0] == 9 && memcmp(a->bytes, one, sizeof one) == 0 &&
         memcmp(b->bytes, two, sizeof two) == 0,
     "its vectors");
  ok(gguf_map(gguf)->size % 32 == 0, "padded to its end, as llama.cpp reads it");
  gguf_close(gguf);
  ok(gguf_write("no/such/folder.gguf", pairs, 2, vectors, 2, &err) == STATUS_SYSTEM, "a missing folder: %s", err.text);
  if (access("/dev/full", W_OK) == 0)
    ok(gguf_write("/dev/full", pairs, 2, vectors, 2, &err) == STATUS_SYSTEM, "a full disk: %s", err.text);
  else
    skip_one("no /dev/full here");
}

int main(void) {
  char folder[] = "/tmp/fathom-axis.XXXXXX";
  if (!mkdtemp(folder)) return 99;
  char *path = file_join(folder, "x.h5");
  test_read(path);
  test_bad(path);
  test_gguf(path);
  unlink(path);
  rmdir(folder);
  free(path);
  return tap_end();
}
