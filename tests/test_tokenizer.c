/* What a tokenizer does with text: merging against a slow reference, special tokens, any bytes there and back, and
 * which token covers a byte. */
#include "tests/small_tokenizer.h"
#include "tests/tap.h"
#include "text/tokenizer/bpe.h"

static char folder[] = "/tmp/fathom-tokenizer.XXXXXX";
static uint64_t seed = 20240611;

static Tokenizer *byte_level, *sentencepiece;

static Tokenizer *open_or_die(const SmallTokenizer *s) {
  Error err = {0};
  Status status;
  Tokenizer *t = open_small(folder, s, &status, &err);
  if (!t) printf("Bail out! %s\n", err.text), exit(99);
  return t;
}

/* The ids of a text are exactly those listed (ended by -1). */
static bool encodes(const Tokenizer *t, const char *text, size_t size, unsigned flags, ...) {
  TokenList tokens = {0};
  Error err = {0};
  va_list expected;
  bool same = tokenizer_encode(t, text, size, flags, &tokens, &err) == STATUS_OK;
  va_start(expected, flags);
  size_t i = 0;
  for (int id; (id = va_arg(expected, int)) != -1; i++) same &= i < tokens.count && tokens.ids[i] == id;
  va_end(expected);
  same &= i == tokens.count;
  for (i = 0; !same && i < tokens.count; i++) printf("# token %d\n", tokens.ids[i]);
  token_list_clear(&tokens);
  return same;
}
#define IDS(t, text, flags, ...) encodes(t, text, sizeof text - 1, flags, ##__VA_ARGS__, -1)

/* Merging as its definition has it: the best pair of all neighbours, again and again. */
static size_t merge_slowly(const Bpe *bpe, const char *piece, size_t size, int32_t *items, size_t *sizes) {
  size_t n = 0, at = 0;
  for (; n < size; n++) sizes[n] = 1, items[n] = vocabulary_find(bpe->vocabulary, piece + n, 1);
  for (;;) {
    size_t best = n;
    double best_cost = INFINITY;
    int32_t best_id = -1;
    at = 0;
    for (size_t i = 0; i + 1 < n; at += sizes[i++]) {
      const int32_t id = vocabulary_find(bpe->vocabulary, piece + at, sizes[i] + sizes[i + 1]);
      double cost = INFINITY;
      if (bpe->merges) {
        for (size_t rank = 0; rank < bpe->merges->count; rank++)
          if (bpe->merges->items[rank].left == items[i] && bpe->merges->items[rank].right == items[i + 1])
            cost = (double)rank;
      } else if (id >= 0) {
        cost = -(double)bpe->scores[id];
      }
      if (cost < best_cost) best = i, best_cost = cost, best_id = id;
    }
    if (best == n) return n;
    items[best] = best_id;
    sizes[best] += sizes[best + 1];
    for (size_t i = best + 1; i + 1 < n; i++) items[i] = items[i + 1], sizes[i] = sizes[i + 1];
    n--;
  }
}

