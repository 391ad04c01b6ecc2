"""What would make a training fit: one change at a time, each tried by estimating anew."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

from reconciler.catalog.query import cheapest_first
from reconciler.cost.choice import cheapest_fitting
from reconciler.cost.options import lacking, with_resources
from reconciler.domain.catalog import Catalog, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel, TrainingResources
from reconciler.domain.plan import Fit, Remedy, Verdict
from reconciler.estimators.fit import fit
from reconciler.estimators.intended import DEFAULT_BATCH, intended, method_of
from reconciler.estimators.setup import Method

MORE_INSTANCES = (2, 4, 8)
"""How many are tried where no larger type of the same GPU fits."""

Edit = tuple[str, DesiredModel]
"""A change as the manifest writes it, and the model with it."""


def remedies(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, catalog: Catalog, region: str
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
    assert model.resolved.resources is not None
    count = model.resolved.resources.instance_count
    found = [
        *_first(_smaller_batches(model), base, instance, count),
        *_first(_checkpointed(model), base, instance, count),
        *_each(_adapters(model, instance), base, instance, count),
        *_more_gpus(model, base, instance, catalog, region),
    ]
    return (*found, *_elsewhere(model, base, catalog, region, found))


def _first(edits: Iterator[Edit], base: FoundationModel, instance: InstanceType, count: int) -> Iterator[Remedy]:
    yield from list(_each(edits, base, instance, count))[:1]


def _each(edits: Iterator[Edit], base: FoundationModel, instance: InstanceType, count: int) -> Iterator[Remedy]:
    for change, edited in edits:
        yield from _if_it_fits(change, fit(edited, base, instance, count))


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
    if _config(model, "sft_config").get("gradient_checkpointing") is not False:
        return
    edited = _with_optional(model, sft_config={**_config(model, "sft_config"), "gradient_checkpointing": True})
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


def _more_gpus(
    model: DesiredModel, base: FoundationModel, instance: InstanceType, catalog: Catalog, region: str
) -> list[Remedy]:
    count = _resources(model).instance_count
    larger = [(other, count) for other in cheapest_first(catalog, region) if _has_more(other, instance)]
    more = [(instance, many) for many in MORE_INSTANCES if many > count and _shards(model, base, instance, many)]
    tried = (_on(model, base, *place, catalog, region) for place in (*larger, *more))
    return [remedy for remedies in tried for remedy in remedies][:1]


def _has_more(other: InstanceType, instance: InstanceType) -> bool:
    return other.accelerator == instance.accelerator and other.accelerators > instance.accelerators


def _shards(model: DesiredModel, base: FoundationModel, instance: InstanceType, count: int) -> bool:
    """A copy on each GPU takes no less on more of them."""
    assert base.architecture is not None
    return intended(model, base.architecture, instance, count).is_sharded


def _on(
    model: DesiredModel, base: FoundationModel, other: InstanceType, count: int, catalog: Catalog, region: str
) -> Iterator[Remedy]:
    price, more = catalog.training_price(other.name, region).usd, count != _resources(model).instance_count
    change = f"resources.instanceCount: {count}" if more else f"resources.instanceType: {other.name}"
    placed = with_resources(model, instance_type=other.name, instance_count=count)
    yield from _if_it_fits(change, fit(placed, base, other, count), None if price is None else price * count)


def _elsewhere(
    model: DesiredModel, base: FoundationModel, catalog: Catalog, region: str, found: list[Remedy]
) -> Iterator[Remedy]:
    choice = cheapest_fitting(model, base, catalog, region)
    other = catalog.instance(choice.instance_type) if choice else None
    if other is not None:
        told, count = {remedy.change for remedy in found}, _resources(model).instance_count
        yield from (each for each in _on(model, base, other, count, catalog, region) if each.change not in told)


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


def _resources(model: DesiredModel) -> TrainingResources:
    assert model.resolved.resources is not None
    return model.resolved.resources
