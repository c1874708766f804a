#!/bin/sh
# fathom bias on made-up scans of nine models: ranks, contrasts and p values as NumPy has them (tests/fixtures/make_bias.py),
# how families and framings are told, and what is refused or warned of.
. "$SRCDIR/tests/tap.sh"
scans=$SRCDIR/tests/fixtures/bias
tab=$(printf '\t')
cd "$work" || exit 99
cp "$scans"/*.csv "$scans/lexicon.tsv" . && chmod u+w ./*.csv lexicon.tsv
bias() { "$FATHOM" bias "$@" --lexicon lexicon.tsv; }
families="--family birch=birch --family maple=maple --family willow=willow"
# Words apart:
# shellcheck disable=SC2086
all() { bias ./*.csv $families "$@"; }
rows() { grep -v '^#' | sed 1d; }

# --- numbers ---

all >all.tsv 2>all.err
is "$(sed -n '/^#/!{p;q;}' all.tsv | tr '\t' ' ')" "family framing category median_rank least most models prompts words contrast \
statistic p unit labelings exact q lo hi g n categories framings" "the columns"
# In the shape of expected.tsv: kind, names, numbers.
rows <all.tsv | awk -F'\t' -v OFS='\t' '
  $1 != "-" { print "rank", $1, $2, $3, $4, $5, $6 }
  $1 == "-" { print $13, $10, $11, $12, $14, $13 == "models" ? $16 : $19 }' >found.tsv
awk -F'\t' '
  NR == FNR { want[FNR] = $0; n_want = FNR; next }
  {
    n = split(want[FNR], w, "\t")
    bad = n != NF
    for (i = 1; i <= n; i++)
      if (w[i] ~ /^-?[0-9.]+(e-?[0-9]+)?$/ ? !($i - w[i] <= 1e-7 && w[i] - $i <= 1e-7 && $i != "-") : w[i] != $i) bad = 1
    if (bad) print "found " $0 ", expected " want[FNR]
  }
  END { if (FNR != n_want) print FNR " rows, expected " n_want }' "$scans/expected.tsv" found.tsv >differences
is "$(cat differences)" "" "all rows are NumPy's"
is "$(wc -l <found.tsv | tr -d ' ')" 33 "18 of ranks, 3 of families over models, 3 over prompts, 9 of models"
is "$(rows <all.tsv | awk -F'\t' '$1 == "-" && ($14 == "35" || $14 == "10" || $14 == "15" || $14 == "20") && $15 == "yes"' | wc -l | tr -d ' ')" 15 \
  "few labelings are counted in full"
is "$(rows <all.tsv | awk -F'\t' '$13 == "prompts" && $17 + 0 < $11 + 0 && $11 + 0 < $18 + 0' | wc -l | tr -d ' ')" 12 "every contrast lies in its interval"
is "$(rows <all.tsv | awk -F'\t' '$13 == "prompts" && $20 == 6 || $13 == "models" && $10 == "birch - maple" && $20 == 7' | wc -l | tr -d ' ')" 13 \
  "n counts the unit"
is "$(grep -c '^# sensitivity (ours) of' all.tsv)" 3 "every test over models says what other choices give"
grep -q '^# unit models: ' all.tsv && grep -q '^# unit prompts (ours): .*says nothing of other models' all.tsv &&
  grep -q '^# q: Benjamini and Hochberg over the 3 tests' all.tsv
ok $? "what p is about is said"
grep -q '^# words: 24 are ranked, by 24 entries of the lexicon; 2 to 2 of each table are not in it' all.tsv &&
  grep -q '^# prompts: 3 positive, 3 negative, 1 without a framing' all.tsv
ok $? "words and framings are counted"
grep -q 'warning.*1 prompts have no framing .*"tallest_ever_one"' all.err
ok $? "a prompt without a framing is warned of"

# --- JSON, file and figure ---

all --json -o b.h5 -q >all.json 2>/dev/null
grep -q '"rows":\[{"family":"birch","framing":"positive","category":"agency","median_rank":[0-9.]*,"least":[^{]*"words":12},{' all.json
ok $? "JSON: rows of ranks have no members of tests"
grep -q '{"contrast":"birch - maple","statistic":-[0-9.]*,"p":[0-9.]*,"unit":"models","labelings":35,' all.json
ok $? "JSON: rows of tests have no members of ranks"
is "$("$FATHOM" info b.h5 | grep -c "^dataset")" 26 "the result's datasets"
"$FATHOM" info b.h5 | grep -q "^dataset${tab}median_rank${tab}number \[9, 7, 2\]"
ok $? "ranks of every model, prompt and category are kept"
"$FATHOM" plot b.h5 --figure ranks --tsv >ranks.tsv
is "$(grep -v '^#' ranks.tsv | sed -n '1,2p' | cut -f 1-6,8 | tr '\t' ' ')" "file family model framing category prompt words
b birch birch-1 positive agency best_ever_one 24" "figure: a row a prompt"
is "$(rows <ranks.tsv | wc -l | tr -d ' ')" $((9 * 2 * (7 + 3))) "figure: 7 prompts and 3 means for each model and category"
is "$(rows <ranks.tsv | awk -F'\t' '$2 == "willow" && $4 == "negative" && $5 == "communion" && $6 == "-" { s += $7; n++ } END { printf "%.6f %d", s / n, n }')" \
  "$(awk -F'\t' '$1 == "rank" && $2 == "willow" && $3 == "negative" && $4 == "communion" { printf "%.6f 2", $5 }' "$scans/expected.tsv")" \
  "figure: its means are those of the table"
all -o c.h5 >/dev/null 2>&1 && all -o d.h5 >/dev/null 2>&1
"$FATHOM" plot c.h5 --tsv | rows | cut -f 2- >c.rows && "$FATHOM" plot d.h5 --tsv | rows | cut -f 2- | cmp - c.rows && [ -s c.rows ]
ok $? "the same numbers twice"

if command -v "${GNUPLOT:-gnuplot}" >/dev/null 2>&1; then
  for format in png svg pdf; do
    "$FATHOM" plot b.h5 c.h5 -o ranks.$format && [ "$(wc -c <ranks.$format)" -gt 5000 ]
    ok $? "the figure as $format"
  done
  for text in "Ranks of value words by model" ">positive framing<" ">prompts without a framing<" "median rank (1 = highest score)" \
    ">birch-1<" ">communion<" ">maple</"; do
    grep -qF "$text" ranks.svg
    ok $? "ranks.svg says: $text"
  done
else
  skip "no gnuplot"
fi

# A lexicon of 94 categories: c2 and c3 of two words, 20 of one, and 72 without any in the tables.
awk -v OFS='\t' 'NR == 1 { print; next } { print $1, "c" (NR > 22 ? NR - 22 : NR) }
  END { for (i = 1; i <= 72; i++) print "none" i, "other" i }' lexicon.tsv >wide.tsv
"$FATHOM" bias birch-*.csv --lexicon wide.tsv -o wide.h5 -q >/dev/null 2>&1 && "$FATHOM" plot wide.h5 --tsv >wide.ranks
is "$(grep '^# figure: ' wide.ranks) $(rows <wide.ranks | cut -f 5 | sort -u | tr '\n' ' ')" \
  "# figure: 14 of 94 categories, those of most words c10 c11 c12 c13 c14 c15 c2 c3 c4 c5 c6 c7 c8 c9 " "figure: of many categories the largest"
is "$(rows <wide.ranks | awk -F'\t' '$5 == "c3"' | wc -l | tr -d ' ')" "$(rows <ranks.tsv | awk -F'\t' '$2 == "birch" && $5 == "communion"' | wc -l | tr -d ' ')" \
  "figure: with all of their rows"
if command -v "${GNUPLOT:-gnuplot}" >/dev/null 2>&1; then
  "$FATHOM" plot wide.h5 -o wide.svg && grep -qF '14 of 94 categories, those of most words' wide.svg && grep -qF '>c15<' wide.svg
  ok $? "and drawn"
else
  skip "no gnuplot"
fi

# --- what changes nothing, and what turns signs ---

value() { rows | awk -F'\t' -v unit="$1" -v name="$2" '$13 == unit && $10 == name { print $11, $12 }'; }
plain=$(value models "birch - maple" <all.tsv)
is "$(echo "$plain" | wc -w | tr -d ' ')" 2 "T and p of two families, which nothing below may change"
mkdir sorted && for f in ./*.csv; do { sed 1q "$f" && sed 1d "$f" | sort -r; } >"sorted/$f"; done
is "$(bias sorted/*.csv $families 2>/dev/null | value models "birch - maple")" "$plain" "the order of words is of no matter"
is "$(all --contrast communion,agency 2>/dev/null | value models "birch - maple")" "$(echo "$plain" | sed 's/^-//')" \
  "swapping the poles turns the sign, and not p"
is "$(all --positive worst,bad,terrible --negative best,great,good 2>/dev/null | value models "birch - maple")" \
  "$(echo "$plain" | sed 's/^-//')" "and so does swapping the framings"
mkdir zipped && gzip -c birch-1.csv >zipped/birch-1.csv.gz && cp birch-[23].csv maple-*.csv zipped
is "$(bias zipped/* --family birch=BIR --family maple=Mapl 2>/dev/null | value models "birch - maple")" "$plain" \
  "gzip, and substrings in upper or lower case"
for f in ./*.csv; do sed 's/^\("so, ""what"""\|[a-z]*\),/0,x,\1,/; s/^0,x,response/token_id,token_name,token_decoded/' "$f" >"sorted/$f"; done
is "$(bias sorted/*.csv $families 2>/dev/null | value models "birch - maple")" "$plain" "a token table of the same scores"
mkdir folders folders/birch folders/maple
for f in birch maple; do for m in "$f"-*.csv; do cp "$m" "folders/$f/${m#*-}"; done; done
is "$(bias folders/*/*.csv --family birch=birch --family maple=maple 2>/dev/null | value models "birch - maple")" "$plain" \
  "a family told by the folder, where the file's name says nothing"
{ cat sorted/birch-1.csv && sed -n '/,love,/s/,[^,]*$/,99/p' sorted/birch-1.csv; } >folders/alike.csv
bias folders/alike.csv 2>alike.err >alike.tsv
grep -q 'alike.csv: tokens that decode alike: the first of each is used, and 1 are left out ("love" in line 28)' alike.err &&
  [ "$(rows <alike.tsv | sed '$d')" = "$(bias birch-1.csv 2>/dev/null | rows | sed '$d')" ] && [ "$(rows <alike.tsv | wc -l)" -eq 7 ]
