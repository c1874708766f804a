/* A chat template, rendered for a short conversation. */
#include "base/json.h"
#include "tests/fuzz/fuzz.h"
#include "text/jinja/jinja.h"

static const char variables_text[] =
    "{\"messages\":[{\"role\":\"system\",\"content\":\"Be brief. \"},{\"role\":\"user\",\"content\":\" Hi\\n\"},"
    "{\"role\":\"assistant\",\"content\":\"<think>\\nHm\\n</think>Hello\"},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
    "\"text\":\"1 + 1?\"}]}],\"add_generation_prompt\":true,\"bos_token\":\"<s>\",\"eos_token\":\"</s>\",\"tools\":null}";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Error err = {0};
  Jinja *jinja;
  Status status = jinja_open((const char *)data, size, &jinja, &err);
  fuzz_expect(status, &err);
  if (status != STATUS_OK) return 0;
  const struct tm date = {.tm_year = 124, .tm_mon = 6, .tm_mday = 26};
  Json *variables = NULL;
  char *text = NULL;
  size_t n = 0;
  if (json_parse(variables_text, sizeof variables_text - 1, "variables", &variables, &err) != STATUS_OK) abort();
  status = jinja_render(jinja, variables, &date, &text, &n, &err);
  fuzz_expect(status, &err);
  if (status == STATUS_OK && text[n] != '\0') abort();
  free(text);
  json_free(variables);
  jinja_close(jinja);
  return 0;
}
