#!/bin/sh
# fathom train --labels-from: a student learns another model's labels, whatever brings them, and is measured between that
# model and a ceiling.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
base=$SRCDIR/tests/fixtures/llama-base.gguf
weak=$SRCDIR/tests/fixtures/llama-reward
make_eval="$(dirname "$FATHOM")/tests/make_eval"
cd "$work" || exit 99
write_pairs all.jsonl
head -n 16 all.jsonl >pairs.jsonl
tail -n 8 all.jsonl >heldout.jsonl
train() { "$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 6 --batch-size 4 --seed 3 -q "$@"; }
student() { train --eval heldout.jsonl "$@"; }
column() { awk -F'\t' -v name="$2" '/^#/ { next } !found { for (i = 1; i <= NF; i++) if ($i == name) found = i; next } { print $found }' "$1"; }
digest() { sha256sum <"$1" | cut -d ' ' -f 1; }
same_model() { cmp -s "$1/model.safetensors" "$2/model.safetensors"; }
# labels FILE CHOSEN REJECTED: every pair of FILE with these rewards, as make_eval reads them.
labels() {
  while read -r row; do
    id=$(expr "$row" : '.*"id":"\([^"]*\)"') prompt=$(expr "$row" : '.*"prompt":"\([^"]*\)"')
    echo "$id $2 $3 $(printf '%s' "$prompt" | sha256sum | cut -c 1-16)"
  done <"$1"
}

# The labels.
student --labels-from "$weak" -o w2s >w2s.tsv
ok $? "a student of a weak model"
"$FATHOM" score "$weak" --pairs pairs.jsonl -q |
  awk -F'\t' '$2 == "chosen" { c = $4 } $2 == "rejected" { printf "%s %.6f\n", $1, 1 / (1 + exp($4 - c)) }' >expected
sed 's/.*"id":"\([^"]*\)","probability":\([^,]*\),.*/\1 \2/' w2s/labels.jsonl | awk '{ printf "%s %.6f\n", $1, $2 }' >found
cmp expected found
ok $? "labels.jsonl holds p = sigmoid of the weak margins"
is "$(wc -l <w2s/labels.jsonl | tr -d ' ') $(column w2s.tsv n_labelled) $(column w2s.tsv n_unlabelled)" "16 16 0" "of every training pair"
awk 'BEGIN { OFS = "" } NR == FNR { split($0, part, "\"probability\":"); sub(/,.*/, "", part[2]); p[FNR] = part[2]; next }
  { sub(/}$/, ""); print $0, ",\"probability\":", p[FNR], "}" }' w2s/labels.jsonl pairs.jsonl >soft.jsonl
