"""Whether a training fits its GPUs and its ``maxRuntime``."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from reconciler.catalog.query import base_of
from reconciler.cost.corrected import corrected_fit, corrected_hours
from reconciler.cost.remedies import remedies
from reconciler.domain.catalog import Catalog
from reconciler.domain.desired import DesiredModel
from reconciler.domain.diagnostic import Diagnostic, error, warning
from reconciler.domain.measurement import NO_HISTORY, History
from reconciler.domain.plan import Change, Fit, Remedy, Verdict
from reconciler.domain.quantity import Range, format_duration


def fit_of(
    model: DesiredModel,
    catalog: Catalog,
    region: str,
    instance_type: str | None = None,
    history: History = NO_HISTORY,
) -> Fit | None:
    """With what would make it fit. ``None`` where the provider chooses the machines, or nothing is known of the instance type."""
    resources, base = model.resolved.resources, base_of(model, catalog)
    if resources is None or base is None:
        return None
    instance = catalog.instance(instance_type or resources.instance_type)
    if instance is None:
        return None
    found = corrected_fit(model, base, instance, resources.instance_count, history)
    if found.verdict not in (Verdict.TIGHT, Verdict.DOES_NOT_FIT):
        return found
    return found.model_copy(update={"remedies": remedies(model, base, instance, catalog, region, history)})


def training_diagnostics(
    change: Change, model: DesiredModel, catalog: Catalog, history: History = NO_HISTORY
) -> Iterator[Diagnostic]:
    """``does-not-fit``, an error that can be overridden, and ``max-runtime-too-short``, a warning."""
    resources = model.resolved.resources
    if resources is None:
        return
    instance_type = change.instance_type or resources.instance_type
    if change.fit is not None and change.fit.verdict is Verdict.DOES_NOT_FIT:
        yield _does_not_fit(model, change.fit, instance_type)
    hours = _hours(model, catalog, instance_type, history)
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
    most = ", ".join(f"{term.name} {term.gib:.1f}" for term in found.terms)
    return error(
        "does-not-fit",
        "A training does not fit its GPUs",
        detail=f"{model.address} needs at least {needed:.1f} GiB on each GPU; {instance_type} has {available:.1f}. Most of it: {most}.",
        hint=_would_fit(found.remedies),
        where=model.resolved.where,
        address=model.address,
        overridable=True,
    )


def _would_fit(found: Sequence[Remedy]) -> str:
    if not found:
        return "no smaller batch, adapters or type with a known price would make it fit: take a smaller base model or shorter records"
    return f"it would fit with {'; or '.join(remedy.told for remedy in found)}"


def _hours(model: DesiredModel, catalog: Catalog, instance_type: str, history: History) -> Range | None:
    resources, base, instance = (
        model.resolved.resources,
        base_of(model, catalog),
        catalog.instance(instance_type),
    )
    if resources is None or base is None or instance is None:
        return None
    return corrected_hours(model, base, instance, resources.instance_count, history).amount
