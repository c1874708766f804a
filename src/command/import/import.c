/* fathom import: activations made elsewhere, in arrays of numpy or safetensors, as an activation store. */
#include "command/import/import.h"

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "config.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK_FLOATS = 1 << 21 }; /* of rows at a time */

/* What is not finite in the store, counted after conversion. */
typedef struct Nonfinite {
  size_t values, rows, sites;
  size_t first_site, first_row;
} Nonfinite;

/* Which sizes of floats end as infinities in a type of the store. */
static float infinite_from(StoreDtype dtype) {
  return dtype == STORE_F16 ? 65520.0f : dtype == STORE_BF16 ? 0x1.ffp127f : INFINITY;
}

static void count_nonfinite(const float *rows, size_t n, size_t width, float limit, size_t site, size_t first,
                            Nonfinite *c, size_t *of_site) {
  for (size_t i = 0; i < n; i++) {
    size_t bad = 0;
    for (size_t j = 0; j < width; j++) bad += !(fabsf(rows[i * width + j]) < limit);
    if (!bad) continue;
    if (c->values == 0) c->first_site = site, c->first_row = first + i;
    if (*of_site == 0) c->sites++;
    c->values += bad;
    c->rows++;
    *of_site += bad;
  }
}

static Status copy_site(const ArrayFile *file, const ImportSites *sites, size_t site, const StoreContents *c,
                        Store *store, Nonfinite *nonfinite, Error *err) {
  const size_t width = c->sites[site].width, block = width < BLOCK_FLOATS ? BLOCK_FLOATS / width : 1;
  const float limit = infinite_from(c->dtype);
  ArrayRows *rows;
  size_t of_site = 0;
  Status status = array_rows_open(file, sites->arrays[site], ARRAY_MEMORY, &rows, err);
  for (size_t first = 0, n; first < c->n_rows && status == STATUS_OK; first += n) {
    float *to;
    n = c->n_rows - first < block ? c->n_rows - first : block;
    status = store_begin_rows(store, site, first, n, &to, err);
    if (status == STATUS_OK) status = array_rows_read(rows, n, to, err);
    if (status != STATUS_OK) break;
    count_nonfinite(to, n, width, limit, site, first, nonfinite, &of_site);
    status = store_end_rows(store, err);
  }
  if (status == STATUS_OK) status = array_rows_check(rows, err);
  array_rows_close(rows);
  return status;
}

static Status copy_sites(const ArrayFile *file, const ImportSites *sites, const StoreContents *c, const char *path,
                         Nonfinite *nonfinite, Error *err) {
  Store *store;
  size_t done;
  Status status = store_create(path, c, false, &store, &done, err);
  if (status == STATUS_OK) store_set_disposable(store);
  Progress progress = progress_begin("import", "sites", sites->count);
  for (size_t i = 0; i < sites->count && status == STATUS_OK; i++) {
    status = copy_site(file, sites, i, c, store, nonfinite, err);
    progress_show(&progress, i + 1);
  }
  progress_end(&progress);
  if (status == STATUS_OK) return store_finish(store, err);
  store_close(store);
  return status;
}

/* That of the arrays where all have one of 16 bits, else float32. */
static StoreDtype store_dtype(const ImportSettings *s, const ImportSites *sites) {
  StoreDtype dtype = STORE_F32;
  if (s->store_dtype) {
    store_dtype_from_name(s->store_dtype, &dtype);
    return dtype;
  }
  for (size_t i = 1; i < sites->count; i++)
    if (sites->arrays[i]->type != sites->arrays[0]->type) return STORE_F32;
  return sites->arrays[0]->type == ARRAY_F16    ? STORE_F16
         : sites->arrays[0]->type == ARRAY_BF16 ? STORE_BF16
                                                : STORE_F32;
}

static StoreContents contents_of(const ImportSites *sites, const ImportIds *ids, StoreSite *store_sites) {
  for (size_t i = 0; i < sites->count; i++) store_sites[i] = (StoreSite){sites->names[i], sites->arrays[i]->shape[1]};
  return (StoreContents){.sites = store_sites,
                         .n_sites = sites->count,
                         .n_rows = ids->n_rows,
                         .n_samples = ids->n_samples,
                         .sample_ids = (const char *const *)ids->ids,
                         .text_digests = (const char *const *)ids->digests,
                         .groups = (const char *const *)ids->groups,
                         .labels = (const char *const *)ids->labels,
                         .n_tokens = ids->n_tokens,
                         .token_ids = ids->token_ids,
                         .token_offsets = ids->offsets,
                         .row_sample = ids->row_sample,
                         .row_token = ids->row_token,
                         .data_sha256 = ids->data_digest,
                         .token_rule = ids->token_rule,
                         .tool_version = PACKAGE_VERSION};
}

static void say_types(const ArrayFile *file, const ImportSites *sites) {
  for (size_t i = 0; i < sites->count; i++)
    if (strchr(sites->arrays[i]->type_name, 'V')) {
      log_note("%s: elements of 2 bytes without a type (%s) are read as bfloat16, which numpy has no name for",
               file->path, sites->arrays[i]->type_name);
      return;
    }
}

static Status print_result(const Invocation *call, const ImportSettings *s, const StoreContents *c,
                           const Nonfinite *bad, Error *err) {
  static const char *const columns[] = {"store", "samples", "sites", "rows", "dtype", "nonfinite"};
  const Provenance from = invocation_provenance(call, "import", &s->common);
  if (bad->values)
    log_warn(
        "%zu values of %zu sites are NaN or infinite, the first in %s, sample %s (row %zu): kept, and refused by drift "
        "without --skip-nonfinite",
        bad->values, bad->sites, c->sites[bad->first_site].name, c->sample_ids[c->row_sample[bad->first_row]],
        bad->first_row);
  Table *table = table_begin(stdout, s->common.json, &from, columns, sizeof columns / sizeof columns[0]);
  table_note(table, "nonfinite: values that are NaN or infinite, as stored");
  table_string(table, s->output);
  table_count(table, c->n_samples);
  table_count(table, c->n_sites);
  table_count(table, c->n_rows);
  table_string(table, store_dtype_name(c->dtype));
  table_count(table, bad->values);
  return table_end(table, err);
}

