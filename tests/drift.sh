#!/bin/sh
# fathom drift on small made stores: tables, selections, refusals, files, exit codes.
. "$SRCDIR/tests/tap.sh"
make=$(dirname "$FATHOM")/tests/make_store
cd "$work" || exit 99

"$make" a.h5 embed=1 && "$make" b.h5 embed=1 noise=.1 && "$make" fewer.h5 layers=2 noise=.1 && "$make" ids.h5 other_ids=1 &&
  "$make" wide.h5 width=12 && "$make" nan.h5 nan_at=20 && "$make" cut.h5 noise=.1 cut=60 && "$make" last.h5 last=1 samples=30 &&
  "$make" last2.h5 last=1 samples=30 noise=.2 && "$make" one.h5 samples=1 longest=1 && "$make" constant.h5 constant=1 &&
  "$make" tokens.h5 other_tokens=1 && "$make" fewer-samples.h5 samples=30 && "$make" infs.h5 inf_at=44 && "$make" tail.h5 noise=.1 nan_at=135 &&
  "$make" head.h5 noise=.1 cut=132 && "$make" lone.h5 samples=1 last=1 nan_at=0
ok $? "stores are made"

# table FILE COLUMN SITE MEASURE: one cell of a table.
cell() {
  awk -F '\t' -v column="$2" -v site="$3" -v measure="$4" '
    /^#/ { next }
    !head { for (i = 1; i <= NF; i++) if ($i == column) head = i; next }
    $1 == site && $3 == measure { print $head }' "$1"
}

"$FATHOM" drift a.h5 b.h5 >ab.tsv 2>err
is "$? $(cat err)" "0 " "drift runs and says nothing on stderr"
is "$(grep -v '^#' ab.tsv | head -1)" "$(printf 'site\tlayer\tmeasure\tvalue\tlo\thi\tn')" "the columns"
is "$(grep -vc '^#' ab.tsv)" 37 "four sites, nine values each by default"
is "$(grep -c '^# seed: 0$' ab.tsv)" 1 "the seed is printed"
grep -q '^# 96 rows of 33 samples; position 0 of each sequence is left out' ab.tsv
ok $? "rows and samples are counted, position 0 is left out"
is "$(cell ab.tsv layer blocks.2.hook_resid_post cka) $(cell ab.tsv layer hook_embed cka)" "2 -" "layers, none outside the blocks"
is "$(cell ab.tsv lo hook_embed cka_biased)" "-" "biased CKA has no interval"
awk -F '\t' '!/^#/ && $1 != "site" && $5 != "-" && !($5 <= $4 || $3 ~ /procrustes/) { bad = 1 } $5 != "-" && $1 != "site" && !/^#/ && !($5 < $6) { bad = 1 } END { exit bad }' ab.tsv
ok $? "intervals are intervals"

"$FATHOM" drift a.h5 a.h5 >aa.tsv
awk -F '\t' '!/^#/ && $1 != "site" { n++; want = $3 ~ /^cka/ ? 1 : 0
  if ($3 == "cka_floor") next
  if ($3 == "coherence") { if ($4 != "-") bad = 1; next }
  if ($4 "" != want "" || ($3 != "cka_biased" && ($5 "" != want "" || $6 "" != want ""))) bad = 1 } END { exit bad || n != 36 }' aa.tsv
ok $? "a store and itself: CKA exactly 1, drift exactly 0, intervals too; coherence of no change is undefined"

"$make" few.h5 samples=12 width=40 longest=60
"$FATHOM" drift few.h5 few.h5 --measures cka_biased --sites resid_post --floor -q | awk -F '\t' '
  $3 == "cka_biased" { measured[$1] = $8 } $3 == "cka_floor" { floors[$1] = $4 }
  END { for (site in floors) { n++; print "# " site ": formula " floors[site] ", unrelated rows " measured[site]
    if (!(floors[site] > .6 * measured[site] && floors[site] < 1.7 * measured[site])) bad = 1 } exit bad || n != 3 }'
ok $? "the floor of few samples of many rows is about what unrelated rows give"

