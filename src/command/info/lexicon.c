/* fathom info on lexicons: their layout, what was merged or left out, and per category how many words of which kind
 * there are, how long and common they are, and how many a tokenizer has whole. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "command/info/info.h"
#include "num/statistics.h"
#include "text/lexicon/lexicon.h"
#include "text/tokenizer/tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

bool info_is_lexicon(const char *path) {
  static const char *const suffixes[] = {".tsv", ".csv", ".dic", ".dicx", ".tsv.gz", ".csv.gz", ".dic.gz", ".dicx.gz"};
  for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++)
    if (file_has_suffix(path, suffixes[i]) && !file_is_directory(path)) return true;
  return false;
}

static int compare_texts(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static int compare_numbers(const void *a, const void *b) {
  const double x = *(const double *)a, y = *(const double *)b;
  return (x > y) - (x < y);
}

/* What one category's words have in common. */
typedef struct CategoryView {
  const char **lemmas, **pos; /* [n] */
  double *characters, *zipf;  /* [n], [n_zipf] */
  size_t n, n_zipf, n_valence, n_prefixes, n_whole;
  double valence; /* sum */
} CategoryView;

static size_t count_characters(const char *text) {
  size_t n = 0, size = strlen(text);
  uint32_t code;
  for (size_t at = 0; at < size; n++)
    at += utf8_decode(text + at, size - at, &code); /* valid since the file was read */
  return n;
}

static size_t count_tokens(const Tokenizer *tokenizer, const char *text) {
  TokenList tokens = {0};
  Error ignored;
  const Status status = tokenizer_encode(tokenizer, text, strlen(text), 0, &tokens, &ignored);
  const size_t n = status == STATUS_OK ? tokens.count : 0;
  token_list_clear(&tokens);
  return n;
}

/* Is the word one token where it follows another? One that the vocabulary cannot express is none. */
static bool is_whole(const Tokenizer *tokenizer, const LexiconWord *word) {
  char *text = mem_format("a %s", word->form);
  const bool whole = !word->is_prefix && count_tokens(tokenizer, text) == count_tokens(tokenizer, "a") + 1;
  free(text);
  return whole;
}

static void view_word(CategoryView *v, const LexiconWord *w, const Tokenizer *tokenizer) {
  v->lemmas[v->n] = w->lemma;
  v->pos[v->n] = w->pos;
  v->characters[v->n++] = (double)count_characters(w->form);
  v->n_prefixes += w->is_prefix;
  if (!isnan(w->zipf)) v->zipf[v->n_zipf++] = w->zipf;
  if (!isnan(w->valence)) v->valence += w->valence, v->n_valence++;
  v->n_whole += tokenizer && is_whole(tokenizer, w);
}

/* How many of each different text, a row each, named by it; of the empty one none. */
static void print_kinds(Table *table, const char *section, const char **texts, size_t n) {
  qsort(texts, n, sizeof *texts, compare_texts);
  for (size_t i = 0, first = 0; i < n; i++) {
    if (i + 1 < n && strcmp(texts[i], texts[i + 1]) == 0) continue;
    char *name = info_shown_text(texts[i], strlen(texts[i]));
    if (*texts[i]) info_count(table, section, name, i + 1 - first);
    free(name);
    first = i + 1;
  }
}

static size_t count_different(const char **texts, size_t n) {
  size_t different = 0;
  qsort(texts, n, sizeof *texts, compare_texts);
  for (size_t i = 0; i < n; i++) different += i == 0 || strcmp(texts[i], texts[i - 1]) != 0;
  return different;
}

static double median(double *values, size_t n) {
  qsort(values, n, sizeof *values, compare_numbers);
  return quantile_sorted(n, values, 0.5);
}

static void print_view(Table *table, const char *section, CategoryView *v, bool has_tokenizer) {
  info_count(table, section, "words", v->n);
  info_count(table, section, "lemmas", count_different(v->lemmas, v->n));
  info_count(table, section, "prefixes", v->n_prefixes);
  print_kinds(table, section, v->pos, v->n);
  if (v->n) info_number(table, section, "characters_median", median(v->characters, v->n));
  if (v->n_zipf) info_number(table, section, "zipf_median", median(v->zipf, v->n_zipf));
  if (v->n_valence) info_number(table, section, "valence_mean", v->valence / (double)v->n_valence);
  if (has_tokenizer) info_count(table, section, "one_token", v->n_whole);
}

static void print_category(Table *table, const Lexicon *l, size_t category, const Tokenizer *tokenizer) {
  CategoryView v = {0};
  v.lemmas = mem_alloc(l->n_words, sizeof *v.lemmas);
  v.pos = mem_alloc(l->n_words, sizeof *v.pos);
  v.characters = mem_alloc(l->n_words, sizeof *v.characters);
  v.zipf = mem_alloc(l->n_words, sizeof *v.zipf);
  for (size_t w = 0; w < l->n_words; w++)
    if (lexicon_weight(l, w, category) != 0) view_word(&v, &l->words[w], tokenizer);
  char *name = info_shown_text(l->categories[category], strlen(l->categories[category]));
  char *section = mem_format("category %s", name);
  print_view(table, section, &v, tokenizer != NULL);
  if (v.n < LEXICON_FEW) log_warn("%s: category %s has %zu words, fewer than %d", l->path, name, v.n, LEXICON_FEW);
  free(section);
  free(name);
  free(v.lemmas);
  free(v.pos);
  free(v.characters);
  free(v.zipf);
}

static void print_whole(Table *table, const Lexicon *l) {
  size_t prefixes = 0, phrases = 0, several = 0, none = 0;
  for (size_t w = 0; w < l->n_words; w++) {
    prefixes += l->words[w].is_prefix;
    phrases += strchr(l->words[w].form, ' ') != NULL;
    several += l->words[w].n_members > 1;
    none += l->words[w].n_members == 0;
  }
  info_text(table, "file", "kind", "lexicon");
  info_text(table, "file", "layout", l->layout);
  const struct {
    const char *name;
    size_t n;
  } counts[] = {{"words", l->n_words},       {"categories", l->n_categories}, {"prefixes", prefixes},
                {"phrases", phrases},        {"in_several", several},         {"in_none", none},
                {"repeated", l->n_repeated}, {"left_out", l->n_skipped}};
  for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++)
    info_count(table, "lexicon", counts[i].name, counts[i].n);
}

static Status open_tokenizer(const char *model, Source **source, Tokenizer **tokenizer, Error *err) {
  const Status status = source_open(model, source, err);
  return status == STATUS_OK ? tokenizer_open(*source, tokenizer, err) : status;
}

Status info_lexicon(const char *path, const InfoSettings *settings, const Provenance *from, Error *err) {
  Lexicon *l = NULL;
  Source *source = NULL;
  Tokenizer *tokenizer = NULL;
  Status status = lexicon_read(path, settings->strict, &l, err);
  if (status == STATUS_OK && settings->tokenizer)
    status = open_tokenizer(settings->tokenizer, &source, &tokenizer, err);
  if (status == STATUS_OK) {
    Table *table = info_begin(settings, from);
    table_note(table,
               "zipf is log10 of uses in a thousand million words, as the file gives it; one_token counts words that "
               "are one token behind another word");
    print_whole(table, l);
    for (size_t c = 0; c < l->n_categories; c++) print_category(table, l, c, tokenizer);
    status = table_end(table, err);
  }
  tokenizer_close(tokenizer);
  source_close(source);
  lexicon_free(l);
  return status;
}
