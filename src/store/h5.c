/* The sole user of HDF5: ids start at -1 and close at one label, HDF5's own error printing is off, and its error stack
 * becomes one line. */
#include "store/h5.h"

#include "base/memory.h"
#include "store/handle.h"
#include "store/superblock.h"

#include <assert.h>
#include <errno.h>
#include <hdf5.h>
#include <hdf5_hl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(_Generic((hid_t)0, int64_t : 1, default : 0), "h5.h's H5Id is HDF5's hid_t");

/* The most specific message of HDF5's error stack, and the errno that a file driver noted in it (0: none). */
typedef struct Cause {
  int number;
  char text[256];
} Cause;

static herr_t note_cause(unsigned depth, const H5E_error2_t *entry, void *data) {
  (void)depth;
  Cause *cause = data;
  const char *text = entry->desc ? entry->desc : "", *number = strstr(text, "errno = ");
  if (number) cause->number = atoi(number + strlen("errno = "));
  if (text[0]) snprintf(cause->text, sizeof cause->text, "%s", text);
  return 0;
}

/* "NAME: cannot DOING: reason" for the call that just failed. */
static Status fail(Error *err, const char *name, const char *doing) {
  Cause cause = {0, "HDF5 gives no reason"};
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_DOWNWARD, note_cause, &cause);
  errno = cause.number;
  if (cause.number) return error_system(err, "%s%scannot %s", name, name[0] ? ": " : "", doing);
  return error_set(err, STATUS_DATA, "%s%scannot %s: %s", name, name[0] ? ": " : "", doing, cause.text);
}

/* text_size is of H5_TEXT, as in H5Dataset. */
static hid_t type_of(H5Type type, size_t text_size) {
  const hid_t kinds[] = {[H5_U16] = H5T_STD_U16LE,  [H5_U32] = H5T_STD_U32LE,  [H5_I32] = H5T_STD_I32LE,
                         [H5_U64] = H5T_STD_U64LE,  [H5_I64] = H5T_STD_I64LE,  [H5_F16] = H5T_IEEE_F32LE,
                         [H5_F32] = H5T_IEEE_F32LE, [H5_F64] = H5T_IEEE_F64LE, [H5_TEXT] = H5T_C_S1};
  hid_t id = H5Tcopy(kinds[type]);
  if (type == H5_TEXT) {
    H5Tset_size(id, text_size ? text_size : H5T_VARIABLE);
    H5Tset_cset(id, H5T_CSET_UTF8);
    if (text_size) H5Tset_strpad(id, H5T_STR_NULLPAD);
  } else if (type == H5_F16) {
    H5Tset_fields(id, 15, 10, 5, 0, 10);
    H5Tset_ebias(id, 15);
    H5Tset_size(id, 2);
  }
  return id;
}

static H5Type classify(hid_t type) {
  const size_t size = H5Tget_size(type);
  switch (H5Tget_class(type)) {
  case H5T_INTEGER: return size == 2 && H5Tget_sign(type) == H5T_SGN_NONE ? H5_U16 : H5_I64;
  case H5T_FLOAT: return size == 2 ? H5_F16 : size == 4 ? H5_F32 : size == 8 ? H5_F64 : H5_OTHER;
  case H5T_STRING: return H5_TEXT;
  default: return H5_OTHER;
  }
}

/* No caches of data: rows go straight between the caller's memory and the file, and closing a dataset has nothing left
 * to write that could fail. No lock of HDF5's, which would keep readers from a store that is still being written;
 * writers lock for themselves. */
static hid_t access_of(H5Mode mode) {
  hid_t list = H5Pcreate(H5P_FILE_ACCESS);
  H5Pset_libver_bounds(list, H5F_LIBVER_V18, H5F_LIBVER_V18);
  H5Pset_cache(list, 0, 0, 0, 0);
  H5Pset_sieve_buf_size(list, 0);
  H5Pset_fclose_degree(list, H5F_CLOSE_STRONG);
  H5Pset_alignment(list, 64 << 10, 4096); /* chunks of rows begin at pages, so that they can be written directly */
  if (mode == H5_MEMORY) H5Pset_fapl_core(list, 1 << 20, false);
  H5Pset_file_locking(list, false, true);
  return list;
}

/* Errors are ours to print, and a file that could not be closed is not tried again at exit. */
static void h5_init(void) {
  H5dont_atexit();
  H5Eset_auto2(H5E_DEFAULT, NULL, NULL);
}