"$FATHOM" drift a.h5 b.h5 --threads 1 | grep -v '^#' >one.tsv
"$FATHOM" drift a.h5 b.h5 --threads 2 | grep -v '^#' >two.tsv
cmp one.tsv two.tsv
ok $? "the number of threads changes no digit"
"$FATHOM" drift a.h5 b.h5 --seed 1 | grep -v '^#' >seed.tsv
is "$(cut -f 1-4 one.tsv | cksum)" "$(cut -f 1-4 seed.tsv | cksum)" "another seed, same values"
if cmp -s one.tsv seed.tsv; then ok 1 "and other resamples"; else ok 0 "and other resamples"; fi
"$FATHOM" drift a.h5 b.h5 --sites resid_post --layers 0 --measures procrustes,cka >part.tsv
is "$(cell part.tsv lo blocks.0.hook_resid_post cka)" "$(cell ab.tsv lo blocks.0.hook_resid_post cka)" \
  "resamples do not depend on what else is measured"

is "$(grep -v '^#' part.tsv | cut -f 1,3 | tr '\t\n' '  ')" \
  "site measure blocks.0.hook_resid_post cka blocks.0.hook_resid_post procrustes " "sites, layers and measures are selected"
is "$("$FATHOM" drift a.h5 b.h5 --sites hook_resid_post,embed --layers -1 --measures cka_biased | grep -v '^#' | cut -f 1,3 | tr '\t\n' '  ')" \
  "site measure blocks.2.hook_resid_post cka_biased blocks.2.hook_resid_post cka_floor hook_embed cka_biased hook_embed cka_floor " \
  "short forms, negative layers, the floor beside biased CKA"
is "$("$FATHOM" drift a.h5 fewer.h5 --measures cosine | grep -vc '^#')" 3 "by default the sites of both"
fails 2 'blocks\.2\.hook_resid_post is in a\.h5 and not in fewer\.h5' "an asked site that one store lacks" \
  "$FATHOM" drift a.h5 fewer.h5 --sites resid_post
fails 2 'blocks\.2\.hook_resid_post is in a\.h5 and not in fewer\.h5' "either way round" "$FATHOM" drift fewer.h5 a.h5 --sites resid_post
fails 2 '--sites: a\.h5 has no site mlp_out' "an unknown site" "$FATHOM" drift a.h5 b.h5 --sites mlp_out
fails 2 '--layers 7: there is no layer 7' "an unknown layer" "$FATHOM" drift a.h5 b.h5 --layers 7
fails 2 '--measures: there is no measure "ckb"' "an unknown measure" "$FATHOM" drift a.h5 b.h5 --measures cka,ckb
fails 2 '--measures: there is no measure ""' "an empty word" "$FATHOM" drift a.h5 b.h5 --measures cka,
fails 2 '--bootstrap 7: expected 0 or at least 100' "too few resamples" "$FATHOM" drift a.h5 b.h5 --bootstrap 7
fails 2 'two activation stores are needed' "one store" "$FATHOM" drift a.h5

fails 3 '^fathom: a\.h5 and ids\.h5 hold different rows: sample 3: id "p3" against "other3"' "stores of other samples are refused" \
  "$FATHOM" drift a.h5 ids.h5
fails 3 '^fathom: a\.h5 and tokens\.h5 hold different rows: sample 4 \(id "p4"\): token 2 is 0 against 7' "and of other tokens" \
  "$FATHOM" drift a.h5 tokens.h5
fails 3 '^fathom: a\.h5 and last\.h5 hold different rows: sample 1 \(id "p1"\): 2 tokens against 1' "and of other lengths" \
  "$FATHOM" drift a.h5 last.h5
fails 3 '^fathom: a\.h5 and fewer-samples\.h5 hold different rows: 40 samples against 30' "and of fewer samples" \
  "$FATHOM" drift a.h5 fewer-samples.h5
fails 3 'nan\.h5: blocks\.1\.hook_resid_post: sample p5 \(row 20\) holds a NaN or an infinity' "NaN activations are named" \
  "$FATHOM" drift a.h5 nan.h5
fails 3 'infs\.h5: blocks\.2\.hook_resid_post: sample p13 \(row 44\) holds a NaN or an infinity \(--skip-nonfinite leaves such samples out\)' \
  "so are infinities, and those of the first store" "$FATHOM" drift infs.h5 a.h5
