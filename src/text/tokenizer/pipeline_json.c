/* tokenizer.json's normalizer, pre_tokenizer and post_processor. What is not understood is an error that names its
 * type: a step that is passed over would change ids silently. The decoder plays no part in ids: decoding is the inverse
 * of encoding. */
#include "base/memory.h"
#include "text/tokenizer/regex.h"
#include "text/tokenizer/pretokenizers.h"
#include "text/tokenizer/parts.h"

#include <stdlib.h>
#include <string.h>

static const char *type_of(const Json *step) { return json_string(json_get(step, "type"), "(none)"); }
static bool is_type(const Json *step, const char *type) { return strcmp(type_of(step), type) == 0; }

/* What the steps add up to. */
typedef struct Pipeline {
  Tokenizer *t;
  bool byte_level;    /* a ByteLevel step was seen */
  bool bytes_pending; /* and nothing behind it that would see the characters it writes */
  bool marks_spaces;  /* blanks become U+2581 */
} Pipeline;

/* A list of steps under one key of a Sequence, or a step alone. */
static Status each_step(Pipeline *p, const Json *step, const char *list_key, unsigned depth,
                        Status (*read)(Pipeline *p, const Json *step, Error *err), Error *err) {
  enum { DEEPEST = 8 };
  if (!step || json_is_null(step)) return STATUS_OK;
  if (!is_type(step, "Sequence")) return read(p, step, err);
  if (depth == DEEPEST) return error_set(err, STATUS_DATA, "%s nested more than %d deep", list_key, DEEPEST);
  Status status = STATUS_OK;
  for (const Json *s = json_first(json_get(step, list_key)); s && status == STATUS_OK; s = json_next(s))
    status = each_step(p, s, list_key, depth + 1, read, err);
  return status;
}

/* The pattern of a step: a regular expression, or a literal. */
static Status read_pattern(const Json *step, const char **regex, const char **literal, Error *err) {
  const Json *pattern = json_get(step, "pattern");
  *regex = json_string(json_get(pattern, "Regex"), NULL);
  *literal = json_string(json_get(pattern, "String"), NULL);
  if (*regex || (*literal && **literal)) return STATUS_OK;
  return error_set(err, STATUS_DATA, "a step of type %.100s without a pattern", type_of(step));
}

static Status add_normal(Pipeline *p, NormalStep step, Error *err) {
  return normalizer_add(p->t->normalizer, &step, err);
}

static Status read_replace(Pipeline *p, const Json *step, Error *err) {
  const char *regex, *literal, *content = json_string(json_get(step, "content"), NULL);
  Status status = read_pattern(step, &regex, &literal, err);
  if (status == STATUS_OK && !content)
    status = error_set(err, STATUS_DATA, "a normalizer of type Replace without content");
  if (status != STATUS_OK) return status;
  if (literal && strcmp(literal, " ") == 0 && strcmp(content, SPACE_MARK) == 0) p->marks_spaces = true;
  return add_normal(
      p, (NormalStep){regex ? NORMAL_PATTERN : NORMAL_REPLACE, .from = regex ? regex : literal, .to = content}, err);
}

static Status read_normalizer(Pipeline *p, const Json *step, Error *err) {
  static const char *const forms[] = {"NFC", "NFD", "NFKC", "NFKD"};
  for (int form = UNICODE_NFC; form <= UNICODE_NFKD; form++)
    if (is_type(step, forms[form])) return add_normal(p, (NormalStep){NORMAL_FORM, .form = (UnicodeForm)form}, err);
  if (is_type(step, "Replace")) return read_replace(p, step, err);
  if (is_type(step, "Lowercase")) return add_normal(p, (NormalStep){.kind = NORMAL_LOWERCASE}, err);
  if (is_type(step, "Strip"))
    return add_normal(p,
                      (NormalStep){NORMAL_STRIP, .left = json_bool(json_get(step, "strip_left"), true),
                                   .right = json_bool(json_get(step, "strip_right"), true)},
                      err);
  if (is_type(step, "Prepend")) {
    const char *front = json_string(json_get(step, "prepend"), "");
    if (strcmp(front, SPACE_MARK) == 0) p->t->front = FRONT_ALWAYS;
    return add_normal(p, (NormalStep){NORMAL_PREPEND, .to = front}, err);
  }
  return error_set(
      err, STATUS_DATA,
      "a normalizer of type %.100s, expected NFC, NFD, NFKC, NFKD, Lowercase, Prepend, Replace, Strip or a "
      "Sequence of them",
      type_of(step));
}

