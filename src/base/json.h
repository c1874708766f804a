/* JSON, read strictly and written compactly. The only user of cJSON; a Json is an opaque node of a tree that its root
 * owns. Input must be valid UTF-8; nesting is limited by cJSON. Getters return NULL or a default where a key is
 * missing or of another kind; the json_need_* forms are errors that name the key. */
#ifndef FATHOM_BASE_JSON_H
#define FATHOM_BASE_JSON_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct cJSON Json;

/* Parses exactly size bytes (surrounding blanks allowed, nothing else). name is for messages. */
Status json_parse(const char *text, size_t size, const char *name, Json **root, Error *err);
Status json_read(const char *path, Json **root, Error *err); /* plain or gzip, at most 256 MiB */
void json_free(Json *root);                                  /* NULL is fine */

bool json_is_object(const Json *node);
bool json_is_array(const Json *node);
bool json_is_string(const Json *node);
bool json_is_number(const Json *node);
bool json_is_bool(const Json *node);
bool json_is_null(const Json *node);

const Json *json_get(const Json *object, const char *key); /* NULL if object is NULL, not an object, or has no key */
const Json *json_first(const Json *container);             /* iterate: for (n = json_first(c); n; n = json_next(n)) */
const Json *json_next(const Json *node);
const char *json_key(const Json *member); /* the key of an object's member, NULL in an array */
size_t json_count(const Json *container);
const Json *json_at(const Json *array, size_t index);

const char *json_string(const Json *node, const char *otherwise);
double json_number(const Json *node, double otherwise);
bool json_is_real(const Json *node); /* a number that was written with a fraction or an exponent: 2.0, not 2 */
bool json_bool(const Json *node, bool otherwise);

/* name: the file, for messages. */
Status json_need_string(const Json *object, const char *key, const char *name, const char **value, Error *err);
Status json_need_size(const Json *object, const char *key, const char *name, size_t min, size_t max, size_t *value,
                      Error *err);
Status json_need_number(const Json *object, const char *key, const char *name, double *value, Error *err);
Status json_need_bool(const Json *object, const char *key, const char *name, bool *value, Error *err);

/* Building. Adding hands the child to the parent; key is NULL in arrays. NaN and infinities become null. */
Json *json_new_object(void);
Json *json_new_array(void);
void json_add(Json *parent, const char *key, Json *child);
Json *json_add_object(Json *parent, const char *key);
Json *json_add_array(Json *parent, const char *key);
void json_add_string(Json *parent, const char *key, const char *value); /* NULL becomes null */
void json_add_number(Json *parent, const char *key, double value);
void json_add_bool(Json *parent, const char *key, bool value);
void json_add_null(Json *parent, const char *key);
/* In the place of an object's member of this key, or at its end. */
void json_set(Json *object, const char *key, Json *child);
void json_remove(Json *object, const char *key); /* where it is there */
Json *json_new_string(const char *value);
Json *json_new_number(double value);
Json *json_new_real(double value); /* printed with a fraction also where it is whole: readers tell 2.0 from 2 */
Json *json_new_bool(bool value);
Json *json_new_null(void);
Json *json_copy(const Json *node);
char *json_print(const Json *node, bool indented); /* freed by the caller */

#endif
