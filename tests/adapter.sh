#!/bin/sh
# LoRA adapters and reward heads at the command line: --adapter on record, score and train, what info says, and what is
# refused, naming file and key, with nothing left behind.
. "$SRCDIR/tests/tap.sh"
. "$SRCDIR/tests/pairs.sh"
cd "$work" || exit 99
export OMP_NUM_THREADS=1 # these models are too small to share out
fixtures=$SRCDIR/tests/fixtures
cp "$fixtures/llama-base.gguf" llama-base.gguf
cp -r "$fixtures/adapter-reward" good
cp -r "$fixtures/llama-reward" reward
chmod -R u+w good reward
mkdir out
write_pairs pairs.jsonl

rows() { grep -v '^#' "$1"; }
edit() { LC_ALL=C sed "$2" "$1" >edited && ! cmp -s edited "$1" && mv edited "$1" || echo "Bail out! $1: $2 changes nothing"; }
poke() { printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc 2>/dev/null; }
size() { wc -c <"$1" | tr -d ' '; }
bad() { rm -rf bad && cp -r good bad; }

# What an adapter does.
"$FATHOM" score llama-base.gguf --adapter good --pairs pairs.jsonl -q >adapted.tsv
ok $? "score with an adapter"
is "$(grep -c '^# model: ' adapted.tsv) $(grep -c '^# model: good sha256 [0-9a-f]*$' adapted.tsv)" "2 1" "both files are in the provenance"
"$FATHOM" train llama-base.gguf --adapter good --pairs pairs.jsonl --steps 1 --lr 0 -q -o run >/dev/null
ok $? "train from an adapter"
"$FATHOM" score run --pairs pairs.jsonl -q >run.tsv
"$FATHOM" score llama-base.gguf --adapter good --pairs pairs.jsonl --widen -q >merged.tsv
is "$(rows run.tsv)" "$(rows merged.tsv)" "a run of learning rate 0 writes the merged model: the rewards of --widen, digit by digit"
rows merged.tsv >merged.rows
is "$(rows adapted.tsv | paste - merged.rows | awk 'NR > 1 { d = $4 - $8; if (!(d * d <= 1e-10)) bad++; n++ } END { print n + 0, bad + 0 }')" \
  "$(($(wc -l <merged.rows) - 1)) 0" "and within rounding of the factors applied on the fly"
"$FATHOM" record llama-base.gguf --text 'a longer text than most' --tokens all -q -o base.h5 >/dev/null &&
  "$FATHOM" record llama-base.gguf --adapter good --text 'a longer text than most' --tokens all -q -o adapted.h5 >/dev/null
ok $? "record with an adapter"
"$FATHOM" drift base.h5 adapted.h5 --measures relative_l2 --bootstrap 0 -q >drift.tsv
is "$(rows drift.tsv | awk '$1 ~ /^blocks/ { print $1, $4 == 0 ? "none" : "some" }')" "blocks.0.hook_resid_post none
blocks.1.hook_resid_post some" "the adapter of block 1 leaves block 0 as it was, and no more"
digest() { "$FATHOM" info "$1" | awk '$2 == "weights_sha256" { print $3 }'; }
test "$(digest base.h5)" != "$(digest adapted.h5)" && [ "$(digest adapted.h5 | wc -c)" -eq 65 ]
ok $? "a store's digest of the weights is of model and adapter"
bad && edit bad/adapter_config.json 's/"lora_alpha": 3,/"lora_alpha": 4,/'
"$FATHOM" record llama-base.gguf --adapter bad --text a -q -o other.h5 >/dev/null
test "$(digest other.h5)" != "$(digest adapted.h5)"
ok $? "and of the adapter's settings"
"$FATHOM" score llama-base.gguf --adapter bad --pairs pairs.jsonl -q >other.tsv
test "$(rows other.tsv)" != "$(rows adapted.tsv)"
ok $? "another alpha, other rewards"
bad && cp "$fixtures/llama-reward/tokenizer.json" "$fixtures/llama-reward/tokenizer_config.json" bad
"$FATHOM" score llama-base.gguf --adapter bad --pairs pairs.jsonl >same.tsv 2>note
is "$(rows same.tsv) $(grep -c '^tokenizer and chat template of bad$' note)" "$(rows adapted.tsv) 1" "the adapter's own tokenizer is used, and said"
edit bad/tokenizer.json 's/"vocab": *{/&"qqqqqq":300,/'
fails 3 '^fathom: bad: tokenizer.json has 301 tokens, the embedding 300 rows, expected no more tokens than rows' "the adapter's tokenizer is larger than the embedding" \
  "$FATHOM" score llama-base.gguf --adapter bad --text a -q
