/* adapter_model.safetensors: from PEFT's tensor names to factors by module.
 *
 *   base_model.model.MODULE.lora_A[.NAME].weight         A; lora_B likewise
 *   base_model.model.MODULE.lora_embedding_A[.NAME]      of an embedding
 *   base_model.model.MODULE[.modules_to_save[.default]].weight, MODULE.base_layer.bias     stands for the base's
 *
 * NAME is the adapter's, in files that were not written by save_pretrained. */
#include "weights/adapter.h"

#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "weights/adapter_parts.h"
#include "base/names.h"
#include "weights/safetensors.h"

#include <stdlib.h>
#include <string.h>

#define PREFIX "base_model.model."
#define LORA ".lora_"
#define SAVED ".modules_to_save."
#define BASE_LAYER ".base_layer."

struct Adapter {
  char *folder, *weights_path;
  AdapterSettings settings;
  FileMap map;
  Weights *weights;
  Names modules;           /* numbered as factors are */
  AdapterFactors *factors; /* [modules.count] */
  Names saved;             /* numbered as tensors are */
  AdapterTensor *tensors;  /* [saved.count] */
  char digest[DIGEST_TEXT];
};

static bool folder_has(const char *folder, const char *name) {
  char *path = file_join(folder, name);
  const bool there = file_exists(path);
  free(path);
  return there;
}

bool adapter_is_folder(const char *path) {
  return folder_has(path, "adapter_config.json") && !folder_has(path, "config.json");
}

/* What stands behind ".lora_": which factor, and whether of an embedding. */
static bool parse_factor(const char *kind, bool *is_b, bool *is_embedding) {
  *is_b = *is_embedding = false;
  static const struct {
    const char *start;
    bool is_b, is_embedding;
  } kinds[] = {{"A", false, false}, {"B", true, false}, {"embedding_A", false, true}, {"embedding_B", true, true}};
  for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
    const size_t n = strlen(kinds[i].start);
    if (strncmp(kind, kinds[i].start, n) != 0 || (kind[n] && kind[n] != '.')) continue;
    *is_b = kinds[i].is_b;
    *is_embedding = kinds[i].is_embedding;
    const char *rest = kind + n; /* "" or ".NAME" of an embedding, else ".weight" or ".NAME.weight" */
    if (*is_embedding) return !strchr(*rest ? rest + 1 : rest, '.');
    return file_has_suffix(rest, ".weight") && (strlen(rest) == 7 || strchr(rest + 1, '.') == rest + strlen(rest) - 7);
  }
  return false;
}

/* The factors of a module, made where they are new: then the module must be one of the targets. */
static Status find_factors(Adapter *adapter, const Tensor *tensor, const char *module, bool is_embedding, size_t *index,
                           Error *err) {
  bool targets;
  if (names_find(&adapter->modules, module, index)) return STATUS_OK;
  const Status status = adapter_settings_targets(&adapter->settings, module, &targets, err);
  if (status != STATUS_OK) return status;
  if (!targets)
    return error_set(err, STATUS_DATA, "%s: tensor %s is of a module that %s does not name in target_modules",
                     tensor->file, tensor->name, file_name(adapter->settings.path));
  *index = adapter->modules.count;
  names_add(&adapter->modules, module);
  adapter->factors = mem_resize(adapter->factors, *index + 1, sizeof *adapter->factors);
  adapter->factors[*index] = (AdapterFactors){.module = adapter->modules.items[*index], .is_embedding = is_embedding};
  return STATUS_OK;
}

static Status add_factor(Adapter *adapter, const Tensor *tensor, const char *name, Error *err) {
  const char *at = strstr(name, LORA);
  bool is_b, is_embedding;
  size_t index;
  if (!parse_factor(at + strlen(LORA), &is_b, &is_embedding) || tensor->n_dims != 2)
    return error_set(err, STATUS_DATA, "%s: tensor %s is no matrix of a plain LoRA adapter", tensor->file,
                     tensor->name);
  char *module = mem_format("%.*s", (int)(at - name), name);
  const Status status = find_factors(adapter, tensor, module, is_embedding, &index, err);
  free(module);
  if (status != STATUS_OK) return status;
  AdapterFactors *f = &adapter->factors[index];
  const Tensor **place = is_b ? &f->b : &f->a;
  if (*place || f->is_embedding != is_embedding)
    return error_set(err, STATUS_DATA, "%s: tensor %s comes on top of %s", tensor->file, tensor->name,
                     *place ? (*place)->name : (f->a ? f->a : f->b)->name);
  *place = tensor;
  return STATUS_OK;
}

