#!/bin/sh
# fathom drift within a given memory and on a part of the rows: the same numbers in more passes, what is said beforehand,
# whole samples in a subsample, and what cannot be done.
. "$SRCDIR/tests/tap.sh"
make=$(dirname "$FATHOM")/tests/make_store
cd "$work" || exit 99
"$make" a.h5 layers=5 width=96 samples=240 && "$make" b.h5 layers=4 width=96 samples=240 noise=.1 &&
  "$make" c.h5 layers=5 width=96 samples=240 last=1 && "$make" d.h5 layers=4 width=96 samples=240 last=1 noise=.1 || exit 99
rows() { grep -v '^#'; }
# same TABLE TABLE: numbers within float32 rounding of each other.
same() {
  awk -F '\t' 'NR == FNR { want[FNR] = $0; n = FNR; next }
    { split(want[FNR], w, "\t"); for (i = 1; i <= NF; i++) { d = $i - w[i]; if (w[i] != $i && !(d * d <= 1e-12)) bad = 1 } m = FNR }
    END { exit !(n == m && n > 1 && !bad) }' "$1" "$2"
}

for stores in "a.h5 b.h5" "c.h5 d.h5"; do
  for boot in 0 200; do
    # shellcheck disable=SC2086 # two names
    "$FATHOM" drift $stores --cross --bootstrap $boot --memory 2G --threads 2 2>wide.said | rows >wide
    least=$("$FATHOM" drift $stores --cross --bootstrap $boot --memory 1M --threads 2 2>&1 >/dev/null | sed -n 's/.*the least that a map takes here is \([0-9]*\)M.*/\1/p')
    "$FATHOM" drift $stores --cross --bootstrap $boot --memory "${least}M" --threads 2 2>narrow.said | rows >narrow
    ok $? "$stores --bootstrap $boot: the least memory that is named is enough"
    same wide narrow
    ok $? "$stores --bootstrap $boot: the same map in more passes"
  done
done
# 240 samples of one row are cheaper between rows; in little memory between columns, pass by pass.
pattern='^map: 5 x 4 sites between \(rows\|columns\), \([0-9]*\) passes, [0-9.]* MiB to read, [0-9]* MiB of memory, about [0-9.e+-]* s$'
is "$(sed -n "s/$pattern/\1 \2/p" wide.said)" "rows 3" "what a map takes is said beforehand"
passes=$(sed -n "s/$pattern/\1 \2/p" narrow.said)
case $passes in "columns "*) ok "$([ "${passes#* }" -gt 10 ]; echo $?)" "and what it takes in little memory" ;; *) ok 1 "and what it takes in little memory: $passes" ;; esac
fails 2 '--memory 1M: the least that a map takes here is [0-9]+M' "a map that does not fit" "$FATHOM" drift c.h5 d.h5 --cross --memory 1M -q

# Site by site.
"$FATHOM" drift a.h5 b.h5 --bootstrap 200 -q --threads 2 | rows >wide
least=$("$FATHOM" drift a.h5 b.h5 --bootstrap 200 --memory 1M 2>&1 >/dev/null | sed -n 's/.*these measures of one site take \([0-9]*\)M.*/\1/p')
"$FATHOM" drift a.h5 b.h5 --bootstrap 200 --memory "${least}M" -q --threads 2 | rows >narrow
same wide narrow
ok $? "one site at a time: the same numbers"
fails 2 '--memory 1M: these measures of one site take [0-9]+M; --measures takes some of them, --rows fewer samples' "a site that does not fit" \
  "$FATHOM" drift a.h5 b.h5 --memory 1M

# --rows: whole samples, the same for the same seed; the lengths are 1 to 6 tokens, of which the first is left out.
"$FATHOM" drift a.h5 b.h5 --rows 300 --measures cosine --layers 0 --bootstrap 0 >part.tsv
is "$(sed -n 's/^# \([0-9]*\) rows of \([0-9]*\) samples; .*/\1 \2/p' part.tsv | awk '{ print ($1 <= 300 && $1 > 294 && $2 > 80 && $2 < 120) }')" 1 \
  "a subsample has at most the rows asked for"
n=$(sed -n 's/^# subsample: \([0-9]*\) of 200 samples, drawn whole with the seed above$/\1/p' part.tsv)
is "$(rows <part.tsv | tail -n 1 | cut -f 7)" "$n" "and says of how many samples"
rows <part.tsv >part.rows
"$FATHOM" drift a.h5 b.h5 --rows 300 --measures cosine --layers 0 --bootstrap 0 | rows | cmp -s - part.rows
ok $? "the same seed draws the same samples"
"$FATHOM" drift a.h5 b.h5 --rows 300 --seed 1 --measures cosine --layers 0 --bootstrap 0 | rows | cmp -s - part.rows
is $? 1 "another seed others"
"$FATHOM" drift a.h5 b.h5 --measures cosine --bootstrap 0 | rows >all.rows
"$FATHOM" drift a.h5 b.h5 --rows 100000 --measures cosine --bootstrap 0 >plenty.tsv
rows <plenty.tsv | cmp -s - all.rows && ! grep -q '^# subsample' plenty.tsv
ok $? "more rows than there are: all of them"
fails 2 '--rows 1: fewer than one sample has: samples have up to 6 rows' "fewer rows than a sample has" \
  "$FATHOM" drift a.h5 b.h5 --rows 1 --keep-first --seed 4
tap_end
