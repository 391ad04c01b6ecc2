"""Whether a training fits the GPUs: the peak by :mod:`reconciler.estimators.memory`, against what a GPU leaves to programs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from reconciler.domain.catalog import Accelerator, Architecture, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel
from reconciler.domain.plan import Fit, MemoryTerm, Verdict
from reconciler.estimators.batches import VARIATION
from reconciler.estimators.intended import intended
from reconciler.estimators.known import unestimated
from reconciler.estimators.memory import COMFORTABLE_SHARE, MemoryEstimate, estimate_memory
from reconciler.estimators.moments import Term
from reconciler.estimators.setup import Dtype, Method, Sharding, TrainingSetup

USABLE_SHARE = 0.985
"""Of what EC2 reports: an A10G of 22.35 GiB leaves some 22.0, an A100 of 80 some 79, an H200 of 141 some 140, as PyTorch tells them."""

_METHODS = {Method.FULL: "full fine-tuning", Method.LORA: "LoRA", Method.QLORA: "QLoRA"}
_TOLD_TERMS = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Memory by how long the longest batch is: records all alike, of varying length as is usual, or up to the limit."""

    setup: TrainingSetup
    low: MemoryEstimate
    likely: MemoryEstimate
    high: MemoryEstimate


def fit(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, instance_count: int = 1, *, factor: float = 1.0
) -> Fit:
    """The verdict on a training.

    ============= ==================================================================
    fits          even the high estimate leaves 3 % free
    tight         the low estimate fits, the high one does not, or barely
    does not fit  not even the low estimate fits
    unknown       nothing can be told; the assumptions say why
    ============= ==================================================================

    ``needed_gib`` is the estimate that decides: the high one where it fits, else the low one. ``factor``: what measured trainings needed
    over what was predicted.
    """
    why = _unknown(model, base, instance)
    if why:
        return Fit(verdict=Verdict.UNKNOWN, assumptions=(f"memory: {why}",))
    assert base.architecture is not None
    assert instance.accelerator is not None
    found = forecast(model, base.architecture, instance, instance_count)
    available = usable_gib(instance.accelerator)
    verdict = _verdict(found.low.needed * factor, found.high.needed * factor, available)
    decides = found.high if verdict is Verdict.FITS else found.low
    return Fit(
        verdict=verdict,
        needed_gib=round(decides.needed * factor, 2),
        most_gib=round(found.high.needed * factor, 2),
        available_gib=round(available, 2),
        terms=_largest((found.low if verdict is Verdict.DOES_NOT_FIT else found.high).terms),
        assumptions=(_assumption(found), *_of_its_image(model)),
    )


def peak_gib(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, instance_count: int = 1
) -> float | None:
    """What tensors likely take of the fullest GPU, to compare with what the training program measures; ``None``: not known."""
    if base.architecture is None or _unknown(model, base, instance):
        return None
    return round(forecast(model, base.architecture, instance, instance_count).likely.peak.likely, 3)


def forecast(model: DesiredModel, architecture: Architecture, instance: InstanceType, instance_count: int) -> Forecast:
    """Raises ValueError where the instance has no accelerator."""
    setup = intended(model, architecture, instance, instance_count)
    low, likely = (
        replace(setup, sequence=_longest(model, setup, float(by))) for by in (VARIATION.low, VARIATION.likely)
    )
    return Forecast(setup=setup, low=estimate_memory(low), likely=estimate_memory(likely), high=estimate_memory(setup))


def usable_gib(accelerator: Accelerator) -> float:
    """What one GPU leaves to programs."""
    return accelerator.usable_mib / 1024 * USABLE_SHARE


def _longest(model: DesiredModel, setup: TrainingSetup, variation: float) -> int:
    """Tokens of the longest record, which its batch is padded to: of n normal variables the largest is about √(2 ln n) standard
    deviations above the mean."""
    if setup.packed:
        return setup.sequence
    records = max(1, model.data.training_records)
    longest = _mean_tokens(model) * (1 + variation * math.sqrt(2 * math.log(records)))
    return max(1, min(setup.sequence, math.ceil(longest)))


def _mean_tokens(model: DesiredModel) -> float:
    facts = model.data.training
    tokens = facts.tokens if facts.tokens is not None else facts.characters // 4
    return tokens / max(1, facts.records)


def _verdict(low: float, high: float, available: float) -> Verdict:
    if high <= COMFORTABLE_SHARE * available:
        return Verdict.FITS
    return Verdict.TIGHT if low <= available else Verdict.DOES_NOT_FIT


def _unknown(model: DesiredModel, base: FoundationModel, instance: InstanceType) -> str:
    why, accelerator = unestimated(base, model.resolved.hyperparameters), instance.accelerator
    return why or ("" if accelerator and accelerator.vendor == "NVIDIA" else f"{instance.name} has no CUDA GPU")


def _assumption(found: Forecast) -> str:
    setup = found.setup
    largest = ", ".join(f"{term.name} {term.gib:.1f}" for term in _largest(found.high.terms))
    checkpointing = "" if setup.gradient_checkpointing else "out"
    return (
        f"memory: {_METHODS[setup.method]} in {_precision(setup)} with {_optimizer(setup)}, with{checkpointing} gradient "
        f"checkpointing{_spread(setup)}, {setup.micro_batch} records of up to {setup.sequence:,} tokens at a time: "
        f"{found.low.needed:.1f} to {found.high.needed:.1f} GiB on each GPU, most of it {largest}"
    )


def _of_its_image(model: DesiredModel) -> tuple[str, ...]:
    resources = model.resolved.resources
    if resources is None or resources.image is None:
        return ()
    return ("memory: by the libraries of the catalog's training image; those of your own are not known",)


def _precision(setup: TrainingSetup) -> str:
    return "FP16" if setup.compute is Dtype.FP16 else "BF16"


def _optimizer(setup: TrainingSetup) -> str:
    name = setup.optimizer.value.partition("_")[0]
    return {"adamw": "AdamW", "sgd": "SGD"}.get(name, name.capitalize())


def _spread(setup: TrainingSetup) -> str:
    if setup.gpus == 1:
        return ""
    return f", {'a copy on each of' if setup.sharding is Sharding.DDP else 'sharded over'} {setup.gpus} GPUs"


def _largest(terms: Mapping[Term, float]) -> tuple[MemoryTerm, ...]:
    ordered = sorted(terms.items(), key=lambda item: -item[1])[:_TOLD_TERMS]
    return tuple(MemoryTerm(name=str(term), gib=round(size, 2)) for term, size in ordered)
