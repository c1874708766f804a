/* Scan tables, CSV or TSV, plain or gzip: what is read is whole, and sorting and leaving out keep words and scores together. */
#include "tests/fuzz/fuzz.h"
#include "text/scan_table.h"

#include <math.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  Error err = {0};
  ScanTable t;
  const Status status = scan_table_read(fuzz_write("scan.csv", data, size), &t, &err);
  fuzz_expect(status, &err);
  if (status != STATUS_OK) return 0;
  if (t.n_words == 0 || t.n_prompts == 0) abort();
  for (size_t i = 0; i < t.n_words * t.n_prompts; i++)
    if (!isfinite(t.scores[i])) abort();
  bool *kept = mem_alloc(t.n_words, sizeof *kept);
  for (size_t i = 0; i < t.n_words; i++) kept[i] = i % 3 != 1;
  scan_table_keep(&t, kept);
  free(kept);
  const size_t before = t.n_words, n_again = scan_table_sort(&t, NULL, NULL);
  if (t.n_words + n_again != before) abort();
  for (size_t i = 0; i < t.n_words; i++)
    if (scan_table_find(&t, t.words[i]) != i || (i && strcmp(t.words[i - 1], t.words[i]) >= 0)) abort();
  scan_table_clear(&t);
  return 0;
}
