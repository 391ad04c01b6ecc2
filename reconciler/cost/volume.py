"""Whether the data, weights and checkpoints of a training find room on its instances."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.catalog.query import base_of
from reconciler.domain.catalog import Catalog, InstanceType
from reconciler.domain.desired import DesiredModel, Origin
from reconciler.domain.diagnostic import Diagnostic, error, warning
from reconciler.domain.plan import Change
from reconciler.estimators.storage import disk_gb, size_that_suffices

PATH = "spec.resources.volumeSizeGB"


def volume_diagnostics(change: Change, model: DesiredModel, catalog: Catalog) -> Iterator[Diagnostic]:
    """What a training's disk gives cause to say.

    ============================================ ============================================
    a size is set, and the type has NVMe         ``volume-size-ignored``, a warning
    likely larger than the disk                  ``volume-too-small``, an error to override
    with headroom larger than the disk           ``volume-tight``, a warning
    ============================================ ============================================
    """
    resources = model.resolved.resources
    instance = catalog.instance(change.instance_type or resources.instance_type) if resources else None
    if resources is None or instance is None:
        return
    if instance.nvme_gb is not None and model.resolved.origins.get(PATH, Origin.DEFAULT) is not Origin.DEFAULT:
        yield _ignored(model, instance, resources.volume_size_gb)
    available = resources.volume_size_gb if instance.nvme_gb is None else instance.nvme_gb
    yield from _room(model, instance, available, catalog)


def _room(model: DesiredModel, instance: InstanceType, available: int, catalog: Catalog) -> Iterator[Diagnostic]:
    base = base_of(model, catalog)
    disk = disk_gb(model, base) if base else None
    if disk is None or disk.amount is None:
        return
    suffices = size_that_suffices(disk.amount)
    about = {
        "detail": f"{model.address} takes {disk.amount.likely:,.0f} GB on each {instance.name}, which has {available:,} GB "
        f"({'; '.join(disk.assumptions)}).",
        "hint": _hint(instance, suffices),
        "where": model.resolved.where,
        "address": model.address,
    }
    if disk.amount.likely > available:
        yield error("volume-too-small", "A training's disk is too small", overridable=True, **about)
    elif suffices > available:
        yield warning("volume-tight", "A training's disk has little headroom", **about)


def _ignored(model: DesiredModel, instance: InstanceType, size: int) -> Diagnostic:
    return warning(
        "volume-size-ignored",
        "SageMaker ignores the volume's size on types with local disks",
        detail=f"{model.address} asks for volumeSizeGB {size:,}; {instance.name} has {instance.nvme_gb:,} GB of NVMe storage "
        "and gets no volume.",
        hint="leave spec.resources.volumeSizeGB out",
        where=model.resolved.where,
        address=model.address,
    )


def _hint(instance: InstanceType, suffices: int) -> str:
    if instance.nvme_gb is None:
        return f"set spec.resources.volumeSizeGB to {suffices}"
    return f"take a type with {suffices:,} GB of local disks; a volume cannot be added"
