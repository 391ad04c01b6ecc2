"""What a trained version takes up in S3, in GB (10^9 bytes)."""

from __future__ import annotations

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

_GB = Decimal(10) ** 9
_TOKENIZER_GB = Decimal("0.02")
"""Tokenizer, configuration and model card: some 20 MB."""


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
