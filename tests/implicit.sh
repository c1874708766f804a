#!/bin/sh
# fathom implicit on two tiny models of different tokenizers: what transformers computed with them, what must hold of any two
# models, and what is refused.
. "$SRCDIR/tests/tap.sh"
fixtures=$SRCDIR/tests/fixtures
base=$fixtures/llama-tied.gguf
chat=$fixtures/llama-base.gguf
given=$fixtures/implicit
cd "$work" || exit 99
implicit() { "$FATHOM" implicit -q --threads 1 "$@"; }
rows() { grep -v '^#' "$1" | tail -n +2; }

# near FILE EXPECTED RTOL: two tables of the same lines, whose numbers are as near as that; NaN and missing ones are not.
near() {
  [ -s "$1" ] && [ "$(wc -l <"$1")" = "$(wc -l <"$2")" ] && paste "$1" "$2" | awk -F'\t' -v rtol="$3" '
    {
      n = NF / 2
      for (i = 1; i <= n; i++) {
        a = $i; b = $(n + i)
        if (a == b && a !~ /nan/) continue
        if (a !~ /^-?[0-9]/ || b !~ /^-?[0-9]/) exit bad = 1
        d = a - b; d = d < 0 ? -d : d; size = b < 0 ? -b : b
        if (!(d <= rtol * size)) { print "# " a " is not " b; exit bad = 1 }
      }
    }
    END { exit bad }'
}

# --- transformers' numbers ---

implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" --table prompts >prompts.tsv
ok $? "a base model and an instruct model"
rows prompts.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $1, $5, $6, $7 }' >found
grep '^mass' "$given/golden.tsv" | cut -f 2- >expected
near found expected 1e-5
ok $? "mass on the joined strings and sum of MWLR of every prompt"
grep -q 'model 1: .*llama-tied.gguf; prompts as plain text; end of turn </s>$' prompts.tsv &&
  grep -q 'model 2: .*llama-base.gguf; prompts through the model.s chat template; end of turn <|im_end|>$' prompts.tsv
ok $? "how each model is asked is said"
grep -q '^# joined vocabulary: 77 strings; 77 of model 2.s 300 tokens, with 0.25454' prompts.tsv
ok $? "and what the joined vocabulary holds"
is "$(rows prompts.tsv | cut -f 8,9 | sort -u)" "-	-" "no divergence where much lies elsewhere"

implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --top 6 >tokens.tsv
rows tokens.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '$1 == "all" { print $4, $5, $9, $10 }' | sort >found
grep '^token' "$given/golden.tsv" | cut -f 2- | sort >expected
near found expected 1e-5
ok $? "the tokens at both ends"
is "$(rows tokens.tsv | cut -f 1,2 | uniq -c | awk '{ print $2 $3 $1 }' | tr '\n' ' ')" \
  "alltop6 allbottom6 besttop6 bestbottom6 worsttop6 worstbottom6 " "for all prompts and each group"
is "$(rows tokens.tsv | awk -F'\t' '$1 == "all" && $3 == 1 { print $2 $4 }' | tr '\n' ' ')" "topQ bottoma " "outermost first"

implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" --table words >words.tsv
grep '^word' "$given/golden.tsv" >expected-words
rows words.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '$1 == "all" && $6 == "sum" { print $2, $10, $11 }' | sort >found
awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $2, $3, $4 }' expected-words | sort >expected
near found expected 1e-5
ok $? "whole words"
rows words.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '$1 == "all" && $6 == "first" { print $2, $10, $11, $7 }' | sort >found
awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $2, $5, $6, $6 - $5 }' expected-words | sort >expected
near found expected 2e-5
ok $? "their first tokens"
rows words.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '$1 == "all" && $6 == "mean_end" { print $2, $10 * ($4 + 1), $11 * ($5 + 1) }' | sort >found
awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $2, $3 + $7, $4 + $8 }' expected-words | sort >expected
near found expected 1e-5
ok $? "with the end of turn, per token"

implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" >categories.tsv
rows words.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ key = $1 FS $3 FS $6; sum[key] += $7; n[key]++ } END { for (k in sum) print k, sum[k] / n[k] }' | sort >expected
rows categories.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '$3 == 10 { print $1, $2, $4, $5 }' | sort >found
near found expected 1e-6
ok $? "a category is the mean of its words"
rows categories.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '$2 == "communion" { print $1, $4, other[$1 FS $4] - $5 } { other[$1 FS $4] = $5 }' | sort >expected
rows categories.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '$2 == "agency - communion" { print $1, $4, $5 }' | sort >found
near found expected 1e-6
ok $? "and their difference is in rows of its own"
awk -F'\t' '$1 == "all" && $10 == 5 && !($6 < $5 && $5 < $7) { exit bad = 1 } END { exit bad }' categories.tsv
ok $? "with an interval around it"

implicit "$base" "$chat" --pairs "$given/pairs.jsonl" --table pairs >pairs.tsv
rows pairs.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $1, $5, $7, $6, $8 }' >found
grep '^pair' "$given/golden.tsv" | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $2, $3, $3 + $5, $4, $4 + $6; print $2, $7, $7 + $9, $8, $8 + $10 }' >expected
near found expected 1e-5
ok $? "answers of pairs"
implicit "$base" "$chat" --pairs "$given/pairs.jsonl" >accuracy.tsv
is "$(rows accuracy.tsv | cut -f 1,2 | tr '\t\n' '  ')" "sum 3 mean 3 sum_end 3 mean_end 3 " "a row of accuracy for each form"
rows pairs.tsv | awk -F'\t' '$2 == "chosen" { c = $9 } $2 == "rejected" { right += c > $9; margin += (c - $9) / 3 } END { printf "%.6f %.4f\n", right / 3, margin }' >expected
rows accuracy.tsv | awk -F'\t' '$1 == "sum" { printf "%.6f %.4f\n", $3, $7 }' >found
is "$(cat found)" "$(cat expected)" "accuracy and margin from the pairs' rewards: $(cat found)"

# A template that writes a blank before an answer and another before the end of the turn.
implicit "$base" "$chat" --chat-template none --chat-template "$given/blanks.jinja" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" --table words >blanks.tsv
rows blanks.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '
  $1 == "all" && $6 == "sum" { sum = $11 }
  $1 == "all" && $6 == "first" { first = $11 }
  $1 == "all" && $6 == "sum_end" { print $2, sum, first, $11 - sum }' | sort >found
grep '^blank-word' "$given/golden.tsv" | cut -f 2- | sort >expected
near found expected 2e-5
ok $? "behind a template that writes a blank before answers, words begin with it; a blank does not end the turn"
grep -q '^# model 1: words stand behind " "$' blanks.tsv && grep -q '^# model 2: words stand behind " "$' blanks.tsv && grep -q '^# model 2: words stand behind ""$' words.tsv
ok $? "what words stand behind is said"
grep -q '^# model 2: .*blanks.jinja; end of turn <|im_end|>$' blanks.tsv
ok $? "and what ends a turn"
implicit "$base" "$chat" --chat-template none --chat-template "$given/blanks.jinja" --pairs "$given/pairs.jsonl" --table pairs >blank-pairs.tsv
rows blank-pairs.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ printf "%s", NR % 2 ? $1 OFS : OFS; printf "%s\t%.10g%s", $6, $8 - $6, NR % 2 ? "" : "\n" }' >found
grep '^blank-pair' "$given/golden.tsv" | cut -f 2- >expected
near found expected 2e-5
ok $? "so do answers of pairs"
! grep -q 'could not be told apart' blank-pairs.tsv
ok $? "which end as the template ends them"

# --- what must hold ---

