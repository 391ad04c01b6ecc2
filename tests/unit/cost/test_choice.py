from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.cost.choice import Choice, cheapest_fitting, choice_for, chosen, why_chosen, why_none
from reconciler.cost.options import training_options
from reconciler.domain.catalog import FoundationModel
from reconciler.domain.desired import DesiredModel
from tests.builders import a_model, a_training_machine

CATALOG = load()
LORA = {"use_lora": True}


def base() -> FoundationModel:
    found = CATALOG.model("llama-3.1-8b-instruct")
    assert found is not None
    return found


def asking(machine: str = "auto", **more: Any) -> DesiredModel:
    resources = a_training_machine(machine, **more.pop("resources", {}))
    return a_model(resources=resources, **({"hyperparameters": {"optional": LORA}} | more))


def the_choice(model: DesiredModel) -> Choice:
    found = choice_for(model, CATALOG, "us-east-1")
    assert found is not None
    return found


def test_auto_is_the_cheapest_training_that_fits() -> None:
    picked = the_choice(asking()).option
    others = [each for each in training_options(asking(), CATALOG, "us-east-1") if each.is_eligible and each.usd]
    assert picked.usd is not None
    assert min(each.usd for each in others if each.usd) == picked.usd
    assert picked.instance_type in {each.instance_type for each in others if each.pareto}


def test_without_a_known_time_it_is_the_cheapest_by_the_hour() -> None:
    found = cheapest_fitting(asking(hyperparameters={"epochs": None, "optional": LORA}), base(), CATALOG, "us-east-1")
    assert found is not None
    by_the_hour = [found.option, *found.runners_up]
    prices = [each.usd_an_hour for each in by_the_hour if each.usd_an_hour is not None]
    assert len(prices) == len(by_the_hour)
    assert prices == sorted(prices)
    assert "costs least an hour" in why_chosen(found)


def test_what_would_be_stopped_is_no_choice_while_another_ends() -> None:
    def with_limit(minutes: int) -> Choice:
        long = {"epochs": 30, "optional": LORA}
        limit = {"max_runtime": timedelta(minutes=minutes)}
        return the_choice(asking(resources=limit, hyperparameters=long))

    relaxed, hurried, hopeless = with_limit(10_000), with_limit(20), with_limit(1)
    assert relaxed.option.too_long is False
    assert hurried.option.too_long is False
    assert hurried.instance_type != relaxed.instance_type
    assert hopeless.option.hours is None, "of some types it is not known how long they take"
    assert all(each.too_long for each in hopeless.runners_up if each.hours)


def test_it_says_what_was_picked_and_why() -> None:
    told = why_chosen(the_choice(asking()))
    assert told.startswith("of ")
    assert "types that fit, with a known price and BF16, its training costs least: about 0." in told
    assert "; next is ml." in told


def test_auto_is_picked_once_and_only_where_asked_for() -> None:
    auto = asking()
    done = chosen(auto, the_choice(auto))
    assert done.resolved.resources is not None
    assert done.resolved.resources.instance_type != "auto"
    assert done.resolved.resources.max_runtime == timedelta(hours=12)
    assert done.fingerprint == auto.fingerprint
    assert choice_for(done, CATALOG, "us-east-1") is None
    assert chosen(auto, choice_for(auto, CATALOG, "eu-west-1")) is auto


def test_the_same_again_whatever_the_order_of_the_catalog() -> None:
    class Reversed:
        instances = tuple(reversed(CATALOG.instances))

        def __getattr__(self, name: str) -> Any:
            return getattr(CATALOG, name)

    backwards: Any = Reversed()
    found = choice_for(asking(), backwards, "us-east-1")
    assert found == the_choice(asking())


@pytest.mark.parametrize(
    ("key", "region", "why"),
    [
        ("llama-3.1-8b-instruct", "eu-west-1", "no training price is known in eu-west-1"),
        ("qwen3.5-9b", "us-east-1", "the dimensions of qwen3.5-9b are not known"),
        ("llama-3-70b-instruct", "us-east-2", "no training price is known in us-east-2"),
        ("llama-3-70b-instruct", "us-west-2", "none with a known price and BF16 holds its training"),
    ],
)
def test_why_nothing_is_picked(key: str, region: str, why: str) -> None:
    model = asking(base_model=key, hyperparameters={"batch_size": 512})
    assert choice_for(model, CATALOG, region) is None
    assert why_none(model, CATALOG, region) == why
