#!/bin/sh
# fathom train with other anchors and with the controls beside it: that each does what it says, that all of them at 0 are
# the plain run, and how a run ends early: at a matched drift, by divergence, on a full disk.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
fixtures=$SRCDIR/tests/fixtures
base=$fixtures/llama-base.gguf
cd "$work" || exit 99
write_pairs pairs.jsonl
train_on() { "$FATHOM" train --lr 1e-2 --steps 8 --batch-size 4 --seed 3 -q "$@"; }
train() { train_on "$base" --pairs pairs.jsonl --frozen frozen.h5 "$@"; }
column() { awk -F'\t' -v name="$2" '/^#/ { next } !found { for (i = 1; i <= NF; i++) if ($i == name) found = i; next } { print $found }' "$1"; }
curves() { "$FATHOM" plot "$1/run.h5" --figure "$2" --tsv -q | grep -v '^#'; }
# same_run A B: the same model, and the same numbers in the log.
same_run() { cmp -s "$1/model.safetensors" "$2/model.safetensors" && for figure in training heatmap steps; do
  curves "$1" $figure | cut -f 2- >expected; curves "$2" $figure | cut -f 2- >found; cmp -s expected found || return 1; done; }
# holds CONDITION NAME=VALUE...: a condition on numbers; one that is not a number fails.
holds() {
  condition=$1
  shift
  for pair in "$@"; do
    printf '%s\n' "${pair#*=}" | grep -Eq '^-?[0-9.]+(e[-+]?[0-9]+)?$' || return 1
    set -- "$@" -v "$pair"
    shift
  done
  awk "$@" "BEGIN { exit !($condition) }"
}
sum_of_parts='function near(a, b) { return a - b < 1e-7 * (1 + b) && b - a < 1e-7 * (1 + b) }
  /^#/ { next } !n { for (i = 1; i <= NF; i++) at[$i] = i; n = 1; next }
  $2 + 0 { n++; if (!near($at["loss"], (1 - a) * ($at["bt_loss"] + c * $at["centring"]) + a * $at["sft_loss"] + l * $at["anchor"] + x * $at["l2_sp"])) bad = 1 }
  END { exit !(n == 9 && !bad) }'

train -o plain >plain.tsv
ok $? "a plain run"
train -o zero --anchor 0 --l2-sp 0 --sft 0 --stop-at-drift 0 --centring 0 >/dev/null && same_run plain zero
ok $? "with every control at 0: the same bits, in model and log"
train -o other --anchor 0 --anchor-norm unit --anchor-layers last >other.tsv && cmp -s plain/model.safetensors other/model.safetensors
ok $? "and whatever the anchor would have been"

# Anchors. A unit anchor turns rows back, whatever their length; an mse anchor weighs blocks by their size.
for norm in unit mse; do
  train -o weak-$norm --anchor 1e-6 --anchor-norm $norm >weak.tsv
  train -o $norm --anchor 50 --anchor-norm $norm >strong.tsv
  holds 'strong < 0.5 * weak && drift < 0.5 * plain' "strong=$(column strong.tsv anchor)" "weak=$(column weak.tsv anchor)" \
    "drift=$(column strong.tsv probe_drift)" "plain=$(column plain.tsv probe_drift)"
  ok $? "a $norm anchor holds R down, $(column weak.tsv anchor) to $(column strong.tsv anchor), and relative drift with it"
done
[ "$(column weak.tsv anchor)" != "$(column plain.tsv anchor)" ]
ok $? "R of another norm is another number"

# L2-SP and SFT.
train -o near --l2-sp 1 >near.tsv
train -o far --l2-sp 1e-9 >far.tsv
holds 'near < 0.2 * far && drift < 0.5 * plain' "near=$(column near.tsv l2_sp)" "far=$(column far.tsv l2_sp)" \
  "drift=$(column near.tsv probe_drift)" "plain=$(column plain.tsv probe_drift)"
