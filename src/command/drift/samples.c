/* fathom drift --by sample: the samples that drift most, site by site, and what they say. */
#include "base/log.h"
#include "base/memory.h"
#include "base/utf8.h"
#include "command/drift/by.h"
#include "probes/drift/split.h"
#include "store/result.h"
#include "text/tokenizer/tokenizer.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_BYTES = 400 }; /* of a sample that are shown */

typedef struct Reader {
  Source *source;
  Tokenizer *tokenizer; /* NULL: token ids stay numbers */
} Reader;

/* A sample at a site. */
typedef struct Entry {
  const char *site;
  size_t rank;
  uint32_t sample;
  double drift, share;
  size_t n_rows, furthest; /* the row that changes most, by its number in the store */
  char *token, *text;      /* NULL: not known */
} Entry;

typedef struct Entries {
  Entry *items;
  size_t n;
} Entries;

static Status reader_open(const char *path, const Store *store, Reader *reader, Error *err) {
  const StoreContents *c = store_contents(store);
  const char *recorded = c->tokenizer_sha256;
  char found[DIGEST_TEXT];
  if (c->token_offsets[c->n_samples] == 0)
    return error_set(err, STATUS_DATA, "%s: holds no token ids (/tokens/ids) that --tokenizer could read", store_path(store));
  Status status = source_open(path, &reader->source, err);
  if (status == STATUS_OK) status = tokenizer_open(reader->source, &reader->tokenizer, err);
  if (status != STATUS_OK) return status;
  tokenizer_digest(reader->tokenizer, found);
  if (!recorded || !recorded[0])
    log_warn("%s does not say which tokenizer made its token ids: that it is that of %s is taken on trust", store_path(store), path);
  else if (strcmp(found, recorded) != 0)
    return error_set(err, STATUS_DATA, "--tokenizer %s: tokenizer %.12s..., the ids of %s are of %.12s...", path, found,
                     store_path(store), recorded);
  return STATUS_OK;
}

/* A token with the blank in front of it, which decoding it alone would lose; NULL where the tokenizer has none of this id. */
static char *read_token(const Reader *reader, int32_t id) {
  char *bytes = NULL;
  size_t size;
  bool is_special;
  if (!tokenizer_token_text(reader->tokenizer, id, &bytes, &size, &is_special)) return NULL;
  char *shown = utf8_shown(bytes, size);
  free(bytes);
  return shown;
}

static bool continues_a_letter(char byte) { return ((unsigned char)byte & 0xc0) == 0x80; }

/* TEXT_BYTES of a longer text: as much before byte number `at` as behind it, where there is as much. */
static char *window(const char *bytes, size_t size, size_t at) {
  size_t begin = at > TEXT_BYTES / 2 ? at - TEXT_BYTES / 2 : 0;
  if (size <= TEXT_BYTES)
    begin = 0;
  else if (begin > size - TEXT_BYTES)
    begin = size - TEXT_BYTES;
  size_t end = size - begin > TEXT_BYTES ? begin + TEXT_BYTES : size;
  for (int i = 0; i < 3 && begin > 0 && begin < end && continues_a_letter(bytes[begin]); i++) begin++;
  for (int i = 0; i < 3 && end < size && end > begin && continues_a_letter(bytes[end]); i++) end--;
  char *plain = utf8_shown(bytes + begin, end - begin);
  char *text = mem_format("%s%s%s", begin > 0 ? "..." : "", plain, end < size ? "..." : "");
  free(plain);
  return text;
}

/* Of ids [n] as text, around token number `at` where it is long. */
static Status read_ids(const Reader *reader, const int32_t *ids, size_t n, size_t at, char **text, Error *err) {
  char *bytes = NULL, *before = NULL;
  size_t size, n_before = 0;
  Status status = tokenizer_decode(reader->tokenizer, ids, n, &bytes, &size, err);
  if (status == STATUS_OK && size > TEXT_BYTES && at > 0)
    status = tokenizer_decode(reader->tokenizer, ids, at, &before, &n_before, err);
  if (status == STATUS_OK) *text = window(bytes, size, n_before);
  free(before);
  free(bytes);
  return status;
}

/* Rows of rule mean are of no one token. */
static bool has_position(const StoreContents *c) { return !c->token_rule || strcmp(c->token_rule, "mean") != 0; }

static double position(const StoreContents *c, const Entry *entry) {
  return has_position(c) ? (double)c->row_token[entry->furthest] : NAN;
}

/* What the sample says, and the token that changes most in it. */
static Status read_entry(const DriftStores *stores, const Reader *reader, Entry *entry, Error *err) {
  const StoreContents *c = store_contents(stores->a);
  const uint64_t first = c->token_offsets[entry->sample], n = c->token_offsets[entry->sample + 1] - first;
  const size_t at = has_position(c) ? c->row_token[entry->furthest] : 0; /* below n: a store is read no other way */
  if (n == 0) return STATUS_OK;
  if (has_position(c)) entry->token = read_token(reader, c->token_ids[first + at]);
  const Status status = read_ids(reader, c->token_ids + first, (size_t)n, at, &entry->text, err);
  return status == STATUS_OK ? status : error_prefix(err, "%s: sample %s", store_path(stores->a), c->sample_ids[entry->sample]);
}

