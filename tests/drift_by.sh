#!/bin/sh
# fathom drift --by: changes that were put in one place of made stores are found there, and nowhere else.
. "$SRCDIR/tests/tap.sh"
make=$(dirname "$FATHOM")/tests/make_store
cd "$work" || exit 99

"$make" a.h5 pairs=1 && "$make" rejected.h5 pairs=1 noise=.2 only_rejected=1 && "$make" third.h5 pairs=1 noise=.2 only_position=3 &&
  "$make" one.h5 pairs=1 noise=.2 only_sample=17 && "$make" all.h5 pairs=1 noise=.2 && "$make" groups.h5 groups=4 &&
  "$make" group.h5 groups=4 noise=.2 only_group=2 && "$make" frozen.h5 branches=1 && "$make" tuned.h5 branches=1 attn=.5 mlp=1 &&
  "$make" against.h5 branches=1 attn=1 mlp=-.5 && "$make" plain.h5 && "$make" wide.h5 width=12 && "$make" last.h5 last=1 samples=30 &&
  "$make" nan.h5 pairs=1 nan_at=20 && "$make" many.h5 groups=131 samples=262
ok $? "stores are made"

# cells FILE COLUMN SITE MEASURE: "part=cell" of all parts.
cells() {
  awk -F '\t' -v column="$2" -v site="$3" -v measure="$4" '
    /^#/ { next }
    !head { for (i = 1; i <= NF; i++) if ($i == column) head = i; next }
    $1 == site && $5 == measure { printf "%s%s=%s", sep, $4, $head; sep = " " }' "$1"
}
rounded() { awk '{ for (i = 1; i <= NF; i++) { split($i, part, "="); v = sprintf("%.5f", part[2]); printf "%s%s=%s", (i > 1 ? " " : ""), part[1], (v == "-0.00000" ? "0.00000" : v) } }'; }
block=blocks.1.hook_resid_post

# Chosen against rejected.
"$FATHOM" drift a.h5 rejected.h5 --by label -o label.h5 >label.tsv 2>err
is "$? $(cat err)" "0 " "by label"
is "$(grep -v '^#' label.tsv | head -1)" "$(printf 'site\tlayer\tby\tpart\tmeasure\tvalue\tlo\thi\tn\tn_rows')" "the columns"
is "$(cells label.tsv value $block share)" "chosen=0 rejected=1 chosen - rejected=-1" "a change of rejected sides is all in these"
is "$(cells label.tsv value $block relative_l2 | cut -d ' ' -f 1)" "chosen=0" "and the chosen ones have none"
is "$(cells label.tsv n $block cosine) / $(cells label.tsv n_rows $block cosine)" \
  "chosen=13 rejected=20 chosen - rejected=20 / chosen=38 rejected=58 chosen - rejected=96" "samples are pairs; rows add up"
awk -F '\t' '!/^#/ && $4 == "chosen - rejected" && $5 == "relative_l2" { n++; bad = bad || !($7 < $6 && $6 < $8 && $8 < 0) } END { exit bad || n != 3 }' label.tsv
ok $? "the difference has an interval, which is below 0"
"$FATHOM" drift a.h5 all.h5 --by label --measures relative_l2 >even.tsv
"$make" alike.h5 pairs=1 layers=100 && "$make" alike2.h5 pairs=1 layers=100 noise=.02 &&
  "$FATHOM" drift alike.h5 alike2.h5 --by label --measures relative_l2 >alike.tsv
awk -F '\t' '!/^#/ && $4 == "chosen - rejected" && $5 != "share" { n++; held += $7 <= 0 && 0 <= $8 } END { exit !(n == 100 && held >= 88 && held < 100) }' alike.tsv
ok $? "where both sides drift alike it holds 0 in about 95 of 100 independent layers"
"$FATHOM" drift a.h5 all.h5 --by label --measures relative_l2 --seed 7 | grep -v '^#' >seed.tsv
is "$(cut -f 1-6 seed.tsv | cksum)" "$(grep -v '^#' even.tsv | cut -f 1-6 | cksum)" "another seed, same values"
"$FATHOM" drift a.h5 all.h5 --by label --measures relative_l2 --threads 2 | grep -v '^#' >two.tsv
grep -v '^#' even.tsv | cmp -s - two.tsv
ok $? "the number of threads changes no digit"
"$FATHOM" drift a.h5 all.h5 --by label --bootstrap 0 | awk -F '\t' '!/^#/ && $1 != "site" && $7 $8 != "--" { bad = 1 } END { exit bad }'
ok $? "--bootstrap 0 has no intervals"

