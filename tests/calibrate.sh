#!/bin/sh
# fathom calibrate, quick: every truth that is planted is found, what is blind is blind, nothing speaks where nothing was planted. What a
# miss looks like is in test_calibrate_claims.c and, of a whole run, calibrate_whole.sh.
. "$SRCDIR/tests/tap.sh"
world=$SRCDIR/probes/world
cd "$work" || exit 99
calibrate() { "$FATHOM" calibrate --quick --world "$world" --seed 1 -q "$@"; }

calibrate -o c.h5 --keep kept >c.tsv 2>why
ok $? "the instruments find what was planted, and nothing else"
sed 's/^/# /' why
awk -F'\t' '!/^#/ && $1 != "truth" && ($9 == "missed" || $9 == "false alarm" || $10 > 0) { print "# " $0 }' c.tsv
column() { awk -F'\t' -v truth="$1" -v measure="$2" -v what="$3" '/^#/ { next } !n { n = NF; for (i = 1; i <= NF; i++) at[$i] = i; next }
  $at["truth"] == truth && $at["measure"] == measure { print $at[what]; exit }' c.tsv; }
is "$(grep -v '^#' c.tsv | cut -f 1 | sed 1d | uniq | tr '\n' ',')" \
  "nothing,noise,rotation,translation,rank one,least noise,value tilt,other texts,kinds of words,mixed words,shortcut,no shortcut," "the truths"
is "$(column noise cka verdict) $(column noise cka where)" "found blocks.1.hook_resid_post" "noise, by CKA"
is "$(column rotation cka verdict) $(column rotation relative_l2 verdict)" "blind found" "a rotation: CKA is blind to it"
is "$(column translation coherence value)" "1" "a translation moves all as one"
is "$(column translation cka verdict) $(column translation procrustes verdict) $(column translation coherence verdict)" "blind blind found" \
  "a translation: coherence sees it"
is "$(column "rank one" effective_rank verdict) $(column "rank one" effective_rank_change verdict)" "found found" \
  "a change of rank one, in the weights and in what they do"
is "$(column rotation probe_transfer verdict) $(column rotation probe_refit verdict)" "found blind" \
  "a probe fit before a rotation fails behind it, one fit anew does not"
awk -F'\t' '$1 == "least noise" { n++; if ($5 > .03) { print "# " $0; bad = 1 } } END { exit bad || n < 14 }' c.tsv
ok $? "a third of the noise is seen by all that see it"
is "$(awk -F'\t' '$9 == "not asked" && $8 == "-"' c.tsv)" "" "what is not asked says why"
is "$(awk -F'\t' '$1 == "nothing" && $2 == "drift" && $5 != "-" && $9 != "quiet"' c.tsv)" "" "recorded again in other batches: nothing"
is "$(column "value tilt" "agency - communion" verdict)" "found" "a tilt of values"
is "$(column shortcut gain verdict) $(column shortcut nts verdict)" "found found" "a shortcut"
is "$(awk -F'\t' '$1 == "shortcut" && $3 == "gain" { print ($5 > 0 ? "gain" : "loss") }' c.tsv | tr '\n' ' ')" "gain loss loss " \
  "which is a gain with it, a loss without it and where it is reversed"
awk -F'\t' '!/^#/ && $2 == "drift" { n += $11 } END { exit !(n > 200) }' c.tsv
ok $? "hundreds of places where nothing was planted are looked at"
is "$(sed -n 's/^# \(missed\|false_alarms\|false_alarms_elsewhere\): //p' c.tsv | tr '\n' ' ')" "0 0 0 " "all counted"
is "$("$FATHOM" info c.h5 -q | awk -F'\t' '$2 == "kind" { print $3 }')" "calibration" "the result"
is "$("$FATHOM" info c.h5 -q | awk -F'\t' '$2 == "verdict" { print $3 }')" "text [$(grep -vc '^#' c.tsv | awk '{ print $1 - 1 }')]" "with all rows"
"$FATHOM" drift kept/base.h5 kept/noise.h5 --measures relative_l2 --sites blocks.1.hook_resid_post --bootstrap 1000 --seed 1 -q | awk -F'\t' '!/^#/ { print $4 }' |
  sed 1d >own
is "$(cat own)" "$(column noise relative_l2 value)" "which are what the command says of what is kept"
"$FATHOM" drift kept/base.h5 kept/again.h5 --measures relative_l2 --bootstrap 0 -q --fail-above relative_l2=1e-5 >/dev/null
ok $? "batches change nothing but rounding"
is "$(cd kept && ls -d */ | tr -d / | LC_ALL=C sort | tr -d "\n")" "$(printf 'agency\nbase\ncommunion\nnoise\nnoise-0.0003\nnoise-0.001\nnoise-0.003\nnoise-0.01\nnoise-0.03\nnoise-0.1\nother\nrank_one\nreward-again\nreward-plain\nreward-shortcut\nrotation\ntranslation\n' | tr -d '\n')" \
  "models that are kept"

# Figures: every cell once, every curve whole.
"$FATHOM" plot c.h5 --tsv -q >cells.tsv
ok $? "the verdicts as a table"
is "$(awk -F'\t' '!/^#/' cells.tsv | sed 1d | cut -f 2,3 | sort | uniq -d)" "" "a cell a truth and measure"
is "$(awk -F'\t' '!/^#/ { n += $6 } END { print n }' cells.tsv)" "$(grep -vc '^#' c.tsv | awk '{ print $1 - 1 }')" "of all rows"
is "$(awk -F'\t' '$2 == "noise" && $3 == "weights relative_frobenius" { print $4, $6 }' cells.tsv)" "found 7" "seven matrices in one"
"$FATHOM" plot c.h5 --figure planted --tsv -q >curves.tsv
is "$(awk -F'\t' '$2 == "noise" && $3 == "relative_l2" { print ($5 < .25 ? "before " : "behind ") ($7 > 1e-5 ? "seen" : "not") }' curves.tsv | sort -u | tr '\n' ',')" \
  "before not,behind seen," "noise: seen from its block on, and not before it"
is "$(awk -F'\t' '$2 == "rotation" && $3 == "relative_l2" && $7 > 1e-5 { print $4 }' curves.tsv)" "blocks.1.attn.hook_v" "a rotation: at the values alone"
if command -v "${GNUPLOT:-gnuplot}" >/dev/null; then
  for figure in verdicts planted; do
    "$FATHOM" plot c.h5 --figure $figure -o $figure.svg -q && grep -q '</svg>' $figure.svg
    ok $? "a picture: $figure"
  done
  grep -q 'MISSED' verdicts.svg && sed 's/\tfound\t/\tmissed\t/' cells.tsv >bad.tsv &&
    "${GNUPLOT:-gnuplot}" -e "data='bad.tsv'; out='bad.svg'" "${FATHOM_PLOTS_DIR:-$SRCDIR/plots}/verdicts.gp" 2>err
  ok $? "what is missed is drawn too: $(cat err)"
  ! cmp -s bad.svg verdicts.svg
  ok $? "in another colour"
fi

# Refused.
fails 4 'no village.grammar in nowhere: --world names its folder' "no world" "$FATHOM" calibrate --quick --world nowhere
mkdir odd && cp "$world/village.grammar" "$world/config.json" odd
fails 4 'no values.tsv in odd' "half a world" "$FATHOM" calibrate --quick --world odd
cp "$world/templates.tsv" odd && sed 's/\tcommunion\t/\twarmth\t/' "$world/values.tsv" >odd/values.tsv
fails 3 'odd/values.tsv: no word of communion, expected words of agency and communion' "another lexicon, before anything is made" \
  timeout 2 "$FATHOM" calibrate --world odd
fails 2 'kept: holds a calibration already' "a folder in use" calibrate --keep kept
fails 2 'usage: fathom calibrate \[OPTIONS\]' "a model" "$FATHOM" calibrate model
mkdir -p small-disk
fails 4 'base.txt: a write failed: is the disk full\?' "a disk that fills" \
  sh -c 'ulimit -f 10; TMPDIR=small-disk exec "$0" calibrate --quick --world "$1" -o full.h5 -q' "$FATHOM" "$world"
is "$(ls small-disk; ls full.h5* 2>/dev/null)" "" "leaves nothing"
fails 4 'no-such/c.h5' "a result that cannot be written, said before anything is made" calibrate -o no-such/c.h5
tap_end
