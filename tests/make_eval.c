/* make_eval OUT.h5 KIND SHA256 [SCHEMA]: writes a result as fathom eval does, of one data set, from standard input: one
 * pair a line, id, reward of chosen, reward of rejected, and what stands for the prompt (the first 16 hex digits of its
 * SHA-256). KIND is "eval", another kind, or what is broken: "nan", "short" (a row less than ids), "flat" (rewards of
 * rank 1). */
#include "base/memory.h"
#include "store/result.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Error err;

static void check(Status status) {
  if (status == STATUS_OK) return;
  fprintf(stderr, "make_eval: %s\n", err.text);
  exit(1);
}

int main(int argc, char **argv) {
  enum { MOST = 1000 };
  char *ids[MOST], *prompts[MOST], id[100], prompt[17], line[200];
  double rewards[2 * MOST];
  size_t n = 0;
  if (argc < 4) return 2;
  while (n < MOST && fgets(line, sizeof line, stdin)) {
    strcpy(prompt, "0000000000000000");
    if (sscanf(line, "%99s %lf %lf %16s", id, &rewards[2 * n], &rewards[2 * n + 1], prompt) < 3) return 2;
    prompts[n] = mem_copy_string(prompt);
    ids[n++] = mem_copy_string(id);
  }
  const bool nan = strcmp(argv[2], "nan") == 0, is_short = strcmp(argv[2], "short") == 0,
             flat = strcmp(argv[2], "flat") == 0, broken = nan || is_short || flat;
  const Provenance from = {.command = "eval", .models = {{"made", argv[3]}}, .n_models = 1};
  const size_t wide[] = {is_short ? n - 1 : n, 2};
  Result *result;
  check(result_create(argv[1], broken ? "eval" : argv[2], &from, &result, &err));
  check(result_write_strings(result, "data/sha256", (const char *[]){argv[3]}, 1, &err));
  check(result_write_strings(result, "data/schema", (const char *[]){argc > 4 ? argv[4] : "TRL pairs"}, 1, &err));
  check(result_write_strings(result, "pairs/0/id", (const char *const *)ids, n, &err));
  check(result_write_strings(result, "pairs/0/prompt", (const char *const *)prompts, n, &err));
  if (nan) rewards[1] = NAN;
  check(flat ? result_write_array(result, "pairs/0/rewards", 1, &n, rewards, &err)
             : result_write_array(result, "pairs/0/rewards", 2, wide, rewards, &err));
  check(result_finish(result, &err));
  for (size_t i = 0; i < n; i++) {
    free(ids[i]);
    free(prompts[i]);
  }
  return 0;
}