implicit "$chat" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" -o same.h5 >same.tsv
is "$(rows same.tsv | cut -f 5-7 | sort -u)" "0	0	0" "a model has no implicit reward over itself"
implicit "$chat" "$chat" --prompts "$given/prompts.jsonl" --table prompts >same-prompts.tsv
is "$(rows same-prompts.tsv | cut -f 7-9 | sort -u)" "0	0	0" "no MWLR and no divergence either"
implicit "$chat" "$chat" --adapter "$fixtures/adapter-reward" --prompts "$given/prompts.jsonl" --table prompts >adapted.tsv
rows adapted.tsv | awk -F'\t' '{ d = $7 - ($8 - $9) / 2; if (!($8 > 0.005 && $9 > 0.005 && d < 1e-10 && d > -1e-10)) exit bad = 1 } END { exit bad || NR != 5 }'
ok $? "one vocabulary: the sum of MWLR is half the difference of the divergences"
grep -q 'llama-base.gguf + .*adapter-reward; ' adapted.tsv && grep -q '^# model 1: [^+]*llama-base.gguf; ' adapted.tsv
ok $? "the adapter is put on the second model"
implicit "$chat" "$base" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" >swapped.tsv
rows categories.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $1, $2, $4, -$5 }' >expected
rows swapped.tsv | awk -F'\t' -v OFS='\t' -v OFMT=%.10g '{ print $1, $2, $4, $5 }' >found
near found expected 1e-8
ok $? "models in the other order: the other sign"
implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" --batch-tokens 7 >batches.tsv
rows batches.tsv | cut -f 1-5 >found
rows categories.tsv | cut -f 1-5 >expected
near found expected 1e-4
ok $? "whatever the batches"
"$FATHOM" implicit "$base" "$chat" --text "what is it?" --separator '' --lexicon "$given/words.tsv" --table words -q >joined.tsv
is "$(rows joined.tsv | awk -F'\t' '$2 == "power" && $6 == "sum" { print $4, $5 }')" "$(rows words.tsv | awk -F'\t' '$1 == "all" && $2 == "power" && $6 == "sum" { print $4 - 1, $5 }')" \
  "--separator: without the blank a word of the base model has a token less"
implicit "$chat" "$chat" --chat-template auto --chat-template none --text "What is it?" >templates.tsv
is "$(sed -n 's/^# model \([12]\): .*; prompts \(.*\); .*/\1 \2/p' templates.tsv)" "$(printf "1 through the model's chat template\n2 as plain text")" "a template for each model"
implicit "$chat" "$chat" --chat-template chatml --text "What is it?" >one-template.tsv
is "$(grep -c 'prompts through chatml' one-template.tsv)" 2 "one template for both"
grep all "$given/prompts.jsonl" | head -n 1 | sed 's/"best"/"all"/' >one-group.jsonl
is "$(implicit "$base" "$chat" --prompts one-group.jsonl --top 1 | rows /dev/stdin | cut -f 1 | tr '\n' ' ')" "all all " "a single group may be called all"
# What a template writes between its generation prompt and an answer belongs to the prompt.
printf "{%%- for m in messages %%}{%%- if m.role == 'user' %%}{{- '[' + m.content + ']' }}{%%- else %%}{{- '<t>\\\\n</t>\\\\n ' + m.content }}{%%- endif %%}{%%- endfor %%}" >thought.jinja
sed "s/']'/']<t>\\\\n<\/t>\\\\n'/; s/'<t>[^']*\(.\)'/'\1'/" thought.jinja >no-thought.jinja
implicit "$chat" "$chat" --chat-template thought.jinja --chat-template no-thought.jinja --text "what is it?" --lexicon "$given/words.tsv" >thoughts.tsv
is "$(grep -F '# model 1: behind the generation prompt stands "<t>\x0a</t>\x0a", as the template writes it before an answer' thoughts.tsv | wc -l) $(rows thoughts.tsv | awk -F'\t' '$4 !~ /end/ { print $5 }' | sort -u)" "1 0" \
  "what a template writes before its answers is part of the prompt"
printf "{%%- for m in messages %%}{{- '[' + m.content + ']' }}{%%- endfor %%}{%%- if add_generation_prompt %%}{{- '<t>' }}{%%- endif %%}" >other.jinja
implicit "$chat" "$chat" --chat-template other.jinja --text "what is it?" | grep -q '^# model 2: the template writes answers otherwise than its generation prompt begins one'
ok $? "a template whose answers are not what its generation prompt begins is noted"
implicit "$base" "$chat" --text "what is it?" --table prompts >one.tsv
is "$(rows one.tsv | cut -f 1)" "text" "one text"
is "$(implicit "$base" "$chat" --text "what is it?" --top 1 | grep -v '^#' | awk -F'\t' 'NR > 1 { print $6 $7 $11 }' | sort -u)" "--1" "has no interval"

implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --ignore-blanks >folded.tsv
is "$(sed -n 's/^# joined vocabulary: \([0-9]*\) strings; \([0-9]*\) of.*/\1 \2/p' folded.tsv | tr '\n' ' ')$(rows folded.tsv | cut -f 4 | grep -c '^ .')" \
  "75 77 75 80 0" "--ignore-blanks: tokens that differ in a blank are one string"
for duplicates in sum max; do
  implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --ignore-blanks --top 100 --duplicates $duplicates >$duplicates.tsv
  rows $duplicates.tsv | awk -F'\t' -v OFS='\t' '$1 == "all" { print $4, $9, $10 }' | LC_ALL=C sort -t '	' -k 1,1 >of-$duplicates
done
is "$(LC_ALL=C join -t '	' of-sum of-max | awk -F'\t' '{ less += $4 < $2 - 1e-6 || $5 < $3 - 1e-6; more += $4 > $2 || $5 > $3 } END { print NR, less, more + 0 }')" "73 5 0" \
  "--duplicates max: less than the sum for strings that several tokens spell, for the others the same"
grep -q 'of ids with one string the largest p$' max.tsv
ok $? "which is said"

implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" --csv scan --form mean_end >/dev/null
awk -F, -v OFS='\t' -v OFMT=%.10g 'NR > 1 { print $1, ($2 + $3 + $4 + $5 + $6) / 5 }' scan-2.csv | sort >found
rows words.tsv | awk -F'\t' -v OFS='\t' '$1 == "all" && $6 == "mean_end" { print $2, $11 }' | sort >expected
near found expected 1e-6
ok $? "--csv: a column of log-probabilities for each prompt"
is "$(head -n 1 scan-1.csv) $(paste -d, scan-1.csv scan-2.csv scan-ratio.csv | awk -F, 'NR > 1 { d = $9 - $3 - $15; if (!(d < 1e-7 && d > -1e-7)) bad = 1 } END { print NR, bad + 0 }')" \
  "response,1,2,3,4,5 21 0" "and the third table is the difference of the others"
"$FATHOM" bias -q scan-1.csv scan-2.csv --lexicon "$given/words.tsv" --prompts "$given/prompts.jsonl" --family A=scan-1 --family B=scan-2 >bias.tsv 2>bias.err
is "$? $(rows bias.tsv | awk -F'\t' '$1 == "A" || $1 == "B" { print $1 }' | sort -u | tr '\n' ' ')" "0 A B " "which fathom bias reads"

printf 'word\tcategory\nso, help\tcommunion\nlead\tagency\n"hi"\tcommunion\nwin\tagency\n' >odd.tsv
printf '{"id":"say ""x"", so","text":"what is it?"}\n' | sed 's/""/\\"/g' >odd.jsonl
"$FATHOM" implicit "$base" "$chat" -q --prompts odd.jsonl --lexicon odd.tsv --csv odd >/dev/null 2>&1
is "$(cut -d'"' -f 1-8 odd-1.csv | sed 's/,-[0-9.]*$//' | tr '\n' ' ')" 'response,"say ""x"", so" "so, help" lead """hi""" win ' "commas and quotes are quoted there"

# Prompts need room for the longest word, of 8 and 6 tokens.
for most in 49 48 44; do
  implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" --max-length $most --table prompts >most-$most.tsv 2>/dev/null
done
is "$(for most in 49 48 44; do rows most-$most.tsv | cut -f 1 | tr -d '\n'; grep -c '^# [0-9]* prompts are too long for one of the models, with the longest word behind them' most-$most.tsv; done | tr '\n' ' ')" \
  "123450 2451 251 " "a prompt that leaves no room for the longest word is left out, and counted"
is "$(implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --max-length 44 --table prompts | rows /dev/stdin | wc -l)" 5 "without words there is room"
# What one model alone leaves out is said of that one.
implicit "$base" "$chat" --pairs "$given/pairs.jsonl" --max-length 48 >left-out.tsv 2>/dev/null
is "$(sed -n 's/^# \(.*\)TRL pairs: \(3 read, .*\)/\1\2/p' left-out.tsv | tr '\n' ';')" "model 1: 3 read, 3 used;model 2: 3 read, 2 used; left out: 1 of more than 48 tokens;" \
  "notes on the data of each model, where they differ"
is "$(grep -c 'TRL pairs: 3 read, 3 used' accuracy.tsv) $(grep -c "model [12]: TRL pairs: 3" accuracy.tsv)" "1 0" "and once, where they do not"