"$FATHOM" drift a.h5 nan.h5 --layers 0 >/dev/null
ok $? "and matter only where they are"
"$FATHOM" drift infs.h5 nan.h5 --skip-nonfinite -o skipped.h5 >skip.tsv 2>err
is "$? $(cat err) $(grep -c '^# 2 samples with a NaN or an infinity at one of these sites are left out of both stores$' skip.tsv)" "0  1" \
  "--skip-nonfinite leaves out the samples of both, and counts them"
grep -q '^# 90 rows of 31 samples' skip.tsv && [ "$(cell skip.tsv n blocks.0.hook_resid_post cka)" = 31 ]
ok $? "whole, at every site"
"$FATHOM" drift a.h5 tail.h5 --skip-nonfinite | grep -v '^#' >tail.tsv
"$FATHOM" drift a.h5 head.h5.part 2>/dev/null | grep -v '^#' | cmp -s - tail.tsv
ok $? "as if they had not been recorded, to the last digit"
"$FATHOM" drift a.h5 tail.h5 --skip-nonfinite --cross --layers 1 --bootstrap 0 -o map-skipped.h5 | grep -q '^# 1 samples with a NaN'
ok $? "--cross too"
"$FATHOM" drift a.h5 b.h5 --skip-nonfinite | grep -v '^#' | cmp -s - "$work/one.tsv"
ok $? "which changes nothing where all is finite"
fails 3 'lone\.h5 and lone\.h5: no sample is left: all 1 hold a NaN or an infinity' "no sample that is finite" \
  "$FATHOM" drift lone.h5 lone.h5 --skip-nonfinite
fails 3 'one\.h5: no row is left of 1: position 0 of each sequence is left out, --keep-first keeps it' "no row left" \
  "$FATHOM" drift one.h5 one.h5
is "$("$FATHOM" drift one.h5 one.h5 --keep-first --layers 0 --measures cka,cosine | grep -v '^#' | cut -f 4,7 | tr '\t\n' '  ')" \
  "value n - 1 0 1 " "one row: what is undefined is '-'"
is "$("$FATHOM" drift constant.h5 constant.h5 --layers 0 --measures cka,relative_l2 | grep -v '^#' | cut -f 4 | tr '\n' ' ')" \
  "value - 0 " "constant rows: no CKA, no drift"
"$FATHOM" drift wide.h5 fewer.h5 --layers 0 >wide.tsv
is "$(cell wide.tsv value blocks.0.hook_resid_post cosine) $(cell wide.tsv lo blocks.0.hook_resid_post procrustes)" "- -" \
  "different widths: no cosine, no interval for Procrustes"
[ "$(cell wide.tsv value blocks.0.hook_resid_post cka)" != - ]
ok $? "but CKA"
fails 4 'no\.h5: cannot open' "a missing file" "$FATHOM" drift a.h5 no.h5
grep -q '^# widths differ at 1 sites, the first blocks.0.hook_resid_post: 12 against 8; measures that need one width are undefined there$' wide.tsv
ok $? "which is said"
fails 3 '^fathom: wide\.h5 and fewer\.h5: blocks\.0\.hook_resid_post has width 12 against 8, and cosine needs one width$' \
  "where no measure is left, widths are an error" "$FATHOM" drift wide.h5 fewer.h5 --layers 0 --measures cosine,relative_l2
"$FATHOM" drift a.h5 fewer.h5 --measures cosine | grep -q '^# not compared: blocks.2.hook_resid_post and 1 more, which are in a.h5 alone$'
ok $? "so are sites that one store lacks"
"$FATHOM" drift a.h5 constant.h5 --layers 0 --measures cka,procrustes,relative_l2 --bootstrap 0 >half.tsv
is "$? $(cell half.tsv value blocks.0.hook_resid_post cka) $(cell half.tsv value blocks.0.hook_resid_post procrustes)" "0 - -" \
  "a layer that is constant in one store: what is centred is undefined"
case $(cell half.tsv value blocks.0.hook_resid_post relative_l2) in *[0-9]) ok 0 "the rest is not" ;; *) ok 1 "the rest is not" ;; esac

