#!/bin/sh
# The value statistics of ten published reward models (6 Llama, 4 Gemma) on the nouns of the Big Two dictionary: medians,
# contrasts and p as recomputed from the published scores. A long test: needs the shared data.
. "$SRCDIR/tests/tap.sh"
data=${FATHOM_DATA:-$SRCDIR/../shared/data}
nouns=$data/lexicons/big2/dict_big2_nouns.csv
if [ ! -f "$nouns" ] || [ ! -d "$data/rm-scores" ]; then
  skip "no $data/rm-scores and lexicons/big2 (set FATHOM_DATA)"
  tap_end
  exit
fi
rows() { grep -v '^#' | sed 1d; }
"$FATHOM" bias "$data"/rm-scores/*.csv --lexicon "$nouns" --family Llama=LLaMa,Llama --family Gemma=gemma,Gemma \
  -o "$work/b.h5" >"$work/b.tsv"
ok $? "ten tables are read"
is "$(rows <"$work/b.tsv" | awk -F'\t' '$1 != "-" { printf "%s %s %s %.1f %d %d %d\n", $1, $2, $3, $4, $7, $8, $9 }')" \
  "Llama positive Agency 128.3 6 27 104
Llama positive Communion 135.3 6 27 159
Llama negative Agency 103.0 6 27 104
Llama negative Communion 149.0 6 27 159
Gemma positive Agency 132.5 4 27 104
Gemma positive Communion 131.1 4 27 159
Gemma negative Agency 97.5 4 27 104
Gemma negative Communion 154.9 4 27 159" "median ranks by family, framing and category"
is "$(rows <"$work/b.tsv" | awk -F'\t' '$13 == "models" { printf "%s %.1f %.3f %.0f/%d %s", $10, $11, $12, $12 * $14, $14, $15 }')" \
  "Llama - Gemma -19.8 0.076 16/210 yes" "contrasts of 39.0 and 58.8: 16 of 210 labelings are as far apart"
is "$(rows <"$work/b.tsv" | awk -F'\t' '
  $1 == "-" && $10 !~ / - / { n[/[Ll][Ll]a[Mm]a/]++; sum[/[Ll][Ll]a[Mm]a/] += $11 }
  END { printf "%d %.1f %d %.1f", n[1], sum[1] / n[1], n[0], sum[0] / n[0] }')" "6 39.0 4 58.8" "contrasts of the models"
grep -q '^# words: 263 are ranked, by 263 entries of the lexicon; 2 to 2 of each table are not in it' "$work/b.tsv"
ok $? "discussion and eagerness are no nouns of the list, and are dropped before ranking"
"$FATHOM" plot "$work/b.h5" -o "$work/b.svg" && [ -s "$work/b.svg" ]
ok $? "the figure is drawn"
tap_end