ok $? "L2-SP holds the weights near their start: $(column far.tsv l2_sp) to $(column near.tsv l2_sp)"
train -o talks --sft 0.9 >talks.tsv
train -o silent --sft 1e-6 >silent.tsv
holds 'talks < silent - 0.5' "talks=$(column talks.tsv sft_loss)" "silent=$(column silent.tsv sft_loss)"
ok $? "SFT keeps the language-model head predicting: $(column silent.tsv sft_loss) to $(column talks.tsv sft_loss)"
is "$(column plain.tsv sft_loss) $(column plain.tsv l2_sp)" "- -" "a control that is off has no number"
train -o decayed --weight-decay 10 >decayed.tsv
! cmp -s plain/model.safetensors decayed/model.safetensors
ok $? "weight decay does something"

# All at once: the parts add up, micro-batches change nothing, and a resumed run is the same.
all() { train --anchor 0.5 --anchor-norm mse --l2-sp 0.01 --sft 0.25 --centring 0.1 "$@"; }
all -o all --checkpoint-every 3 >all.tsv
"$FATHOM" plot all/run.h5 --figure training --tsv -q >all.curves
awk -F'\t' -v a=0.25 -v c=0.1 -v l=0.5 -v x=0.01 "$sum_of_parts" all.curves
ok $? "the loss of every step is the sum of its parts"
all -o cut --batch-tokens 60 --frozen cut.h5 >/dev/null
"$FATHOM" plot cut/run.h5 --figure training --tsv -q >cut.curves
paste all.curves cut.curves | awk -F'\t' '!/^#/ && $2 + 0 { n++; d = $3 - $(NF / 2 + 3); if (!(d < 1e-3 && d > -1e-3)) bad = 1 } END { exit !(n == 8 && !bad) }'
ok $? "smaller micro-batches give the same steps"
cp -r all resumed && rm resumed/config.json resumed/model.safetensors
all -o resumed --checkpoint-every 3 --resume >resumed.tsv
same_run all resumed
ok $? "resumed from a checkpoint: the same bytes, the same curves"
is "$(column resumed.tsv l2_sp) $(column resumed.tsv sft_loss)" "$(column all.tsv l2_sp) $(column all.tsv sft_loss)" "and the same summary"
rm -f resumed/config.json
fails 3 'checkpoint of another model, data set or settings' "a checkpoint of other strengths is refused" \
  train --anchor 0.5 --anchor-norm unit --l2-sp 0.01 --sft 0.25 --centring 0.1 -o resumed --checkpoint-every 3 --resume
train_on "$fixtures/llama-untied.gguf" --pairs pairs.jsonl --chat-template none --sft 0.5 --l2-sp 0.01 -o untied >untied.tsv
holds 'sft > 0 && l2 > 0' "sft=$(column untied.tsv sft_loss)" "l2=$(column untied.tsv l2_sp)"
ok $? "a model whose head is not its embedding trains both"

# Soft labels, weights and margins of the pairs.
awk '{ sub(/}$/, ",\"probability\":1,\"weight\":1,\"margin\":0}"); print }' pairs.jsonl >said.jsonl
train_on "$base" --pairs said.jsonl --frozen frozen.h5 -o said >/dev/null
cmp -s plain/model.safetensors said/model.safetensors
ok $? "labels that say what is so anyway: the plain run, bit for bit"
awk '{ sub(/}$/, ",\"probability\":0}"); print }' pairs.jsonl >flipped.jsonl
train_on "$base" --pairs flipped.jsonl --eval pairs.jsonl -o flipped >flipped.tsv 2>/dev/null
holds 'after < 0.3 && train > 0.7' "after=$(column flipped.tsv heldout_accuracy)" "train=$(column flipped.tsv accuracy)"
ok $? "probability 0 teaches that the rejected side is better: $(column flipped.tsv heldout_accuracy) right of the chosen"
awk '{ sub(/}$/, ",\"weight\":0}"); print }' pairs.jsonl >nothing.jsonl
train_on "$base" --pairs nothing.jsonl -o nothing >nothing.tsv
is "$(column nothing.tsv bt_loss) $(column nothing.tsv probe_drift)" "0 0" "pairs of weight 0 teach nothing"
awk '{ sub(/}$/, ",\"margin\":3}"); print }' pairs.jsonl >wide.jsonl
train_on "$base" --pairs wide.jsonl -o wide >/dev/null
"$FATHOM" plot wide/run.h5 --figure training --tsv -q >wide.curves
holds 'wide > plain + 1' "wide=$(column wide.curves bt_loss | sed -n 2p)" "plain=$(curves plain training >c; column c bt_loss | sed -n 2p)"
ok $? "a margin asks for more than a lead"

