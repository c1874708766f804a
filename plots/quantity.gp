# The data-quantity ablation: each measure against the number of training pairs, one line a method; a row of panels for
# each series (data source, rate ...).
# Table: series method anchor pairs seed measure drift drift_lo drift_hi value lo hi; seed is missing in means over seeds.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"
load here . "methods.gp"
eval scan_measures

least = NaN; most = NaN; n_marks = 0
array MARKED[64]
find_mark(a) = sum [i = 1:n_marks] (MARKED[i] == a ? 1 : 0)
add_mark(a) = find_mark(a) || n_marks == 64 ? 0 : (n_marks = n_marks + 1, MARKED[n_marks] = a, \
  least = a >= least ? least : a, most = a <= most ? most : a)
set table $scan
plot data using (add_mark(column("pairs")), 1) with table
unset table
undefine $scan
dots(m, s, i) = sprintf("$d_%d_%d_%d", m, s, i)
means(m, s, i) = sprintf("$m_%d_%d_%d", m, s, i)
is_row(m, s, i) = strcol("measure") eq MEASURE[m] && strcol("series") eq SERIES[s] && strcol("method") eq METHOD[i]
do for [m = 1:n_measures] { do for [s = 1:n_series] { do for [i = 1:n_methods] {
  unit = scale(m)
  eval begin_block(dots(m, s, i))
  plot data using (column("pairs")):(unit * column("value")) with table if (is_row(m, s, i) && !is_missing("seed"))
  unset table
  eval begin_block(means(m, s, i))
  plot data using (column("pairs")):(unit * column("value")):(unit * column("lo")):(unit * column("hi")) with table \
    if (is_row(m, s, i) && is_missing("seed"))
  unset table
}}}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page: measures in a grid, or across where series go down.
eval legend_methods
columns = n_series > 1 ? n_measures : measure_columns(n_measures)
rows = n_series > 1 ? n_series : int((n_measures - 1) / columns) + 1
panel_w = measure_width(columns)
panel_h = 160
W = EDGE + columns * (panel_w + 56) + 10
head = head_height(W) + (n_series > 1 ? 20 : 0)
row_h = panel_h + (n_series > 1 ? 80 : 58)
H = head + rows * row_h + 36
page_title = strlen(head_title) ? head_title : "Accuracy against the quantity of data"
page_caption = join(join("small points: seeds; lines: means", interval_words("bands")), seed_words)
load here . "page.gp"

logarithmic = most / least > 4
if (logarithmic) { set logscale x }
set xrange [logarithmic ? least / 1.2 : least - 0.06 * (most - least) : logarithmic ? most * 1.2 : most + 0.06 * (most - least)]
set xtics ()
step = tic_step(n_marks, panel_w / 44)
do for [i = 1:n_marks] { if ((i - 1) % step == 0) { set xtics add (sprintf("%g", MARKED[i]) MARKED[i]) } }
unset mxtics
do for [s = 1:n_series] { do for [m = 1:n_measures] {
  cell = (s - 1) * n_measures + m - 1
  eval panel(EDGE + 42 + (cell % columns) * (panel_w + 56), head + 20 + (cell / columns) * row_h, panel_w, panel_h)
  heading = measure_heading(MEASURE[m])
  over = m == 1 ? series_title(SERIES[s]) : ""
  eval HEADINGS
  eval measure_range(m)
  set format y "%g"
  set xlabel (cell + columns >= n_series * n_measures ? "training pairs" : "") offset 0, 0.8 font TEXT textcolor rgb INK
  unset arrow
  if (has_reference(m)) {
    set arrow 1 from graph 0, first reference_of(m) to graph 1, first reference_of(m) nohead lw 0.8 dt 3 lc rgb SOFT back
  }
  plot \
    for [i = 1:n_methods] means(m, s, i) using 1:(cut(m, $3)):(cut(m, $4)) with filledcurves fs transparent solid 0.12 noborder fc rgb method_colour(i), \
    for [i = 1:n_methods] means(m, s, i) using 1:2 with lines lw 1.8 dt method_dashes(i) lc rgb method_colour(i), \
    for [i = 1:n_methods] dots(m, s, i) using 1:2 with points pt method_mark(i) ps 0.3 lc rgb method_colour(i), \
    for [i = 1:n_methods] means(m, s, i) using 1:2 with points pt method_mark(i) ps 0.6 lc rgb method_colour(i)
}}
unset multiplot
