#!/bin/sh
# The worked example of the README: which blocks does reward training drag, and what does an anchor change? Records a frozen model on
# test pairs, trains it on training pairs with and without an anchor, records both results on the test pairs, draws what happened and
# puts it on one page. The model is SmolLM2-135M-Instruct, with the shipped pairs; or, where there is no network to fetch it, a small
# one that is pretrained here on texts of a made world (probes/world), with pairs of that world.
# Settings: MODEL=smollm2 or world; STEPS and ANCHOR of the reward training; PRETRAIN, steps for the world; DEMO, the folder.
set -eu
fathom=${FATHOM:-fathom}
source=${SRCDIR:-$(dirname "$0")/..}
out=${DEMO:-demo}
choice=${MODEL:-smollm2}
world=$source/probes/world
world=${world#"$PWD"/}

exec 3>&1
say() { echo "demo: $*" >&2; }
run() { # shows the command as one would type it, then runs it; its table goes wherever the caller sends it
  {
    printf '\n$ fathom'
    for word in "$@"; do case $word in *" "*) printf ' "%s"' "$word" ;; *) printf ' %s' "$word" ;; esac; done
    echo
  } >&3
  "$fathom" "$@"
}

case $choice in
smollm2)
  failure=0
  model=$("$source/tests/fetch-models" smollm2) || failure=$?
  if [ "$failure" -eq 5 ] && [ -z "${MODEL:-}" ]; then
    choice=world
    say "no network, so this goes on with the made world: a small model, pretrained here in a minute"
  elif [ "$failure" -ne 0 ]; then
    say "'make demo MODEL=world' does without SmolLM2 and a network"
    exit "$failure"
  fi
  ;;
world) ;;
*)
  say "MODEL is '$choice', expected smollm2 or world"
  exit 2
  ;;
esac

mkdir -p "$out"
rm -rf "$out/start" "$out/base" "$out/plain" "$out/anchored"
rm -f "$out/features.h5"

case $choice in
smollm2)
  model=${model#"$PWD"/}
  pairs=$source/probes/prompts/harmlessness-train.jsonl test_pairs=$source/probes/prompts/harmlessness-test.jsonl
  pairs=${pairs#"$PWD"/} test_pairs=${test_pairs#"$PWD"/}
  rate=3e-5 strength=${ANCHOR:-30}
  ;;
world)
  model=$out/base pairs=$out/train.jsonl test_pairs=$out/test.jsonl
  rate=1e-3 strength=${ANCHOR:-1}
  export OMP_NUM_THREADS=1 # of matrices this small, a second thread gains little, and waits where others want its processor
  run world "$world/village.grammar" --count 20000 --seed 1 -o "$out/world.txt"
  run world "$world/village.grammar" --rule pair --count 160 --seed 2 -o "$pairs"
  run world "$world/village.grammar" --rule pair --count 64 --seed 3 -o "$test_pairs"
  run new "$world/config.json" --text "$out/world.txt" --seed 1 -o "$out/start" >"$out/new.tsv"
  run train "$out/start" --objective lm --text "$out/world.txt" --eval-split 0.02 --max-length 128 --batch-size 16 \
    --batch-tokens 2048 --lr 3e-3 --steps "${PRETRAIN:-400}" --seed 1 -o "$model" >"$out/base.tsv"
  ;;
esac

run record "$model" --pairs "$test_pairs" -o "$out/frozen.h5" >"$out/record.tsv"
for name in plain anchored; do
  case $name in plain) lambda=0 ;; *) lambda=$strength ;; esac
  run train "$model" --pairs "$pairs" --limit 160 --steps "${STEPS:-18}" --lr "$rate" --anchor "$lambda" \
    --frozen "$out/features.h5" --seed 1 -o "$out/$name" >"$out/$name.tsv"
  run record "$out/$name" --pairs "$test_pairs" -o "$out/$name.h5" >>"$out/record.tsv"
  run drift "$out/frozen.h5" "$out/$name.h5" --seed 1 -o "$out/drift-$name.h5" >"$out/drift-$name.tsv"
done
rm -f "$out/features.h5" # the frozen features of the training pairs, 1 GiB of SmolLM2's: a real sweep would keep them
run drift "$out/frozen.h5" "$out/plain.h5" --cross --bootstrap 0 -o "$out/cross-plain.h5" >"$out/cross-plain.tsv"

run plot "$out/drift-plain.h5" "$out/drift-anchored.h5" --label "no anchor" --label "anchor $strength" -o "$out/drift.png"
run plot "$out/plain/run.h5" "$out/anchored/run.h5" --label "no anchor" --label "anchor $strength" -o "$out/training.png"
run plot "$out/plain/run.h5" "$out/anchored/run.h5" --label "no anchor" --label "anchor $strength" --figure heatmap \
  -o "$out/heatmap.png"
run plot "$out/cross-plain.h5" -o "$out/cross-plain.png"
run report "$out" -o "$out/report.html" >"$out/report.tsv"

echo
echo "The runs:"
for name in plain anchored; do grep -v '^#' "$out/$name.tsv"; done | awk 'NR != 3' | cut -f 1,2,4,5,7,8,9
echo
echo "Drift of the residual stream after each block on the $(grep -c . "$test_pairs") test pairs (response tokens; 95 % intervals over pairs):"
awk -F'\t' -v strength="$strength" '
  /^#/ || $1 == "site" { next }
  { cell[FILENAME == ARGV[1], $2, $3] = sprintf("%.4f [%s, %s]", $4, $5 == "-" ? "-" : sprintf("%.4f", $5), $6 == "-" ? "-" : sprintf("%.4f", $6))
    if ($2 > last) last = $2 }
  END {
    printf "%5s  %-26s %-26s  %-26s %s\n", "", "cka, no anchor", "cka, anchor " strength, "relative_l2, no anchor", "relative_l2, anchor " strength
    for (l = 0; l <= last; l++)
      printf "%5d  %-26s %-26s  %-26s %s\n", l, cell[1, l, "cka"], cell[0, l, "cka"], cell[1, l, "relative_l2"], cell[0, l, "relative_l2"]
  }' "$out/drift-plain.tsv" "$out/drift-anchored.tsv"
if [ "$choice" = world ]; then
  echo
  echo "This was a made world: its model knows $(wc -c <"$out/world.txt") bytes of one grammar. It shows how fathom is used, and says nothing of real models."
fi
echo
echo "Pictures:"
for picture in drift training heatmap cross-plain; do echo "  $out/$picture.png"; done
echo "All of it on one page: $out/report.html"
