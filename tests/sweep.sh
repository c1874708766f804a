#!/bin/sh
# fathom sweep on a tiny model: what a sweep leaves, that it goes on from wherever it was stopped, failed runs, other
# settings, the lines for a job array, and what is refused.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
base=$SRCDIR/tests/fixtures/llama-base.gguf
cd "$work" || exit 99
write_pairs pairs.jsonl
head -n 16 pairs.jsonl | sed 's/Tell me about/Write on/' >other.jsonl
tail -n 10 pairs.jsonl | sed 's/Tell me about/Explain/; s/Go away/Leave me/' >third.jsonl
common="--pairs pairs.jsonl --eval-split 0.2 --split-seed 3 --steps 6 --batch-size 4 --lr 1e-2 --checkpoint-every 2 --threads 2"
grid="--eval other.jsonl --eval third.jsonl --anchor 0,2 --seeds 1,2"
# Words of the two lists are meant to be split.
# shellcheck disable=SC2086
sweep() { "$FATHOM" sweep "$base" $common "$@"; }
# cell FILE ROW RUN COLUMN: one cell of the table.
cell() { awk -F'\t' -v row="$2" -v run="$3" -v name="$4" '/^#/ { next } !found { for (i = 1; i <= NF; i++) if ($i == name) found = i; next }
  $1 == row && $2 == run { print $found }' "$1"; }
rows() { grep -v '^#' "$1"; }

# A whole sweep.
# shellcheck disable=SC2086
sweep $grid --control "--stop-at-drift anchor:2" --jobs 2 -o whole >whole.tsv 2>whole.log
ok $? "a sweep of two anchors, a control and two seeds"
is "$(rows whole.tsv | cut -f 1 | sort | uniq -c | tr -s ' ' | tr '\n' ';')" " 3 hi; 3 lo; 3 mean; 1 row; 6 run;" \
  "six runs, and mean, lo and hi of three settings"
is "$(rows whole.tsv | awk -F'\t' '$1 == "run" { print $2, $3 }' | tr '\n' ';')" \
  "anchor-0_seed-1 done;anchor-0_seed-2 done;anchor-2_seed-1 done;anchor-2_seed-2 done;stop-at-drift-anchor-2_seed-1 done;stop-at-drift-anchor-2_seed-2 done;" \
  "their names, seeds side by side"
for file in command.txt config.json model.safetensors run.h5 eval.h5 eval.tsv train.tsv log.txt; do
  test -s "whole/anchor-2_seed-1/$file"
  ok $? "a run holds $file"
done
test ! -e whole/anchor-2_seed-1/frozen.h5 && test -s whole/frozen/pairs.h5 && test ! -e "$(echo whole/anchor-2_seed-1/checkpoint-*)"
ok $? "features are recorded once, and no checkpoint is left"
is "$(cell whole.tsv run anchor-0_seed-1 aog) $(cell whole.tsv run anchor-0_seed-2 heldout_gain)" "0 0" "no gain over itself"
is "$(cell whole.tsv run anchor-2_seed-1 accuracy_other)" \
  "$(rows whole/anchor-2_seed-1/eval.tsv | awk -F'\t' 'NR == 1 { for (i = 1; i <= NF; i++) if ($i == "accuracy") at = i } /other/ { print $at }')" \
  "accuracy is that of eval"
awk -v a="$(cell whole.tsv mean anchor-0 drift)" -v b="$(cell whole.tsv mean anchor-2 drift)" 'BEGIN { exit !(b > 0 && b < a) }'
ok $? "the anchor holds drift down: $(cell whole.tsv mean anchor-0 drift) to $(cell whole.tsv mean anchor-2 drift)"
rows whole.tsv | awk -F'\t' '
  NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
  $1 == "run" && /^run\tanchor-2_/ { drift[$at["seed"]] = $at["drift"] }
  $1 == "run" && /^run\tstop/ { n++; if (!($at["steps"] < 6 && $at["drift"] >= drift[$at["seed"]])) bad = 1 }
  END { exit bad || n != 2 }'
ok $? "a run that matches a drift stops early, at that drift"
grep -q -- '--stop-at-drift whole/anchor-2_seed-2 ' whole/stop-at-drift-anchor-2_seed-2/command.txt
ok $? "which is that of the run of its seed"
rows whole.tsv | awk -F'\t' '
  NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
  $1 == "run" { n++
    for (e = 1; e <= 2; e++) { name = e == 1 ? "other" : "third"; g[e] = 100 * ($at["accuracy_" name] - base[$at["seed"] name])
      if ($2 ~ /^anchor-0_/) { base[$at["seed"] name] = $at["accuracy_" name]; g[e] = 0 }
      if (($at["gain_" name] - g[e]) ^ 2 > 1e-10) bad = 1 }
    worst = g[1] < g[2] ? g[1] : g[2]; loss = $at["heldout_gain"] < 0 ? -$at["heldout_gain"] : 0
    if (($at["aog"] - (g[1] + g[2]) / 2) ^ 2 > 1e-10 || ($at["worst_gain"] - worst) ^ 2 > 1e-10 ||
        ($at["nts"] - ((g[1] + g[2]) / 2 - loss)) ^ 2 > 1e-10) bad = 1 }
  END { exit bad || n != 6 }'
ok $? "gains, AOG, NTS and the worst gain of every run, computed anew"
rows whole.tsv | awk -F'\t' '
  NR == 1 { for (i = 1; i <= NF; i++) if ($i == "drift") at = i; next }
  $1 == "run" && $2 ~ /^anchor-2_/ { v[n++] = $at }
  $2 == "anchor-2" { got[$1] = $at }
  END { m = (v[0] + v[1]) / 2; d = v[0] - v[1]; h = 12.7062047361747 * (d < 0 ? -d : d) / 2
    exit !((got["mean"] - m) ^ 2 < 1e-14 && (got["hi"] - m - h) ^ 2 < 1e-12 && (got["lo"] - m + h) ^ 2 < 1e-12) }'
ok $? "mean and Student's interval of two seeds, computed anew"
is "$("$FATHOM" info whole/sweep.h5 | grep -c 'eval/accuracy')" 1 "sweep.h5 holds them"

# A run is what train alone would give with that command line.
sh -c "$(sed 's| --output [^ ]*| --output alone|; s|--resume ||; s|^[^ ]*|"$0"|' whole/anchor-2_seed-1/command.txt) -q" "$FATHOM" >/dev/null
cmp alone/model.safetensors whole/anchor-2_seed-1/model.safetensors
ok $? "command.txt gives the same model"

# Again: nothing is done twice, and the table is the same.
# shellcheck disable=SC2086
touch -d '2001-02-03' whole/anchor-0_seed-1/model.safetensors
# shellcheck disable=SC2086
sweep $grid --control "--stop-at-drift anchor:2" --jobs 2 -o whole >again.tsv 2>again.log
ok $? "the same sweep again"
rows whole.tsv >expected && rows again.tsv | cmp -s expected -
ok $? "the same table"
is "$(find whole -name model.safetensors -newermt 2001-02-04 | wc -l) $(find whole -name model.safetensors ! -newermt 2001-02-04 | wc -l)" "5 1" \
  "and nothing was run again"
rm whole/anchor-0_seed-1/eval.h5
# shellcheck disable=SC2086
sweep $grid --control "--stop-at-drift anchor:2" --jobs 2 -q -o whole >again.tsv
rows again.tsv | cmp -s expected - && test -s whole/anchor-0_seed-1/eval.h5
ok $? "stopped between training and evaluation: the same table"
is "$(find whole -name model.safetensors ! -newermt 2001-02-04)" "whole/anchor-0_seed-1/model.safetensors" "from the model that was there"
# shellcheck disable=SC2086
fails 3 'whole: a sweep of other settings: its anchor is \["0","2"\], now \["0","2","3"\]: choose another -o' "other strengths" \
  "$FATHOM" sweep "$base" -q $common --eval other.jsonl --eval third.jsonl --anchor 0,2,3 --seeds 1,2 --control "--stop-at-drift anchor:2" -o whole
# shellcheck disable=SC2086
fails 3 'other settings: its options of train is' "other options of train" \
  "$FATHOM" sweep "$base" -q $common $grid --control "--stop-at-drift anchor:2" --clip 2 -o whole
# shellcheck disable=SC2086
fails 3 'whole: a sweep of other settings: its model is "[0-9a-f]{64}", now "[0-9a-f]{64}"' "another model" \
  "$FATHOM" sweep alone -q $common $grid --control "--stop-at-drift anchor:2" -o whole
cp pairs.jsonl kept.jsonl && sed -i '1s/bread/toast/' pairs.jsonl
# shellcheck disable=SC2086
fails 3 'other settings: its pairs is .*sha256' "other data under the same name" \
  "$FATHOM" sweep "$base" -q $common $grid --control "--stop-at-drift anchor:2" -o whole
mv kept.jsonl pairs.jsonl
mkdir taken && echo mine >taken/notes.txt
# shellcheck disable=SC2086
fails 2 'taken: holds notes.txt but no sweep.json: not the folder of a sweep' "somebody's folder" \
  "$FATHOM" sweep "$base" -q $common $grid -o taken
is "$(ls taken)" "lock
notes.txt" "which is left as it was"

# Killed at some moments, by the hard and the soft way, and taken up again: the same bytes in the end.
same_sweep() {
  for run in anchor-0_seed-1 anchor-0_seed-2 anchor-2_seed-1 anchor-2_seed-2; do
    cmp -s "whole/$run/model.safetensors" "$1/$run/model.safetensors" || return 1
  done
  for figure in training steps; do
    "$FATHOM" plot whole/anchor-2_seed-2/run.h5 --figure $figure --tsv -q | grep -v '^#' >expected
    "$FATHOM" plot "$1/anchor-2_seed-2/run.h5" --figure $figure --tsv -q | grep -v '^#' | cmp -s - expected || return 1
  done
}
# shellcheck disable=SC2086
stopped() { timeout -s "$1" "$2" "$FATHOM" sweep "$base" $common $grid --jobs 2 -q -o stopped >/dev/null 2>stopped.log; }
n_stopped=0
for delay in 0.1 0.25 0.4; do
  stopped KILL $delay && break
  n_stopped=$((n_stopped + 1))
done 2>/dev/null
[ "$n_stopped" -gt 0 ]
ok $? "killed $n_stopped times"
# shellcheck disable=SC2086
"$FATHOM" sweep "$base" $common --steps 1000000 --jobs 2 $grid -q -o endless >/dev/null 2>endless.log &
sweeping=$!
for _ in $(seq 600); do
  test -e endless/anchor-2_seed-1/run.h5 && break
  sleep 0.1
done
kill -TERM $sweeping
wait $sweeping
is "$? $(cat endless.log)" "4 fathom: endless: stopped by signal 15 (Terminated) with 0 of 4 runs done: the same command goes on" \
  "stopped with a word on how to go on"
# Of this test alone: others may run beside it.
is "$(for process in /proc/[0-9]*; do
  [ "$(readlink "$process/cwd")" = "$PWD" ] && tr '\0' ' ' <"$process/cmdline" | grep 'output endless/'
done 2>/dev/null)" "" "no child is left"
# shellcheck disable=SC2086
sweep $grid --jobs 2 -q -o stopped >stopped.tsv && same_sweep stopped
ok $? "taken up again: the same models and curves"
rm -rf stopped/anchor-2_seed-2/config.json stopped/anchor-2_seed-2/eval.h5
# shellcheck disable=SC2086
fails 1 'stopped: 0 of 4 runs failed, 1 are not done' "collecting runs nothing" \
  "$FATHOM" sweep "$base" -q $common $grid --collect -q -o stopped