/* A vocabulary of random strings over "abc", its merges in random order, random scores with ties. */
static void test_merging(void) {
  enum { PIECES = 40, LONGEST = 60 };
  Rng rng = rng_new(seed);
  int wrong = 0, merged = 0;
  for (int round = 0; round < 300; round++) {
    Vocabulary v;
    Merges merges = {0};
    Error err = {0};
    float scores[PIECES];
    vocabulary_init(&v);
    vocabulary_set(&v, 0, "a", 1, TOKEN_NORMAL, &err), vocabulary_set(&v, 1, "b", 1, TOKEN_NORMAL, &err),
        vocabulary_set(&v, 2, "c", 1, TOKEN_NORMAL, &err);
    vocabulary_index(&v, &err);
    for (size_t id = 3; id < PIECES; id++) { /* two tokens joined */
      char text[256];
      const int32_t l = (int32_t)rng_below(&rng, id), r = (int32_t)rng_below(&rng, id);
      const size_t size = vocabulary_size(&v, l) + vocabulary_size(&v, r);
      if (size > sizeof text) break;
      memcpy(text, vocabulary_text(&v, l), vocabulary_size(&v, l));
      memcpy(text + vocabulary_size(&v, l), vocabulary_text(&v, r), vocabulary_size(&v, r));
      if (vocabulary_find(&v, text, size) >= 0) {
        id--;
        if (rng_below(&rng, 50) == 0) break;
        continue;
      }
      vocabulary_set(&v, id, text, size, TOKEN_NORMAL, &err);
      free(v.slots);
      vocabulary_index(&v, &err);
      merges_add(&merges, &v, vocabulary_text(&v, l), vocabulary_size(&v, l), vocabulary_text(&v, r),
                 vocabulary_size(&v, r), &err);
    }
    for (size_t id = 0; id < PIECES; id++) scores[id] = (float)rng_below(&rng, 12) / 4 - 1;
    for (size_t i = merges.count; i > 1; i--) {
      const size_t j = rng_below(&rng, i);
      const Merge swap = merges.items[j];
      merges.items[j] = merges.items[i - 1], merges.items[i - 1] = swap;
    }
    merges_index(&merges, &err);
    char piece[LONGEST];
    const size_t size = 1 + rng_below(&rng, LONGEST);
    for (size_t i = 0; i < size; i++) piece[i] = "aaabbc"[rng_below(&rng, 6)];
    for (int scored = 0; scored < 2; scored++) {
      const Bpe bpe = {.vocabulary = &v, .merges = scored ? NULL : &merges, .scores = scores, .by_characters = scored};
      int32_t items[LONGEST];
      size_t sizes[LONGEST];
      const size_t n = merge_slowly(&bpe, piece, size, items, sizes);
      BpeWork *work = bpe_work_new();
      for (int again = 0; again < 2; again++) { /* merged, then from the cache */
        const BpeResult result = bpe_encode(&bpe, work, piece, size);
        wrong += result.count != n || memcmp(result.items, items, n * sizeof *items) != 0;
      }
      merged += n < size;
      bpe_work_free(work);
    }
    vocabulary_clear(&v);
    merges_clear(&merges);
  }
  ok(wrong == 0 && merged > 400, "the heap merges as the definition does (seed %llu; %d of 600 pieces merged)",
     (unsigned long long)seed, merged);
}

static void test_byte_level(void) {
  const Tokenizer *t = byte_level;
  ok(strcmp(tokenizer_kind(t), "byte-level BPE, pre-tokenizer gpt-2") == 0 && tokenizer_vocab_size(t) == N_BYTE_LEVEL,
     "it says what it is");
  ok(IDS(t, "hello he", 0, HELLO, _HE), "words are merged");
  ok(IDS(t, "hell hel", 0, HELL, _HE, 'l'), "as far as the rules go");
  ok(IDS(t, "aaaaa", 0, AA, AAA), "the leftmost of equal merges goes first, and later rules see what it left");
  ok(IDS(t, "he12", 0, HE, TWELVE), "digits stay together under GPT-2's pattern");
  ok(IDS(t, "don't", 0, 'd', 'o', 'n', '\'', 't'), "letters and apostrophes");
  ok(IDS(t, "", 0), "an empty text has no tokens");
  ok(IDS(t, "x<|a|>bc", TOKENIZE_PARSE_SPECIAL, 'x', SPECIAL_AB, 'c'), "the longest special token wins");
  ok(IDS(t, "<|a|<|a|>", TOKENIZE_PARSE_SPECIAL, '<', '|', 'a', '|', SPECIAL_A), "a false start is text");
  ok(encodes(t, "x<|a|>", 5, TOKENIZE_PARSE_SPECIAL, 'x', '<', '|', 'a', '|', -1),
     "one that the text's end cuts off is text");
  ok(IDS(t, "<|a|>", 0, '<', '|', 'a', '|', '>'), "special tokens are text unless asked for");
  ok(IDS(t, "hewowll", 0, HE, WOW, LL), "a user's token is always one");
  ok(IDS(t,
         "\xff\xfe"
         "he\xc3",
         0, 0xff, 0xfe, HE, 0xc3),
     "bytes that are no UTF-8 are pieces of their own");
  ok(IDS(t, "a\0a", 0, 'a', 0, 'a'), "a zero byte is a byte");
}

