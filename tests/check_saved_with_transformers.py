#!/usr/bin/env python3
"""Checks that transformers loads what fathom writes of every architecture. Run by hand, with torch, transformers and
safetensors installed; no test depends on it:

    mkdir saved && SRCDIR=. tests/test_save saved
    python3 tests/check_saved_with_transformers.py saved tests/fixtures/families

Every tensor must find its place, and the last hidden state must be the golden's within 1e-5 of its largest value. Of a
family that transformers knows as a language model alone the score is left over, which is said. Exit 0 where all is well.
"""
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_VERBOSITY"] = "error"

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification


def hidden_states(model, ids, offsets):
    parts = []
    for begin, end in zip(offsets, offsets[1:]):
        with torch.no_grad():
            parts.append(model.base_model(input_ids=torch.tensor([ids[begin:end]])).last_hidden_state[0])
    return torch.cat(parts)


def check(folder, golden):
    architecture = AutoConfig.from_pretrained(folder).architectures[0]
    is_classifier = architecture.endswith("ForSequenceClassification")
    loader = AutoModelForSequenceClassification if is_classifier else AutoModelForCausalLM
    model, loading = loader.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager",
                                            experts_implementation="eager", output_loading_info=True)
    model.eval()
    left = set(loading["unexpected_keys"]) - (set() if is_classifier else {"score.weight"})
    found = hidden_states(model, golden["ids"].long().flatten().tolist(), golden["offsets"].long().flatten().tolist())
    expected = golden["ln_final.hook_normalized"]
    error = ((found - expected).abs().max() / expected.abs().max()).item()
    passed = error <= 1e-5 and not left and not loading["missing_keys"] and not loading["mismatched_keys"]
    print(f"{'ok' if passed else 'WRONG'}: {os.path.basename(folder)}: {type(model).__name__}, largest difference {error:.1e}"
          f"{'' if is_classifier else ', a language model here'}{'' if passed else f', {loading}'}")
    return passed


def main():
    saved, goldens = sys.argv[1:]
    passed = [check(os.path.join(saved, name), load_file(os.path.join(
        goldens, name.removesuffix(".gguf").removesuffix("-published") + ".golden.safetensors")))
        for name in sorted(os.listdir(saved))]
    sys.exit(0 if passed and all(passed) else 1)


if __name__ == "__main__":
    main()
