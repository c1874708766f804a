#!/usr/bin/env python3
"""Converts a model in llama2.c's v0 layout, with its tokenizer, to a GGUF file and to a Hugging Face directory. Plain
Python, nothing to install. For the long tests: fathom itself does not read that layout.

    python3 convert_llama2c.py MODEL.bin TOKENIZER.bin OUT.gguf OUT_FOLDER

MODEL.bin, little endian: int32 dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size (negative: the output matrix
is not the embedding), max_seq_len; float32 token_embedding[V][D], rms_att[L][D], wq[L][D][D], wk[L][K][D], wv[L][K][D],
wo[L][D][D], rms_ffn[L][D], w1[L][F][D], w2[L][D][F], w3[L][F][D], rms_final[D], two unused tables of
max_seq_len * head_dim / 2 and, where it is not the embedding, the output matrix [V][D].
TOKENIZER.bin: int32 longest token; per token float32 score, int32 length, bytes.

Rotary pairs are neighbours (2i, 2i+1) in llama2.c and in GGUF, halves (i, i + head_dim/2) in Hugging Face's q and k.
"""
import json
import os
import struct
import sys

SPACE = "\u2581"  # how SentencePiece writes a space
BOS, EOS = 1, 2
NORM_EPSILON, ROPE_THETA = 1e-5, 10000.0


# ---- reading --------------------------------------------------------------------------------------------------------


class Floats:
    """A bounded cursor over float32 numbers."""

    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, count):
        end = self.at + 4 * count
        if count < 0 or end > len(self.data):
            raise ValueError(f"the file ends at byte {len(self.data)}, expected {end} or more")
        piece, self.at = self.data[self.at:end], end
        return piece


def read_model(path):
    """The shape, and (kind, layer or None, [rows, columns] or [width], bytes) of every tensor."""
    with open(path, "rb") as file:
        data = file.read()
    names = ("dim", "hidden", "layers", "heads", "kv_heads", "vocab", "context")
    shape = dict(zip(names, struct.unpack_from("<7i", data)))
    own_output, shape["vocab"] = shape["vocab"] < 0, abs(shape["vocab"])
    shape["head_dim"] = shape["dim"] // shape["heads"]
    dim, hidden, kv_dim = shape["dim"], shape["hidden"], shape["kv_heads"] * shape["head_dim"]
    layers = range(shape["layers"])
    plan = [("embed", None, [shape["vocab"], dim])]
    for kind, size in (("attn_norm", [dim]), ("q", [dim, dim]), ("k", [kv_dim, dim]), ("v", [kv_dim, dim]), ("o", [dim, dim]),
                       ("mlp_norm", [dim]), ("gate", [hidden, dim]), ("down", [dim, hidden]), ("up", [hidden, dim])):
        plan += [(kind, layer, size) for layer in layers]
    plan += [("final_norm", None, [dim]), ("unused", None, [shape["context"], shape["head_dim"]])]
    if own_output:
        plan.append(("output", None, [shape["vocab"], dim]))
    floats = Floats(data[28:])
    tensors = [(kind, layer, size, floats.take(size[0] * (size[1] if len(size) > 1 else 1))) for kind, layer, size in plan]
    if floats.at != len(floats.data):
        raise ValueError(f"{path}: {len(floats.data) - floats.at} bytes are left over")
    return shape, [tensor for tensor in tensors if tensor[0] != "unused"]


def read_tokenizer(path, vocab_size):
    """(piece, score) by id, pieces as SentencePiece has them."""
    with open(path, "rb") as file:
        data = file.read()
    at, pieces = 4, []
    for token in range(vocab_size):
        score, length = struct.unpack_from("<fi", data, at)
        text = data[at + 8:at + 8 + length].decode("utf-8")
        at += 8 + length
        if token in (BOS, EOS):
            text = text.strip("\n")  # llama2.c writes them on lines of their own
        pieces.append((text.replace(" ", SPACE), score))
    if at != len(data):
        raise ValueError(f"{path}: {len(data) - at} bytes are left over after {vocab_size} tokens")
    return pieces


def is_byte(token):
    return 3 <= token < 259


# ---- GGUF -----------------------------------------------------------------------------------------------------------

GGUF_NAMES = {"embed": "token_embd", "attn_norm": "blk.{}.attn_norm", "q": "blk.{}.attn_q", "k": "blk.{}.attn_k",
              "v": "blk.{}.attn_v", "o": "blk.{}.attn_output", "mlp_norm": "blk.{}.ffn_norm", "gate": "blk.{}.ffn_gate",
              "down": "blk.{}.ffn_down", "up": "blk.{}.ffn_up", "final_norm": "output_norm", "output": "output"}
