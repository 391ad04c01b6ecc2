"""Folders of base weights for tests: real configurations and headers, over weights that are holes in the file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import accumulate, pairwise
from math import prod
from pathlib import Path
from typing import Any

Shapes = Mapping[str, tuple[int, ...]]

LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "vocab_size": 300,
    "max_position_embeddings": 512,
    "tie_word_embeddings": True,
    "torch_dtype": "bfloat16",
}
_BYTES = {"BF16": 2, "F16": 2, "F32": 4, "I32": 4, "U8": 1}


def llama_tensors(config: Mapping[str, Any] = LLAMA) -> dict[str, tuple[int, ...]]:
    """As Transformers names and shapes them."""
    h, f, v = config["hidden_size"], config["intermediate_size"], config["vocab_size"]
    width = h // config["num_attention_heads"] * config["num_key_value_heads"]
    shapes: dict[str, tuple[int, ...]] = {"model.embed_tokens.weight": (v, h), "model.norm.weight": (h,)}
    for layer in range(config["num_hidden_layers"]):
        attention, mlp = f"model.layers.{layer}.self_attn", f"model.layers.{layer}.mlp"
        shapes |= {f"{attention}.{name}_proj.weight": (h, h) for name in "qo"}
        shapes |= {f"{attention}.{name}_proj.weight": (width, h) for name in "kv"}
        shapes |= {f"{mlp}.{name}_proj.weight": (f, h) for name in ("gate", "up")} | {f"{mlp}.down_proj.weight": (h, f)}
        norms = ("input_layernorm", "post_attention_layernorm")
        shapes |= {f"model.layers.{layer}.{name}.weight": (h,) for name in norms}
    return shapes if config["tie_word_embeddings"] else shapes | {"lm_head.weight": (v, h)}


def a_header(shapes: Shapes, dtype: str = "BF16") -> tuple[bytes, int]:
    """The header of a ``*.safetensors`` file, its length before it; and the bytes that follow it."""
    ends = [0, *accumulate(prod(shape) * _BYTES[dtype] for shape in shapes.values())]
    tensors = {
        name: {"dtype": dtype, "shape": shape, "data_offsets": offsets}
        for (name, shape), offsets in zip(shapes.items(), pairwise(ends), strict=True)
    }
    told = json.dumps({"__metadata__": {"format": "pt"}, **tensors}).encode()
    return len(told).to_bytes(8, "little") + told, ends[-1]


def write_weights(path: Path, shapes: Shapes, dtype: str = "BF16") -> None:
    header, size = a_header(shapes, dtype)
    with path.open("wb") as file:
        file.write(header)
        file.truncate(len(header) + size)


def write_folder(folder: Path, config: Mapping[str, Any] = LLAMA, *, dtype: str = "BF16") -> Path:
    """As ``save_pretrained`` leaves it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    (folder / "tokenizer.json").write_text("{}")
    (folder / "tokenizer_config.json").write_text('{"chat_template": "{{ messages }}"}')
    write_weights(folder / "model.safetensors", llama_tensors(config), dtype)
    return folder
