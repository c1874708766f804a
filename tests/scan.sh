#!/bin/sh
# fathom scan: the rewards are those of fathom score on the same texts and ids, the table and the result hold them, an
# interrupted scan goes on, and what cannot be scanned is refused.
. "$SRCDIR/tests/tap.sh"
reward=$SRCDIR/tests/fixtures/llama-reward
base=$SRCDIR/tests/fixtures/llama-base.gguf
questions=$SRCDIR/probes/prompts/superlatives.jsonl
cd "$work" || exit 99
export OMP_NUM_THREADS=1 # the model is too small to share out
scan() { "$FATHOM" scan "$reward" "$@"; }

# near FILE FILE: numbers line by line, within rounding.
near() {
  [ "$(wc -l <"$1")" -eq "$(wc -l <"$2")" ] && [ -s "$1" ] && paste "$1" "$2" | awk '
    function abs(x) { return x < 0 ? -x : x }
    !($1 + 0 == $1 && abs($1 - $2) <= 1e-6 + 1e-5 * abs($2)) { bad = 1; print "# line " NR ": " $1 ", expected " $2 }
    END { exit bad }'
}

# Words of one and of several tokens, one with a blank, one that is two words of the lexicon.
printf '%s\t%s\t%s\n' word category pos leader agency noun 'hard working' agency adjective support communion noun \
  support communion verb it communion noun 'Th*' agency noun 'hel*' agency noun >words.tsv
printf '%s\n' '{"id": "a", "text": "What is best?"}' \
  '{"id": "b, \"quoted\"", "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "And worst?"}]}' >prompts.jsonl
scan --prompts prompts.jsonl --lexicon words.tsv -o words.h5 --csv words.csv >table 2>note
ok $? "the words of a lexicon are scanned"
is "$(cut -d, -f1 words.csv | tr '\n' ' ')" "response leader hard working support it Th The That There " \
  "each word once, and the vocabulary's words of an entry with a star, spelt as the entry; a piece without a blank (hel) is none"
