"""What would make a training fit, tried on the catalog's types."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.cost.fitting import fit_of
from reconciler.domain.plan import Fit, Verdict
from tests.builders import a_model, a_training_machine

CATALOG = load()
LORA: dict[str, Any] = {"use_lora": True}
LONG = {"max_length": 4096, "gradient_checkpointing": False}


def found(machine: str, *, key: str = "llama-3.1-8b-instruct", batch: int | None = None, **optional: Any) -> Fit:
    hyperparameters = {"batch_size": batch, "optional": optional}
    model = a_model(base_model=key, resources=a_training_machine(machine), hyperparameters=hyperparameters)
    fit = fit_of(model, CATALOG, "us-east-1")
    assert fit is not None
    return fit


def changes(fit: Fit) -> list[str]:
    return [remedy.change for remedy in fit.remedies]


def test_what_fits_needs_no_remedy() -> None:
    assert found("ml.g5.12xlarge", **LORA).verdict is Verdict.FITS
    assert found("ml.g5.12xlarge", **LORA).remedies == ()


def test_the_smallest_change_comes_first() -> None:
    tight = found("ml.g5.2xlarge", **LORA)
    assert tight.verdict is Verdict.TIGHT
    assert changes(tight) == [
        "batchSize: 2",
        "QLoRA (use_lora: true, load_in_4bit: true)",
        "resources.instanceType: ml.g5.12xlarge",
        "resources.instanceType: ml.g6e.xlarge",
    ]
    assert all(remedy.needed_gib < remedy.available_gib for remedy in tight.remedies)


def test_checkpointing_where_it_was_switched_off() -> None:
    without = found("ml.g5.12xlarge", batch=32, **LORA, sft_config=LONG)
    assert without.verdict is Verdict.DOES_NOT_FIT
    assert changes(without)[0].startswith("sft_config.gradient_checkpointing: true")
    assert not any("gradient_checkpointing" in change for change in changes(found("ml.g5.2xlarge")))


def test_adapters_instead_of_all_weights() -> None:
    assert "LoRA (use_lora: true)" in changes(found("ml.p4d.24xlarge", key="llama-3.1-70b-instruct"))
    assert not any("QLoRA" in change for change in changes(found("ml.g4dn.xlarge"))), "a T4 has no BF16"


def test_more_machines_where_no_larger_type_of_the_gpu_fits() -> None:
    fit = found("ml.p4d.24xlarge", key="llama-3.1-70b-instruct")
    (more,) = [remedy for remedy in fit.remedies if remedy.change.startswith("resources.instanceCount")]
    price = CATALOG.training_price("ml.p4d.24xlarge", "us-east-1").usd
    assert price is not None
    assert more.change == "resources.instanceCount: 8"
    assert more.usd_an_hour == price * 8


def test_another_type_is_named_with_its_price() -> None:
    last = found("ml.g5.2xlarge").remedies[-1]
    assert last.told == "resources.instanceType: ml.g7e.2xlarge (61.9 of 94.6 GiB, 4.20 USD an hour)"


@pytest.mark.parametrize("machine", ["ml.g5.2xlarge", "ml.g4dn.xlarge"])
def test_terms_are_the_largest_of_what_is_needed(machine: str) -> None:
    fit = found(machine)
    assert fit.needed_gib is not None
    sizes = [term.gib for term in fit.terms]
    assert sizes == sorted(sizes, reverse=True)
    assert fit.terms[0].name == "optimizer"
    assert sum(sizes) <= fit.needed_gib + 0.02


def test_what_is_tight_is_told_from_the_least_to_the_most() -> None:
    tight = found("ml.g5.2xlarge", **LORA)
    assert tight.needed_gib is not None
    assert tight.most_gib is not None
    assert tight.available_gib is not None
    assert tight.needed_gib < tight.available_gib < tight.most_gib
    assert sum(term.gib for term in tight.terms) > tight.needed_gib