ok $? "tokens that decode alike: the first counts, and the others are warned of"
{
  echo '{"id": "best_ever_one", "text": "a", "group": "negative"}'
  echo '{"id": "x", "messages": [{"role": "user", "content": "What, in one word, is the most bad thing ever?"}], "group": "positive"}'
  echo '{"id": "worst_ever_one", "text": "b", "group": "other"}'
} >prompts.jsonl
bias birch-*.csv --prompts prompts.jsonl 2>/dev/null | grep -q '^# prompts: 1 positive, 1 negative, 5 without'
ok $? "framing from a file of prompts, by id or text"

# --- scans of fathom's own ---

mkdir own
export OMP_NUM_THREADS=1 # the model is too small to share out
"$FATHOM" scan "$SRCDIR/tests/fixtures/llama-reward" --prompts "$SRCDIR/probes/prompts/superlatives.jsonl" --lexicon lexicon.tsv \
  --csv own/words.csv -q >/dev/null && bias own/words.csv -q -o own.h5 >own.tsv
grep -q '^# words: 24 are ranked, by 24 entries of the lexicon; 0 to 0 of' own.tsv && grep -q '^# prompts: 27 positive, 27 negative, 0 w' own.tsv
ok $? "a scan of words and the shipped prompts is read"
# The same from the result, which knows the groups of its prompts: here, that best is negative.
"$FATHOM" scan "$SRCDIR/tests/fixtures/llama-reward" --prompts "$SRCDIR/probes/prompts/superlatives.jsonl" --lexicon lexicon.tsv \
  -o own/words.h5 -q >/dev/null && bias own/words.h5 -q >own.h5.tsv 2>own.err
