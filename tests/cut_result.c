/* cut_result FILE.h5 NAME N: cuts the array NAME of a result back to its first N rows, in place: what a run that was killed
 * behind its Nth flush leaves. */
#include "store/result.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv) {
  if (argc != 4) return 2;
  Result *result;
  Error err = {0};
  Status status = result_reopen(argv[1], &result, &err);
  if (status == STATUS_OK) status = result_truncate(result, argv[2], strtoul(argv[3], NULL, 10), &err);
  if (status == STATUS_OK) status = result_flush(result, &err);
  result_close(result);
  if (status != STATUS_OK) fprintf(stderr, "cut_result: %s\n", err.text);
  return status;
}
