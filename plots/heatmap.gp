# Layer by step: how far each layer has drifted at every step of training, one panel a run, one scale of colour.
# Table: file step_first step_last site layer drift (the mean over those steps), sites in the same order at every step.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. LEAST: the smallest drift above zero.
array FILE[64]; array ENDS[64]; array SITE[1024]; array LAYER[1024]
n_files = 0; n_sites = 0; n_kinds = 0; kind = ""
first = NaN; last = NaN; highest = NaN; least = NaN; any_missing = 0
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_site(s) = sum [i = 1:n_sites] (SITE[i] eq s ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_kind(k) = k eq kind ? 0 : (n_kinds = n_kinds + 1, kind = k, 1)
add_site(s, layer) = find_site(s) ? 0 : (n_sites = n_sites + 1, SITE[n_sites] = s, \
  LAYER[n_sites] = layer == layer ? sprintf("%d", layer) : kind_of(s), layer == layer ? add_kind(kind_of(s)) : 0, 1)
see_drift(v) = v == v ? (highest = v <= highest ? highest : v, v > 0 ? (least = v >= least ? least : v) : 0) : (any_missing = 1)
see(a, b) = (add_file(file_of(0)), ENDS[n_files] = b, add_site(strcol("site"), column("layer")), see_drift(column("drift")), \
  first = a >= first ? first : a, last = b <= last ? last : b)
set table $scan
plot data using (see(column("step_first"), column("step_last"))) with table
unset table
undefine $scan
if (n_files == 0) { print data, ": no rows to draw"; exit status 3 }
do for [f = 1:n_files] { if (ENDS[f] != last) { any_missing = 1 } }
series(f) = sprintf("$r_%d", f)
do for [f = 1:n_files] {
  eval begin_block(series(f))
  plot data using (column("step_first")):(column("step_last")):(find_site(strcol("site")) - 1):(column("drift")) with table \
    if (file_of(0) eq FILE[f])
  unset table
}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page. The scale of colour is logarithmic where drift spans more than a factor of 50, three decades at most.
label(i) = site_name(SITE[i], LAYER[i], n_kinds)
widest(n) = n < 1 ? 0 : larger(text_width(label(n), SIZE), widest(n - 1))
margin = larger(48, 40 + widest(smaller(n_sites, 200)))
columns = smaller(n_files, n_files == 2 || n_files == 4 ? 2 : 3)
rows = int((n_files - 1) / columns) + 1
panel_w = columns == 1 ? 620 : columns == 2 ? 350 : 240
panel_h = rows == 1 ? 300 : 180
logarithmic = (least == least && highest / least > 50)
floor_at = logarithmic ? larger(least, highest * 1e-3) : 0
raised(v) = v < floor_at ? floor_at : v
W = EDGE + margin - 4 + columns * (panel_w + 34) + 90
head = head_height(W) - (n_files > 1 ? 0 : 14)
H = head + rows * (panel_h + 54) + 40
page_title = strlen(head_title) ? head_title : "Drift of every layer during training"
page_caption = join(join(join(any_missing ? "grey: not measured" : "", \
  logarithmic && least < floor_at ? sprintf("palest: at most %.1g", floor_at) : ""), head_note), seed_words)
load here . "page.gp"

if (logarithmic) { set logscale cb; set format cb "10^{%L}" } else { unset logscale cb; set format cb "%g" }
set cbrange [floor_at : highest > floor_at ? highest : floor_at + 1]
set cblabel "relative squared drift" font TEXT textcolor rgb INK offset 1, 0
set cbtics font TICS textcolor rgb INK nomirror out scale 0.5
unset grid
set border 3 lw 0.6
set xrange [first - 0.5 : last + 0.5]
set yrange [-0.5 : n_sites - 0.5]
set xtics tic_step(last - first, panel_w / 50)
set ytics noenhanced
set ytics ()
tic = n_kinds > 1 ? tic_step(n_sites, panel_h / 12) : tic_step(n_sites, panel_h / 25)
do for [i = 1:n_sites:tic] { set ytics add (label(i) i - 1) }
set style rectangle fillstyle solid 1 noborder
# Cells reach half a pixel into their neighbours, so that no seams show.
reach_x = 0.5 * (last - first + 1) / panel_w
reach_y = 0.5 * n_sites / panel_h
do for [f = 1:n_files] {
  cell = f - 1
  eval panel(EDGE + margin + (cell % columns) * (panel_w + 34), head + 14 + (cell / columns) * (panel_h + 54), panel_w, panel_h)
  heading = n_files > 1 ? FILE[f] : ""
  eval HEADINGS
  set ylabel (cell % columns == 0 ? n_kinds == 1 ? "layer (" . kind . ")" : "site" : "") noenhanced font TEXT textcolor rgb INK offset -0.2, 0
  set xlabel (cell + columns >= n_files ? "step" : "") offset 0, 0.8 font TEXT textcolor rgb INK
  set object 1 rectangle from graph 0, graph 0 to graph 1, graph 1 behind fc rgb EMPTY
  if (f == n_files) {
    set colorbox user origin screen across(W - 94), \
      screen down(head + 14 + panel_h) size screen 12.0 / W, screen panel_h / (1.0 * H) noborder
  } else { unset colorbox }
  plot series(f) using ($4 == $4 ? 0.5 * ($1 + $2) : NaN):3:($1 - 0.5):($2 + 0.5 + reach_x):($3 - 0.5):($3 + 0.5 + reach_y):(raised($4)) \
    with boxxyerror fs solid 1 noborder fc palette
}
unset multiplot
