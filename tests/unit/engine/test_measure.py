"""What a training took is kept beside its artifacts, once, and corrects what is predicted."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from reconciler.catalog import load
from reconciler.domain.measurement import History, Measured, Measurement
from reconciler.domain.observation import TrainingPhase
from reconciler.domain.plan import Action, Change, Plan
from reconciler.engine.measure import measurement, unmeasured
from reconciler.engine.reconverge import RunState
from tests.builders import a_model, a_run, a_snapshot, a_version, an_observation
from tests.stage import BEDROCK, SAGEMAKER, Stage

CATALOG = load()
BUCKET = "stage-artifacts"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", SAGEMAKER)
    return stage


def kept(stage: Stage) -> dict[str, dict[str, Any]]:
    """Documents by key."""
    s3 = stage.client("s3")
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket=BUCKET).get("Contents", ())]
    measured = [key for key in keys if key.endswith("/measured.json")]
    return {key: json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in measured}


def the_training(plan: Plan) -> Change:
    (change,) = [change for change in plan.changes if change.action is Action.TRAIN]
    return change


def test_it_is_written_when_the_training_has_ended(stage: Stage) -> None:
    stage.apply(wait=False)
    assert kept(stage) == {}
    assert stage.apply().state is RunState.CONVERGED
    ((key, found),) = kept(stage).items()
    assert key.startswith("stage/models/open-bot/")
    (job,) = stage.contents()["training jobs"]
    assert (found["run"], found["baseModel"], found["instanceType"]) == (job, "qwen3-1.7b", "ml.g5.2xlarge")
    assert (found["method"], found["simulated"], found["timeFactor"]) == ("lora", True, 1)
    seconds = found["measured"]["billableSeconds"]
    assert found["measured"]["usd"] == pytest.approx(1.515 * seconds / 3600)
    assert found["predicted"]["hours"]["low"] < found["predicted"]["hours"]["likely"]
    assert found["measured"]["peakGib"] is None, "the embedded cloud has no GPU"


def test_once(stage: Stage) -> None:
    stage.apply()
    before = kept(stage)
    sequence = stage.cloud.world.requests.total
    stage.apply()
    assert kept(stage) == before
    later = stage.cloud.world.requests.since(sequence)
    assert not [entry for entry in later if entry.operation == "PutObject" and "measured.json" in entry.name]


def test_a_training_of_bedrock_is_not_measured(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", BEDROCK)
    stage.apply()
    assert kept(stage) == {}


def test_what_was_simulated_corrects_nothing_and_what_was_real_does(stage: Stage) -> None:
    stage.apply()
    stage.edit("bot.yaml", "epochs: 2", "epochs: 3")
    as_predicted = the_training(stage.plan())
    _as_if_real(stage, times=3)
    corrected = the_training(stage.plan())
    assert as_predicted.cost is not None
    assert corrected.cost is not None
    once, again = as_predicted.cost.one_off, corrected.cost.one_off
    assert not [told for told in once.assumptions if "corrected" in told]
    (told,) = [told for told in again.assumptions if "corrected" in told]
    assert told == "time: corrected by × 1.442 after the last training of qwen3-1.7b on ml.g5.2xlarge"
    assert once.likely is not None
    assert again.likely is not None
    assert again.likely == pytest.approx(once.likely * Decimal("1.442"))


def test_memory_that_was_measured_decides_whether_it_fits(stage: Stage) -> None:
    stage.apply()
    stage.edit("bot.yaml", "epochs: 2", "epochs: 3")
    before = the_training(stage.plan()).fit
    _as_if_real(stage, times=1, peak=8)
    after = the_training(stage.plan()).fit
    assert before is not None
    assert after is not None
    assert (before.verdict, after.verdict) == ("fits", "tight")
    assert any(told.startswith("memory: corrected by × 2") for told in after.assumptions)
    assert after.remedies


def _as_if_real(stage: Stage, *, times: float, peak: float | None = None) -> None:
    """The measurement as AWS would have left it: ``times`` as long as predicted, and ``peak`` times the memory."""
    ((key, found),) = kept(stage).items()
    found["simulated"] = False
    found["measured"]["billableSeconds"] = round(found["predicted"]["hours"]["likely"] * 3600 * times)
    found["measured"]["peakGib"] = peak and found["predicted"]["peakGib"] * peak
    stage.client("s3").put_object(Bucket=BUCKET, Key=key, Body=json.dumps(found).encode())


def test_what_cannot_be_read_is_as_if_it_were_not_there(stage: Stage) -> None:
    stage.apply()
    ((key, found),) = kept(stage).items()
    stage.client("s3").put_object(Bucket=BUCKET, Key=key, Body=b'{"from": "the future"}')
    assert stage.propose().history.measurements == ()
    stage.apply()
    assert kept(stage)[key] == found


def test_plans_read_it_once(stage: Stage) -> None:
    stage.apply()
    stage.plan()
    sequence = stage.cloud.world.requests.total
    assert len(stage.propose().history.measurements) == 1
    read = [entry for entry in stage.cloud.world.requests.since(sequence) if entry.operation == "GetObject"]
    assert not [entry for entry in read if "measured.json" in entry.name]
    (stage.root / ".reconciler" / "cache" / "measured.json").write_text("[broken")
    assert len(stage.propose().history.measurements) == 1


def test_only_completed_trainings_that_are_not_known() -> None:
    model = a_model()
    runs = [
        a_run("one", phase=TrainingPhase.FAILED),
        a_run("two", attempt=2, ended_at=datetime(2026, 3, 1, tzinfo=UTC)),
    ]

    def found(*of: Any, **more: Any) -> list[str]:
        version = a_version(model.fingerprint, runs=list(of)).model_copy(update=more)
        return [run.name for _, _, run in unmeasured(a_snapshot(an_observation(model, versions=(version,))), History())]

    assert found(*runs) == ["two"]
    assert found(runs[0]) == []
    assert found(*runs, promoted_from="another") == []


def test_a_real_gpus_memory_and_tokens() -> None:
    metrics = {
        "peak_memory_bytes": Decimal(16 * 2**30),
        "billable_tokens": Decimal(5400),
        "tokens_per_second": Decimal(30),
    }
    run = a_run(billable_seconds=1800, metrics=metrics, instance_count=2)
    found = _measured(run)
    assert found.measured == Measured(
        billable_seconds=1800, usd=Decimal("7.09"), tokens=5400, tokens_per_second=30.0, peak_gib=16.0
    )
    assert found.predicted.peak_gib is not None
    assert found.predicted.peak_gib > 4
    assert found.simulated is False


def _measured(run: Any) -> Measurement:
    snapshot = a_snapshot().model_copy(update={"cloud": "aws"})
    found = measurement(a_model(), run, snapshot, History(), CATALOG)
    assert found is not None
    return found


def test_without_machine_or_end_nothing_is_measured() -> None:
    for run in (a_run(instance_type=None), a_run(ended_at=None), a_run(instance_type="ml.unknown")):
        assert measurement(a_model(), run, a_snapshot(), History(), CATALOG) is None
