from __future__ import annotations

from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.domain.catalog import FoundationModel, InstanceType
from reconciler.domain.plan import Verdict
from reconciler.estimators.fit import fit, forecast, usable_gib
from reconciler.estimators.setup import Dtype, Sharding, TrainingSetup
from tests.builders import a_model, a_training_machine

CATALOG = load()
LLAMA, LLAMA_1B, LLAMA_70B = "llama-3.1-8b-instruct", "llama-3.2-1b-instruct", "llama-3.1-70b-instruct"
LORA = {"use_lora": True, "lora_config": {"r": 8, "lora_alpha": 8, "lora_dropout": 0.0}}
SHORT = {**LORA, "sft_config": {"max_length": 512}}
LONG = {**LORA, "sft_config": {"max_length": 8192}}


def base(key: str) -> FoundationModel:
    found = CATALOG.model(key)
    assert found is not None
    return found


def instance(name: str) -> InstanceType:
    found = CATALOG.instance(name)
    assert found is not None
    return found


def setup_on(machine: str, key: str = LLAMA, *, count: int = 1, **optional: Any) -> TrainingSetup:
    architecture = base(key).architecture
    assert architecture is not None
    model = a_model(base_model=key, hyperparameters={"optional": optional})
    return forecast(model, architecture, instance(machine), count).setup


@pytest.mark.parametrize(
    ("key", "machine", "optional", "verdict"),
    [
        (LLAMA, "ml.g5.12xlarge", LORA, Verdict.FITS),
        (LLAMA, "ml.g5.2xlarge", SHORT, Verdict.FITS),
        (LLAMA, "ml.g5.2xlarge", LORA, Verdict.TIGHT),
        (LLAMA, "ml.g5.2xlarge", LONG, Verdict.TIGHT),
        (LLAMA, "ml.g5.2xlarge", {}, Verdict.DOES_NOT_FIT),
        (LLAMA, "ml.g5.12xlarge", {}, Verdict.DOES_NOT_FIT),
        (LLAMA, "ml.p4d.24xlarge", {}, Verdict.FITS),
        (LLAMA_70B, "ml.g5.12xlarge", LORA, Verdict.DOES_NOT_FIT),
        (LLAMA_1B, "ml.g5.2xlarge", {}, Verdict.FITS),
        ("qwen3.5-27b", "ml.p5.48xlarge", LORA, Verdict.UNKNOWN),
        ("sea-lion-v1-7b-instruct", "ml.p5.48xlarge", LORA, Verdict.UNKNOWN),
        (LLAMA, "ml.trn1.32xlarge", LORA, Verdict.UNKNOWN),
    ],
)
def test_verdicts(key: str, machine: str, optional: dict[str, Any], verdict: Verdict) -> None:
    found = fit(a_model(base_model=key, hyperparameters={"optional": optional}), base(key), instance(machine))
    assert found.verdict is verdict
    assert found.assumptions
    if verdict is Verdict.UNKNOWN:
        assert found.needed_gib is None
    else:
        assert found.needed_gib is not None
        assert found.available_gib is not None
        assert (found.needed_gib <= found.available_gib) is (verdict is not Verdict.DOES_NOT_FIT)


def test_the_assumption_tells_what_takes_the_memory() -> None:
    found = fit(a_model(base_model=LLAMA), base(LLAMA), instance("ml.g5.12xlarge"))
    (told,) = found.assumptions
    assert told.startswith(
        "memory: full fine-tuning in BF16 with AdamW, with gradient checkpointing, sharded over 4 GPUs"
    )
    assert "most of it optimizer 15.0, weights 7.5, gradients 7.5" in told


def test_longer_records_need_more_up_to_the_limit() -> None:
    architecture = base(LLAMA).architecture
    assert architecture is not None
    found = forecast(
        a_model(base_model=LLAMA, hyperparameters={"optional": LONG}), architecture, instance("ml.g5.2xlarge"), 1
    )
    assert found.low.needed < found.likely.needed < found.high.needed


@pytest.mark.parametrize(
    ("machine", "key", "optional", "sharding"),
    [
        ("ml.g5.2xlarge", LLAMA, LORA, Sharding.NONE),
        ("ml.g5.12xlarge", LLAMA, LORA, Sharding.FSDP2),
        ("ml.p4d.24xlarge", LLAMA, LORA, Sharding.DDP),
        ("ml.p4d.24xlarge", LLAMA, {}, Sharding.FSDP2),
        ("ml.g5.12xlarge", LLAMA, {**LORA, "load_in_4bit": True}, Sharding.DDP),
    ],
)
def test_a_copy_on_each_gpu_where_it_takes_no_more_than_three_fifths(
    machine: str, key: str, optional: dict[str, Any], sharding: Sharding
) -> None:
    assert setup_on(machine, key, **optional).sharding is sharding


@pytest.mark.parametrize(
    ("machine", "optional", "weights", "adapters"),
    [
        ("ml.g5.2xlarge", {}, Dtype.BF16, Dtype.FP32),
        ("ml.g4dn.xlarge", {}, Dtype.FP32, Dtype.FP32),
        ("ml.g4dn.xlarge", LORA, Dtype.BF16, Dtype.FP32),
        ("ml.g5.2xlarge", {**LORA, "load_in_4bit": True}, Dtype.NF4_DOUBLE, Dtype.BF16),
    ],
)
def test_weights_as_the_training_program_holds_them(
    machine: str, optional: dict[str, Any], weights: Dtype, adapters: Dtype
) -> None:
    """A T4 lacks BF16: it computes in FP16, and what is trained is held in FP32."""
    setup = setup_on(machine, **optional)
    assert (setup.weights, setup.adapters) == (weights, adapters)


@pytest.mark.parametrize(
    ("machine", "gib"),
    [
        ("ml.g4dn.xlarge", 14.6),
        ("ml.g5.xlarge", 22.0),
        ("ml.g6.xlarge", 22.0),
        ("ml.g6e.xlarge", 44.4),
        ("ml.p4d.24xlarge", 39.4),
        ("ml.p4de.24xlarge", 79.2),
        ("ml.p5.48xlarge", 79.1),
        ("ml.p5en.48xlarge", 139.8),
    ],
)
def test_usable_memory_is_within_two_percent_of_what_pytorch_tells(machine: str, gib: float) -> None:
    """``total capacity`` of published out-of-memory errors; never much above it."""
    accelerator = instance(machine).accelerator
    assert accelerator is not None
    assert 0.98 * gib <= usable_gib(accelerator) <= 1.015 * gib


def test_an_image_of_ones_own_has_libraries_that_are_not_known() -> None:
    own = a_model(base_model=LLAMA, resources=a_training_machine(image="own:1"))
    assert "those of your own are not known" in fit(own, base(LLAMA), instance("ml.g5.2xlarge")).assumptions[-1]
