#!/bin/sh
# fathom eval on a tiny reward model: accuracies from its own rewards, gains over made references, what the file holds,
# and what is refused.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
model=$SRCDIR/tests/fixtures/llama-reward
make_eval="$(dirname "$FATHOM")/tests/make_eval"
cd "$work" || exit 99
write_pairs pairs.jsonl
sed 's/"id":"p/"id":"q/; s/number \([0-9]*\)\./item \1./' pairs.jsonl | head -n 15 | gzip >other.jsonl.gz
{ head -n 4 pairs.jsonl | sed 's/"id":"p/"id":"r/'; sed -n '5,6s/"prompt":"[^"]*"/"prompt":"Why?"/p' pairs.jsonl; } >mixed.jsonl
evaluate() { "$FATHOM" eval "$model" -q "$@"; }
# column FILE NAME: a column of a TSV, one value a line.
column() { awk -F'\t' -v name="$2" '/^#/ { next } !found { for (i = 1; i <= NF; i++) if ($i == name) found = i; next } { print $found }' "$1"; }
summary() { sed -n "s/^# $2: //p" "$1"; }
near() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a != "" && a - b < 1e-6 && b - a < 1e-6) }'; }
digest() { case $1 in *.gz) gunzip -c "$1" ;; *) cat "$1" ;; esac | sha256sum | cut -d ' ' -f 1; }

# Accuracies, from the rewards that score prints.
evaluate --pairs pairs.jsonl --pairs other.jsonl.gz >two.tsv
ok $? "two data sets"
is "$(column two.tsv data | tr '\n' ' ')$(column two.tsv schema | tr '\n' ' ')" "pairs.jsonl other.jsonl.gz TRL pairs TRL pairs " "a row each, in their order"
is "$(column two.tsv n | tr '\n' ' ')$(column two.tsv n_dropped | tr '\n' ' ')" "24 15 0 0 " "n and n_dropped"
for data in pairs.jsonl other.jsonl.gz; do
  "$FATHOM" score "$model" --pairs $data -q | awk -F'\t' '$2 == "chosen" { c = $4 } $2 == "rejected" { n++; right += c > $4; sum += c - $4 } END { print right / n, sum / n }'
done >expected
near "$(column two.tsv accuracy | head -n 1)" "$(sed -n '1s/ .*//p' expected)" && near "$(column two.tsv accuracy | tail -n 1)" "$(sed -n '2s/ .*//p' expected)"
ok $? "accuracy is the share of pairs that score ranks so: $(cut -d ' ' -f 1 expected | tr '\n' ' ')"
near "$(column two.tsv margin | head -n 1)" "$(sed -n '1s/.* //p' expected)"
ok $? "margin is the mean difference"
near "$(column two.tsv lo | head -n 1)" 0.689961187 && near "$(column two.tsv hi | head -n 1)" 0.956556659
ok $? "Wilson's interval of 21 in 24"
is "$(column two.tsv ties | tr '\n' ' ')$(column two.tsv prompts | tr '\n' ' ')" "0 0 24 15 " "ties and prompts"
is "$(column two.tsv length_rule | head -n 1) $(column two.tsv length_accuracy | head -n 1)" "shorter 1" "the length-only baseline: the chosen answers are the shorter ones"
grep -q '^# overlap: no prompt is in two data sets' two.tsv
ok $? "no overlap is said"
evaluate --pairs pairs.jsonl --pairs mixed.jsonl >mixed.tsv
is "$(column mixed.tsv prompts | tail -n 1)" 5 "pairs of one prompt are counted once"
is "$(sed -n 's/^# overlap: //p' mixed.tsv)" "4 prompts are in both pairs.jsonl (24 prompts) and mixed.jsonl (5)" "overlap of prompts is said"

# Rows of the file that are left out.
{ cat pairs.jsonl; printf '{"prompt":"a","chosen":"b","rejected":"b"}\n'; } >equal.jsonl
evaluate --pairs equal.jsonl >equal.tsv
is "$(column equal.tsv n) $(column equal.tsv n_dropped)" "24 1" "equal sides are counted as dropped"
evaluate --pairs equal.jsonl --max-length 62 >short.tsv 2>/dev/null
is "$(($(column short.tsv n) + $(column short.tsv n_dropped)))" 25 "n and n_dropped are the rows of the file"
[ "$(column short.tsv n)" -gt 0 ] && [ "$(column short.tsv n)" -lt 24 ]
ok $? "of which some are over the length limit"
evaluate --pairs pairs.jsonl --limit 5 >limit.tsv
is "$(column limit.tsv n)" 5 "--limit"

