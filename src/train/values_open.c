/* Reads what a run looks at of value words, and checks that it fits the model. */
#include "base/log.h"
#include "base/memory.h"
#include "model/sites.h"
#include "text/chat/answers.h"
#include "train/values.h"

#include <stdlib.h>
#include <string.h>

void values_close(Values *v) {
  for (size_t p = 0; p < v->prompts.count && v->texts; p++) scan_texts_clear(&v->texts[p]);
  free(v->texts);
  free(v->axis_of);
  free(v->words_projected);
  free(v->projection);
  free(v->start);
  free(v->median_rank);
  questions_clear(&v->prompts);
  axis_words_clear(&v->index);
  carried_words_clear(&v->words);
  axis_file_close(&v->axes);
  *v = (Values){0};
}

/* --- axes --- */

/* A file that does not say which model its axes are of is taken at its sites and widths. */
static Status check_model(const AxisFile *file, const char *weights_sha256, Error *err) {
  char **digests = NULL;
  size_t n = 0;
  if (!result_has(file->result, "models/sha256")) return STATUS_OK;
  Status status = result_read_strings(file->result, "models/sha256", &digests, &n, err);
  if (status == STATUS_OK && n == 1 && digests[0][0] && strcmp(digests[0], weights_sha256) != 0)
    status = error_set(err, STATUS_DATA,
                       "%s: axes of another model (weights %.12s..., this model has %.12s...): expected those that fathom "
                       "axis fits on the model that is trained",
                       file->path, digests[0], weights_sha256);
  string_list_free(digests, n);
  return status;
}

static Status find_sites(Values *v, const ModelConfig *config, Error *err) {
  SiteList sites;
  Status status = STATUS_OK;
  sites_of_model(config, &sites);
  v->n_layers = config->n_layers;
  v->axis_of = mem_alloc(SITE_KIND_COUNT * v->n_layers, sizeof *v->axis_of);
  for (size_t i = 0; i < SITE_KIND_COUNT * v->n_layers; i++) v->axis_of[i] = SIZE_MAX;
  for (size_t s = 0; s < v->axes.n_axes && status == STATUS_OK; s++) {
    const ValueAxis *axis = &v->axes.axes[s];
    size_t i = 0;
    while (i < sites.count && strcmp(sites.items[i].name, axis->site) != 0) i++;
    if (i == sites.count)
      status = error_set(err, STATUS_DATA, "%s: an axis at %.60s, a site that this model does not have", v->axes.path,
                         axis->site);
    else if (sites.items[i].width != axis->width)
      status = error_set(err, STATUS_DATA, "%s: %s is %zu wide, in this model %zu", v->axes.path, axis->site, axis->width,
                         sites.items[i].width);
    else
      v->axis_of[sites.items[i].kind * v->n_layers + sites.items[i].layer] = s;
  }
  sites_clear(&sites);
  return status;
}

/* --- words --- */

/* The axes' categories, the poles first. Freed by the caller. */
static char *category_names(const AxisWords *words) {
  char *names = mem_copy_string(words->categories[0]);
  for (size_t c = 1; c < words->n_categories; c++) {
    char *longer = mem_format("%s,%s", names, words->categories[c]);
    free(names);
    names = longer;
  }
  return names;
}

static Status check_lengths(const CarriedWords *words, size_t most, Error *err) {
  for (size_t i = 0; i < words->count; i++)
    for (size_t k = 0; k < words->items[i].n_samples; k++)
      if (words->items[i].samples[k].n_tokens > most)
        return error_set(err, STATUS_DATA, "sentence \"%.60s\" has %zu tokens up to the end of \"%.60s\", expected at most %zu",
                         words->carriers.items[words->items[i].sentences[k]].id, words->items[i].samples[k].n_tokens,
                         words->items[i].form, most);
  return STATUS_OK;
}

static Status read_words(Values *v, const ValuesSettings *s, const Tokenizer *tokenizer, Error *err) {
  char *names = category_names(&v->axes.words);
  const char *pos = v->axes.only_pos;
  CarrierSet carriers = v->axes.carriers;
  v->axes.carriers = (CarrierSet){0};
  if (carriers.count == 0)
    log_warn("%s: does not say in which sentences its words stood: fathom's own are used, and shifts are from step 0", s->axis);
  Status status = carried_words_read(s->words, names, pos[0] ? pos : NULL, s->strict, &v->words, err);
  if (status == STATUS_OK) status = carried_words_tokenize(&v->words, &carriers, tokenizer, err);
  carriers_clear(&carriers);
  if (status == STATUS_OK) status = check_lengths(&v->words, s->max_length, err);
  if (status != STATUS_OK) error_prefix(err, "--value-words with the categories of %s", s->axis);
  for (size_t i = 0; i < LEFT_OUT_REASONS && status == STATUS_OK; i++)
    if (v->words.left_out[i].count && !v->words.left_out[i].is_usual)
      log_warn("%s: left out: %zu %s", s->words, v->words.left_out[i].count, v->words.left_out[i].what);
  if (status == STATUS_OK) {
    axis_words_take(&v->index, &v->words);
    status = axis_words_index(&v->index, err);
    if (status != STATUS_OK) error_prefix(err, "%s", s->words);
  }
  free(names);
  return status;
}

