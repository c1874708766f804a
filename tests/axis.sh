#!/bin/sh
# fathom axis on tiny models and small made stores: fitting, files, projections, comparisons, refusals.
. "$SRCDIR/tests/tap.sh"
f=$SRCDIR/tests/fixtures
make=$(dirname "$FATHOM")/tests/make_store
tab=$(printf '\t')
cd "$work" || exit 99

# A lexicon of made words: 14 of either pole, inflections of one lemma among them, 10 neutral ones.
awk -v OFS='\t' 'BEGIN {
  print "word", "category", "lemma", "pos", "zipf"
  split("lead win strive act dare build drive rule push steer climb master share care help love give trust heal guard join greet nurse comfort thank table stone river cloud chair paper glass wheel bread grass", w, " ")
  for (i = 1; i <= 34; i++) {
    c = i <= 12 ? "agency" : i <= 24 ? "communion" : "neutral"
    print w[i], c, w[i], "verb", i % 7
    if (i % 6 == 0 && i <= 24) print w[i] "s", c, w[i], "verb", (i + 1) % 7
  }
}' >words.tsv
printf 'id\tpos\tsentence\na\tverb\tthey wanted to {word} again\nb\t\tand so to {word}\n' >sentences.tsv

"$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 99 -o x.h5 >x.tsv 2>err
is "$? $(cat err | grep -vc memory:)" "0 0" "axes are fit, and nothing but memory is said on stderr"
is "$(grep -v '^#' x.tsv | head -1)" "$(printf 'site\tlayer\tauc\tauc_lo\tauc_hi\tg\tg_lo\tg_hi\tp\tp_max\trandom_auc\trandom_lo\trandom_hi\tscore_agency\tscore_agency_lo\tscore_agency_hi\tscore_communion\tscore_communion_lo\tscore_communion_hi\tscore_neutral\tscore_neutral_lo\tscore_neutral_hi')" "the columns"
is "$(grep -v '^#' x.tsv | cut -f 1,2 | tail -n +2 | tr '\t\n' '  ')" "blocks.0.hook_resid_post 0 blocks.1.hook_resid_post 1 " "resid_post of all blocks"
grep -q '^# words: 14 of agency (12 lemmas), 14 of communion (12 lemmas)$' x.tsv && grep -q '^# beside the poles: neutral (10 lemmas)' x.tsv
ok $? "words and lemmas are counted"
grep -q '^# p: unit: lemmas, 24 of them (28 words), which exchange their poles inside their fold; the axis is refit in each of 99 permutations; (1 + # of AUCs at least as high) / (1 + 99)$' x.tsv
ok $? "the unit of p is printed"
cut -f 1,2 words.tsv >forms.tsv
"$FATHOM" axis "$f/llama-base.gguf" --lexicon forms.tsv --templates sentences.tsv --permutations 0 -q >forms.txt
is "$? $(grep -c '^# no two words share a lemma: ' forms.txt) $(grep -c '^# no two words share a lemma: ' x.tsv)" "0 1 0" \
  "a lexicon without lemmas lets inflections leak, which is said"
awk -F '\t' '!/^#/ && $1 != "site" { n++; for (i = 3; i <= NF; i++) if ($i !~ /^-?[0-9][0-9.e-]*$/) bad = 1
  if (!($4 <= $3 && $3 <= $5 && $7 <= $6 && $6 <= $8 && $9 >= .01 && $9 <= $10 && $10 <= 1 && $12 <= $11 && $11 <= $13)) bad = 1
  for (i = 14; i <= 20; i += 3) if (!($(i + 1) <= $i && $i <= $(i + 2) && $(i + 1) < $(i + 2))) bad = 1 } END { exit bad || n != 2 }' x.tsv
