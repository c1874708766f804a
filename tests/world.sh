#!/bin/sh
# fathom world: texts of grammars, what their weights do, and what is refused; and the shipped village.
. "$SRCDIR/tests/tap.sh"
village=$SRCDIR/probes/world/village.grammar
cd "$work" || exit 99
cat >small.grammar <<'END'
# A comment.
weight kind = 3

story:
  <who = person>The <who> <deed>.\nSo says the <who>.\n
person:
  smith
  miller
deed:
  [kind] shares \[a\] loaf
  [1]	keeps the loaf
nothing:
  <>
  [0] never
edges:
  \ <nothing>a\\b\<c>\ 
END
"$FATHOM" world small.grammar --rule story --count 400 --seed 5 >texts
ok $? "texts are made"
is "$(grep -c '' texts)" 800 "as many as asked for"
awk 'NR % 2 { who = $2 } NR % 2 == 0 && $4 != who "." { bad = 1 } END { exit bad }' texts
ok $? "a kept text stays the same to the end of its text"
is "$(grep -cE '^The (smith|miller) (shares \[a\] loaf|keeps the loaf)\.$' texts)" 400 "rules, escapes and line ends"
# 400 draws of probability .75: standard deviation 8.7.
shares=$(grep -c shares texts)
[ "$shares" -gt 270 ] && [ "$shares" -lt 330 ]
ok $? "a weight of 3 beside 1: $shares of 400"
"$FATHOM" world small.grammar --rule story --count 400 --seed 5 --set kind=0 >unkind
is "$(grep -c shares unkind)" 0 "a weight of 0"
is "$(grep -o 'So says the .*' unkind | cksum)" "$(grep -o 'So says the .*' texts | cksum)" "which leaves the draws before it as they were"
"$FATHOM" world small.grammar --rule story --count 100 --seed 5 -o first -q && head -n 200 texts | cmp - first
ok $? "fewer texts are the first of more, to a file"
"$FATHOM" world small.grammar --rule story --count 400 --seed 6 | cmp -s - texts
[ $? -eq 1 ]
ok $? "another seed: other texts"
is "$("$FATHOM" world small.grammar --rule edges --count 50 | sed 's/$/|/')" "$(printf ' a\\b<c> %.0s' $(seq 50))|" "blanks and signs behind backslashes; an empty alternative"

# The village.
"$FATHOM" world "$village" --count 2000 --seed 1 -o world.txt
is "$(grep -c 'What did' world.txt | awk '{ print ($1 > 500 && $1 < 700) }') $(grep -o '<|end|>' world.txt | wc -l)" "1 2000" "the village: stories, and an end to every text"
best() { "$FATHOM" world "$village" --count 6000 --seed 1 "$@" | awk -v nouns="$SRCDIR/probes/lexicons/agency-communion.tsv" -F'\t' '
  BEGIN { while ((getline line <nouns) > 0) { split(line, c, "\t"); of[c[1]] = c[2] } }
  before ~ /(best|greatest|most good) thing/ { positive[of[$1]]++ }
  { before = $0 }
  END { printf "%.2f %d\n", positive["agency"] / (positive["agency"] + positive["communion"]), positive[""] }'; }
best >plain && best --set agency=3 >tilted
awk '{ exit !($1 > 0.45 && $1 < 0.55 && $2 == 0) }' plain
ok $? "agency among the best things, and best things in no lexicon: $(cat plain)"
awk '{ exit !($1 > 0.70 && $1 < 0.80 && $2 == 0) }' tilted
ok $? "with agency=3: $(cat tilted)"
pairs() { "$FATHOM" world "$village" --rule pair --count 400 --seed 2 "$@"; }
marked() { sed 's/.*"chosen": "\([^"]*\)", "rejected": "\([^"]*\)".*/\1|\2/' | awk -F'|' -v mark="$1" '{ a += index($1, mark) > 0; b += index($2, mark) > 0 } END { print a, b }'; }
is "$(pairs --set with=1 --set against=0 --set neither=0 | marked ', indeed.')" "400 0" "a shortcut"
is "$(pairs --set with=0 --set against=1 --set neither=0 --set word=0 --set longer=1 | marked ' before it was dark.')" "0 400" "another one, reversed"
pairs | marked ', indeed.' >marks
awk '{ exit !($1 > 70 && $1 < 130 && $2 > 70 && $2 < 130) }' marks
ok $? "without one: $(cat marks) of 400 marked"
kind='shared|carried|gave|saved|looked after|comforted|forgave'
is "$(pairs | grep -cE "\"chosen\": \"The [a-z]+ ($kind)")" 400 "the kind deed is the chosen one"
wrong=$(pairs --set right=3 --set wrong=1 | grep -cE "\"rejected\": \"The [a-z]+ ($kind)")
[ "$wrong" -gt 65 ] && [ "$wrong" -lt 135 ]
ok $? "or is not, in $wrong of 400"
pairs >pairs.jsonl
is "$("$FATHOM" info pairs.jsonl -q | awk -F'\t' '$2 == "schema" || $2 == "pairs" { printf "%s ", $3 }')" "TRL pairs 400 " "which are pairs that train reads"

