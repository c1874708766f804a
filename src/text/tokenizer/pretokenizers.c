/* The table of names. Patterns are those of the models' own tokenizer.json files where these are public (llama.cpp,
 * which gives the names, approximates some of them), else llama.cpp's. */
#include "text/tokenizer/pretokenizers.h"

#include "base/memory.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char as_bytes[] = "each byte as its character";

/* OpenAI's cl100k and its kin: contractions, words, numbers, signs, line ends, blanks. */
#define CONTRACTIONS "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
#define WORD "[^\\r\\n\\p{L}\\p{N}]?\\p{L}+"
#define SIGNS " ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*"
#define BLANKS "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+"
#define CL100K CONTRACTIONS "|" WORD "|\\p{N}{1,3}|" SIGNS "|" BLANKS
#define CL100K_DIGITS CONTRACTIONS "|" WORD "|\\p{N}|" SIGNS "|" BLANKS
#define CL100K_NUMBERS CONTRACTIONS "|" WORD "|\\p{N}+|" SIGNS "|" BLANKS
#define CL100K_MARKS                                                                                                   \
  CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?[\\p{L}\\p{M}]+|\\p{N}| ?[^\\s\\p{L}\\p{M}\\p{N}]+[\\r\\n]*|" BLANKS
#define CL100K_HALVED                                                                                                  \
  CONTRACTIONS "|" WORD "|\\p{N}{1,3}|" SIGNS "|\\s*[\\r\\n]+|\\s{512}(?!\\S)|\\s{256}(?!\\S)|\\s{128}(?!\\S)|"        \
               "\\s{64}(?!\\S)|\\s{32}(?!\\S)|\\s{16}(?!\\S)|\\s{8}(?!\\S)|\\s{4}(?!\\S)|\\s{1,2}(?!\\S)|\\s{1}"
#define BAILING                                                                                                        \
  "'(?i:[sdmt]|ll|ve|re)|[^\\r\\n\\p{L}\\p{N}]?+\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]++[\\r\\n]*|\\s*[\\r\\n]|"          \
  "\\s+(?!\\S)|\\s+"
#define SEED_CODER CONTRACTIONS "|" WORD "|\\p{N}{1}| ?[^\\s\\p{L}\\p{N}\\r\\n]+|" BLANKS
#define EXAONE_MOE                                                                                                     \
  CONTRACTIONS "|[^\\r\\n\\p{L}\\p{N}]?(?:\\p{L}\\p{M}*(?: \\p{L}\\p{M}*)*)+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]?|"  \
               "\\s*[\\r\\n]|\\s+(?!\\S)|\\s+"

/* o200k and its kin: a word changes case at most once. */
#define UPPER "[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]"
#define LOWER "[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]"
#define LEAD "[^\\r\\n\\p{L}\\p{N}]?"
#define O200K_END "| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|" BLANKS
#define O200K LEAD UPPER "*" LOWER "+" CONTRACTIONS "?|" LEAD UPPER "+" LOWER "*" CONTRACTIONS "?|\\p{N}{1,3}" O200K_END
#define TEKKEN LEAD UPPER "*" LOWER "+|" LEAD UPPER "+" LOWER "*|\\p{N}" O200K_END
#define NO_HAN(class) "(?:(?!\\p{Han})" class ")"
#define KIMI                                                                                                           \
  "\\p{Han}+|" LEAD NO_HAN(UPPER) "*" NO_HAN(LOWER) "+" CONTRACTIONS "?|" LEAD NO_HAN(UPPER) "+" NO_HAN(               \
      LOWER) "*" CONTRACTIONS "?|\\p{N}{1,3}|" SIGNS "|" BLANKS

