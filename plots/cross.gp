# All layers against all: a map of every site of A against every site of B, one panel a file and measure.
# Table: [file] site_a site_b measure value (further columns are not looked at).
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. A panel is a file and a measure; BEST and BEST_AT tell, for each of its rows, how near to
# this site of A the nearest site of B is and which one that is.
MOST = 1024
array FILE[64]; array MEASURE[64]; array LOW[64]; array HIGH[64]
array SITE_A[MOST]; array LAYER_A[MOST]; array SITE_B[MOST]; array LAYER_B[MOST]
array BEST[64 * MOST]; array BEST_AT[64 * MOST]
n_panels = 0; n_a = 0; n_b = 0; any_missing = 0; n_kinds_a = 0; n_kinds_b = 0; kind_a = ""; kind_b = ""
find_panel(f, m) = sum [i = 1:n_panels] (FILE[i] eq f && MEASURE[i] eq m ? i : 0)
find_a(s) = sum [i = 1:n_a] (SITE_A[i] eq s ? i : 0)
find_b(s) = sum [i = 1:n_b] (SITE_B[i] eq s ? i : 0)
add_panel(f, m) = find_panel(f, m) ? 0 : (n_panels = n_panels + 1, FILE[n_panels] = f, MEASURE[n_panels] = m, \
  LOW[n_panels] = NaN, HIGH[n_panels] = NaN, \
  sum [i = (n_panels - 1) * MOST + 1:n_panels * MOST] (BEST[i] = NaN, BEST_AT[i] = 0))
add_kind_a(k) = k eq kind_a ? 0 : (n_kinds_a = n_kinds_a + 1, kind_a = k, 1)
add_kind_b(k) = k eq kind_b ? 0 : (n_kinds_b = n_kinds_b + 1, kind_b = k, 1)
short(s, layer) = layer == layer ? sprintf("%d", layer) : kind_of(s)
add_a(s, layer) = find_a(s) ? 0 : (n_a = n_a + 1, SITE_A[n_a] = s, LAYER_A[n_a] = short(s, layer), \
  layer == layer ? add_kind_a(kind_of(s)) : 0, 1)
add_b(s, layer) = find_b(s) ? 0 : (n_b = n_b + 1, SITE_B[n_b] = s, LAYER_B[n_b] = short(s, layer), \
  layer == layer ? add_kind_b(kind_of(s)) : 0, 1)
nearness(m, v) = identical(m) == 1 ? v : -v
see_best(at, b, near) = near <= BEST[at] ? 0 : (BEST[at] = near, BEST_AT[at] = b)
see_value(p, a, b, v) = v == v ? (LOW[p] = v >= LOW[p] ? LOW[p] : v, HIGH[p] = v <= HIGH[p] ? HIGH[p] : v, \
  see_best((p - 1) * MOST + a, b, nearness(MEASURE[p], v))) : (any_missing = 1)
see(f, m, a, b) = (add_panel(f, m), add_a(a, layer_of(a)), add_b(b, layer_of(b)), \
  see_value(find_panel(f, m), find_a(a), find_b(b), column("value")))
set table $scan
plot data using (see(file_of(0), strcol("measure"), strcol("site_a"), strcol("site_b"))) with table
unset table
undefine $scan
if (n_panels == 0) { print data, ": no rows to draw"; exit status 3 }
series(p) = sprintf("$r_%d", p)
do for [p = 1:n_panels] {
  eval begin_block(series(p))
  plot data using (find_b(strcol("site_b")) - 1):(find_a(strcol("site_a")) - 1):(column("value")) with table \
    if (file_of(0) eq FILE[p] && strcol("measure") eq MEASURE[p])
  unset table
}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page. Cells are square where that gives a panel of sensible width.
label_a(i) = site_name(SITE_A[i], LAYER_A[i], n_kinds_a)
label_b(i) = site_name(SITE_B[i], LAYER_B[i], n_kinds_b)
widest(n) = n < 1 ? 0 : larger(text_width(label_a(n), SIZE), widest(n - 1))
margin = larger(54, 46 + widest(smaller(n_a, 200)))
columns = smaller(n_panels, n_panels == 4 ? 2 : 3)
rows = int((n_panels - 1) / columns) + 1
panel_h = columns == 1 ? 420 : columns == 2 ? 320 : 240
panel_w = larger(0.5 * panel_h, smaller(1.5 * panel_h, panel_h * n_b / (1.0 * n_a)))
pitch_w = panel_w + margin + 102; pitch_h = panel_h + 66
W = larger(480, EDGE + columns * pitch_w)
# Rings mark the nearest site where cells are large enough and nearness has a meaning.
ring = smaller(0.7, 0.06 * smaller(panel_w / n_b, panel_h / n_a))
if (ring < 0.25 || identical(MEASURE[1]) != identical(MEASURE[1])) { ring = 0 }
several_files = 0
do for [p = 2:n_panels] { if (FILE[p] ne FILE[1]) { several_files = 1 } }
head = head_height(W) - (several_files ? 0 : 14)
H = head + rows * pitch_h + 30
page_title = strlen(head_title) ? head_title : "Every layer against every layer"
page_caption = join(join(any_missing ? "grey: not measured" : "", ring > 0 ? "ring: the layer of B most like each layer of A" : ""), seed_words)
load here . "page.gp"