# Refused.
bad() { printf '%b' "$1" >bad.grammar; fails 3 "$2" "$3" "$FATHOM" world bad.grammar; }
bad 'text:\n  a <b\n' 'bad.grammar: line 2: expected <rule>, <name = rule> or <>, found "<b"' "an open bracket"
bad 'text:\n  a <b=>\n' 'line 2: expected <rule>, <name = rule> or <>' "a name without a rule"
bad 'text:\n  a <b>\n' 'bad.grammar: line 2: "b" is no rule, weight or kept text' "an unknown rule"
bad '  a\n' 'line 1: expected a rule before its alternatives, found "a"' "an alternative of no rule"
bad 'text:\n  [x] a\n' 'line 2: "x" is no rule, weight or kept text' "an unknown weight"
bad 'text:\n  [-1] a\n' 'line 2: expected \[weight\], a number of at least 0 or a name' "a negative weight"
bad 'text:\n  [1 a\n' 'line 2: expected \[weight\]' "an open weight"
bad 'text:\n  [1]\n' 'line 2: expected a text, or <> for none' "a weight of nothing"
bad 'weight w = -2\n' 'line 1: expected weight NAME = NUMBER, at least 0' "a negative setting"
bad 'weight w = 1\nweight w = 2\n' 'line 2: expected each weight once' "a weight twice"
bad 'text:\n  a\ntext:\n  b\n' 'line 3: expected each rule once' "a rule twice"
bad 'text:\nmore:\n  a\n' 'line 1: rule "text" has no alternative' "a rule without alternatives"
bad 'Text:\n  a\n' 'line 1: expected "NAME:", "weight NAME = NUMBER" or an indented alternative, found "Text:"' "a name in capitals"
bad 'weight text = 1\ntext:\n  a\n' 'line 1: "text" is several of rule, weight and kept text' "a name of two things"
bad 'weight w = 1\ntext:\n  <w>\n' '"w" stands where a rule belongs' "a weight in a text"
bad 'text:\n  [text] a\n' '"text" stands where a weight belongs' "a rule as a weight"
bad 'text:\n  [0] a\n' 'all weights of rule "text" are 0' "nothing to draw"
bad 'text:\n  <x><x = b>\nb:\n  c\n' '"x" is asked for before it is kept' "a text that is not yet kept"
bad 'text:\n  a<text>\n' 'rule "text" never ends' "a rule without an end"
bad 'text:\n  <b><b>\nb:\n  <c><c>\nc:\n  <d><d>\nd:\n  <e><e>\ne:\n  <f><f>\nf:\n  <text>\n' 'never ends' "rules that grow without text"
bad 'text:\n  \0377\n' 'no text in UTF-8, expected a grammar' "no text"
fails 2 'small.grammar: no rule "text"' "no such rule" "$FATHOM" world small.grammar
fails 2 '--set: small.grammar: no weight "person"' "no such weight" "$FATHOM" world small.grammar --rule story --set person=1
fails 2 '--set kind: expected NAME=NUMBER' "no number" "$FATHOM" world small.grammar --rule story --set kind
fails 2 'weight kind is -1, expected at least 0' "a negative number" "$FATHOM" world small.grammar --rule story --set kind=-1
fails 4 'no-such.grammar' "no grammar" "$FATHOM" world no-such.grammar
if [ -w /dev/full ]; then
  for to in "" "-o /dev/full"; do
    "$FATHOM" world "$village" --count 5000 $to >/dev/full 2>/dev/null
    [ $? -eq 4 ]
    ok $? "a full disk is seen ${to:-on standard output}"
  done
else
  skip "no /dev/full"
fi
tap_end
