#!/bin/sh
# fathom import: arrays of numpy and safetensors become stores that the other commands accept; the minimum store of the
# manual, written by h5py, is what import writes; refusals, and nothing left behind.
. "$SRCDIR/tests/tap.sh"
arrays=$SRCDIR/tests/fixtures/import
cd "$work" || exit 99

# same A B WHAT: the same samples and rows, and at every site the same numbers to the last bit.
same() {
  "$FATHOM" drift "$1" "$2" --measures relative_l2 --bootstrap 0 --keep-first 2>note | grep -v '^#' | cut -f 4 | sort -u >values
  is "$(cat note)$(tr '\n' ' ' <values)" "0 value " "$3"
}
# row TABLE: its one row. size FILE: bytes.
row() { grep -v '^#' "$1" | sed 1d | tr '\t' ' '; }
size() { wc -c <"$1" | tr -d ' '; }

# The minimum store: h5py's, and import's of the same arrays.
"$FATHOM" info "$arrays/minimum.h5" >info.tsv
is "$(grep -E '	(complete|samples|rows|blocks.0.hook_resid_post)	' info.tsv | cut -f 2,3 | tr '\t\n' '  ')" \
  "complete yes samples 8 rows 8 blocks.0.hook_resid_post 6 " "info accepts the minimum store"
"$FATHOM" import "$arrays/minimum.npz" -o npz.h5 -q >npz.tsv 2>err
is "$? $(cat err)" "0 " "import of .npz"
is "$(row npz.tsv)" "npz.h5 8 1 8 float32 0" "its table"
same "$arrays/minimum.h5" npz.h5 "is the minimum store: same samples, rows and numbers"
"$FATHOM" import "$arrays/minimum.safetensors" --samples /dev/stdin -o tensors.h5 -q >/dev/null <<END
$(for i in 0 1 2 3 4 5 6 7; do echo "{\"id\": \"sample-$i\"}"; done)
END
same "$arrays/minimum.h5" tensors.h5 "so is that of safetensors, with ids from --samples"
printf '%s\n' '{"id":"sample-0","n_tokens":12}' '{"id":"sample-1","n_tokens":7}' '{"id":"sample-2","n_tokens":9}' \
  '{"id":"sample-3","n_tokens":30}' '{"id":"sample-4","n_tokens":14}' '{"id":"sample-5","n_tokens":8}' \
  '{"id":"sample-6","n_tokens":21}' '{"id":"sample-7","n_tokens":17}' >samples.jsonl
"$FATHOM" import "$arrays/hidden.npy" --site resid_post.0 --samples samples.jsonl -o npy.h5 -q >/dev/null
same "$arrays/minimum.h5" npy.h5 "and that of a .npy of float64 in Fortran order: one row a sample, of its last token"
"$FATHOM" info npy.h5 >npy.info
is "$(grep -E '	(model|token_rule)	' npy.info | cut -f 2,3 | tr '\t\n' '  ')" "model $arrays/hidden.npy token_rule last " "what the store says of it"
for version in 1 2 3; do
  "$FATHOM" import "$arrays/version$version.npy" --site x -o version$version.h5 -q >/dev/null
done
same version1.h5 version2.h5 "version 2 of .npy"
same version1.h5 version3.h5 "version 3 of .npy"
"$FATHOM" import "$arrays/hidden.npy" --site x -o last.h5 -q >/dev/null && "$FATHOM" drift last.h5 last.h5 --bootstrap 0 | grep -q '^# 8 rows of 8 samples$'
ok $? "a .npy alone: rows that are never left out as position 0"
"$FATHOM" import "$arrays/hidden.npy" --site x --tokens mean --model ours -o mean.h5 -q >/dev/null
is "$("$FATHOM" info mean.h5 | grep -E '	(model|token_rule)	' | cut -f 3 | tr '\n' ' ')" "ours mean " "--tokens and --model are kept"

# An axis: fit on an imported store, and both minimum stores along it.
"$FATHOM" import "$arrays/words.npz" -o words.h5 -q >words.tsv
is "$(row words.tsv)" "words.h5 24 1 24 float16 0" "arrays of 16 bits stay so"
"$FATHOM" axis words.h5 -o axis.h5 --permutations 0 -q >axis.tsv && "$FATHOM" axis axis.h5 "$arrays/minimum.h5" -q >project.tsv
ok $? "axis fits an imported store and projects the minimum one"
"$FATHOM" axis axis.h5 npz.h5 -q >project2.tsv
is "$(grep -v '^#' project.tsv | cut -f 4- | grep -c .) $(grep -v '^#' project2.tsv | cut -f 4- | cksum)" \
  "2 $(grep -v '^#' project.tsv | cut -f 4- | cksum)" "and import's alike"

