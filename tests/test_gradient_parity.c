/* model/backward against transformers' gradients: a projection of the logits through tied embeddings, the Bradley-Terry
 * loss through the score head, and the anchor injected at every block. Built twice, for float and for double. */
#include "model/backward.h"
#include "model/forward.h"
#include "tests/golden.h"
#include "train/anchor.h"
#include "train/loss.h"

/* Gradients sum over rows, so that float32 loses a little more than in the activations. */
static const double gradient_tolerance = 2 * GOLDEN_TOLERANCE;

/* A model after a forward pass over a golden's batch, ready for the backward pass. */
typedef struct Work {
  Golden golden, gradients;
  GoldenBatch all;
  Model model;
  Pass pass;
} Work;

static void open_model(const char *name, Model *model) {
  char *path = fixture_path(name);
  Source *source;
  Error err = {0};
  if (source_open(path, &source, &err) != STATUS_OK || model_open(source, (ModelOptions){.strict = true}, model, &err) != STATUS_OK) bail_out(&err);
  source_close(source);
  free(path);
}

static void run(const Model *model, const GoldenBatch *all, Pass *pass) {
  Error err = {0};
  if (pass_init(pass, &model->config, all->rows, all->rows, KEEP_BLOCKS, &err) != STATUS_OK) bail_out(&err);
  model_forward(model, &all->batch, pass, NULL);
}

static Work work_open(const char *model, const char *golden, const char *gradients) {
  Work work = {.golden = golden_open(golden), .gradients = golden_open(gradients)};
  work.all = golden_batch(&work.golden);
  open_model(model, &work.model);
  run(&work.model, &work.all, &work.pass);
  return work;
}

static void work_close(Work *work) {
  pass_clear(&work->pass);
  model_close(&work->model);
  golden_batch_clear(&work->all);
  golden_close(&work->golden);
  golden_close(&work->gradients);
}

static Gradients gradients_new(const Model *model, size_t begin) {
  return (Gradients){.values = mem_alloc(model->table.total - begin, sizeof(real)), .begin = begin};
}

/* Every parameter from gradients->begin on. One the golden does not name must be zero: the loss does not reach it.
 * Returns how many were named. */
static size_t check_gradients(const char *what, const Work *work, const char *prefix, const Gradients *gradients,
                              double scale) {
  size_t named = 0;
  for (size_t i = 0; i < work->model.table.count; i++) {
    const Parameter *p = &work->model.table.items[i];
    const size_t n = p->rows * p->columns;
    if (p->offset < gradients->begin) continue;
    const real *found = gradients->values + (p->offset - gradients->begin);
    char *name = mem_format("%s%s", prefix, p->name);
    const GoldenArray expected = golden_array(&work->gradients, name);
    if (expected.values) {
      for (size_t j = 0; j < n; j++) expected.values[j] *= (real)scale;
      const bool shaped = expected.rows == p->rows && expected.width == p->columns;
      const double difference = shaped ? relative_difference(found, expected.values, n) : NAN;
      ok(difference <= gradient_tolerance, "%s: %s: %.1e", what, p->name, difference);
      named++;
    } else {
      bool zero = true;
      for (size_t j = 0; j < n; j++) zero = zero && found[j] == 0;
      ok(zero, "%s: %s is out of reach", what, p->name);
    }
    free(expected.values);
    free(name);
  }
  return named;
}

