#!/bin/sh
# Training killed at 100 random moments and resumed: the bytes of an uninterrupted run, of its model and of every number in
# its log. Long. FATHOM_SEED=N draws the moments of an earlier run again.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
seed=${FATHOM_SEED:-$(od -An -N4 -tu4 /dev/urandom | tr -d ' ')}
echo "# seed $seed"
state=$((seed % 2147483648))
# random BELOW: a linear congruential generator, into $drawn.
random() {
  state=$(((state * 1103515245 + 12345) % 2147483648))
  drawn=$((state / 65536 % $1))
}
cd "$work" || exit 99
write_pairs pairs.jsonl
common="--pairs pairs.jsonl --steps 12 --batch-size 4 --seed 3 -q"
kind_0="--lr 1e-2 --anchor 0.5 --anchor-norm unit --sft 0.2 --l2-sp 0.01 --checkpoint-every 1"
kind_1="--lr 1e-2 --train last:1 --anchor 1 --weight-decay 0.1 --checkpoint-every 2"
kind_2="--lr 1e-3 --stop-at-drift 0.03 --checkpoint-every 1"
kind_3="--lr 1e-2 --train lora --recompute --l2-sp 0.01 --checkpoint-every 1"
kind_4="--lr 1e-2 --train head --checkpoint-every 1"
kinds=5
# The last file of a result makes it whole: config.json of a model, adapter_config.json of an adapter.
is_whole() { [ -e "$1/config.json" ] || [ -e "$1/adapter_config.json" ]; }
same_model() { for file in "$1"/*model.safetensors; do cmp -s "$file" "$2/${file##*/}" || return 1; done; }
# Of the head alone there are no drift measures.
log() { for figure in training heatmap steps; do "$FATHOM" plot "$1/run.h5" --figure $figure --tsv -q 2>/dev/null | grep -v '^#' | cut -f 2-; done; }
milliseconds() { echo $(($(date +%s%N) / 1000000)); }
# train KIND FOLDER [--resume], after $before (a timeout, or nothing)
before=
train() {
  eval "own=\$kind_$1"
  shift
  $before "$FATHOM" train "$SRCDIR/tests/fixtures/llama-base.gguf" $common $own -o "$@" >/dev/null
}

kind=0
while [ $kind -lt $kinds ]; do
  started=$(milliseconds)
  train $kind whole-$kind || exit 99
  eval "takes_$kind=$(($(milliseconds) - started + 1))"
  eval "echo \"# \$kind_$kind: \$takes_$kind ms uninterrupted\""
  log whole-$kind >log-$kind
  kind=$((kind + 1))
done

# Each run is killed one to four times on its way, and then goes to its end. A moment behind its end kills nothing.
killed=0 runs=0 early=0 wrong=
while [ $killed -lt 100 ] && [ $runs -lt 500 ]; do
  kind=$((runs % kinds))
  rm -rf run
  random 4
  turns=$((drawn + 1))
  fresh=yes
  while [ $turns -gt 0 ] && ! is_whole run; do
    eval "random \$takes_$kind"
    before="timeout --foreground -s KILL $(printf '%d.%03d' $((drawn / 1000)) $((drawn % 1000 + 1)))"
    started=$(milliseconds)
    train $kind run --resume 2>/dev/null
    if [ $? -eq 137 ]; then
      killed=$((killed + 1))
    elif [ $fresh ]; then
      # Faster than it was when it was measured (a busy machine, cold files): later moments are drawn from this.
      eval "takes_$kind=$(($(milliseconds) - started + 1))"
    fi
    fresh=
    [ -e run ] && [ -z "$(find run -maxdepth 1 -name 'checkpoint-*')" ] && early=$((early + 1))
    turns=$((turns - 1))
  done
  before=
  is_whole run || train $kind run --resume || wrong="$wrong run-$runs:exit"
  same_model whole-$kind run || wrong="$wrong run-$runs:model"
  log run >found
  cmp -s log-$kind found || wrong="$wrong run-$runs:log"
  [ -z "$(find run -name '*.part*')" ] || wrong="$wrong run-$runs:$(find run -name '*.part*' | head -n 1)"
  runs=$((runs + 1))
done 2>/dev/null
[ $killed -ge 100 ]
ok $? "$killed kills in $runs runs, $early of them before the first checkpoint"
is "$wrong" "" "every run ended with the bytes and the log of an uninterrupted one, and no part of a file"
tap_end
