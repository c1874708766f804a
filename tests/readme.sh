#!/bin/sh
# The README and the manual keep up with the tree: the commands they list are those of fathom --help, the README knows every
# folder, and the options, files, headings and make targets that they name exist.
. "$SRCDIR/tests/tap.sh"
readme=$SRCDIR/README.md
manual=$SRCDIR/MANUAL.md

# section TITLE: the lines of a README section.
section() { awk -v title="## $1" '/^## / { inside = $0 == title } inside' "$readme"; }

commands=$("$FATHOM" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z]*\) .*/\1/p')
is "$(section 'Using it' | sed -n 's/^| `\([a-z]\{2,\}\).*/\1/p')" "$commands" "the table of commands is that of --help"
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
  cat "$readme" "$manual" | grep -oE '\]\([A-Za-z][^):]*\)' | sed 's/^](//; s/)$//; s/#.*//'
  cat "$readme" "$manual" | grep -oE '`(\.ci|bench|notebooks|plots|probes|src|tests)/[A-Za-z0-9_./-]+' | tr -d '`' | grep -v -e '^\.ci/' -e '/$'
} | sort -u | while read -r path; do
  [ -e "$SRCDIR/$path" ] || [ -e "$SRCDIR/$path.c" ] || echo "$path does not exist"
done >"$work/paths"
is "$(cat "$work/paths")" "" "every file they name exists"

# Headings: MANUAL.md#some-words is "Some words" there, #some-words in the same file.
anchors() { sed -n 's/^##* //p' "$1" | tr 'A-Z ' 'a-z-' | tr -cd 'a-z0-9\n-'; }
for file in README MANUAL; do
  anchors "$SRCDIR/$file.md" | sed "s/^/$file.md#/"
done >"$work/anchors"
for file in README MANUAL; do
  grep -oE '\]\([A-Za-z.]*#[^)]*\)' "$SRCDIR/$file.md" | sed "s/^](//; s/)\$//; s/^#/$file.md#/"
done | sort -u >"$work/links"
is "$(grep -vxF -f "$work/anchors" "$work/links")" "" "every heading they link to exists"

# Options: those of some command, of a script or benchmark, or of configure.
for command in $commands; do "$FATHOM" "$command" --help; done >"$work/help"
cat "$readme" "$manual" | grep -oE '(^|[^a-z-])--[a-z][a-z0-9-]*[a-z0-9]' | sed 's/^[^-]*//' | sort -u |
  grep -vE '^--(with|without|enable|disable)-' | while read -r option; do
  grep -qE -- "(^|[^a-z0-9-])$option([^a-z0-9-]|\$)" "$work/help" "$SRCDIR"/bench/*.py "$SRCDIR"/tests/*.py ||
    grep -q "{\"${option#--}\"," "$SRCDIR"/bench/*.c || echo "$option is no option"
done >"$work/options"
is "$(cat "$work/options")" "" "every option they name exists"

grep -oE '(`|&& )make [a-z]+(-[a-z]+)*' "$readme" | sed 's/.*make //' | sort -u | while read -r target; do
  grep -qE "^(install|check|distcheck|all|$(sed -n 's/^\.PHONY: //p' "$SRCDIR/Makefile.am" | tr ' \n' '||'))\$" <<END ||
$target
END
    echo "make $target does not exist"
done >"$work/targets"
is "$(cat "$work/targets")" "" "every make target it names exists"
tap_end
