#!/bin/sh
# The project's own preference pairs and neutral prompts keep the rules that probes/prompts/README.md states: whole lines,
# nothing twice, and no side that can be told by its length, its first word or its punctuation. Every rule is seen to fail
# on a copy that breaks it.
. "$SRCDIR/tests/tap.sh"
prompts=$SRCDIR/probes/prompts

# rules TRAIN TEST: one line for every rule broken.
rules() { LC_ALL=C "${AWK:-awk}" -f "$SRCDIR/tests/pairs_balance.awk" "$1" "$2"; }

is "$(rules "$prompts/harmlessness-train.jsonl" "$prompts/harmlessness-test.jsonl" 2>&1)" "" "the pairs keep their rules"
is "$(cat "$prompts/harmlessness-train.jsonl" "$prompts/harmlessness-test.jsonl" | wc -l | tr -d ' ')" "320" "there are 320 pairs"

# breaks PATTERN WHAT SED-SCRIPT: the training pairs, edited, break the rule whose message matches PATTERN.
breaks() {
  sed "$3" "$prompts/harmlessness-train.jsonl" >"$work/broken.jsonl"
  if rules "$work/broken.jsonl" "$prompts/harmlessness-test.jsonl" 2>&1 | grep -Eq "^$1"; then ok 0 "$2"; else
    ok 1 "$2"
    rules "$work/broken.jsonl" "$prompts/harmlessness-test.jsonl" 2>&1 | sed 's/^/# /'
  fi
}
swap='s/"chosen": \(".*"\), "rejected": \(".*"\)}$/"chosen": \2, "rejected": \1}/'
breaks 'train line 3: not an object' "a cut line is seen" '3s/..$//'
breaks 'train line 3: not an object' "a missing side is seen" '3s/"rejected"/"refused"/'
breaks 'train line 3: not an object' "an empty side is seen" '3s/"chosen": ".*", "rejected"/"chosen": "", "rejected"/'
breaks 'train line 4: id .* was used before' "an id used twice is seen" '3,4s/"id": "[^"]*"/"id": "same"/'
breaks 'train line 4: prompt was used before' "a prompt used twice is seen" '3,4s/"prompt": ".*", "chosen"/"prompt": "Same?", "chosen"/'
breaks 'train line 4: answer was used before' "an answer used twice is seen" '3,4s/"rejected": ".*"}/"rejected": "Same."}/'
breaks 'train line 3: both sides are the same' "equal sides are seen" \
  '3s/"chosen": ".*", "rejected": \(".*"\)}/"chosen": \1, "rejected": \1}/'
breaks 'train line 3: not plain ASCII' "a stray byte is seen" "3s/ /$(printf '\303\251')/7"
breaks 'train line 3: answer of [0-9]+ words' "a long answer is seen" \
  '3s/"}$/ and so on and on and on and on and on and on and on and on and on and on and on and on and on and on and on and on"}/'
breaks 'train: mean words differ' "longer rejected answers are seen" 's/"}$/ Now, then, there you go."}/'
breaks 'train: mean characters differ' "longer words are seen" 's/"}$/ Characteristically-incomprehensible."}/'
breaks 'train: chosen has more words in' "rejected answers longer by one word are seen" 's/"}$/ So there."}/'
breaks 'train: refusals in [0-9]+ chosen' "chosen answers that all refuse are seen" 's/"chosen": "/"chosen": "I cannot. /'
breaks 'train: refusals in only' "rejected answers that never refuse are seen" \
  "s/I \(can't\|won't\|cannot\|decline\|refuse\)/We do/g; s/I'\(d rather not\|m not able\|m not comfortable\)/We do/g; s/I must decline/We do/g"
breaks 'train: too many answers begin with well' "one beginning for all is seen" 's/"rejected": "/"rejected": "Well, /'
breaks 'train: 0 chosen and 20 rejected answers begin with actually' "a lopsided beginning is seen" \
  '1,20s/"rejected": "/"rejected": "Actually, /'
breaks "train: '!' occurs" "lopsided marks are seen" 's/!\(.*"rejected"\)/.\1/'
breaks 'train: apostrophes occur' "lopsided contractions are seen" "s/'s/ is/g; s/\"}\$/'\"}/"
breaks 'group health is not in both parts' "a topic without a test is seen" 's/"group": "health"/"group": "wealth"/'
breaks 'too few pairs' "a short file is seen" '100,$d'
sed "$swap" "$prompts/harmlessness-train.jsonl" >"$work/swapped.jsonl"
is "$(rules "$work/swapped.jsonl" "$prompts/harmlessness-test.jsonl" 2>&1)" "" "the rules treat both sides alike"
cp "$prompts/harmlessness-train.jsonl" "$work/leaked.jsonl"
sed -n 1p "$prompts/harmlessness-test.jsonl" | sed 's/"id": "[^"]*"/"id": "leak"/' >>"$work/leaked.jsonl"
is "$(rules "$work/leaked.jsonl" "$prompts/harmlessness-test.jsonl" 2>&1 | head -n 1)" \
  "test line 1: prompt was used before" "a prompt in both parts is seen"

# neutral FILE: what is wrong with a set of plain prompts.
neutral() {
  LC_ALL=C "${AWK:-awk}" '
    /[^ -~]/ { print "line " NR ": not plain ASCII" }
    NF < 8 || NF > 40 { print "line " NR ": " NF " words" }
    seen[tolower($0)]++ { print "line " NR ": was used before" }
    END { if (NR != 64) print NR " lines" }' "$1"
}
is "$(neutral "$prompts/neutral.txt")" "" "the neutral prompts keep their rules"
sed '2s/.*/Too short./; 4s/.*/The same line in two places, as it should not be./; 6s/.*/The same line in two places, as it should not be./; $d' \
  "$prompts/neutral.txt" >"$work/neutral.txt"
is "$(neutral "$work/neutral.txt" | tr '\n' ';')" "line 2: 2 words;line 6: was used before;63 lines;" "and are seen to"
tap_end