static int most_first(const void *a, const void *b) {
  const Entry *x = a, *y = b;
  if (x->drift != y->drift) return x->drift < y->drift ? 1 : -1;
  return (x->sample > y->sample) - (x->sample < y->sample);
}

/* Of each sample its drift and share; of two sides of a pair each is one. Returns how many there are. */
static size_t rank_samples(const DriftStores *stores, const char *site, const double *change, const double *spread, Entry *entries) {
  const RowPlan *plan = &stores->plan;
  const StoreContents *c = store_contents(stores->a);
  double all_change = 0, all_spread = 0, most = 0;
  size_t n = 0;
  for (size_t i = 0; i < plan->n_rows; i++) {
    const uint32_t sample = c->row_sample[plan->rows[i]];
    if (n == 0 || entries[n - 1].sample != sample) {
      entries[n++] = (Entry){.site = site, .sample = sample, .furthest = plan->rows[i]};
      most = change[i];
    }
    Entry *entry = &entries[n - 1];
    if (change[i] > most) entry->furthest = plan->rows[i], most = change[i];
    entry->n_rows++;
    entry->share += change[i];
    all_change += change[i];
    all_spread += spread[i];
  }
  const double unit = all_spread / (double)plan->n_rows;
  for (size_t k = 0; k < n; k++) entries[k].drift = sqrt(entries[k].share / (double)entries[k].n_rows);
  qsort(entries, n, sizeof *entries, most_first);
  for (size_t k = 0; k < n; k++) {
    entries[k].rank = k + 1;
    entries[k].drift = entries[k].drift == 0 ? 0 : unit > 0 ? entries[k].drift / sqrt(unit) : NAN;
    entries[k].share = all_change > 0 ? entries[k].share / all_change : NAN;
  }
  return n;
}

typedef struct Work {
  const DriftStores *stores;
  const DriftSettings *settings;
  Entries *of_site; /* [n_a] */
} Work;

static Status measure_site(void *context, size_t i, Error *err) {
  const Work *w = context;
  const DriftStores *stores = w->stores;
  StoreRows rows_a = {stores->a, stores->sites_a[i]}, rows_b = {stores->b, stores->sites_b[i]};
  const RowSource source = {drift_side(&rows_a), drift_side(&rows_b)};
  const size_t n_rows = stores->plan.n_rows, top = w->settings->top;
  if (source.x.width != source.y.width)
    return error_set(err, STATUS_DATA, "%s and %s: %s has width %zu against %zu, and --by sample needs one width", source.x.name,
                     source.y.name, source.x.site, source.x.width, source.y.width);
  double *change = mem_alloc(n_rows, sizeof *change), *spread = mem_alloc(n_rows, sizeof *spread);
  Entry *entries = mem_alloc(2 * stores->plan.n_samples, sizeof *entries); /* a pair is one sample of the plan and two here */
  const Status status = row_changes_read(&source, &stores->plan, change, spread, err);
  size_t n = status == STATUS_OK ? rank_samples(stores, source.x.site, change, spread, entries) : 0;
  if (top && n > top) n = top;
  w->of_site[i] = (Entries){mem_resize(entries, n, sizeof *entries), n};
  free(change);
  free(spread);
  return status;
}

/* Every site's samples, one site after the other. */
static Status measure_sites(const DriftStores *stores, const DriftSettings *settings, Entries *all, Error *err) {
  Work work = {stores, settings, mem_alloc(stores->n_a, sizeof *work.of_site)};
  const size_t bytes = drift_site_bytes(stores, NULL) + 2 * stores->plan.n_rows * sizeof(double) +
                       2 * stores->plan.n_samples * sizeof(Entry);
  const Status status = drift_each_site(settings, stores->n_a, bytes, measure_site, &work, err);
  for (size_t i = 0; i < stores->n_a; i++) all->n += work.of_site[i].n;
  all->items = mem_alloc(all->n, sizeof *all->items);
  for (size_t i = 0, at = 0; i < stores->n_a; i++) {
    for (size_t k = 0; k < work.of_site[i].n; k++) all->items[at++] = work.of_site[i].items[k];
    free(work.of_site[i].items);
  }
  free(work.of_site);
  return status;
}

static Status write_texts(Result *result, const Entries *e, const StoreContents *c, Error *err) {
  static const char *const names[] = {"site", "sample", "group", "label", "token", "text"};
  const char **texts = mem_alloc(e->n, sizeof *texts);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 6 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < e->n; i++) {
      const Entry *entry = &e->items[i];
      const char *all[] = {entry->site,  c->sample_ids[entry->sample], c->groups[entry->sample], c->labels[entry->sample],
                           entry->token, entry->text};
      texts[i] = all[k] ? all[k] : "";
    }
    status = result_write_strings(result, names[k], texts, e->n, err);
  }
  free(texts);
  return status;
}