# Stores that are damaged or from later.
wrong=
for part in 0 7 100 1000 $(($(wc -c <a.h5) / 2)) $(($(wc -c <a.h5) - 1)); do
  head -c "$part" a.h5 >short.h5
  "$FATHOM" drift a.h5 short.h5 >/dev/null 2>err
  [ "$? $(wc -l <err)" = "3 1" ] && grep -q '^fathom: short\.h5: ' err || wrong="$wrong $part"
done
is "$wrong" "" "truncated stores: one line and exit 3"
fails 3 'newer\.h5: activation store of format version 2, fathom .* reads version 1: use a newer fathom' "a store of a later version" \
  "$FATHOM" drift a.h5 "$SRCDIR/tests/fixtures/import/newer.h5"
fails 3 'skipped\.h5: not an activation store: attribute format is "fathom-result"' "a result for a store" "$FATHOM" drift a.h5 skipped.h5

"$FATHOM" drift a.h5 b.h5 --keep-first >keep.tsv
grep -q '^# 136 rows of 40 samples$' keep.tsv && [ "$(cell keep.tsv value hook_embed cka)" != "$(cell ab.tsv value hook_embed cka)" ]
ok $? "--keep-first keeps position 0"
"$FATHOM" drift last.h5 last2.h5 | grep -q '^# 30 rows of 30 samples$'
ok $? "a row of token rule last is never left out"

"$FATHOM" drift a.h5 cut.h5.part --measures cka >cut.tsv 2>cut.err
grep -q 'cut\.h5\.part is not complete: its first 60 of 136 rows are used' cut.err && grep -q '^# 40 rows of 14 samples' cut.tsv
ok $? "an unfinished store is used as far as it goes, in whole samples"

grep -q '^# computed in float32$' ab.tsv
ok $? "the compute type is named"
"$make" bfloat16.h5 bfloat16=1 && "$FATHOM" drift a.h5 bfloat16.h5 --sites resid_post --measures cosine -o mixed.h5 |
  grep -q '^# computed in float32 and bfloat16: their rounding is part of the drift$'
ok $? "drift between two compute types names both"
"$FATHOM" drift a.h5 bfloat16.h5 --sites resid_post --cross -o map.h5 | grep -q '^# computed in float32 and bfloat16: '
ok $? "so does the map of all layers"
is "$(for f in mixed.h5 map.h5; do "$FATHOM" info $f | awk -F'\t' '$2 == "compute_dtype" { print $3 }'; done | uniq)" "float32 and bfloat16" \
  "and both results"

"$FATHOM" drift a.h5 b.h5 --fail-above cosine=0.5 --fail-above procrustes=0.5 >/dev/null
is $? 0 "under the limits"
fails 1 'blocks\.1\.hook_resid_post: procrustes is 0\.18[0-9]*, limit 0\.15' "over a limit: exit 1 and where" \
  "$FATHOM" drift a.h5 b.h5 --fail-above cosine=0.5 --fail-above procrustes=0.15
fails 1 'relative_l2 is undefined, limit 1' "what is undefined is not below a limit" \
  "$FATHOM" drift constant.h5 a.h5 --layers 0 --fail-above relative_l2=1
fails 2 '--fail-above cka: expected MEASURE=NUMBER' "a limit without a number" "$FATHOM" drift a.h5 b.h5 --fail-above cka
fails 2 'nope is not among the measures' "a limit on nothing" "$FATHOM" drift a.h5 b.h5 --fail-above nope=1

"$FATHOM" drift --list >list.tsv && grep -q '^relative_l2	0 or more	0	' list.tsv
ok $? "--list says what can be measured"
is "$(awk -F '\t' '!/^#/ && $1 != "measure" && ($6 == "" || $7 == "" || NF != 9)' list.tsv)" "" "how it is asked for, and why it has no interval"
is "$(awk -F '\t' '$6 == "default" { print $1 }' list.tsv | sort | tr '\n' ' ')" \
  "$(awk -F '\t' '/^hook_embed/ { print $3 }' ab.tsv | sort | tr '\n' ' ')" "what it calls default is measured by default"

