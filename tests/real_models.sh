#!/bin/sh
# Two real models side by side, SmolLM2-135M-Instruct and Gemma 3 270M as GGUF: their numbers beside transformers' on the
# de-quantised weights, Gemma's token ids, and the map of all layers of one against all of the other. A long test.
. "$SRCDIR/tests/tap.sh"
models=${FATHOM_MODELS:-$SRCDIR/models}
smollm2=$models/SmolLM2-135M-Instruct.Q4_1.gguf
gemma3=$models/gemma-3-270m-Q4_K_M.gguf
prompts=$SRCDIR/probes/prompts/neutral.txt
for model in smollm2:"$smollm2" gemma3:"$gemma3"; do
  if [ ! -f "${model#*:}" ]; then
    skip "${model#*:} is missing: run tests/fetch-models ${model%%:*} (or set FATHOM_MODELS)"
    tap_end
    exit
  fi
done
rows() { grep -v '^#' "$1" | tail -n +2; }

# --- the numbers ---
# agrees NAME MODEL LIMIT N: within LIMIT at all of N arrays, the logits within 1e-5.
agrees() {
  "$FATHOM" verify "$2" --golden "$SRCDIR/tests/fixtures/real-$1.golden.safetensors" --limit "$3" >"$work/out" 2>"$work/err"
  is "$? $(cat "$work/err")" "0 " "$1: within $3 of transformers in float64"
  is "$(rows "$work/out" | awk -F'\t' '$2 >= 0 && $2 ~ /^[0-9]/' | wc -l)" "$4" "$1: $4 arrays"
  rows "$work/out" | sort -t "$(printf '\t')" -k 2,2gr | awk -F'\t' 'NR == 1 { print "# worst: " $1, $2 } $1 == "logits" { print "# logits:", $2 }'
  is "$(rows "$work/out" | awk -F'\t' '$1 == "logits" && $2 <= 1e-5' | wc -l)" 1 "$1: logits within 1e-5"
}
# SmolLM2's residual stream has one column a thousand times larger than the rest, which float32's sums follow.
agrees smollm2 "$smollm2" 3e-5 123
agrees gemma3 "$gemma3" 1e-5 75
fails 3 'ids\[[0-9]*\] is [0-9]*, expected a whole number from 0 to 49151$' \
  "one model's golden is not the other's" "$FATHOM" verify "$smollm2" --golden "$SRCDIR/tests/fixtures/real-gemma3.golden.safetensors"

# --- Gemma's token ids ---
wrong=0
while IFS="$(printf '\t')" read -r hex ids; do
  case $hex in '#'*) continue ;; -) hex= ;; esac
  printf "$(printf '%s' "$hex" | sed 's/../\\x&/g' | awk '{
    gsub(/\\x/, ""); for (i = 1; i < length($0); i += 2) {
      high = index("0123456789abcdef", substr($0, i, 1)) - 1; low = index("0123456789abcdef", substr($0, i + 1, 1)) - 1
      printf "\\%03o", 16 * high + low } }')" >"$work/text"
  "$FATHOM" tokenize "$gemma3" <"$work/text" >"$work/found"
  "$FATHOM" tokenize --no-special "$gemma3" <"$work/text" | "$FATHOM" tokenize --decode "$gemma3" >"$work/back"
  [ "$(cat "$work/found")" = "$ids" ] && cmp -s "$work/text" "$work/back" ||
    { echo "# $hex: $(cat "$work/found"), expected $ids"; wrong=$((wrong + 1)); }
done <"$SRCDIR/tests/fixtures/real-gemma3.tokens.tsv"
is $wrong 0 "gemma3: transformers' token ids, and the way back"

