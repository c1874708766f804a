#!/bin/sh
# fathom plot: every figure in every format, the tables behind them, what it refuses, and that no name of a file or
# label can do anything but stand in the picture. The results drawn are made by tests/make_results.c.
. "$SRCDIR/tests/tap.sh"
: "${FATHOM_PLOTS_DIR:?set FATHOM_PLOTS_DIR to the figure scripts}"
r=$work/results
mkdir "$r" && "$(dirname "$FATHOM")/tests/make_results" "$r" || exit 99

tab=$(printf '\t')

# table FILE...: the rows without notes.
table() { "$FATHOM" plot "$@" --tsv | grep -v '^#'; }

# --- tables ---

rows=$(table "$r/plain.h5" "$r/anchored.h5")
is "$(echo "$rows" | sed -n '1p;2p')" "file${tab}site${tab}layer${tab}measure${tab}value${tab}lo${tab}hi${tab}n${tab}noise${tab}floor
plain${tab}hook_embed${tab}-${tab}cka${tab}0.998${tab}0.9968${tab}0.9992${tab}412${tab}-${tab}-" "drift: a row a file, site and measure"
is "$(echo "$rows" | wc -l)" 129 "drift: 2 files x 32 sites x 2 measures below the names of the columns"
is "$(echo "$rows" | grep "^anchored.*blocks.2\..*cka")" \
  "anchored${tab}blocks.2.hook_resid_post${tab}2${tab}cka${tab}-${tab}-${tab}-${tab}412${tab}-${tab}-" "drift: what is NaN is missing"
is "$("$FATHOM" plot "$r/plain.h5" "$r/exact.h5" --tsv | grep -c '^# interval')" 0 \
  "drift: an interval is named only where all files have it"
is "$("$FATHOM" plot "$r/plain.h5" "$r/exact.h5" --tsv | sed -n 's/^# result seed: //p' | tr '\n' ' ')" "17 18 " \
  "drift: seeds that differ are all given"
is "$(table "$r/cross.h5" | sed -n '1p;3p;$p' | cut -f 1-4 | tr '\t' ' ')" "file site_a site_b measure
cross blocks.0.hook_resid_post blocks.1.hook_resid_post cka
cross blocks.29.hook_resid_post blocks.17.hook_resid_post cka" "cross: a row a cell"
is "$(table "$r/cross.h5" | sed -n '2p;3p' | cut -f 5 | tr '\n' ' ')" "1 - " "cross: the second cell is missing"
is "$(table "$r/run.h5" | sed -n '1p' | tr '\t' ' ')" "file step loss bt_loss anchor accuracy margin reward_mean grad_norm \
learning_rate tokens drift_mean eval_bt_loss eval_accuracy eval_margin sft_loss l2_sp centring" "training: the columns"
is "$(table "$r/run.h5" | sed -n '2p;3p;102p;$p' | cut -f 2,6,12-15 | tr '\t' ' ')" "0 - - 0.7 0.5 0
1 0.5 0 - - -
100 0.698 0.145 0.5 0.625 0.5
200 0.898 0.29 0.4 0.75 1.5" "training: mean drift of 30 layers, and held-out pairs at their steps, step 0 before all"
is "$(table "$r/run.h5" | grep -c .)" 202 "training: a row a step"
is "$(table "$r/run.h5" | sed -n '5p' | cut -f 2,9)" "3${tab}-" "training: an infinite gradient norm is missing"
is "$(table "$r/short.h5" | sed -n '2p' | cut -f 13-15 | tr '\t' ' ')" "- - -" "training: a run without held-out pairs"
is "$(table "$r/language.h5" | sed -n '1,5p;66p;$p' | cut -f 2-5 | tr '\t' ' ')" "step loss eval_loss eval_perplexity
0 - 5 148.413159
1 $(table "$r/language.h5" | sed -n 3p | cut -f 3) - -
2 $(table "$r/language.h5" | sed -n 4p | cut -f 3) - -
3 - - -
64 $(table "$r/language.h5" | sed -n 66p | cut -f 3) 3 20.0855369
128 $(table "$r/language.h5" | sed -n '$p' | cut -f 3) 2.1 8.16616991" "language: a row a step, held-out text at some"
is "$(table "$r/run.h5" --figure heatmap | sed -n '1p;6001p' | tr '\t' ' ')" "file step_first step_last site layer drift
run 200 200 blocks.29.hook_resid_post 29 0.58" "heat map: every step and layer"
is "$("$FATHOM" plot "$r/long.h5" --figure heatmap --tsv | sed -n '/^# figure/p;$p' | tr '\t' ' ')" \
  "# figure: each column is the mean of 4 steps
