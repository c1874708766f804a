#!/bin/sh
# fathom drift on 100,000 rows of width 512 in 256 MiB: site by site and as a map between columns, with the memory it takes.
. "$SRCDIR/tests/tap.sh"
make=$(dirname "$FATHOM")/tests/make_store
cd "$work" || exit 99
if [ "$(df -Pk . | awk 'NR == 2 { print $4 }')" -lt 2000000 ]; then
  skip "no room for 800 MiB of activations"
  tap_end
  exit
fi
"$make" a.h5 layers=2 width=512 samples=100000 last=1 && "$make" b.h5 layers=2 width=512 samples=100000 last=1 noise=.1 || exit 99
# measure OUT ARGUMENTS...: runs drift in 256 MiB, and prints the most MiB that it was seen to hold.
measure() {
  out=$1 most=0
  shift
  "$FATHOM" drift a.h5 b.h5 --memory 256M -q "$@" >"$out" &
  while now=$(sed -n 's/^VmHWM:[[:space:]]*\([0-9]*\) kB/\1/p' /proc/$!/status 2>/dev/null) && [ -n "$now" ]; do
    most=$now
    sleep 0.05
  done
  wait $! || return 1
  echo $((most / 1024))
}
alone=$(measure one.tsv --layers 0 --measures cosine --bootstrap 0)
ok "$([ "$alone" -gt 10 ]; echo $?)" "memory is seen"
held=$(measure sites.tsv --bootstrap 200)
is "$(grep -v '^#' sites.tsv | cut -f 1,3 | grep -c 'cka$\|procrustes$')" 4 "both sites"
ok "$([ "$held" -lt $((256 + alone)) ]; echo $?)" "site by site: $held MiB, of which the program, its libraries and the rows' numbers take $alone"
held=$(measure map.tsv --cross --bootstrap 0)
is "$(grep -vc '^#' map.tsv)" 5 "a map of two by two sites"
ok "$([ "$held" -lt $((256 + alone)) ]; echo $?)" "as a map: $held MiB"
awk -F '\t' '/^#/ { next } NR == FNR { if ($3 == "cka") want[$1] = $4; next } $1 == $2 { n++; d = $4 - want[$1]; if (!(d * d < 1e-12)) bad = 1 } END { exit !(n == 2 && !bad) }' sites.tsv map.tsv
ok $? "the map's diagonal is what the sites have"
tap_end
