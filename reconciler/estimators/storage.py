"""What a training takes up on its instance's disk, and a trained version in S3, in GB (10^9 bytes)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from reconciler.domain.catalog import FoundationModel
from reconciler.domain.desired import DesiredModel
from reconciler.domain.quantity import Range
from reconciler.estimators.estimate import Estimate
from reconciler.estimators.parameters import lora_parameters, uses_lora

BYTES_PER_WEIGHT = 2
"""BF16 or FP16."""

BYTES_PER_ADAPTER_WEIGHT = 4
"""peft keeps adapters in FP32."""

CHECKPOINTS = 3
"""``save_total_limit`` of the training program is 2, and the oldest goes when the new one is there."""

HEADROOM, STEP_GB = Decimal("1.2"), 10
"""For packages, caches and logs; sizes are told in steps of ten."""

_GB = Decimal(10) ** 9
_TOKENIZER_GB = Decimal("0.02")
"""Tokenizer, configuration and model card: some 20 MB."""


def disk_gb(model: DesiredModel, base: FoundationModel) -> Estimate:
    """Base weights, artifact, data and the checkpoints that are kept, on each instance."""
    parts = {"base weights": base_gb(base), "artifact": artifact_gb(model, base), "data": data_gb(model)}
    if keeps_checkpoints(model):
        parts["checkpoints"] = checkpoint_gb(model, base).times(CHECKPOINTS)
    unknown = next((part.why_unknown for part in parts.values() if part.amount is None), "")
    if unknown:
        return Estimate.unknown("GB", unknown)
    amounts = {name: part.amount for name, part in parts.items() if part.amount is not None}
    told = ", ".join(f"{name} {amount.likely:,.1f} GB" for name, amount in amounts.items())
    total = sum(amounts.values(), Range.exactly(0))
    return Estimate(amount=total, unit="GB", assumptions=(f"storage: {told}",))


def size_that_suffices(disk: Range) -> int:
    """GB, with headroom, rounded up."""
    return math.ceil(disk.high * HEADROOM / STEP_GB) * STEP_GB


def keeps_checkpoints(model: DesiredModel) -> bool:
    """Spot trainings go on from theirs, early stopping goes back to the best; others save none unless ``sft_config`` asks for them."""
    resources, chosen = model.resolved.resources, model.resolved.hyperparameters
    config = chosen.optional.get("sft_config")
    asked = config.get("save_strategy") if isinstance(config, Mapping) else None
    spot = resources is not None and resources.spot
    return spot or chosen.early_stopping_patience is not None or asked in ("epoch", "steps", "best")


def base_gb(base: FoundationModel) -> Estimate:
    """The base model's weights as they are fetched, BF16."""
    parameters = base.architecture.parameters if base.architecture else None
    if parameters is None:
        return Estimate.unknown("GB", f"the number of parameters of {base.key} is not known")
    return Estimate(amount=_around(parameters * BYTES_PER_WEIGHT / _GB + _TOKENIZER_GB), unit="GB")


def artifact_gb(model: DesiredModel, base: FoundationModel) -> Estimate:
    """The model that the training program saves: the merged weights, or with ``merge_adapters: false`` the adapters alone."""
    architecture = base.architecture
    if architecture is None or architecture.parameters is None:
        return Estimate.unknown("GB", f"the number of parameters of {base.key} is not known")
    chosen = model.resolved.hyperparameters
    if uses_lora(chosen) and chosen.optional.get("merge_adapters") is False:
        size = lora_parameters(architecture, chosen) * BYTES_PER_ADAPTER_WEIGHT / _GB + _TOKENIZER_GB
        return Estimate(amount=_around(size), unit="GB", assumptions=("artifact: adapters alone",))
    size = architecture.parameters * BYTES_PER_WEIGHT / _GB + _TOKENIZER_GB
    return Estimate(amount=_around(size), unit="GB", assumptions=("artifact: all weights, 2 bytes each",))


def data_gb(model: DesiredModel) -> Estimate:
    """Converted training and validation data; the chat format's keys add to the text."""
    facts = (model.data.training, model.data.validation)
    size = sum((Decimal(f.size_bytes) for f in facts if f is not None), Decimal(0)) / _GB
    return Estimate(amount=Range.around(size, low=Decimal("0.8"), high=Decimal("1.5")), unit="GB")


def checkpoint_gb(model: DesiredModel, base: FoundationModel) -> Estimate:
    """One checkpoint: trained weights and two moments of the optimizer (AdamW), for resuming."""
    architecture = base.architecture
    if architecture is None or architecture.parameters is None:
        return Estimate.unknown("GB", f"the number of parameters of {base.key} is not known")
    chosen = model.resolved.hyperparameters
    if uses_lora(chosen):
        size = lora_parameters(architecture, chosen) * BYTES_PER_ADAPTER_WEIGHT * 3 / _GB
    else:
        size = architecture.parameters * BYTES_PER_WEIGHT * 3 / _GB
    return Estimate(amount=_around(size), unit="GB", assumptions=("checkpoint: weights and AdamW's two moments",))


def _around(size: Decimal) -> Range:
    return Range.around(size, low=Decimal("0.95"), high=Decimal("1.05"))
