/* The result container: one HDF5 file of named arrays and texts with provenance, for drift tables, cross maps and
 * training runs. Arrays may be appended to along their first dimension (a training run writes a row a step).
 *
 *   /          attributes: format = "fathom-result", format_version = 1, kind, tool_version, command, argv, seed
 *   /models    path, sha256: texts
 *   the rest   float64 or float32 arrays and lists of texts, named by whoever writes the kind
 *
 * The file is held in memory and written as a whole, so it suits results, not activations. */
#ifndef FATHOM_STORE_RESULT_H
#define FATHOM_STORE_RESULT_H

#include "base/error.h"
#include "base/table.h"
#include "store/texts.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { RESULT_MAX_RANK = 4 };

typedef struct Result Result;

/* kind: "drift", "cross", "run": what `fathom plot` and `fathom info` go by. PATH appears with result_finish; a device
 * is written directly. */
Status result_create(const char *path, const char *kind, const Provenance *provenance, Result **out, Error *err);

/* A run's file is there from the start and is replaced as a whole by every result_flush: whenever the run dies, it is
 * that of the last flush. result_reopen continues it. */
Status result_create_in_place(const char *path, const char *kind, const Provenance *provenance, Result **out,
                              Error *err);
Status result_reopen(const char *path, Result **out, Error *err);

/* Names are paths ("train/loss"); groups are made as needed. float64. */
Status result_write_array(Result *result, const char *name, size_t rank, const size_t *shape, const double *values,
                          Error *err);
/* The same as float32: large arrays whose digits end there. */
Status result_write_floats(Result *result, const char *name, size_t rank, const size_t *shape, const float *values,
                           Error *err);
Status result_write_strings(Result *result, const char *name, const char *const *values, size_t n, Error *err);
Status result_write_attribute(Result *result, const char *name, const char *value, Error *err); /* on the root */
/* What the command's table says in '#' lines, as the texts "notes": of a notebook, which is closed in any case. */
Status result_write_notes(Result *result, Table *notebook, Error *err);

/* Appends one entry of shape [row_shape...] to array name, making it (extent 0, unlimited) at the first call. */
Status result_append(Result *result, const char *name, size_t row_rank, const size_t *row_shape, const double *values,
                     Error *err);
/* Cuts every appended array named back to at most n entries (resuming from a checkpoint). */
Status result_truncate(Result *result, const char *name, size_t n, Error *err);
Status result_flush(Result *result, Error *err);

Status result_finish(Result *result, Error *err); /* closes, renames .part; frees in any case */
void result_close(Result *result);                /* discards a .part; NULL is fine */

/* Reading. */
Status result_open(const char *path, Result **out, Error *err);
const char *result_kind(const Result *result);
const char *result_command_line(const Result *result);
uint64_t result_seed(const Result *result); /* of the command that made it */
bool result_has(const Result *result, const char *name);
/* What a dataset is, without reading it; shape has RESULT_MAX_RANK entries. */
Status result_describe(Result *result, const char *name, bool *is_text, size_t *rank, size_t *shape, Error *err);
/* values is freed by the caller; shape has RESULT_MAX_RANK entries. */
Status result_read_array(Result *result, const char *name, size_t *rank, size_t *shape, double **values, Error *err);
Status result_read_strings(Result *result, const char *name, char ***values, size_t *n,
                           Error *err); /* freed by string_list_free */
Status result_read_attribute(Result *result, const char *name, char **value, Error *err); /* freed by the caller */
/* Paths of all datasets, in alphabetical order; freed by string_list_free. */
Status result_list(Result *result, char ***names, size_t *n, Error *err);

/* What kind of fathom file is this? "activations", a result's kind, or STATUS_DATA. Freed by the caller. */
Status h5_file_kind(const char *path, char **kind, Error *err);

#endif