is "$(head -n 1 words.csv)" 'response,a,"b, ""quoted"""' "prompts are columns, quoted where they must be"
n_single=$(for word in leader 'hard working' support it Th The That There; do
  printf %s "$word" | "$FATHOM" tokenize "$reward" --no-special
done | grep -vc ' ')
grep -q "words.tsv: 8 words (4 of them the vocabulary.s words of entries with \"\*\"), $n_single of one token; 0 left out" note && [ "$n_single" = 1 ]
ok $? "words are counted, and those of one token"
# Of "a piece behind a blank" the vocabulary has " mo"; as " Th" it is " th" in another case.
mkdir cased && cp "$reward"/* cased && chmod u+w cased/* && sed 's/"Ġmo":/"ĠTh":/; s/,\["Ġm","o"\]//' "$reward/tokenizer.json" >cased/tokenizer.json
printf '%s\tagency\n' word 'th*' 'ho*' | sed '1s/agency/category/' >starred.tsv
"$FATHOM" scan cased --prompts prompts.jsonl --lexicon starred.tsv --csv cased.csv >/dev/null 2>&1
is "$(grep -c ĠTh cased/tokenizer.json) $(cut -d, -f1 cased.csv | tr '\n' ' ')" "1 response th the ho that there " "case makes no other words"
for word in leader 'hard working' support it Th The That There; do
  printf '{"messages": [{"role": "user", "content": "What is best?"}, {"role": "assistant", "content": "%s"}]}\n' "$word"
done >a.jsonl
for word in leader 'hard working' support it Th The That There; do
  printf '{"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "And worst?"}, {"role": "assistant", "content": "%s"}]}\n' "$word"
done >b.jsonl
for side in a b; do
  "$FATHOM" score "$reward" --prompts $side.jsonl -q | awk -F'\t' '/^[0-9]/ { print $4 }' >$side.expected
done
sed 1d words.csv | cut -d, -f2 >a.found
sed 1d words.csv | cut -d, -f3 >b.found
near a.found a.expected && near b.found b.expected
ok $? "rewards of words are those of score"
is "$(awk -F'\t' '$1 == "a" { print $2, $3 }' table)" "$("$FATHOM" score "$reward" --prompts a.jsonl -q | awk -F'\t' '/^[0-9]/ && $3 > n { n = $3 } END { print n }') 8" \
  "the table says how long texts are"
is "$("$FATHOM" info words.h5 | awk -F'\t' '$2 == "kind" || $2 == "rewards" || $2 == "answers/text" { printf "%s ", $3 }')" \
  "scan text [8] number [2, 8] " "the result says what it is"

# Tokens by their ids.
scan --prompts prompts.jsonl --csv tokens.csv -q >/dev/null
ok $? "the tokens of a vocabulary are scanned"
is "$(head -n 2 tokens.csv | cut -d, -f1-4 | tr '\n' ' ')" "token_id,token_name,token_decoded,a $(sed -n 2p tokens.csv | cut -d, -f1-4) " "its columns"
is "$(grep -c '^[0-9]*,' tokens.csv) $(grep -c '^4,"""","""",' tokens.csv) $(cut -d, -f1 tokens.csv | tail -n 1)" "300 1 299" "a row a token"
printf '<|im_start|>user\nWhat is best?<|im_end|>\n<|im_start|>assistant\n' | "$FATHOM" tokenize "$reward" | tr ' ' ',' >head
printf '<|im_end|>\n' | "$FATHOM" tokenize "$reward" | tr ' ' ',' >tail
for id in 0 2 4 77 120 200 290 299; do echo "{\"ids\": [$(cat head),$id,$(cat tail)]}"; done >ids.jsonl
"$FATHOM" score "$reward" --prompts ids.jsonl -q | awk -F'\t' '/^[0-9]/ { print $4 }' >ids.expected
for id in 0 2 4 77 120 200 290 299; do sed -n "s/^$id,.*,\([^,]*\),[^,]*\$/\1/p" tokens.csv; done >ids.found
near ids.found ids.expected
ok $? "rewards of tokens are those of score on the same ids"

# Of some prompts the best or worst answer is a control.
scan --prompts "$questions" --csv controls.csv -q >controls.tsv
is "$(LC_ALL=C tr -d '\001-\010\013-\037' <controls.tsv | cmp - controls.tsv 2>&1) $(grep -v '^#' controls.tsv | wc -l | tr -d ' ')" " 55" \
  "no control gets into the table"
awk -F'\t' '/\\x[0-1][0-9a-f]/ && !/^#/ { n++ } END { exit n < 1 }' controls.tsv
ok $? "but what stands for it"

# Plain text: nothing stands behind the answer.
scan --text 'It is' --lexicon words.tsv --chat-template none --csv plain.csv -q >/dev/null
printf '{"text": "It is\\n%s"}\n' leader 'hard working' support it Th The That There >plain.jsonl
"$FATHOM" score "$reward" --prompts plain.jsonl -q | awk -F'\t' '/^[0-9]/ { print $4 }' >plain.expected
sed 1d plain.csv | cut -d, -f2 >plain.found
near plain.found plain.expected
ok $? "and without a template"

# Batches and threads make no difference beyond rounding.
for run in '--batch-tokens 7' '--batch-tokens 1' '--threads 2' '--widen'; do
  # The options are several words.
  # shellcheck disable=SC2086
  scan --prompts prompts.jsonl $run --csv other.csv -q >/dev/null
  sed 1d other.csv | sed -n 's/.*,\([-0-9.e]*\)$/\1/p' >other.found # a token may end a line
  sed 1d tokens.csv | sed -n 's/.*,\([-0-9.e]*\)$/\1/p' >other.expected
  near other.found other.expected
  ok $? "the same with $run"
done

# bfloat16: every reward is another number, and near that of float32 (8 bits of what is multiplied: a hundredth of a reward's
# size); what is shared and what score runs whole are rounded alike.
if scan --prompts prompts.jsonl --dtype bfloat16 --csv narrow.csv -q >narrow.tsv 2>why; then
  for file in narrow tokens; do sed 1d $file.csv | sed -n 's/.*,\([-0-9.e]*\),\([-0-9.e]*\)$/\1 \2/p' | tr ' ' '\n' >$file.rewards; done
  is "$(paste narrow.rewards tokens.rewards | awk '{ d = $1 - $2; d = d < 0 ? -d : d; n += d > 0 && d < 0.05; sum += d }
    END { print NR, n, (sum / NR < 0.01 ? "near" : "far") }')" "600 600 near" "rewards in bfloat16 are near those in float32"
  grep -q '^# computed in bfloat16' narrow.tsv
  ok $? "and said to be in it"
  "$FATHOM" score "$reward" --prompts ids.jsonl --dtype bfloat16 -q | awk -F'\t' '/^[0-9]/ { print $4 }' >narrow.expected
  for id in 0 2 4 77 120 200 290 299; do sed -n "s/^$id,.*,\([^,]*\),[^,]*\$/\1/p" narrow.csv; done >narrow.found
  [ "$(wc -l <narrow.found)" -eq 8 ] && paste narrow.found narrow.expected | awk '{ d = $1 - $2; if (!(d < 0.005 && d > -0.005)) exit 1 }'
  ok $? "and those of score in bfloat16"
else
  skip "bfloat16: $(cat why)"
fi

# A template that strips blanks: the text of a token is then another answer, or none.
printf '%s' "{% for m in messages %}<|im_start|>{{ m.role }}
{{ m.content | trim }}<|im_end|>
{% endfor %}" >strip.jinja
scan --prompts prompts.jsonl --chat-template strip.jinja --reencoded -o strip.h5 --csv strip.csv >strip.table 2>note
ok $? "a template that strips blanks"
others=$(awk -F, 'NR > 1 && $3 ~ /^ ./ && $3 !~ /^"/ { n++ } END { print n }' strip.csv)
grep -q "encoded as text, $others are other tokens" note
ok $? "$others tokens are others when they are encoded"
grep -Eq 'warning: [1-9][0-9]* tokens are empty answers after the template' note
ok $? "empty answers are counted and warned of"
is "$("$FATHOM" info strip.h5 | awk -F'\t' '$2 ~ /^reencoded/ { printf "%s %s ", $2, $3 }')" \
  "reencoded/answer number [$others] reencoded/rewards number [2, $others] " "their texts have rewards of their own"
grep -Eq "^# the $others tokens whose text is other tokens: its reward differs by [0-9.e-]+ on average" strip.table
ok $? "and the difference is said"

# Prompts that are too long are left out, or all of them.
{
  cat prompts.jsonl
  printf '{"id": "long", "text": "%0300d"}\n' 7
} >long.jsonl
scan --prompts long.jsonl --lexicon words.tsv --csv long.csv >/dev/null 2>note
is "$? $(head -n 1 long.csv)" '0 response,a,"b, ""quoted"""' "a prompt over the context length is left out"
grep -q 'warning: prompts: 3 read, 2 used; left out: 1 of more than 256 tokens' note
ok $? "and counted"
fails 3 'nothing is left of 2 prompts: .* more than 9 tokens' "no prompt is short enough" \
  scan --prompts prompts.jsonl --max-length 9 --csv x.csv -q

# An interrupted scan goes on: cut back to five prompts, as a kill behind the fifth leaves it; then killed in earnest, as soon as
# something is done.
rows_of() { "$FATHOM" info "$1" 2>/dev/null | sed -n 's/^dataset.rewards.number \[\([0-9]*\), 300\].*/\1/p'; }
resumable() { scan --prompts "$questions" -o part.h5 --csv part.csv --batch-tokens 1 "$@"; }
resumable >/dev/null 2>&1 && mv part.csv whole.csv && mv part.h5 part.h5.part
"$(dirname "$FATHOM")/tests/cut_result" part.h5.part rewards 5
is "$? $(rows_of part.h5.part)" "0 5" "a scan cut back to 5 of 54 prompts"
resumable --resume 2>note >/dev/null
is "$? $(grep -c 'part.h5.part: goes on behind 5 prompts' note) $(rows_of part.h5)" "0 1 54" "goes on behind them"
cmp part.csv whole.csv && test ! -e part.h5.part
ok $? "to the same table"
killed=
for _ in 1 2 3 4 5; do
  rm -f part.h5 part.h5.part part.csv
  "$FATHOM" scan "$reward" --prompts "$questions" -o part.h5 --csv part.csv --batch-tokens 1 >/dev/null 2>&1 &
  while kill -0 $! && [ -z "$(rows_of part.h5.part)" ]; do sleep 0.01; done 2>/dev/null
  kill -KILL $! 2>/dev/null
  wait $! 2>/dev/null
  killed=$(rows_of part.h5.part)
  [ -z "$killed" ] || break # else it was faster than we
