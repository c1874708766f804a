#!/bin/sh
# One page about a folder: what is on it, that it stands alone and is whole, that nothing in a file becomes markup, and what
# becomes of files that are damaged. tests/report_browser.sh looks at it in a browser.
. "$SRCDIR/tests/tap.sh"
tests=$(dirname "$FATHOM")/tests
tab=$(printf '\t')

# --- what cannot be reported on ---

mkdir "$work/empty" "$work/empty/below" "$work/made"
echo text >"$work/empty/notes.txt"
echo text >"$work/empty/.hidden.h5"
fails 2 'report: usage: fathom report' "no folder" "$FATHOM" report
fails 2 'report: usage: fathom report' "two folders" "$FATHOM" report "$work/empty" "$work/made"
fails 4 'nowhere: cannot read this folder: No such file' "a folder that is not there" "$FATHOM" report "$work/nowhere"
fails 4 'notes.txt: cannot read this folder: Not a directory' "a file in place of a folder" "$FATHOM" report "$work/empty/notes.txt"
fails 3 'empty: holds no result and no activation store of fathom$' "an empty folder" "$FATHOM" report "$work/empty"
is "$(ls "$work/empty")" "$(printf 'below\nnotes.txt')" "leaves no page"

# --- stores alone need no figure ---

"$tests/make_store" "$work/made/a.h5" layers=4 samples=12 || exit 99
"$FATHOM" report "$work/made" >"$work/out.tsv" 2>"$work/err"
is "$? $(cat "$work/err")" "0 " "a report on a store"
is "$(grep -v '^#' "$work/out.tsv")" "$(printf 'file\tkind\tshown\tnote\na.h5\tactivations\tyes\t-')" "a line for every file"
page=$work/made/report.html
grep -q '<h2 id="kind-[0-9]*">Recordings</h2>' "$page" && grep -q '<dt>Samples</dt><dd>12</dd>' "$page"
ok $? "the store is on the page, which is report.html in the folder"
if [ -c /dev/full ]; then
  fails 4 '/dev/full: cannot write: No space left' "a page to a full disk" "$FATHOM" report "$work/made" -o /dev/full
  ln -s /dev/full "$page.part" && before=$(cksum <"$page")
  fails 4 'report.html: cannot write: No space left' "a disk that fills" "$FATHOM" report "$work/made"
  is "$(cksum <"$page")" "$before" "leaves the old page as it was"
  rm -f "$page.part"
else
  skip "no /dev/full here"
fi
fails 4 'no/x.html: cannot write here: No such file' "a page in a missing folder" "$FATHOM" report "$work/made" -o "$work/no/x.html"

# --- results, as commands make them ---

: "${GNUPLOT:=gnuplot}"
if ! command -v "$GNUPLOT" >/dev/null 2>&1; then
  skip "no $GNUPLOT here to draw with"
  tap_end
  exit
fi
export GNUPLOT

# one PATTERN WHAT, none PATTERN WHAT: some line of the page matches (grep -E), or none does.
one() {
  grep -Eq -e "$1" "$page"
  ok $? "$2"
}
none() { is "$(grep -Eo -e "$1" "$page" | head -n 3)" "" "$2"; }
# says TEXT...: each stands in the page, as it is.
says() {
  for text in "$@"; do
    grep -qF -e "$text" "$page"
    ok $? "the page says: $text"
  done
}

d=$work/study
mkdir -p "$d/maps"
cd "$work" || exit 99
"$tests/make_store" study/frozen.h5 layers=4 embed=1 && "$tests/make_store" study/one.h5 layers=4 embed=1 noise=0.2 &&
  "$tests/make_store" study/two.h5 layers=4 embed=1 noise=0.4 &&
  "$FATHOM" drift study/frozen.h5 study/one.h5 --bootstrap 100 -o study/drift-one.h5 >/dev/null &&
  "$FATHOM" drift study/frozen.h5 study/two.h5 --bootstrap 100 -o study/drift-two.h5 >"$work/two.tsv" &&
  "$FATHOM" drift study/frozen.h5 study/two.h5 --cross -o study/maps/map.h5 -q >/dev/null