/* loss = sum(projection * logits), logits = final_normed lm_head', lm_head the embedding. */
static void test_logits(const char *name) {
  Work work = work_open(name, "llama-tied.golden.safetensors", "llama-tied.gradient.safetensors");
  const size_t rows = work.all.rows, d = work.model.config.hidden_size, v = work.model.config.vocab_size;
  const GoldenArray projection = golden_array(&work.gradients, "projection"),
                    loss = golden_array(&work.gradients, "loss");
  const real *head = work.model.values + work.model.table.lm_head;
  real *logits = mem_alloc(rows * v, sizeof *logits), *dfinal = mem_alloc(rows * d, sizeof *dfinal);
  model_logits(&work.model, &work.pass, 0, rows, logits);
  double sum = 0;
  for (size_t i = 0; i < rows * v; i++) sum += (double)(logits[i] * projection.values[i]);
  ok(is_close(sum, (double)loss.values[0], 10 * GOLDEN_TOLERANCE, 0), "%s: loss %.6f", name, sum);

  Gradients gradients = gradients_new(&work.model, work.model.table.embed);
  real *dhead = gradients.values + (work.model.table.lm_head - gradients.begin);
  for (size_t t = 0; t < rows; t++)
    for (size_t j = 0; j < v; j++)
      for (size_t i = 0; i < d; i++) {
        dfinal[t * d + i] += projection.values[t * v + j] * head[j * d + i];
        dhead[j * d + i] += projection.values[t * v + j] * work.pass.final_normed[t * d + i];
      }
  model_backward(&work.model, &work.all.batch, &work.pass, NULL, dfinal, NULL, false, &gradients);
  const size_t named = check_gradients(name, &work, "", &gradients, 1);
  ok(named + 2 == weights_count(work.gradients.arrays), "%s: no gradient of transformers is left out", name);
  gradients_clear(&gradients);
  free(gradients.values);
  free(logits);
  free(dfinal);
  free(projection.values);
  free(loss.values);
  work_close(&work);
}

/* The Bradley-Terry loss of the batch's pairs (chosen, rejected), and its gradient by each reward. */
static double bradley_terry(const Work *work, real *drewards) {
  const size_t n = work->all.batch.n_sequences;
  const GoldenArray expected = golden_array(&work->golden, "rewards");
  real *rewards = mem_alloc(n, sizeof *rewards);
  PairSums sums = {0};
  model_rewards(&work->model, &work->all.batch, &work->pass, rewards);
  ok(expected.width == n && relative_difference(rewards, expected.values, n) <= GOLDEN_TOLERANCE,
     "rewards are transformers': %.1e", relative_difference(rewards, expected.values, n));
  loss_bradley_terry(n / 2, rewards, NULL, 0, 1 / ((double)n / 2), &sums, drewards);
  free(rewards);
  free(expected.values);
  return sums.loss / ((double)n / 2);
}

static void test_rewards(void) {
  Work work = work_open("llama-reward", "llama-reward.golden.safetensors", "llama-reward.gradient.safetensors");
  const GoldenArray loss = golden_array(&work.golden, "bradley_terry");
  real *drewards = mem_alloc(work.all.batch.n_sequences, sizeof *drewards);
  ok(work.model.has_score, "the reward model has a score head");
  const double found = bradley_terry(&work, drewards);
  ok(is_close(found, (double)loss.values[0], GOLDEN_TOLERANCE, 0), "Bradley-Terry loss %.6f", found);
  Gradients all = gradients_new(&work.model, work.model.table.embed);
  model_backward(&work.model, &work.all.batch, &work.pass, drewards, NULL, NULL, false, &all);
  ok(check_gradients("Bradley-Terry", &work, "bradley_terry.", &all, 1) > 10, "every parameter");

  model_forward(&work.model, &work.all.batch, &work.pass, NULL);
  model_backward(&work.model, &work.all.batch, &work.pass, drewards, NULL, NULL, true, &all);
  check_gradients("accumulated twice", &work, "bradley_terry.", &all, 2);

  const size_t n_layers = work.model.config.n_layers;
  Gradients last = gradients_new(&work.model, work.model.table.layers[n_layers - 1].begin);
  model_forward(&work.model, &work.all.batch, &work.pass, NULL);
  model_backward(&work.model, &work.all.batch, &work.pass, drewards, NULL, NULL, false, &last);
  check_gradients("last block and head", &work, "bradley_terry.", &last, 1);

  Gradients head = gradients_new(&work.model, work.model.table.score);
  model_forward(&work.model, &work.all.batch, &work.pass, NULL);
  model_backward(&work.model, &work.all.batch, &work.pass, drewards, NULL, NULL, false, &head);
  ok(check_gradients("head alone", &work, "bradley_terry.", &head, 1) == 1, "the head alone");
  gradients_clear(&all);
  free(all.values);
  gradients_clear(&last);
  free(last.values);
  gradients_clear(&head);
  free(head.values);
  free(drewards);
  free(loss.values);
  work_close(&work);
}

