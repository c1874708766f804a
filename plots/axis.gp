# Value axes per layer: how axes are borne out, activations along them, shift and rotation. One file: a panel a measure, a
# line a group. Several files: a panel for every measure and group, a line a file.
# Table: [file] site layer measure group value lo hi n. Sites outside the blocks are not drawn.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. A group carries the kind of site where there are several kinds.
array FILE[64]; array KIND[16]; array MEASURE[16]; array GROUP[64]; array LOW[16]; array HIGH[16]
most_groups = 16; any_more = 0 # groups that can still be told apart
n_files = 0; n_kinds = 0; n_measures = 0; n_groups = 0
first = NaN; last = NaN; fewest = NaN; most = NaN; any_interval = 0
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_kind(s) = sum [i = 1:n_kinds] (KIND[i] eq s ? i : 0)
find_measure(s) = sum [i = 1:n_measures] (MEASURE[i] eq s ? i : 0)
find_group(s) = sum [i = 1:n_groups] (GROUP[i] eq s ? i : 0)
add_file(s) = find_file(s) || n_files == 64 ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_kind(s) = find_kind(s) || n_kinds == 16 ? 0 : (n_kinds = n_kinds + 1, KIND[n_kinds] = s, 1)
add_measure(s) = find_measure(s) || n_measures == 16 ? 0 : (n_measures = n_measures + 1, MEASURE[n_measures] = s, \
  LOW[n_measures] = NaN, HIGH[n_measures] = NaN, 1)
add_group(s) = find_group(s) ? 0 : n_groups == most_groups ? (any_more = 1) : (n_groups = n_groups + 1, GROUP[n_groups] = s, 1)
see_range(m, v) = v == v ? (LOW[m] = v >= LOW[m] ? LOW[m] : v, HIGH[m] = v <= HIGH[m] ? HIGH[m] : v) : 0
see_layer(l) = (first = l >= first ? first : l, last = l <= last ? last : l)
see_n(n) = n == n ? (fewest = n >= fewest ? fewest : n, most = n <= most ? most : n) : 0
layered(dummy) = is_missing("layer") == 0
see(dummy) = (add_file(file_of(0)), add_kind(kind_of(strcol("site"))), add_measure(strcol("measure")), \
  any_interval = any_interval || column("lo") == column("lo"), \
  see_layer(column("layer")), see_n(column("n")))
set table $scan
plot data using (layered(0) ? see(0) : 0) with table
plot data using (layered(0) && strcol("group") ne "-" ? \
  add_group(strcol("group") . (n_kinds > 1 ? ", " . kind_of(strcol("site")) : "")) : 0) with table
unset table
undefine $scan
if (n_measures == 0) { print data, ": no rows of a block to draw"; exit status 3 }
# Measures without groups, of several kinds of site, are groups of their own, behind the others.
n_plain = n_kinds > 1 ? n_kinds : 1
array PLAIN[16]
do for [i = 1:n_plain] { PLAIN[i] = n_kinds > 1 ? KIND[i] : "" }
n_series = n_groups + n_plain
name(i) = i <= n_groups ? GROUP[i] : PLAIN[larger(1, i - n_groups)]
series_of(dummy) = strcol("group") eq "-" ? n_groups + (n_kinds > 1 ? find_kind(kind_of(strcol("site"))) : 1) : \
  find_group(strcol("group") . (n_kinds > 1 ? ", " . kind_of(strcol("site")) : ""))

# ---- Lines: line(measure, series, file), and how many rows a measure has of each series.
line(m, g, f) = sprintf("$v_%d_%d_%d", m, g, f)
array ROWS[1300]
slot(m, g) = (m - 1) * n_series + g
do for [i = 1:n_measures * n_series] { ROWS[i] = 0 }
add_to(i, m) = (ROWS[i] = ROWS[i] + 1, see_range(m, column("value")), see_range(m, column("lo")), see_range(m, column("hi")))
set table $scan
plot data using (layered(0) && series_of(0) ? add_to(slot(find_measure(strcol("measure")), series_of(0)), find_measure(strcol("measure"))) : 0) with table
unset table
undefine $scan
is_row(m, g, f) = layered(0) && strcol("measure") eq MEASURE[m] && file_of(0) eq FILE[f] && series_of(0) == g
do for [m = 1:n_measures] { do for [g = 1:n_series] { do for [f = 1:n_files] {
  eval begin_block(line(m, g, f))
  plot data using (column("layer")):(column("value")):(column("lo")):(column("hi")) with table if (is_row(m, g, f))
  unset table
}}}
set datafile separator whitespace
unset datafile columnheaders

# ---- Panels. The AUC of random axes lies in the panel of the AUC.
random = find_measure("random_auc"); auc = find_measure("auc")
if (random && auc) { dummy = see_range(auc, LOW[random]) + see_range(auc, HIGH[random]) }
array PANEL_M[64]; array PANEL_G[64]
n_panels = 0
do for [m = 1:n_measures] {
  if (m == random && auc) { continue }
  held = 0
  do for [g = 1:n_series] {
    if (ROWS[slot(m, g)] == 0 || n_panels == 64) { continue }
    if (n_files == 1 && held) { continue }
    held = 1
    n_panels = n_panels + 1
    PANEL_M[n_panels] = m
    PANEL_G[n_panels] = n_files == 1 ? 0 : g
  }
}
measure_words(m) = \
  m eq "auc" ? (random && LOW[random] == LOW[random] ? "held-out AUC (dashed: random axes)" : "held-out AUC") : \
  m eq "g" ? "Hedges' g, held out" : \
  m eq "projection" ? "score along the axis, SD of its words" : \
  m eq "shift" ? "shift along the first model's axis, SD of its words" : \
  m eq "rotation" ? "angle between the two axes, degrees" : m
