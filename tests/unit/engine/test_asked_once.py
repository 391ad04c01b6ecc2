"""``--retrain`` and ``--redeploy`` ask for one more try."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.observation import TrainingPhase
from reconciler.engine.reconverge import RunState
from tests.stage import SAGEMAKER, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", SAGEMAKER)
    return stage


def test_retrain_makes_one_more_attempt_and_then_stalls(stage: Stage) -> None:
    stage.fault("fail", "sagemaker:CreateTrainingJob", message="AlgorithmError: out of memory")
    assert stage.apply().state is RunState.STALLED
    before = stage.paid_jobs()
    assert stage.apply(retrain=("open-bot",)).state is RunState.STALLED
    assert stage.paid_jobs() == before + 1
    (version,) = stage.propose().snapshot.models[0].versions
    assert {run.phase for run in version.runs} == {TrainingPhase.FAILED}


def test_redeploy_tries_once_more_and_then_stalls(stage: Stage) -> None:
    stage.fault("fail", "sagemaker:CreateEndpoint", message="The container did not pass its health check")
    assert stage.apply().state is RunState.STALLED
    run = stage.apply(redeploy=("open-bot",))
    assert run.state is RunState.STALLED
    assert [str(each.change.action) for each in run.performed] == ["undeploy", "deploy"]
