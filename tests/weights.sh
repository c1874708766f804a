#!/bin/sh
# fathom weights: models and adapters against NumPy and PEFT, all formats, selections, files, refusals.
. "$SRCDIR/tests/tap.sh"
cd "$work" || exit 99
export OMP_NUM_THREADS=1 # these models are too small to share out
fixtures=$SRCDIR/tests/fixtures

rows() { grep -v '^#' "$1"; }

# against FIRST SECOND: each number that NumPy gives, found within 1e-8 of it.
against() {
  "$FATHOM" weights "$fixtures/$1" "$fixtures/$2" -q >found.tsv 2>err || return 1
  awk -F '\t' -v first="$1" -v second="$2" '
    NR == FNR { if ($1 == first && $2 == second) { want[$3, $4, $5] = $6; n++ }; next }
    /^#/ || $1 == "tensor" { next }
    ($1, $3, $6) in want {
      seen++
      w = want[$1, $3, $6] + 0; d = $7 - w
      if (!($7 != "-" && d <= 2e-9 + 1e-8 * w && d >= -2e-9 - 1e-8 * w)) { bad++; print "# " $1, $3, $6 ": " $7 ", expected " w }
    }
    END { print n + 0 " of " n + 0 ", " bad + 0 " wrong, " n - seen " missing" }' "$fixtures/weights.tsv" found.tsv >compared
  grep '^#' compared
  n=$(awk -F '\t' -v first="$1" -v second="$2" '$1 == first && $2 == second' "$fixtures/weights.tsv" | wc -l)
  is "$(grep -v '^#' compared)" "$((n)) of $((n)), 0 wrong, 0 missing" "$1 and $2: every number of NumPy"
  [ "$n" -gt 40 ]
  ok $? "there are some"
}
against llama-base.gguf llama-reward
against llama-tied adapter-lm
against llama-tied adapter-embedding
against families/phi3 adapter-phi3
against families/gpt2 adapter-gpt2
against families/gemma2 adapter-gemma2
against families/qwen2 adapter-qwen2
against weights/original weights/q4_1.gguf
grep -q '^# weights are stored as F32 in .*/original and as F32, Q4_1 in .*/q4_1.gguf: what rounding changed is part of the drift$' found.tsv
ok $? "quantised against original: the types are named"

# cell FILE TENSOR KIND MEASURE
cell() { rows "$1" | awk -F '\t' -v tensor="$2" -v kind="$3" -v measure="$4" '$1 == tensor && $3 == kind && $6 == measure { print $7 }'; }

# Every architecture, from a folder and from GGUF: rows of q and k in another order, stacks, gains less one.
for gguf in "$fixtures"/families/*.gguf "$fixtures/llama-tied.gguf" "$fixtures/llama-untied.gguf"; do
  "$FATHOM" weights "${gguf%.gguf}" "$gguf" -q >same.tsv 2>err || echo "$gguf: exit $?"
  rows same.tsv | awk -F '\t' -v file="${gguf##*/}" 'NR > 1 && $7 != ($6 == "effective_rank" ? "-" : "0") { print file, $0 }
    $3 ~ /^(q|attn_post_norm|mlp_norm|down|expert_down)$/ { n++ } END { if (n < 4) print file ": too few rows" }'
  cat err
done >differences
is "$(cat differences)" "" "a folder and its GGUF copy: not a digit has drifted, in any architecture"

# The table.
cp "$fixtures/llama-base.gguf" base.gguf
cp "$fixtures/llama-base.gguf" copy.gguf
cp -r "$fixtures/adapter-reward" good
cp -r "$fixtures/llama-reward" reward
cp -r "$fixtures/llama-tied" tied
chmod -R u+w good reward tied
"$FATHOM" weights base.gguf reward >pair.tsv 2>err
is "$? $(cat err)" "0 " "nothing on stderr"
is "$(rows pair.tsv | head -n 1)" "$(printf 'tensor\tlayer\tkind\trows\tcolumns\tmeasure\tvalue')" "the columns"
is "$(rows pair.tsv | awk -F '\t' '$2 == 1 && $6 == "frobenius" { print $3, $4, $5 }' | tr '\n' ' ')" \
  "attn_norm 1 16 q 32 16 k 16 16 v 16 16 o 16 32 mlp_norm 1 16 gate 24 16 up 24 16 down 16 24 block - - " "the weights of a block, and their shapes"
is "$(rows pair.tsv | awk -F '\t' '$3 == "attn_norm" && $2 == 0 { print $6 }' | tr '\n' ' ')" "frobenius relative_frobenius " "vectors have two measures"
is "$(rows pair.tsv | awk -F '\t' '$3 == "embed" { print $2, $6 }' | tr '\n' ' ')" \
  "- frobenius - relative_frobenius - spectral - relative_spectral - effective_rank " "matrices five"
