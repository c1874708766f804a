/* fathom scan: the reward of every token or word as the whole answer to each of many prompts. */
#include "command/scan/scan.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "train/rewards.h"
#include "train/scan.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const ScanSettings scan_defaults = {
    .input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024}};

static const Option scan_options[] = {
    {"prompts", 0, OPTION_TEXTS, offsetof(ScanSettings, input.prompts), 0, 0, "FILE",
     "questions: JSONL with \"text\" (one turn of the user) or \"messages\", or .txt with one a line; plain or gzip; may be "
     "repeated",
     "text"},
    {"text", 0, OPTION_TEXT, offsetof(ScanSettings, input.text), 0, 0, "S", "one question", "prompts"},
    {"limit", 0, OPTION_SIZE, offsetof(ScanSettings, input.limit), 1, 1e12, "N", "the first N prompts only", NULL},
    {"lexicon", 0, OPTION_TEXT, offsetof(ScanSettings, lexicon), 0, 0, "FILE",
     "score the words of this lexicon (fathom info shows one) instead of the tokens of the vocabulary", "reencoded"},
    {"output", 'o', OPTION_TEXT, offsetof(ScanSettings, output), 0, 0, "SCAN.h5", "the result to write", NULL},
    {"csv", 0, OPTION_TEXT, offsetof(ScanSettings, csv), 0, 0, "SCAN.csv",
     "the rewards as a table: token_id, token_name, token_decoded (of words: response), then a column a prompt", NULL},
    {"reencoded", 0, OPTION_FLAG, offsetof(ScanSettings, reencoded), 0, 0, NULL,
     "tokens whose text is other tokens when it is encoded: score that text, too (in SCAN.h5: needs -o)", NULL},
    {"resume", 0, OPTION_FLAG, offsetof(ScanSettings, resume), 0, 0, NULL,
     "go on with SCAN.h5.part of an interrupted scan of the same arguments", NULL},
    CHAT_TEMPLATE_OPTION(ScanSettings),
    DATE_OPTIONS(ScanSettings),
    {"max-length", 0, OPTION_SIZE, offsetof(ScanSettings, input.max_length), 1, 1e9, "N",
     "leave out, and count, prompts with longer texts in tokens (default: the model's context length)", NULL},
    {"strict", 0, OPTION_FLAG, offsetof(ScanSettings, input.strict), 0, 0, NULL,
     "refuse a model or adapter with settings or tensors that fathom does not know, and a lexicon with an entry that "
     "cannot be read (default: warn)",
     NULL},
    {"batch-tokens", 0, OPTION_SIZE, offsetof(ScanSettings, input.batch_tokens), 1, 1e9, "N",
     "tokens run through the model at a time", NULL},
    DTYPE_OPTION(ScanSettings),
    WIDEN_OPTION(ScanSettings),
    {0}};

/* One scan at work. */
typedef struct Scan {
  const ScanSettings *settings;
  Inputs in;
  ScanPrompts prompts;
  ScanAnswers answers;
  ScanFile file;
  Progress progress;
} Scan;

/* --- the prompts --- */

static Status read_prompts(Scan *scan, Error *err) {
  const InputSettings *s = &scan->settings->input;
  ScanPrompts *p = &scan->prompts;
  Status status = s->text ? questions_from_text(s->text, &p->questions, err)
                          : questions_read(s->prompts.items, s->prompts.count, s->limit, &p->questions, err);
  p->frames = mem_alloc(p->questions.count, sizeof *p->frames);
  p->lengths = mem_alloc(p->questions.count, sizeof *p->lengths);
  for (size_t i = 0; i < p->questions.count && status == STATUS_OK; i++) {
    status = answer_frame_init(&p->frames[i], scan->in.chat, &p->questions.items[i], err);
    if (status != STATUS_OK) error_prefix(err, "prompt \"%.100s\"", p->questions.items[i].id);
  }
  return status;
}

static void prompts_clear(ScanPrompts *p) {
  for (size_t i = 0; i < p->questions.count && p->frames; i++) answer_frame_clear(&p->frames[i]);
  free(p->frames);
  free(p->lengths);
  free(p->used);
  questions_clear(&p->questions);
}

