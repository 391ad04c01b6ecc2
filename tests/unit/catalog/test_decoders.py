"""``config.json`` of decoders: what is read, what stays unknown, what is wrong."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.catalog.decoders import read_config
from reconciler.domain.catalog import Architecture
from reconciler.estimators.intended import dimensions

LLAMA_8B: dict[str, Any] = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "head_dim": 128,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0},
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 128256,
}
MISTRAL_7B = {
    "model_type": "mistral",
    "head_dim": None,
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "sliding_window": None,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 32768,
}
QWEN2_HALF_B = {
    "model_type": "qwen2",
    "hidden_size": 896,
    "intermediate_size": 4864,
    "num_attention_heads": 14,
    "num_hidden_layers": 24,
    "num_key_value_heads": 2,
    "tie_word_embeddings": True,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
QWEN3_1_7B = {
    "model_type": "qwen3",
    "attention_bias": False,
    "head_dim": 128,
    "hidden_size": 2048,
    "intermediate_size": 6144,
    "num_attention_heads": 16,
    "num_hidden_layers": 28,
    "num_key_value_heads": 8,
    "tie_word_embeddings": True,
    "vocab_size": 151936,
}
MIXTRAL_8X7B = MISTRAL_7B | {
    "model_type": "mixtral",
    "num_experts_per_tok": 2,
    "num_local_experts": 8,
    "vocab_size": 32000,
}
QWEN3_30B_A3B = QWEN3_1_7B | {
    "model_type": "qwen3_moe",
    "decoder_sparse_step": 1,
    "mlp_only_layers": [],
    "moe_intermediate_size": 768,
    "num_attention_heads": 32,
    "num_experts": 128,
    "num_experts_per_tok": 8,
    "num_hidden_layers": 48,
    "num_key_value_heads": 4,
    "tie_word_embeddings": False,
}


def architecture(config: dict[str, Any]) -> Architecture:
    found = read_config(config)
    assert (found.unknown, found.problems) == ("", ())
    assert found.architecture is not None
    return found.architecture


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        (LLAMA_8B, 8_030_261_248),
        (MISTRAL_7B, 7_248_023_552),
        (QWEN2_HALF_B, 494_032_768),
        (QWEN3_1_7B, 1_720_574_976),
        (MIXTRAL_8X7B, 46_702_792_704),
        (QWEN3_30B_A3B, 30_532_122_624),
    ],
    ids=lambda value: value["model_type"] if isinstance(value, dict) else "",
)
def test_they_make_as_many_parameters_as_were_published(config: dict[str, Any], parameters: int) -> None:
    assert dimensions(architecture(config)).parameters == parameters


@pytest.mark.parametrize(("config", "key"), [(LLAMA_8B, "llama-3.1-8b-instruct"), (QWEN3_1_7B, "qwen3-1.7b")])
def test_they_are_what_the_catalog_has(config: dict[str, Any], key: str) -> None:
    entry = load().model(key)
    assert entry is not None
    assert entry.architecture is not None
    told = {"parameters", "source", "dtype", "max_position_embeddings"}
    assert architecture(config).model_dump(exclude=told) == entry.architecture.model_dump(exclude=told)


def test_a_mixture_of_experts_meets_a_few_of_them() -> None:
    found = architecture(QWEN3_30B_A3B)
    assert (found.num_experts, found.num_experts_per_tok, found.intermediate_size) == (128, 8, 768)
    dims = dimensions(found)
    assert dims.active_linear_parameters < dims.linear_parameters / 8


def test_heads_that_are_not_named_are_as_the_format_has_them() -> None:
    short = {name: LLAMA_8B[name] for name in LLAMA_8B if name not in ("head_dim", "num_key_value_heads")}
    found = architecture(short)
    assert (found.head_dim, found.num_key_value_heads) == (128, 32)


def test_both_names_of_the_precision() -> None:
    assert architecture(LLAMA_8B).dtype == "bfloat16"
    assert architecture(MISTRAL_7B | {"dtype": "float32"}).dtype == "float32"
    assert architecture(QWEN2_HALF_B).dtype is None


@pytest.mark.parametrize(
    ("config", "why"),
    [
        ({"model_type": "gemma2"}, "`model_type: gemma2` is none of those that are estimated: llama, mistral"),
        ({}, "`model_type: None` is none of those"),
        (
            {"model_type": "llama"},
            "it does not say hidden_size, num_hidden_layers, num_attention_heads, intermediate_size",
        ),
        (LLAMA_8B | {"quantization_config": {"quant_method": "gptq"}}, "its weights are quantised already (gptq)"),
        (QWEN3_30B_A3B | {"mlp_only_layers": [0]}, "only some of its layers have experts"),
        (QWEN3_30B_A3B | {"decoder_sparse_step": 2}, "only some of its layers have experts"),
    ],
)
def test_what_is_not_known_says_why(config: dict[str, Any], why: str) -> None:
    found = read_config(config)
    assert found.architecture is None
    assert found.unknown.startswith(why)


def test_all_wrong_values_are_told_at_once() -> None:
    found = read_config(LLAMA_8B | {"hidden_size": "4096", "num_hidden_layers": 0, "tie_word_embeddings": "no"})
    assert found.architecture is None
    assert found.problems == (
        "`hidden_size` is '4096'",
        "`num_hidden_layers` is 0",
        "`tie_word_embeddings` is 'no'",
    )
