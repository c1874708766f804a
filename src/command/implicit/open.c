/* The two models of fathom implicit, how each is asked, and the prompts or pairs that both take. */
#include "base/log.h"
#include "base/memory.h"
#include "command/implicit/implicit.h"

#include <stdlib.h>
#include <string.h>

static const char ALL_PROMPTS[] = "all"; /* what the set of them is called, beside the groups */

static const char *template_choice(const ImplicitSettings *s, int side) {
  const OptionTexts *given = &s->chat_templates;
  return given->count == 0 ? "auto" : given->items[given->count == 2 ? side : 0];
}

/* A model without a template of its own is a base model: it is given the text. */
static Status take_plain_text(Inputs *in, Error *err) {
  chat_close(in->chat);
  in->chat = NULL;
  const Status status = chat_open("none", NULL, in->tokenizer, &in->chat, err);
  if (status == STATUS_OK) chat_digest(in->chat, in->chat_sha256);
  return status;
}

static Status open_side(ImplicitRun *run, int side, const char *path, Error *err) {
  ImplicitSide *to = &run->sides[side];
  InputSettings input = run->settings->input;
  input.chat_template = template_choice(run->settings, side);
  if (side == 0) input.adapter = NULL;
  Status status = inputs_open_model(&to->in, path, &input, err);
  if (status != STATUS_OK) return status;
  if (!model_has_lm_head(&to->in.model, to->in.source, to->in.adapter))
    return error_set(err, STATUS_DATA, "%s: no language-model head, which log-probabilities need", path);
  if (strcmp(input.chat_template, "auto") == 0 && !tokenizer_chat_template(to->in.tokenizer))
    status = take_plain_text(&to->in, err);
  if (status == STATUS_OK) status = turn_end_find(to->in.chat, to->in.tokenizer, &to->end, err);
  return status == STATUS_OK ? status : error_prefix(err, "%s", path);
}

static void warn_too_long(const ImplicitRun *run) {
  if (run->n_too_long)
    log_warn("%zu %s are too long for one of the models, and are left out", run->n_too_long,
             run->settings->input.pairs.count ? "pairs" : "prompts");
}

/* --- pairs --- */

static int by_id(const void *a, const void *b) {
  const Sample *const *x = a, *const *y = b;
  return strcmp((*x)->id, (*y)->id);
}

/* Each model leaves out what is too long for it; what both keep is compared. */
static Status match_pairs(ImplicitRun *run, Error *err) {
  const SampleSet *first = &run->sides[0].in.samples, *second = &run->sides[1].in.samples;
  const Sample **sorted = inputs_sample_list(&run->sides[1].in);
  qsort(sorted, second->count, sizeof *sorted, by_id);
  for (int k = 0; k < 2; k++) run->sides[k].samples = mem_alloc(first->count, sizeof(Sample *));
  for (size_t i = 0; i < first->count; i++) {
    const Sample *key = &first->items[i];
    const Sample **found = bsearch(&key, sorted, second->count, sizeof *sorted, by_id);
    if (!found) continue;
    run->sides[0].samples[run->n_samples] = key;
    run->sides[1].samples[run->n_samples++] = *found;
  }
  free(sorted);
  run->n_too_long = (first->count + second->count) / 2 - run->n_samples;
  if (run->n_samples == 0) return error_set(err, STATUS_DATA, "no pair is short enough for both models");
  warn_too_long(run);
  return STATUS_OK;
}

static Status read_pairs(ImplicitRun *run, Error *err) {
  const InputSettings *input = &run->settings->input;
  Status status = STATUS_OK;
  for (int k = 0; k < 2 && status == STATUS_OK; k++) {
    Inputs *in = &run->sides[k].in;
    const SampleRules rules = inputs_sample_rules(in, input);
    in->are_pairs = true;
    status = inputs_read_pairs(in, &input->pairs, &rules, &in->samples, err);
    if (status != STATUS_OK && in->samples.n_read > 0 && in->samples.count == 0)
      error_prefix(err, "%s", in->model_name);
  }
  return status == STATUS_OK ? match_pairs(run, err) : status;
}

/* --- prompts --- */

