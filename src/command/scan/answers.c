/* Which answers a scan scores: the tokens of a vocabulary with what their texts become, or the words of a lexicon. */
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "command/scan/scan.h"
#include "text/lexicon/lexicon.h"
#include "text/tokenizer/unicode.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

/* Bytes as text: each that is no UTF-8, or a zero, becomes U+FFFD. Freed by the caller. */
static char *shown(const char *bytes, size_t size) {
  char *out = mem_alloc(3 * size + 1, 1), *to = out;
  for (size_t at = 0; at < size;) {
    uint32_t code;
    size_t length = utf8_decode(bytes + at, size - at, &code);
    if (length == 0 || code == 0) {
      code = 0xfffd;
      length = 1;
    }
    to += utf8_encode(code, to);
    at += length;
  }
  return out;
}

/* --- tokens --- */

typedef struct Encoding {
  const Inputs *in;
  const ScanPrompts *prompts;
  AnswerIds around; /* the first prompt's */
  char *blank;      /* its text with no answer */
  size_t blank_size;
} Encoding;

/* Templates may look at blanks at an answer's ends and at tokens of their own; the rest stands as it is. */
static bool may_change(const Inputs *in, const char *text, size_t size, int32_t id) {
  const unsigned char first = (unsigned char)text[0], last = (unsigned char)text[size - 1];
  return first <= ' ' || first >= 0x7f || last <= ' ' || last >= 0x7f || !tokenizer_is_plain(in->tokenizer, id);
}

/* The ids of a prompt's whole text with such an answer. rendered is NULL, or where the text goes that the template made,
 * if it had to be asked. */
static Status encode_text(const Inputs *in, const ScanPrompts *prompts, size_t prompt, const char *text, size_t size,
                          int32_t id, TokenList *tokens, char **rendered, size_t *rendered_size, Error *err) {
  if (size > 0 && !may_change(in, text, size, id))
    return answer_tokenize(&prompts->frames[prompt], in->chat, in->tokenizer, text, tokens, err);
  char *whole;
  size_t whole_size;
  Status status = answer_render(in->chat, &prompts->questions.items[prompt], text, &whole, &whole_size, err);
  if (status == STATUS_OK)
    status = tokenizer_encode(in->tokenizer, whole, whole_size, chat_tokenize_flags(in->chat), tokens, err);
  if (rendered && status == STATUS_OK) {
    *rendered = whole;
    *rendered_size = whole_size;
  } else {
    free(whole);
  }
  return status;
}

Status scan_encode_answer(const Inputs *in, const ScanPrompts *prompts, size_t prompt, const ScanAnswers *a, size_t i,
                          TokenList *tokens, Error *err) {
  if (!a->are_tokens)
    return answer_tokenize(&prompts->frames[prompt], in->chat, in->tokenizer, a->texts[i], tokens, err);
  return encode_text(in, prompts, prompt, a->texts[i], strlen(a->texts[i]), a->ids[i], tokens, NULL, NULL, err);
}

static bool is_framed(const AnswerIds *around, int32_t id, const TokenList *tokens) {
  const size_t head = around->head.count, tail = around->tail.count;
  return tokens->count == head + 1 + tail && tokens->ids[head] == id &&
         memcmp(tokens->ids, around->head.ids, head * sizeof id) == 0 &&
         (tail == 0 || memcmp(tokens->ids + head + 1, around->tail.ids, tail * sizeof id) == 0);
}

/* Text that a template or tokenizer refuses is none of this model's. */
static Reencoding reencode(const Encoding *e, int32_t id, const char *text, size_t size, TokenList *tokens) {
  char *whole = NULL;
  size_t whole_size = 0;
  Error ignored;
  tokens->count = 0;
  if (memchr(text, 0, size) || utf8_valid_prefix(text, size) < size) return REENCODES_NONE;
  if (encode_text(e->in, e->prompts, 0, text, size, id, tokens, &whole, &whole_size, &ignored) != STATUS_OK)
    return REENCODES_NONE;
  const bool is_blank = whole && e->blank && whole_size == e->blank_size && memcmp(whole, e->blank, whole_size) == 0;
  free(whole);
  return is_blank ? REENCODES_BLANK : is_framed(&e->around, id, tokens) ? REENCODES_SAME : REENCODES_OTHER;
}

static Status encoding_init(Encoding *e, const Inputs *in, const ScanPrompts *prompts, Error *err) {
  *e = (Encoding){.in = in, .prompts = prompts};
  Error ignored; /* a template may refuse an empty answer: then none is one */
  if (answer_render(in->chat, &prompts->questions.items[0], "", &e->blank, &e->blank_size, &ignored) != STATUS_OK)
    e->blank = NULL;
  return answer_ids_find(&prompts->frames[0], in->chat, in->tokenizer, &e->around, err);
}