long 997 1000 blocks.1.hook_resid_post 1 0.09985" "heat map: many steps are averaged, and this is said"
is "$(table "$r/run.h5" --figure steps | sed -n '1p;31p;301p' | tr '\t' ' ')" "file step site layer measure value
run 0 blocks.29.hook_resid_post 29 cka 1
run 200 blocks.29.hook_resid_post 29 cosine 0.058" "steps: every measure at every recorded step"
"$FATHOM" plot "$r/plain.h5" --json >"$work/plain.json"
grep -q '"rows":\[{"file":"plain","site":"hook_embed","layer":null,"measure":"cka","value":0.998' "$work/plain.json"
ok $? "the same as JSON"

is "$(table "$r/sweep.h5" | sed -n '1,2p' | tr '\t' ' ')" \
  "series method anchor pairs seed measure drift drift_lo drift_hi value lo hi
- anchor-0 0 1000 1 held-out source 0.0848 - - 0.71 - -" "transfer: every run"
is "$(table "$r/sweep.h5" | awk -F'\t' '$6 == "held-out source"' | wc -l) $(table "$r/sweep.h5" | cut -f 6 | uniq | tr '\n' ',')" \
  "39 measure,held-out source,helpful-base,pku-saferlhf,auto-j,mean of targets,AOG,NTS," "29 finished runs of 30, 10 settings; all measures"
is "$(table "$r/sweep.h5" | awk -F'\t' '$5 == "-" && $2 == "anchor-0" && $6 == "held-out source"' | cut -f 10-12 | tr '\t' ' ')" \
  "0.716666667 0.699218657 0.734114677" "mean over seeds with Student's interval"
is "$(table "$r/sweep.h5" | awk -F'\t' '$2 == "l2-sp-0.01" { print $3 }' | sort -u)" "-" "a control has no strength"
is "$(table "$r/sweep-pairs.h5" --figure quantity | awk -F'\t' '!/^series/ { print $1, $4 }' | sort -u | tr '\n' ';') $(
  table "$r/sweep-pairs.h5" | awk -F'\t' '!/^series/ { print $1 }' | sort -u | tr '\n' ';')" \
  "- 1000;- 256;- 64; 1000 pairs;256 pairs;64 pairs;" "quantity: pairs are an axis there, and a series elsewhere"
is "$(table "$r/sweep.h5" --figure layers | grep -c .) $(table "$r/sweep.h5" --figure layers | sed -n 2p | cut -f 6-8 | tr '\t' ' ' | cut -c 1-30)" \
  "301 blocks.0.hook_resid_post 0 0.0" "layers: every layer of every setting"
is "$(table "$r/sweep.h5" --figure curves | sed -n '2p;121p' | cut -f 2,6,7,11 | tr '\t' ' ')" "anchor-0 1 3 0
anchor-0 120 3 0.0777466667" "curves: means over seeds at every step"
is "$(table "$r/sweep.h5" --figure curves | awk -F'\t' '/^-\tstop/ { n++ } END { print n }')" 41 "a run that stopped early ends early"

# --- names ---

mkdir -p "$work/a" "$work/b" && cp "$r/run.h5" "$work/a" && cp "$r/run.h5" "$work/b"
is "$(table "$work/a/run.h5" "$work/b/run.h5" | cut -f 1 | uniq | tr '\n' ' ')" "file a b " \
  "files of one name are told apart by their folders"
cp "$work/a/run.h5" "$work/a/other.h5"
is "$(table "$work/a/run.h5" "$work/a/other.h5" "$work/b/run.h5" | cut -f 1 | uniq | tr '\n' ' ')" \
  "file $work/a/run.h5 $work/a/other.h5 $work/b/run.h5 " "and by their paths where that is not enough"
