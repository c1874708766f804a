#!/bin/sh
# fathom train on a tiny model: what a run leaves, what the anchor does, exact resumption, and what is refused.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
base=$SRCDIR/tests/fixtures/llama-base.gguf
cd "$work" || exit 99
write_pairs pairs.jsonl
train() { "$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -q "$@"; }
column() { awk -F'\t' -v name="$2" '/^#/ { next } !found { for (i = 1; i <= NF; i++) if ($i == name) found = i; next } { print $found }' "$1"; }

train -o plain >plain.tsv
ok $? "a plain run"
for file in config.json model.safetensors tokenizer.json tokenizer_config.json run.h5 frozen.h5 command.txt; do
  test -s "plain/$file"
  ok $? "the run holds $file"
done
is "$(find . -name '*.part*')" "" "and no unfinished file"
"$FATHOM" plot plain/run.h5 --figure training --tsv -q >curves.tsv
is "$(column curves.tsv step | tr '\n' ' ')" "0 1 2 3 4 5 6 7 8 " "step 0 and every step are logged"
is "$("$FATHOM" plot plain/run.h5 --figure steps --tsv -q | awk -F'\t' '!/^#/ && $5 == "cka" { print $2 }' | sort -un | tr '\n' ' ')" "0 1 2 4 8 " \
  "full drift measures at log-spaced steps"
"$FATHOM" plot plain/run.h5 --figure heatmap --tsv -q >drift.tsv
awk -F'\t' '!/^#/ && $2 == 1 { n++; if ($NF != 0) bad = 1 } END { exit !(n == 2 && !bad) }' drift.tsv
ok $? "drift before the first update is exactly 0 in every block"
"$FATHOM" score plain --pairs pairs.jsonl -q >scores.tsv
ok $? "the result is a reward model that score reads"

# lambda = 0 is the plain run, bit for bit, whatever the anchor would have been.
train -o zero --anchor 0 --anchor-layers last --anchor-tokens all >/dev/null
cmp plain/model.safetensors zero/model.safetensors
ok $? "anchor 0 on other blocks and tokens: the same bytes"
train -o again --frozen plain/frozen.h5 >/dev/null
cmp plain/model.safetensors again/model.safetensors
ok $? "frozen features of another run: the same bytes"
test ! -e again/frozen.h5
ok $? "which are not recorded again"
train -o anchored --anchor 5 >anchored.tsv
awk -v plain="$(column plain.tsv anchor)" -v anchored="$(column anchored.tsv anchor)" 'BEGIN { exit !(anchored > 0 && anchored < 0.7 * plain) }'
ok $? "an anchor holds drift down: $(column plain.tsv anchor) to $(column anchored.tsv anchor)"

# Less data: the held-out part stays, and one store of frozen features serves runs on parts of its samples.
"$FATHOM" record "$base" --pairs pairs.jsonl --sites resid_post --tokens response -o all.h5 -q >/dev/null
train -o few --split-seed 5 --train-pairs 6 --anchor 1 >few.tsv && train -o few-shared --split-seed 5 --train-pairs 6 --anchor 1 --frozen all.h5 >/dev/null
cmp few/model.safetensors few-shared/model.safetensors
ok $? "features found among those of more samples: the same bytes"
fails 2 '--split-seed x: expected a whole number' "a split seed that is no number" train -o x --split-seed x
fails 3 '--train-pairs 25: there are 2[0-9] training pairs' "more training pairs than there are" train -o x --train-pairs 25
head -n 12 pairs.jsonl >half.jsonl
"$FATHOM" record "$base" --pairs half.jsonl --sites resid_post --tokens response -o some.h5 -q >/dev/null
fails 3 'some.h5: features of other samples: none of its 24 has the tokens of this run.s "p[0-9]+/chosen"' \
  "a store that lacks some samples" train -o x --frozen some.h5
rm -rf x

# Parts.
train -o head --train head >/dev/null && "$FATHOM" plot head/run.h5 --figure heatmap --tsv -q | awk -F'\t' '!/^#/ && $2 + 0 { n++; if ($NF != 0) bad = 1 } END { exit !(n == 16 && !bad) }'
ok $? "training the head alone moves no block"
is "$("$FATHOM" info head/frozen.h5 -q | awk -F'\t' '$1 == "data" || $1 == "site width" { printf "%s %s, ", $2, $3 }')" \
  "samples 48, rows 48, sites 1, ln_final.hook_normalized 16, " "and stores what the head reads of all pairs"
train -o head2 --train head --frozen head/frozen.h5 >/dev/null && cmp head/model.safetensors head2/model.safetensors
ok $? "from that store: the same bytes"
train -o head3 --train head --frozen plain/frozen.h5 >/dev/null && cmp head/model.safetensors head3/model.safetensors
ok $? "from the store of a run that trained all: the same bytes"
"$FATHOM" record "$base" --pairs pairs.jsonl --tokens last -o blocks.h5 -q >/dev/null
"$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -o head4 --train head --frozen blocks.h5 >/dev/null 2>why &&
  cmp head/model.safetensors head4/model.safetensors
ok $? "from a store without it, by a forward pass: the same bytes"
grep -q 'training on 48 last hidden states, .* 0 from blocks.h5, 48 computed now' why
ok $? "which is said"
fails 3 'head/frozen.h5: no site blocks.0.hook_resid_post: features of another model, or of --train head' "features of the head alone for an anchor" \
  train -o x --frozen head/frozen.h5
rm -rf x
fails 3 'head/run.h5: holds no full drift measures: where the head alone is trained no block moves' "the steps of a head alone" \
  "$FATHOM" plot head/run.h5 --figure steps --tsv
train -o last --train last:1 >/dev/null && "$FATHOM" plot last/run.h5 --figure heatmap --tsv -q |
  awk -F'\t' '!/^#/ && $2 == 8 { if ($5 == 0 && $NF != 0) bad = 1; if ($5 == 1 && $NF > 0) moved = 1 } END { exit !(moved && !bad) }'
ok $? "training the last block moves it and nothing below"
train -o cut --batch-tokens 60 >/dev/null
"$FATHOM" plot cut/run.h5 --figure training --tsv -q >cut.tsv
paste curves.tsv cut.tsv | awk -F'\t' '!/^#/ && $2 + 0 { n++; d = $4 - $(NF / 2 + 4); if (!(d < 1e-4 && d > -1e-4)) bad = 1 } END { exit !(n == 8 && !bad) }'
ok $? "smaller micro-batches give the same step"
"$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -o light --recompute >/dev/null 2>said
cmp plain/model.safetensors light/model.safetensors
ok $? "recomputed activations: the same bytes"
mib() { sed -n "s/.*\([ (]\)\([a-z-]* --recompute \)\{0,1\}\([0-9.]*\) MiB$1.*/\3/p" said; }
awk -v with="$(mib ' of activations')" -v without="$(mib ')')" 'BEGIN { exit !(with > 0 && with < without) }'
ok $? "in less memory, both said: $(mib ' of activations') of $(mib ')') MiB"
grep -Eq 's a step, each the sum of [0-9.]+ micro-batches of at most 1024 tokens, recomputed; peak memory [0-9]+ MiB$' said
ok $? "and the time and the micro-batches of a step"

# LoRA: an adapter in PEFT's layout, beside matrices that stay in their file.
train -o lora --train lora --lora-rank 4 --lora-alpha 6 --lora-targets q_proj,down_proj --lora-rslora >lora.tsv
ok $? "LoRA"
is "$(cd lora && echo *)" "adapter_config.json adapter_model.safetensors command.txt frozen.h5 run.h5 tokenizer.json tokenizer_config.json" "leaves an adapter"
is "$("$FATHOM" info lora -q | awk -F'\t' '$1 == "adapter" && $2 != "base" { printf "%s %s, ", $2, $3 }')" \
  "task SEQ_CLS, modules 4, rank 4, scale 3, replaces score.weight, " "of what was asked for"
is "$(column lora.tsv trained_parameters)" "$((2 * (4 * (16 + 32) + 4 * (24 + 16)) + 16))" "with so many parameters"
"$FATHOM" score "$base" --adapter lora --pairs pairs.jsonl -q | grep -v '^#' | cut -f 2- >adapted.tsv
cut -f 2- scores.tsv | grep -v '^#' | cmp -s - adapted.tsv
[ $? -eq 1 ] && [ "$(wc -l <adapted.tsv)" -eq 49 ]
ok $? "which score puts on the base"
"$FATHOM" plot lora/run.h5 --figure heatmap --tsv -q | awk -F'\t' '!/^#/ && $2 == 1 && $NF != 0 { bad = 1 } !/^#/ && $2 == 8 && $NF > 0 { n++ } END { exit !(n == 2 && !bad) }'
ok $? "drift begins at exactly 0 and is measured in every block"
train -o wide --train lora --lora-rank 4 --lora-alpha 6 --lora-targets q_proj,down_proj --lora-rslora --widen >/dev/null
cmp lora/adapter_model.safetensors wide/adapter_model.safetensors
ok $? "weights in their file or widened: the same bytes"
train -o further --train lora --adapter lora >further.tsv
ok $? "an adapter is trained further"
is "$(column further.tsv heldout_accuracy_before)" "$(column lora.tsv heldout_accuracy)" "from where it was"
"$FATHOM" plot further/run.h5 --figure heatmap --tsv -q | awk -F'\t' '!/^#/ && $2 == 1 { n++; if ($NF != 0) bad = 1 } END { exit !(n == 2 && !bad) }'
ok $? "and anchored to where it was"
sed '/base_model_name/d' lora/adapter_config.json >a; sed '/base_model_name/d' further/adapter_config.json >b; cmp a b
ok $? "its settings stay"
cp -r lora dropout && sed 's/"lora_dropout":[^,]*,/"lora_dropout":0.25,/' lora/adapter_config.json >dropout/adapter_config.json
train -o dropped --train lora --adapter dropout 2>why >/dev/null
is "$(cat why)" "fathom: warning: dropout: lora_dropout 0.25: training goes on without dropout" "dropout that its settings ask for is said to be none"
cmp dropped/adapter_model.safetensors further/adapter_model.safetensors
ok $? "and is none"
train -o onward --adapter lora --train last:1 >onward.tsv && [ -s onward/config.json ]
ok $? "other parts are trained of the model with the adapter merged"
is "$(column onward.tsv heldout_accuracy_before)" "$(column lora.tsv heldout_accuracy)" "which begins where the adapter was"

# Resumption: cut off behind a checkpoint and killed anywhere.
curves() { "$FATHOM" plot "$1/run.h5" --figure "$2" --tsv -q | grep -v '^#'; }
same_run() { cmp -s plain/model.safetensors "$1/model.safetensors" && for figure in training heatmap steps; do
  curves plain $figure >expected; curves "$1" $figure >found; cmp -s expected found || return 1; done; }
train -o kept --checkpoint-every 3 >/dev/null
is "$(cd kept && echo checkpoint-*)" "checkpoint-6" "the newest checkpoint stays"
rm kept/config.json kept/model.safetensors
fails 2 'kept: holds an interrupted run: --resume' "an interrupted run is not started anew by accident" train -o kept --checkpoint-every 3
train -o kept --checkpoint-every 3 --resume >kept.tsv
same_run kept
ok $? "resumed from a checkpoint: the same bytes, the same curves"
is "$(grep -v '^#' kept.tsv | cut -f 2-9)" "$(grep -v '^#' plain.tsv | cut -f 2-9)" "and the same summary"
for part in last:1 head "lora --lora-rank 2"; do
  rm -rf whole parted
  train -o whole --train $part >whole.tsv && train -o parted --train $part --checkpoint-every 3 >/dev/null
  result=$([ -e whole/config.json ] && echo model.safetensors || echo adapter_model.safetensors)
  rm -f parted/config.json parted/adapter_config.json "parted/$result"
  train -o parted --train $part --checkpoint-every 3 --resume >parted.tsv
  cmp "whole/$result" "parted/$result" && [ "$(grep -v '^#' whole.tsv | cut -f 2-9)" = "$(grep -v '^#' parted.tsv | cut -f 2-9)" ]
  ok $? "the same with --train $part"
done
fails 3 'checkpoint of another model, data set or settings' "a checkpoint of another rank" \
  sh -c 'mkdir other; cp -r parted/checkpoint-6 parted/run.h5 parted/frozen.h5 other; "$0" train "$1" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -q -o other --train lora --lora-rank 3 --resume' "$FATHOM" "$base"
n_killed=0
for delay in 0.05 0.1 0.15 0.2 0.3; do
  rm -rf killed
  timeout --foreground -s KILL "$delay" "$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -q -o killed --checkpoint-every 1 >/dev/null
  [ -e killed/config.json ] && continue
  n_killed=$((n_killed + 1))
  train -o killed --checkpoint-every 1 --resume >/dev/null || break
  same_run killed || break
done 2>/dev/null
[ "$n_killed" -gt 0 ]
ok $? "$n_killed of 5 runs were killed before their end"
same_run killed
ok $? "killed after $delay s and resumed: the same bytes, the same curves"

# Refused.
fails 2 'train: -o RUN is needed' "no folder" "$FATHOM" train "$base" --pairs pairs.jsonl
fails 2 'train: --pairs FILE is needed' "no pairs" "$FATHOM" train "$base" -o x
fails 2 '--train middle: expected all, lora, head or last:K with K from 1 to 2' "an unknown part" train -o x --train middle
fails 2 '--train last:3: expected' "more blocks than there are" train -o x --train last:3
fails 2 '--recompute: --train head keeps no activations' "recomputing what is not computed" train -o x --train head --recompute
fails 2 '--lora-rank is for --train lora, not --train all' "a rank without LoRA" train -o x --lora-rank 3
fails 2 '--widen is for --train lora, not --train head' "widening where all is widened anyway" train -o x --train head --widen
fails 2 '--lora-rank and --adapter exclude each other' "a rank for an adapter that has one" train -o x --train lora --lora-rank 3 --adapter lora
fails 2 '--lora-targets "gate": expected all-linear or some of q_proj,' "a module that is not there" train -o x --train lora --lora-targets q_proj,gate
fails 2 'lora: holds a finished model already' "a finished adapter is not written over" train -o lora --train lora
fails 2 '--anchor-layers 5: there is no layer 5' "an anchored block that is not there" train -o x --anchor-layers 5
fails 2 '--steps and --epochs exclude each other' "steps and epochs" train -o x --epochs 2
fails 2 'plain: holds a finished model already' "a finished run is not written over" train -o plain
fails 3 'checkpoint of another model, data set or settings' "a checkpoint of other settings" \
  sh -c 'rm -f kept/config.json; "$0" train "$1" --pairs pairs.jsonl --lr 2e-2 --steps 8 --batch-size 4 --seed 3 -q -o kept --resume' "$FATHOM" "$base"
rm -f kept/model.safetensors
cp -r kept renamed && mv renamed/checkpoint-6 renamed/checkpoint-5
fails 3 'renamed/checkpoint-5/state.json: step 6, expected 5 as the folder.s name says' "a checkpoint of another step" \
  train -o renamed --checkpoint-every 3 --resume
sed 's/hate/loathe/' pairs.jsonl >others.jsonl
resumed() { "$FATHOM" train "$@" --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -q -o kept --frozen anew.h5 --resume; }
fails 3 'kept/checkpoint-6/state.json: a checkpoint of another model, data set or settings' "a checkpoint of another data set" \
  resumed "$base" --pairs others.jsonl
rm -f anew.h5
fails 3 'kept/checkpoint-6/state.json: a checkpoint of another model, data set or settings' "a checkpoint of another model" \
  resumed "$SRCDIR/tests/fixtures/llama-reward" --pairs pairs.jsonl
fails 3 'nothing is left of 24 pairs: 24 read, 0 used; left out: 24 of more than 4 tokens' "all pairs over the length limit" \
  train -o x --max-length 4
fails 4 'no-such/x: cannot make this folder' "a run in a missing folder" train -o no-such/x
fails 3 'rows of .* recorded with another token rule' "frozen features of another token rule" train -o x --frozen plain/frozen.h5 --anchor-tokens all
test ! -e x/config.json
ok $? "what was refused left no model"
fails 2 '--anchor 5 on blocks 0: --train last:1 leaves them all frozen' "an anchor on frozen blocks" train -o y --train last:1 --anchor 5 --anchor-layers 0
test ! -e y
ok $? "and is refused before anything is made"
"$FATHOM" record "$base" --pairs pairs.jsonl --store-dtype float16 --tokens response -o half.h5 -q >/dev/null

# bfloat16: the losses of float32 within its rounding, features that record has made, resumption to the same bytes.
# Without it the message says what to do.
if "$FATHOM" record "$base" --pairs pairs.jsonl --dtype bfloat16 --tokens response -o narrow.h5 -q >/dev/null 2>why; then
  train -o exact --eval-split 0 >/dev/null 2>&1 && train -o narrow --eval-split 0 --dtype bfloat16 --frozen narrow.h5 >/dev/null 2>&1
  ok $? "a run in bfloat16, from frozen features that record made"
  for run in exact narrow; do "$FATHOM" plot $run/run.h5 --figure training --tsv -q >$run.tsv; done
  paste exact.tsv narrow.tsv | awk -F'\t' '!/^#/ && $2 + 0 { n++; d = $4 / $(NF / 2 + 4) - 1; if (!(d < 0.03 && d > -0.03)) bad = 1; if (d != 0) moved = 1 }
    END { exit !(n == 8 && moved && !bad) }'
  ok $? "its losses are those of float32 within 3 %, and not the same"
  "$FATHOM" plot narrow/run.h5 --figure heatmap --tsv -q | awk -F'\t' '!/^#/ && $2 == 1 { n++; if ($NF != 0) bad = 1 } END { exit !(n == 2 && !bad) }'
  ok $? "drift before its first update is exactly 0 in every block"
  train -o narrow-kept --eval-split 0 --dtype bfloat16 --checkpoint-every 3 >/dev/null 2>&1
  rm narrow-kept/config.json narrow-kept/model.safetensors
  train -o narrow-kept --eval-split 0 --frozen exact/frozen.h5 --checkpoint-every 3 --resume >/dev/null 2>why
  is "$? $(grep -c 'checkpoint of another model, data set or settings' why)" "3 1" "a checkpoint of another type is refused"
  train -o narrow-kept --eval-split 0 --dtype bfloat16 --checkpoint-every 3 --resume >/dev/null 2>&1
  cmp narrow/model.safetensors narrow-kept/model.safetensors
  ok $? "resumed in bfloat16: the same bytes"
  train -o lora-exact --train lora --eval-split 0 >exact.tsv 2>/dev/null && train -o lora-narrow --train lora --eval-split 0 --dtype bfloat16 >narrow.tsv 2>/dev/null
  ok $? "LoRA factors beside matrices of the file in bfloat16"
  is "$(awk -v a="$(column exact.tsv bt_loss)" -v b="$(column narrow.tsv bt_loss)" 'BEGIN { d = a / b - 1; print (d != 0 && d < 0.03 && d > -0.03) }')" 1 \
    "with nearly the same loss: $(column exact.tsv bt_loss) and $(column narrow.tsv bt_loss)"
  train -o x --eval-split 0 --frozen narrow.h5 >/dev/null 2>why # a warning goes before the error: no pair is held out
  is "$? $(tail -n 1 why)" "3 fathom: narrow.h5: features computed in bfloat16, training computes in float32" \
    "frozen features of another type"
  rm -rf x
  export ONEDNN_MAX_CPU_ISA=AVX2 # oneDNN then takes the processor for an older one
  fails 4 '--dtype bfloat16: this processor has no bfloat16 multiply-adds' "a processor without bfloat16" \
    train -o x --dtype bfloat16
  unset ONEDNN_MAX_CPU_ISA
else
  fails 4 '--dtype bfloat16: this (fathom was built without oneDNN.*libdnnl-dev|processor has no bfloat16 multiply-adds)' \
    "bfloat16 where there is none" train -o x --dtype bfloat16
fi
test ! -e x
ok $? "and nothing is made"
rm -rf x
fails 3 'half.h5: features stored as float16' "frozen features in half precision" train -o x --frozen half.h5
rm -rf x
fails 5 'step [0-9]+: (block [0-9]+: )?the .* (is|are) not finite' "divergence stops with the step" \
  "$FATHOM" train "$base" --pairs pairs.jsonl --lr 10 --steps 200 --seed 3 --clip 0 --batch-size 4 --warmup 0 --weight-decay 10 -q -o x
test ! -e x/config.json
ok $? "divergence leaves no model"
printf '{"prompt":"a","chosen":"b","rejected":""}\n' >empty.jsonl
rm -rf x
fails 3 'nothing is left of 1 pairs: 1 read, 0 used; left out: 1 with an empty answer' "an empty side" "$FATHOM" train "$base" --pairs empty.jsonl -o x
printf '{"prompt":"a","chosen":"b","rejected":"b"}\n' >equal.jsonl
fails 3 'nothing is left of 1 pairs: .*left out: 1 with equal sides' "equal sides only" "$FATHOM" train "$base" --pairs equal.jsonl -o x
tap_end
