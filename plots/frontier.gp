# The frontier: accuracy against the drift of the result. Anchors are joined in the order of their strength; controls are
# marks of their own. One panel a measure, and a row of panels for each series (data source, rate ...).
# Table: series method anchor pairs seed measure drift drift_lo drift_hi value lo hi; seed is missing in means over seeds.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"
load here . "methods.gp"
eval scan_measures

# ---- Drift, over everything: one axis for all panels.
least = NaN; most = NaN
see_drift(d) = d == d ? (least = d >= least ? least : d, most = d <= most ? most : d) : 0
set table $scan
plot data using (see_drift(column("drift"))) with table
unset table
undefine $scan
if (!(most > 0)) { least = 0; most = 1.0 } # the head alone was trained: nothing drifts
logarithmic = (least > 0 && most / least > 20)

# ---- Panels: held-out source, mean of targets, NTS; AOG is the mean again, and each target has its own figure.
array PANEL[64]
n_panels = 0
do for [m = 1:n_measures] {
  if (n_measures <= 3 || MEASURE[m] eq "held-out source" || MEASURE[m] eq "mean of targets" || MEASURE[m] eq "NTS") {
    n_panels = n_panels + 1; PANEL[n_panels] = m
  }
}
dots(p, s, i) = sprintf("$d_%d_%d_%d", p, s, i)
means(p, s, i) = sprintf("$m_%d_%d_%d", p, s, i)
chain(p, s) = sprintf("$c_%d_%d", p, s)
is_row(p, s, i) = strcol("measure") eq MEASURE[PANEL[p]] && strcol("series") eq SERIES[s] && strcol("method") eq METHOD[i]
do for [p = 1:n_panels] { do for [s = 1:n_series] {
  unit = scale(PANEL[p])
  do for [i = 1:n_methods] {
    eval begin_block(dots(p, s, i))
    plot data using (column("drift")):(unit * column("value")) with table if (is_row(p, s, i) && !is_missing("seed"))
    unset table
    eval begin_block(means(p, s, i))
    plot data using (column("drift")):(unit * column("value")):(unit * column("lo")):(unit * column("hi")) with table \
      if (is_row(p, s, i) && is_missing("seed"))
    unset table
  }
  # In the order of their strength, which is that of the grid only by chance.
  eval begin_block(chain(p, s))
  do for [rank = -1:n_anchors] {
    do for [i = 1:n_methods] {
      if (is_anchor(i) && (STRENGTH[i] == 0 ? rank == -1 : rank == RANK[i])) {
        plot data using (column("drift")):(unit * column("value")) with table if (is_row(p, s, i) && is_missing("seed"))
      }
    }
  }
  unset table
}}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page.
eval legend_methods
columns = n_panels
panel_w = columns == 1 ? 640 : columns == 2 ? 380 : 290
panel_h = n_series == 1 ? 250 : 190
W = EDGE + columns * (panel_w + 58) + 10
head = head_height(W) + (n_series > 1 ? 20 : 0)
row_h = panel_h + (n_series > 1 ? 84 : 62)
H = head + n_series * row_h + 36
page_title = strlen(head_title) ? head_title : "Accuracy against drift"
page_caption = join(join(join("small: seeds; large: means", interval_words("bars")), "line: anchors by strength"), seed_words)
load here . "page.gp"

set xrange [logarithmic ? least / 1.5 : 0 : logarithmic ? most * 1.5 : most * 1.06]
if (logarithmic) { set logscale x; set format x "10^{%L}"; set xtics enhanced } else { set format x "%g"; set xtics nice_step(most / 5.0) }
do for [s = 1:n_series] { do for [p = 1:n_panels] {
  m = PANEL[p]
  eval panel(EDGE + 42 + (p - 1) * (panel_w + 58), head + 20 + (s - 1) * row_h, panel_w, panel_h)
  heading = measure_heading(MEASURE[m])
  over = p == 1 ? series_title(SERIES[s]) : ""
  eval HEADINGS
  eval measure_range(m)
  set format y "%g"
  set xlabel (s == n_series ? "drift: relative squared, mean over blocks" : "") offset 0, 0.8 font TEXT textcolor rgb INK
  unset arrow
  if (has_reference(m)) {
    set arrow 1 from graph 0, first reference_of(m) to graph 1, first reference_of(m) nohead lw 0.8 dt 3 lc rgb SOFT back
  }
  plot chain(p, s) using 1:2 with lines lw 1.2 lc rgb 0xB0B0B0, \
    for [i = 1:n_methods] dots(p, s, i) using 1:2 with points pt method_mark(i) ps 0.32 lc rgb method_colour(i), \
    for [i = 1:n_methods] means(p, s, i) using 1:(cut(m, $3)):(0):(cut(m, $4) - cut(m, $3)) with vectors nohead lw 1 lc rgb method_colour(i), \
    for [i = 1:n_methods] means(p, s, i) using 1:2 with points pt method_mark(i) ps 1.15 lc rgb 0xFFFFFF, \
    for [i = 1:n_methods] means(p, s, i) using 1:2 with points pt method_mark(i) ps 0.85 lw 1.6 lc rgb method_colour(i)
}}
unset multiplot
