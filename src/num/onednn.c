/* oneDNN, as the rest of fathom sees it. */
#include "num/onednn.h"

#include "base/memory.h"
#include "config.h"

#ifdef HAVE_ONEDNN

#include <oneapi/dnnl/dnnl.h>

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  KEPT = 64,           /* products whose code is kept, of each shape of matrix: some 80 KiB each */
  GEMMS_KEPT = 256,    /* the same of products on plain rows, all together */
  TYPICAL_ROWS = 1024, /* the packed order is the one that is best for products of this many rows */
};

/* C[m,n] = op(A) op(B) [+ C] on plain rows. */
typedef struct GemmShape {
  bool transpose_a, transpose_b, accumulate;
  size_t m, n, k;
} GemmShape;

/* A product's code: its memory objects are attached to the arrays of a call. */
typedef struct Product {
  size_t m;       /* rows; 0: none yet */
  GemmShape gemm; /* of onednn_gemm's alone */
  dnnl_primitive_t code;
  dnnl_memory_t x, w, y;
} Product;

/* Version 2 of the interface passes descriptors as structs, version 3 as handles. */
#if DNNL_VERSION_MAJOR >= 3
#define VIEW(descriptor) (descriptor)

static dnnl_status_t describe(dnnl_memory_desc_t *out, size_t rows, size_t columns, dnnl_data_type_t type,
                              dnnl_format_tag_t order) {
  const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
  return dnnl_memory_desc_create_with_tag(out, 2, dims, type, order);
}

static dnnl_status_t copy_packed(dnnl_memory_desc_t *out, const_dnnl_primitive_desc_t product) {
  return dnnl_memory_desc_clone(out, dnnl_primitive_desc_query_md(product, dnnl_query_weights_md, 0));
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) {
  return dnnl_post_ops_append_sum(after, 1, 0, dnnl_data_type_undef);
}

static void forget(dnnl_memory_desc_t *descriptor) {
  if (*descriptor) dnnl_memory_desc_destroy(*descriptor);
}

static dnnl_status_t describe_product(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const dnnl_memory_desc_t *x,
                                      const dnnl_memory_desc_t *w, const dnnl_memory_desc_t *y,
                                      const_dnnl_primitive_attr_t attributes) {
  return dnnl_matmul_primitive_desc_create(out, engine, *x, *w, NULL, *y, attributes);
}
#else
#define VIEW(descriptor) (&(descriptor))

static dnnl_status_t describe(dnnl_memory_desc_t *out, size_t rows, size_t columns, dnnl_data_type_t type,
                              dnnl_format_tag_t order) {
  const dnnl_dims_t dims = {(dnnl_dim_t)rows, (dnnl_dim_t)columns};
  return dnnl_memory_desc_init_by_tag(out, 2, dims, type, order);
}

static dnnl_status_t copy_packed(dnnl_memory_desc_t *out, const_dnnl_primitive_desc_t product) {
  *out = *dnnl_primitive_desc_query_md(product, dnnl_query_weights_md, 0);
  return dnnl_success;
}

static dnnl_status_t append_sum(dnnl_post_ops_t after) { return dnnl_post_ops_append_sum(after, 1); }

static void forget(dnnl_memory_desc_t *descriptor) { (void)descriptor; }

static dnnl_status_t describe_product(dnnl_primitive_desc_t *out, dnnl_engine_t engine, const dnnl_memory_desc_t *x,
                                      const dnnl_memory_desc_t *w, const dnnl_memory_desc_t *y,
                                      const_dnnl_primitive_attr_t attributes) {
  dnnl_matmul_desc_t operation;
  const dnnl_status_t status = dnnl_matmul_desc_init(&operation, x, w, NULL, y);
  return status == dnnl_success ? dnnl_primitive_desc_create(out, &operation, attributes, engine, NULL) : status;
}
#endif

/* What all matrices W[n,k] of one shape share. oneDNN sees W' [k,n]. */
typedef struct Shape {
  size_t n, k;
  dnnl_memory_desc_t packed;
  dnnl_primitive_t reorder;
  dnnl_memory_t rows, blocks; /* of the reorder, attached as above */
  Product products[KEPT];
  size_t next_product; /* the oldest one's place */
  struct Shape *next;
} Shape;