# Damaged files of runs that were done: said so, and the others have their table.
head -c 3000 stopped/anchor-0_seed-1/run.h5 >cut && mv cut stopped/anchor-0_seed-1/run.h5 && echo garbage >stopped/anchor-2_seed-1/eval.h5
# shellcheck disable=SC2086
sweep $grid --collect -q -o stopped >damaged.tsv 2>damaged.log
is "$? $(tail -n 1 damaged.log)" "1 fathom: stopped: 2 of 4 runs failed, 1 are not done: the table says which" "damaged runs count as failed"
is "$(grep -c 'warning: stopped/anchor-0_seed-1/run.h5: .*truncated.* (without its folder stopped/anchor-0_seed-1 it is run again)$' damaged.log) \
$(grep -c 'warning: stopped/anchor-2_seed-1/eval.h5: not an HDF5 file' damaged.log)" "1 1" "and are warned of"
is "$(for run in anchor-0_seed-1 anchor-0_seed-2 anchor-2_seed-1; do
  echo "$(cell damaged.tsv run $run status) $(cell damaged.tsv run $run bt_loss) $(cell damaged.tsv run $run aog)"
done | sed 's/ [0-9][0-9.]* / number /' | tr '\n' ';')" \
  "failed - -;done number 0;failed - -;" "the table has the others, and no number of these"