# Ending at a matched drift.
limit=$(column near.tsv probe_drift)
train -o matched --lr 3e-4 --steps 80 --stop-at-drift "$limit" --checkpoint-every 5 >matched.tsv
is "$(column matched.tsv end)" drift "--stop-at-drift $limit ends a run of 80 steps after $(column matched.tsv steps)"
"$FATHOM" plot matched/run.h5 --figure training --tsv -q >matched.curves
holds 'drift >= limit && drift < 1.5 * limit && steps < 80 && logged == steps' "drift=$(column matched.tsv probe_drift)" \
  "limit=$limit" "steps=$(column matched.tsv steps)" "logged=$(column matched.curves step | tail -n 1)"
ok $? "at a drift of $(column matched.tsv probe_drift)"
is "$(column plain.tsv end)" steps "a run that makes all its steps says so"
"$FATHOM" score matched --pairs pairs.jsonl -q >/dev/null
ok $? "what is left is a whole model"
cp -r matched again && rm again/config.json again/model.safetensors
train -o again --lr 3e-4 --steps 80 --stop-at-drift "$limit" --checkpoint-every 5 --resume >again.tsv
same_run matched again && [ "$(column again.tsv steps)" = "$(column matched.tsv steps)" ]
ok $? "killed while it was saved and resumed, it ends at the same step with the same bytes"

train_on "$base" --pairs pairs.jsonl --anchor-tokens last -o others >/dev/null
fails 3 'others/run.h5: its drift is of --anchor-tokens last, expected response as in this run' "a drift of other tokens is no match" \
  train -o r --stop-at-drift others
train_on "$base" --pairs pairs.jsonl --train head -o unmoved >/dev/null
fails 3 'unmoved/run.h5: a run that is not finished, or did not drift, expected one to match' "nor is none" train -o r --stop-at-drift unmoved
fails 2 '--stop-at-drift pairs.jsonl: expected a number or the folder of a run' "nor a file" train -o r --stop-at-drift pairs.jsonl

# Divergence: the last checkpoint stays and can be read.
diverge() {
  "$FATHOM" train "$base" --pairs pairs.jsonl --frozen frozen.h5 --lr 10 --steps 200 --seed 3 --clip 0 --batch-size 4 --warmup 0.05 \
    --weight-decay 10 -q "$@"
}
fails 5 'step [0-9]+: .* not finite.*; x/checkpoint-[0-9]+ is kept$' "divergence names the step and the checkpoint that is kept" \
  diverge -o x --checkpoint-every 1
