/* MWLR against its definition and its identity, joined vocabularies, continuations of a text, and running means. */
#include "base/rng.h"
#include "num/logsumexp.h"
#include "num/statistics.h"
#include "probes/values/means.h"
#include "probes/values/mwlr.h"
#include "tests/small_tokenizer.h"
#include "tests/tap.h"
#include "text/chat/continuation.h"
#include "text/tokenizer/joined_vocabulary.h"

#include <float.h>
#include <time.h>

static char folder[] = "/tmp/fathom-mwlr.XXXXXX";

/* --- numbers --- */

static void test_log_sum_exp(void) {
  const real small[] = {0.5f, -1.25f, 2.385f}, large[] = {1000, 1001, 999}, bad[] = {1, NAN, 2},
             infinite[] = {1, INFINITY};
  ok(is_close(log_sum_exp(3, small), log(exp(0.5) + exp(-1.25) + exp((double)2.385f)), 1e-14, 0), "log sum exp");
  ok(is_close(log_sum_exp(3, large), 1000 + log(1 + exp(1) + exp(-1)), 1e-14, 0), "of large logits");
  ok(isnan(log_sum_exp(3, bad)) && isnan(log_sum_exp(2, infinite)), "NaN and infinity give NaN");
  ok(is_close(log_add_exp(-800.5, -801.25), -800.5 + log1p(exp(-0.75)), 1e-14, 0), "log add exp");
}

/* Every length up to a few registers, of logits of every size, against long double. */
static void test_random_log_sum_exp(uint64_t seed) {
  enum { MOST = 70 };
  Rng rng = rng_new(seed);
  real x[MOST];
  double worst = 0;
  bool near = true, seen = true;
  for (size_t v = 1; v <= MOST; v++) {
    const double scale = pow(10, 5 * rng_uniform(&rng) - 2);
    long double sum = 0;
    for (size_t i = 0; i < v; i++) x[i] = (real)(scale * rng_normal(&rng));
    for (size_t i = 0; i < v; i++) sum += expl((long double)x[i] - (long double)x[0]);
    const double expected = (double)((long double)x[0] + logl(sum));
    const double off = fabs(log_sum_exp(v, x) - expected) / fmax(1, fabs(expected));
    near = near && off <= 4 * DBL_EPSILON;
    worst = off > worst ? off : worst;
    const size_t at = (size_t)(rng_uniform(&rng) * (double)v);
    const real bad[] = {NAN, INFINITY, -INFINITY};
    for (int i = 0; i < 3; i++) {
      x[at] = bad[i];
      seen = seen && isnan(log_sum_exp(v, x));
    }
  }
  ok(near, "log sum exp of 1 to %d values, to rounding: %.1e", MOST, worst);
  ok(seen, "wherever a value is not finite, there is none");
}

static void test_by_hand(void) {
  const double p1[] = {0.5, 0.3, 0.2}, p2[] = {0.2, 0.5, 0.3};
  double log_p1[3], log_p2[3], mwlr[3], sum = 0;
  bool same = true;
  for (int i = 0; i < 3; i++) log_p1[i] = log(p1[i]), log_p2[i] = log(p2[i]);
  const double total = mwlr_compute(3, log_p1, log_p2, mwlr);
  for (int i = 0; i < 3; i++) {
    const double expected = (p1[i] + p2[i]) / 2 * log(p2[i] / p1[i]);
    same = same && is_close(mwlr[i], expected, 8 * DBL_EPSILON, 0);
    sum += expected;
  }
  ok(same && is_close(total, sum, 0, 8 * DBL_EPSILON), "MWLR of three tokens is its definition: %.6f", total);
}

/* Rounding of a sum of n doubles whose sizes add up to `sizes`: each addition is off by half an epsilon of what it adds
 * to, and each term by a few in itself. */
static double rounding(int n, double sizes) { return (n + 8) * DBL_EPSILON * sizes; }

/* Random logits of two models with different vocabularies over the same strings: model 1 has one id a string, model 2
 * spells every fifth string twice. */
