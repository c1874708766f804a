# Opens the page of W x H and draws what stands outside the panels: page_title, page_caption and the legend. Loaded by the
# scripts once they know how large the page is; afterwards they draw panels, and end with "unset multiplot".
if (strlen(origin)) { H = H + 14 }
eval "set terminal " . terminal(W, H)
if (strlen(out)) { set output out }
set multiplot
set label 1 heavy(page_title) at screen across(EDGE), down(24) left font TITLE textcolor rgb INK
set label 2 page_caption at screen across(EDGE), down(H - (strlen(origin) ? 28 : 14)) left noenhanced font NOTE textcolor rgb SOFT
set label 3 shortened(origin, (W - 2 * EDGE) / (0.62 * SIZE)) at screen across(EDGE), down(H - 13) left noenhanced font NOTE \
  textcolor rgb SOFT
if (legend_n > 1) {
  do for [i = 1:legend_n] {
    set arrow i from screen across(legend_x(i)), down(legend_y(i)) to screen across(legend_x(i) + 24), down(legend_y(i)) \
      nohead lw 1.8 dt dashes(i) lc rgb colour(i)
    set label 2 * i + 2 "" at screen across(legend_x(i) + 12), down(legend_y(i)) point pt mark(i) ps 0.55 lc rgb colour(i)
    set label 2 * i + 3 LEGEND[i] at screen across(legend_x(i) + 30), down(legend_y(i)) left noenhanced \
      font TEXT textcolor rgb INK
  }
}
unset border; unset tics; unset grid
plot [0:1] [0:1] 2 notitle
unset label
unset arrow
eval AXES