# NaN.
"$FATHOM" import "$arrays/nonfinite.npz" -o nan.h5 -q >nan.tsv 2>nan.err
is "$? $(row nan.tsv)" "0 nan.h5 8 1 8 float32 2" "NaN and infinity are kept and counted"
is "$(cat nan.err)" "fathom: warning: 2 values of 1 sites are NaN or infinite, the first in blocks.0.hook_resid_post, sample sample-3 (row 3): kept, and refused by drift without --skip-nonfinite" \
  "with a warning that names the first"
fails 3 'nan\.h5: blocks\.0\.hook_resid_post: sample sample-3 \(row 3\) holds a NaN' "drift refuses them" "$FATHOM" drift npz.h5 nan.h5
header() { printf '\223NUMPY\001\000\166\000%-117s\n' "{'descr': '$1', 'fortran_order': False, 'shape': $2, }"; }
{ header '<f4' '(2, 1)' && printf '\000\270\210\107\000\340\177\107'; } >large.npy # 70000 and 65504
{ header '>f8' '(2, 1)' && printf '\177\340\000\000\000\000\000\000\000\000\000\000\000\000\000\000'; } >double.npy # 2^1023 and 0
"$FATHOM" import large.npy --site x -o large.h5 -q >large.tsv && "$FATHOM" import large.npy --site x --store-dtype float16 -o half.h5 -q >half.tsv 2>/dev/null &&
  "$FATHOM" import double.npy --site x -o double.h5 -q >double.tsv 2>/dev/null
is "$(row large.tsv), $(row half.tsv), $(row double.tsv)" \
  "large.h5 2 1 2 float32 0, half.h5 2 1 2 float16 1, double.h5 2 1 2 float32 1" "so are numbers too large for the store's type"

# Sites and types.
"$FATHOM" import "$arrays/types.npz" --sites '<f4_C,>f8_F,V2_C' -o types.h5 2>note >types.tsv
is "$? $(row types.tsv)" "0 types.h5 11 3 11 float32 0" "--sites takes some of the arrays"
grep -q 'types\.npz: elements of 2 bytes without a type (.V2) are read as bfloat16' note
ok $? "elements without a type are said to be bfloat16"
"$FATHOM" import "$arrays/types.npz" --sites V2_F -o bf16.h5 -q >bf16.tsv
is "$(row bf16.tsv)" "bf16.h5 11 1 11 bfloat16 0" "and stay so"
"$FATHOM" import "$arrays/types.npz" --sites V2_F --store-dtype float32 -o wide.h5 -q >/dev/null && same wide.h5 bf16.h5 "--store-dtype"
fails 3 'types\.npz: i1 is of type .i1, expected floats of 16, 32 or 64 bits \(--sites leaves arrays out\)' "integers are no activations" \
  "$FATHOM" import "$arrays/types.npz" -o x.h5 --sites i1
fails 3 'types\.npz: bool is of type .b1, expected floats' "nor are Booleans" "$FATHOM" import "$arrays/types.npz" -o x.h5 --sites bool
fails 2 '--sites: .*types\.npz has no site mlp_out' "a site that is not there" "$FATHOM" import "$arrays/types.npz" -o x.h5 --sites mlp_out
fails 3 '--site: "resid_post" is in every block: expected a block.s, such as resid_post.3' "a site without its block" \
  "$FATHOM" import "$arrays/hidden.npy" --site resid_post -o x.h5
fails 3 '"a/b" cannot be a site' "a site with a slash" "$FATHOM" import "$arrays/hidden.npy" --site a/b -o x.h5
fails 2 'hidden\.npy: --site NAME is needed' "a .npy without a name" "$FATHOM" import "$arrays/hidden.npy" -o x.h5
fails 2 '--site names the array of a \.npy' "a name for a .npz" "$FATHOM" import "$arrays/minimum.npz" --site x -o x.h5
fails 2 '-o A\.h5 is needed' "no output" "$FATHOM" import "$arrays/minimum.npz"
cp "$arrays/minimum.npz" same.npz
fails 2 '-o \./same\.npz is the file that is read' "the output is the input" "$FATHOM" import same.npz -o ./same.npz
cmp -s same.npz "$arrays/minimum.npz"
ok $? "which stays as it was"