static void test_identity(uint64_t seed) {
  enum { N = 500, V2 = N + N / 5 };
  Rng rng = rng_new(seed);
  real logits1[N], logits2[V2];
  int32_t strings1[N], strings2[V2];
  double log_p1[N], log_p2[N], largest[N], mwlr[N];
  for (int i = 0; i < N; i++) logits1[i] = (real)(3 * rng_normal(&rng)), strings1[i] = i;
  for (int i = 0; i < V2; i++) logits2[i] = (real)(3 * rng_normal(&rng)), strings2[i] = i < N ? i : 5 * (i - N);
  const double mass1 = mwlr_gather(N, logits1, strings1, MWLR_SUM, N, log_p1),
               mass2 = mwlr_gather(V2, logits2, strings2, MWLR_SUM, N, log_p2);
  ok(is_close(mass1, 1, 0, rounding(N, 1)) && is_close(mass2, 1, 0, rounding(V2, 1)),
     "all of both distributions lies on the strings");
  const double sum = mwlr_compute(N, log_p1, log_p2, mwlr), kl21 = kl_divergence(N, log_p2, log_p1),
               kl12 = kl_divergence(N, log_p1, log_p2);
  double sizes = 0;
  for (int i = 0; i < N; i++) sizes += fabs(mwlr[i]);
  ok(kl21 > 0.1 && kl12 > 0.1 && is_close(sum, 0.5 * (kl21 - kl12), 0, rounding(N, sizes)),
     "the sum of MWLR is half the difference of the divergences: %.6f", sum);
  const double again = mwlr_gather(V2, logits2, strings2, MWLR_MAX, N, largest);
  bool less = true;
  for (int i = 0; i < N; i++) {
    const double a = (double)logits2[i], b = i % 5 ? -INFINITY : (double)logits2[N + i / 5];
    const double normaliser = log_sum_exp(V2, logits2);
    const double size = 16 * DBL_EPSILON * (fabs(a) + fabs(normaliser));
    less = less && is_close(largest[i], fmax(a, b) - normaliser, 0, size) &&
           is_close(log_p2[i], i % 5 ? a - normaliser : log_add_exp(a, b) - normaliser, 0, size);
  }
  ok(less && is_close(again, 1, 0, rounding(V2, 1)),
     "duplicates sum, or their largest counts; the mass is that of all ids");
  for (int i = 0; i < V2; i += 2) strings2[i] = -1;
  double part = 0;
  for (int i = 1; i < V2; i += 2) part += exp((double)logits2[i] - log_sum_exp(V2, logits2));
  ok(is_close(mwlr_gather(V2, logits2, strings2, MWLR_SUM, N, log_p2), part, 0, rounding(V2, 1)) &&
         log_p2[2] == -INFINITY,
     "ids without a string keep their share of the softmax");
  logits2[7] = NAN;
  ok(isnan(mwlr_gather(V2, logits2, strings2, MWLR_SUM, N, log_p2)), "a NaN among the logits is seen");
}

static void test_means(void) {
  const double values[4][2] = {{1e6 + 1, -2.5}, {1e6 + 2, 0}, {1e6 + 4, 3}, {1e6 + 8, 2.385}};
  Means m;
  Error err = {0};
  ok(means_init(&m, 2, &err) == STATUS_OK && isnan(means_at(&m, 0).mean), "no prompt, no mean");
  means_add(&m, values[0]);
  ok(means_at(&m, 1).mean == -2.5 && isnan(means_at(&m, 1).lo) && isnan(means_at(&m, 1).hi),
     "one prompt: a mean without an interval");
  for (int i = 1; i < 4; i++) means_add(&m, values[i]);
  double squares = 0;
  for (int i = 0; i < 4; i++) squares += pow(values[i][0] - 1e6 - 3.75, 2);
  const double half = student_quantile(0.975, 3) * sqrt(squares / 3 / 4);
  const MeanInterval found = means_at(&m, 0);
  ok(is_close(found.mean, 1e6 + 3.75, 1e-15, 0) && is_close(found.hi - found.mean, half, 1e-8, 0) &&
         is_close(found.mean - found.lo, half, 1e-8, 0),
     "Student's interval of four values far from 0");
  means_clear(&m);
}

