/* The table of layouts of preference files. A row's layout is the first that fits: special ones stand above general
 * ones. */
#include "base/memory.h"
#include "text/pairs/rows.h"

#include <stdlib.h>

static const PairSchema schemas[] = {
    {"RAIL-HH", false, fits_rail, read_rail},
    {"UltraFeedback binarized", false, fits_binarized, read_binarized},
    {"subset pairs", false, fits_subsets, read_trl},
    {"TRL pairs", false, fits_trl, read_trl},
    {"HH transcripts", false, fits_hh, read_hh},
    {"TRL conversations", false, fits_conversations, read_trl},
    {"PKU-SafeRLHF", true, fits_pku, read_pku},
    {"PKU-SafeRLHF safer first", false, fits_pku_list, read_pku_list},
    {"HelpSteer3", false, fits_helpsteer, read_helpsteer},
    {"Auto-J", false, fits_auto_j, read_auto_j},
    {"UltraFeedback", false, fits_ultrafeedback, read_ultrafeedback},
    {"BIG-bench HHH", false, fits_hhh, read_hhh},
    {"BIG-bench HHH task", false, fits_big_bench, read_big_bench},
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