# ---- The panels.
unset grid
set border 3 lw 0.6
set xrange [-0.5 : n_b - 0.5]
set yrange [-0.5 : n_a - 0.5]
set xtics ()
set ytics noenhanced
set ytics ()
do for [i = 1:n_a:tic_step(n_a, panel_h / (n_kinds_a > 1 ? 12 : 35))] { set ytics add (label_a(i) i - 1) }
do for [i = 1:n_b:tic_step(n_b, panel_w / (n_kinds_b > 1 ? 90 : 35))] { set xtics add (label_b(i) i - 1) }
# The models' names, where there are two and there is room for them.
have_names = head_models == 2 && HEAD_MODEL[1] ne HEAD_MODEL[2]
model(i, room) = have_names && room >= 12 ? ": " . shortened(HEAD_MODEL[i], room) : ""
what_a = n_kinds_a == 1 ? ", layer (" . kind_a . ")" : n_kinds_a > 1 ? ", site" : ""
what_b = n_kinds_b == 1 ? ", layer (" . kind_b . ")" : n_kinds_b > 1 ? ", site" : ""
name_a = "A" . model(1, panel_h / (0.55 * SIZE) - strlen(what_a) - 3) . what_a
name_b = "B" . model(2, (pitch_w - 40) / (0.55 * SIZE) - strlen(what_b) - 3) . what_b
set cbtics font TICS textcolor rgb INK nomirror out scale 0.5
reach_x = 0.5 * n_b / panel_w
reach_y = 0.5 * n_a / panel_h
outward(v) = floor(10 * v) / 10.0
do for [p = 1:n_panels] {
  cell = p - 1
  left = EDGE + margin + (cell % columns) * pitch_w
  top = head + 14 + (cell / columns) * pitch_h
  eval panel(left, top, panel_w, panel_h)
  heading = several_files ? FILE[p] : ""
  eval HEADINGS
  same = identical(MEASURE[p])
  low = same == 1 ? outward(LOW[p]) : same == 0 ? smaller(0, LOW[p]) : LOW[p]
  high = same == 1 ? larger(1, HIGH[p]) : HIGH[p]
  set cbrange [low : high > low ? high : low + 1]
  set cblabel measure_title(MEASURE[p]) noenhanced font TEXT textcolor rgb INK offset 0.5, 0
  set colorbox user origin screen across(left + panel_w + 14), screen down(top + panel_h) \
    size screen 12.0 / W, screen panel_h / (1.0 * H) noborder
  set ylabel name_a noenhanced font TEXT textcolor rgb INK offset -0.2, 0
  set xlabel name_b noenhanced font TEXT textcolor rgb INK offset 0, 0.8
  set object 1 rectangle from graph 0, graph 0 to graph 1, graph 1 behind fc rgb EMPTY fs solid 1 noborder
  plot series(p) using ($3 == $3 ? $1 : NaN):2:($1 - 0.5):($1 + 0.5 + reach_x):($2 - 0.5):($2 + 0.5 + reach_y):3 \
      with boxxyerror fs solid 1 noborder fc palette, \
    for [pass = 1:ring > 0 && same == same ? 2 : 0] BEST using \
      ($1 > (p - 1) * MOST && $1 <= p * MOST && BEST_AT[$1] > 0 ? BEST_AT[$1] - 1 : NaN):($1 - (p - 1) * MOST - 1) \
      with points pt 6 ps ring lw (pass == 1 ? 1.6 : 0.8) lc rgb (pass == 1 ? INK : 0xFFFFFF)
}
unset multiplot