is "$(table "$r/small.h5" --label "#1 \"two\" \\ $(printf '\ta\nb\001c\377')" | sed -n 2p | cut -f 1)" "'#1 'two' /  a b c?'" \
  "a label is made safe for the table"
fails 2 'label was given 1 times for 2 files' "too few labels" "$FATHOM" plot "$r/plain.h5" "$r/exact.h5" --label one --tsv
fails 2 'label one: was given twice' "one label for two files" "$FATHOM" plot "$r/plain.h5" "$r/exact.h5" --label one --label one --tsv
fails 2 'plain.h5: was given twice' "one file twice" "$FATHOM" plot "$r/plain.h5" "$r/plain.h5" --tsv

# The words of a scan: three prompts, of rewards i, i + 1 and i + 2.
is "$(table "$r/scan.h5" | awk -F'\t' 'NR > 1 { print $2 "/" $4 }' | uniq -c | sed 's/^ *//' | tr '\n' ';')" \
  "12 answers, all prompts/top;12 answers, all prompts/bottom;12 answers, good prompts/top;12 answers, good prompts/bottom;12 answers, bad prompts/top;12 answers, bad prompts/bottom;" \
  "a scan has both ends of its words, for all prompts and for each group"
is "$(table "$r/scan.h5" | awk -F'\t' 'NR > 1 && $5 <= 1 { print $6, $8, $9 }' | tr '\n' ';')" \
  "·100% 30 27.5158623;'#0' 1 -1.48413771;·100% 29.5 23.1468976;'#0' 0.5 -5.85310237;·100% 31 -;'#0' 2 -;" \
  "means over prompts with Student's intervals, none for one prompt"
is "$(table "$r/scan.h5" | awk -F'\t' '$2 == "answers, all prompts" && $4 == "bottom" { print $6 }' | tail -n 5 | tr '\n' ' ')" \
  "word-8 word-9 word-10 word-11 word-12 " "a word without a number is passed over"
is "$(table "$r/scan.h5" | awk -F'\t' '$2 == "answers, all prompts" && $4 == "bottom" { print $6 }' | sed -n '2,3p' | tr '\n' ' ')" \
  "∖x0a ∖∖ a<0x0a> " "what a word of a scan holds is no escape: a backslash is one"

# --- what is refused ---

echo "not HDF5" >"$work/text.h5"
fails 2 'plot: usage: fathom plot' "no file" "$FATHOM" plot -o "$work/x.png"
fails 2 'plot: -o P.png.svg.pdf, --tsv or --json is needed' "nowhere to go" "$FATHOM" plot "$r/plain.h5"
fails 2 'output and --tsv exclude' "picture and table at once" "$FATHOM" plot "$r/plain.h5" -o "$work/x.png" --tsv
fails 2 'output and --json exclude' "picture and JSON at once" "$FATHOM" plot "$r/plain.h5" -o "$work/x.png" --json
fails 2 'tsv and --json exclude' "two tables at once" "$FATHOM" plot "$r/plain.h5" --tsv --json
fails 2 'x.gif: expected a name that ends in .png, .svg or .pdf' "an unknown format" "$FATHOM" plot "$r/plain.h5" -o "$work/x.gif"
fails 2 'expected a name that ends' "a suffix alone is no name" "$FATHOM" plot "$r/plain.h5" -o "$work/.png"
fails 2 'expected a name that ends' "a device without a format" "$FATHOM" plot "$r/plain.h5" -o /dev/full
fails 2 'plain.h5 holds a result of kind drift and .*run.h5 one of kind run' "two kinds at once" \
  "$FATHOM" plot "$r/plain.h5" "$r/run.h5" --tsv
fails 2 'figure heatmap: .*plain.h5 holds a result of kind drift, whose figures are: drift$' "a figure of another kind" \
  "$FATHOM" plot "$r/plain.h5" --figure heatmap --tsv
