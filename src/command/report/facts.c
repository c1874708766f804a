/* What a report says of where a file comes from: models with their digests, recordings, data, settings, and the remarks
 * that the command made. */
#include "base/memory.h"
#include "command/report/report.h"
#include "store/activations.h"

#include <stdlib.h>
#include <string.h>

/* --- facts --- */

static void fact(FILE *out, const char *label, const char *value) {
  if (!value || !value[0]) return;
  fprintf(out, "<div><dt>%s</dt><dd>", label);
  html_text(out, value);
  fputs("</dd></div>\n", out);
}

static void digest_fact(FILE *out, const char *label, const char *digest) {
  if (!digest || !digest[0]) return;
  fprintf(out, "<div><dt>%s</dt><dd><code class=\"digest\">", label);
  html_text(out, digest);
  fputs("</code></dd></div>\n", out);
}

static void count_fact(FILE *out, const char *label, size_t count) {
  fprintf(out, "<div><dt>%s</dt><dd>%zu</dd></div>\n", label, count);
}

/* A model, and the digest of its weights. */
static void model_fact(FILE *out, const char *label, const char *model, const char *digest) {
  fprintf(out, "<div><dt>%s</dt><dd>", label);
  html_text(out, model[0] ? model : "not named");
  if (digest[0]) {
    fputs(" <code class=\"digest\">SHA-256 ", out);
    html_text(out, digest);
    fputs("</code>", out);
  }
  fputs("</dd></div>\n", out);
}

/* --- activation stores --- */

/* "resid_post of 30 blocks" would be shorter, but sites need not be called so. */
static char *site_words(const StoreContents *c) {
  if (c->n_sites == 1) return mem_format("%s, %zu wide", c->sites[0].name, c->sites[0].width);
  return mem_format("%zu, from %s to %s, %zu wide", c->n_sites, c->sites[0].name, c->sites[c->n_sites - 1].name,
                    c->sites[c->n_sites - 1].width);
}

void report_write_store(const Store *store, FILE *out) {
  const StoreContents *c = store_contents(store);
  char *sites = site_words(c);
  fputs("<dl>\n", out);
  if (c->model && c->model[0]) model_fact(out, "Model", c->model, c->weights_sha256);
  count_fact(out, "Samples", c->n_samples);
  count_fact(out, "Rows", c->n_rows);
  fact(out, "Tokens", c->token_rule);
  fact(out, "Sites", sites);
  fact(out, "Stored as", store_dtype_name(c->dtype));
  fact(out, "Computed in", c->compute_dtype);
  digest_fact(out, "Data", c->data_sha256);
  digest_fact(out, "Tokenizer", c->tokenizer_sha256);
  digest_fact(out, "Chat template", c->chat_template_sha256);
  fact(out, "Date in the template", c->chat_date);
  fact(out, "By fathom", c->tool_version);
  fputs("</dl>\n", out);
  free(sites);
}

/* --- what a result says of where it comes from --- */

typedef struct Attribute {
  const char *name, *label;
  bool is_digest;
} Attribute;
static const Attribute attributes[] = {{"by", "Split by", false},
                                       {"against_store", "Against the drift of", false},
                                       {"against_layer", "Against block", false},
                                       {"noise_store", "Noise from", false},
                                       {"nonfinite_samples", "Samples left out, not finite", false},
                                       {"interval", "Intervals", false},
                                       {"compute_dtype", "Computed in", false},
                                       {"reference", "Reference", false},
                                       {"ceiling", "Ceiling", false},
                                       {"source", "Source", false},
                                       {"method", "Axes by", false},
                                       {"folds", "Folds", false},
                                       {"answers", "Answers", false},
                                       {"lexicon", "Lexicon", false},
                                       {"lexicon_sha256", "Lexicon", true},
                                       {"prompts_sha256", "Prompts", true},
                                       {"answers_sha256", "Answers", true},
                                       {"tokenizer_sha256", "Tokenizer", true},
                                       {"chat_template_sha256", "Chat template", true}};