# One run fails: the rest goes on.
# shellcheck disable=SC2086
sweep $grid --control "--centring 1000 --lr 10 --clip 0 --warmup 0 --weight-decay 10 --steps 60" --seeds 1 -q -o failing >failing.tsv 2>failing.log
is "$? $(tail -n 1 failing.log)" "1 fathom: failing: 1 of 3 runs failed, 0 are not done: the table says which" "a run that fails: exit 1 at the end"
control=centring-1000-lr-10-clip-0-warmup-0-weight-decay-10-steps-60
is "$(cell failing.tsv run ${control}_seed-1 status) $(cell failing.tsv run anchor-2_seed-1 status)" "failed done" "it is marked"
is "$(cell failing.tsv run ${control}_seed-1 message | sed 's/after //; s/step [0-9]*: .*/step N/')" "train: exit code 5: step N" "with exit code and message"
is "$(cat failing/${control}_seed-1/failed.txt)" "$(cell failing.tsv run ${control}_seed-1 message)" "which failed.txt has, too"
is "$(cell failing.tsv mean $control status) $(cell failing.tsv mean $control drift)" "0 of 1 seeds -" "and it is in no mean"
mv failing/anchor-2_seed-1/eval.h5 kept.h5 && mv failing/anchor-2_seed-1/model.safetensors failing/anchor-2_seed-1/gone
# shellcheck disable=SC2086
sweep $grid --control "--centring 1000 --lr 10 --clip 0 --warmup 0 --weight-decay 10 --steps 60" --seeds 1 -q -o failing >failing.tsv 2>failing.log
is "$(cell failing.tsv run anchor-2_seed-1 message | sed 's/missing.*/missing/')" \
  "eval: exit code 3: failing/anchor-2_seed-1: tensor model.embed_tokens.weight is missing" "an evaluation that fails"

