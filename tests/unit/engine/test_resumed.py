"""An apply that finds what another one began goes on with it, under the manifest's own rules."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.naming import version_name
from reconciler.engine.reconverge import RunState
from tests.stage import SAGEMAKER, Stage

FALLBACK = "{instanceType: ml.g5.2xlarge, fallbackInstanceTypes: [ml.g6.2xlarge]}"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", SAGEMAKER.replace("{instanceType: ml.g5.2xlarge}", FALLBACK))
    return stage


@pytest.mark.parametrize("fault", ["fail", "capacity"])
def test_it_takes_the_retries_and_fallbacks_of_a_training_that_was_running(stage: Stage, fault: str) -> None:
    stage.fault(fault, "sagemaker:CreateTrainingJob", times=1)
    assert stage.apply(wait=False).state is RunState.WAITING
    assert stage.apply().state is RunState.CONVERGED
    assert stage.paid_jobs() == 2
    assert stage.contents()["endpoints"]["open-bot"][0] == "InService"


def test_a_training_of_another_version_is_not_covered(stage: Stage) -> None:
    assert stage.apply(wait=False).state is RunState.WAITING
    wanted = stage.propose().wanted("open-bot")
    assert wanted is not None
    stage.client("sagemaker").stop_training_job(TrainingJobName=version_name("open-bot", wanted.fingerprint))
    assert stage.apply().state is RunState.STALLED
    assert stage.paid_jobs() == 1
