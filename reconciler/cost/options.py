"""The machines that a training could run on, side by side: whether it fits, how long it takes, what it costs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from decimal import Decimal

from reconciler.catalog.query import base_of, trainable
from reconciler.cost.corrected import corrected_fit, corrected_hours
from reconciler.cost.training import training_cost
from reconciler.domain.base import Value
from reconciler.domain.catalog import Accelerator, Catalog, FoundationModel, InstanceType, ProviderName
from reconciler.domain.desired import DesiredModel, TrainingResources
from reconciler.domain.measurement import NO_HISTORY, History
from reconciler.domain.plan import Fit, Verdict
from reconciler.domain.quantity import Cost, Exact, Range
from reconciler.estimators.estimate import Estimate
from reconciler.estimators.intended import method_of
from reconciler.estimators.setup import Method

WITHOUT_LIMIT = timedelta(days=28)
"""The longest that SageMaker lets a job run (StoppingCondition): no ``maxRuntime`` cuts a cost short here."""

WORTH = Decimal("0.02")
"""Share of the time that must be won to pay more for: estimates are no finer."""


class TrainingOption(Value):
    """One way to run a training. On Bedrock, which chooses the machines, there is no instance type and nothing to fit."""

    provider: ProviderName
    instance_type: str | None = None
    instance_count: int = 1
    gpus: int = 0
    """Of all instances."""
    gpu: str = ""
    fit: Fit | None = None
    lacks: tuple[str, ...] = ()
    """What the manifest asks for and the GPU does not have: ``BF16``, ``Flash Attention 2``."""
    hours: Range | None = None
    hours_unknown: str = ""
    """Why they are not known."""
    cost: Cost
    usd_an_hour: Exact | None = None
    """Of all instances; ``None``: not known."""
    too_long: bool = False
    """It is likely to exceed ``maxRuntime``, where SageMaker stops it."""
    pareto: bool = False
    """Of those that fit none is both faster and cheaper."""

    @property
    def is_eligible(self) -> bool:
        """It fits with room to spare, and ends by itself."""
        fits = self.fit is None or self.fit.verdict is Verdict.FITS
        return fits and not self.lacks and not self.too_long

    @property
    def usd(self) -> Decimal | None:
        return self.cost.likely


def training_options(
    model: DesiredModel, catalog: Catalog, region: str, history: History = NO_HISTORY
) -> tuple[TrainingOption, ...]:
    """All of the model's provider, the cheapest first; what has no known cost comes last, by name."""
    base = base_of(model, catalog)
    if base is None:
        return ()
    if model.resolved.provider is ProviderName.BEDROCK:
        return (_on_bedrock(model, catalog, region),)
    every = [option_on(model, base, instance, catalog, region, history) for instance in trainable(catalog)]
    return _with_choices(sorted(every, key=_by_cost))


def option_on(
    model: DesiredModel,
    base: FoundationModel,
    instance: InstanceType,
    catalog: Catalog,
    region: str,
    history: History = NO_HISTORY,
) -> TrainingOption:
    """The training on that type, whatever the manifest names. ``model`` has resources."""
    resources = _resources(model)
    placed = on_instance(model, instance.name)
    hours = corrected_hours(placed, base, instance, resources.instance_count, history)
    price, accelerator = catalog.training_price(instance.name, region).usd, instance.accelerator
    limit = Decimal(int(resources.max_runtime.total_seconds())) / 3600
    return TrainingOption(
        provider=ProviderName.SAGEMAKER,
        instance_type=instance.name,
        instance_count=resources.instance_count,
        gpus=instance.accelerators * resources.instance_count,
        gpu=accelerator.name if accelerator else "",
        fit=corrected_fit(placed, base, instance, resources.instance_count, history),
        lacks=lacking(model, accelerator) if accelerator else (),
        hours=hours.amount,
        hours_unknown=hours.why_unknown,
        cost=_cost(placed, hours, catalog, region, history),
        usd_an_hour=None if price is None else price * resources.instance_count,
        too_long=hours.amount is not None and hours.amount.likely > limit,
    )


def _cost(placed: DesiredModel, hours: Estimate, catalog: Catalog, region: str, history: History) -> Cost:
    if hours.amount is None:
        return Cost.not_known(f"training of {placed.name}: {hours.why_unknown}")
    return training_cost(placed, catalog, region, history=history)


def on_instance(model: DesiredModel, name: str) -> DesiredModel:
    """The same training on another type, for as long as it takes."""
    return with_resources(model, instance_type=name, max_runtime=WITHOUT_LIMIT)


def with_resources(model: DesiredModel, **changes: object) -> DesiredModel:
    resources = _resources(model).model_copy(update=changes)
    return model.model_copy(update={"resolved": model.resolved.model_copy(update={"resources": resources})})


def lacking(model: DesiredModel, accelerator: Accelerator) -> tuple[str, ...]:
    """QLoRA computes in BF16, and so do Flash Attention's kernels."""
    optional = model.resolved.hyperparameters.optional
    sft, init = (optional.get(key, {}) for key in ("sft_config", "model_init_config"))
    flash = "flash" in str(init.get("attn_implementation", ""))
    quantised = method_of(model.resolved.hyperparameters) is Method.QLORA
    asks_bf16 = sft.get("bf16") is True or flash or quantised
    return (
        *(("BF16",) if asks_bf16 and accelerator.bf16 is False else ()),
        *(("Flash Attention 2",) if flash and accelerator.flash_attention_2 is False else ()),
    )


def pareto(options: Iterable[TrainingOption]) -> frozenset[str]:
    """Instance types that none which costs less is as fast as; of equals the first by name.

    Only among those that are eligible and whose time and cost are known. Less than :data:`WORTH` faster is as fast.
    """
    known = [(o.usd, o.hours.likely, o.instance_type) for o in options if o.is_eligible and o.hours and o.instance_type]
    ordered = sorted((usd, hours, name) for usd, hours, name in known if usd is not None)
    chosen: list[str] = []
    fastest: Decimal | None = None
    for _, hours, name in ordered:
        if fastest is None or hours < fastest * (1 - WORTH):
            chosen.append(name)
            fastest = hours
    return frozenset(chosen)


def _with_choices(options: Sequence[TrainingOption]) -> tuple[TrainingOption, ...]:
    best = pareto(options)
    return tuple(option.model_copy(update={"pareto": option.instance_type in best}) for option in options)


def _on_bedrock(model: DesiredModel, catalog: Catalog, region: str) -> TrainingOption:
    return TrainingOption(
        provider=ProviderName.BEDROCK,
        hours_unknown="AWS publishes no durations of Bedrock's trainings",
        cost=training_cost(model, catalog, region),
    )


def _by_cost(option: TrainingOption) -> tuple[bool, Decimal, str]:
    return (option.usd is None, option.usd or Decimal(0), option.instance_type or "")


def _resources(model: DesiredModel) -> TrainingResources:
    resources = model.resolved.resources
    assert resources is not None, f"{model.name} runs where the provider chooses the machines"
    return resources