json_is() {
  "${PYTHON3:-python3}" -c 'import json,sys
d = json.load(open(sys.argv[1]), parse_constant=lambda c: sys.exit("not JSON: " + c))
sys.exit(0 if eval("(" + sys.argv[2] + ")") else 1)' "$1" "$2"
}
"$FATHOM" drift a.h5 b.h5 --json --bootstrap 0 >ab.json
if command -v "${PYTHON3:-python3}" >/dev/null; then
  json_is ab.json 'd["command"] == "drift" and d["seed"] == 0 and len(d["rows"]) == 36 and
    list(d["rows"][0]) == ["site", "layer", "measure", "value", "lo", "hi", "n"] and d["rows"][0]["lo"] is None and
    d["rows"][-1]["layer"] is None and [m["path"] for m in d["models"]] == ["frozen", "tuned"]'
  ok $? "JSON: one object, null for what is undefined"
else
  skip "no python3 to read JSON with"
fi

"$FATHOM" drift a.h5 b.h5 -o d.h5 >/dev/null && [ -s d.h5 ] && [ ! -e d.h5.part ]
ok $? "-o writes a file"
is "$("$FATHOM" info d.h5 | grep '^dataset	notes')" "dataset	notes	text [$("$FATHOM" drift a.h5 b.h5 | sed -n '/^# [0-9]* rows of/,$p' | grep -c '^#')]" \
  "with what the table says in '#' lines"
fails 4 'no/such/d\.h5' "an output in a missing folder" "$FATHOM" drift a.h5 b.h5 -o no/such/d.h5
if [ -w /dev/full ]; then
  "$FATHOM" drift a.h5 b.h5 >/dev/full 2>full.err
  is "$? $(cat full.err)" "4 fathom: standard output: cannot write: No space left on device" "a full disk is seen"
  fails 4 '^fathom: /dev/full: .*No space left on device' "a full device for the result" "$FATHOM" drift a.h5 b.h5 -o /dev/full
else
  skip "no /dev/full"
fi

mkdir full
if mount -t tmpfs -o size=4k tmpfs full 2>/dev/null; then
  fails 4 'full/d\.h5.*No space left on device' "a disk that fills during the result" "$FATHOM" drift a.h5 b.h5 -o full/d.h5
  is "$(find full -type f)" "" "of which nothing is left"
  umount full
else
  skip "no right to mount a small file system"
fi

"$FATHOM" drift a.h5 fewer.h5 --cross --sites resid_post -o c.h5 >cross.tsv
is "$(grep -v '^#' cross.tsv | head -1)" "$(printf 'site_a\tsite_b\tmeasure\tvalue\tlo\thi\tn')" "the columns of --cross"
is "$(grep -vc '^#' cross.tsv)" 7 "three layers against two"
"$FATHOM" drift a.h5 fewer.h5 --layers 1 --measures cka >diagonal.tsv 2>&1
is "$(awk -F '\t' '$1 == "blocks.1.hook_resid_post" && $2 == $1 { printf "%.6f %.6f %.6f", $4, $5, $6 }' cross.tsv)" \
  "$(awk -F '\t' '$3 == "cka" { printf "%.6f %.6f %.6f", $4, $5, $6 }' diagonal.tsv)" "its diagonal is the matched drift, intervals too"
"$FATHOM" drift a.h5 fewer.h5 --cross --bootstrap 0 | awk -F '\t' '!/^#/ && $1 != "site_a" && $5 $6 != "--" { bad = 1 } END { exit bad }'
ok $? "--cross --bootstrap 0 has no intervals"
is "$("$FATHOM" drift wide.h5 a.h5 --cross --layers 0 --measures cka,cka_biased | grep -v '^#' | cut -f 3 | tr '\n' ' ')" \
  "measure cka cka_biased " "--cross of different widths"
fails 2 '--cross knows cka and cka_biased, not "cosine"' "--cross of something else" "$FATHOM" drift a.h5 b.h5 --cross --measures cosine
fails 2 'exclude each other' "--cross has no limits" "$FATHOM" drift a.h5 b.h5 --cross --fail-above cka=1
fails 3 'nan\.h5: blocks\.1\.hook_resid_post: sample p5' "--cross refuses NaN" "$FATHOM" drift a.h5 nan.h5 --cross -q

