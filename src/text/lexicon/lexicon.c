/* A lexicon being read: which layout the file has, its words merged and indexed. The layouts are tables.c and
 * dic.c. */
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "text/lexicon/parts.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { WARNED = 3 }; /* skipped entries that are warned of one by one */

size_t lexicon_category(const Lexicon *lexicon, const char *name) {
  for (size_t c = 0; c < lexicon->n_categories; c++)
    if (strcasecmp(lexicon->categories[c], name) == 0) return c;
  return LEXICON_NONE;
}

double lexicon_weight(const Lexicon *lexicon, size_t word, size_t category) {
  const LexiconWord *w = &lexicon->words[word];
  for (size_t i = 0; i < w->n_members; i++)
    if (w->members[i].category == category) return w->members[i].weight;
  return 0;
}

Status builder_category(LexiconBuilder *b, const char *name, size_t *category, Error *err) {
  Lexicon *l = b->lexicon;
  *category = lexicon_category(l, name);
  if (*category != LEXICON_NONE) return STATUS_OK;
  if (l->n_categories == LEXICON_CATEGORIES)
    return error_set(err, STATUS_DATA, "%s: line %zu: more than %d categories", b->file->path, b->file->line,
                     LEXICON_CATEGORIES);
  if (l->n_categories == b->categories_room)
    l->categories = mem_resize(l->categories, b->categories_room = 2 * b->categories_room + 8, sizeof *l->categories);
  l->categories[l->n_categories] = mem_copy_string(name);
  *category = l->n_categories++;
  return STATUS_OK;
}

Status builder_skip(LexiconBuilder *b, const char *entry, const char *why, Error *err) {
  const Delimited *f = b->file;
  if (b->strict) return error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\": %s", f->path, f->line, entry, why);
  if (b->lexicon->n_skipped++ < WARNED)
    log_warn("%s: line %zu: \"%.60s\" is left out: %s", f->path, f->line, entry, why);
  return STATUS_OK;
}

static size_t add_word(LexiconBuilder *b, char *form, bool is_prefix, const LexiconRow *row) {
  Lexicon *l = b->lexicon;
  if (l->n_words == b->room) l->words = mem_resize(l->words, b->room = 2 * b->room + 256, sizeof *l->words);
  l->words[l->n_words] = (LexiconWord){.form = form,
                                       .is_prefix = is_prefix,
                                       .lemma = *row->lemma ? mem_copy_string(row->lemma) : mem_copy_string(form),
                                       .pos = mem_copy_string(row->pos),
                                       .zipf = row->zipf,
                                       .valence = row->valence,
                                       .line = b->file->line,
                                       .next_same = LEXICON_NONE};
  l->has_prefixes = l->has_prefixes || is_prefix;
  l->has_phrases = l->has_phrases || strchr(form, ' ') != NULL;
  return l->n_words++;
}

/* The word of this form and part of speech, or the last of its chain in *last. */
static size_t find_word(const LexiconBuilder *b, const char *form, bool is_prefix, const char *pos, size_t *last) {
  const Lexicon *l = b->lexicon;
  *last = LEXICON_NONE;
  for (size_t w = lexicon_index_find(l->index, form, is_prefix); w != LEXICON_NONE; w = l->words[w].next_same) {
    if (strcasecmp(l->words[w].pos, pos) == 0) return w;
    *last = w;
  }
  return LEXICON_NONE;
}

static Status check_lemma(const LexiconBuilder *b, const LexiconWord *word, const LexiconRow *row, Error *err) {
  if (!*row->lemma || strcasecmp(word->lemma, row->lemma) == 0) return STATUS_OK;
  return error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\" has the lemma \"%.60s\", in line %zu it has \"%.60s\"",
                   b->file->path, b->file->line, row->form, row->lemma, word->line, word->lemma);
}

Status builder_word(LexiconBuilder *b, const LexiconRow *row, size_t *word, Error *err) {
  Lexicon *l = b->lexicon;
  char *form = lexicon_trimmed(row->form, strlen(row->form));
  const size_t size = strlen(form);
  const bool is_prefix = size > 1 && form[size - 1] == '*' && form[size - 2] != ' ';
  size_t last;
  if (is_prefix) form[size - 1] = 0;
  *word = LEXICON_NONE;
  if (size == 0 || strchr(form, '*')) {
    free(form);
    return builder_skip(b, row->form, size ? "'*' is understood at the end of a word alone" : "an empty entry", err);
  }
  *word = find_word(b, form, is_prefix, row->pos, &last);
  if (*word != LEXICON_NONE) {
    free(form);
    l->n_repeated++;
    return check_lemma(b, &l->words[*word], row, err);
  }
  *word = add_word(b, form, is_prefix, row);
  if (last == LEXICON_NONE)
    lexicon_index_add(l->index, form, is_prefix, *word);
  else
    l->words[last].next_same = *word;
  return STATUS_OK;
}