struct Onednn {
  dnnl_engine_t engine;
  dnnl_stream_t stream;
  Shape *shapes;
  Product gemms[GEMMS_KEPT];
  size_t next_gemm; /* the oldest one's place */
  uint16_t *scratch;
  size_t scratch_size; /* values */
};

const char *onednn_description(void) {
  static char text[32];
  const dnnl_version_t *v = dnnl_version();
  snprintf(text, sizeof text, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
  return text;
}

static Status fail(dnnl_status_t status, const char *what, Error *err) {
  static const char *const names[] = {"success",       "out of memory", "invalid arguments", "not implemented",
                                      "iterator ends", "runtime error", "not required"};
  const size_t n = sizeof names / sizeof names[0];
  return error_set(err, STATUS_SYSTEM, "%s: %s: %s", onednn_description(), what,
                   (size_t)status < n ? names[status] : "unknown error");
}

Status onednn_open(Onednn **onednn, Error *err) {
  const int bfloat16 = dnnl_cpu_isa_avx512_core_bf16; /* a set of bits, contained in those of AMX */
  *onednn = NULL;
  if (((int)dnnl_get_effective_cpu_isa() & bfloat16) != bfloat16)
    return error_set(err, STATUS_SYSTEM,
                     "this processor has no bfloat16 multiply-adds (avx512_bf16 or AMX): compute in float32 here");
  Onednn *o = mem_alloc(1, sizeof *o);
  dnnl_set_primitive_cache_capacity(0); /* code is kept here */
  dnnl_status_t status = dnnl_engine_create(&o->engine, dnnl_cpu, 0);
  if (status == dnnl_success) status = dnnl_stream_create(&o->stream, o->engine, dnnl_stream_default_flags);
  if (status == dnnl_success) {
    *onednn = o;
    return STATUS_OK;
  }
  onednn_close(o);
  return fail(status, "cannot start", err);
}

static void product_clear(Product *p) {
  if (p->code) dnnl_primitive_destroy(p->code);
  if (p->x) dnnl_memory_destroy(p->x);
  if (p->w) dnnl_memory_destroy(p->w);
  if (p->y) dnnl_memory_destroy(p->y);
  *p = (Product){0};
}

static void shape_free(Shape *s) {
  for (size_t i = 0; i < KEPT; i++) product_clear(&s->products[i]);
  if (s->reorder) dnnl_primitive_destroy(s->reorder);
  if (s->rows) dnnl_memory_destroy(s->rows);
  if (s->blocks) dnnl_memory_destroy(s->blocks);
  forget(&s->packed);
  free(s);
}

void onednn_close(Onednn *o) {
  if (!o) return;
  for (Shape *s = o->shapes, *next; s; s = next) {
    next = s->next;
    shape_free(s);
  }
  for (size_t i = 0; i < GEMMS_KEPT; i++) product_clear(&o->gemms[i]);
  free(o->scratch);
  if (o->stream) dnnl_stream_destroy(o->stream);
  if (o->engine) dnnl_engine_destroy(o->engine);
  free(o);
}

/* The code that a descriptor describes. */
static dnnl_status_t make_code(dnnl_primitive_desc_t descriptor, dnnl_primitive_t *code) {
  const dnnl_status_t status = dnnl_primitive_create(code, descriptor);
  dnnl_primitive_desc_destroy(descriptor);
  return status;
}

/* The order oneDNN likes best for W. */
static dnnl_status_t choose_order(const Onednn *o, Shape *s) {
  dnnl_memory_desc_t x = {0}, w = {0}, y = {0};
  dnnl_primitive_desc_t product;
  dnnl_status_t status = describe(&x, TYPICAL_ROWS, s->k, dnnl_bf16, dnnl_ab);
  if (status == dnnl_success) status = describe(&w, s->k, s->n, dnnl_bf16, dnnl_format_tag_any);
  if (status == dnnl_success) status = describe(&y, TYPICAL_ROWS, s->n, dnnl_f32, dnnl_ab);
  if (status == dnnl_success) status = describe_product(&product, o->engine, &x, &w, &y, NULL);
  if (status == dnnl_success) {
    status = copy_packed(&s->packed, product);
    dnnl_primitive_desc_destroy(product);
  }
  forget(&x), forget(&w), forget(&y);
  return status;
}

static dnnl_status_t make_reorder(const Onednn *o, Shape *s) {
  dnnl_memory_desc_t rows = {0};
  dnnl_primitive_desc_t reorder;
  dnnl_status_t status = describe(&rows, s->k, s->n, dnnl_bf16, dnnl_ba); /* [n,k] by rows is [k,n] by columns */
  if (status == dnnl_success)
    status = dnnl_reorder_primitive_desc_create(&reorder, VIEW(rows), o->engine, VIEW(s->packed), o->engine, NULL);
  if (status == dnnl_success) status = make_code(reorder, &s->reorder);
  if (status == dnnl_success) status = dnnl_memory_create(&s->rows, VIEW(rows), o->engine, DNNL_MEMORY_NONE);
  if (status == dnnl_success) status = dnnl_memory_create(&s->blocks, VIEW(s->packed), o->engine, DNNL_MEMORY_NONE);
  forget(&rows);
  return status;
}

/* y = x w, added to y where accumulate is set. */
static dnnl_status_t product_init(const Onednn *o, const dnnl_memory_desc_t *x, const dnnl_memory_desc_t *w,
                                  const dnnl_memory_desc_t *y, bool accumulate, Product *p) {
  dnnl_primitive_desc_t product;
  dnnl_primitive_attr_t attributes = NULL;
  dnnl_post_ops_t after = NULL;
  dnnl_status_t status = dnnl_primitive_attr_create(&attributes);
  if (status == dnnl_success) status = dnnl_post_ops_create(&after);
  if (status == dnnl_success && accumulate) status = append_sum(after);
  if (status == dnnl_success) status = dnnl_primitive_attr_set_post_ops(attributes, after);
  if (status == dnnl_success) status = describe_product(&product, o->engine, x, w, y, attributes);
  if (status == dnnl_success) status = make_code(product, &p->code);
  if (status == dnnl_success) status = dnnl_memory_create(&p->x, VIEW(*x), o->engine, DNNL_MEMORY_NONE);
  if (status == dnnl_success) status = dnnl_memory_create(&p->w, VIEW(*w), o->engine, DNNL_MEMORY_NONE);
  if (status == dnnl_success) status = dnnl_memory_create(&p->y, VIEW(*y), o->engine, DNNL_MEMORY_NONE);
  if (after) dnnl_post_ops_destroy(after);
  if (attributes) dnnl_primitive_attr_destroy(attributes);
  return status;
}

static dnnl_status_t packed_init(const Onednn *o, const Shape *s, size_t m, Product *p) {
  dnnl_memory_desc_t x = {0}, y = {0};
  dnnl_status_t status = describe(&x, m, s->k, dnnl_bf16, dnnl_ab);
  if (status == dnnl_success) status = describe(&y, m, s->n, dnnl_f32, dnnl_ab);
  if (status == dnnl_success) status = product_init(o, &x, &s->packed, &y, false, p);
  forget(&x), forget(&y);
  p->m = m;
  return status;
}

/* An array stored transposed is one by columns. */
static dnnl_status_t gemm_init(const Onednn *o, const GemmShape *s, Product *p) {
  dnnl_memory_desc_t a = {0}, b = {0}, c = {0};
  dnnl_status_t status = describe(&a, s->m, s->k, dnnl_bf16, s->transpose_a ? dnnl_ba : dnnl_ab);
  if (status == dnnl_success) status = describe(&b, s->k, s->n, dnnl_bf16, s->transpose_b ? dnnl_ba : dnnl_ab);
  if (status == dnnl_success) status = describe(&c, s->m, s->n, dnnl_f32, dnnl_ab);
  if (status == dnnl_success) status = product_init(o, &a, &b, &c, s->accumulate, p);
  forget(&a), forget(&b), forget(&c);
  p->m = s->m;
  p->gemm = *s;
  return status;
}

static Shape *find_shape(const Onednn *o, size_t n, size_t k) {
  Shape *s = o->shapes;
  while (s && (s->n != n || s->k != k)) s = s->next;
  return s;
}

Status onednn_packed_bytes(Onednn *o, size_t n, size_t k, size_t *bytes, Error *err) {
  Shape *s = find_shape(o, n, k);
  if (!s) {
    s = mem_alloc(1, sizeof *s);
    s->n = n, s->k = k;
    dnnl_status_t status = choose_order(o, s);
    if (status == dnnl_success) status = make_reorder(o, s);
    if (status != dnnl_success) {
      shape_free(s);
      return fail(status, "cannot multiply matrices of this shape", err);
    }
    s->next = o->shapes;
    o->shapes = s;
  }
  *bytes = dnnl_memory_desc_get_size(VIEW(s->packed));
  return STATUS_OK;
}

/* Runs code on arguments whose arrays are attached, and waits for it. */
static dnnl_status_t run(const Onednn *o, dnnl_primitive_t code, int n_args, const dnnl_exec_arg_t *args) {
  const dnnl_status_t status = dnnl_primitive_execute(code, o->stream, n_args, args);
  return status == dnnl_success ? dnnl_stream_wait(o->stream) : status;
}

/* oneDNN takes arrays as not constant, and does not write to those it reads. */
static void attach(dnnl_memory_t memory, const void *array) {
  const dnnl_status_t status = dnnl_memory_set_data_handle(memory, (void *)array);
  assert(status == dnnl_success);
}

Status onednn_pack(Onednn *o, size_t n, size_t k, const uint16_t *rows, void *packed, Error *err) {
  const Shape *s = find_shape(o, n, k);
  assert(s);
  attach(s->rows, rows);
  attach(s->blocks, packed);
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_FROM, s->rows}, {DNNL_ARG_TO, s->blocks}};
  const dnnl_status_t status = run(o, s->reorder, 2, args);
  return status == dnnl_success ? STATUS_OK : fail(status, "cannot pack a matrix", err);
}

