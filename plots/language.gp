# Learning curves of language models: loss, gradient norm and learning rate, one colour a run.
# Table: file step loss eval_loss eval_perplexity grad_norm learning_rate tokens; the eval columns are of held-out text, at
# some steps only.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- The panels. "+": noisy from batch to batch, so that a running mean is drawn over it.
array NAME[3] = ["loss", "grad_norm", "learning_rate"]
array NOISY[3] = [1, 1, 0]
array TITLE_OF[3] = ["loss, nats a token", "gradient norm, before clipping", "learning rate"]

# ---- What the table holds.
array FILE[64]; array LOW[3]; array HIGH[3]
n_files = 0; any_held_out = 0; first = NaN; last = NaN
do for [p = 1:3] { LOW[p] = NaN; HIGH[p] = NaN }
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
see_range(p, v) = v == v ? (LOW[p] = v >= LOW[p] ? LOW[p] : v, HIGH[p] = v <= HIGH[p] ? HIGH[p] : v) : 0
see_held_out(v) = v == v ? (any_held_out = 1, see_range(1, v)) : 0
see(s) = (add_file(file_of(0)), first = s >= first ? first : s, last = s <= last ? last : s, \
  see_held_out(column("eval_loss")), sum [p = 1:3] (see_range(p, column(NAME[p]))))
set table $scan
plot data using (see(column("step"))) with table
unset table
undefine $scan
if (n_files == 0) { print data, ": no rows to draw"; exit status 3 }
series(f) = sprintf("$r_%d", f)
do for [f = 1:n_files] {
  eval begin_block(series(f))
  plot data using (column("step")):(column(NAME[1])):(column(NAME[2])):(column(NAME[3])):(column("eval_loss")) \
    with table if (file_of(0) eq FILE[f])
  unset table
}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page: the loss, and below it two small panels side by side.
legend_n = n_files
do for [f = 1:n_files] { LEGEND[f] = FILE[f] }
dashes(i) = 1
panel_w = 232; panel_h = 108; wide = 2 * panel_w + 58; tall = 200
W = EDGE + wide + 58 + 10
head = head_height(W)
H = head + 20 + tall + 46 + panel_h + 66
# Short, as such a mean lags behind, and a loss over thousands of tokens scatters little.
window = int(0.5 + (last - first) / 100.0)
smooth = (window >= 2)
page_title = strlen(head_title) ? head_title : "Language modelling"
# Thin lines of very many steps take long to draw and show nothing more.
apart = int((last - first) / 1000) + 1
thin = apart == 1 ? "every step" : sprintf("one step in %d", apart)
page_caption = join(join(smooth ? sprintf("thin: %s; thick: exponential mean over %d steps", thin, window) : "every step", \
  any_held_out ? "points: held-out text" : ""), seed_words)
load here . "page.gp"

# ---- A bias-corrected exponential mean, restarted with every curve; NaN passes through.
sum_y = 0; sum_w = 0
mean(y) = ($0 == 0 ? (sum_y = 0, sum_w = 0) : 0, y == y ? \
  (sum_y = sum_y * (1 - 1.0 / window) + y, sum_w = sum_w * (1 - 1.0 / window) + 1, sum_y / sum_w) : NaN)

set xrange [first - 0.5 : last + 0.5 + 0.01 * (last - first)]
set format x "%g"
do for [p = 1:3] {
  if (p == 1) { eval panel(EDGE + 42, head + 20, wide, tall) } else {
    eval panel(EDGE + 42 + (p - 2) * (panel_w + 58), head + 20 + tall + 46, panel_w, panel_h)
  }
  set xtics tic_step(last - first, p == 1 ? 10 : 5)
  largest = larger(abs(LOW[p]), abs(HIGH[p]))
  power = largest == 0 || largest != largest ? 0 : int(floor(log10(largest)))
  power = (power < -2 || power > 3) ? power : 0
  unit = 10.0 ** power
  heading = TITLE_OF[p] . (power ? "  (× 10" . superscript(power) . ")" : "")
  eval HEADINGS
  low = p == 1 ? LOW[p] / unit : 0; high = HIGH[p] / unit
  pad = high > low ? 0.05 * (high - low) : larger(0.1 * abs(high), high == 0 ? 1 : 0)
  set yrange [p == 1 ? low - pad : 0 : high + pad]
  set format y "%g"
  set xlabel (p == 1 ? "" : "step") offset 0, 0.8 font TEXT textcolor rgb INK
  smoothed = (smooth && NOISY[p])
  plot \
    for [f = 1:n_files] series(f) every apart using 1:(column(p + 1) / unit) \
      with lines lw (smoothed ? 0.6 : 1.6) lc rgb ((smoothed ? 0xB0000000 : 0) + colour(f)), \
    for [f = 1:smoothed ? n_files : 0] series(f) using 1:(mean(column(p + 1)) / unit) with lines lw 1.8 lc rgb colour(f), \
    for [f = 1:last - first < 3 ? n_files : 0] series(f) using 1:(column(p + 1) / unit) \
      with points pt mark(f) ps 0.5 lc rgb colour(f), \
    for [f = 1:p == 1 ? n_files : 0] series(f) using 1:(column(5) / unit) with points pt mark(f) ps 0.65 lc rgb 0xFFFFFF, \
    for [f = 1:p == 1 ? n_files : 0] series(f) using 1:(column(5) / unit) with points pt mark(f) ps 0.45 lc rgb colour(f)
}
unset multiplot
