#!/bin/sh
# Real lexicons: words, categories and phrases, as awk counts them from the same files. A long test: needs the shared data.
. "$SRCDIR/tests/tap.sh"
data=${FATHOM_DATA:-$SRCDIR/../shared/data}/lexicons

# counts FILE WHAT EXPECTED: layout, words, categories, phrases, words in several categories, repeated rows.
counts() {
  if [ ! -f "$data/$1" ]; then
    skip "no $data/$1 (set FATHOM_DATA)"
    return
  fi
  is "$("$FATHOM" info "$data/$1" -q | awk -F'\t' '
    { cell[$1, $2] = $3 }
    END {
      l = "lexicon"
      print cell["file", "layout"] ":", cell[l, "words"], cell[l, "categories"], cell[l, "phrases"], cell[l, "in_several"], cell[l, "repeated"]
    }')" "$3" "$2"
}
counts big2/dict_big2_expanded.csv "Big Two, a column a category" "CSV, one column a category: 900 2 3 0 36"
counts big2/dict_big2_nouns.csv "Big Two, nouns" "CSV, one row a word: 263 2 3 0 0"
counts big2/moral-foundations-dictionary-20.dicx "MFD 2.0 as .dicx" "CSV, one column a category: 2040 10 110 0 0"
if [ -f "$data/mfd2.0.dic" ]; then
  fails 3 "mfd2.0.dic: line 1: a LIWC .dic file without its head" "MFD 2.0's .dic as it is spread" "$FATHOM" info "$data/mfd2.0.dic"
  {
    printf '%%\n'
    for number in 1 2 3 4 5 6 7 8 9 10; do printf '%s\tcategory %s\n' $number $number; done
    printf '%%\n'
    cat "$data/mfd2.0.dic"
  } >"$work/mfd.dic"
  "$FATHOM" info "$work/mfd.dic" >"$work/out"
  is "$? $(awk -F'\t' '$1 == "file" && $2 == "layout" { print $3 }' "$work/out")" "0 LIWC .dic" "and with a head"
  is "$(awk -F'\t' '$1 ~ /^category/ && $2 == "words" { print substr($1, 19), $3 }' "$work/out")" \
    "$(cut -f 2 "$data/mfd2.0.dic" | sort -n | uniq -c | awk '{ print $2, $1 }')" "its categories have as many words as the file has rows of them"
else
  skip "no $data/mfd2.0.dic (set FATHOM_DATA)"
fi
tap_end
