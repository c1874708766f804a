# TAP for shell tests: sourced. $FATHOM is the program, $SRCDIR the source tree, $work an empty folder that is removed.
set -u
: "${FATHOM:?set FATHOM to the program under test}" "${SRCDIR:?set SRCDIR to the source tree}"
work=$(mktemp -d "${TMPDIR:-/tmp}/fathom-test.XXXXXX") || exit 99
trap 'rm -rf "$work"' EXIT
tap_run=0
tap_failed=0

# ok STATUS WHAT: passes where STATUS is 0.
ok() {
  tap_run=$((tap_run + 1))
  if [ "$1" -eq 0 ]; then
    echo "ok $tap_run - $2"
  else
    tap_failed=$((tap_failed + 1))
    echo "not ok $tap_run - $2"
  fi
}

# is FOUND EXPECTED WHAT
is() {
  if [ "$1" = "$2" ]; then ok 0 "$3"; else
    ok 1 "$3"
    printf '# found:    %s\n# expected: %s\n' "$1" "$2"
  fi
}

# fails CODE PATTERN WHAT COMMAND...: the command exits with CODE and its one line on stderr matches PATTERN (grep -E).
fails() {
  fails_code=$1 fails_pattern=$2 fails_what=$3
  shift 3
  "$@" >"$work/.stdout" 2>"$work/.stderr" </dev/null
  fails_found=$?
  if [ "$fails_found" -eq "$fails_code" ] && [ "$(wc -l <"$work/.stderr")" -eq 1 ] &&
    grep -Eq -e "$fails_pattern" "$work/.stderr"; then
    ok 0 "$fails_what"
  else
    ok 1 "$fails_what"
    echo "# exit $fails_found, expected $fails_code; stderr, expected to match: $fails_pattern"
    sed 's/^/#   /' "$work/.stderr"
  fi
}

skip() {
  tap_run=$((tap_run + 1))
  echo "ok $tap_run # SKIP $1"
}

# The last line of every test.
tap_end() {
  echo "1..$tap_run"
  [ "$tap_failed" -eq 0 ]
}