rows <own.tsv >own.rows && rows <own.h5.tsv | cmp - own.rows && [ "$(wc -l <own.rows)" -eq 5 ] && [ ! -s own.err ]
ok $? "from the result of a scan as from its table"
grep -q '^# prompts: 27 positive, 27 negative, 0 without a framing, told by their group in the results of scans$' own.h5.tsv
ok $? "framings by the groups that it keeps"
bias own/words.h5 own/words.csv -q 2>/dev/null >both.tsv
is "$(rows <both.tsv | awk -F'\t' '$13 == "prompts" { print $10, $11 }' | tr '\n' ' ')" \
  "$(awk -F'\t' '$13 == "prompts" { printf "words.h5 %s words.csv %s ", $11, $11 }' own.rows)" "results beside tables"
group() { printf '{"id": "best_a", "text": "What is it?", "group": "%s"}\n{"id": "worst_b", "text": "And this?", "group": "%s"}\n' "${1-}" "${2-}"; }
contrast() { rows | awk -F'\t' '$13 == "prompts" { print $11 }'; }
for way in 'positive negative' 'negative positive' ' '; do
  # Two words, or none:
  # shellcheck disable=SC2086
  group $way >groups.jsonl
  "$FATHOM" scan "$SRCDIR/tests/fixtures/llama-reward" --prompts groups.jsonl --lexicon lexicon.tsv -o "own/$(echo $way | tr ' ' -).h5" -q >/dev/null
