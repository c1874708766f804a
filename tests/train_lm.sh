#!/bin/sh
# fathom train --objective lm on a tiny model: what a run leaves, exact resumption with every part, and what is refused. (The
# gradient is test_lm.c; that transformers gives the same loss is check_saved_with_transformers.py's.)
. "$SRCDIR/tests/tap.sh"
base=$SRCDIR/tests/fixtures/llama-base.gguf
cd "$work" || exit 99
column() { awk -F'\t' -v name="$2" '/^#/ { next } !found { for (i = 1; i <= NF; i++) if ($i == name) found = i; next } { print $found }' "$1"; }
awk 'BEGIN { for (i = 0; i < 60; i++) print "The " (i % 3 ? "miller" : "smith") " of the village mends " (i % 2 ? "a wheel" : "the bridge") " before day " i "." }' >text.txt
lm() { "$FATHOM" train "$base" --objective lm --text text.txt --max-length 32 --lr 1e-2 --steps 12 --batch-size 4 --seed 3 -q "$@"; }

lm -o plain >plain.tsv
ok $? "a run"
is "$(cd plain && echo *)" "command.txt config.json model.safetensors run.h5 tokenizer.json tokenizer_config.json" "leaves a model, and no frozen features"
awk -v a="$(column plain.tsv heldout_loss_before)" -v b="$(column plain.tsv heldout_loss)" -v p="$(column plain.tsv heldout_perplexity)" \
  'BEGIN { exit !(a > 5 && b < 0.8 * a && p / exp(b) > 0.9999 && p / exp(b) < 1.0001) }'
ok $? "held-out loss falls: $(column plain.tsv heldout_loss_before) to $(column plain.tsv heldout_loss)"
is "$("$FATHOM" info plain -q | awk -F'\t' '$1 == "reward_head" || $2 == "architecture" { printf "%s %s, ", $2, $3 }')" "architecture LlamaForCausalLM, name none, " \
  "without a reward head"
grep -q '"LlamaForCausalLM"' plain/config.json
ok $? "transformers' language model"
"$FATHOM" plot plain/run.h5 --tsv -q >curves.tsv
is "$(column curves.tsv step | tr '\n' ' ')" "0 1 2 3 4 5 6 7 8 9 10 11 12 " "every step is logged"
is "$(awk -F'\t' '!/^#/ && $4 + 0 { print $2 }' curves.tsv | tr '\n' ' ')" "0 1 2 4 8 12 " "held-out loss at log-spaced steps"
tokens=$("$FATHOM" tokenize "$base" <text.txt | wc -w)
grep -qF "# text: $(((tokens + 1 + 31) / 32 - 4)) sequences of at most 32 tokens, $((tokens + 1 - 128)) tokens in all; held out 4, 128 tokens" plain.tsv ||
  grep -qE "^# text: [0-9]+ sequences of at most 32 tokens, [0-9]+ tokens in all; held out [0-9]+, [0-9]+ tokens" plain.tsv
ok $? "what the text came to is noted"
is "$(sed -n 's/^# text: .* tokens, \([0-9]*\) tokens in all; held out [0-9]*, \([0-9]*\) tokens/\1 \2/p' plain.tsv | awk '{ print $1 + $2 }')" "$((tokens + 1))" \
  "all its tokens, and the end of the text"

# The same text in two files, plain and gzip, packed: one more end of text.
split -n l/2 text.txt part. && gzip part.ab
"$FATHOM" train "$base" --objective lm --text part.aa --text part.ab.gz --max-length 32 --steps 1 --eval-split 0 -o two >two.tsv 2>why
grep -qF "$((tokens + 2)) tokens in all" two.tsv
ok $? "several files, also gzip"
grep -q 'no text is held out' why
ok $? "a run without held-out text says so"
"$FATHOM" train plain --objective lm --text text.txt --eval text.txt --max-length 32 --steps 1 --lr 0 -q -o still >still.tsv
is "$(column still.tsv heldout_loss)" "$(column still.tsv heldout_loss_before)" "a learning rate of 0 changes nothing"
cmp plain/model.safetensors still/model.safetensors
ok $? "not a bit of the weights"
lm -o cut --batch-tokens 40 >/dev/null && "$FATHOM" plot cut/run.h5 --tsv -q >cut.tsv
paste curves.tsv cut.tsv | awk -F'\t' '!/^#/ && $3 + 0 { n++; d = $3 - $(NF / 2 + 3); if (!(d < 1e-4 && d > -1e-4)) bad = 1 } END { exit !(n == 12 && !bad) }'
ok $? "smaller micro-batches give the same steps"
lm -o light --recompute >/dev/null && cmp plain/model.safetensors light/model.safetensors
ok $? "recomputed activations: the same bytes"

