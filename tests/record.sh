#!/bin/sh
# fathom record and fathom score on a tiny model: what is written, how it is refused, and how it goes on after a kill.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
base=$SRCDIR/tests/fixtures/llama-base.gguf
reward=$SRCDIR/tests/fixtures/llama-reward
cd "$work" || exit 99
write_pairs pairs.jsonl
record() { "$FATHOM" record "$base" --pairs pairs.jsonl "$@" >/dev/null; }
value() { "$FATHOM" info "$1" | awk -F'\t' -v name="$2" '$2 == name { print $3 }'; }

record --tokens all -o all.h5 2>note
ok $? "record writes a store"
is "$(value all.h5 samples) $(value all.h5 complete) $(value all.h5 token_rule)" "48 yes all" "both sides of 24 pairs are samples"
grep -Eq '^disk: [0-9.]+ MiB in all.h5; memory: [0-9.]+ MiB of parameters' note
ok $? "disk and memory are said first"
is "$(value all.h5 rows)" "$("$FATHOM" score "$reward" --pairs pairs.jsonl --quiet | awk -F'\t' '!/^#/ && $3 + 0 { n += $3 } END { print n }')" \
  "token rule all: a row a token"
record --tokens last -o last.h5 -q ; is "$(value last.h5 rows)" 48 "token rule last: a row a sample"
record --tokens mean -o mean.h5 -q ; is "$(value mean.h5 rows)" 48 "token rule mean: a row a sample"
record --sites resid_post,attn_out,embed --layers -1 -o sites.h5 -q
is "$("$FATHOM" info sites.h5 | awk -F'\t' '$1 == "site width" { printf "%s ", $2 }')" \
  "hook_embed blocks.1.hook_attn_out blocks.1.hook_resid_post " "sites and layers are selected"

# The same rows whatever the batches: drift between such recordings is exactly 0.
record --tokens all --batch-tokens 17 -o small.h5 -q
"$FATHOM" drift all.h5 small.h5 --measures relative_l2,cosine,procrustes --bootstrap 0 -q |
  awk -F'\t' '!/^#/ && $1 != "site" { n++; if ($4 != 0) bad = 1 } END { exit !(n > 3 && !bad) }'
ok $? "another batch size gives the same bits"
record --tokens all --threads 1 -o one.h5 -q
"$FATHOM" drift all.h5 one.h5 --measures relative_l2 --bootstrap 0 -q | awk -F'\t' '!/^#/ && $1 != "site" { n++; if ($4 != 0) bad = 1 } END { exit !(n && !bad) }'
ok $? "another number of threads gives the same bits"

# Weights as the file has them, or widened: the same rows, and what they take is said.
record --tokens all --widen -o widened.h5 2>widened
"$FATHOM" drift all.h5 widened.h5 --measures relative_l2 --bootstrap 0 -q | awk -F'\t' '!/^#/ && $1 != "site" { n++; if ($4 != 0) bad = 1 } END { exit !(n && !bad) }'
ok $? "widened weights give the same bits"
grep -Eq 'memory: [0-9.]+ MiB of parameters as the file has them and [0-9.]+ MiB widened,' note &&
  grep -Eq 'memory: [0-9.]+ MiB of parameters,' widened
ok $? "either form says its memory"

# A kill leaves a .part, which --resume turns into the same file. With --foreground timeout waits until the killed program is gone,
# and its lock on the file with it.
record --tokens all --batch-tokens 30 -o killed.h5 2>/dev/null
mv killed.h5 whole.h5
n_killed=0
for delay in 0.01 0.02 0.03 0.05 0.08; do
  rm -f killed.h5 killed.h5.part
  timeout --foreground -s KILL "$delay" "$FATHOM" record "$base" --pairs pairs.jsonl --tokens all --batch-tokens 30 -o killed.h5 >/dev/null 2>&1
  [ -e killed.h5 ] || n_killed=$((n_killed + 1))
  record --tokens all --batch-tokens 30 -o killed.h5 --resume || break
  cmp -s killed.h5 whole.h5 || break