ok $? "numbers everywhere; intervals are intervals, p_max is at least p"
"$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 99 --threads 2 --batch-tokens 3 -q | grep -v '^#' >again.tsv
grep -v '^#' x.tsv | cmp - again.tsv && [ "$(wc -l <again.tsv)" -eq 3 ]
ok $? "threads and batches change no digit"
"$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 99 --layers 1 -q | grep -v '^#' | cut -f 1-9,11- >alone.tsv
is "$(tail -n +2 alone.tsv)" "$(grep '^blocks\.1' x.tsv | cut -f 1-9,11-)" "a layer by itself has the numbers it has among others, but for p_max"
"$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --poles communion,agency --templates sentences.tsv --permutations 0 --bootstrap 0 -q | grep -v '^#' >swapped.tsv
is "$(tail -n +2 swapped.tsv | cut -f 1,4,5,7-13,15,16,18,19 | tr '\t' ' ')" "$(for k in 0 1; do echo "blocks.$k.hook_resid_post - - - - - - - - - - - - -"; done)" \
  "no permutations and no resamples: no p, no intervals"
for method in lda logistic; do
  "$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --method $method --residualise tokens,length,zipf --permutations 19 -q -o $method.h5 >$method.tsv
  is "$? $(grep -c '^# covariate: ' $method.tsv) $("$FATHOM" info $method.h5 | awk -F '\t' '$2 == "words/covariates" { print $3 }')" \
    "0 3 number [28, 3]" "--method $method with covariates"
done
printf 'word,other,first\nlead,1,2\nwin,3,\n' >few.csv
awk -F '\t' 'NR > 1 { print $1 "," length($1) * 2 "," NR }' words.tsv | sed '1i word,double,row' >covariates.csv
"$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --residualise double,row --covariates covariates.csv --permutations 0 -q >table.tsv
is "$? $(grep -c '^# covariate: row' table.tsv)" "0 1" "columns of a table are regressed out"
"$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --pos verb --sites resid_pre,ln_final --layers 1 --permutations 0 -q | grep -v '^#' | cut -f 1 | tr '\n' ' ' >sites.txt
is "$(cat sites.txt)" "site blocks.1.hook_resid_pre ln_final.hook_normalized " "sites are selected"

# --- projections ---
"$FATHOM" record "$f/llama-base.gguf" --prompts "$SRCDIR/probes/prompts/neutral.txt" --limit 5 --tokens last -q -o last.h5 >/dev/null &&
  "$FATHOM" record "$f/llama-base.gguf" --pairs "$SRCDIR/probes/prompts/harmlessness-test.jsonl" --limit 6 --tokens all -q -o pairs.h5 >/dev/null
ok $? "recordings are made"
"$FATHOM" axis x.h5 last.h5 pairs.h5 -o p.h5 >p.tsv
is "$? $(grep -v '^#' p.tsv | head -1)" "0 $(printf 'site\tlayer\tstore\tgroup\tvalue\tlo\thi\tn')" "stores along axes"
is "$(grep -v '^#' p.tsv | tail -n +2 | cut -f 2-4,8 | tr '\t\n' ' ;')" \
  "0 last.h5 all 5;1 last.h5 all 5;0 pairs.h5 chosen 4;0 pairs.h5 rejected 4;1 pairs.h5 chosen 4;1 pairs.h5 rejected 4;" \
  "group by group, samples counted"
is "$(grep -c '^# position 0 of each sequence is left out' p.tsv)" 1 "position 0 is left out, and said to be"
is "$("$FATHOM" axis x.h5 pairs.h5 --by none --layers 1 | grep -v '^#' | tail -n +2 | cut -f 4,8)" "all${tab}4" "--by none: the sides of a pair are one"
is "$("$FATHOM" axis x.h5 pairs.h5 --by group --layers 1 | grep -v '^#' | tail -n +2 | cut -f 6-8 | sort -u)" "-${tab}-${tab}1" "--by group: no interval of one pair"
"$FATHOM" axis x.h5 pairs.h5 --keep-first >kept.txt && "$FATHOM" axis x.h5 pairs.h5 | grep -v '^#' >left.tsv
is "$? $(grep -c '^# position 0' kept.txt) $(grep -v '^#' kept.txt | paste - left.tsv | awk -F '\t' '$1 ~ /^blocks/ && $5 ~ /[0-9]/ && $13 ~ /[0-9]/ && $5 != $13' | wc -l)" "0 0 4" \
  "--keep-first keeps it"