uint16_t *onednn_scratch(Onednn *o, size_t n) {
  if (n > o->scratch_size) {
    free(o->scratch);
    o->scratch = mem_alloc_aligned(n, sizeof *o->scratch, 64);
    o->scratch_size = n;
  }
  return o->scratch;
}

/* Code that must exist: lack of memory ends the process, anything else is our own mistake. */
static void need(dnnl_status_t status, size_t bytes) {
  if (status == dnnl_out_of_memory) mem_exhausted(bytes);
  assert(status == dnnl_success);
}

/* The code for m rows; a new one takes the place of the oldest. */
static Product *find_product(const Onednn *o, Shape *s, size_t m) {
  for (size_t i = 0; i < KEPT; i++)
    if (s->products[i].m == m) return &s->products[i];
  Product *p = &s->products[s->next_product];
  s->next_product = (s->next_product + 1) % KEPT;
  product_clear(p);
  need(packed_init(o, s, m, p), sizeof *p);
  return p;
}

static bool is_same(const GemmShape *a, const GemmShape *b) {
  return a->m == b->m && a->n == b->n && a->k == b->k && a->transpose_a == b->transpose_a &&
         a->transpose_b == b->transpose_b && a->accumulate == b->accumulate;
}

static Product *find_gemm(Onednn *o, const GemmShape *shape) {
  for (size_t i = 0; i < GEMMS_KEPT; i++)
    if (is_same(&o->gemms[i].gemm, shape)) return &o->gemms[i];
  Product *p = &o->gemms[o->next_gemm];
  o->next_gemm = (o->next_gemm + 1) % GEMMS_KEPT;
  product_clear(p);
  need(gemm_init(o, shape, p), sizeof *p);
  return p;
}

static void run_product(const Onednn *o, const Product *p, const void *x, const void *w, float *y, size_t bytes) {
  attach(p->x, x);
  attach(p->w, w);
  attach(p->y, y);
  const dnnl_exec_arg_t args[] = {{DNNL_ARG_SRC, p->x}, {DNNL_ARG_WEIGHTS, p->w}, {DNNL_ARG_DST, p->y}};
  need(run(o, p->code, 3, args), bytes);
}

void onednn_multiply(Onednn *o, size_t m, size_t n, size_t k, const uint16_t *x, const void *packed, float *y) {
  Shape *s = find_shape(o, n, k);
  assert(s);
  if (m > 0) run_product(o, find_product(o, s, m), x, packed, y, m * n);
}

void onednn_gemm(Onednn *o, bool transpose_a, bool transpose_b, size_t m, size_t n, size_t k, const uint16_t *a,
                 const uint16_t *b, bool accumulate, float *c) {
  const GemmShape shape = {transpose_a, transpose_b, accumulate, m, n, k};
  if (m > 0 && n > 0 && k > 0)
    run_product(o, find_gemm(o, &shape), a, b, c, m * n);
  else if (!accumulate)
    memset(c, 0, m * n * sizeof *c);
}

#endif
