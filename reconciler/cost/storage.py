"""What a trained version costs while it is kept, by the month: S3 Standard on SageMaker, a flat rate on Bedrock."""

from __future__ import annotations

from decimal import Decimal

from reconciler.catalog.query import base_of
from reconciler.cost.told import priced
from reconciler.domain.catalog import Catalog, FoundationModel, Price, ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.observation import ModelObservation, Version
from reconciler.domain.quantity import Cost, Range
from reconciler.estimators.storage import artifact_gb

_GB = Decimal(10) ** 9


def storage_cost(model: DesiredModel, catalog: Catalog, region: str) -> Cost:
    """Of one version that the manifest asks for, before it is trained."""
    base = base_of(model, catalog)
    if base is None:
        return Cost.not_known(f"storage of {model.name}: {model.resolved.base_model} is not in the catalog")
    if model.resolved.provider is ProviderName.BEDROCK:
        return _flat(_custom_model_price(base, catalog, region), model.name, region)
    size = artifact_gb(model, base)
    if size.amount is None:
        return Cost.not_known(f"storage of {model.name}: {size.why_unknown}")
    return _by_size(size.amount, catalog, region, *size.assumptions)


def observed_storage_cost(
    version: Version,
    seen: ModelObservation,
    base: FoundationModel | None,
    catalog: Catalog,
    region: str,
    *,
    wanted: DesiredModel | None = None,
) -> Cost:
    """Of a version that is there; nothing where it has no artifact. ``base``: where it is known.

    ``wanted``: the manifest, where there is one; an artifact whose size the cloud does not tell is taken to be like its.
    """
    if version.artifact is None:
        return Cost.zero()
    if seen.provider is ProviderName.BEDROCK:
        price = _custom_model_price(base, catalog, region) if base else _any_custom_model_price(catalog, region)
        return _flat(price, seen.name, region)
    if version.artifact.size_bytes is None:
        return (
            storage_cost(wanted, catalog, region)
            if wanted
            else Cost.not_known(f"storage of {version.artifact.name}: its size is not known")
        )
    return _by_size(Range.exactly(version.artifact.size_bytes).times(1 / _GB), catalog, region)


def _custom_model_price(base: FoundationModel, catalog: Catalog, region: str) -> Price | None:
    return catalog.bedrock_price(base, base.bedrock.storage_per_month, region) if base.bedrock else None


def _any_custom_model_price(catalog: Catalog, region: str) -> Price | None:
    """Where the base model is not known: the price that all base models of the region have in common, if they do."""
    prices = [_custom_model_price(base, catalog, region) for base in catalog.models if base.bedrock]
    known = [price for price in prices if price is not None and price.usd is not None]
    return known[0] if len({price.usd for price in known}) == 1 else None


def _flat(price: Price | None, name: str, region: str) -> Cost:
    if price is None or price.usd is None:
        return Cost.not_known(f"storage of {name} on Bedrock in {region}")
    return priced(Range.exactly(price.usd), price, "custom model on Bedrock")


def _by_size(size: Range, catalog: Catalog, region: str, *notes: str) -> Cost:
    price = catalog.storage_price(region)
    if price.usd is None:
        return Cost.not_known(f"S3 storage in {region}")
    return priced(size.times(price.usd), price, "S3 Standard", *notes)