# --- comparisons ---
"$FATHOM" axis x.h5 x.h5 >same.tsv
is "$(grep -v '^#' same.tsv | tail -n +2 | cut -f 5-7 | sort -u)" "0${tab}0${tab}0" "a model and itself: no shift, no rotation"
"$FATHOM" axis "$f/llama-reward" --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 0 -q -o y.h5 >/dev/null
"$FATHOM" axis x.h5 y.h5 -o c.h5 >c.tsv
is "$? $(grep -v '^#' c.tsv | tail -n +2 | cut -f 2-4,8 | head -5 | tr '\t\n' ' ;')" \
  "0 0 shift both poles 24;0 shift agency 12;0 shift communion 12;0 shift neutral 10;0 rotation both poles 24;" "two models: shifts and a rotation"
awk -F '\t' '!/^#/ && $1 != "site" { n++; if (!($6 <= $5 && $5 <= $7) || ($3 == "rotation" && !($5 > 0 && $5 < 180))) bad = 1; v[$2 $4 $3] = $5
  if ($3 == "shift") some += $5 != 0
  d = (v[$2 "agencyshift"] + v[$2 "communionshift"]) / 2 - v[$2 "both polesshift"]; if ($3 == "rotation" && !(d < 1e-6 && d > -1e-6)) bad = 1 } END { exit bad || n != 10 || some != 8 }' c.tsv
ok $? "with intervals; the poles' mean is that of both"
is "$("$FATHOM" axis x.h5 y.h5 --layers 1 | grep -v '^#' | grep -c '^blocks.1')" 5 "one layer of it"

# --- what is compared must be alike ---
model=$f/llama-base.gguf
axis_of() { # FILE OPTION...: axes as those of x.h5, but for the options
  "$FATHOM" axis "$model" --lexicon words.tsv --others neutral --permutations 0 --bootstrap 0 -q -o "$@" >/dev/null
}
printf 'id\tpos\tsentence\nc\tverb\tthey wanted to {word} again\nd\t\tand so to {word}\n' >renamed.tsv
axis_of renamed.h5 --templates renamed.tsv && "$FATHOM" axis x.h5 renamed.h5 --bootstrap 0 >renamed.out
is "$? $(grep -c '^blocks' renamed.out)" "0 10" "names of sentences do not matter"
printf 'id\tpos\tsentence\na\tverb\tthey wanted to {word} again\nb\t\tand then to {word}\n' >then.tsv
axis_of then.h5 --templates then.tsv
fails 3 '^fathom: x\.h5 and then\.h5 have their words in different sentences: sentence 1 is "and so to \{word\}" against "and then to \{word\}"$' \
  "other sentences" "$FATHOM" axis x.h5 then.h5
head -2 sentences.tsv >one.tsv && axis_of one.h5 --templates one.tsv
fails 3 'x\.h5 and one\.h5 have their words in different sentences: 2 against 1' "fewer sentences" "$FATHOM" axis x.h5 one.h5
axis_of zipf.h5 --templates sentences.tsv --residualise length,zipf && axis_of length.h5 --templates sentences.tsv --residualise length
fails 3 'x\.h5 and zipf\.h5 have different covariates taken out: number 1 is none against length' "covariates on one side" "$FATHOM" axis x.h5 zipf.h5
fails 3 'zipf\.h5 and length\.h5 have different covariates taken out: number 2 is zipf against none' "other covariates" "$FATHOM" axis zipf.h5 length.h5
sed 's/^win\(.*\)2$/win\13/' words.tsv >other-zipf.tsv && axis_of values.h5 --lexicon other-zipf.tsv --templates sentences.tsv --residualise length,zipf
fails 3 'zipf\.h5 and values\.h5 do not agree on covariate zipf of "win": 2 against 3' "other numbers of a covariate" "$FATHOM" axis zipf.h5 values.h5
"$FATHOM" axis zipf.h5 zipf.h5 --bootstrap 0 | grep -v '^#' | cut -f 3,5 | sort -u >zipf.out
is "$(tr '\t\n' ' ;' <zipf.out)" "measure value;rotation 0;shift 0;" "covariates of one kind are compared"