mv failing/anchor-2_seed-1/gone failing/anchor-2_seed-1/model.safetensors
# shellcheck disable=SC2086
sweep $grid --control "--centring 1000 --lr 10 --clip 0 --warmup 0 --weight-decay 10 --steps 60" --seeds 1 -q -o failing >failing.tsv 2>failing.log
is "$? $(cell failing.tsv run anchor-2_seed-1 status) $(cell failing.tsv run ${control}_seed-1 status) $(ls failing/*/failed.txt)" \
  "1 done failed failing/${control}_seed-1/failed.txt" "what failed is tried again, and may succeed"

# Job arrays: the lines run, in any order, and give the same bytes.
# shellcheck disable=SC2086
sweep $grid --control "--stop-at-drift anchor:2" --array -q -o array >array.sh
ok $? "--array prints the lines"
is "$(grep -c -v '^#' array.sh) $(grep -c ' train .* && .* eval ' array.sh) $(tail -n 1 array.sh | grep -c -- --collect)" "8 6 1" \
  "one for the features, one a run, one to collect"
grep ' record ' array.sh >array-1.sh
grep ' && ' array.sh | grep -v -- --stop-at-drift | sort -r >array-2.sh
grep -- --stop-at-drift array.sh | grep ' && ' >array-3.sh
sh -e array-1.sh >/dev/null 2>array.log && sh -e array-2.sh >/dev/null 2>>array.log && sh -e array-3.sh >/dev/null 2>>array.log && sh -e -c "$(tail -n 1 array.sh)" >array.tsv 2>>array.log
ok $? "they run"
same_sweep array
ok $? "and give the same models and curves"
is "$(rows array.tsv)" "$(rows whole.tsv)" "and the same table"

