/* tokenizer.json's normalizer, pre_tokenizer, post_processor and decoder, from the steps of a tokenizer: the inverse of
 * pipeline_json.c. */
#include "base/memory.h"
#include "text/tokenizer/pretokenizers.h"
#include "text/tokenizer/parts.h"

#include <stdlib.h>
#include <string.h>

static Json *new_step(const char *type) {
  Json *step = json_new_object();
  json_add_string(step, "type", type);
  return step;
}

static Json *replace_step(const char *kind, const char *from, const char *to) {
  Json *step = new_step("Replace");
  json_add_string(json_add_object(step, "pattern"), kind, from);
  json_add_string(step, "content", to);
  return step;
}

static Json *normal_step(const NormalStep *s) {
  static const char *const forms[] = {"NFC", "NFD", "NFKC", "NFKD"};
  Json *step = NULL;
  switch (s->kind) {
  case NORMAL_PREPEND:
    step = new_step("Prepend");
    json_add_string(step, "prepend", s->to);
    break;
  case NORMAL_REPLACE: step = replace_step("String", s->from, s->to); break;
  case NORMAL_PATTERN: step = replace_step("Regex", s->from, s->to); break;
  case NORMAL_FORM: step = new_step(forms[s->form]); break;
  case NORMAL_LOWERCASE: step = new_step("Lowercase"); break;
  case NORMAL_STRIP:
    step = new_step("Strip");
    json_add_bool(step, "strip_left", s->left);
    json_add_bool(step, "strip_right", s->right);
    break;
  }
  return step;
}

static void add_normalizer(const Tokenizer *t, Json *root) {
  if (normalizer_count(t->normalizer) == 0) {
    json_add_null(root, "normalizer");
    return;
  }
  Json *all = new_step("Sequence"), *steps = json_add_array(all, "normalizers");
  for (size_t i = 0; i < normalizer_count(t->normalizer); i++)
    json_add(steps, NULL, normal_step(normalizer_step(t->normalizer, i)));
  json_add(root, "normalizer", all);
}

static Json *byte_level_step(bool prefix, bool use_regex) {
  Json *step = new_step("ByteLevel");
  json_add_bool(step, "add_prefix_space", prefix);
  json_add_bool(step, "trim_offsets", true);
  json_add_bool(step, "use_regex", use_regex);
  return step;
}

static bool is_split(const Cut *cut, const char *pattern, CutBehavior behavior) {
  return cut && cut->kind == CUT_SPLIT && !cut->invert && cut->behavior == behavior &&
         strcmp(cut->pattern, pattern) == 0;
}

