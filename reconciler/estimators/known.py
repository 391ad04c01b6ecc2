"""Whether the estimators of memory and time hold for a training of a base model."""

from __future__ import annotations

from reconciler.domain.catalog import Architecture, FoundationModel
from reconciler.domain.desired import Hyperparameters
from reconciler.estimators.parameters import lora_targets, uses_lora
from reconciler.estimators.setup import FEED_FORWARD_TARGETS

DECODERS = frozenset(
    {
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "MixtralForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
        "Qwen3MoeForCausalLM",
    }
)
"""Plain ones: the same layers one above the other, dense or mixtures of experts."""


def unestimated(base: FoundationModel, chosen: Hyperparameters) -> str:
    """Why neither memory nor time can be told, whatever the machine; empty where they can.

    Transformers 5 holds a layer's experts in one tensor, which peft gives no adapter by the names of its layers: how many there would be
    is not known.
    """
    architecture = base.architecture
    if architecture is None or architecture.parameters is None:
        return base.architecture_unknown or f"the dimensions of {base.key} are not known"
    if architecture.architecture not in DECODERS:
        return f"{architecture.architecture} is not a plain decoder, which this estimate is for"
    return "adapters of experts are not estimated" if _adapts_experts(architecture, chosen) else ""


def _adapts_experts(architecture: Architecture, chosen: Hyperparameters) -> bool:
    targets = lora_targets(chosen) if uses_lora(chosen) else ()
    return architecture.num_experts > 1 and bool(set(targets) & {*FEED_FORWARD_TARGETS})