done
mv own/.h5 own/none.h5
straight=$(bias own/positive-negative.h5 2>/dev/null | contrast)
[ -n "$straight" ] && [ "$(bias own/negative-positive.h5 2>/dev/null | contrast | sed 's/^-//')" = "${straight#-}" ] &&
  [ "$(bias own/negative-positive.h5 2>/dev/null | contrast)" != "$straight" ]
ok $? "a group has the word over best and worst"
is "$(bias own/none.h5 2>/dev/null | contrast)" "$straight" \
  "words tell where there is no group"
fails 3 'negative-positive.h5: prompt "best_a" is of the group negative, in own/positive-negative.h5 of positive' "groups that contradict each other" \
  bias own/positive-negative.h5 own/negative-positive.h5
is "$(bias own/positive-negative.h5 own/negative-positive.h5 --positive best --negative worst 2>/dev/null | contrast | sort -u)" "$straight" \
  "which are of no matter where options say it"
printf 'response,best_a\nlone,1\n' >own/alone.csv && cp lexicon.tsv lone.tsv && printf 'lone\tagency\n' >>lone.tsv
fails 3 'shares no word of the lexicon with all other tables' "a result and a table without a common word" \
  "$FATHOM" bias own/positive-negative.h5 own/alone.csv --lexicon lone.tsv --shared-only
cp own/words.h5 own/cut.h5 && "$(dirname "$FATHOM")/tests/cut_result" own/cut.h5 rewards 3
fails 3 'own/cut.h5: has the rewards of 3 of 54 prompts: fathom scan --resume' "a scan that is not finished" bias own/cut.h5
# The eleventh prompt's ranks, by the definition, from the table.
"$FATHOM" plot own.h5 --tsv | rows | awk -F'\t' -v p="$(sed -n '1p' own/words.csv | cut -d, -f12)" '$6 == p { print $5, $7 }' >own.found
awk 'NR > 1 { print $1, $2 }' lexicon.tsv | sort >own.categories
sed 1d own/words.csv | cut -d, -f1,12 | tr , ' ' | sort | join own.categories - | awk '
  { category[NR] = $2; score[NR] = $3 }
  END {
    for (i = 1; i <= NR; i++) {
      r = 0.5
      for (j = 1; j <= NR; j++) r += score[j] > score[i] ? 1 : score[j] == score[i] ? 0.5 : 0
      print category[i], r
    }
  }' | sort -k1,1 -k2,2n | awk '{ c[++n] = $1; r[n] = $2 } END { print c[6], (r[6] + r[7]) / 2; print c[18], (r[18] + r[19]) / 2 }' >own.expected
is "$(cat own.found)" "$(cat own.expected)" "with the ranks that its table has"
"$FATHOM" scan "$SRCDIR/tests/fixtures/llama-reward" --text best --csv own/tokens.csv -q >/dev/null
sed 1d own/tokens.csv | cut -d, -f3 | grep -E '^ ?[a-z]{3,}$' | sort -u | sed 's/^ //' | sort -u | awk -v OFS='\t' \
  'BEGIN { print "word", "category" } { print $1, NR % 2 ? "odd" : "even" }' >odd.tsv
"$FATHOM" bias own/tokens.csv --lexicon odd.tsv -q >odd.out 2>/dev/null
is "$(sed -n 's/^# words: \([0-9]*\) are ranked.*/\1/p' odd.out)" "$(cut -d, -f3 own/tokens.csv | grep -cE '^ ?[a-z]{3,}$')" \
  "a scan of tokens is read, with every spelling of a word"

# --- fewer families, framings, categories ---

bias birch-*.csv -q >one.tsv 2>/dev/null
grep -q '^# no test of families: there is one' one.tsv && [ "$(rows <one.tsv | awk -F'\t' '$13 == "models"')" = "" ] &&
  [ "$(rows <one.tsv | awk -F'\t' '$1 == "all"' | wc -l)" -eq 6 ]