/* --- vocabularies --- */

static int32_t string_of(const JoinedVocabulary *j, const char *text) {
  for (size_t i = 0; i < j->n; i++)
    if (j->sizes[i] == strlen(text) && memcmp(j->strings[i], text, j->sizes[i]) == 0) return (int32_t)i;
  return -1;
}

static void test_join(void) {
  SmallTokenizer a, b;
  Status status;
  Error err = {0};
  JoinedVocabulary j;
  small_byte_level(&a);
  small_sentencepiece(&b);
  small_add(&b, "<|a|>", NORMAL, -90); /* spelt like a special token of the other */
  Tokenizer *first = open_small(folder, &a, &status, &err), *second = open_small(folder, &b, &status, &err);
  if (!ok(first && second, "two tokenizers: %s", err.text)) return;
  vocabulary_join(first, second, false, &j);
  const int32_t he = string_of(&j, " he"), letter = string_of(&j, "h"), newline = string_of(&j, "\n"),
                high = string_of(&j, "\xff");
  ok(he >= 0 && j.of_token[0][_HE] == he && j.of_token[1][S__HE] == he, "a token with its blank is shared");
  ok(letter >= 0 && j.of_token[1][S_H] == letter && j.of_token[1][S_BYTE + 'h'] == letter &&
         j.of_token[0]['h'] == letter,
     "a letter and its byte token spell the same string");
  ok(newline >= 0 && j.of_token[0]['\n'] == newline && j.of_token[1][S_BYTE + '\n'] == newline && high >= 0,
     "bytes are shared, also those that are no UTF-8");
  ok(string_of(&j, "12") < 0 && j.of_token[0][TWELVE] == -1 && j.of_token[1][S___] == -1, "what one lacks is not");
  ok(string_of(&j, "<|a|>") < 0, "a special token is not the text that spells it");
  ok(j.n == 256 + 5 && j.n_tokens[0] == j.n && j.n_tokens[1] == 256 + 5 + 6, "%zu strings, %zu and %zu tokens", j.n,
     j.n_tokens[0], j.n_tokens[1]);
  joined_vocabulary_clear(&j);
  vocabulary_join(first, second, true, &j);
  const int32_t folded = string_of(&j, "he"), blank = string_of(&j, " ");
  ok(folded >= 0 && j.of_token[0][_HE] == folded && j.of_token[0][HE] == folded && j.of_token[1][S__HE] == folded &&
         string_of(&j, " he") < 0 && j.of_token[1][S__HELL] == j.of_token[0][HELL],
     "without the blanks in front they are one");
  ok(blank >= 0 && j.of_token[1][S__] == blank && j.of_token[1][S_BYTE + ' '] == blank && j.of_token[1][S___] == -1,
     "but a blank alone stays what it is");
  joined_vocabulary_clear(&j);
  vocabulary_join(first, first, false, &j);
  ok(j.n == N_BYTE_LEVEL && j.n_tokens[0] == N_BYTE_LEVEL && j.n_tokens[1] == N_BYTE_LEVEL,
     "a vocabulary is all of itself");
  joined_vocabulary_clear(&j);
  tokenizer_close(first);
  tokenizer_close(second);
}

/* --- continuations --- */

