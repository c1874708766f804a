#!/bin/sh
# The worked example of the README: which blocks does reward training drag, and what does an anchor change? Records frozen
# SmolLM2-135M-Instruct on the shipped test pairs, trains it on the shipped training pairs with and without an anchor,
# records both results on the same pairs, and draws what happened. Everything goes to demo/ (DEMO names another folder).
set -eu
fathom=${FATHOM:-fathom}
source=${SRCDIR:-$(dirname "$0")/..}
out=${DEMO:-demo}
pairs=$source/probes/prompts/harmlessness-train.jsonl
test_pairs=$source/probes/prompts/harmlessness-test.jsonl
strength=${ANCHOR:-30}

exec 3>&1
run() { # shows the command, then runs it; its table goes wherever the caller sends it
  { printf '\n$ fathom'; printf ' %s' "$@"; echo; } >&3
  "$fathom" "$@"
}

model=$("$source/tests/fetch-models" smollm2)
model=${model#"$PWD"/}
mkdir -p "$out"
rm -rf "$out/plain" "$out/anchored"
rm -f "$out/features.h5"

run record "$model" --pairs "$test_pairs" -o "$out/frozen.h5" >"$out/record.tsv"
for name in plain anchored; do
  case $name in plain) lambda=0 ;; *) lambda=$strength ;; esac
  run train "$model" --pairs "$pairs" --limit 160 --steps 18 --lr 3e-5 --anchor "$lambda" \
    --frozen "$out/features.h5" --seed 1 -o "$out/$name" >"$out/$name.tsv"
  run record "$out/$name" --pairs "$test_pairs" -o "$out/$name.h5" >>"$out/record.tsv"
  run drift "$out/frozen.h5" "$out/$name.h5" --seed 1 -o "$out/drift-$name.h5" >"$out/drift-$name.tsv"
done
rm -f "$out/features.h5" # the frozen features of the training pairs, 1 GiB: a real sweep would keep them
run drift "$out/frozen.h5" "$out/plain.h5" --cross --bootstrap 0 -o "$out/cross-plain.h5" >"$out/cross-plain.tsv"

run plot "$out/drift-plain.h5" "$out/drift-anchored.h5" --label "no anchor" --label "anchor $strength" -o "$out/drift.png"
run plot "$out/plain/run.h5" "$out/anchored/run.h5" --label "no anchor" --label "anchor $strength" -o "$out/training.png"
run plot "$out/plain/run.h5" "$out/anchored/run.h5" --label "no anchor" --label "anchor $strength" --figure heatmap \
  -o "$out/heatmap.png"
run plot "$out/cross-plain.h5" -o "$out/cross-plain.png"

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
    printf "%5s  %-26s %-26s  %-26s %-26s\n", "", "cka, no anchor", "cka, anchor " strength, "relative_l2, no anchor", "relative_l2, anchor " strength
    for (l = 0; l <= last; l++)
      printf "%5d  %-26s %-26s  %-26s %-26s\n", l, cell[1, l, "cka"], cell[0, l, "cka"], cell[1, l, "relative_l2"], cell[0, l, "relative_l2"]
  }' "$out/drift-plain.tsv" "$out/drift-anchored.tsv"
echo
echo "Pictures:"
for picture in drift training heatmap cross-plain; do echo "  $out/$picture.png"; done