static void note_tokens(const ScanAnswers *a, Inputs *in) {
  size_t counts[REENCODING_COUNT] = {0};
  for (size_t i = 0; i < a->n; i++) counts[a->encoding[i]]++;
  inputs_note(in, false,
              "%zu tokens, each scored by its id; encoded as text, %zu are other tokens, and %zu are part of a character", a->n,
              counts[REENCODES_OTHER], counts[REENCODES_NONE]);
  if (counts[REENCODES_BLANK] > 0)
    inputs_note(in, true, "%zu tokens are empty answers after the template, which strips blanks: they have rewards by their ids alone",
                counts[REENCODES_BLANK]);
}

static Status take_tokens(ScanAnswers *a, Inputs *in, const ScanPrompts *prompts, Error *err) {
  const size_t vocabulary = tokenizer_vocab_size(in->tokenizer);
  Encoding e;
  TokenList tokens = {0};
  a->are_tokens = true;
  a->texts = mem_alloc(vocabulary, sizeof *a->texts);
  a->names = mem_alloc(vocabulary, sizeof *a->names);
  a->ids = mem_alloc(vocabulary, sizeof *a->ids);
  a->encoding = mem_alloc(vocabulary, sizeof *a->encoding);
  a->others = mem_alloc(vocabulary, sizeof *a->others);
  Status status = encoding_init(&e, in, prompts, err);
  if (status == STATUS_OK && (e.around.joined_head || e.around.joined_tail))
    inputs_note(in, true, "%s: its text %s an answer is part of the answer's own tokens; a token by its id stands without",
                chat_name(in->chat), !e.around.joined_tail ? "before" : e.around.joined_head ? "before and behind" : "behind");
  Progress progress = progress_begin("encode", "tokens", vocabulary);
  for (int32_t id = 0; (size_t)id < vocabulary && status == STATUS_OK; id++) {
    char *text, *name;
    size_t size;
    Error ignored;
    if (tokenizer_decode(in->tokenizer, &id, 1, &text, &size, &ignored) != STATUS_OK) continue; /* an id that no token has */
    name = tokenizer_token_name(in->tokenizer, id);
    a->encoding[a->n] = reencode(&e, id, text, size, &tokens);
    if (a->encoding[a->n] == REENCODES_OTHER) a->others[a->n_other++] = a->n;
    a->texts[a->n] = shown(text, size);
    a->names[a->n] = name ? name : shown(text, size);
    a->ids[a->n++] = id;
    free(text);
    progress_show(&progress, (size_t)id + 1);
  }
  progress_end(&progress);
  if (status == STATUS_OK) note_tokens(a, in);
  answer_ids_clear(&e.around);
  free(e.blank);
  token_list_clear(&tokens);
  return status;
}

/* --- words --- */

/* The number of tokens of a word alone; 0 where the vocabulary cannot express it. */
static size_t count_tokens(const Inputs *in, const char *word, TokenList *tokens) {
  const int32_t unknown = tokenizer_unknown(in->tokenizer);
  Error ignored;
  tokens->count = 0;
  if (tokenizer_encode(in->tokenizer, word, strlen(word), 0, tokens, &ignored) != STATUS_OK) return 0;
  for (size_t i = 0; i < tokens->count; i++)
    if (unknown >= 0 && tokens->ids[i] == unknown) return 0;
  return tokens->count;
}

/* The template may strip blanks that no word has; what else it does to a word would be another answer. */
static Status check_word(const Inputs *in, const ScanPrompts *prompts, const char *word, Error *err) {
  const AnswerFrame *frame = &prompts->frames[0];
  const size_t length = strlen(word);
  char *text;
  size_t size;
  const Status status = answer_render(in->chat, &prompts->questions.items[0], word, &text, &size, err);
  if (status != STATUS_OK) return status;
  const bool as_it_is = size == frame->head_size + length + frame->tail_size &&
                        memcmp(text + frame->head_size, word, length) == 0;
  free(text);
  return as_it_is ? STATUS_OK
                  : error_set(err, STATUS_DATA, "%s: does not write the answer \"%.100s\" as it is", chat_name(in->chat), word);
}

/* A word without tokens is counted in *n_out. */
static void take_word(ScanAnswers *a, const Inputs *in, const char *word, TokenList *tokens, size_t *n_out) {
  const size_t n_tokens = count_tokens(in, word, tokens);
  *n_out += n_tokens == 0;
  if (n_tokens == 0) return;
  a->texts = mem_resize(a->texts, a->n + 1, sizeof *a->texts);
  a->n_tokens = mem_resize(a->n_tokens, a->n + 1, sizeof *a->n_tokens);
  a->texts[a->n] = mem_copy_string(word);
  a->n_tokens[a->n++] = n_tokens;
}

static bool has_word(const ScanAnswers *a, const char *word) {
  for (size_t i = 0; i < a->n; i++)
    if (strcmp(a->texts[i], word) == 0) return true;
  return false;
}