rows pair.tsv | awk -F '\t' '
  NR == 1 { next }
  $6 == "frobenius" { size = $7; if ($3 == "block") { block[$2] = $7 } else if ($3 == "all") all = $7; else { part[$2] += $7 * $7; whole += $7 * $7 } }
  $6 == "relative_frobenius" && $7 > 0 && $3 != "all" && $3 != "block" { base[$2] += (size / $7) ^ 2; bases += (size / $7) ^ 2 }
  $6 == "relative_frobenius" && $3 == "block" { relative[$2] = $7 }
  $6 == "relative_frobenius" && $3 == "all" { rest = $7 }
  function near(a, b) { return a > 0 && a - b < 1e-7 * b && b - a < 1e-7 * b }
  END { for (l = 0; l < 2; l++) if (!near(block[l], sqrt(part[l])) || !near(relative[l], sqrt(part[l] / base[l]))) exit 1
        exit !near(all, sqrt(whole)) || !near(rest, sqrt(whole / bases)) }'
ok $? "blocks and all: roots of sums of squares"
grep -q '^# embed is also the language-model head (tied) in both models$' pair.tsv && grep -q '^# a reward head in reward alone: it is not compared$' pair.tsv
ok $? "tying and the reward head are stated"
"$FATHOM" weights reward base.gguf | rows - >back.tsv
is "$(awk -F '\t' '$6 ~ /^(frobenius|spectral|effective_rank)$/' back.tsv | cksum)" \
  "$(rows pair.tsv | awk -F '\t' '$6 ~ /^(frobenius|spectral|effective_rank)$/' | cksum)" "the other way round: the same differences"
if [ "$(cell pair.tsv all all relative_frobenius)" = "$(cell back.tsv all all relative_frobenius)" ]; then ok 1 "relative to other weights"; else ok 0 "relative to other weights"; fi
"$FATHOM" weights base.gguf reward --threads 1 | rows - >one.tsv
"$FATHOM" weights base.gguf reward --threads 2 | rows - >two.tsv
cmp one.tsv two.tsv && [ -s one.tsv ]
ok $? "the number of threads changes no digit"
"$FATHOM" weights base.gguf reward --layers -1 >layer.tsv
is "$(rows layer.tsv | cut -f 2 | sort -u | tr '\n' ' ')" "- 1 layer " "--layers: of these blocks alone"
is "$(cell layer.tsv all all frobenius)" "$(cell pair.tsv blocks.1 block frobenius)" "and all is what is left"
fails 2 '--layers 2: there is no layer 2' "a layer that is not there" "$FATHOM" weights base.gguf reward --layers 2

# Adapters: from the factors, and densely where the base is another file.
"$FATHOM" weights base.gguf good >factors.tsv 2>err
is "$? $(cat err)" "0 " "an adapter over its base"
grep -q '^# 4 weights have factors of good, which are measured without forming their product$' factors.tsv
ok $? "factors are counted"
is "$(grep -c '^# model: ' factors.tsv)" 2 "base and adapter are in the provenance"
is "$(rows factors.tsv | awk -F '\t' '$6 == "effective_rank" && $7 != "-" { print $2 $3 ($7 > 1 && $7 <= 4) }' | tr '\n' ' ')" "1q1 1k1 1up1 1down1 " \
  "what is adapted has changed, of rank 4 at most; nothing else has"
"$FATHOM" weights base.gguf copy.gguf --adapter good >dense.tsv
is "$(rows dense.tsv)" "$(rows factors.tsv)" "formed and decomposed in full: the same digits"
grep -q '^# 4 weights have factors of good$' dense.tsv
ok $? "which is another way"
"$FATHOM" weights base.gguf base.gguf --adapter good | rows - >named.tsv
is "$(cat named.tsv)" "$(rows factors.tsv)" "--adapter on the same base is the same"
. "$SRCDIR/tests/pairs.sh"
write_pairs pairs.jsonl
"$FATHOM" train base.gguf --adapter good --pairs pairs.jsonl --steps 1 --lr 0 -q -o merged >/dev/null 2>&1
"$FATHOM" weights merged base.gguf --adapter good >merge.tsv
rows merge.tsv | awk -F '\t' '$6 == "relative_frobenius" && !($7 < 1e-7) { bad = 1 } $1 == "score.weight" && $6 == "frobenius" { n++ } END { exit bad || n != 1 }'
ok $? "a merged model is the base with the adapter, to float32's rounding; its head is the adapter's"
cell merge.tsv model.layers.1.self_attn.q_proj.weight q frobenius | grep -qv '^0$'
ok $? "which is not nothing"
"$FATHOM" weights tied "$fixtures/adapter-embedding" >untied.tsv 2>/dev/null
is "$(cell untied.tsv lm_head.weight lm_head frobenius) $(cell untied.tsv model.embed_tokens.weight embed frobenius)" "0 2.10960319" \
  "an adapted embedding leaves the head what it was"