# --- side by side ---
for rule in last mean; do
  "$FATHOM" record -q "$smollm2" --prompts "$prompts" --tokens $rule -o "$work/smollm2-$rule.h5" >"$work/out" &&
    is "$(rows "$work/out" | cut -f 2,4,5)" "64	30	64" "smollm2: recorded, $rule"
  "$FATHOM" record -q "$gemma3" --prompts "$prompts" --tokens $rule -o "$work/gemma3-$rule.h5" >"$work/out" &&
    is "$(rows "$work/out" | cut -f 2,4,5)" "64	18	64" "gemma3: recorded, $rule"
  "$FATHOM" drift -q --cross --measures cka,cka_biased --bootstrap 100 "$work/smollm2-$rule.h5" "$work/gemma3-$rule.h5" \
    -o "$work/map-$rule.h5" >"$work/map-$rule" 2>"$work/err"
  is "$? $(cat "$work/err")" "0 " "a map of two models, $rule"
  is "$(rows "$work/map-$rule" | awk -F'\t' '{ print $3, $7 }' | sort | uniq -c | awk '{ print $2, $3, $1 }' | tr '\n' ' ')" \
    "cka 64 540 cka_biased 64 540 " "30 x 18 cells, 64 samples"
  is "$(rows "$work/map-$rule" | awk -F'\t' '$3 == "cka" && !($4 ~ /^-?[0-9]/ && $4 > -0.1 && $4 <= 1 && $5 ~ /^-?[0-9]/ && $5 <= $6)' | wc -l)" \
    0 "debiased: every cell is a number up to 1 with its interval"
  is "$(rows "$work/map-$rule" | awk -F'\t' '$3 == "cka_biased" && !($4 ~ /^[0-9]/ && $4 >= 0 && $4 <= 1)' | wc -l)" 0 "biased: from 0 to 1"
  "$FATHOM" drift -q --cross --bootstrap 0 "$work/gemma3-$rule.h5" "$work/smollm2-$rule.h5" >"$work/turned"
  is "$({ rows "$work/map-$rule" | awk -F'\t' '$3 == "cka" { print $1, $2, $4 }'; rows "$work/turned" | awk -F'\t' '{ print $2, $1, $4 }'; } |
    awk '{ at = $1 " " $2 } !(at in value) { value[at] = $3; next } { n++; d = value[at] - $3; wrong += !(d * d <= 1e-12) } END { print n, wrong + 0 }')" \
    "540 0" "the other way round: the same cells"
done
# What a text is about survives the mean over its tokens: late layers of the two agree more than the first block and the last.
cell() { rows "$work/map-mean" | awk -F'\t' -v a="blocks.$1.hook_resid_post" -v b="blocks.$2.hook_resid_post" '$1 == a && $2 == b && $3 == "cka" { print $4 }'; }
is "$(awk -v late="$(cell 27 16)" -v far="$(cell 29 0)" 'BEGIN { print (late > far + 0.3) }')" 1 "late layers are alike, first and last are not"
"$FATHOM" record -q "$gemma3" --prompts "$prompts" --limit 4 --tokens all -o "$work/gemma3-all.h5" >/dev/null
"$FATHOM" record -q "$smollm2" --prompts "$prompts" --limit 4 --tokens all -o "$work/smollm2-all.h5" >/dev/null
fails 3 'hold different rows: sample 0 .*: 14 tokens against 15 of another tokenizer \(both recorded with --tokens last, or mean, compare\)$' \
  "rows that are tokens of two tokenizers" "$FATHOM" drift --cross "$work/smollm2-all.h5" "$work/gemma3-all.h5"
if command -v gnuplot >/dev/null; then
  "$FATHOM" plot "$work/map-mean.h5" -o "$work/map.svg" 2>"$work/err"
  is "$? $(cat "$work/err")" "0 " "the map is drawn"
  for name in "A: SmolLM2-135M-Instruct.Q4_1, layer (resid_post)" "B: gemma-3-270m-Q4_K_M, layer (resid_post)"; do
    grep -qF "$name" "$work/map.svg"
    ok $? "its axis: $name"
  done
else
  skip "no gnuplot to draw the map"
fi
tap_end
