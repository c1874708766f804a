/* JSON through cJSON. */
#include "base/json.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/utf8.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { JSON_FILE_LIMIT = 256 << 20 };

/* Where "\u0000" is written, SIZE_MAX if nowhere: the tree's strings end at a NUL, so the rest would be lost unseen. */
static size_t find_nul_escape(const char *text, size_t size) {
  for (size_t at = 0; at + 5 < size; at++) {
    const char *backslash = memchr(text + at, '\\', size - at);
    if (!backslash) break;
    at = (size_t)(backslash - text);
    if (size - at >= 6 && memcmp(backslash, "\\u0000", 6) == 0) return at;
    at++; /* what a backslash protects is no backslash */
  }
  return SIZE_MAX;
}

/* The next number in a text that is known to be JSON, `at` moves behind it; true where it has a fraction or exponent. */
static bool next_number_is_real(const char **at, const char *end) {
  bool in_string = false, real = false;
  const char *c = *at;
  for (; c < end && (in_string || !(*c == '-' || (*c >= '0' && *c <= '9'))); c++) {
    if (in_string && *c == '\\')
      c++;
    else if (*c == '"')
      in_string = !in_string;
  }
  for (; c < end && *c && strchr("+-.0123456789Ee", *c); c++) real |= *c == '.' || *c == 'e' || *c == 'E';
  *at = c;
  return real;
}

/* cJSON keeps no trace of how a number was written. A node's children stand in the order of the text, so the numbers of
 * both are gone through side by side; an empty valuestring, which numbers do not use, marks a real one. */
static void mark_reals(cJSON *node, const char **at, const char *end) {
  for (cJSON *child = node->child; child; child = child->next) mark_reals(child, at, end);
  if (!cJSON_IsNumber(node) || !next_number_is_real(at, end)) return;
  node->valuestring = cJSON_malloc(1);
  if (!node->valuestring) mem_exhausted(1);
  *node->valuestring = 0;
}

Status json_parse(const char *text, size_t size, const char *name, Json **root, Error *err) {
  *root = NULL;
  const size_t valid = utf8_valid_prefix(text, size);
  if (valid < size) return error_set(err, STATUS_DATA, "%s: not UTF-8 at byte %zu", name, valid);
  const size_t nul = find_nul_escape(text, size);
  if (nul != SIZE_MAX)
    return error_set(err, STATUS_DATA, "%s: the character U+0000 at byte %zu, which is not supported", name, nul);
  const char *end = text;
  cJSON *tree = cJSON_ParseWithLengthOpts(text, size, &end, 0);
  if (!tree) return error_set(err, STATUS_DATA, "%s: broken JSON at byte %zu", name, (size_t)(end - text));
  for (; end < text + size && *end; end++) {
    if (!strchr(" \t\r\n", *end)) {
      cJSON_Delete(tree);
      return error_set(err, STATUS_DATA, "%s: text after the JSON value at byte %zu", name, (size_t)(end - text));
    }
  }
  const char *at = text;
  mark_reals(tree, &at, end);
  *root = tree;
  return STATUS_OK;
}

Status json_read(const char *path, Json **root, Error *err) {
  char *text;
  size_t size;
  *root = NULL;
  Status status = file_read(path, JSON_FILE_LIMIT, &text, &size, err);
  if (status != STATUS_OK) return status;
  status = json_parse(text, size, path, root, err);
  free(text);
  return status;
}

void json_free(Json *root) { cJSON_Delete(root); }

bool json_is_object(const Json *node) { return cJSON_IsObject(node); }
bool json_is_array(const Json *node) { return cJSON_IsArray(node); }
bool json_is_string(const Json *node) { return cJSON_IsString(node); }
bool json_is_number(const Json *node) { return cJSON_IsNumber(node); }
bool json_is_real(const Json *node) { return cJSON_IsNumber(node) && node->valuestring; }
bool json_is_bool(const Json *node) { return cJSON_IsBool(node); }
bool json_is_null(const Json *node) { return cJSON_IsNull(node); }

const Json *json_get(const Json *object, const char *key) {
  return cJSON_IsObject(object) ? cJSON_GetObjectItemCaseSensitive(object, key) : NULL;
}
const Json *json_first(const Json *container) { return container ? container->child : NULL; }
const Json *json_next(const Json *node) { return node->next; }
const char *json_key(const Json *member) { return member->string; }
size_t json_count(const Json *container) {
  size_t n = 0;
  for (const Json *c = json_first(container); c; c = c->next) n++;
  return n;
}
const Json *json_at(const Json *array, size_t index) {
  const Json *c = json_first(array);
  while (c && index--) c = c->next;
  return c;
}

const char *json_string(const Json *node, const char *otherwise) {
  return cJSON_IsString(node) ? node->valuestring : otherwise;
}
double json_number(const Json *node, double otherwise) { return cJSON_IsNumber(node) ? node->valuedouble : otherwise; }
bool json_bool(const Json *node, bool otherwise) { return cJSON_IsBool(node) ? (bool)cJSON_IsTrue(node) : otherwise; }