# --- JSON, the file and the figure ---

implicit "$base" "$chat" --prompts "$given/prompts.jsonl" --lexicon "$given/words.tsv" --json -o I.h5 >I.json
grep -q '"command":"implicit".*"rows":\[{"group":"all","category":"agency","n_words":10,"form":"sum","log_ratio":[0-9.]*,"lo":' I.json
ok $? "JSON"
is "$("$FATHOM" info I.h5 -q | awk -F'\t' '$2 == "kind" || $2 ~ /^(token.mwlr|word.log_ratio|category.(lo|name)|prompt.mass|word.separator)$/ { print $3 }' | tr '\n' ' ')" \
  "implicit number [3, 3, 5] text [3] number [5, 2] number [3, 77] number [3, 20, 5] text [2] " "a result"
"$FATHOM" plot I.h5 --tsv >figure.tsv
is "$(rows figure.tsv | cut -f 2,4 | uniq -c | awk -F'\t' '{ print $1 "/" $2 }' | sed 's/^ *//' | head -n 4 | tr '\n' ';')" \
  "12 tokens, all prompts/top;12 tokens, all prompts/bottom;12 tokens, best prompts/top;12 tokens, best prompts/bottom;" "a figure's table: next tokens"
is "$(rows figure.tsv | awk -F'\t' '$2 == "words, all prompts" && $5 == 1 { print $4, $6, $7 }' | tr '\n' ';')" "top help communion;bottom friend communion;" \
  "and the words of the lexicon"
grep -q '^# interval: 95 % over prompts' figure.tsv && rows figure.tsv | grep -q '·the'
ok $? "blanks can be seen, intervals are named"
: "${GNUPLOT:=gnuplot}"
export GNUPLOT
if command -v "$GNUPLOT" >/dev/null 2>&1; then
  "$FATHOM" plot I.h5 -o words.svg && "$FATHOM" plot I.h5 same.h5 --figure words -o words.png && "$FATHOM" plot I.h5 -o words.pdf
  ok $? "the figure in every format, and of two files"
  for text in ">tokens, best prompts<" ">·and<" ">friend<" ">communion  <" "lines: 95 % over prompts" "log p2 - log p1, nats"; do
    grep -qF -- "$text" words.svg
    ok $? "it says $text"
  done
  implicit "$chat" "$chat" --adapter "$fixtures/adapter-reward" --text "What?" -o bytes.h5 >/dev/null
  "$FATHOM" plot bytes.h5 -o bytes.svg && grep -qF '&lt;0x18>' bytes.svg && grep -qF 'no intervals' bytes.svg
  ok $? "bytes that are no text, and one prompt"
else
  skip "no $GNUPLOT here to draw with"
fi
is "$(implicit "$base" "$chat" --pairs "$given/pairs.jsonl" -o P.h5 >/dev/null; "$FATHOM" info P.h5 -q | awk -F'\t' '$2 ~ /^pair.(id|log_p)$/ { print $3 }' | tr '\n' ' ')" \
  "text [3] number [3, 2, 2, 5] " "pairs in a result"

# --- what is refused, and what is warned of ---