/* Steps behind a ByteLevel see the characters it writes; where none follows it bytes are left as they are. */
static Status add_cut(Pipeline *p, Cut cut, Error *err) {
  Status status = STATUS_OK;
  if (p->bytes_pending) status = pretokenizer_add(p->t->pretokenizer, &(Cut){.kind = CUT_AS_BYTES}, err);
  p->bytes_pending = false;
  return status == STATUS_OK ? pretokenizer_add(p->t->pretokenizer, &cut, err) : status;
}

static Status add_split(Pipeline *p, const char *pattern, CutBehavior behavior, Error *err) {
  return add_cut(p, (Cut){.kind = CUT_SPLIT, .pattern = pattern, .behavior = behavior}, err);
}

/* The name of a behavior, as Split and Punctuation give it. */
static Status read_behavior(const Json *step, CutBehavior otherwise, CutBehavior *behavior, Error *err) {
  static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
  const char *name = json_string(json_get(step, "behavior"), names[otherwise]);
  for (int b = CUT_ISOLATED; b <= CUT_CONTIGUOUS; b++)
    if (strcmp(name, names[b]) == 0) {
      *behavior = (CutBehavior)b;
      return STATUS_OK;
    }
  return error_set(
      err, STATUS_DATA,
      "a pre-tokenizer of type %.100s with behavior %.100s, expected Isolated, Removed, MergedWithPrevious, "
      "MergedWithNext or Contiguous",
      type_of(step), name);
}

static Status read_split(Pipeline *p, const Json *step, Error *err) {
  Cut cut = {.kind = CUT_SPLIT, .invert = json_bool(json_get(step, "invert"), false)};
  const char *regex, *literal;
  Status status = read_behavior(step, CUT_REMOVED, &cut.behavior, err);
  if (status == STATUS_OK) status = read_pattern(step, &regex, &literal, err);
  if (status != STATUS_OK) return status;
  char *pattern = regex ? mem_copy_string(regex) : regex_quote(literal);
  cut.pattern = pattern;
  status = add_cut(p, cut, err);
  free(pattern);
  return status;
}

/* Metaspace; files from before prepend_scheme have add_prefix_space. */
static Status read_metaspace(Pipeline *p, const Json *step, Error *err) {
  static const char *const schemes[] = {"never", "first", "always"};
  const bool prefix = json_bool(json_get(step, "add_prefix_space"), true);
  const char *scheme = json_string(json_get(step, "prepend_scheme"), prefix ? "always" : "never");
  if (strcmp(json_string(json_get(step, "replacement"), SPACE_MARK), SPACE_MARK) != 0)
    return error_set(err, STATUS_DATA, "a pre-tokenizer of type Metaspace with another replacement than U+2581");
  int front = FRONT_NEVER;
  while (front <= FRONT_ALWAYS && strcmp(schemes[front], scheme) != 0) front++;
  if (front > FRONT_ALWAYS)
    return error_set(err, STATUS_DATA, "a pre-tokenizer of type Metaspace with prepend_scheme %.100s", scheme);
  p->marks_spaces = true;
  p->t->front = (MarkFront)front;
  const Status status = add_cut(p, (Cut){.kind = CUT_MARKS, .front = (MarkFront)front}, err);
  if (status != STATUS_OK || !json_bool(json_get(step, "split"), true)) return status;
  return add_split(p, SPACE_MARK, CUT_MERGED_WITH_NEXT, err);
}

static Status read_byte_level(Pipeline *p, const Json *step, Error *err) {
  Status status = STATUS_OK;
  if (p->byte_level) return error_set(err, STATUS_DATA, "two pre-tokenizers of type ByteLevel");
  if (json_bool(json_get(step, "add_prefix_space"), true)) status = add_cut(p, (Cut){.kind = CUT_BLANK}, err);
  if (status == STATUS_OK && json_bool(json_get(step, "use_regex"), true))
    status = add_split(p, PATTERN_GPT2, CUT_ISOLATED, err);
  p->byte_level = p->bytes_pending = true;
  return status;
}

