# The words at both ends of a ranking, with intervals: one panel for each ranking, the top above the bottom. Samples by their
# drift, too, whose rankings have a top alone.
# Table: [file] panel measure end rank text category value lo hi.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. A place is counted from the top of its panel.
array PANEL[64]; array MEASURE[64]; array TOPS[64]; array BOTTOMS[64]; array LOW[64]; array HIGH[64]
array CATEGORY[2048]; array USES[2048]
array FILE[64]
n_files = 0; n_panels = 0; n_categories = 0; any_interval = 0; any_left = 0
panel_of(dummy) = file_of(0) . "\t" . strcol("panel")
find_panel(s) = sum [i = 1:n_panels] (PANEL[i] eq s ? i : 0)
find_category(s) = sum [i = 1:n_categories] (CATEGORY[i] eq s ? i : 0)
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_panel(s) = find_panel(s) || n_panels == 64 ? (any_left = any_left || !find_panel(s), 0) : (n_panels = n_panels + 1, PANEL[n_panels] = s, MEASURE[n_panels] = strcol("measure"), \
  TOPS[n_panels] = 0, BOTTOMS[n_panels] = 0, LOW[n_panels] = NaN, HIGH[n_panels] = NaN, 1)
add_category(s) = s eq "-" || n_categories == 2048 ? 0 : find_category(s) ? (USES[find_category(s)] = USES[find_category(s)] + 1) : \
  (n_categories = n_categories + 1, CATEGORY[n_categories] = s, USES[n_categories] = 1)
is_top(dummy) = strcol("end") eq "top"
count(p) = is_top(0) ? (TOPS[p] = TOPS[p] + 1) : (BOTTOMS[p] = BOTTOMS[p] + 1)
see_range(p, v) = v == v ? (LOW[p] = v >= LOW[p] ? LOW[p] : v, HIGH[p] = v <= HIGH[p] ? HIGH[p] : v) : 0
see(p) = p == 0 ? 0 : (count(p), see_range(p, column("value")), see_range(p, column("lo")), see_range(p, column("hi")), \
  any_interval = any_interval || column("lo") == column("lo"), add_category(strcol("category")))
set table $scan
plot data using (add_file(file_of(0)), add_panel(panel_of(0)), see(find_panel(panel_of(0)))) with table
unset table
undefine $scan
if (n_panels == 0) { print data, ": no rows to draw"; exit status 3 }
if (any_left) { print data, ": more than 64 rankings, expected no more in one figure"; exit status 3 }

# ---- Categories: those of most words have a colour each, as far as there are colours; the others share a grey.
any_other = n_categories > 7
if (any_other) {
  do for [i = 1:7] {
    best = i
    do for [j = i:n_categories] { if (USES[j] > USES[best]) { best = j } }
    name = CATEGORY[best]; CATEGORY[best] = CATEGORY[i]; CATEGORY[i] = name
    uses = USES[best]; USES[best] = USES[i]; USES[i] = uses
  }
  n_categories = 7
}

# ---- Rows: place, value, lo, hi, category (0: none; 1 above, 2 below where there are no categories), and texts.
block(p) = sprintf("$w_%d", p)
most = 0
do for [p = 1:n_panels] { most = larger(most, TOPS[p] + BOTTOMS[p]) }
array TEXTS[n_panels * most]
array TEXT_AT[n_panels * most]
do for [i = 1:n_panels * most] { TEXTS[i] = ""; TEXT_AT[i] = 0 }
place(p) = is_top(0) ? column("rank") : TOPS[p] + 1 + BOTTOMS[p] - column("rank") + 1
keep(p, at, s) = (TEXTS[(p - 1) * most + taken] = s, TEXT_AT[(p - 1) * most + taken] = at)
do for [p = 1:n_panels] {
  taken = 0
  set table $scan
  plot data using (panel_of(0) eq PANEL[p] ? (taken = taken + 1, keep(p, place(p), strcol("text")), 1) : 0) with table
  unset table
  undefine $scan
  eval begin_block(block(p))
  plot data using (place(p)):(column("value")):(column("lo")):(column("hi")):(find_category(strcol("category"))):(is_top(0)) \
    with table if (panel_of(0) eq PANEL[p])
  unset table
}
longest = 4
do for [i = 1:n_panels * most] { longest = larger(longest, strlen(TEXTS[i])) }
longest = smaller(longest, 22)
set datafile separator whitespace
unset datafile columnheaders

