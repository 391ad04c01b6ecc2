"""``instanceType: auto``: of the instance types that fit, the one whose training costs least."""

from __future__ import annotations

from decimal import Decimal

from reconciler.catalog.query import base_of, cheapest_first
from reconciler.cost.options import TrainingOption, option_on, with_resources
from reconciler.domain.base import Value
from reconciler.domain.catalog import Catalog, FoundationModel, InstanceType
from reconciler.domain.desired import AUTO, DesiredModel
from reconciler.domain.plan import Verdict
from reconciler.estimators.known import unestimated


class Choice(Value):
    """``runners_up``: the others that fit, the best of them first."""

    option: TrainingOption
    runners_up: tuple[TrainingOption, ...] = ()

    @property
    def instance_type(self) -> str:
        assert self.option.instance_type is not None
        return self.option.instance_type


def cheapest_fitting(model: DesiredModel, base: FoundationModel, catalog: Catalog, region: str) -> Choice | None:
    """``None`` where nothing is known to fit. Left out: types without a known price, or whose GPUs lack BF16.

    In this order: it ends within ``maxRuntime``; the likely cost of the training, where its time is known; the price an hour; the name.
    So equal manifests and prices give the same choice.
    """
    candidates = (instance for instance in cheapest_first(catalog, region) if _has_bf16(instance))
    options = (option_on(model, base, instance, catalog, region) for instance in candidates)
    fitting = [option for option in options if option.fit and option.fit.verdict is Verdict.FITS and not option.lacks]
    ordered = sorted(fitting, key=_preference)
    return Choice(option=ordered[0], runners_up=tuple(ordered[1:])) if ordered else None


def choice_for(model: DesiredModel, catalog: Catalog, region: str) -> Choice | None:
    """``None``: nothing is to be chosen, or nothing fits."""
    resources, base = model.resolved.resources, base_of(model, catalog)
    if resources is None or resources.instance_type != AUTO or base is None:
        return None
    return cheapest_fitting(model, base, catalog, region)


def chosen(model: DesiredModel, choice: Choice | None) -> DesiredModel:
    """The model with ``auto`` replaced."""
    return with_resources(model, instance_type=choice.instance_type) if choice else model


def why_chosen(choice: Choice) -> str:
    """``Of 9 types that fit, with a known price and BF16, its training costs least: about 4.20 USD in 2.8 hours; next is …``."""
    others = (
        f"of {len(choice.runners_up) + 1} types that fit, with a known price and BF16," if choice.runners_up else ""
    )
    reason = f"{others} its training costs least" if choice.option.hours else f"{others} it costs least an hour"
    alone = "it is the only type with a known price and BF16 that fits"
    following = f"; next is {_told(choice.runners_up[0])}" if choice.runners_up else ""
    return f"{reason if choice.runners_up else alone}: {_told(choice.option, named=False)}{following}"


def why_none(model: DesiredModel, catalog: Catalog, region: str) -> str:
    """Why no type is picked: nothing is known of the model or of the region's prices, or nothing is large enough."""
    base = base_of(model, catalog)
    if not cheapest_first(catalog, region):
        return f"no training price is known in {region}"
    if base is None:
        return f"{model.resolved.base_model} is not in the catalog"
    return unestimated(base, model.resolved.hyperparameters) or "none with a known price and BF16 holds its training"


def _preference(option: TrainingOption) -> tuple[bool, bool, Decimal, Decimal, str]:
    known = option.hours is not None and option.usd is not None
    usd = option.usd if known and option.usd is not None else Decimal(0)
    assert option.usd_an_hour is not None
    return (option.too_long, not known, usd, option.usd_an_hour, option.instance_type or "")


def _told(option: TrainingOption, *, named: bool = True) -> str:
    name = f"{option.instance_type} with " if named else ""
    if option.hours is None or option.usd is None:
        return f"{name}{option.usd_an_hour:,.3f} USD an hour"
    hours = option.hours.likely
    time = f"{hours * 60:.0f} minutes" if hours < 1 else f"{hours:,.1f} hours"
    return f"{name}about {option.usd:,.2f} USD in {time}"


def _has_bf16(instance: InstanceType) -> bool:
    return instance.accelerator is not None and instance.accelerator.bf16 is True
