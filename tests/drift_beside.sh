#!/bin/sh
# What fathom drift prints beside a drift: differences between models and layers, and noise.
. "$SRCDIR/tests/tap.sh"
make=$(dirname "$FATHOM")/tests/make_store
cd "$work" || exit 99

"$make" a.h5 embed=1 && "$make" b.h5 embed=1 noise=.1 && "$make" c.h5 embed=1 noise=.12 && "$make" fewer.h5 layers=2 noise=.1 &&
  "$make" nan.h5 embed=1 noise=.12 nan_at=20 && "$make" cut.h5 embed=1 noise=.12 cut=60 && "$make" ids.h5 other_ids=1 && "$make" embed.h5 layers=0 embed=1 && "$make" wide.h5 width=12 && "$make" one.h5 samples=1 longest=1 && "$make" only.h5 layers=1 noise=.2
ok $? "stores are made"

# table FILE COLUMN SITE MEASURE: one cell of a table.
cell() {
  awk -F '\t' -v column="$2" -v site="$3" -v measure="$4" '
    /^#/ { next }
    !head { for (i = 1; i <= NF; i++) if ($i == column) head = i; next }
    $1 == site && $3 == measure { print $head }' "$1"
}

"$FATHOM" drift a.h5 b.h5 >ab.tsv && "$FATHOM" drift a.h5 c.h5 >ac.tsv
"$FATHOM" drift a.h5 b.h5 --against c.h5 -o against.h5 >against.tsv 2>err
is "$? $(cat err)" "0 " "--against runs and says nothing on stderr"
is "$(grep -v '^#' against.tsv | head -1)" \
  "$(printf 'site\tlayer\tmeasure\tvalue\tlo\thi\tn\tagainst\tdifference\tdifference_lo\tdifference_hi')" "its columns"
is "$(grep -v '^#' against.tsv | cut -f 1-7 | cksum)" "$(grep -v '^#' ab.tsv | cksum)" "what was there before is as it was"
is "$(grep -v '^#' against.tsv | tail -n +2 | cut -f 8 | cksum)" "$(grep -v '^#' ac.tsv | tail -n +2 | cut -f 4 | cksum)" \
  "against is the drift of the other model"
awk -F '\t' '/^#/ || $1 == "site" { next }
  { d = $4 - $8; n++; if ($9 - d > 1e-8 || d - $9 > 1e-8) bad = 1
    if ($3 == "cka" || $3 == "relative_l2") { k++; if ($10 == "-" || !($10 < $9 && $9 < $11)) bad = 1 }
    if ($3 == "relative_l2" && !($11 < 0)) bad = 1
    if ($3 == "cka" && !($10 > 0)) bad = 1
    if ($3 == "cka_biased" && $10 != "-") bad = 1 } END { exit bad || n != 36 || k != 8 }' against.tsv
ok $? "differences, their intervals, none where a value has none; the weaker drift is told from the stronger"
awk -F '\t' '$3 == "relative_l2" { n++; if (!($11 - $10 < ($6 - $5) / 2)) bad = 1 } END { exit bad || n != 4 }' against.tsv
ok $? "changes that are alike: the interval of the difference is far narrower than either, since it is paired"
grep -q '^# against: the drift of c\.h5 from the same frozen model; difference: value - against; its interval is paired' against.tsv
ok $? "what against is"
is "$(grep -c '^# model: ' against.tsv)" 3 "three models"
is "$("$FATHOM" info against.h5 | grep -c '^dataset	\(against\|difference\|difference_lo\|difference_hi\)	number \[4, 9\]$')" 4 "the result holds them"
"$FATHOM" drift a.h5 b.h5 --against c.h5 --json | grep -q '"difference_hi":'
ok $? "so does JSON"
"$FATHOM" drift a.h5 b.h5 --against b.h5 --measures cka,relative_l2 | awk -F '\t' '!/^#/ && $1 != "site" { n++; if ($9 != 0 || $10 != 0 || $11 != 0) bad = 1 } END { exit bad || n != 8 }'
ok $? "a model against itself: exactly 0"
"$FATHOM" drift a.h5 b.h5 --against c.h5 --threads 1 | grep -v '^#' >one.tsv
"$FATHOM" drift a.h5 b.h5 --against c.h5 --threads 2 | grep -v '^#' | cmp -s - one.tsv
ok $? "the number of threads changes no digit"
"$FATHOM" drift a.h5 b.h5 --against c.h5 --bootstrap 0 --measures cka >none.tsv
is "$(cell none.tsv difference hook_embed cka) $(cell none.tsv difference_lo hook_embed cka)" "$(cell against.tsv difference hook_embed cka) -" \
  "without resamples the differences alone"