/* Relative norm, all layers, all tokens but each sequence's first: the frozen rows straight from the base model's pass.
 */
static void anchor_fill(Anchor *anchor, const GoldenBatch *all, const Pass *frozen) {
  const size_t width = anchor->width;
  anchor->n_rows = anchor->room = all->rows - all->batch.n_sequences;
  anchor->batch_row = mem_alloc(anchor->n_rows, sizeof *anchor->batch_row);
  anchor->row_squares = mem_alloc(anchor->n_rows, sizeof *anchor->row_squares);
  anchor->frozen = mem_alloc(anchor->n_layers * anchor->n_rows * width, sizeof *anchor->frozen);
  size_t row = 0;
  for (size_t s = 0; s < all->batch.n_sequences; s++)
    for (size_t t = all->offsets[s] + 1; t < all->offsets[s + 1]; t++) anchor->batch_row[row++] = t;
  for (size_t l = 0; l < anchor->n_layers; l++)
    for (size_t r = 0; r < anchor->n_rows; r++)
      for (size_t i = 0; i < width; i++)
        anchor->frozen[(l * anchor->n_rows + r) * width + i] =
            (float)frozen->layers[l].resid_post[anchor->batch_row[r] * width + i];
  anchor_begin_step(anchor, anchor->n_rows);
}

static void test_anchor(void) {
  Work work = work_open("llama-reward", "llama-reward.golden.safetensors", "llama-reward.gradient.safetensors");
  const GoldenArray penalty = golden_array(&work.golden, "anchor"), scale = golden_array(&work.golden, "anchor_scale");
  Model base;
  Pass frozen;
  open_model("llama-base.gguf", &base);
  run(&base, &work.all, &frozen);
  double *scales = mem_alloc(scale.width, sizeof *scales);
  for (size_t l = 0; l < scale.width; l++) scales[l] = (double)scale.values[l];
  Anchor anchor;
  Error err = {0};
  if (anchor_init(&anchor, 1, ANCHOR_RELATIVE, "all", base.config.n_layers, base.config.hidden_size, scales, &err) != STATUS_OK)
    bail_out(&err);
  anchor_fill(&anchor, &work.all, &frozen);
  for (size_t l = 0; l < anchor.n_layers; l++) {
    char *name = mem_format("frozen.blocks.%zu.hook_resid_post", l);
    const GoldenArray expected = golden_array(&work.golden, name), tuned = golden_array(&work.golden, name + 7);
    ok(rows_are_near(frozen.layers[l].resid_post, expected.values, expected.rows, expected.width, GOLDEN_TOLERANCE),
       "%s", name);
    ok(rows_are_near(work.pass.layers[l].resid_post, tuned.values, tuned.rows, tuned.width, GOLDEN_TOLERANCE), "%s",
       name + 7);
    free(expected.values);
    free(tuned.values);
    free(name);
  }
  Gradients gradients = gradients_new(&work.model, work.model.table.embed);
  const Injection injection = anchor_injection(&anchor);
  model_backward(&work.model, &work.all.batch, &work.pass, NULL, NULL, &injection, false, &gradients);
  ok(is_close(anchor_value(&anchor), (double)penalty.values[0], 10 * GOLDEN_TOLERANCE, 0), "anchor %.6f",
     anchor_value(&anchor));
  ok(check_gradients("anchor", &work, "anchor.", &gradients, 1) > 10, "every parameter under the last block");
  gradients_clear(&gradients);
  free(gradients.values);
  anchor_clear(&anchor);
  free(scales);
  pass_clear(&frozen);
  model_close(&base);
  free(penalty.values);
  free(scale.values);
  work_close(&work);
}

int main(void) {
  test_logits("llama-tied");
  test_logits("llama-tied.gguf");
  test_rewards();
  test_anchor();
  return tap_end();
}
