"""A decoder's ``config.json``, as Transformers writes it: the dimensions that decide memory and time.

Read are the decoders whose layers the estimators know. What the file does not say stays unknown, but for what the format itself
defines where it is left out: as many heads of keys and values as of queries, and heads that share the hidden size. Whoever has the
weights' shapes checks that guess against them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, ValidationError

from reconciler.domain.base import Value
from reconciler.domain.catalog import Architecture

_Count = Annotated[int, Field(ge=1)]


class ConfigReading(Value):
    """``architecture`` has no number of parameters. Without one: ``unknown`` says why, or ``problems`` what is wrong in the file."""

    architecture: Architecture | None = None
    unknown: str = ""
    problems: tuple[str, ...] = ()


def read_config(config: Mapping[str, Any]) -> ConfigReading:
    """By ``model_type``, as Transformers' AutoModelForCausalLM chooses the class."""
    kind = _KINDS.get(str(config.get("model_type")))
    if kind is None:
        known = ", ".join(sorted(_KINDS))
        return ConfigReading(
            unknown=f"`model_type: {config.get('model_type')}` is none of those that are estimated: {known}"
        )
    try:
        said = kind.fields.model_validate(config)
    except ValidationError as invalid:
        return _unusable(invalid)
    return _read(kind, said)


class _Fields(BaseModel):
    """Of every decoder. ``None``: left out, or null."""

    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)

    hidden_size: _Count
    num_hidden_layers: _Count
    num_attention_heads: _Count
    num_key_value_heads: _Count | None = None
    head_dim: _Count | None = None
    intermediate_size: _Count
    vocab_size: _Count
    max_position_embeddings: _Count | None = None
    tie_word_embeddings: bool | None = None
    attention_bias: bool | None = None
    dtype: str | None = Field(default=None, validation_alias=AliasChoices("dtype", "torch_dtype"))
    quantization_config: dict[str, Any] | None = None

    @property
    def experts(self) -> tuple[int, int]:
        """All of a layer, and those that one token meets."""
        return 1, 1

    @property
    def feed_forward(self) -> int:
        return self.intermediate_size

    def unlike(self) -> Iterator[str]:
        """Why the estimators do not hold for it."""
        if self.quantization_config is not None:
            method = self.quantization_config.get("quant_method", "an unknown method")
            yield f"its weights are quantised already ({method})"


class _Mixtral(_Fields):
    num_experts: _Count = Field(validation_alias=AliasChoices("num_local_experts", "num_experts"))
    num_experts_per_tok: _Count

    @property
    def experts(self) -> tuple[int, int]:
        return self.num_experts, self.num_experts_per_tok


class _Qwen3Moe(_Mixtral):
    moe_intermediate_size: _Count
    decoder_sparse_step: _Count | None = None
    mlp_only_layers: list[int] | None = None

    @property
    def feed_forward(self) -> int:
        return self.moe_intermediate_size

    def unlike(self) -> Iterator[str]:
        yield from super().unlike()
        if (self.decoder_sparse_step or 1) > 1 or self.mlp_only_layers:
            yield "only some of its layers have experts"


@dataclass(frozen=True, kw_only=True)
class _Kind:
    """``bias``: of query, key and value, whatever the file says."""

    name: str
    fields: type[_Fields] = _Fields
    bias: bool = False
    qk_norm: bool = False


_KINDS = {
    "llama": _Kind(name="LlamaForCausalLM"),
    "mistral": _Kind(name="MistralForCausalLM"),
    "mixtral": _Kind(name="MixtralForCausalLM", fields=_Mixtral),
    "qwen2": _Kind(name="Qwen2ForCausalLM", bias=True),
    "qwen3": _Kind(name="Qwen3ForCausalLM", qk_norm=True),
    "qwen3_moe": _Kind(name="Qwen3MoeForCausalLM", fields=_Qwen3Moe, qk_norm=True),
}


def _read(kind: _Kind, said: _Fields) -> ConfigReading:
    why = next(said.unlike(), "")
    if why:
        return ConfigReading(unknown=why)
    experts, met = said.experts
    heads = said.num_attention_heads
    return ConfigReading(
        architecture=Architecture(
            architecture=kind.name,
            hidden_size=said.hidden_size,
            num_hidden_layers=said.num_hidden_layers,
            num_attention_heads=heads,
            num_key_value_heads=said.num_key_value_heads or heads,
            head_dim=said.head_dim or max(1, said.hidden_size // heads),
            intermediate_size=said.feed_forward,
            vocab_size=said.vocab_size,
            max_position_embeddings=said.max_position_embeddings,
            tie_word_embeddings=said.tie_word_embeddings,
            attention_qkv_bias=kind.bias or said.attention_bias is True,
            qk_norm=kind.qk_norm,
            num_experts=experts,
            num_experts_per_tok=met,
            dtype=said.dtype,
        )
    )


def _unusable(invalid: ValidationError) -> ConfigReading:
    """A wrong value is an error, since Transformers could not load it either; a missing one leaves the estimate unknown."""
    found = [(str(each["loc"][0]), each) for each in invalid.errors(include_url=False)]
    wrong = tuple(f"`{name}` is {each['input']!r}" for name, each in found if each["type"] != "missing")
    if wrong:
        return ConfigReading(problems=wrong)
    return ConfigReading(unknown=f"it does not say {', '.join(name for name, _ in found)}")
