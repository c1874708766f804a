/* fathom bias: do families of models rank the words of two categories differently? */
#include "command/bias/bias.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>

static const BiasSettings bias_defaults = {.permutations = 100000};

#define AT(member) offsetof(BiasSettings, member)
static const Option bias_options[] = {
    {"lexicon", 0, OPTION_TEXT, AT(lexicon), 0, 0, "FILE",
     "words and their categories, in a layout that MANUAL.md lists; the words of the tables that are not in it are "
     "dropped "
     "before ranking",
     NULL},
    {"family", 0, OPTION_TEXTS, AT(families), 0, 0, "NAME=SUBSTRING[,SUBSTRING]...",
     "tables whose file name (where no family is in it: whose path) has one of these, in upper or lower case, are of "
     "this "
     "family; once for each family",
     NULL},
    {"categories", 0, OPTION_TEXT, AT(categories), 0, 0, "NAME,NAME...",
     "only words of these categories count as the lexicon (default: of all); words in several of them are left out",
     NULL},
    {"pos", 0, OPTION_TEXT, AT(pos), 0, 0, "POS",
     "only words of this part of speech count, where the lexicon says it: noun, adjective, verb", NULL},
    {"contrast", 0, OPTION_TEXTS, AT(contrasts), 0, 0, "FIRST,SECOND",
     "categories to hold against each other; may be repeated with others (default: agency,communion, or the two that there are)",
     NULL},
    {"positive", 0, OPTION_TEXT, AT(positive), 0, 0, "PART[,PART]...",
     "prompts with one of these in their name are of positive framing (default: by the \"group\" in a result of scan, else by "
     "best, greatest, good)", "prompts"},
    {"negative", 0, OPTION_TEXT, AT(negative), 0, 0, "PART[,PART]...",
     "prompts with one of these in their name are of negative framing (default: by the \"group\" in a result of scan, else by "
     "worst, bad, terrible)", "prompts"},
    {"prompts", 0, OPTION_TEXT, AT(prompts), 0, 0, "FILE",
     "prompts whose \"group\" is positive or negative, such as probes/prompts/superlatives.jsonl; columns have the name of their \"id\" or text", NULL},
    {"permutations", 0, OPTION_SIZE, AT(permutations), 100, 1e7, "N",
     "labelings: all of them where there are no more, else this many at random", NULL},
    {"shared-only", 0, OPTION_FLAG, AT(shared_only), 0, 0, NULL,
     "leave out words and prompts that not all tables have (default: refuse such tables)", NULL},
    {"strict", 0, OPTION_FLAG, AT(strict), 0, 0, NULL,
     "refuse small categories, contradictory words and prompts without a framing (default: warn)", NULL},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "B.h5",
     "also write the ranks of every model and prompt, and the tests", NULL},
    {0}};
#undef AT

static Status check_settings(const Invocation *call, const BiasSettings *s, Error *err) {
  if (!s->lexicon) return error_set(err, STATUS_USAGE, "bias: --lexicon FILE is needed");
  for (size_t i = 0; i < call->n_args && s->output; i++)
    if (file_is_same(call->args[i], s->output))
      return error_set(err, STATUS_USAGE, "--output %s: is one of the scans, expected another file", s->output);
  FileWriter writer = {0}; /* found out before tables are read */
  const Status status = s->output ? file_writer_open(&writer, s->output, err) : STATUS_OK;
  file_writer_discard(&writer);
  return status;
}

static Status report(const Invocation *call, const BiasReport *r, Error *err) {
  Provenance from = invocation_provenance(call, "bias", &r->settings->common);
  for (size_t m = 0; m < r->scores->n_models; m++) {
    from.models[m].path = r->scores->paths[m];
    from.models[m].sha256 = r->scores->digests[m];
  }
  from.n_models = r->scores->n_models;
  const Status status = r->settings->output ? bias_result_write(r, &from, err) : STATUS_OK;
  return status == STATUS_OK ? bias_table_print(r, &from, err) : status;
}

static Status bias_run(const Invocation *call, const void *settings, Error *err) {
  const BiasSettings *s = settings;
  Lexicon *lexicon = NULL;
  LexiconChoice choice = {0};
  BiasScores scores = {0};
  BiasGroups groups = {0};
  BiasRanks ranks = {0};
  BiasTests tests = {0};
  BiasContrast *contrasts = NULL;
  size_t n_contrasts = 0;
  Status status = check_settings(call, s, err);
  if (status == STATUS_OK) status = lexicon_read(s->lexicon, s->strict, &lexicon, err);
  if (status == STATUS_OK) status = lexicon_choose(lexicon, s->categories, s->pos, s->strict, &choice, err);
  if (status == STATUS_OK) status = bias_contrasts_choose(s, &choice, &contrasts, &n_contrasts, err);
  if (status == STATUS_OK) status = bias_scores_read(s, &choice, call->args, call->n_args, &scores, err);
  if (status == STATUS_OK) status = bias_groups_assign(s, &scores, &groups, err);
  if (status == STATUS_OK) {
    ranks = bias_ranks(&scores);
    status = bias_tests_run(s, &scores, &groups, &ranks, contrasts, n_contrasts, &tests, err);
  }
  if (status == STATUS_OK) status = report(call, &(BiasReport){s, &choice, &scores, &groups, &ranks, &tests}, err);
  bias_tests_clear(&tests);
  bias_ranks_clear(&ranks);
  bias_groups_clear(&groups);
  bias_scores_clear(&scores);
  free(contrasts);
  lexicon_choice_clear(&choice);
  lexicon_free(lexicon);
  return status;
}

const Command command_bias = {
    .name = "bias",
    .arguments = "SCAN.csv|SCAN.h5... --lexicon F [--family NAME=SUBSTRING[,SUBSTRING]...]...",
    .summary = "do families of models rank the words of two categories differently? tests over scans",
    .details = "Each scan is the scores of one model: a result of fathom scan, or a table with a row a word (column \"response\") or\n"
               "token (\"token_decoded\") and behind it a column a prompt. Words outside the lexicon are dropped, the rest is ranked for\n"
               "each model and prompt (1 = the highest score, ties share the average), and a category's rank is the median of its\n"
               "words'.\n"
               "Rows: the mean rank by family, framing and category; then the contrasts, (first - second category) in prompts of\n"
               "positive framing - the same in negative framing. What p is about is its unit:\n"
               "  models   T, the difference of two families' means, against all ways to deal out the families among the models;\n"
               "           more than two families: all pairs. q: Benjamini-Hochberg over these tests\n"
               "  prompts  the same T, and the contrast of each model, with an interval and Hedges' g over prompts: would other\n"
               "           such prompts say the same of these very models? It says nothing of other models of a family.",
    .example = "fathom bias scans/*.csv --lexicon big2.csv --family Llama=llama --family Gemma=gemma -o bias.h5",
    .options = bias_options,
    .defaults = &bias_defaults,
    .settings_size = sizeof(BiasSettings),
    .min_args = 1,
    .max_args = BIAS_MAX_TABLES,
    .run = bias_run,
};