fails 2 'whose figures are: training, heatmap, steps, values$' "a run has four figures" "$FATHOM" plot "$r/run.h5" --figure cross --tsv
fails 2 'whose figures are: transfer, frontier, layers, curves, quantity$' "a sweep has five figures" \
  "$FATHOM" plot "$r/sweep.h5" --figure training --tsv
fails 2 'sweep.h5 and .*sweep-pairs.h5: a figure draws one sweep' "two sweeps" "$FATHOM" plot "$r/sweep.h5" "$r/sweep-pairs.h5" --tsv
fails 3 'sweep.h5: all its runs have 1000 training pairs' "no ablation without its axis" "$FATHOM" plot "$r/sweep.h5" --figure quantity --tsv
fails 3 'bare-sweep.h5: .*runs/anchor' "a sweep without its arrays" "$FATHOM" plot "$r/bare-sweep.h5" --tsv
fails 3 'odd-sweep.h5: runs/setting of run 1 is 7, expected 0 to 1' "settings that are none" "$FATHOM" plot "$r/odd-sweep.h5" --tsv
fails 2 'figure pie: expected one of' "a figure there is not" "$FATHOM" plot "$r/run.h5" --figure pie --tsv
fails 4 'none.h5: .*No such file' "a file that is not there" "$FATHOM" plot "$work/none.h5" --tsv
fails 3 'text.h5: ' "a file that is no HDF5" "$FATHOM" plot "$work/text.h5" --tsv
fails 3 'other.h5: holds verify; a figure needs' "a kind of result that no figure draws" "$FATHOM" plot "$r/other.h5" --tsv
fails 3 'misfit.h5: layer is 3, expected an array of 2' "arrays that do not fit" "$FATHOM" plot "$r/misfit.h5" --tsv
fails 3 'bare.h5: .*site' "a result without its arrays" "$FATHOM" plot "$r/bare.h5" --tsv
fails 3 'nothing.h5: train/step is empty, expected an array of any' "a run without a step" "$FATHOM" plot "$r/nothing.h5" --tsv
fails 3 'short.h5: holds no full drift measures' "a run without recorded measures" "$FATHOM" plot "$r/short.h5" --figure steps --tsv
is "$("$FATHOM" plot "$r/plain.h5" "$r/misfit.h5" --tsv 2>/dev/null)" "" "nothing is printed of a broken table"
if [ -c /dev/full ]; then
  fails 4 'standard output: cannot write: No space left' "a table to a full disk" sh -c '"$FATHOM" plot "$0" --tsv >/dev/full' "$r/plain.h5"
else
  skip "no /dev/full here"
fi

# A gnuplot that is missing, fails, says nothing or dies leaves no picture behind.
printf '#!/bin/sh\necho first >&2; echo "line 7: no such font" >&2; printf half; exit 1\n' >"$work/failing"
printf '#!/bin/sh\nexit 0\n' >"$work/silent"
printf '#!/bin/sh\nprintf half; kill -9 $$\n' >"$work/dying"
chmod +x "$work/failing" "$work/silent" "$work/dying"
fails 4 'no-gnuplot was not found: on Debian, apt-get install gnuplot-nox' "no gnuplot" \
  env GNUPLOT="$work/no-gnuplot" "$FATHOM" plot "$r/plain.h5" -o "$work/x.png"
fails 4 'gnuplot failed: line 7: no such font$' "a gnuplot that fails" \
  env GNUPLOT="$work/failing" "$FATHOM" plot "$r/plain.h5" -o "$work/x.png"
fails 4 'gnuplot drew nothing' "a gnuplot that draws nothing" env GNUPLOT="$work/silent" "$FATHOM" plot "$r/plain.h5" -o "$work/x.png"
fails 4 'gnuplot was ended by signal 9' "a gnuplot that dies" env GNUPLOT="$work/dying" "$FATHOM" plot "$r/plain.h5" -o "$work/x.png"
fails 4 'no figure script drift.gp in .*/none: ' "no scripts" \
  env FATHOM_PLOTS_DIR="$work/none" "$FATHOM" plot "$r/plain.h5" -o "$work/x.png"