static Json *split_step(const Cut *cut) {
  static const char *const names[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous"};
  Json *step;
  if (is_split(cut, PATTERN_NUMBER, CUT_ISOLATED)) {
    step = new_step("Digits");
    json_add_bool(step, "individual_digits", true);
    return step;
  }
  step = new_step("Split");
  json_add_string(json_add_object(step, "pattern"), "Regex", cut->pattern);
  json_add_string(step, "behavior", names[cut->behavior]);
  json_add_bool(step, "invert", cut->invert);
  return step;
}

static Json *metaspace_step(MarkFront front, bool split) {
  static const char *const schemes[] = {"never", "first", "always"};
  Json *step = new_step("Metaspace");
  json_add_string(step, "replacement", SPACE_MARK);
  json_add_string(step, "prepend_scheme", schemes[front]);
  json_add_bool(step, "split", split);
  return step;
}

static const Cut *cut_at(const Pretokenizer *p, size_t index) {
  return index < pretokenizer_count(p) ? pretokenizer_cut(p, index) : NULL;
}

/* The blank in front, GPT-2's pattern and the characters for bytes are one step there; so are the marks and the cut at
 * them. */
static Json *pretokenizer_step(const Pretokenizer *p, size_t *index, bool *bytes) {
  const Cut *cut = cut_at(p, *index), *next = cut_at(p, *index + 1);
  if (cut->kind == CUT_MARKS) {
    const bool split = is_split(next, SPACE_MARK, CUT_MERGED_WITH_NEXT);
    *index += 1 + split;
    return metaspace_step(cut->front, split);
  }
  const bool blank = cut->kind == CUT_BLANK, gpt2 = is_split(blank ? next : cut, PATTERN_GPT2, CUT_ISOLATED);
  const size_t used = (size_t)blank + gpt2;
  next = cut_at(p, *index + used);
  const bool ends = !next || next->kind == CUT_AS_BYTES;
  if (!*bytes && ends && (blank || gpt2 || cut->kind == CUT_AS_BYTES)) {
    *index += used + (next != NULL);
    *bytes = true;
    return byte_level_step(blank, gpt2);
  }
  ++*index;
  return split_step(cut);
}

static void add_pretokenizer(const Tokenizer *t, Json *root) {
  Json *all = new_step("Sequence"), *steps = json_add_array(all, "pretokenizers");
  bool bytes = t->model != TOKENIZER_BYTE_LEVEL; /* the step that writes bytes as characters is there */
  for (size_t i = 0; i < pretokenizer_count(t->pretokenizer);)
    json_add(steps, NULL, pretokenizer_step(t->pretokenizer, &i, &bytes));
  if (!bytes) json_add(steps, NULL, byte_level_step(false, false));
  if (json_count(steps) > 0) {
    json_add(root, "pre_tokenizer", all);
  } else {
    json_free(all);
    json_add_null(root, "pre_tokenizer");
  }
}

static void add_template_tokens(const Tokenizer *t, const TokenList *list, Json *template, Json *tokens) {
  for (size_t i = 0; i < list->count; i++) {
    char *text = token_written_form(t, list->ids[i]);
    Json *item = json_add_object(json_add_object(template, NULL), "SpecialToken");
    json_add_string(item, "id", text);
    json_add_number(item, "type_id", 0);
    if (text && !json_get(tokens, text)) {
      Json *token = json_add_object(tokens, text);
      json_add_string(token, "id", text);
      json_add_number(json_add_array(token, "ids"), NULL, list->ids[i]);
      json_add_string(json_add_array(token, "tokens"), NULL, text);
    }
    free(text);
  }
}

static Json *post_processor(const Tokenizer *t) {
  static const char *const forms[] = {"single", "pair"};
  Json *step = new_step("TemplateProcessing"), *tokens = json_new_object();
  for (size_t form = 0; form < 2; form++) {
    Json *template = json_add_array(step, forms[form]);
    for (size_t text = 0; text <= form; text++) { /* A, then B: each as if alone */
      add_template_tokens(t, &t->before, template, tokens);
      Json *sequence = json_add_object(json_add_object(template, NULL), "Sequence");
      json_add_string(sequence, "id", text ? "B" : "A");
      json_add_number(sequence, "type_id", (double)text);
      add_template_tokens(t, &t->after, template, tokens);
    }
  }
  json_add(step, "special_tokens", tokens);
  return step;
}

static Json *decoder(const Tokenizer *t) {
  if (t->model == TOKENIZER_BYTE_LEVEL) return byte_level_step(true, true);
  Json *all = new_step("Sequence"), *steps = json_add_array(all, "decoders");
  json_add(steps, NULL, replace_step("String", SPACE_MARK, " "));
  json_add(steps, NULL, new_step("ByteFallback"));
  json_add(steps, NULL, new_step("Fuse"));
  if (t->front != FRONT_NEVER) {
    Json *strip = new_step("Strip");
    json_add_string(strip, "content", " ");
    json_add_number(strip, "start", 1);
    json_add_number(strip, "stop", 0);
    json_add(steps, NULL, strip);
  }
  return all;
}

void tokenizer_write_pipeline(const Tokenizer *t, Json *root) {
  add_normalizer(t, root);
  add_pretokenizer(t, root);
  json_add(root, "post_processor", post_processor(t));
  json_add(root, "decoder", decoder(t));
}
