#!/usr/bin/env python3
"""Checks that transformers loads a reward model that `fathom train` wrote and gives the rewards that `fathom score` gave.
Run by hand, with torch and transformers installed; no test depends on it:

    fathom train MODEL --pairs PAIRS.jsonl -o RUN
    fathom score RUN --pairs PAIRS.jsonl --limit 20 >scores.tsv
    python3 tests/check_with_transformers.py RUN PAIRS.jsonl scores.tsv

Of an adapter (train --train lora), with peft installed, RUN is put on the Hugging Face folder it was trained on:

    fathom score BASE --adapter RUN --pairs PAIRS.jsonl --limit 20 >scores.tsv
    python3 tests/check_with_transformers.py RUN PAIRS.jsonl scores.tsv --base BASE

Everything is transformers' own: the model class, the tokenizer, its chat template. The first rewards come from sequences run
alone; all of them are then run again in padded batches, so that a padding id at the wrong place is seen.
Exit 0 where every length is equal and every reward within --tolerance, 1 otherwise.
"""
import argparse
import gzip
import json
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"  # a folder that is not there must not become a name to be looked up

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def read_pairs(path):
    """{(id, side): messages} of TRL pairs or HH transcripts; ids as given, else the line number."""
    opener = gzip.open if path.endswith(".gz") else open
    samples = {}
    with opener(path, "rt", encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            if line.strip():
                pair = json.loads(line)
                for side in ("chosen", "rejected"):
                    samples[str(pair.get("id", number)), side] = as_messages(pair, side)
    return samples


def as_messages(pair, side):
    if "prompt" not in pair:
        return pair[side] if isinstance(pair[side], list) else transcript_messages(pair[side])
    prompt = pair["prompt"] if isinstance(pair["prompt"], list) else [{"role": "user", "content": pair["prompt"]}]
    answer = pair[side] if isinstance(pair[side], list) else [{"role": "assistant", "content": pair[side]}]
    return prompt + answer


def transcript_messages(text):
    """"\\n\\nHuman: ...\\n\\nAssistant: ..." as turns; one blank behind a mark belongs to it."""
    messages = []
    for part in text.replace("\n\nHuman:", "\0user:").replace("\n\nAssistant:", "\0assistant:").split("\0"):
        if part:
            role, content = part.split(":", 1)
            messages.append({"role": role, "content": content.removeprefix(" ")})
    return messages


def read_scores(path):
    """[(id, side, n_tokens, reward)] of the table that `fathom score` printed."""
    with open(path, encoding="utf-8") as file:
        rows = [line.rstrip("\n").split("\t") for line in file if not line.startswith("#")]
    column = {name: rows[0].index(name) for name in ("id", "side", "n_tokens", "reward")}
    return [(row[column["id"]].removesuffix("/" + row[column["side"]]), row[column["side"]], int(row[column["n_tokens"]]),
             float(row[column["reward"]])) for row in rows[1:]]


def rewards(model, sequences, pad, batch_size):
    found = []
    for begin in range(0, len(sequences), batch_size):
        batch = sequences[begin:begin + batch_size]
        longest = max(map(len, batch))
        ids = torch.tensor([ids + [pad] * (longest - len(ids)) for ids in batch])
        mask = torch.tensor([[1] * len(ids) + [0] * (longest - len(ids)) for ids in batch])
        with torch.no_grad():
            found += model(input_ids=ids, attention_mask=mask).logits.squeeze(-1).tolist()
    return found


def load(options, tokenizer):
    """The model, and whether every tensor found its place."""
    model, loading = AutoModelForSequenceClassification.from_pretrained(
        options.base or options.model, num_labels=1, dtype=torch.float32, attn_implementation="eager",
        output_loading_info=True)
    if not options.base:
        return model, not any(loading[kind] for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"))
    import peft
    from safetensors import safe_open

    model.config.pad_token_id = tokenizer.pad_token_id
    adapted = peft.PeftModel.from_pretrained(model, options.model)
    ours = {name.replace(".default", "").replace(".modules_to_save", "") for name, _ in adapted.named_parameters()
            if "lora_" in name or "modules_to_save" in name}
    with safe_open(os.path.join(options.model, "adapter_model.safetensors"), "pt") as file:
        return adapted, ours == set(file.keys())


def report(what, expected, found, tolerance):
    worst = max(abs(a - b) for a, b in zip(expected, found, strict=True))
    passed = all(abs(a - b) <= tolerance for a, b in zip(expected, found, strict=True))
    print(f"{'ok' if passed else 'WRONG'}: {len(found)} rewards {what}, largest difference {worst:.2e}")
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="the folder that fathom train wrote")
    parser.add_argument("pairs", help="the pairs that were scored")
    parser.add_argument("scores", help="what fathom score printed")
    parser.add_argument("--base", help="the folder of the model that the adapter is for")
    parser.add_argument("--tolerance", type=float, default=1e-4)
    parser.add_argument("--batch-size", type=int, default=4)
    options = parser.parse_args()

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    model, complete = load(options, tokenizer)
    model.eval()
    print(f"{type(model).__name__}, {type(tokenizer).__name__}, pad_token_id {model.config.pad_token_id}")
    print("ok: every tensor found its place" if complete else "WRONG: tensors are missing or left over")

    samples, scores = read_pairs(options.pairs), read_scores(options.scores)
    sequences, lengths_agree = [], True
    for identity, side, n_tokens, _ in scores:
        text = tokenizer.apply_chat_template(samples[identity, side], tokenize=False)
        ids = tokenizer(text, add_special_tokens=False)["input_ids"]
        sequences.append(ids)
        if len(ids) != n_tokens:
            print(f"WRONG: {identity} {side} has {len(ids)} tokens here, {n_tokens} in fathom: {text!r}")
            lengths_agree = False
    expected = [reward for _, _, _, reward in scores]
    pad = model.config.pad_token_id
    alone = report("one at a time", expected, rewards(model, sequences, pad, 1), options.tolerance)
    padded = report("in padded batches", expected, rewards(model, sequences, pad, options.batch_size), options.tolerance)
    sys.exit(0 if complete and lengths_agree and alone and padded and scores else 1)


if __name__ == "__main__":
    main()
