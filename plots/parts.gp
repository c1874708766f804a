# Where the change lies: a line for each part of the rows (or branch of the blocks) over the layers, a panel for each measure of
# each kind of site and file.
# Table: [file] by measure site layer part value lo hi.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds.
array PANEL[64]; array HEADING[64]; array LOW[64]; array HIGH[64]; array PART[64]; array FILE[64]
n_panels = 0; n_parts = 0; n_files = 0; any_left = 0; first = NaN; last = NaN; way = ""
panel_of(dummy) = file_of(0) . "\t" . strcol("measure") . "\t" . kind_of(strcol("site"))
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_panel(s) = sum [i = 1:n_panels] (PANEL[i] eq s ? i : 0)
find_part(s) = sum [i = 1:n_parts] (PART[i] eq s ? i : 0)
add_file(s) = find_file(s) || n_files == 64 ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
after(s, t) = strstrt(s, t) ? s[strstrt(s, t) + strlen(t):*] : ""
before(s, t) = strstrt(s, t) ? s[1:strstrt(s, t) - 1] : s
part_title(m) = m eq "share" ? "share of the change" : m eq "spearman" ? "rank correlation with the drift of pairs" : measure_title(m)
bare(s) = strstrt(s, " (") ? before(s, " (") : s
part_measure(m) = strstrt(m, ": ") ? bare(part_title(before(m, ": "))) . ": " . after(m, ": ") : m eq "share" || m eq "spearman" ? part_title(m) : \
  m eq "share_all" ? "share of the deepest site's change, by block" : measure_title(m)
add_panel(s) = find_panel(s) || n_panels == 64 ? (any_left = any_left || !find_panel(s), 0) : (n_panels = n_panels + 1, \
  PANEL[n_panels] = s, HEADING[n_panels] = part_measure(strcol("measure")), LOW[n_panels] = NaN, HIGH[n_panels] = NaN, 1)
add_part(s) = find_part(s) || strstrt(strcol("measure"), ": ") ? 0 : n_parts == 64 ? (any_left = 1, 0) : (n_parts = n_parts + 1, PART[n_parts] = s, 1)
see_range(p, v) = v == v ? (LOW[p] = v >= LOW[p] ? LOW[p] : v, HIGH[p] = v <= HIGH[p] ? HIGH[p] : v) : 0
see_layer(l) = l == l ? (first = l >= first ? first : l, last = l <= last ? last : l) : 0
see(p) = p == 0 ? 0 : (see_range(p, column("value")), see_range(p, column("lo")), see_range(p, column("hi")), \
  see_layer(column("layer")), way = strcol("by"))
set table $scan
plot data using (add_file(file_of(0)), add_panel(panel_of(0)), add_part(strcol("part")), see(find_panel(panel_of(0)))) with table
unset table
undefine $scan
if (n_panels == 0) { print data, ": no rows to draw"; exit status 3 }
if (any_left) { print data, ": more than 64 panels or parts, expected no more in one figure"; exit status 3 }
if (first != first) { first = 0; last = 0 }

# ---- Series: the blocks $s_PANEL_PART (layer value lo hi). A difference is alone in its panel.
is_difference(p) = strstrt(PANEL[p], ": ") > 0
lines_of(p) = is_difference(p) ? 1 : n_parts
series(p, i) = sprintf("$s_%d_%d", p, i)
do for [p = 1:n_panels] { do for [i = 1:lines_of(p)] {
  eval begin_block(series(p, i))
  plot data using (column("layer")):(column("value")):(column("lo")):(column("hi")) with table \
    if (panel_of(0) eq PANEL[p] && (is_difference(p) || strcol("part") eq PART[i]) && !is_missing("layer") && !is_missing("value"))
  unset table
}}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page.
legend_n = n_parts
do for [i = 1:n_parts] { LEGEND[i] = PART[i] . "  " }
columns = n_panels == 1 ? 1 : 2
rows = int((n_panels - 1) / columns) + 1
panel_w = columns == 1 ? 640 : 350
panel_h = 200
W = EDGE + columns * (panel_w + 62) + 14
head = head_height(W)
H = head + rows * (panel_h + 74) + 34
way_words = way eq "margin" ? "against the change of reward margins" : way eq "branch" ? "by what attention and MLP add" : way eq "end" ? "by distance from the last token" : "by " . way
page_title = strlen(head_title) ? head_title : "Where the change lies, " . way_words
page_caption = join(strlen(head_interval) ? "bands: " . head_interval : "no intervals", head_note)
load here . "page.gp"

span = last - first
set xrange [first - larger(0.4, 0.02 * span) : last + larger(0.4, 0.02 * span)]
banded = span >= 2
shift(i, n) = banded ? 0 : 0.12 * (i - 0.5 * (n + 1)) / larger(1, n)
one_kind(p) = after(after(PANEL[p], "\t"), "\t")
do for [p = 1:n_panels] {
  cell = p - 1
  n = lines_of(p)
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + 20 + (cell / columns) * (panel_h + 74), panel_w, panel_h)
  heading = join(n_files > 1 ? before(PANEL[p], "\t") : "", HEADING[p])
  eval HEADINGS
  same = identical(before(after(PANEL[p], "\t"), "\t")) # NaN for differences, as their measure's name is longer
  level = same == same ? same : 0
  low = LOW[p] == LOW[p] ? smaller(LOW[p], level) : level
  high = HIGH[p] == HIGH[p] ? larger(HIGH[p], level) : level + 1
  pad = high > low ? 0.05 * (high - low) : 0.1
  set yrange [low < level || low < 0 ? low - pad : low : high > level ? high + pad : high + 0.5 * pad]
  set format y "%g"
  set xtics ()
  set xtics first, tic_step(span, panel_w / 45), last
  set xlabel (strstrt(PANEL[p], "share_all") ? "layer" : "layer (" . one_kind(p) . ")") offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  unset arrow
  set arrow 1 from graph 0, first level to graph 1, first level nohead lw 0.8 dt 3 lc rgb SOFT back
  plot \
    for [i = 1:banded ? n : 0] series(p, i) using 1:3:4 with filledcurves fs transparent solid (n > 4 ? 0.1 : 0.18) noborder \
      fc rgb (is_difference(p) ? INK : colour(i)), \
    for [i = 1:banded ? 0 : n] series(p, i) using ($1 + shift(i, n)):3:(0):($4 - $3) with vectors nohead lw 1.2 \
      lc rgb (is_difference(p) ? INK : colour(i)), \
    for [i = 1:banded ? n : 0] series(p, i) using 1:2 with lines lw 1.8 dt dashes(i) lc rgb (is_difference(p) ? INK : colour(i)), \
    for [i = 1:span <= 40 ? n : 0] series(p, i) using ($1 + shift(i, n)):2 with points pt mark(i) ps 0.4 \
      lc rgb (is_difference(p) ? INK : colour(i))
}
unset multiplot
