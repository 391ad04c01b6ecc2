from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconciler.catalog import load
from reconciler.domain.catalog import Architecture, FoundationModel, InstanceType
from reconciler.domain.desired import DesiredModel
from reconciler.domain.quantity import Range
from reconciler.estimators.duration import epochs, sagemaker_hours
from reconciler.estimators.estimate import Estimate
from reconciler.estimators.gpu import gpu_in
from reconciler.estimators.intended import intended
from reconciler.estimators.parameters import lora_parameters
from reconciler.estimators.step import forward_seconds, step_time
from reconciler.estimators.storage import artifact_gb, checkpoint_gb, data_gb
from reconciler.estimators.tokens import training_tokens, validation_tokens
from tests.builders import BEDROCK, a_model

CATALOG = load()
LORA = {"use_lora": True, "lora_config": {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0}}


def base(key: str = "llama-3.1-8b-instruct") -> FoundationModel:
    found = CATALOG.model(key)
    assert found is not None
    return found


def known_architecture(key: str = "llama-3.1-8b-instruct") -> Architecture:
    found = base(key).architecture
    assert found is not None
    return found


def instance(name: str = "ml.g5.2xlarge") -> InstanceType:
    found = CATALOG.instance(name)
    assert found is not None
    return found


def a_training(*, key: str = "llama-3.1-8b-instruct", **hyperparameters: Any) -> DesiredModel:
    return a_model(base_model=key, hyperparameters=hyperparameters)


def with_tokens(model: DesiredModel, tokens: int | None) -> DesiredModel:
    facts = model.data.training.model_copy(update={"tokens": tokens})
    return model.model_copy(update={"data": model.data.model_copy(update={"training": facts})})


def known(estimate: Estimate) -> Range:
    assert estimate.amount is not None, estimate.why_unknown
    return estimate.amount


def test_tokens_after_the_split() -> None:
    """900 of 1,000 records: 108,000 counted tokens within a quarter, and 11 to 40 of Llama's template for each record."""
    amount = known(training_tokens(a_training(), "meta-llama"))
    assert (amount.low, amount.likely, amount.high) == (
        Decimal("81000") + 9900,
        Decimal("108000") + 9900,
        Decimal("135000") + 36000,
    )
    assert known(validation_tokens(a_training(), "meta-llama")).likely == 12_000 + 1_100


def test_bedrock_counts_no_template_and_may_bill_six_characters_a_token() -> None:
    """480,000 characters: at six a token 80,000, of which 90 % are trained."""
    amount = known(training_tokens(a_model(provider=BEDROCK)))
    assert (amount.low, amount.likely, amount.high) == (Decimal(72_000), Decimal(108_000), Decimal(135_000))


def test_tokens_without_a_count_come_from_characters() -> None:
    amount = known(training_tokens(with_tokens(a_model(provider=BEDROCK), None)))
    assert amount.likely == 480_000 / Decimal(4) * Decimal("0.9")


def test_no_records_no_tokens() -> None:
    model = a_training()
    facts = model.data.training.model_copy(update={"records": 0})
    empty = model.model_copy(update={"data": model.data.model_copy(update={"training": facts})})
    assert training_tokens(empty).amount is None
    assert sagemaker_hours(empty, base(), instance()).why_unknown == "the data has no records"


def test_lora_parameters() -> None:
    """32 layers × 8 × ((4096 + 4096) + (4096 + 1024)): query and value projections of Llama 3.1 8B."""
    architecture = base().architecture
    assert architecture is not None
    assert lora_parameters(architecture, a_training(optional=LORA).resolved.hyperparameters) == 3_407_872
    wide = {"use_lora": True, "lora_config": {"r": 16, "target_modules": "all-linear"}}
    assert lora_parameters(architecture, a_training(optional=wide).resolved.hyperparameters) == 41_943_040


