#!/bin/sh
# Published ids: every case of llama.cpp's five vocabulary files and of SmolLM2's tokenizer, the way back, and real
# preference data. A long test: needs the shared data; SmolLM2's and Gemma 3's GGUF files and Python's tokenizers where there.
. "$SRCDIR/tests/tap.sh"
data=${FATHOM_DATA:-$SRCDIR/../shared/data}
vocabularies=$data/tokenizers
smollm2=${FATHOM_MODELS:-$SRCDIR/models}/SmolLM2-135M-Instruct.Q4_1.gguf
gemma3=${FATHOM_MODELS:-$SRCDIR/models}/gemma-3-270m-Q4_K_M.gguf
if [ ! -f "$vocabularies/ggml-vocab.inp" ]; then
  skip "no $vocabularies/ggml-vocab.inp (set FATHOM_DATA)"
  tap_end
  exit
fi

# The cases as files case.0, case.1, ...: separated by a line of their own, the newline before it not part of the case.
mkdir "$work/cases"
awk -v out="$work/cases/case." '
  $0 == "__ggml_vocab_test__" { printf "" > (out n); n++; begun = 0; next }
  { printf "%s%s", (begun ? "\n" : ""), $0 > (out n); begun = 1 }
  BEGIN { n = 0 }' "$vocabularies/ggml-vocab.inp"

# agree MODEL IDS N WHAT: the first N cases give the lines of IDS and decode to themselves.
agree() {
  wrong=0 i=0
  while [ $i -lt "$3" ]; do
    "$FATHOM" tokenize --no-special "$1" <"$work/cases/case.$i" >"$work/found" &&
      sed -n "$((i + 1))p" "$2" | sed 's/^ *//;s/ *$//' | cmp -s - "$work/found" &&
      "$FATHOM" tokenize --decode "$1" <"$work/found" | cmp -s - "$work/cases/case.$i" ||
      { echo "# case $i: $(cat "$work/found")"; wrong=$((wrong + 1)); }
    i=$((i + 1))
  done
  is $wrong 0 "$4: $3 cases"
}
: >"$work/cases/case.46" # the text behind the last separator is empty
for name in gpt-2 llama-spm phi-3 falcon deepseek-llm; do
  agree "$vocabularies/ggml-vocab-$name.gguf" "$vocabularies/ggml-vocab-$name.gguf.out" 46 "$name"
done
mkdir "$work/smollm2"
gunzip -c "$vocabularies/smollm2/tokenizer.json.gz" >"$work/smollm2/tokenizer.json"
agree "$work/smollm2" "$vocabularies/smollm2/expected.out" 47 "smollm2 from tokenizer.json"
if [ -f "$smollm2" ]; then
  agree "$smollm2" "$vocabularies/smollm2/expected.out" 47 "smollm2 from GGUF"
else
  skip "$smollm2 is missing: run tests/fetch-models smollm2"
fi
# What is written for a folder is read by Hugging Face's libraries to the same ids.
python=${PYTHON3:-python3}
if "$python" -c 'import tokenizers, transformers' 2>/dev/null; then
  for model in "$vocabularies/ggml-vocab-gpt-2.gguf" "$vocabularies/ggml-vocab-llama-spm.gguf" \
    "$vocabularies/ggml-vocab-phi-3.gguf" "$vocabularies/ggml-vocab-falcon.gguf" \
    "$vocabularies/ggml-vocab-deepseek-llm.gguf" "$SRCDIR/tests/fixtures/llama-reward" "$smollm2" "$gemma3"; do
    [ -e "$model" ] || continue
    mkdir -p "$work/written"
    "$(dirname "$FATHOM")/tests/rewrite_tokenizer" "$model" "$work/written" &&
      "$python" "$SRCDIR/tests/check_tokenizer.py" --cases "$vocabularies/ggml-vocab.inp" "$FATHOM" "$work/written" "$model" \
        >"$work/log" 2>&1
    ok $? "$(basename "$model"): written, tokenizers and transformers give the same ids"
    grep -v 'seed' "$work/log" | sed 's/^/# /' | head -20
    rm -r "$work/written"
  done
else
  skip "no Python with tokenizers and transformers (configure or set PYTHON3)"
fi

# Real pairs, whole.
pairs=$data/hh-rlhf/harmless-base.test.jsonl.gz
if [ -f "$pairs" ]; then
  is "$("$(dirname "$FATHOM")/tests/count_pairs" "$SRCDIR/tests/fixtures/llama-base.gguf" "$pairs")" \
    "2312 read, 2308 kept, 0 tied, 4 empty, 0 equal, 0 bad: HH transcripts" "every pair of HH's harmless test set is read"
else
  skip "no $pairs"
fi
tap_end