# All axes, from a file; what cannot be run twice is not: the anchor 0 has no layers.
cp pairs.jsonl "odd  name's.jsonl"
cat >grid.json <<'END'
{"pairs": ["pairs.jsonl", "odd  name's.jsonl"], "train-pairs": [6, "all"], "lr": [0.01, 2e-2], "anchor": [0, 0.5], "anchor-layers": ["last", "0,1"],
 "seeds": [7], "control": "--weight-decay 0.1"}
END
"$FATHOM" sweep "$base" --grid grid.json --eval pairs.jsonl --batch-size 4 --steps 2 --dry-run -o dry -q >dry.tsv
is "$? $(rows dry.tsv | tail -n +2 | wc -l) $(rows dry.tsv | cut -f 1 | sort -u | wc -l)" "0 32 33" "32 runs of all axes, each with a name of its own"
is "$(rows dry.tsv | sed -n '2p;4p;5p;33p' | cut -f 1,2)" "pairs_pairs-6_lr-0.01_anchor-0_seed-7	missing
pairs_pairs-6_lr-0.01_anchor-0.5_0-1_seed-7	missing
pairs_pairs-6_lr-0.01_weight-decay-0.1_seed-7	missing
odd-name-s_pairs-all_lr-0.02_weight-decay-0.1_seed-7	missing" "what they are called"
rows dry.tsv | awk -F'\t' 'NR > 1 && !($3 > 0 && $4 > 0) { bad = 1 } END { exit bad }' && grep -q '^# disk: about ' dry.tsv && grep -q 'minutes at .* GFLOP/s' dry.tsv
ok $? "and what they cost"
test ! -e dry
ok $? "a dry run makes nothing"
disk() { "$FATHOM" sweep "$base" --pairs pairs.jsonl --seeds "$(seq -s , 100)" --steps 1 --eval-split 0.2 --split-seed 3 --dry-run -q -o dry "$@" | sed -n 's/^# disk: about \([0-9]*\) MiB.*/\1/p'; }
[ "$(disk)" -ge 4 ] && [ "$(disk --train lora)" -le 1 ] && [ "$(disk --drop-models)" -le 1 ]
ok $? "disk for a hundred models ($(disk) MiB), adapters ($(disk --train lora)), or none ($(disk --drop-models))"
sed 's/Go away/Leave me/' pairs.jsonl >same.jsonl
"$FATHOM" sweep "$base" --pairs pairs.jsonl --eval same.jsonl --eval-split 0.2 --split-seed 3 --dry-run -q -o dry 2>&1 >/dev/null |
  grep -q 'warning: same.jsonl: shares [12][0-9] prompts with the training pairs of pairs.jsonl'
