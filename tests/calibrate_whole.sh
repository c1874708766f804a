#!/bin/sh
# fathom calibrate, whole: models of 334,000 parameters. A few minutes.
. "$SRCDIR/tests/tap.sh"
world=$SRCDIR/probes/world
cd "$work" || exit 99
"$FATHOM" calibrate --world "$world" --seed 1 >c.tsv 2>why
ok $? "the instruments find what was planted, and nothing else"
sed 's/^/# /' why
awk -F'\t' '!/^#/ && $1 != "truth" && ($9 == "missed" || $9 == "false alarm" || $10 > 0) { print "# " $0 }' c.tsv
is "$(sed -n 's/^# \(missed\|false_alarms\|false_alarms_elsewhere\): //p' c.tsv | tr '\n' ' ')" "0 0 0 " "nothing missed, no false alarm"
tap_end
