#!/bin/sh
# fathom tokenize on the small models among the fixtures: ids, the way back, switches, and what is refused.
. "$SRCDIR/tests/tap.sh"
gguf=$SRCDIR/tests/fixtures/llama-base.gguf
folder=$SRCDIR/tests/fixtures/llama-reward

tokenize() { # TEXT OPTIONS...: ids of a text without a newline behind it
  tokenize_text=$1
  shift
  printf %s "$tokenize_text" | "$FATHOM" tokenize "$@"
}

text='Hello, World 123 <|im_start|>user'
is "$(tokenize "$text" "$gguf")" "42 268 78 81 14 223 57 81 84 78 70 223 19 20 21 223 1 283 269" "ids from a GGUF file"
is "$(tokenize "$text" "$folder")" "$(tokenize "$text" "$gguf")" "the same from a folder"
is "$(tokenize "$text" "$gguf" | "$FATHOM" tokenize --decode "$gguf")" "$text" "--decode is the way back"
is "$(tokenize '<|im_end|>' "$gguf")" 2 "a special token in the text is one id"
is "$(tokenize '<|im_end|>' --no-parse-special "$gguf" | wc -w)" 10 "--no-parse-special reads it as ten characters"
is "$(tokenize '' "$gguf" | od -An -c | tr -d ' ')" '\n' "an empty text is an empty line"
is "$(printf 'a\n' | "$FATHOM" tokenize "$gguf")" "67 201" "the final newline is part of the text"
is "$(printf 'a\0\377b' | "$FATHOM" tokenize "$gguf" | "$FATHOM" tokenize --decode "$gguf" | od -An -tx1)" " 61 00 ff 62" \
  "any bytes come back"
is "$(tokenize 'é!' --json "$gguf" | sed 's/.*"rows"://')" '[{"position":0,"id":130,"text":null},{"position":1,"id":105,"text":null},{"position":2,"id":3,"text":"!"}]}' \
  "--json: a row for each token, null for part of a character"

fails 2 "^fathom: tokenize: usage: fathom tokenize \[OPTIONS\] MODEL" "a model is needed" "$FATHOM" tokenize
fails 4 "^fathom: $work/none: cannot (open|stat)" "a missing model" "$FATHOM" tokenize "$work/none"
fails 2 "^fathom: --decode and --no-special exclude each other$" "--decode takes no switches of encoding" \
  "$FATHOM" tokenize --decode --no-special "$gguf"
for word in x -1 1x 99999999999 12345678901234567890; do
  printf %s "$word" >"$work/ids"
  fails 3 "^fathom: standard input: \"$word\" is no token id$" "\"$word\" is no id" sh -c "'$FATHOM' tokenize --decode '$gguf' <'$work/ids'"
done
fails 3 "^fathom: token id 300 is not in the vocabulary of 300$" "an id outside the vocabulary" \
  sh -c "echo 300 | '$FATHOM' tokenize --decode '$gguf'"
fails 4 "^fathom: standard output: cannot write: No space left on device$" "a full device is noticed" \
  sh -c "echo a | '$FATHOM' tokenize '$gguf' >/dev/full"
tap_end