static void test_smollm(void) {
  SmallTokenizer s;
  small_byte_level(&s);
  s.pre = "smollm", s.bos = SPECIAL_A, s.eos = WOW, s.add_bos = 1, s.add_eos = 1;
  Tokenizer *t = open_or_die(&s);
  ok(IDS(t, "he12 12", 0, HE, '1', '2', ' ', '1', '2'), "smollm: every digit alone");
  ok(IDS(t, "a", TOKENIZE_ADD_SPECIAL, SPECIAL_A, 'a', WOW) && IDS(t, "", TOKENIZE_ADD_SPECIAL, SPECIAL_A, WOW),
     "BOS and EOS where the file says so");
  ok(tokenizer_bos(t) == SPECIAL_A && tokenizer_eos(t) == WOW && tokenizer_pad(t) == -1 && tokenizer_unknown(t) == -1,
     "ids of named tokens");
  tokenizer_close(t);
}

#define MARK "\xe2\x96\x81"

static void test_sentencepiece(void) {
  const Tokenizer *t = sentencepiece;
  ok(strcmp(tokenizer_kind(t), "SentencePiece BPE, byte fallback") == 0, "it says what it is");
  ok(IDS(t, "hell", 0, S__HELL), "a blank is put in front, and merging is by score: he+ll, then the blank");
  ok(IDS(t, "hell he", TOKENIZE_ADD_SPECIAL, 1, S__HELL, S__HE), "BOS by default");
  ok(IDS(t, "  he", 0, S___, S__HE), "runs of blanks");
  ok(IDS(t, "\xc3\xa9\xc3\xa0", 0, S__, S_EACUTE, S_BYTE + 0xc3, S_BYTE + 0xa0),
     "a character without a token is its bytes");
  ok(IDS(t, "\xff\xc3", 0, S__, S_BYTE + 0xff, S_BYTE + 0xc3), "and so is what is no UTF-8");
  ok(IDS(t, "he</s>he", TOKENIZE_PARSE_SPECIAL, S__HE, 2, S__HE), "behind a special token text begins anew");
  ok(IDS(t, "", TOKENIZE_ADD_SPECIAL, 1), "an empty text has no blank in front");
  ok(IDS(t, "<0x41>", 0, S__, S_BYTE + '<', S_BYTE + '0', S_BYTE + 'x', S_BYTE + '4', S_BYTE + '1', S_BYTE + '>'),
     "a byte token's name is text");
  SmallTokenizer s;
  small_sentencepiece(&s);
  small_add(&s, "a" MARK "a", NORMAL, 5);
  small_add(&s, "a" MARK, NORMAL, 6);
  s.add_space_prefix = 0, s.add_bos = 0;
  Tokenizer *other = open_or_die(&s);
  ok(IDS(other, "a ahe", TOKENIZE_ADD_SPECIAL, N_SENTENCEPIECE, S_HE),
     "tokens across blanks, no blank in front, no BOS");
  tokenizer_close(other);
  for (size_t i = 0; i < 256; i++) s.tokens[S_BYTE + i] = (SmallToken){s.names[i], UNUSED, 0};
  other = open_or_die(&s);
  ok(IDS(other, "he\xc3\xa0z", 0, S_HE, 0, 0), "without byte tokens the unknown token stands in");
  tokenizer_close(other);
}

/* Random bytes: some from the vocabulary's words, some any Unicode, some any byte. */
static size_t random_text(Rng *rng, char *text, size_t room, bool marks) {
  static const char *const words[] = {"hello", " he",   "ll",   "12",       "aaaa",   "  ",  "\n",
                                      "wow",   "<|a|>", "</s>", "\xc3\xa9", "<0x41>", "it's"};
  size_t n = 0;
  const size_t size = rng_below(rng, room - 8);
  while (n < size) {
    char code[8];
    const uint64_t kind = rng_below(rng, 4);
    const char *what = code;
    size_t length = 1;
    if (kind == 0) {
      code[0] = (char)rng_below(rng, 256);
    } else if (kind == 1) {
      const uint32_t c = (uint32_t)rng_below(rng, 0x110000 >> rng_below(rng, 16));
      length = utf8_encode(c >= 0xd800 && c < 0xe000 ? 0x20ac : c, code);
    } else {
      what = words[rng_below(rng, sizeof words / sizeof words[0])];
      length = strlen(what);
    }
    memcpy(text + n, what, length);
    n += length;
  }
  for (size_t i = 0; !marks && i + 3 <= n; i++)
    if (memcmp(text + i, MARK, 3) == 0) text[i] = '?';
  return n;
}

