# Value words in training: the median rank of each category against training step, and the shift of each category along the axes
# over layers. One run: categories are colours, and steps go from pale to dark. Several: runs are colours, of the last step.
# Table: file step measure framing prompt site layer category value n; prompt is missing in means.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds.
array FILE[64]; array FRAMING[8]; array CATEGORY[16]; array SITE[1024]; array LAYER[1024]; array STEP[256]; array LAST[64]
n_files = 0; n_framings = 0; n_categories = 0; n_sites = 0; n_steps = 0; n_kinds = 0; kind = ""
low_rank = NaN; high_rank = NaN; low_shift = NaN; high_shift = NaN; words = NaN; same_words = 1
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_framing(s) = sum [i = 1:n_framings] (FRAMING[i] eq s ? i : 0)
find_category(s) = sum [i = 1:n_categories] (CATEGORY[i] eq s ? i : 0)
find_site(s) = sum [i = 1:n_sites] (SITE[i] eq s ? i : 0)
find_step(s) = sum [i = 1:n_steps] (STEP[i] == s ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, LAST[n_files] = -1, 1)
add_framing(s) = find_framing(s) || n_framings == 8 ? 0 : (n_framings = n_framings + 1, FRAMING[n_framings] = s, 1)
add_category(s) = find_category(s) || n_categories == 16 ? 0 : (n_categories = n_categories + 1, CATEGORY[n_categories] = s, 1)
add_step(s) = find_step(s) || n_steps == 256 ? 0 : (n_steps = n_steps + 1, STEP[n_steps] = s, 1)
add_kind(k) = k eq kind ? 0 : (n_kinds = n_kinds + 1, kind = k, 1)
add_site(s, layer) = find_site(s) ? 0 : (n_sites = n_sites + 1, SITE[n_sites] = s, \
  LAYER[n_sites] = layer == layer ? sprintf("%d", layer) : kind_of(s), layer == layer ? add_kind(kind_of(s)) : 0, 1)
see_rank(v, n) = (add_framing(strcol("framing")), same_words = words != words || words == n ? same_words : 0, words = n, \
  v == v ? (low_rank = v >= low_rank ? low_rank : v, high_rank = v <= high_rank ? high_rank : v) : 0)
see_shift(v) = (add_site(strcol("site"), column("layer")), \
  v == v ? (low_shift = v >= low_shift ? low_shift : v, high_shift = v <= high_shift ? high_shift : v) : 0)
see_step(f, s) = (add_step(s), LAST[f] = s > LAST[f] ? s : LAST[f])
see(m) = (add_file(file_of(0)), add_category(strcol("category")), see_step(find_file(file_of(0)), column("step")), \
  m eq "median_rank" ? see_rank(column("value"), column("n")) : m eq "shift" ? see_shift(column("value")) : 0)
set table $scan
plot data using (see(strcol("measure"))) with table
unset table
undefine $scan
if (n_files == 0 || low_rank != low_rank) { print data, ": no rows to draw"; exit status 3 }
do for [i = 2:n_steps] { do for [j = i:2:-1] { if (STEP[j] < STEP[j - 1]) {
  swap = STEP[j]; STEP[j] = STEP[j - 1]; STEP[j - 1] = swap
}}}

# Steps double, after step 0, which stands one place to the left of the first.
several = n_files > 1
first_step = STEP[1] == 0 ? (n_steps > 1 ? STEP[2] : 1) : STEP[1]
place(s) = s > 0 ? log(s) / log(2) : log(first_step) / log(2) - 1
mean_block(g, c, f) = sprintf("$m_%d_%d_%d", g, c, f)
dot_block(g, c, f) = sprintf("$p_%d_%d_%d", g, c, f)
shift_block(c, f, s) = sprintf("$s_%d_%d_%d", c, f, s)
is_of(c, f) = file_of(0) eq FILE[f] && strcol("category") eq CATEGORY[c] && !is_missing("value")
do for [c = 1:n_categories] { do for [f = 1:n_files] {
  do for [g = 1:n_framings] {
    eval begin_block(mean_block(g, c, f))
    plot data using (place(column("step"))):(column("value")) with table \
      if (strcol("measure") eq "median_rank" && strcol("framing") eq FRAMING[g] && is_of(c, f) && is_missing("prompt"))
    unset table
    eval begin_block(dot_block(g, c, f))
    plot data using (place(column("step"))):(column("value")) with table \
      if (strcol("measure") eq "median_rank" && strcol("framing") eq FRAMING[g] && is_of(c, f) && !is_missing("prompt"))
    unset table
  }
  do for [s = 1:n_steps] { if (!several || STEP[s] == LAST[f]) {
    eval begin_block(shift_block(c, f, several ? 1 : s))
    plot data using (find_site(strcol("site")) - 1):(column("value")) with table \
      if (strcol("measure") eq "shift" && is_of(c, f) && column("step") == STEP[s])
    unset table
  }}
}}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page: ranks above, shifts below. Of several runs the ranks have a row a framing and a column a category.
legend_n = several ? n_files : n_categories
do for [i = 1:legend_n] { LEGEND[i] = (several ? FILE[i] : CATEGORY[i]) . "  " }
rank_rows = several ? n_framings : 1
rank_columns = several ? n_categories : n_framings
columns = larger(rank_columns, n_sites ? n_categories : 1)
rows = rank_rows + (n_sites ? 1 : 0)
panel_w = columns == 1 ? 640 : columns == 2 ? 350 : columns == 3 ? 260 : 210
panel_h = rows == 1 ? 260 : 190
cell_w = panel_w + 58
cell_h = panel_h + 74
W = EDGE + columns * cell_w + 12
head = head_height(W)
H = head + rows * cell_h + 34
page_title = strlen(head_title) ? head_title : "Value words as training goes on"
page_caption = join(join("rank 1: highest reward; means over prompts" . (several ? "" : ", points: prompts"), \
  same_words ? "dotted: the middle of all words" : ""), \
  n_sites ? (several ? "shifts: at the last step" : sprintf("shifts: steps %d to %d, pale to dark", STEP[1], STEP[n_steps])) : "")