done 2>/dev/null
[ "$n_killed" -gt 0 ]
ok $? "$n_killed of 5 recordings were killed before they were whole"
cmp killed.h5 whole.h5
ok $? "killed after $delay s and resumed: the same bytes"
record --tokens all --batch-tokens 30 -o killed.h5 --resume 2>note && grep -q 'killed.h5: is whole already' note
ok $? "a whole store is not recorded again"
record --tokens all --batch-tokens 30 -o killed.h5 --resume -q 2>note && is "$(cat note)" "" "nor one that is resumed in silence"
mv killed.h5 killed.h5.part
record --tokens all --batch-tokens 30 -o killed.h5 --quiet --json --resume >/dev/null 2>note
is "$? $(cat note) $(cmp killed.h5 whole.h5 2>&1)" "0  " "nor is one that has all its rows"
fails 3 'killed.h5: is whole, and of other arguments' "nor taken for another's" \
  "$FATHOM" record "$base" --pairs pairs.jsonl --tokens last -o killed.h5 -q --resume
"$FATHOM" record "$base" --text hello -o text.h5 -q --json | grep -q '"rows":\[{"store":"text.h5","samples":1,'
ok $? "--json says what was recorded"

# bfloat16 differs from float32 by its rounding, and not by the batches. Without it the message says what to do.
if record --tokens all --dtype bfloat16 -o narrow.h5 -q 2>why; then
  is "$(value narrow.h5 compute_dtype) $(value all.h5 compute_dtype)" "bfloat16 float32" "a store names the type it was computed in"
  "$FATHOM" drift all.h5 narrow.h5 --measures relative_l2 --bootstrap 0 >narrow.tsv
  awk -F'\t' '!/^#/ && $1 != "site" { n++; if (!($4 > 1e-4 && $4 < 0.05)) bad = 1 } END { exit !(n == 2 && !bad) }' narrow.tsv
  ok $? "--dtype bfloat16 is near float32, and not the same"
  record --tokens all --dtype bfloat16 --batch-tokens 17 --threads 1 -o small.h5 -q
  "$FATHOM" drift narrow.h5 small.h5 --measures relative_l2 --bootstrap 0 -q |
    awk -F'\t' '!/^#/ && $1 != "site" { n++; if (!($4 <= 1e-5)) bad = 1 } END { exit !(n == 2 && !bad) }'
  ok $? "another batch size and number of threads give the same numbers"
  mv narrow.h5 narrow.h5.part
  fails 3 'narrow.h5.part: cannot be resumed .*its argv is' "another type is not resumed" \
    "$FATHOM" record "$base" --pairs pairs.jsonl --tokens all -o narrow.h5 -q --resume
  rm narrow.h5.part
  "$FATHOM" score "$reward" --pairs pairs.jsonl -q >exact.tsv && "$FATHOM" score "$reward" --pairs pairs.jsonl -q --dtype bfloat16 >narrow.tsv
  grep -q '^# computed in bfloat16$' narrow.tsv && grep -q '^# computed in float32$' exact.tsv
  ok $? "scores name the type as well"
  paste exact.tsv narrow.tsv | awk -F'\t' '!/^#/ && $1 != "id" { n++; d = $4 - $8; s += d * d; if (!(d < 0.1 && d > -0.1)) bad = 1 }
    END { exit !(n == 48 && s > 0 && !bad) }'
  ok $? "and are near"
  export ONEDNN_MAX_CPU_ISA=AVX2 # oneDNN then takes the processor for an older one
  fails 4 '--dtype bfloat16: this processor has no bfloat16 multiply-adds' "a processor without bfloat16" \
    "$FATHOM" record "$base" --text a -o x.h5 -q --dtype bfloat16
  unset ONEDNN_MAX_CPU_ISA
else
  fails 4 '--dtype bfloat16: this (fathom was built without oneDNN.*libdnnl-dev|processor has no bfloat16 multiply-adds)' \
    "bfloat16 where there is none" "$FATHOM" record "$base" --text a -o x.h5 -q --dtype bfloat16
fi
fails 2 '--widen and --dtype bfloat16 exclude each other' "widened and rounded" \
  "$FATHOM" record "$base" --text a -o x.h5 --widen --dtype bfloat16
