/* Rows for the drift measures: the same token positions of two models, in blocks of whole samples, raw and centred.
 *
 * What counts as one independent observation is a sample (a prompt), not a row: rows of one sample stay together in one
 * block, and every measure knows where its samples begin. Memory is two blocks, whatever the number of rows; a block
 * holds ROW_BLOCK rows, or one sample where that is longer. */
#ifndef FATHOM_PROBES_DRIFT_ROWS_H
#define FATHOM_PROBES_DRIFT_ROWS_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROW_BLOCK = 512 };

/* Which rows take part, sample by sample. */
typedef struct RowPlan {
  size_t n_rows, n_samples; /* rows kept, samples with at least one of them */
  size_t *rows;             /* [n_rows] their numbers at the source, ascending */
  size_t *begin;            /* [n_samples + 1] where in rows each sample begins */
  uint32_t *samples;        /* [n_samples] their numbers at the source */
  size_t longest;           /* rows of the longest sample */
} RowPlan;

/* keep [n_rows] may be NULL: all. STATUS_DATA where the rows of a sample are not next to each other. */
Status row_plan_make(size_t n_rows, const uint32_t *row_sample, const bool *keep, RowPlan *plan, Error *err);
void row_plan_clear(RowPlan *plan);

/* Takes the samples marked in left_out [n_samples] out of the plan. */
void row_plan_leave_out(RowPlan *plan, const bool *left_out);

/* Marks in drawn [n_samples] whole samples in an order that depends on the seed alone, up to the first with which they would
 * make more than n_rows rows; all where these are no more. Returns how many. */
size_t row_plan_draw(const RowPlan *plan, size_t n_rows, uint64_t seed, bool *drawn);

/* Keeps whole samples drawn at random, as many as make at most n_rows rows, in their order. STATUS_USAGE where not one does. */
Status row_plan_sample(RowPlan *plan, size_t n_rows, uint64_t seed, Error *err);

/* The rows marked in kept [plan's n_rows], one at least, as a plan of their own; sample_at [part's n_samples], freed by the
 * caller: the numbers of its samples in the plan. */
void row_plan_part(const RowPlan *plan, const bool *kept, RowPlan *part, size_t **sample_at);

/* Where the rows of one model come from. */
typedef struct RowSide {
  size_t width;
  /* Rows [first, first + n) as [n, width]. Several threads may ask at once. */
  Status (*read)(void *context, size_t first, size_t n, float *rows, Error *err);
  void *context;
  const char *name, *site;       /* for messages: the file, the site */
  const char *const *sample_ids; /* by number; NULL: numbers are printed */
  const char *remedy;            /* what can be done about NaN and infinities; NULL: nothing is said */
  const uint32_t *row_sample;    /* whose each row is, where a sample of the plan is several of the file's; NULL: the plan says */
} RowSide;

/* Both models. */
typedef struct RowSource {
  RowSide x, y;
} RowSource;

/* Kept rows [first, first + n) of the plan to rows [n, width], in as few requests as the gaps between them allow.
 * scratch holds at least n + ROW_MOST_GAP rows. */
enum { ROW_MOST_GAP = 16 };
Status rows_read(const RowSide *side, const RowPlan *plan, size_t first, size_t n, float *scratch, float *rows,
                 Error *err);

/* Rows that are read and worked on at a time while they stay in a cache. */
size_t rows_unit(size_t width);

/* Kept rows [first, first + n) to raw [n, width], and where mean is not NULL less their mean, rounded once, times scale (a
 * power of two) to centred, which may be raw. On all threads, or on this one within a parallel region. */
Status rows_load(const RowSide *side, const RowPlan *plan, size_t first, size_t n, const double *mean, float scale, float *raw,
                 float *centred, Error *err);

/* The number of samples, from sample first on, that fill a block of at most capacity rows (one sample at least). */
size_t row_plan_block(const RowPlan *plan, size_t first, size_t capacity);

/* Adds up the columns of one side's kept rows [first, first + n): sums [width], *square += sum of squares. A NaN or an
 * infinity is STATUS_DATA naming file, site and sample. */
Status rows_add_up(const RowSide *side, const RowPlan *plan, size_t first, size_t n, const float *rows, double *sums,
                   double *square, Error *err);

/* A NaN or an infinity among these rows is STATUS_DATA in the same words. */
Status rows_check_finite(const RowSide *side, const RowPlan *plan, size_t first, size_t n, const float *rows, Error *err);

/* What is known of all rows before a measure sees the first one. */
typedef struct RowMoments {
  double *mean_x, *mean_y;   /* [dx], [dy] */
  double square_x, square_y; /* sums of squares of the raw values */
  bool identical;            /* both sides are the same, bit for bit */
} RowMoments;

/* A block of whole samples. */
typedef struct RowBlock {
  size_t n, n_samples;
  size_t first_sample;  /* number of its first sample in the plan */
  size_t first_row;     /* and of its first row */
  const size_t *begin;  /* [n_samples + 1] first row of each sample, counted within the block */
  const float *x, *y;   /* [n, dx], [n, dy] as recorded */
  const float *cx, *cy; /* the same without their column means; only once the moments are known */
} RowBlock;

typedef struct RowReader RowReader;

/* moments NULL: blocks have no centred rows. All arguments must outlive the reader. */
RowReader *row_reader_new(const RowSource *source, const RowPlan *plan, const RowMoments *moments);
void row_reader_free(RowReader *reader);                                            /* NULL is fine */
void row_reader_rewind(RowReader *reader);                                          /* back to the first block */
Status row_reader_next(RowReader *reader, RowBlock *block, bool *more, Error *err); /* *more false: no block left */

/* One pass for means and squares; a NaN or an infinity is STATUS_DATA naming file, site and sample. */
Status row_moments_read(const RowSource *source, const RowPlan *plan, RowMoments *moments, Error *err);
void row_moments_clear(RowMoments *moments);

/* The same of one side: mean [width], *square. */
Status row_means_read(const RowSide *side, const RowPlan *plan, double *mean, double *square, Error *err);
size_t row_means_memory(size_t width); /* bytes that this takes, each thread's unit of rows apart */

#endif