ok $? "drift makes what is reported next"
page=$work/study.html
"$FATHOM" report study -o study.html >"$work/out.tsv" 2>"$work/err"
is "$? $(cat "$work/err")" "0 " "a report on drift"
says '<dt>Frozen</dt><dd>frozen <' '<dt>Model B</dt><dd>tuned <' '5 of 5</strong> sites are most like' '<h1>study</h1>' '3 results and 3 recordings' \
  'fathom plot study/drift-one.h5 study/drift-two.h5 --figure drift -o drift.svg' '<b>Figure 2. All layers against all.</b>' \
  '>95 % over samples, 100 resamples, the same for every site and measure<' '>frozen.h5</a>: 40 samples, '
is "$(grep -c '<svg' "$page")" 2 "two results of one model share a figure"

# On top: the site that the table says is furthest, with its numbers as they are there.
awk -F'\t' '$3 == "relative_l2" && $4 > most { most = $4; line = sprintf("<strong>%s</strong>: relative_l2 %.4g <small>[%.4g, %.4g]", $1, $4, $5, $6) }
  END { print line }' "$work/two.tsv" >"$work/most"
says "$(cat "$work/most")"
awk -F'\t' '$3 == "cka" && (least == "" || $4 < least) { least = $4; line = sprintf("cka is furthest from that of identical models at %s: %.4g", $1, $4) }
  END { print line }' "$work/two.tsv" >"$work/least"
says "$(cat "$work/least")" # of CKA the least is the furthest
is "$(sed -n '/Which layer moved most, by each/,/<\/table>/s/.*<th scope="row">\([a-z_0-9]*\)<.*/\1/p' "$page" | sort -u | tr '\n' ' ')" \
  "cka cosine procrustes relative_l2 " "by every measure once, and not by the floor, from which nothing is far"
says "None of these measures sees that a layer was moved as a whole" "cka_biased is read against cka_floor"

# The commands: what makes a file before what reads it.
sed -n '/<h2 id="commands"/,/<\/pre>/p' "$page" | sed 's/.*<code>//' | grep -oE '^[^ ]* [^ ]*|^.*<code>[^ ]* [^ ]*' >"$work/commands"
is "$(tail -n 1 "$work/commands")" "fathom report" "the last command is the one that made the page"
none '/fathom drift' "the place of the program is not told"

# --- the page stands alone, and is sound ---

none '<script|javascript:|[ "]on[a-z]+=' "no scripts"
none '(src|href)="([a-z]+:)?//|@import|url\([^#]|<link|<iframe|<img' "nothing is loaded"
none '<meta http-equiv="refresh' "and nothing moves on"
one 'Content-Security-Policy" content="default-src .none.' "a browser is told so, too"
grep -oE ' id="[^"]*"' "$page" | sort | uniq -d >"$work/twice"
is "$(cat "$work/twice")" "" "no id is there twice, in figures neither"
{
  grep -oE ' href="#[^"]*"' "$page" | sed 's/.*#//; s/"//'
  grep -oE 'url\(#[^)]*\)' "$page" | sed 's/.*#//; s/)//'
  grep -oE ' aria-labelledby="[^"]*"' "$page" | sed 's/.*="//; s/"//' | tr ' ' '\n'
} | sort -u >"$work/named"
grep -oE ' id="[^"]*"' "$page" | sed 's/ id="//; s/"//' | sort -u >"$work/ids"
is "$(comm -23 "$work/named" "$work/ids")" "" "what is referred to is there"
is "$(head -n 2 "$page" | tr '\n' ' ')" '<!DOCTYPE html> <html lang="en"> ' "it says what it is, and in which language"
is "$(grep -c '<svg[^>]* role="img"' "$page")" "$(grep -c '<svg' "$page")" "figures are images with names for those who do not see them"
none '<(th|td)>[^<]*<(th|td)' "cells are closed"
none '<th( class="n")?>' "headers of tables say of what they are"
none '<title>(Gnuplot|gnuplot_plot)' "gnuplot's own titles are gone"
if command -v xmllint >/dev/null 2>&1; then
  is "$(xmllint --noout "$page" 2>&1 | head -n 3)" "" "the whole page is well-formed, figures included"
else
  skip "no xmllint here to check the page with"
fi
"$FATHOM" report study -o study.html >/dev/null 2>&1
cp "$page" "$work/first.html"
"$FATHOM" report study -o study.html >/dev/null 2>&1 && cmp -s "$page" "$work/first.html"
ok $? "the same files and command give the same bytes"
"$FATHOM" report study -o study.html --json | grep -q '"rows":\[{"file":"drift-one.h5","kind":"drift","shown":"yes","note":null}'
ok $? "--json says what became of the files"

# --- all kinds of results, and what is not one ---

