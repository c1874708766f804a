#!/usr/bin/env python3
"""Writes what transformers computes with a model, at every site that fathom can record, for `fathom verify`:

    python3 tests/make_golden.py MODEL -o golden.safetensors --text "Once upon a time" --ids 5,17,3
    fathom verify MODEL --golden golden.safetensors

MODEL is a Hugging Face folder or a GGUF file that transformers can read. Each --text (tokenised by the model's own tokenizer)
or --ids is one sequence; both may be repeated. --adapter DIR puts a LoRA adapter on it (with peft 0.21.2). With torch 2.15.0,
transformers 5.23.0 and safetensors 0.8.0; other versions work where the families' modules have kept their names.

F holds float32 arrays: `ids` [tokens of all sequences], `offsets` [sequences + 1], one array [tokens, width] a site under
TransformerLens's name, and `logits` [tokens, vocabulary]. Every sequence is run alone, without padding or batch mates.

The numbers are transformers' graph in float64, rounded once, so that a difference is fathom's own: wherever a model's code asks
for float32 (norms, softmax, rotary angles) it gets float64. --dtype float32 runs it as it is.
"""
import argparse
import contextlib
import os
import sys

os.environ["HF_HUB_OFFLINE"] = "1"  # a folder that is not there must not become a name to be looked up

import torch
from safetensors.torch import save_file


@contextlib.contextmanager
def in_double():
    """Models made and run inside have float64 wherever their code says float32."""
    saved = torch.float32, torch.float, torch.Tensor.float, torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    torch.float32 = torch.float = torch.float64
    torch.Tensor.float = torch.Tensor.double
    try:
        yield
    finally:
        torch.float32, torch.float, torch.Tensor.float = saved[:3]
        torch.set_default_dtype(saved[3])


def body_of(model):
    """The module that holds embedding, layers and final norm."""
    body = getattr(model, model.base_model_prefix)
    return getattr(body, "language_model", body)


def first_of(module, *names):
    return next((getattr(module, name) for name in names if hasattr(module, name)), None)


class Sites:
    """Hooks that keep a pass's rows under their site names in `rows`; batch 1."""

    def __init__(self, model):
        self.rows = {}
        self.handles = []
        self.config = model.config.get_text_config()
        body = body_of(model)
        if self.config.model_type == "gpt2":  # learned positions: the embedding is not yet the first residual stream
            self.output(body.wte, "hook_embed")
        for i, layer in enumerate(first_of(body, "layers", "h")):
            self.hook_layer(layer, f"blocks.{i}.")
            if i == 0 and self.config.model_type != "gpt2":
                self.input(layer, "hook_embed")
        self.output(first_of(body, "norm", "ln_f", "final_layer_norm"), "ln_final.hook_normalized")

    def close(self):
        for handle in self.handles:
            handle.remove()

    def output(self, module, name, change=lambda rows: rows):
        def hook(_module, _inputs, output):
            rows = output[0] if isinstance(output, tuple) else output
            self.rows[name] = change(rows.reshape(-1, rows.shape[-1]))
        self.handles.append(module.register_forward_hook(hook))

    def input(self, module, name):
        def hook(_module, inputs, kwargs):
            rows = inputs[0] if inputs else kwargs["hidden_states"]
            self.rows[name] = rows.reshape(-1, rows.shape[-1])
        self.handles.append(module.register_forward_pre_hook(hook, with_kwargs=True))

    def hook_layer(self, layer, at):
        self.input(layer, at + "hook_resid_pre")
        attention = first_of(layer, "self_attn", "attn", "attention")
        self.hook_heads(attention, at + "attn.hook_")
        self.input(first_of(attention, "o_proj", "c_proj", "dense"), at + "attn.hook_z")
        # What is added to the residual stream: behind a norm that stands after the sublayer (Gemma 2 and 3, OLMo 2), and
        # times Granite's multiplier.
        multiplier = getattr(self.config, "residual_multiplier", 1)
        post_norms = hasattr(layer, "post_feedforward_layernorm")
        self.output(layer.post_attention_layernorm if post_norms else attention, at + "hook_attn_out",
                    lambda rows: rows * multiplier)
        if not getattr(self.config, "use_parallel_residual", False):
            self.input(first_of(layer, "pre_feedforward_layernorm", *([] if post_norms else ["post_attention_layernorm"]), "ln_2",
                                "mlp"), at + "hook_resid_mid")
        self.output(layer.post_feedforward_layernorm if post_norms else layer.mlp, at + "hook_mlp_out",
                    lambda rows: rows * multiplier)
        self.output(layer, at + "hook_resid_post")

    def hook_heads(self, attention, at):
        """q, k, v as projected, biases included: before q/k norms and rotation."""
        config = self.config
        n_heads = config.num_attention_heads
        head_dim = getattr(config, "head_dim", None) or config.hidden_size // n_heads
        if hasattr(attention, "q_proj"):
            for name in "qkv":
                self.output(getattr(attention, f"{name}_proj"), at + name)
        elif hasattr(attention, "qkv_proj"):  # Phi-3: q, k and v of all heads, one after the other
            q, kv = n_heads * head_dim, config.num_key_value_heads * head_dim
            for name, part in (("q", slice(0, q)), ("k", slice(q, q + kv)), ("v", slice(q + kv, None))):
                self.output(attention.qkv_proj, at + name, lambda rows, part=part: rows[:, part])
        elif hasattr(attention, "c_attn"):  # GPT-2: likewise
            for i, name in enumerate("qkv"):
                self.output(attention.c_attn, at + name, lambda rows, i=i: rows.chunk(3, -1)[i])
        else:  # GPT-NeoX: q, k and v of each head side by side
            for i, name in enumerate("qkv"):
                self.output(attention.query_key_value, at + name,
                            lambda rows, i=i: rows.reshape(-1, n_heads, 3, head_dim)[:, :, i].flatten(1))


