#!/bin/sh
# The README keeps up with the tree: the commands it lists are those of fathom --help, it knows every folder, and the files
# and make targets it names exist.
. "$SRCDIR/tests/tap.sh"
readme=$SRCDIR/README.md

# section TITLE: the lines of a README section.
section() { awk -v title="## $1" '/^## / { inside = $0 == title } inside' "$readme"; }

is "$(section 'Using it' | sed -n 's/^| `\([a-z]\{2,\}\).*/\1/p' | sort)" \
  "$("$FATHOM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p' | sort)" "the table of commands is that of --help"
for code in 0 1 2 3 4 5; do
  section 'Using it' | grep -q "^| $code | " || echo "exit code $code is missing"
done >"$work/codes"
is "$(cat "$work/codes")" "" "every exit code is explained"

(cd "$SRCDIR" && find src plots probes bench tests notebooks -maxdepth 1 -type d 2>/dev/null |
  grep -vxE 'src|.*/\.[a-z]*|.*/__pycache__' | sort) |
  while read -r folder; do
    section 'Where things are' | grep -qF "| \`$folder/\` |" ||
      [ "$(section 'Where things are' | grep -cF "| \`${folder%/*}/\` |")" -gt 0 ] || echo "$folder/ is missing"
  done >"$work/folders"
is "$(cat "$work/folders")" "" "every folder has its line"

# Relative links, and paths in code that start with a folder of the tree; folders are looked at above.
{
  sed -n 's/.*](\([A-Za-z][^):]*\)).*/\1/p' "$readme"
  grep -oE '`(\.ci|bench|notebooks|plots|probes|src|tests)/[A-Za-z0-9_./-]+' "$readme" | tr -d '`' | grep -v -e '^\.ci/' -e '/$'
} | sort -u | while read -r path; do
  [ -e "$SRCDIR/$path" ] || [ -e "$SRCDIR/$path.c" ] || echo "$path does not exist"
done >"$work/paths"
is "$(cat "$work/paths")" "" "every file it names exists"

grep -oE '(`|&& )make [a-z]+(-[a-z]+)*' "$readme" | sed 's/.*make //' | sort -u | while read -r target; do
  grep -qE "^(install|check|distcheck|all|$(sed -n 's/^\.PHONY: //p' "$SRCDIR/Makefile.am" | tr ' \n' '||'))\$" <<END ||
$target
END
    echo "make $target does not exist"
done >"$work/targets"
is "$(cat "$work/targets")" "" "every make target it names exists"
tap_end
