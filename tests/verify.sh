#!/bin/sh
# fathom verify: agreement with transformers' goldens, where two models part, and what is refused.
. "$SRCDIR/tests/tap.sh"
fixtures=$SRCDIR/tests/fixtures
model=$fixtures/llama-tied
golden=$fixtures/llama-tied.golden.safetensors

rows() { grep -v '^#' "$1" | tail -n +2; }

"$FATHOM" verify "$model" --golden "$golden" >"$work/folder" 2>"$work/err"
is "$? $(cat "$work/err")" "0 " "a folder agrees with transformers"
is "$(grep -v '^#' "$work/folder" | head -n 1)" \
  "site	relative_error	row	sequence	position	column	found	expected" "columns"
is "$(grep -c '^# no site over the limit 1e-05$' "$work/folder")" 1 "and the table says so"
is "$(rows "$work/folder" | awk -F'\t' '$2 <= 1e-5 && $2 >= 0' | wc -l)" 30 "every site of three blocks, and the logits"
is "$(rows "$work/folder" | cut -f 1 | sed -n '1p;3p;29,30p' | tr '\n' ' ')" \
  "hook_embed blocks.0.attn.hook_q ln_final.hook_normalized logits " "in the order of the pass"
is "$(rows "$work/folder" | awk -F'\t' 'BEGIN { split("0 17 18 25", first, " ") } $3 != first[$4 + 1] + $5' | wc -l)" 0 \
  "rows are counted over all sequences, positions in one"
"$FATHOM" verify "$model.gguf" --golden "$golden" >"$work/gguf"
is "$?" 0 "a GGUF file agrees"
"$FATHOM" verify "$model" --golden "$golden" --batch-tokens 1 >"$work/alone"
is "$? $(rows "$work/alone")" "0 $(rows "$work/folder")" "one sequence at a time: the same table"
"$FATHOM" verify "$fixtures/llama-untied" --golden "$fixtures/llama-untied.golden.safetensors" >"$work/untied"
is "$?" 0 "a model with its own output matrix agrees"
fails 1 '^fathom: blocks.0.attn.hook_q: relative error [1-9.]*e-0[78] at row [0-9]*, column [0-9]*, limit 1e-09: the first of [0-9]* over it$' \
  "a limit below float32's rounding" "$FATHOM" verify "$model" --golden "$golden" --limit 1e-9
"$FATHOM" verify --json "$model" --golden "$golden" --limit 1e-9 >"$work/json" 2>/dev/null
is "$? $(grep -c '"notes":\["first site over the limit 1e-09: blocks.0.attn.hook_q"\],"rows":\[{"site":"hook_embed","relative_error":0,"row":0,' "$work/json")" \
  "1 1" "--json, also of a disagreement"

