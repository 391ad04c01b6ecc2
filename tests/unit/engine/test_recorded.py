"""What is written beside a version tells drift from what was never asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.plan import Action, Change
from reconciler.engine.reconverge import RunState
from tests.stage import BEDROCK, SAGEMAKER, Stage


@pytest.fixture(params=[SAGEMAKER, BEDROCK], ids=["sagemaker", "bedrock"])
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", request.param)
    return stage


def once_quiet(stage: Stage) -> Change:
    """The one change of a plan in which nothing is on its way."""
    for _ in range(200):
        (change,) = stage.plan().changes
        if change.action is not Action.WAIT:
            return change
        stage.cloud.advance(600)
    raise AssertionError("still waiting")


def test_a_first_deployment_is_no_drift_and_a_lost_one_is(stage: Stage) -> None:
    stage.apply(wait=False)
    first = once_quiet(stage)
    assert (first.action, first.drift) == (Action.DEPLOY, False)
    stage.apply()
    _delete_what_serves(stage)
    lost = once_quiet(stage)
    assert (lost.action, lost.drift) == (Action.DEPLOY, True)


def test_what_the_manifest_undeployed_and_deploys_again_is_no_drift(stage: Stage) -> None:
    stage.apply()
    stage.edit("bot.yaml", "state: deployed", "state: undeployed")
    stage.apply()
    stage.edit("bot.yaml", "state: undeployed", "state: deployed")
    again = once_quiet(stage)
    assert (again.action, again.drift) == (Action.DEPLOY, False)


def test_an_older_version_that_once_served_is_not_missed(stage: Stage) -> None:
    stage.apply()
    stage.edit("bot.yaml", "epochs: 2", "epochs: 3")
    stage.apply()
    stage.edit("bot.yaml", "state: deployed", "state: undeployed")
    stage.apply()
    stage.edit("bot.yaml", "state: undeployed", "state: deployed")
    stage.edit("bot.yaml", "epochs: 3", "epochs: 2")
    again = once_quiet(stage)
    assert (again.action, again.drift) == (Action.DEPLOY, False)


def test_a_deployment_that_was_refused_is_not_missed(stage: Stage) -> None:
    calls = "sagemaker:CreateEndpoint|bedrock:CreateCustomModelDeployment"
    stage.fault("error", calls, code="ServiceQuotaExceededException", message="too many")
    assert stage.apply().state is RunState.FAILED
    refused = once_quiet(stage)
    assert (refused.action, refused.drift) == (Action.DEPLOY, False)
    assert stage.plan(refresh_only=True).changes == ()


def test_a_roll_that_was_refused_is_no_change_by_somebody(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("bot.yaml", SAGEMAKER)
    stage.apply()
    stage.edit("bot.yaml", "instanceType: ml.g5.xlarge", "instanceType: ml.g5.12xlarge")
    stage.fault("error", "sagemaker:UpdateEndpoint", code="ResourceLimitExceeded", message="too many")
    assert stage.apply().state is RunState.FAILED
    refused = once_quiet(stage)
    assert (refused.action, refused.drift) == (Action.ROLL, False)


def _delete_what_serves(stage: Stage) -> None:
    for endpoint in stage.client("sagemaker").list_endpoints()["Endpoints"]:
        stage.client("sagemaker").delete_endpoint(EndpointName=endpoint["EndpointName"])
    bedrock = stage.client("bedrock")
    for deployment in bedrock.list_custom_model_deployments().get("modelDeploymentSummaries", []):
        arn = deployment["customModelDeploymentArn"]
        bedrock.delete_custom_model_deployment(customModelDeploymentIdentifier=arn)


def test_a_change_that_was_taken_back_while_it_trained_is_trained(stage: Stage) -> None:
    """Nobody but us stopped the first training: that is no drift, and takes no person."""
    stage.apply(wait=False)
    stage.edit("bot.yaml", "epochs: 2", "epochs: 3")
    stage.apply(wait=False)
    stage.edit("bot.yaml", "epochs: 3", "epochs: 2")
    assert not any(change.drift or change.stalled for change in stage.plan().changes)
    assert stage.apply().state is RunState.CONVERGED
    assert [change.action for change in stage.plan().changes if change.is_pending] in ([], [Action.DELETE])


def test_a_training_that_is_refused_once_is_no_drift_the_next_time(stage: Stage) -> None:
    stage.apply(wait=False)
    stage.edit("bot.yaml", "spec:", "spec:\n  training: {state: stopped}")
    stage.apply()
    stage.edit("bot.yaml", "state: stopped", "state: run")
    calls = "sagemaker:CreateTrainingJob|bedrock:CreateModelCustomizationJob"
    stage.fault("error", calls, code="ServiceQuotaExceededException", message="too many")
    assert stage.apply().state is RunState.FAILED
    again = once_quiet(stage)
    assert (again.action, again.drift) == (Action.TRAIN, False)


def test_a_training_that_the_manifest_stopped_and_runs_again_is_trained(stage: Stage) -> None:
    stage.apply(wait=False)
    stage.edit("bot.yaml", "spec:", "spec:\n  training: {state: stopped}")
    stage.apply()
    stage.edit("bot.yaml", "state: stopped", "state: run")
    again = once_quiet(stage)
    assert (again.action, again.attempt, again.drift) == (Action.TRAIN, 2, False)