static const char *kind_name(const Json *node) {
  return !node                ? "missing"
         : cJSON_IsObject(node) ? "an object"
         : cJSON_IsArray(node)  ? "an array"
         : cJSON_IsString(node) ? "a string"
         : cJSON_IsNumber(node) ? "a number"
         : cJSON_IsNull(node)   ? "null"
                                : "a boolean";
}

Status json_need_string(const Json *object, const char *key, const char *name, const char **value, Error *err) {
  const Json *node = json_get(object, key);
  if (!cJSON_IsString(node))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is %s, expected a string", name, key, kind_name(node));
  *value = node->valuestring;
  return STATUS_OK;
}

Status json_need_number(const Json *object, const char *key, const char *name, double *value, Error *err) {
  const Json *node = json_get(object, key);
  if (!cJSON_IsNumber(node) || !isfinite(node->valuedouble))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is %s, expected a number", name, key,
                     cJSON_IsNumber(node) ? "not finite" : kind_name(node));
  *value = node->valuedouble;
  return STATUS_OK;
}

Status json_need_bool(const Json *object, const char *key, const char *name, bool *value, Error *err) {
  const Json *node = json_get(object, key);
  if (!cJSON_IsBool(node))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is %s, expected true or false", name, key, kind_name(node));
  *value = cJSON_IsTrue(node);
  return STATUS_OK;
}

Status json_need_size(const Json *object, const char *key, const char *name, size_t min, size_t max, size_t *value,
                      Error *err) {
  double number = 0;
  const Status status = json_need_number(object, key, name, &number, err);
  if (status != STATUS_OK) return status;
  if (!(number >= (double)min && number <= (double)max && number == floor(number)))
    return error_set(err, STATUS_DATA, "%s: \"%s\" is %g, expected a whole number from %zu to %zu", name, key, number,
                     min, max);
  *value = (size_t)number;
  return STATUS_OK;
}

static Json *checked(Json *node) {
  if (!node) mem_exhausted(sizeof *node); /* cJSON returns NULL only when memory is exhausted */
  return node;
}

Json *json_new_object(void) { return checked(cJSON_CreateObject()); }
Json *json_new_array(void) { return checked(cJSON_CreateArray()); }

void json_add(Json *parent, const char *key, Json *child) {
  if (key)
    cJSON_AddItemToObject(parent, key, child);
  else
    cJSON_AddItemToArray(parent, child);
}
Json *json_add_object(Json *parent, const char *key) {
  Json *child = json_new_object();
  json_add(parent, key, child);
  return child;
}
Json *json_add_array(Json *parent, const char *key) {
  Json *child = json_new_array();
  json_add(parent, key, child);
  return child;
}
Json *json_new_string(const char *value) {
  return value ? checked(cJSON_CreateString(value)) : json_new_null();
}
Json *json_new_number(double value) { return isfinite(value) ? checked(cJSON_CreateNumber(value)) : json_new_null(); }
Json *json_new_real(double value) {
  char text[40];
  if (value != floor(value) || fabs(value) >= 1e15) return json_new_number(value);
  snprintf(text, sizeof text, "%.1f", value);
  return checked(cJSON_CreateRaw(text));
}
Json *json_new_bool(bool value) { return checked(cJSON_CreateBool(value)); }
Json *json_new_null(void) { return checked(cJSON_CreateNull()); }

void json_add_string(Json *parent, const char *key, const char *value) { json_add(parent, key, json_new_string(value)); }
void json_add_number(Json *parent, const char *key, double value) { json_add(parent, key, json_new_number(value)); }
void json_add_bool(Json *parent, const char *key, bool value) { json_add(parent, key, json_new_bool(value)); }
void json_add_null(Json *parent, const char *key) { json_add(parent, key, json_new_null()); }

void json_set(Json *object, const char *key, Json *child) {
  if (!cJSON_ReplaceItemInObjectCaseSensitive(object, key, child)) json_add(object, key, child);
}
void json_remove(Json *object, const char *key) { cJSON_DeleteItemFromObjectCaseSensitive(object, key); }
Json *json_copy(const Json *node) { return checked(cJSON_Duplicate(node, 1)); }
/* Names of files may hold any bytes; what is not UTF-8 becomes U+FFFD. text is freed where it is not what is returned. */
static char *valid_text(char *text) {
  static const char instead[] = "\xEF\xBF\xBD";
  size_t left = strlen(text), valid = utf8_valid_prefix(text, left);
  if (valid == left) return text;
  char *whole = mem_alloc(3 * left + 1, 1), *to = whole;
  for (const char *from = text; left > 0; valid = utf8_valid_prefix(from, left)) {
    memcpy(to, from, valid);
    to += valid;
    from += valid;
    left -= valid;
    if (left == 0) break;
    to = (char *)memcpy(to, instead, 3) + 3;
    from++;
    left--;
  }
  *to = 0;
  free(text);
  return whole;
}

char *json_print(const Json *node, bool indented) {
  char *text = indented ? cJSON_Print(node) : cJSON_PrintUnformatted(node);
  if (!text) mem_exhausted(1);
  return valid_text(text);
}