Status builder_member(LexiconBuilder *b, size_t word, size_t category, double weight, Error *err) {
  LexiconWord *w = &b->lexicon->words[word];
  size_t at = 0;
  while (at < w->n_members && w->members[at].category < category) at++;
  if (at < w->n_members && w->members[at].category == category)
    return w->members[at].weight == weight
               ? STATUS_OK
               : error_set(err, STATUS_DATA, "%s: line %zu: \"%.60s\" has the weight %g in %.60s, and %g before",
                           b->file->path, b->file->line, w->form, weight, b->lexicon->categories[category],
                           w->members[at].weight);
  w->members = mem_resize(w->members, w->n_members + 1, sizeof *w->members);
  memmove(w->members + at + 1, w->members + at, (w->n_members - at) * sizeof *w->members);
  w->members[at] = (LexiconMember){category, weight};
  w->n_members++;
  return STATUS_OK;
}

static void finish_digest(Lexicon *l) {
  Digest *digest = digest_new();
  for (size_t c = 0; c < l->n_categories; c++) digest_add_string(digest, l->categories[c]);
  for (size_t i = 0; i < l->n_words; i++) {
    const LexiconWord *w = &l->words[i];
    char *numbers = mem_format("%d %.17g %.17g", w->is_prefix, w->zipf, w->valence);
    digest_add_string(digest, w->form);
    digest_add_string(digest, w->lemma);
    digest_add_string(digest, w->pos);
    digest_add_string(digest, numbers);
    free(numbers);
    for (size_t m = 0; m < w->n_members; m++) {
      char *member = mem_format("%zu %.17g", w->members[m].category, w->members[m].weight);
      digest_add_string(digest, member);
      free(member);
    }
  }
  digest_finish(digest, l->digest);
}

/* A line such as "kindness<TAB>1" is one of a .dic file whose head is gone. */
static bool is_dic_entry(const Delimited *f) {
  return f->n_cells >= 2 && f->delimiter == '\t' && strspn(f->cells[1], "0123456789") == strlen(f->cells[1]) &&
         *f->cells[1];
}

static Status unknown_layout(const Delimited *f, Error *err) {
  if (is_dic_entry(f))
    return error_set(
        err, STATUS_DATA,
        "%s: line %zu: a LIWC .dic file without its head: expected a line of '%%', the numbers and names of "
        "its categories, and another '%%' before \"%.60s\"",
        f->path, f->line, f->cells[0]);
  return error_set(
      err, STATUS_DATA,
      "%s: line %zu: no layout of a lexicon that fathom knows: found \"%.60s\" and %zu more columns, expected "
      "columns named word and category, or a column of words (word, term, DicTerm) and one a category, or "
      "LIWC's '%%'",
      f->path, f->line, f->cells[0], f->n_cells - 1);
}

static bool is_percent(const char *cell) { return cell[0] == '%' && cell[1 + strspn(cell + 1, " ")] == 0; }

static Status read_layout(LexiconBuilder *b, Error *err) {
  Delimited *f = b->file;
  const Status status = delimited_next(f, err);
  if (status != STATUS_OK) return status;
  if (is_percent(f->cells[0])) {
    b->lexicon->layout = "LIWC .dic";
    return lexicon_read_dic(b, err);
  }
  const size_t word = lexicon_word_column(f);
  if (word < f->n_cells && delimited_column(f, "category") < f->n_cells) {
    b->lexicon->layout = f->delimiter == '\t' ? "TSV" : "CSV, one row a word";
    return lexicon_read_rows(b, err);
  }
  if (word == 0 && f->n_cells > 1) {
    b->lexicon->layout = f->delimiter == '\t' ? "TSV, one column a category" : "CSV, one column a category";
    return lexicon_read_columns(b, err);
  }
  return unknown_layout(f, err);
}

Status lexicon_read(const char *path, bool strict, Lexicon **lexicon, Error *err) {
  Delimited file;
  Lexicon *l = mem_alloc(1, sizeof *l);
  LexiconBuilder b = {.lexicon = l, .file = &file, .strict = strict};
  l->path = mem_copy_string(path);
  l->index = lexicon_index_new();
  Status status = delimited_open(&file, path, err);
  if (status == STATUS_OK) status = read_layout(&b, err);
  if (status == STATUS_OK && l->n_words == 0)
    status = error_set(err, STATUS_DATA, "%s: no words in this lexicon", path);
  if (status == STATUS_OK && l->n_skipped > WARNED)
    log_warn("%s: %zu entries are left out, the first %d of them are above", path, l->n_skipped, WARNED);
  delimited_close(&file);
  if (status == STATUS_OK) {
    finish_digest(l);
  } else {
    lexicon_free(l);
    l = NULL;
  }
  *lexicon = l;
  return status;
}

void lexicon_free(Lexicon *l) {
  if (!l) return;
  for (size_t i = 0; i < l->n_words; i++) {
    free(l->words[i].form);
    free(l->words[i].lemma);
    free(l->words[i].pos);
    free(l->words[i].members);
  }
  for (size_t c = 0; c < l->n_categories; c++) free(l->categories[c]);
  free(l->words);
  free(l->categories);
  free(l->path);
  lexicon_index_free(l->index);
  free(l);
}