static void test_there_and_back(const Tokenizer *t, const char *name, bool marks) {
  Rng rng = rng_new(seed + 1);
  int wrong = 0, misplaced = 0;
  for (int round = 0; round < 3000; round++) {
    char text[200], *back;
    size_t back_size, token;
    Error err = {0};
    TokenList tokens = {0};
    const size_t size = random_text(&rng, text, sizeof text, marks);
    const unsigned flags = rng_below(&rng, 2) ? TOKENIZE_PARSE_SPECIAL : 0;
    const size_t byte = rng_below(&rng, size + 2);
    if (tokenizer_encode_at(t, text, size, flags, byte, &tokens, &token, &err) != STATUS_OK)
      printf("# %s\n", err.text), wrong++;
    if (tokenizer_decode(t, tokens.ids, tokens.count, &back, &back_size, &err) != STATUS_OK)
      printf("# %s\n", err.text), wrong++;
    if (back_size != size || memcmp(back, text, size) != 0) wrong++;
    free(back);
    /* What stands before the token does not reach the byte; with the token it does. */
    if (byte >= size) misplaced += token != tokens.count;
    if (byte < size) {
      size_t before = 0, with = 0;
      misplaced += token >= tokens.count;
      tokenizer_decode(t, tokens.ids, token, &back, &before, &err), free(back);
      tokenizer_decode(t, tokens.ids, token + 1, &back, &with, &err), free(back);
      misplaced += before > byte || with <= byte;
    }
    token_list_clear(&tokens);
  }
  ok(wrong == 0, "%s: any bytes come back (seed %llu)", name, (unsigned long long)seed + 1);
  ok(misplaced == 0, "%s: the token that covers a byte is found", name);
}

static void test_offset_with_bos(void) {
  size_t token = 99;
  TokenList tokens = {0};
  Error err = {0};
  token_list_add(&tokens, 7);
  ok(tokenizer_encode_at(sentencepiece, "he he", 5, TOKENIZE_ADD_SPECIAL, 2, &tokens, &token, &err) == STATUS_OK &&
         token == 2 && tokens.count == 4 && tokens.ids[0] == 7 && tokens.ids[1] == 1,
     "ids are appended; the index counts BOS, not what was there");
  token_list_clear(&tokens);
}

static void test_threads(void) {
  enum { TEXTS = 64 };
  Rng rng = rng_new(seed + 2);
  char *texts = mem_alloc(TEXTS, 500);
  size_t sizes[TEXTS];
  TokenList one[TEXTS] = {{0}}, many[TEXTS] = {{0}};
  for (size_t i = 0; i < TEXTS; i++) sizes[i] = random_text(&rng, texts + 500 * i, 500, true);
  for (size_t i = 0; i < TEXTS; i++) tokenizer_encode(byte_level, texts + 500 * i, sizes[i], 0, &one[i], NULL);
#pragma omp parallel for num_threads(4)
  for (size_t i = 0; i < TEXTS; i++) tokenizer_encode(byte_level, texts + 500 * i, sizes[i], 0, &many[i], NULL);
  int wrong = 0;
  for (size_t i = 0; i < TEXTS; i++) {
    wrong += one[i].count != many[i].count ||
             (one[i].count && memcmp(one[i].ids, many[i].ids, one[i].count * sizeof(int32_t)) != 0);
    token_list_clear(&one[i]), token_list_clear(&many[i]);
  }
  ok(wrong == 0, "threads may share a tokenizer");
  free(texts);
}

