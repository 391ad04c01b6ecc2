"""Every kind of call is spoiled once, in every way that the cloud has; the run must still end in the very same world."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.reconverge import RunState
from tests.stage import BEDROCK, SAGEMAKER, Stage

CHANGING = [
    "sagemaker:CreateTrainingJob",
    "sagemaker:CreateModel",
    "sagemaker:CreateEndpointConfig",
    "sagemaker:CreateEndpoint",
    "sagemaker:UpdateEndpoint",
    "bedrock:CreateModelCustomizationJob",
    "bedrock:CreateCustomModelDeployment",
    "bedrock:UpdateCustomModelDeployment",
    "s3:PutObject",
]
SPOILS = {
    "lost response": {"kind": "lost-response"},
    "error after effect": {"kind": "error-after-effect", "code": "InternalFailure"},
    "throttled": {"kind": "error", "code": "ThrottlingException"},
}


def story(stage: Stage) -> None:
    """Two models deployed, then both trained again and rolled."""
    stage.write("open-bot.yaml", SAGEMAKER)
    stage.write("nova-bot.yaml", BEDROCK)
    assert stage.apply().state is RunState.CONVERGED
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    stage.edit("nova-bot.yaml", "epochs: 2", "epochs: 3")
    assert stage.apply().state is RunState.CONVERGED


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Stage:
    stage = Stage(tmp_path_factory.mktemp("undisturbed"))
    story(stage)
    return stage


@pytest.mark.parametrize("operation", CHANGING)
@pytest.mark.parametrize("spoil", SPOILS)
def test_a_call_spoiled_once_changes_nothing_in_the_end(
    spoil: str, operation: str, undisturbed: Stage, tmp_path: Path
) -> None:
    stage = Stage(tmp_path, attempts=2)
    stage.fault(operation=operation, times=1, **SPOILS[spoil])
    story(stage)
    assert stage.contents() == undisturbed.contents()
    assert stage.paid_jobs() == undisturbed.paid_jobs()
    assert stage.lock_is_free()


def test_looking_that_fails_is_never_taken_for_absence(tmp_path: Path, undisturbed: Stage) -> None:
    stage = Stage(tmp_path, attempts=1)
    story(stage)
    before = stage.cloud.world.requests.total
    for operation in ("sagemaker:Search", "sagemaker:Describe.*", "bedrock:List.*", "bedrock:Get.*"):
        stage.cloud.world.faults.clear()
        stage.fault("error", operation, code="AccessDeniedException", message="not allowed")
        with pytest.raises(Exception, match=r"not allowed|AccessDenied"):
            stage.apply()
    stage.cloud.world.faults.clear()
    assert stage.changes_since(before) == []
    assert stage.apply().state is RunState.CONVERGED
    assert stage.changes_since(before) == []