int h5_handle(H5Id file) {
  int *handle = NULL;
  hid_t list = H5Fget_access_plist(file);
  if (H5Pget_driver(list) == H5FD_SEC2) H5Fget_vfd_handle(file, list, (void **)&handle);
  h5_close(&list);
  return handle ? *handle : -1;
}

/* After the system refused a write, HDF5 1.10 crashes when it closes the dataset or the file and still cannot write.
 * The handle is turned to a file in memory, so that it can: what it has left to say is lost anyway. */
static Status fail_write(Error *err, hid_t object, const char *name, const char *doing) {
  const Status status = fail(err, name, doing);
  if (status != STATUS_SYSTEM) return status;
  hid_t file = H5Iget_file_id(object);
  handle_discard(h5_handle(file));
  h5_close(&file);
  return status;
}

Status h5_create_file(const char *path, bool in_memory, H5Id *file, Error *err) {
  h5_init();
  hid_t access = access_of(in_memory ? H5_MEMORY : H5_UPDATE), creation = H5Pcreate(H5P_FILE_CREATE);
  H5Pset_obj_track_times(creation, false);
  H5Pset_attr_phase_change(creation, 1000, 0); /* attributes stay in the root's header, to be replaced in one write */
  *file = H5Fcreate(path, H5F_ACC_TRUNC, creation, access);
  const Status status = *file < 0 ? fail(err, "", "make this file") : STATUS_OK;
  H5Pclose(creation);
  H5Pclose(access);
  return status == STATUS_OK && !in_memory ? handle_lock(h5_handle(*file), err) : status;
}

Status h5_open_file(const char *path, H5Mode mode, H5Id *file, Error *err) {
  h5_init();
  *file = H5_NONE;
  struct stat info;
  if (stat(path, &info) != 0 || access(path, R_OK) != 0) return error_system(err, "cannot open");
  if (!S_ISREG(info.st_mode) || H5Fis_hdf5(path) <= 0) return error_set(err, STATUS_DATA, "not an HDF5 file");
  hid_t list = access_of(mode);
  *file = H5Fopen(path, mode == H5_READ ? H5F_ACC_RDONLY : H5F_ACC_RDWR, list);
  Status status = *file < 0 ? fail(err, "", "open this HDF5 file") : STATUS_OK;
  H5Pclose(list);
  return status == STATUS_OK && mode == H5_UPDATE ? handle_lock(h5_handle(*file), err) : status;
}

Status h5_flush(H5Id file, Error *err) {
  return H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? fail_write(err, file, "", "write") : STATUS_OK;
}

Status h5_sync(H5Id file, Error *err) {
  const Status status = h5_flush(file, err);
  return status != STATUS_OK || fdatasync(h5_handle(file)) == 0 ? status : error_system(err, "cannot write");
}

Status h5_image(H5Id file, void **bytes, size_t *size, Error *err) {
  const ssize_t n = H5Fflush(file, H5F_SCOPE_GLOBAL) < 0 ? -1 : H5Fget_file_image(file, NULL, 0);
  *bytes = NULL;
  Status status = n < 0 ? fail(err, "", "take its image") : mem_try(*size = (size_t)n, 1, bytes, err);
  if (status == STATUS_OK && H5Fget_file_image(file, *bytes, *size) != n) status = fail(err, "", "take its image");
  if (status == STATUS_OK) superblock_repair(*bytes, *size);
  return status;
}

Status h5_close_file(H5Id *file, Error *err) {
  if (*file < 0) return STATUS_OK;
  Status status = h5_flush(*file, err);
  if (H5Fclose(*file) < 0 && status == STATUS_OK) status = fail(err, "", "close");
  *file = H5_NONE;
  return status;
}

void h5_close(H5Id *id) {
  if (*id >= 0) H5Idec_ref(*id);
  *id = H5_NONE;
}