# Positions, from either end.
"$FATHOM" drift a.h5 third.h5 --by position --measures relative_l2 >position.tsv
is "$(cells position.tsv value $block share)" "1=0 2-3=1 4-7=0" "a change at position 3 is found there"
is "$(cells position.tsv value $block relative_l2 | sed 's/2-3=[0-9.]* //')" "1=0 4-7=0" "and at no other"
"$FATHOM" drift a.h5 third.h5 --by position --keep-first --measures cosine | grep -v '^#' | cut -f 4 | sort -u | tr '\n' ' ' >bins
is "$(cat bins)" "0 1 2-3 4-7 part " "position 0 is a part of its own"
"$FATHOM" drift a.h5 third.h5 --by end --measures relative_l2 >end.tsv
is "$(cells end.tsv value $block share | tr ' ' '\n' | awk -F = '{ sum += $2; last = $0 } END { printf "%.6f %s", sum, last }')" "1.000000 4-7=0" \
  "shares add up to 1; a sample of six has position 3 two from its end"
is "$("$FATHOM" drift last.h5 last.h5 --by end --measures cosine --sites $block | grep -v '^#' | tail -1 | cut -f 4-6)" "$(printf '0\tshare\t-')" \
  "last tokens are at the end; no change has no shares"

# Groups.
"$FATHOM" drift groups.h5 group.h5 --by group --measures relative_l2,cka >group.tsv
is "$(cells group.tsv value $block share)" "g0=0 g1=0 g2=1 g3=0" "a change of one group is found there"
is "$(cells group.tsv value $block cka | sed 's/g2=[0-9.]* //')" "g0=1 g1=1 g3=1" "the others are as they were"

# What attention and MLP add: .5 of one change in block 0, all of it in block 1.
"$FATHOM" drift frozen.h5 tuned.h5 --by branch -o branch.h5 >branch.tsv
is "$(cells branch.tsv value blocks.0.hook_resid_post share | rounded)" \
  "blocks.0.hook_resid_pre=0.00000 blocks.0.hook_attn_out=1.00000 blocks.0.hook_mlp_out=0.00000" "block 0: attention"
is "$(cells branch.tsv value blocks.1.hook_resid_post share | rounded)" \
  "blocks.1.hook_resid_pre=0.33333 blocks.1.hook_attn_out=0.00000 blocks.1.hook_mlp_out=0.66667 remainder=0.00000" \
  "block 1: a third from below, two from its MLP"
is "$(cells branch.tsv value blocks.2.hook_resid_post share | rounded)" \
  "blocks.2.hook_resid_pre=1.00000 blocks.2.hook_attn_out=0.00000 blocks.2.hook_mlp_out=0.00000 remainder=0.00000" \
  "block 2 adds nothing, though its stream has drifted"
is "$(cells branch.tsv value blocks.2.hook_resid_post share_all | rounded | tr ' ' '\n' | grep -v '=0\.00000' | tr '\n' ' ')" \
  "blocks.0.hook_attn_out=0.33333 blocks.1.hook_mlp_out=0.66667 " "over all blocks: where it was put in"
"$FATHOM" drift frozen.h5 against.h5 --by branch --layers 1 --bootstrap 0 >against.tsv
is "$(cells against.tsv value blocks.1.hook_resid_post share | rounded)" \
  "blocks.1.hook_resid_pre=2.00000 blocks.1.hook_attn_out=0.00000 blocks.1.hook_mlp_out=-1.00000 remainder=0.00000" \
  "what works against the change is negative"
"$make" nan-branch.h5 branches=1 pairs=1 nan_at=20 && "$make" finite.h5 branches=1 pairs=1 && "$make" broad.h5 branches=1 width=200 &&
  fails 3 '^fathom: nan-branch\.h5: blocks\.0\.hook_mlp_out: sample p5 \(row 20\) holds a NaN' "NaN in a branch, named by store and side" \
    "$FATHOM" drift finite.h5 nan-branch.h5 --by branch --sites resid_post
