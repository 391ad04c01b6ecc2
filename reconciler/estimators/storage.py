"""What a training takes up on its instance's disk, and a trained version in S3, in GB (10^9 bytes)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal

from reconciler.domain.catalog import FoundationModel
from reconciler.domain.desired import DesiredModel, Hyperparameters
from reconciler.domain.quantity import Range
from reconciler.estimators.estimate import Estimate
from reconciler.estimators.known import unestimated
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
    """The base model's weights as they are fetched."""
    size = _weights_gb(base)
    if size is None:
        return Estimate.unknown("GB", _no_size(base))
    return Estimate(amount=_around(size + _TOKENIZER_GB), unit="GB")


def artifact_gb(model: DesiredModel, base: FoundationModel) -> Estimate:
    """The model that the training program saves: the merged weights, or with ``merge_adapters: false`` the adapters alone."""
    chosen = model.resolved.hyperparameters
    if uses_lora(chosen) and chosen.optional.get("merge_adapters") is False:
        adapters = _adapters_gb(base, chosen)
        if adapters is None:
            return Estimate.unknown("GB", unestimated(base, chosen))
        return Estimate(amount=_around(adapters + _TOKENIZER_GB), unit="GB", assumptions=("artifact: adapters alone",))
    size = _weights_gb(base)
    if size is None:
        return Estimate.unknown("GB", _no_size(base))
    each = "as large as those of the base model" if base.weights_bytes else f"{BYTES_PER_WEIGHT} bytes each"
    return Estimate(amount=_around(size + _TOKENIZER_GB), unit="GB", assumptions=(f"artifact: all weights, {each}",))


def data_gb(model: DesiredModel) -> Estimate:
    """Converted training and validation data; the chat format's keys add to the text."""
    facts = (model.data.training, model.data.validation)
    size = sum((Decimal(f.size_bytes) for f in facts if f is not None), Decimal(0)) / _GB
    return Estimate(amount=Range.around(size, low=Decimal("0.8"), high=Decimal("1.5")), unit="GB")


def checkpoint_gb(model: DesiredModel, base: FoundationModel) -> Estimate:
    """One checkpoint: trained weights and two moments of the optimizer (AdamW), for resuming."""
    chosen = model.resolved.hyperparameters
    size = _adapters_gb(base, chosen) if uses_lora(chosen) else _weights_gb(base)
    if size is None:
        return Estimate.unknown("GB", unestimated(base, chosen) if uses_lora(chosen) else _no_size(base))
    return Estimate(amount=_around(size * 3), unit="GB", assumptions=("checkpoint: weights and AdamW's two moments",))


def _weights_gb(base: FoundationModel) -> Decimal | None:
    """As their own files tell it, or in BF16."""
    if base.weights_bytes is not None:
        return base.weights_bytes / _GB
    parameters = base.architecture.parameters if base.architecture else None
    return None if parameters is None else parameters * BYTES_PER_WEIGHT / _GB


def _no_size(base: FoundationModel) -> str:
    return base.architecture_unknown or f"the number of parameters of {base.key} is not known"


def _adapters_gb(base: FoundationModel, chosen: Hyperparameters) -> Decimal | None:
    if base.architecture is None or unestimated(base, chosen):
        return None
    return lora_parameters(base.architecture, chosen) * BYTES_PER_ADAPTER_WEIGHT / _GB


def _around(size: Decimal) -> Range:
    return Range.around(size, low=Decimal("0.95"), high=Decimal("1.05"))
