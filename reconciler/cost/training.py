"""What one training costs, once.

Bedrock: tokens × epochs × price for 1,000 tokens (Amazon Bedrock pricing, model customization). SageMaker: billable hours ×
instances × price an hour, billed by the second (BillableTimeInSeconds), and never longer than ``maxRuntime``.
"""

from __future__ import annotations

from decimal import Decimal

from reconciler.catalog.query import base_of
from reconciler.cost.corrected import corrected_hours
from reconciler.cost.told import plain, priced
from reconciler.domain.catalog import Catalog, FoundationModel, Price, ProviderName
from reconciler.domain.desired import AUTO, DesiredModel, TrainingResources
from reconciler.domain.measurement import NO_HISTORY, History
from reconciler.domain.quantity import Cost, Range, format_duration
from reconciler.estimators.duration import epochs
from reconciler.estimators.estimate import Estimate
from reconciler.estimators.tokens import training_tokens

SPOT_SHARE = Range(low=Decimal("0.3"), likely=Decimal("0.5"), high=Decimal(1))
"""Of the on-demand price. AWS's price list has no Spot rows; 50 to 70 % less has been reported, and it may be interrupted."""


def training_cost(
    model: DesiredModel,
    catalog: Catalog,
    region: str,
    instance_type: str | None = None,
    history: History = NO_HISTORY,
) -> Cost:
    """``instance_type``: of this attempt, where it is not the manifest's first choice. ``history`` corrects what is predicted."""
    base = base_of(model, catalog)
    if base is None:
        return Cost.not_known(f"training of {model.name}: {model.resolved.base_model} is not in the catalog")
    if model.resolved.provider is ProviderName.BEDROCK:
        return _bedrock(model, base, catalog, region)
    return _sagemaker(model, base, catalog, region, instance_type, history)


def _bedrock(model: DesiredModel, base: FoundationModel, catalog: Catalog, region: str) -> Cost:
    offer = base.bedrock
    price = catalog.bedrock_price(base, offer.training_per_1k_tokens, region) if offer else None
    if price is None or price.usd is None:
        return Cost.not_known(f"training of {base.key} in {region}")
    passes, tokens = epochs(model.resolved.hyperparameters), training_tokens(model, base.family)
    if passes is None or tokens.amount is None:
        why = tokens.why_unknown or "the number of epochs is left to Bedrock"
        return Cost.not_known(f"training of {model.name}: {why}")
    amount = _product(tokens.amount, passes).times(price.usd / 1000)
    return priced(
        amount,
        price,
        f"training of {base.key}",
        f"{model.name}: {tokens.amount.likely:,.0f} tokens × {plain(passes.likely)} epochs; validation tokens not counted",
        *tokens.assumptions,
    )


def _sagemaker(
    model: DesiredModel,
    base: FoundationModel,
    catalog: Catalog,
    region: str,
    instance_type: str | None,
    history: History,
) -> Cost:
    resources = model.resolved.resources
    name = instance_type or (resources.instance_type if resources else AUTO)
    if resources is None or name == AUTO:
        return Cost.not_known(f"training of {model.name}: no instance type is chosen")
    price = catalog.training_price(name, region)
    if price.usd is None:
        return Cost.not_known(f"training on {name} in {region}")
    hours = _hours(model, base, catalog, resources, name, history)
    if hours.amount is None:
        return Cost.not_known(_unknown_hours(model, resources, price, hours))
    limit = Decimal(int(resources.max_runtime.total_seconds())) / 3600
    amount = _product(_capped(hours.amount, limit), _share(resources)).times(price.usd * resources.instance_count)
    notes = (*hours.assumptions, *_notes(model, resources, hours.amount, limit))
    return _with_volume(priced(amount, price, name, *notes), catalog, name, region)


def _hours(
    model: DesiredModel,
    base: FoundationModel,
    catalog: Catalog,
    resources: TrainingResources,
    name: str,
    history: History,
) -> Estimate:
    instance = catalog.instance(name)
    if instance is None:
        return Estimate.unknown("hours", f"{name} is not in the catalog")
    return corrected_hours(model, base, instance, resources.instance_count, history)


def _unknown_hours(model: DesiredModel, resources: TrainingResources, price: Price, hours: Estimate) -> str:
    """The price bounds what cannot be told: SageMaker stops the job at ``maxRuntime``."""
    assert price.usd is not None
    most = price.usd * resources.instance_count * Decimal(int(resources.max_runtime.total_seconds())) / 3600
    limit = format_duration(resources.max_runtime)
    return f"training of {model.name}: {hours.why_unknown}; at most {most:,.2f} USD by maxRuntime {limit}"


def _capped(hours: Range, limit: Decimal) -> Range:
    return Range(low=min(hours.low, limit), likely=min(hours.likely, limit), high=min(hours.high, limit))


def _share(resources: TrainingResources) -> Range:
    return SPOT_SHARE if resources.spot else Range.exactly(1)


def _product(one: Range, other: Range) -> Range:
    return Range(low=one.low * other.low, likely=one.likely * other.likely, high=one.high * other.high)


def _notes(model: DesiredModel, resources: TrainingResources, hours: Range, limit: Decimal) -> tuple[str, ...]:
    least, most = (f"{value:.1f}" for value in (min(hours.low, limit), min(hours.high, limit)))
    machines = "" if resources.instance_count == 1 else f" on each of {resources.instance_count} instances"
    span = f"{model.name}: {least} to {most} hours{machines}"
    stopped = (f"{model.name}: stopped at maxRuntime {format_duration(resources.max_runtime)}",)
    spot = ("Spot: 30 to 100 % of the on-demand price, which is all that the price list has",)
    return (span, *(stopped if hours.high > limit else ()), *(spot if resources.spot else ()))


def _with_volume(cost: Cost, catalog: Catalog, name: str, region: str) -> Cost:
    """Types without NVMe get a volume, whose price for training no source tells."""
    instance = catalog.instance(name)
    if instance is None or instance.nvme_gb is not None:
        return cost
    return cost + Cost.not_known(f"training volume of {name} in {region}")
