#!/bin/sh
# Who may include whom: the stages know the one before them and never the program after, every library header has one
# file that uses it, and every header compiles alone. The rules are proved on a broken tree below.
. "$SRCDIR/tests/tap.sh"

# stage_violations ROOT: one line for every include that crosses the stages in the wrong direction.
stage_violations() {
  (cd "$1" && grep -rn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' --include='*.[ch]' src probes 2>/dev/null) | sort |
    awk -F: '
      BEGIN {
        may["base"] = "base"
        may["num"] = "num base"
        may["weights"] = "weights base"
        may["store"] = "store base"
        may["text"] = "text base weights"
        may["model"] = "model base num weights"
        may["probes"] = "probes base num"
        may["train"] = "train base num weights model store text probes"
        may["command"] = "command base num weights store text model probes train"
      }
      function stage(path, part) {
        sub(/^src\//, "", path)
        split(path, part, "/")
        return part[1] == "main.c" ? "command" : part[1]
      }
      {
        split($0, quoted, "\"")
        if (quoted[2] == "config.h") next
        from = stage($1); to = stage(quoted[2])
        if (!(from in may)) print $1 ": stage " from " is not in the table"
        else if (index(" " may[from] " ", " " to " ") == 0) print $1 ":" $2 ": " from " may not include " quoted[2]
      }'
}

# library_violations ROOT: a library header outside the one file (and the header of the same name) that may use it.
library_violations() {
  (cd "$1" && grep -rnE '^[[:space:]]*#[[:space:]]*include[[:space:]]*[<"]' --include='*.[ch]' src probes 2>/dev/null) | sort |
    awk -F: '
      BEGIN {
        home["cblas|lapack"] = "src/num/blas"
        home["hdf5(_hl)?|H5[A-Za-z]*"] = "src/store/h5"
        home["cjson/cJSON|cJSON"] = "src/base/json"
        home["zlib"] = "src/base/file"
        home["nettle/[a-z0-9]*"] = "src/base/digest"
        home["oneapi/dnnl/[a-z_]*|dnnl[a-z_]*"] = "src/num/onednn"
        home["pcre2"] = "src/(base/pattern|text/[a-z0-9_/]*)" # short names; and splitting long texts fast
        home["utf8proc"] = "src/text/[a-z0-9_/]*"
        home["mpi|cuda[a-z_]*|cublas[a-z_0-9]*"] = "src/[a-z]*/[a-z0-9_]*"
      }
      {
        header = $3
        sub(/^[^<"]*[<"]/, "", header); sub(/\.h[>"].*/, "", header)
        for (name in home) {
          if (header !~ "^(" name ")$") continue
          user = $1
          sub(/\.[ch]$/, "", user)
          if (user !~ "^" home[name] "$") print $1 ":" $2 ": only " home[name] " may include " header ".h"
          else if (user == "src/base/pattern") continue
          else if (!(name in first)) first[name] = user
          else if (first[name] != user) print $1 ":" $2 ": " header ".h already has a user, " first[name]
        }
      }'
}

# headers_alone ROOT: what the compiler says about each header on its own.
headers_alone() {
  (cd "$1" && find src probes -name '*.h' 2>/dev/null | sort | while read -r header; do
    # LIBRARY_CFLAGS is a list of flags, to be split.
    # shellcheck disable=SC2086
    $CC -std=gnu17 -fopenmp -fsyntax-only -Wall -Wextra -Werror -Isrc -I. $LIBRARY_CFLAGS -x c "$header" 2>&1 ||
      echo "$header does not compile alone"
  done)
}

is "$(stage_violations "$SRCDIR")" "" "no stage includes a later one"
is "$(library_violations "$SRCDIR")" "" "every library header has one user"
if command -v "${CC%% *}" >/dev/null 2>&1; then
  is "$(headers_alone "$SRCDIR")" "" "every header compiles alone"
else
  skip "no compiler ${CC:-(CC is not set)} to compile the headers with"
fi

broken=$work/broken
mkdir -p "$broken/src/base" "$broken/src/model" "$broken/src/num" "$broken/src/odd" "$broken/src/store" \
  "$broken/src/text" "$broken/probes/drift"
printf '#include "train/loop.h"\n' >"$broken/src/model/forward.c"
printf '#include "base/error.h"\n#  include "model/config.h"\n' >"$broken/probes/drift/cka.c"
printf '#include "base/error.h"\n' >"$broken/src/odd/odd.c"
is "$(stage_violations "$broken")" "$(printf '%s\n' \
  'probes/drift/cka.c:2: probes may not include model/config.h' \
  'src/model/forward.c:1: model may not include train/loop.h' \
  'src/odd/odd.c: stage odd is not in the table')" "an include against the stream is found"

printf '#include <cblas.h>\n' >"$broken/src/num/blas.c"
printf '#include <hdf5.h>\n#include <cblas.h>\n' >"$broken/src/store/h5.c"
printf '#include <pcre2.h>\n' | tee "$broken/src/text/bpe.c" >"$broken/src/text/split.c"
printf '#include <nettle/sha2.h>\n' >"$broken/src/base/file.c"
is "$(library_violations "$broken")" "$(printf '%s\n' \
  'src/base/file.c:1: only src/base/digest may include nettle/sha2.h' \
  'src/store/h5.c:2: only src/num/blas may include cblas.h' \
  'src/text/split.c:1: pcre2.h already has a user, src/text/bpe')" "a second user of a library is found"

if command -v "${CC%% *}" >/dev/null 2>&1; then
  printf 'size_t needs_stddef(void);\n' >"$broken/src/base/lonely.h"
  is "$(headers_alone "$broken" | tail -n 1)" "src/base/lonely.h does not compile alone" \
    "a header that leans on another is found"
fi
tap_end