static void write_attributes(Result *result, FILE *out) {
  for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
    char *value = NULL;
    if (result_read_attribute(result, attributes[i].name, &value, NULL) == STATUS_OK)
      (attributes[i].is_digest ? digest_fact : fact)(out, attributes[i].label, value);
    free(value);
  }
}

/* The files of this report that the command line names: what was compared. */
static void write_inputs(const Report *report, const ReportFile *file, FILE *out) {
  Texts words = report_split_words(file->command_line);
  for (size_t i = 2; i < words.n; i++) {
    const ReportFile *input = report_find_made(report, words.items[i], file);
    if (!input || (file->made && strcmp(words.items[i], file->made) == 0)) continue;
    fputs("<div><dt>From</dt><dd>", out);
    if (input->number) fprintf(out, "<a href=\"#file-%zu\">", input->number);
    html_text(out, input->name);
    if (input->number) fputs("</a>", out);
    if (input->extent) html_format(out, ": %s", input->extent);
    fputs("</dd></div>\n", out);
  }
  texts_clear(&words);
}

/* What a result's models are to it, as its figures and columns call them. Behind those of a drift stand those that it is
 * held against. */
static const char *model_label(const char *kind, size_t number, size_t n, bool has_against) {
  static const char *const labels[][3] = {{"drift", "Frozen", "Compared with"},
                                          {"parts", "Frozen", "Compared with"},
                                          {"margins", "Frozen", "Compared with"},
                                          {"samples", "Frozen", "Compared with"},
                                          {"cross", "Model A", "Model B"},
                                          {"weights", "Model 0", "Model 1"},
                                          {"implicit", "Model 1", "Model 2"},
                                          {"axis-shift", "Model X", "Model Y"}};
  if (number >= 2 && strcmp(kind, "drift") == 0)
    return number == 2 && has_against ? "Against" : "Frozen again";
  for (size_t i = 0; i < sizeof labels / sizeof labels[0] && n >= 2 && number < 2; i++)
    if (strcmp(kind, labels[i][0]) == 0) return labels[i][1 + number];
  return strcmp(kind, "bias") == 0 ? "Scan table" : "Model";
}

static Status write_models(Result *result, const char *kind, ReportFile *file, FILE *out, Error *err) {
  char **paths = NULL, **digests = NULL;
  size_t n = 0, n_digests = 0;
  char *against = NULL;
  const bool has_against = result_read_attribute(result, "against_store", &against, NULL) == STATUS_OK;
  free(against);
  Status status =
      result_has(result, "models/path") ? result_read_strings(result, "models/path", &paths, &n, err) : STATUS_OK;
  if (status == STATUS_OK && n) status = result_read_strings(result, "models/sha256", &digests, &n_digests, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++)
    model_fact(out, model_label(kind, i, n, has_against), paths[i], i < n_digests ? digests[i] : "");
  file->first_model = mem_copy_string(n && n_digests ? digests[0] : "");
  string_list_free(paths, n);
  string_list_free(digests, n_digests);
  return status;
}

/* What the command's table says in '#' lines. */
static Status write_notes(Result *result, FILE *out, Error *err) {
  char **notes = NULL;
  size_t n = 0;
  if (!result_has(result, "notes")) return STATUS_OK;
  const Status status = result_read_strings(result, "notes", &notes, &n, err);
  if (status != STATUS_OK) return status;
  fprintf(out, "<details class=\"table\"><summary>Notes: %zu</summary>\n<ul class=\"notes\">\n", n);
  for (size_t i = 0; i < n; i++) {
    html_element(out, "li", notes[i]);
    fputc('\n', out);
  }
  fputs("</ul>\n</details>\n", out);
  string_list_free(notes, n);
  return STATUS_OK;
}

Status report_write_facts(const Report *report, ReportFile *file, Result *result, FILE *out, Error *err) {
  char *seed = mem_format("%llu", (unsigned long long)result_seed(result));
  fputs("<dl>\n", out);
  Status status = write_models(result, file->kind, file, out, err);
  write_inputs(report, file, out);
  write_attributes(result, out);
  fact(out, "Seed", seed);
  fputs("</dl>\n", out);
  if (status == STATUS_OK) status = write_notes(result, out, err);
  free(seed);
  return status;
}
