/* A look at value words, on a made model: projections and ranks against texts that are run alone and whole, whatever the
 * batches, and what is not finite. */
#include "train/values.h"

#include "base/memory.h"
#include "model/forward.h"
#include "tests/small_model.h"
#include "tests/tap.h"

enum { WORDS = 4, TOKENS = 3, D = 12, LAYER = 1, SEED = 7 };

static Error err;
/* Of every word, in one sentence and as one answer; some begin alike. */
static int32_t said[WORDS][TOKENS] = {{3, 1, 4}, {3, 1, 5}, {3, 1, 9}, {3, 2, 6}};
static size_t category[WORDS] = {0, 0, 1, 1}, lemma[WORDS] = {0, 0, 1, 2}, sentence[1] = {0};
static char *forms[WORDS] = {"bold", "bolder", "kind", "warm"};

/* One axis, behind block LAYER. */
typedef struct Made {
  Values values;
  ValueAxis axis;
  CarriedWord words[WORDS];
  Sample samples[WORDS];
  Question prompt;
  ScanTexts texts;
  size_t axis_of[SITE_KIND_COUNT * 3];
  double direction[D], along[WORDS], projection[2], ranks[2];
} Made;

static void make(Made *m, Rng *rng, size_t batch_tokens) {
  TokenList whole = {0};
  size_t ends[WORDS];
  *m = (Made){.axis = {.site = "blocks.1.hook_resid_post", .width = D, .midpoint = 0.25, .scale = 2}, .prompt = {.id = "what"}};
  for (size_t j = 0; j < D; j++) m->direction[j] = rng_normal(rng);
  for (size_t i = 0; i < SITE_KIND_COUNT * 3; i++) m->axis_of[i] = SIZE_MAX;
  m->axis_of[SITE_RESID_POST * 3 + LAYER] = 0;
  m->axis.direction = m->direction;
  for (size_t w = 0; w < WORDS; w++) {
    m->samples[w] = (Sample){.ids = said[w], .n_tokens = TOKENS};
    m->words[w] = (CarriedWord){.form = forms[w], .samples = &m->samples[w], .sentences = sentence, .n_samples = 1};
    for (size_t t = 0; t < TOKENS; t++) token_list_add(&whole, said[w][t]);
    ends[w] = whole.count;
  }
  scan_texts_of_whole(&m->texts, &whole, ends, WORDS);
  token_list_clear(&whole);
  m->values = (Values){.axes = {.axes = &m->axis, .n_axes = 1},
                       .words = {.items = m->words, .count = WORDS, .carriers = {.count = 1}},
                       .index = {.n = WORDS, .words = forms, .category = category, .n_categories = 2, .lemma = lemma, .n_lemmas = 3},
                       .prompts = {.items = &m->prompt, .count = 1},
                       .texts = &m->texts,
                       .batch_tokens = batch_tokens,
                       .axis_of = m->axis_of,
                       .n_layers = 3,
                       .words_projected = m->along,
                       .projection = m->projection,
                       .median_rank = m->ranks};
}

typedef struct Row {
  real values[D];
} Row;

static void keep_last(void *context, SiteKind kind, size_t layer, const real *rows, size_t stride, size_t width) {
  if (kind == SITE_RESID_POST && layer == LAYER)
    memcpy(((Row *)context)->values, rows + (TOKENS - 1) * stride, width * sizeof *rows);
}

/* A word's score and reward, its text run alone. */
static void run_alone(const Model *model, const Made *m, size_t word, double *score, real *reward) {
  const size_t offsets[] = {0, TOKENS};
  const Batch batch = {.n_sequences = 1, .offsets = offsets, .ids = said[word]};
  Row row;
  Pass pass = {0};
  if (pass_init(&pass, &model->config, TOKENS, TOKENS, KEEP_NOTHING, &err) != STATUS_OK) abort();
  model_forward(model, &batch, &pass, &(Tap){keep_last, &row});
  model_rewards(model, &batch, &pass, reward);
  pass_clear(&pass);
  *score = -m->axis.midpoint / m->axis.scale;
  for (size_t j = 0; j < D; j++) *score += m->direction[j] * (double)row.values[j] / m->axis.scale;
}

static void test_numbers(const Model *model, size_t batch_tokens) {
  Rng rng = rng_new(SEED);
  Made m;
  double scores[WORDS], ranks[WORDS];
  real rewards[WORDS];
  make(&m, &rng, batch_tokens);
  const Status status = values_measure(&m.values, model, true, &err);
  for (size_t w = 0; w < WORDS; w++) run_alone(model, &m, w, &scores[w], &rewards[w]);
  for (size_t w = 0; w < WORDS; w++) {
    ranks[w] = 1;
    for (size_t o = 0; o < WORDS; o++) ranks[w] += rewards[o] > rewards[w];
  }
  ok(status == STATUS_OK && is_close(m.projection[0], (scores[0] + scores[1]) / 2, 1e-5, 1e-5) &&
         is_close(m.projection[1], (scores[2] + scores[3]) / 2, 1e-5, 1e-5),
     "projections, batches of %zu tokens", batch_tokens);
  ok(is_close(m.ranks[0], (ranks[0] + ranks[1]) / 2, 1e-12, 0) && is_close(m.ranks[1], (ranks[2] + ranks[3]) / 2, 1e-12, 0),
     "and ranks");
  const double before = m.projection[0];
  m.direction[0] += 1;
  ok(values_measure(&m.values, model, false, &err) == STATUS_OK && m.projection[0] == before, "blocks that stand still are not run again");
  scan_texts_clear(&m.texts);
}

static void test_not_finite(Model *model) {
  Rng rng = rng_new(SEED);
  Made m;
  make(&m, &rng, 100);
  m.axis.scale = 1e-320;
  ok(values_measure(&m.values, model, true, &err) == STATUS_NUMERIC && strstr(err.text, m.axis.site) &&
         strstr(err.text, "the score of \"bold\" along the axis is not finite"),
     "%s", err.text);
  m.axis.scale = 2;
  real *head = model->values + model->table.score;
  const real was = *head;
  *head = (real)INFINITY;
  ok(values_measure(&m.values, model, true, &err) == STATUS_NUMERIC &&
         strstr(err.text, "prompt \"what\": the reward of the answer \"bold\" is not finite"),
     "%s", err.text);
  *head = was;
  const size_t last = model->table.embed + 9 * D; /* of "kind" alone */
  model->values[last] = (real)NAN;
  ok(values_measure(&m.values, model, true, &err) == STATUS_NUMERIC && strstr(err.text, "the score of \"kind\""), "%s", err.text);
  scan_texts_clear(&m.texts);
}

int main(void) {
  Rng rng = rng_new(SEED);
  Model model = small_model(&rng, false);
  model.has_score = true;
  test_numbers(&model, 1);
  test_numbers(&model, 2);
  test_numbers(&model, 100);
  test_not_finite(&model);
  model_close(&model);
  return tap_end();
}
