#!/usr/bin/env python3
"""Trains as `fathom train` does, with transformers and torch's AdamW in double, and compares step by step: losses, anchor,
drift of every layer, gradient norm, learning rate, and the weights at the end. Run by hand, with torch, transformers,
h5py and what fixtures/make_tiny_llama.py needs; no test depends on it. Every step takes all pairs, so that their order
plays no part, and the model must have a score head already, so that its random start plays none:

    fathom train tests/fixtures/llama-reward --pairs PAIRS.jsonl --eval-split 0 --batch-size N_PAIRS --steps 6 \\
        --lr 0.02 --warmup 0.34 --weight-decay 0.1 --clip 1 --anchor 0.5 --anchor-tokens all -o RUN
    python3 tests/check_training_with_torch.py tests/fixtures/llama-reward PAIRS.jsonl RUN --steps 6 \\
        --lr 0.02 --warmup 0.34 --weight-decay 0.1 --clip 1 --anchor 0.5

Both take --anchor-norm, --l2-sp, --sft and --centring as well, and margins, weights and probabilities of the pairs. The anchor
is over all layers and all tokens but each sequence's first.
"""
import argparse
import copy
import json
import math
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "fixtures"))
import check_with_transformers as pairs_reader  # sets HF_HUB_OFFLINE
import h5py
import torch
from make_tiny_llama import in_double, later_rows, run_sites
from safetensors.torch import load_file
from transformers import AutoModelForSequenceClassification, AutoTokenizer


def learning_rate(step, options):
    """Linear rise over the first steps, then a cosine down to 0; step counts from 0."""
    warmup = math.ceil(options.warmup * options.steps)
    if step < warmup:
        return options.lr * (step + 1) / warmup
    return options.lr * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (options.steps - warmup)))


def frozen_features(model, sequences):
    """h0 of every layer at every row, and s_l^2 over the rows that count."""
    with torch.no_grad():
        sites = run_sites(model, sequences)
    features = [sites[f"blocks.{layer}.hook_resid_post"] for layer in range(model.config.num_hidden_layers)]
    keep = later_rows(sequences)
    return features, [(h[keep] - h[keep].mean(0)).pow(2).sum(-1).mean() for h in features]


def distance(norm, h, h0, scale):
    """The anchor's, of one layer."""
    if norm == "unit":
        h, h0, scale = torch.nn.functional.normalize(h, dim=-1), torch.nn.functional.normalize(h0, dim=-1), 1
    elif norm == "mse":
        scale = h.shape[-1]
    return ((h - h0).pow(2).sum(-1) / scale).mean()