# ---- The page.
legend_n = n_categories
do for [i = 1:n_categories] { LEGEND[i] = CATEGORY[i] . "  " }
columns = smaller(n_panels, 3)
rows = int((n_panels - 1) / columns) + 1
label_w = 14 + text_width("x", SIZE + 1) * longest
panel_w = columns == 1 ? 420 : 230
panel_h = 15 * (most + 1)
W = larger(EDGE + columns * (panel_w + label_w + 14) + 14, 560)
head = head_height(W)
H = head + rows * (panel_h + 66) + 36
of_samples = MEASURE[1] eq "relative_l2"
page_title = strlen(head_title) ? head_title : of_samples ? "Samples that drift most" : "Words at both ends"
page_caption = of_samples ? "size of the change, in units of the spread of all frozen rows" : join(join(join("means over prompts; · stands for a blank at a word's edge", any_interval ? \
  "lines: " . (strlen(head_interval) ? head_interval : "intervals from lo to hi") : "no intervals"), \
  any_other ? "grey: other categories" : ""), head_note)
load here . "page.gp"

ABOVE = 0x0072B2; BELOW = 0xD55E00
word_colour(c, top) = c > 0 ? colour(int(c)) : n_categories ? SOFT : top > 0 ? ABOVE : BELOW
word_mark(c) = c > 0 ? mark(int(c)) : 7
# A tic's label is a format.
percent(s) = strlen(s) == 0 ? "" : (s[1:1] eq "%" ? "%%" : s[1:1]) . percent(s[2:*])
decade(v) = 10.0 ** floor(log10(v))
nice(v) = v <= decade(v) ? decade(v) : v <= 2 * decade(v) ? 2 * decade(v) : v <= 5 * decade(v) ? 5 * decade(v) : 10 * decade(v)
unset grid
set grid xtics lt 1 lw 0.5 lc rgb GRID
do for [p = 1:n_panels] {
  cell = p - 1
  eval panel(EDGE + label_w + (cell % columns) * (panel_w + label_w + 14), head + 20 + (cell / columns) * (panel_h + 66), \
    panel_w, panel_h)
  tab = strstrt(PANEL[p], "\t")
  heading = join(n_files > 1 ? PANEL[p][1:tab - 1] : "", PANEL[p][tab + 1:*])
  eval HEADINGS
  n = TOPS[p] + BOTTOMS[p]
  # With 0, unless that is far off.
  span = HIGH[p] - LOW[p]
  left = LOW[p] > span ? LOW[p] : smaller(LOW[p], 0)
  right = HIGH[p] < -span ? HIGH[p] : larger(HIGH[p], 0)
  pad = right > left ? 0.04 * (right - left) : 1
  left = left - pad
  right = right + pad
  set xrange [left : right]
  set yrange [n + 1.6 : 0.4]
  set ytics ()
  do for [i = 1:n] { set ytics add (percent(shortened(TEXTS[(p - 1) * most + i], 22)) TEXT_AT[(p - 1) * most + i]) }
  set ytics scale 0 noenhanced
  set format x "%g"
  set xtics nice((right - left) / (columns == 1 ? 9.0 : 5.0))
  set xlabel MEASURE[p] offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  unset arrow
  if (left <= 0 && right >= 0) { set arrow 1 from 0, graph 0 to 0, graph 1 nohead lw 0.8 dt 3 lc rgb SOFT back }
  plot \
    block(p) using 3:1:($4 - $3):(0):(word_colour($5, $6)) with vectors nohead lw 1.4 lc rgb variable, \
    block(p) using 2:1:(word_mark($5)):(word_colour($5, $6)) with points pt variable ps 0.55 lc rgb variable
}
unset multiplot
