#!/bin/sh
# fathom new: a model with random weights and a tokenizer made of a text, of several architectures, and what is refused.
# (check_tokenizer.py compares such a tokenizer's ids with those of Hugging Face's libraries.)
. "$SRCDIR/tests/tap.sh"
config=$SRCDIR/probes/world/config.json
cd "$work" || exit 99
cell() { awk -F'\t' -v name="$2" '/^#/ { next } !found { for (i = 1; i <= NF; i++) if ($i == name) found = i; next } { print $found }' "$1"; }
value() { "$FATHOM" info "$1" -q | awk -F'\t' -v name="$2" '$2 == name { print $3 }'; }
printf 'the cat sat on the mat. the cat, the mat!<|end|>\nthe dog sat.\n12 and 12 dogs \303\251\303\251 \303\251\303\251\n' >text.txt

"$FATHOM" new "$config" --text text.txt -o made -q >made.tsv
ok $? "a model is made"
is "$(cd made && echo *)" "config.json model.safetensors tokenizer.json tokenizer_config.json" "a Hugging Face folder"
is "$(cell made.tsv vocabulary) $(cell made.tsv parameters)" "264 $((264 * 64 + 6 * (4 * 64 * 64 + 3 * 64 * 176 + 2 * 64) + 64))" \
  "two special tokens, 256 bytes, the six words that come twice"
for id in 258 259 260 261 262 263; do echo $id | "$FATHOM" tokenize made --decode; printf '|'; done >words
is "$(cat words)" " the| cat| mat| sat| $(printf '\303\251\303\251')|the|" "by frequency, then by their bytes"
# As Hugging Face's tokenizers reads tokenizer.json; a digit pair "12" begins a line once and follows a blank once.
ids="263 259 261 34 113 112 258 260 48 258 259 46 258 260 35 0 12 263 34 102 113 105 261 48 12 51 52 34 99 112 102 34 51 52 34 102 113 105 117 262 262 12"
is "$("$FATHOM" tokenize made <text.txt)" "$ids" "ids are words, and bytes where there is none"
echo "$ids" | "$FATHOM" tokenize made --decode | cmp - text.txt
ok $? "which decode to the text"
is "$(cell made.tsv whole_words)" "0.769230769" "30 of its 39 pieces are one token"
"$FATHOM" new "$config" --text text.txt --vocabulary 260 -o fewer -q >fewer.tsv
is "$(cell fewer.tsv vocabulary)" 260 "a vocabulary of at most so many tokens"
"$FATHOM" new "$config" --text text.txt -o again -q >/dev/null && cmp made/model.safetensors again/model.safetensors && cmp made/tokenizer.json again/tokenizer.json
ok $? "the same seed: the same bytes"
"$FATHOM" new "$config" --text text.txt --seed 1 -o other -q >/dev/null && ! cmp -s made/model.safetensors other/model.safetensors &&
  cmp -s made/tokenizer.json other/tokenizer.json
ok $? "another seed: other weights, the same tokenizer"

# A random model knows nothing: its loss is that of a uniform guess, up to the spread of small logits.
"$FATHOM" train made --objective lm --text text.txt --eval text.txt --max-length 16 --lr 1e-2 --batch-size 3 --steps 60 -o run -q >run.tsv
awk -v before="$(cell run.tsv heldout_loss_before)" -v after="$(cell run.tsv heldout_loss)" \
  'BEGIN { exit !(before > log(264) - 0.1 && before < log(264) + 0.1 && after < 1) }'
