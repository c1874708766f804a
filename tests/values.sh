#!/bin/sh
# fathom train --value-axis: where value words lie and rank as training goes on, exact resumption, the figure, and what is
# refused.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
f=$SRCDIR/tests/fixtures
base=$f/llama-base.gguf
make=$(dirname "$FATHOM")/tests/make_store
cd "$work" || exit 99
write_pairs pairs.jsonl
# 12 words of either pole, some with an inflection, and 10 neutral ones.
awk -v OFS='\t' 'BEGIN {
  print "word", "category", "lemma", "pos"
  split("lead win strive act dare build drive rule push steer climb master share care help love give trust heal guard join greet nurse comfort table stone river cloud chair paper glass wheel bread grass", w, " ")
  for (i = 1; i <= 34; i++) {
    c = i <= 12 ? "agency" : i <= 24 ? "communion" : "neutral"
    print w[i], c, w[i], "verb"
    if (i % 6 == 0 && i <= 24) print w[i] "s", c, w[i], "verb"
  }
}' >words.tsv
printf 'id\tpos\tsentence\na\tverb\tthey wanted to {word} again\nb\t\tand so to {word}\n' >sentences.tsv
train() {
  "$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 --threads 1 --chat-template chatml -q "$@"
}
follow() { train --value-axis x.h5 --value-words words.tsv "$@"; }
values() { "$FATHOM" plot "$@" --figure values --tsv -q; }

"$FATHOM" axis "$base" --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 0 --threads 1 -q -o x.h5 >x.tsv
is "$? $("$FATHOM" info x.h5 -q | awk -F '\t' '$2 ~ /^sentences/ { printf "%s %s;", $2, $3 }')" \
  "0 sentences/after text [2];sentences/before text [2];sentences/id text [2];sentences/pos text [2];" "an axis keeps its sentences"

"$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 --threads 1 --chat-template chatml -o run \
  --value-axis x.h5 --value-words words.tsv >run.tsv 2>said
ok $? "a run that follows an axis"
grep -Eq '^values: 38 words in 2 sentences and as answers to 6 prompts: [0-9]+ tokens forward at each of 5 steps, about [0-9.e+]+ % of what the updates take$' said
ok $? "says beforehand what that costs"
grep -Eq '^run: 5 looks at value words took [0-9.]+ s of them$' said
ok $? "and afterwards"
is "$("$FATHOM" info run/run.h5 -q | awk -F '\t' '$2 ~ /^values/ { printf "%s %s;", $2, $3 }')" \
  "values/category text [3];values/framing text [6];values/lemmas number [3];values/median_rank number [5, 6, 3];values/projection number [5, 2, 3];values/prompt text [6];values/shift number [5, 2, 3];values/site text [2];values/step number [5];values/words number [3];" \
  "what is looked at is in run.h5"
train -o plain >/dev/null
cmp plain/model.safetensors run/model.safetensors
ok $? "looking changes nothing"

# Exact resumption.
follow -o kept --checkpoint-every 3 >/dev/null
rm kept/config.json kept/model.safetensors
follow -o kept --checkpoint-every 3 --resume >/dev/null
cmp run/model.safetensors kept/model.safetensors && "$FATHOM" info kept/run.h5 -q | grep values >a && "$FATHOM" info run/run.h5 -q | grep values | cmp - a
ok $? "resumed from a checkpoint"

# Refused.
fails 2 '--value-axis: whose words lie where along which axis[?] Give --value-axis and --value-words' "an axis without words" train -o x --value-axis x.h5
fails 2 '--value-words: whose words' "words without an axis" train -o x --value-words words.tsv
fails 2 '--value-prompts needs --value-axis and --value-words' "prompts without both" train -o x --value-prompts p.txt
fails 3 'pairs.jsonl: .*' "an axis that is none" train -o x --value-axis pairs.jsonl --value-words words.tsv
fails 3 'run.h5: holds a result of kind run, expected axis' "a result of another kind" train -o x --value-axis run/run.h5 --value-words words.tsv
fails 4 'no.h5: ' "a missing axis" train -o x --value-axis no.h5 --value-words words.tsv
fails 4 'no.tsv: ' "a missing lexicon" train -o x --value-axis x.h5 --value-words no.tsv
fails 4 'no.jsonl: ' "missing prompts" follow -o x --value-prompts no.jsonl
"$FATHOM" axis "$f/llama-reward" --lexicon words.tsv --permutations 0 --threads 1 -q -o other.h5 >/dev/null
fails 3 'other.h5: axes of another model \(weights [0-9a-f]{12}\.\.\., this model has [0-9a-f]{12}\.\.\.\)' "axes of another model" \
  train -o x --value-axis other.h5 --value-words words.tsv
test ! -e x
ok $? "what was refused left no folder"
tap_end