/* text behind a plain prompt becomes these ids (ended by -1). */
static void continues(const Tokenizer *t, const char *prompt, const char *text, const int *expected, bool expect_merge,
                      const char *what) {
  Error err = {0};
  QuestionSet set = {0};
  Asked asked = {0};
  ChatTemplate *chat = NULL;
  TokenList found = {0};
  bool merges = false;
  Status status = questions_from_text(prompt, &set, &err);
  if (status == STATUS_OK) status = chat_open("none", NULL, t, &chat, &err);
  if (status == STATUS_OK) status = question_ask(&set.items[0], chat, t, &asked, &err);
  if (status == STATUS_OK) status = continuation_encode(&asked, chat, t, text, &found, &merges, &err);
  size_t n = 0;
  while (expected[n] >= 0) n++;
  bool same = status == STATUS_OK && found.count == n && merges == expect_merge;
  for (size_t i = 0; i < n && same; i++) same = found.ids[i] == expected[i];
  ok(same, "%s%s%s", what, err.text[0] ? ": " : "", err.text);
  token_list_clear(&found);
  asked_clear(&asked);
  chat_close(chat);
  questions_clear(&set);
}

static void test_continuations(void) {
  SmallTokenizer s;
  Status status;
  Error err = {0};
  small_byte_level(&s);
  s.eos = SPECIAL_AB, s.add_eos = 1;
  Tokenizer *t = open_small(folder, &s, &status, &err);
  if (!ok(t, "a byte-level tokenizer that adds EOS: %s", err.text)) return;
  continues(t, "x?", " hello", (const int[]){' ', HELLO, -1}, false, "a word behind a question, without the EOS");
  continues(t, "x?", "hello", (const int[]){HELLO, -1}, false, "without a blank it is another token");
  continues(t, "xa", "aa", (const int[]){AA, -1}, true, "a word that would merge with the prompt keeps its own tokens");
  tokenizer_close(t);

  small_sentencepiece(&s);
  t = open_small(folder, &s, &status, &err);
  if (!ok(t, "a SentencePiece tokenizer: %s", err.text)) return;
  continues(t, "ol", " hello", (const int[]){S__HELL, S_O, -1}, false, "SentencePiece: a word with its blank");
  continues(t, "ol", "a", (const int[]){S_A, -1}, false, "and one without: no blank is put in front of it");
  continues(t, "la", "a", (const int[]){S_A, -1}, true, "nor of one that would merge with the prompt");
  tokenizer_close(t);
}

/* A template opens an answer with these texts behind its generation prompt, the question being "x". */
static void opens_answer(const char *template, const char *text, size_t opening, const char *separator,
                         bool is_continued, const char *what) {
  SmallTokenizer s;
  Status status;
  Error err = {0};
  ChatTemplate *chat = NULL;
  QuestionSet set = {0};
  Asked asked = {0};
  small_byte_level(&s);
  s.chat_template = template;
  s.eos = SPECIAL_AB;
  Tokenizer *t = open_small(folder, &s, &status, &err);
  if (t) status = chat_open("auto", NULL, t, &chat, &err);
  if (chat) status = questions_from_text("x", &set, &err);
  if (chat && status == STATUS_OK) status = question_ask(&set.items[0], chat, t, &asked, &err);
  if (!text) {
    ok(status == STATUS_DATA && strstr(err.text, separator), "%s: %s", what, err.text);
  } else {
    ok(chat && status == STATUS_OK && strcmp(asked.text, text) == 0 && strcmp(asked.separator, separator) == 0 &&
           asked.opening == opening && asked.is_continued == is_continued,
       "%s%s%s", what, err.text[0] ? ": " : "", err.text);
  }
  asked_clear(&asked);
  questions_clear(&set);
  chat_close(chat);
  tokenizer_close(t);
}

#define TURNS(user, assistant, prompt)                                                                                 \
  "{% for m in messages %}{% if m.role == 'user' %}{{ " user " }}{% else %}{{ " assistant " }}{% endif %}{% endfor %}" \
  "{% if add_generation_prompt %}{{ " prompt " }}{% endif %}"

