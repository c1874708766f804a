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
# Nor does it of other ways to make a step, of which each has memory of its own.
changed=
while read -r file options; do
  set -- $options
  rm -rf with without
  train -o without "$@" >/dev/null 2>why || { grep -q -e '--dtype bfloat16: this ' why && continue; }
  follow -o with "$@" >/dev/null && cmp "with/$file" "without/$file" || changed="$changed; $options"
  for run in with without; do "$FATHOM" plot $run/run.h5 --tsv -q | grep -v '^#' | cut -f 2- >$run.tsv; done
  [ -s with.tsv ] && cmp with.tsv without.tsv || changed="$changed; what is logged of $options"
done <<END
adapter_model.safetensors --train lora --lora-rank 2 --recompute --batch-tokens 16
model.safetensors --train last:1 --sft 0.3 --recompute
model.safetensors --dtype bfloat16 --batch-tokens 16
adapter_model.safetensors --train lora --lora-rank 2 --dtype bfloat16
END
is "$changed" "" "nor with LoRA, recomputation, small micro-batches or bfloat16"

# The table, and what its numbers must be.
values run/run.h5 >v.tsv
is "$? $(grep -v '^#' v.tsv | head -1)" "0 $(printf 'file\tstep\tmeasure\tframing\tprompt\tsite\tlayer\tcategory\tvalue\tn')" "plot has it as a table"
is "$(awk -F '\t' '!/^#/ && $1 == "run" { print $2 }' v.tsv | sort -un | tr '\n' ' ')" "0 1 2 4 8 " "at the steps where drift is measured"
awk -F '\t' '!/^#/ && $3 == "shift" { n++; moved[$2] += $9 != 0; if ($10 != ($8 == "neutral" ? 10 : 12)) bad = 1 } END { exit !(n == 30 && moved[0] == 0 && moved[8] == 6 && !bad) }' v.tsv
ok $? "nothing has shifted at step 0, everything at the last; lemmas are counted"
awk -F '\t' '!/^#/ && $3 == "projection" { at[$2 $6 $8] = $9 } !/^#/ && $3 == "shift" { shift[$2 $6 $8] = $9; step[$2 $6 $8] = "0" $6 $8 }
  END { for (i in shift) { n++; d = shift[i] - (at[i] - at[step[i]]); if (d * d > 1e-12) bad = 1 } exit !(n == 30 && !bad) }' v.tsv
ok $? "a shift is the projection less that of step 0"
# No axis is fit on neutral words, so that fathom axis prints what step 0 must have.
awk -F '\t' 'NR == FNR { if (/^#/) next; if (!at) { for (i = 1; i <= NF; i++) if ($i == "score_neutral") at = i; next } want[$1] = $at; next }
  $3 == "projection" && $2 == 0 && $8 == "neutral" { n++; d = $9 - want[$6]; if (!(d * d < 1e-10)) bad = 1 } END { exit !(n == 2 && !bad) }' x.tsv v.tsv
ok $? "step 0 is where fathom axis has the words of the frozen model"
"$FATHOM" axis run --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 0 --threads 1 -q -o y.h5 >/dev/null &&
  "$FATHOM" axis x.h5 y.h5 --bootstrap 0 --threads 1 -q >shift.tsv
awk -F '\t' 'NR == FNR { if ($3 == "shift") want[$1 $4] = $5; next }
  $3 == "shift" && $2 == 8 { n++; d = $9 - want[$6 $8]; if (!(d * d < 1e-8)) bad = 1 } END { exit !(n == 6 && !bad) }' shift.tsv v.tsv
ok $? "the last step is where fathom axis has those of the model that came of it"
awk -F '\t' '!/^#/ && $3 == "median_rank" { k = $2 $4 $8; if ($5 == "-") mean[k] = $9; else { sum[k] += $9; n[k]++ } if ($10 != 38) bad = 1 }
  END { for (k in mean) { m++; d = mean[k] - sum[k] / n[k]; if (d * d > 1e-10 || n[k] != 3) bad = 1 } exit !(m == 30 && !bad) }' v.tsv
ok $? "six prompts, three a framing, and their means"

