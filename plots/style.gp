# What all figures share: input, colours, type, page. Loaded by every script in this folder, which is run as
#   gnuplot -e "data='drift.tsv'; out='drift.png'" plots/drift.gp
# data: a table as 'fathom drift' or 'fathom plot --tsv' prints it (columns are found by name).
# out: its suffix png, svg or pdf decides the format. Without out, format='png' (or svg, pdf) goes to standard output.
if (!exists("data")) {
  print "give the table to draw: gnuplot -e \"data='drift.tsv'; out='drift.png'\" ", ARG0
  exit status 2
}
if (!exists("out")) { out = "" }
if (!exists("format")) { format = strlen(out) > 4 ? out[strlen(out) - 2:*] : "png" }
if (format ne "png" && format ne "svg" && format ne "pdf") {
  print "cannot tell the format of ", out, ": expected a name that ends in .png, .svg or .pdf"
  exit status 2
}
set encoding utf8
set minussign

# ---- The table. '#' lines carry "key: value"; the first other line names the columns; "-" is a missing value.
set datafile separator "\t"
set datafile commentschars "\001"
head_seed = ""; head_result_seeds = ""; head_interval = ""; head_title = ""; head_note = ""; head_first = ""
head_command = ""; head_source = ""; head_sources = 0; head_models = 0; array HEAD_MODEL[2] = ["", ""]
starts(s, t) = (s[1:strlen(t)] eq t)
rest(s, t) = s[strlen(t) + 1:*]
# A model's path, and perhaps its digest: its name is that of the file or folder.
last_part(s) = strstrt(s, "/") ? last_part(rest(s, s[1:strstrt(s, "/")])) : s
without(s, end) = strlen(s) > strlen(end) && s[strlen(s) - strlen(end) + 1:*] eq end ? s[1:strlen(s) - strlen(end)] : s
model_name(s) = without(last_part(without(strstrt(s, " sha256 ") ? s[1:strstrt(s, " sha256 ") - 1] : s, "/")), ".gguf")
see_model(s) = (HEAD_MODEL[head_models] = model_name(s), 1)
head_line(s) = \
  starts(s, "# seed: ") ? (head_seed = rest(s, "# seed: ")) : \
  starts(s, "# result seed: ") ? \
    (head_result_seeds = head_result_seeds . (strlen(head_result_seeds) ? ", " : "") . rest(s, "# result seed: ")) : \
  starts(s, "# command: ") ? (head_command = rest(s, "# command: ")) : \
  starts(s, "# source: ") ? (head_sources = head_sources + 1, head_source = rest(s, "# source: ")) : \
  starts(s, "# interval: ") ? (head_interval = rest(s, "# interval: ")) : \
  starts(s, "# model: ") ? (head_models = head_models + 1, head_models > 2 ? 0 : see_model(rest(s, "# model: "))) : \
  starts(s, "# title: ") ? (head_title = rest(s, "# title: ")) : \
  starts(s, "# figure: ") ? (head_note = rest(s, "# figure: ")) : \
  (s[1:1] ne "#" && head_first eq "") ? (head_first = s) : ""
set datafile separator "\002" # whole lines
set table $head
plot data every ::0::99 using (head_line(strcol(1))) with table
unset table
undefine $head
set datafile separator "\t"
has_column(name) = strstrt("\t" . head_first . "\t", "\t" . name . "\t")
has_file = starts(head_first, "file\t")
file_of(dummy) = has_file ? strcol("file") : ""
set datafile commentschars "#"
set datafile columnheaders

# By text, because a filter (table if ...) that touches a cell without a number is undefined as a whole.
is_missing(name) = strcol(name) eq "-" || strcol(name) eq "" || strcol(name) eq "nan"
# Opens a datablock for rows that "plot ... with table if (...)" adds. Its first row is NaN, so that it is never empty.
begin_block(name) = "set table " . name . "; plot '+' every ::0::0 using (NaN):(NaN):(NaN):(NaN) with table; " \
  . "unset table; set table " . name . " append"