fails 4 'no/x.png: cannot write here: No such file' "an output in a missing folder" "$FATHOM" plot "$r/plain.h5" -o "$work/no/x.png"
is "$(ls "$work" | grep '^x')" "" "and no picture, whole or in part, is left behind"

# --- pictures ---

: "${GNUPLOT:=gnuplot}"
if ! command -v "$GNUPLOT" >/dev/null 2>&1; then
  skip "no $GNUPLOT here to draw with"
  tap_end
  exit
fi
export GNUPLOT

# drawn WHAT PICTURE COMMAND...: the command succeeds in silence and makes a picture that begins as its suffix says.
drawn() {
  drawn_what=$1 drawn_picture=$2
  shift 2
  "$@" >"$work/.stdout" 2>"$work/.stderr"
  drawn_code=$?
  case $drawn_picture in
    *.png) drawn_magic=$(printf '\211PNG\r' | od -An -tx1) ;;
    *.svg) drawn_magic=$(printf '<?xml' | od -An -tx1) ;;
    *.pdf) drawn_magic=$(printf '%%PDF-' | od -An -tx1) ;;
  esac
  is "$drawn_code $(cat "$work/.stdout" "$work/.stderr") $(head -c 5 "$drawn_picture" 2>&1 | od -An -tx1)$(
    [ "$(cat "$drawn_picture" 2>/dev/null | wc -c)" -gt 5000 ] || echo ", too small")" "0  $drawn_magic" "$drawn_what"
}

# says PICTURE.svg TEXT...: each text stands in the picture.
says() {
  says_picture=$1
  shift
  for text in "$@"; do
    grep -qF "$text" "$says_picture"
    ok $? "$(basename "$says_picture") says: $text"
  done
}

p=$work/pictures
mkdir "$p"
for format in png svg pdf; do
  drawn "drift, $format" "$p/drift.$format" "$FATHOM" plot "$r/plain.h5" "$r/anchored.h5" -o "$p/drift.$format"
  drawn "one layer, $format" "$p/small.$format" "$FATHOM" plot "$r/small.h5" -o "$p/small.$format"
  drawn "no intervals, $format" "$p/exact.$format" "$FATHOM" plot "$r/exact.h5" -o "$p/exact.$format"
  drawn "cross, $format" "$p/cross.$format" "$FATHOM" plot "$r/cross.h5" -o "$p/cross.$format"
  drawn "training, $format" "$p/training.$format" "$FATHOM" plot "$r/run.h5" "$r/run-anchored.h5" -o "$p/training.$format"
  drawn "language, $format" "$p/language.$format" "$FATHOM" plot "$r/language.h5" -o "$p/language.$format"
  drawn "one step, $format" "$p/short.$format" "$FATHOM" plot "$r/short.h5" -o "$p/short.$format"
  drawn "heat map, $format" "$p/heatmap.$format" "$FATHOM" plot "$r/run.h5" "$r/run-anchored.h5" --figure heatmap -o "$p/heatmap.$format"
  drawn "heat map of one cell, $format" "$p/cell.$format" "$FATHOM" plot "$r/short.h5" --figure heatmap -o "$p/cell.$format"
  drawn "quantity, $format" "$p/quantity.$format" "$FATHOM" plot "$r/sweep-pairs.h5" --figure quantity -o "$p/quantity.$format"
  for figure in transfer frontier layers curves; do
    drawn "$figure, $format" "$p/$figure.$format" "$FATHOM" plot "$r/sweep.h5" --figure $figure -o "$p/$figure.$format"
  done
  drawn "words, $format" "$p/words.$format" "$FATHOM" plot "$r/scan.h5" -o "$p/words.$format"
  drawn "steps, $format" "$p/steps.$format" "$FATHOM" plot "$r/run.h5" --figure steps -o "$p/steps.$format"
done
says "$p/drift.svg" "Representation drift per layer" "debiased linear CKA (1 = identical)" "layer (resid_post)" \
  ">plain<" ">anchored<" "n = 412 samples" "bands: 95 %, bootstrap over samples" "seed 17" ">embed<" ">ln_final<"
