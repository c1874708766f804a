#!/bin/sh
# Real preference data, whole: schema, rows, what is left out, prompts, and lengths, as a few lines of Python count them
# from the same definitions. A long test: needs the shared data.
. "$SRCDIR/tests/tap.sh"
data=${FATHOM_DATA:-$SRCDIR/../shared/data}

# counts FILE WHAT EXPECTED: schema, rows, pairs, then bad, tied, empty and equal rows, prompts, and words of the answers.
counts() {
  if [ ! -f "$data/$1" ]; then
    skip "no $data/$1 (set FATHOM_DATA)"
    return
  fi
  found=$("$FATHOM" info "$data/$1" -q | awk -F'\t' '
    { cell[$1, $2] = $3 }
    END {
      p = "pairs"
      print cell["file", "schema"] ":", cell[p, "rows"], cell[p, "pairs"], cell[p, "dropped_bad"], cell[p, "dropped_tied"],
        cell[p, "dropped_empty"], cell[p, "dropped_equal"], cell[p, "prompts"], cell["words", "mean_chosen"],
        cell["words", "mean_rejected"], cell["words", "longer_wins"]
    }')
  is "$found" "$3" "$2"
}
counts hh-rlhf/harmless-base.test.jsonl.gz "HH harmless" \
  "HH transcripts: 2312 2308 0 0 4 0 2174 30.8136915 38.8409879 0.439991334"
counts hh-rlhf/helpful-base.test.recovered.jsonl.gz "HH helpful" \
  "HH transcripts: 1987 1982 0 0 3 2 1871 44.8309788 34.1770938 0.600655903"
counts pku-saferlhf/pku_saferlhf_test_safe_vs_unsafe_5k.json.gz "PKU-SafeRLHF" \
  "PKU-SafeRLHF safer first: 5135 5135 0 0 0 0 930 50.4375852 57.32074 0.440214216"
counts auto-j/testdata_pairwise.jsonl.gz "Auto-J" "Auto-J: 1392 1017 0 373 1 1 893 194.199607 137.093412 0.711406096"
tap_end