sed '1,3s/}$/,"probability":0.2}/; 4,9s/}$/,"probability":0.9}/' pairs.jsonl >soft.jsonl
evaluate --pairs soft.jsonl >soft.tsv
is "$(column soft.tsv accuracy) $(grep -c '^# soft.jsonl: the file.s soft labels favour the rejected side of 3 pairs' soft.tsv)" "0.875 1" "soft labels of the file are not evaluated, but noted"

# JSON.
evaluate --pairs pairs.jsonl --pairs other.jsonl.gz --json >two.json
grep -q '"rows":\[{"data":"pairs.jsonl","schema":"TRL pairs","n":24,"n_dropped":0,"accuracy":0.875,"lo":0.68996118[0-9]*,"hi":0.95655665[0-9]*,' two.json
ok $? "the JSON row begins as promised"
grep -q '^{"fathom":"[^"]*","command":"eval","args":\[.*\],"seed":0,"models":\[{"path":"[^"]*","sha256":"[0-9a-f]*"}\]' two.json
ok $? "and so does the object"

# Names of files can hold any bytes: a table stays a table, and JSON stays JSON.
odd="$(printf 'a\nb\tc"d\377.jsonl')"
cp pairs.jsonl "$odd" && sed '1s/bread/toast/' pairs.jsonl >toast.jsonl
evaluate --pairs "$odd" --pairs toast.jsonl >odd.tsv
is "$? $(grep -c -v '^#' odd.tsv) $(grep -v '^#' odd.tsv | awk -F'\t' '{ print NF }' | sort -u | wc -l)" "0 3 1" "a line break in a name stays out of the table"
evaluate --pairs "$odd" --json >odd.json
is "$? $(wc -l <odd.json) $(grep -c "$(printf '"data":"a\\\\nb\\\\tc\\\\"d\357\277\275.jsonl"')" odd.json) $(LC_ALL=C grep -c "$(printf '\377')" odd.json)" "0 1 1 0" \
  "what is not UTF-8 is U+FFFD in JSON"

# Order and batches.
evaluate --pairs pairs.jsonl --reorder --batch-tokens 100 --seed 5 >reordered.tsv
is "$(column reordered.tsv reordered_same)" 1 "swapped sides in another order: every preference stays"
awk -v x="$(column reordered.tsv reordered_change)" 'BEGIN { exit !(x != "" && x != "-" && x < 1e-4) }'
ok $? "and margins change by rounding at most: $(column reordered.tsv reordered_change)"

# Prompts removed and shuffled.
sed 's/"prompt":"[^"]*"/"prompt":[{"role":"user","content":""}]/' pairs.jsonl >bare.jsonl
evaluate --pairs pairs.jsonl --ablate prompt,shuffle --seed 9 --bootstrap 200 -o ablated.h5 >ablated.tsv
ok $? "both ablations"
evaluate --pairs bare.jsonl >bare.tsv
is "$(column ablated.tsv no_prompt_accuracy) $(column ablated.tsv no_prompt_lo)" "$(column bare.tsv accuracy) $(column bare.tsv lo)" \
  "no prompt: the accuracy of pairs written without one, $(column bare.tsv accuracy)"
is "$(column ablated.tsv accuracy)" 0.875 "the plain score stands beside it"
near "$(column ablated.tsv no_prompt_lost)" "$(awk -v a="$(column bare.tsv accuracy)" 'BEGIN { printf "%.9f", 87.5 - 100 * a }')"
ok $? "what goes with the prompt, in points"
is "$(column ablated.tsv no_prompt_n) $(column ablated.tsv shuffled_n)" "24 24" "all pairs fit"
awk -v x="$(column ablated.tsv shuffled_same)" 'BEGIN { exit !(x != "" && x >= 0 && x <= 1) }'
ok $? "share of preferences that stay behind another prompt: $(column ablated.tsv shuffled_same)"
is "$("$FATHOM" info ablated.h5 -q | awk -F'\t' '$2 == "pairs/0/no_prompt" || $2 == "pairs/0/shuffled" { print $3 }' | tr '\n' ' ')" "number [24, 2] number [24, 2] " "both are kept in the result"
evaluate --pairs pairs.jsonl --ablate shuffle --seed 10 >shuffled.tsv
is "$(column shuffled.tsv no_prompt_n)" "" "what was not asked for has no column"
evaluate --pairs pairs.jsonl --ablate shuffle --seed 9 >shuffled-again.tsv
is "$(column shuffled-again.tsv shuffled_accuracy)" "$(column ablated.tsv shuffled_accuracy)" "the same seed, the same prompts"
{ head -n 3 pairs.jsonl; printf '{"id":"long","prompt":"%0100d","chosen":"b","rejected":"c"}\n' 0; } >long.jsonl
evaluate --pairs long.jsonl --ablate shuffle --max-length 130 >long.tsv 2>/dev/null
is "$(column long.tsv n) $(column long.tsv shuffled_n)" "4 3" "a pair that is too long behind its new prompt is left out there"