says "$p/words.svg" "Words at both ends" "answers, good prompts" ">·100%<" ">word-28<" ">'#0'<" ">reward<" "lines: 95 % over prompts"
# 80 words of 63 categories, of which c0, c1 and c2 have most; then more rankings than a figure takes.
awk -v OFS='\t' 'BEGIN {
  print "panel", "measure", "end", "rank", "text", "category", "value", "lo", "hi"
  for (i = 1; i <= 80; i++) print "words", "log ratio", i <= 40 ? "top" : "bottom", (i - 1) % 40 + 1, "w" i, "c" (i < 20 ? i : i > 77 ? i - 78 : i), 50 - i, "-", "-"
}' >"$work/many.tsv"
awk -v OFS='\t' 'BEGIN {
  print "panel", "measure", "end", "rank", "text", "category", "value", "lo", "hi"
  for (i = 1; i <= 65; i++) print "words " i, "log ratio", "top", 1, "w", "-", i, "-", "-"
}' >"$work/panels.tsv"
"${GNUPLOT:-gnuplot}" -e "data='$work/many.tsv'; out='$p/many.svg'" "$FATHOM_PLOTS_DIR/words.gp"
ok $? "words of more categories than colours"
says "$p/many.svg" ">c1  <" ">c2  <" ">c4  <" "grey: other categories" ">w77<"
is "$(grep -c '>c[0-9]*  <' "$p/many.svg")" 7 "as many names as colours"
fails 3 'more than 64 rankings' "more rankings than there is room for" "${GNUPLOT:-gnuplot}" -e "data='$work/panels.tsv'; out='$p/panels.svg'" \
  "$FATHOM_PLOTS_DIR/words.gp"
says "$p/exact.svg" "no intervals" "fathom drift frozen.h5 'tuned &amp; &lt;trained>.h5'"
says "$p/cross.svg" "Every layer against every layer" "A, layer (resid_post)" "grey: not measured"
says "$p/training.svg" "Training curves" "Bradley–Terry loss, nats" "accuracy, share of pairs" "points: held-out pairs" "learning rate  (× 10⁻⁵)" ">step<"
says "$p/language.svg" "Language modelling" "loss, nats a token" "points: held-out text" "learning rate  (× 10⁻³)" ">step<"
says "$p/heatmap.svg" "Drift of every layer during training" "relative squared drift" ">run-anchored<"
for figure in transfer frontier layers curves; do
  drawn "$figure of one setting" "$p/one-$figure.svg" "$FATHOM" plot "$r/sweep-one.h5" --figure $figure -o "$p/one-$figure.svg"
  drawn "$figure of three series" "$p/three-$figure.svg" "$FATHOM" plot "$r/sweep-pairs.h5" --figure $figure -o "$p/three-$figure.svg"
done
says "$p/transfer.svg" "Transfer against anchor strength" "mean of targets, accuracy, %" "NTS (ours), points" "anchor strength λ" ">0.01<" ">100<"
says "$p/frontier.svg" "drift: relative squared, mean over blocks" ">no anchor<" ">anchor 10<" ">stop-at-drift-anchor-1<"
says "$p/layers.svg" "relative L2 distance to the frozen model" "layer (resid_post)" ">l2-sp-0.01<"
says "$p/curves.svg" "Bradley–Terry loss, nats" "means over 2 to 3 seeds" ">step<"
says "$p/quantity.svg" "training pairs" ">256<" ">anchor 1<"
says "$p/three-frontier.svg" ">256 pairs<"
says "$p/steps.svg" "Drift of the layers as training goes on" "step 0" "cosine distance"
is "$(ls "$p" | grep -c part)" 0 "nothing half-written is left"