ok $? "one family: ranks and contrasts of models, and no test"
is "$(rows <one.tsv | awk -F'\t' '$13 == "prompts" { print $10 }' | tr '\n' ' ')" "birch-1 birch-2 birch-3 " "models are called by their files"
mkdir long && for m in birch-1 maple-2; do cp $m.csv long/all_scans_$m.csv; done
is "$(bias long/* -q 2>/dev/null | rows | awk -F'\t' '$13 == "prompts" { print $10 }' | tr '\n' ' ')" "birch-1 maple-2 " \
  "without what all names begin with"
bias birch-1.csv -q >one.tsv 2>/dev/null
grep -q '^# no test of families: one model says nothing of others' one.tsv && [ "$(rows <one.tsv | wc -l)" -eq 7 ]
ok $? "one model"
bias birch-1.csv maple-1.csv --family birch=birch --family maple=maple 2>/dev/null >two.tsv
grep -q '2 labelings of so few models cannot give a p below 1$' two.tsv
ok $? "one model a family can give no small p, which is said"
bias birch-*.csv maple-*.csv $(echo $families | cut -d' ' -f 1-4) --positive best,greatest,good -q 2>/dev/null >positive.tsv
is "$(rows <positive.tsv | awk -F'\t' '$13 == "models" { print $22 } $10 == "birch-1" { print $14, $22 }' | tr '\n' ' ')" \
  "positive 8 positive " "one framing: its own difference, with signs dealt out"
is "$(all --permutations 100 --seed 3 2>/dev/null | rows | awk -F'\t' '$13 == "models" { print $14, $15 }' | tr '\n' ' ')" \
  "35 yes 10 yes 15 yes " "labelings within the limit stay exact"
sed 's/communion/care/; s/^love.*/love\tother/; s/^trust.*/trust\tother/' lexicon.tsv >three.tsv
is "$("$FATHOM" bias birch-*.csv --lexicon three.tsv 2>three.err | grep -c '^# no contrast: 3 categories')" 1 "three categories, and no contrast"
grep -q 'category other has 2 words, fewer than 10' three.err
ok $? "a small category is warned of"
is "$("$FATHOM" bias birch-*.csv --lexicon three.tsv --categories agency,care 2>/dev/null | grep -c '^# words: 22 are ranked')" 1 \
  "categories that are not asked for are dropped before ranking"
is "$("$FATHOM" bias birch-*.csv maple-*.csv --lexicon three.tsv --contrast agency,care --contrast care,other --family b=birch --family m=maple \
  2>/dev/null | rows | awk -F'\t' '$13 == "models" { print $21 }' | tr '\n' ';')" "agency - care;care - other;" "several contrasts"
is "$(bias a-*.csv 2>/dev/null; sed '/^love/d' birch-1.csv >less.csv; bias less.csv maple-1.csv --shared-only 2>/dev/null |
  grep -c '^# words: 23 are ranked')" 1 "words that not all have are left out on request"

# --- what is refused ---

refuse() { fails "$@"; }
refuse 2 'bias: --lexicon FILE is needed' "no lexicon" "$FATHOM" bias birch-1.csv
refuse 2 'usage: fathom bias' "no table" "$FATHOM" bias --lexicon lexicon.tsv
refuse 2 'birch-1.csv: was given twice' "one table twice" bias birch-1.csv ./birch-1.csv
refuse 2 'willow-1.csv: belongs to no --family' "a table of no family" bias willow-1.csv birch-1.csv --family birch=birch
refuse 2 'birch-1.csv: belongs to two families, birch and hard' "a table of two families" bias birch-1.csv --family birch=birch --family hard=ir,map
refuse 2 '--family oak=oak: no table' "a family without a table" bias birch-1.csv --family birch=birch --family oak=oak
refuse 2 '--family birch: expected NAME=SUBSTRING' "a family without substrings" bias birch-1.csv --family birch
refuse 2 '--family birch=a,: expected' "an empty substring" bias birch-1.csv --family birch=a,
refuse 2 '--family b=b: the family b was given before' "a family twice" bias birch-1.csv --family b=i --family b=b
refuse 2 '--contrast agency,money: money is none of the categories' "an unknown category" bias birch-1.csv --contrast agency,money
refuse 2 '--contrast agency: expected two categories' "one category" bias birch-1.csv --contrast agency
refuse 2 '--contrast communion,agency: was given before \(agency,communion\)' "a contrast twice, the other way around" \
  bias birch-1.csv --contrast agency,communion --contrast communion,agency