def test_hours_by_hand() -> None:
    """900 records in batches of 4, of 131 tokens that vary by half: the longest of four lies 0.99 deviations above the mean."""
    model, setup = (
        a_training(epochs=3, optional=LORA),
        intended(a_training(epochs=3, optional=LORA), known_architecture(), instance()),
    )
    gpu = gpu_in(instance())
    assert gpu is not None
    step = step_time(replace(setup, sequence=math.ceil(131 * (1 + 0.5 * 0.57 * 2**0.8))), gpu).total + 0.03
    evaluation = forward_seconds(replace(setup, sequence=math.ceil(131 * (1 + 0.5 * 0.57 * 2**0.8))), gpu) + 0.03
    around = 7 / 60 + 2 * (8_030_261_248 * 2 / 1e9 + 0.02) / 720
    by_hand = around + 3 * (225 * step + 25 * evaluation) / 3600
    assert float(known(sagemaker_hours(model, base(), instance())).likely) == pytest.approx(by_hand, rel=1e-5)


def test_full_fine_tuning_takes_longer_than_lora() -> None:
    full, lora = a_training(epochs=3), a_training(epochs=3, optional=LORA)
    assert (
        known(sagemaker_hours(full, base(), instance())).likely
        > known(sagemaker_hours(lora, base(), instance())).likely
    )


@pytest.mark.parametrize(
    ("key", "machine", "hyperparameters", "why"),
    [
        ("qwen3.5-4b", "ml.g5.2xlarge", {}, "the dimensions of qwen3.5-4b are not known"),
        ("llama-3.1-8b-instruct", "ml.trn1.2xlarge", {}, "ml.trn1.2xlarge has no CUDA GPU"),
        ("llama-3.1-8b-instruct", "ml.g7.2xlarge", {}, "no peak rate of the RTX-PRO-4500 is known"),
        ("llama-3.1-8b-instruct", "ml.g5.2xlarge", {"epochs": None}, "the number of epochs is left to the service"),
    ],
)
def test_what_is_not_known_is_told(key: str, machine: str, hyperparameters: dict[str, Any], why: str) -> None:
    found = sagemaker_hours(a_training(key=key, **hyperparameters), base(key), instance(machine))
    assert found.amount is None
    assert found.why_unknown == why


def test_early_stopping_may_end_it_sooner() -> None:
    chosen = a_training(epochs=10, early_stopping_patience=2).resolved.hyperparameters
    passes = epochs(chosen)
    assert passes is not None
    assert (passes.low, passes.likely) == (Decimal(3), Decimal(10))


@given(tokens=st.integers(1, 10**9), more=st.integers(0, 10**9), passes=st.integers(1, 50))
def test_hours_grow_with_tokens_and_epochs(tokens: int, more: int, passes: int) -> None:
    def hours(count: int, times: int) -> Range:
        return known(sagemaker_hours(with_tokens(a_training(epochs=times), count), base(), instance()))

    little, longer, again = hours(tokens, passes), hours(tokens + more, passes), hours(tokens, passes + 1)
    assert little.low <= little.likely <= little.high
    assert all(getattr(little, part) <= getattr(longer, part) for part in ("low", "likely", "high"))
    assert all(getattr(little, part) < getattr(again, part) for part in ("low", "likely", "high"))


def test_storage() -> None:
    merged = known(artifact_gb(a_training(optional=LORA), base()))
    adapters = known(artifact_gb(a_training(optional={**LORA, "merge_adapters": False}), base()))
    assert float(merged.likely) == pytest.approx(16.08, abs=0.01)
    assert float(adapters.likely) == pytest.approx(0.0336, abs=0.001)
    assert float(known(checkpoint_gb(a_training(optional=LORA), base())).likely) == pytest.approx(0.0409, abs=0.001)
    assert known(data_gb(a_training())).likely == Decimal("0.0005")
    assert artifact_gb(a_training(key="qwen3.5-4b"), base("qwen3.5-4b")).amount is None