# --- control vectors ---
"$FATHOM" axis x.h5 --control-vector x.gguf && "$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 0 -q --control-vector y.gguf >/dev/null
is "$? $(cmp x.gguf y.gguf && "$FATHOM" info x.gguf --tensors | grep -v '^#' | grep -c direction) $("$FATHOM" info x.gguf --metadata | grep -c 'controlvector.model_hint.*llama')" "0 1 1" \
  "a control vector, from a saved axis or at once, has no block 0"
"$FATHOM" axis x.h5 --layers 1 --control-vector z.gguf && cmp x.gguf z.gguf
ok $? "of chosen layers"
fails 2 'x\.h5 holds axes: .* --control-vector alone' "a control vector and another output" "$FATHOM" axis x.h5 --control-vector z.gguf -o z.h5
fails 2 '--by is for stores' "options of stores" "$FATHOM" axis x.h5 y.h5 --by none
fails 2 '--dtype is for fitting an axis' "options of models" "$FATHOM" axis x.h5 y.h5 --dtype bfloat16

# --- words from a store ---
awk -v OFS= 'BEGIN { for (i = 0; i < 40; i++) for (k = 0; k < 2; k++)
  print "{\"id\": \"", i, "-", k, "\", \"group\": \"w", i, "\", \"label\": \"", (i % 4 == 3 ? "other" : i % 2 ? "up" : "down"), "\", \"text\": \"the word ", i * i * 7, " and ", k, "\"}" }' >texts.jsonl
"$FATHOM" record "$f/llama-base.gguf" --prompts texts.jsonl --tokens last -q -o texts.h5 >/dev/null
"$FATHOM" axis texts.h5 --poles up,down --permutations 19 -o s.h5 >s.tsv
is "$? $(grep -c '^# words: 10 of up (10 lemmas), 20 of down (20 lemmas)$' s.tsv) $(grep -c '^# left out: 20 samples of other labels$' s.tsv)" "0 1 1" \
  "words of a store are its groups"
is "$(awk -F '\t' '!/^#/ && $1 != "site" { print $1, ($3 >= 0 && $3 <= 1), ($9 >= .05 && $9 <= 1), ($14 > $17) }' s.tsv | tr '\n' ';')" \
  "blocks.0.hook_resid_post 1 1 1;blocks.1.hook_resid_post 1 1 1;" "which are fit and tested"
"$FATHOM" axis s.h5 texts.h5 --layers 1 --bootstrap 0 >st.tsv
is "$(awk -F '\t' '!/^#/ && $4 == "up" { up = $5 } $4 == "down" { down = $5 } END { printf "%d %.6f", (up > 0.1), up + down }' st.tsv | sed 's/ -/ /')" "1 0.000000" \
  "its own poles lie at equal distances of 0"
sed 's/the word/a word/' texts.jsonl >others.jsonl && "$FATHOM" record "$model" --prompts others.jsonl --tokens last -q -o others.h5 >/dev/null &&
  "$FATHOM" axis others.h5 --poles up,down --permutations 0 -o so.h5 >/dev/null &&
  "$FATHOM" record "$model" --prompts texts.jsonl --tokens mean -q -o means.h5 >/dev/null && "$FATHOM" axis means.h5 --poles up,down --permutations 0 -o sm.h5 >/dev/null
fails 3 's\.h5 and so\.h5 were read off different texts \(digests [0-9a-f]{12}\.\.\. and [0-9a-f]{12}\.\.\.\)' "recordings of other texts" "$FATHOM" axis s.h5 so.h5
fails 3 's\.h5 and sm\.h5 hold different rows of the texts: recorded with --tokens last against recorded with --tokens mean' "and of other tokens" "$FATHOM" axis s.h5 sm.h5
"$FATHOM" axis s.h5 s.h5 --bootstrap 0 >ss.tsv
is "$? $(grep -c '^blocks' ss.tsv)" "0 8" "and those of the same texts are compared"
"$make" bare.h5 last=1 samples=40 && fails 3 'bare\.h5: pole agency has 0 words' "a store without labels" "$FATHOM" axis bare.h5
sed 's/"w1"/"w0"/' texts.jsonl >mixed.jsonl && "$FATHOM" record "$f/llama-base.gguf" --prompts mixed.jsonl --tokens last -q -o mixed.h5 >/dev/null
fails 3 'mixed\.h5: group "w0" has samples labelled down and up' "a group of both poles" "$FATHOM" axis mixed.h5 --poles up,down

