#!/usr/bin/env python3
"""Commonness and balance of a word list in fathom's TSV layout.

    python3 balance.py agency-communion.tsv            # prints the tables of README.md
    python3 balance.py --write agency-communion.tsv    # fills in the column zipf first

zipf is log10 of uses in a thousand million words, from the package wordfreq (pip install wordfreq), English, its large list."""
import argparse
import statistics
import sys

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("list")
parser.add_argument("--write", action="store_true", help="fill in the column zipf and write the file back")
arguments = parser.parse_args()

with open(arguments.list, encoding="utf-8") as stream:
    lines = stream.read().splitlines()
remarks = [line for line in lines if line.startswith("#")]
names, *cells = [line.split("\t") for line in lines if line and not line.startswith("#")]
rows = [dict(zip(names, row, strict=True)) for row in cells]

if arguments.write:
    from wordfreq import zipf_frequency

    for row in rows:
        row["zipf"] = f"{zipf_frequency(row['word'], 'en', wordlist='large'):.2f}"
    with open(arguments.list, "w", encoding="utf-8") as stream:
        stream.writelines(line + "\n" for line in remarks)
        stream.writelines("\t".join(line) + "\n" for line in [names, *([row[name] for name in names] for row in rows)])

# One family of words in two categories would tell them apart by nothing.
family = {}
for row in rows:
    if family.setdefault(row["lemma"], row["category"]) != row["category"]:
        sys.exit(f"{row['word']}: the lemma {row['lemma']} is in {row['category']} and in {family[row['lemma']]}")


def quartiles(values, digits):
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return f"{middle:.{digits}f} ({low:.{digits}f}-{high:.{digits}f})"


def distance(a, b):
    """Mean distance of two samples' quantiles: how far the words of one would have to move to become the other."""
    at = [(i + 0.5) / 200 for i in range(200)]
    pick = lambda values: [sorted(values)[int(q * len(values))] for q in at]
    return statistics.fmean(abs(x - y) for x, y in zip(pick(a), pick(b)))


categories = list(dict.fromkeys(row["category"] for row in rows))
parts = list(dict.fromkeys(row["pos"] for row in rows))
print("| part of speech | category | words | lemmas | letters | zipf |\n|---|---|---|---|---|---|")
for part in [*parts, "all"]:
    for category in categories:
        chosen = [row for row in rows if row["category"] == category and part in (row["pos"], "all")]
        print(f"| {part} | {category} | {len(chosen)} | {len({row['lemma'] for row in chosen})} "
              f"| {quartiles([len(row['word']) for row in chosen], 0)} | {quartiles([float(row['zipf']) for row in chosen], 2)} |")
print("\n| part of speech | " + " | ".join(f"{a} - {b}" for i, a in enumerate(categories) for b in categories[i + 1:])
      + " |\n|---" * 1 + "|---" * (len(categories) * (len(categories) - 1) // 2) + "|")
for part in [*parts, "all"]:
    def values(category, key):
        return [key(row) for row in rows if row["category"] == category and part in (row["pos"], "all")]

    print(f"| {part} | " + " | ".join(
        f"{distance(values(a, lambda r: float(r['zipf'])), values(b, lambda r: float(r['zipf']))):.2f}, "
        f"{distance(values(a, lambda r: len(r['word'])), values(b, lambda r: len(r['word']))):.1f}"
        for i, a in enumerate(categories) for b in categories[i + 1:]) + " |")
