# Drift of every block of the results of a sweep: one line a method, from pale to dark with the anchor's strength, controls
# dashed; a panel a series (data source, rate ...).
# Table: series method anchor pairs seed site layer value lo hi, means over seeds.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"
load here . "methods.gp"

least = NaN; most = NaN; first = NaN; last = NaN
see(v, l) = (most = v <= most ? most : v, v > 0 ? (least = v >= least ? least : v) : 0, \
  first = l >= first ? first : l, last = l <= last ? last : l)
set table $scan
plot data using (see(column("value"), column("layer"))) with table
unset table
undefine $scan
logarithmic = (least > 0 && most / least > 30)

block(s, i) = sprintf("$l_%d_%d", s, i)
do for [s = 1:n_series] { do for [i = 1:n_methods] {
  eval begin_block(block(s, i))
  plot data using (column("layer")):(column("value")):(column("lo")):(column("hi")) with table \
    if (strcol("series") eq SERIES[s] && strcol("method") eq METHOD[i])
  unset table
}}
set datafile separator whitespace
unset datafile columnheaders

eval legend_methods
columns = smaller(n_series, 2)
rows = int((n_series - 1) / columns) + 1
panel_w = columns == 1 ? 660 : 370
panel_h = rows == 1 ? 320 : 220
W = EDGE + columns * (panel_w + 62) + 14
head = head_height(W)
H = head + rows * (panel_h + 62) + 36
page_title = strlen(head_title) ? head_title : "Drift of every layer, by anchor strength"
page_caption = join(join("means over seeds, measured on the probe set after training", "dashed: controls"), seed_words)
load here . "page.gp"

set xrange [first - larger(0.4, 0.02 * (last - first)) : last + larger(0.4, 0.02 * (last - first))]
set yrange [logarithmic ? least / 1.4 : 0 : logarithmic ? most * 1.4 : most > 0 ? 1.05 * most : 1]
low = logarithmic ? least / 1.4 : 0
shown(v) = v > low ? v : low
if (logarithmic) { set logscale y; set format y "10^{%L}" } else { set format y "%g" }
set xtics first, tic_step(last - first, panel_w / 45), last
do for [s = 1:n_series] {
  cell = s - 1
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + 20 + (cell / columns) * (panel_h + 62), panel_w, panel_h)
  heading = join("relative L2 distance to the frozen model (0 = identical)", series_title(SERIES[s]))
  if (columns > 1) { heading = join("relative L2 distance", series_title(SERIES[s])) }
  eval HEADINGS
  set xlabel (cell + columns >= n_series ? "layer (resid_post)" : "") offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  plot \
    for [i = 1:n_methods] block(s, i) using 1:(shown($2)) with lines lw 1.8 dt method_dashes(i) lc rgb method_colour(i), \
    for [i = 1:last - first <= 40 ? n_methods : 0] block(s, i) using 1:(shown($2)) \
      with points pt method_mark(i) ps 0.4 lc rgb method_colour(i)
}
unset multiplot