static Status import_file(const Invocation *call, const ImportSettings *s, const ArrayFile *file, Error *err) {
  ImportSites sites = {0};
  ImportIds ids = {0};
  Nonfinite nonfinite = {0};
  Status status = import_choose_sites(file, s, &sites, err);
  if (status == STATUS_OK) {
    ids.n_rows = sites.arrays[0]->shape[0];
    status = ids.n_rows > UINT32_MAX ? error_set(err, STATUS_DATA, "%s: %zu rows, expected at most %" PRIu32,
                                                 file->path, ids.n_rows, UINT32_MAX)
                                     : import_read_samples(file, s, &ids, err);
  }
  if (status == STATUS_OK) status = import_place_rows(file, s, &ids, err);
  if (status == STATUS_OK) {
    StoreSite *store_sites = mem_alloc(sites.count, sizeof *store_sites);
    StoreContents c = contents_of(&sites, &ids, store_sites);
    char *line = command_line(call->argc, call->argv);
    c.dtype = store_dtype(s, &sites);
    c.command_line = line;
    c.model = s->model ? s->model : file->path;
    c.seed = s->common.seed;
    c.threads = 1;
    say_types(file, &sites);
    log_note("%zu samples; %zu sites x %zu rows; disk: %.1f MiB in %s", c.n_samples, c.n_sites, c.n_rows,
             (double)store_estimate_bytes(&c) / (1 << 20), s->output);
    status = copy_sites(file, &sites, &c, s->output, &nonfinite, err);
    if (status == STATUS_OK) status = print_result(call, s, &c, &nonfinite, err);
    free(line);
    free(store_sites);
  }
  import_ids_clear(&ids);
  import_sites_clear(&sites);
  return status;
}

static Status run(const Invocation *call, const void *given, Error *err) {
  const ImportSettings *s = given;
  ArrayFile file;
  if (!s->output) return error_set(err, STATUS_USAGE, "import: -o A.h5 is needed: where the activations go");
  if (file_is_same(call->args[0], s->output))
    return error_set(err, STATUS_USAGE, "import: -o %s is the file that is read", s->output);
  Status status = arrays_open(call->args[0], &file, err);
  if (status != STATUS_OK) return status;
  status = import_file(call, s, &file, err);
  arrays_close(&file);
  return status;
}

static const Option options[] = {
    {"output", 'o', OPTION_TEXT, offsetof(ImportSettings, output), 0, 0, "A.h5", "the store to write", NULL},
    {"site", 0, OPTION_TEXT, offsetof(ImportSettings, site), 0, 0, "NAME", "the site of a .npy, such as resid_post.3",
     NULL},
    {"sites", 0, OPTION_TEXT, offsetof(ImportSettings, sites), 0, 0, "NAME,...",
     "which arrays to take, by full names or short forms such as resid_post (default: all but the keys above)",
     NULL},
    {"layers", 0, OPTION_TEXT, offsetof(ImportSettings, layers), 0, 0, "LIST",
     "of which blocks, such as 0,3-7,-1 (default: all)", NULL},
    {"samples", 0, OPTION_TEXT, offsetof(ImportSettings, samples), 0, 0, "F.jsonl",
     "what the samples are, one a line, in their order: id, group, label, text (kept as its digest), n_tokens or ids "
     "(of "
     "tokens), none of them needed",
     NULL},
    {"tokens", 0, OPTION_CHOICE, offsetof(ImportSettings, tokens), 0, 0, "last|response|mean|all",
     "what the rows of a sample are: its last token, the final turn, its mean, all tokens (default: last where each "
     "sample "
     "has one row and no array token_index says more, all where each token has one, else not said)",
     NULL},
    {"model", 0, OPTION_TEXT, offsetof(ImportSettings, model), 0, 0, "NAME",
     "what to call the model in results (default: the file's name)", NULL},
    {"store-dtype", 0, OPTION_CHOICE, offsetof(ImportSettings, store_dtype), 0, 0, "float32|bfloat16|float16",
     "element type on disk (default: the arrays' own where all have the same one of 16 bits, else float32)", NULL},
    {0}};

static const ImportSettings defaults = {0};

const Command command_import = {
    .name = "import",
    .arguments = "F.npy|F.npz|F.safetensors -o A.h5",
    .summary = "make a store of activations that were recorded elsewhere",
    .details =
        "Each array of floats [rows, width] is a site, and its key the site's name: a full name, or short with the "
        "block's\n"
        "number (embed, resid_post.3, ln_final); other names are kept. float64 is rounded to float32; integers are "
        "refused.\n"
        "A .npy is one site. Keys that are no sites:\n\n" IMPORT_KEYS
        "\nNone of them is needed. Without sample, row i is of sample i, or where n_tokens adds up to the rows, all "
        "tokens\n"
        "follow each other. Texts are arrays of numpy's; safetensors has none, so that they come from --samples.\n\n"
        "Memory does not grow with the arrays; those in Fortran order are transposed 256 MiB at a time. NaN "
        "and\n"
        "infinities are kept, counted and warned of.",
    .example = "fathom import activations.npz --samples prompts.jsonl -o A.h5",
    .options = options,
    .defaults = &defaults,
    .settings_size = sizeof(ImportSettings),
    .min_args = 1,
    .max_args = 1,
    .run = run,
};