ok $? "prompts of a target that are trained on are said"
sed 's/, 2e-2//; s/, "all"//; s/"last", //' grid.json >small.json
"$FATHOM" sweep "$base" --grid small.json --eval pairs.jsonl --batch-size 4 --steps 1 -q -o odd --drop-models --eval-split 0.2 --split-seed 3 >odd.tsv 2>odd.log
is "$?" 0 "they run"
is "$(find odd -name model.safetensors | wc -l)" 0 "without the weights, when asked"
first=odd/pairs_anchor-0_seed-7
mkdir $first/checkpoint-1 && cp whole/anchor-0_seed-1/model.safetensors $first/
"$FATHOM" sweep "$base" --grid small.json --eval pairs.jsonl --batch-size 4 --steps 1 -q -o odd --drop-models --eval-split 0.2 --split-seed 3 >odd-again.tsv 2>odd.log
is "$? $(find odd -name 'model.safetensors' -o -name 'checkpoint-*')" "0 " "nor what a sweep that was stopped just before had left to remove"
rows odd.tsv >expected && rows odd-again.tsv | cmp -s expected -
ok $? "and the table stays"
is "$("$FATHOM" sweep "$base" --pairs pairs.jsonl --anchor 0,1 --steps 1 --eval-split 0.2 --split-seed 3 --array --drop-models -q -o "it's" | grep -c "&& rm -f 'it'.....anchor-[01]_seed-0/model.safetensors'$")" 2 \
  "the lines for a job array remove the weights, too"
is "$(cell odd.tsv run pairs_anchor-0_seed-7 accuracy_pairs) $(cell odd.tsv run odd-name-s_anchor-0_seed-7 accuracy_pairs | grep -c '^[01]')" \
  "- 1" "a source is no target of its own runs"
grep -q -- "--pairs 'odd  name'\\\\''s.jsonl'" odd/odd-name-s_anchor-0_seed-7/command.txt
ok $? "names are quoted for the shell"

"$FATHOM" sweep "$base" --pairs pairs.jsonl --eval other.jsonl --train lora --batch-size 4 --steps 2 -q -o lora --eval-split 0.2 --split-seed 3 -- --lora-rank 2 >lora.tsv
is "$? $(ls lora/anchor-0_seed-0/adapter_model.safetensors) $(cell lora.tsv run anchor-0_seed-0 accuracy_other | grep -c '^[01]')" \
  "0 lora/anchor-0_seed-0/adapter_model.safetensors 1" "adapters are trained and evaluated, too"

"$FATHOM" sweep "$base" --pairs pairs.jsonl --train head --batch-size 4 --steps 2 --eval-split 0 -q -o head >/dev/null 2>&1
fails 3 'head/sweep.h5: its runs have no accuracy: sweep with --eval or held-out pairs' "nothing to draw transfer of" "$FATHOM" plot head/sweep.h5 --tsv

if env --ignore-signal=CHLD true 2>/dev/null; then
  timeout 60 env --ignore-signal=CHLD "$FATHOM" sweep "$base" --pairs pairs.jsonl --eval other.jsonl --train head --batch-size 4 --steps 2 -q -o deaf >deaf.tsv
  is "$? $(cell deaf.tsv run anchor-0_seed-0 status)" "0 done" "a caller that ignores the ends of its children"
else
  skip "no env --ignore-signal here"
fi

# Refused, before anything is made.
refused() { code=$1 pattern=$2 what=$3; shift 3; fails "$code" "$pattern" "$what" "$FATHOM" sweep "$base" -q --pairs pairs.jsonl --eval other.jsonl -o refused "$@"; }
fails 2 'sweep: -o DIR is needed' "no folder" "$FATHOM" sweep "$base" --pairs pairs.jsonl
fails 2 'sweep: --pairs FILE is needed' "no pairs" "$FATHOM" sweep "$base" -o refused
refused 2 '--anchor x: expected numbers' "a strength that is no number" --anchor 0,x
refused 2 '--anchor \(empty\): expected' "an empty strength" --anchor 0,,1
refused 2 '--anchor -1: expected' "a negative strength" --anchor=-1
refused 2 '--anchor 1.0: was given twice' "a strength twice" --anchor 1,1.0
refused 2 '--seeds 1.5: expected whole numbers' "a seed that is none" --seeds 1.5
refused 2 '--train-pairs 0: expected' "no pairs to train on" --train-pairs 0
refused 2 '--train-pairs 99: pairs.jsonl has [0-9]+ to train on' "more pairs than there are" --train-pairs 99
refused 2 '--control l2: expected options of train' "a control that is no option" --control l2
refused 2 '--control "--no-such 1": unknown option --no-such' "a control that train does not know" --control "--no-such 1"
refused 2 'unknown option --no-such' "an option that train does not know" -- --no-such 1
for option in --seed --pairs --output --lr --anchor --frozen --max-length; do
  refused 2 "$option behind --: runs have it from the sweep" "$option behind --" -- $option 5
