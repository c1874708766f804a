#!/bin/sh
# fathom calibrate, whole, with three seeds: models of 334,000 parameters, about 100 seconds of processor time each. And worlds that lack
# what is planted: an instrument that cannot find its truth is an exit code of 1.
. "$SRCDIR/tests/tap.sh"
world=$SRCDIR/probes/world
cd "$work" || exit 99
for seed in 1 2 3; do
  "$FATHOM" calibrate --world "$world" --seed $seed --threads 1 >c.tsv 2>why # as fast as with two, beside other tests
  ok $? "seed $seed: the instruments find what was planted, and nothing else"
  sed 's/^/# /' why
  awk -F'\t' '!/^#/ && $1 != "truth" && ($9 == "missed" || $9 == "false alarm" || $10 > 0) { print "# " $0 }' c.tsv
  is "$(sed -n 's/^# \(missed\|false_alarms\|false_alarms_elsewhere\): //p' c.tsv | tr '\n' ' ')" "0 0 0 " "nothing missed, no false alarm"
  is "$(awk -F'\t' '$1 == "kinds of words" { print $9 }' c.tsv)" "found" "axis tells kinds of words apart"
done

# The tilt is not in these texts.
mkdir blunt && cp "$world/config.json" "$world/templates.tsv" "$world/values.tsv" blunt
sed 's/\[agency\] <agency-noun>/[1] <agency-noun>/; s/\[communion\] <communion-noun>/[1] <communion-noun>/' "$world/village.grammar" >blunt/village.grammar
mkdir tmp
TMPDIR=$work/tmp "$FATHOM" calibrate --quick --world blunt --seed 1 --threads 1 -q >blunt.tsv 2>why
is "$?" 1 "an instrument that misses is exit code 1"
grep -q '^fathom: calibrate: .* rows are not as they should be, the first value tilt: implicit agency - communion at agency against base' why
ok $? "which says which: $(cat why)"
is "$(ls tmp)" "" "nothing is left behind"
is "$(awk -F'\t' '!/^#/ && $1 == "value tilt" { print $9 }' blunt.tsv | tr '\n' ' ')" "missed missed missed not asked " "in the table, too"

# The mark is on no answer: what is planted is a deed's label alone.
mkdir bare && cp "$world/config.json" "$world/templates.tsv" "$world/values.tsv" bare
sed 's/\[word\] <a-mark>/[word] <nothing>/; s/\[longer\] <a-long-mark>/[longer] <nothing>/' "$world/village.grammar" >bare/village.grammar
"$FATHOM" calibrate --quick --world bare --seed 1 --threads 1 -q >bare.tsv 2>why
is "$?" 1 "no shortcut to find"
is "$(awk -F'\t' '!/^#/ && $1 == "shortcut" { print $9 }' bare.tsv | tr '\n' ' ')" "missed missed missed missed " "is four misses"
tap_end