/* The name without ".modules_to_save[.default]" or ".base_layer"; freed by the caller. */
static char *base_name(const char *name) {
  const char *at = strstr(name, SAVED), *skip = SAVED;
  if (!at) at = strstr(name, BASE_LAYER), skip = BASE_LAYER;
  if (!at) return mem_copy_string(name);
  const char *rest = at + strlen(skip);
  if (strncmp(rest, "default.", 8) == 0) rest += 8;
  return mem_format("%.*s.%s", (int)(at - name), name, rest);
}

/* Is a whole tensor accounted for: by modules_to_save, by bias, or as an embedding that PEFT adds because it was
 * resized or adapted? */
static Status check_saved(const Adapter *adapter, const Tensor *tensor, const char *name, Error *err) {
  const char *dot = strrchr(name, '.');
  char *module = mem_format("%.*s", dot ? (int)(dot - name) : (int)strlen(name), name);
  const bool saves = adapter_settings_saves(&adapter->settings, module);
  const bool is_embedding = file_has_suffix(module, "embed_tokens") || file_has_suffix(module, "lm_head");
  const bool is_bias = adapter->settings.has_bias && dot && strcmp(dot, ".bias") == 0;
  Status status = STATUS_OK;
  if (!saves && !is_embedding && !is_bias)
    status = error_set(err, STATUS_DATA, "%s: tensor %s is neither a LoRA matrix nor named in %s's modules_to_save",
                       tensor->file, tensor->name, file_name(adapter->settings.path));
  free(module);
  return status;
}

static Status add_tensor(Adapter *adapter, const Tensor *tensor, const char *name, Error *err) {
  char *of_base = base_name(name);
  size_t index = adapter->saved.count;
  Status status = check_saved(adapter, tensor, of_base, err);
  if (status == STATUS_OK && names_find(&adapter->saved, of_base, &index))
    status = error_set(err, STATUS_DATA, "%s: tensor %s comes on top of %s", tensor->file, tensor->name,
                       adapter->tensors[index].tensor->name);
  if (status == STATUS_OK) {
    names_add(&adapter->saved, of_base);
    adapter->tensors = mem_resize(adapter->tensors, index + 1, sizeof *adapter->tensors);
    adapter->tensors[index] = (AdapterTensor){adapter->saved.items[index], tensor};
  }
  free(of_base);
  return status;
}

/* Both factors there, of one rank, and that the one the settings say. */
static Status check_factors(const Adapter *adapter, AdapterFactors *f, Error *err) {
  const Tensor *any = f->a ? f->a : f->b;
  if (!f->a || !f->b)
    return error_set(err, STATUS_DATA, "%s: tensor %s has no counterpart: %s of %s is missing", any->file, any->name,
                     f->a ? "lora_B" : "lora_A", f->module);
  const Status status = adapter_settings_factors(&adapter->settings, f->module, &f->rank, &f->scale, err);
  if (status != STATUS_OK) return status;
  if (f->a->shape[0] != f->rank)
    return error_set(err, STATUS_DATA, "%s: tensor %s has shape [%zu, %zu], expected rank %zu (%s)", any->file,
                     f->a->name, f->a->shape[0], f->a->shape[1], f->rank, file_name(adapter->settings.path));
  if (f->b->shape[1] != f->rank)
    return error_set(err, STATUS_DATA, "%s: tensor %s has shape [%zu, %zu], expected rank %zu (%s)", any->file,
                     f->b->name, f->b->shape[0], f->b->shape[1], f->rank, file_name(adapter->settings.path));
  return STATUS_OK;
}

static Status sort_tensors(Adapter *adapter, Error *err) {
  Status status = STATUS_OK;
  for (size_t i = 0; i < weights_count(adapter->weights) && status == STATUS_OK; i++) {
    const Tensor *tensor = weights_at(adapter->weights, i);
    const char *name = tensor->name + strlen(PREFIX);
    if (strncmp(tensor->name, PREFIX, strlen(PREFIX)) != 0)
      status = error_set(err, STATUS_DATA, "%s: tensor %s, expected a name that begins with " PREFIX, tensor->file,
                         tensor->name);
    else
      status = strstr(name, LORA) ? add_factor(adapter, tensor, name, err) : add_tensor(adapter, tensor, name, err);
  }
  for (size_t i = 0; i < adapter->modules.count && status == STATUS_OK; i++)
    status = check_factors(adapter, &adapter->factors[i], err);
  if (status == STATUS_OK && weights_count(adapter->weights) == 0)
    status = error_set(err, STATUS_DATA, "%s: holds no tensor", adapter->weights_path);
  return status;
}