done
resumable --resume 2>note >/dev/null
is "$? $(grep -c "goes on behind $killed prompts" note)" "0 1" "killed behind ${killed:-no} prompts, it goes on there"
cmp part.csv whole.csv && test ! -e part.h5.part
ok $? "to the same table, too"
resumable --resume 2>note >/dev/null && grep -q 'part.h5: is whole already' note
ok $? "a whole scan is not run again"
cp part.h5 part.h5.part
fails 3 'part.h5.part: is of other arguments' "nor gone on with for other arguments" \
  scan --prompts prompts.jsonl -o part.h5 --csv part.csv -q --resume

# Nor for what only looks the same: the same files with something else in them. $2 is a command that changes them.
other() {
  rm -rf other && mkdir other && cp -r "$reward" other/model && chmod -R u+w other && cat prompts.jsonl >other/prompts.jsonl
  printf 'word\tcategory\nleader\tagency\n' >other/words.tsv
  set -- "$1" "$2" "$FATHOM" scan other/model --prompts other/prompts.jsonl --lexicon other/words.tsv -o other/scan.h5 -q
  (shift 2 && "$@" >/dev/null) && eval "$2" || echo "# nothing was changed by $2"
  what=$1
  shift 2
  fails 3 "other/scan.h5: is of $what, expected the same" "nor with $what" "$@" --resume
}
change() { cp "$2" changed && sed "$1" changed >"$2" && ! cmp -s changed "$2"; }
other 'other settings in config.json' "change 's/\"rms_norm_eps\": *[-0-9.e]*/\"rms_norm_eps\": 0.01/' other/model/config.json"
other 'other weights' "printf x | dd of=other/model/model.safetensors bs=1 seek=22000 conv=notrunc 2>/dev/null"
other 'another tokenizer' "change 's/,\[\"i\",\"t\"\]//' other/model/tokenizer.json"
other 'another chat template' "change 's/{%/ {%/' other/model/tokenizer_config.json"
other 'other words' "change 's/leader/support/' other/words.tsv"
other 'other prompts, groups or tools' "change 's/best/good/' other/prompts.jsonl"
other 'other prompts, groups or tools' "change '1s/}\$/, \"group\": \"x\"}/' other/prompts.jsonl"
other 'other prompts, groups or tools' "change '1s/}\$/, \"tools\": [{\"name\": \"x\"}]}/' other/prompts.jsonl"
other 'other prompts, groups or tools' "change '2s/\"role\": \"user\"/&, \"name\": \"x\"/' other/prompts.jsonl"