/* DeepSeek: the letters are those with an upper and a lower case. */
#define DEEPSEEK_LETTERS                                                                                               \
  "\\s?[A-Za-z\\x{b5}\\x{c0}-\\x{d6}\\x{d8}-\\x{f6}\\x{f8}-\\x{1ba}\\x{1bc}-\\x{1bf}\\x{1c4}-\\x{293}"                 \
  "\\x{295}-\\x{2af}\\x{370}-\\x{373}\\x{376}\\x{377}\\x{37b}-\\x{37d}\\x{37f}\\x{386}\\x{388}-\\x{38a}\\x{38c}"       \
  "\\x{38e}-\\x{3a1}\\x{3a3}-\\x{3f5}\\x{3f7}-\\x{481}\\x{48a}-\\x{52f}\\x{531}-\\x{556}\\x{10a0}-\\x{10c5}"           \
  "\\x{13a0}-\\x{13f5}\\x{13f8}-\\x{13fd}\\x{1c90}-\\x{1cba}\\x{1cbd}-\\x{1cbf}\\x{1d00}-\\x{1d2b}"                    \
  "\\x{1d6b}-\\x{1d77}\\x{1d79}-\\x{1d9a}\\x{1e00}-\\x{1f15}\\x{1f18}-\\x{1f1d}\\x{1f20}-\\x{1f45}"                    \
  "\\x{1f48}-\\x{1f4d}\\x{1f50}-\\x{1f57}\\x{1f59}\\x{1f5b}\\x{1f5d}\\x{1f5f}-\\x{1f7d}\\x{1f80}-\\x{1fb4}"            \
  "\\x{1fb6}-\\x{1fbc}\\x{1fbe}\\x{1fc2}-\\x{1fc4}\\x{1fc6}-\\x{1fcc}\\x{1fd0}-\\x{1fd3}\\x{1fd6}-\\x{1fdb}"           \
  "\\x{1fe0}-\\x{1fec}\\x{1ff2}-\\x{1ff4}\\x{1ff6}-\\x{1ffc}\\x{2102}\\x{2107}\\x{210a}-\\x{2113}\\x{2115}"            \
  "\\x{2119}-\\x{211d}\\x{2124}\\x{2126}\\x{2128}\\x{212a}-\\x{212d}\\x{212f}-\\x{2134}\\x{2139}\\x{213c}-\\x{213f}"   \
  "\\x{2145}-\\x{2149}\\x{214e}\\x{2183}\\x{2184}\\x{2c00}-\\x{2c7b}\\x{2c7e}-\\x{2ce4}\\x{2ceb}-\\x{2cee}\\x{2cf2}"   \
  "\\x{2cf3}\\x{a640}-\\x{a66d}\\x{a680}-\\x{a69b}\\x{a722}-\\x{a76f}\\x{a771}-\\x{a787}\\x{a78b}-\\x{a78e}"           \
  "\\x{ab70}-\\x{abbf}\\x{fb00}-\\x{fb06}\\x{fb13}-\\x{fb17}\\x{ff21}-\\x{ff3a}\\x{ff41}-\\x{ff5a}"                    \
  "\\x{10400}-\\x{1044f}\\x{104b0}-\\x{104d3}\\x{104d8}-\\x{104fb}\\x{10c80}-\\x{10cb2}\\x{10cc0}-\\x{10cf2}"          \
  "\\x{118a0}-\\x{118df}\\x{1e900}-\\x{1e943}]+"
#define DEEPSEEK_SIGNS "\\s?[!-/:-~\\x{ff01}-\\x{ff0f}\\x{ff1a}-\\x{ff5e}\\x{2018}-\\x{201f}\\x{3000}-\\x{3002}]+"
#define DEEPSEEK_CJK "[\\x{4e00}-\\x{9fa5}\\x{800}-\\x{4e00}\\x{ac00}-\\x{d7ff}]+"
#define DEEPSEEK3_CJK "[\xe4\xb8\x80-\xe9\xbe\xa5\xe3\x81\x80-\xe3\x82\x9f\xe3\x82\xa0-\xe3\x83\xbf]+"
#define DEEPSEEK3_WORDS                                                                                                \
  "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+|[^\r\n\\p{L}\\p{P}\\p{S}]?[\\p{L}\\p{M}]+|"                   \
  " ?[\\p{P}\\p{S}]+[\r\n]*|\\s*[\r\n]+|\\s+(?!\\S)|\\s+"