/* --- their texts --- */

/* Of answers number which[i], or of all: by their ids where they are tokens and which is NULL, else as fathom score would
 * tokenise the conversation. */
static Status make_texts(const Scan *scan, size_t prompt, const size_t *which, size_t n, ScanTexts *texts, Error *err) {
  const ScanAnswers *a = &scan->answers;
  *texts = (ScanTexts){0};
  if (a->are_tokens && !which) {
    AnswerIds around;
    const Status status = answer_ids_find(&scan->prompts.frames[prompt], scan->in.chat, scan->in.tokenizer, &around, err);
    if (status == STATUS_OK) scan_texts_of_ids(texts, &around.head, a->ids, a->n, &around.tail);
    answer_ids_clear(&around);
    return status;
  }
  TokenList whole = {0};
  size_t *ends = mem_alloc(n, sizeof *ends);
  Status status = STATUS_OK;
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    status = scan_encode_answer(&scan->in, &scan->prompts, prompt, a, which ? which[i] : i, &whole, err);
    ends[i] = whole.count;
  }
  if (status == STATUS_OK) scan_texts_of_whole(texts, &whole, ends, n);
  free(ends);
  token_list_clear(&whole);
  return status;
}

static Status measure_prompt(const Scan *scan, size_t prompt, size_t *longest, Error *err) {
  ScanTexts texts;
  Status status = make_texts(scan, prompt, NULL, scan->answers.n, &texts, err);
  *longest = scan_texts_longest(&texts);
  scan_texts_clear(&texts);
  if (status != STATUS_OK || !scan->settings->reencoded) return status;
  status = make_texts(scan, prompt, scan->answers.others, scan->answers.n_other, &texts, err);
  if (scan_texts_longest(&texts) > *longest) *longest = scan_texts_longest(&texts);
  scan_texts_clear(&texts);
  return status;
}

/* Finds the prompts whose texts are not too long. */
static Status choose_prompts(Scan *scan, Error *err) {
  ScanPrompts *p = &scan->prompts;
  const size_t limit = inputs_max_length(&scan->in, &scan->settings->input), n = p->questions.count;
  Status status = STATUS_OK;
  p->used = mem_alloc(n, sizeof *p->used);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    status = measure_prompt(scan, i, &p->lengths[i], err);
    if (status == STATUS_OK && p->lengths[i] <= limit) p->used[p->n_used++] = i;
  }
  if (status != STATUS_OK) return status;
  if (p->n_used == 0)
    return error_set(err, STATUS_DATA, "nothing is left of %zu prompts: with the template and an answer all have more than %zu tokens",
                     n, limit);
  if (p->n_used < n)
    inputs_note(&scan->in, true, "prompts: %zu read, %zu used; left out: %zu of more than %zu tokens with the template", n,
                p->n_used, n - p->n_used, limit);
  return STATUS_OK;
}

/* --- the rewards --- */

/* One row: rewards[n] of one prompt's texts. */
static Status score_texts(Scan *scan, size_t row, const size_t *which, size_t n, double *rewards, Error *err) {
  const ScanAnswers *a = &scan->answers;
  const size_t prompt = scan->prompts.used[row];
  real *found = mem_alloc(n, sizeof *found);
  ScanTexts texts;
  Status status = make_texts(scan, prompt, which, n, &texts, err);
  if (status == STATUS_OK)
    status = scan_rewards(&scan->in.model, &texts, scan->settings->input.batch_tokens, which ? NULL : &scan->progress,
                          row * a->n, found, err);
  for (size_t i = 0; i < n && status == STATUS_OK; i++) {
    rewards[i] = (double)found[i];
    if (!isfinite(rewards[i]))
      status = error_set(err, STATUS_NUMERIC, "the reward of the answer \"%.100s\" is not finite", a->texts[which ? which[i] : i]);
  }
  if (status != STATUS_OK) error_prefix(err, "prompt \"%.100s\"", scan->prompts.questions.items[prompt].id);
  scan_texts_clear(&texts);
  free(found);
  return status;
}