# Gains over references with known rewards: right in the first 12, a tie in the 13th.
awk 'BEGIN { for (i = 0; i < 24; i++) print "p" i, (i < 12) + (i == 12) / 2, .5 }' | "$make_eval" ref-pairs.h5 eval "$(digest pairs.jsonl)"
evaluate --pairs pairs.jsonl --reference ref-pairs.h5 >gain.tsv
near "$(column gain.tsv reference_accuracy)" 0.520833333
ok $? "the reference's accuracy, a tie one half"
near "$(column gain.tsv gain)" 35.4166667
ok $? "gain in points"
near "$(summary gain.tsv aog)" 35.4166667
ok $? "one target: AOG is its gain"
is "$(summary gain.tsv source) $(summary gain.tsv nts) $(summary gain.tsv worst_target)" "- - pairs.jsonl" "no source: no NTS"
grep -q '^# gain: .*paired bootstrap over pairs, B = 1000, seed 0' gain.tsv
ok $? "the bootstrap is described"
grep -q '^# model: made sha256 ' gain.tsv
ok $? "the model behind a result is named"
awk -v lo="$(column gain.tsv gain_lo)" -v hi="$(column gain.tsv gain_hi)" 'BEGIN { exit !(lo < 35.4 && lo > 10 && hi > 35.5 && hi < 60) }'
ok $? "with an interval around it: $(column gain.tsv gain_lo) to $(column gain.tsv gain_hi)"
evaluate --pairs pairs.jsonl --reference ref-pairs.h5 >again.tsv
is "$(grep -v '^#' again.tsv)" "$(grep -v '^#' gain.tsv)" "the same seed: the same numbers"
awk 'BEGIN { for (i = 0; i < 6; i++) print "p" i, 0, 1; print "unknown", 1, 0 }' | "$make_eval" few.h5 eval "$(digest pairs.jsonl)"
evaluate --pairs pairs.jsonl --reference few.h5 >few.tsv
is "$(column few.tsv n) $(column few.tsv n_common) $(column few.tsv reference_accuracy)" "24 6 0" "gains are taken on the pairs that both have"

# A written result is a reference: the model gains nothing over itself.
evaluate --pairs pairs.jsonl --pairs other.jsonl.gz --pairs mixed.jsonl --seed 4 -o E.h5 >whole.tsv
ok $? "a result is written"
is "$("$FATHOM" info E.h5 -q | awk -F'\t' '$2 == "kind" || $2 == "pairs/1/rewards" { print $3 }' | tr '\n' ' ')" "eval number [15, 2] " "with the rewards of every pair"
evaluate --pairs mixed.jsonl --pairs pairs.jsonl --reference E.h5 >self.tsv
is "$(column self.tsv gain | tr '\n' ' ')$(column self.tsv gain_lo | tr '\n' ' ')$(column self.tsv gain_hi | tr '\n' ' ')" "0 0 0 0 0 0 " "files are found by what is in them, in any order"
cp other.jsonl.gz renamed.gz && gunzip -c renamed.gz >renamed.jsonl
evaluate --pairs renamed.jsonl --reference E.h5 >renamed.tsv
is "$(column renamed.tsv gain)" 0 "under another name, and gunzipped"
evaluate --pairs pairs.jsonl --pairs other.jsonl.gz --reference "$model" --bootstrap 0 >self-run.tsv
is "$(column self-run.tsv gain | tr '\n' ' ')$(column self-run.tsv gain_lo | tr '\n' ' ')" "0 0 - - " "a reference model is run; without resamples there are no intervals"

