/* Causal attention, forward and backward, by blocks of queries (the memory scheme of FlashAttention, Dao et al. 2022,
 * with whole score rows: a block's rows fit the cache at the lengths a CPU is used for). Blocks outside the window are
 * never looked at. */
#include "num/attention.h"

#include "num/gemm.h"
#include "num/vec.h"

#include <assert.h>
#include <math.h>
#include <omp.h>

enum { QUERY_BLOCK = 64 };

/* One unit of work: queries [first, first + count) of a head of a sequence, and all the keys that one of them sees. */
typedef struct Task {
  size_t row0; /* the sequence's first row */
  size_t first, count, head;
  size_t first_key, n_keys; /* keys [first_key, first + count) of the sequence */
} Task;

static Task task_at(const AttentionShape *s, size_t row0, size_t length, size_t first, size_t head) {
  const size_t count = length - first < QUERY_BLOCK ? length - first : QUERY_BLOCK;
  const size_t first_key = s->window && first + 1 > s->window ? first + 1 - s->window : 0;
  return (Task){row0, first, count, head, first_key, first + count - first_key};
}

static size_t blocks_of(const AttentionShape *s, size_t sequence) {
  const size_t length = s->offsets[sequence + 1] - s->offsets[sequence];
  return (length + QUERY_BLOCK - 1) / QUERY_BLOCK;
}

/* Query i of the task sees its keys [begin, end). */
static size_t seen_begin(const AttentionShape *s, const Task *task, size_t i) {
  const size_t query = task->first + i;
  return s->window && query + 1 > s->window ? query + 1 - s->window - task->first_key : 0;
}
static size_t seen_end(const Task *task, size_t i) { return task->first + i + 1 - task->first_key; }

/* p <- cap tanh(scale p / cap); slope, where it is wanted, the derivative of the tanh: 1 - tanh^2. */
static void cap_row(real *p, size_t n, real scale, real cap, real *slope) {
  const real inner = scale / cap;
  for (size_t j = 0; j < n; j += VEC_LANES) {
    const size_t rest = n - j;
    const vec t = vec_tanh((rest >= VEC_LANES ? vec_load(p + j) : vec_load_part(p + j, rest, 0)) * inner);
    if (rest >= VEC_LANES)
      vec_store(p + j, cap * t);
    else
      vec_store_part(p + j, cap * t, rest);
    if (slope && rest >= VEC_LANES)
      vec_store(slope + j, 1 - t * t);
    else if (slope)
      vec_store_part(slope + j, 1 - t * t, rest);
  }
}

/* p[0..visible) <- exp(scale * p - lse). With lse the normaliser is known (backward); without, it is computed and
 * stored, and the row divided by the sum. */
static void softmax_row(real *p, size_t visible, real scale, real *lse, bool known) {
  vec top = vec_all(-INFINITY);
  size_t j = 0;
  if (!known) {
    for (; j + VEC_LANES <= visible; j += VEC_LANES) top = vec_larger(vec_load(p + j), top);
    top = vec_larger(vec_load_part(p + j, visible - j, -INFINITY), top);
  }
  const real shift = known ? *lse : scale * vec_max(top);
  vec sums = {0};
  for (j = 0; j + VEC_LANES <= visible; j += VEC_LANES) {
    const vec e = vec_exp(vec_load(p + j) * scale - shift);
    sums += e;
    vec_store(p + j, e);
  }
  if (j < visible) {
    const vec e = vec_exp(vec_load_part(p + j, visible - j, -INFINITY) * scale - shift);
    sums += e;
    vec_store_part(p + j, e, visible - j);
  }
  if (known) return;
  const real sum = vec_sum(sums), inverse = 1 / sum;
  *lse = shift + (real)log((double)sum);
  for (j = 0; j < visible; j++) p[j] *= inverse;
}

/* p[count, keys] = softmax of the scores of the task's queries, 0 for keys a query does not see; slopes[count, keys] of
 * the soft cap where it is not NULL. lse rows have n_heads entries. */