/* A text has a fixed length where a header's message (64 KiB) can hold it; a number is replaced in one write. */
Status h5_write_attribute(H5Id object, const char *name, H5Type type, const void *value, Error *err) {
  const size_t n = type == H5_TEXT ? strlen(value) : 0, size = n < 60000 ? n + (n == 0) : 0;
  bool there = H5Aexists(object, name) > 0;
  if (there && type == H5_TEXT) there = H5Adelete(object, name) < 0;
  hid_t space = H5Screate(H5S_SCALAR), memory = type_of(type, size);
  hid_t attribute =
      there ? H5Aopen(object, name, H5P_DEFAULT) : H5Acreate2(object, name, memory, space, H5P_DEFAULT, H5P_DEFAULT);
  const bool right = attribute >= 0 && H5Awrite(attribute, memory, type == H5_TEXT && !size ? &value : value) >= 0;
  const Status status = right ? STATUS_OK : fail_write(err, object, name, "write this attribute");
  h5_close(&attribute);
  h5_close(&memory);
  h5_close(&space);
  return status;
}

Status h5_read_attribute(H5Id object, const char *name, H5Type want, void *value, Error *err) {
  enum { MAX_TEXT = 1 << 24 };
  if (H5Aexists(object, name) <= 0) return STATUS_OK;
  Status status = STATUS_OK;
  void *into = value;
  hid_t attribute = H5Aopen(object, name, H5P_DEFAULT), type = H5_NONE, space = H5_NONE, memory = type_of(want, 0);
  if (attribute < 0 || (type = H5Aget_type(attribute)) < 0 || (space = H5Aget_space(attribute)) < 0) {
    status = fail(err, name, "read this attribute");
    goto done;
  }
  const H5Type found = classify(type);
  const bool right = want == H5_TEXT ? found == H5_TEXT : found == H5_I64 || found == H5_U16;
  if (!right || H5Sget_simple_extent_npoints(space) != 1 || H5Tget_size(type) > MAX_TEXT) {
    const char *expected = want == H5_TEXT ? "text" : "whole number";
    status = error_set(err, STATUS_DATA, "attribute %s: expected one %s", name, expected);
    goto done;
  }
  if (want == H5_TEXT && H5Tis_variable_str(type) <= 0) into = *(char **)value = mem_alloc(H5Tget_size(type) + 1, 1);
  if (H5Aread(attribute, want == H5_TEXT ? type : memory, into) < 0) status = fail(err, name, "read this attribute");
done:
  h5_close(&memory);
  h5_close(&space);
  h5_close(&type);
  h5_close(&attribute);
  return status;
}

Status h5_make_group(H5Id file, const char *name, Error *err) {
  if (H5Lexists(file, name, H5P_DEFAULT) > 0) return STATUS_OK;
  hid_t creation = H5Pcreate(H5P_GROUP_CREATE);
  H5Pset_obj_track_times(creation, false);
  H5Pset_link_creation_order(creation, H5P_CRT_ORDER_TRACKED | H5P_CRT_ORDER_INDEXED);
  hid_t group = H5Gcreate2(file, name, H5P_DEFAULT, creation, H5P_DEFAULT);
  const Status status = group < 0 ? fail_write(err, file, name, "make this group") : STATUS_OK;
  h5_close(&group);
  H5Pclose(creation);
  return status;
}

static Status make_parents(hid_t file, const char *name, Error *err) {
  Status status = STATUS_OK;
  for (const char *slash = strchr(name, '/'); slash && status == STATUS_OK; slash = strchr(slash + 1, '/')) {
    char *parent = mem_format("%.*s", (int)(slash - name), name);
    status = h5_make_group(file, parent, err);
    free(parent);
  }
  return status;
}