r=$work/results
mkdir -p "$r/sweep/run" "$r/deep"
"$tests/make_results" "$r" >/dev/null 2>&1 || exit 99
rm "$r/long.h5"
mv "$r/sweep.h5" "$r/sweep/sweep.h5" && cp "$r/run.h5" "$r/sweep/run/run.h5" && echo '{}' >"$r/sweep/sweep.json"
mkdir -p "$r/other/run" && cp "$r/sweep-one.h5" "$r/other/sweep.h5" && cp "$r/short.h5" "$r/other/run/run.h5"
cp "$r/scan.h5" "$r/deep/result-without-suffix" && printf 'garbage' >"$r/deep/garbage.h5"
head -c 3000 "$r/plain.h5" >"$r/deep/cut.h5"
cp "$r/cross.h5" "$r/deep/cross.h5.part"
cp "$r/cross.h5" "$work/outside.h5"
ln -s "$work/outside.h5" "$r/deep/link.h5"
ln -s "$r" "$r/deep/circle"
ln -s "$work/gone.h5" "$r/deep/dangling.h5"
mkfifo "$r/deep/pipe.h5"
page=$work/results.html
"$FATHOM" report "$r" -o "$page" >"$work/out.tsv" 2>"$work/err"
is "$?" 0 "a folder with all kinds of files"
# shown FILE KIND SHOWN NOTE-PATTERN
shown() {
  grep -Eq "^$1$tab$2$tab$3$tab$4" "$work/out.tsv"
  ok $? "$1: $3"
}
shown plain.h5 drift yes -
shown deep/result-without-suffix scan yes -
shown deep/link.h5 cross yes -
shown sweep/sweep.h5 sweep yes -
shown sweep/run/run.h5 run sweep -
shown other/run/run.h5 run yes -
shown misfit.h5 drift no 'layer is 3, expected an array of 2$'
shown bare.h5 drift no 'site: cannot open this dataset'
shown nothing.h5 run no 'train/step is empty'
shown odd-sweep.h5 sweep no 'runs/setting of run 1 is 7, expected 0 to 1$'
shown other.h5 verify no 'a result of kind verify, which this fathom neither draws nor sums up$'
shown deep/garbage.h5 - no 'not an HDF5 file$'
shown deep/cut.h5 - no '.*truncated'
shown deep/cross.h5.part cross no 'a result of kind cross that is not finished$'
is "$(grep -c '^deep/circle\|dangling\|pipe' "$work/out.tsv")" 0 "links to folders, links to nothing and pipes are passed by"
is "$(grep -c 'warning: .*: not shown: ' "$work/err") $(wc -l <"$work/err")" "$(grep -c "${tab}no$tab" "$work/out.tsv") $(wc -l <"$work/err")" \
  "what is not shown is warned of"
says '<th scope="row">deep/garbage.h5</th><td>not an HDF5 file</td>' 'No intervals were made' 'is undefined at 1 of 32 sites' \
  'The run is not finished' 'No pairs were held out' 'runs failed; means are over the others' 'Drift of every layer at every step.</b>' \
  'seeds for each setting: intervals over so few are wide' 'of A and blocks.0.hook_resid_post of B are most alike: cka 1' '<li>sweep/run/run.h5</li>' 'too short.'
sed 's/<[^>]*>/\n/g' "$page" >"$work/words"
for title in "Drift by layer" "All layers against all" "Training" "Sweeps" "Token scans" "Not shown" "Files of the sweeps"; do
  grep -qxF "$title" "$work/words"
  ok $? "a part on: $title"
done
if command -v xmllint >/dev/null 2>&1; then
  is "$(xmllint --noout "$page" 2>&1 | head -n 3)" "" "this page is well-formed, too"
fi

# A result that no figure can be drawn of is shown all the same.
mkdir "$work/undefined"
"$tests/make_store" "$work/undefined/a.h5" samples=2 && "$tests/make_store" "$work/undefined/b.h5" samples=2 noise=0.1 &&
  "$FATHOM" drift "$work/undefined/a.h5" "$work/undefined/b.h5" --measures cka --bootstrap 0 -o "$work/undefined/d.h5" >/dev/null 2>&1
page=$work/undefined/report.html
"$FATHOM" report "$work/undefined" >/dev/null 2>"$work/err"
is "$? $(grep -c 'd.h5: no figure drift: cannot draw the figure: no value is defined$' "$work/err")" "0 1" "drift that is undefined everywhere"
says 'Not drawn: Drift by layer.' 'cka is undefined at 3 of 3 sites'
fails 3 'cannot draw .*x.svg: no value is defined$' "plot says so, too" "$FATHOM" plot "$work/undefined/d.h5" -o "$work/x.svg"

