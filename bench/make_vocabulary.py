#!/usr/bin/env python3
"""Writes FOLDER/tokenizer.json with a large made-up vocabulary: how long does one load?

    python3 bench/make_vocabulary.py FOLDER [--tokens 262144] [--marks]

Tokens join two earlier ones at random; byte-level, or with --marks SentencePiece's kind with byte
tokens and every way to make a token among the merges, as Gemma's has."""

import argparse
import json
import os
import random

MARK = "\u2581"


def byte_characters():
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [b for b in range(256) if b not in own]
    return {**{b: chr(b) for b in own}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("folder")
    parser.add_argument("--tokens", type=int, default=262144)
    parser.add_argument("--marks", action="store_true")
    arguments = parser.parse_args()
    rng = random.Random(1)
    letters = byte_characters()
    blank = MARK if arguments.marks else letters[32]
    if arguments.marks:
        tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)] + [MARK] + [chr(c) for c in range(33, 127)]
    else:
        tokens = [letters[b] for b in range(256)]
    vocab = {token: i for i, token in enumerate(tokens)}
    pool = list("etaoinshrdlu" * 4 + "abcdefghijklmnopqrstuvwxyz")
    short = list(pool)
    merges = []
    while len(tokens) < arguments.tokens:
        left, right = rng.choice(pool), rng.choice(short)
        whole = left + right if rng.random() < 0.8 or left.startswith(blank) else blank + left
        if len(whole) > 16 or whole in vocab:
            continue
        vocab[whole] = len(tokens)
        tokens.append(whole)
        pool.append(whole)
        if len(whole) < 4 and not whole.startswith(blank):
            short.append(whole)
        ways = [cut for cut in range(1, len(whole)) if whole[:cut] in vocab and whole[cut:] in vocab]
        merges += [[whole[:cut], whole[cut:]] for cut in (ways if arguments.marks else ways[:1])]
    pre = None if arguments.marks else {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    normalizer = {"type": "Replace", "pattern": {"String": " "}, "content": MARK} if arguments.marks else None
    model = {"type": "BPE", "unk_token": "<unk>" if arguments.marks else None, "fuse_unk": arguments.marks, "byte_fallback": arguments.marks,
             "vocab": vocab, "merges": merges}
    os.makedirs(arguments.folder, exist_ok=True)
    with open(os.path.join(arguments.folder, "tokenizer.json"), "w", encoding="utf-8") as out:
        json.dump({"version": "1.0", "added_tokens": [], "normalizer": normalizer, "pre_tokenizer": pre, "post_processor": None, "decoder": None,
                   "model": model}, out, ensure_ascii=False, indent=2)
    print(f"{len(tokens)} tokens, {len(merges)} merges")


main()
