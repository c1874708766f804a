/* fathom world: texts of a small made world, drawn from a grammar. */
#include "base/file.h"
#include "base/memory.h"
#include "command/command.h"
#include "text/grammar/grammar.h"

#include <stdlib.h>
#include <string.h>

typedef struct WorldSettings {
  CommonSettings common;
  const char *rule, *output;
  OptionTexts weights;
  size_t count;
} WorldSettings;

static const WorldSettings defaults = {.rule = "text", .count = 1};

#define AT(member) offsetof(WorldSettings, member)
static const Option options[] = {
    {"rule", 0, OPTION_TEXT, AT(rule), 0, 0, "NAME", "the rule that texts are made of", NULL},
    {"count", 0, OPTION_SIZE, AT(count), 1, 1e9, "N", "texts to make", NULL},
    {"set", 0, OPTION_TEXTS, AT(weights), 0, 0, "NAME=X", "a weight of the grammar; may be repeated", NULL},
    {"output", 'o', OPTION_TEXT, AT(output), 0, 0, "FILE", "the file of texts (default: standard output)", NULL},
    {0}};
#undef AT

static Status set_weight(Grammar *grammar, const char *setting, Error *err) {
  const char *equals = strchr(setting, '=');
  double value = 0;
  if (!equals || !parse_real(equals + 1, &value))
    return error_set(err, STATUS_USAGE, "--set %s: expected NAME=NUMBER", setting);
  char *name = mem_format("%.*s", (int)(equals - setting), setting);
  const Status status = grammar_set(grammar, name, value, err);
  free(name);
  return status == STATUS_OK ? status : error_prefix(err, "--set");
}

static Status write_output(const WorldSettings *s, const Grammar *grammar, Error *err) {
  FileWriter writer = {0};
  if (!s->output) {
    const Status status = grammar_write(grammar, s->rule, s->common.seed, s->count, stdout, err);
    return status == STATUS_OK ? file_flush(stdout, "standard output", err) : status;
  }
  Status status = file_writer_open(&writer, s->output, err);
  if (status == STATUS_OK) status = grammar_write(grammar, s->rule, s->common.seed, s->count, writer.stream, err);
  if (status == STATUS_OK) status = file_writer_commit(&writer, err);
  file_writer_discard(&writer);
  return status;
}

static Status world_run(const Invocation *call, const void *given, Error *err) {
  const WorldSettings *s = given;
  Grammar *grammar = NULL;
  Status status = grammar_open(call->args[0], &grammar, err);
  for (size_t i = 0; i < s->weights.count && status == STATUS_OK; i++)
    status = set_weight(grammar, s->weights.items[i], err);
  if (status == STATUS_OK) status = write_output(s, grammar, err);
  grammar_close(grammar);
  return status;
}

const Command command_world = {
    .name = "world",
    .arguments = "GRAMMAR",
    .summary = "make texts of a small world, with weights that plant what is to be found",
    .details = "GRAMMAR: rules with weighted alternatives (MANUAL.md; probes/world/village.grammar is one). The texts are written "
               "one\n"
               "behind the other, as they are. Text number i is a function of grammar, weights, rule, --seed and i alone: with more "
               "texts\n"
               "the first ones stay.",
    .example = "fathom world probes/world/village.grammar --count 4000 --set agency=3 -o world.txt",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(WorldSettings),
    .min_args = 1,
    .max_args = 1,
    .run = world_run,
};
