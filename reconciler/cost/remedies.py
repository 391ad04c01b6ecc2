"""What would make a training fit: one change at a time, each tried by estimating anew."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from reconciler.catalog.query import cheapest_first
from reconciler.cost.choice import cheapest_fitting
from reconciler.cost.corrected import corrected_fit
from reconciler.cost.options import lacking, with_resources
from reconciler.domain.catalog import Catalog, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel
from reconciler.domain.measurement import NO_HISTORY, History
from reconciler.domain.plan import Fit, Remedy, Verdict
from reconciler.estimators.intended import DEFAULT_BATCH, intended, method_of
from reconciler.estimators.setup import Method

MORE_INSTANCES = (2, 4, 8)
"""How many are tried where no larger type of the same GPU fits."""

Edit = tuple[str, DesiredModel]
"""A change as the manifest writes it, and the model with it."""


def remedies(
    model: DesiredModel,
    base: FoundationModel,
    instance: InstanceType,
    catalog: Catalog,
    region: str,
    history: History = NO_HISTORY,
) -> tuple[Remedy, ...]:
    """Changes with which the training would fit with room to spare, the smallest first.

    ====================== =====================================================================
    smaller batch          halved until it fits
    gradient checkpointing where it is switched off; with a batch of 1, where that alone helps not
    LoRA, QLoRA            instead of all weights; over weights in 4 bits
    more GPUs              the cheapest type with more of the same GPUs, else more instances
    another instance       the type that ``instanceType: auto`` would take
    ====================== =====================================================================
    """
    trial = _Trial(model, base, instance, catalog, region, history)
    found = (
        *islice(trial.with_each(_smaller_batches(model)), 1),
        *islice(trial.with_each(_checkpointed(model)), 1),
        *trial.with_each(_adapters(model, instance)),
        *islice(trial.on_more_gpus(), 1),
        *trial.elsewhere(),
    )
    return tuple({remedy.change: remedy for remedy in found}.values())


@dataclass(frozen=True)
class _Trial:
    model: DesiredModel
    base: FoundationModel
    instance: InstanceType
    catalog: Catalog
    region: str
    history: History

    @property
    def count(self) -> int:
        assert self.model.resolved.resources is not None
        return self.model.resolved.resources.instance_count

    def with_each(self, edits: Iterable[Edit]) -> Iterator[Remedy]:
        for change, edited in edits:
            found = corrected_fit(edited, self.base, self.instance, self.count, self.history)
            yield from _if_it_fits(change, found)

    def on_more_gpus(self) -> Iterator[Remedy]:
        for other in cheapest_first(self.catalog, self.region):
            if other.accelerator == self.instance.accelerator and other.accelerators > self.instance.accelerators:
                yield from self._on(other, self.count)
        for many in MORE_INSTANCES:
            if many > self.count and self._shards(many):
                yield from self._on(self.instance, many)

    def elsewhere(self) -> Iterator[Remedy]:
        choice = cheapest_fitting(self.model, self.base, self.catalog, self.region)
        other = self.catalog.instance(choice.instance_type) if choice else None
        if other is not None:
            yield from self._on(other, self.count)

    def _on(self, other: InstanceType, count: int) -> Iterator[Remedy]:
        price = self.catalog.training_price(other.name, self.region).usd
        more = f"resources.instanceCount: {count}"
        change = more if count != self.count else f"resources.instanceType: {other.name}"
        placed = with_resources(self.model, instance_type=other.name, instance_count=count)
        found = corrected_fit(placed, self.base, other, count, self.history)
        yield from _if_it_fits(change, found, None if price is None else price * count)

    def _shards(self, count: int) -> bool:
        """A copy on each GPU takes no less on more of them."""
        assert self.base.architecture is not None
        return intended(self.model, self.base.architecture, self.instance, count).is_sharded


def _if_it_fits(change: str, found: Fit, usd_an_hour: Decimal | None = None) -> Iterator[Remedy]:
    if found.verdict is Verdict.FITS:
        assert found.needed_gib is not None
        assert found.available_gib is not None
        yield Remedy(
            change=change, needed_gib=found.needed_gib, available_gib=found.available_gib, usd_an_hour=usd_an_hour
        )


def _smaller_batches(model: DesiredModel) -> Iterator[Edit]:
    size = _batch(model)
    while size > 1:
        size //= 2
        yield f"batchSize: {size}", _with_batch(model, size)


def _checkpointed(model: DesiredModel) -> Iterator[Edit]:
    sft = _config(model, "sft_config")
    if sft.get("gradient_checkpointing") is not False:
        return
    edited = _with_optional(model, sft_config={**sft, "gradient_checkpointing": True})
    yield "sft_config.gradient_checkpointing: true", edited
    if _batch(model) > 1:
        yield "sft_config.gradient_checkpointing: true with batchSize: 1", _with_batch(edited, 1)


def _adapters(model: DesiredModel, instance: InstanceType) -> Iterator[Edit]:
    method = method_of(model.resolved.hyperparameters)
    if method is Method.FULL:
        yield "LoRA (use_lora: true)", _with_optional(model, use_lora=True)
    quantised = _with_optional(model, use_lora=True, load_in_4bit=True)
    if method is not Method.QLORA and instance.accelerator and not lacking(quantised, instance.accelerator):
        yield "QLoRA (use_lora: true, load_in_4bit: true)", quantised


def _batch(model: DesiredModel) -> int:
    return model.resolved.hyperparameters.batch_size or DEFAULT_BATCH


def _with_batch(model: DesiredModel, size: int) -> DesiredModel:
    return _with_hyperparameters(model, batch_size=size)


def _with_optional(model: DesiredModel, **settings: object) -> DesiredModel:
    return _with_hyperparameters(model, optional={**model.resolved.hyperparameters.optional, **settings})


def _with_hyperparameters(model: DesiredModel, **changes: object) -> DesiredModel:
    chosen = model.resolved.hyperparameters.model_copy(update=changes)
    return model.model_copy(update={"resolved": model.resolved.model_copy(update={"hyperparameters": chosen})})


def _config(model: DesiredModel, key: str) -> Mapping[str, Any]:
    config = model.resolved.hyperparameters.optional.get(key)
    return config if isinstance(config, Mapping) else {}