"$FATHOM" drift a.h5 b.h5 --against fewer.h5 --measures cka >fewer.tsv
is "$(cell fewer.tsv difference blocks.1.hook_resid_post cka) $(cell fewer.tsv difference hook_embed cka)" "0 -" "sites that the other model lacks: -"
"$FATHOM" drift a.h5 b.h5 --against nan.h5 --skip-nonfinite --measures cka >nan.tsv && "$FATHOM" drift a.h5 nan.h5 --skip-nonfinite --measures cka >nan2.tsv
is "$(cell nan.tsv against blocks.0.hook_resid_post cka) $(cell nan.tsv n blocks.0.hook_resid_post cka)" \
  "$(cell nan2.tsv value blocks.0.hook_resid_post cka) 32" "all stores are left the samples that are finite in each"
grep -q '^# 1 samples that are not whole and finite in every store are left out$' nan.tsv
ok $? "how many is said"
fails 3 'nan\.h5: blocks\.1\.hook_resid_post: sample p5 \(row 20\) holds a NaN' "NaN is refused otherwise" "$FATHOM" drift a.h5 b.h5 --against nan.h5
mv cut.h5.part cut.h5 2>/dev/null
if [ -f cut.h5 ]; then cut=cut.h5; else cut=$(ls cut.h5*); fi
"$FATHOM" drift a.h5 b.h5 --against "$cut" --measures cka >cut.tsv 2>/dev/null
is "$(cell cut.tsv n hook_embed cka)" "$("$FATHOM" drift a.h5 "$cut" --measures cka 2>/dev/null | awk -F '\t' '$1 == "hook_embed" { print $7 }')" \
  "an unfinished store: the samples that it holds"
for s in $(seq 1 20); do
  "$FATHOM" drift a.h5 b.h5 --against "$cut" --measures cka --rows 30 --seed $s 2>/dev/null | awk -F '\t' '$1 == "hook_embed" { print $7 }'
done >drawn.txt
"$FATHOM" drift a.h5 b.h5 --measures cka --rows 30 | awk -F '\t' '$1 == "hook_embed" { print $7 }' >all.txt
awk -v whole="$(cell cut.tsv n hook_embed cka)" -v drawn="$(cat all.txt)" '{ sum += $1 } END {
  share = sum / (20 * drawn * whole / 33); print "# " sum " samples, as many as are expected times " share; exit !(share > .85 && share < 1.15) }' drawn.txt
ok $? "--rows: of the samples drawn those that an unfinished store holds, not those of a draw of its own"
fails 3 '^fathom: a\.h5 and ids\.h5 hold different rows: sample 3: id "p3" against "other3"' "other rows" "$FATHOM" drift a.h5 b.h5 --against ids.h5
fails 2 'blocks\.2\.hook_resid_post is in a\.h5 and not in fewer\.h5' "an asked site that it lacks" \
  "$FATHOM" drift a.h5 b.h5 --against fewer.h5 --sites resid_post
fails 3 'embed\.h5 has none of the sites that a\.h5 and only\.h5 are compared at' "no site in common" \
  "$FATHOM" drift a.h5 only.h5 --against embed.h5
fails 4 'no\.h5: cannot open' "a missing store" "$FATHOM" drift a.h5 b.h5 --against no.h5
fails 2 '--against and --cross exclude each other' "no maps" "$FATHOM" drift a.h5 b.h5 --against c.h5 --cross
fails 2 '--bootstrap 1000000: what is subtracted keeps the resamples of 36 values, 824 MiB where --memory is 100 MiB' "more resamples than memory" \
  "$FATHOM" drift a.h5 b.h5 --against c.h5 --bootstrap 1000000 --memory 100M
fails 2 '--memory 26M: these measures of one site take [0-9]+M, resamples of all sites that are subtracted [0-9]+M; --bootstrap takes fewer' \
  "resamples count beside what sites take" "$FATHOM" drift a.h5 b.h5 --against c.h5 --bootstrap 30000 --memory 26M
"$FATHOM" drift a.h5 b.h5 --bootstrap 30000 --memory 26M --measures cka | grep -v '^#' >roomy.tsv
"$FATHOM" drift a.h5 b.h5 --bootstrap 30000 --measures cka | grep -v '^#' | cmp -s - roomy.tsv
ok $? "without them there is room"

