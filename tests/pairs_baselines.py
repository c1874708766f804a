#!/usr/bin/env python3
"""How far the project's own pairs can be told apart without understanding them: the table of probes/prompts/README.md.

usage: pairs_baselines.py FOLDER    (needs numpy; FOLDER holds harmlessness-train.jsonl and harmlessness-test.jsonl)

Each baseline sees one kind of surface feature and is a logistic regression, without intercept, on the difference of the
two answers' features: scored by 8-fold cross-validation within the training part, and on the test part after a fit on the whole
training part. Ties count one half.
"""
import json
import re
import sys

import numpy

FUNCTION_WORDS = set(
    """a all an and any are as at be been but by can can't could did do does don't for from had has have he her his how i
    i'd i'll i'm i've if in is it it's its may might most must no nor not of on or our shall she should so some than that
    that's the their them then there these they this those to was we were what when which who will with won't would you
    you'd you'll you're you've your""".split())


def tokens(text):
    return re.findall(r"[a-z']+", text.lower())


def bigrams(text):
    found = tokens(text)
    return set(found) | {" ".join(pair) for pair in zip(found, found[1:])}


BASELINES = {
    "length in words and characters": lambda text: {"words": len(text.split()) / 10, "characters": len(text) / 60},
    "first word": lambda text: {tokens(text)[0]: 1},
    "punctuation marks": lambda text: {mark: text.count(mark) for mark in "?!,.;:\"'-()`"},
    "function words": lambda text: dict.fromkeys(FUNCTION_WORDS.intersection(tokens(text)), 1),
    "bag of words": lambda text: dict.fromkeys(tokens(text), 1),
    "bag of words and word pairs": lambda text: dict.fromkeys(bigrams(text), 1),
}


def differences(pairs, features, columns):
    """[pairs, columns]: features of chosen minus features of rejected."""
    matrix = numpy.zeros((len(pairs), len(columns)))
    for row, pair in zip(matrix, pairs):
        for sign, side in ((1, "chosen"), (-1, "rejected")):
            for name, value in features(pair[side]).items():
                if name in columns:
                    row[columns[name]] += sign * value
    return matrix


PENALTY = 0.03


def fit(matrix, steps=500):
    """Weights that minimise mean log(1 + exp(-x w)) + PENALTY / 2 |w|^2, by accelerated gradient steps."""
    weights = ahead = numpy.zeros(matrix.shape[1])
    rate = 1 / (0.25 * numpy.linalg.norm(matrix, 2) ** 2 / len(matrix) + PENALTY)
    for _ in range(steps):
        wrong = 1 / (1 + numpy.exp(matrix @ ahead))
        after = ahead - rate * (PENALTY * ahead - matrix.T @ wrong / len(matrix))
        ahead = after + 0.9 * (after - weights)
        weights = after
    return weights


def accuracy(train, test, features):
    names = sorted({name for pair in train for side in ("chosen", "rejected") for name in features(pair[side])})
    columns = {name: index for index, name in enumerate(names)}
    margins = differences(test, features, columns) @ fit(differences(train, features, columns))
    return (numpy.sign(margins) + 1).mean() / 2


def cross_validated(pairs, features, folds=8):
    order = numpy.random.RandomState(1).permutation(len(pairs))
    scores = []
    for fold in numpy.array_split(order, folds):
        kept = [pairs[i] for i in order if i not in set(fold)]
        scores.append((len(fold), accuracy(kept, [pairs[i] for i in fold], features)))
    return sum(n * score for n, score in scores) / len(pairs)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    parts = {}
    for part in ("train", "test"):
        with open(f"{sys.argv[1]}/harmlessness-{part}.jsonl", encoding="utf-8") as lines:
            parts[part] = [json.loads(line) for line in lines]
    print("baseline\tcross-validated\ttest")
    for name, features in BASELINES.items():
        print(name, *(f"{score:.2f}" for score in (
            cross_validated(parts["train"], features), accuracy(parts["train"], parts["test"], features))), sep="\t")


main()