/* --- answers --- */

/* Every word as the whole answer to one question. */
static Status make_texts(Values *v, size_t p, const ValuesSettings *s, const Tokenizer *tokenizer,
                         const ChatTemplate *chat, Error *err) {
  AnswerFrame frame = {0};
  TokenList whole = {0};
  const Question *question = &v->prompts.items[p];
  size_t *ends = mem_alloc(v->index.n, sizeof *ends);
  Status status = answer_frame_init(&frame, chat, question, err);
  for (size_t i = 0; i < v->index.n && status == STATUS_OK; i++) {
    status = answer_tokenize(&frame, chat, tokenizer, v->index.words[i], &whole, err);
    ends[i] = whole.count;
  }
  if (status == STATUS_OK) scan_texts_of_whole(&v->texts[p], &whole, ends, v->index.n);
  const size_t longest = scan_texts_longest(&v->texts[p]);
  if (status == STATUS_OK && longest > s->max_length)
    status = error_set(err, STATUS_DATA, "%zu tokens with an answer and the template, expected at most %zu", longest,
                       s->max_length);
  if (status != STATUS_OK) error_prefix(err, "value prompt \"%.100s\"", question->id);
  answer_frame_clear(&frame);
  token_list_clear(&whole);
  free(ends);
  return status;
}

static Status read_prompts(Values *v, const ValuesSettings *s, const Tokenizer *tokenizer, const ChatTemplate *chat,
                           Error *err) {
  Status status = STATUS_OK;
  if (s->n_prompts)
    status = questions_read(s->prompts, s->n_prompts, 0, &v->prompts, err);
  else
    questions_superlatives(&v->prompts);
  v->texts = mem_alloc(v->prompts.count, sizeof *v->texts);
  for (size_t p = 0; p < v->prompts.count && status == STATUS_OK; p++)
    status = make_texts(v, p, s, tokenizer, chat, err);
  return status;
}

/* --- all of it --- */

static void count_tokens(Values *v) {
  bool *begun = mem_alloc(v->words.carriers.count, sizeof *begun);
  for (size_t i = 0; i < v->words.count; i++)
    for (size_t k = 0; k < v->words.items[i].n_samples; k++) {
      const CarriedWord *word = &v->words.items[i];
      const size_t n = word->samples[k].n_tokens, own = (size_t)(word->tokens + 0.5);
      bool *shared = &begun[word->sentences[k]];
      v->tokens += *shared && own < n ? own : n;
      *shared = true;
    }
  for (size_t p = 0; p < v->prompts.count; p++) v->tokens += v->texts[p].shared.count + v->texts[p].own.count;
  free(begun);
}

static void make_digest(Values *v) {
  Digest *digest = digest_new();
  for (size_t s = 0; s < v->axes.n_axes; s++) {
    const ValueAxis *axis = &v->axes.axes[s];
    digest_add_string(digest, axis->site);
    digest_add(digest, axis->direction, axis->width * sizeof *axis->direction);
    digest_add(digest, &axis->midpoint, sizeof axis->midpoint);
    digest_add(digest, &axis->scale, sizeof axis->scale);
  }
  for (size_t i = 0; i < v->index.n; i++) {
    digest_add_string(digest, v->index.words[i]);
    digest_add_string(digest, v->index.lemmas[i]);
    digest_add_string(digest, v->index.categories[v->index.category[i]]);
    for (size_t k = 0; k < v->words.items[i].n_samples; k++) digest_add_string(digest, v->words.items[i].samples[k].text_digest);
  }
  digest_add_string(digest, v->prompts.digest);
  for (size_t p = 0; p < v->prompts.count; p++) digest_add_string(digest, v->prompts.items[p].group);
  digest_finish(digest, v->digest);
}

Status values_open(Values *v, const ValuesSettings *s, const ModelConfig *config, const char *weights_sha256,
                   const Tokenizer *tokenizer, const ChatTemplate *chat, Error *err) {
  *v = (Values){.batch_tokens = s->batch_tokens};
  Status status = axis_file_open(s->axis, &v->axes, err);
  if (status == STATUS_OK) status = find_sites(v, config, err);
  if (status == STATUS_OK) status = check_model(&v->axes, weights_sha256, err);
  if (status == STATUS_OK) status = read_words(v, s, tokenizer, err);
  if (status == STATUS_OK) status = read_prompts(v, s, tokenizer, chat, err);
  if (status == STATUS_OK) {
    const size_t n_axes = v->axes.n_axes, n_categories = v->index.n_categories;
    v->words_projected = mem_alloc(n_axes * v->index.n, sizeof(double));
    v->projection = mem_alloc(n_axes * n_categories, sizeof(double));
    v->start = mem_alloc(n_axes * n_categories, sizeof(double));
    v->median_rank = mem_alloc(v->prompts.count * n_categories, sizeof(double));
    count_tokens(v);
    make_digest(v);
  } else {
    values_close(v);
  }
  return status;
}
