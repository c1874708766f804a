# Drift of weights over the blocks. One file: a panel a measure, a line a kind of weight. Several: a panel a kind, a line a file.
# Table: [file] layer kind measure value. Weights without a layer stand beside the axis as single points.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds.
array FILE[64]; array KIND[64]; array LOOSE[64]; array MEASURE[3] = ["relative_frobenius", "relative_spectral", "effective_rank"]
n_files = 0; n_kinds = 0; n_loose = 0; first = NaN; last = NaN
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_kind(s) = sum [i = 1:n_kinds] (KIND[i] eq s ? i : 0)
find_loose(s) = sum [i = 1:n_loose] (LOOSE[i] eq s ? i : 0)
add_file(s) = find_file(s) || n_files == 64 ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_kind(s) = find_kind(s) || n_kinds == 64 ? 0 : (n_kinds = n_kinds + 1, KIND[n_kinds] = s, 1)
add_loose(s) = s eq "all" || find_loose(s) || n_loose == 64 ? 0 : (n_loose = n_loose + 1, LOOSE[n_loose] = s, 1)
see(s) = (add_file(file_of(0)), is_missing("layer") ? add_loose(s) : \
  (add_kind(s), first = column("layer") >= first ? first : column("layer"), last = column("layer") <= last ? last : column("layer")))
set table $scan
plot data using (see(strcol("kind"))) with table
unset table
undefine $scan
if (n_files == 0) { print data, ": no rows to draw"; exit status 3 }
if (n_kinds == 0) { first = 0; last = 0 }

# ---- Panels and series: a panel p shows measure_of(p) of line i, which is a kind of the one file or a file.
alone = (n_files == 1)
n_panels = alone ? 3 : n_kinds
n_lines = alone ? n_kinds : n_files
measure_of(p) = alone ? MEASURE[p] : MEASURE[1]
is_row(p, i, k, f) = strcol("kind") eq KIND[k] && file_of(0) eq FILE[f] && strcol("measure") eq measure_of(p) && !is_missing("layer")
series(p, i) = sprintf("$s_%d_%d", p, i)
array LEAST[64]; array MOST[64]
see_value(p, v) = v == v ? (LEAST[p] = v >= LEAST[p] ? LEAST[p] : v, MOST[p] = v <= MOST[p] ? MOST[p] : v, v) : v
do for [p = 1:n_panels] {
  LEAST[p] = NaN; MOST[p] = NaN
  do for [i = 1:n_lines] {
    k = alone ? i : p
    f = alone ? 1 : i
    eval begin_block(series(p, i))
    plot data using (column("layer")):(is_row(p, i, k, f) && !is_missing("value") ? see_value(p, column("value")) : NaN) with table \
      if (is_row(p, i, k, f))
    unset table
  }
}
# Single points belong to the figure of one file: its kinds outside the blocks.
n_before = sum [i = 1:n_loose] (LOOSE[i] eq "embed" || LOOSE[i] eq "positions" ? 1 : 0)
before(n) = sum [i = 1:n] (LOOSE[i] eq "embed" || LOOSE[i] eq "positions" ? 1 : 0)
is_before(s) = s eq "embed" || s eq "positions"
panel_w = alone ? 640 : 270
span = last - first
gap = larger(0.4, 70.0 / panel_w * larger(span, 1)) * (alone ? 1 : 0)
place(i) = i == 0 ? NaN : is_before(LOOSE[i]) ? first - gap * (n_before - before(i) + 1) : last + gap * (i - before(i))
is_point(p) = alone && is_missing("layer") && find_loose(strcol("kind")) && strcol("measure") eq measure_of(p)
do for [p = 1:n_panels] {
  eval begin_block(sprintf("$p_%d", p))
  plot data using (place(find_loose(strcol("kind")))):(is_point(p) && !is_missing("value") ? see_value(p, column("value")) : NaN) \
    with table if (is_point(p))
  unset table
}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page.
legend_n = n_lines
do for [i = 1:n_lines] { LEGEND[i] = alone ? KIND[i] : FILE[i] }
columns = alone ? 1 : smaller(3, n_panels)
rows = int((n_panels - 1) / columns) + 1
panel_h = alone ? 200 : 170
W = EDGE + columns * (panel_w + 62) + (alone ? 30 : 14)
head = head_height(W)
H = head + rows * (panel_h + 58) + 34
page_title = strlen(head_title) ? head_title : "Drift of the weights per block"
page_caption = join(alone ? (n_loose ? "crosses: weights outside the blocks" : "") : "relative change, |W1 − W0| / |W0| (Frobenius norms)", head_note)
load here . "page.gp"

edge = larger(0.4, 0.02 * span)
set xrange [first - edge - (alone ? gap * n_before : 0) : last + edge + (alone ? gap * (n_loose - n_before) : 0)]
title_of(m) = m eq MEASURE[1] ? "relative change, |W1 − W0| / |W0|" : m eq MEASURE[2] ? "relative spectral norm of the change (largest singular values)" : \
  "effective rank of the change (none where nothing has changed)"
do for [p = 1:n_panels] {
  cell = p - 1
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + 20 + (cell / columns) * (panel_h + 58), panel_w, panel_h)
  heading = alone ? title_of(MEASURE[p]) : KIND[p]
  eval HEADINGS
  some = MOST[p] == MOST[p]
  least = some ? LEAST[p] : 0
  most = some ? larger(MOST[p], least) : 1
  logarithmic = (least > 0 && most / least > 30)
  unset logscale y
  if (logarithmic) { set logscale y; set format y "10^{%L}" } else { set format y "%g" }
  set yrange [logarithmic ? least / 1.4 : 0 : logarithmic ? most * 1.4 : most > 0 ? 1.06 * most : 1]
  set xtics ()
  if (n_kinds) { set xtics first, tic_step(span, panel_w / 45), last }
  do for [i = 1:alone ? n_loose : 0] { set xtics add (LOOSE[i] place(i)) }
  set xlabel (cell + columns >= n_panels ? "layer" : "") offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  unset label 3
  if (some == 0) { set label 3 "nothing has changed" at graph 0.5, 0.5 center font TEXT textcolor rgb SOFT }
  plot NaN notitle, \
    for [i = 1:n_lines] series(p, i) using 1:2 with lines lw 1.8 dt dashes(i) lc rgb colour(i), \
    for [i = 1:span <= 40 ? n_lines : 0] series(p, i) using 1:2 with points pt mark(i) ps 0.4 lc rgb colour(i), \
    for [i = 1:alone ? 1 : 0] sprintf("$p_%d", p) using 1:2 with points pt 2 ps 0.7 lc rgb INK
}
unset multiplot