def next_token_loss(model, final, sequences, begins, labels):
    """Mean over the response tokens of the favoured sides of -log p, weighted as the pairs are."""
    logits, total, tokens, row = final @ model.get_input_embeddings().weight.T, 0.0, 0.0, 0
    for i, ids in enumerate(sequences):
        weight, favoured = labels[i // 2]["weight"], labels[i // 2]["probability"] < 0.5
        first = max(begins[i], 1)
        if i % 2 == favoured:
            rows = logits[row + first - 1 : row + len(ids) - 1]
            total = total + weight * torch.nn.functional.cross_entropy(rows, ids[first:], reduction="sum")
            tokens += weight * (len(ids) - first)
        row += len(ids)
    return total / tokens


def step_losses(model, data, features, scale, start, options):
    """The terms of the loss, and the relative squared drift of every layer."""
    sequences, begins, labels = data
    sites = run_sites(model, sequences)
    rewards, keep = sites["rewards"], later_rows(sequences)
    p, weight, margin = (torch.tensor([label[name] for label in labels], dtype=torch.float64)
                         for name in ("probability", "weight", "margin"))
    lead, log_sigmoid = rewards[0::2] - rewards[1::2], torch.nn.functional.logsigmoid
    h = [sites[f"blocks.{layer}.hook_resid_post"][keep] for layer in range(len(features))]
    terms = {
        "bt_loss": -(weight * (p * log_sigmoid(lead - margin) + (1 - p) * log_sigmoid(-lead - margin))).mean(),
        "anchor": torch.stack([distance(options.anchor_norm, a, b[keep], s)
                               for a, b, s in zip(h, features, scale, strict=True)]).mean(),
    }
    if options.centring:
        terms["centring"] = (weight * (rewards[0::2] + rewards[1::2]).pow(2)).mean()
    if options.sft:
        terms["sft_loss"] = next_token_loss(model, sites["ln_final.hook_normalized"], sequences, begins, labels)
    if options.l2_sp:
        terms["l2_sp"] = sum((w - w0).pow(2).sum() for w, w0 in zip(model.parameters(), start, strict=True))
    drift = torch.stack([distance("relative", a, b[keep], s) for a, b, s in zip(h, features, scale, strict=True)])
    return terms, drift


def train(model, data, options):
    """The rows of /train, and the model trained in place. Decay acts on matrices, not on gains."""
    features, scale = frozen_features(copy.deepcopy(model), data[0])
    start = [p.detach().clone() for p in model.parameters()]
    matrices = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": options.weight_decay},
                                   {"params": gains, "weight_decay": 0.0}], betas=(0.9, 0.999), eps=1e-8)
    rows = []
    for step in range(options.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, options)
        optimiser.zero_grad()
        terms, drift = step_losses(model, data, features, scale, start, options)
        pairs = terms["bt_loss"] + options.centring * terms.get("centring", 0)
        loss = ((1 - options.sft) * pairs + options.sft * terms.get("sft_loss", 0) + options.anchor * terms["anchor"] +
                options.l2_sp * terms.get("l2_sp", 0))
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip if options.clip > 0 else math.inf)
        optimiser.step()
        rows.append({"loss": loss.item(), **{name: term.item() for name, term in terms.items()}, "grad_norm": norm.item(),
                     "learning_rate": learning_rate(step, options), "drift": drift.tolist()})
    return rows


def response_begin(tokenizer, text, messages):
    """The first token that covers a character of the last turn."""
    at = text.rfind(messages[-1]["content"])
    ends = [end for _, end in tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)["offset_mapping"]]
    return next(i for i, end in enumerate(ends) if end > at)


def read_labels(path):
    """What the rows of the pairs say beside the texts."""
    with open(path) as file:
        rows = [json.loads(line) for line in file if line.strip()]
    return [{name: row.get(name, plain) for name, plain in (("margin", 0), ("weight", 1), ("probability", 1))} for row in rows]


def compare(what, expected, found, tolerance):
    expected, found = torch.as_tensor(expected, dtype=torch.float64), torch.as_tensor(found, dtype=torch.float64)
    difference = (expected - found).abs().max().item() / max(expected.abs().max().item(), 1e-12)
    passed = expected.shape == found.shape and difference <= tolerance
    print(f"{'ok' if passed else 'WRONG'}: {what}: relative difference {difference:.1e}")
    return passed


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="the reward model that training began with")
    parser.add_argument("pairs", help="the pairs, all of them in every step")
    parser.add_argument("run", help="the folder that fathom train wrote")
    parser.add_argument("--steps", type=int, required=True)
    for name in ("lr", "warmup", "weight-decay", "clip", "anchor"):
        parser.add_argument("--" + name, type=float, required=True)
    for name in ("sft", "l2-sp", "centring"):
        parser.add_argument("--" + name, type=float, default=0)
    parser.add_argument("--anchor-norm", default="relative")
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    conversations = list(pairs_reader.read_pairs(options.pairs).values())
    texts = [tokenizer.apply_chat_template(messages, tokenize=False) for messages in conversations]
    begins = [response_begin(tokenizer, text, messages) for text, messages in zip(texts, conversations, strict=True)]
    sequences = [torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    model = AutoModelForSequenceClassification.from_pretrained(options.model, dtype=torch.float32, attn_implementation="eager")
    with in_double():
        rows = train(model.double().eval(), (sequences, begins, read_labels(options.pairs)), options)

    passed = []
    with h5py.File(os.path.join(options.run, "run.h5")) as run:
        for name in rows[0]:
            passed.append(compare(name, [row[name] for row in rows], run["train"][name][...], options.tolerance))
    weights = load_file(os.path.join(options.run, "model.safetensors"))
    for name, parameter in model.named_parameters():
        passed.append(compare(name, parameter.detach(), weights[name], options.tolerance))
    sys.exit(0 if all(passed) else 1)


if __name__ == "__main__":
    main()
