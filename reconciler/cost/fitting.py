"""Whether a training fits its GPUs and its ``maxRuntime``."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.domain.catalog import Catalog
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic, error, warning
from reconciler.domain.plan import Change, Fit, Verdict
from reconciler.domain.quantity import Range, format_duration
from reconciler.estimators.duration import sagemaker_hours
from reconciler.estimators.fit import fit


def fit_of(model: DesiredModel, catalog: Catalog, instance_type: str | None = None) -> Fit | None:
    """``None`` where the provider chooses the machines, or nothing is known of the instance type."""
    resources, base = model.resolved.resources, catalog.model(model.resolved.base_model)
    if resources is None or base is None:
        return None
    instance = catalog.instance(instance_type or resources.instance_type)
    return fit(model, base, instance, resources.instance_count) if instance else None


def training_diagnostics(change: Change, model: DesiredModel, catalog: Catalog) -> Iterator[Diagnostic]:
    """``does-not-fit``, an error that can be overridden, and ``max-runtime-too-short``, a warning."""
    resources = model.resolved.resources
    if resources is None:
        return
    instance_type = change.instance_type or resources.instance_type
    if change.fit is not None and change.fit.verdict is Verdict.DOES_NOT_FIT:
        yield _does_not_fit(model, change.fit, instance_type)
    hours = _hours(model, catalog, instance_type)
    limit = Decimal(int(resources.max_runtime.total_seconds())) / 3600
    if hours is not None and hours.likely > limit:
        yield warning(
            "max-runtime-too-short",
            "A training is likely to be stopped before it is done",
            detail=f"{model.address} is likely to take {hours.likely:.1f} hours on {instance_type}; "
            f"SageMaker stops it after {format_duration(resources.max_runtime)}.",
            hint="raise spec.resources.maxRuntime, or train fewer epochs or on a faster type",
            where=model.resolved.where,
            address=model.address,
        )


def _does_not_fit(model: DesiredModel, found: Fit, instance_type: str) -> Diagnostic:
    needed, available = found.needed_gib or 0, found.available_gib or 0
    return error(
        "does-not-fit",
        "A training does not fit its GPUs",
        detail=f"{model.address} needs at least {needed:.1f} GiB on each GPU; {instance_type} has {available:.1f}.",
        hint="use LoRA (optional: {use_lora: true}), a smaller batchSize, or a type with more GPU memory",
        where=model.resolved.where,
        address=model.address,
        overridable=True,
    )


def _hours(model: DesiredModel, catalog: Catalog, instance_type: str) -> Range | None:
    resources, base, instance = (
        model.resolved.resources,
        catalog.model(model.resolved.base_model),
        catalog.instance(instance_type),
    )
    if resources is None or base is None or instance is None:
        return None
    return sagemaker_hours(model, base, instance, resources.instance_count).amount