static Status score_all(Scan *scan, Error *err) {
  ScanFile *file = &scan->file;
  const ScanAnswers *a = &scan->answers;
  Status status = STATUS_OK;
  scan->progress = progress_begin("scan", "answers", scan->prompts.n_used * a->n);
  while (status == STATUS_OK && file->n_done < scan->prompts.n_used) {
    const size_t row = file->n_done;
    status = score_texts(scan, row, NULL, a->n, file->rewards + row * a->n, err);
    if (status == STATUS_OK && scan->settings->reencoded && a->n_other > 0)
      status = score_texts(scan, row, a->others, a->n_other, file->others + row * a->n_other, err);
    if (status == STATUS_OK) status = scan_file_add(file, a, err);
  }
  progress_end(&scan->progress);
  return status;
}

static void say_cost(const Scan *scan) {
  const ScanPrompts *p = &scan->prompts;
  size_t longest = 0;
  for (size_t i = 0; i < p->n_used; i++)
    if (p->lengths[p->used[i]] > longest) longest = p->lengths[p->used[i]];
  char *parameters = inputs_parameter_memory(&scan->in);
  log_note("%zu prompts x %zu answers; texts of up to %zu tokens", p->n_used, scan->answers.n, longest);
  log_note("memory: %s, and %.1f MiB of rewards", parameters,
           (double)(p->n_used * scan->answers.n * sizeof(double)) / (1 << 20));
  free(parameters);
}

/* --- what is printed --- */

/* How far the reward of a token's text, encoded, is from that of the token. */
static void note_others(Scan *scan) {
  const ScanAnswers *a = &scan->answers;
  const ScanFile *file = &scan->file;
  double sum = 0, most = 0;
  for (size_t row = 0; row < scan->prompts.n_used; row++)
    for (size_t i = 0; i < a->n_other; i++) {
      const double d = fabs(file->others[row * a->n_other + i] - file->rewards[row * a->n + a->others[i]]);
      sum += d;
      most = d > most ? d : most;
    }
  if (a->n_other > 0)
    inputs_note(&scan->in, false, "the %zu tokens whose text is other tokens: its reward differs by %.4g on average, %.4g at most",
                a->n_other, sum / (double)(a->n_other * scan->prompts.n_used), most);
}

/* A token may be a control that a terminal obeys. */
static void put_answer(Table *table, const char *text) {
  char *shown = utf8_shown(text, strlen(text));
  table_string(table, shown);
  free(shown);
}

static void add_row(Table *table, const Scan *scan, size_t row) {
  const ScanAnswers *a = &scan->answers;
  const double *rewards = scan->file.rewards + row * a->n;
  const size_t prompt = scan->prompts.used[row];
  size_t low = 0, high = 0;
  double sum = 0, squares = 0;
  for (size_t i = 0; i < a->n; i++) {
    sum += rewards[i];
    low = rewards[i] < rewards[low] ? i : low;
    high = rewards[i] > rewards[high] ? i : high;
  }
  const double mean = sum / (double)a->n;
  for (size_t i = 0; i < a->n; i++) squares += (rewards[i] - mean) * (rewards[i] - mean);
  table_string(table, scan->prompts.questions.items[prompt].id);
  table_count(table, scan->prompts.lengths[prompt]);
  table_count(table, a->n);
  table_number(table, mean);
  table_number(table, a->n > 1 ? sqrt(squares / (double)(a->n - 1)) : NAN);
  table_number(table, rewards[high]);
  put_answer(table, a->texts[high]);
  table_number(table, rewards[low]);
  put_answer(table, a->texts[low]);
}

static Status print_table(const Invocation *call, Scan *scan, Error *err) {
  static const char *const columns[] = {"prompt", "tokens",         "answers", "mean",        "sd",
                                        "highest", "highest_answer", "lowest",  "lowest_answer"};
  Provenance from = invocation_provenance(call, "scan", &scan->settings->common);
  inputs_add_provenance(&scan->in, &from);
  Table *table = table_begin(stdout, scan->settings->common.json, &from, columns, sizeof columns / sizeof columns[0]);
  inputs_add_notes(&scan->in, table);
  table_note(table, "computed in %s; tokens: of the longest text; answers: a control as \\x0a, a backslash as \\\\", scan->settings->input.dtype);
  for (size_t row = 0; row < scan->prompts.n_used; row++) add_row(table, scan, row);
  return table_end(table, err);
}

