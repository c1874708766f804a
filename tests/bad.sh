#!/bin/sh
# Bad model and data files at the command line: each is refused in one line that names file and object, nothing is left
# under a final name, a full disk is noticed, and no flipped bit of a model crashes record.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
trap 'umount "$work/full" 2>/dev/null; rm -rf "$work"' EXIT
cd "$work" || exit 99
export OMP_NUM_THREADS=1 # these models are too small to share out
fixtures=$SRCDIR/tests/fixtures
cp -r "$fixtures/llama-reward" good
cp "$fixtures/llama-base.gguf" good.gguf
chmod -R u+w good good.gguf
mkdir out
write_pairs pairs.jsonl

# edit FILE SED: by bytes; a model's lengths and offsets hold where the text keeps its length.
edit() { LC_ALL=C sed "$2" "$1" >edited && ! cmp -s edited "$1" && mv edited "$1" || echo "Bail out! $1: $2 changes nothing"; }
# poke FILE OFFSET BYTES: bytes as printf escapes.
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
# offset FILE TEXT: of its first appearance.
offset() { LC_ALL=C grep -abo -F -e "$2" "$1" | head -n 1 | cut -d: -f1; }
after() { echo $(($(offset good.gguf "$1") + ${#1})); } # where a key of GGUF ends; its value is 4 bytes on
size() { wc -c <"$1" | tr -d ' '; }
folder() { rm -rf bad && cp -r good bad; }
file() { cp good.gguf bad.gguf; }
train() { "$FATHOM" train "$1" --pairs pairs.jsonl --steps 1 --batch-size 2 -q -o "$2"; }

# refused MODEL PATTERN WHAT: by every command that runs a model, with nothing left.
refused() {
  fails 3 "^fathom: (record: |score: )?$1.*$2" "record: $3" "$FATHOM" record "$1" --text a -o out/A.h5 -q
  fails 3 "$1.*$2" "score: $3" "$FATHOM" score "$1" --text a -q
  is "$(wc -c <.stdout | tr -d ' ')" 0 "score: no output: $3"
  fails 3 "$1.*$2" "train: $3" train "$1" out/run
  is "$(find out -type f)" "" "nothing is left: $3"
  rm -rf out/*
}

# Weights.
folder && head -c 9000 good/model.safetensors >bad/model.safetensors
refused bad 'model.safetensors: tensor model.embed_tokens.weight: data from 0 to 9600, expected within' "a safetensors file cut in the data"
folder && head -c 900 good/model.safetensors >bad/model.safetensors
refused bad 'model.safetensors: truncated: a header of' "a safetensors file cut in the header"
for at in 20 300 3000 6000 9000; do
  head -c $at good.gguf >bad.gguf
  refused bad.gguf 'truncated|claims|only [0-9]+ bytes|past|ends|has' "a GGUF file cut at byte $at"
done
folder && edit bad/model.safetensors 's/model\.norm\.weight/model.nurm.weight/'
refused bad 'tensor model.norm.weight is missing' "a missing tensor in safetensors"
file && edit bad.gguf 's/output_norm\.weight/output_nurm.weight/'
refused bad.gguf 'tensor output_norm.weight is missing' "a missing tensor in GGUF"
folder && edit bad/model.safetensors 's/"dtype":"F16"/"dtype":"I16"/'
refused bad 'model.safetensors: tensor [a-z0-9_.]+ has dtype I16, expected F32, F16 or BF16' "an unknown dtype"
file && poke bad.gguf $(($(offset good.gguf token_embd.weight) + 17 + 4 + 16)) '\310'
refused bad.gguf 'tensor token_embd.weight has ggml type 200' "an unknown ggml type"
last=$(($(size good/model.safetensors) - 2)) # a float16
folder && poke bad/model.safetensors $last '\000\176'
refused bad 'model.safetensors: tensor score.weight holds a value that is not finite' "NaN in safetensors weights"
folder && poke bad/model.safetensors $last '\000\174'
refused bad 'model.safetensors: tensor score.weight holds a value that is not finite' "infinity in safetensors weights"
file && poke bad.gguf $(($(size good.gguf) - 64)) '\000\000\300\177'
refused bad.gguf 'tensor output_norm.weight holds a value that is not finite' "NaN in GGUF weights"

# config.json: LINE of the good file is replaced.
setting() {
  folder && edit bad/config.json "s/\"$1\": [^,{]*,/\"$1\": $2,/"
  refused bad "$3" "$1 $2"
}
added() {
  folder && edit bad/config.json "1s/{/{\"$1\": $2,/"
  refused bad "$3" "$1 $2"
}
setting model_type '"llama2"' 'unknown architecture "llama2"'
setting hidden_size 32 'tensor model.embed_tokens.weight has shape \[300, 16\], expected \[300, 32\]'
setting intermediate_size 40 'tensor model.layers.0.mlp.[a-z]+_proj.weight has shape \[[0-9, ]+\], expected \[[0-9, ]+\]'
setting num_hidden_layers 3 'tensor model.layers.2.input_layernorm.weight is missing'
folder && edit bad/config.json 's/"vocab_size": 300/"vocab_size": 301/'
refused bad 'tensor model.embed_tokens.weight has shape \[300, 16\], expected \[301, 16\]' "vocab_size 301"
setting attention_bias true 'tensor model.layers.0.self_attn.q_proj.bias is missing'
setting attention_bias 1 '"attention_bias" is a number, expected true or false'
setting mlp_bias '"false"' '"mlp_bias" is a string, expected true or false'
setting tie_word_embeddings 1 '"tie_word_embeddings" is a number, expected true or false'
setting hidden_act '"mish"' '"hidden_act" is mish'
setting hidden_act 7 '"hidden_act" is a number, expected a string'
setting pretraining_tp 2 '"pretraining_tp" is 2, which changes the numbers'
setting pretraining_tp '"2"' '"pretraining_tp" is "2", which changes the numbers'
setting rms_norm_eps '"1e-5"' '"rms_norm_eps" is a string, expected a number'
setting rms_norm_eps 0 'epsilon is 0, expected a small positive number'
setting head_dim '[8]' '"head_dim" is an array, expected a number'
added rope_theta '"500000"' '"rope_theta" is a string, expected a number'
added rope_theta 1e999 '"rope_theta" is not finite'
folder && edit bad/config.json 's/"rope_theta": 10000.0/"rope_theta": -1/'
refused bad 'rope_theta is -1' "a negative base"
added rope_scaling '{"rope_type": "ntk", "factor": 4}' '"rope_scaling" is ntk, which changes the numbers'
added rope_scaling '{"type": "linear"}' 'rope_scaling: the factor is 0, expected a positive number'
added rope_scaling '{"type": "linear", "factor": "4"}' '"factor" is a string, expected a number'
added rope_scaling '{"rope_type": "llama3", "factor": 4}' 'low_freq_factor 0 and high_freq_factor 0'
added rope_scaling '{"rope_type": "longrope", "factor": 4}' '"short_factor" is missing'
added rope_scaling '{"rope_type": "longrope", "short_factor": [1, 2], "long_factor": [1]}' '"long_factor" is no array of 2 numbers'
added rope_scaling '{"rope_type": "longrope", "short_factor": [1], "long_factor": [1]}' '1 factors of rotary frequencies, expected [0-9]+'
added partial_rotary_factor 0.5 '"partial_rotary_factor" is 0.5, which changes the numbers'
added quantization_config '{"bits": 4}' '"quantization_config" is .*not supported'
added rope_scaling '{"factor": 4}' '"rope_scaling" is a "factor" without a type'
added rope_scaling '{"rope_type": 3}' 'rope_scaling: .*"rope_type" is a number, expected a string'
added rope_scaling '"yarn"' '"rope_scaling" is no object'
folder && edit bad/config.json 's/"rope_theta": 10000.0/"rope_theta": "10000"/'
refused bad '"rope_theta" is a string' "rope_parameters with a base in quotes"
folder && edit bad/config.json '1s/{/{"rope_scaling": null, "rope_theta": null,/' && "$FATHOM" score bad --text a -q >null.tsv &&
  "$FATHOM" score good --text a -q >good.tsv && is "$(grep -v '^#' null.tsv)" "$(grep -v '^#' good.tsv)" "null is the default"

# Unknown keys: a warning that names the key, or with --strict an error.
folder && edit bad/config.json '1s/{/{"flux_capacity": 1,/'
"$FATHOM" score bad --text a >unknown.tsv 2>unknown.err
is "$? $(grep -c 'warning: .*unknown key "flux_capacity"' unknown.err)" "0 1" "an unknown key is warned of"
is "$(grep -v '^#' unknown.tsv)" "$(grep -v '^#' good.tsv)" "and changes nothing"
fails 3 '^fathom: bad: config.json: unknown key "flux_capacity"' "score --strict: an unknown key" "$FATHOM" score bad --text a -q --strict
fails 3 '^fathom: bad: config.json: unknown key "flux_capacity"' "record --strict: an unknown key" "$FATHOM" record bad --text a -q --strict -o out/A.h5
fails 3 '^fathom: bad: config.json: unknown key "flux_capacity"' "train --strict: an unknown key" \
  "$FATHOM" train bad --pairs pairs.jsonl --steps 1 -q --strict -o out/run
"$FATHOM" score good --text a -q --strict >strict.tsv
is "$(grep -v '^#' strict.tsv)" "$(grep -v '^#' good.tsv)" "a model without any passes --strict"

file && edit bad.gguf 's/llama\.vocab_size/llama.flux_cache/'
"$FATHOM" score bad.gguf --adapter "$fixtures/adapter-reward" --text a >unknown.tsv 2>unknown.err
is "$? $(grep -c 'warning: unknown key "llama.flux_cache"' unknown.err)" "0 1" "an unknown key of GGUF is warned of"
fails 3 '^fathom: bad.gguf: unknown key "llama.flux_cache"' "record --strict: an unknown key of GGUF" \
  "$FATHOM" record bad.gguf --text a -q --strict -o out/A.h5
"$FATHOM" record good.gguf --text a -q --strict -o strict.h5 >/dev/null
ok $? "a GGUF model without any passes --strict"

# Tensors that the config says nothing of.
folder && edit bad/config.json 's/"num_hidden_layers": 2/"num_hidden_layers": 1/'
"$FATHOM" score bad --text a -q 2>left.err >/dev/null
is "$?" 0 "a file with more blocks than the config says"
is "$(cat left.err)" "fathom: warning: bad: tensor model.layers.1.input_layernorm.weight is no part of this model, 9 such are left out of account (--strict refuses them)" \
  "is warned of"
fails 3 '^fathom: bad: tensor model.layers.1.input_layernorm.weight is no part of this model \(9 such\)' "and refused with --strict" \
  "$FATHOM" score bad --text a -q --strict
file && poke bad.gguf $(($(after llama.block_count) + 4)) '\001'
fails 3 '^fathom: bad.gguf: tensor blk.1.attn_q.weight is no part of this model \(9 such\)' "the same in GGUF" \
  "$FATHOM" record bad.gguf --text a -q --strict -o out/A.h5

# Architectures with other tensors.
families=$fixtures/families
family() { rm -rf bad && cp -r "$families/$1" bad && chmod -R u+w bad; }
no_tokenizer() { fails 3 "$2" "$1" "$FATHOM" verify bad --golden "$families/llama-bias.golden.safetensors" -q; }
family llama-bias && edit bad/config.json 's/"attention_bias": true/"attention_bias": false/'
no_tokenizer "biases that the config denies" 'tensor model.layers.0.self_attn.q_proj.bias is there, but the config says'
family phi3 && edit bad/model.safetensors 's/layers\.1\.self_attn\.qkv_proj/layers.1.self_attn.qkv_prox/'
no_tokenizer "a fused tensor that is missing" 'tensor model.layers.1.self_attn.qkv_proj.weight is missing'
family phi3 && edit bad/config.json 's/"intermediate_size": 22/"intermediate_size": 21/'
no_tokenizer "a fused tensor of the wrong shape" 'gate_up_proj.weight has shape \[44, 16\], expected \[42, 16\]'
family gpt2 && edit bad/config.json 's/"n_ctx": 20/"n_inner": 23/'
no_tokenizer "a transposed tensor of the wrong shape" 'h.0.mlp.c_fc.weight has shape \[[0-9]+, [0-9]+\], expected \[[0-9]+, 23\]'
family gpt2 && edit bad/config.json 's/"n_positions": [0-9]*/"n_positions": 3/'
no_tokenizer "fewer positions than the tensor has" 'wpe.weight has shape \[[0-9]+, [0-9]+\], expected \[3, [0-9]+\]'
family qwen3_moe && edit bad/model.safetensors 's/experts\.3\.up_proj/experts.9.up_proj/'
no_tokenizer "an expert's matrix that is missing" 'experts.3.up_proj.weight is missing'

# GGUF metadata: a text is found by its name, a value by what lies before it (name, u32 type, value).
file && poke bad.gguf $(($(offset good.gguf general.architecture) + 20 + 12)) 'xlama'
refused bad.gguf 'unknown architecture "xlama"' "an unknown GGUF architecture"
file && poke bad.gguf $(($(after llama.rope.freq_base) + 4)) '\000\000\200\177'
refused bad.gguf 'rope_theta is inf' "an infinite GGUF rope base"
file && poke bad.gguf "$(after llama.attention.layer_norm_rms_epsilon)" '\005'
refused bad.gguf 'epsilon is 9.2' "a GGUF epsilon of another type" # the bits of 1e-5 as a whole number
file && edit bad.gguf 's/llama\.feed_forward_length/llama.attention.clamp_kqv/'
refused bad.gguf 'llama.attention.clamp_kqv is [0-9]+, which changes the numbers and is not supported' "a GGUF setting that is not supported"
file && poke bad.gguf $(($(after llama.rope.dimension_count) + 4)) '\004'
refused bad.gguf '4 of head_dim [0-9]+ are rotary, which changes the numbers and is not supported' "a GGUF Llama whose heads turn in part"
file && poke bad.gguf $(($(after llama.attention.value_length) + 4)) '\003'
refused bad.gguf 'llama.attention.value_length is 3, expected [0-9]+ as the keys have' "GGUF values of another width than keys"
file && poke bad.gguf $(($(after llama.embedding_length) + 4)) '\040'
refused bad.gguf 'tensor token_embd.weight has shape' "a GGUF width that is not the tensors'"

# Tokenizers.
folder && edit bad/tokenizer.json 's/"vocab": *{/&"qqqqqq":300,/'
refused bad 'tokenizer.json has 301 tokens, the embedding 300 rows, expected no more tokens than rows' "more tokens than embeddings"
file && poke bad.gguf $(($(offset good.gguf token_embd.weight) + 17 + 4 + 8)) '\000\001' # 256 rows of 300
refused bad.gguf 'tokenizer.ggml.tokens has 300 tokens, the embedding 256 rows, expected as many' "a GGUF vocabulary of another size than the embedding"
folder && edit bad/tokenizer.json 's/\["t", *"h"\]/["t","qqq"]/'
refused bad 'tokenizer.json: "merges": merge 0: a merge names "qqq", which is not in the vocabulary' "a merge of an unknown token"
folder && edit bad/tokenizer.json 's/"it": *299/"it":299,"hat":300/'
refused bad 'tokenizer.json: "vocab": tokens 297 and 300 are the same text, "hat"' "a token twice"
folder && edit bad/tokenizer.json 's/"it": *299/"it":298/'
refused bad 'tokenizer.json: "vocab": two tokens have the id 298: "hel" and "it"' "an id twice"
folder && edit bad/tokenizer.json 's/"ignore_merges": *false/"ignore_merges":false,"dropout":0.5/;s/"dropout": *null,//'
refused bad 'tokenizer.json: "model" has a dropout' "dropout"
folder && head -c 3000 good/tokenizer.json >bad/tokenizer.json
refused bad 'tokenizer.json' "a cut tokenizer.json"
fails 3 'bad' "info: a cut tokenizer.json" "$FATHOM" info bad

# Data files; a good row stands before each bad one. A bad row is left out with a warning of its line, or refused.
rows() {
  head -n 1 pairs.jsonl >rows.jsonl && printf "$1" >>rows.jsonl && sed -n 2p pairs.jsonl >>rows.jsonl
  fails 3 "rows.jsonl: line 2.*$2" "record: $3" "$FATHOM" record good.gguf --pairs rows.jsonl -o out/A.h5 --strict -q
  fails 3 "rows.jsonl: line 2.*$2" "score: $3" "$FATHOM" score good --pairs rows.jsonl --strict -q
  fails 3 "rows.jsonl: line 2.*$2" "train: $3" "$FATHOM" train good.gguf --pairs rows.jsonl --strict --steps 1 -q -o out/run
  is "$(find out -type f)" "" "nothing is left: $3"
  "$FATHOM" score good --pairs rows.jsonl -q >table 2>note
  is "$? $(grep -c "warning: rows.jsonl: line 2.*$2.*: left out" note) $(grep -Ec '^[^#].*[[:space:]](chosen|rejected)[[:space:]]' table)" "0 1 4" \
    "left out with a warning: $3"
  is "$(grep -c '^# TRL pairs: 3 read, 2 used; left out: 1 bad rows' table)" 1 "counted: $3"
  rm -rf out/*
}
rows '{"prompt":"a","chosen":"b\377","rejected":"c"}\n' 'UTF-8' "bytes that are not UTF-8"
rows '{"prompt":"a","chosen":\n' '' "broken JSON"
rows '{"prompt":"a","chosen":"b"}\n' 'no preference pair' "one side only"
rows '{"prompt":"a","chosen":4,"rejected":"c"}\n' '"chosen" is neither a string nor a list' "a number for a side"
printf '{"text":"a"}\n' >texts.jsonl
fails 3 'texts.jsonl: line 1: no preference pair of a known schema: found the keys text; expected those of RAIL-HH,' \
  "an unknown schema" "$FATHOM" score good --pairs texts.jsonl -q
printf '{"prompt":"a","chosen":"%%0200d","rejected":"c"}\n{"prompt":"a","chosen":"c","rejected":" "}\n' |
  sed "s/%0200d/$(printf %0200d 7)/" >long.jsonl
cat pairs.jsonl >>long.jsonl
"$FATHOM" record good.gguf --pairs long.jsonl --max-length 128 -o long.h5 2>note >/dev/null
is "$? $(grep -c 'TRL pairs: 26 read, 24 used; left out: 1 with an empty answer, 1 of more than 128 tokens' note)" "0 1" \
  "a pair over the length limit and one without an answer are left out, and said"

# Disks.
if [ -c /dev/full ]; then
  fails 4 'No space left|cannot write' "score to a full device" sh -c '"$0" score good --text a -q >/dev/full' "$FATHOM"
else
  skip "no /dev/full"
fi
fails 4 'no/such/f.h5' "frozen features that are not there" \
  sh -c '"$0" train good.gguf --pairs pairs.jsonl --steps 1 -q --frozen no/such/f.h5 -o out/run 2>note
    code=$?; grep -v warning: note >&2; exit $code' "$FATHOM"
is "$(find out -type f ! -name command.txt)" "" "and nothing but the command line is left"
rm -rf out/*

# on_disk KIB COMMAND...: on a file system of this size, mounted at full.
on_disk() {
  umount full 2>/dev/null
  mount -t tmpfs -o "size=$1k" tmpfs full 2>/dev/null || return 1
}
mkdir full
if on_disk 8; then
  fails 4 'full/A.h5' "record on a full disk" "$FATHOM" record good.gguf --pairs pairs.jsonl --tokens all -o full/A.h5 -q
  test ! -e full/A.h5
  ok $? "and no store under its final name"
  train good.gguf whole >/dev/null 2>&1
  whole=$(du -k --apparent-size whole | cut -f1) wrong=
  for kib in 4 40 100 $((whole - 90)) $((whole - 30)) $((whole + 4096)); do
    on_disk $kib
    train good.gguf full/run >/dev/null 2>note
    code=$?
    if [ $code -eq 0 ]; then
      [ $kib -gt $whole ] && cmp -s whole/config.json full/run/config.json || wrong="$wrong $kib:exit-0"
    else
      [ $code -eq 4 ] && [ $kib -lt $whole ] && [ ! -e full/run/config.json ] && [ "$(grep -vc 'warning:' note)" -eq 1 ] &&
        grep -q 'full/run/.*No space' note || wrong="$wrong $kib:exit-$code"
    fi
    echo "# train on $kib KiB, $whole needed: exit $code $(tail -n 1 note)"
  done
  is "$wrong" "" "train on disks from too small to large enough: one line and no config.json, or a whole model"
  umount full
else
  skip "no right to mount a small file system"
fi

# Flipped bits: half of them in the header. A linear congruential generator, so that every machine flips the same.
flips() {
  state=$3 header=$4 bytes=$(size "$1") wrong=
  for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
    for range in "$header" "$bytes"; do
      state=$(((state * 1103515245 + 12345) % 2147483648))
      at=$((state / 8 % range)) bit=$((state / 65536 % 8))
      byte=$(od -An -tu1 -j $at -N 1 "$1")
      poke "$1" $at "\\$(printf '%03o' $((byte ^ (1 << bit))))"
      rm -f x.h5*
      timeout 20 "$FATHOM" record "$2" --text 'a text' -o x.h5 -q >/dev/null 2>note
      code=$?
      case $code in
      0) test -s x.h5 || wrong="$wrong $at.$bit:no-output" ;;
      3 | 5) test ! -e x.h5 && [ "$(wc -l <note)" -eq 1 ] || wrong="$wrong $at.$bit:left-over" ;;
      *) wrong="$wrong $at.$bit:exit-$code" ;;
      esac
      poke "$1" $at "\\$(printf '%03o' "$byte")"
    done
  done
  is "$wrong" "" "60 flipped bits of $1, seed $3 (byte.bit)"
}
file && flips bad.gguf bad.gguf 11 7200
cmp -s bad.gguf good.gguf
ok $? "each flip was undone"
folder && flips bad/model.safetensors bad 12 2096
tap_end