refuse 2 '--contrast Agency,communion: was given before' "a contrast twice" bias birch-1.csv --contrast agency,communion --contrast Agency,communion
refuse 2 'expected two different categories' "a category against itself" bias birch-1.csv --contrast agency,Agency
refuse 2 '"best_ever_one": --positive and --negative both' "a prompt of both framings" bias birch-1.csv --positive best --negative ever
refuse 2 'positive and --prompts exclude' "two rules of framing" bias birch-1.csv --positive best --prompts prompts.jsonl
sed 's/^love,/lore,/' birch-1.csv >other.csv
refuse 3 'other.csv: has no word "love", which birch-2.csv has; --shared-only' "tables over different words" bias birch-2.csv other.csv
refuse 3 'less.csv: has no word "love", which birch-2.csv has' "whichever comes first" bias less.csv birch-2.csv
sed '1s/best_ever_one/best_one/' birch-1.csv >other.csv
refuse 3 'other.csv: has no prompt "best_ever_one", which birch-2.csv has' "tables over different prompts" bias birch-2.csv other.csv
sed 's/^banana,/love,/' birch-1.csv >other.csv
refuse 3 'other.csv: line [0-9]+: the word "love" is there twice' "a word twice" bias other.csv
sed '3s/,[^,]*$/,high/' birch-1.csv >other.csv
refuse 3 'other.csv: line 3, column "tallest_ever_one": found "high", expected a finite number' "a score that is no number" bias other.csv
printf 'response,best\nsnow,1\nrain,2\n' >other.csv
refuse 3 'lexicon.tsv: none of its 24 words is in other.csv' "no word of the lexicon" bias other.csv
printf 'word,best\nlove,1\n' >other.csv
refuse 3 'other.csv: no scan table: its first line has no column' "an unknown layout" bias other.csv
refuse 3 'b.h5: holds bias, expected a result of fathom scan' "another result" bias b.h5
refuse 2 '--output .*birch-1.csv: is one of the scans' "a scan for the output" bias birch-1.csv -o ./birch-1.csv
refuse 4 'none.csv: .*No such file' "a table that is not there" bias none.csv
refuse 3 '[0-9]+ words.* expected at least 10' "--strict: a small category" "$FATHOM" bias birch-1.csv --lexicon three.tsv --strict
grep -v -e '^love' -e '^trust' -e '^care' birch-1.csv >other.csv
refuse 3 'category communion has 9 words in the tables, expected at least 10' "--strict: few of its words in the tables" bias other.csv --strict
refuse 3 'prompt "tallest_ever_one" has no framing' "--strict: a prompt without a framing" bias birch-1.csv --strict
refuse 3 'has no framing' "--strict: no prompt has one" bias birch-1.csv --positive bset --negative wrost --strict
bias birch-1.csv --positive bset --negative wrost 2>unframed.err >/dev/null
grep -q 'warning.*no prompt has a framing .*: contrasts are over all of them' unframed.err
ok $? "and without it a warning of what the contrasts are then"
echo '{"id": "best", "text": "best?", "group": "positive"}' >prompts.jsonl
refuse 3 'prompts.jsonl: none of its 1 prompts is a column' "a file of other prompts" bias birch-1.csv --prompts prompts.jsonl
grep -E '^(response|ability|drive|goal|skill|power)' birch-1.csv >other.csv
refuse 3 'category communion has no word in the tables' "a contrast without words" \
  sh -c '"$FATHOM" bias other.csv --lexicon lexicon.tsv 2>note >/dev/null; code=$?; tail -n 1 note >&2; exit $code'
printf 'love\tagency\n' >>lexicon.tsv
bias birch-1.csv 2>contradictory.err >/dev/null
grep -q 'contradictory words are left out: 1 ' contradictory.err
ok $? "a word of two categories is left out and warned of"
refuse 3 'lexicon.tsv: contradictory: "love"' "--strict: a word of two categories" bias birch-1.csv --strict
cp "$scans/lexicon.tsv" lexicon.tsv
refuse 4 'nowhere/b.h5' "no such folder" bias birch-1.csv -o nowhere/b.h5 -q
is "$(find . -name '*.part')" "" "nothing is left"
if [ -c /dev/full ]; then
  fails 4 'standard output: cannot write: No space left' "a table to a full disk" sh -c '"$FATHOM" bias birch-*.csv --lexicon lexicon.tsv --positive best,greatest,good,tallest --negative worst,bad,terrible >/dev/full'
else
  skip "no /dev/full here"
fi
tap_end