static void test_openings(void) {
  opens_answer(TURNS("m.content + '|'", "'A:' + m.content", "'A:'"), "x|A:", 0, "", true,
               "nothing behind the generation prompt");
  opens_answer(TURNS("'[' + m.content + ']'", "' ' + m.content | trim + ' ' + eos_token", "''"), "[x]", 0, " ", true,
               "a blank before the answer, which the template trims");
  opens_answer(TURNS("m.content + '|'", "'A:' + m.content", "''"), "x|A:", 2, "", true,
               "no generation prompt: the turn's header");
  opens_answer(TURNS("m.content + '|'", "'A:<t>\n\n</t>\n\n' + m.content", "'A:'"), "x|A:<t>\n\n</t>\n\n", 11, "", true,
               "an empty thought");
  opens_answer(TURNS("m.content + '|'", "'A:' + m.content", "'A:<t>\n'"), "x|A:<t>\n", 0, "", false,
               "an answer that is written otherwise than its generation prompt begins one");
  opens_answer(TURNS("m.content", "'A:' + m.content + m.content", "'A:'"), NULL, 0,
               "does not write the assistant's turn once", false, "an answer that is written twice");
}

/* What is written behind an answer, ended by -1, and what of it ends the turn. */
static void ends_turn(const char *template, const char *choice, bool has_eos, const int *expected, int end,
                      const char *what) {
  SmallTokenizer s;
  Status status;
  Error err = {0};
  ChatTemplate *chat = NULL;
  TurnEnd found = {0};
  small_byte_level(&s);
  s.chat_template = template;
  s.eos = has_eos ? SPECIAL_AB : -1;
  Tokenizer *t = open_small(folder, &s, &status, &err);
  if (t) status = chat_open(choice, NULL, t, &chat, &err);
  if (chat) status = turn_end_find(chat, t, &found, &err);
  size_t n = 0;
  while (expected[n] >= 0) n++;
  bool same = chat && status == STATUS_OK && found.tail.count == n && found.token == end;
  for (size_t i = 0; i < n && same; i++) same = found.tail.ids[i] == expected[i];
  ok(same, "%s%s%s", what, err.text[0] ? ": " : "", err.text);
  turn_end_clear(&found);
  chat_close(chat);
  tokenizer_close(t);
}

static void test_turns(void) {
  ends_turn("{% for m in messages %}{{ '<' + m.content + '<|a|>\n' }}{% endfor %}", "auto", true,
            (const int[]){SPECIAL_A, '\n', -1}, SPECIAL_A, "what the template writes behind an answer ends the turn");
  ends_turn("{% for m in messages %}{{ '<' + m.content + ' <|a|>\n' }}{% endfor %}", "auto", true,
            (const int[]){' ', SPECIAL_A, '\n', -1}, SPECIAL_A, "a blank before it does not");
  ends_turn("{% for m in messages %}{{ '<' + m.content + '\n\n' }}{% endfor %}", "auto", true,
            (const int[]){'\n', '\n', -1}, SPECIAL_AB, "nor does a newline, which is text: EOS");
  ends_turn("{% for m in messages %}{{ '<' + m.content }}{% endfor %}", "auto", true, (const int[]){-1}, SPECIAL_AB,
            "a template that writes nothing there: EOS");
  ends_turn("{% for m in messages %}{{ '<' + m.content + '\n' }}{% endfor %}", "auto", false, (const int[]){'\n', -1},
            -1, "nor EOS: nothing ends it");
  ends_turn(NULL, "none", true, (const int[]){SPECIAL_AB, -1}, SPECIAL_AB, "plain text: EOS");
  ends_turn(NULL, "none", false, (const int[]){-1}, -1, "plain text of a model without EOS: nothing");
}

int main(void) {
  const uint64_t seed = getenv("FATHOM_SEED") ? strtoull(getenv("FATHOM_SEED"), NULL, 10) : (uint64_t)time(NULL);
  if (!mkdtemp(folder)) return 99;
  printf("# seed %llu\n", (unsigned long long)seed);
  test_log_sum_exp();
  test_random_log_sum_exp(seed);
  test_by_hand();
  test_identity(seed);
  test_means();
  test_join();
  test_continuations();
  test_openings();
  test_turns();
  rmdir(folder);
  return tap_end();
}
