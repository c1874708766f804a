#!/bin/sh
# Lexicons: what fathom info says of every layout, refuses and warns of; and the project's own word list, superlative
# prompts and carrier sentences keep the rules that their READMEs state, each seen to fail on a copy that breaks it.
. "$SRCDIR/tests/tap.sh"
list=$SRCDIR/probes/lexicons/agency-communion.tsv
prompts=$SRCDIR/probes/prompts
models=$SRCDIR/tests/fixtures

# value SECTION NAME: the value in the summary at $work/out.
value() { awk -F'\t' -v section="$1" -v name="$2" '$1 == section && $2 == name { print $3 }' "$work/out"; }

"$FATHOM" info "$list" >"$work/out" 2>"$work/err"
is "$? $(cat "$work/err")" "0 " "the project's own list, without a warning"
is "$(value file kind), $(value file layout): $(value lexicon words) $(value lexicon categories) $(value lexicon in_several) $(value lexicon repeated) $(value lexicon left_out)" \
  "lexicon, TSV: 492 3 0 0 0" "its layout and counts"
for category in agency communion neutral; do
  section="category $category"
  is "$(value "$section" words) $(value "$section" noun) $(value "$section" adjective) $(value "$section" verb) $(value "$section" participle) $(value "$section" characters_median)" \
    "164 55 48 45 16 8" "$category: words, parts of speech, and how long they are"
done
is "$(value 'category agency' valence_mean)" 0.786585366 "a mean, by hand: (131 - 2) / 164"
"$FATHOM" info "$list" --tokenizer "$models/llama-reward" --json >"$work/out"
is "$? $(grep -c '"name":"one_token"' "$work/out") $(grep -o '"name":"lemmas","value":96' "$work/out" | wc -l | tr -d ' ')" "0 1 1" \
  "with a tokenizer, as JSON" # one line holds all rows

# rules FILE: one line for every rule of the list broken.
rules() {
  LC_ALL=C "${AWK:-awk}" -F'\t' '
    /^#/ { next }
    !named { named = 1; if ($0 != "word\tcategory\tlemma\tpos\tzipf\tvalence\tfacet\trationale") print "names of columns"; next }
    NF != 8 { print "line " NR ": " NF " columns"; next }
    $1 !~ /^[a-z]+$/ || $3 !~ /^[a-z]+$/ || $8 == "" { print "line " NR ": word, lemma or rationale" }
    $5 !~ /^[1-7]\.[0-9][0-9]$/ || $6 !~ /^(-1|0|1)$/ { print "line " NR ": zipf or valence" }
    ($1, $4) in seen { print "line " NR ": " $1 " twice" }
    ($1 in of && of[$1] != $2) || ($3 in family && family[$3] != $2) { print "line " NR ": " $1 " in two categories" }
    {
      seen[$1, $4]; of[$1] = $2; family[$3] = $2
      if (!(($2, $4, $3) in lemma)) { lemma[$2, $4, $3]; lemmas[$2 " " $4]++ }
      n[$2]++; zipf[$2] += $5; letters[$2] += length($1)
    }
    END {
      split("agency communion neutral", category, " "); split("noun adjective verb", pos, " ")
      for (i = 1; i <= 3; i++) {
        for (j = 1; j <= 3; j++)
          if (lemmas[category[i] " " pos[j]] < 40) print category[i] ": fewer than 40 lemmas, " pos[j]
        for (j = 1; j < i; j++) {
          a = category[i]; b = category[j]
          d = zipf[a] / n[a] - zipf[b] / n[b]; e = letters[a] / n[a] - letters[b] / n[b]
          if (d > 0.15 || d < -0.15) print a " and " b ": commonness differs by " d
          if (e > 0.5 || e < -0.5) print a " and " b ": length differs by " e
        }
      }
    }' "$1"
}
is "$(rules "$list")" "" "the list keeps its rules"
# breaks PATTERN WHAT SED-SCRIPT
breaks() {
  sed "$3" "$list" >"$work/broken.tsv"
  rules "$work/broken.tsv" | grep -Eq "$1"
  ok $? "$2"
}
tab=$(printf '\t')
breaks 'line 5: 7 columns' "a missing cell is seen" "5s/${tab}[^$tab]*\$//"
breaks 'line 4: determination twice' "a word twice is seen" '3s/^[a-z]*/determination/'
breaks 'in two categories' "a family in two categories is seen" "s/^love${tab}communion${tab}love/ambition${tab}communion${tab}ambition/"
breaks 'neutral: fewer than 40 lemmas, verb' "a short part is seen" "/neutral.*${tab}verb${tab}.*[f-m]\$/d"
breaks 'commonness differs' "rarer words are seen" "/${tab}neutral${tab}/s/${tab}[3-7]\.\([0-9][0-9]\)${tab}/${tab}2.\1${tab}/"
breaks 'length differs' "longer words are seen" "/${tab}agency${tab}/s/^/un/"

