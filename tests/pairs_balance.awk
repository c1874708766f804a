# Reads the two parts of the project's own pairs (first file: training, second: test) and prints one line for every rule of
# probes/prompts/README.md that they break; silence means that all hold. Knows only the flat JSONL that those files use:
# one object of string values a line, "key": "value".

# The string value of a key, escapes left as they are; "" where the key is missing.
function field(line, key,    at, rest, out) {
  at = index(line, "\"" key "\": \"")
  if (!at) return ""
  rest = substr(line, at + length(key) + 5)
  out = ""
  while (match(rest, /["\\]/)) {
    out = out substr(rest, 1, RSTART - 1)
    if (substr(rest, RSTART, 1) == "\"") return out
    out = out substr(rest, RSTART, 2)
    rest = substr(rest, RSTART + 2)
  }
  return ""
}

function problem(text) { print text }
function words(text,    parts) { return split(text, parts, " ") }
function count(text, mark) { return gsub(mark, "", text) }
function first_word(text) { sub(/[^A-Za-z'].*/, "", text); return tolower(text) }
function refuses(text) {
  return text ~ /I( can't|'m not able| won't| cannot| decline| refuse| must decline|'d rather not|'m not comfortable)/
}
function off(a, b) { return a > b ? (a - b) / b : (b - a) / a }
function outside(a, b, low, high) { return a < low * (a + b) || a > high * (a + b) }

FNR == 1 { part++; name[part] = part == 1 ? "train" : "test" }

{
  where = name[part] " line " FNR
  id = field($0, "id"); group = field($0, "group"); prompt = field($0, "prompt")
  side[1] = field($0, "chosen"); side[2] = field($0, "rejected")
  if ($0 !~ /^\{"id": ".*"\}$/ || id == "" || group == "" || prompt == "" || side[1] == "" || side[2] == "") {
    problem(where ": not an object with id, group, prompt, chosen and rejected")
    next
  }
  if ($0 ~ /[^ -~]/) problem(where ": not plain ASCII")
  if (id in ids) problem(where ": id " id " was used before")
  ids[id] = 1
  key = tolower(prompt)
  if (key in prompts) problem(where ": prompt was used before")
  prompts[key] = 1
  if (side[1] == side[2]) problem(where ": both sides are the same")
  pairs[part]++
  in_group[part, group]++
  groups[group] = 1
  for (s = 1; s <= 2; s++) {
    if (side[s] in answers) problem(where ": answer was used before")
    answers[side[s]] = 1
    n[s] = words(side[s])
    if (n[s] < 15 || n[s] > 65) problem(where ": answer of " n[s] " words")
    total[part, s] += n[s]
    characters[part, s] += length(side[s])
    refusals[part, s] += refuses(side[s])
    starts[part, s, first_word(side[s])]++
    starters[first_word(side[s])] = 1
    for (m = 1; m <= split("? ! , . ; :", marks, " "); m++) punctuation[part, s, m] += count(side[s], "[" marks[m] "]")
    apostrophes[part, s] += count(side[s], "'")
  }
  longer[part] += n[1] > n[2]
  shorter[part] += n[1] < n[2]
  longer_text[part] += length(side[1]) > length(side[2])
  shorter_text[part] += length(side[1]) < length(side[2])
}

# Marks may differ between the sides by chance: by two standard deviations of a fair coin at most.
function uneven(a, b) { return (a - b) * (a - b) > 4 * (a + b) }

END {
  if (pairs[1] < 200 || pairs[2] < 50) problem("too few pairs: " pairs[1] + 0 " and " pairs[2] + 0)
  for (p = 1; p <= 2; p++) {
    if (!pairs[p]) continue
    if (off(total[p, 1], total[p, 2]) > 0.05) problem(name[p] ": mean words differ by more than 5 %")
    if (off(characters[p, 1], characters[p, 2]) > 0.05) problem(name[p] ": mean characters differ by more than 5 %")
    if (outside(longer[p], shorter[p], 0.45, 0.55)) problem(name[p] ": chosen has more words in " longer[p] ", fewer in " shorter[p])
    if (outside(longer_text[p], shorter_text[p], 0.45, 0.55))
      problem(name[p] ": chosen has more characters in " longer_text[p] ", fewer in " shorter_text[p])
    if (refusals[p, 1] >= pairs[p] / 4) problem(name[p] ": refusals in " refusals[p, 1] " chosen answers")
    if (refusals[p, 2] < pairs[p] / 20) problem(name[p] ": refusals in only " refusals[p, 2] " rejected answers")
    for (m = 1; m <= 6; m++)
      if (uneven(punctuation[p, 1, m], punctuation[p, 2, m]))
        problem(name[p] ": '" marks[m] "' occurs " punctuation[p, 1, m] " times in chosen, " punctuation[p, 2, m] " in rejected")
    if (uneven(apostrophes[p, 1], apostrophes[p, 2]))
      problem(name[p] ": apostrophes occur " apostrophes[p, 1] " times in chosen, " apostrophes[p, 2] " in rejected")
    for (w in starters) {
      if (starts[p, 1, w] > pairs[p] / 10 || starts[p, 2, w] > pairs[p] / 10) problem(name[p] ": too many answers begin with " w)
      if (uneven(starts[p, 1, w], starts[p, 2, w]) && starts[p, 1, w] + starts[p, 2, w] >= pairs[p] / 20)
        problem(name[p] ": " starts[p, 1, w] + 0 " chosen and " starts[p, 2, w] + 0 " rejected answers begin with " w)
    }
  }
  for (g in groups)
    if (!in_group[1, g] || !in_group[2, g]) problem("group " g " is not in both parts")
  if ("report" in ENVIRON) report()
}

# report=1 in the environment: the figures themselves, for the README.
function report(    p, m) {
  for (p = 1; p <= 2; p++) {
    printf "%s: %d pairs; words %.1f and %.1f; characters %.1f and %.1f; chosen longer %d, shorter %d (characters %d, %d); refusals %d and %d\n", \
      name[p], pairs[p], total[p, 1] / pairs[p], total[p, 2] / pairs[p], characters[p, 1] / pairs[p], characters[p, 2] / pairs[p], \
      longer[p], shorter[p], longer_text[p], shorter_text[p], refusals[p, 1], refusals[p, 2]
    for (m = 1; m <= 6; m++) printf "  %s %d %d", marks[m], punctuation[p, 1, m], punctuation[p, 2, m]
    printf "  ' %d %d\n", apostrophes[p, 1], apostrophes[p, 2]
  }
}
