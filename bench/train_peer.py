"""One PyTorch training step after the other on request: what bench/train.c does, in the same words on stdin and stdout.

Run by bench/compare_training.py, in an environment with torch and transformers. The model is a Hugging Face reward model
(bench/make_reward_model.py makes one); attention is torch's scaled_dot_product_attention, the optimiser its fused AdamW.
"""
import argparse
import resource
import sys
import time

import torch
from transformers import AutoModelForSequenceClassification

SEQUENCES, LENGTH, BATCHES = 8, 128, 4

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("model")
parser.add_argument("--anchor", type=float, default=0, help="strength of the anchor; the frozen model runs every step")
parser.add_argument("--lr", type=float, default=1e-5)
parser.add_argument("--threads", type=int, default=0)
parser.add_argument("--bfloat16", action="store_true", help="autocast: float32 weights, products in bfloat16")
parser.add_argument("--compile", action="store_true", help="torch.compile")
args = parser.parse_args()
if args.threads:
    torch.set_num_threads(args.threads)


def load():
    model = AutoModelForSequenceClassification.from_pretrained(
        args.model, dtype=torch.float32, attn_implementation="sdpa")
    model.config.use_cache = False
    return model


class Step(torch.nn.Module):
    """The loss, and the hidden states where an anchor wants them."""

    def __init__(self, model):
        super().__init__()
        self.decoder, self.score = model.model, model.score

    def forward(self, ids):
        out = self.decoder(ids, output_hidden_states=args.anchor > 0, use_cache=False)
        rewards = self.score(out.last_hidden_state[:, -1]).squeeze(-1)
        # The last entry is after the final norm: the block's own output is caught by a hook.
        return rewards, out.hidden_states[1:-1] if args.anchor > 0 else ()


def last_block(step):
    kept = []
    step.decoder.layers[-1].register_forward_hook(
        lambda module, given, out: kept.append(out[0] if isinstance(out, tuple) else out))
    return kept


ids = torch.tensor([2654435761 * i % 2**32 for i in range(BATCHES * SEQUENCES * LENGTH)])
model = load()
ids = (ids % model.config.vocab_size).reshape(BATCHES, SEQUENCES, LENGTH)
student = Step(model).train()
student_last = last_block(student) if args.anchor else []
run = torch.compile(student) if args.compile else student
if args.anchor:
    frozen = Step(load()).eval().requires_grad_(False)
    frozen_last = last_block(frozen)
    run_frozen = torch.compile(frozen) if args.compile else frozen
optimiser = torch.optim.AdamW(student.parameters(), lr=args.lr, weight_decay=0, fused=True)


def frozen_features(batch):
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
        _, hidden = run_frozen(batch)
    features = [*hidden, frozen_last[-1]]
    frozen_last.clear()
    return features


def measure_scales():
    """s_l^2 over position 1 on, as fathom measures them over its store."""
    kept = [frozen_features(batch) for batch in ids]
    scales = []
    for layer in range(len(kept[0])):
        rows = torch.cat([features[layer][:, 1:].reshape(-1, features[layer].shape[-1]) for features in kept]).double()
        scales.append(float(((rows - rows.mean(0)) ** 2).sum(1).mean()))
    return scales


scales = measure_scales() if args.anchor else []


def one_step(batch):
    optimiser.zero_grad(set_to_none=True)
    with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
        rewards, hidden = run(batch)
    rewards = rewards.float()
    loss = -torch.nn.functional.logsigmoid(rewards[0::2] - rewards[1::2]).mean()
    if args.anchor:
        features = [*hidden, student_last[-1]]
        student_last.clear()
        squares = [((h[:, 1:].float() - h0[:, 1:].float()) ** 2).sum(-1).mean() / scale
                   for h, h0, scale in zip(features, frozen_features(batch), scales)]
        loss = loss + args.anchor * torch.stack(squares).mean()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
    optimiser.step()
    return float(loss.detach())


print("ready", flush=True)
for number, _ in enumerate(sys.stdin):
    started, used = time.perf_counter(), time.process_time()
    value = one_step(ids[number % BATCHES])
    seconds, processor = time.perf_counter() - started, time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds:.6f} {processor:.6f} {value:.9g} {peak:.1f}", flush=True)