/* Is text a blank and then letters only? So a token begins a word, that holds all of it or its beginning. */
static bool is_word_behind_blank(const char *text, size_t size) {
  if (size < 2 || text[0] != ' ') return false;
  for (size_t at = 1; at < size;) {
    uint32_t code;
    const size_t length = utf8_decode(text + at, size - at, &code);
    if (length == 0 || !unicode_is_word(code) || code == '_' || (code < 0x80 && isdigit((int)code))) return false;
    at += length;
  }
  return true;
}

/* A word that the entry "form*" stands for, spelt as the entry is and in lower case behind it, so that "Lead" and "LEAD" of a
 * vocabulary are one word. Freed by the caller. */
static char *spell_as_entry(const char *form, const char *word, size_t size) {
  ByteRun prefix = {0}, lower = {0};
  unicode_lowercase(form, strlen(form), &prefix);
  unicode_lowercase(word, size, &lower);
  assert(lower.size >= prefix.size);
  char *spelt = mem_format("%s%.*s", form, (int)(lower.size - prefix.size), lower.bytes + prefix.size);
  byte_run_clear(&prefix);
  byte_run_clear(&lower);
  return spelt;
}

/* "form*" stands for the vocabulary's words that begin so: tokens of a blank and letters. Without the blank a token is a piece
 * from within other words, too. */
static void add_prefixed(ScanAnswers *a, const Inputs *in, const Lexicon *lexicon, size_t *n_out) {
  const size_t vocabulary = tokenizer_vocab_size(in->tokenizer);
  TokenList tokens = {0};
  for (int32_t id = 0; lexicon->has_prefixes && (size_t)id < vocabulary; id++) {
    char *text;
    size_t size;
    bool is_special;
    if (!tokenizer_token_text(in->tokenizer, id, &text, &size, &is_special)) continue;
    const size_t found = !is_special && is_word_behind_blank(text, size) ? lexicon_find(lexicon, text + 1, size - 1) : LEXICON_NONE;
    if (found != LEXICON_NONE && lexicon->words[found].is_prefix) {
      char *word = spell_as_entry(lexicon->words[found].form, text + 1, size - 1);
      if (!has_word(a, word)) take_word(a, in, word, &tokens, n_out);
      free(word);
    }
    free(text);
  }
  token_list_clear(&tokens);
}

static Status take_words(ScanAnswers *a, Inputs *in, const ScanSettings *s, const ScanPrompts *prompts, Error *err) {
  Lexicon *lexicon = NULL;
  TokenList tokens = {0};
  size_t n_out = 0, n_forms = 0;
  Status status = lexicon_read(s->lexicon, s->input.strict, &lexicon, err);
  for (size_t w = 0; status == STATUS_OK && w < lexicon->n_words; w++) {
    const LexiconWord *word = &lexicon->words[w];
    if (!word->is_prefix && !has_word(a, word->form)) take_word(a, in, word->form, &tokens, &n_out);
  }
  n_forms = a->n;
  if (status == STATUS_OK) add_prefixed(a, in, lexicon, &n_out);
  if (status == STATUS_OK) status = lexicon_check_found(lexicon, a->n, "the vocabulary", err);
  for (size_t i = 0; i < a->n && status == STATUS_OK; i++) status = check_word(in, prompts, a->texts[i], err);
  if (status == STATUS_OK) {
    size_t single = 0;
    for (size_t i = 0; i < a->n; i++) single += a->n_tokens[i] == 1;
    inputs_note(in, n_out > 0, "%s: %zu words (%zu of them the vocabulary's words of entries with \"*\"), %zu of one token; "
                "%zu left out: no tokens for them", s->lexicon, a->n, a->n - n_forms, single, n_out);
  }
  lexicon_free(lexicon);
  token_list_clear(&tokens);
  return status;
}

Status scan_answers_init(ScanAnswers *a, Inputs *in, const ScanSettings *s, const ScanPrompts *prompts, Error *err) {
  *a = (ScanAnswers){0};
  const Status status = s->lexicon ? take_words(a, in, s, prompts, err) : take_tokens(a, in, prompts, err);
  if (status != STATUS_OK) return status;
  Digest *digest = digest_new();
  for (size_t i = 0; i < a->n; i++) {
    digest_add_string(digest, a->texts[i]);
    if (a->ids) digest_add_u64(digest, (uint64_t)a->ids[i]);
  }
  digest_finish(digest, a->digest);
  return STATUS_OK;
}

void scan_answers_clear(ScanAnswers *a) {
  for (size_t i = 0; i < a->n; i++) {
    free(a->texts[i]);
    if (a->names) free(a->names[i]);
  }
  free(a->texts);
  free(a->names);
  free(a->ids);
  free(a->encoding);
  free(a->others);
  free(a->n_tokens);
  *a = (ScanAnswers){0};
}
