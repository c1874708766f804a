/* One result as TSV or JSON. TSV streams; JSON is built and printed at the end. */
#include "base/table.h"

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "config.h"

#include <assert.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct Table {
  FILE *out;
  const char *const *columns;
  size_t n_columns, column;
  bool header_done;
  Json *root, *rows, *notes, *summary, *row; /* root NULL = TSV */
  char **kept; /* of a notebook, which has no out */
  size_t n_kept;
};

char *command_line(int argc, char *const *argv) {
  char *line = mem_copy_string("");
  for (int i = 0; i < argc; i++) {
    const bool plain = argv[i][0] && strspn(argv[i], "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                                     "-_./,:=+@%") == strlen(argv[i]);
    char *quoted = mem_alloc(4 * strlen(argv[i]) + 3, 1), *q = quoted;
    if (!plain) *q++ = '\'';
    for (const char *p = argv[i]; *p; p++) {
      if (*p == '\'')
        q = memcpy(q, "'\\''", 4), q += 4;
      else
        *q++ = *p == '\n' ? ' ' : *p;
    }
    if (!plain) *q++ = '\'';
    char *longer = mem_format("%s%s%s", line, i ? " " : "", quoted);
    free(quoted);
    free(line);
    line = longer;
  }
  return line;
}

/* A note is one line, whatever the names of files in it hold. */
static void print_line(FILE *out, const char *text) {
  fputs("# ", out);
  for (const char *p = text; *p; p++) fputc(strchr("\n\r", *p) ? ' ' : *p, out);
  fputc('\n', out);
}

Table *table_begin(FILE *out, bool json, const Provenance *from, const char *const *columns, size_t n_columns) {
  Table *t = mem_alloc(1, sizeof *t);
  *t = (Table){.out = out, .columns = columns, .n_columns = n_columns};
  if (json) {
    t->root = json_new_object();
    json_add_string(t->root, "fathom", PACKAGE_VERSION);
    json_add_string(t->root, "command", from->command);
    Json *args = json_add_array(t->root, "args");
    for (int i = 0; i < from->argc; i++) json_add_string(args, NULL, from->argv[i]);
    json_add_number(t->root, "seed", (double)from->seed);
    Json *models = json_add_array(t->root, "models");
    for (size_t i = 0; i < from->n_models; i++) {
      Json *model = json_add_object(models, NULL);
      json_add_string(model, "path", from->models[i].path);
      json_add_string(model, "sha256", from->models[i].sha256);
    }
    t->notes = json_add_array(t->root, "notes");
    t->rows = json_add_array(t->root, "rows");
  } else {
    char *line = command_line(from->argc, from->argv);
    fprintf(out, "# fathom %s\n# command: %s\n# seed: %llu\n", PACKAGE_VERSION, line, (unsigned long long)from->seed);
    free(line);
    for (size_t i = 0; i < from->n_models; i++) {
      char *model = mem_format("model: %s sha256 %s", from->models[i].path, from->models[i].sha256);
      print_line(out, model);
      free(model);
    }
  }
  return t;
}

void table_note(Table *t, const char *format, ...) {
  va_list args;
  char text[1024];
  va_start(args, format);
  vsnprintf(text, sizeof text, format, args);
  va_end(args);
  if (t->root) {
    json_add_string(t->notes, NULL, text);
  } else if (t->out) {
    print_line(t->out, text);
  } else {
    t->kept = mem_resize(t->kept, t->n_kept + 1, sizeof *t->kept);
    t->kept[t->n_kept++] = mem_copy_string(text);
  }
}

Table *table_notebook(void) { return mem_alloc(1, sizeof(Table)); }

char *const *table_notes(const Table *notebook, size_t *n) {
  *n = notebook->n_kept;
  return notebook->kept;
}

void table_close_notebook(Table *notebook) {
  for (size_t i = 0; i < notebook->n_kept; i++) free(notebook->kept[i]);
  free(notebook->kept);
  free(notebook);
}

static Json *summary(Table *t) { return t->summary ? t->summary : (t->summary = json_add_object(t->root, "summary")); }

void table_summary_number(Table *t, const char *name, double value) {
  if (t->root)
    json_add_number(summary(t), name, value);
  else if (isnan(value))
    table_note(t, "%s: -", name);
  else
    table_note(t, "%s: %.9g", name, value);
}

void table_summary_text(Table *t, const char *name, const char *value) {
  if (t->root)
    json_add_string(summary(t), name, value);
  else
    table_note(t, "%s: %s", name, value ? value : "-");
}

static void tsv_header(Table *t) {
  if (t->header_done) return;
  for (size_t i = 0; i < t->n_columns; i++) fprintf(t->out, "%s%s", i ? "\t" : "", t->columns[i]);
  fputc('\n', t->out);
  t->header_done = true;
}

/* Before a cell: opens the row where needed. Returns the cell's JSON key. */
static const char *cell_begin(Table *t) {
  if (t->root) {
    if (t->column == 0) t->row = json_add_object(t->rows, NULL);
  } else {
    tsv_header(t);
    if (t->column) fputc('\t', t->out);
  }
  return t->columns[t->column];
}

static void cell_end(Table *t) {
  t->column++;
  if (t->column < t->n_columns) return;
  t->column = 0;
  if (!t->root) fputc('\n', t->out);
}

void table_string(Table *t, const char *value) {
  const char *key = cell_begin(t);
  if (t->root)
    json_add_string(t->row, key, value);
  else if (!value)
    fputc('-', t->out);
  else
    for (const char *p = value; *p; p++) fputc((unsigned char)*p < 0x20 || *p == 0x7f ? ' ' : *p, t->out); /* ESC moves a terminal */
  cell_end(t);
}

void table_number(Table *t, double value) {
  const char *key = cell_begin(t);
  if (t->root)
    json_add_number(t->row, key, value);
  else if (isnan(value))
    fputc('-', t->out);
  else
    fprintf(t->out, "%.9g", value);
  cell_end(t);
}

void table_count(Table *t, size_t value) {
  const char *key = cell_begin(t);
  if (t->root)
    json_add_number(t->row, key, (double)value);
  else
    fprintf(t->out, "%zu", value);
  cell_end(t);
}

void table_absent(Table *t) {
  cell_begin(t);
  if (!t->root) fputc('-', t->out);
  cell_end(t);
}

Status table_end(Table *t, Error *err) {
  assert(t->column == 0);
  if (t->root) {
    char *text = json_print(t->root, false);
    fputs(text, t->out);
    fputc('\n', t->out);
    free(text);
    json_free(t->root);
  } else {
    tsv_header(t);
  }
  FILE *out = t->out;
  free(t);
  return file_flush(out, out == stdout ? "standard output" : "a temporary table", err);
}
