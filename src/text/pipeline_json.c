/* tokenizer.json's normalizer, pre_tokenizer and post_processor. What is not understood is an error that names its
 * type: a step that is passed over would change ids silently. The decoder plays no part in ids and is not read. */
#include "base/memory.h"
#include "text/tokenizer_parts.h"

#include <stdlib.h>
#include <string.h>

static const char *type_of(const Json *step) { return json_string(json_get(step, "type"), "(none)"); }
static bool is_type(const Json *step, const char *type) { return strcmp(type_of(step), type) == 0; }

/* What the steps add up to. */
typedef struct Pipeline {
  Tokenizer *t;
  bool byte_level;    /* a ByteLevel step was seen */
  bool marks_spaces;  /* the normalizer writes U+2581 for every blank */
  bool puts_in_front; /* and one more in front */
} Pipeline;

/* A list of steps under one key of a Sequence, or a step alone. */
static Status each_step(Pipeline *p, const Json *step, const char *list_key,
                        Status (*read)(Pipeline *p, const Json *step, Error *err), Error *err) {
  if (!step || json_is_null(step)) return STATUS_OK;
  if (!is_type(step, "Sequence")) return read(p, step, err);
  Status status = STATUS_OK;
  for (const Json *s = json_first(json_get(step, list_key)); s && status == STATUS_OK; s = json_next(s))
    status = each_step(p, s, list_key, read, err);
  return status;
}

static Status read_normalizer(Pipeline *p, const Json *step, Error *err) {
  if (is_type(step, "Prepend") && strcmp(json_string(json_get(step, "prepend"), ""), SPACE_MARK) == 0) {
    p->puts_in_front = true;
    return STATUS_OK;
  }
  if (is_type(step, "Replace") && strcmp(json_string(json_get(step, "content"), ""), SPACE_MARK) == 0 &&
      strcmp(json_string(json_get(json_get(step, "pattern"), "String"), ""), " ") == 0) {
    p->marks_spaces = true;
    return STATUS_OK;
  }
  return error_set(
      err, STATUS_DATA,
      "a normalizer of type %.100s, expected none, or SentencePiece's Prepend and Replace of blanks by U+2581",
      type_of(step));
}

/* The pattern of a Split as a regular expression; freed by the caller, NULL where there is none. */
static char *split_pattern(const Json *step) {
  const Json *pattern = json_get(step, "pattern");
  const char *regex = json_string(json_get(pattern, "Regex"), NULL),
             *literal = json_string(json_get(pattern, "String"), NULL);
  if (regex) return mem_copy_string(regex);
  if (!literal || !*literal) return NULL;
  char *out = mem_alloc(2 * strlen(literal) + 1, 1), *to = out;
  for (; *literal; literal++) {
    if (strchr("\\^$.[]|()?*+{}", *literal)) *to++ = '\\';
    *to++ = *literal;
  }
  return out;
}

static Status read_split(Pipeline *p, const Json *step, Error *err) {
  const char *behavior = json_string(json_get(step, "behavior"), "(none)");
  const bool invert = json_bool(json_get(step, "invert"), false);
  const char *literal = json_string(json_get(json_get(step, "pattern"), "String"), "");
  if (p->marks_spaces && strcmp(literal, " ") == 0) return STATUS_OK; /* no blank is left to split at (Gemma) */
  const bool isolated = strcmp(behavior, "Isolated") == 0, only_matches = strcmp(behavior, "Removed") == 0 && invert;
  if (!isolated && !only_matches)
    return error_set(err, STATUS_DATA,
                     "a pre-tokenizer of type Split with behavior %.100s%s, expected Isolated, or Removed with invert",
                     behavior, invert ? " and invert" : "");
  char *pattern = split_pattern(step);
  if (!pattern) return error_set(err, STATUS_DATA, "a pre-tokenizer of type Split without a pattern");
  const Status status = pretokenizer_add(p->t->pretokenizer, pattern, only_matches, err);
  free(pattern);
  return status;
}

static Status read_pretokenizer(Pipeline *p, const Json *step, Error *err) {
  if (p->byte_level)
    return error_set(err, STATUS_DATA, "a pre-tokenizer of type %.100s behind ByteLevel, which is not supported",
                     type_of(step));
  if (is_type(step, "ByteLevel")) {
    p->byte_level = true;
    if (json_bool(json_get(step, "add_prefix_space"), true))
      return error_set(err, STATUS_DATA,
                       "a pre-tokenizer of type ByteLevel with add_prefix_space, which is not supported");
    return json_bool(json_get(step, "use_regex"), true) ? pretokenizer_add(p->t->pretokenizer, PATTERN_GPT2, false, err)
                                                        : STATUS_OK;
  }
  if (is_type(step, "Digits")) {
    const bool each = json_bool(json_get(step, "individual_digits"), false);
    return pretokenizer_add(p->t->pretokenizer, each ? PATTERN_NUMBER : PATTERN_NUMBER "+", false, err);
  }
  if (is_type(step, "Split")) return read_split(p, step, err);
  return error_set(err, STATUS_DATA,
                   "a pre-tokenizer of type %.100s, expected ByteLevel, Digits, Split or a Sequence of them",
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

static Status read_processor(Pipeline *p, const Json *step, Error *err) {
  if (is_type(step, "ByteLevel")) return STATUS_OK; /* moves offsets, not ids */
  if (is_type(step, "TemplateProcessing")) return read_template(p, step, err);
  return error_set(err, STATUS_DATA, "a post-processor of type %.100s, expected TemplateProcessing or ByteLevel",
                   type_of(step));
}

Status tokenizer_read_pipeline(Tokenizer *t, const Json *root, Error *err) {
  Pipeline p = {.t = t};
  t->pretokenizer = pretokenizer_new();
  Status status = each_step(&p, json_get(root, "normalizer"), "normalizers", read_normalizer, err);
  if (status == STATUS_OK)
    status = each_step(&p, json_get(root, "pre_tokenizer"), "pretokenizers", read_pretokenizer, err);
  if (status == STATUS_OK) status = each_step(&p, json_get(root, "post_processor"), "processors", read_processor, err);
  if (status != STATUS_OK) return status;
  if (p.byte_level == p.marks_spaces)
    return error_set(err, STATUS_DATA, "%s, expected one of them",
                     p.byte_level ? "both a ByteLevel pre-tokenizer and a normalizer that writes U+2581 for blanks"
                                  : "neither a ByteLevel pre-tokenizer nor a normalizer that writes U+2581 for blanks");
  t->model = p.byte_level ? TOKENIZER_BYTE_LEVEL : TOKENIZER_SENTENCEPIECE;
  t->space_prefix = p.puts_in_front;
  if (p.marks_spaces && pretokenizer_count(t->pretokenizer) > 0)
    return error_set(err, STATUS_DATA, "a pre-tokenizer with a SentencePiece normalizer, which is not supported");
  return STATUS_OK;
}
