# Where planted truths are seen: how far each measure is from what identical models give, along the forward pass; a panel a truth.
# Table: file truth measure site place edited_layer distance. Place: the stream behind block n at n, sites inside a block before it.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. Of the measures, one of each kind is drawn.
array SHOWN[7] = ["relative_l2", "procrustes", "cosine", "cka", "subspace", "knn", "lens_kl"]
array FILE[16]; array TRUTH[16]
n_files = 0; n_truths = 0; last = NaN; edited = NaN
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_truth(s) = sum [i = 1:n_truths] (TRUTH[i] eq s ? i : 0)
add_file(s) = find_file(s) || n_files == 16 ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_truth(s) = s eq "nothing" || find_truth(s) || n_truths == 16 ? 0 : (n_truths = n_truths + 1, TRUTH[n_truths] = s, 1)
see(x, e) = (last = x <= last ? last : x, edited = e)
set table $scan
plot data using (add_file(file_of(0)) + add_truth(strcol("truth")) + see(column("place"), column("edited_layer"))) with table
unset table
undefine $scan
if (n_files == 0 || n_truths == 0) { print data, ": no rows to draw"; exit status 3 }
# What is 0 to the last bit, or to rounding, lies at the foot.
FOOT = 1e-8
raised(v) = v < FOOT ? FOOT : v
series(f, t, m) = sprintf("$r_%d_%d_%d", f, t, m)
is_row(f, t, m) = file_of(0) eq FILE[f] && strcol("truth") eq TRUTH[t] && strcol("measure") eq SHOWN[m] && !is_missing("distance")
do for [f = 1:n_files] {
  do for [t = 1:n_truths] {
    do for [m = 1:7] {
      eval begin_block(series(f, t, m))
      plot data using (column("place")):(raised(column("distance"))) with table if (is_row(f, t, m))
      unset table
    }
  }
}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page.
legend_n = 7
do for [m = 1:7] { LEGEND[m] = SHOWN[m] }
columns = smaller(2, n_truths)
rows = n_files * (int((n_truths - 1) / columns) + 1)
panel_w = 320; panel_h = 190
W = EDGE + columns * (panel_w + 64) + 8
head = head_height(W)
H = head + rows * (panel_h + 62) + 34
page_title = strlen(head_title) ? head_title : "Where each planted truth is seen"
page_caption = join(join("grey: the edited block; at the foot: no change; a little above it: rounding", head_note), seed_words)
load here . "page.gp"

set logscale y
set format y "10^{%L}"
set yrange [FOOT / 2 : 10]
set ytics 100
set xrange [-0.4 : last + 0.4]
set object 1 rectangle from first edited - 0.9, graph 0 to first edited + 0.1, graph 1 behind fc rgb 0xEFEFEF fs solid 1 noborder
cell = 0
do for [f = 1:n_files] {
  do for [t = 1:n_truths] {
    eval panel(EDGE + 50 + (cell % columns) * (panel_w + 64), head + 20 + (cell / columns) * (panel_h + 62), panel_w, panel_h)
    heading = (n_files > 1 ? FILE[f] . ": " : "") . TRUTH[t]
    eval HEADINGS
    set xtics 0, tic_step(last, panel_w / 45), last
    set ylabel (cell % columns == 0 ? "distance from identical" : "") noenhanced font TEXT textcolor rgb INK offset 0.6, 0
    set xlabel (cell + columns >= n_files * n_truths ? "block" : "") offset 0, 0.8 font TEXT textcolor rgb INK
    plot for [m = 1:7] series(f, t, m) using 1:2 with linespoints lw 1.8 dt dashes(m) pt mark(m) ps 0.5 lc rgb colour(m)
    cell = cell + 1
  }
}
unset multiplot