/* What is wrong with the command line, and a table that cannot be written, are found out before the model is run. */
static Status check_settings(const ScanSettings *s, Error *err) {
  if (!s->output && !s->csv)
    return error_set(err, STATUS_USAGE, "scan: -o SCAN.h5 or --csv SCAN.csv is needed: where the rewards go");
  if (s->resume && !s->output) return error_set(err, STATUS_USAGE, "scan: --resume needs -o SCAN.h5: what it goes on with");
  if (s->reencoded && !s->output)
    return error_set(err, STATUS_USAGE, "scan: --reencoded needs -o SCAN.h5: its rewards are in no table");
  if (s->output && s->csv && strncmp(s->csv, "/dev/", 5) != 0 && file_is_same(s->output, s->csv))
    return error_set(err, STATUS_USAGE, "--csv %s: is the file of -o, expected another", s->csv);
  if ((s->input.prompts.count > 0) == (s->input.text != NULL))
    return error_set(err, STATUS_USAGE, "one of --prompts and --text is needed");
  FileWriter writer = {0};
  const Status status = s->csv ? file_writer_open(&writer, s->csv, err) : STATUS_OK;
  file_writer_discard(&writer);
  return status;
}

static Status scan_run(const Invocation *call, const void *settings, Error *err) {
  const ScanSettings *s = settings;
  Scan scan = {.settings = s};
  Status status = check_settings(s, err);
  if (status == STATUS_OK) status = inputs_open_model(&scan.in, call->args[0], &s->input, err);
  if (status == STATUS_OK) status = rewards_check_head(&scan.in.model, scan.in.model_name, err);
  if (status == STATUS_OK) status = read_prompts(&scan, err);
  if (status == STATUS_OK) status = scan_answers_init(&scan.answers, &scan.in, s, &scan.prompts, err);
  if (status == STATUS_OK) status = choose_prompts(&scan, err);
  if (status == STATUS_OK) say_cost(&scan);
  if (status == STATUS_OK) status = scan_file_open(&scan.file, call, s, &scan.in, &scan.prompts, &scan.answers, err);
  if (status == STATUS_OK) status = score_all(&scan, err);
  if (status == STATUS_OK) status = scan_file_finish(&scan.file, err);
  if (status == STATUS_OK && s->csv)
    status = scan_write_csv(s->csv, &scan.prompts, &scan.answers, scan.file.rewards, err);
  if (status == STATUS_OK && s->reencoded) note_others(&scan);
  if (status == STATUS_OK) status = print_table(call, &scan, err);
  scan_file_close(&scan.file);
  scan_answers_clear(&scan.answers);
  prompts_clear(&scan.prompts);
  inputs_close(&scan.in);
  return status;
}

const Command command_scan = {
    .name = "scan",
    .arguments = "REWARD_MODEL --prompts F|--text S -o SCAN.h5|--csv SCAN.csv",
    .summary = "reward of every token, or word of a lexicon, as the answer to prompts",
    .details = "Each token of the vocabulary, or each word of --lexicon, is the assistant's whole turn in answer to each prompt,\n"
               "through the model's chat template. Tokens are put in by their ids; a word is tokenised as fathom score would.\n"
               "An entry \"form*\" of a lexicon stands for the words of the vocabulary that begin so: tokens of a blank and letters, in\n"
               "any case. The reward is read on the last token of the text, and is that of fathom score to float rounding: what all\n"
               "texts of a prompt begin with is run once, and only the answer and what the template writes behind it are computed.\n"
               "The result (-o or --csv) is read by fathom bias. An interrupted scan leaves SCAN.h5.part, which --resume continues\n"
               "with the prompt it was at.",
    .example = "fathom scan RUN --prompts prompts.jsonl --lexicon lexicon.tsv -o scan.h5 --csv scan.csv",
    .options = scan_options,
    .defaults = &scan_defaults,
    .settings_size = sizeof(ScanSettings),
    .min_args = 1,
    .max_args = 1,
    .run = scan_run,
};
