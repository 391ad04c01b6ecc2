"""What it costs to have a model deployed: by the hour, and in a month of 730 hours.

SageMaker: instances × price an hour, whatever the traffic. Bedrock provisioned throughput: model units × price an hour of the
commitment. Bedrock on demand: nothing by the hour; inference is paid by the token.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from reconciler.catalog.query import base_of
from reconciler.cost.told import plain, priced
from reconciler.domain.base import Value
from reconciler.domain.catalog import BedrockOffer, Catalog, FoundationModel, Price
from reconciler.domain.desired import DeploymentKind, DesiredModel, UndeployRule
from reconciler.domain.hours import monthly_hours
from reconciler.domain.observation import Deployment, DeploymentPhase, ModelObservation
from reconciler.domain.quantity import HOURS_PER_MONTH, Cost, Range, format_duration

_WHOLE_MONTH = f"{HOURS_PER_MONTH} hours a month"

FREE_PHASES = frozenset({DeploymentPhase.DELETING, DeploymentPhase.FAILED})
"""What AWS does not bill: an endpoint that failed to be created has no instances."""


class Hosting(Value):
    hourly: Cost = Cost.zero()
    """While it is deployed."""
    monthly: Cost = Cost.zero()


class _Serving(Value):
    """What is paid for, wanted or seen. ``base`` is ``None`` where the cloud does not tell it."""

    name: str
    kind: DeploymentKind
    base: FoundationModel | None
    instance_type: str | None = None
    instance_count: int = 1
    model_units: int = 1
    commitment: str = "none"
    rule: UndeployRule | None = None


def hosting_cost(
    model: DesiredModel,
    catalog: Catalog,
    region: str,
    *,
    current: Deployment | None = None,
    now: datetime | None = None,
) -> Hosting:
    """Of what the manifest asks for once it is deployed, whether or not it asks for it now.

    ``current``: what serves; its instance count is kept where the manifest names none. ``now`` shortens the month for a
    rule that undeploys at a moment.
    """
    wanted = model.resolved.deployment
    kept = current.instance_count if current is not None and current.kind is wanted.kind else None
    serving = _Serving(
        name=model.name,
        kind=wanted.kind,
        base=base_of(model, catalog),
        instance_type=wanted.instance_type,
        instance_count=wanted.instance_count or kept or 1,
        model_units=wanted.model_units or 1,
        commitment=wanted.commitment or "none",
        rule=wanted.undeploy,
    )
    return _hosting(serving, catalog, region, now)


def observed_hosting_cost(
    deployment: Deployment,
    seen: ModelObservation,
    base: FoundationModel | None,
    catalog: Catalog,
    region: str,
    now: datetime | None = None,
) -> Hosting:
    """Of what runs, under the schedules that the cloud has. ``base``: the base model of what serves, where it is known."""
    if deployment.phase in FREE_PHASES:
        return Hosting()
    rule = next((schedule.rule for schedule in seen.schedules if schedule.purpose == "undeploy"), None)
    serving = _Serving(
        name=deployment.name,
        kind=deployment.kind,
        base=base,
        instance_type=deployment.instance_type,
        instance_count=deployment.instance_count or 1,
        model_units=deployment.model_units or 1,
        commitment=deployment.commitment or "none",
        rule=rule,
    )
    return _hosting(serving, catalog, region, now)


def _hosting(serving: _Serving, catalog: Catalog, region: str, now: datetime | None) -> Hosting:
    match serving.kind:
        case DeploymentKind.REAL_TIME:
            hourly = _real_time(serving, catalog, region)
        case DeploymentKind.PROVISIONED:
            hourly = _provisioned(serving, catalog, region)
        case DeploymentKind.ON_DEMAND:
            return _on_demand(serving, catalog, region)
    hours, note = _hours(serving, now)
    monthly = hourly.times(hours)
    return Hosting(hourly=hourly, monthly=_noted(monthly, note) if note == _WHOLE_MONTH else monthly.warned(note))


def _real_time(serving: _Serving, catalog: Catalog, region: str) -> Cost:
    name = serving.instance_type
    if name is None:
        return Cost.not_known(f"hosting of {serving.name}: its instance type is not known")
    price = catalog.hosting_price(name, region)
    if price.usd is None:
        return Cost.not_known(f"hosting on {name} in {region}")
    cost = priced(Range.exactly(price.usd * serving.instance_count), price, name)
    instance = catalog.instance(name)
    volume = instance is not None and instance.nvme_gb is None
    return cost + Cost.not_known(f"hosting volume of {name} in {region}") if volume else cost


def _provisioned(serving: _Serving, catalog: Catalog, region: str) -> Cost:
    base = serving.base
    if base is None or base.bedrock is None:
        return Cost.not_known(f"provisioned throughput of {serving.name}: its base model is not known")
    term = _by_commitment(base.bedrock, serving.commitment)
    price = catalog.bedrock_price(base, term, region) if term else None
    if price is None or price.usd is None:
        terms = "without commitment" if serving.commitment == "none" else f"for {serving.commitment}"
        return Cost.not_known(f"provisioned throughput of {base.key} {terms} in {region}")
    return priced(Range.exactly(price.usd * serving.model_units), price, f"provisioned throughput of {base.key}")


def _by_commitment(offer: BedrockOffer, commitment: str) -> Price | None:
    """``None`` for a term that AWS has added since."""
    prices = {
        "none": offer.throughput_none,
        "1 month": offer.throughput_one_month,
        "6 months": offer.throughput_six_months,
    }
    return prices.get(commitment)


def _on_demand(serving: _Serving, catalog: Catalog, region: str) -> Hosting:
    base = serving.base
    unknown = Cost.not_known(f"inference of {base.key if base else serving.name} on demand in {region}")
    rates = _token_rates(base, catalog, region) if base else None
    note = f"{serving.name}: nothing by the hour; {rates or 'the price by the token is not known'}"
    cost = Cost.zero().warned(note)
    complete = cost if rates else cost + unknown
    return Hosting(hourly=complete, monthly=complete)


def _token_rates(base: FoundationModel, catalog: Catalog, region: str) -> str | None:
    offer = base.bedrock
    if offer is None or offer.on_demand_input_per_1m is None or offer.on_demand_output_per_1m is None:
        return None
    each = [
        catalog.bedrock_price(base, p, region) for p in (offer.on_demand_input_per_1m, offer.on_demand_output_per_1m)
    ]
    read, written = (price.usd for price in each)
    if read is None or written is None:
        return None
    return f"{plain(read)} USD for a million tokens in, {plain(written)} USD out"


def _hours(serving: _Serving, now: datetime | None) -> tuple[Decimal, str]:
    """Hours of a month in which it is deployed, and what that assumes."""
    rule, name = serving.rule, serving.name
    if serving.commitment != "none":
        return HOURS_PER_MONTH, f"{name}: committed for {serving.commitment}; AWS bills it to the end of that term"
    if rule is None:
        return HOURS_PER_MONTH, _WHOLE_MONTH
    if rule.hours is not None:
        hours = monthly_hours(rule)
        return hours, f"{name}: {hours:.0f} of {HOURS_PER_MONTH} hours a month ({rule.hours} {rule.timezone})"
    if rule.after is not None:
        hours = min(HOURS_PER_MONTH, _in_hours(rule.after.total_seconds()))
        return hours, f"{name}: deployed once, undeployed after {format_duration(rule.after)}"
    return _until(rule, name, now)


def _until(rule: UndeployRule, name: str, now: datetime | None) -> tuple[Decimal, str]:
    if rule.at is None or now is None:
        return HOURS_PER_MONTH, _WHOLE_MONTH
    left = max(Decimal(0), _in_hours((rule.at - now).total_seconds()))
    return min(
        HOURS_PER_MONTH, left
    ), f"{name}: undeployed at {rule.at:%Y-%m-%d %H:%M} {rule.at.tzname() or ''}".rstrip()


def _in_hours(seconds: float) -> Decimal:
    return Decimal(int(seconds)) / 3600


def _noted(cost: Cost, note: str) -> Cost:
    return cost.model_copy(update={"assumptions": (*cost.assumptions, note)})