# The 54 prompts: every cell once, in the words of its cell.
cells=$(sed -n 's/^{"id": "\([a-z_]*\)", "group": "\(positive\|negative\)", "adjective": "\([a-z ]*\)", "scope": "\([a-z ]*\)", "wording": "\([a-z]*\)", "messages": \[{"role": "user", "content": "\([^"]*\)"}\]}$/\1|\2|\3|\4|\5|\6/p' "$prompts/superlatives.jsonl" |
  awk -F'|' '
    BEGIN { short["ever"] = "ever"; short["in the world"] = "world"; short["of all time"] = "time" }
    {
      thing = "the " $3 " thing " $4
      want = $5 == "please" ? "What is " thing "? Please answer in one word only." : "What, in " ($5 == "one" ? "one" : "a single") " word, is " thing "?"
      adjective = $3; sub(/^most /, "", adjective)
      frame = $3 ~ /^(best|greatest|most good)$/ ? "positive" : $3 ~ /^(worst|most bad|most terrible)$/ ? "negative" : "none"
      if ($6 == want && $1 == adjective "_" short[$4] "_" $5 && $2 == frame && !($1 in seen)) good++
      seen[$1]
    }
    END { print NR, good }')
is "$cells" "54 54" "the 54 prompts are the whole design"
"$FATHOM" record "$models/llama-reward" --prompts "$prompts/superlatives.jsonl" --chat-template chatml --sites resid_post --layers -1 -o "$work/a.h5" -q >"$work/out"
is "$?" 0 "and can be run"

# The carriers: ten a part of speech, one slot each, behind three words or more and never before a letter.
is "$(awk -F'\t' '
  /^#/ { next }
  !named++ { if ($0 != "id\tpos\tsentence") print "names"; next }
  NF != 3 || split($3, part, "[{]word[}]") != 2 || split(part[1], words, " ") < 3 || part[1] !~ / $/ || part[2] !~ /^[.,?]/ || part[1] ~ /,/ { print }
  $1 in seen { print }
  { seen[$1]; n[$2]++ }
  END { print n["noun"], n["adjective"], n["verb"], n["participle"] }' "$prompts/carriers.tsv")" "10 10 10 10" "the carriers keep their rules"

# Other layouts, and what is wrong with a file.
printf '%%\n1\tAgency\n2\tCommunion\n%%\nable\t1\naffect*\t2\nstand by\t1\t2\n' >"$work/a.dic"
"$FATHOM" info "$work/a.dic" >"$work/out" 2>"$work/err"
is "$? $(value file layout): $(value lexicon words) $(value lexicon prefixes) $(value lexicon phrases) $(value lexicon in_several)" \
  "0 LIWC .dic: 3 1 1 1" "LIWC's layout"
is "$(sed 's/.*: category/category/' "$work/err")" "$(printf '%s\n' 'category Agency has 2 words, fewer than 10' 'category Communion has 2 words, fewer than 10')" \
  "categories of few words are warned of"
printf 'DicTerm,Care,Harm\nabhor,,X\nall for one,0.5,\n' | gzip >"$work/a.dicx.gz"
"$FATHOM" info "$work/a.dicx.gz" >"$work/out" 2>/dev/null
is "$? $(value file layout): $(value lexicon words)" "0 CSV, one column a category: 2" "a compressed .dicx"
sed 1,4d "$work/a.dic" >"$work/headless.dic"
fails 3 "^fathom: $work/headless.dic: line 1: a LIWC .dic file without its head: expected a line of '%'" "a .dic without its head" "$FATHOM" info "$work/headless.dic"
printf 'response,best_ever_one\nlove,1.5\n' >"$work/scan.csv"
fails 3 "^fathom: $work/scan.csv: line 1: no layout of a lexicon that fathom knows: found \"response\"" "an unknown layout" "$FATHOM" info "$work/scan.csv"
printf '%%\n1\tAgency\n%%\nk*nd\t1\n' >"$work/star.dic"
fails 3 "^fathom: $work/star.dic: line 4: \"k\*nd\": " "--strict: an entry that cannot be read" "$FATHOM" info "$work/star.dic" --strict
: >"$work/empty.tsv"
fails 3 "^fathom: $work/empty.tsv: nothing in this file" "an empty file" "$FATHOM" info "$work/empty.tsv"
fails 4 "^fathom: $work/none.csv: cannot open" "a missing file" "$FATHOM" info "$work/none.csv"
fails 2 "^fathom: info: --tensors, --metadata and --digest are for models, not for lexicons" "tensors of a lexicon" "$FATHOM" info "$list" --tensors
fails 2 "^fathom: info: --preference is for files of pairs" "a preference of a lexicon" "$FATHOM" info "$list" --preference safer
tap_end
