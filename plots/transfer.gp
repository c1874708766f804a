# Transfer against anchor strength: one small panel a measure, one line a series (data source, rate, blocks ...), with
# every seed as a point. The strength is logarithmic; 0 stands to the left of a break.
# Table: series method anchor pairs seed measure drift drift_lo drift_hi value lo hi; seed is missing in means over seeds.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"
load here . "methods.gp"
eval scan_measures

# ---- Lines: a series on the blocks of one choice; the run without an anchor belongs to each.
array LINE_SERIES[64]; array LINE_LAYERS[64]
n_lines = 0
find_line(s, l) = sum [i = 1:n_lines] (LINE_SERIES[i] eq s && LINE_LAYERS[i] eq l ? 1 : 0)
add_line(s, l) = find_line(s, l) ? 0 : (n_lines = n_lines + 1, LINE_SERIES[n_lines] = s, LINE_LAYERS[n_lines] = l, 1)
set table $scan
plot data using (column("anchor") > 0 ? add_line(strcol("series"), layers_of(strcol("method"))) : 0) with table
unset table
undefine $scan
if (n_lines == 0) { do for [i = 1:n_series] { dummy = add_line(SERIES[i], "") } }
line_title(i) = join(series_title(LINE_SERIES[i]), strlen(LINE_LAYERS[i]) ? "blocks " . LINE_LAYERS[i] : "")
legend_n = n_lines
do for [i = 1:n_lines] { LEGEND[i] = line_title(i) }

# ---- Along the axis.
least = NaN; most = NaN; any_zero = 0; n_marks = 0
array MARKED[64]
find_mark(a) = sum [i = 1:n_marks] (MARKED[i] == a ? 1 : 0)
do for [i = 1:n_methods] {
  a = STRENGTH[i]
  if (a == a && a > 0) { least = a >= least ? least : a; most = a <= most ? most : a }
  if (a == a && a == 0) { any_zero = 1 }
  if (a == a && find_mark(a) == 0) { n_marks = n_marks + 1; MARKED[n_marks] = a }
}
if (least != least) { least = 1; most = 1 }
span = log10(most) - log10(least)
gap = larger(0.8, 0.22 * span)
zero_x = log10(least) - gap
break_x = log10(least) - 0.5 * gap
place(a) = a == 0 ? zero_x : log10(a)
pad = larger(0.25, 0.06 * (span + gap))

block(m, i) = sprintf("$m_%d_%d", m, i)
dots(m, i) = sprintf("$p_%d_%d", m, i)
is_row(m, i) = strcol("measure") eq MEASURE[m] && strcol("series") eq LINE_SERIES[i] && !is_missing("anchor") \
  && (column("anchor") == 0 || layers_of(strcol("method")) eq LINE_LAYERS[i])
do for [m = 1:n_measures] { do for [i = 1:n_lines] {
  eval begin_block(block(m, i))
  plot data using (place(column("anchor"))):(scale(m) * column("value")):(scale(m) * column("lo")):(scale(m) * column("hi")) \
    with table if (is_row(m, i) && is_missing("seed"))
  unset table
  eval begin_block(dots(m, i))
  plot data using (place(column("anchor"))):(scale(m) * column("value")) with table if (is_row(m, i) && !is_missing("seed"))
  unset table
}}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page.
columns = measure_columns(n_measures)
rows = int((n_measures - 1) / columns) + 1
panel_w = measure_width(columns)
panel_h = 160
W = EDGE + columns * (panel_w + 56) + 10
head = head_height(W)
H = head + rows * (panel_h + 58) + 36
page_title = strlen(head_title) ? head_title : "Transfer against anchor strength"
page_caption = join(join("points: seeds; lines: means", interval_words("bands")), seed_words)
load here . "page.gp"

set xrange [(any_zero ? zero_x : log10(least)) - pad : log10(most) + pad]
set xtics ()
step = tic_step(n_marks, panel_w / 30)
do for [i = 1:n_marks] { if ((i - 1) % step == 0) { set xtics add (sprintf("%g", MARKED[i]) place(MARKED[i])) } }
shift(i) = n_lines > 1 ? 0.03 * (span + gap) * (i - 0.5 * (n_lines + 1)) / n_lines : 0
do for [m = 1:n_measures] {
  cell = m - 1
  eval panel(EDGE + 42 + (cell % columns) * (panel_w + 56), head + 20 + (cell / columns) * (panel_h + 58), panel_w, panel_h)
  heading = measure_heading(MEASURE[m])
  eval HEADINGS
  eval measure_range(m)
  set format y "%g"
  set xlabel (cell + columns >= n_measures ? "anchor strength λ" : "") offset 0, 0.8 font TEXT textcolor rgb INK
  unset arrow
  if (has_reference(m)) {
    set arrow 1 from graph 0, first reference_of(m) to graph 1, first reference_of(m) nohead lw 0.8 dt 3 lc rgb SOFT back
  }
  if (any_zero && n_marks > 1) {
    # A gap in the axis between 0 and the rest.
    set arrow 2 from first break_x, graph -0.035 to first break_x, graph 0.035 nohead lw 3.4 lc rgb 0xFFFFFF front
    set arrow 3 from first break_x - 0.012 * (span + gap), graph -0.035 to first break_x, graph 0.035 nohead lw 0.8 lc rgb INK front
    set arrow 4 from first break_x + 0.006 * (span + gap), graph -0.035 to first break_x + 0.018 * (span + gap), graph 0.035 \
      nohead lw 0.8 lc rgb INK front
  }
  plot \
    for [i = 1:n_lines] block(m, i) using ($1 + shift(i)):(cut(m, $3)):(cut(m, $4)) with filledcurves fs transparent solid 0.15 noborder fc rgb colour(i), \
    for [i = 1:n_lines] block(m, i) using ($1 + shift(i)):2 with lines lw 1.8 dt dashes(i) lc rgb colour(i), \
    for [i = 1:n_lines] dots(m, i) using ($1 + shift(i)):2 with points pt 6 ps 0.45 lw 0.8 lc rgb colour(i), \
    for [i = 1:n_lines] block(m, i) using ($1 + shift(i)):2 with points pt mark(i) ps 0.6 lc rgb colour(i)
}
unset multiplot