# --- evaluations: the table is read back from the result's arrays ---

mkdir "$work/eval"
model=$SRCDIR/tests/fixtures/llama-reward
"$FATHOM" eval "$model" --pairs "$SRCDIR/probes/prompts/harmlessness-test.jsonl" --limit 12 --quiet -o "$work/eval/e.h5" >"$work/e.tsv" 2>/dev/null
page=$work/eval/report.html
"$FATHOM" report "$work/eval" >/dev/null 2>&1
ok $? "an evaluation"
awk -F'\t' '!/^#/ && $1 != "data" { printf "accuracy %.4g [%.4g, %.4g] on %d pairs", $5, $6, $7, $3 }' "$work/e.tsv" >"$work/accuracy"
says "$(cat "$work/accuracy")" 'is not told apart from chance'
is "$(sed -n 's/.*<th scope="col">path<\/th><th scope="col">schema<\/th><th scope="col" class="n">n<.*/in order/p' "$page")" "in order" \
  "columns come in the order of the command"

"$FATHOM" eval "$model" --pairs "$SRCDIR/probes/prompts/harmlessness-train.jsonl" --limit 40 --reference "$model" --quiet -o "$work/eval/e.h5" \
  >"$work/e.tsv" 2>/dev/null
"$FATHOM" report "$work/eval" >/dev/null 2>&1
aog=$(sed -n 's/^# aog: //p' "$work/e.tsv")
is "$(grep -c "AOG (ours), the mean gain over the targets:</strong> $aog \[$aog, $aog\] points over" "$page")" 1 "what was gained over all data sets"

# By CKA alone the least is the furthest, and a page of several results begins with the furthest of all.
mkdir "$work/cka"
for n in one two; do "$FATHOM" drift "$work/study/frozen.h5" "$work/study/$n.h5" --measures cka --bootstrap 0 -q -o "$work/cka/$n.h5" >"$work/$n.tsv"; done
page=$work/cka/report.html
"$FATHOM" report "$work/cka" >/dev/null 2>&1
awk -F'\t' '$3 == "cka" && (least == "" || $4 < least) { least = $4; line = sprintf("<strong>%s</strong>: cka %.4g", $1, $4) } END { print line }' \
  "$work/one.tsv" "$work/two.tsv" >"$work/least"
says "Furthest from the frozen model lies $(cat "$work/least")"

# Commands stand in the order in which they can be run again, whatever files are called; a name is one word with its quotes.
mkdir "$work/order" && cd "$work/order" || exit 99
printf 'one\ntwo\nthree\nfour\nfive\n' >prompts.txt
"$FATHOM" record "$model" --prompts prompts.txt -q -o "it's  z.h5" >/dev/null && "$FATHOM" record "$model" --prompts prompts.txt -q --output=y.h5 >/dev/null &&
  "$FATHOM" drift "it's  z.h5" y.h5 --bootstrap 0 -o a.h5 >/dev/null
page=$work/order/report.html
"$FATHOM" report . >/dev/null 2>&1
sed -n '/<h2 id="commands"/,/<\/pre>/p' "$page" | sed 's/.*<code>//; s/<\/code>.*//; s/record .*prompts.txt/record/; s/&#39;/Q/g' |
  grep '^fathom' >commands
is "$(cat commands)" "$(printf '%s\n' 'fathom record -o QitQ\QQs  z.h5Q' 'fathom record --output=y.h5' \
  'fathom drift QitQ\QQs  z.h5Q y.h5 --bootstrap 0 -o a.h5' 'fathom report .')" \
  "commands come in the order in which they can be run"
is "$(grep -c '<dt>From</dt>' "$page")" 2 "a result says from which recordings it was made"
cd "$work" || exit 99

# --- nothing in a file becomes markup ---

