"""Whether data, weights and checkpoints find room: one test for each row of the table, with the bundled catalog."""

from __future__ import annotations

from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.cost.volume import PATH, volume_diagnostics
from reconciler.domain.desired import DesiredModel, Origin
from reconciler.domain.diagnostic import Diagnostic
from reconciler.domain.plan import Action, Change, PlanOptions
from reconciler.estimators.storage import disk_gb, keeps_checkpoints
from reconciler.planner.plan import make_plan
from tests.builders import BEDROCK, a_configuration, a_model, a_snapshot, a_training_machine

CATALOG = load()
LORA = {"optional": {"use_lora": True, "lora_config": {"r": 8}}}
EBS, NVME = "ml.p3.2xlarge", "ml.g5.xlarge"


def training_of(model: DesiredModel) -> Change:
    plan = make_plan(a_configuration(model), (model,), a_snapshot(), PlanOptions())
    return next(change for change in plan.changes if change.action is Action.TRAIN)


def found(model: DesiredModel) -> list[Diagnostic]:
    return list(volume_diagnostics(training_of(model), model, CATALOG))


def on(machine: str, *, base: str = "llama-3.1-8b-instruct", asked: bool = False, **more: Any) -> DesiredModel:
    """``asked``: the manifest itself sets the volume's size."""
    hyperparameters = more.pop("hyperparameters", LORA)
    model = a_model(base_model=base, resources=a_training_machine(machine, **more), hyperparameters=hyperparameters)
    origins = {PATH: Origin.MANIFEST if asked else Origin.DEFAULT}
    return model.model_copy(update={"resolved": model.resolved.model_copy(update={"origins": origins})})


def test_there_is_room() -> None:
    """16 GB of weights come, 16 GB go, on 100 GB."""
    assert found(on(EBS)) == []
    assert found(on(NVME)) == []


def test_a_volume_that_is_too_small_names_the_size_that_suffices() -> None:
    """2 × 141.1 GB for 70 billion parameters, five per cent more and a fifth of headroom: 360 GB."""
    (error,) = found(on(EBS, base="llama-3.1-70b-instruct", asked=True))
    assert (error.code, error.is_error, error.overridable) == ("volume-too-small", True, True)
    assert "takes 282 GB on each ml.p3.2xlarge, which has 100 GB" in error.detail
    assert "base weights 141.1 GB, artifact 141.1 GB" in error.detail
    assert error.hint == "set spec.resources.volumeSizeGB to 360"
    assert found(on(EBS, base="llama-3.1-70b-instruct", volume_size_gb=360)) == []


def test_a_volume_without_headroom() -> None:
    (warning,) = found(on(EBS, base="llama-3.1-70b-instruct", volume_size_gb=290))
    assert (warning.code, warning.is_error) == ("volume-tight", False)


def test_a_volume_cannot_be_added_to_local_disks() -> None:
    (error,) = found(on(NVME, base="llama-3.1-70b-instruct"))
    assert error.code == "volume-too-small"
    assert "which has 250 GB" in error.detail
    assert error.hint == "take a type with 360 GB of local disks; a volume cannot be added"


def test_local_disks_make_the_size_moot_and_the_plan_says_so() -> None:
    (warning,) = found(on(NVME, asked=True, volume_size_gb=500))
    assert (warning.code, warning.is_error) == ("volume-size-ignored", False)
    assert "asks for volumeSizeGB 500; ml.g5.xlarge has 250 GB of NVMe storage" in warning.detail


def test_bedrock_has_no_disks_and_unknown_types_no_size() -> None:
    bedrock = a_model(provider=BEDROCK)
    assert list(volume_diagnostics(training_of(bedrock), bedrock, CATALOG)) == []
    assert found(on("ml.z9.large")) == []
    assert found(on(EBS, base="qwen3.5-4b")) == []


@pytest.mark.parametrize(
    ("more", "kept"),
    [
        ({}, False),
        ({"spot": True}, True),
        ({"hyperparameters": {"early_stopping_patience": 2}}, True),
        ({"hyperparameters": {"optional": {"sft_config": {"save_strategy": "epoch"}}}}, True),
        ({"hyperparameters": {"optional": {"sft_config": {"save_strategy": "no"}}}}, False),
    ],
)
def test_checkpoints_that_are_kept_take_room(more: dict[str, Any], kept: bool) -> None:
    """Full fine-tuning: weights and AdamW's two moments, three times."""
    model, base = on(EBS, **{"hyperparameters": {}, **more}), CATALOG.model("llama-3.1-8b-instruct")
    assert base is not None
    assert keeps_checkpoints(model) is kept
    amount = disk_gb(model, base).amount
    assert amount is not None
    assert float(amount.likely) == pytest.approx(32.16 + (3 * 48.18 if kept else 0), abs=0.02)