# Shares stay within 0 and 100 %, however wide the intervals of two seeds are.
for values in "1 0.98 1" "0.04 0 0.02"; do
  echo $values | awk -v OFS='\t' '{
    print "series", "method", "anchor", "pairs", "seed", "measure", "drift", "drift_lo", "drift_hi", "value", "lo", "hi"
    for (i = 1; i <= 3; i++) {
      print "-", "anchor-" i - 1, i - 1, 64, "-", "held-out source", i, "-", "-", $i, $i - 0.4, $i + 0.4
      print "-", "anchor-" i - 1, i - 1, 64, 1, "held-out source", i, "-", "-", $i, "-", "-"
    }
  }' >"$work/shares.tsv"
  for figure in transfer frontier; do
    "$GNUPLOT" -e "data='$work/shares.tsv'; out='$p/shares.svg'" "$FATHOM_PLOTS_DIR/$figure.gp"
    is "$? $(tr '>' '\n' <"$p/shares.svg" | grep -cE '^(−|10[1-9]|100\.)[0-9.]*<')" "0 0" "$figure of shares $values: no tic outside 0 to 100 %"
  done
done
awk -v OFS='\t' 'NR > 1 { $7 = 0 } 1' "$work/shares.tsv" >"$work/still.tsv"
drawn "a frontier of runs that did not drift" "$p/still.svg" \
  "$GNUPLOT" -e "data='$work/still.tsv'; out='$p/still.svg'" "$FATHOM_PLOTS_DIR/frontier.gp"
awk -v OFS='\t' 'BEGIN {
  print "series", "method", "anchor", "pairs", "seed", "measure", "drift", "drift_lo", "drift_hi", "value", "lo", "hi"
  for (i = 0; i < 70; i++) print "-", "anchor-" i, i, 64, 1, "NTS", 1, "-", "-", 1, "-", "-"
}' >"$work/methods.tsv"
"$GNUPLOT" -e "data='$work/methods.tsv'; out='$p/methods.svg'" "$FATHOM_PLOTS_DIR/frontier.gp" 2>&1 | grep -q 'more than 64 methods or series'
ok $? "more methods than a figure can tell apart"

# Many files at once, and the scripts run by hand: on this command's table, and on drift's own, without the column "file".
n=0
set --
while [ $n -lt 12 ]; do
  n=$((n + 1))
  cp "$r/plain.h5" "$work/file-$n.h5"
  set -- "$@" "$work/file-$n.h5"
done
drawn "twelve files" "$p/many.svg" "$FATHOM" plot "$@" -o "$p/many.svg"
says "$p/many.svg" ">file-12<"
for figure in training heatmap steps transfer frontier layers curves; do
  case $figure in training | heatmap | steps) file=run ;; *) file=sweep ;; esac
  "$FATHOM" plot "$r/$file.h5" --figure $figure --tsv >"$work/$figure.tsv"
  drawn "$figure.gp by hand" "$p/hand-$figure.png" \
    "$GNUPLOT" -e "data='$work/$figure.tsv'; out='$p/hand-$figure.png'" "$FATHOM_PLOTS_DIR/$figure.gp"
done
for figure in drift cross; do
  [ $figure = drift ] && file=plain || file=cross
  "$FATHOM" plot "$r/$file.h5" --tsv | sed "/^#/!s/^[^$tab]*$tab//" >"$work/$figure.tsv"
  drawn "$figure.gp by hand, on a table of one file" "$p/hand-$figure.svg" \
    "$GNUPLOT" -e "data='$work/$figure.tsv'; out='$p/hand-$figure.svg'" "$FATHOM_PLOTS_DIR/$figure.gp"
done
head -n 6 "$work/drift.tsv" | grep '^#' >"$work/empty.tsv"
sed -n '/^site/p' "$work/drift.tsv" >>"$work/empty.tsv"
sed '/^#/d' "$work/drift.tsv" | awk -F'\t' -v OFS='\t' 'NR > 1 && $3 == "cka" { $4 = $5 = $6 = "-" } 1' >"$work/undefined.tsv"
drawn "a measure that is undefined everywhere" "$p/undefined.svg" \
  "$GNUPLOT" -e "data='$work/undefined.tsv'; out='$p/undefined.svg'" "$FATHOM_PLOTS_DIR/drift.gp"
is "$(grep -c '>debiased linear CKA' "$p/undefined.svg") $(grep -c '>relative L2 distance' "$p/undefined.svg")" "0 1" "has no panel, the others have theirs"
"$GNUPLOT" -e "data='$work/empty.tsv'; out='$p/empty.png'" "$FATHOM_PLOTS_DIR/drift.gp" 2>&1 | grep -q 'no rows to draw'
ok $? "a table without rows is refused by hand too"