static void probabilities(const AttentionShape *s, const Task *task, const real *q, const real *k, real *p,
                          real *slopes, real *lse, bool known) {
  const size_t keys = task->n_keys, kv_head = task->head / (s->n_heads / s->n_kv_heads);
  const real *queries = q + (task->row0 + task->first) * s->stride + task->head * s->head_dim;
  gemm_serial(false, true, task->count, keys, s->head_dim, queries, s->stride,
              k + (task->row0 + task->first_key) * s->stride + kv_head * s->head_dim, s->stride, false, p, keys);
  for (size_t i = 0; i < task->count; i++) {
    const size_t begin = seen_begin(s, task, i), end = seen_end(task, i);
    real *row = p + i * keys;
    if (s->softcap != 0)
      cap_row(row + begin, end - begin, s->scale, s->softcap, slopes ? slopes + i * keys + begin : NULL);
    softmax_row(row + begin, end - begin, s->softcap != 0 ? 1 : s->scale,
                lse + (task->row0 + task->first + i) * s->n_heads + task->head, known);
    for (size_t j = 0; j < begin; j++) row[j] = 0;
    for (size_t j = end; j < keys; j++) row[j] = 0;
  }
}

size_t attention_scratch(size_t longest) { return (size_t)omp_get_max_threads() * QUERY_BLOCK * (longest + VEC_LANES); }

static size_t longest_sequence(const AttentionShape *s) {
  size_t longest = 0;
  for (size_t i = 0; i < s->n_sequences; i++)
    if (s->offsets[i + 1] - s->offsets[i] > longest) longest = s->offsets[i + 1] - s->offsets[i];
  return longest;
}

static real dot(const real *a, const real *b, size_t n) {
  vec sums = {0};
  size_t i = 0;
  for (; i + VEC_LANES <= n; i += VEC_LANES) sums += vec_load(a + i) * vec_load(b + i);
  if (i < n) sums += vec_load_part(a + i, n - i, 0) * vec_load_part(b + i, n - i, 0);
  return vec_sum(sums);
}

/* Rows [first, first + count) of a batch that continues a prefix, of whichever sequences they are, under one head: the
 * scores and values of the prefix are one product for all of them; of its own sequence, which is short, a row sees few.
 * p[count, width]: column j is the key at position j, the prefix first. */
typedef struct Continued {
  size_t first, count, head, width;
  size_t sequence;  /* of the first row */
  size_t first_key; /* of the prefix that one of them sees */
} Continued;

static size_t continued_position(const AttentionShape *s, size_t sequence, size_t row) {
  return s->prefix.length + row - s->offsets[sequence];
}

static size_t continued_begin(const AttentionShape *s, size_t position) {
  return s->window && position + 1 > s->window ? position + 1 - s->window : 0;
}

static Continued continued_at(const AttentionShape *s, size_t first, size_t head, size_t width) {
  const size_t rows = s->offsets[s->n_sequences], count = rows - first < QUERY_BLOCK ? rows - first : QUERY_BLOCK;
  Continued block = {.first = first, .count = count, .head = head, .width = width, .first_key = s->prefix.length};
  while (s->offsets[block.sequence + 1] <= first) block.sequence++;
  size_t sequence = block.sequence;
  for (size_t row = first; row < first + count; row++) {
    if (row == s->offsets[sequence + 1]) sequence++;
    const size_t begin = continued_begin(s, continued_position(s, sequence, row));
    if (begin < block.first_key) block.first_key = begin;
  }
  return block;
}

/* p of one row, whose scores with the prefix are there: those with its own sequence, and the softmax over both. Returns
 * the first of its own keys that it sees. */
static size_t continued_row(const AttentionShape *s, const Continued *block, size_t sequence, size_t row, const real *q,
                            const real *k, real *p, real *lse) {
  const size_t e = s->head_dim, length = s->prefix.length, position = continued_position(s, sequence, row),
               begin = continued_begin(s, position), own = begin > length ? begin : length,
               column = block->head / (s->n_heads / s->n_kv_heads) * e;
  for (size_t j = own; j <= position; j++)
    p[j] = dot(q + row * s->stride + block->head * e, k + (s->offsets[sequence] + j - length) * s->stride + column, e);
  if (s->softcap != 0) cap_row(p + begin, position + 1 - begin, s->scale, s->softcap, NULL);
  softmax_row(p + begin, position + 1 - begin, s->softcap != 0 ? 1 : s->scale, lse + row * s->n_heads + block->head,
              false);
  for (size_t j = block->first_key; j < begin && j < length; j++) p[j] = 0;
  return own;
}