/* Scratch and cache go from one text to the next: a tokenizer that has seen others gives what a new one gives. */
static void test_kept_work(void) {
  enum { TEXTS = 100, LONG = 3 << 19 };
  Rng rng = rng_new(seed + 3);
  SmallTokenizer s[2];
  Tokenizer *used[2] = {byte_level, sentencepiece};
  char text[500], *longest = mem_alloc(LONG, 1);
  int wrong = 0;
  small_byte_level(&s[0]), small_sentencepiece(&s[1]);
  memset(longest, 'h', LONG);
  for (int kind = 0; kind < 2; kind++)
    for (int i = 0; i < TEXTS; i++) {
      TokenList ids[2] = {{0}};
      Tokenizer *fresh = open_or_die(&s[kind]);
      const size_t size = random_text(&rng, text, sizeof text, true);
      wrong += tokenizer_encode(fresh, text, size, 0, &ids[0], NULL) != STATUS_OK;
      if (i % 25 == 0) wrong += tokenizer_encode(used[kind], longest, LONG, 0, &ids[1], NULL) != STATUS_OK;
      ids[1].count = 0;
      wrong += tokenizer_encode(used[kind], text, size, 0, &ids[1], NULL) != STATUS_OK || ids[0].count != ids[1].count ||
               (ids[0].count && memcmp(ids[0].ids, ids[1].ids, ids[0].count * sizeof(int32_t)) != 0);
      token_list_clear(&ids[0]), token_list_clear(&ids[1]);
      tokenizer_close(fresh);
    }
  ok(wrong == 0, "what a tokenizer has read before changes nothing, seed %llu", (unsigned long long)seed);
  free(longest);
}

static void test_refusals(void) {
  Error err = {0};
  char *text;
  size_t size;
  ok(tokenizer_decode(byte_level, (const int32_t[]){1, N_BYTE_LEVEL}, 2, &text, &size, &err) == STATUS_DATA && !text &&
         strcmp(err.text, "token id 267 is not in the vocabulary of 267") == 0,
     "an id too high: %s", err.text);
  ok(tokenizer_decode(byte_level, (const int32_t[]){-1}, 1, &text, &size, &err) == STATUS_DATA &&
         strcmp(err.text, "token id -1 is not in the vocabulary of 267") == 0,
     "an id too low");
  SmallTokenizer s;
  small_byte_level(&s);
  s.tokens['q'].type = UNUSED;
  Tokenizer *t = open_or_die(&s);
  TokenList tokens = {0};
  size_t token;
  s.tokens[0xff].type = UNUSED;
  tokenizer_close(t);
  t = open_or_die(&s);
  ok(IDS(t, "aqq hqe", 0, 'a', _HE), "text loses a byte without a token, and its neighbours merge, as in HF");
  for (size_t byte = 0; byte < 7; byte++) {
    static const size_t expected[] = {0, 1, 1, 1, 1, 1, 1};
    tokens.count = 0;
    ok(tokenizer_encode_at(t, "aqq hqe", 7, 0, byte, &tokens, &token, &err) == STATUS_OK && token == expected[byte],
       "the first token at or behind byte %zu is %zu", byte, token);
  }
  ok(tokenizer_encode(t, "a\xff", 2, 0, &tokens, &err) == STATUS_DATA &&
         strcmp(err.text, "the vocabulary has no token for the byte 0xFF") == 0,
     "outside text it is refused: %s", err.text);
  token_list_clear(&tokens);
  tokenizer_close(t);
}

int main(void) {
  SmallTokenizer s;
  if (getenv("FATHOM_SEED")) seed = strtoull(getenv("FATHOM_SEED"), NULL, 10);
  if (!mkdtemp(folder)) return 99;
  small_byte_level(&s);
  byte_level = open_or_die(&s);
  small_sentencepiece(&s);
  sentencepiece = open_or_die(&s);
  test_merging();
  test_byte_level();
  test_smollm();
  test_sentencepiece();
  test_there_and_back(byte_level, "byte-level", true);
  test_there_and_back(sentencepiece, "SentencePiece", false);
  test_offset_with_bos();
  test_threads();
  test_kept_work();
  test_refusals();
  tokenizer_close(byte_level);
  tokenizer_close(sentencepiece);
  rmdir(folder);
  return tap_end();
}
