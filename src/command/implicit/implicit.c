/* fathom implicit: what one language model prefers to say more than another does. */
#include "command/implicit/implicit.h"

#include "base/file.h"
#include "base/memory.h"

#include <stdlib.h>
#include <string.h>

static const ImplicitSettings implicit_defaults = {
    .input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024},
    .duplicates = "sum",
    .form = "sum",
    .top = 20};

#define AT(member) offsetof(ImplicitSettings, member)
static const Option implicit_options[] = {
    INPUT_OPTIONS(ImplicitSettings),
    {"lexicon", 0, OPTION_TEXT, AT(lexicon), 0, 0, "FILE",
     "words whose log-probabilities as answers are compared, by category; a layout that fathom info knows", "pairs"},
    {"categories", 0, OPTION_TEXT, AT(categories), 0, 0, "NAME,NAME", "of the lexicon (default: all)", "pairs"},
    {"pos", 0, OPTION_TEXT, AT(pos), 0, 0, "POS", "one part of speech of the lexicon, such as noun (default: all)",
     "pairs"},
    {"table", 0, OPTION_CHOICE, AT(table), 0, 0, "tokens|prompts|words|categories|accuracy|pairs",
     "what is printed (default: accuracy with --pairs, categories with --lexicon, else tokens)", NULL},
    {"top", 0, OPTION_SIZE, AT(top), 1, 1e6, "K", "tokens at either end of the table of tokens", "pairs"},
    {"duplicates", 0, OPTION_CHOICE, AT(duplicates), 0, 0, "sum|max",
     "what counts where several tokens of a model spell one string: the sum of their p, or the largest", "pairs"},
    {"ignore-blanks", 0, OPTION_FLAG, AT(ignore_blanks), 0, 0, NULL,
     "blanks in front of a token do not tell it from another: for models of which only one begins its answer with a "
     "blank",
     "pairs"},
    {"separator", 0, OPTION_TEXT, AT(separator), 0, 0, "TEXT",
     "what stands between prompt and word (default: the blanks that the template writes before an answer, mostly none; "
     "a "
     "blank for a model that is given plain text)",
     NULL},
    {"csv", 0, OPTION_TEXT, AT(csv), 0, 0, "PREFIX",
     "also write the words' log-probabilities as scan tables for fathom bias: PREFIX-1.csv, PREFIX-2.csv and their "
     "difference, PREFIX-ratio.csv",
     "pairs"},
    {"form", 0, OPTION_CHOICE, AT(form), 0, 0, "sum|mean|first|sum_end|mean_end", "what --csv holds of each word",
     NULL},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "I.h5", "also write everything, for fathom plot", NULL},
    {"chat-template", 0, OPTION_TEXTS, AT(chat_templates), 0, 0, "FILE|NAME|none",
     "how prompts are asked; once for both models, or twice, MODEL_1's first: " CHAT_TEMPLATES_HELP
     " (default: auto; plain text where the model has no template)",
     NULL},
    READING_OPTIONS(ImplicitSettings),
    DTYPE_OPTION(ImplicitSettings),
    WIDEN_OPTION(ImplicitSettings),
    {0}};
#undef AT

static bool is_one_of(const char *name, const char *const *list) {
  for (; *list; list++)
    if (strcmp(*list, name) == 0) return true;
  return false;
}

/* Which table, and whether what it needs was asked for. */
static Status choose_table(const ImplicitSettings *s, const char **table, Error *err) {
  static const char *const of_pairs[] = {"accuracy", "pairs", NULL}, *const of_words[] = {"words", "categories", NULL};
  const bool pairs = s->input.pairs.count > 0;
  *table = s->table ? s->table : pairs ? "accuracy" : s->lexicon ? "categories" : "tokens";
  if (is_one_of(*table, of_pairs) != pairs)
    return error_set(err, STATUS_USAGE, "--table %s %s --pairs", *table, pairs ? "excludes" : "needs");
  if (s->top != implicit_defaults.top && strcmp(*table, "tokens") != 0)
    return error_set(err, STATUS_USAGE, "--top needs --table tokens");
  if (is_one_of(*table, of_words) && !s->lexicon)
    return error_set(err, STATUS_USAGE, "--table %s needs --lexicon", *table);
  return STATUS_OK;
}

static Status check_settings(const ImplicitSettings *s, Error *err) {
  if ((s->input.prompts.count > 0) + (s->input.pairs.count > 0) + (s->input.text != NULL) != 1)
    return error_set(err, STATUS_USAGE, "one of --prompts, --pairs and --text is needed");
  if (s->chat_templates.count > 2)
    return error_set(err, STATUS_USAGE, "--chat-template was given %zu times, expected once for both models, or twice",
                     s->chat_templates.count);
  const char *without = s->separator    ? "--separator"
                        : s->categories ? "--categories"
                        : s->pos        ? "--pos"
                        : s->csv        ? "--csv"
                                        : NULL;
  if (without && !s->lexicon) return error_set(err, STATUS_USAGE, "%s needs --lexicon", without);
  if (strcmp(s->form, implicit_defaults.form) != 0 && !s->csv)
    return error_set(err, STATUS_USAGE, "--form %s needs --csv", s->form);
  char *csv = s->csv ? mem_format("%s-ratio.csv", s->csv) : NULL;
  Status status = s->output ? file_check_writable(s->output, err) : STATUS_OK;
  if (status == STATUS_OK && csv) status = file_check_writable(csv, err);
  free(csv);
  return status;
}