"$FATHOM" drift frozen.h5 tuned.h5 --by branch --threads 3 --memory 1M | grep -v '^#' >turns.tsv
grep -v '^#' branch.tsv | cmp -s - turns.tsv
ok $? "--threads and --memory change no digit"
for by in branch sample; do
  fails 2 '^fathom: --memory 1M: one site takes [0-9]+M; --rows takes fewer samples$' "--memory counts what --by $by takes" \
    "$FATHOM" drift broad.h5 broad.h5 --by $by --memory 1M
done
"$FATHOM" drift frozen.h5 frozen.h5 --by branch | awk -F '\t' '!/^#/ && $1 != "site" && $6 != "-" { bad = 1 } END { exit bad }'
ok $? "nothing changed: no shares"

# Samples.
"$FATHOM" drift a.h5 one.h5 --by sample --top 3 -o sample.h5 >sample.tsv
is "$(awk -F '\t' '!/^#/ && $3 == 1 { printf "%s %s %s %s %s ", $4, $5, $6, $8, $9 }' sample.tsv)" \
  "p17 g8 rejected 1 5 p17 g8 rejected 1 5 p17 g8 rejected 1 5 " "the sample that drifts, at each site"
is "$(awk -F '\t' '!/^#/ && $3 + 0 > 1 { print $7, $8 }' sample.tsv | sort -u)" "0 0" "the others do not"
is "$(grep -vc '^#' sample.tsv) $("$FATHOM" drift a.h5 one.h5 --by sample --top 0 --sites $block | grep -vc '^#')" "10 34" "--top, and all of them"
"$FATHOM" drift a.h5 all.h5 --by sample --top 0 --sites $block >every.tsv
is "$(awk -F '\t' '!/^#/ && $1 != "site" { share += $8; square += $9 * $7 ^ 2; rows += $9 } END { printf "%.6f %.6f", share, sqrt(square / rows) }' every.tsv)" \
  "1.000000 $("$FATHOM" drift a.h5 all.h5 --measures relative_l2 --sites $block | awk -F '\t' '$3 == "relative_l2" { printf "%.6f", $4 }')" \
  "shares add up to 1, and drifts to that of all"

is "$("$FATHOM" drift a.h5 third.h5 --by sample | awk -F '\t' '!/^#/ && $8 > 0 && $1 != "site" { print $10 }' | sort -u)" 3 "where in the sample it changes most"

# Their text, as the tokenizer has it.
base=$SRCDIR/tests/fixtures/llama-base.gguf
printf '{"id":"a","text":"once upon a time"}\n{"id":"b","text":"there was a fox"}\n' >texts.jsonl
"$FATHOM" record "$base" --prompts texts.jsonl --sites attn_out,mlp_out,resid_post -o texts.h5 -q >/dev/null 2>&1
"$FATHOM" drift texts.h5 texts.h5 --by sample --tokenizer "$base" --sites resid_post --layers 0 >texts.tsv
awk -F '\t' '$4 == "a" && $12 ~ /once upon a time$/ { a = 1 } $4 == "b" && $12 ~ /there was a fox$/ && $11 != "-" { b = 1 } END { exit !a || !b }' texts.tsv
ok $? "samples with their text and token"
awk 'BEGIN { for (i = 0; i < 2; i++) { printf "{\"id\":\"%d\",\"text\":\"begin of a long text", i; for (k = 0; k < 30; k++) printf " the the the the \303\251"; print " so that is the end\"}" } }' >long.jsonl
for rule in last mean all; do
  "$FATHOM" record "$base" --prompts long.jsonl --tokens $rule --sites resid_post -o long-$rule.h5 -q >/dev/null 2>&1
  "$FATHOM" drift long-$rule.h5 long-$rule.h5 --by sample --tokenizer "$base" --sites resid_post --layers 0 >long-$rule.tsv
