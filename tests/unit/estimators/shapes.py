"""Dimensions of models, as their ``config.json`` has them, and the catalog's."""

from __future__ import annotations

from reconciler.catalog import load
from reconciler.estimators.intended import dimensions
from reconciler.estimators.setup import Dimensions

LLAMA_8B = Dimensions(hidden=4096, layers=32, heads=32, kv_heads=8, head_dim=128, ffn=14336, vocab=128256, tied=False)
MISTRAL_7B = Dimensions(hidden=4096, layers=32, heads=32, kv_heads=8, head_dim=128, ffn=14336, vocab=32000, tied=False)
QWEN_SMALL = Dimensions(
    hidden=896, layers=24, heads=14, kv_heads=2, head_dim=64, ffn=4864, vocab=151936, tied=True, qkv_bias=True
)


def of_catalog(key: str) -> Dimensions:
    model = load().model(key)
    assert model is not None
    assert model.architecture is not None
    return dimensions(model.architecture)
