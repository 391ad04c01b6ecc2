from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any

from reconciler.catalog import load
from reconciler.cost.options import TrainingOption, lacking, pareto, training_options
from reconciler.domain.catalog import ProviderName
from reconciler.domain.plan import Fit, Verdict
from reconciler.domain.quantity import Cost, Range
from tests.builders import BEDROCK, a_model, a_training_machine

CATALOG = load()
LORA: dict[str, Any] = {"use_lora": True}


def options(region: str = "us-east-1", **more: Any) -> tuple[TrainingOption, ...]:
    return training_options(a_model(**({"hyperparameters": {"optional": LORA}} | more)), CATALOG, region)


def an_option(
    name: str, usd: str | None, hours: str | None, verdict: Verdict = Verdict.FITS, **more: Any
) -> TrainingOption:
    return TrainingOption(
        provider=ProviderName.SAGEMAKER,
        instance_type=name,
        fit=Fit(verdict=verdict),
        hours=Range.exactly(hours) if hours else None,
        cost=Cost.of(Range.exactly(usd)) if usd else Cost.not_known(name),
        **more,
    )


def test_the_cheapest_comes_first_and_the_unknown_last() -> None:
    costs = [option.usd for option in options()]
    known = [usd for usd in costs if usd is not None]
    assert known == sorted(known)
    assert costs[len(known) :] == [None] * (len(costs) - len(known))
    assert len(known) < len(costs), "some types have no known price or time"


def test_nothing_unknown_is_zero() -> None:
    for option in options():
        assert option.usd is None or option.usd > 0
        assert option.usd is not None or option.cost.unknown
        assert option.hours is not None or option.hours_unknown
    assert all(option.usd is None and option.usd_an_hour is None for option in options("eu-west-1"))


def test_no_limit_of_the_manifest_makes_a_slow_machine_cheap() -> None:
    hurried = a_training_machine("ml.g5.12xlarge", max_runtime=timedelta(minutes=10))
    long = {"epochs": 30, "optional": LORA}
    relaxed, limited = options(hyperparameters=long), options(hyperparameters=long, resources=hurried)
    assert [option.usd for option in limited] == [option.usd for option in relaxed]
    assert any(option.too_long for option in limited)
    assert not any(option.too_long and option.pareto for option in limited)


def test_bedrock_has_a_cost_alone() -> None:
    (option,) = options(provider=BEDROCK, hyperparameters={"epochs": 2})
    assert (option.instance_type, option.fit, option.hours) == (None, None, None)
    assert option.usd is not None
    assert option.hours_unknown


def test_the_best_are_those_that_nothing_cheaper_is_as_fast_as() -> None:
    found = pareto(
        [
            an_option("cheap", "1", "10"),
            an_option("dear", "9", "2"),
            an_option("worse", "3", "11"),
            an_option("hardly-faster", "2", "9.9"),
            an_option("twin", "9", "2"),
            an_option("tight", "0.1", "1", Verdict.TIGHT),
            an_option("stopped", "0.2", "9", too_long=True),
            an_option("lacking", "0.3", "9", lacks=("BF16",)),
            an_option("no-price", None, "1"),
            an_option("no-time", "0.5", None),
        ]
    )
    assert found == {"cheap", "dear"}


def test_what_is_asked_of_a_gpu() -> None:
    def of(machine: str, **optional: Any) -> tuple[str, ...]:
        instance = CATALOG.instance(machine)
        assert instance is not None
        assert instance.accelerator is not None
        return lacking(a_model(hyperparameters={"optional": optional}), instance.accelerator)

    flash = {"model_init_config": {"attn_implementation": "flash_attention_2"}}
    assert of("ml.g4dn.xlarge") == ()
    assert of("ml.g4dn.xlarge", **LORA, load_in_4bit=True) == ("BF16",)
    assert of("ml.g4dn.xlarge", sft_config={"bf16": True}) == ("BF16",)
    assert of("ml.g4dn.xlarge", **flash) == ("BF16", "Flash Attention 2")
    assert of("ml.g5.xlarge", **flash, load_in_4bit=True, **LORA) == ()


def test_several_instances_cost_so_many_times_as_much_an_hour() -> None:
    one, two = (
        {o.instance_type: o for o in options(resources=a_training_machine(instance_count=count))} for count in (1, 2)
    )
    assert two["ml.g5.12xlarge"].gpus == 8
    assert two["ml.g5.12xlarge"].usd_an_hour == Decimal(2) * (one["ml.g5.12xlarge"].usd_an_hour or 0)