"$FATHOM" train "$base" --pairs soft.jsonl --eval heldout.jsonl --lr 1e-2 --steps 6 --batch-size 4 --seed 3 -q -o soft >/dev/null
same_model w2s soft
ok $? "the same bytes as soft labels written in the file"
"$FATHOM" eval "$weak" --pairs pairs.jsonl --pairs heldout.jsonl -q -o weak.h5 >/dev/null
student --labels-from weak.h5 -o from-result >from-result.tsv
same_model w2s from-result
ok $? "the same bytes from an eval result"
is "$(column from-result.tsv weak_accuracy) $(column from-result.tsv gain_lo)" "$(column w2s.tsv weak_accuracy) $(column w2s.tsv gain_lo)" "and the same report"
student -o plain >plain.tsv
! same_model w2s plain
ok $? "true labels give another model"
is "$(column plain.tsv weak_accuracy)" "" "a run on true labels has no such report"
test ! -e plain/labels.jsonl
ok $? "and no labels"
labels pairs.jsonl 40 0 | "$make_eval" true.h5 eval "$(digest pairs.jsonl)"
labels heldout.jsonl 40 0 | "$make_eval" true-heldout.h5 eval "$(digest heldout.jsonl)"
train --eval-split 0.25 -o plain-split >plain-split.tsv 2>/dev/null
train --eval-split 0.25 --labels-from true.h5 -o sure >sure.tsv 2>/dev/null
same_model plain-split sure
ok $? "a weak model that is sure and right: the bytes of a plain run"
is "$(column sure.tsv label_accuracy) $(column sure.tsv weak_accuracy)" "1 1" "and an accuracy of 1"
sed 's/}$/,"margin":1.5}/' pairs.jsonl >margins.jsonl
labels margins.jsonl 40 0 | "$make_eval" margins.h5 eval "$(digest margins.jsonl)"
"$FATHOM" train "$base" --pairs margins.jsonl --eval-split 0.25 --lr 1e-2 --steps 6 --batch-size 4 --seed 3 -q --labels-from margins.h5 -o margins >/dev/null
same_model sure margins
ok $? "margins of the file, which know the truth, are not learned from"
labels pairs.jsonl 0 40 | "$make_eval" wrong.h5 eval "$(digest pairs.jsonl)"
train --eval-split 0.25 --labels-from wrong.h5 -o wrong >wrong.tsv 2>/dev/null
awk -v a="$(column wrong.tsv student_accuracy)" -v b="$(column sure.tsv student_accuracy)" 'BEGIN { exit !(a < .5 && b > .5) }'
ok $? "a student of wrong labels learns them: $(column wrong.tsv student_accuracy) beside $(column sure.tsv student_accuracy)"
head -n 6 pairs.jsonl >some.jsonl
labels some.jsonl 3 1 | "$make_eval" some.h5 eval "$(digest pairs.jsonl)"
train --eval-split 0 --labels-from some.h5 -o some >some.tsv 2>some.err
is "$(column some.tsv n_labelled) $(column some.tsv n_unlabelled) $(column some.tsv n_heldout) $(column some.tsv gain)" "6 10 0 -" "pairs without a label are left out; nothing held out, nothing reported"
grep -q '^fathom: .*10 training pairs without a weak label left out' some.err
ok $? "and said so"
cp pairs.jsonl first.jsonl && sed 's/"id":"[^"]*",//' heldout.jsonl >second.jsonl
"$FATHOM" train "$base" --pairs first.jsonl --pairs second.jsonl --eval-split 0.25 --lr 1e-2 --steps 2 --batch-size 4 --seed 3 -q --labels-from "$weak" -o several >several.tsv
is "$(column several.tsv n_unlabelled)" 0 "two files, ids given and made"