# Layer against layer of the same model.
"$FATHOM" drift a.h5 b.h5 --against-layer -1 --measures cka,relative_l2 >layer.tsv
is "$(cell layer.tsv against blocks.0.hook_resid_post cka)" "$(cell ab.tsv value blocks.2.hook_resid_post cka)" "--against-layer: the drift of that block"
is "$(cell layer.tsv difference blocks.2.hook_resid_post cka) $(cell layer.tsv difference_hi blocks.2.hook_resid_post cka)" "0 0" "and itself"
is "$(cell layer.tsv against hook_embed cka)" "-" "sites outside the blocks have no layer"
awk -F '\t' '$1 == "blocks.0.hook_resid_post" { n++; if ($3 == "cka" && !($10 > 0) || $3 == "relative_l2" && !($11 < 0)) bad = 1 } END { exit bad || n != 2 }' layer.tsv
ok $? "the first block drifted less than the last"
fails 2 '--against-layer 0-1: expected one block, found 2' "one layer" "$FATHOM" drift a.h5 b.h5 --against-layer 0-1
fails 2 '--against-layer 9: there is no layer 9' "a layer that is there" "$FATHOM" drift a.h5 b.h5 --against-layer 9
fails 2 '--against-layer 2: no site of block 2 is among those compared' "and compared" "$FATHOM" drift a.h5 b.h5 --against-layer 2 --layers 0
fails 2 '--against-layer and --against exclude each other|--against and --against-layer exclude each other' "one of the two" \
  "$FATHOM" drift a.h5 b.h5 --against-layer 2 --against c.h5

# Noise.
"$FATHOM" drift a.h5 b.h5 --noise a.h5 -o noise.h5 >noise.tsv
is "$(grep -v '^#' noise.tsv | head -1 | cut -f 8-)" "$(printf 'noise\tunder_noise')" "--noise: its columns"
is "$(cell noise.tsv noise hook_embed cka) $(cell noise.tsv noise hook_embed cosine) $(cell noise.tsv under_noise hook_embed cka)" "1 0 no" \
  "a recording that is the same again has no noise"
is "$(cell noise.tsv under_noise hook_embed cka_floor) $(cell noise.tsv under_noise hook_embed coherence)" "- -" "what has no value for identical models is not judged"
"$FATHOM" drift a.h5 b.h5 --noise c.h5 --measures cka,cka_biased,relative_l2,effective_rank_x >under.tsv
is "$(awk -F '\t' '!/^#/ && $1 != "site" && $3 != "cka_floor" && $3 != "effective_rank_x" { print $9 }' under.tsv | sort | uniq -c | sed 's/^ *//')" "12 yes" \
  "a drift smaller than the noise is marked, whether it rises or falls"
grep -q '^# 12 values are under the noise$' under.tsv
ok $? "and counted"
"$FATHOM" drift a.h5 c.h5 --noise b.h5 --measures cka,cka_biased,relative_l2 | awk -F '\t' '!/^#/ && $1 != "site" && $3 != "cka_floor" { n++; if ($9 != "no") bad = 1 } END { exit bad || n != 12 }'
ok $? "one that is larger is not"
"$FATHOM" drift a.h5 b.h5 --noise b.h5 --measures cka,relative_l2 --bootstrap 0 | awk -F '\t' '!/^#/ && $1 != "site" { n++; if ($9 != "yes") bad = 1 } END { exit bad || n != 8 }'
ok $? "as large as the noise is under it, also without resamples"
"$FATHOM" drift a.h5 a.h5 --noise a.h5 --measures cka,relative_l2 | awk -F '\t' '!/^#/ && $1 != "site" { n++; if ($9 != "yes") bad = 1 } END { exit bad || n != 8 }'
ok $? "no drift is not told from no noise"
is "$("$FATHOM" info noise.h5 | grep -c '^dataset	\(noise\|under_noise\)	')" 2 "the result holds it"
"$FATHOM" drift a.h5 b.h5 --noise a.h5 --against c.h5 | grep -v '^#' | head -1 | grep -q 'difference_hi	noise	under_noise$'
ok $? "both beside each other"

# What unrelated data would give.
"$FATHOM" drift a.h5 b.h5 --floor --measures cka,cka_biased,procrustes,rsa -o floor.h5 >floor.tsv
is "$(grep -v '^#' floor.tsv | head -1 | cut -f 8-)" "$(printf 'floor\tfloor_least\tfloor_most')" "--floor: its columns"
awk -F '\t' '!/^#/ && $1 != "site" { n++; if ($3 == "cka" && !($4 > .8 && $8 < .3 && $8 > -.3) || $3 == "cka_biased" && !($8 > .03 && $8 < .5) ||
  $3 == "procrustes" && !($4 < .6 && $8 > .9) || $3 == "rsa" && !($4 > .5 && $8 < .3 && $8 > -.3)) bad = 1 } END { exit bad || n != 20 }' floor.tsv