prompts="--prompts $given/prompts.jsonl"
# $prompts is two words.
# shellcheck disable=SC2086
{
fails 2 'usage: fathom implicit' "one model" "$FATHOM" implicit "$base" $prompts
fails 2 'one of --prompts, --pairs and --text is needed' "nothing to ask" "$FATHOM" implicit "$base" "$chat"
fails 2 'table words needs --lexicon' "words without a lexicon" "$FATHOM" implicit "$base" "$chat" $prompts --table words
fails 2 'table tokens excludes --pairs' "tokens of pairs" "$FATHOM" implicit "$base" "$chat" --pairs "$given/pairs.jsonl" --table tokens
fails 2 'table accuracy needs --pairs' "accuracy of prompts" "$FATHOM" implicit "$base" "$chat" $prompts --table accuracy
fails 2 'separator needs --lexicon' "a separator without words" "$FATHOM" implicit "$base" "$chat" $prompts --separator x
fails 2 'csv needs --lexicon' "a scan table without words" "$FATHOM" implicit "$base" "$chat" $prompts --csv x
fails 2 'form mean needs --csv' "a form for nothing" "$FATHOM" implicit "$base" "$chat" $prompts --lexicon "$given/words.tsv" --form mean
fails 2 'top needs --table tokens' "ends of a table that has none" "$FATHOM" implicit "$base" "$chat" $prompts --table prompts --top 3
fails 2 'top' "tokens of pairs, again" "$FATHOM" implicit "$base" "$chat" --pairs "$given/pairs.jsonl" --top 3
fails 2 'duplicates' "and their duplicates" "$FATHOM" implicit "$base" "$chat" --pairs "$given/pairs.jsonl" --duplicates max
fails 4 'no/x-ratio.csv: cannot write here' "a table in a missing folder" "$FATHOM" implicit "$base" "$chat" -q $prompts --lexicon "$given/words.tsv" --csv no/x
fails 2 'chat-template was given 3 times' "three templates" \
  "$FATHOM" implicit "$base" "$chat" $prompts --chat-template none --chat-template none --chat-template none
fails 2 'chat-template nothing: expected auto' "a template there is not" "$FATHOM" implicit "$base" "$chat" $prompts --chat-template nothing
printf '{"ids":[5,3]}\n' >ids.jsonl
fails 3 'ids.jsonl: line 1: ' "token ids of one tokenizer" "$FATHOM" implicit "$base" "$chat" --prompts ids.jsonl
fails 3 'no prompt is short enough for both models' "prompts that are too long" "$FATHOM" implicit "$base" "$chat" -q $prompts --max-length 10
fails 3 'no prompt, with the longest word behind it, is short enough' "prompts that are too long with a word" \
  "$FATHOM" implicit "$base" "$chat" -q $prompts --lexicon "$given/words.tsv" --max-length 35
fails 3 'llama-tied.gguf: nothing is left of 3 pairs' "pairs that are too long for one model" \
  "$FATHOM" implicit "$base" "$chat" -q --pairs "$given/pairs.jsonl" --max-length 25
sed 's/"worst"/"all"/' "$given/prompts.jsonl" >all.jsonl
fails 3 'a group of prompts is called "all", which stands for all prompts here' "a group with the name of all" "$FATHOM" implicit "$base" "$chat" -q --prompts all.jsonl
printf "{%%- for m in messages %%}{%%- if m.role == 'user' %%}{{- '[' + m.content + ']' }}{%%- else %%}{{- (' ' if messages[0].content | length > 21 else '') + m.content }}{%%- endif %%}{%%- endfor %%}" >two.jinja
fails 3 'two.jinja: writes " " before an answer to prompt "1" and "" before one to "5", expected one thing: choose it with --separator' \
  "a template that writes this and that before an answer" "$FATHOM" implicit "$chat" "$chat" -q $prompts --lexicon "$given/words.tsv" --chat-template two.jinja
printf 'word\tcategory\n' >wild.tsv
for letter in a b c d e f g h i j; do printf '%s*\tagency\n' $letter; done >>wild.tsv
fails 3 'wild.tsv: category agency has no word without a wildcard' "nothing but wildcards" \
  "$FATHOM" implicit "$base" "$chat" -q $prompts --lexicon wild.tsv
fails 4 'none.tsv: .*No such file' "a lexicon that is not there" "$FATHOM" implicit "$base" "$chat" -q $prompts --lexicon none.tsv
fails 2 'wisdom' "a category there is not" "$FATHOM" implicit "$base" "$chat" -q $prompts --lexicon "$given/words.tsv" --categories wisdom
fails 4 'no/I.h5: cannot write here' "an output in a missing folder" "$FATHOM" implicit "$base" "$chat" -q $prompts -o no/I.h5
fails 4 'none.gguf: .*No such file' "a model that is not there" "$FATHOM" implicit none.gguf "$chat" -q $prompts
fails 3 'P.h5: holds no words: it is of --pairs' "a figure of pairs" "$FATHOM" plot P.h5 --tsv
if [ -c /dev/full ]; then
  fails 4 'No space left' "a table to a full disk" sh -c '"$FATHOM" implicit -q "$@" >/dev/full' sh "$base" "$chat" $prompts
  fails 4 'No space left' "a result to a full disk" "$FATHOM" implicit "$base" "$chat" -q $prompts -o /dev/full
else
  skip "no /dev/full here"
fi
}

