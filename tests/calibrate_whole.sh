#!/bin/sh
# fathom calibrate, whole: models of 334,000 parameters; and an instrument that cannot find its truth is an exit code of 1. A few
# minutes.
. "$SRCDIR/tests/tap.sh"
world=$SRCDIR/probes/world
cd "$work" || exit 99
"$FATHOM" calibrate --world "$world" --seed 1 >c.tsv 2>why
ok $? "the instruments find what was planted, and nothing else"
sed 's/^/# /' why
awk -F'\t' '!/^#/ && $1 != "truth" && ($9 == "missed" || $9 == "false alarm" || $10 > 0) { print "# " $0 }' c.tsv
is "$(sed -n 's/^# \(missed\|false_alarms\|false_alarms_elsewhere\): //p' c.tsv | tr '\n' ' ')" "0 0 0 " "nothing missed, no false alarm"
# Worlds without what is planted: the tilt is not in the texts.
mkdir blunt && cp "$world/config.json" "$world/values.tsv" blunt
sed 's/\[agency\] <agency-noun>/[1] <agency-noun>/; s/\[communion\] <communion-noun>/[1] <communion-noun>/' "$world/village.grammar" >blunt/village.grammar
mkdir tmp
TMPDIR=$work/tmp "$FATHOM" calibrate --quick --world blunt --seed 1 -q >blunt.tsv 2>why
is "$?" 1 "an instrument that misses is exit code 1"
grep -q '^fathom: calibrate: .* rows are not as they should be, the first value tilt: implicit agency - communion at agency against base' why
ok $? "which says which: $(cat why)"
is "$(ls tmp)" "" "nothing is left behind"
is "$(awk -F'\t' '!/^#/ && $1 == "value tilt" { print $9 }' blunt.tsv | tr '\n' ' ')" "missed missed missed " "in the table, too"
tap_end
