/* render_template: lines {"template", "variables", "date"} from standard input, for each a line {"text"} or {"error"}.
 * For tests/check_templates.py, which compares with jinja2. */
#include "base/error.h"
#include "base/json.h"
#include "text/chat/chat.h"
#include "text/jinja/jinja.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static Status render(const Json *row, char **text, Error *err) {
  const char *source = json_string(json_get(row, "template"), "");
  const char *day = json_string(json_get(row, "date"), NULL);
  struct tm date;
  bool has_date;
  size_t size;
  Jinja *jinja = NULL;
  Status status = chat_date(day, &date, &has_date, err);
  if (status == STATUS_OK) status = jinja_open(source, strlen(source), &jinja, err);
  if (status == STATUS_OK)
    status = jinja_render(jinja, json_get(row, "variables"), has_date ? &date : NULL, text, &size, err);
  jinja_close(jinja);
  return status;
}

int main(void) {
  char *line = NULL;
  size_t room = 0;
  ssize_t size;
  while ((size = getline(&line, &room, stdin)) > 0) {
    Error err = {0};
    Json *row = NULL, *answer = json_new_object();
    char *text = NULL;
    Status status = json_parse(line, (size_t)size, "standard input", &row, &err);
    if (status == STATUS_OK) status = render(row, &text, &err);
    json_add_string(answer, status == STATUS_OK ? "text" : "error", status == STATUS_OK ? text : err.text);
    char *shown = json_print(answer, false);
    puts(shown);
    free(shown);
    free(text);
    json_free(answer);
    json_free(row);
  }
  free(line);
  return 0;
}