fails 2 '--dtype float16: expected one of float32\|bfloat16' "a type that is not there" "$FATHOM" record "$base" --text a -o x.h5 --dtype float16

fails 2 'record: -o A.h5 is needed' "no output" "$FATHOM" record "$base" --pairs pairs.jsonl
fails 2 'one of --prompts, --pairs and --text is needed' "no input" "$FATHOM" record "$base" -o x.h5
fails 2 '--text and --pairs exclude each other' "two inputs" "$FATHOM" record "$base" --text a --pairs pairs.jsonl -o x.h5
fails 2 'no layer 9' "a layer that is not there" "$FATHOM" record "$base" --text a --layers 9 -o x.h5
fails 2 'resid_side' "a site that is not there" "$FATHOM" record "$base" --text a --sites resid_side -o x.h5
fails 2 'expected one of last\|response\|mean\|all' "a token rule that is not there" "$FATHOM" record "$base" --text a --tokens some -o x.h5
fails 4 'no-such/x.h5' "an output in a missing folder" "$FATHOM" record "$base" --text a -o no-such/x.h5 -q
fails 3 'nothing is left of 24 pairs: .*left out: 24 of more than 4 tokens' "everything over the length limit" "$FATHOM" record "$base" --pairs pairs.jsonl --max-length 4 -o x.h5
fails 4 'no-such-model' "no such model" "$FATHOM" record no-such-model --text a -o x.h5
printf '{"text":"a"}\n{"text":\n' >broken.jsonl
fails 3 'broken.jsonl: line 2' "broken JSON has its line" "$FATHOM" record "$base" --prompts broken.jsonl -o x.h5
printf '{"ids":[1,2,300]}\n' >ids.jsonl
fails 3 'ids.jsonl: line 1' "an id outside the vocabulary" "$FATHOM" record "$base" --prompts ids.jsonl -o x.h5
ls x.h5* >/dev/null 2>&1
is $? 2 "nothing half-written is left"

"$FATHOM" score "$reward" --pairs pairs.jsonl -q >scores.tsv
ok $? "score prints rewards"
is "$(grep -v '^#' scores.tsv | head -2 | cut -f1,2 | tr '\t\n' '  ')" "id side p0 chosen " "id, side, n_tokens, reward"
is "$(grep -vc '^#' scores.tsv)" 49 "a row a side and a header"
"$FATHOM" score "$reward" --pairs pairs.jsonl --batch-tokens 1 -q | grep -v '^#' >alone.tsv
grep -v '^#' scores.tsv | cmp -s - alone.tsv
ok $? "a reward does not depend on the batch"
"$FATHOM" score "$reward" --pairs pairs.jsonl --json -q | grep -q '"rows":\[{"id":"p0","side":"chosen","n_tokens":[0-9]*,"reward":-\?[0-9.]*'
ok $? "--json gives the same rows"
fails 3 'no reward head \(tensors score, value_head, ' "a model without a head" "$FATHOM" score "$base" --text a

# GPT-2 has no position beyond those it learned; its fixture gets a tokenizer of three letters.
cp -r "$SRCDIR/tests/fixtures/families/gpt2" "$work/gpt2"
chmod u+w "$work/gpt2"
cat >"$work/gpt2/tokenizer.json" <<'END'
{"added_tokens": [], "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": true},
 "post_processor": null, "decoder": {"type": "ByteLevel"}, "model": {"type": "BPE", "vocab": {"a": 0, "b": 1, "c": 2}, "merges": []}}
END
printf '{"ids":[0,1,2]}\n{"ids":[0,1,2,0,1,2,0,1,2,0,1,2,0,1,2,0,1,2,0,1,2]}\n' >"$work/long.jsonl"
"$FATHOM" record "$work/gpt2" --prompts "$work/long.jsonl" --max-length 100 --tokens all -o "$work/gpt2.h5" >"$work/out" 2>"$work/err"
is "$? $(grep -v '^#' "$work/out" | tail -n 1 | cut -f 2,3)" "0 1	3" "a sample beyond the learned positions is left out"
is "$(grep -c '^fathom: warning: --max-length 100: the model learned 20 positions, and has none beyond$' "$work/err")" 1 "and that is said"
tap_end
