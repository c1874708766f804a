#!/bin/sh
# fathom info: summaries, tensors and metadata of models, as TSV and as JSON, and its errors.
. "$SRCDIR/tests/tap.sh"
models=$SRCDIR/tests/fixtures

# value SECTION NAME: the value in the summary at $work/out.
value() { awk -F'\t' -v section="$1" -v name="$2" '$1 == section && $2 == name { print $3 }' "$work/out"; }

"$FATHOM" info "$models/llama-tied.gguf" >"$work/out" 2>"$work/err"
is "$?" 0 "a GGUF file is summarised"
is "$(cat "$work/err")" "" "and nothing is said on stderr"
is "$(grep -v '^#' "$work/out" | head -n 1)" "section	name	value" "one row a fact"
is "$(value file format)" "GGUF version 3" "format"
is "$(value config architecture)" llama "architecture"
is "$(value config hidden_size) $(value config n_layers) $(value config n_heads) $(value config n_kv_heads)" "24 3 6 2" "shape"
is "$(value config norm_eps)" 1e-05 "a float32 prints as the decimal it was written as"
is "$(value weights parameters)" 15720 "parameters"
gguf_parameters=$(value weights parameters)

"$FATHOM" info "$models/llama-tied" >"$work/out"
is "$(value file format) $(value config architecture) $(value config rope_theta)" \
  "Hugging Face folder LlamaForCausalLM 10000" "a folder is summarised"
is "$(value weights parameters)" "$gguf_parameters" "both copies have the same number of parameters"
"$FATHOM" info "$models/llama-untied" >"$work/out"
is "$(value weights 'BF16 tensors') $(value weights tensors)" "21 21" "element types are counted over all shards"
is "$(value weights 'BF16 bytes')" $((2 * $(value weights parameters))) "and so are their bytes"
"$FATHOM" info "$models/llama-reward" >"$work/out"
is "$(value tokenizer kind) $(value tokenizer tokens) $(value tokenizer chat_template)" "BPE 300 yes" "a folder's tokenizer"
"$FATHOM" info "$models/llama-base.gguf" >"$work/out"
is "$(value tokenizer kind) $(value tokenizer tokens) $(value tokenizer chat_template)" "gpt2 300 yes" "a GGUF file's tokenizer"

# The settings are those that fathom computes with, whichever file they come from.
for file in gemma3_text gemma3_text.gguf; do
  "$FATHOM" info "$models/families/$file" >"$work/out"
  is "$(value config family), $(value config vocab_size), $(value config sliding_window) in $(value config blocks_with_window)" \
    "Gemma 3 (text), 33, 4 in 5 of 6: 0-4" "$file: family, vocabulary and windows"
  is "$(value config rope_theta) $(value config rope_scaling) $(value config rope_factor), $(value config local_rope_theta) in $(value config blocks_with_local_rope)" \
    "1000000 linear 8, 500 in 5 of 6: 0-4" "$file: both bases of rotary positions"
  is "$(value config norm_eps) $(value config embedding_scale) $(value config qk_norm)" "1e-06 3.46410162 each head" "$file: numbers that the files do not spell out"
done
"$FATHOM" info "$models/families/smollm3.gguf" >"$work/out"
is "$(value config blocks_without_rope)" "1 of 4: 3" "blocks without positions"
"$FATHOM" info "$models/families/qwen3_moe-mixed" >"$work/out"
is "$(value config n_experts) $(value config n_experts_used) $(value config blocks_with_experts)" "3 2 1 of 2: 1" "experts"
"$FATHOM" info "$models/families/llama-yarn" >"$work/out"
is "$(value config rope_scaling) $(value config rope_factor) $(value config rope_original_length)" "yarn 4 32" "a stretched rope"
"$FATHOM" info "$models/families/llama-llama3.gguf" >"$work/out"
is "$(value config rope_scaling)" "a divisor of each frequency" "and one that a tensor stretches"
cp -r "$models/llama-tied" "$work/strange" && chmod -R u+w "$work/strange" && sed -i 's/"model_type": "llama"/"model_type": "strange"/' "$work/strange/config.json"
"$FATHOM" info "$work/strange" >"$work/out"
is "$? $(value config model_type) $(value config hidden_size) $(value config family)" "0 strange 24 " "another architecture shows the file's own words"
is "$(value config cannot_run)" "$work/strange: unknown architecture \"strange\" (config.json, model_type)" "and why it cannot run"

"$FATHOM" info --tensors "$models/llama-tied.gguf" | grep -v '^#' >"$work/tensors"
is "$(head -n 1 "$work/tensors")" "name	dtype	shape	parameters	bytes" "columns of the tensor table"
is "$(grep '^token_embd.weight' "$work/tensors")" "token_embd.weight	F32	[96, 24]	2304	9216" "a tensor, outermost dimension first"
is "$(awk -F'\t' 'NR > 1 { n += $4 } END { print n }' "$work/tensors")" "$gguf_parameters" "the table adds up to the summary"
is "$("$FATHOM" info --metadata "$models/llama-base.gguf" | grep '^tokenizer.ggml.tokens' | cut -c 1-50 | sed 's/:.*//')" \
  "tokenizer.ggml.tokens	300 strings" "a long array is summarised"