# Samples.
head -n 7 samples.jsonl >seven.jsonl
fails 3 'hidden\.npy: 8 rows of 7 samples: an array sample is needed' "samples that are not the rows" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples seven.jsonl -o x.h5
fails 3 'minimum\.npz: array id: --samples says this too' "ids twice" "$FATHOM" import "$arrays/minimum.npz" --samples samples.jsonl -o x.h5
sed '3s/"n_tokens"/"n"/' samples.jsonl >uneven.jsonl
fails 3 'uneven\.jsonl: line 3: "n_tokens" is missing, unlike in the rows before' "lengths of some samples only" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples uneven.jsonl -o x.h5
sed 's/sample-5/sample-1/' samples.jsonl >twice.jsonl
fails 3 'twice\.jsonl: line 6: the id "sample-1" was there before' "an id twice" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples twice.jsonl -o x.h5
printf '{"ids":[1,2],"n_tokens":3}\n' >count.jsonl
fails 3 'count\.jsonl: line 1: "n_tokens" is 3, but "ids" are 2' "ids of another number" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples count.jsonl -o x.h5
printf '{"ids":[1,-2]}\n' >negative.jsonl
fails 3 'negative\.jsonl: line 1: "ids" holds -2 at place 1' "a negative token id" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples negative.jsonl -o x.h5
: >none.jsonl
fails 3 'none\.jsonl: no samples' "no samples" "$FATHOM" import "$arrays/hidden.npy" --site x --samples none.jsonl -o x.h5
printf '{"ids":[5,6,7],"group":"p","label":"chosen"}\n{"ids":[5,6,8,9,4],"group":"p","label":"rejected"}\n' >pair.jsonl
"$FATHOM" import "$arrays/hidden.npy" --site x --samples pair.jsonl -o all.h5 -q >all.tsv
is "$(row all.tsv) $("$FATHOM" info all.h5 | awk -F '\t' '$2 == "token_rule" { print $3 }')" "all.h5 2 1 8 float32 0 all" \
  "lengths that add up to the rows: all tokens of each sample"
"$FATHOM" drift all.h5 all.h5 --measures cosine | grep -q '^# 6 rows of 1 samples; position 0'
ok $? "whose pairs are one observation, and whose position 0 is left out"
fails 3 '--tokens last is one row a sample, but rows 0 and 1 are of sample 0' "a rule that the rows break" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples pair.jsonl --tokens last -o x.h5
fails 3 '--tokens response: an array token_index is needed' "a rule that does not say which tokens" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples pair.jsonl --tokens response -o x.h5
fails 3 'sample 0 has 1 rows and 12 tokens: an array token_index is needed' "one row a sample that is said to be all" \
  "$FATHOM" import "$arrays/hidden.npy" --site x --samples samples.jsonl --tokens all -o x.h5
sed '3s/"n_tokens":9/"n_tokens":8/' samples.jsonl >short.jsonl
LC_ALL=C sed 's/n_tokens/n_tokenz/' "$arrays/minimum.safetensors" >other.safetensors
fails 3 'other\.safetensors: row 2 is of token 8, but sample sample-2 has 8 tokens' "a token behind its sample's last" \
  "$FATHOM" import other.safetensors --sites resid_post --samples short.jsonl -o x.h5