# Ranks of the finished model, from rewards of fathom score.
awk -F '\t' 'NR > 1 { printf "{\"id\":\"%s\",\"group\":\"%s\",\"messages\":[{\"role\":\"user\",\"content\":\"What, in one word, is the worst thing ever?\"},{\"role\":\"assistant\",\"content\":\"%s\"}]}\n", $1, $2, $1 }' words.tsv >answers.jsonl
"$FATHOM" score run --prompts answers.jsonl --chat-template chatml --threads 1 -q | grep -v '^#' | awk -F '\t' '
  NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next } { print $at["reward"] "\t" $at["id"] }' | sort -gr | cut -f 2 >order
for category in agency communion neutral; do
  awk -F '\t' -v c=$category 'NR == FNR { of[$1] = $2; next } of[$1] == c { rank[++n] = FNR } END { printf "%s ", n % 2 ? rank[(n + 1) / 2] : (rank[n / 2] + rank[n / 2 + 1]) / 2 }' words.tsv order
done >want
is "$(awk -F '\t' '$2 == 8 && $5 == "worst_ever_one" { printf "%s ", $9 }' v.tsv)" "$(cat want)" "ranks are those of the rewards that fathom score gives"

# Exact resumption.
follow -o kept --checkpoint-every 3 >/dev/null
rm kept/config.json kept/model.safetensors
follow -o kept --checkpoint-every 3 --resume >/dev/null
values run/run.h5 | grep -v '^#' | cut -f 2- >a
values kept/run.h5 | grep -v '^#' | cut -f 2- | cmp - a && cmp run/model.safetensors kept/model.safetensors
ok $? "resumed from a checkpoint: the same values"
n_killed=0
for delay in 0.05 0.1 0.2 0.4; do
  rm -rf killed
  timeout --foreground -s KILL "$delay" "$FATHOM" train "$base" --pairs pairs.jsonl --lr 1e-2 --steps 8 --batch-size 4 --seed 3 --threads 1 --chat-template chatml -q \
    --value-axis x.h5 --value-words words.tsv -o killed --checkpoint-every 1 >/dev/null
  [ -e killed/config.json ] && continue
  n_killed=$((n_killed + 1))
  follow -o killed --checkpoint-every 1 --resume >/dev/null && values killed/run.h5 | grep -v '^#' | cut -f 2- | cmp - a || break
done 2>/dev/null
[ "$n_killed" -gt 0 ] && values killed/run.h5 | grep -v '^#' | cut -f 2- | cmp - a
ok $? "killed ($n_killed of 4 runs were) and resumed: the same values"
rm -f kept/config.json kept/model.safetensors
sed 's/^lead\tagency/leading\tagency/' words.tsv >renamed.tsv
fails 3 'kept/checkpoint-6/state.json: a checkpoint of another model, data set or settings' "a checkpoint of other words" \
  train -o kept --checkpoint-every 3 --resume --value-axis x.h5 --value-words renamed.tsv

# Other parts, prompts, axes.
follow -o head --train head >/dev/null && values head/run.h5 >head.tsv
awk -F '\t' '$3 == "shift" && $9 != 0 { bad = 1 } $3 == "median_rank" && $8 == "agency" && $5 == "-" && $4 == "positive" && !seen[$9]++ { n++ } END { exit !(n > 1 && !bad) }' head.tsv
ok $? "the head alone moves no word, but its rank"
printf 'What is it?\nWhat is wrong?\n' >asked.txt
follow -o lora --train lora --lora-rank 2 --value-prompts asked.txt >/dev/null
is "$? $(values lora/run.h5 | awk -F '\t' '$3 == "median_rank" && $2 == 8 && $8 == "agency" { printf "%s %s;", $4, $5 }')" "0 none 1;none 2;none -;" \
  "LoRA, and prompts without a framing"
"$FATHOM" axis "$base" --lexicon words.tsv --sites resid_mid,ln_final --permutations 0 --threads 1 -q -o own.h5 >/dev/null
train -o sites --value-axis own.h5 --value-words words.tsv >/dev/null
is "$? $(values sites/run.h5 | awk -F '\t' '$3 == "shift" && $2 == 8 { printf "%s %s;", $6, $8 }')" \
  "0 blocks.0.hook_resid_mid agency;blocks.0.hook_resid_mid communion;blocks.1.hook_resid_mid agency;blocks.1.hook_resid_mid communion;ln_final.hook_normalized agency;ln_final.hook_normalized communion;" \
  "the axes' sites and categories"