static Status read_pretokenizer(Pipeline *p, const Json *step, Error *err) {
  CutBehavior behavior;
  if (is_type(step, "ByteLevel")) return read_byte_level(p, step, err);
  if (is_type(step, "Metaspace")) {
    if (p->byte_level) return error_set(err, STATUS_DATA, "a pre-tokenizer of type Metaspace behind ByteLevel");
    return read_metaspace(p, step, err);
  }
  if (is_type(step, "Digits")) {
    const bool each = json_bool(json_get(step, "individual_digits"), false);
    return add_split(p, each ? PATTERN_NUMBER : PATTERN_NUMBER "+", CUT_ISOLATED, err);
  }
  if (is_type(step, "Punctuation")) {
    const Status status = read_behavior(step, CUT_ISOLATED, &behavior, err);
    if (status != STATUS_OK) return status;
    return behavior == CUT_CONTIGUOUS ? add_split(p, PATTERN_PUNCTUATION "+", CUT_ISOLATED, err)
                                      : add_split(p, PATTERN_PUNCTUATION, behavior, err);
  }
  if (is_type(step, "WhitespaceSplit")) return add_split(p, "\\s", CUT_REMOVED, err);
  if (is_type(step, "Whitespace"))
    return add_cut(p, (Cut){.kind = CUT_SPLIT, .pattern = PATTERN_WORDS, .behavior = CUT_REMOVED, .invert = true}, err);
  if (is_type(step, "Split")) return read_split(p, step, err);
  return error_set(err, STATUS_DATA,
                   "a pre-tokenizer of type %.100s, expected ByteLevel, Digits, Metaspace, Punctuation, Split, "
                   "Whitespace, WhitespaceSplit or a Sequence of them",
                   type_of(step));
}

/* The ids of a special token that a template names. */
static Status add_template_ids(const Json *processor, const char *name, TokenList *list, Error *err) {
  const Json *ids = json_get(json_get(json_get(processor, "special_tokens"), name), "ids");
  if (json_count(ids) == 0)
    return error_set(err, STATUS_DATA, "the post-processor's template names \"%.100s\", which it gives no ids", name);
  for (const Json *id = json_first(ids); id; id = json_next(id)) {
    const double number = json_number(id, -1);
    if (!(number >= 0 && number < VOCABULARY_MAX))
      return error_set(err, STATUS_DATA, "the post-processor gives \"%.100s\" an id that is no token's", name);
    token_list_add(list, (int32_t)number);
  }
  return STATUS_OK;
}

/* "single": [{"SpecialToken": {"id": "<s>"}}, {"Sequence": {"id": "A"}}, ...]: what comes before and behind the text.
 */
static Status read_template(Pipeline *p, const Json *processor, Error *err) {
  TokenList *list = &p->t->before;
  Status status = STATUS_OK;
  for (const Json *item = json_first(json_get(processor, "single")); item && status == STATUS_OK;
       item = json_next(item)) {
    const char *name = json_string(json_get(json_get(item, "SpecialToken"), "id"), NULL);
    if (name)
      status = add_template_ids(processor, name, list, err);
    else
      list = &p->t->after;
  }
  return status;
}

/* RoBERTa's and BERT's: "cls": ["<s>", 0] before the text and "sep" behind it. */
static Status read_ends(Pipeline *p, const Json *processor, Error *err) {
  const struct {
    const char *key;
    TokenList *list;
  } ends[] = {{"cls", &p->t->before}, {"sep", &p->t->after}};
  for (size_t i = 0; i < 2; i++) {
    const double id = json_number(json_at(json_get(processor, ends[i].key), 1), -1);
    if (!(id >= 0 && id < VOCABULARY_MAX))
      return error_set(err, STATUS_DATA, "the post-processor gives \"%s\" an id that is no token's", ends[i].key);
    token_list_add(ends[i].list, (int32_t)id);
  }
  return STATUS_OK;
}

static Status read_processor(Pipeline *p, const Json *step, Error *err) {
  if (is_type(step, "ByteLevel")) return STATUS_OK; /* moves offsets, not ids */
  if (is_type(step, "TemplateProcessing")) return read_template(p, step, err);
  if (is_type(step, "RobertaProcessing") || is_type(step, "BertProcessing")) return read_ends(p, step, err);
  return error_set(err, STATUS_DATA,
                   "a post-processor of type %.100s, expected TemplateProcessing, ByteLevel, RobertaProcessing or "
                   "BertProcessing",
                   type_of(step));
}

Status tokenizer_read_pipeline(Tokenizer *t, const Json *root, Error *err) {
  Pipeline p = {.t = t};
  Status status = each_step(&p, json_get(root, "normalizer"), "normalizers", 0, read_normalizer, err);
  if (status == STATUS_OK)
    status = each_step(&p, json_get(root, "pre_tokenizer"), "pretokenizers", 0, read_pretokenizer, err);
  if (status == STATUS_OK)
    status = each_step(&p, json_get(root, "post_processor"), "processors", 0, read_processor, err);
  if (status != STATUS_OK) return status;
  if (p.byte_level == p.marks_spaces)
    return error_set(err, STATUS_DATA, "%s, expected one of them",
                     p.byte_level ? "both a ByteLevel pre-tokenizer and a step that writes U+2581 for blanks"
                                  : "neither a ByteLevel pre-tokenizer nor a step that writes U+2581 for blanks");
  t->model = p.byte_level ? TOKENIZER_BYTE_LEVEL : TOKENIZER_SENTENCEPIECE;
  return STATUS_OK;
}
