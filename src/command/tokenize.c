/* fathom tokenize: one text to token ids, or ids back to text. */
#include "base/json.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "command/command.h"
#include "text/tokenizer/tokenizer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct Settings {
  CommonSettings common;
  bool decode, no_special, no_parse_special;
} Settings;

static const Settings defaults = {0};

static const Option options[] = {
    {"decode", 0, OPTION_FLAG, offsetof(Settings, decode), 0, 0, NULL,
     "standard input is ids, blanks or newlines between them; print the bytes they stand for",
     "no-special,no-parse-special"},
    {"no-special", 0, OPTION_FLAG, offsetof(Settings, no_special), 0, 0, NULL, "add no begin- or end-of-sequence token",
     NULL},
    {"no-parse-special", 0, OPTION_FLAG, offsetof(Settings, no_parse_special), 0, 0, NULL,
     "read <|...|> in the text as plain text", NULL},
    {0}};

enum { INPUT_LIMIT = 1 << 29 };

/* All of standard input as it is, NUL-terminated beside *size. */
static Status read_input(char **bytes, size_t *size, Error *err) {
  size_t room = 1 << 16, used = 0;
  char *text = mem_resize(NULL, room, 1);
  while (used <= INPUT_LIMIT) {
    if (used + 1 >= room) text = mem_resize(text, room *= 2, 1);
    const size_t n = fread(text + used, 1, room - used - 1, stdin);
    if (n == 0) break;
    used += n;
  }
  text[used] = 0;
  *bytes = text;
  *size = used;
  if (ferror(stdin)) return error_system(err, "standard input: cannot read");
  if (used > INPUT_LIMIT) return error_set(err, STATUS_DATA, "standard input: more than %d bytes", INPUT_LIMIT);
  return STATUS_OK;
}

static Status parse_ids(const char *text, size_t size, TokenList *tokens, Error *err) {
  static const char blanks[] = " \t\r\n";
  for (size_t at = 0;;) {
    while (at < size && text[at] && strchr(blanks, text[at])) at++;
    if (at == size) return STATUS_OK;
    char word[16] = "";
    size_t n = 0, id;
    while (at + n < size && text[at + n] && !strchr(blanks, text[at + n])) n++;
    if (n < sizeof word) memcpy(word, text + at, n);
    if (!parse_size(word, &id) || id > INT32_MAX)
      return error_set(err, STATUS_DATA, "standard input: \"%.*s\" is no token id", n < 40 ? (int)n : 40, text + at);
    token_list_add(tokens, (int32_t)id);
    at += n;
  }
}

/* One row a token: its place, its id, the text it stands for on its own. */
static Status print_table(const Invocation *call, const Settings *settings, const Tokenizer *tokenizer,
                          const char *model, const TokenList *tokens, Error *err) {
  static const char *const columns[] = {"position", "id", "text"};
  Provenance provenance = invocation_provenance(call, "tokenize", &settings->common);
  provenance.models[0].path = model;
  provenance.n_models = 1;
  Table *table = table_begin(stdout, true, &provenance, columns, 3);
  Status status = STATUS_OK;
  for (size_t i = 0; i < tokens->count && status == STATUS_OK; i++) {
    char *text;
    size_t size;
    status = tokenizer_decode(tokenizer, &tokens->ids[i], 1, &text, &size, err);
    if (status != STATUS_OK) break;
    table_count(table, i);
    table_count(table, (size_t)tokens->ids[i]);
    table_string(table, utf8_valid_prefix(text, size) == size ? text : NULL); /* part of a character has no text */
    free(text);
  }
  const Status ended = table_end(table, err);
  return status == STATUS_OK ? ended : status;
}

static void print_ids(const TokenList *tokens) {
  for (size_t i = 0; i < tokens->count; i++) printf(i ? " %d" : "%d", tokens->ids[i]);
  putchar('\n');
}

static Status run(const Invocation *call, const void *given, Error *err) {
  const Settings *settings = given;
  const char *model = call->args[0];
  Source *source = NULL;
  Tokenizer *tokenizer = NULL;
  TokenList tokens = {0};
  char *input = NULL, *text = NULL;
  size_t size = 0;
  const unsigned flags =
      (settings->no_special ? 0u : TOKENIZE_ADD_SPECIAL) | (settings->no_parse_special ? 0u : TOKENIZE_PARSE_SPECIAL);
  Status status = source_open(model, &source, err);
  if (status == STATUS_OK) status = tokenizer_open(source, &tokenizer, err);
  if (status == STATUS_OK) status = read_input(&input, &size, err);
  if (status != STATUS_OK) goto done;
  if (settings->decode) {
    status = parse_ids(input, size, &tokens, err);
    if (status == STATUS_OK) status = tokenizer_decode(tokenizer, tokens.ids, tokens.count, &text, &size, err);
  } else {
    status = tokenizer_encode(tokenizer, input, size, flags, &tokens, err);
  }
  if (status != STATUS_OK) goto done;
  if (settings->common.json)
    status = print_table(call, settings, tokenizer, model, &tokens, err);
  else if (settings->decode)
    fwrite(text, 1, size, stdout); /* a failure shows when main flushes */
  else
    print_ids(&tokens);
done:
  free(text);
  free(input);
  token_list_clear(&tokens);
  tokenizer_close(tokenizer);
  source_close(source);
  return status;
}

const Command command_tokenize = {
    .name = "tokenize",
    .arguments = "MODEL",
    .summary = "token ids of a text, or the text of token ids",
    .details = "MODEL is a Hugging Face folder with a tokenizer.json or a GGUF file, which may hold the vocabulary "
               "alone. Standard\n"
               "input is one text, byte for byte, a final newline included; its ids are printed on one line. Special "
               "tokens such\n"
               "as <|im_start|> are recognised in the text, and begin- and end-of-sequence tokens are added where the "
               "model adds\n"
               "them. With --json each token is a row: position, id and text (null for a part of a character).",
    .example = "printf 'Hello world' | fathom tokenize models/smollm2.gguf",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof defaults,
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