# ---- Words.
hook_at(s) = strstrt(s, "hook_")
kind_of(s) = s eq "ln_final.hook_normalized" ? "ln_final" : hook_at(s) ? s[hook_at(s) + 5:*] : s
# "blocks.12.hook_resid_post": 12
number(s) = strstrt("0123456789", s[1:1]) && strstrt(s, ".") ? int(real(s[1:strstrt(s, ".") - 1])) : NaN
layer_of(s) = starts(s, "blocks.") ? number(rest(s, "blocks.")) : NaN
side_of(m) = m[strlen(m):strlen(m)] eq "x" ? "the frozen side" : m[strlen(m):strlen(m)] eq "y" ? "the other side" : "the change"
measure_title(m) = \
  m eq "cka" ? "debiased linear CKA (1 = identical)" : \
  m eq "cka_biased" ? "linear CKA, biased (1 = identical)" : \
  m eq "procrustes" ? "Procrustes distance (0 = identical)" : \
  m eq "procrustes_angle" ? "Procrustes angle, radians (0 = identical)" : \
  m eq "procrustes_held_out" ? "Procrustes distance, held out (0 = identical)" : \
  m eq "cosine" ? "cosine distance, 1 − cos (0 = identical)" : \
  m eq "cosine_centred" ? "cosine distance, centred (0 = identical)" : \
  m eq "cka_floor" ? "biased CKA that unrelated data would give" : \
  m eq "relative_l2" ? "relative L2 distance (0 = identical)" : \
  m eq "coherence" ? "coherence of the change (1 = a translation)" : \
  m eq "subspace" ? "overlap of leading subspaces (1 = identical)" : \
  m eq "subspace_angle" ? "largest principal angle, radians" : \
  starts(m, "effective_rank_") ? "effective rank of " . side_of(m) : \
  starts(m, "participation_") ? "participation ratio of " . side_of(m) : \
  m eq "knn" ? "overlap of nearest neighbours (1 = identical)" : \
  m eq "rsa" ? "similarity of row correlations (1 = identical)" : \
  m eq "lens_kl" ? "divergence of what the head reads, nats (0 = identical)" : \
  starts(m, "probe_") ? "probe: " . rest(m, "probe_") . ", share right" : \
  m eq "subspace_angle_mean" ? "mean principal angle, radians" : m
identical(m) = (m eq "cka" || m eq "cka_biased" || m eq "subspace" || m eq "knn" || m eq "rsa") ? 1.0 : \
  (starts(m, "procrustes") || m eq "cosine" || m eq "cosine_centred" || m eq "relative_l2" || \
  m eq "subspace_angle" || m eq "subspace_angle_mean" || m eq "lens_kl") ? 0.0 : NaN
superscript(n) = (n < 0 ? "⁻" : "") . (abs(n) > 9 ? word(DIGITS, int(abs(n) / 10) + 1) : "") . word(DIGITS, abs(n) % 10 + 1)
DIGITS = "⁰ ¹ ² ³ ⁴ ⁵ ⁶ ⁷ ⁸ ⁹"
join(a, b) = (strlen(a) && strlen(b)) ? a . "  ·  " . b : a . b
seeds = strlen(head_result_seeds) ? head_result_seeds : head_seed
seed_words = strlen(seeds) ? (strstrt(seeds, ",") ? "seeds " : "seed ") . seeds : ""
# The command the data comes from, where it is one.
origin = head_sources == 1 ? head_source : head_sources == 0 ? head_command : ""
shortened(s, n) = strlen(s) > n ? s[1:int(n) - 1] . "…" : s

# Sites along an axis that are not of one kind carry it in their names.
site_name(s, layer, n_kinds) = n_kinds > 1 && layer ne kind_of(s) ? layer . " " . kind_of(s) : layer

# ---- Colours. Categories: Okabe and Ito's set, safe for colour-blind readers, without its yellow, which is too light
# for lines; after seven the dashes change. Values: a map of our own, computed in OKLab with lightness falling evenly from
# .975 to .27, pale to dark, so that it survives printing in grey.
array COLOUR[7] = [0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x000000]
array MARK[7] = [7, 5, 9, 11, 13, 15, 6]
colour(i) = COLOUR[(i - 1) % 7 + 1]
mark(i) = MARK[(i - 1 + int((i - 1) / 7)) % 7 + 1] # with another colour than seven before
dashes(i) = 1 + int((i - 1) / 7) % 4
array RAMP[13] = [0xfff7d9, 0xfddfac, 0xfec386, 0xfda56d, 0xf78764, 0xe96c68, 0xd45671, 0xb84679, 0x983d7c, 0x773777, \
  0x573269, 0x3a2c54, 0x242438]
