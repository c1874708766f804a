/* Words of a lexicon in carrier sentences, and their activations in a model. */
#include "base/log.h"
#include "base/memory.h"
#include "command/axis/axis.h"
#include "model/family.h"
#include "model/sites.h"
#include "train/word_rows.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Words while they are gathered. */
typedef struct Gathering {
  CarriedWords words;
  char **covariates;
  size_t n_covariates, n_unknown; /* unknown: words left out for want of one */
} Gathering;

static void gathering_clear(Gathering *g) {
  carried_words_clear(&g->words);
  string_list_free(g->covariates, g->n_covariates);
}

/* Drops words with a covariate that is not known; the others keep their order. */
static void drop_unknown(Gathering *g) {
  CarriedWords *words = &g->words;
  size_t kept = 0;
  for (size_t i = 0; i < words->count; i++) {
    bool known = true;
    for (size_t k = 0; k < g->n_covariates; k++) known = known && isfinite(words->items[i].covariates[k]);
    if (known) {
      words->items[kept++] = words->items[i];
    } else {
      carried_word_clear(&words->items[i]);
      g->n_unknown++;
    }
  }
  words->count = kept;
}

static void make_words(const Gathering *g, AxisWords *w) {
  const size_t q = g->n_covariates;
  axis_words_take(w, &g->words);
  w->n_covariates = q;
  w->covariates = mem_alloc(q, sizeof *w->covariates);
  w->covariate = mem_alloc(w->n * q, sizeof *w->covariate);
  for (size_t i = 0; i < w->n; i++)
    for (size_t k = 0; k < q; k++) w->covariate[i * q + k] = g->words.items[i].covariates[k];
  for (size_t k = 0; k < q; k++) w->covariates[k] = mem_copy_string(g->covariates[k]);
}

static void note_left_out(const Gathering *g, AxisData *data) {
  for (size_t i = 0; i < LEFT_OUT_REASONS; i++) {
    const LeftOut *out = &g->words.left_out[i];
    if (out->count) axis_note(data, !out->is_usual, mem_format("left out: %zu %s", out->count, out->what));
  }
  if (g->n_unknown) axis_note(data, true, mem_format("left out: %zu words with a covariate that is not known", g->n_unknown));
}

/* What files say, before the model is opened: it is checked first. */
static Status gather(const AxisSettings *s, Gathering *g, CarrierSet *carriers, Error *err) {
  char *names = s->others ? mem_format("%s,%s", s->poles, s->others) : mem_copy_string(s->poles);
  CarriedWords *words = &g->words;
  Status status = s->templates ? carriers_read(s->templates, carriers, err) : STATUS_OK;
  if (status == STATUS_OK) status = carried_words_read(s->lexicon, names, s->pos, s->input.strict, words, err);
  if (status == STATUS_OK)
    status = axis_read_covariates(s, words->items, words->count, &g->covariates, &g->n_covariates, err);
  free(names);
  return status;
}

/* The words in their sentences, as far as a fit has a use for them. */
static Status put_in_sentences(const AxisSettings *s, const Tokenizer *tokenizer, Gathering *g, CarrierSet *carriers,
                               AxisData *data, Error *err) {
  Status status = carried_words_tokenize(&g->words, carriers, tokenizer, err);
  if (status != STATUS_OK) return status;
  axis_take_tokens(g->covariates, g->n_covariates, g->words.items, g->words.count);
  drop_unknown(g);
  note_left_out(g, data);
  make_words(g, &data->words);
  status = axis_check_words(s, &data->words, err);
  return status == STATUS_OK ? status : error_prefix(err, "%s", s->lexicon);
}

/* The texts up to each word's end are known by their digests. */
static void digest_texts(const CarriedWords *words, char *to) {
  Digest *digest = digest_new();
  for (size_t i = 0; i < words->count; i++)
    for (size_t k = 0; k < words->items[i].n_samples; k++) digest_add_string(digest, words->items[i].samples[k].text_digest);
  digest_finish(digest, to);
}

/* All sentences through the model. */
static Status record(const Inputs *in, const AxisSettings *s, Gathering *g, const SiteList *sites, AxisData *data,
                     Error *err) {
  const CarriedWords *words = &g->words;
  Status status = STATUS_OK;
  data->n_sites = sites->count;
  data->sites = mem_alloc(sites->count, sizeof *data->sites);
  data->widths = mem_alloc(sites->count, sizeof *data->widths);
  data->rows = mem_alloc(sites->count, sizeof *data->rows);
  for (size_t k = 0; k < sites->count && status == STATUS_OK; k++) {
    data->sites[k] = mem_copy_string(sites->items[k].name);
    data->widths[k] = sites->items[k].width;
    status = mem_try(words->count * data->widths[k], sizeof(float), (void **)&data->rows[k], err);
  }
  if (status == STATUS_OK)
    status = word_rows_average(&in->model, words, sites, s->input.batch_tokens, "axis", data->rows, err);
  axis_note(data, false,
            mem_format("rows: each word's last token, averaged over the sentences that take its part of speech, of %zu%s%s",
                       words->carriers.count, s->templates ? " in " : "", s->templates ? s->templates : ""));
  data->rule = mem_copy_string("the word's last token");
  digest_texts(words, data->texts_sha256);
  data->carriers = words->carriers;
  g->words.carriers = (CarrierSet){0};
  return status;
}

static Status select_sites(const AxisSettings *s, const ModelConfig *config, SiteList *sites, Error *err) {
  const Status status = sites_of_selection(config, s->sites ? s->sites : "resid_post", s->layers, sites, err);
  if (status != STATUS_OK) return status;
  const char **names = mem_alloc(sites->count, sizeof *names);
  for (size_t k = 0; k < sites->count; k++) names[k] = sites->items[k].name;
  const Status can = axis_check_sites(s, names, sites->count, err);
  free(names);
  return can;
}

Status axis_from_model(const char *path, const AxisSettings *s, AxisData *data, Error *err) {
  Inputs in = {0};
  Gathering g = {0};
  CarrierSet carriers = {0};
  SiteList sites = {0};
  Status status = gather(s, &g, &carriers, err);
  if (status == STATUS_OK) status = inputs_open_model(&in, path, &s->input, err);
  if (status == STATUS_OK) status = select_sites(s, &in.model.config, &sites, err);
  if (status == STATUS_OK) status = put_in_sentences(s, in.tokenizer, &g, &carriers, data, err);
  if (status == STATUS_OK) {
    char *parameters = inputs_parameter_memory(&in);
    log_note("memory: %s", parameters);
    free(parameters);
    status = record(&in, s, &g, &sites, data, err);
  }
  if (status == STATUS_OK) {
    const char *architecture = in.model.config.family->gguf_architecture;
    data->architecture = mem_copy_string(architecture ? architecture : "");
    data->model = mem_copy_string(in.model_name);
    data->sha256 = mem_copy_string(inputs_weights_digest(&in));
    axis_note(data, false, mem_format("computed in %s", s->input.dtype));
  }
  sites_clear(&sites);
  carriers_clear(&carriers);
  gathering_clear(&g);
  inputs_close(&in);
  return status;
}