# What cannot be scanned.
fails 3 'no reward head' "a model without a reward head" "$FATHOM" scan "$base" --prompts prompts.jsonl --csv x.csv -q
cp -r "$reward" zeros && chmod -R u+w zeros && weights=zeros/model.safetensors
header=$((8 + $(od -An -tu8 -N8 $weights)))
place=$(head -c $header $weights | tail -c +9 | sed -n 's/.*"score.weight":{[^}]*"data_offsets":\[\([0-9]*\),\([0-9]*\)\].*/\1 \2/p')
dd if=/dev/zero of=$weights bs=1 seek=$((header + ${place% *})) count=$((${place#* } - ${place% *})) conv=notrunc 2>/dev/null
fails 3 'zeros: the reward head score holds only zeros: it was never trained' "a head that was never trained" \
  "$FATHOM" scan zeros --prompts prompts.jsonl --csv x.csv -q
fails 2 'scan: -o SCAN.h5 or --csv SCAN.csv is needed' "nowhere to write" scan --prompts prompts.jsonl -q
fails 2 'one of --prompts and --text is needed' "no prompt" scan --csv x.csv -q
fails 2 'lexicon.*reencoded|reencoded.*lexicon' "words have no other encoding" \
  scan --prompts prompts.jsonl --lexicon words.tsv --reencoded --csv x.csv -q
fails 2 'resume needs -o' "nothing to go on with" scan --text a --csv x.csv --resume -q
fails 2 'reencoded needs -o' "nowhere for the rewards of texts" scan --text a --csv x.csv --reencoded -q
printf '%s\tagency\n' word 'qqqq*' 'zzzz*' | sed '1s/agency/category/' >none.tsv
fails 3 'none.tsv: none of its 2 words is in the vocabulary' "a lexicon without a word of the vocabulary" \
  sh -c '"$0" "$@" 2>note; code=$?; grep -v warning: note >&2; exit $code' "$FATHOM" scan "$reward" --prompts prompts.jsonl --lexicon none.tsv --csv x.csv -q
printf '{%% for m in messages %%}{%% if m.role == "user" %%}{{ m.content }}{%% endif %%}{%% endfor %%}' >mute.jinja
fails 3 'prompt "a": mute.jinja: does not write the assistant.s turn once and as it is' "a template without the answer" \
  scan --prompts prompts.jsonl --chat-template mute.jinja --csv x.csv -q
printf '{%% for m in messages %%}{{ m.content | upper }}{%% endfor %%}' >upper.jinja
fails 3 'upper.jinja: does not write the answer "leader" as it is' "a template that changes the answer" \
  scan --prompts prompts.jsonl --chat-template upper.jinja --lexicon words.tsv --csv x.csv -q
bad_prompts() {
  printf '%s\n' '{"text": "fine"}' "$1" >bad.jsonl
  fails 3 "bad.jsonl: line 2: $2" "$3" scan --prompts bad.jsonl --csv x.csv -q
}
bad_prompts '{"ids": [1, 2]}' 'neither "text" nor "messages"' "token ids for a prompt"
bad_prompts '{"text": "a", "messages": []}' 'both "text" and "messages"' "two prompts in a row"
bad_prompts '{"text": ""}' '"text" is empty' "an empty prompt"
bad_prompts '{"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]}' \
  'the last turn is the assistant' "a prompt that is answered already"
bad_prompts '{"id": "1", "text": "a"}' 'the id "1" was there before' "an id twice"
if [ -c /dev/full ]; then
  fails 4 'No space left|cannot write' "a full disk for the result" scan --prompts prompts.jsonl --lexicon words.tsv -o /dev/full -q
  fails 4 'No space left|cannot write' "and for the table" scan --prompts prompts.jsonl --lexicon words.tsv --csv /dev/full -q
else
  skip "no /dev/full"
fi
fails 2 '--csv x.h5: is the file of -o' "one file for both" scan --prompts prompts.jsonl --lexicon words.tsv -o x.h5 --csv x.h5 -q
fails 4 'no/such' "a folder that is not there, found out before the model is" "$FATHOM" scan no-model --prompts prompts.jsonl --csv no/such/x.csv -q
fails 4 'no/such' "for the result, too" scan --prompts prompts.jsonl --lexicon words.tsv -o no/such/x.h5 -q
fails 4 'no/such' "a folder that is not there" scan --prompts prompts.jsonl --lexicon words.tsv --csv no/such/x.csv -q
test ! -e x.csv
ok $? "nothing is left of what was refused"
tap_end