# --- figures ---
"$FATHOM" plot x.h5 y.h5 --tsv >figure.tsv
is "$? $(grep -v '^#' figure.tsv | head -1)" "0 $(printf 'file\tsite\tlayer\tmeasure\tgroup\tvalue\tlo\thi\tn')" "the figure of axes as a table"
is "$(grep -v '^#' figure.tsv | tail -n +2 | cut -f 1,4,5 | uniq -c | tr -s ' \t' ' ' | tr '\n' ';')" \
  " 2 x auc -; 2 x random_auc -; 2 x g -; 2 x projection agency; 2 x projection communion; 2 x projection neutral; 2 y auc -; 2 y random_auc -; 2 y g -; 2 y projection agency; 2 y projection communion; 2 y projection neutral;" \
  "measures and categories of both files"
is "$(awk -F '\t' '$1 == "x" && $3 == 1 && $4 == "auc" { print $6, $7, $8 }' figure.tsv)" "$(awk -F '\t' '$2 == "1" { print $3, $4, $5 }' x.tsv)" "the numbers of the result"
is "$("$FATHOM" plot c.h5 --tsv | grep -v '^#' | tail -n +2 | cut -f 4,5 | sort | uniq -c | tr -s ' \t' ' ' | tr '\n' ';')" \
  " 2 rotation -; 2 shift agency; 2 shift both poles; 2 shift communion; 2 shift neutral;" "the figure of shifts"
is "$("$FATHOM" plot p.h5 --tsv | grep -v '^#' | tail -n +2 | cut -f 4,5 | sort -u | tr '\n\t' '; ')" \
  "projection last.h5: all;projection pairs.h5: chosen;projection pairs.h5: rejected;" "the figure of projections"
if command -v "${GNUPLOT:-gnuplot}" >/dev/null 2>&1; then
  "$FATHOM" plot x.h5 -o one.svg && "$FATHOM" plot x.h5 y.h5 -o two.svg && "$FATHOM" plot c.h5 -o shift.svg && "$FATHOM" plot p.h5 -o p.svg &&
    "$FATHOM" plot "$work/lda.h5" "$work/logistic.h5" -o methods.png
  ok $? "all are drawn"
  for words in "one.svg:Value axes per layer" "one.svg:held-out AUC (dashed: random axes)" "one.svg:>communion<" "two.svg:score, SD: agency" \
    "two.svg:>y<" "shift.svg:How far words moved" "shift.svg:angle between the two axes, degrees" "p.svg:Activations along value axes" \
    "p.svg:>pairs.h5: chosen<" "one.svg:lines: 95 % over lemmas, pale: 95 % of random axes" "shift.svg:+ is agency, - is communion" "p.svg:+ is agency, - is communion" "two.svg:+ is agency, - is communion"; do
    grep -qF "${words#*:}" "${words%%:*}"
    ok $? "${words%%:*} says: ${words#*:}"
  done
  awk 'BEGIN { for (i = 0; i < 20; i++) print "{\"id\": \"" i "\", \"group\": \"g" i "\", \"text\": \"number " i " of them\"}" }' >many.jsonl
  "$FATHOM" record "$model" --prompts many.jsonl --tokens last -q -o many.h5 >/dev/null && "$FATHOM" axis x.h5 many.h5 --by group -o pm.h5 >/dev/null && "$FATHOM" plot pm.h5 -o many.svg
  is "$? $(grep -c 'the first 16 groups' many.svg) $(grep -c '>g15<' many.svg) $(grep -c '>g16<' many.svg) $("$FATHOM" plot pm.h5 --tsv | grep -c '^pm.*g1[0-9]')" "0 1 1 0 20" "of many groups the first 16 are drawn, which is said"
  "$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --sites embed,resid_pre,resid_post --permutations 0 -q -o kinds.h5 >/dev/null
  "$FATHOM" plot kinds.h5 -o kinds.svg && "$FATHOM" plot kinds.h5 x.h5 -o kinds.png && grep -qF "agency, resid_pre" kinds.svg
  ok $? "kinds of site have lines of their own"
  "$FATHOM" axis "$f/llama-base.gguf" --lexicon words.tsv --sites embed --permutations 0 -q -o embed.h5 >/dev/null
  fails 3 '^fathom: cannot draw embed\.svg: no rows of a block to draw$' "axes outside the blocks" "$FATHOM" plot embed.h5 -o embed.svg