kept=$(cd x && echo checkpoint-*)
test -s "x/$kept/state.json" && test -s "x/$kept/state.safetensors" && test ! -e x/config.json
ok $? "$kept is whole, and no model is written"
step=${kept#checkpoint-}
fails 5 "step [0-9]+: .* not finite.*; x/$kept is kept$" "resumed from it, the run fails again" diverge -o x --checkpoint-every 1 --resume
is "$(cd x && echo checkpoint-*)" "$kept" "and keeps it: what it leads to at step $((step + 1)) is not finite"
fails 5 'step [0-9]+: .* not finite: try a lower --lr or --clip$' "divergence without a checkpoint" diverge -o y
fails 5 'step [0-9]+: .* not finite' "divergence of a run with every control" diverge -o z --anchor 1 --anchor-norm unit --l2-sp 1 --sft 0.5
wrong=
for steps in 22 23 24 25 26 27; do # the last update is somewhere the one that goes too far
  rm -rf last
  diverge -o last --train head --warmup 1 --steps $steps >/dev/null 2>&1
  case $? in
  0) "$FATHOM" score last --pairs pairs.jsonl -q >/dev/null 2>&1 || wrong="$wrong $steps:saved" ;;
  5) [ ! -e last/config.json ] || wrong="$wrong $steps:saved" ;;
  *) wrong="$wrong $steps:exit" ;;
  esac
done
is "$wrong" "" "no model is saved that diverged in its last update"

# A full disk in mid-checkpoint: the one before stays, and with room the run goes on from it.
mkdir -p disk full/checkpoint-4.part
on_disk() {
  umount disk 2>/dev/null
  mount -t tmpfs -o "size=$1k" tmpfs disk 2>/dev/null
}
if mount -t tmpfs -o size=64k tmpfs full/checkpoint-4.part 2>/dev/null; then
  fails 4 'full/checkpoint-4.part/state.safetensors: .*(No space left|is the disk full)' "a full disk in mid-checkpoint" \
    all -o full --checkpoint-every 2
  test -s full/checkpoint-2/state.json && test ! -e full/config.json && [ -z "$(find full -name 'state*' -path '*.part*')" ]
  ok $? "the checkpoint before is intact, and of the other nothing is left"
  umount full/checkpoint-4.part
  all -o full --checkpoint-every 2 --resume >/dev/null && same_run all full
  ok $? "with room again it goes on from there, to the same bytes"
  wrong= met=0
  for kib in 60 560 680 800; do
    on_disk $kib
    all -o disk/run --checkpoint-every 2 >/dev/null 2>note
    code=$?
    kept=$(cd disk/run && echo checkpoint-*)
    echo "# $kib KiB: exit $code, $kept: $(tail -n 1 note)"
    [ $code -eq 0 ] && same_run all disk/run && continue
    [ $code -eq 4 ] && [ "$(grep -vc warning: note)" -eq 1 ] && grep -Eq 'No space|is the disk full' note && [ ! -e disk/run/config.json ] || wrong="$wrong $kib:exit-$code"
    [ -e "disk/run/$kept/state.json" ] && met=$((met + 1))
    mount -o remount,size=4096k disk
    all -o disk/run --checkpoint-every 2 --resume >/dev/null 2>&1 && same_run all disk/run || wrong="$wrong $kib:resume"
  done
  is "$wrong" "" "disks of any size: one line, and with room the same bytes in the end"
  [ $met -gt 0 ]
  ok $? "$met times there was a checkpoint to go on from"
  umount disk
else
  skip "no right to mount a small file system"
fi

# Refused.
fails 2 '--anchor-norm cosine: expected one of relative, unit, mse|--anchor-norm cosine' "an unknown norm" train -o r --anchor-norm cosine
fails 2 '--sft 0.5: --train head leaves frozen' "SFT of the head alone" train -o r --train head --sft 0.5
fails 2 '--l2-sp 1: --train head trains a new head alone' "L2-SP of a new head" train -o r --train head --l2-sp 1
fails 2 '--stop-at-drift 0.1: --train head lets no block drift' "a drift that cannot come" train -o r --train head --stop-at-drift 0.1
fails 2 '--sft 2' "a share over 1" train -o r --sft 2
fails 3 '--sft 0.5: the model has no language-model head' "SFT without a language-model head" train_on untied --pairs pairs.jsonl --chat-template none --sft 0.5 -o r
test ! -e r
ok $? "what was refused left nothing"
tap_end