bad && edit bad/adapter_config.json 's/"r": 4,/"r": 4, "future": 3,/'
"$FATHOM" score llama-base.gguf --adapter bad --pairs pairs.jsonl -q >same.tsv 2>note
is "$(rows same.tsv) $(cat note)" "$(rows adapted.tsv) fathom: warning: bad/adapter_config.json: unknown setting \"future\" is left out of account" \
  "an unknown setting is a warning naming it"
"$FATHOM" score llama-base.gguf --adapter good --pairs pairs.jsonl -q 2>note >/dev/null
is "$(cat note)" "" "a base by its name in another place is no warning"
"$FATHOM" score reward --adapter good --text a -q 2>note >/dev/null
is "$(cat note)" "fathom: warning: good: was made for example/llama-base, and is put on reward" "a base of another name is one"

"$FATHOM" verify "$fixtures/llama-tied.gguf" --adapter "$fixtures/adapter-lm" --golden "$fixtures/adapter-lm.golden.safetensors" >verify.tsv
is "$? $(grep -c '^# model: ' verify.tsv)" "0 2" "verify: base and adapter agree with PEFT at every site"
fails 1 '^fathom: blocks.0.hook_resid_pre: |^fathom: blocks.0.attn.hook_[a-z]: ' "verify: the base alone does not" \
  "$FATHOM" verify "$fixtures/llama-tied.gguf" --golden "$fixtures/adapter-lm.golden.safetensors"

# What info says.
"$FATHOM" info good >info.tsv
is "$(rows info.tsv | grep -E '^(adapter|reward)' | tr '\t\n' ' ;')" "adapter base example/llama-base;adapter task SEQ_CLS;adapter modules 4;\
adapter rank 4;adapter scale 1.5;adapter replaces score.weight;reward_head name score;reward_head shape [1, 16];" "info on an adapter"
is "$("$FATHOM" info good --tensors | grep -c lora_)" 8 "its tensors"
is "$("$FATHOM" info good --metadata | awk '$1 == "lora_alpha" { print $2 }')" 3 "its settings"
is "$("$FATHOM" info llama-base.gguf | awk '$1 == "reward_head" { print $3 }') $("$FATHOM" info reward | awk '$1 == "reward_head" { print $3 }' | head -n 1)" \
  "none score" "info on models says which reward head they have"

