#!/bin/sh
# Preference files on the command line: what info says of every layout, what score and train note of them, options, and
# refusals.
. "$SRCDIR/tests/tap.sh"
pairs=$SRCDIR/tests/fixtures/pairs
model=$SRCDIR/tests/fixtures/llama-reward
tab=$(printf '\t')
cd "$work" || exit 99

# value FILE SECTION NAME: a cell of info's table.
value() { awk -F'\t' -v s="$2" -v n="$3" '$1 == s && $2 == n { print $3 }' "$1"; }

number=0
for file in "$pairs"/*; do
  "$FATHOM" info "$file" -q >table 2>note
  code=$?
  is "$code $(value table pairs rows)" "0 $(($(value table pairs pairs) + $(value table pairs dropped)))" \
    "info $(basename "$file"): $(value table file schema)"
  number=$((number + 1))
done
is "$number" "$(ls "$pairs" | wc -l)" "every layout's file was looked at"

# The help names every layout that a message can name.
printf '{"a":1}\n' >none.jsonl
"$FATHOM" info none.jsonl 2>note
is "$?" 3 "a file of no known layout"
sed 's/.*expected those of //' note | tr ',' '\n' | sed 's/^ //' >names
"$FATHOM" info --help >help
missing=
while read -r name; do grep -q "^  $name  " help || missing="$missing $name"; done <names
is "$(wc -l <names | tr -d ' ')$missing" "$(sed -n '/^told by:/,/^Any row/p' help | grep -c '^  ')" "info --help explains every layout"

"$FATHOM" info "$pairs/trl.jsonl" -q >table
is "$(value table pairs rows) $(value table pairs dropped_empty) $(value table pairs dropped_equal) $(value table pairs prompts)" "5 1 1 3" \
  "counts"
is "$(value table pairs with_margin) $(value table pairs with_weight) $(value table pairs with_probability)" "1 1 1" "labels"
is "$(value table words mean_chosen) $(value table words mean_rejected) $(value table words longer_wins) $(value table words shorter_wins)" \
  "4.33333333 5 0.5 0.5" "words of the answers, and what length alone scores"
is "$(value table tokens mean_chosen)" "" "no tokens without a tokenizer"
"$FATHOM" info "$pairs/trl.jsonl" --tokenizer "$model" -q >tokens
"$FATHOM" info "$pairs/trl.jsonl" --json -q >json
is "$(value tokens words mean_chosen) $(grep -c "^tokens" tokens) $(grep -o '"name": *"rows","value":"*5' json | wc -l | tr -d ' ')" \
  "4.33333333 4 1" "tokens with one, and JSON"
"$FATHOM" info "$pairs/pku.jsonl" -q >safer
"$FATHOM" info "$pairs/pku.jsonl" --preference better -q >better
is "$(value safer file schema), $(value better file schema)" "PKU-SafeRLHF (safer), PKU-SafeRLHF (better)" "the preference is named"
"$FATHOM" info "$pairs/trl.jsonl" --preference better -q 2>note >table
is "$? $(grep -c 'warning: --preference better: rows of TRL pairs say in one way only' note)" "0 1" "a preference that has no effect is warned of"
"$FATHOM" info "$pairs/one-bad-line.jsonl" -q 2>note >table
is "$? $(grep -c 'one-bad-line.jsonl: line 2: broken JSON at byte .*: left out' note) $(value table pairs dropped_bad)" "0 1 1" \
  "one bad line among good ones"
fails 3 'one-bad-line.jsonl: line 2: broken JSON' "which --strict refuses" "$FATHOM" info "$pairs/one-bad-line.jsonl" --strict
fails 2 '--tensors, --metadata and --digest are for models' "--tensors of pairs" "$FATHOM" info "$pairs/trl.jsonl" --tensors
fails 2 '--tokenizer and --strict are for files of pairs and lexicons' "--strict of a model" "$FATHOM" info "$model" --strict

# What commands note of their data.
"$FATHOM" score "$model" --pairs "$pairs/hh.jsonl" --pairs "$pairs/auto-j.jsonl" -q >table 2>note
is "$? $(grep -c "^# $pairs/hh.jsonl: HH transcripts, 3 rows: 2 pairs of 2 prompts; mean answer in words: chosen 6.0, rejected 4.5" table)" "0 1" \
  "score notes each file"
is "$(grep -c '^# HH transcripts, Auto-J: 6 read, 4 used; left out: 1 that prefer neither side, 1 with an empty answer' table)" 1 \
  "and the sum"
is "$(grep -Ec "^[^#].*${tab}(chosen|rejected)$tab" table)" 8 "two rows a pair"
is "$(grep -c '^fathom: warning: HH transcripts, Auto-J: 6 read' note)" 1 "what is left out is warned of"
fails 2 'truncate-prompt' "--truncate-prompt of prompts" "$FATHOM" score "$model" --text a --truncate-prompt
fails 3 'nothing is left of 3 pairs: 3 read, 0 used; left out: 1 with an empty answer, 2 of more than 4 tokens' "all pairs over length" \
  "$FATHOM" score "$model" --pairs "$pairs/hh.jsonl" --max-length 4
length=$("$FATHOM" score "$model" --pairs "$pairs/hh.jsonl" -q 2>/dev/null | awk -F'\t' '/^[0-9]/ && $3 > n { n = $3 } END { print n }')
"$FATHOM" score "$model" --pairs "$pairs/hh.jsonl" --max-length $((length - 3)) -q >left 2>/dev/null
"$FATHOM" score "$model" --pairs "$pairs/hh.jsonl" --max-length $((length - 3)) --truncate-prompt -q >cut 2>/dev/null
is "$(grep -c '^[0-9]' left) $(grep -c '^[0-9]' cut) $(grep -c '1 with a prompt cut on its left' cut)" "2 4 1" "--truncate-prompt keeps them"

sed -n 1,2p "$pairs/trl.jsonl" >first.jsonl
"$FATHOM" train "$SRCDIR/tests/fixtures/llama-base.gguf" --pairs "$pairs/trl.jsonl" --eval first.jsonl --eval "$pairs/subsets.jsonl" \
  --steps 1 --seed 3 -q -o trained >table 2>note
is "$? $(grep -c '^# first.jsonl: shares 2 prompts with the training pairs (2 of its 2 pairs)' table)" "0 1" "shared prompts are noted"
is "$(grep -c '^# .*subsets.jsonl: shares 0 prompts with the training pairs (0 of its 2 pairs)' table)" 1 "of each file"
is "$(grep -c '^fathom: warning: first.jsonl: shares 2 prompts' note) $(grep -c 'warning: .*subsets.jsonl: shares' note)" "1 0" \
  "and warned of where there are any"
fails 3 '^fathom: error: train: --eval: nothing is left of|--eval: .*nothing is left of 1 pairs' "an empty --eval" \
  sh -c 'printf "%s\n" "{\"prompt\":\"a\",\"chosen\":\"b\",\"rejected\":\"b\"}" >equal.jsonl
    "$0" train "$1" --pairs "$2" --eval equal.jsonl --steps 1 -q -o run2 2>note; code=$?; grep -v warning: note >&2; exit $code' \
  "$FATHOM" "$SRCDIR/tests/fixtures/llama-base.gguf" "$pairs/trl.jsonl"
tap_end