static Status open_files(Adapter *adapter, bool strict, Error *err) {
  static const char *const needed[] = {"adapter_config.json", "adapter_model.safetensors"};
  const char *folder = adapter->folder;
  if (!folder_has(folder, needed[1]) && folder_has(folder, "adapter_model.bin"))
    return error_set(err, STATUS_DATA,
                     "%s: has only adapter_model.bin, expected adapter_model.safetensors; save it again with PEFT's "
                     "save_pretrained(DIR, safe_serialization=True)",
                     folder);
  for (size_t i = 0; file_is_directory(folder) && i < sizeof needed / sizeof needed[0]; i++)
    if (!folder_has(folder, needed[i]))
      return error_set(err, STATUS_DATA, "%s: holds no %s, expected a LoRA adapter in PEFT's layout", folder,
                       needed[i]);
  adapter->weights_path = file_join(folder, needed[1]);
  adapter->weights = weights_new();
  Status status = adapter_settings_read(folder, strict, &adapter->settings, err);
  if (status == STATUS_OK) status = safetensors_open(adapter->weights_path, &adapter->map, adapter->weights, err);
  return status == STATUS_OK ? sort_tensors(adapter, err) : status;
}

Status adapter_open(const char *folder, bool strict, Adapter **out, Error *err) {
  *out = NULL;
  Adapter *adapter = mem_alloc(1, sizeof *adapter);
  adapter->folder = mem_copy_string(folder);
  const Status status = open_files(adapter, strict, err);
  if (status == STATUS_OK)
    *out = adapter;
  else
    adapter_close(adapter);
  return status;
}

void adapter_close(Adapter *adapter) {
  if (!adapter) return;
  free(adapter->tensors);
  free(adapter->factors);
  names_clear(&adapter->modules);
  names_clear(&adapter->saved);
  weights_free(adapter->weights);
  file_unmap(&adapter->map);
  adapter_settings_clear(&adapter->settings);
  free(adapter->weights_path);
  free(adapter->folder);
  free(adapter);
}

const char *adapter_path(const Adapter *adapter) { return adapter->folder; }
const Weights *adapter_weights(const Adapter *adapter) { return adapter->weights; }
const Json *adapter_config(const Adapter *adapter) { return adapter->settings.root; }
size_t adapter_factors_count(const Adapter *adapter) { return adapter->modules.count; }
const AdapterFactors *adapter_factors_at(const Adapter *adapter, size_t index) { return &adapter->factors[index]; }
size_t adapter_tensors_count(const Adapter *adapter) { return adapter->saved.count; }
const AdapterTensor *adapter_tensors_at(const Adapter *adapter, size_t index) { return &adapter->tensors[index]; }

const AdapterFactors *adapter_factors_find(const Adapter *adapter, const char *module) {
  size_t index;
  return names_find(&adapter->modules, module, &index) ? &adapter->factors[index] : NULL;
}

const AdapterTensor *adapter_tensor_find(const Adapter *adapter, const char *name) {
  size_t index;
  return names_find(&adapter->saved, name, &index) ? &adapter->tensors[index] : NULL;
}

const char *adapter_base(const Adapter *adapter) {
  const char *base = json_string(json_get(adapter->settings.root, "base_model_name_or_path"), "");
  return *base ? base : NULL;
}

const char *adapter_task(const Adapter *adapter) {
  return json_string(json_get(adapter->settings.root, "task_type"), NULL);
}

const char *adapter_digest(Adapter *adapter) {
  if (adapter->digest[0]) return adapter->digest;
  Digest *digest = digest_new();
  char *settings = json_print(adapter->settings.root, false);
  digest_add(digest, adapter->map.bytes, adapter->map.size);
  digest_add_string(digest, settings);
  digest_finish(digest, adapter->digest);
  free(settings);
  return adapter->digest;
}