UINT32, INT32, FLOAT32, BOOL, STRING, ARRAY = 4, 5, 6, 7, 8, 9
NORMAL, UNKNOWN, CONTROL, BYTE = 1, 2, 3, 6


def gguf_string(text):
    data = text.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def gguf_value(kind, value):
    if kind == STRING:
        return gguf_string(value)
    return struct.pack({UINT32: "<I", INT32: "<i", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def gguf_pair(key, kind, value):
    if isinstance(value, list):
        head = struct.pack("<IIQ", ARRAY, kind, len(value))
        return gguf_string(key) + head + b"".join(gguf_value(kind, item) for item in value)
    return gguf_string(key) + struct.pack("<I", kind) + gguf_value(kind, value)


def gguf_metadata(shape, pieces):
    types = [UNKNOWN, CONTROL, CONTROL] + [BYTE if is_byte(token) else NORMAL for token in range(3, len(pieces))]
    return [("general.architecture", STRING, "llama"),
            ("general.name", STRING, "converted from llama2.c"),
            ("general.alignment", UINT32, 32),
            ("llama.context_length", UINT32, shape["context"]),
            ("llama.embedding_length", UINT32, shape["dim"]),
            ("llama.block_count", UINT32, shape["layers"]),
            ("llama.feed_forward_length", UINT32, shape["hidden"]),
            ("llama.attention.head_count", UINT32, shape["heads"]),
            ("llama.attention.head_count_kv", UINT32, shape["kv_heads"]),
            ("llama.attention.layer_norm_rms_epsilon", FLOAT32, NORM_EPSILON),
            ("llama.rope.dimension_count", UINT32, shape["head_dim"]),
            ("llama.rope.freq_base", FLOAT32, ROPE_THETA),
            ("llama.vocab_size", UINT32, shape["vocab"]),
            ("tokenizer.ggml.model", STRING, "llama"),
            ("tokenizer.ggml.tokens", STRING, [piece for piece, _ in pieces]),
            ("tokenizer.ggml.scores", FLOAT32, [score for _, score in pieces]),
            ("tokenizer.ggml.token_type", INT32, types),
            ("tokenizer.ggml.bos_token_id", UINT32, BOS),
            ("tokenizer.ggml.eos_token_id", UINT32, EOS),
            ("tokenizer.ggml.unknown_token_id", UINT32, 0),
            ("tokenizer.ggml.add_bos_token", BOOL, True),
            ("tokenizer.ggml.add_eos_token", BOOL, False)]


def write_gguf(path, shape, tensors, pieces):
    def padding(size):
        return b"\0" * (-size % 32)

    metadata = gguf_metadata(shape, pieces)
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata)) + b"".join(gguf_pair(*pair) for pair in metadata)
    body = b""
    for kind, layer, size, data in tensors:
        dims = size[::-1]  # innermost first
        head += gguf_string(GGUF_NAMES[kind].format(layer) + ".weight")
        head += struct.pack(f"<I{len(dims)}QIQ", len(dims), *dims, 0, len(body))
        body += data + padding(len(data))
    with open(path, "wb") as file:
        file.write(head + padding(len(head)) + body)


# ---- Hugging Face ---------------------------------------------------------------------------------------------------

HF_NAMES = {"embed": "model.embed_tokens", "attn_norm": "model.layers.{}.input_layernorm",
            "q": "model.layers.{}.self_attn.q_proj", "k": "model.layers.{}.self_attn.k_proj",
            "v": "model.layers.{}.self_attn.v_proj", "o": "model.layers.{}.self_attn.o_proj",
            "mlp_norm": "model.layers.{}.post_attention_layernorm", "gate": "model.layers.{}.mlp.gate_proj",
            "down": "model.layers.{}.mlp.down_proj", "up": "model.layers.{}.mlp.up_proj", "final_norm": "model.norm",
            "output": "lm_head"}


