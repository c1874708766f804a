# Training curves: one small panel a quantity, one colour a run.
# Table: file step loss bt_loss anchor accuracy margin reward_mean grad_norm learning_rate tokens drift_mean eval_bt_loss
# eval_accuracy eval_margin; the last three are of held-out pairs, at some steps only.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- The panels in reading order. "+": noisy from batch to batch, so that a running mean is drawn over it.
array NAME[9] = ["loss", "bt_loss", "anchor", "accuracy", "margin", "reward_mean", "grad_norm", "learning_rate", "drift_mean"]
array NOISY[9] = [1, 1, 0, 1, 1, 1, 1, 0, 0]
array TITLE_OF[9] = ["loss, nats", "Bradley–Terry loss, nats", "anchor term", \
  "accuracy, share of pairs", "margin, chosen − rejected reward", "mean reward", "gradient norm, before clipping", \
  "learning rate", "mean relative squared drift"]
array HELD_OUT[9] = ["", "eval_bt_loss", "", "eval_accuracy", "eval_margin", "", "", "", ""]
chance(p) = p == 2 ? log(2) : p == 4 ? 0.5 : NaN

# ---- What the table holds.
array FILE[64]; array LOW[9]; array HIGH[9]; array LEAST[9]
n_files = 0; any_held_out = 0; first = NaN; last = NaN
do for [p = 1:9] { LOW[p] = NaN; HIGH[p] = NaN }
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
see_range(p, v) = v == v ? (LOW[p] = v >= LOW[p] ? LOW[p] : v, HIGH[p] = v <= HIGH[p] ? HIGH[p] : v) : 0
see_held_out(p, v) = v == v ? (any_held_out = 1, see_range(p, v)) : 0
see(s) = (add_file(file_of(0)), first = s >= first ? first : s, last = s <= last ? last : s, \
  sum [p = 1:9] (see_range(p, column(NAME[p])), strlen(HELD_OUT[p]) ? see_held_out(p, column(HELD_OUT[p])) : 0))
set table $scan
plot data using (see(column("step"))) with table
unset table
undefine $scan
if (n_files == 0) { print data, ": no rows to draw"; exit status 3 }
series(f) = sprintf("$r_%d", f)
do for [f = 1:n_files] {
  eval begin_block(series(f))
  plot data using (column("step")):(column(NAME[1])):(column(NAME[2])):(column(NAME[3])):(column(NAME[4])):(column(NAME[5])) \
    :(column(NAME[6])):(column(NAME[7])):(column(NAME[8])):(column(NAME[9])) \
    :(column(HELD_OUT[2])):(column(HELD_OUT[4])):(column(HELD_OUT[5])) with table if (file_of(0) eq FILE[f])
  unset table
}
set datafile separator whitespace
unset datafile columnheaders
array SHOWN[9]
n_shown = 0
do for [p = 1:9] { if (LOW[p] == LOW[p]) { n_shown = n_shown + 1; SHOWN[n_shown] = p } }

# ---- The page.
legend_n = n_files
do for [f = 1:n_files] { LEGEND[f] = FILE[f] }
dashes(i) = 1
columns = smaller(3, n_shown)
rows = int((n_shown - 1) / columns) + 1
panel_w = 232; panel_h = 118
W = EDGE + columns * (panel_w + 58) + 10
head = head_height(W)
H = head + rows * (panel_h + 38) + 54
window = int(0.5 + (last - first) / 25.0)
smooth = (window >= 2)
page_title = strlen(head_title) ? head_title : "Training curves"
# Thin lines of very many steps take long to draw and show nothing more.
apart = int((last - first) / 1000) + 1
thin = apart == 1 ? "every step" : sprintf("one step in %d", apart)
page_caption = join(join(smooth ? sprintf("thin: %s; thick: exponential mean over %d steps", thin, window) : "every step", \
  join(any_held_out ? "points: held-out pairs" : "", "dotted: chance")), seed_words)
load here . "page.gp"

# ---- A bias-corrected exponential mean, restarted with every curve; NaN passes through.
sum_y = 0; sum_w = 0
mean(y) = ($0 == 0 ? (sum_y = 0, sum_w = 0) : 0, y == y ? \
  (sum_y = sum_y * (1 - 1.0 / window) + y, sum_w = sum_w * (1 - 1.0 / window) + 1, sum_y / sum_w) : NaN)

set xtics tic_step(last - first, 5)
set xrange [first - 0.5 : last + 0.5 + 0.01 * (last - first)]
do for [cell = 0:n_shown - 1] {
  p = SHOWN[cell + 1]
  eval panel(EDGE + 42 + (cell % columns) * (panel_w + 58), head + 20 + (cell / columns) * (panel_h + 38), panel_w, panel_h)
  logarithmic = (p == 7 && LOW[p] > 0 && HIGH[p] / LOW[p] > 50)
  largest = larger(abs(LOW[p]), abs(HIGH[p]))
  power = logarithmic || largest == 0 ? 0 : int(floor(log10(largest)))
  power = (power < -2 || power > 3) ? power : 0
  unit = 10.0 ** power
  heading = TITLE_OF[p] . (power ? "  (× 10" . superscript(power) . ")" : "")
  eval HEADINGS
  low = LOW[p] / unit; high = HIGH[p] / unit
  if (chance(p) == chance(p)) { low = smaller(low, chance(p)); high = larger(high, chance(p)) }
  if (p == 3 || p == 8 || p == 9) { low = smaller(low, 0) }
  pad = high > low ? 0.05 * (high - low) : larger(0.1 * abs(high), high == 0 ? 1 : 0)
  unset logscale y
  set yrange [logarithmic ? low / 1.2 : low == 0 ? 0 : low - pad : logarithmic ? high * 1.2 : high + pad]
  if (p == 4) { set yrange [low > 0.4 ? 0.4 : 0 : 1.02] }
  if (logarithmic) { set logscale y; set format y "10^{%L}" } else { set format y "%g" }
  lowest = (cell + columns >= n_shown)
  if (lowest) { set format x "%g" } else { set format x "" }
  set xlabel (lowest ? "step" : "") offset 0, 0.8 font TEXT textcolor rgb INK
  unset arrow
  if (chance(p) == chance(p)) {
    set arrow 1 from graph 0, first chance(p) to graph 1, first chance(p) nohead lw 0.8 dt 3 lc rgb SOFT back
  }
  held_out = p == 2 ? 11 : p == 4 ? 12 : p == 5 ? 13 : 0
  smoothed = (smooth && NOISY[p])
  plot \
    for [f = 1:n_files] series(f) every apart using 1:(column(p + 1) / unit) \
      with lines lw (smoothed ? 0.6 : 1.6) lc rgb ((smoothed ? 0xB0000000 : 0) + colour(f)), \
    for [f = 1:smoothed ? n_files : 0] series(f) using 1:(mean(column(p + 1)) / unit) with lines lw 1.8 lc rgb colour(f), \
    for [f = 1:last - first < 3 ? n_files : 0] series(f) using 1:(column(p + 1) / unit) \
      with points pt mark(f) ps 0.5 lc rgb colour(f), \
    for [f = 1:held_out ? n_files : 0] series(f) using 1:(column(held_out) / unit) \
      with points pt mark(f) ps 0.65 lc rgb 0xFFFFFF, \
    for [f = 1:held_out ? n_files : 0] series(f) using 1:(column(held_out) / unit) \
      with points pt mark(f) ps 0.45 lc rgb colour(f)
}
unset multiplot