#define BLOOM " ?[^(\\s|.,!?\\x{2026}\\x{3002}\\x{ff0c}\\x{3001}\\x{964}\\x{6d4}\\x{60c})]+"

/* smollm: decimal digits stand alone. llama.cpp and HF's Digits part every number character, U+00BD too; the reference
 * ids that tests/tokenizers.sh compares with keep it with the blank before it. */
static const PretokenizerRow rows[] = {
    {.names = "gpt-2 phi-2 jais trillion gigachat a.x-4.0 mellum exaone4 granite-docling", .cuts = {PATTERN_GPT2}},
    {.names = "olmo mpt", .cuts = {PATTERN_GPT2}, .nfc = true},
    {.names = "smollm", .cuts = {"\\p{Nd}", PATTERN_GPT2}},
    {.names = "starcoder refact codeshell exaone minerva-7b mellum2", .cuts = {PATTERN_NUMBER, PATTERN_GPT2}},
    {.names = "command-r", .cuts = {PATTERN_NUMBER, PATTERN_GPT2}, .nfc = true},
    {.names = "default", .cuts = {"[\\p{P}\\$\\+<=>\\^~\\|]+", PATTERN_GPT2, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {.names = "falcon", .cuts = {PATTERN_PUNCTUATION "+", PATTERN_GPT2, as_bytes, "\\p{N}+", "[0-9][0-9][0-9]"}},
    {.names = "llama-bpe llama3 llama-v3 falcon3 falcon-h1 pixtral midm-2.0 lfm2",
     .cuts = {CL100K},
     .whole_first = true,
     .adds_bos = true},
    {.names = "dbrx smaug-bpe glm4 chatglm-bpe", .cuts = {CL100K}},
    {.names = "jais-2", .cuts = {CL100K_HALVED}},
    {.names = "qwen2 deepseek-r1-qwen stablelm2 megrez", .cuts = {CL100K_DIGITS}, .nfc = true},
    {.names = "hunyuan solar-open grok-2 kormo", .cuts = {CL100K_DIGITS}},
    {.names = "qwen35", .cuts = {CL100K_MARKS}, .nfc = true},
    {.names = "minicpm5", .cuts = {"\\p{N}{1,3}", CL100K_NUMBERS}, .whole_first = true},
    {.names = "seed-coder", .cuts = {SEED_CODER}},
    {.names = "bailingmoe bailingmoe2 llada-moe", .cuts = {BAILING}},
    {.names = "exaone-moe", .cuts = {EXAONE_MOE}},
    {.names = "gpt-4o llama4 kanana2 minimax-m2", .cuts = {O200K}},
    {.names = "tiny_aya cohere2moe", .cuts = {"\\d{1,3}(?=(?:\\d{3})*\\b)", O200K}},
    {.names = "tekken", .cuts = {TEKKEN}, .whole_first = true, .adds_bos = true},
    {.names = "kimi-k2", .cuts = {KIMI}},
    {.names = "deepseek-llm",
     .cuts = {"[\r\n]", DEEPSEEK_LETTERS, DEEPSEEK_SIGNS, "\\s+$", DEEPSEEK_CJK, PATTERN_NUMBER}},
    {.names = "deepseek-coder", .cuts = {"[\r\n]", "\\s?\\p{L}+", "\\s?\\p{P}+", DEEPSEEK_CJK, PATTERN_NUMBER}},
    {.names = "deepseek-v3 hunyuan-dense joyai-llm hy_v4", .cuts = {"\\p{N}{1,3}", DEEPSEEK3_CJK, DEEPSEEK3_WORDS}},
    {.names = "bloom poro-chat gpt3-finnish", .cuts = {BLOOM}},
    {.names = "viking", .cuts = {BLOOM, PATTERN_NUMBER}},
    {.names = "chameleon",
     .cuts = {"<sentinel:[0-9]+>", "(IMGIMG)((A|B|C|D|E|F|G|H|I){1,4})Z", "([\\t\\n]|    |  )", PATTERN_NUMBER,
              PATTERN_PUNCTUATION, PATTERN_GPT2},
     .adds_bos = true},
    {.names = "superbpe", .cuts = {"\\p{N}+", "(?=(\\d{3})+(?!\\d))"}},
};
enum { N_ROWS = sizeof rows / sizeof rows[0] };

const PretokenizerRow *pretokenizer_row(const char *name, size_t size) {
  for (size_t i = 0; i < N_ROWS; i++)
    for (const char *at = rows[i].names; *at;) {
      const size_t length = strcspn(at, " ");
      if (length == size && memcmp(at, name, size) == 0) return &rows[i];
      at += length + (at[length] == ' ');
    }
  return NULL;
}

char *pretokenizer_names(void) {
  char *names = mem_copy_string(rows[0].names);
  for (size_t i = 1; i < N_ROWS; i++) {
    char *longer = mem_format("%s %s", names, rows[i].names);
    free(names);
    names = longer;
  }
  return names;
}

Status pretokenizer_apply(const PretokenizerRow *row, Normalizer *normalizer, Pretokenizer *p, Error *err) {
  Status status = STATUS_OK;
  if (row->nfc) status = normalizer_add(normalizer, &(NormalStep){.kind = NORMAL_FORM, .form = UNICODE_NFC}, err);
  for (size_t i = 0; i < ROW_STEPS && row->cuts[i] && status == STATUS_OK; i++) {
    const Cut cut =
        row->cuts[i] == as_bytes ? (Cut){.kind = CUT_AS_BYTES} : (Cut){.kind = CUT_SPLIT, .pattern = row->cuts[i]};
    status = pretokenizer_add(p, &cut, err);
  }
  return status;
}

static bool cuts_like(const PretokenizerRow *row, const Pretokenizer *p) {
  size_t n = 0;
  while (n < ROW_STEPS && row->cuts[n]) n++;
  if (n != pretokenizer_count(p)) return false;
  for (size_t i = 0; i < n; i++) {
    const Cut *cut = pretokenizer_cut(p, i);
    const bool same = cut->kind == CUT_SPLIT
                          ? cut->behavior == CUT_ISOLATED && !cut->invert && strcmp(cut->pattern, row->cuts[i]) == 0
                          : cut->kind == CUT_AS_BYTES && row->cuts[i] == as_bytes;
    if (!same) return false;
  }
  return true;
}

char *pretokenizer_name(const Pretokenizer *p) {
  for (size_t i = 0; i < N_ROWS; i++)
    if (cuts_like(&rows[i], p)) return mem_format("%.*s", (int)strcspn(rows[i].names, " "), rows[i].names);
  return NULL;
}

/* GGUF does not say which tokens swallow white space. Phi-3's do (its tokenizer.json), but for three. */
bool token_strips_right(const char *model, size_t model_size, const char *token, size_t token_size, TokenKind kind) {
  static const char *const names[] = {"phi-3", "phi3"}, *const exceptions[] = {"<unk>", "<s>", "<|endoftext|>"};
  if (kind != TOKEN_SPECIAL && kind != TOKEN_ADDED) return false;
  bool strips = false;
  for (size_t i = 0; i < 2; i++) {
    const size_t size = strlen(names[i]);
    for (size_t at = 0; at + size <= model_size; at++) strips |= strncasecmp(model + at, names[i], size) == 0;
  }
  for (size_t i = 0; i < 3; i++)
    strips &= strlen(exceptions[i]) != token_size || memcmp(exceptions[i], token, token_size) != 0;
  return strips;
}