static void continue_block(const AttentionShape *s, const Continued *block, const real *q, const real *k, const real *v,
                           real *z, real *lse, real *p) {
  const size_t e = s->head_dim, width = s->n_heads * e, column = block->head / (s->n_heads / s->n_kv_heads) * e;
  const AttentionPrefix *prefix = &s->prefix;
  const size_t n_keys = prefix->length - block->first_key, key_at = block->first_key * prefix->stride + column;
  size_t own[QUERY_BLOCK], sequence = block->sequence;
  if (n_keys > 0)
    gemm_serial(false, true, block->count, n_keys, e, q + block->first * s->stride + block->head * e, s->stride,
                prefix->k + key_at, prefix->stride, false, p + block->first_key, block->width);
  for (size_t i = 0; i < block->count; i++) {
    if (block->first + i == s->offsets[sequence + 1]) sequence++;
    own[i] = continued_row(s, block, sequence, block->first + i, q, k, p + i * block->width, lse);
  }
  gemm_serial(false, false, block->count, e, n_keys, p + block->first_key, block->width, prefix->v + key_at,
              prefix->stride, false, z + block->first * width + block->head * e, width);
  sequence = block->sequence;
  for (size_t i = 0; i < block->count; i++) {
    const size_t row = block->first + i;
    if (row == s->offsets[sequence + 1]) sequence++;
    real *out = z + row * width + block->head * e;
    for (size_t j = own[i]; j <= continued_position(s, sequence, row); j++) {
      const real weight = p[i * block->width + j],
                 *value = v + (s->offsets[sequence] + j - prefix->length) * s->stride + column;
      for (size_t x = 0; x < e; x++) out[x] += weight * value[x];
    }
  }
}

static void forward_continued(const AttentionShape *s, const real *q, const real *k, const real *v, real *z, real *lse,
                              real *scratch) {
  const size_t width = s->prefix.length + longest_sequence(s);
  const size_t n_blocks = (s->offsets[s->n_sequences] + QUERY_BLOCK - 1) / QUERY_BLOCK;
#pragma omp parallel for schedule(dynamic)
  for (size_t unit = 0; unit < n_blocks * s->n_heads; unit++) {
    const Continued block = continued_at(s, unit / s->n_heads * QUERY_BLOCK, unit % s->n_heads, width);
    continue_block(s, &block, q, k, v, z, lse,
                   scratch + (size_t)omp_get_thread_num() * QUERY_BLOCK * (width + VEC_LANES));
  }
}

void attention_forward(const AttentionShape *s, const real *q, const real *k, const real *v, real *z, real *lse,
                       real *scratch) {
  if (s->prefix.length > 0) {
    forward_continued(s, q, k, v, z, lse, scratch);
    return;
  }
  const size_t width = s->n_heads * s->head_dim, group = s->n_heads / s->n_kv_heads,
               longest = longest_sequence(s);
#pragma omp parallel
  {
    real *p = scratch + (size_t)omp_get_thread_num() * QUERY_BLOCK * (longest + VEC_LANES);
    for (size_t sequence = 0; sequence < s->n_sequences; sequence++) {
      const size_t row0 = s->offsets[sequence], length = s->offsets[sequence + 1] - row0,
                   n_blocks = blocks_of(s, sequence);
#pragma omp for schedule(dynamic) nowait
      for (size_t unit = 0; unit < n_blocks * s->n_heads; unit++) { /* the longest blocks first */
        const size_t first = (n_blocks - 1 - unit / s->n_heads) * QUERY_BLOCK;
        const Task task = task_at(s, row0, length, first, unit % s->n_heads);
        probabilities(s, &task, q, k, p, NULL, lse, false);
        gemm_serial(false, false, task.count, s->head_dim, task.n_keys, p, task.n_keys,
                    v + (row0 + task.first_key) * s->stride + task.head / group * s->head_dim, s->stride, false,
                    z + (row0 + first) * width + task.head * s->head_dim, width);
      }
    }
  }
}

enum { BACKWARD_BLOCKS = 3 }; /* p, dp and the slopes of the soft cap, [block, longest] each */

/* Backward scratch, in reals: dk and dv of every query head [T, 2 H E], then each thread's blocks. */
size_t attention_backward_scratch(size_t rows, size_t longest, size_t n_heads, size_t head_dim) {
  return 2 * rows * n_heads * head_dim +
         (size_t)omp_get_max_threads() * BACKWARD_BLOCKS * QUERY_BLOCK * (longest + VEC_LANES);
}

/* dp[i, :] <- p (dp - sum_e dz z) * scale: the gradient of the scores before scaling; slope: of the soft cap, or NULL.
 */
