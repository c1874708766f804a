/* What a folder holds for a report: every file that is HDF5, or is named so, in it and in the folders below. */
#include "base/file.h"
#include "base/memory.h"
#include "command/info/info.h"
#include "command/report/report.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { MOST_DEPTH = 16, MOST_FILES = 10000 };

void texts_add(Texts *texts, char *text) {
  texts->items = mem_resize(texts->items, texts->n + 1, sizeof *texts->items);
  texts->items[texts->n++] = text;
}

void texts_clear(Texts *texts) {
  for (size_t i = 0; i < texts->n; i++) free(texts->items[i]);
  free(texts->items);
  *texts = (Texts){0};
}

static void file_clear(ReportFile *file) {
  char *const texts[] = {file->path, file->name,   file->kind,        file->problem, file->command_line,
                         file->made, file->extent, file->first_model, file->section};
  for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) free(texts[i]);
  for (size_t i = 0; i < file->n_findings; i++) {
    free(file->findings[i].lead);
    free(file->findings[i].text);
  }
  for (size_t i = 0; i < file->n_movers; i++) {
    free(file->movers[i].measure);
    free(file->movers[i].site);
  }
  free(file->findings);
  free(file->movers);
  texts_clear(&file->cautions);
  texts_clear(&file->caption);
}

void report_clear(Report *report) {
  for (size_t i = 0; i < report->n_files; i++) file_clear(&report->files[i]);
  texts_clear(&report->warnings);
  free(report->files);
  free(report->title);
}

/* --- the files --- */

static Status add_file(Report *report, const char *path, const char *name, Error *err) {
  if (report->n_files == MOST_FILES)
    return error_set(err, STATUS_DATA, "%s: holds more than %d results and stores: report on its folders one by one",
                     report->folder, MOST_FILES);
  report->files = mem_resize(report->files, report->n_files + 1, sizeof *report->files);
  report->files[report->n_files++] = (ReportFile){.path = mem_copy_string(path), .name = mem_copy_string(name)};
  return STATUS_OK;
}

static Status walk(Report *report, const char *folder, const char *below, size_t depth, Error *err);

/* Links to files are followed, links to folders are not: they could lead round in a circle. */
static Status look_at(Report *report, const char *path, const char *name, size_t depth, Error *err) {
  struct stat link, info;
  if (lstat(path, &link) != 0 || stat(path, &info) != 0) return STATUS_OK; /* gone, or a link to nothing */
  if (S_ISDIR(info.st_mode)) return S_ISLNK(link.st_mode) ? STATUS_OK : walk(report, path, name, depth + 1, err);
  if (!S_ISREG(info.st_mode)) return STATUS_OK;
  const bool is_named = file_has_suffix(name, ".h5") || file_has_suffix(name, ".h5.part");
  return is_named || info_is_h5(path) ? add_file(report, path, name, err) : STATUS_OK;
}

static int by_text(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static Status walk(Report *report, const char *folder, const char *below, size_t depth, Error *err) {
  Texts names = {0};
  if (depth > MOST_DEPTH) return error_set(err, STATUS_DATA, "%s: folders are more than %d deep", folder, MOST_DEPTH);
  DIR *directory = opendir(folder);
  if (!directory) return error_system(err, "%s: cannot read this folder", folder);
  for (struct dirent *entry; errno = 0, (entry = readdir(directory));)
    if (entry->d_name[0] != '.') texts_add(&names, mem_copy_string(entry->d_name));
  Status status = errno ? error_system(err, "%s: cannot read this folder", folder) : STATUS_OK;
  closedir(directory);
  if (names.n) qsort(names.items, names.n, sizeof *names.items, by_text);
  for (size_t i = 0; i < names.n && status == STATUS_OK; i++) {
    char *path = file_join(folder, names.items[i]);
    char *name = below[0] ? file_join(below, names.items[i]) : mem_copy_string(names.items[i]);
    status = look_at(report, path, name, depth, err);
    free(path);
    free(name);
  }
  texts_clear(&names);
  return status;
}

/* Is sweep.json beside a sweep.h5? Then it is where fathom sweep left it. */
static bool is_sweep_folder(const ReportFile *file) {
  if (strcmp(file_name(file->name), "sweep.h5") != 0) return false;
  char *settings = mem_format("%.*s.json", (int)(strlen(file->path) - strlen(".h5")), file->path);
  const bool is_there = file_exists(settings);
  free(settings);
  return is_there;
}

/* Files in folders beside a sweep's sweep.h5 are those of its runs. */
static void mark_sweeps(Report *report) {
  for (size_t i = 0; i < report->n_files; i++) {
    const char *sweep = report->files[i].name;
    if (!is_sweep_folder(&report->files[i])) continue;
    const size_t size = (size_t)(file_name(sweep) - sweep);
    for (size_t j = 0; j < report->n_files; j++) {
      const char *other = report->files[j].name;
      report->files[j].is_of_sweep |= i != j && strncmp(other, sweep, size) == 0 && strchr(other + size, '/');
    }
  }
}

/* The folder's own name, also of "." and "..". */
static char *folder_name(const char *folder) {
  char whole[PATH_MAX], *copy = mem_copy_string(realpath(folder, whole) ? whole : folder);
  char *name = mem_copy_string(file_name(copy)[0] ? file_name(copy) : copy);
  free(copy);
  return name;
}

Status report_find_files(Report *report, Error *err) {
  const Status status = walk(report, report->folder, "", 0, err);
  if (status != STATUS_OK) return status;
  if (report->n_files == 0)
    return error_set(err, STATUS_DATA, "%s: holds no result and no activation store of fathom", report->folder);
  report->title = folder_name(report->folder);
  mark_sweeps(report);
  return STATUS_OK;
}

/* --- command lines --- */

Texts report_split_words(const char *line) {
  Texts words = {0};
  for (const char *at = line + strspn(line, " "); *at; at += strspn(at, " ")) {
    char *word = mem_alloc(strlen(at) + 1, 1), *end = word;
    for (bool quoted = false; *at && (quoted || *at != ' '); at++) {
      if (*at == '\'')
        quoted = !quoted;
      else if (*at == '\\' && !quoted && at[1])
        *end++ = *++at;
      else
        *end++ = *at;
    }
    texts_add(&words, word);
  }
  return words;
}

const ReportFile *report_find_made(const Report *report, const char *word, const ReportFile * not ) {
  for (size_t i = 0; i < report->n_files; i++) {
    const ReportFile *file = &report->files[i];
    if (file == not || !file->kind) continue;
    if (file->made && strcmp(file->made, word) == 0) return file;
    if (strcmp(file->path, word) == 0 || strcmp(file->name, word) == 0) return file; /* of a folder that was moved */
  }
  return NULL;
}
