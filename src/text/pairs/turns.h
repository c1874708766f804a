/* The turns of preference pairs, kept beside their tokens, and the same answers behind another prompt: how much of a
 * preference is about the prompt? */
#ifndef FATHOM_TEXT_PAIRS_TURNS_H
#define FATHOM_TEXT_PAIRS_TURNS_H

#include "text/samples/samples.h"

#include <stdbool.h>

/* All of it is owned. The prompt is everything before the final answers, system turns and tools included; where the
 * sides differ there it is the chosen side's. */
typedef struct PairTurns {
  Message *prompt;
  size_t n_prompt;
  Message answers[2]; /* chosen, rejected */
  Json *tools;        /* or NULL */
} PairTurns;

/* Copies of the turns of both sides, n[0] and n[1] of them, at least one each; tools may be NULL. */
PairTurns pair_turns_copy(const Message *const sides[2], const size_t n[2], const Json *tools);
void pair_turns_clear(PairTurns *turns); /* all zeros is fine */

typedef enum PromptChange {
  PROMPT_REMOVED,  /* the prompt is one user turn without text: templates want turns to alternate, and some write a
                    * system  turn of their own */
  PROMPT_SHUFFLED, /* the prompt is another pair's, as prompts_shuffle draws it */
} PromptChange;

/* The pairs of a set that was read with rules->keep_turns, tokenised again. changed->items has as many samples, in the
 * same order, with the same ids; none is left out, whatever its length. STATUS_DATA where prompts cannot be shuffled or
 * a template refuses the turns. */
Status pairs_change_prompts(const SampleSet *set, const SampleRules *rules, PromptChange change, uint64_t seed,
                            SampleSet *changed, Error *err);

/* Is there another prompt for every pair? Not where more than half of the pairs share one. */
bool pairs_can_shuffle_prompts(const SampleSet *set);

/* from[n]: a permutation drawn with the seed in which no pair gets a prompt of its own key, keys[n]. There is one
 * unless more than half of the pairs share a key: then false. */
bool prompts_shuffle(uint64_t seed, size_t n, const uint64_t *keys, size_t *from);

#endif