# What the frozen head reads.
base=$SRCDIR/tests/fixtures/llama-base.gguf
. "$SRCDIR/tests/pairs.sh"
write_pairs pairs.jsonl
fathom_train() { "$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 2 --batch-size 4 -q "$@" >/dev/null 2>&1; }
sites=resid_post,mlp_out,ln_final
"$FATHOM" record "$base" --pairs pairs.jsonl --sites $sites -o frozen.h5 -q >/dev/null 2>&1 &&
  fathom_train -o lora --train lora --lora-targets q_proj,down_proj &&
  "$FATHOM" record "$base" --adapter lora --pairs pairs.jsonl --sites $sites -o tuned.h5 -q >/dev/null 2>&1
ok $? "a frozen and a tuned model are recorded"
"$FATHOM" drift frozen.h5 tuned.h5 --lens "$base" >lens.tsv
ok $? "drift reads them with the frozen head"
last=$(awk -F '\t' '$3 == "lens_kl" && $1 ~ /resid_post/ { print $1 }' lens.tsv | tail -n 1)
is "$(cell lens.tsv value "$last" lens_kl)" "$(cell lens.tsv value ln_final.hook_normalized lens_kl)" \
  "behind a norm that was not trained the last block and the final norm say the same"
awk -F '\t' '$3 == "lens_kl" && ($1 ~ /mlp_out/ ? $4 != "-" : !($4 > 0 && $5 < $4 && $4 < $6)) { bad = 1 } $3 == "lens_kl" { n++ } END { exit bad || !n }' lens.tsv
ok $? "positive with an interval around it; undefined where no head reads"
grep -q "^# lens: final norm and head of $base, on both sides$" lens.tsv
ok $? "the table says whose head it is"
is "$("$FATHOM" drift frozen.h5 frozen.h5 --lens "$base" --measures lens_kl --sites resid_post,ln_final | grep -v '^#' | cut -f 4-6 | sort -u | tr '\t\n' '  ')" \
  "0 0 0 value lo hi " "nothing changed: exactly 0"
fails 2 '--measures: lens_kl needs the frozen model.s head: --lens MODEL' "no lens" "$FATHOM" drift frozen.h5 tuned.h5 --measures lens_kl
fails 2 '--lens: none of --measures reads with it' "a lens for nothing" "$FATHOM" drift frozen.h5 tuned.h5 --measures cka --lens "$base"
fails 2 'exclude each other' "a lens and --cross" "$FATHOM" drift frozen.h5 tuned.h5 --cross --lens "$base"
fails 3 '--lens .*llama-tied\.gguf: has weights [0-9a-f]*\.\.\., frozen\.h5 was recorded from [0-9a-f]*\.\.\.: expected the frozen model' \
  "another model's head" "$FATHOM" drift frozen.h5 tuned.h5 --lens "$SRCDIR/tests/fixtures/llama-tied.gguf"
fails 4 'no-such' "a model that is not there" "$FATHOM" drift frozen.h5 tuned.h5 --lens no-such
"$FATHOM" drift "$SRCDIR/tests/fixtures/h5py_store.h5" "$SRCDIR/tests/fixtures/h5py_store.h5" --keep-first --lens "$base" 2>trust.err |
  awk -F '\t' '$3 == "lens_kl" { n++; bad = bad || $4 != "-" } END { exit bad || !n }' &&
  grep -q 'does not say which weights it was recorded from' trust.err
ok $? "a store that does not say its weights is taken on trust; other widths are undefined"
"$FATHOM" train "$SRCDIR/tests/fixtures/llama-untied.gguf" --pairs pairs.jsonl --chat-template none --steps 1 --batch-size 2 -q -o whole >/dev/null 2>&1 &&
  "$FATHOM" record whole --pairs pairs.jsonl --chat-template none --sites resid_post -o whole.h5 -q >/dev/null 2>&1
ok $? "a reward model of an untied model is recorded"
fails 3 '--lens whole: no language-model head' "a reward model has no head to read with" "$FATHOM" drift whole.h5 whole.h5 --lens whole

fails 3 '^fathom: --noise tuned\.h5: recorded from weights [0-9a-f]{12}, expected those of frozen\.h5, [0-9a-f]{12}: noise is what the frozen model gives again$' \
  "another model is no noise" "$FATHOM" drift frozen.h5 tuned.h5 --noise tuned.h5
"$FATHOM" drift frozen.h5 tuned.h5 --lens "$base" --sites "$last" --measures lens_kl,cka --noise frozen.h5 --without-outliers 1 >beside.tsv
is "$(cell beside.tsv noise "$last" lens_kl) $(cell beside.tsv under_noise "$last" lens_kl) $(cell beside.tsv without_outliers "$last" lens_kl)" "0 no -" \
  "lens_kl beside noise; without some columns the head reads nothing"
case $(cell beside.tsv without_outliers "$last" cka) in *[0-9]) ok 0 "CKA does" ;; *) ok 1 "CKA does" ;; esac