# tensors KEY TYPE BYTES [KEY TYPE BYTES]: t.safetensors with four rows of zeros and arrays of one-byte elements; BYTES in octal.
tensors() {
  text='{"x":{"dtype":"F32","shape":[4,1],"data_offsets":[0,16]}' at=16 data=
  while [ $# -gt 0 ]; do
    n=$(printf "$3" | wc -c)
    text="$text,\"$1\":{\"dtype\":\"$2\",\"shape\":[$((n))],\"data_offsets\":[$at,$((at + n))]}" at=$((at + n)) data=$data$3
    shift 3
  done
  text="$text}"
  { printf "\\$(printf %03o ${#text})\\000\\000\\000\\000\\000\\000\\000%s" "$text" && head -c 16 /dev/zero && printf "$data"; } >t.safetensors
}
rows_refused() { fails 3 "t\.safetensors: $1" "$2" "$FATHOM" import t.safetensors -o x.h5; }
tensors sample U8 '\000\000\001\001' token_index I8 '\003\004\000\002'
"$FATHOM" import t.safetensors -o rows.h5 -q >rows.tsv
is "$(row rows.tsv) $("$FATHOM" info rows.h5 | awk -F '\t' '$2 == "token_rule" { print $3 }')" "rows.h5 2 1 4 float32 0 " \
  "rows placed by arrays, with no rule of their own"
tensors sample U8 '\000\001\000\001'
rows_refused 'array sample: row 2: the rows of sample 0 are not next to each other' "rows of a sample that lie apart"
tensors sample U8 '\000\000\011\011'
rows_refused 'array sample goes up to 9, expected samples counted from 0 with a row each' "samples without rows"
tensors sample U8 '\000\000\001'
rows_refused 'array sample has 3 entries, but there are 4 rows' "too few entries"
tensors sample U8 '\000\000\001\002' n_tokens U8 '\005\006'
rows_refused 'array sample goes up to 2, but n_tokens has 2 samples' "more samples than are described"
tensors id U8 '\007\001\002\007'
rows_refused 'array id: entries 0 and 3 are both "7", expected each once' "an id twice"
tensors id U8 '\000\001\002\003' n_tokens U8 '\005\006'
rows_refused 'n_tokens has 2 samples, but id has 4' "samples described twice, not alike"
tensors sample I8 '\000\000\377\001'
rows_refused 'array sample: entry 2 is -1, expected 0 to 4294967294' "a negative sample"
tensors token_ids U8 '\001\002\003\004'
rows_refused 'array token_ids: n_tokens is missing' "token ids of nobody"
tensors token_ids U8 '\001\002\003' n_tokens U8 '\001\001\001\001'
rows_refused 'array token_ids has 3 entries, but n_tokens adds up to 4' "too few token ids"
tensors sample BOOL '\000\000\001\001'
rows_refused 'array sample is of type BOOL, expected integers' "an array of another type"

# Files that are not what they should be; tests/test_arrays has their headers in all ways.
fails 3 'samples\.jsonl: expected a \.npy or \.npz of numpy, or a \.safetensors' "another kind of file" "$FATHOM" import samples.jsonl -o x.h5
fails 4 'no\.npz: cannot open' "no file" "$FATHOM" import no.npz -o x.h5
fails 4 'no/such/x\.h5' "no folder for the output" "$FATHOM" import "$arrays/minimum.npz" -o no/such/x.h5 -q
fails 4 '/dev/full: is not a regular file' "a device for the output" "$FATHOM" import "$arrays/minimum.npz" -o /dev/full -q
wrong=
for file in hidden.npy minimum.npz minimum.safetensors nonfinite.npz; do
  for part in 3 20 90 200 400 $(($(size "$arrays/$file") - 1)); do
    [ "$part" -lt "$(size "$arrays/$file")" ] || continue
    head -c "$part" "$arrays/$file" >"cut-$file"
    "$FATHOM" import "cut-$file" $([ $file = hidden.npy ] && echo --site x) -o x.h5 >/dev/null 2>err
    [ "$? $(wc -l <err)" = "3 1" ] && grep -q "^fathom: cut-$file: " err || wrong="$wrong $file:$part"
  done
done
is "$wrong" "" "truncated files: one line and exit 3"
printf '\001' | cat "$arrays/hidden.npy" - >long.npy
fails 3 'long\.npy: its shape needs 384 bytes, but 385 follow the header' "bytes behind the array" "$FATHOM" import long.npy --site x -o x.h5
at=$(grep -abo resid_post_0.npy "$arrays/nonfinite.npz" | head -n 1 | cut -d : -f 1)
cp "$arrays/nonfinite.npz" damaged.npz && chmod u+w damaged.npz
printf '\125' | dd of=damaged.npz bs=1 seek=$((at + 150)) conv=notrunc 2>/dev/null
fails 3 'damaged\.npz: array resid_post_0: ' "a damaged byte of deflated data" "$FATHOM" import damaged.npz -o x.h5 -q
at=$(grep -abo resid_post_0.npy "$arrays/minimum.npz" | head -n 1 | cut -d : -f 1)
cp "$arrays/minimum.npz" damaged.npz
printf '\125' | dd of=damaged.npz bs=1 seek=$((at + 180)) conv=notrunc 2>/dev/null
fails 3 'damaged\.npz: array resid_post_0: the checksum of its bytes is' "a damaged byte of stored data" "$FATHOM" import damaged.npz -o x.h5 -q
mkdir full
if mount -t tmpfs -o size=8k tmpfs full 2>/dev/null; then
  fails 4 'full/x\.h5.*No space left' "a disk that is full at once" "$FATHOM" import "$arrays/minimum.npz" -o full/x.h5 -q
  is "$(find full -type f)" "" "of which nothing is left"
  umount full
  { header '<f4' '(40000, 50)' && head -c 8000000 /dev/zero; } >zeros.npy
  mount -t tmpfs -o size=3m tmpfs full
  fails 4 '^fathom: full/x\.h5\.part: (x: )?cannot write: No space left on device$' "a disk that fills" \
    "$FATHOM" import zeros.npy --site x -o full/x.h5 -q
  is "$(find full -type f)" "" "of which nothing is left"
  umount full
else
  skip "no right to mount a small file system"
fi
is "$(ls x.h5* 2>/dev/null)" "" "no refused import left a file"
tap_end