done
refused 2 '--output behind --' "a folder behind --" -- -o elsewhere
refused 2 '--control "--l2-sp 1 --seed=3": all runs have the same --seed' "a seed in a control" --control "--l2-sp 1 --seed=3"
refused 2 'unexpected word more' "words that are no options" more
refused 2 '--steps x: expected a whole number' "a number of steps that train would not take" --steps x
refused 2 '--anchor-layers 5: there is no layer 5' "a layer that is not there" --anchor 1 --anchor-layers 5
refused 2 '--control "--stop-at-drift anchor:3": no run of this sweep has --anchor 3' "a drift to match that no run has" --anchor 0 --control "--stop-at-drift anchor:3"
cp other.jsonl copy.jsonl
refused 2 '--eval copy.jsonl: holds the same pairs as other.jsonl' "a target twice" --eval copy.jsonl
refused 2 '--stop-at-drift no-run: expected a number or the folder of a run' "a drift that is neither" --control "--stop-at-drift no-run"
refused 2 '--heldout was given 1 times for 2 --pairs' "held-out pairs for one of two sources" --pairs other.jsonl --heldout third.jsonl
fails 3 '--heldout, read behind pairs.jsonl: third.jsonl: line 1: the id "p[0-9]+" was there before' "held-out pairs with the ids of others" \
  "$FATHOM" sweep "$base" -q --pairs pairs.jsonl --heldout third.jsonl --eval other.jsonl -o refused
refused 2 '--dry-run and --array exclude' "two things at once" --dry-run --array
cp pairs.jsonl "$(printf 'two\nlines.jsonl')"
fails 2 '--array: a file or option holds a line break' "a name that one line cannot hold" \
  "$FATHOM" sweep "$base" -q --pairs "$(printf 'two\nlines.jsonl')" --eval other.jsonl --array -o broken --eval-split 0.2 --split-seed 3
"$FATHOM" sweep "$base" --pairs pairs.jsonl --anchor 1 --steps 1 --eval-split 0.2 --split-seed 3 --dry-run -q -o dry 2>&1 >/dev/null |
  grep -q 'warning: no run has --anchor 0, against which gains are measured'
ok $? "no run that gains could be measured against"
printf '{"anchors": [1]}' >bad.json
refused 3 'bad.json: unknown key "anchors"' "an unknown key in the grid" --grid bad.json
printf '{"anchor": []}' >bad.json
refused 3 'bad.json: anchor: is empty' "an empty axis" --grid bad.json
printf '{"anchor": [true]}' >bad.json
refused 3 'bad.json: anchor: expected an array of numbers' "an axis of something else" --grid bad.json
printf '[1]' >bad.json
refused 3 'bad.json: expected an object' "a grid that is none" --grid bad.json
printf '{"lr": [1e-3]}' >bad.json
refused 2 'bad.json: lr is given on the command line' "an axis given twice" --grid bad.json --lr 1e-2
printf '{"prompt":"a"}\n' >bad.jsonl
refused 3 'bad.jsonl: line 1' "bad pairs to evaluate on" --eval bad.jsonl
test ! -e refused
ok $? "nothing was made"
fails 4 'no-such/x: cannot make this folder' "a folder in a missing one" "$FATHOM" sweep "$base" --pairs pairs.jsonl -o no-such/x -q --eval-split 0.2 --split-seed 3
if command -v flock >/dev/null 2>&1; then
  # shellcheck disable=SC2086
  fails 4 'whole: another sweep is at work here' "two sweeps in one folder" \
    flock whole/lock "$FATHOM" sweep "$base" $common $grid --control "--stop-at-drift anchor:2" -o whole -q
else
  skip "no flock here"
fi
tap_end