# Axes of a recording do not know their sentences.
awk -F '\t' 'NR > 1 { printf "{\"id\":\"%s\",\"group\":\"%s\",\"label\":\"%s\",\"text\":\"and so to %s\"}\n", $1, $1, $2, $1 }' words.tsv >said.jsonl
"$FATHOM" record "$base" --prompts said.jsonl --tokens last --sites resid_post -q -o said.h5 >/dev/null &&
  "$FATHOM" axis said.h5 --poles agency,communion --permutations 0 --threads 1 -q -o stored.h5 >/dev/null
printf 'id\tpos\tsentence\nb\t\tand so to {word}\n' >one.tsv
awk -F '\t' 'NR == 1 || $1 == $3' words.tsv >single.tsv
awk -F '\t' 'NR > 1 { printf "{\"id\":\"%s\",\"group\":\"%s\",\"label\":\"%s\",\"text\":\"and so to %s\"}\n", $1, $1, $2, $1 }' single.tsv >single.jsonl
"$FATHOM" record "$base" --prompts single.jsonl --tokens last --sites resid_post -q -o single.h5 >/dev/null
"$FATHOM" axis "$base" --lexicon single.tsv --templates one.tsv --permutations 0 --threads 1 -q >shared.tsv && "$FATHOM" axis single.h5 --poles agency,communion --permutations 0 --threads 1 -q >whole.tsv
awk -F '\t' '/^#/ || /^site/ { next } NR == FNR { auc[$1] = $3; g[$1] = $6; next } { n++; d = $3 - auc[$1]; e = $6 - g[$1]; if (!(d * d + e * e < 1e-8)) bad = 1 } END { exit !(n == 2 && !bad) }' whole.tsv shared.tsv
ok $? "a sentence that is run once for all words gives the axes of texts that are run whole"
awk -v OFS='\t' '{ print } $1 == "win" { $4 = "noun"; print }' words.tsv >twice.tsv
train -o twice --value-axis x.h5 --value-words twice.tsv 2>why >/dev/null
is "$? $(grep -c 'left out' why)" "0 0" "a form of two parts of speech is one word, without a warning"
train -o stored --value-axis stored.h5 --value-words words.tsv 2>why >/dev/null
is "$? $(grep -c '^fathom: warning: stored.h5: does not say in which sentences its words stood: ' why)" "0 1" "axes of a recording: own sentences, and a warning"
values stored/run.h5 | awk -F '\t' '$3 == "shift" && $2 == 0 { n++; if ($9 != 0) bad = 1 } END { exit !(n == 4 && !bad) }'
ok $? "shifts are from step 0 all the same"

# An axis of one part of speech looks at the words that it was fit on.
awk -F '\t' -v OFS='\t' '$2 == "agency" && NR % 2 { $4 = "noun" } { print }' words.tsv >mixed.tsv
"$FATHOM" axis "$base" --lexicon mixed.tsv --pos verb --permutations 0 --threads 1 -q -o pos.h5 >/dev/null 2>&1
train -o pos --value-axis pos.h5 --value-words mixed.tsv >/dev/null 2>&1
is "$? $(values pos/run.h5 | awk -F '\t' '$3 == "shift" && $2 == 8 && $7 == 1 { printf "%s %s;", $8, $10 }')" "0 agency 7;communion 12;" \
  "an axis of one part of speech: its words alone"

# Several runs on one page, and a sweep that makes them.
tail -n 10 pairs.jsonl | sed 's/Tell me about/Explain/' >third.jsonl
"$FATHOM" sweep "$base" --pairs pairs.jsonl --eval third.jsonl --anchor 0,2 --seeds 1 --steps 2 --batch-size 4 --lr 1e-2 --threads 1 \
  --chat-template chatml --value-axis x.h5 --value-words words.tsv --value-prompts asked.txt -q -o swept >/dev/null
is "$? $(values swept/*/run.h5 | awk -F '\t' '$3 == "shift" { print $1, $2 }' | sort -u | tr '\n' ';')" \
  "0 anchor-0_seed-1 0;anchor-0_seed-1 1;anchor-0_seed-1 2;anchor-2_seed-1 0;anchor-2_seed-1 1;anchor-2_seed-1 2;" "a sweep hands it on to its runs"
