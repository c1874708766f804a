# Drift of preference pairs against their reward margin, or its change: a point a pair, a panel a site. Of more sites
# than fit, those of each file and kind that lie evenly between its first and its last are drawn.
# Table: [file] site layer pair against drift margin correlation lo hi.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. The rows of a panel follow each other.
MOST = 12
array PANEL[1024]; array WORDS[1024]; array OF_SERIES[1024]; array PLACE[1024]; array SERIES[64]; array COUNT[64]
n_found = 0; n_series = 0; n_files = 0; last_file = ""; against = ""; low = NaN; high = NaN; any_left = 0
panel_of(dummy) = file_of(0) . "\t" . strcol("site")
correlation_words(v, l, h) = v == v ? sprintf("rank correlation %.2f", v) . (l == l ? sprintf(" [%.2f, %.2f]", l, h) : "") : "no rank correlation"
series_of(dummy) = file_of(0) . "\t" . kind_of(strcol("site"))
find_series(s) = sum [i = 1:n_series] (SERIES[i] eq s ? i : 0)
add_series(s) = find_series(s) ? find_series(s) : n_series == 64 ? (any_left = 1, 64) : (n_series = n_series + 1, SERIES[n_series] = s, \
  COUNT[n_series] = 0, n_series)
join_series(s) = (COUNT[s] = COUNT[s] + 1, OF_SERIES[n_found] = s, PLACE[n_found] = COUNT[s], 1)
add_panel(s) = n_found == 1024 ? (any_left = 1, 0) : (n_found = n_found + 1, PANEL[n_found] = s, join_series(add_series(series_of(0))), \
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
if (any_left) { print data, ": more than 1024 sites, or 64 kinds of them in all files, expected no more in one figure"; exit status 3 }
if (low != low) { low = 0; high = 1 }

# ---- Which are drawn: panel p is number DRAWN[p] of those found.
array DRAWN[64]
each = larger(1, int(MOST / n_series))
wanted(i, n) = n < 2 || each < 2 ? n : 1 + int((i - 1) * (n - 1) / (smaller(each, n) - 1.0) + 0.5)
n_panels = 0
do for [s = 1:n_series] { do for [k = 1:smaller(each, COUNT[s])] { do for [i = 1:n_found] {
  if (OF_SERIES[i] == s && PLACE[i] == wanted(k, COUNT[s])) { n_panels = n_panels + 1; DRAWN[n_panels] = i }
}}}
points_of(p) = sprintf("$p_%d", p)
do for [p = 1:n_panels] {
  eval begin_block(points_of(p))
  plot data using (column("drift")):(column("margin")) with table \
    if (panel_of(0) eq PANEL[DRAWN[p]] && !is_missing("drift") && !is_missing("margin"))
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
step = panel_h + (n_files > 1 ? 96 : 74)
H = head + rows * step + 34
page_title = strlen(head_title) ? head_title : "Drift of preference pairs and " . (against eq "margin" ? "their reward margin" : "the change of their reward margin")
page_caption = join(n_found > n_panels ? sprintf("%d of %d panels, evenly spaced", n_panels, n_found) : "", \
  join(strlen(head_interval) ? "in brackets: " . head_interval : "no intervals", head_note))
load here . "page.gp"

pad = high > low ? 0.06 * (high - low) : 1
set format y "%g"
set format x "%g"
do for [p = 1:n_panels] {
  cell = p - 1
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + step - panel_h - 54 + (cell / columns) * step, panel_w, panel_h)
  heading = WORDS[DRAWN[p]]
  file = PANEL[DRAWN[p]][1:strstrt(PANEL[DRAWN[p]], "\t") - 1]
  over = n_files > 1 ? shortened(file, panel_w / (0.6 * SIZE)) : ""
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