else
  skip "no gnuplot here"
fi

# --- what is taken out of the poles is taken out of the others ---
# A table in which neutral words have numbers far beyond those of the poles.
awk -F '\t' 'BEGIN { print "word,far" } NR > 1 { print $1 "," length($1) + ($2 == "neutral" ? 50 : 0) }' words.tsv >far.csv
"$FATHOM" axis "$model" --lexicon words.tsv --others neutral --residualise far --covariates far.csv --permutations 0 --bootstrap 0 -q >far.tsv
"$FATHOM" axis "$model" --lexicon words.tsv --others neutral --residualise length --permutations 0 --bootstrap 0 -q >near.tsv
is "$(grep -v '^#' far.tsv | tail -n +2 | cut -f 1-18 | cksum)" "$(grep -v '^#' near.tsv | tail -n +2 | cut -f 1-18 | cksum)" "numbers of other words change no axis"
is "$(paste far.tsv near.tsv | awk -F '\t' '$1 ~ /^blocks/ { d = $20 - $42; print ($20 ~ /[0-9]/ && $42 ~ /[0-9]/ && d * d > 0.01) }' | tr '\n' ' ')" "1 1 " "and move their own scores"

# --- parts of speech ---
awk -v OFS='\t' 'NR == 1 || $1 != "win" { print } $1 == "win" { print; print $1, $2, $3, "noun", $5 }' words.tsv >twice.tsv
"$FATHOM" axis "$model" --lexicon twice.tsv --others neutral --templates sentences.tsv --permutations 99 -q 2>twice.err >twice.out
is "$? $(wc -l <twice.err) $(grep -c '^# left out: 1 entries whose form is there under another part of speech$' twice.out)" "0 0 1" "a form of two parts of speech is one word, which is a note and no warning"
is "$(grep -v '^#' twice.out | cksum)" "$(grep -v '^#' x.tsv | cksum)" "and stands in the sentences of the first"