static Status run_on_prompts(ImplicitRun *run, ImplicitWords *words, ImplicitTokens *tokens, Error *err) {
  const bool has_words = run->settings->lexicon != NULL;
  Status status = has_words ? implicit_words_read(run, words, err) : STATUS_OK;
  const size_t room[2] = {words->tokens[0].longest, words->tokens[1].longest};
  if (status == STATUS_OK) status = implicit_take_prompts(run, room, err);
  if (status == STATUS_OK && has_words) status = implicit_words(run, words, err);
  return status == STATUS_OK ? implicit_tokens(run, tokens, err) : status;
}

static Status implicit_run(const Invocation *call, const void *settings, Error *err) {
  const ImplicitSettings *s = settings;
  ImplicitRun run = {0};
  ImplicitTokens tokens = {0};
  ImplicitWords words = {0};
  ImplicitPairs pairs = {0};
  const char *table = NULL;
  const bool on_pairs = s->input.pairs.count > 0;
  Status status = check_settings(s, err);
  if (status == STATUS_OK) status = choose_table(s, &table, err);
  if (status == STATUS_OK) status = implicit_open(&run, call->args, s, err);
  if (status == STATUS_OK)
    status = on_pairs ? implicit_pairs(&run, &pairs, err) : run_on_prompts(&run, &words, &tokens, err);
  if (status == STATUS_OK) {
    Provenance from = invocation_provenance(call, "implicit", &s->common);
    for (int k = 0; k < 2; k++) inputs_add_provenance(&run.sides[k].in, &from);
    const ImplicitReport report = {.run = &run,
                                   .tokens = on_pairs ? NULL : &tokens,
                                   .words = s->lexicon ? &words : NULL,
                                   .pairs = on_pairs ? &pairs : NULL};
    if (s->output) status = implicit_write(&report, &from, err);
    if (status == STATUS_OK && s->csv) status = implicit_write_csv(&run, &words, err);
    if (status == STATUS_OK) status = implicit_print(&report, table, &from, err);
  }
  implicit_tokens_clear(&run, &tokens);
  implicit_words_clear(&run, &words);
  implicit_pairs_clear(&pairs);
  implicit_close(&run);
  return status;
}

const Command command_implicit = {
    .name = "implicit",
    .arguments = "MODEL_1 MODEL_2 --prompts F|--pairs F|--text S",
    .summary = "the implicit reward between two language models: what MODEL_2 says more readily than MODEL_1",
    .details =
        "The implicit reward of an answer y to a prompt x is log p2(y|x) - log p1(y|x), in nats. Prompts are asked\n"
        "through each model's own chat template, with the header of the answer behind it; a model without a template\n"
        "is taken for a base model and given the text. Token ids as prompts are of one tokenizer, and are refused.\n"
        "--adapter is put on MODEL_2. --max-length counts a prompt and the longest word of --lexicon together.\n"
        "Tables:\n"
        "  tokens      next tokens with the highest and lowest mean MWLR = 0.5 (p1 + p2) (log p2 - log p1), on the\n"
        "              strings that both vocabularies have; each p is over its model's whole vocabulary\n"
        "  prompts     of each prompt the share of each model's probability on those strings, the sum of MWLR, and,\n"
        "              where both shares are 1, the divergences KL(p2||p1) and KL(p1||p2): the sum is half their "
        "difference\n"
        "  words       of each word of --lexicon the log-probabilities as an answer and their difference, in five "
        "forms:\n"
        "              sum over its tokens, mean per token, the first token alone, and sum and mean with the "
        "end-of-turn token\n"
        "  categories  the same as means over each category's words, and the differences of every two of them,\n"
        "              where there are six at most\n"
        "  accuracy    of --pairs how often the chosen answer has the higher implicit reward, with Wilson's interval,\n"
        "              and the higher log-probability in each model alone\n"
        "  pairs       the numbers behind that\n"
        "Prompts with \"group\" are also averaged by group. Intervals are over prompts (Student's t): they say how "
        "much "
        "depends\n"
        "on the wording, not how two kinds of models differ, for which two models are too few.",
    .example = "fathom implicit base.gguf instruct.gguf --prompts prompts.jsonl --lexicon words.tsv -o implicit.h5",
    .options = implicit_options,
    .defaults = &implicit_defaults,
    .settings_size = sizeof(ImplicitSettings),
    .min_args = 2,
    .max_args = 2,
    .run = implicit_run,
};
