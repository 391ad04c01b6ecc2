"""When what serves was invoked last, as CloudWatch counts it; and what idleness makes of it."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.domain.observation import ModelObservation
from tests.stage import BEDROCK, SAGEMAKER, Stage

IDLE = SAGEMAKER.replace("deployment: {", "deployment: {idle: 2d, ")
BODY = b'{"messages": [{"role": "user", "content": "Hello?"}]}'


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", IDLE)
    stage.apply()
    return stage


def seen(stage: Stage, name: str = "open-bot") -> ModelObservation:
    return next(model for model in stage.propose().snapshot.models if model.name == name)


def actions(stage: Stage) -> list[str]:
    return [str(change.action) for change in stage.plan().pending]


def ask(stage: Stage) -> None:
    stage.client("sagemaker-runtime").invoke_endpoint(EndpointName="open-bot", Body=BODY)


def test_an_endpoint_that_nobody_called(stage: Stage) -> None:
    found = seen(stage)
    assert found.last_invoked_at is None
    assert found.counted_since is not None
    stage.cloud.advance(47 * 3600)
    assert actions(stage) == []
    stage.cloud.advance(2 * 3600)
    assert actions(stage) == ["undeploy"]


def test_an_endpoint_that_is_called_stays(stage: Stage) -> None:
    stage.cloud.advance(47 * 3600)
    ask(stage)
    stage.cloud.advance(2 * 3600)
    last = seen(stage).last_invoked_at
    assert last is not None
    assert timedelta(hours=1, minutes=50) < stage.now() - last <= timedelta(hours=2)
    assert actions(stage) == []
    stage.cloud.advance(47 * 3600)
    assert actions(stage) == ["undeploy"]


def test_an_invocation_between_plan_and_apply_spoils_no_approval(stage: Stage) -> None:
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    approved = stage.plan().digest
    ask(stage)
    stage.cloud.advance(60)
    assert seen(stage).last_invoked_at is not None
    assert stage.plan().digest == approved


def test_where_metrics_may_not_be_read_nothing_counts_as_idle(stage: Stage) -> None:
    stage.cloud.advance(30 * 86_400)
    stage.fault("error", "cloudwatch:GetMetricData", code="AccessDenied")
    assert seen(stage).counted_since is None
    assert actions(stage) == []


def test_live_traffic_guards_what_no_manifest_wants_any_more(stage: Stage) -> None:
    ask(stage)
    stage.cloud.advance(60)
    stage.remove("open-bot.yaml")
    assert "live-traffic" in {problem.code for problem in stage.plan().diagnostics}
    stage.cloud.advance(2 * 3600)
    assert "live-traffic" not in {problem.code for problem in stage.plan().diagnostics}


def test_on_bedrock_silence_tells_nothing(stage: Stage) -> None:
    stage.write("nova-bot.yaml", BEDROCK)
    stage.apply()
    assert seen(stage, "nova-bot").counted_since is None
    (found,) = stage.client("bedrock").list_custom_model_deployments()["modelDeploymentSummaries"]
    message = {"role": "user", "content": [{"text": "Hello?"}]}
    stage.client("bedrock-runtime").converse(modelId=found["customModelDeploymentArn"], messages=[message])
    stage.cloud.advance(600)
    assert seen(stage, "nova-bot").last_invoked_at is not None
