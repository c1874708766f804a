/* Looking up rows of the table of architectures. */
#include "model/family.h"

#include "model/families.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

const Family *family_at(size_t index) { return index < n_families ? &families[index] : NULL; }

const Family *family_by_hf_type(const char *model_type, bool *nested) {
  *nested = false;
  for (size_t i = 0; i < n_families; i++) {
    const Family *family = &families[i];
    *nested = family->hf_outer_type && strcmp(family->hf_outer_type, model_type) == 0;
    if (*nested || strcmp(family->hf_model_type, model_type) == 0) return family;
  }
  return NULL;
}

bool family_has_key(const Family *family, Setting setting) {
  for (const ConfigKey *key = family->keys; key->key; key++)
    if (key->setting == setting) return true;
  return false;
}

/* pattern is the table's own text: one %zu or two. */
void family_format_name(const char *pattern, size_t layer, size_t expert, char *name, size_t size) {
  const size_t numbers[2] = {layer, expert};
  size_t used = 0;
  name[0] = 0;
  for (size_t i = 0;; i++) {
    const char *hole = strstr(pattern, "%zu");
    const int length = hole ? (int)(hole - pattern) : (int)strlen(pattern);
    used += (size_t)snprintf(name + used, size - used, "%.*s", length, pattern);
    if (hole) used += (size_t)snprintf(name + used, size - used, "%zu", numbers[i]);
    assert(used < size && i < 2 + !hole);
    if (!hole) return;
    pattern = hole + 3;
  }
}