stops = ""
do for [i = 1:13] { stops = stops . sprintf("%s%d '#%06x'", i > 1 ? ", " : "", i - 1, RAMP[i]) }
eval "set palette defined (" . stops . ")"
channel(rgb, shift) = (rgb >> shift) & 255
blend(a, b, t, shift) = int(channel(a, shift) + t * (channel(b, shift) - channel(a, shift)) + 0.5) << shift
between(a, b, t) = blend(a, b, t, 16) + blend(a, b, t, 8) + blend(a, b, t, 0)
ramp(t) = t >= 1 ? RAMP[13] : between(RAMP[int(12 * t) + 1], RAMP[int(12 * t) + 2], 12 * t - int(12 * t)) # t in [0, 1]
INK = 0x222222; SOFT = 0x777777; GRID = 0xE4E4E4; EMPTY = 0xD0D0D0

# ---- Type and page. All lengths are in units of 1/96 inch on the page; a PNG has two pixels for each.
FONT = "Arial"
SIZE = 11
TEXT = sprintf("%s,%g", FONT, SIZE)
TICS = sprintf("%s,%g", FONT, SIZE - 1)
NOTE = sprintf("%s,%g", FONT, SIZE - 2)
TITLE = sprintf("%s,%g", FONT, SIZE + 3)
# Bold is enhanced text, the only way all formats know; characters with a meaning there are escaped, one at a time.
escape(s) = strlen(s) == 0 ? "" : (strstrt("_^{}@&~", s[1:1]) ? "\\" : "") . s[1:1] . escape(s[2:*])
heavy(s) = strlen(s) ? "{/:Bold " . escape(shortened(s, 120)) . "}" : ""
text_width(s, size) = 0.52 * size * strlen(s)
terminal(w, h) = \
  format eq "png" ? sprintf("pngcairo enhanced size %d,%d fontscale 2 linewidth 2 pointscale 2 background 'white' font '%s'", \
                            2 * w, 2 * h, TEXT) : \
  format eq "svg" ? sprintf("svg enhanced size %d,%d fontscale 1.333 background 'white' font '%s'", w, h, TEXT) : \
  sprintf("pdfcairo enhanced size %gin,%gin fontscale 0.75 linewidth 1.6 pointscale 0.75 background 'white' font '%s'", \
          w / 96.0, h / 96.0, TEXT)
# Lengths from the left and top edge of a page of W x H (page.gp opens it) as screen coordinates.
W = 0; H = 0
across(x) = x / (1.0 * W)
down(y) = 1 - y / (1.0 * H)
# The plotting area of the next panel, from its left, top, width and height.
panel(x, y, w, h) = sprintf("set lmargin at screen %g; set rmargin at screen %g; set tmargin at screen %g; set bmargin at screen %g", \
  across(x), across(x + w), down(y), down(y + h))

# Distance of tics on an axis of whole numbers that is span long and has room for n of them.
tic_step(span, n) = span <= n ? 1 : span <= 2 * n ? 2 : span <= 5 * n ? 5 : span <= 10 * n ? 10 : 10 * tic_step(span / 10.0, n)

AXES = "set border 3 lw 0.6 lc rgb INK; set xtics nomirror out scale 0.5 offset 0, 0.35 font TICS textcolor rgb INK noenhanced; " \
  . "set ytics nomirror out scale 0.5 font TICS textcolor rgb INK; set grid xtics ytics lt 1 lw 0.5 lc rgb GRID"
# A panel's heading, above its left corner, and, for the top row of a grid, what its column is: eval HEADINGS.
heading = ""; over = ""
HEADINGS = "set label 1 heading at graph 0, graph 1 offset 0, 0.8 left noenhanced font TEXT textcolor rgb INK; " \
  . "set label 2 heavy(over) at graph 0, graph 1 offset 0, 2.1 left font TEXT textcolor rgb INK"
set samples 2
unset key
set style fill solid 1 noborder
set bars small

# The legend: LEGEND holds legend_n names, in rows that fit the page, below the title; page.gp draws it.
EDGE = 16
array LEGEND[64]
legend_n = 0
larger(a, b) = a > b ? a : b
smaller(a, b) = a < b ? a : b
legend_widest(n) = n < 1 ? 0 : larger(text_width(LEGEND[n], SIZE + 3), legend_widest(n - 1))
legend_cell(dummy) = 52 + legend_widest(legend_n)
legend_columns(w) = larger(1, int((w - 2 * EDGE) / legend_cell(0)))
legend_rows(w) = legend_n < 2 ? 0 : int((legend_n - 1) / legend_columns(w)) + 1
head_height(w) = 52 + 18 * legend_rows(w)
legend_x(i) = EDGE + ((i - 1) % legend_columns(W)) * legend_cell(0)
legend_y(i) = 50 + 18 * int((i - 1) / legend_columns(W))
