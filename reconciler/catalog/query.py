"""Questions about the catalog that more than one room asks."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from reconciler.domain.catalog import Catalog, InstanceType


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