mkdir "$work/evil" && cd "$work/evil" || exit 99
mkdir -p "a\"'&<script>x<"
cp -R "$model" "a\"'&<script>x</script>"
printf 'one <b>\ntwo\nthree\nfour\nfive\n' >prompts.txt
"$FATHOM" record "a\"'&<script>x</script>" --prompts prompts.txt -q -o '<img src=x onerror=alert(1)>.h5' >/dev/null 2>&1
cp '<img src=x onerror=alert(1)>.h5' '&amp;"><svg onload=x>.h5'
"$FATHOM" drift '<img src=x onerror=alert(1)>.h5' '&amp;"><svg onload=x>.h5' --bootstrap 0 -o '<script>alert(1)<.h5' >/dev/null 2>&1
ok $? "a model, recordings and a result of evil names"
bad=$(printf 'bad-\377-\033[31m.h5')
cp '<script>alert(1)<.h5' "$bad"
page=$work/evil/page.html
"$FATHOM" report . -o page.html >/dev/null 2>"$work/err"
ok $? "are reported on"
none '<script|<img|<svg onload|<b>text|onerror=alert\(1\)>' "no name became markup"
says "a&quot;&#39;&amp;&lt;script&gt;x&lt;/script&gt;" '&lt;script&gt;alert(1)&lt;.h5' '&amp;amp;&quot;&gt;&lt;svg onload=x&gt;.h5' \
  '<h1>evil</h1>' 'No layer moved: every value is that of identical models' 'Both sides are recordings of the same weights'
says "$(printf 'bad-\357\277\275-\357\277\275[31m.h5')" # what is no text is U+FFFD
if command -v xmllint >/dev/null 2>&1; then
  is "$(xmllint --noout "$page" 2>&1 | head -n 3)" "" "this page is well-formed all the same"
fi

# --- a gnuplot that fails, or draws what a page must not hold ---

cd "$work" || exit 99
page=$work/study.html before=$(cksum <"$work/study.html")
printf '#!/bin/sh\necho "line 7: no such font" >&2; exit 1\n' >failing
for bad in '<svg><script>alert(1)</script></svg>' '<svg onload="alert(1)"></svg>' '<svg><a href="http://x.example">x</a></svg>' \
  '<svg><use xlink:href="http://x.example#y"/></svg>' '<svg><image href="http://x.example/y.png"/></svg>' \
  '<svg><rect fill="url(http://x.example)"/></svg>' '<svg><rect width=1/></svg>' '<svg><g></svg>' '<svg><g><text>x</g></text></svg>' '<svg></svg></svg>' '<svg><rect' '<svg><title>x</svg>' \
  '<svg><!-- x --></svg>' '<svg><rect fill="a<b"/></svg>'; do
  printf '#!/bin/sh\ncat <<"END"\n%s\nEND\n' "$bad" >drawing
  chmod +x drawing failing
  fails 4 'gnuplot drew what a page cannot hold' "refused: $bad" env GNUPLOT="$work/drawing" "$FATHOM" report study/maps -o study.html
done
# One figure of several: the page is made, and says which is missing.
cat >some <<END
#!/bin/sh
case \$* in *cross.gp*) echo "line 9: not this one <b>" >&2; exit 1 ;; esac
exec "$GNUPLOT" "\$@"
END
chmod +x some
GNUPLOT="$work/some" "$FATHOM" report study -o some.html >"$work/out.tsv" 2>"$work/err"
is "$? $(grep -c '<svg' some.html) $(grep -c 'study/maps/map.h5: no figure cross: gnuplot failed: line 9' "$work/err")" "0 1 1" \
  "one figure that cannot be drawn is warned of"
grep -qF 'Not drawn: All layers against all. gnuplot failed: line 9: not this one &lt;b&gt;' some.html
ok $? "and said in its place"
fails 4 'gnuplot failed: line 7: no such font$' "a gnuplot that fails" env GNUPLOT="$work/failing" "$FATHOM" report study/maps -o study.html
fails 4 'no-gnuplot was not found' "no gnuplot" env GNUPLOT="$work/no-gnuplot" "$FATHOM" report study/maps -o study.html
is "$(cksum <"$page") $(ls | grep -c 'study.html.part')" "$before 0" "the old page is as it was, and nothing half-written is left"
printf '#!/bin/sh\ncat <<"END"\n<svg width="9" viewBox="0 0 9 9"><defs><path id="p" d="M0,0"/><path id="q" d="M1,1"/></defs><g id="z"><title>z</title><use xlink:href="#p"/><rect id="p" clip-path="url(#q)"/><text>a]]>b</text></g></svg>\nEND\n' >drawing
GNUPLOT="$work/drawing" "$FATHOM" report study -o ids.html >/dev/null 2>&1
page=$work/ids.html
says '<text>a]]&gt;b</text>' '<path id="fig-1-p" d="M0,0"/>' '<use href="#fig-1-p"/><rect clip-path="url(#fig-1-q)"/>' '<use href="#fig-2-p"/>'
tap_end
