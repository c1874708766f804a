#!/bin/sh
# What a report says of single kinds of results: what stands beside a drift, remarks, calibration, implicit rewards of pairs; and
# what becomes of it where a disk fills. The page itself is tests/report_page.sh.
. "$SRCDIR/tests/tap.sh"
: "${GNUPLOT:=gnuplot}"
if ! command -v "$GNUPLOT" >/dev/null 2>&1; then
  skip "no $GNUPLOT here to draw with"
  tap_end
  exit
fi
trap 'umount "$work/full" 2>/dev/null; rm -rf "$work"' EXIT
export GNUPLOT OMP_NUM_THREADS=1
make=$(dirname "$FATHOM")/tests/make_store
page=$work/page.html
cd "$work" || exit 99
"$make" a.h5 layers=4 embed=1 && "$make" b.h5 layers=4 embed=1 noise=.1 && "$make" c.h5 layers=4 embed=1 noise=.2 &&
  "$make" again.h5 layers=4 embed=1 noise=.15 && "$make" nan.h5 layers=4 embed=1 noise=.1 nan_at=20 && "$make" other.h5 layers=4 embed=1 noise=50
ok $? "stores are made"

# report FILE: on a folder that holds this alone.
report() {
  rm -rf one && mkdir one && cp "$1" one && "$FATHOM" report one -o "$page" >out.tsv 2>err
  is "$? $(cat err)" "0 " "a report on $1"
}
# says TEXT...: each stands in the page, as it is; silent TEXT...: none does.
says() {
  for text in "$@"; do
    grep -qF -e "$text" "$page"
    ok $? "the page says: $text"
  done
}
silent() {
  for text in "$@"; do
    ! grep -qF -e "$text" "$page"
    ok $? "the page does not say: $text"
  done
}
# cell FILE COLUMN SITE MEASURE: one cell of a table of drift, in the page's digits.
cell() {
  awk -F '\t' -v column="$2" -v site="$3" -v measure="$4" '
    /^#/ { next }
    !head { for (i = 1; i <= NF; i++) if ($i == column) head = i; next }
    $1 == site && $3 == measure { printf "%.4g", $head; exit }' "$1"
}

# --- drift ---

"$FATHOM" drift a.h5 b.h5 --measures cka,relative_l2 -o plain.h5 >plain.tsv
report plain.h5
says 'Nothing here says how much of this recording the frozen model again would give (--noise), or whether a few large dimensions decide' \
  '<li>96 rows of 33 samples; position 0 of each sequence is left out (--keep-first keeps it)</li>'
silent 'Beside the drift'
sed -n '/^# [0-9]* rows of/,$s/^# //p' plain.tsv | sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'"; s/'/\&#39;/g; s|.*|<li>&</li>|" >notes
is "$([ -s notes ] && grep -vxFf "$page" notes)" "" "every remark of the table stands on the page"

"$FATHOM" drift a.h5 b.h5 --against c.h5 --measures cka,relative_l2 -o against.h5 >against.tsv
report against.h5
site=$(awk -F '\t' '$3 == "relative_l2" && $9 * $9 > most { most = $9 * $9; site = $1 } END { print site }' against.tsv)
says "<strong>$site</strong> differs most from that of c.h5, and has drifted less: relative_l2 $(cell against.tsv value "$site" relative_l2) against \
$(cell against.tsv against "$site" relative_l2), difference $(cell against.tsv difference "$site" relative_l2) [$(cell against.tsv difference_lo "$site" \
relative_l2), $(cell against.tsv difference_hi "$site" relative_l2)]; the interval of the difference leaves out 0 at 5 of 5 sites." \
  '<dt>Against</dt>' '<dt>Against the drift of</dt><dd>c.h5</dd>'
awk -F '\t' '!/^#/ && $1 != "site" { for (i = 8; i <= 11; i++) if ($i != "-") print "<td class=\"n\">" $i "</td>" }' against.tsv | sort -u >numbers
is "$([ "$(wc -l <numbers)" -gt 20 ] && while read -r number; do grep -qF -e "$number" "$page" || echo "$number"; done <numbers)" "" \
  "every number beside the drift stands on the page as in the table"