Status h5_make_dataset(H5Id file, const char *name, size_t chunk_rows, bool growable, H5Dataset *dataset, Error *err) {
  hsize_t dims[H5_MAX_RANK], most[H5_MAX_RANK], chunk[H5_MAX_RANK];
  const int rank = (int)dataset->rank;
  for (int i = 0; i < rank; i++) chunk[i] = most[i] = dims[i] = dataset->dims[i];
  chunk[0] = chunk_rows;
  if (growable) most[0] = H5S_UNLIMITED;
  dataset->id = H5_NONE;
  Status status = make_parents(file, name, err);
  if (status != STATUS_OK) return status;
  hid_t creation = H5Pcreate(H5P_DATASET_CREATE), space = H5Screate_simple(rank, dims, most),
        type = type_of(dataset->type, dataset->text_size);
  H5Pset_obj_track_times(creation, false);
  if (chunk_rows) H5Pset_chunk(creation, rank, chunk);
  if (!growable && (dataset->type != H5_TEXT || dataset->text_size)) { /* a char * must not hold what was there */
    H5Pset_alloc_time(creation, H5D_ALLOC_TIME_EARLY);
    H5Pset_fill_time(creation, H5D_FILL_TIME_NEVER);
  }
  dataset->id = H5Dcreate2(file, name, type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
  status = dataset->id < 0 ? fail_write(err, file, name, "make this dataset") : STATUS_OK;
  h5_close(&type);
  h5_close(&space);
  h5_close(&creation);
  return status;
}

/* Through filters (deflate, by other writers) a chunk is read whole: keep one. *most_bytes: what the storage can hold,
 * deflate's best ratio granted; SIZE_MAX where it lies in other files. */
static hid_t open_storage(hid_t file, const char *name, size_t *most_bytes) {
  hid_t id = H5Dopen2(file, name, H5P_DEFAULT);
  if (id < 0) return id;
  hid_t creation = H5Dget_create_plist(id);
  const bool filtered = H5Pget_nfilters(creation) > 0, elsewhere = H5Pget_layout(creation) == H5D_VIRTUAL;
  h5_close(&creation);
  *most_bytes = elsewhere ? SIZE_MAX : H5Dget_storage_size(id);
  if (filtered && !size_multiply(*most_bytes, 1100, most_bytes)) *most_bytes = SIZE_MAX;
  if (!filtered) return id;
  h5_close(&id);
  hid_t access = H5Pcreate(H5P_DATASET_ACCESS);
  H5Pset_chunk_cache(access, 101, 64 << 20, 1);
  id = H5Dopen2(file, name, access);
  h5_close(&access);
  return id;
}

Status h5_open_dataset(H5Id file, const char *name, H5Dataset *dataset, Error *err) {
  size_t most = 0, bytes = 1;
  *dataset = (H5Dataset){.id = open_storage(file, name, &most)};
  if (dataset->id < 0) return fail(err, name, "open this dataset");
  hid_t type = H5Dget_type(dataset->id), space = H5Dget_space(dataset->id);
  hsize_t dims[H5S_MAX_RANK];
  const int rank = H5Sget_simple_extent_dims(space, dims, NULL);
  Status status = STATUS_OK;
  if (rank < 1 || rank > H5_MAX_RANK) {
    status = error_set(err, STATUS_DATA, "%s: rank %d, expected 1 to %d", name, rank, H5_MAX_RANK);
  } else {
    dataset->type = classify(type);
    if (dataset->type == H5_TEXT && H5Tis_variable_str(type) <= 0) dataset->text_size = H5Tget_size(type);
    dataset->rank = (size_t)rank;
    bool fits = size_multiply(bytes, H5Tget_size(type), &bytes);
    for (int i = 0; i < rank; i++) fits = size_multiply(bytes, dataset->dims[i] = dims[i], &bytes) && fits;
    if (!fits || bytes > most)
      status = error_set(err, STATUS_DATA, "%s: its storage holds at most %zu bytes, its shape needs more", name, most);
  }
  h5_close(&space);
  h5_close(&type);
  if (status != STATUS_OK) h5_close(&dataset->id);
  return status;
}

bool h5_has_dataset(H5Id file, const char *name) {
  H5O_info_t info;
  return H5Oget_info_by_name2(file, name, &info, H5O_INFO_BASIC, H5P_DEFAULT) >= 0 && info.type == H5O_TYPE_DATASET;
}

static Status transfer(const H5Dataset *dataset, H5Type of, size_t first, size_t n, void *into, const void *from,
                       Error *err) {
  assert(n <= dataset->dims[0] && first <= dataset->dims[0] - n);
  hsize_t start[H5_MAX_RANK] = {first}, count[H5_MAX_RANK];
  for (size_t i = 0; i < dataset->rank; i++) {
    count[i] = i ? dataset->dims[i] : n;
    if (count[i] == 0) return STATUS_OK;
  }
  hid_t space = H5Dget_space(dataset->id), memory = H5Screate_simple((int)dataset->rank, count, NULL),
        type = of == H5_TEXT ? H5Dget_type(dataset->id) : type_of(of, 0);
  bool right = H5Sselect_hyperslab(space, H5S_SELECT_SET, start, NULL, count, NULL) >= 0;
  if (right && into) right = H5Dread(dataset->id, type, memory, space, H5P_DEFAULT, into) >= 0;
  if (right && from) right = H5Dwrite(dataset->id, type, memory, space, H5P_DEFAULT, from) >= 0;
  const Status status = right ? STATUS_OK : from ? fail_write(err, dataset->id, "", "write") : fail(err, "", "read");
  h5_close(&type);
  h5_close(&memory);
  h5_close(&space);
  return status;
}

Status h5_read_rows(const H5Dataset *dataset, H5Type type, size_t first, size_t n, void *values, Error *err) {
  return transfer(dataset, type, first, n, values, NULL, err);
}

Status h5_write_rows(const H5Dataset *dataset, size_t first, size_t n, const void *values, Error *err) {
  return transfer(dataset, dataset->type, first, n, NULL, values, err);
}

size_t h5_chunk_rows(const H5Dataset *set, H5Type as) {
  hid_t creation = H5Dget_create_plist(set->id), type = H5Dget_type(set->id), wanted = type_of(as, 0);
  hsize_t chunk[H5_MAX_RANK] = {0};
  const bool cut = H5Pget_layout(creation) == H5D_CHUNKED && H5Pget_chunk(creation, H5_MAX_RANK, chunk) == 2;
  const bool packed = cut && chunk[1] == set->dims[1] && H5Tequal(type, wanted) > 0 && H5Pget_nfilters(creation) == 0;
  h5_close(&wanted);
  h5_close(&type);
  h5_close(&creation);
  return packed ? chunk[0] : 0;
}

Status h5_locate_chunk(const H5Dataset *dataset, size_t row, uint64_t *offset, Error *err) {
  hsize_t at[H5_MAX_RANK] = {row}, size;
  unsigned filters = 0;
  const bool found = H5Dget_chunk_info_by_coord(dataset->id, at, &filters, offset, &size) >= 0 && *offset != HADDR_UNDEF;
  return found && filters == 0 ? STATUS_OK : fail(err, "", "find a chunk");
}

Status h5_resize(H5Dataset *dataset, size_t n_rows, Error *err) {
  hsize_t dims[H5_MAX_RANK];
  for (size_t i = 0; i < dataset->rank; i++) dims[i] = i ? dataset->dims[i] : n_rows;
  if (H5Dset_extent(dataset->id, dims) < 0) return fail_write(err, dataset->id, "", "resize");
  dataset->dims[0] = n_rows;
  return STATUS_OK;
}

Status h5_make_scale(H5Id dataset, const char *name, Error *err) {
  return H5DSset_scale(dataset, name) < 0 ? fail_write(err, dataset, name, "make this a dimension scale") : STATUS_OK;
}

Status h5_name_axis(H5Id dataset, unsigned axis, const char *label, const H5Id *scales, size_t n_scales, Error *err) {
  bool right = H5DSset_label(dataset, axis, label) >= 0;
  for (size_t i = 0; i < n_scales && right; i++) right = H5DSattach_scale(dataset, scales[i], axis) >= 0;
  return right ? STATUS_OK : fail_write(err, dataset, "", "name an axis");
}

typedef struct Listing {
  char **names;
  size_t n, room;
} Listing;

static herr_t list_link(hid_t group, const char *name, const H5L_info_t *info, void *data) {
  Listing *list = data;
  if (info->type != H5L_TYPE_HARD || !h5_has_dataset(group, name)) return 0;
  if (list->n == list->room)
    list->names = mem_resize(list->names, list->room = 2 * list->room + 16, sizeof *list->names);
  list->names[list->n++] = mem_copy_string(name);
  return 0;
}

Status h5_list(H5Id file, const char *group, char ***names, size_t *n, bool *in_order, Error *err) {
  Listing list = {mem_alloc(1, sizeof *list.names), 0, 1};
  hid_t id = H5Gopen2(file, group, H5P_DEFAULT), creation = id < 0 ? H5_NONE : H5Gget_create_plist(id);
  unsigned order = 0;
  if (creation >= 0) H5Pget_link_creation_order(creation, &order);
  *in_order = order & H5P_CRT_ORDER_TRACKED;
  const H5_iter_order_t way = *in_order ? H5_ITER_INC : H5_ITER_NATIVE; /* 1.10 may die of sorting a damaged group */
  const bool fails = id < 0 || H5Lvisit(id, *in_order ? H5_INDEX_CRT_ORDER : H5_INDEX_NAME, way, list_link, &list) < 0;
  const Status status = fails ? fail(err, group, "list its datasets") : STATUS_OK;
  h5_close(&creation);
  h5_close(&id);
  *names = list.names;
  *n = list.n;
  return status;
}