done
printf '{"id":"a\\u001b[2J\\tz","text":"once upon a time"}\n' >escape.jsonl
"$FATHOM" record "$base" --prompts escape.jsonl --tokens last --sites resid_post -o escape.h5 -q >/dev/null 2>&1
is "$("$FATHOM" drift escape.h5 escape.h5 --by sample --sites resid_post --layers 0 | tail -1 | cut -f 4)" "a [2J z" "an id that would clear the terminal is shown without"
is "$(awk -F '\t' '$3 == 1 { n = gsub(/\303\251/, "ee", $12); print $12 ~ /^\.\.\.( ?(the|ee|so|that|is|end))*$/, length($12), n }' long-last.tsv) $(tail -1 long-all.tsv | grep -v '\\x' | cut -f 10,12 | sed 's/begin.*\.\.\.$/begin/')" \
  "1 402 20 $(printf '1\tbegin')" "of a long text the 400 bytes, in whole letters, around the token that changes most"
is "$(tail -1 long-mean.tsv | cut -f 10,11,12 | cut -c 1-9) $(grep -c '^# rows are means over tokens' long-mean.tsv)" "$(printf -- '-\t-\tbegin') 1" \
  "means over tokens have no position"
cp -r "$SRCDIR/tests/fixtures/llama-reward" other && chmod -R u+w other &&
  sed 's/,\["i","t"\]//' "$SRCDIR/tests/fixtures/llama-reward/tokenizer.json" >other/tokenizer.json
fails 3 '--tokenizer .*: tokenizer [0-9a-f]*\.\.\., the ids of texts\.h5 are of [0-9a-f]*\.\.\.' "another tokenizer" \
  "$FATHOM" drift texts.h5 texts.h5 --by sample --tokenizer other

"$make" bare.h5 bare=1 && fails 3 'bare\.h5: holds no token ids \(/tokens/ids\) that --tokenizer could read' "no tokens to read" \
  "$FATHOM" drift bare.h5 bare.h5 --by sample --tokenizer "$base"