grep -q '^# embed is also the language-model head (tied) in tied alone: lm_head compares it with that of tied + .*adapter-embedding$' untied.tsv
ok $? "which is said"
"$FATHOM" weights "$fixtures/llama-untied" "$fixtures/llama-untied" | grep -q '^# embed and lm_head are two matrices (not tied) in both models$'
ok $? "and so are two matrices"
"$FATHOM" weights reward base.gguf --adapter good >heads.tsv 2>/dev/null
[ "$(cell heads.tsv score.weight score relative_frobenius)" != "" ]
ok $? "two reward heads are compared"

# Files.
"$FATHOM" weights base.gguf reward --json -o w.h5 >pair.json
if command -v "${PYTHON3:-python3}" >/dev/null; then
  "${PYTHON3:-python3}" -c 'import json
d = json.load(open("pair.json"), parse_constant=lambda c: sys.exit("not JSON: " + c))
rows = d["rows"]
assert d["command"] == "weights" and len(d["models"]) == 2 and len(rows) == '"$(($(rows pair.tsv | wc -l) - 1))"'
assert list(rows[0]) == ["tensor", "layer", "kind", "rows", "columns", "measure", "value"]
assert rows[0]["layer"] is None and rows[-1]["tensor"] == "all" and rows[-1]["rows"] is None and rows[6]["layer"] == 0'
  ok $? "JSON: one object, null for what does not exist"
else
  skip "no python3 to read JSON with"
fi
is "$("$FATHOM" info w.h5 | awk -F '\t' '$1 == "file" || $1 == "dataset" { print $2, $3 }' | tr '\n' ';')" \
  "kind weights;base number [23];columns number [23];kind text [23];layer number [23];measure text [5];models/path text [2];\
models/sha256 text [2];notes text [4];rows number [23];tensor text [23];value number [23, 5];" "-o writes a result"
fails 4 'no/such/w\.h5' "an output in a missing folder, before a model is opened" "$FATHOM" weights base.gguf no-such-model -o no/such/w.h5
fails 2 '--output \./copy.gguf: is one of the models' "an output that is a model" "$FATHOM" weights base.gguf copy.gguf -o ./copy.gguf
cmp -s base.gguf copy.gguf && [ ! -e w.h5.part ]
ok $? "which is left alone"
if [ -w /dev/full ]; then
  "$FATHOM" weights base.gguf reward >/dev/full 2>full.err
  is "$? $(cat full.err)" "4 fathom: standard output: cannot write: No space left on device" "a full disk is seen"
  fails 4 '/dev/full: cannot write: No space left' "a full device for the result" "$FATHOM" weights base.gguf reward -o /dev/full
  fails 4 'full.h5: cannot write: File too large' "a disk that fills" sh -c 'ulimit -f 4; exec "$0" weights base.gguf reward -o full.h5' "$FATHOM"
  is "$(ls full.h5* 2>/dev/null)" "" "leaves nothing"
else
  skip "no /dev/full"
fi

# Figures.
is "$("$FATHOM" plot w.h5 --tsv | rows - | sed -n '1p;2p;$p' | cut -f 1-4 | tr '\t\n' ' ;')" \
  "file layer kind measure;w - embed frobenius;w - all effective_rank;" "the figure's table"
is "$("$FATHOM" plot w.h5 --tsv | rows - | awk -F '\t' '$3 == "q" && $2 == 1 && $4 == "spectral" { print $5 }')" \
  "$(cell pair.tsv model.layers.1.self_attn.q_proj.weight q spectral)" "holds the same numbers"
"$FATHOM" weights "$fixtures/families/mixtral" "$fixtures/families/mixtral" -o experts.h5 -q >/dev/null
is "$("$FATHOM" plot experts.h5 --tsv | rows - | awk -F '\t' '$3 == "expert_up" && $4 == "frobenius" { print $2, $5 }' | tr '\n' ';')" "0 0;1 0;" \
  "one row for the experts of a block"
if command -v "${GNUPLOT:-gnuplot}" >/dev/null 2>&1; then
  for files in w.h5 experts.h5 "w.h5 experts.h5"; do
    # $files is a list of files, to be split.
    # shellcheck disable=SC2086
    "$FATHOM" plot $files -o figure.svg 2>err
    is "$? $(cat err)" "0 " "the figure of $files"
  done
  grep -q '>expert_up<' figure.svg && grep -q '>block<' figure.svg
  ok $? "of two files: a panel a kind"
  "$FATHOM" plot w.h5 -o figure.svg && grep -q 'effective rank of the change' figure.svg && grep -q '>final_norm<' figure.svg
  ok $? "of one: a panel a measure"
  "${GNUPLOT:-gnuplot}" -e "data='pair.tsv'; out='hand.svg'" "$FATHOM_PLOTS_DIR/weights.gp" 2>err
  is "$? $(cat err) $(grep -c '>final_norm<' hand.svg)" "0  3" "and by hand, of the command's own table"
