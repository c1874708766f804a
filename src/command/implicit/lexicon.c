/* The words that fathom implicit scores: those of a lexicon, and their tokens as answers in each model. */
#include "base/memory.h"
#include "command/implicit/implicit.h"

#include <stdlib.h>
#include <string.h>

/* --- which words --- */

static Status need_words(const ImplicitSettings *s, const ImplicitWords *w, Error *err) {
  for (size_t c = 0; c < w->n_categories; c++) {
    size_t n = 0;
    for (size_t i = 0; i < w->n_words; i++) n += w->category_of[i] == c;
    if (n == 0)
      return error_set(err, STATUS_DATA, "%s: category %s has no word without a wildcard, and only such can be scored",
                       s->lexicon, w->categories[c]);
  }
  return STATUS_OK;
}

enum { MOST_COMPARED = 6 }; /* categories of which every two are held against each other */

static void name_categories(const LexiconChoice *choice, ImplicitWords *w) {
  const size_t n = choice->n, n_pairs = n <= MOST_COMPARED ? n * (n - 1) / 2 : 0;
  w->categories = mem_alloc(n + n_pairs, sizeof *w->categories);
  for (; w->n_categories < n; w->n_categories++)
    w->categories[w->n_categories] = mem_copy_string(choice->lexicon->categories[choice->categories[w->n_categories]]);
  for (size_t a = 0; a < n && n_pairs; a++)
    for (size_t b = a + 1; b < n; b++)
      w->categories[n + w->n_differences++] = mem_format("%s - %s", w->categories[a], w->categories[b]);
}

/* One entry a form; a form that is a noun and a verb of one category is one word. */
static Status choose_words(const ImplicitSettings *s, ImplicitWords *w, Error *err) {
  Lexicon *lexicon = NULL;
  LexiconChoice choice = {0};
  Status status = lexicon_read(s->lexicon, s->input.strict, &lexicon, err);
  if (status == STATUS_OK) status = lexicon_choose(lexicon, s->categories, s->pos, s->input.strict, &choice, err);
  if (status == STATUS_OK) {
    bool *done = mem_alloc(lexicon->n_words, sizeof *done);
    w->words = mem_alloc(lexicon->n_words, sizeof *w->words);
    w->category_of = mem_alloc(lexicon->n_words, sizeof *w->category_of);
    name_categories(&choice, w);
    w->n_contradictory = choice.n_contradictory;
    for (size_t i = 0; i < lexicon->n_words; i++) {
      const LexiconWord *word = &lexicon->words[i];
      if (choice.side[i] < 0 || done[i]) continue;
      for (size_t same = word->next_same; same != LEXICON_NONE; same = lexicon->words[same].next_same)
        done[same] = true;
      w->n_left_out += word->is_prefix;
      if (word->is_prefix) continue;
      w->words[w->n_words] = mem_copy_string(word->form);
      w->category_of[w->n_words++] = (size_t)choice.side[i];
    }
    free(done);
    status = need_words(s, w, err);
  }
  lexicon_choice_clear(&choice);
  lexicon_free(lexicon);
  return status;
}

/* --- their tokens --- */

/* What stands before the words is what the template writes there, which must be one thing for all prompts. */
static Status choose_separator(const ImplicitRun *run, const ImplicitSide *side, const char **separator, Error *err) {
  *separator = run->settings->separator;
  if (*separator) return STATUS_OK;
  *separator = side->asked[0].separator;
  for (size_t i = 1; i < side->n_asked; i++)
    if (strcmp(side->asked[i].separator, *separator) != 0)
      return error_set(err, STATUS_DATA,
                       "%s: writes \"%s\" before an answer to prompt \"%s\" and \"%s\" before one to \"%s\", expected "
                       "one thing: choose it with --separator",
                       chat_name(side->in.chat), *separator, side->prompts[0].id, side->asked[i].separator,
                       side->prompts[i].id);
  return STATUS_OK;
}

static Status encode_words(const ImplicitRun *run, int k, const ImplicitWords *w, ImplicitWordTokens *to, Error *err) {
  const ImplicitSide *side = &run->sides[k];
  const Inputs *in = &side->in;
  Status status = choose_separator(run, side, &to->separator, err);
  to->offsets = mem_alloc(w->n_words + 1, sizeof *to->offsets);
  for (size_t i = 0; i < w->n_words && status == STATUS_OK; i++) {
    bool merges = false;
    char *text = mem_format("%s%s", to->separator, w->words[i]);
    status = continuation_encode(&side->asked[0], in->chat, in->tokenizer, text, &to->ids, &merges, err);
    free(text);
    const size_t n = to->ids.count - to->offsets[i];
    to->n_merging += merges;
    to->offsets[i + 1] = to->ids.count;
    to->longest = n > to->longest ? n : to->longest;
  }
  return status == STATUS_OK ? status : error_prefix(err, "%s", in->model_name);
}

Status implicit_words_read(const ImplicitRun *run, ImplicitWords *w, Error *err) {
  const ImplicitSettings *s = run->settings;
  *w = (ImplicitWords){0};
  Status status = choose_words(s, w, err);
  for (int k = 0; k < 2 && status == STATUS_OK; k++) {
    if (run->sides[k].end.token < 0 && s->csv && strstr(s->form, "_end"))
      return error_set(err, STATUS_DATA, "%s: no end-of-turn token, expected one for --form %s",
                       run->sides[k].in.model_name, s->form);
    status = encode_words(run, k, w, &w->tokens[k], err);
  }
  return status;
}