# What probes find: the two sides of pairs are the labels here.
"$FATHOM" drift frozen.h5 tuned.h5 --sites resid_post --measures probe_frozen,probe_transfer,probe_refit,probe_chance >probe.tsv
ok $? "probes for the labels of samples"
grep -q '^# labels: 2 classes$' probe.tsv && grep -q '^# probes are fit on half of the samples' probe.tsv
ok $? "how many classes, and how they are fit"
is "$(cell probe.tsv value "$last" probe_chance) $(cell probe.tsv lo "$last" probe_chance)" \
  "$("$FATHOM" drift frozen.h5 frozen.h5 --sites "$last" --measures probe_chance | awk -F '\t' '$3 == "probe_chance" { print $4, $5 }')" \
  "chance is a matter of the labels"
"$FATHOM" drift frozen.h5 tuned.h5 --sites "$last" --measures probe_frozen,probe_transfer --against frozen.h5 >probes.tsv
is "$(cell probes.tsv difference "$last" probe_frozen) $(cell probes.tsv against "$last" probe_transfer)" "0 $(cell probes.tsv value "$last" probe_frozen)" \
  "probes of two models are fit and tested on the same halves"
is "$("$FATHOM" drift frozen.h5 frozen.h5 --sites "$last" --measures probe_frozen,probe_transfer,probe_refit | grep -v '^#' | cut -f 4-6 | tail -n +2 | sort -u | wc -l)" 1 \
  "nothing changed: three probes alike"
fails 3 'a\.h5: its samples have no labels \(/samples/label\), which probes predict' "no labels" "$FATHOM" drift a.h5 b.h5 --measures probe_transfer
printf '{"id":"a","text":"once upon a time","label":"x"}\n{"id":"b","text":"there was a fox","label":"x"}\n' >alike.jsonl
"$FATHOM" record "$base" --prompts alike.jsonl --sites resid_post -o alike.h5 -q >/dev/null 2>&1
fails 3 'alike\.h5: all labels are "x", expected at least two classes' "one class" "$FATHOM" drift alike.h5 alike.h5 --measures probe_transfer
is "$("$FATHOM" drift frozen.h5 tuned.h5 --sites "$last" --rows 300 --measures probe_frozen | awk -F '\t' '$3 == "probe_frozen" { print $7 < 20, $5 $6 }')" "1 --" \
  "fewer than ten samples held out: no interval"
awk 'BEGIN { for (i = 0; i < 101; i++) printf "{\"id\":\"%d\",\"text\":\"once upon a time\",\"label\":\"l%d\"}\n", i, i }' >many.jsonl
"$FATHOM" record "$base" --prompts many.jsonl --sites resid_post -o many.h5 -q >/dev/null 2>&1
fails 3 'many\.h5: more than 100 different labels' "labels that are no classes" "$FATHOM" drift many.h5 many.h5 --measures probe_refit
"$FATHOM" drift a.h5 b.h5 --measures knn,rsa --sites resid_post >sub.tsv && grep -q '^# knn: 96 rows of 33 samples$' sub.tsv && grep -q '^# rsa: 96 rows of 33 samples$' sub.tsv
ok $? "measures of a subsample say what it was"

tap_end