else
  skip "no gnuplot to draw with"
fi

# What cannot be compared.
edit() { LC_ALL=C sed "$2" "$1" >edited && ! cmp -s edited "$1" && mv edited "$1" || echo "Bail out! $1: $2 changes nothing"; }
fails 3 '^fathom: .*/gemma: is of architecture .*, expected .* as tied is$' "another architecture" "$FATHOM" weights tied "$fixtures/families/gemma"
fails 3 '^fathom: .*/llama-untied: blocks: 2, expected 3 as in tied$' "another number of blocks" "$FATHOM" weights tied "$fixtures/llama-untied"
fails 3 '^fathom: .*/llama-untied: hidden size: 20, expected 16 as in base.gguf$' "another width" "$FATHOM" weights base.gguf "$fixtures/llama-untied"
fails 3 '^fathom: .*/llama-[a-z]*: tensor model.layers.0.self_attn.q_proj.bias is missing, expected as in .*/llama-bias$' "a bias that one lacks" \
  "$FATHOM" weights "$fixtures/families/llama-bias" "$fixtures/families/llama-linear"
fails 3 '^fathom: .*/llama-[a-z]*: tensor model.layers.0.self_attn.q_proj.bias is missing, expected as in .*/llama-bias$' "or the other" \
  "$FATHOM" weights "$fixtures/families/llama-linear" "$fixtures/families/llama-bias"
cp -r reward short
edit short/config.json 's/"vocab_size": 300/"vocab_size": 150/'
edit short/model.safetensors 's/"model.embed_tokens.weight":{"dtype":"F16","shape":\[300,16\]/"model.embed_tokens.weight":{"dtype":"F32","shape":[150,16]/'
fails 3 '^fathom: short: tensor model.embed_tokens.weight has shape \[150, 16\], expected \[300, 16\] as in reward \(--layers compares blocks alone\)$' \
  "another vocabulary" "$FATHOM" weights reward short
is "$("$FATHOM" weights reward short --layers 0,1 | tail -n 1 | cut -f 7)" 0 "whose blocks can be compared"
cp -r tied gone
edit gone/model.safetensors 's/model.layers.1.mlp.up_proj.weight/model.layers.1.mlp.up_wxyz.weight/'
fails 3 '^fathom: gone: tensor model.layers.1.mlp.up_proj.weight is missing$' "a missing matrix" "$FATHOM" weights tied gone
cp -r tied nan
printf '\000\000\300\177' | dd of=nan/model.safetensors bs=1 seek=$(($(wc -c <nan/model.safetensors) - 4)) conv=notrunc 2>/dev/null
fails 3 '^fathom: nan/model.safetensors: tensor model[a-z0-9_.]* holds a value that is not finite \(row [0-9]*\)$' "NaN, named" "$FATHOM" weights tied nan
is "$(wc -c <.stdout | tr -d ' ')" 0 "with no output"
fails 3 '^fathom: nan/model.safetensors: tensor .* not finite' "in the first model, too" "$FATHOM" weights nan tied
fails 3 '^fathom: nan/model.safetensors: tensor .* not finite' "and where the two are one file" "$FATHOM" weights nan nan
printf '\000\174' | dd of=good/adapter_model.safetensors bs=1 seek=$(($(wc -c <good/adapter_model.safetensors) - 40)) conv=notrunc 2>/dev/null
fails 3 'lora_B.weight holds a value that is not finite' "infinity in a factor" "$FATHOM" weights base.gguf good
fails 3 'an adapter for another base' "an adapter for another base" "$FATHOM" weights tied "$fixtures/adapter-reward"
fails 3 '^fathom: good: holds an adapter, not a model: name its base model first' "an adapter in the base's place" "$FATHOM" weights good base.gguf
fails 2 '--adapter good: .*/adapter-reward is an adapter already' "two adapters" "$FATHOM" weights base.gguf "$fixtures/adapter-reward" --adapter good
fails 2 'usage: fathom weights' "one model" "$FATHOM" weights base.gguf
fails 4 'no-such-file' "a file that is not there" "$FATHOM" weights base.gguf no-such-file
edit tied/config.json 's/{/{ "strange_setting": 3,/'
is "$("$FATHOM" weights tied tied 2>&1 >/dev/null | grep 'strange_setting' | sort | uniq -d)" "" "a warning of a model that is named twice stands once"
fails 3 'strange_setting' "--strict: an unknown setting" "$FATHOM" weights tied "$fixtures/llama-tied" --strict
tap_end
