"""Questions about the catalog that more than one room asks."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.domain.catalog import Catalog, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel, WeightsFacts


def base_of(model: DesiredModel, catalog: Catalog) -> FoundationModel | None:
    """What stands at the root of the model's lineage. ``None``: the catalog does not have it."""
    entry = catalog.model(model.resolved.base_model)
    return described_by(entry, model.root_weights) if entry else None


def described_by(entry: FoundationModel, weights: WeightsFacts | None) -> FoundationModel:
    """The entry of all folders of weights, with what one folder says of itself; its key tells it from others."""
    if weights is None:
        return entry
    said = weights.description
    return entry.model_copy(
        update={
            "key": f"{entry.key}@{weights.digest.removeprefix('sha256:')[:8]}",
            "architecture": said.architecture,
            "architecture_unknown": f"{said.unknown} ({weights.folder.path})" if said.unknown else "",
            "weights_bytes": said.weights_bytes,
        }
    )


def trainable(catalog: Catalog) -> tuple[InstanceType, ...]:
    """Types that our training program runs on: CUDA GPUs, and SageMaker trains on them."""
    return tuple(instance for instance in catalog.instances if instance.training and runs_cuda(instance))


def runs_cuda(instance: InstanceType) -> bool:
    return instance.accelerator is not None and instance.accelerator.vendor == "NVIDIA"


def cheapest_first(catalog: Catalog, region: str) -> tuple[InstanceType, ...]:
    """Trainable types whose price is known in the region, by price; equal prices by name."""
    priced = sorted(_priced(catalog, region), key=lambda pair: (pair[0], pair[1].name))
    return tuple(instance for _, instance in priced)


def _priced(catalog: Catalog, region: str) -> Iterator[tuple[Decimal, InstanceType]]:
    for instance in trainable(catalog):
        usd = catalog.training_price(instance.name, region).usd
        if usd is not None:
            yield usd, instance