# Drift of pairs against the change of their reward margin: pair k is moved by k + 1, and its margin goes down by as much.
"$make" still.h5 pairs=1 shortest=2 && "$make" ramp.h5 pairs=1 shortest=2 ramp=.1
scores() { # scores MARGIN: a table of fathom score; MARGIN is an expression of the pair's number k
  awk "BEGIN { print \"# fathom\"; print \"id\\tside\\tn_tokens\\treward\"
    for (k = 19; k >= 0; k--) { printf \"g%d\\tchosen\\t%d\\t%.9g\\n\", k, 2 + 2 * k % 6, 1 + ($1); printf \"g%d\\trejected\\t%d\\t1\\n\", k, 3 + 2 * k % 6 } }"
}
scores '2' >before.tsv && scores '1 - k' >down.tsv && scores '2 + (k * 7 + 3) % 20' >mixed.tsv
margin() { "$FATHOM" drift still.h5 ramp.h5 --by margin "$@"; }
margin --margins before.tsv --margins down.tsv -o margin.h5 >margin.tsv 2>err
is "$? $(cat err)" "0 " "by margin"
is "$(cells margin.tsv value $block spearman) / $(cells margin.tsv lo $block spearman)" \
  "margin_change=-1 margin_change_size=1 / margin_change=- margin_change_size=-" "pairs that drift most lose most margin: planted, and found"
is "$(cells margin.tsv n $block spearman) $(cells margin.tsv n_rows $block spearman)" \
  "margin_change=20 margin_change_size=20 margin_change=136 margin_change_size=136" "all pairs and their rows"
sed 's/	[0-9]*	/	/' down.tsv | sed 's/n_tokens	//' >bare.tsv
is "$("$FATHOM" drift a.h5 a.h5 --by margin --margins bare.tsv | grep -c 'over 13 of 13 pairs')" 1 "a pair without rows on one side is none"
"$make" half.h5 pairs=1 shortest=2 cut=110
is "$("$FATHOM" drift still.h5 half.h5.part --by margin --margins down.tsv 2>/dev/null | grep -c 'over 12 of 12 pairs')" 1 "nor one that an unfinished store cuts in two"
margin --margins before.tsv --margins mixed.tsv |
  awk -F '\t' '$5 == "spearman" { n++; bad = bad || !(-1 < $7 && $7 < $6 && $6 < $8 && $8 < 1 && $7 < 0 && 0 < $8) } END { exit bad || n != 6 }'
ok $? "margins that change without regard to drift: an interval around 0"
is "$("$FATHOM" drift still.h5 still.h5 --by margin --margins before.tsv --margins down.tsv | grep -v '^#' | cut -f 6,7 | sort -u | tr '\t\n' '  ')" \
  "- - value lo " "no drift, no correlation"
grep -v '^g19' before.tsv >fewer.tsv
margin --margins fewer.tsv --margins down.tsv >fewer-pairs.tsv
grep -q '^# spearman: rank correlation, over 19 of 20 pairs' fewer-pairs.tsv && [ "$(cells fewer-pairs.tsv n $block spearman | cut -d ' ' -f 1)" = margin_change=19 ]
ok $? "pairs without rewards are left out and counted"
is "$("$FATHOM" info margin.h5 | grep -c 'pairs/')" 5 "the result holds the pairs themselves"
head -12 before.tsv >few.tsv
fails 3 'still\.h5: 5 of 20 pairs have rewards in few\.tsv and in down\.tsv, expected at least 10' "too few pairs" margin --margins few.tsv --margins down.tsv
sed 's/^g3	rejected/g3	chosen/' before.tsv >twice.tsv
fails 3 'twice\.tsv: line [0-9]*: chosen side of g3 again, which is in line [0-9]* already' "a side twice" margin --margins twice.tsv --margins down.tsv
(cat before.tsv && printf 'g3\trejected\t3\t1\n') >thrice.tsv
fails 3 'thrice\.tsv: line 43: rejected side of g3 again' "three sides" margin --margins thrice.tsv --margins down.tsv
grep -v '^g3	chosen' before.tsv >half.tsv
fails 3 'half\.tsv: line [0-9]*: g3 has no chosen side' "one side alone" margin --margins half.tsv --margins down.tsv
sed 's/^g3	chosen	2	3/g3	chosen	2	-/' before.tsv >gap.tsv
fails 3 'gap\.tsv: line [0-9]*: reward is "-", expected a finite number' "a reward that is none" margin --margins before.tsv --margins gap.tsv
sed 's/	chosen	/	-	/' before.tsv >sides.tsv
fails 3 'sides\.tsv: line 3: side is "-", expected chosen or rejected' "scores of prompts" margin --margins sides.tsv --margins down.tsv
fails 3 'margin\.tsv: line 11: no column id, expected a table of fathom score --pairs' "another table" margin --margins margin.tsv --margins down.tsv
echo '{"rows":[]}' >scores.json
fails 3 'scores\.json: JSON, expected a table of fathom score --pairs \(without --json\)' "JSON" margin --margins scores.json --margins down.tsv
head -2 before.tsv >empty.tsv
fails 3 'empty\.tsv: no pair below the first line' "no pairs in it" margin --margins empty.tsv --margins down.tsv
fails 4 'no-such\.tsv' "no table" margin --margins no-such.tsv --margins down.tsv
fails 3 'plain\.h5: no preference pair among its samples' "no pairs in the stores" \
  "$FATHOM" drift plain.h5 plain.h5 --by margin --margins before.tsv --margins down.tsv
fails 2 '--by margin: --margins was given 0 times, expected twice' "no table" margin
fails 2 '--by margin: --margins was given 3 times, expected twice' "three" margin --margins before.tsv --margins down.tsv --margins mixed.tsv
fails 2 '--margins needs --by margin' "tables for nothing" "$FATHOM" drift still.h5 ramp.h5 --margins before.tsv --margins down.tsv

# The pairs of a recording are those of the scores.
. "$SRCDIR/tests/pairs.sh"
write_pairs pairs.jsonl
"$FATHOM" record "$SRCDIR/tests/fixtures/llama-reward" --pairs pairs.jsonl --sites resid_post -o recorded.h5 -q >/dev/null 2>&1 &&
  "$FATHOM" score "$SRCDIR/tests/fixtures/llama-reward" --pairs pairs.jsonl >scored.tsv 2>/dev/null
"$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins scored.tsv --margins scored.tsv >recorded.tsv
is "$(cells recorded.tsv n $block spearman | cut -d ' ' -f 1) $(grep -c "over $(grep -c . pairs.jsonl) of $(grep -c . pairs.jsonl) pairs" recorded.tsv)" \
  "margin_change=$(grep -c . pairs.jsonl) 1" "each recorded pair is found among the scores"


# Margins from elsewhere: the model itself, which scores the recorded tokens, and an evaluation; of one model alone they are no change.
reward=$SRCDIR/tests/fixtures/llama-reward
sed 's/"p\([0-9]*\)"/"q\1"/' pairs.jsonl >other.jsonl
"$FATHOM" eval "$reward" --pairs pairs.jsonl -o eval.h5 -q >/dev/null 2>&1 && "$FATHOM" eval "$reward" --pairs other.jsonl --pairs pairs.jsonl -o eval2.h5 -q >/dev/null 2>&1
sed 's/[a-z]* answer/answers/' pairs.jsonl >texts2.jsonl && "$FATHOM" eval "$reward" --pairs texts2.jsonl -o eval3.h5 -q >/dev/null 2>&1
sed 's/"id":"[^"]*",//' pairs.jsonl >lines.jsonl && sed 's/"id":"[^"]*",//' texts2.jsonl >lines2.jsonl && sed 's/"prompt":"Tell/"prompt":"tell/' lines.jsonl >lines3.jsonl
"$FATHOM" eval "$reward" --pairs lines2.jsonl --pairs lines.jsonl -o eval4.h5 -q >/dev/null 2>&1 && "$FATHOM" eval "$reward" --pairs lines3.jsonl --pairs lines.jsonl -o eval5.h5 -q >/dev/null 2>&1
"$FATHOM" record "$reward" --pairs lines.jsonl --sites resid_post -o lines.h5 -q >/dev/null 2>&1
"$make" elsewhere.h5 pairs=1 bare=1
pairs_of() { "$FATHOM" plot "$1" --figure pairs --tsv | awk -F '\t' '!/^#/ && $2 == "'$block'" { printf "%s %s %.4f\n", $4, $5, $7 }'; }
grep -v '^#' scored.tsv | awk -F '\t' '$2 == "chosen" { c[$1] = $4; order[n++] = $1 } $2 == "rejected" { r[$1] = $4 }
  END { for (i = 0; i < n; i++) printf "%s margin %.4f\n", order[i], c[order[i]] - r[order[i]] }' >margins.txt
for from in scored.tsv eval.h5 eval2.h5 "$reward"; do
  "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins "$from" -o from.h5 -q >from.tsv 2>&1
  pairs_of from.h5 | cmp -s - margins.txt && grep -q 'its reward margin, chosen - rejected, by ' from.tsv
  ok $? "margins by $(basename "$from")"
done
"$FATHOM" drift lines.h5 lines.h5 --by margin --margins eval4.h5 --margins "$reward" -o change.h5 -q >/dev/null 2>&1
is "$(pairs_of change.h5 | cut -d ' ' -f 2- | sort -u)" "margin_change 0.0000" "of data sets whose ids are all line numbers, the one that has these tokens"
fails 3 'eval5\.h5: 2 of its data sets hold the same number of these pairs \(24\): expected fathom eval of one' "two that may be meant" \
  "$FATHOM" drift lines.h5 lines.h5 --by margin --margins eval5.h5
fails 3 'eval3\.h5: pair p[0-9]* has [0-9]* and [0-9]* tokens, in recorded\.h5 [0-9]* and [0-9]*: rewards of other texts' "an evaluation of other texts" \
  "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins eval3.h5
awk -F '\t' 'BEGIN { OFS = FS } /^p3\t/ { $3 += 1 } { print }' scored.tsv >longer.tsv
fails 3 'longer\.tsv: pair p3 has [0-9]* and [0-9]* tokens, in recorded\.h5' "a table of other texts" \
  "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins longer.tsv
awk -F '\t' 'BEGIN { OFS = FS } /^p3\t/ { $3 = "x" } { print }' scored.tsv >worded.tsv
fails 3 'worded\.tsv: line [0-9]*: n_tokens is "x", expected a whole number' "tokens that are no number" \
  "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins worded.tsv
awk -F '\t' 'BEGIN { OFS = FS } /^p3\t/ { $4 = $2 == "chosen" ? 1e308 : -1e308 } { print }' scored.tsv >huge.tsv
fails 3 'huge\.tsv: pair p3: rewards 1e\+308 and -1e\+308 have no finite margin' "a margin that is not finite" \
  "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins huge.tsv
fails 3 'label\.h5: a result of kind parts, expected one of fathom eval' "another result" margin --margins label.h5
fails 3 'adapter-reward: holds an adapter, not a model: expected a table of fathom score BASE --adapter .*adapter-reward' "an adapter alone" \
  "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins "$SRCDIR/tests/fixtures/adapter-reward"
fails 3 'llama-base\.gguf: no reward head' "a model without a head" "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins "$base"
fails 3 'elsewhere\.h5: holds no token ids \(/tokens/ids\) that .*llama-reward could score' "no tokens to score" \
  "$FATHOM" drift elsewhere.h5 elsewhere.h5 --keep-first --by margin --margins "$reward"
fails 3 'other: tokenizer [0-9a-f]*\.\.\., the ids of recorded\.h5 are of' "a model with another tokenizer" \
  "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins other
"$make" foreign.h5 pairs=1 other_tokens=999999
fails 3 'foreign\.h5: token id 999999, but .*llama-reward has [0-9]*' "tokens that the model does not have" \
  "$FATHOM" drift foreign.h5 foreign.h5 --keep-first --by margin --margins "$reward"

# What there is nothing to split by.
fails 3 'plain\.h5: its samples have no labels \(/samples/label\) to be split by' "no labels" "$FATHOM" drift plain.h5 plain.h5 --by label
fails 3 'plain\.h5: its samples have no groups \(/samples/group\) to be split by' "no groups" "$FATHOM" drift plain.h5 plain.h5 --by group
fails 3 'many\.h5: more than 100 different groups \(those of preference pairs are the pairs' "too many groups" \
  "$FATHOM" drift many.h5 many.h5 --by group
fails 3 'plain\.h5 and plain\.h5: no chosen resid_post with attn_out and mlp_out of its block in both' "no branches" \
  "$FATHOM" drift plain.h5 plain.h5 --by branch
fails 3 'blocks\.0\.hook_resid_post has width 12 against 8, and --by sample needs one width' "samples of two widths" \
  "$FATHOM" drift wide.h5 plain.h5 --by sample
fails 3 'nan\.h5: blocks\.1\.hook_resid_post: sample p5 \(row 20\) holds a NaN' "NaN activations, of a rejected side" "$FATHOM" drift a.h5 nan.h5 --by sample
fails 2 '--by color: expected' "an unknown way" "$FATHOM" drift a.h5 all.h5 --by color
fails 2 'exclude each other' "--by and --cross" "$FATHOM" drift a.h5 all.h5 --by label --cross
fails 2 '--measures and --by sample exclude each other' "samples have their own measure" "$FATHOM" drift a.h5 all.h5 --by sample --measures cka
fails 2 '--top needs --by sample' "--top of nothing" "$FATHOM" drift a.h5 all.h5 --by label --top 3
fails 2 '--tokenizer needs --by sample' "--tokenizer of nothing" "$FATHOM" drift a.h5 all.h5 --tokenizer "$base"
fails 2 '--by: probe_transfer is fit on all rows' "probes have no parts" "$FATHOM" drift a.h5 all.h5 --by position --measures probe_transfer

"$FATHOM" drift a.h5 all.h5 --by sample --json --top 1 | grep -q '"relative_l2": *[0-9.]*'
ok $? "JSON"
# Figures and the report.
is "$("$FATHOM" plot label.h5 --tsv | grep -v '^#' | cut -f 3,6 | grep share | sort -u | tr '\t\n' '  ')" \
  "share chosen share rejected share: chosen - rejected chosen - rejected " "the figure's table: parts are lines, a difference has its panel"
is "$("$FATHOM" plot branch.h5 --tsv | awk -F '\t' '$3 == "share_all" && $7 > .1 { printf "%s %s ", $5, $6 }')" "0 attn_out 1 mlp_out " \
  "branches over the blocks they are in"
is "$("$FATHOM" plot margin.h5 --figure pairs --tsv | awk -F '\t' '!/^#/ && $1 != "file" { n++; if ($5 != "margin_change" || $8 != -1) bad = 1; if ($4 == "g3") print $7 }
  END { print n, bad + 0 }' | uniq | tr '\n' ' ')" "-4 60 0 " "pairs with their drift and margins"
is "$("$FATHOM" plot sample.h5 --tsv | awk -F '\t' '$5 == 1 { print $6, $7 }' | sort -u)" "p17 rejected" "samples"
if command -v "${GNUPLOT:-gnuplot}" >/dev/null; then
  for kind in label branch sample margin; do
    FATHOM_PLOTS_DIR=$SRCDIR/plots "$FATHOM" plot $kind.h5 -o $kind.svg 2>err && [ ! -s err ] && grep -q '<svg' $kind.svg
    ok $? "a picture of $kind.h5"
  done
  FATHOM_PLOTS_DIR=$SRCDIR/plots "$FATHOM" plot margin.h5 --figure pairs -o pairs.svg 2>err && [ ! -s err ] && [ "$(grep -c '<svg' pairs.svg)" = 1 ] &&
    [ "$(grep -o 'rank correlation -1.00' pairs.svg | wc -l)" = 3 ] && [ "$(grep -c "<use .*translate" pairs.svg)" = 60 ]
  ok $? "a picture of its pairs: a panel a site, a point a pair"
  "$make" deep.h5 pairs=1 shortest=2 layers=30 && "$FATHOM" drift deep.h5 deep.h5 --by margin --margins down.tsv --bootstrap 0 -o deep-margin.h5 >/dev/null &&
    FATHOM_PLOTS_DIR=$SRCDIR/plots "$FATHOM" plot deep-margin.h5 --figure pairs -o deep.svg
  is "$(grep -o 'blocks\.[0-9]*\.hook_resid_post: no rank' deep.svg | tr -dc '0-9\n' | tr '\n' ' ')$(grep -c '12 of 30 panels' deep.svg)" "0 3 5 8 11 13 16 18 21 24 26 29 1" \
    "of many sites those evenly between the first and the last"
  "$make" too-many.h5 groups=70 samples=140 && "$FATHOM" drift too-many.h5 too-many.h5 --by group --measures cosine --bootstrap 0 -o too-many-groups.h5 >/dev/null
  fails 3 'more than 64 panels or parts, expected no more in one figure' "more lines than a figure holds" \
    env FATHOM_PLOTS_DIR="$SRCDIR/plots" "$FATHOM" plot too-many-groups.h5 -o too-many.svg
  mkdir page && cp label.h5 branch.h5 sample.h5 margin.h5 page && FATHOM_PLOTS_DIR=$SRCDIR/plots "$FATHOM" report page -o page.html -q >page.tsv
  is "$(awk -F '\t' '!/^#/ && $3 == "yes" { print $2 }' page.tsv | sort | uniq -c | tr -s ' \n' ' ')" " 1 margins 2 parts 1 samples " "the report shows them"
  sed 's/<[^>]*>//g' page.html >page.txt
  grep -q 'mlp_out of block 1 *has the largest share in the change of blocks.2.hook_resid_post: 0.6667' page.txt &&
    grep -q 'blocks.2.hook_resid_post *has the largest difference of relative_l2, chosen - rejected: -0\.[0-9]* \[' page.txt &&
    grep -q 'has the samples that drift furthest: “p17” (0.' page.txt && grep -q 'with their margins (margin_change): -1\. Of all 6 correlations 0 have' page.txt
  ok $? "and says what they found"
else
  skip "no gnuplot"
fi

cp a.h5 read.h5 && cp eval.h5 read-margins.h5
fails 2 '--output read\.h5: is read, expected another file to write to' "a result over a recording" "$FATHOM" drift read.h5 all.h5 --measures cosine -o read.h5
fails 2 '--output ./read\.h5: is read' "or over the other" "$FATHOM" drift all.h5 read.h5 --by label --measures cosine -o ./read.h5
fails 2 '--output read-margins\.h5: is read' "or over margins" "$FATHOM" drift recorded.h5 recorded.h5 --by margin --margins scored.tsv --margins read-margins.h5 -o read-margins.h5
cmp -s a.h5 read.h5 && cmp -s eval.h5 read-margins.h5
ok $? "what is read stays as it was"
if [ -w /dev/full ]; then
  fails 4 '^fathom: /dev/full: .*No space left on device' "a full device for the result" "$FATHOM" drift a.h5 all.h5 --by label --measures cosine -o /dev/full
  fails 4 '^fathom: /dev/full: .*No space left on device' "and for samples" "$FATHOM" drift a.h5 all.h5 --by sample -o /dev/full
else
  skip "no /dev/full"
fi
tap_end