short_words(m) = m eq "projection" ? "score, SD: " : m eq "shift" ? "shift, SD: " : ""
reference(m) = m eq "auc" ? 0.5 : m eq "rotation" || m eq "g" || m eq "projection" || m eq "shift" ? 0.0 : NaN

by_group = n_files == 1
legend_n = by_group ? (n_groups ? n_groups : n_plain > 1 ? n_plain : 0) : n_files
do for [i = 1:legend_n] { LEGEND[i] = by_group ? (n_groups ? GROUP[i] : PLAIN[i]) : FILE[i] }
columns = n_panels == 1 ? 1 : n_panels == 2 || n_panels == 4 ? 2 : 3
rows = int((n_panels - 1) / columns) + 1
panel_w = columns == 1 ? 640 : columns == 2 ? 350 : 270
panel_h = rows == 1 ? 300 : 190
page_title = strlen(head_title) ? head_title : auc ? "Value axes per layer" : find_measure("shift") ? \
  "How far words moved along the value axes, per layer" : "Activations along value axes, per layer"
unit = auc || find_measure("shift") ? "lemmas" : "samples"
n_words = most == most ? (fewest == most ? sprintf("n = %d %s", most, unit) : sprintf("n = %d to %d %s", fewest, most, unit)) : ""
page_caption = join(join(join(join(head_note, any_more ? sprintf("the first %d groups", most_groups) : ""), n_words), any_interval == 0 ? "no intervals" : \
  (last - first >= 2 ? "bands: " : "lines: ") . (strlen(head_interval) ? head_interval : "intervals from lo to hi") . \
  (random && auc && LOW[random] == LOW[random] ? ", pale: 95 % of random axes" : "")), seed_words)
W = larger(EDGE + columns * (panel_w + 62) + 14, 2 * EDGE + text_width(page_caption, SIZE))
head = head_height(W)
H = head + rows * (panel_h + 62) + 34
load here . "page.gp"

# ---- Drawing. A line's number is that of its group, or of its file.
span = last - first
banded = span >= 2
set xrange [first - larger(0.4, 0.02 * span) : last + larger(0.4, 0.02 * span)]
set xtics first, tic_step(span, panel_w / 45), last
n_lines = by_group ? n_series : n_files
g(q, i) = by_group ? i : PANEL_G[q]
f(i) = by_group ? 1 : i
look(i) = by_group && i > n_groups ? (n_groups ? 7 : i - n_groups) : i
nudge(i) = banded || (by_group && i > n_groups) ? 0 : 0.12 * (i - 0.5 * (n_lines + 1)) / larger(1, n_lines)
do for [q = 1:n_panels] {
  m = PANEL_M[q]
  cell = q - 1
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + 20 + (cell / columns) * (panel_h + 62), panel_w, panel_h)
  heading = by_group || strlen(short_words(MEASURE[m])) == 0 ? measure_words(MEASURE[m]) : short_words(MEASURE[m]) . name(PANEL_G[q])
  eval HEADINGS
  base = reference(MEASURE[m])
  low = base < LOW[m] ? base : LOW[m]
  high = base > HIGH[m] ? base : HIGH[m]
  pad = high > low ? 0.05 * (high - low) : 0.1 * abs(high) + 1e-9
  bottom = MEASURE[m] eq "rotation" ? 0 : low - pad
  set yrange [bottom : high + pad]
  set format y "%g"
  set xlabel (cell + columns >= n_panels ? "layer" . (n_kinds == 1 ? " (" . KIND[1] . ")" : "") : "") \
    offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  unset arrow
  if (base == base && base > bottom) {
    set arrow 1 from first - larger(0.4, 0.02 * span), base to last + larger(0.4, 0.02 * span), base nohead lw 0.8 dt 3 lc rgb SOFT back
  }
  plot \
    for [i = 1:m == auc && random && banded ? n_lines : 0] line(larger(1, random), g(q, i), f(i)) using 1:3:4 \
      with filledcurves fs transparent solid 0.08 noborder fc rgb (by_group ? SOFT : colour(i)), \
    for [i = 1:m == auc && random && !banded ? n_lines : 0] line(larger(1, random), g(q, i), f(i)) using ($1 + nudge(i) - 0.03):3:(0):($4 - $3) \
      with vectors nohead lw 3 lc rgb EMPTY, \
    for [i = 1:m == auc && random ? n_lines : 0] line(larger(1, random), g(q, i), f(i)) using 1:2 \
      with lines lw 1 dt 2 lc rgb (by_group ? SOFT : colour(i)), \
    for [i = 1:banded ? n_lines : 0] line(m, g(q, i), f(i)) using 1:3:4 \
      with filledcurves fs transparent solid (n_lines > 4 ? 0.1 : 0.18) noborder fc rgb colour(look(i)), \
    for [i = 1:banded ? n_lines : 0] line(m, g(q, i), f(i)) using 1:2 with lines lw 1.8 dt dashes(look(i)) lc rgb colour(look(i)), \
    for [i = 1:banded && span <= 40 ? n_lines : 0] line(m, g(q, i), f(i)) using 1:2 \
      with points pt mark(look(i)) ps 0.4 lc rgb colour(look(i)), \
    for [i = 1:banded ? 0 : n_lines] line(m, g(q, i), f(i)) using ($1 + nudge(i)):3:(0):($4 - $3) \
      with vectors nohead lw 1.2 lc rgb colour(look(i)), \
    for [i = 1:banded ? 0 : n_lines] line(m, g(q, i), f(i)) using ($1 + nudge(i)):2 \
      with points pt mark(look(i)) ps 0.55 lc rgb colour(look(i))
}
unset multiplot
