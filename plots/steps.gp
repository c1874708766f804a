# The full drift measures on the fixed probe set, recorded at a few steps of training: drift over layers, one line a
# recorded step, pale to dark. One panel a measure, or, with several runs, one row a measure and one column a run.
# Table: file step site layer measure value.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. Sites stand along the axis in the order of the table.
array FILE[64]; array MEASURE[64]; array SITE[1024]; array LAYER[1024]; array STEP[256]
array LOW[64]; array HIGH[64]
n_files = 0; n_measures = 0; n_sites = 0; n_steps = 0; n_kinds = 0; kind = ""
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_measure(s) = sum [i = 1:n_measures] (MEASURE[i] eq s ? i : 0)
find_site(s) = sum [i = 1:n_sites] (SITE[i] eq s ? i : 0)
find_step(s) = sum [i = 1:n_steps] (STEP[i] == s ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_step(s) = find_step(s) ? 0 : (n_steps = n_steps + 1, STEP[n_steps] = s, 1)
add_kind(k) = k eq kind ? 0 : (n_kinds = n_kinds + 1, kind = k, 1)
add_site(s, layer) = find_site(s) ? 0 : (n_sites = n_sites + 1, SITE[n_sites] = s, \
  LAYER[n_sites] = layer == layer ? sprintf("%d", layer) : kind_of(s), layer == layer ? add_kind(kind_of(s)) : 0, 1)
add_measure(s) = find_measure(s) ? 0 : (n_measures = n_measures + 1, MEASURE[n_measures] = s, \
  LOW[n_measures] = NaN, HIGH[n_measures] = NaN, 1)
see_value(m, v) = v == v ? (LOW[m] = v >= LOW[m] ? LOW[m] : v, HIGH[m] = v <= HIGH[m] ? HIGH[m] : v) : 0
see(m) = (add_file(file_of(0)), add_step(column("step")), add_measure(m), add_site(strcol("site"), column("layer")), \
  see_value(find_measure(m), column("value")))
set table $scan
plot data using (see(strcol("measure"))) with table
unset table
undefine $scan
if (n_files == 0) { print data, ": no rows to draw"; exit status 3 }
# Several runs may have been recorded at different steps: sort what was found.
do for [i = 2:n_steps] { do for [j = i:2:-1] { if (STEP[j] < STEP[j - 1]) {
  swap = STEP[j]; STEP[j] = STEP[j - 1]; STEP[j - 1] = swap
}}}
series(m, f, s) = sprintf("$r_%d_%d_%d", m, f, s)
do for [m = 1:n_measures] { do for [f = 1:n_files] { do for [s = 1:n_steps] {
  eval begin_block(series(m, f, s))
  plot data using (find_site(strcol("site")) - 1):(column("value")) with table \
    if (strcol("measure") eq MEASURE[m] && file_of(0) eq FILE[f] && column("step") == STEP[s])
  unset table
}}}
set datafile separator whitespace
unset datafile columnheaders

# ---- The panels: one a measure that is defined somewhere, but the floor of the biased CKA, at the last step, is drawn below it.
array PANEL[64]
n_panels = 0
biased = find_measure("cka_biased"); floor_of_biased = biased ? find_measure("cka_floor") : 0
do for [m = 1:n_measures] {
  if (m != floor_of_biased && HIGH[m] == HIGH[m]) { n_panels = n_panels + 1; PANEL[n_panels] = m }
}
if (n_panels == 0) { print data, ": no value is defined"; exit status 3 }
if (floor_of_biased && LOW[floor_of_biased] < LOW[biased]) { LOW[biased] = LOW[floor_of_biased] }
if (floor_of_biased && HIGH[floor_of_biased] > HIGH[biased]) { HIGH[biased] = HIGH[floor_of_biased] }

# ---- The page. Lines take their colours from the map, leaving out its palest end.
colour(i) = ramp(n_steps > 1 ? 0.16 + 0.84 * (i - 1) / (n_steps - 1) : 0.7)
dashes(i) = 1
mark(i) = 7
legend_n = n_steps
do for [s = 1:n_steps] { LEGEND[s] = (s == 1 ? "step " : "") . sprintf("%d", STEP[s]) }
facets = n_files
columns = facets > 1 ? facets : n_panels == 1 ? 1 : n_panels <= 4 ? 2 : 3
rows = facets > 1 ? n_panels : int((n_panels - 1) / columns) + 1
panel_w = columns == 1 ? 640 : columns == 2 ? 350 : 270
panel_h = rows == 1 ? 300 : 180
W = EDGE + columns * (panel_w + 62) + 14
head = head_height(W) + (facets > 1 ? 20 : 0)
H = head + rows * (panel_h + 62) + 34
page_title = strlen(head_title) ? head_title : "Drift of the layers as training goes on"
page_caption = join(join("measured on a fixed probe set", head_note), seed_words)
load here . "page.gp"

# ---- Drawing.
set xrange [-0.5 : n_sites - 0.5]
set xtics ()
label(i) = site_name(SITE[i], LAYER[i], n_kinds)
do for [i = 1:n_sites:tic_step(n_sites, panel_w / (n_kinds > 1 ? 90 : 45))] { set xtics add (label(i) i - 1) }
do for [q = 1:n_panels] { do for [facet = 1:facets] {
  m = PANEL[q]
  cell = facets > 1 ? (q - 1) * columns + facet - 1 : q - 1
  eval panel(EDGE + 46 + (cell % columns) * (panel_w + 62), head + 20 + (cell / columns) * (panel_h + 62), panel_w, panel_h)
  has_floor = (floor_of_biased && m == biased)
  heading = facet > 1 ? "" : has_floor ? "linear CKA, biased (dashed: unrelated data)" : measure_title(MEASURE[m])
  over = facets > 1 && q == 1 ? FILE[facet] : ""
  eval HEADINGS
  same = identical(MEASURE[m])
  low = same < LOW[m] ? same : LOW[m]
  high = same > HIGH[m] ? same : HIGH[m]
  pad = high > low ? 0.05 * (high - low) : larger(0.1 * abs(high), high == 0 ? 1 : 0)
  set yrange [low - (low == same ? 0.3 * pad : pad) : high + pad]
  set xlabel (cell + columns >= rows * columns || (facets == 1 && cell + columns >= n_panels) ? \
    n_kinds == 1 ? "layer (" . kind . ")" : "site" : "") offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  plot for [i = 1:has_floor ? 1 : 0] series(larger(1, floor_of_biased), facet, n_steps) using 1:2 \
      with lines lw 0.8 dt 2 lc rgb colour(n_steps), \
    for [s = 1:n_steps] series(m, facet, s) using 1:2 with lines lw 1.6 lc rgb colour(s), \
    for [s = 1:n_sites > 40 ? 0 : n_steps] series(m, facet, s) using 1:2 with points pt 7 ps 0.35 lc rgb colour(s)
}}
unset multiplot
