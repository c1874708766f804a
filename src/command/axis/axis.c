/* fathom axis: value axes in hidden states, fit, tested, projected on, compared. */
#include "command/axis/axis.h"

#include "base/file.h"
#include "base/memory.h"
#include "command/info/info.h"

#include <stdlib.h>
#include <string.h>

/* What an argument is: a result of kind "axis", an activation store, or else a model. */
typedef enum ArgumentKind { A_MODEL, A_STORE, AN_AXIS } ArgumentKind;

static Status kind_of(const char *path, ArgumentKind *kind, Error *err) {
  char *name = NULL;
  *kind = A_MODEL;
  if (!info_is_h5(path)) return STATUS_OK;
  Status status = h5_file_kind(path, &name, err);
  if (status != STATUS_OK) return status;
  if (strcmp(name, "activations") == 0)
    *kind = A_STORE;
  else if (strcmp(name, "axis") == 0)
    *kind = AN_AXIS;
  else
    status = error_set(err, STATUS_DATA, "%s: holds a result of kind %s, expected a model, activations or axes", path, name);
  free(name);
  return status;
}

static const AxisSettings defaults;

/* Options that only the fitting of an axis has a use for. */
static Status check_only_reads(const AxisSettings *s, Error *err) {
  const struct {
    bool given;
    const char *name;
  } all[] = {{s->lexicon, "lexicon"},
             {s->poles != defaults.poles, "poles"},
             {s->others, "others"},
             {s->pos, "pos"},
             {s->templates, "templates"},
             {s->method != defaults.method, "method"},
             {s->residualise, "residualise"},
             {s->covariates, "covariates"},
             {s->folds != defaults.folds, "folds"},
             {s->permutations != defaults.permutations, "permutations"},
             {s->input.adapter, "adapter"},
             {s->input.dtype != defaults.input.dtype, "dtype"},
             {s->input.widen, "widen"},
             {s->input.strict, "strict"},
             {s->input.batch_tokens != defaults.input.batch_tokens, "batch-tokens"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (all[i].given)
      return error_set(err, STATUS_USAGE, "--%s is for fitting an axis, not for a saved one", all[i].name);
  return STATUS_OK;
}

/* Options that say how an axis is fit from the other kind of argument, or used. */
static Status check_only_builds(const AxisSettings *s, bool from_store, Error *err) {
  const struct {
    bool given, store, model; /* has it a use there? */
    const char *name;
  } all[] = {{s->lexicon, false, true, "lexicon"},
             {s->pos, false, true, "pos"},
             {s->templates, false, true, "templates"},
             {s->residualise, false, true, "residualise"},
             {s->covariates, false, true, "covariates"},
             {s->input.adapter, false, true, "adapter"},
             {s->input.dtype != defaults.input.dtype, false, true, "dtype"},
             {s->input.widen, false, true, "widen"},
             {s->input.strict, false, true, "strict"},
             {s->input.batch_tokens != defaults.input.batch_tokens, false, true, "batch-tokens"},
             {s->keep_first, true, false, "keep-first"},
             {s->by != defaults.by, false, false, "by"}};
  for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
    if (all[i].given && !(from_store ? all[i].store : all[i].model))
      return error_set(err, STATUS_USAGE, "--%s is not for fitting an axis from %s", all[i].name,
                       from_store ? "a store, whose labels and groups are its words" : "a model");
  if (s->covariates && !s->residualise)
    return error_set(err, STATUS_USAGE, "--covariates: --residualise names the columns that are wanted");
  return from_store || s->lexicon ? STATUS_OK
                                  : error_set(err, STATUS_USAGE, "axis: --lexicon F is needed: which words?");
}

static Status build(const Invocation *call, const AxisSettings *s, bool from_store, Error *err) {
  AxisData data = {0};
  const char *path = call->args[0];
  if (call->n_args > 1)
    return error_set(err, STATUS_USAGE, "axis: one model or store to fit on, found %zu arguments; projections and "
                                        "comparisons begin with a file of axes", call->n_args);
  Status status = check_only_builds(s, from_store, err);
  if (status != STATUS_OK) return status;
  status = from_store ? axis_from_store(path, s, &data, err) : axis_from_model(path, s, &data, err);
  if (status == STATUS_OK) status = axis_build(call, s, &data, err);
  axis_data_clear(&data);
  return status;
}

/* A saved axis alone: its control vector. */
static Status convert(const char *path, const AxisSettings *s, Error *err) {
  AxisFile file = {0};
  char *architecture = NULL;
  if (!s->control_vector || s->output)
    return error_set(err, STATUS_USAGE, "axis: %s holds axes: add stores to project, axes to compare with, or "
                                        "--control-vector alone", path);
  Status status = axis_file_open(path, &file, err);
  bool *chosen = mem_alloc(file.n_axes, sizeof *chosen);
  const char **names = mem_alloc(file.n_axes, sizeof *names);
  size_t n = 0;
  if (status == STATUS_OK) status = axis_choose(s, &file, chosen, err);
  for (size_t k = 0; k < file.n_axes && status == STATUS_OK; k++) {
    if (!chosen[k]) continue;
    const ValueAxis kept = file.axes[n];
    names[n] = file.axes[k].site;
    file.axes[n++] = file.axes[k];
    file.axes[k] = kept;
  }
  if (status == STATUS_OK) status = axis_check_sites(s, names, n, err);
  free(chosen);
  free(names);
  if (status == STATUS_OK) status = result_read_attribute(file.result, "architecture", &architecture, err);
  if (status == STATUS_OK)
    status = axis_write_control_vector(s->control_vector, file.axes, n, architecture, err);
  free(architecture);
  axis_file_close(&file);
  return status;
}

static Status read_saved(const Invocation *call, const AxisSettings *s, Error *err) {
  ArgumentKind kind = AN_AXIS;
  Status status = check_only_reads(s, err);
  if (status != STATUS_OK) return status;
  if (call->n_args == 1) return convert(call->args[0], s, err);
  if (s->control_vector) return error_set(err, STATUS_USAGE, "--control-vector takes a model, or one file of axes");
  for (size_t i = 1; i < call->n_args && status == STATUS_OK; i++) {
    ArgumentKind other;
    status = kind_of(call->args[i], &other, err);
    if (i > 1 && status == STATUS_OK && other != kind)
      status = error_set(err, STATUS_USAGE, "axis: %s and %s are not of one kind: activations are projected, axes "
                                            "compared", call->args[1], call->args[i]);
    kind = other;
  }
  if (status != STATUS_OK) return status;
  if (kind == A_STORE) return axis_project_stores(call, s, err);
  if (kind == A_MODEL)
    return error_set(err, STATUS_USAGE, "%s: expected activations (fathom record) or axes behind %s", call->args[1],
                     call->args[0]);
  if (s->keep_first || s->by != defaults.by)
    return error_set(err, STATUS_USAGE, "--%s is for stores, not for comparing axes", s->keep_first ? "keep-first" : "by");
  if (call->n_args > 2) return error_set(err, STATUS_USAGE, "axis: two files of axes are compared, found %zu", call->n_args);
  return axis_shift(call, s, err);
}

/* Could what was asked for be written? Found out before anything is computed. */
static Status check_outputs(const Invocation *call, const AxisSettings *s, Error *err) {
  const char *const outputs[] = {s->output, s->control_vector}, *const read[] = {s->lexicon, s->templates, s->covariates};
  if (s->output && s->control_vector && file_is_same(s->output, s->control_vector))
    return error_set(err, STATUS_USAGE, "--output and --control-vector are one file, %s", s->output);
  for (size_t k = 0; k < 2; k++) {
    for (size_t i = 0; outputs[k] && i < call->n_args; i++)
      if (file_is_same(outputs[k], call->args[i]))
        return error_set(err, STATUS_USAGE, "%s is read: expected another file to write to", outputs[k]);
    for (size_t i = 0; outputs[k] && i < 3; i++)
      if (read[i] && file_is_same(outputs[k], read[i]))
        return error_set(err, STATUS_USAGE, "%s is read: expected another file to write to", outputs[k]);
    const Status status = outputs[k] ? file_check_writable(outputs[k], err) : STATUS_OK;
    if (status != STATUS_OK) return status;
  }
  return STATUS_OK;
}

static Status run(const Invocation *call, const void *given, Error *err) {
  const AxisSettings *s = given;
  ArgumentKind kind;
  if (s->bootstrap && s->bootstrap < BOOTSTRAP_LEAST)
    return error_set(err, STATUS_USAGE, "--bootstrap %zu: expected 0 or at least %d resamples", s->bootstrap,
                     BOOTSTRAP_LEAST);
  if (strchr(s->poles, ',') == NULL || strchr(s->poles, ',') != strrchr(s->poles, ','))
    return error_set(err, STATUS_USAGE, "--poles %s: expected two names, such as agency,communion", s->poles);
  Status status = check_outputs(call, s, err);
  if (status == STATUS_OK) status = kind_of(call->args[0], &kind, err);
  if (status != STATUS_OK) return status;
  return kind == AN_AXIS ? read_saved(call, s, err) : build(call, s, kind == A_STORE, err);
}

static const Option options[] = {
    {"lexicon", 0, OPTION_TEXT, offsetof(AxisSettings, lexicon), 0, 0, "FILE",
     "the words: a lexicon in a layout that fathom info reads", NULL},
    {"poles", 0, OPTION_TEXT, offsetof(AxisSettings, poles), 0, 0, "A,B",
     "the categories the axis runs between; A is its positive side", NULL},
    {"others", 0, OPTION_TEXT, offsetof(AxisSettings, others), 0, 0, "NAME,...",
     "further categories, put on the axis and not used to fit it", NULL},
    {"pos", 0, OPTION_TEXT, offsetof(AxisSettings, pos), 0, 0, "NAME", "words of this part of speech only", NULL},
    {"templates", 0, OPTION_TEXT, offsetof(AxisSettings, templates), 0, 0, "FILE",
     "sentences for the words: a TSV of id, pos, sentence with {word} (default: four of fathom's own)", NULL},
    {"sites", 0, OPTION_TEXT, offsetof(AxisSettings, sites), 0, 0, "NAME,...",
     "sites, by full names or short forms (default: resid_post of a model, all of a store)", NULL},
    {"layers", 0, OPTION_TEXT, offsetof(AxisSettings, layers), 0, 0, "LIST",
     "of which blocks, such as 0,3-7,-1 (default: all)", NULL},
    {"method", 0, OPTION_CHOICE, offsetof(AxisSettings, method), 0, 0, "mean|lda|logistic",
     "difference of means, linear discriminant with Ledoit-Wolf shrinkage, logistic regression", NULL},
    {"residualise", 0, OPTION_TEXT, offsetof(AxisSettings, residualise), 0, 0, "NAME,...",
     "regress out tokens, length, zipf, valence (of the lexicon) or columns of --covariates, by the words that are fit",
     NULL},
    {"covariates", 0, OPTION_TEXT, offsetof(AxisSettings, covariates), 0, 0, "FILE",
     "a TSV or CSV with a column word and columns of numbers", NULL},
    {"folds", 0, OPTION_SIZE, offsetof(AxisSettings, folds), 2, 1000, "N", "parts of whole lemmas, held out in turn",
     NULL},
    {"permutations", 0, OPTION_SIZE, offsetof(AxisSettings, permutations), 0, 1e6, "B",
     "of the poles, with the axis refit, and as many random axes, at most 1000; 0 for neither", NULL},
    {"bootstrap", 0, OPTION_SIZE, offsetof(AxisSettings, bootstrap), 0, 1e6, "B",
     "resamples of the intervals of scores, projections and shifts; 0: no intervals at all", NULL},
    {"by", 0, OPTION_CHOICE, offsetof(AxisSettings, by), 0, 0, "label|group|none",
     "how the samples of stores that are projected are grouped", NULL},
    {"keep-first", 0, OPTION_FLAG, offsetof(AxisSettings, keep_first), 0, 0, NULL,
     "keep position 0 of each sequence of a store", NULL},
    {"adapter", 0, OPTION_TEXT, offsetof(AxisSettings, input.adapter), 0, 0, "DIR",
     "a LoRA adapter in PEFT's layout, put on MODEL", NULL},
    {"strict", 0, OPTION_FLAG, offsetof(AxisSettings, input.strict), 0, 0, NULL,
     "refuse what is warned of: unknown settings of a model, entries and categories of a lexicon", NULL},
    {"batch-tokens", 0, OPTION_SIZE, offsetof(AxisSettings, input.batch_tokens), 1, 1e9, "N",
     "tokens run through the model at a time", NULL},
    DTYPE_OPTION(AxisSettings),
    WIDEN_OPTION(AxisSettings),
    {"output", 'o', OPTION_TEXT, offsetof(AxisSettings, output), 0, 0, "FILE.h5",
     "write the axes (or projections, or the comparison) to a file", NULL},
    {"control-vector", 0, OPTION_TEXT, offsetof(AxisSettings, control_vector), 0, 0, "FILE.gguf",
     "write the axes at resid_post of blocks 1 and up as a control vector for llama.cpp; 1 is one standard deviation of "
     "the words to the first pole",
     NULL},
    {0}};

static const AxisSettings defaults = {.input = {.dtype = "float32", .chat_template = "auto", .batch_tokens = 1024},
                                      .poles = "agency,communion",
                                      .method = "mean",
                                      .by = "label",
                                      .folds = 5,
                                      .permutations = 1000,
                                      .bootstrap = 1000};

const Command command_axis = {
    .name = "axis",
    .arguments = "MODEL --lexicon F -o X.h5 | STORE.h5 -o X.h5 | X.h5 STORE.h5... | X.h5 Y.h5",
    .summary = "value axes in hidden states: fit, tested on held-out words, projected on, compared",
    .details =
        "What the first argument is decides what is done:\n"
        "  MODEL       the words of --lexicon are put into sentences, and read off at their last token: an axis for each "
        "site\n"
        "  STORE.h5    the same from recorded activations: a sample's label is its category, its group its word\n"
        "  X.h5 STORE.h5...  activations of the same model, or one trained from it, along the axes of X.h5: means of "
        "groups\n"
        "  X.h5 Y.h5   the same words in two models: shift along X's axes, and rotation of the axes\n\n"
        "An axis is judged on words it was not fit on. Folds are of whole lemmas, so that inflections do not leak; auc is\n"
        "how often a word of the first pole scores above one of the second (pairs of one fold), g is Hedges' g of the\n"
        "held-out scores, both with intervals over lemmas. For p the lemmas exchange their poles inside their fold and the\n"
        "axis is fit anew every time; its unit is the lemma, and p_max allows for the number of sites. random_auc is what\n"
        "Gaussian axes reach whose sign is set on the other folds. A score is 0 half-way between the poles and 1 a\n"
        "standard deviation of the words further to the first; it is fathom's own, and so is the penalty of logistic:\n"
        "|w|^2 / 2 beside the summed loss, rows scaled so that the mean variance of a column is 1.\n\n"
        "Shift is in standard deviations of X's words along X's axis, rotation in degrees; their unit is the lemma.",
    .example = "fathom axis models/SmolLM2-135M-Instruct.Q4_1.gguf --lexicon probes/lexicons/agency-communion.tsv -o axes.h5",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(AxisSettings),
    .min_args = 1,
    .max_args = PROVENANCE_MODELS,
    .run = run,
};
