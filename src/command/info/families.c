/* fathom info without a file: the architectures that can be loaded, from the table of families. */
#include "base/memory.h"
#include "command/info/info.h"
#include "model/family.h"

#include <stdlib.h>

static bool has(const Family *family, Role role) { return family->names[role].hf != NULL; }

static const char *norms(const Family *family) {
  const bool before = has(family, ROLE_ATTN_NORM), after = has(family, ROLE_ATTN_POST_NORM);
  return before && after ? "before and after" : before ? "before" : "after";
}

static const char *mlp(const Family *family) {
  return !has(family, ROLE_ROUTER) ? has(family, ROLE_GATE) ? "gated" : "plain"
         : has(family, ROLE_UP)    ? "gated, experts"
                                   : "experts";
}

static const char *biases(const Family *family) {
  return !has(family, ROLE_Q_BIAS) ? "no" : family_has_key(family, SETTING_ATTENTION_BIAS) ? "by config" : "yes";
}

static const char *qk_norm(const Family *family) {
  return !has(family, ROLE_Q_NORM) ? "no" : family->qk_norm_whole ? "all heads" : "each head";
}

static const char *positions(const Family *family) {
  return has(family, ROLE_POSITIONS)                          ? "learned"
         : family_has_key(family, SETTING_NO_ROTARY_INTERVAL) ? "rotary, some blocks none"
         : family_has_key(family, SETTING_LOCAL_ROPE_THETA)   ? "rotary, local and global"
         : family_has_key(family, SETTING_ROTARY_SHARE)       ? "rotary, in part"
                                                              : "rotary";
}

Status info_families(const InfoSettings *settings, const Provenance *from, Error *err) {
  static const char *const columns[] = {"family", "model_type", "gguf",   "norm",      "norms",     "mlp",
                                        "biases", "qk_norm",    "window", "positions", "classifier"};
  Table *table = table_begin(stdout, settings->common.json, from, columns, sizeof columns / sizeof columns[0]);
  for (size_t i = 0; family_at(i); i++) {
    const Family *family = family_at(i);
    table_string(table, family->name);
    table_string(table, family->hf_model_type);
    table_string(table, family->gguf_architecture);
    table_string(table, family->layer_norm ? "layer" : "rms");
    table_string(table, norms(family));
    table_string(table, mlp(family));
    table_string(table, biases(family));
    table_string(table, qk_norm(family));
    table_string(table, family_has_key(family, SETTING_WINDOW) ? "yes" : "no");
    table_string(table, positions(family));
    table_string(table, family->hf_classifier);
  }
  return table_end(table, err);
}
