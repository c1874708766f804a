# What instruments said of planted truths: a column a truth, a row a measure, the verdict as a colour, what was said as a number. A panel a file.
# Table: file truth measure verdict value rows.
here = ARG0
while (strlen(here) && here[strlen(here):*] ne "/") { here = here[1:strlen(here) - 1] }
load here . "style.gp"

# ---- What the table holds.
array FILE[16]; array TRUTH[32]; array ROW[64]
n_files = 0; n_truths = 0; n_rows = 0
find_file(s) = sum [i = 1:n_files] (FILE[i] eq s ? i : 0)
find_truth(s) = sum [i = 1:n_truths] (TRUTH[i] eq s ? i : 0)
find_row(s) = sum [i = 1:n_rows] (ROW[i] eq s ? i : 0)
add_file(s) = find_file(s) || n_files == 16 ? 0 : (n_files = n_files + 1, FILE[n_files] = s, 1)
add_truth(s) = find_truth(s) || n_truths == 32 ? 0 : (n_truths = n_truths + 1, TRUTH[n_truths] = s, 1)
add_row(s) = find_row(s) || n_rows == 64 ? 0 : (n_rows = n_rows + 1, ROW[n_rows] = s, 1)
set table $scan
plot data using (add_file(file_of(0)) + add_truth(strcol("truth")) + add_row(strcol("measure"))) with table
unset table
undefine $scan
if (n_files == 0) { print data, ": no rows to draw"; exit status 3 }

# ---- Verdicts: good news are pale, what went wrong is dark and says so.
array NAME[6] = ["found", "blind, as it must be", "quiet, nothing was planted", "not asked", "MISSED", "FALSE ALARM"]
array FILL[6] = [0x9ED9BE, 0xC9DFF0, 0xEEEEEE, 0xFFFFFF, 0xD55E00, 0xA3164F]
verdict(s) = s eq "found" ? 1 : s eq "blind" ? 2 : s eq "quiet" ? 3 : s eq "not asked" ? 4 : s eq "missed" ? 5 : 6
short(v) = v == 0 ? "0" : abs(v) < 1e-3 || abs(v) >= 1e4 ? sprintf("%.0e", v) : sprintf("%.4g", v)
said(s) = is_missing("value") ? (column("rows") > 1 ? sprintf("×%d", column("rows")) : "") : short(column("value"))

# ---- The page.
widest(n) = n < 1 ? 0 : larger(text_width(ROW[n], SIZE), widest(n - 1))
margin = EDGE + widest(n_rows) + 14
cell_w = 54; cell_h = 17
panel_w = n_truths * cell_w
panel_h = n_rows * cell_h
W = larger(margin + n_files * (panel_w + 24) + EDGE, 620)
head = n_files > 1 ? 116 : 96
H = head + 50 + panel_h + 40
page_title = strlen(head_title) ? head_title : "What each instrument said of each planted truth"
page_caption = join(join("numbers: what was said, of least noise how little is still seen; ×n: n rows, the worst counts", head_note), seed_words)
load here . "page.gp"

unset border
unset grid
unset xtics
unset ytics
set xrange [0:n_truths]
set yrange [n_rows:0]
set style rectangle fillstyle solid 1 border lc rgb 0xFFFFFF
array KEY[6]
x = EDGE
do for [k = 1:6] {
  set object 100 + k rectangle from screen across(x), down(46) to screen across(x + 12), down(58) fc rgb FILL[k] fs solid 1 border lc rgb EMPTY
  set label 100 + k NAME[k] at screen across(x + 17), down(52) left noenhanced font TICS textcolor rgb INK
  x = x + 34 + 1.25 * text_width(NAME[k], SIZE - 1)
}
do for [f = 1:n_files] {
  eval panel(margin + (f - 1) * (panel_w + 24), head + 50, panel_w, panel_h)
  if (n_files > 1) { set label 1 FILE[f] at graph 0, graph 1 offset 0, 5 left noenhanced font TEXT textcolor rgb INK }
  do for [t = 1:n_truths] {
    set label 200 + t TRUTH[t] at t - 0.6, 0 offset 0, 0.5 left rotate by 40 noenhanced font TICS textcolor rgb INK
  }
  if (f == 1) {
    do for [r = 1:n_rows] { set label 300 + r ROW[r] at 0, r - 0.5 right offset -0.8, 0 noenhanced font TICS textcolor rgb INK }
  } else {
    do for [r = 1:n_rows] { unset label 300 + r }
  }
  eval begin_block("$cells")
  plot data using (find_truth(strcol("truth"))):(find_row(strcol("measure"))):(verdict(strcol("verdict"))):(said("")) with table \
    if (file_of(0) eq FILE[f])
  unset table
  set datafile separator whitespace
  unset datafile columnheaders
  plot $cells using ($1 - 0.5):($2 - 0.5):($1 - 1):1:($2 - 1):2:(int($3) >= 1 ? FILL[int($3)] : 0xFFFFFF) with boxxyerror fs solid 1 border lc rgb EMPTY lw 0.4 fc rgb variable, \
    $cells using ($1 - 0.5):($2 - 0.5):4:(int($3) >= 5 ? 0xFFFFFF : INK) with labels center noenhanced font NOTE textcolor rgb variable
  set datafile separator "\t"
  set datafile columnheaders
}
unset multiplot
