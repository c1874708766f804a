/* The table of layouts of preference files. A row's layout is the first that fits: special ones stand above general ones. */
#include "base/memory.h"
#include "text/pair_rows.h"

#include <stdlib.h>

static const PairSchema schemas[] = {
    {"RAIL-HH", "prompt, chosen, rejected and scores of both; context", false, fits_rail, read_rail},
    {"UltraFeedback binarized", "prompt, chosen, rejected, score_chosen, score_rejected", false, fits_binarized,
     read_binarized},
    {"subset pairs", "subset, prompt, chosen, rejected", false, fits_subsets, read_trl},
    {"TRL pairs", "prompt, chosen, rejected", false, fits_trl, read_trl},
    {"HH transcripts", "chosen, rejected: \\n\\nHuman: ...", false, fits_hh, read_hh},
    {"TRL conversations", "chosen, rejected: turns", false, fits_conversations, read_trl},
    {"PKU-SafeRLHF", "prompt, response_0, response_1, safer_response_id, better_response_id", true, fits_pku, read_pku},
    {"PKU-SafeRLHF safer first", "prompt, response: [safer, less safe]", false, fits_pku_list, read_pku_list},
    {"HelpSteer3", "context, response1, response2, overall_preference", false, fits_helpsteer, read_helpsteer},
    {"Auto-J", "prompt, response 1, response 2, label", false, fits_auto_j, read_auto_j},
    {"UltraFeedback", "instruction, completions with overall_score", false, fits_ultrafeedback, read_ultrafeedback},
    {"BIG-bench HHH", "input, targets: {choices, labels}", false, fits_hhh, read_hhh},
    {"BIG-bench HHH task", "input, target_scores", false, fits_big_bench, read_big_bench},
};
enum { N_SCHEMAS = sizeof schemas / sizeof schemas[0] };

const PairSchema *pair_schema_of(const Json *row) {
  for (size_t i = 0; i < N_SCHEMAS; i++)
    if (schemas[i].fits(row)) return &schemas[i];
  return NULL;
}

char *pair_schemas_names(void) {
  char *list = mem_copy_string("");
  for (size_t i = 0; i < N_SCHEMAS; i++) {
    char *longer = mem_format("%s%s%s", list, i ? ", " : "", schemas[i].name);
    free(list);
    list = longer;
  }
  return list;
}

const PairSchema *pair_schema_at(size_t index) { return index < N_SCHEMAS ? &schemas[index] : NULL; }