if "${GNUPLOT:-gnuplot}" --version >/dev/null 2>&1; then
  "$FATHOM" plot run/run.h5 --figure values -o one.png && "$FATHOM" plot swept/*/run.h5 sites/run.h5 --figure values -o several.svg
  is "$? $(head -c 4 one.png | tail -c 3) $(grep -c '</svg>' several.svg)" "0 PNG 1" "one run and several are drawn"
else
  ok 0 "one run and several are drawn # SKIP no gnuplot"
fi
"$FATHOM" sweep "$base" --pairs pairs.jsonl --eval third.jsonl --anchor 0 --seeds 1 --steps 2 --threads 1 -q -o unswept --value-axis x.h5 2>why >/dev/null
is "$? $(grep -c 'Give --value-axis and --value-words' why) $(ls -d unswept 2>/dev/null)" "2 1 " "a sweep refuses what its runs would"

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
"$FATHOM" axis "$base" --lexicon words.tsv --permutations 0 --threads 1 -q -o poles.h5 >/dev/null
sed 's/communion/warmth/' words.tsv >warm.tsv
fails 2 '--value-words with the categories of poles.h5: warm.tsv: no category "communion": it has agency, warmth, neutral' "a lexicon without a pole" \
  train -o x --value-axis poles.h5 --value-words warm.tsv
printf 'word\tcategory\tpos\nlead\tagency\tnoun\nwin\tagency\tnoun\nlove\tcommunion\tverb\ncare\tcommunion\tverb\n' >few.tsv
printf 'id\tpos\tsentence\na\tverb\tthey wanted to {word} again\n' >verbs.tsv
"$FATHOM" axis "$base" --lexicon words.tsv --templates verbs.tsv --permutations 0 --threads 1 -q -o verbs.h5 >/dev/null
train -o x --value-axis verbs.h5 --value-words few.tsv >/dev/null 2>why
is "$? $(tail -n 1 why)" "3 fathom: few.tsv: pole agency has 0 words, expected at least 2" "no word that the axes' sentences take"
fails 3 'few.tsv: .*category' "few words with --strict" train -o x --value-axis poles.h5 --value-words few.tsv --strict
"$FATHOM" axis "$f/llama-untied.gguf" --lexicon words.tsv --permutations 0 --threads 1 -q -o wide.h5 >/dev/null
fails 3 'wide.h5: blocks.0.hook_resid_post is 20 wide, in this model 16' "axes of another width" \
  train -o x --value-axis wide.h5 --value-words words.tsv
cp -r "$f/llama-reward" one && chmod -R u+w one && sed -i 's/"num_hidden_layers": *2/"num_hidden_layers": 1/' one/config.json
"$FATHOM" train one --pairs pairs.jsonl --chat-template chatml --threads 1 -q -o x --value-axis x.h5 --value-words words.tsv >/dev/null 2>why
is "$? $(tail -n 1 why)" "3 fathom: x.h5: an axis at blocks.1.hook_resid_post, a site that this model does not have" "axes of sites that are not there"
awk 'BEGIN { printf "{\"text\":\""; for (i = 0; i < 400; i++) printf "why "; print "\"}" }' >long.jsonl
fails 3 'value prompt "1": [0-9]+ tokens with an answer and the template, expected at most 256' "a prompt that is too long" \
  follow -o x --value-prompts long.jsonl
awk 'BEGIN { printf "id\tpos\tsentence\nlong\t\t"; for (i = 0; i < 400; i++) printf "why "; print "{word}" }' >long.tsv
"$FATHOM" axis "$base" --lexicon words.tsv --templates long.tsv --permutations 0 --threads 1 -q -o long.h5 >/dev/null
fails 3 '--value-words with the categories of long.h5: sentence "long" has [0-9]+ tokens up to the end of "lead", expected at most 256' \
  "a sentence that is too long" train -o x --value-axis long.h5 --value-words words.tsv
fails 3 'plain/run.h5: holds no value words: fathom train --value-axis looks at some' "a figure of a run without" "$FATHOM" plot plain/run.h5 --figure values --tsv
test ! -e x
ok $? "what was refused left no folder"
tap_end
