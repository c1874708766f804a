# Ranks of value categories per model: a panel a framing, a row of marks a model, prompts as points, their mean as a mark.
# Table: [file] family model framing category prompt median_rank words; prompt is missing in means.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds. A slot is a line of a panel: a model, or the name of its family above it.
array FILE[64]; array FRAMING[8]; array CATEGORY[64]; array MODEL[512]; array FAMILY[512]; array OWNER[512]; array SLOT[512]
array LEAST[64]; array MOST[64]; array WORDS[64]
n_files = 0; n_framings = 0; n_categories = 0; n_models = 0; any_rank = 0; any_left = 0
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_framing(s) = sum [i = 1:n_framings] (FRAMING[i] eq s ? i : 0)
find_category(s) = sum [i = 1:n_categories] (CATEGORY[i] eq s ? i : 0)
find_model(s, f, o) = sum [i = 1:n_models] (MODEL[i] eq s && FAMILY[i] eq f && OWNER[i] == o ? i : 0)
add_file(s) = find_file(s) ? 0 : (n_files = n_files + 1, FILE[n_files] = s, LEAST[n_files] = NaN, \
  MOST[n_files] = NaN, 1)
add_framing(s) = find_framing(s) ? 0 : (n_framings = n_framings + 1, FRAMING[n_framings] = s, 1)
add_category(s) = find_category(s) || n_categories == 64 ? (any_left = any_left || !find_category(s), 0) : (n_categories = n_categories + 1, CATEGORY[n_categories] = s, 1)
add_model(s, f, o) = find_model(s, f, o) || n_models == 512 ? 0 : \
  (n_models = n_models + 1, MODEL[n_models] = s, FAMILY[n_models] = f, OWNER[n_models] = o, 1)
see_rank(f, v) = v == v ? (any_rank = 1, LEAST[f] = v >= LEAST[f] ? LEAST[f] : v, MOST[f] = v <= MOST[f] ? MOST[f] : v) : 0
see(dummy) = (add_file(file_of(0)), add_framing(strcol("framing")), add_category(strcol("category")), \
  add_model(strcol("model"), strcol("family"), find_file(file_of(0))), \
  see_rank(find_file(file_of(0)), column("median_rank")), WORDS[find_file(file_of(0))] = column("words"))
set table $scan
plot data using (see(0)) with table
unset table
undefine $scan
if (any_left) { print data, ": more than 64 categories, expected no more in one figure"; exit status 3 }
if (n_models == 0 || any_rank == 0) { print data, ": no rows to draw"; exit status 3 }

# ---- Slots, from the top of each file's panels. Families have a line of their own where there are several.
array LINES[64]
n_families = 0
do for [i = 1:n_models] { n_families = n_families + (i == 1 || FAMILY[i] ne FAMILY[i - 1] || OWNER[i] != OWNER[i - 1]) }
headed = n_families > n_files
do for [f = 1:n_files] { LINES[f] = 0 }
do for [i = 1:n_models] {
  f = OWNER[i]
  if (headed && (i == 1 || FAMILY[i] ne FAMILY[i - 1] || OWNER[i] != OWNER[i - 1])) { LINES[f] = LINES[f] + 1 }
  LINES[f] = LINES[f] + 1
  SLOT[i] = LINES[f]
}
spread(c) = n_categories > 1 ? (n_categories > 3 ? 0.8 : 0.4) * ((c - 1.0) / (n_categories - 1) - 0.5) : 0
height(m, c) = m ? SLOT[m] + spread(c) : NaN # rows of other files are looked at, too

block(f, g, c) = sprintf("$b_%d_%d_%d", f, g, c)
mean_block(f, g, c) = sprintf("$m_%d_%d_%d", f, g, c)
is_row(f, g, c) = file_of(0) eq FILE[f] && strcol("framing") eq FRAMING[g] && strcol("category") eq CATEGORY[c] \
  && !is_missing("median_rank")