load here . "page.gp"

framing_words(g) = FRAMING[g] eq "none" ? (n_framings == 1 ? "all prompts" : "prompts without a framing") : FRAMING[g] . " framing"
middle = same_words ? 0.5 * (words + 1) : NaN
pad = larger(0.5, 0.05 * (high_rank - low_rank))
bottom = (high_rank >= middle ? high_rank : middle == middle ? middle : high_rank) + pad
top = (low_rank <= middle ? low_rank : middle == middle ? middle : low_rank) - pad
step_label(s) = sprintf("%d", s)

# ---- Ranks: better ones are higher.
do for [r = 1:rank_rows] { do for [q = 1:rank_columns] {
  g = several ? r : q
  eval panel(EDGE + 44 + (q - 1) * cell_w, head + 22 + (r - 1) * cell_h, panel_w, panel_h)
  heading = "median rank, " . (several ? CATEGORY[q] . ", " : "") . framing_words(g)
  eval HEADINGS
  set xrange [place(STEP[1]) - 0.3 : place(STEP[n_steps]) + 0.3]
  set yrange [bottom : top]
  set xtics ()
  every_step = tic_step(n_steps, panel_w / 34)
  do for [s = 1:n_steps:every_step] { set xtics add (step_label(STEP[s]) place(STEP[s])) }
  set ytics autofreq
  set format y "%g"
  set xlabel "step" offset 0, 0.8 font TEXT textcolor rgb INK
  unset arrow
  if (middle == middle) { set arrow 1 from graph 0, first middle to graph 1, first middle nohead lw 0.8 dt 3 lc rgb SOFT back }
  if (several) {
    plot for [f = 1:n_files] mean_block(g, q, f) using 1:2 with linespoints lw 1.6 pt mark(f) ps 0.5 dt dashes(f) lc rgb colour(f)
  } else {
    plot for [c = 1:n_categories] dot_block(g, c, 1) using 1:2 with points pt 7 ps 0.25 lc rgb (0xA0000000 + colour(c)), \
      for [c = 1:n_categories] mean_block(g, c, 1) using 1:2 with linespoints lw 1.6 pt mark(c) ps 0.55 dt dashes(c) lc rgb colour(c)
  }
}}

# ---- Shifts along the axes.
label(i) = site_name(SITE[i], LAYER[i], n_kinds)
low = low_shift < 0 ? low_shift : 0
high = high_shift > 0 ? high_shift : 0
pad = high > low ? 0.06 * (high - low) : 0.1
shade(s) = ramp(n_steps > 1 ? 0.16 + 0.84 * (s - 1) / (n_steps - 1) : 0.7)
do for [c = 1:n_sites ? n_categories : 0] {
  eval panel(EDGE + 44 + (c - 1) * cell_w, head + 22 + rank_rows * cell_h, panel_w, panel_h)
  heading = "shift of " . CATEGORY[c] . ", sd of the axis"
  eval HEADINGS
  set xrange [-0.5 : n_sites - 0.5]
  set yrange [low - pad : high + pad]
  set xtics ()
  do for [i = 1:n_sites:tic_step(n_sites, panel_w / (n_kinds > 1 ? 90 : 45))] { set xtics add (label(i) i - 1) }
  set xlabel (n_kinds == 1 ? "layer (" . kind . ")" : "site") offset 0, 0.8 font TEXT textcolor rgb INK noenhanced
  unset arrow
  set arrow 1 from graph 0, first 0 to graph 1, first 0 nohead lw 0.8 dt 3 lc rgb SOFT back
  if (several) {
    plot for [f = 1:n_files] shift_block(c, f, 1) using 1:2 with lines lw 1.6 dt dashes(f) lc rgb colour(f), \
      for [f = 1:n_sites > 40 ? 0 : n_files] shift_block(c, f, 1) using 1:2 with points pt mark(f) ps 0.4 lc rgb colour(f)
  } else {
    plot for [s = 1:n_steps] shift_block(c, 1, s) using 1:2 with lines lw 1.6 lc rgb shade(s), \
      for [s = 1:n_sites > 40 ? 0 : n_steps] shift_block(c, 1, s) using 1:2 with points pt 7 ps 0.35 lc rgb shade(s)
  }
}
unset multiplot
