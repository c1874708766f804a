#!/usr/bin/env python3
"""Compares fathom's token ids with those of Hugging Face's libraries.

    check_tokenizer.py FATHOM FOLDER [MODEL]

FOLDER holds tokenizer.json and tokenizer_config.json, as `fathom train` writes them or as a model comes with them; MODEL, if
given, is what they were made from (a GGUF file, say). Texts are a few hard ones and random Unicode (seeded; -s N for another
seed, -n N for more). Each is read by `fathom tokenize FOLDER`, `fathom tokenize MODEL` (many random ones by
tests/tokenize_lines, which lies beside FATHOM), tokenizers and, unless --low, transformers' AutoTokenizer: all must agree, with
BOS/EOS and without, special tokens in the text included. Needs tokenizers and transformers; nothing else in fathom does."""

import argparse
import json
import os
import random
import subprocess
import sys

from tokenizers import Tokenizer
from transformers import AutoTokenizer

HARD = [
    "", " ", "  ", "\n", "\n\n", "\t\n x", "a", " a", "a ", "  a  b  ", "Hello world", "don't DON'T we'll I'D",
    "x\u00a0y\u3000z\u2028w", "1234567 3.14 \u0663\u0664 \u2167", "caf\u00e9 cafe\u0301 na\u00efve", "\U0001f999\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "<|im_start|>user\nHi<|im_end|>\n", "<s>a</s>b<unk>", " <|im_end|> ", "<|im_start|<|im_start|>>", "\u4f60\u597d\uff0c\u4e16\u754c",
    "\u0639\u0631\u0628\u064a \u05e2\u05d1\u05e8\u05d9\u05ea", "aaaaaaaaaaaaaaaaaaaaaaaaaa", "=" * 70, " " * 40 + "x", "\r\n\r\n", "'s 's", "a\x1db\x04 !\x1d!", "\x7f\x00\x01",
]


def random_text(rng):
    """Letters of many scripts, digits, white space, marks, emoji and punctuation: assigned before Unicode 14."""
    ranges = [(32, 126)] * 6 + [(9, 13), (0xa0, 0xff), (0x100, 0x24f), (0x300, 0x36f), (0x370, 0x3ff), (0x400, 0x4ff),
              (0x5d0, 0x5ea), (0x620, 0x64a), (0x905, 0x939), (0xe01, 0xe3a), (0x2000, 0x200a), (0x2010, 0x2027),
              (0x3041, 0x3096), (0x4e00, 0x9fff), (0xac00, 0xd7a3), (0x1f300, 0x1f5ff), (0x1d400, 0x1d454)]
    out = []
    for _ in range(rng.randrange(1, 60)):
        low, high = rng.choice(ranges)
        out.append(chr(rng.randint(low, high)) * rng.choice([1, 1, 1, 1, 2, 5]))
    return "".join(out)


def words(rng):
    return "".join(rng.choice(["the", " The", " of", "ing", "\n", "  ", " 12", "'ll", ".", " qu", "\u00e9t\u00e9", "aa", " a", "zz"])
                   for _ in range(rng.randrange(1, 40)))


def by_command(program, model, texts, *options):
    ids = []
    for text in texts:
        run = subprocess.run([program, "tokenize", *options, model], input=text.encode(), capture_output=True)
        if run.returncode:
            sys.exit(run.stderr.decode())
        ids.append([int(i) for i in run.stdout.split()])
    return ids


def by_lines(program, model, texts, *options):
    lines = os.path.join(os.path.dirname(os.path.abspath(program)), "tests", "tokenize_lines")
    run = subprocess.run([lines, model, *options], input="".join(json.dumps(text) + "\n" for text in texts), capture_output=True, text=True)
    if run.returncode:
        sys.exit(run.stderr)
    return [[int(i) for i in line.split()] for line in run.stdout.splitlines()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("-s", "--seed", type=int, default=1)
    parser.add_argument("-n", "--texts", type=int, default=200)
    parser.add_argument("--low", action="store_true", help="compare with tokenizers alone, not with transformers")
    parser.add_argument("--cases", help="a file of texts, separated as llama.cpp's ggml-vocab.inp")
    parser.add_argument("fathom")
    parser.add_argument("folder")
    parser.add_argument("model", nargs="?")
    arguments = parser.parse_args()
    rng = random.Random(arguments.seed)
    few = list(HARD)
    if arguments.cases:
        few += open(arguments.cases, newline="", encoding="utf-8").read().split("\n__ggml_vocab_test__\n")
    many = [random_text(rng) for _ in range(arguments.texts)] + [words(rng) for _ in range(arguments.texts)]
    texts = few + many
    low = Tokenizer.from_file(arguments.folder + "/tokenizer.json")
    expected = [low.encode(text).ids for text in texts]
    bare = [low.encode(text, add_special_tokens=False).ids for text in texts]

    def read(model):
        return by_command(arguments.fathom, model, few) + by_lines(arguments.fathom, model, many)

    found = {"folder": (read(arguments.folder), expected)}
    found["folder, --no-special"] = (by_command(arguments.fathom, arguments.folder, few, "--no-special") +
                                     by_lines(arguments.fathom, arguments.folder, many, "bare"), bare)
    if arguments.model:
        found["model"] = (read(arguments.model), expected)
    if not arguments.low:
        high = AutoTokenizer.from_pretrained(arguments.folder)
        found["transformers"] = ([high(text)["input_ids"] for text in texts], expected)
    wrong = 0
    for name, (all_found, all_expected) in found.items():
        for text, ids, wanted in zip(texts, all_found, all_expected, strict=True):
            if ids != wanted:
                wrong += 1
                print(f"{name}: {text!r}\n  expected {wanted}\n  found    {ids}")
    print(f"seed {arguments.seed}: {len(texts)} texts, {wrong} differences")
    sys.exit(wrong > 0)


main()
