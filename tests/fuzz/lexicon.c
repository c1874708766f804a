/* Lexicons of every layout and carrier sentences; the first byte says what the rest is read as, and what is asked of it. */
#include "tests/fuzz/fuzz.h"
#include "text/lexicon/carriers.h"
#include "text/lexicon/lexicon.h"

/* Every word can be found by its form, and every chosen one says so. */
static void check_words(const Lexicon *l, const LexiconChoice *choice) {
  size_t n_sides = 0;
  for (size_t w = 0; w < l->n_words; w++) {
    const LexiconWord *word = &l->words[w];
    size_t found = lexicon_find(l, word->form, strlen(word->form));
    if (found == LEXICON_NONE) abort();
    while (!word->is_prefix && found != w && found != LEXICON_NONE) found = l->words[found].next_same;
    if (found == LEXICON_NONE) abort();
    for (size_t m = 0; m < word->n_members; m++)
      if (word->members[m].category >= l->n_categories) abort();
    n_sides += choice && choice->side[w] >= 0;
    if (choice && choice->side[w] >= (int)choice->n) abort();
  }
  size_t n_forms = 0;
  for (size_t i = 0; choice && i < choice->n; i++) n_forms += choice->n_forms[i];
  if (n_forms > n_sides) abort();
}

static void read_lexicon(const char *path, unsigned flags) {
  Lexicon *l;
  Error err = {0};
  const Status status = lexicon_read(path, flags & 1, &l, &err);
  fuzz_expect(status, &err);
  if (status != STATUS_OK) return;
  LexiconChoice choice = {0};
  const Status chosen = lexicon_choose(l, flags & 2 ? "a,b" : NULL, flags & 4 ? "noun" : NULL, flags & 8, &choice, &err);
  fuzz_expect(chosen, &err);
  check_words(l, chosen == STATUS_OK ? &choice : NULL);
  lexicon_choice_clear(&choice);
  lexicon_free(l);
}

static void read_carriers(const char *path) {
  CarrierSet set;
  Error err = {0};
  fuzz_expect(carriers_read(path, &set, &err), &err);
  for (size_t i = 0; i < set.count; i++) {
    size_t end;
    char *text = carrier_fill(&set.items[i], "word", &end);
    if (end < 4 || strncmp(text + end - 4, "word", 4) != 0) abort();
    free(text);
  }
  carriers_clear(&set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const char *path = fuzz_write("lexicon.csv", data + 1, size - 1);
  if (data[0] & 16)
    read_carriers(path);
  else
    read_lexicon(path, data[0]);
  return 0;
}
