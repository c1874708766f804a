# What the figures of a sweep share: its series and methods, and how methods look. Anchors go by strength through the map
# of values, from grey without an anchor to dark; controls have colours, marks and dashes of their own. Loaded behind
# style.gp; tables have the columns series method anchor, anchor missing for a control.
seed_words = "" # that of the call is none of the runs', where --seeds gives them theirs
array SERIES[64]; array METHOD[64]; array STRENGTH[64]; array RANK[64]; array CONTROL[64]
n_series = 0; n_methods = 0; n_anchors = 0; n_controls = 0; n_left_out = 0
find_series(s) = sum [i = 1:n_series] (SERIES[i] eq s ? i : 0)
find_method(s) = sum [i = 1:n_methods] (METHOD[i] eq s ? i : 0)
add_series(s) = find_series(s) ? 0 : n_series == 64 ? (n_left_out = n_left_out + 1) : (n_series = n_series + 1, SERIES[n_series] = s, 1)
add_method(s, a) = find_method(s) ? 0 : n_methods == 64 ? (n_left_out = n_left_out + 1) : (n_methods = n_methods + 1, \
  METHOD[n_methods] = s, STRENGTH[n_methods] = a, 1)
set table $scan
plot data using (add_series(strcol("series")), add_method(strcol("method"), column("anchor")), 1) with table
unset table
undefine $scan
if (n_methods == 0) { print data, ": no rows to draw"; exit status 3 }
if (n_left_out) { print data, ": more than 64 methods or series, which no figure can tell apart: draw them from --tsv"; exit status 3 }

# "anchor-0.1, last": a strength, and the blocks where those vary.
layers_of(m) = strstrt(m, ", ") ? m[strstrt(m, ", ") + 2:*] : ""
is_anchor(i) = STRENGTH[i] == STRENGTH[i]
do for [i = 1:n_methods] {
  n_anchors = n_anchors + (is_anchor(i) && STRENGTH[i] > 0)
  n_controls = n_controls + (!is_anchor(i))
  CONTROL[i] = is_anchor(i) ? 0 : n_controls
}
do for [i = 1:n_methods] {
  RANK[i] = sum [j = 1:n_methods] (is_anchor(j) && is_anchor(i) && STRENGTH[j] > 0 && STRENGTH[j] < STRENGTH[i] ? 1 : 0)
}
array OF_CONTROL[6] = [0x0072B2, 0x009E73, 0x56B4E9, 0x000000, 0xCC79A7, 0x8A6D00]
array MARK_OF_CONTROL[6] = [5, 9, 13, 11, 15, 4]
blocks_part(m) = strlen(layers_of(m)) ? ", " . layers_of(m) : ""
method_title(i) = is_anchor(i) ? (STRENGTH[i] == 0 ? "no anchor" : "anchor " . sprintf("%g", STRENGTH[i]) . blocks_part(METHOD[i])) : METHOD[i]
method_colour(i) = CONTROL[i] ? OF_CONTROL[(CONTROL[i] - 1) % 6 + 1] : STRENGTH[i] == 0 ? SOFT : \
  ramp(n_anchors < 2 ? 0.6 : 0.3 + 0.65 * RANK[i] / (n_anchors - 1.0))
method_mark(i) = CONTROL[i] ? MARK_OF_CONTROL[(CONTROL[i] - 1) % 6 + 1] : STRENGTH[i] == 0 ? 6 : 7
method_dashes(i) = CONTROL[i] ? 2 : 1
set dashtype 2 (6, 3)

# The legend of methods; page.gp asks these.
legend_methods = "legend_n = n_methods; do for [i = 1:n_methods] { LEGEND[i] = method_title(i) }; " \
  . "colour(i) = method_colour(i); mark(i) = method_mark(i); dashes(i) = method_dashes(i)"

# Measures: shares are drawn in percent, AOG and NTS (both ours) are points already.
array MEASURE[64]; array LOW[64]; array HIGH[64]
n_measures = 0; any_interval = 0
find_measure(s) = sum [i = 1:n_measures] (MEASURE[i] eq s ? i : 0)
add_measure(s) = find_measure(s) ? 0 : (n_measures = n_measures + 1, MEASURE[n_measures] = s, LOW[n_measures] = NaN, \
  HIGH[n_measures] = NaN, 1)
is_points(s) = s eq "AOG" || s eq "NTS"
scale(m) = is_points(MEASURE[m]) ? 1 : 100
measure_heading(s) = s eq "AOG" ? "AOG (ours), points" : s eq "NTS" ? "NTS (ours), points" : s . ", accuracy, %"
see_value(m, v) = v == v ? (LOW[m] = v >= LOW[m] ? LOW[m] : v, HIGH[m] = v <= HIGH[m] ? HIGH[m] : v) : 0
scan_measures = "set table $scan; plot data using (add_measure(strcol('measure')), " \
  . "see_value(find_measure(strcol('measure')), column('value') * scale(find_measure(strcol('measure')))), " \
  . "any_interval = any_interval || column('lo') == column('lo'), 1) with table; " \
  . "unset table; undefine $scan"
# A range that holds all values, and of shares nothing outside 0 to 100 %; intervals of few seeds can be far wider, and
# are cut.
measure_pad(m) = larger(0.35 * (HIGH[m] - LOW[m]), 1)
bottom(m) = is_points(MEASURE[m]) ? LOW[m] - measure_pad(m) : larger(LOW[m] - measure_pad(m), 0)
top(m) = is_points(MEASURE[m]) ? HIGH[m] + measure_pad(m) : smaller(HIGH[m] + measure_pad(m), 100)
measure_range(m) = sprintf("set yrange [%g : %g]", bottom(m), top(m))
cut(m, v) = v < bottom(m) ? bottom(m) : v > top(m) ? top(m) : v
interval_words(what) = any_interval ? what . ": " . head_interval . ", cut at the panel's edge" : "no intervals: one seed"
reference_of(m) = is_points(MEASURE[m]) ? 0 : 50
has_reference(m) = reference_of(m) > bottom(m) && reference_of(m) < top(m)
measure_columns(n) = n <= 4 ? smaller(2, n) : n <= 6 || n == 9 ? 3 : 4
measure_width(columns) = columns == 1 ? 640 : columns == 2 ? 330 : columns == 3 ? 246 : 212
# The next of 1, 2, 5, 10 ... at or above.
decade(v) = 10.0 ** floor(log10(v))
nice_step(v) = v <= decade(v) ? decade(v) : v <= 2 * decade(v) ? 2 * decade(v) : v <= 5 * decade(v) ? 5 * decade(v) : 10 * decade(v)
series_title(s) = s eq "-" ? "" : s
