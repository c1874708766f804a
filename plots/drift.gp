# Drift per layer: one panel a measure, one line with its interval band for each file (or kind of site).
# Table: [file] site layer measure value lo hi n [noise] [floor]. Sites without a layer stand beside the axis as single
# points. Noise is dotted, what unrelated data give (floor) dashed where it is not far away.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. LOW, HIGH: range of values and interval ends; LEAST: of values alone.
array FILE[64]; array KIND[64]; array MEASURE[64]; array LOOSE[512]
# FLOOR_LOW, FLOOR_HIGH: range of what unrelated data give.
array LOW[64]; array HIGH[64]; array LEAST[64]; array FLOOR_LOW[64]; array FLOOR_HIGH[64]
n_files = 0; n_kinds = 0; n_measures = 0; n_loose = 0
first = NaN; last = NaN; fewest = NaN; most = NaN; any_interval = 0; any_noise = 0
noise_cell(dummy) = has_column("noise") ? column("noise") : NaN
floor_cell(dummy) = has_column("floor") ? column("floor") : NaN
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_kind(s) = sum [i = 1:n_kinds] (KIND[i] eq s ? i : 0)
find_measure(s) = sum [i = 1:n_measures] (MEASURE[i] eq s ? i : 0)
find_loose(s) = sum [i = 1:n_loose] (LOOSE[i] eq s ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_kind(s) = find_kind(s) ? 0 : (n_kinds = n_kinds + 1, KIND[n_kinds] = s, 1)
add_loose(s) = find_loose(s) ? 0 : (n_loose = n_loose + 1, LOOSE[n_loose] = s, 1)
add_measure(s) = find_measure(s) ? 0 : (n_measures = n_measures + 1, MEASURE[n_measures] = s, \
  LOW[n_measures] = NaN, HIGH[n_measures] = NaN, LEAST[n_measures] = NaN, FLOOR_LOW[n_measures] = NaN, FLOOR_HIGH[n_measures] = NaN, 1)
see_range(m, v) = v == v ? (LOW[m] = v >= LOW[m] ? LOW[m] : v, HIGH[m] = v <= HIGH[m] ? HIGH[m] : v) : 0
see_value(m, v) = v == v ? (LEAST[m] = v >= LEAST[m] ? LEAST[m] : v, see_range(m, v)) : 0
see_ends(m, lo, hi) = (any_interval = any_interval || lo == lo, see_range(m, lo), see_range(m, hi))
see_noise(m, v) = v == v ? (any_noise = 1, see_range(m, v)) : 0
see_floor(m, v) = v == v ? (FLOOR_LOW[m] = v >= FLOOR_LOW[m] ? FLOOR_LOW[m] : v, FLOOR_HIGH[m] = v <= FLOOR_HIGH[m] ? FLOOR_HIGH[m] : v) : 0
see_site(s, layer) = layer == layer ? \
  (add_kind(kind_of(s)), first = layer >= first ? first : layer, last = layer <= last ? last : layer) : add_loose(s)
see_n(n) = n == n ? (fewest = n >= fewest ? fewest : n, most = n <= most ? most : n) : 0
see(m) = (add_file(file_of(0)), add_measure(m), see_value(find_measure(m), column("value")), \
  see_ends(find_measure(m), column("lo"), column("hi")), see_noise(find_measure(m), noise_cell(0)), \
  see_floor(find_measure(m), floor_cell(0)), see_site(strcol("site"), column("layer")), \
see_n(column("n")))
set table $scan
plot data using (see(strcol("measure"))) with table
unset table
undefine $scan
if (n_measures == 0) { print data, ": no rows to draw"; exit status 3 }

# ---- The panels: one a measure that is defined somewhere, but the floor of the biased CKA is drawn below it.
array PANEL[64]
n_panels = 0
biased = find_measure("cka_biased"); floor_of_biased = biased ? find_measure("cka_floor") : 0
measured_floor = biased ? FLOOR_HIGH[larger(1, biased)] == FLOOR_HIGH[larger(1, biased)] : 0 # is drawn rather than the formula
do for [m = 1:n_measures] {
  if (m != floor_of_biased && HIGH[m] == HIGH[m]) { n_panels = n_panels + 1; PANEL[n_panels] = m }
}
if (n_panels == 0) { print data, ": no value is defined"; exit status 3 }
if (floor_of_biased && !measured_floor && LOW[floor_of_biased] < LOW[biased]) { LOW[biased] = LOW[floor_of_biased] }
if (floor_of_biased && !measured_floor && HIGH[floor_of_biased] > HIGH[biased]) { HIGH[biased] = HIGH[floor_of_biased] }

# ---- The page. Colours tell files apart, or kinds of site where there is one file; with several of both, every kind has
# its own column of panels.
by_kind = (n_files == 1)
facets = by_kind ? 1 : larger(1, n_kinds)
legend_n = by_kind ? n_kinds : n_files
do for [i = 1:legend_n] { LEGEND[i] = by_kind ? KIND[i] : FILE[i] }
columns = facets > 1 ? facets : n_panels == 1 ? 1 : n_panels <= 4 ? 2 : 3
rows = facets > 1 ? n_panels : int((n_panels - 1) / columns) + 1
panel_w = columns == 1 ? 640 : columns == 2 ? 350 : 270
panel_h = rows == 1 ? 300 : 180
W = EDGE + columns * (panel_w + 62) + 14
head = head_height(W) + (facets > 1 ? 20 : 0)
H = head + rows * (panel_h + 62) + 34
page_title = strlen(head_title) ? head_title : "Representation drift per layer"
n_words = most == most ? (fewest == most ? sprintf("n = %d samples", most) : sprintf("n = %d to %d samples", fewest, most)) : ""
page_caption = join(join(n_words, any_interval == 0 ? "no intervals" : \
  "bands: " . (strlen(head_interval) ? head_interval : "intervals from lo to hi")), seed_words)
if (any_noise) { page_caption = join(page_caption, "dotted: noise, the frozen model recorded again") }
load here . "page.gp"

# ---- Along the axis: layers by number; without one, the embedding on the left and the others on the right.
has_layers = (first == first)
span = has_layers ? last - first : 0
gap = larger(0.4, 36.0 / panel_w * span) # room for the name
n_before = sum [i = 1:n_loose] (kind_of(LOOSE[i]) eq "embed" ? 1 : 0)
place(s) = has_layers == 0 ? find_loose(s) - 1 : \
  kind_of(s) eq "embed" ? first - gap : last + gap * (find_loose(s) - n_before)
edge = has_layers ? larger(0.4, 0.02 * span) : 0.5
x_low = has_layers ? first - edge - gap * n_before : -0.5
x_high = has_layers ? last + edge + gap * (n_loose - n_before) : n_loose - 0.5
banded = (has_layers && span >= 2)

# ---- Series: the blocks $s_MEASURE_FILE_KIND (x value lo hi) and, for single points, $p_MEASURE_FILE.
series(m, f, k) = sprintf("$s_%d_%d_%d", m, f, k)
points(m, f) = sprintf("$p_%d_%d", m, f)
is_row(m, f) = strcol("measure") eq MEASURE[m] && file_of(0) eq FILE[f]
do for [m = 1:n_measures] { do for [f = 1:n_files] {
  do for [k = 1:n_kinds] {
    eval begin_block(series(m, f, k))
    plot data using (column("layer")):(column("value")):(column("lo")):(column("hi")):(noise_cell(0)):(floor_cell(0)) with table \
      if (is_row(m, f) && !is_missing("layer") && kind_of(strcol("site")) eq KIND[k])
    unset table
  }
  eval begin_block(points(m, f))
  plot data using (place(strcol("site"))):(column("value")):(column("lo")):(column("hi")):(noise_cell(0)):(floor_cell(0)) with table \
    if (is_row(m, f) && is_missing("layer"))
  unset table
}}
set datafile separator whitespace
unset datafile columnheaders

# ---- Drawing.
one_kind = n_kinds == 1 ? " (" . KIND[1] . ")" : ""
n_lines = by_kind ? n_kinds : n_files
file(i) = by_kind ? 1 : i
kind(i, facet) = by_kind ? i : facet
shift(i) = banded ? 0 : 0.12 * (i - 0.5 * (n_lines + 1)) / larger(1, n_lines)
loose_colour(i) = by_kind && n_kinds > 1 ? SOFT : colour(i)
set xrange [x_low : x_high]
do for [q = 1:n_panels] { do for [facet = 1:facets] {
  m = PANEL[q]
  cell = facets > 1 ? (q - 1) * columns + facet - 1 : q - 1
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + 20 + (cell / columns) * (panel_h + 62), panel_w, panel_h)
  same = identical(MEASURE[m])
  has_floor = (floor_of_biased && m == biased && !measured_floor)
  # Unrelated data, where these are at most three times as far from identical models as the values; always of biased CKA.
  nearest = same == 1 ? FLOOR_HIGH[m] : FLOOR_LOW[m]
  reach = larger(abs(HIGH[m] - same), abs(LOW[m] - same))
  near_floor = (same == same && nearest == nearest && (m == biased || abs(nearest - same) <= 3 * reach))
  if (near_floor) { LOW[m] = nearest < LOW[m] ? nearest : LOW[m]; HIGH[m] = nearest > HIGH[m] ? nearest : HIGH[m] }
  title = measure_title(MEASURE[m])
  heading = facet > 1 ? "" : has_floor || near_floor ? title[1:strstrt(title, " (") - 1] . " (dashed: unrelated data)" : title
  over = facets > 1 && q == 1 ? KIND[facet] : ""
  eval HEADINGS
  logarithmic = (same == 0 && LEAST[m] > 0 && HIGH[m] / LEAST[m] > 50)
  low = logarithmic ? LEAST[m] : same < LOW[m] ? same : LOW[m]
  high = same > HIGH[m] ? same : HIGH[m]
  pad = high > low ? 0.05 * (high - low) : 0.1 * abs(high) + 1e-9
  bottom = logarithmic ? low / 1.3 : low == same ? low : low - pad
  unset logscale y
  set yrange [bottom : logarithmic ? high * 1.3 : high + pad]
  raised(v) = v < bottom ? bottom : v
  if (logarithmic) { set logscale y; set format y "10^{%L}" } else { set format y "%g" }
  set xtics ()
  if (has_layers) { set xtics first, tic_step(span, panel_w / 45), last }
  do for [i = 1:facet == 1 ? n_loose : 0] { set xtics add (kind_of(LOOSE[i]) place(LOOSE[i])) }
  set xlabel (cell + columns >= rows * columns || (facets == 1 && cell + columns >= n_panels) ? \
    (has_layers ? "layer" . one_kind : "site") : "") offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  unset arrow
  if (same == same && same > bottom) {
    set arrow 1 from x_low, same to x_high, same nohead lw 0.8 dt 3 lc rgb SOFT back
  }
  plot \
    for [i = 1:has_floor && banded ? n_lines : 0] series(larger(1, floor_of_biased), file(i), kind(i, facet)) using 1:2 \
      with lines lw 0.8 dt 2 lc rgb colour(i), \
    for [i = 1:near_floor && banded ? n_lines : 0] series(m, file(i), kind(i, facet)) using 1:6 \
      with lines lw 0.8 dt 2 lc rgb colour(i), \
    for [i = 1:any_noise && banded ? n_lines : 0] series(m, file(i), kind(i, facet)) using 1:(raised($5)) \
      with lines lw 1.2 dt 3 lc rgb colour(i), \
    for [i = 1:banded ? n_lines : 0] series(m, file(i), kind(i, facet)) using 1:(raised($3)):(raised($4)) \
      with filledcurves fs transparent solid (n_lines > 4 ? 0.1 : 0.18) noborder fc rgb colour(i), \
    for [i = 1:banded ? n_lines : 0] series(m, file(i), kind(i, facet)) using 1:2 \
      with lines lw 1.8 dt dashes(i) lc rgb colour(i), \
    for [i = 1:banded && span <= 40 ? n_lines : 0] series(m, file(i), kind(i, facet)) using 1:2 \
      with points pt mark(i) ps 0.4 lc rgb colour(i), \
    for [i = 1:banded ? 0 : n_kinds ? n_lines : 0] series(m, file(i), kind(i, facet)) using \
      ($1 + shift(i)):(raised($3)):(0):(raised($4) - raised($3)) with vectors nohead lw 1.2 lc rgb colour(i), \
    for [i = 1:banded ? 0 : n_kinds ? n_lines : 0] series(m, file(i), kind(i, facet)) using ($1 + shift(i)):2 \
      with points pt mark(i) ps 0.55 lc rgb colour(i), \
    for [i = 1:n_loose && facet == 1 ? n_files : 0] points(m, i) using ($1 + shift(i)):(raised($3)):(0):(raised($4) - raised($3)) \
      with vectors nohead lw 1.2 lc rgb loose_colour(i), \
    for [i = 1:n_loose && facet == 1 ? n_files : 0] points(m, i) using ($1 + shift(i)):2 \
      with points pt mark(i) ps 0.55 lc rgb loose_colour(i)
}}
unset multiplot