is "$("$FATHOM" info --metadata "$models/llama-tied" | grep '^hidden_size')" "hidden_size	24" "config.json as metadata"

digest=$(sha256sum "$models/llama-tied.gguf" | cut -d' ' -f1)
"$FATHOM" info --digest "$models/llama-tied.gguf" >"$work/out"
is "$(value file sha256)" "$digest" "--digest is the file's SHA-256"
is "$(grep -c "^# model: .* sha256 $digest" "$work/out")" 1 "and stands in the header"
"$FATHOM" info --json "$models/llama-tied.gguf" >"$work/out"
is "$(grep -c '{"section":"config","name":"hidden_size","value":24}' "$work/out")" 1 "--json has the same rows"

"$(dirname "$FATHOM")/tests/make_h5" "$work"
is "$?" 0 "HDF5 files to look at"
"$FATHOM" info "$work/whole.h5" >"$work/out"
is "$? $(value file kind) $(value file complete) $(value file dtype)" "0 activations yes bfloat16" "a store is summarised"
is "$(value data samples) $(value data sites) $(value data rows) $(value file rows_done)" "80 3 319 319" "its counts"
is "$(value 'site width' blocks.10.hook_resid_post) $(value 'site width' hook_embed)" "7 3" "its sites and their widths"
is "$(value origin command_line) $(value origin weights_sha256) $(value origin seed)" "fathom record m -o a.h5 aa 5" "its origin"
"$FATHOM" info "$work/cut.h5.part" >"$work/out"
is "$? $(value file complete) $(value file rows_done)" "0 no 100" "an interrupted store says how far it came"
"$FATHOM" info "$work/drift.h5" >"$work/out"
is "$? $(value file kind) $(value origin command_line)" "0 drift fathom drift a.h5 b.h5" "a result is summarised"
is "$(value dataset drift/value), $(value dataset site)" "number [2, 3], text [2]" "its datasets and their shapes"
is "$("$FATHOM" info --json "$work/drift.h5" | grep -c '{"section":"dataset","name":"site","value":"text \[2\]"}')" 1 "and as JSON"
for option in tensors metadata digest; do
  fails 2 "^fathom: --$option is for models; $work/whole.h5 is an HDF5 file" "--$option of a store" "$FATHOM" info --$option "$work/whole.h5"
done
head -c 3000 "$work/whole.h5" >"$work/short.h5"
fails 3 "^fathom: $work/short.h5: " "a truncated store" "$FATHOM" info "$work/short.h5"
head -c $(($(wc -c <"$work/drift.h5") / 2)) "$work/drift.h5" >"$work/short.h5"
fails 3 "^fathom: $work/short.h5: " "a truncated result" "$FATHOM" info "$work/short.h5"

head -c 60000 "$models/llama-tied.gguf" >"$work/cut.gguf"
fails 3 "^fathom: $work/cut.gguf: truncated: tensor .* needs" "a truncated GGUF file" "$FATHOM" info "$work/cut.gguf"
mkdir "$work/cut"
cp "$models/llama-tied/config.json" "$work/cut"
head -c 40000 "$models/llama-tied/model.safetensors" >"$work/cut/model.safetensors"
fails 3 "^fathom: $work/cut/model.safetensors: tensor .*, expected within the file's" "a truncated safetensors file" "$FATHOM" info "$work/cut"
rm "$work/cut/model.safetensors"
"$FATHOM" info "$work/cut" >"$work/out"
is "$(value file kind)" "model without weights" "a folder without weights"
fails 4 "^fathom: $work/none: cannot open: No such file" "a missing model" "$FATHOM" info "$work/none"
fails 3 "expected a GGUF file" "another kind of file" "$FATHOM" info "$SRCDIR/README.md"
mkdir "$work/empty"
fails 3 "holds neither config.json nor tokenizer.json" "an empty folder" "$FATHOM" info "$work/empty"
"$FATHOM" info >"$work/out"
is "$?" 0 "without a file: the architectures"
is "$(awk -F'\t' '$2 == "gemma3_text" { print $3, $5, $8, $10 }' "$work/out")" "gemma3 before and after each head rotary, local and global" \
  "one of them"
is "$(grep -vc '^#' "$work/out")" 18 "all of them"
fails 2 "^fathom: info: --tensors, --metadata and --digest are for models" "tensors of nothing" "$FATHOM" info --tensors
fails 2 "^fathom: --tensors and --metadata exclude each other" "two tables at once" "$FATHOM" info --tensors --metadata "$models/llama-tied"
fails 4 "^fathom: standard output: " "a full disk" sh -c '"$0" info "$1" >/dev/full' "$FATHOM" "$models/llama-tied"
tap_end
