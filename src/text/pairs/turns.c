/* Turns of preference pairs, and other prompts for them. */
#include "text/pairs/turns.h"

#include "base/memory.h"
#include "base/rng.h"
#include "text/samples/parts.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

static Message copy_message(const Message *from) {
  return (Message){mem_copy_string(from->role), mem_copy_string(from->content),
                   from->json ? json_copy(from->json) : NULL};
}

static void clear_message(Message *message) {
  free((char *)message->role);
  free((char *)message->content);
  json_free((Json *)message->json);
}

PairTurns pair_turns_copy(const Message *const sides[2], const size_t n[2], const Json *tools) {
  assert(n[0] && n[1]);
  PairTurns turns = {.n_prompt = n[0] - 1, .tools = tools ? json_copy(tools) : NULL};
  turns.prompt = mem_alloc(turns.n_prompt, sizeof *turns.prompt);
  for (size_t i = 0; i < turns.n_prompt; i++) turns.prompt[i] = copy_message(&sides[0][i]);
  for (size_t side = 0; side < 2; side++) turns.answers[side] = copy_message(&sides[side][n[side] - 1]);
  return turns;
}

void pair_turns_clear(PairTurns *turns) {
  for (size_t i = 0; i < turns->n_prompt; i++) clear_message(&turns->prompt[i]);
  for (size_t side = 0; side < 2; side++) clear_message(&turns->answers[side]);
  free(turns->prompt);
  json_free(turns->tools);
  *turns = (PairTurns){0};
}

typedef struct KeyedPair {
  uint64_t group; /* a random number that the key decides: groups of one key lie in random order */
  uint64_t key, lot;
  size_t pair;
} KeyedPair;

static int by_group(const void *a, const void *b) {
  const KeyedPair *x = a, *y = b;
  if (x->group != y->group) return x->group < y->group ? -1 : 1;
  if (x->key != y->key) return x->key < y->key ? -1 : 1;
  if (x->lot != y->lot) return x->lot < y->lot ? -1 : 1;
  return (x->pair > y->pair) - (x->pair < y->pair);
}

/* With pairs of one key beside each other, a turn of the circle by the largest group's size takes every pair out of its
 * own group. */
bool prompts_shuffle(uint64_t seed, size_t n, const uint64_t *keys, size_t *from) {
  KeyedPair *pairs = mem_alloc(n, sizeof *pairs);
  Rng lots = rng_new(seed);
  const uint64_t salt = rng_next(&lots);
  for (size_t i = 0; i < n; i++) {
    Rng group = rng_new(salt ^ keys[i]);
    pairs[i] = (KeyedPair){rng_next(&group), keys[i], rng_next(&lots), i};
  }
  qsort(pairs, n, sizeof *pairs, by_group);
  size_t largest = 0;
  for (size_t i = 0, size = 0; i < n; i++) {
    size = i && pairs[i].key == pairs[i - 1].key ? size + 1 : 1;
    largest = size > largest ? size : largest;
  }
  const bool possible = 2 * largest <= n;
  for (size_t i = 0; i < n && possible; i++) from[pairs[i].pair] = pairs[(i + largest) % n].pair;
  free(pairs);
  return possible;
}

/* The answer of one side behind a prompt. */
static Status tokenize_behind(const SampleRules *rules, const Message *prompt, size_t n_prompt, const Json *tools,
                              const Message *answer, const Sample *like, Sample *sample, Error *err) {
  Message *messages = mem_alloc(n_prompt + 1, sizeof *messages);
  char *where = mem_format("pair \"%s\" with another prompt", like->group);
  const Records at = {.where = where};
  memcpy(messages, prompt, n_prompt * sizeof *messages);
  messages[n_prompt] = *answer;
  const Status status = sample_from_messages(rules, &at, messages, n_prompt + 1, tools, sample, err);
  free(messages);
  free(where);
  if (status != STATUS_OK) return status;
  sample->id = mem_copy_string(like->id);
  sample->group = mem_copy_string(like->group);
  sample->label = mem_copy_string(like->label);
  sample->prompt_key = like->prompt_key;
  return STATUS_OK;
}

static bool draw_prompts(const SampleSet *set, uint64_t seed, size_t *from) {
  const size_t n = set->count / 2;
  uint64_t *keys = mem_alloc(n, sizeof *keys);
  for (size_t i = 0; i < n; i++) keys[i] = set->items[2 * i].prompt_key;
  const bool possible = prompts_shuffle(seed, n, keys, from);
  free(keys);
  return possible;
}

bool pairs_can_shuffle_prompts(const SampleSet *set) {
  size_t *from = mem_alloc(set->count / 2, sizeof *from);
  const bool possible = draw_prompts(set, 0, from);
  free(from);
  return possible;
}

Status pairs_change_prompts(const SampleSet *set, const SampleRules *rules, PromptChange change, uint64_t seed,
                            SampleSet *changed, Error *err) {
  static const Message nothing = {"user", "", NULL};
  const size_t n = set->count / 2;
  assert(set->turns);
  SampleBuilder b;
  builder_init(&b, rules, changed, 1);
  size_t *from = mem_alloc(n, sizeof *from);
  Status status = STATUS_OK;
  if (change == PROMPT_SHUFFLED && !draw_prompts(set, seed, from))
    status =
        error_set(err, STATUS_DATA, "prompts cannot be shuffled: more than half of the %zu pairs have the same one", n);
  for (size_t i = 0; i < set->count && status == STATUS_OK; i++) {
    Sample sample = {0};
    const PairTurns *own = &set->turns[i / 2], *giver = &set->turns[from[i / 2]];
    status = change == PROMPT_SHUFFLED
                 ? tokenize_behind(rules, giver->prompt, giver->n_prompt, giver->tools, &own->answers[i % 2],
                                   &set->items[i], &sample, err)
                 : tokenize_behind(rules, &nothing, 1, NULL, &own->answers[i % 2], &set->items[i], &sample, err);
    if (status == STATUS_OK)
      builder_add(&b, &sample);
    else
      sample_clear(&sample);
  }
  free(from);
  return builder_end(&b, status);
}
