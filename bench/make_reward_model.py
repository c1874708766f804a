"""Writes a GGUF file's weights, dequantised to float32 and with a new reward head, as a Hugging Face reward model: the
model that bench/compare_training.py gives to both sides. Needs torch, transformers and gguf.

    python bench/make_reward_model.py SmolLM2-135M-Instruct.Q4_1.gguf FOLDER
"""
import os
import sys

import torch
from transformers import AutoModelForSequenceClassification

path, folder = sys.argv[1:]
torch.manual_seed(0)
read = AutoModelForSequenceClassification.from_pretrained(
    os.path.dirname(path) or ".", gguf_file=os.path.basename(path), num_labels=1, dtype=torch.float32)
torch.nn.init.normal_(read.score.weight, std=0.02)
# What was read says that it is quantised, and is not saved; a plain model of the same values is.
config = read.config
if hasattr(config, "quantization_config"):
    del config.quantization_config
config.pad_token_id = 0
model = AutoModelForSequenceClassification.from_config(config, dtype=torch.float32)
model.load_state_dict(read.state_dict())
model.save_pretrained(folder)