# What fathom drift itself prints and writes.
for change in 0 1 2; do
  "$(dirname "$FATHOM")/tests/make_store" "$work/store-$change.h5" layers=4 embed=1 noise=0.$change || exit 99
done
"$FATHOM" drift "$work/store-0.h5" "$work/store-1.h5" --bootstrap 100 -o "$work/d1.h5" >"$work/d1.tsv" &&
  "$FATHOM" drift "$work/store-0.h5" "$work/store-2.h5" --bootstrap 100 -o "$work/d2.h5" >/dev/null &&
  "$FATHOM" drift "$work/store-0.h5" "$work/store-2.h5" --cross -o "$work/map.h5" >"$work/map.tsv"
ok $? "drift makes what is drawn next"
drawn "two results of drift" "$p/two.svg" "$FATHOM" plot "$work/d1.h5" "$work/d2.h5" -o "$p/two.svg"
says "$p/two.svg" "bands: 95 % over samples, 100 resamples" "linear CKA, biased (dashed: unrelated data)" \
  "Procrustes distance (0 = identical)"
drawn "a map of drift --cross" "$p/map.svg" "$FATHOM" plot "$work/map.h5" -o "$p/map.svg"
drawn "drift.gp on drift's own table" "$p/own.svg" \
  "$GNUPLOT" -e "data='$work/d1.tsv'; out='$p/own.svg'" "$FATHOM_PLOTS_DIR/drift.gp"
says "$p/own.svg" "bands: 95 % over samples, 100 resamples"
drawn "cross.gp on drift's own table" "$p/own-map.svg" \
  "$GNUPLOT" -e "data='$work/map.tsv'; out='$p/own-map.svg'" "$FATHOM_PLOTS_DIR/cross.gp"
awk '/^# model: / { print "# model: of/" (n++ ? "other/" : "one.gguf") " sha256 00"; next } 1' "$work/map.tsv" >"$work/named.tsv"
drawn "cross.gp with two models" "$p/named.svg" \
  "$GNUPLOT" -e "data='$work/named.tsv'; out='$p/named.svg'" "$FATHOM_PLOTS_DIR/cross.gp"
says "$p/named.svg" ">A: one, " ">B: other, "

# Names that a shell or gnuplot would take for something else.
mkdir "$work/odd place" && cd "$work/odd place" || exit 99
odd="o'd\"d \$(touch pwned) \`touch pwned\`; system('touch pwned') %s
{x}_y^2@&~#"
cp "$r/plain.h5" "$odd.h5" && cp "$r/run.h5" "run $odd.h5"
drawn "a file of an odd name" "$odd.png" "$FATHOM" plot "$odd.h5" -o "$odd.png"
drawn "runs of odd names and an odd title" "$odd.svg" "$FATHOM" plot "run $odd.h5" "$r/run.h5" --figure steps \
  --title "T' \"t\" {/Bold <b>&amp;} \\n \$1 \$(touch pwned)" -o "$odd.svg"
is "$(find "$work" -name pwned)" "" "no name was run"
cp "$odd.svg" "$p/odd.svg"
says "$p/odd.svg" "T' 't' {/Bold &lt;b>&amp;amp;} /n \$1 \$(touch pwned)" \
  "run o'd'd \$(touch pwned) \`touch pwned\`; system('touch pwned') %s {x}_y^2@&amp;~#"
if command -v xmllint >/dev/null 2>&1; then
  is "$(xmllint --noout "$p"/*.svg 2>&1)" "" "every SVG is well-formed"
else
  skip "no xmllint here to check the SVG files with"
fi
printf 'kept' >"$p/old.png"
ln -s /dev/full "$p/old.png.part" 2>/dev/null
if [ -c /dev/full ]; then
  fails 4 'old.png: cannot write: No space left' "a picture to a full disk" "$FATHOM" plot "$r/plain.h5" -o "$p/old.png"
  is "$(cat "$p/old.png")" kept "leaves the old picture as it was"
else
  skip "no /dev/full here"
fi
tap_end