# Source, targets, NTS: the reference is all right on the source and all wrong on one target.
awk 'BEGIN { for (i = 0; i < 24; i++) print "p" i, 1, 0 }' | "$make_eval" a.h5 eval "$(digest pairs.jsonl)"
"$FATHOM" eval "$model" -q --pairs pairs.jsonl --reference a.h5 --source pairs.jsonl >source-only.tsv
is "$(summary source-only.tsv aog) $(summary source-only.tsv nts) $(summary source-only.tsv worst_target)" "- - -" "no target: no AOG, no NTS"
"$FATHOM" train "$SRCDIR/tests/fixtures/llama-base.gguf" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -q -o best >/dev/null
evaluate --pairs pairs.jsonl --pairs other.jsonl.gz --pairs mixed.jsonl --reference best --source pairs.jsonl --nts-weight 2 >nts.tsv
near "$(column nts.tsv gain | head -n 1)" -12.5
ok $? "a loss on the source"
aog=$(column nts.tsv gain | tail -n 2 | awk '{ sum += $1 / 2 } END { printf "%.9f", sum }')
near "$(summary nts.tsv aog)" "$aog" && near "$(summary nts.tsv nts)" "$(awk -v a="$aog" 'BEGIN { printf "%.9f", a - 2 * 12.5 }')"
ok $? "AOG over the targets ($aog), NTS takes twice the loss off"
grep -q '^# ours: aog is .* nts is aog - 2 max' nts.tsv
ok $? "both labelled ours"
worst=$(column nts.tsv gain | awk 'NR == 2 { least = $1; name = "other.jsonl.gz" } NR == 3 && $1 < least { name = "mixed.jsonl" } END { print name }')
is "$(summary nts.tsv worst_target)" "$worst" "the worst target"

# PGR: the model between a poor reference and a ceiling; none where there is no gap.
awk 'BEGIN { for (i = 0; i < 24; i++) print "p" i, (i < 12), .5 }' | "$make_eval" weak.h5 eval "$(digest pairs.jsonl)"
evaluate --pairs pairs.jsonl --reference weak.h5 --ceiling best >pgr.tsv
near "$(column pgr.tsv pgr)" 0.75 && near "$(column pgr.tsv ceiling_gap)" 50
ok $? "PGR = (21 - 12) / (24 - 12)"
evaluate --pairs pairs.jsonl --reference best --ceiling best --json >no-gap.json
grep -q '"ceiling_gap":0,"ceiling_gap_lo":0,"ceiling_gap_hi":0,"pgr":null,"pgr_lo":null,"pgr_hi":null' no-gap.json
ok $? "no gap: no PGR"
awk 'BEGIN { for (i = 0; i < 24; i++) print "p" i, 1, (i == 3) * 2 }' | "$make_eval" near.h5 eval "$(digest pairs.jsonl)"
evaluate --pairs pairs.jsonl --reference near.h5 --ceiling best >small-gap.tsv
is "$(column small-gap.tsv pgr)" "-" "a gap within its interval: no PGR"

# Pairs of one prompt drawn together: wider.
for i in 1 2 3 4 5 6; do awk -v i=$i 'NR <= 8 { sub(/"id":"p/, "\"id\":\"" i "p"); print }' pairs.jsonl; done >copies.jsonl
awk 'BEGIN { for (c = 1; c < 7; c++) for (i = 0; i < 8; i++) print c "p" i, i % 2, .5 }' | "$make_eval" copies.h5 eval "$(digest copies.jsonl)"
for unit in pairs prompts; do evaluate --pairs copies.jsonl --reference copies.h5 --resample $unit >$unit.tsv; done
awk -v a="$(column pairs.tsv gain_lo)" -v b="$(column pairs.tsv gain_hi)" -v c="$(column prompts.tsv gain_lo)" -v d="$(column prompts.tsv gain_hi)" 'BEGIN { exit !(d - c > 1.5 * (b - a)) }'
ok $? "--resample prompts is wider where prompts are repeated"

# Refused.
fails 2 'eval: --pairs FILE is needed' "no data set" evaluate
fails 2 '--bootstrap 50: expected 0 or at least 100 resamples' "too few resamples" evaluate --pairs pairs.jsonl --reference E.h5 --bootstrap 50
for option in '--source pairs.jsonl' '--ceiling E.h5' '--bootstrap 200' '--resample prompts'; do
  fails 2 "${option%% *} needs --reference" "${option%% *} without a reference" evaluate --pairs pairs.jsonl $option