"$FATHOM" drift a.h5 b.h5 --against-layer -1 --measures cka -o layer.h5 >/dev/null
report layer.h5
says '</strong> differs most from block -1, and has drifted less: cka '
"$FATHOM" drift a.h5 c.h5 --against-layer 0 --measures cka,relative_l2 --bootstrap 0 -o layer.h5 >/dev/null
report layer.h5
says '</strong> differs most from block 0, and has drifted further: relative_l2 '
silent 'the interval of the difference'

"$FATHOM" drift a.h5 b.h5 --noise again.h5 --floor --without-outliers 2 --measures cka,relative_l2 -o noise.h5 >noise.tsv
report noise.h5
n=$(awk -F '\t' '$9 == "yes"' noise.tsv | wc -l)
says "$n of 10 values are not told from the noise, that is, from the frozen model recorded again: cka at blocks.0.hook_resid_post is the first" \
  '<dt>Frozen again</dt>'
silent 'Nothing here says' 'no nearer to identical models'
"$FATHOM" drift a.h5 other.h5 --floor --without-outliers 7 --measures cka,relative_l2 -o floor.h5 >floor.tsv
report floor.h5
n=$(awk -F '\t' '$3 == "cka" && $4 <= $10 || $3 == "relative_l2" && $4 >= $9' floor.tsv | wc -l)
[ "$n" -gt 0 ]
ok $? "values like those of unrelated data: $n"
says "$n of 10 values are no nearer to identical models than unrelated data (floor): " '% of the variance lies in dimensions ' \
  'Nothing here says how much of this recording'
"$FATHOM" drift a.h5 nan.h5 --skip-nonfinite -o nan-left.h5 >/dev/null
report nan-left.h5
says '1 samples hold a NaN or an infinity and were left out'

# --- calibration and implicit rewards, as their commands would write them ---

mkdir made && "$(dirname "$FATHOM")/tests/make_results" made >/dev/null 2>&1 || exit 99
report made/calibration.h5
says '<strong>1 of 2</strong> rows in which what was planted must be found say so; 1 are of measures that are blind to it and were, 1 quiet where nothing was planted, 0 claim' \
  'false alarms: 0 there, 3 at 40 places' 'noise: drift missed it (cka): do not trust it on others.' 'rotation: a false alarm of drift (rsa).' \
  '<th scope="col">truth</th><th scope="col">instrument</th><th scope="col">measure</th>' '>Are the instruments right?<'
model=$SRCDIR/tests/fixtures
"$FATHOM" implicit "$model/llama-tied.gguf" "$model/llama-base.gguf" --pairs "$model/implicit/pairs.jsonl" -q -o pairs.h5 >pairs.tsv
report pairs.h5
awk -F '\t' '$1 == "sum" { printf "prefers the chosen answer in a share of %.4g [%.4g, %.4g] of %d pairs", $3, $4, $5, $2 }' pairs.tsv >accuracy
says "$(cat accuracy)"

# --- what the manual says of result files ---

sed -n '/^### Result files/,/^## Reports/p' "$SRCDIR/MANUAL.md" | grep -oE '[`/][a-z_/0-9A-Z]+' | tr -d '`' | sed 's|.*/||' | sort -u >documented
for file in against.h5 noise.h5 nan-left.h5 pairs.h5 made/calibration.h5; do "$FATHOM" info "$file" -q; done |
  awk -F'\t' '$1 == "dataset" && $2 !~ "^accuracy/" { sub(".*/", "", $2); print $2 }' | sort -u >found
is "$([ "$(wc -l <found)" -gt 40 ] && comm -13 documented found | tr '\n' ' ')" "" "its table names every dataset of these"

# --- a disk that fills ---

cp plain.h5 against.h5 one
"$FATHOM" report one -o "$page" >/dev/null 2>&1
before=$(cksum <"$page")
for blocks in 2 16 64; do
  fails 4 '(page.html|a temporary table): cannot write: File too large$' "a page that may not grow over $blocks blocks" \
    sh -c 'ulimit -f "$1"; exec "$0" report one -o page.html' "$FATHOM" "$blocks"
  is "$(cksum <"$page") $(ls | grep -c 'page.html.part')" "$before 0" "leaves the old one, and nothing else"
done
mkdir full
if mount -t tmpfs -o size=16k tmpfs full 2>/dev/null; then
  fails 4 'full/page.html: cannot write: No space left on device' "a disk that fills" "$FATHOM" report one -o full/page.html
  is "$(ls full)" "" "nothing is left on it"
  umount full
else
  skip "cannot mount a small disk here"
fi
tap_end