# The same number by two ways: a word behind a prompt that is run once, and a pair's answer in a text of its own; of a model
# whose positions depend on a text's length, too.
cp -r "$fixtures/llama-reward" dynamic && chmod -R u+w dynamic
sed -i 's/"max_position_embeddings": *[0-9]*/"max_position_embeddings": 16/' dynamic/config.json
tr -d '\n' <dynamic/config.json | sed 's/"rope_parameters": *{[^}]*}/"rope_scaling": {"type": "dynamic", "factor": 2.0}/' >config.json && mv config.json dynamic/
awk -F'\t' 'NR > 1 { printf "{\"id\":\"%s\",\"prompt\":\"What is it?\",\"chosen\":\"%s\",\"rejected\":\"x\"}\n", $1, $1 }' "$given/words.tsv" >answers.jsonl
implicit "$chat" dynamic --max-length 99 --text "What is it?" --lexicon "$given/words.tsv" --table words 2>/dev/null |
  awk -F'\t' -v OFS='\t' '$6 == "sum_end" { print $2, $4, $5, $10, $11 }' | sort >found
implicit "$chat" dynamic --max-length 99 --pairs answers.jsonl --table pairs 2>/dev/null |
  awk -F'\t' -v OFS='\t' '$2 == "chosen" { print $1, $3, $4, $7, $8 }' | sort >expected
near found expected 1e-5 && grep -q dynamic dynamic/config.json
ok $? "a word by itself and as a pair's answer"
implicit "$chat" "$fixtures/llama-reward" --text "What is it?" --lexicon "$given/words.tsv" --table words | awk -F'\t' -v OFS='\t' '$6 == "sum_end" { print $2, $4, $5, $10, $11 }' | sort >plain
! near found plain 1e-5 >/dev/null
ok $? "where positions depend on the length the numbers are others"

# A reward model of an untied model has no language-model head.
printf '{"prompt":"a","chosen":"b","rejected":"c"}\n{"prompt":"d","chosen":"e","rejected":"f"}\n' >few.jsonl
"$FATHOM" train "$fixtures/llama-untied.gguf" --pairs few.jsonl --chat-template none --steps 1 --batch-size 2 --eval-split 0 -q -o reward >/dev/null 2>&1
fails 3 'reward: no language-model head, which log-probabilities need' "a reward model" "$FATHOM" implicit "$base" reward -q --text a
# A model without an end-of-turn token.
cp -r "$fixtures/llama-reward" endless && chmod -R u+w endless
sed -i '/eos_token/d; /chat_template/d' endless/tokenizer_config.json
sed -i '/eos_token_id/d' endless/config.json
implicit "$base" endless --text a --lexicon "$given/words.tsv" >endless.tsv
is "$(sed -n 's/^# model 2: .*; end of turn //p' endless.tsv) $(rows endless.tsv | awk -F'\t' '$4 ~ /end/ { print $5 }' | sort -u) $(rows endless.tsv | grep -c '	sum	[-0-9.]*[0-9]	')" \
  "unknown - 3" "no end-of-turn token: no number with it"
fails 3 'endless: no end-of-turn token, expected one for --form sum_end' "nor a table of such" \
  "$FATHOM" implicit "$base" endless -q --text a --lexicon "$given/words.tsv" --csv x --form sum_end
printf 'word\tcategory\nhelp\tcommunion\ncare\tcommunion\nhelp\tagency\nlead\tagency\n' >both.tsv
"$FATHOM" implicit "$base" "$chat" -q --text "what?" --lexicon both.tsv --table words >both.out 2>both.err
is "$? $(rows both.out | cut -f 2 | sort -u | tr '\n' ' ')$(grep -c warning both.err) $(grep -c '^# 1 words of several of the categories are left out$' both.out)" "0 care lead 3 1" "contradictory words are dropped and few ones used, with a warning each"
printf 'w*\tcommunion\n' | cat "$given/words.tsv" - >mixed.tsv
"$FATHOM" implicit "$base" "$chat" -q --text "what?" --lexicon mixed.tsv 2>/dev/null | grep -q '^# 1 entries with wildcards are left out$'
ok $? "wildcards are counted"
tap_end
