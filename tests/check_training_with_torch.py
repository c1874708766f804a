#!/usr/bin/env python3
"""Trains as `fathom train` does, with transformers and torch's AdamW in double, and compares step by step: losses, anchor,
drift of every layer, gradient norm, learning rate, and the weights at the end. Run by hand, with torch, transformers,
h5py and what fixtures/make_tiny_llama.py needs; no test depends on it. Every step takes all pairs, so that their order
plays no part, and the model must have a score head already, so that its random start plays none:

    fathom train tests/fixtures/llama-reward --pairs PAIRS.jsonl --eval-split 0 --batch-size N_PAIRS --steps 6 \\
        --lr 0.02 --warmup 0.34 --weight-decay 0.1 --clip 1 --anchor 0.5 --anchor-tokens all -o RUN
    python3 tests/check_training_with_torch.py tests/fixtures/llama-reward PAIRS.jsonl RUN --steps 6 \\
        --lr 0.02 --warmup 0.34 --weight-decay 0.1 --clip 1 --anchor 0.5

Formulas are those of METHODS section 4: the relative norm over all layers and all tokens but each sequence's first.
"""
import argparse
import copy
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


def step_losses(model, sequences, features, scale):
    """Bradley-Terry loss of chosen and rejected in turn, and the relative squared drift of every layer."""
    sites = run_sites(model, sequences)
    rewards, keep = sites["rewards"], later_rows(sequences)
    loss = -torch.nn.functional.logsigmoid(rewards[0::2] - rewards[1::2]).mean()
    drift = [((sites[f"blocks.{layer}.hook_resid_post"] - h)[keep].pow(2).sum(-1) / s).mean()
             for layer, (h, s) in enumerate(zip(features, scale, strict=True))]
    return loss, torch.stack(drift)


def train(model, sequences, options):
    """The rows of /train, and the model trained in place. Decay acts on matrices, not on gains."""
    features, scale = frozen_features(copy.deepcopy(model), sequences)
    matrices = [p for p in model.parameters() if p.dim() > 1]
    gains = [p for p in model.parameters() if p.dim() == 1]
    optimiser = torch.optim.AdamW([{"params": matrices, "weight_decay": options.weight_decay},
                                   {"params": gains, "weight_decay": 0.0}], betas=(0.9, 0.999), eps=1e-8)
    rows = []
    for step in range(options.steps):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(step, options)
        optimiser.zero_grad()
        bt_loss, drift = step_losses(model, sequences, features, scale)
        loss = bt_loss + options.anchor * drift.mean()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), options.clip if options.clip > 0 else math.inf)
        optimiser.step()
        rows.append({"loss": loss.item(), "bt_loss": bt_loss.item(), "anchor": drift.mean().item(), "grad_norm": norm.item(),
                     "learning_rate": learning_rate(step, options), "drift": drift.tolist()})
    return rows


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
    parser.add_argument("--tolerance", type=float, default=1e-3)
    options = parser.parse_args()

    tokenizer = AutoTokenizer.from_pretrained(options.model)
    texts = [tokenizer.apply_chat_template(messages, tokenize=False)
             for messages in pairs_reader.read_pairs(options.pairs).values()]
    sequences = [torch.tensor(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in texts]
    model = AutoModelForSequenceClassification.from_pretrained(options.model, dtype=torch.float32, attn_implementation="eager")
    with in_double():
        rows = train(model.double().eval(), sequences, options)

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