# --- refusals ---
fails 2 'axis: --lexicon F is needed' "a model without words" "$FATHOM" axis "$model"
fails 2 '--poles agency: expected two names' "one pole" "$FATHOM" axis "$model" --lexicon words.tsv --poles agency
fails 2 '^fathom: words\.tsv: no category "nope": it has agency, communion, neutral$' "an unknown pole" "$FATHOM" axis "$model" --lexicon words.tsv --poles agency,nope
fails 2 '--bootstrap 7: expected 0 or at least 100' "too few resamples" "$FATHOM" axis "$model" --lexicon words.tsv --bootstrap 7
fails 3 'neutral\.txt: line 1: no layout of a lexicon that fathom knows' "an unknown layout" "$FATHOM" axis "$model" --lexicon "$SRCDIR/probes/prompts/neutral.txt"
printf 'id\tpos\tsentence\na\t\tno word here\n' >place.tsv
fails 3 'place\.tsv: line 2: .* has no slot, expected one \{word\}' "sentences without a place" "$FATHOM" axis "$model" --lexicon words.tsv --templates place.tsv
printf 'id\tpos\tsentence\na\t\t{word} it is\n' >first.tsv
awk 'BEGIN { print "word,category"; for (i = 0; i < 20; i++) print substr("abcdefghijklmnopqrst", i + 1, 1) "," (i < 10 ? "agency" : "communion") }' >letters.csv
fails 3 '"a" is the first token of every sentence' "words at position 0 are not read" "$FATHOM" axis "$model" -q --lexicon letters.csv --templates first.tsv
printf 'b\t\twith {word}\n' >>first.tsv
"$FATHOM" axis "$model" --lexicon letters.csv --templates first.tsv --permutations 0 2>first.err >first.out
is "$? $(grep -c 'left out: 20 sentences in which the word is the first token' first.err)" "0 1" "and such sentences are left out"
fails 2 '--residualise colour: expected tokens, length' "an unknown covariate" "$FATHOM" axis "$model" --lexicon words.tsv --residualise colour
printf 'word,x\nlead,many\n' >bad.csv
fails 3 'bad\.csv: line 2: "many", expected a number' "a covariate that is no number" "$FATHOM" axis "$model" --lexicon words.tsv --residualise x --covariates bad.csv
fails 2 '--covariates: --residualise names the columns' "covariates that nobody asks for" "$FATHOM" axis "$model" --lexicon words.tsv --covariates few.csv
"$FATHOM" axis "$model" --lexicon words.tsv --residualise first --covariates few.csv >unknown.out 2>unknown.err
grep -q 'pole agency has 1 words, expected at least 2' unknown.err && grep -q 'left out: 27 words with a covariate that is not known' unknown.err
ok $? "words whose covariate is not known are left out, and counted"
fails 2 '--by is not for fitting' "options of projections" "$FATHOM" axis "$model" --lexicon words.tsv --by group
fails 2 '--lexicon is not for fitting an axis from a store' "options of models" "$FATHOM" axis texts.h5 --lexicon words.tsv
fails 2 '--method is for fitting an axis, not for a saved one' "options of fitting" "$FATHOM" axis x.h5 last.h5 --method lda
fails 2 'x\.h5 holds axes: add stores to project' "axes alone" "$FATHOM" axis x.h5
fails 2 'are not of one kind' "stores and axes" "$FATHOM" axis x.h5 last.h5 x.h5
fails 2 'two files of axes are compared, found 3' "three files of axes" "$FATHOM" axis x.h5 x.h5 x.h5
fails 2 'expected activations \(fathom record\) or axes behind x\.h5' "a model behind axes" "$FATHOM" axis x.h5 "$model"
fails 3 'p\.h5: holds a result of kind axis-projection' "a result of another kind" "$FATHOM" axis p.h5
fails 3 'x\.h5 and s\.h5 hold different words: word 0 is "lead" against' "files of other words" "$FATHOM" axis x.h5 s.h5
"$FATHOM" axis "$model" --lexicon words.tsv --templates sentences.tsv --permutations 0 -q -o fewer.h5 >/dev/null
fails 3 'x\.h5 and fewer\.h5 hold different words: 38 against 28' "files of fewer words" "$FATHOM" axis x.h5 fewer.h5
"$FATHOM" axis "$model" --lexicon words.tsv --others neutral --method lda --permutations 0 -q -o l.h5 >/dev/null
fails 3 'x\.h5 was fit by mean, l\.h5 by lda' "files of two methods" "$FATHOM" axis x.h5 l.h5
"$FATHOM" axis "$f/llama-tied.gguf" --lexicon words.tsv --others neutral --templates sentences.tsv --permutations 0 -q -o wide.h5 >/dev/null
fails 3 'blocks\.0\.hook_resid_post is 16 wide in x\.h5 and 24 in wide\.h5' "files of models of other widths" "$FATHOM" axis x.h5 wide.h5
fails 3 'last\.h5: blocks\.0\.hook_resid_post is 16 wide, the axis in wide\.h5 24' "a store of another width" "$FATHOM" axis wide.h5 last.h5
"$make" nan.h5 width=16 nan_at=20
fails 3 'nan\.h5: blocks\.1\.hook_resid_post: sample p5 \(row 20\) holds a NaN' "NaN in a store" "$FATHOM" axis x.h5 nan.h5
"$FATHOM" axis x.h5 nan.h5 --layers 0 >/dev/null
ok $? "matters only where it is"
fails 4 'no\.gguf' "a missing model" "$FATHOM" axis no.gguf --lexicon words.tsv
# Found out before the model is looked at: there is none.
fails 4 '^fathom: no/such/x\.h5' "an output in a missing folder" "$FATHOM" axis no.gguf --lexicon words.tsv -o no/such/x.h5
fails 4 '^fathom: no/such/x\.gguf' "a control vector in a missing folder" "$FATHOM" axis no.gguf --lexicon words.tsv --control-vector no/such/x.gguf
mkdir folder.h5
fails 4 '^fathom: folder\.h5: is a folder' "an output that is a folder" "$FATHOM" axis no.gguf --lexicon words.tsv -o folder.h5
fails 2 '^fathom: --output and --control-vector are one file, both\.gguf$' "two outputs of one name" "$FATHOM" axis no.gguf --lexicon words.tsv -o both.gguf --control-vector both.gguf
fails 2 '^fathom: last\.h5 is read: expected another file' "an output over an input" "$FATHOM" axis x.h5 last.h5 -o last.h5
fails 2 '^fathom: words\.tsv is read: expected another file' "or over the lexicon" "$FATHOM" axis no.gguf --lexicon words.tsv -o words.tsv
fails 2 '^fathom: words\.tsv: no category "nope"' "a pole that is not in the lexicon" "$FATHOM" axis no.gguf --lexicon words.tsv --poles agency,nope
fails 2 '^fathom: words\.tsv: no category "nope"' "nor another category" "$FATHOM" axis no.gguf --lexicon words.tsv --others nope
fails 2 '^fathom: words\.tsv: category "agency" is named twice' "a pole among the others" "$FATHOM" axis no.gguf --lexicon words.tsv --others agency
fails 4 '^fathom: no\.tsv' "sentences that are not there" "$FATHOM" axis no.gguf --lexicon words.tsv --templates no.tsv
fails 2 '--residualise colour: covariates\.csv has no column' "a column that is not there" "$FATHOM" axis no.gguf --lexicon words.tsv --residualise colour --covariates covariates.csv
is "$(ls -d no x.h5.part folder.h5.part 2>/dev/null)" "" "which leaves no file behind"
# Found out before the words are run: a run says on stderr what memory it takes, in a line of its own.
fails 3 'pole agency has 12 lemmas, expected at least 13: one for each fold' "folds" "$FATHOM" axis "$model" --lexicon words.tsv --folds 13
fails 2 'no axis at resid_post of block 1 or above' "sites of a control vector" "$FATHOM" axis "$model" --lexicon words.tsv --sites embed --control-vector z.gguf
awk -F '\t' -v OFS='\t' '$2 == "agency" { $3 = "lead" } 1' words.tsv >lemma.tsv
fails 3 '^fathom: lemma\.tsv: pole agency has 1 lemmas, expected at least 2' "a pole of one lemma" "$FATHOM" axis "$model" --lexicon lemma.tsv
fails 2 'no axis at resid_post of block 1 or above' "sites of a saved axis" "$FATHOM" axis x.h5 --layers 0 --control-vector z.gguf
"$FATHOM" axis x.h5 y.h5 --json >c.json
if command -v "${PYTHON3:-python3}" >/dev/null; then
  "${PYTHON3:-python3}" -c 'import json
d = json.load(open("c.json"), parse_constant=lambda c: exit("not JSON: " + c))
exit(0 if d["command"] == "axis" and len(d["rows"]) == 10 and list(d["rows"][0]) == ["site", "layer", "measure", "group", "value", "lo", "hi", "n"] else 1)'
  ok $? "JSON: one object"
else
  skip "no python3 to read JSON with"
fi
if [ -w /dev/full ]; then
  "$FATHOM" axis x.h5 y.h5 >/dev/full 2>full.err
  is "$? $(cat full.err)" "4 fathom: standard output: cannot write: No space left on device" "a full disk is seen"
else
  skip "no /dev/full"
fi
tap_end