def to_halves(data, rows, head_dim):
    """Rows of each head from pairs (2i, 2i+1) to halves (i, i + head_dim/2)."""
    width = len(data) // rows
    order = [head + 2 * i + half for head in range(0, rows, head_dim) for half in (0, 1) for i in range(head_dim // 2)]
    return b"".join(data[width * row:width * (row + 1)] for row in order)


def write_safetensors(path, shape, tensors):
    entries, body = {"__metadata__": {"format": "pt"}}, []
    at = 0
    for kind, layer, size, data in tensors:
        if kind in ("q", "k"):
            data = to_halves(data, size[0], shape["head_dim"])
        name = HF_NAMES[kind].format(layer) + ".weight"
        entries[name] = {"dtype": "F32", "shape": size, "data_offsets": [at, at + len(data)]}
        at += len(data)
        body.append(data)
    head = json.dumps(entries).encode()
    head += b" " * (-len(head) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(head)) + head + b"".join(body))


def config_json(shape, tied):
    return {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": shape["dim"],
            "intermediate_size": shape["hidden"], "num_hidden_layers": shape["layers"],
            "num_attention_heads": shape["heads"], "num_key_value_heads": shape["kv_heads"], "hidden_act": "silu",
            "vocab_size": shape["vocab"], "max_position_embeddings": shape["context"], "rms_norm_eps": NORM_EPSILON,
            "rope_theta": ROPE_THETA, "rope_scaling": None, "attention_bias": False, "mlp_bias": False,
            "tie_word_embeddings": tied, "bos_token_id": BOS, "eos_token_id": EOS, "torch_dtype": "float32"}


def merges(pieces):
    """Every way to put a piece together from two others; the best score first, as SentencePiece merges, and among
    equals the lower ids first."""
    ids = {piece: token for token, (piece, _) in enumerate(pieces) if token >= 3 and not is_byte(token)}
    found = []
    for piece, token in ids.items():
        for cut in range(1, len(piece)):
            left, right = piece[:cut], piece[cut:]
            if left in ids and right in ids:
                found.append((-pieces[token][1], ids[left], ids[right], [left, right]))
    return [pair for _, _, _, pair in sorted(found)]


def tokenizer_json(pieces):
    """As transformers converts a SentencePiece BPE model with byte fallback."""
    special = [{"id": token, "content": pieces[token][0], "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": False, "special": True} for token in range(3)]
    bos = {"SpecialToken": {"id": pieces[BOS][0], "type_id": 0}}
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    other = {"Sequence": {"id": "B", "type_id": 1}}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": special,
            "normalizer": {"type": "Sequence", "normalizers": [
                {"type": "Prepend", "prepend": SPACE},
                {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}]},
            "pre_tokenizer": None,
            "post_processor": {"type": "TemplateProcessing", "single": [bos, sequence],
                               "pair": [bos, sequence, {"SpecialToken": {"id": pieces[BOS][0], "type_id": 1}}, other],
                               "special_tokens": {pieces[BOS][0]: {"id": pieces[BOS][0], "ids": [BOS],
                                                                   "tokens": [pieces[BOS][0]]}}},
            "decoder": {"type": "Sequence", "decoders": [
                {"type": "Replace", "pattern": {"String": SPACE}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"},
                {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
            "model": {"type": "BPE", "dropout": None, "unk_token": pieces[0][0], "continuing_subword_prefix": None,
                      "end_of_word_suffix": None, "fuse_unk": True, "byte_fallback": True, "ignore_merges": False,
                      "vocab": {piece: token for token, (piece, _) in enumerate(pieces)}, "merges": merges(pieces)}}


def tokenizer_config_json(pieces, context):
    """The generic class takes tokenizer.json as it is; LlamaTokenizer of transformers 5 would put its own normalizer
    in its place and lose a space at the start."""
    return {"tokenizer_class": "PreTrainedTokenizerFast", "add_bos_token": True, "add_eos_token": False,
            "bos_token": pieces[BOS][0], "eos_token": pieces[EOS][0], "unk_token": pieces[0][0], "pad_token": None,
            "clean_up_tokenization_spaces": False, "model_max_length": context}


def write_folder(folder, shape, tensors, pieces):
    os.makedirs(folder, exist_ok=True)
    tied = all(kind != "output" for kind, _, _, _ in tensors)
    for name, content in (("config.json", config_json(shape, tied)), ("tokenizer.json", tokenizer_json(pieces)),
                          ("tokenizer_config.json", tokenizer_config_json(pieces, shape["context"]))):
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(content, file, ensure_ascii=False, indent=1)
    write_safetensors(os.path.join(folder, "model.safetensors"), shape, tensors)


def main():
    if len(sys.argv) != 5:
        sys.exit("usage: convert_llama2c.py MODEL.bin TOKENIZER.bin OUT.gguf OUT_FOLDER")
    model, tokenizer, gguf, folder = sys.argv[1:]
    shape, tensors = read_model(model)
    pieces = read_tokenizer(tokenizer, shape["vocab"])
    write_gguf(gguf, shape, tensors, pieces)
    write_folder(folder, shape, tensors, pieces)


if __name__ == "__main__":
    main()
