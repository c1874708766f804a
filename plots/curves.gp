# Training curves of a sweep: one line a method, the mean over its seeds; a row of panels for each series.
# Table: series method anchor pairs seed step n bt_loss accuracy anchor_term drift; of each step's batch.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"
load here . "methods.gp"

array NAME[4] = ["bt_loss", "accuracy", "drift", "anchor_term"]
array TITLE_OF[4] = ["Bradley–Terry loss, nats", "accuracy, share of pairs", "relative squared drift, mean over blocks", \
  "anchor term"]
array NOISY[4] = [1, 1, 0, 0]
array BOTTOM[4]; array TOP[4]
do for [p = 1:4] { BOTTOM[p] = NaN; TOP[p] = NaN }
last = NaN; fewest = NaN; most = NaN
see_range(p, v) = v == v ? (BOTTOM[p] = v >= BOTTOM[p] ? BOTTOM[p] : v, TOP[p] = v <= TOP[p] ? TOP[p] : v) : 0
see(s, n) = (last = s <= last ? last : s, fewest = n >= fewest ? fewest : n, most = n <= most ? most : n, \
  sum [p = 1:4] (see_range(p, column(NAME[p])), 1))
set table $scan
plot data using (see(column("step"), column("n"))) with table
unset table
undefine $scan
block(s, i) = sprintf("$r_%d_%d", s, i)
do for [s = 1:n_series] { do for [i = 1:n_methods] {
  eval begin_block(block(s, i))
  plot data using (column("step")):(column(NAME[1])):(column(NAME[2])):(column(NAME[3])):(column(NAME[4])) with table \
    if (strcol("series") eq SERIES[s] && strcol("method") eq METHOD[i])
  unset table
}}
set datafile separator whitespace
unset datafile columnheaders
array SHOWN[4]
n_shown = 0
do for [p = 1:3] { if (BOTTOM[p] == BOTTOM[p]) { n_shown = n_shown + 1; SHOWN[n_shown] = p } }

# ---- The page.
eval legend_methods
columns = n_shown
panel_w = columns == 1 ? 640 : columns == 2 ? 380 : 290
panel_h = n_series == 1 ? 220 : 160
W = EDGE + columns * (panel_w + 58) + 10
head = head_height(W) + (n_series > 1 ? 20 : 0)
row_h = panel_h + (n_series > 1 ? 84 : 62)
H = head + n_series * row_h + 36
window = int(0.5 + last / 25.0)
smooth = (window >= 2)
n_words = fewest == most ? sprintf("means over %d seed%s", most, most == 1 ? "" : "s") : sprintf("means over %d to %d seeds", fewest, most)
page_title = strlen(head_title) ? head_title : "Training curves of the sweep"
page_caption = join(join(join(n_words, smooth ? sprintf("loss and accuracy: exponential mean over %d steps", window) : "every step"), \
  "dotted: chance"), seed_words)
load here . "page.gp"

sum_y = 0; sum_w = 0
mean(y) = ($0 == 0 ? (sum_y = 0, sum_w = 0) : 0, y == y ? \
  (sum_y = sum_y * (1 - 1.0 / window) + y, sum_w = sum_w * (1 - 1.0 / window) + 1, sum_y / sum_w) : NaN)
set xrange [0 : last * 1.01 + 0.5]
set xtics tic_step(last, 6)
do for [s = 1:n_series] { do for [cell = 1:n_shown] {
  p = SHOWN[cell]
  eval panel(EDGE + 42 + (cell - 1) * (panel_w + 58), head + 20 + (s - 1) * row_h, panel_w, panel_h)
  power = p == 3 && TOP[p] > 0 ? int(floor(log10(TOP[p]))) : 0
  power = power < -2 || power > 3 ? power : 0
  unit = 10.0 ** power
  heading = TITLE_OF[p] . (power ? "  (× 10" . superscript(power) . ")" : "")
  over = cell == 1 ? series_title(SERIES[s]) : ""
  eval HEADINGS
  set xlabel (s == n_series ? "step" : "") offset 0, 0.8 font TEXT textcolor rgb INK
  chance = p == 1 ? log(2) : p == 2 ? 0.5 : NaN
  low = chance < BOTTOM[p] ? chance : BOTTOM[p] / unit; high = chance > TOP[p] ? chance : TOP[p] / unit
  pad = high > low ? 0.05 * (high - low) : larger(0.1 * abs(high), 0.01)
  set yrange [p == 3 ? 0 : p == 2 ? larger(low - pad, 0) : low - pad : p == 2 ? smaller(high + pad, 1) : high + pad]
  set format y "%g"
  unset arrow
  if (chance == chance) { set arrow 1 from graph 0, first chance to graph 1, first chance nohead lw 0.8 dt 3 lc rgb SOFT back }
  noisy = (smooth && NOISY[p])
  plot \
    for [i = 1:noisy ? n_methods : 0] block(s, i) using 1:(mean(column(p + 1))) with lines lw 1.7 dt method_dashes(i) lc rgb method_colour(i), \
    for [i = 1:noisy ? 0 : n_methods] block(s, i) using 1:(column(p + 1) / unit) with lines lw 1.7 dt method_dashes(i) lc rgb method_colour(i), \
    for [i = 1:last < 3 ? n_methods : 0] block(s, i) using 1:(column(p + 1) / unit) with points pt method_mark(i) ps 0.5 lc rgb method_colour(i)
}}
unset multiplot