ok $? "loss $(cell run.tsv heldout_loss_before) before training, ln 264 = 5.58, and $(cell run.tsv heldout_loss) after"
"$FATHOM" record run --text "the cat sat" -o states.h5 -q >/dev/null
ok $? "its activations can be recorded"
printf '{"prompt": "who sat?", "chosen": "the cat", "rejected": "the mat"}\n' >pairs.jsonl
"$FATHOM" train run --pairs pairs.jsonl --eval pairs.jsonl --steps 2 -o reward -q >/dev/null && "$FATHOM" score reward --pairs pairs.jsonl -q >scores.tsv
ok $? "and it becomes a reward model"
is "$(cell scores.tsv n_tokens | tr '\n' ' ')" "$(printf 'who sat?\nthe cat\n' | "$FATHOM" tokenize made | wc -w) $(printf 'who sat?\nthe mat\n' | "$FATHOM" tokenize made | wc -w) " \
  "turns are a line each"

# Other architectures, the tokenizer of another model.
for family in gemma gpt2 qwen3 olmo2 mixtral; do
  [ -e "$SRCDIR/tests/fixtures/families/$family/config.json" ] || continue
  "$FATHOM" new "$SRCDIR/tests/fixtures/families/$family/config.json" --tokenizer "$SRCDIR/tests/fixtures/llama-base.gguf" -o "$family" -q >"$family.tsv" &&
    "$FATHOM" train "$family" --objective lm --text text.txt --eval text.txt --max-length 16 --lr 1e-2 --steps 20 -o "$family-run" -q >"$family-run.tsv"
  awk -v before="$(cell "$family-run.tsv" heldout_loss_before)" -v after="$(cell "$family-run.tsv" heldout_loss)" \
    'BEGIN { exit !(before > log(300) - 0.3 && before < log(300) + 0.3 && after < before - 0.5) }'
  ok $? "$family: $(cell "$family-run.tsv" heldout_loss_before), after 20 steps $(cell "$family-run.tsv" heldout_loss)"
done
is "$(value gpt2 tokens)" 300 "the other model's tokenizer"
is "$(cell gpt2.tsv whole_words)" "-" "of which no text says how much it covers"

# Refused.
fails 2 'new: -o DIR is needed' "no folder" "$FATHOM" new "$config" --text text.txt
fails 2 'new: --text FILE or --tokenizer MODEL is needed' "no text" "$FATHOM" new "$config" -o x
fails 2 '--text and --tokenizer exclude each other|--tokenizer and --text exclude each other' "a text and a tokenizer" \
  "$FATHOM" new "$config" --text text.txt --tokenizer made -o x
fails 2 '--vocabulary 257: expected' "fewer tokens than bytes" "$FATHOM" new "$config" --text text.txt --vocabulary 257 -o x
fails 2 'made: holds a model already: choose another -o' "a model is not written over" "$FATHOM" new "$config" --text text.txt -o made
fails 4 'no-such.json' "no configuration" "$FATHOM" new no-such.json --text text.txt -o x
: >empty.txt
fails 3 'empty.txt: no text to make a tokenizer of, the file has 0 bytes' "an empty text" "$FATHOM" new "$config" --text empty.txt -o x
echo '{"model_type": "lama"}' >lama.json
fails 3 'lama.json: .*lama' "an unknown architecture" "$FATHOM" new lama.json --text text.txt -o x
sed 's/"initializer_range": [0-9.]*/"initializer_range": -1/' "$config" >negative.json
fails 3 'negative.json: "initializer_range" is -1, expected more than 0 and at most 1' "weights without a spread" "$FATHOM" new negative.json --text text.txt -o x
fails 4 'no-such/x: cannot make this folder' "a model in a missing folder" "$FATHOM" new "$config" --text text.txt -o no-such/x
test ! -e x
ok $? "what was refused made nothing"
# As many texts as there are lines, and a special token that never comes: each byte is looked at once.
awk 'BEGIN { for (i = 0; i < 200000; i++) print "the cat sat on mat " i % 97 "<|end|>" }' >many.txt
timeout 60 "$FATHOM" new "$config" --text many.txt -o many -q >many.tsv
ok $? "a tokenizer of 200,000 texts, in one pass"
is "$(cell many.tsv whole_words)" "1" "all of whose words it has"
tap_end
