#!/bin/sh
# make demo, as it goes without a network: all of it on the made world, with fewer steps; and when it must not go on with that world. A
# python3 of our own stands in for pip.
. "$SRCDIR/tests/tap.sh"
demo() { env -u MODEL -u STEPS -u ANCHOR FATHOM_MODELS="$work/models" DEMO="$work/demo" PRETRAIN=40 PATH="$work/bin:$PATH" "$@" sh "$SRCDIR/notebooks/demo.sh"; }
mkdir "$work/bin"
cat >"$work/bin/python3" <<'END'
#!/bin/sh
case "${PIP:-}: $*" in
none:*) exit 1 ;;
*"pip --version") exit 0 ;;
full:*) echo "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device" ;;
*) echo "WARNING: Retrying after connection broken by 'NewConnectionError('x: Failed to establish a new connection: [Errno 101] Network is unreachable')': /simple/" ;;
esac
exit 1
END
chmod +x "$work/bin/python3"

# What is not the network is said, and ends it.
ends() { # CODE REASON REMEDY WHAT SETTING...
  ends_code=$1 ends_reason=$2 ends_remedy=$3 ends_what=$4
  shift 4
  demo "$@" >"$work/out" 2>"$work/err"
  is "$? $(grep -c "$ends_reason" "$work/err") $(grep -c "$ends_remedy" "$work/err") $(wc -c <"$work/out")" "$ends_code 1 1 0" "$ends_what"
}
without="MODEL=world"
ends 4 'pip is missing' "$without" "no pip: it says so, and how to go on without" PIP=none
ends 4 'No space left on device' "$without" "a full disk" PIP=full
ends 5 'Network is unreachable' "$without" "no network, where SmolLM2 was asked for" MODEL=smollm2
ends 2 "MODEL is 'gpt', expected smollm2 or world" "MODEL is 'gpt'" "an unknown model" MODEL=gpt
mkdir -p "$work/models"
echo half >"$work/models/SmolLM2-135M-Instruct.Q4_1.gguf"
ends 3 'SHA-256 is .*, expected .*; remove the file' "$without" "a file that is not whole is no model"
rm "$work/models/SmolLM2-135M-Instruct.Q4_1.gguf"
is "$(ls "$work/models" "$work"/demo* 2>/dev/null)" "$work/models:" "nothing is left of that"

if ! command -v "${GNUPLOT:-gnuplot}" >/dev/null 2>&1; then
  skip "no gnuplot here to draw with"
  tap_end
  exit
fi

# All of it; the folder holds what an interrupted demo left.
mkdir -p "$work/demo/base" "$work/demo/plain"
touch "$work/demo/base/config.json" "$work/demo/plain/config.json"
demo >"$work/out" 2>"$work/err"
ok $? "without a network the demo runs"
is "$(grep -c '^demo: no network, so this goes on with the made world' "$work/err")" 1 "and says on what"
is "$(sed -n 's/^\$ fathom \([a-z]*\).*/\1/p' "$work/out" | tr '\n' ' ')" \
  "world world world new train record train record drift train record drift drift plot plot plot plot report " "the same line of commands"
grep -q 'made world: .* says nothing of real models' "$work/out"
ok $? "it says what its numbers are worth"

# Run, steps, strength, losses and accuracies.
sed -n '/^The runs:/,/^$/p' "$work/out" | grep "^$work/demo/" >"$work/runs"
awk -F'\t' '{ n++; if (!($2 == 18 && $4 > 0 && $4 < 0.7 && $5 > 0 && $6 >= 0 && $7 > $6 && $7 <= 1)) bad = 1; steps[n] = $3; anchor[n] = $5 }
  END { exit !(n == 2 && !bad && steps[1] == 0 && steps[2] == 1 && anchor[1] > 2 * anchor[2]) }' "$work/runs"
ok $? "two runs that learn, the anchored one nearer to the base model"
sed 's/^/# /' "$work/runs"

# Block, then CKA and relative L2 with their intervals, free and anchored.
sed -n '/^Drift of the residual stream after each block on the 64 test pairs/,/^$/p' "$work/out" | sed '1,2d; /^$/d' >"$work/table"
sed 's/^/# /' "$work/table"
tr -d '[],' <"$work/table" | awk '
  { n++
    if (/[^0-9. ]/) bad = 1
    for (i = 2; i <= NF; i += 3) if (!($(i + 1) > 0 && $(i + 1) <= $i && $i <= $(i + 2) && $(i + 1) < $(i + 2))) bad = 1
    if (NF != 13 || $1 != n - 1) bad = 1
    if (!($4 < $6 && $12 + 0 < $9 + 0)) together = 1
    free[n] = $8 }
  END { print n, bad + 0, together + 0, (free[6] > 1.2 * free[1]) }' >"$work/judged"
is "$(cat "$work/judged")" "6 0 0 1" "six blocks with their intervals; the anchor holds each nearer, intervals apart; late blocks drift further"

for picture in $(sed -n 's/^  \(.*\.png\)$/\1/p' "$work/out"); do
  set -- $(od -An -tu1 -N24 "$picture")
  is "$1 $2 $3 $4 $((${19} * 256 + ${20} > 800)) $((${23} * 256 + ${24} > 500)) $(($(wc -c <"$picture") > 20000))" "137 80 78 71 1 1 1" \
    "a picture: ${picture##*/}"
done
is "$(sed -n 's/^  .*\/\(.*\)\.png$/\1/p' "$work/out" | tr '\n' ' ')" "drift training heatmap cross-plain " "all four"
page=$(sed -n 's/^All of it on one page: //p' "$work/out")
is "$(grep -o "<svg " "$page" | wc -l)$(grep -v "^#" "$work/demo/report.tsv" | cut -f 2,3 | sed 1d | sort | uniq -c | tr -s " \t\n" " ")" \
  "6 3 activations yes 1 cross yes 2 drift yes 1 lm-run yes 2 run yes " "a page with six figures and all that was made"
is "$(ls "$work/models" "$work/demo"/*.part "$work/demo/features.h5" 2>/dev/null)" "$work/models:" "nothing half made is left"
tap_end