def run_sites(model, sequences):
    """{site: [rows of all sequences, width]} and "logits"."""
    sites = Sites(model)
    per_sequence = []
    for ids in sequences:
        sites.rows = {}
        logits = model(input_ids=ids[None], use_cache=False).logits.squeeze(0)
        per_sequence.append(sites.rows | {"logits": logits})
    sites.close()
    return {name: torch.cat([one[name] for one in per_sequence]) for name in per_sequence[0]}


def save_golden(path, sequences, sites, made_by):
    offsets = torch.tensor([0] + [len(ids) for ids in sequences]).cumsum(0)
    arrays = sites | {"ids": torch.cat(sequences), "offsets": offsets}
    save_file({name: value.detach().to(torch.float32).contiguous() for name, value in sorted(arrays.items())}, path,
              metadata={"made_by": made_by})


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("--text", action="append", default=[])
    parser.add_argument("--ids", action="append", default=[])
    parser.add_argument("--adapter")
    parser.add_argument("--dtype", choices=["float64", "float32"], default="float64")
    options = parser.parse_args()
    import transformers
    if options.model.endswith(".gguf"):
        source = {"pretrained_model_name_or_path": os.path.dirname(options.model) or ".",
                  "gguf_file": os.path.basename(options.model)}
    else:
        source = {"pretrained_model_name_or_path": options.model}
    sequences = []
    if options.text:
        tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
        sequences += [torch.tensor(tokenizer(text)["input_ids"]) for text in options.text]
    sequences += [torch.tensor([int(word) for word in ids.split(",")]) for ids in options.ids]
    if not sequences:
        sys.exit("give at least one --text or --ids")
    model = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32, attn_implementation="eager").eval()
    with torch.no_grad(), (in_double() if options.dtype == "float64" else contextlib.nullcontext()):
        if options.dtype == "float64":  # made anew, so that tables of angles are in float64 too
            weights = model.state_dict()
            model = type(model)._from_config(model.config, attn_implementation="eager").double().eval()
            model.load_state_dict(weights)
        if options.adapter:
            import peft
            model = peft.PeftModel.from_pretrained(model, options.adapter).to(model.dtype).eval().base_model.model
        sites = run_sites(model, sequences)
    save_golden(options.output, sequences, sites, f"tests/make_golden.py, transformers {transformers.__version__}")
    print(f"{options.output}: {len(sites)} arrays, {len(sequences)} sequences, {sum(map(len, sequences))} tokens")


if __name__ == "__main__":
    main()