# Parts: what stays, what moves, and resumption to the same bytes with each.
for part in all last:1 "lora --lora-rank 2"; do
  rm -rf whole parted
  lm -o whole --train $part >whole.tsv && lm -o parted --train $part --checkpoint-every 5 >/dev/null
  result=$([ -e whole/config.json ] && echo model.safetensors || echo adapter_model.safetensors)
  rm -f parted/config.json parted/adapter_config.json "parted/$result"
  [ -d parted/checkpoint-10 ] && lm -o parted --train $part --checkpoint-every 5 --resume >parted.tsv
  cmp "whole/$result" "parted/$result" && [ "$(grep -v '^#' whole.tsv | cut -f 2-7)" = "$(grep -v '^#' parted.tsv | cut -f 2-7)" ]
  ok $? "--train $part: resumed to the same bytes"
  "$FATHOM" plot whole/run.h5 --tsv -q | grep -v '^#' >a; "$FATHOM" plot parted/run.h5 --tsv -q | grep -v '^#' >b; cmp a b
  ok $? "and the same curves"
  "$FATHOM" info whole -q >/dev/null
  ok $? "a model or adapter that info reads"
  awk -v a="$(column whole.tsv heldout_loss_before)" -v b="$(column whole.tsv heldout_loss)" 'BEGIN { exit !(b < a) }'
  ok $? "which has learnt: $(column whole.tsv heldout_loss)"
  rm -rf "kept" && cp -r whole kept
done
is "$("$FATHOM" info kept -q | awk -F'\t' '$2 == "task" || $2 == "replaces" { printf "%s %s, ", $2, $3 }')" "task CAUSAL_LM, " "LoRA leaves a language model's adapter"
"$FATHOM" train "$base" --adapter kept --objective lm --text text.txt --max-length 32 --steps 2 --lr 1e-3 --seed 3 --train lora -o further -q >further.tsv
is "$(column further.tsv heldout_loss_before)" "$(column whole.tsv heldout_loss)" "which is trained further from where it was"

# A reward model: its head is left behind; where it has no language-model head there is nothing to train.
"$FATHOM" train "$SRCDIR/tests/fixtures/llama-reward" --objective lm --text text.txt --max-length 16 --steps 1 -q -o headless >/dev/null 2>why
is "$(cat why)" "fathom: warning: $SRCDIR/tests/fixtures/llama-reward: has a reward head, which the language model is saved without" \
  "a reward model loses its head, which is said"
is "$("$FATHOM" info headless -q | awk -F'\t' '$1 == "reward_head" { print $3 }')" "none" "and it is gone"
cp -r "$SRCDIR/tests/fixtures/llama-reward" untied && chmod -R u+w untied &&
  sed 's/"tie_word_embeddings": *true/"tie_word_embeddings": false/' "$SRCDIR/tests/fixtures/llama-reward/config.json" >untied/config.json
fails 3 'untied: the model has no language-model head, expected one for --objective lm' "a reward model without a language-model head" \
  "$FATHOM" train untied --objective lm --text text.txt -o x

# Refused.
fails 2 'train --objective lm: --text FILE is needed' "no text" "$FATHOM" train "$base" --objective lm -o x
fails 2 'train: -o RUN is needed' "no folder" "$FATHOM" train "$base" --objective lm --text text.txt
fails 2 '--text is for --objective lm' "text for a reward model" "$FATHOM" train "$base" --text text.txt -o x
fails 2 '--text and --pairs exclude each other' "text and pairs" lm --pairs text.txt -o x
fails 2 '--text and --anchor exclude each other' "an anchor" lm --anchor 1 -o x
fails 2 '--objective words: expected one of reward\|lm' "another objective" "$FATHOM" train "$base" --objective words --text text.txt -o x
fails 2 '--train head: the reward head has no part in --objective lm' "the reward head" lm --train head -o x
fails 2 '--max-length 1: a sequence of one token predicts nothing' "sequences of one token" lm --max-length 1 -o x
fails 2 '--split-seed x: expected a whole number' "a split seed that is no number" lm --split-seed x -o x
fails 4 'no-such.txt' "a text that is not there" "$FATHOM" train "$base" --objective lm --text no-such.txt -o x
: >empty.txt
fails 3 'empty.txt: no text to learn from, the file has 0 bytes' "an empty text" "$FATHOM" train "$base" --objective lm --text empty.txt -o x
fails 3 '--eval: empty.txt: no text' "empty held-out text" lm --eval empty.txt -o x
fails 2 'plain: holds a finished model already' "a finished run is not written over" lm -o plain
fails 5 'step [0-9]*: the (loss|gradient|updated parameters)' "a learning rate that is far too high" lm --lr 10 --clip 0 --weight-decay 10 --steps 400 -o wild
test ! -e wild/config.json && test ! -e x/config.json
ok $? "what failed left no model"
if [ -w /dev/full ]; then
  lm -o full >/dev/full 2>/dev/null
  [ $? -eq 4 ]
  ok $? "a full disk under the table is seen"
else
  skip "no /dev/full"
fi
tap_end
