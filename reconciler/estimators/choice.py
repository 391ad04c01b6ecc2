"""``instanceType: auto``: the cheapest instance type that fits."""

from __future__ import annotations

from reconciler.catalog.query import cheapest_first
from reconciler.domain.catalog import Catalog, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel
from reconciler.domain.plan import Verdict
from reconciler.estimators.fit import fit

AUTO = "auto"


def cheapest_fitting(
    model: DesiredModel, base: FoundationModel, catalog: Catalog, region: str, instance_count: int = 1
) -> InstanceType | None:
    """By price an hour in the region; equal prices by name; GPUs without BF16 left out. ``None`` where nothing is known to fit."""
    fitting = (
        instance
        for instance in cheapest_first(catalog, region)
        if _has_bf16(instance) and fit(model, base, instance, instance_count).verdict is Verdict.FITS
    )
    return next(fitting, None)


def picked(model: DesiredModel, catalog: Catalog, region: str) -> DesiredModel:
    """The model with ``auto`` replaced by the type that is picked; as it is where nothing is to be picked, or nothing fits."""
    resources, base = model.resolved.resources, catalog.model(model.resolved.base_model)
    if resources is None or resources.instance_type != AUTO or base is None:
        return model
    instance = cheapest_fitting(model, base, catalog, region, resources.instance_count)
    if instance is None:
        return model
    chosen = resources.model_copy(update={"instance_type": instance.name})
    return model.model_copy(update={"resolved": model.resolved.model_copy(update={"resources": chosen})})


def why_none(model: DesiredModel, catalog: Catalog, region: str) -> str:
    """Why no type is picked: nothing is known of the model or of the region's prices, or nothing is large enough."""
    base = catalog.model(model.resolved.base_model)
    if not cheapest_first(catalog, region):
        return f"no training price is known in {region}"
    if base is None or base.architecture is None or base.architecture.parameters is None:
        return f"how much memory {model.resolved.base_model} takes is not known"
    return "none with a known price and BF16 holds its training"


def _has_bf16(instance: InstanceType) -> bool:
    return instance.accelerator is not None and instance.accelerator.bf16 is True
