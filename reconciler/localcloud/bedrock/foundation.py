"""The foundation models that this Bedrock offers for customization, with the rules that Bedrock checks for each.

Sources, read in 2026: the Bedrock user guide's pages on custom model hyperparameters, supported fine-tuning models,
preparing data, provisioned throughput, on-demand deployment and the model lifecycle; the Nova guide on preparing data.
Titan Text and Cohere Command are gone from AWS; here they are LEGACY and still work. Bounds are empty where no page
that could be read states them: then any hyperparameter passes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

Format = Literal["prompt-completion", "conversation"]
Bounds = Mapping[str, tuple[float, float]]

FINE_TUNING = "FINE_TUNING"
CONTINUED_PRE_TRAINING = "CONTINUED_PRE_TRAINING"


@dataclass(frozen=True, kw_only=True)
class FoundationModel:
    """One base model. `suffix` is what only the customizable variant of the id carries: the context length and, for
    some, the version."""

    id: str
    suffix: str
    name: str
    provider: str
    formats: tuple[Format, ...]
    records: tuple[int, int] | None = None
    hyper_parameters: Bounds = field(default_factory=lambda: MappingProxyType({}))
    customizations: tuple[str, ...] = (FINE_TUNING,)
    input_modalities: tuple[str, ...] = ("TEXT",)
    on_demand: bool = False
    legacy: bool = False

    @property
    def full_id(self) -> str:
        """The id that jobs, custom models and provisioned throughputs name."""
        return f"{self.id}:{self.suffix}"

    @property
    def ids(self) -> frozenset[str]:
        """Every id it answers to: plain, with its version, with its context length."""
        return frozenset({self.id, self.full_id.rpartition(":")[0], self.full_id})


def find_foundation_model(identifier: str) -> FoundationModel | None:
    """By id with or without the context suffix, or by foundation-model ARN."""
    return BY_ID.get(identifier.rpartition("foundation-model/")[2])


NOVA: Bounds = {"epochCount": (1, 5), "learningRate": (1e-6, 1e-4), "learningRateWarmupSteps": (0, 100)}
TITAN: Bounds = {
    "epochCount": (1, 10),
    "batchSize": (1, 64),
    "learningRate": (0, 1),
    "learningRateWarmupSteps": (0, 250),
}
COHERE: Bounds = {
    "epochCount": (1, 100),
    "batchSize": (8, 8),
    "learningRate": (5e-6, 0.1),
    "earlyStoppingThreshold": (0, 0.1),
    "earlyStoppingPatience": (1, 10),
    "evalPercentage": (5, 50),
}
LLAMA: Bounds = {"epochCount": (1, 10), "batchSize": (1, 1), "learningRate": (5e-6, 0.1)}


def _nova(
    id: str,
    suffix: str,
    name: str,
    *,
    modalities: tuple[str, ...],
    records: tuple[int, int] = (8, 20_000),
    bounds: Bounds = NOVA,
) -> FoundationModel:
    return FoundationModel(
        id=id,
        suffix=suffix,
        name=name,
        provider="Amazon",
        formats=("conversation",),
        records=records,
        hyper_parameters=bounds,
        input_modalities=modalities,
        on_demand=True,
    )


def _titan(id: str, suffix: str, name: str) -> FoundationModel:
    return FoundationModel(
        id=id,
        suffix=suffix,
        name=name,
        provider="Amazon",
        formats=("prompt-completion",),
        hyper_parameters=TITAN,
        customizations=(FINE_TUNING, CONTINUED_PRE_TRAINING),
        legacy=True,
    )


def _cohere(id: str, name: str, *, batch_sizes: tuple[int, int]) -> FoundationModel:
    return FoundationModel(
        id=id,
        suffix="7:4k",
        name=name,
        provider="Cohere",
        formats=("prompt-completion",),
        records=(1, 10_000),
        hyper_parameters={**COHERE, "batchSize": batch_sizes},
        legacy=True,
    )


def _llama_3_1(id: str, name: str) -> FoundationModel:
    return FoundationModel(
        id=id,
        suffix="128k",
        name=name,
        provider="Meta",
        formats=("prompt-completion",),
        records=(100, 10_000),
        hyper_parameters=LLAMA,
    )


def _llama(id: str, name: str, *, formats: tuple[Format, ...], on_demand: bool = False) -> FoundationModel:
    return FoundationModel(id=id, suffix="128k", name=name, provider="Meta", formats=formats, on_demand=on_demand)


FOUNDATION_MODELS: tuple[FoundationModel, ...] = (
    _nova("amazon.nova-micro-v1:0", "128k", "Nova Micro", modalities=("TEXT",)),
    _nova("amazon.nova-lite-v1:0", "300k", "Nova Lite", modalities=("TEXT", "IMAGE")),
    _nova("amazon.nova-pro-v1:0", "300k", "Nova Pro", modalities=("TEXT", "IMAGE")),
    _nova(
        "amazon.nova-2-lite-v1:0", "256k", "Nova 2 Lite", modalities=("TEXT", "IMAGE"), records=(200, 20_000), bounds={}
    ),
    _titan("amazon.titan-text-express-v1", "0:8k", "Titan Text Express"),
    _titan("amazon.titan-text-lite-v1", "0:4k", "Titan Text Lite"),
    _cohere("cohere.command-text-v14", "Command", batch_sizes=(8, 8)),
    _cohere("cohere.command-light-text-v14", "Command Light", batch_sizes=(8, 32)),
    _llama_3_1("meta.llama3-1-8b-instruct-v1:0", "Llama 3.1 8B"),
    _llama_3_1("meta.llama3-1-70b-instruct-v1:0", "Llama 3.1 70B"),
    _llama("meta.llama3-2-1b-instruct-v1:0", "Llama 3.2 1B", formats=("prompt-completion", "conversation")),
    _llama("meta.llama3-2-3b-instruct-v1:0", "Llama 3.2 3B", formats=("prompt-completion", "conversation")),
    _llama("meta.llama3-2-11b-instruct-v1:0", "Llama 3.2 11B", formats=("prompt-completion", "conversation")),
    _llama("meta.llama3-2-90b-instruct-v1:0", "Llama 3.2 90B", formats=("prompt-completion", "conversation")),
    _llama("meta.llama3-3-70b-instruct-v1:0", "Llama 3.3 70B", formats=("conversation",), on_demand=True),
)

BY_ID: Mapping[str, FoundationModel] = {id: model for model in FOUNDATION_MODELS for id in model.ids}
