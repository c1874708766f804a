#!/bin/sh
# Chat templates at the command line: which one is used, what a conversation becomes, dates, and what is refused.
. "$SRCDIR/tests/tap.sh"
reward=$SRCDIR/tests/fixtures/llama-reward
cd "$work" || exit 99
unset SOURCE_DATE_EPOCH
talk='{"id": "a", "messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]}'
# rows TEXT OPTIONS...: the row of fathom score for one line of prompts.
rows() {
  printf '%s\n' "$1" >rows.jsonl
  shift
  "$FATHOM" score "$reward" --prompts rows.jsonl -q "$@" | grep -v -e '^#' -e '^id'
}
value() { "$FATHOM" info "$1" | awk -F'\t' -v name="$2" '$2 == name { print $3 }'; }

chatml='<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello<|im_end|>\n'
plain=$(rows "{\"id\": \"a\", \"text\": \"$chatml\"}")
is "$(rows "$talk")" "$plain" "the model's own template, and no second begin of text"
is "$(rows "$talk" --chat-template chatml)" "$plain" "one of our formats"
printf '{%% for m in messages %%}\n{{ m.role }}: {{ m.content }}\n{%% endfor %%}\n' >own.jinja
is "$(rows "$talk" --chat-template own.jinja)" "$(rows '{"id": "a", "text": "user: Hi\nassistant: Hello\n"}')" "a file"
is "$(rows "$talk" --chat-template none)" "$(rows '{"id": "a", "text": "Hi\nHello"}')" "none"
parts='{"id": "a", "messages": [{"role": "user", "content": [{"type": "text", "text": "H"}, {"type": "text", "text": "i"}]},
  {"role": "assistant", "content": [{"type": "text", "text": "Hello"}]}]}'
is "$(rows "$(echo "$parts" | tr -d '\n')")" "$plain" "contents in parts"

cp -r "$reward" other && chmod -R u+w other
sed 's/"chat_template": "[^"]*"/"other": 1/' "$reward/tokenizer_config.json" >other/tokenizer_config.json
is "$("$FATHOM" info other | awk -F'\t' '$2 == "chat_template" { print $3 }')" no "a model without a template"
printf '%s\n' "$talk" >prompts.jsonl
fails 3 'prompts.jsonl: line 1: the model has no chat template: choose another with --chat-template' "needs one for messages" \
  "$FATHOM" score other --prompts prompts.jsonl
printf '{"chat_template": "{%% for m in messages %%}{{ m.content }}{%% endfor %%}"}' >other/chat_template.json
is "$(value other chat_template) $("$FATHOM" score other --prompts prompts.jsonl -q | tail -n 1 | cut -f 3)" \
  "yes $(rows '{"id": "a", "text": "HiHello"}' | cut -f 3)" "a template in chat_template.json"
cp own.jinja other/chat_template.jinja
is "$("$FATHOM" score other --prompts prompts.jsonl -q | tail -n 1)" "$(rows "$talk" --chat-template own.jinja)" \
  "one in chat_template.jinja comes first"

# shellcheck disable=SC2016
printf '{{ strftime_now("%%d %%b %%Y") }}\n{%% for m in messages %%}{{ m.content }}{%% endfor %%}' >dated.jinja
fails 3 'prompts.jsonl: line 1: dated.jinja: line 1: the template writes the date: give --chat-date' "a date is not made up" \
  "$FATHOM" score "$reward" --prompts prompts.jsonl --chat-template dated.jinja
is "$(rows "$talk" --chat-template dated.jinja --chat-date 2024-07-06)" "$(rows '{"id": "a", "text": "06 Jul 2024\nHiHello"}')" \
  "the date that is given"
is "$(SOURCE_DATE_EPOCH=86400 rows "$talk" --chat-template dated.jinja)" "$(rows '{"id": "a", "text": "02 Jan 1970\nHiHello"}')" \
  "the date of SOURCE_DATE_EPOCH"
for day in 2024-07-06 2024-07-07; do
  "$FATHOM" record "$reward" --prompts prompts.jsonl --chat-template dated.jinja --chat-date $day -o $day.h5 -q >/dev/null
done
is "$(value 2024-07-06.h5 chat_date) $(value 2024-07-07.h5 chat_date)" "2024-07-06 2024-07-07" "the store knows the date"
[ "$(value 2024-07-06.h5 chat_template_sha256)" != "$(value 2024-07-07.h5 chat_template_sha256)" ]
ok $? "and its digest of the template does"
fails 2 "^fathom: --chat-date 7.7.24: expected YYYY-MM-DD$" "a bad date" "$FATHOM" score "$reward" --prompts prompts.jsonl --chat-date 7.7.24

fails 2 '^fathom: --chat-template nope: expected auto, none, a file, or one of chatml, gemma, ' "a name that is not there" \
  "$FATHOM" score "$reward" --prompts prompts.jsonl --chat-template nope
printf 'x\n{%% include "y" %%}' >bad.jinja
fails 3 '^fathom: bad.jinja: line 2: the tag "include" is not known here$' "a file that is not understood" \
  "$FATHOM" score "$reward" --prompts prompts.jsonl --chat-template bad.jinja
printf '{%% macro f() %%}{{ f() }}{%% endmacro %%}{{ f() }}' >deep.jinja
fails 3 'deep.jinja: line 1: the template is nested too deep, or calls itself without end$' "a template that recurses" \
  "$FATHOM" score "$reward" --prompts prompts.jsonl --chat-template deep.jinja
printf '{%% for a in range(9999) %%}{%% for b in range(99999) %%}{%% endfor %%}{%% endfor %%}' >long.jinja
fails 3 'long.jinja: line 1: the template takes too much memory$' "a template that loops" \
  "$FATHOM" score "$reward" --prompts prompts.jsonl --chat-template long.jinja
head -c 1100000 /dev/zero | tr '\0' a >large.jinja
fails 3 'large.jinja: ' "a template that is too large" "$FATHOM" score "$reward" --prompts prompts.jsonl --chat-template large.jinja
tap_end