static Status write_numbers(Result *result, const Entries *e, const StoreContents *c, Error *err) {
  static const char *const names[] = {"layer", "rank", "relative_l2", "share", "n_rows", "position"};
  double *values = mem_alloc(e->n, sizeof *values);
  Status status = STATUS_OK;
  for (size_t k = 0; k < 6 && status == STATUS_OK; k++) {
    for (size_t i = 0; i < e->n; i++) {
      const Entry *entry = &e->items[i];
      const double all[] = {drift_layer(entry->site), (double)entry->rank,   entry->drift,
                            entry->share,             (double)entry->n_rows, position(c, entry)};
      values[i] = all[k];
    }
    status = result_write_array(result, names[k], 1, &e->n, values, err);
  }
  free(values);
  return status;
}

static void note(const DriftStores *stores, const DriftSettings *settings, Table *table) {
  drift_note_rows(table, stores);
  drift_note_sites(table, stores);
  drift_note_compute(table, stores);
  table_note(table, "relative_l2: root of the sample's mean squared change over the frozen rows' variance, that of all samples; "
                    "share: of the whole squared change (both fathom's own)");
  table_note(table, "position and token: where the sample changes most%s",
             settings->tokenizer ? "" : "; --tokenizer MODEL reads the token ids");
  if (!has_position(store_contents(stores->a))) table_note(table, "rows are means over tokens, which have no position");
}

static Status write_notes(const DriftStores *stores, const DriftSettings *settings, Result *result, Error *err) {
  Table *notes = table_notebook();
  note(stores, settings, notes);
  return result_write_notes(result, notes, err);
}

static Status write_result(const DriftStores *stores, const DriftSettings *settings, const Provenance *provenance, const Entries *e,
                           Error *err) {
  const StoreContents *c = store_contents(stores->a);
  char *compute = drift_compute_words(stores);
  Result *result = NULL;
  Status status = result_create(settings->output, "samples", provenance, &result, err);
  if (status == STATUS_OK) status = result_write_attribute(result, "compute_dtype", compute, err);
  if (status == STATUS_OK) status = drift_write_nonfinite(stores, result, err);
  if (status == STATUS_OK) status = write_notes(stores, settings, result, err);
  if (status == STATUS_OK) status = write_texts(result, e, c, err);
  if (status == STATUS_OK) status = write_numbers(result, e, c, err);
  free(compute);
  if (status == STATUS_OK) return result_finish(result, err);
  result_close(result);
  return status;
}

static const char *known(const char *text) { return text && text[0] ? text : NULL; }

static Status print(const DriftStores *stores, const DriftSettings *settings, const Provenance *provenance, const Entries *e,
                    Error *err) {
  static const char *const columns[] = {"site",  "layer",  "rank",     "sample", "group", "label", "relative_l2",
                                        "share", "n_rows", "position", "token",  "text"};
  const StoreContents *c = store_contents(stores->a);
  Table *table = table_begin(stdout, settings->common.json, provenance, columns, 12);
  note(stores, settings, table);
  for (size_t i = 0; i < e->n; i++) {
    const Entry *entry = &e->items[i];
    table_string(table, entry->site);
    table_number(table, drift_layer(entry->site));
    table_count(table, entry->rank);
    table_string(table, c->sample_ids[entry->sample]);
    table_string(table, known(c->groups[entry->sample]));
    table_string(table, known(c->labels[entry->sample]));
    table_number(table, entry->drift);
    table_number(table, entry->share);
    table_count(table, entry->n_rows);
    table_number(table, position(c, entry));
    table_string(table, entry->token);
    table_string(table, entry->text);
  }
  return table_end(table, err);
}

Status drift_by_sample(const Invocation *call, const DriftSettings *settings, const DriftStores *stores, Error *err) {
  const Provenance provenance = drift_provenance(call, settings, stores);
  Reader reader = {0};
  Entries entries = {0};
  Status status = settings->tokenizer ? reader_open(settings->tokenizer, stores->a, &reader, err) : STATUS_OK;
  if (status == STATUS_OK) status = measure_sites(stores, settings, &entries, err);
  for (size_t i = 0; i < entries.n && reader.tokenizer && status == STATUS_OK; i++)
    status = read_entry(stores, &reader, &entries.items[i], err);
  if (status == STATUS_OK && settings->output) status = write_result(stores, settings, &provenance, &entries, err);
  if (status == STATUS_OK) status = print(stores, settings, &provenance, &entries, err);
  for (size_t i = 0; i < entries.n; i++) {
    free(entries.items[i].token);
    free(entries.items[i].text);
  }
  free(entries.items);
  tokenizer_close(reader.tokenizer);
  source_close(reader.source);
  return status;
}