ok $? "rows of other samples are not alike"
awk -F '\t' '!/^#/ && $1 != "site" && $3 != "cka_floor" { n++; if (!($9 < $8 && $8 < $10)) bad = 1 } END { exit bad || n != 16 }' floor.tsv
ok $? "the mean of several pairings is between the least and the most of them"
grep -q '^# floor: what unrelated data gives: the same rows, each paired with one of another sample; mean of 10 such pairings' floor.tsv
ok $? "what it is"
"$FATHOM" drift a.h5 b.h5 --floor --measures cka,cka_biased,procrustes,rsa --threads 1 | grep -v '^#' >floor1.tsv
grep -v '^#' floor.tsv | cmp -s - floor1.tsv
ok $? "the same again, with any number of threads"
if [ "$("$FATHOM" drift a.h5 b.h5 --floor --measures cka --seed 4 | grep -v '^#' | cut -f 8 | cksum)" != "$("$FATHOM" drift a.h5 b.h5 --floor --measures cka | grep -v '^#' | cut -f 8 | cksum)" ]; then ok 0 "another seed, another draw"; else ok 1 "another seed, another draw"; fi
is "$("$FATHOM" drift one.h5 one.h5 --keep-first --floor --measures cosine --layers 0 | grep -v '^#' | tail -1 | cut -f 4,8 | tr '\t' ' ')" "0 -" "one sample has no other"
is "$("$FATHOM" info floor.h5 | grep -c '^dataset	floor\(_least\|_most\)\{0,1\}	number \[4, 5\]$')" 3 "the result holds it"

# In figures.
"$FATHOM" drift a.h5 b.h5 --floor --noise c.h5 --measures cka,cka_biased,relative_l2 -o both.h5 >both.tsv
is "$("$FATHOM" plot both.h5 --tsv | grep -v '^#' | head -1 | cut -f 9-)" "$(printf 'noise\tfloor')" "figures get noise and floor"
is "$("$FATHOM" plot both.h5 --tsv | awk -F '\t' '$2 == "hook_embed" && $4 == "relative_l2" { print $9, $10 }')" \
  "$(cell both.tsv noise hook_embed relative_l2) $(cell both.tsv floor hook_embed relative_l2)" "as the table has them"
if command -v gnuplot >/dev/null; then
  "$FATHOM" plot both.h5 -o both.svg && "$FATHOM" plot noise.h5 -o noise.svg && "$FATHOM" plot against.h5 -o against.svg
  is "$? $(grep -c 'dotted: noise' both.svg noise.svg against.svg | tr '\n' ' ')" "0 both.svg:1 noise.svg:1 against.svg:0 " "the caption says what is dotted, where something is"
  is "$(grep -c 'L2 distance (dashed: unrelated data)' both.svg noise.svg | tr '\n' ' ')" "both.svg:1 noise.svg:0 " "the heading what is dashed"
else
  skip "no gnuplot"
fi

# Outlier columns.
"$FATHOM" drift a.h5 b.h5 --without-outliers 2 -o without.h5 >without.tsv 2>err
is "$? $(cat err)" "0 " "--without-outliers runs"
is "$(grep -v '^#' without.tsv | head -1 | cut -f 8-)" "$(printf 'without_outliers\twithout_lo\twithout_hi\toutliers\toutlier_share')" "its columns"
is "$(grep -v '^#' without.tsv | cut -f 1-7 | cksum)" "$(grep -v '^#' ab.tsv | cksum)" "values with all columns stay beside"
awk -F '\t' '!/^#/ && $1 != "site" { n++; if ($8 == $4 || ($3 == "cka" && !($9 < $8 && $8 < $10)) || $11 !~ /^[0-7],[0-7]$/ || !($12 > .25 && $12 < .5)) bad = 1 } END { exit bad || n != 36 }' without.tsv
ok $? "without them the values differ, have intervals, and the columns are named"
grep -q '^# without_outliers: the same without the columns named under outliers' without.tsv
ok $? "what they are"
is "$("$FATHOM" info without.h5 | grep -c '^dataset	\(without_outliers	number \[4, 9\]\|outliers	number \[4, 2\]\|outlier_share	number \[4\]\)$')" 3 "the result holds them"
"$FATHOM" drift a.h5 a.h5 --without-outliers 3 --measures cka,relative_l2 | awk -F '\t' '!/^#/ && $1 != "site" { n++; if ($8 != ($3 == "cka")) bad = 1 } END { exit bad || n != 8 }'
ok $? "no drift is none without them"
fails 2 '--without-outliers 8: blocks\.0\.hook_resid_post has only 8 columns' "a column must be left" "$FATHOM" drift a.h5 b.h5 --without-outliers 8
fails 3 '--without-outliers: blocks\.0\.hook_resid_post has width 12 in wide\.h5 and 8 in fewer\.h5' "other widths" \
  "$FATHOM" drift wide.h5 fewer.h5 --without-outliers 1 --layers 0

tap_end