done
fails 2 '--ablate prompts: expected prompt, shuffle or prompt,shuffle' "an unknown ablation" evaluate --pairs pairs.jsonl --ablate prompts
head -n 1 pairs.jsonl >single.jsonl
evaluate --pairs single.jsonl --ablate shuffle >single.tsv 2>single.err
is "$? $(column single.tsv accuracy) $(column single.tsv shuffled_n) $(column single.tsv shuffled_accuracy) $(column single.tsv shuffled_lost)" "0 1 0 - -" "nothing to shuffle: no number, and the rest stands"
is "$(sed 's/.*--ablate/--ablate/' single.err)" "--ablate shuffle: left out for these 1 pairs: more than half of them have the same prompt" "and said so"
fails 2 '--nts-weight needs --source' "a weight without a source" evaluate --pairs pairs.jsonl --reference E.h5 --nts-weight 2
fails 2 '--source helpful: no data set has this name, expected a file of --pairs' "an unknown source" evaluate --pairs pairs.jsonl --reference E.h5 --source helpful
mkdir x y && head -n 3 pairs.jsonl >x/p.jsonl && tail -n 3 pairs.jsonl >y/p.jsonl
fails 2 '--source p.jsonl: several data sets have this name' "a source that is not one" evaluate --pairs x/p.jsonl --pairs y/p.jsonl --reference "$model" --source p.jsonl
evaluate --pairs x/p.jsonl --pairs y/p.jsonl --reference "$model" --source y/p.jsonl >path.tsv
is "$(summary path.tsv source)" "y/p.jsonl" "a source by its path"
fails 2 'other.jsonl.gz and renamed.jsonl hold the same data' "one data set twice" evaluate --pairs other.jsonl.gz --pairs renamed.jsonl
fails 2 '--pairs -: a data set is read more than once' "standard input" evaluate --pairs -
fails 4 'no-such.jsonl: ' "a missing file" evaluate --pairs no-such.jsonl
fails 4 'no-such: no such model or result' "a missing reference" evaluate --pairs pairs.jsonl --reference no-such
fails 4 'no-such: no such model or result' "a missing ceiling" evaluate --pairs pairs.jsonl --reference E.h5 --ceiling no-such
fails 3 'llama-base.gguf: no reward head' "a model without a head" "$FATHOM" eval "$SRCDIR/tests/fixtures/llama-base.gguf" --pairs pairs.jsonl -q
fails 3 'pairs.jsonl: nothing is left of 24 pairs: .*24 ' "all pairs over length" evaluate --pairs pairs.jsonl --max-length 5
fails 3 'run.h5: a result of kind run, expected one of fathom eval' "a result of another kind" evaluate --pairs pairs.jsonl --reference best/run.h5
fails 3 'few.h5: holds no rewards of other.jsonl.gz' "a result of other data" evaluate --pairs other.jsonl.gz --reference few.h5
echo 'p0 1 2' | "$make_eval" schema.h5 eval "$(digest pairs.jsonl)" 'PKU-SafeRLHF (better)'
fails 3 'pairs.jsonl: .* has its pairs as TRL pairs, schema.h5 as PKU-SafeRLHF \(better\)' "pairs that were read another way" evaluate --pairs pairs.jsonl --reference schema.h5
head -c 3000 E.h5 >cut.h5
fails 3 'cut.h5: ' "a result cut short" evaluate --pairs pairs.jsonl --reference cut.h5
for kind in nan short flat; do printf 'p0 1 2\np1 3 4\np2 5 6\n' | "$make_eval" $kind.h5 $kind "$(digest pairs.jsonl)"; done
fails 3 'nan.h5: pairs/0/rewards holds a number that is not finite' "a reward that is NaN" evaluate --pairs pairs.jsonl --reference nan.h5
fails 3 'short.h5: pairs/0/rewards is \[2, 2\], expected \[3, 2\], two for each id' "too few rewards" evaluate --pairs pairs.jsonl --reference short.h5
fails 3 'flat.h5: pairs/0/rewards is \[3\], expected \[3, 2\]' "rewards of another shape" evaluate --pairs pairs.jsonl --reference flat.h5
echo 'z 1 2' | "$make_eval" none.h5 eval "$(digest pairs.jsonl)"
fails 3 'pairs.jsonl: .* and none.h5 have no pair in common' "no pair in common" evaluate --pairs pairs.jsonl --reference none.h5
fails 4 'no-such/E.h5' "a result in a missing folder" evaluate --pairs pairs.jsonl -o no-such/E.h5
fails 4 '/dev/full' "a full disk" evaluate --pairs pairs.jsonl -o /dev/full
fails 4 'standard output' "a full disk behind standard output" sh -c '"$0" eval "$1" --pairs pairs.jsonl -q >/dev/full' "$FATHOM" "$model"
is "$(find . -name '*.part*')" "" "no unfinished file is left"
tap_end
