"""For which base models there are estimates, how their weights are held, and how large they are."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.domain.catalog import FoundationModel
from reconciler.domain.desired import Hyperparameters
from reconciler.estimators.intended import intended
from reconciler.estimators.known import unestimated
from reconciler.estimators.setup import Dtype
from reconciler.estimators.storage import artifact_gb, base_gb, checkpoint_gb
from tests.builders import a_model

LORA = {"use_lora": True}
FLASH = {"model_init_config": {"attn_implementation": "flash_attention_2"}}


def base(**changes: Any) -> FoundationModel:
    found = load().model("llama-3.1-8b-instruct")
    assert found is not None
    assert found.architecture is not None
    return found.model_copy(update={"architecture": found.architecture.model_copy(update=changes)})


@pytest.mark.parametrize(
    ("changes", "optional", "why"),
    [
        ({}, {}, ""),
        ({"architecture": "MixtralForCausalLM", "num_experts": 8}, LORA, ""),
        ({"architecture": "MixtralForCausalLM", "num_experts": 8}, {}, ""),
        ({"num_experts": 8}, LORA | {"lora_config": {"target_modules": "all-linear"}}, "adapters of experts are not"),
        ({"num_experts": 8}, LORA | {"lora_config": {"target_modules": ["up_proj"]}}, "adapters of experts are not"),
        ({"architecture": "MPTForCausalLM"}, {}, "MPTForCausalLM is not a plain decoder"),
        ({"parameters": None}, {}, "the dimensions of llama-3.1-8b-instruct are not known"),
    ],
)
def test_what_is_estimated(changes: dict[str, Any], optional: dict[str, Any], why: str) -> None:
    found = unestimated(base(**changes), Hyperparameters(optional=optional))
    assert found.startswith(why)
    assert bool(found) is bool(why)


def test_a_better_reason_is_told_where_there_is_one() -> None:
    unread = base().model_copy(update={"architecture": None, "architecture_unknown": "it is quantised (base)"})
    assert unestimated(unread, Hyperparameters()) == "it is quantised (base)"


@pytest.mark.parametrize(
    ("machine", "held", "optional", "weights"),
    [
        ("ml.g5.2xlarge", None, {}, Dtype.BF16),
        ("ml.g5.2xlarge", "bfloat16", LORA, Dtype.BF16),
        ("ml.g5.2xlarge", "float32", LORA, Dtype.FP32),
        ("ml.g5.2xlarge", "float32", LORA | {"load_in_4bit": True}, Dtype.NF4_DOUBLE),
        ("ml.g5.2xlarge", "float32", FLASH, Dtype.BF16),
        ("ml.g5.2xlarge", "float32", {"model_init_config": {"dtype": "bfloat16"}}, Dtype.BF16),
        ("ml.g5.2xlarge", None, {"model_init_config": {"torch_dtype": "float32"}}, Dtype.FP32),
        ("ml.g5.2xlarge", "float32", {"model_init_config": {"dtype": "auto"}}, Dtype.FP32),
        ("ml.g4dn.xlarge", None, {}, Dtype.FP32),
        ("ml.g4dn.xlarge", None, LORA, Dtype.BF16),
    ],
)
def test_how_weights_are_held(machine: str, held: str | None, optional: dict[str, Any], weights: Dtype) -> None:
    architecture, instance = base(dtype=held).architecture, load().instance(machine)
    assert architecture is not None
    assert instance is not None
    model = a_model(hyperparameters={"optional": optional})
    assert intended(model, architecture, instance).weights is weights


def test_weights_of_ones_own_are_as_large_as_their_files() -> None:
    own, model = base().model_copy(update={"weights_bytes": 50 * 10**9}), a_model(hyperparameters={"optional": {}})
    sizes = [estimate.amount.likely for estimate in (base_gb(own), artifact_gb(model, own)) if estimate.amount]
    assert sizes == [Decimal("50.02"), Decimal("50.02")]
    checkpoint = checkpoint_gb(model, own).amount
    assert checkpoint is not None
    assert checkpoint.likely == 150


def test_their_size_is_known_where_the_dimensions_are_not() -> None:
    own = base().model_copy(update={"architecture": None, "architecture_unknown": "why", "weights_bytes": 10**9})
    assert artifact_gb(a_model(hyperparameters={"optional": {}}), own).amount is not None
    adapters = a_model(hyperparameters={"optional": LORA | {"merge_adapters": False}})
    assert artifact_gb(adapters, own).why_unknown == "why"