static Status ask_side(ImplicitRun *run, ImplicitSide *side, Error *err) {
  Status status = STATUS_OK;
  side->asked = mem_alloc(run->questions.count, sizeof *side->asked);
  side->prompts = mem_alloc(run->questions.count, sizeof *side->prompts);
  side->samples = mem_alloc(run->questions.count, sizeof *side->samples);
  for (size_t i = 0; i < run->questions.count && status == STATUS_OK; i++) {
    const Question *q = &run->questions.items[i];
    Asked *asked = &side->asked[i];
    status = question_ask(q, side->in.chat, side->in.tokenizer, asked, err);
    side->n_asked = i + 1;
    side->prompts[i] =
        (Sample){.id = q->id, .group = q->group, .ids = asked->tokens.ids, .n_tokens = asked->tokens.count};
  }
  return status == STATUS_OK ? status : error_prefix(err, "%s", side->in.model_name);
}

static Status read_prompts(ImplicitRun *run, Error *err) {
  const InputSettings *input = &run->settings->input;
  Status status = input->text
                      ? questions_from_text(input->text, &run->questions, err)
                      : questions_read(input->prompts.items, input->prompts.count, input->limit, &run->questions, err);
  for (int k = 0; k < 2 && status == STATUS_OK; k++) status = ask_side(run, &run->sides[k], err);
  return status;
}

static Status find_groups(ImplicitRun *run, Error *err) {
  run->group_of = mem_alloc(run->n_samples, sizeof *run->group_of);
  run->groups = mem_alloc(run->n_samples, sizeof *run->groups);
  for (size_t i = 0; i < run->n_samples; i++) {
    char *group = run->sides[0].samples[i]->group;
    size_t g = 0;
    while (g < run->n_groups && strcmp(run->groups[g], group) != 0) g++;
    if (g == run->n_groups) run->groups[run->n_groups++] = group;
    run->group_of[i] = g;
  }
  run->n_sets = run->n_groups > 1 ? 1 + run->n_groups : 1;
  for (size_t s = 1; s < run->n_sets; s++)
    if (strcmp(run->groups[s - 1], ALL_PROMPTS) == 0)
      return error_set(err, STATUS_DATA,
                       "a group of prompts is called \"%s\", which stands for all prompts here: call it something else",
                       ALL_PROMPTS);
  return STATUS_OK;
}

Status implicit_take_prompts(ImplicitRun *run, const size_t room[2], Error *err) {
  const InputSettings *input = &run->settings->input;
  const char *with_words = run->settings->lexicon ? ", with the longest word behind it," : "";
  const size_t most[2] = {inputs_max_length(&run->sides[0].in, input), inputs_max_length(&run->sides[1].in, input)};
  for (size_t i = 0; i < run->questions.count; i++) {
    const Sample *one = &run->sides[0].prompts[i], *two = &run->sides[1].prompts[i];
    const bool is_too_long = one->n_tokens + room[0] > most[0] || two->n_tokens + room[1] > most[1];
    run->n_too_long += is_too_long;
    if (is_too_long) continue;
    run->sides[0].samples[run->n_samples] = one;
    run->sides[1].samples[run->n_samples++] = two;
  }
  if (run->n_samples == 0)
    return error_set(err, STATUS_DATA, "no prompt%s is short enough for both models", with_words);
  warn_too_long(run);
  return find_groups(run, err);
}

Status implicit_open(ImplicitRun *run, const char *const *paths, const ImplicitSettings *settings, Error *err) {
  Status status = STATUS_OK;
  *run = (ImplicitRun){.settings = settings};
  for (int k = 0; k < 2 && status == STATUS_OK; k++) status = open_side(run, k, paths[k], err);
  if (status != STATUS_OK) return status;
  return settings->input.pairs.count ? read_pairs(run, err) : read_prompts(run, err);
}

void implicit_close(ImplicitRun *run) {
  for (int k = 0; k < 2; k++) {
    ImplicitSide *side = &run->sides[k];
    for (size_t i = 0; i < side->n_asked; i++) asked_clear(&side->asked[i]);
    free(side->asked);
    free(side->prompts);
    free(side->samples);
    turn_end_clear(&side->end);
    inputs_close(&side->in);
  }
  questions_clear(&run->questions);
  free(run->groups);
  free(run->group_of);
  *run = (ImplicitRun){0};
}

const char *implicit_set_name(const ImplicitRun *run, size_t set) { return set ? run->groups[set - 1] : ALL_PROMPTS; }

void implicit_add(const ImplicitRun *run, size_t prompt, Means *sets, const double *values) {
  means_add(&sets[0], values);
  if (run->n_sets > 1) means_add(&sets[1 + run->group_of[prompt]], values);
}