# A golden of parts: tokens 3, 4 and 20 of the 27, columns 5 and 23 of one site, 7 of the logits, all 24 of another.
header=$(head -c $((8 + $(od -An -N2 -tu2 "$golden"))) "$golden" | tail -c +9)
# bytes ARRAY FIRST N: numbers of the golden
bytes() {
  begin=$(printf '%s' "$header" | sed "s/.*\"$1\":{[^}]*\"data_offsets\":\[\([0-9]*\),.*/\1/")
  tail -c +$((9 + ${#header} + begin + 4 * $2)) "$golden" | head -c $((4 * $3))
}
# parts ROWS COLUMNS: as above; ROWS and COLUMNS are printf's escapes of three numbers and of two
parts() {
  set -- "$1" "$2" '{"ids":{"dtype":"F32","shape":[27],"data_offsets":[0,108]},"offsets":{"dtype":"F32","shape":[5],"data_offsets":[108,128]},"rows":{"dtype":"F32","shape":[3],"data_offsets":[128,140]},"logits.columns":{"dtype":"F32","shape":[1],"data_offsets":[140,144]},"blocks.1.hook_resid_post.columns":{"dtype":"F32","shape":[2],"data_offsets":[144,152]},"blocks.1.hook_resid_post":{"dtype":"F32","shape":[3,2],"data_offsets":[152,176]},"logits":{"dtype":"F32","shape":[3,1],"data_offsets":[176,188]},"hook_embed":{"dtype":"F32","shape":[3,24],"data_offsets":[188,476]}}'
  {
    printf "\\$(printf %03o $((${#3} % 256)))\\$(printf %03o $((${#3} / 256)))\0\0\0\0\0\0%s" "$3"
    bytes ids 0 27
    bytes offsets 0 5
    printf "$1\0\0\340\100$2"
    for row in 3 4 20; do
      bytes blocks.1.hook_resid_post $((24 * row + 5)) 1
      bytes blocks.1.hook_resid_post $((24 * row + 23)) 1
    done
    for row in 3 4 20; do bytes logits $((96 * row + 7)) 1; done
    for row in 3 4 20; do bytes hook_embed $((24 * row)) 24; done
  } >"$work/parts"
}
three='\0\0\100\100' four='\0\0\200\100' five='\0\0\240\100' twenty='\0\0\240\101' twenty_two='\0\0\260\101' twenty_three='\0\0\270\101'
parts "$three$four$twenty" "$five$twenty_three"
for tokens in 1024 1; do
  "$FATHOM" verify "$model" --golden "$work/parts" --batch-tokens $tokens >"$work/out" 2>"$work/err"
  is "$? $(cat "$work/err")" "0 " "rows and columns of a golden agree, $tokens tokens at a time"
done
is "$(rows "$work/out" | cut -f 1 | tr '\n' ' ')" "hook_embed blocks.1.hook_resid_post logits " "its sites in the order of the pass"
is "$(rows "$work/out" | awk -F'\t' '$1 == "logits" { print $6 }')" 7 "columns are the model's"
is "$(rows "$work/out" | awk -F'\t' '$3 != 3 && $3 != 4 && $3 != 20' | wc -l)" 0 "rows are the sequences' tokens"
parts "$three$four$twenty_two" "$five$twenty_three"
fails 1 '^fathom: hook_embed: relative error .* at row 22, column' "a row that is another token's" "$FATHOM" verify "$model" --golden "$work/parts"
parts "$three$four$twenty" "$five$twenty_two"
fails 1 '^fathom: blocks.1.hook_resid_post: relative error .*, column 22, limit' "a column that is another's" \
  "$FATHOM" verify "$model" --golden "$work/parts"
parts "$three$three$twenty" "$five$twenty_three"
fails 3 "^fathom: $work/parts: rows\\[1\\] is 3 behind 3, expected ascending numbers" "rows that do not ascend" \
  "$FATHOM" verify "$model" --golden "$work/parts"
parts "$three$four$twenty" "$five\\0\\0\\300\\101"
fails 3 "^fathom: $work/parts: blocks.1.hook_resid_post.columns\\[1\\] is 24, expected a whole number from 0 to 23" \
  "a column outside the site" "$FATHOM" verify "$model" --golden "$work/parts"
parts "$three$four\\0\\0\\330\\101" "$five$twenty_three"
fails 3 "^fathom: $work/parts: rows\\[2\\] is 27, expected a whole number from 0 to 26" "a row behind the tokens" \
  "$FATHOM" verify "$model" --golden "$work/parts"

# One weight of the second block's down projection is changed.
cp -r "$model" "$work/changed"
weights=$work/changed/model.safetensors
chmod -R u+w "${weights%/*}"
length=$(od -An -N2 -tu2 "$weights" | tr -d ' ')
begin=$(head -c $((8 + length)) "$weights" | sed 's/.*"model.layers.1.mlp.down_proj.weight":{[^}]*"data_offsets":\[\([0-9]*\),.*/\1/')
printf '\0\0\200\100' | dd of="$weights" bs=1 seek=$((8 + length + begin)) conv=notrunc 2>/dev/null
"$FATHOM" verify "$work/changed" --golden "$golden" >"$work/out" 2>"$work/err"
is "$? $(cut -d' ' -f 1-4 "$work/err")" "1 fathom: blocks.1.hook_mlp_out: relative error" "the first site behind a changed weight is named"
is "$(grep -c '^# first site over the limit 1e-05: blocks.1.hook_mlp_out$' "$work/out")" 1 "in the table as well"
is "$(rows "$work/out" | awk -F'\t' '$2 > 1e-5 { print $1 }' | sort)" \
  "$(rows "$work/folder" | cut -f 1 | sed -n '/^blocks.1.hook_mlp_out/,$p' | sort)" "nothing before it differs, everything after it does"
is "$(rows "$work/out" | awk -F'\t' '$1 == "blocks.1.hook_mlp_out" { print $6 }')" 0 "the column is that of the changed row"

# One weight of the first block's output projection is so large that squares overflow behind it.
cp -r "$model" "$work/infinite"
weights=$work/infinite/model.safetensors
chmod -R u+w "${weights%/*}"
begin=$(head -c $((8 + length)) "$weights" | sed 's/.*"model.layers.0.self_attn.o_proj.weight":{[^}]*"data_offsets":\[\([0-9]*\),.*/\1/')
printf '\377\377\177\177' | dd of="$weights" bs=1 seek=$((8 + length + begin)) conv=notrunc 2>/dev/null
"$FATHOM" verify "$work/infinite" --golden "$golden" >"$work/out" 2>"$work/err"
is "$? $(cut -d' ' -f 1-2 "$work/err")" "1 fathom: blocks.0.hook_attn_out:" "a model that overflows does not agree"
is "$(rows "$work/out" | awk -F'\t' '$1 == "logits" { print $2, $7 }')" "- -" "what is not a number is the worst there is"
"$FATHOM" verify "$work/infinite" --golden "$golden" --limit 1e9 >"$work/out" 2>"$work/err"
is "$? $(grep -cE '^fathom: blocks.[0-2][^ ]*: (not a number|relative error inf) at row' "$work/err")" "1 1" "and no limit allows it"

# golden HEADER DATA: a safetensors file of a JSON header and printf's escapes, at $work/bad.
golden() {
  printf "\\$(printf %03o $((${#1} % 256)))\\$(printf %03o $((${#1} / 256)))\0\0\0\0\0\0%s" "$1" >"$work/bad"
  printf "$2" >>"$work/bad"
}
# refused PATTERN WHAT
refused() { fails 3 "^fathom: $work/bad: $1" "$2" "$FATHOM" verify "$model" --golden "$work/bad"; }

one='\0\0\200\077' two='\0\0\0\100' ninety_six='\0\0\300\102' half='\0\0\0\077' nan='\0\0\300\177' minus_one='\0\0\200\277' zero='\0\0\0\0'
ids='"ids":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}'
offsets='"offsets":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}'
site='"hook_embed":{"dtype":"F32","shape":[2,24],"data_offsets":[16,208]}'
values() { i=0; while [ $i -lt "$1" ]; do printf '%s' "$2"; i=$((i + 1)); done; }
golden "{$ids,$offsets,$site}" "$one$two$zero$two$(values 48 "$zero")"
fails 1 '^fathom: hook_embed: relative error inf at row 1, ' "a golden of zeros is far from anything" \
  "$FATHOM" verify "$model" --golden "$work/bad"
golden "{$offsets,$site}" "" && refused "" "a header that leaves a hole"
golden '{"offsets":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' "$zero$two"
refused "array ids is missing" "ids are missing"
golden '{"ids":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}' "$one$two"
refused "array offsets is missing" "offsets are missing"
golden "{$ids,$offsets}" "$one$two$zero$two"
refused "no site to compare, expected arrays such as blocks.2.hook_resid_post" "no site"
golden "{$ids,$offsets,$site}" "$one$ninety_six$zero$two$(values 48 "$zero")"
refused "ids\\[1\\] is 96, expected a whole number from 0 to 95" "an id outside the vocabulary"
golden "{$ids,$offsets,$site}" "$minus_one$two$zero$two$(values 48 "$zero")"
refused "ids\\[0\\] is -1, expected a whole number" "a negative id"
golden "{$ids,$offsets,$site}" "$half$two$zero$two$(values 48 "$zero")"
refused "ids\\[0\\] is 0.5, expected a whole number" "half an id"
golden "{$ids,$offsets,$site}" "$nan$two$zero$two$(values 48 "$zero")"
refused "ids\\[0\\] is -?nan, expected a whole number" "an id that is not a number"
golden "{$ids,$offsets,$site}" "$one$two$zero$ninety_six$(values 48 "$zero")"
refused "offsets\\[1\\] is 96, expected a whole number from 0 to 2" "offsets behind the ids"
golden "{$ids,$offsets,$site}" "$one$two$zero$one$(values 48 "$zero")"
refused "offsets go from 0 to 1, expected from 0 to the 2 ids" "offsets that leave ids out"
golden "{$ids,\"offsets\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[8,20]}}" "$one$two$zero$zero$two"
refused "offsets\\[1\\] is 0 behind 0: every sequence has a token" "a sequence without tokens"
golden "{\"ids\":{\"dtype\":\"F32\",\"shape\":[1,2],\"data_offsets\":[0,8]},$offsets}" "$one$two$zero$two"
refused "array ids is F32 \\[1, 2\\], expected F32 and at least \\[1\\]" "ids of two dimensions"
golden '{"ids":{"dtype":"I64","shape":[1],"data_offsets":[0,8]}}' "$one$zero"
refused "tensor ids .*I64" "ids of another type"
golden "{$ids,$offsets,\"hook_embed\":{\"dtype\":\"F32\",\"shape\":[2,3],\"data_offsets\":[16,40]}}" "$one$two$zero$two$(values 6 "$zero")"
refused "array hook_embed has shape \\[2, 3\\], expected \\[2, 24\\]" "a site of another width"
golden "{$ids,$offsets,\"logits\":{\"dtype\":\"F32\",\"shape\":[1,96],\"data_offsets\":[16,400]}}" "$one$two$zero$two$(values 96 "$zero")"
refused "array logits has shape \\[1, 96\\], expected \\[2, 96\\]" "logits of other rows"
golden "{$ids,$offsets,\"blocks.3.hook_resid_post\":{\"dtype\":\"F32\",\"shape\":[2,24],\"data_offsets\":[16,208]}}" "$one$two$zero$two$(values 48 "$zero")"
refused "array blocks.3.hook_resid_post is no site of this model" "a block that the model does not have"
golden "{$ids,$offsets,$site}" "$one$two$zero$two$(values 30 "$one")$nan$(values 17 "$one")"
refused "array hook_embed holds a value that is not finite \\(row 1, column 6\\)" "a golden that is not a number"
golden "{$ids,$offsets,\"logits\":{\"dtype\":\"F32\",\"shape\":[2,300],\"data_offsets\":[16,2416]}}" "$one$two$zero$two$(values 600 "$one")"
fails 3 "^fathom: $work/bad: there are logits, but the model has a reward head" "logits of a reward model" \
  "$FATHOM" verify "$fixtures/llama-reward" --golden "$work/bad"
golden '{"ids":{"dtype":"F32","shape":[21],"data_offsets":[0,84]},"offsets":{"dtype":"F32","shape":[2],"data_offsets":[84,92]}}' \
  "$(values 21 "$one")$zero\0\0\250\101"
fails 3 "^fathom: $work/bad: sequence 0 has 21 tokens, the model learned 20 positions" "a sequence beyond the learned positions" \
  "$FATHOM" verify "$fixtures/families/gpt2" --golden "$work/bad"
golden "{$ids,$offsets,\"rows\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]},\"hook_embed\":{\"dtype\":\"F32\",\"shape\":[2,24],\"data_offsets\":[20,212]}}" \
  "$one$two$zero$two$one$(values 48 "$zero")"
refused "array hook_embed has shape \\[2, 24\\], expected \\[1, 24\\]" "more rows than the golden says"
golden "{$ids,$offsets,\"hook_embed.columns\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[16,20]}}" "$one$two$zero$two$one"
refused "array hook_embed.columns is no site of this model" "columns of an array that is missing"
head -c 20000 "$golden" >"$work/bad"
refused "tensor .*, expected within the file's" "a truncated golden"
fails 3 "^fathom: $SRCDIR/README.md: " "no safetensors file" "$FATHOM" verify "$model" --golden "$SRCDIR/README.md"
fails 4 "^fathom: $work/none: cannot open" "a golden that is not there" "$FATHOM" verify "$model" --golden "$work/none"
fails 4 "^fathom: $work/none: cannot open" "a model that is not there" "$FATHOM" verify "$work/none" --golden "$golden"
fails 2 "^fathom: verify: --golden F.safetensors is needed" "no golden" "$FATHOM" verify "$model"
fails 2 "^fathom: verify: usage:" "no model" "$FATHOM" verify --golden "$golden"
fails 4 "^fathom: standard output: " "a full disk" sh -c '"$0" verify "$1" --golden "$2" >/dev/full' "$FATHOM" "$model" "$golden"
tap_end
