#!/bin/sh
# House rules a program can check: who ends the process, how long files and functions are, the comment on top of every
# file, and architecture names in the table of families only. The rules are proved on a broken tree below.
. "$SRCDIR/tests/tap.sh"

sources() { (cd "$1" && find src probes bench -name '*.[ch]' 2>/dev/null | sort); }

# without_comments FILE: the file, comments blanked and lines kept.
without_comments() {
  awk '{
    line = $0; out = ""
    while (line != "") {
      if (inside) {
        end = index(line, "*/")
        if (!end) break
        line = substr(line, end + 2); inside = 0
      } else {
        start = index(line, "/*")
        if (!start) { out = out line; break }
        out = out substr(line, 1, start - 1); line = substr(line, start + 2); inside = 1
      }
    }
    print out
  }' "$1"
}

# exits ROOT: calls that end the process outside main.c, the handler of exhausted memory and a forked child that could not
# become another program. A library hands its error up.
exits() {
  sources "$1" | grep -Ev '^(src/main\.c|src/base/memory\.c|src/base/process\.c|bench/.*)$' | while read -r file; do
    without_comments "$1/$file" | grep -nE '(^|[^A-Za-z0-9_])(exit|_exit|_Exit|quick_exit|abort)[[:space:]]*\(' | sed "s|^|$file:|"
  done
}

# too_long ROOT: files over 400 lines, functions over 80.
too_long() {
  sources "$1" | while read -r file; do
    awk -v file="$file" '
      /^[A-Za-z].*\)[[:space:]]*\{$/ || /^[[:space:]]+[^;]*\) \{$/ && !open && pending { open = NR }
      { pending = /^[A-Za-z][^;{]*$/ || (pending && !/[;{]/) }
      /^\}/ {
        if (open && NR - open + 1 > 80) print file ":" open ": function of " NR - open + 1 " lines"
        open = 0
      }
      END { if (NR > 400) print file ": " NR " lines" }' "$1/$file"
  done
}

# untitled ROOT: files that do not open with a comment on what they are.
untitled() {
  sources "$1" | while read -r file; do
    head -n 1 "$1/$file" | grep -q '^/\*' || echo "$file"
  done
}

# families ROOT: names of architectures as strings outside the table of families. Tokenizers have names of their own, so
# text/ is not looked at.
families() {
  sources "$1" | grep -E '^(src/(base|num|weights|model|store|train|command)|probes)/' |
    grep -Ev '^src/model/famil(y|ies|y_keys)\.[ch]$' | while read -r file; do
    without_comments "$1/$file" |
      grep -nE '"(llama|mistral|mixtral|qwen|gemma|phi|olmo|gpt2|gpt_?neox|smollm|granite|starcoder)[a-z0-9_]*"|"[A-Za-z0-9]+For(CausalLM|SequenceClassification)"' |
      grep -v '"llama3", ROPE_LLAMA3' | sed "s|^|$file:|" # a scaling of rotary positions has that name, too
  done
}

is "$(exits "$SRCDIR")" "" "only main.c ends the process"
is "$(too_long "$SRCDIR")" "" "no file over 400 lines, no function over 80"
is "$(untitled "$SRCDIR")" "" "every file says first what it is"
is "$(families "$SRCDIR")" "" "architectures are named in the table of families only"

broken=$work/broken
mkdir -p "$broken/src/base" "$broken/src/model" "$broken/probes/drift"
cat >"$broken/src/base/quits.c" <<'END'
/* exit(1) in a comment is harmless,
   and so is abort() here. */
void f(void) { on_exit(0); /* exit(2) */ exit(3); }
END
is "$(exits "$broken")" "src/base/quits.c:3:void f(void) { on_exit(0);  exit(3); }" "a call of exit is found, a comment is not"

{
  echo "/* A long file. */"
  echo "static int long_function(int a,"
  echo "                         int b) {"
  i=0
  while [ $i -lt 79 ]; do echo "  a += b;"; i=$((i + 1)); done
  echo "}"
  echo "int fine(void) {"
  while [ $i -lt 157 ]; do echo "  f();"; i=$((i + 1)); done
  echo "}"
} >"$broken/src/base/functions.c"
{
  echo "/* 401 lines. */"
  i=0
  while [ $i -lt 400 ]; do echo "int x$i;"; i=$((i + 1)); done
} >"$broken/probes/drift/lines.c"
is "$(too_long "$broken")" "$(printf '%s\n' 'probes/drift/lines.c: 401 lines' \
  'src/base/functions.c:3: function of 81 lines')" "a long file and a long function are found"

echo 'int x;' >"$broken/src/model/bare.c"
is "$(untitled "$broken")" "src/model/bare.c" "a file without its comment is found"

printf '/* "llama" */\nif (strcmp(a, "llama") == 0) {\nx = "LlamaForCausalLM";\n' >"$broken/src/model/forward.c"
cp "$broken/src/model/forward.c" "$broken/src/model/family.c"
is "$(families "$broken")" "$(printf '%s\n' 'src/model/forward.c:2:if (strcmp(a, "llama") == 0) {' \
  'src/model/forward.c:3:x = "LlamaForCausalLM";')" "an architecture's name outside the table is found"

# Of X.sh make builds X by a rule of its own, over whatever X is.
shadowed() {
  find "$1" -name '*.sh' ! -path '*/_*' | while IFS= read -r file; do [ ! -f "${file%.sh}" ] || echo "${file##*/}"; done
}
is "$(shadowed "$SRCDIR/tests")" "" "no script is what make would build over another"
touch "$broken/run.sh" "$broken/run"
is "$(shadowed "$broken")" "run.sh" "one that is would be found"
tap_end
