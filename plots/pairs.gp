# Drift of preference pairs against their reward margin, or its change: a point a pair, a panel a site (and file). Of more sites
# than fit, those that lie evenly between the first and the last are drawn.
# Table: [file] site layer pair against drift margin correlation lo hi.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. The rows of a panel follow each other.
MOST = 12
array PANEL[1024]; array WORDS[1024]
n_found = 0; n_files = 0; last_file = ""; against = ""; low = NaN; high = NaN; any_left = 0
panel_of(dummy) = file_of(0) . "\t" . strcol("site")
correlation_words(v, l, h) = v == v ? sprintf("rank correlation %.2f", v) . (l == l ? sprintf(" [%.2f, %.2f]", l, h) : "") : "no rank correlation"
add_panel(s) = n_found == 1024 ? (any_left = 1, 0) : (n_found = n_found + 1, PANEL[n_found] = s, \
  WORDS[n_found] = strcol("site") . ": " . correlation_words(column("correlation"), column("lo"), column("hi")), 1)
see_panel(s) = n_found == 0 ? add_panel(s) : PANEL[n_found] eq s ? 0 : add_panel(s)
see_file(s) = s eq last_file && n_files ? 0 : (n_files = n_files + 1, last_file = s, 1)
see_margin(v) = v == v ? (low = v >= low ? low : v, high = v <= high ? high : v) : 0
see_against(s) = (against = s, 1)
set table $scan
plot data using (see_panel(panel_of(0)), see_file(file_of(0)), see_margin(column("margin")), see_against(strcol("against"))) with table
unset table
undefine $scan
if (n_found == 0) { print data, ": no rows to draw"; exit status 3 }
if (any_left) { print data, ": more than 1024 panels to choose from, expected no more"; exit status 3 }
if (low != low) { low = 0; high = 1 }

# ---- Which are drawn: panel p is number place(p) of those found.
n_panels = smaller(MOST, n_found)
place(p) = n_panels < 2 ? 1 : 1 + int((p - 1) * (n_found - 1) / (n_panels - 1.0) + 0.5)
points_of(p) = sprintf("$p_%d", p)
do for [p = 1:n_panels] {
  eval begin_block(points_of(p))
  plot data using (column("drift")):(column("margin")) with table \
    if (panel_of(0) eq PANEL[place(p)] && !is_missing("drift") && !is_missing("margin"))
  unset table
}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page.
columns = n_panels == 1 ? 1 : 2
rows = int((n_panels - 1) / columns) + 1
panel_w = columns == 1 ? 640 : 400
panel_h = 220
W = EDGE + columns * (panel_w + 62) + 14
head = head_height(W)
H = head + rows * (panel_h + 74) + 34
page_title = strlen(head_title) ? head_title : "Drift of preference pairs and " . (against eq "margin" ? "their reward margin" : "the change of their reward margin")
page_caption = join(n_found > n_panels ? sprintf("%d of %d panels, evenly spaced", n_panels, n_found) : "", \
  join(strlen(head_interval) ? "in brackets: " . head_interval : "no intervals", head_note))
load here . "page.gp"

pad = high > low ? 0.06 * (high - low) : 1
set format y "%g"
set format x "%g"
do for [p = 1:n_panels] {
  cell = p - 1
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + 20 + (cell / columns) * (panel_h + 74), panel_w, panel_h)
  heading = join(n_files > 1 ? PANEL[place(p)][1:strstrt(PANEL[place(p)], "\t") - 1] : "", WORDS[place(p)])
  heading = shortened(heading, panel_w / (0.52 * SIZE))
  eval HEADINGS
  set xrange [*:*]; set yrange [*:*] # stats leaves out what lies outside
  stats points_of(p) using 1 nooutput
  some = STATS_records > 0
  wide = some && STATS_max > STATS_min ? 0.06 * (STATS_max - STATS_min) : some ? larger(0.05 * STATS_max, 1e-6) : 1
  set xrange [some ? STATS_min - wide : -1 : some ? STATS_max + wide : 1]
  set yrange [smaller(low, 0) - pad : larger(high, 0) + pad]
  set xtics autofreq
  set xlabel "drift of the pair, in units of the frozen rows' spread" offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  set ylabel (cell % columns == 0 ? (against eq "margin" ? "margin" : "change of margin") : "") offset 1.5, 0 font TEXT textcolor rgb INK noenhanced
  unset arrow
  set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lw 0.8 dt 3 lc rgb SOFT back
  plot points_of(p) using 1:2 with points pt 7 ps 0.5 lc rgb colour(1)
}
unset multiplot