do for [f = 1:n_files] { do for [g = 1:n_framings] { do for [c = 1:n_categories] {
  eval begin_block(block(f, g, c))
  plot data using (column("median_rank")):(height(find_model(strcol("model"), strcol("family"), f), c)) with table \
    if (is_row(f, g, c) && !is_missing("prompt"))
  unset table
  eval begin_block(mean_block(f, g, c))
  plot data using (column("median_rank")):(height(find_model(strcol("model"), strcol("family"), f), c)) with table \
    if (is_row(f, g, c) && is_missing("prompt"))
  unset table
}}}
set datafile separator whitespace
unset datafile columnheaders

# ---- The page: files below each other, framings side by side, names on the left.
legend_n = n_categories
do for [i = 1:n_categories] { LEGEND[i] = CATEGORY[i] }
shown(i) = shortened(MODEL[i], 44)
widest = 0
do for [i = 1:n_models] { widest = larger(widest, text_width(shown(i), SIZE + 2)) }
left = EDGE + widest + 14
line_h = smaller(120, 12 + 9 * n_categories)
panel_w = n_framings == 1 ? 480 : 300
array TOP[64]
below = 0
do for [f = 1:n_files] { TOP[f] = below; below = below + LINES[f] * line_h + 62 + (n_files > 1 ? 16 : 0) }
W = left + n_framings * (panel_w + 24) + 8
head = head_height(W) + 6
H = head + below + 22
page_title = strlen(head_title) ? head_title : "Ranks of value words by model"
page_caption = join(join("median rank of the category's words; small points: prompts; marks: means over prompts", \
  "dotted: the middle of all words"), head_note)
load here . "page.gp"

do for [f = 1:n_files] { do for [g = 1:n_framings] {
  middle = 0.5 * (WORDS[f] + 1)
  pad = larger(0.5, 0.04 * (MOST[f] - LEAST[f]))
  set xrange [smaller(LEAST[f], middle) - pad : larger(MOST[f], middle) + pad]
  eval panel(left + (g - 1) * (panel_w + 24), head + TOP[f] + 14 + (n_files > 1 ? 16 : 0), panel_w, LINES[f] * line_h)
  heading = FRAMING[g] eq "none" ? (n_framings == 1 ? "all prompts" : "prompts without a framing") : FRAMING[g] . " framing"
  over = g == 1 && n_files > 1 ? FILE[f] : ""
  eval HEADINGS
  set yrange [LINES[f] + 0.5 : 0.5]
  set ytics () scale 0
  set xlabel (f == n_files ? "median rank (1 = highest score)" : "") offset 0, 0.8 font TEXT textcolor rgb INK
  set format x "%g"
  do for [i = 3:n_models + 3] { unset label i }
  do for [i = 1:n_models] {
    if (OWNER[i] == f) {
      set ytics add ((g == 1 ? shown(i) : "") SLOT[i]) font TICS textcolor rgb INK noenhanced
      if (g == 1 && headed && (i == 1 || FAMILY[i] ne FAMILY[i - 1] || OWNER[i] != OWNER[i - 1])) {
        set label i + 3 heavy(FAMILY[i]) at graph 0, first SLOT[i] - 0.95 offset -1, 0 right font TICS textcolor rgb INK
      }
    }
  }
  unset arrow
  set arrow 1 from first middle, graph 0 to first middle, graph 1 nohead lw 0.8 dt 3 lc rgb SOFT back
  plot \
    for [c = 1:n_categories] block(f, g, c) using 1:2 with points pt 7 ps 0.3 lc rgb (0xA0000000 + colour(c)), \
    for [c = 1:n_categories] mean_block(f, g, c) using 1:2 with points pt mark(c) ps 1.15 lc rgb 0xFFFFFF, \
    for [c = 1:n_categories] mean_block(f, g, c) using 1:2 with points pt mark(c) ps 0.85 lc rgb colour(c)
}}
unset multiplot
