#!/bin/sh
# A real trained model of 260 thousand parameters, converted to GGUF and to a Hugging Face directory, against another
# program's numbers. A long test: needs the shared data and python3.
. "$SRCDIR/tests/tap.sh"

data=${FATHOM_DATA:-$SRCDIR/../shared/data}/stories260K
if [ ! -e "$data/stories260K.bin" ]; then
  skip "no $data: set FATHOM_DATA to the folder of shared data"
  tap_end
elif ! command -v python3 >/dev/null; then
  skip "python3 is missing: on Debian, apt-get install python3"
  tap_end
else
  python3 "$SRCDIR/tests/convert_llama2c.py" "$data/stories260K.bin" "$data/tok512.bin" "$work/model.gguf" "$work/model" &&
    "$(dirname "$FATHOM")/tests/compare_stories" "$data" "$work/model.gguf" "$work/model"
fi