static void softmax_backward_row(size_t begin, size_t end, size_t keys, const real *p, real dot, real scale,
                                 const real *slope, real *dp) {
  for (size_t j = 0; j < begin; j++) dp[j] = 0;
  for (size_t j = begin; j < end; j++) dp[j] = p[j] * (dp[j] - dot) * scale;
  for (size_t j = end; j < keys; j++) dp[j] = 0;
  if (slope)
    for (size_t j = begin; j < end; j++) dp[j] *= slope[j];
}

/* All query blocks of one head of one sequence, in order, so that dk and dv of that head have one owner. */
static void backward_head(const AttentionShape *s, size_t row0, size_t length, size_t head, const real *q,
                          const real *k, const real *v, const real *z, const real *lse, const real *dz, real *dq,
                          real *dk_head, real *dv_head, real *p, size_t block) {
  const size_t e = s->head_dim, width = s->n_heads * e, kv_column = head / (s->n_heads / s->n_kv_heads) * e;
  real *dp = p + block, *slopes = s->softcap != 0 ? dp + block : NULL;
  for (size_t t = 0; t < length; t++)
    for (size_t i = 0; i < e; i++)
      dk_head[(row0 + t) * width + head * e + i] = dv_head[(row0 + t) * width + head * e + i] = 0;
  for (size_t first = 0; first < length; first += QUERY_BLOCK) {
    const Task task = task_at(s, row0, length, first, head);
    const size_t keys = task.n_keys, row = row0 + first, key_row = row0 + task.first_key;
    const real *dz_block = dz + row * width + head * e, *z_block = z + row * width + head * e;
    probabilities(s, &task, q, k, p, slopes, (real *)lse, true);
    gemm_serial(true, false, keys, e, task.count, p, keys, dz_block, width, true, dv_head + key_row * width + head * e,
                width);
    gemm_serial(false, true, task.count, keys, e, dz_block, width, v + key_row * s->stride + kv_column, s->stride,
                false, dp, keys);
    for (size_t i = 0; i < task.count; i++) {
      real dot = 0;
      for (size_t j = 0; j < e; j++) dot += dz_block[i * width + j] * z_block[i * width + j];
      softmax_backward_row(seen_begin(s, &task, i), seen_end(&task, i), keys, p + i * keys, dot, s->scale,
                           slopes ? slopes + i * keys : NULL, dp + i * keys);
    }
    gemm_serial(false, false, task.count, e, keys, dp, keys, k + key_row * s->stride + kv_column, s->stride, false,
                dq + row * s->stride + head * e, s->stride);
    gemm_serial(true, false, keys, e, task.count, dp, keys, q + row * s->stride + head * e, s->stride, true,
                dk_head + key_row * width + head * e, width);
  }
}

/* dk[T, K E] = sum over the query heads that share a key/value head, in order. */
static void sum_groups(const AttentionShape *s, size_t rows, const real *per_head, real *out) {
  const size_t e = s->head_dim, group = s->n_heads / s->n_kv_heads, width = s->n_heads * e;
#pragma omp parallel for schedule(static)
  for (size_t t = 0; t < rows; t++)
    for (size_t h = 0; h < s->n_kv_heads; h++)
      for (size_t i = 0; i < e; i++) {
        real sum = 0;
        for (size_t g = 0; g < group; g++) sum += per_head[t * width + (h * group + g) * e + i];
        out[t * s->stride + h * e + i] = sum;
      }
}

void attention_backward(const AttentionShape *s, const real *q, const real *k, const real *v, const real *z,
                        const real *lse, const real *dz, real *dq, real *dk, real *dv, real *scratch) {
  const size_t rows = s->offsets[s->n_sequences], width = s->n_heads * s->head_dim, longest = longest_sequence(s);
  assert(s->prefix.length == 0);
  real *dk_head = scratch, *dv_head = dk_head + rows * width, *blocks = dv_head + rows * width;
  const size_t block = QUERY_BLOCK * (longest + VEC_LANES);
#pragma omp parallel for schedule(dynamic)
  for (size_t unit = 0; unit < s->n_sequences * s->n_heads; unit++) {
    const size_t sequence = unit / s->n_heads, row0 = s->offsets[sequence];
    backward_head(s, row0, s->offsets[sequence + 1] - row0, unit % s->n_heads, q, k, v, z, lse, dz, dq, dk_head,
                  dv_head, blocks + (size_t)omp_get_thread_num() * BACKWARD_BLOCKS * block, block);
  }
  sum_groups(s, rows, dk_head, dk);
  sum_groups(s, rows, dv_head, dv);
}