# refused ADAPTER PATTERN WHAT: by every command that runs a model, with nothing left.
refused() {
  fails 3 "^fathom: $1.*$2" "record: $3" "$FATHOM" record llama-base.gguf --adapter "$1" --text a -o out/A.h5 -q
  fails 3 "^fathom: $1.*$2" "score: $3" "$FATHOM" score llama-base.gguf --adapter "$1" --text a -q
  is "$(size .stdout)" 0 "score: no output: $3"
  fails 3 "^fathom: $1.*$2" "train: $3" "$FATHOM" train llama-base.gguf --adapter "$1" --pairs pairs.jsonl --steps 1 -q -o out/run
  is "$(find out -type f)" "" "nothing is left: $3"
  rm -rf out/*
}
fails 4 '^fathom: no-such-folder/adapter_config.json: ' "no such folder" "$FATHOM" score llama-base.gguf --adapter no-such-folder --text a -q
refused reward ': holds no adapter_config.json, expected a LoRA adapter' "a folder without an adapter"
bad && rm bad/adapter_model.safetensors
refused bad ': holds no adapter_model.safetensors, expected a LoRA adapter' "an adapter without weights"
bad && head -c 900 good/adapter_model.safetensors >bad/adapter_model.safetensors
refused bad 'adapter_model.safetensors: truncated' "cut weights"
bad && edit bad/adapter_config.json 's/"use_dora": false/"use_dora": true/'
refused bad 'adapter_config.json: "use_dora" is true, which changes the numbers and is not supported' "DoRA"
bad && edit bad/adapter_config.json 's/"peft_type": "LORA"/"peft_type": "IA3"/'
refused bad 'adapter_config.json: "peft_type" is IA3, expected LORA' "another kind of adapter"
bad && edit bad/adapter_config.json 's/"init_lora_weights": true/"init_lora_weights": "pissa"/'
refused bad 'adapter_config.json: "init_lora_weights" is pissa' "an initialisation that changes the base"
bad && edit bad/adapter_config.json 's/"r": 4/"r": 8/'
refused bad 'lora_A.weight has shape \[4, (16|24)\], expected rank 8' "a rank that is not the tensors'"
bad && edit bad/adapter_config.json 's/"k_proj",/"v_proj",/'
refused bad 'k_proj.lora_A.weight is of a module that adapter_config.json does not name in target_modules' "a module that is no target"
bad && edit bad/adapter_config.json '/layers_to_transform/,/]/d' && edit bad/adapter_model.safetensors 's/model\.layers\.1\./model.layers.7./g'
refused bad 'tensor base_model.model.model.layers.7.[a-z_.]*lora_A.weight is for model.layers.7.[a-z_.]*, which this base does not have: an adapter for another base' \
  "a module that the base does not have"
bad && edit bad/adapter_model.safetensors 's/base_model\.model\.score\.weight/base_model.model.scors.weight/'
edit bad/adapter_config.json 's/"score"/"scors"/'
refused bad 'tensor base_model.model.scors.weight is for scors.weight, which this base does not have' "a saved module that the base does not have"
bad && poke bad/adapter_model.safetensors $(($(size bad/adapter_model.safetensors) - 40)) '\000\174'
refused bad 'lora_B.weight holds a value that is not finite' "infinity in a factor"
bad && poke bad/adapter_model.safetensors $(($(size bad/adapter_model.safetensors) - 2)) '\000\176'
refused bad 'tensor base_model.model.score.weight holds a value that is not finite' "NaN in a reward head"
fails 3 'good/adapter_model.safetensors: tensor base_model.model.model.layers.1.[a-z_.]*.lora_[AB].weight has shape \[[0-9, ]+\], expected \[[0-9, ]+\]: an adapter for another base' \
  "an adapter for another width" "$FATHOM" score "$fixtures/llama-tied.gguf" --adapter good --text a -q
fails 3 '^fathom: good: holds an adapter, not a model: name its base model, and --adapter good' "an adapter in the model's place" \
  "$FATHOM" score good --text a -q

# Heads that are no heads.
bad && for at in 2 4 6 8 10 12 14 16 18 20 22 24 26 28 30 32; do
  poke bad/adapter_model.safetensors $(($(size bad/adapter_model.safetensors) - at)) '\000\000'
done
fails 3 'llama-base.gguf \+ bad: the reward head score holds only zeros: it was never trained' "a head of zeros" \
  "$FATHOM" score llama-base.gguf --adapter bad --text a -q
is "$("$FATHOM" info bad | awk -F '\t' '$2 == "state" { print $3 }')" "all zeros: never trained" "which info says too"
fails 3 'llama-base.gguf: no reward head' "no head" "$FATHOM" score llama-base.gguf --text a -q
cp -r reward biased
edit biased/model.safetensors 's/"score\.weight"/"score.wabcde"/'
"$FATHOM" score biased --text a -q 2>note
is "$? $(cut -c 1-60 note)" "3 fathom: warning: biased: tensor score.wabcde is no part of t
fathom: biased: no reward head (tensors score, value_head, v" "a head under an unknown name"
tap_end
