#!/bin/sh
# A report in a real browser (Chromium, where there is one; CHROMIUM names it): it is taken as it was written, without a
# complaint, has no scroll bar across at 400 pixels, and prints.
. "$SRCDIR/tests/tap.sh"
: "${GNUPLOT:=gnuplot}" "${CHROMIUM:=chromium}"
for program in "$CHROMIUM" "$GNUPLOT"; do
  command -v "$program" >/dev/null 2>&1 && continue
  skip "no $program here"
  tap_end
  exit
done
export GNUPLOT
tests=$(dirname "$FATHOM")/tests
cd "$work" || exit 99

# browser ARGUMENT...: for half a minute at most.
browser() {
  timeout 30 "$CHROMIUM" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/profile" \
    --enable-logging=stderr --v=0 "$@" 2>"$work/log"
}

"$tests/make_results" . >/dev/null 2>&1
mkdir study && mv plain.h5 anchored.h5 cross.h5 run.h5 sweep.h5 scan.h5 study || exit 99
"$FATHOM" report study -o page.html >/dev/null 2>&1
ok $? "a page"

browser --dump-dom "file://$work/page.html" >dom.html
is "$?" 0 "the browser reads it"
is "$(grep -E 'CONSOLE|Refused' log | head -n 3)" "" "without a complaint"
# count PATTERN FILE: how often it is there.
count() { grep -oE -e "$1" "$2" | wc -l; }
for tag in svg table tr td th details article figure section h2 h3 use path text; do
  is "$(count "<$tag[ >]" dom.html)" "$(count "<$tag[ >/]" page.html)" "as many <$tag> as were written"
done

# A frame of 400 pixels, and a script beside it that unfolds all tables and measures the page: the page itself has none.
cat >narrow.html <<'END'
<!DOCTYPE html><title>?</title><iframe id="f" src="page.html" width="400" height="800"></iframe>
<script>addEventListener("load", () => { const d = document.getElementById("f").contentDocument.documentElement;
d.querySelectorAll("details").forEach((x) => { x.open = true; });
document.title = d.scrollWidth <= d.clientWidth ? "fits" : "wide " + d.scrollWidth; });</script>
END
browser --allow-file-access-from-files --virtual-time-budget=5000 --dump-dom "file://$work/narrow.html" >narrow.dom
is "$(grep -oE '<title>[^<]*' narrow.dom)" "<title>fits" "nothing sticks out at 400 pixels"

for size in 1280,2000 400,2000; do
  browser --window-size=$size --screenshot="$work/page.png" "file://$work/page.html" >/dev/null
  is "$? $(head -c 4 page.png | od -An -tx1) $([ "$(wc -c <page.png)" -gt 30000 ] || echo blank)" "0  89 50 4e 47 " "a picture of $size pixels"
done
browser --print-to-pdf="$work/page.pdf" "file://$work/page.html" >/dev/null
is "$? $(head -c 4 page.pdf) $([ "$(wc -c <page.pdf)" -gt 30000 ] || echo blank)" "0 %PDF " "it prints"
tap_end