# The report is eval's.
student --labels-from weak.h5 --ceiling plain --train last:1 -o last >last.tsv
"$FATHOM" eval last --pairs heldout.jsonl --reference weak.h5 --ceiling plain --seed 3 -q >eval.tsv
for pair in student_accuracy:accuracy student_lo:lo weak_accuracy:reference_accuracy gain:gain gain_lo:gain_lo gain_hi:gain_hi \
  ceiling_accuracy:ceiling_accuracy ceiling_gap:ceiling_gap ceiling_gap_lo:ceiling_gap_lo pgr:pgr pgr_hi:pgr_hi; do
  [ "$(column last.tsv "${pair%:*}")" = "$(column eval.tsv "${pair#*:}")" ] || echo "${pair%:*}"
done >differ
is "$(cat differ)" "" "accuracies, gain, gap and PGR are those of eval"
is "$(column last.tsv student_accuracy)" "$(column last.tsv heldout_accuracy)" "the student's is the run's own held-out accuracy"
grep -q '^# labels: p = sigmoid' last.tsv && grep -q '^# ceiling: plain; pgr' last.tsv
ok $? "the report says what it is"

# PGR, where it is defined: the weak labels are wrong on what is held out, the ceiling right.
train --eval-split 0.5 --labels-from wrong.h5 --ceiling true.h5 --json -o gap >gap.json
grep -q '"weak_accuracy":0,.*"ceiling_accuracy":1,.*"ceiling_gap":100,"ceiling_gap_lo":100,"ceiling_gap_hi":100,"pgr":[0-9.e-]*,"pgr_lo":[0-9.e-]*,' gap.json
ok $? "PGR from 0 to 1"
train --eval-split 0.5 --labels-from true.h5 --ceiling true.h5 -o no-gap >no-gap.tsv
is "$(column no-gap.tsv ceiling_gap) $(column no-gap.tsv pgr)" "0 -" "no gap, no PGR"
grep -q '^# ceiling: .*: not defined here, the interval of ceiling_gap does not lie above 0' no-gap.tsv
ok $? "with a note"

# Resumed.
student --labels-from weak.h5 --checkpoint-every 2 -o resumed >/dev/null
rm resumed/config.json resumed/model.safetensors
student --labels-from "$weak" --checkpoint-every 2 --resume -o resumed >resumed.tsv
same_model w2s resumed
ok $? "resumed: the same bytes"
is "$(column resumed.tsv gain)" "$(column w2s.tsv gain)" "and the same gain"
rm resumed/config.json resumed/model.safetensors
fails 3 'checkpoint of another model, data set or settings' "resumed with true labels" student --checkpoint-every 2 --resume -o resumed

# LoRA learns them, too.
student --labels-from weak.h5 --train lora --lora-rank 2 -o lora >lora.tsv
is "$? $(column lora.tsv student_accuracy)" "0 $(column lora.tsv heldout_accuracy)" "a student with LoRA"

student --labels-from weak.h5 --train head -o head >head.tsv
is "$? $(column head.tsv student_accuracy)" "0 $(column head.tsv heldout_accuracy)" "a student whose head alone is trained"
student --train head -o plain-head >/dev/null
! same_model head plain-head
ok $? "which learns the weak labels, too"

# Refused.
fails 2 '--ceiling needs --labels-from' "a ceiling without a weak model" train -o x --ceiling plain
fails 4 'no-such: no such model or result' "a missing weak model" train -o x --labels-from no-such
fails 4 'no-such: no such model or result' "a missing ceiling" train -o x --labels-from weak.h5 --ceiling no-such
fails 2 'plain: holds a finished model already' "a finished run, before the weak model is run" train -o plain --labels-from "$weak"
fails 3 '--labels-from: .*llama-base.gguf: no reward head' "a weak model without a head" train -o x --labels-from "$base"
fails 3 '--labels-from: true-heldout.h5: holds no rewards of pairs.jsonl' "a result of other data" train -o x --labels-from true-heldout.h5
fails 3 '--labels-from: true.h5: holds no rewards of heldout.jsonl' "a result that lacks the held-out pairs" student -o x --labels-from true.h5
fails 3 '--ceiling: true.h5: holds no rewards of heldout.jsonl' "a ceiling of other data" student -o x --labels-from weak.h5 --ceiling true.h5
fails 3 '--labels-from: run.h5: a result of kind run' "a result of another kind" sh -c 'cp plain/run.h5 . && "$0" train "$1" --pairs pairs.jsonl --eval-split 0.25 -q -o x --labels-from run.h5' "$FATHOM" "$base"
sed 's/ [0-9a-f]*$/ 0123456789abcdef/' <<EOF | "$make_eval" prompts.h5 eval "$(digest pairs.jsonl)"
$(labels pairs.jsonl 1 0)
EOF
fails 3 '--labels-from: prompts.h5 has a label for none of' "labels of other prompts" train -o x --labels-from prompts.h5
labels pairs.jsonl 1 0 | "$make_eval" schema.h5 eval "$(digest pairs.jsonl)" 'PKU-SafeRLHF (better)'
fails 3 '--labels-from: pairs.jsonl: schema.h5 has its pairs as PKU-SafeRLHF \(better\), this run has TRL pairs' "pairs read another way" train -o x --labels-from schema.h5
head -n 4 pairs.jsonl | sed 's/"id":"[^"]*",//' >copy1.jsonl && head -n 3 copy1.jsonl >copy2.jsonl && sed 's/"id":"[^"]*",/"id":"1",/; 1q' pairs.jsonl >copy3.jsonl
fails 3 'pair "1" is in two of the files, with one prompt: give the pairs ids' "pairs that cannot be told apart" \
  "$FATHOM" train "$base" --pairs copy1.jsonl --pairs copy3.jsonl --eval-split 0.3 -q --labels-from "$weak" -o x
test ! -e x
ok $? "what was refused left nothing"
train -o x --eval-split 0 --labels-from weak.h5 --ceiling plain 2>why # a warning goes before: no pair is held out
is "$? $(tail -n 1 why)" "2 fathom: --ceiling needs held-out pairs: --eval or --eval-split" "a ceiling and nothing held out"
tap_end
