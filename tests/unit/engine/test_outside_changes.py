"""What somebody did by hand is told as what it is, and mended."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.plan import Action
from reconciler.engine.reconverge import RunState
from tests.stage import SAGEMAKER, Stage


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", SAGEMAKER)
    assert stage.apply().state is RunState.CONVERGED
    return stage


def test_an_endpoint_that_somebody_updated_is_brought_back(stage: Stage) -> None:
    there = stage.contents()
    sagemaker = stage.client("sagemaker")
    (model,) = there["models"]
    variant = {
        "VariantName": "AllTraffic",
        "ModelName": model,
        "InstanceType": "ml.g5.12xlarge",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName="by-hand", ProductionVariants=[variant])
    sagemaker.update_endpoint(EndpointName="open-bot", EndpointConfigName="by-hand")
    stage.cloud.advance(3600)
    (change,) = stage.plan(refresh_only=True).changes
    assert (change.action, change.drift, change.stalled) == (Action.ROLL, True, False)
    assert "nobody asked for that" in change.reasons[0].message
    assert stage.apply().state is RunState.CONVERGED
    assert stage.contents()["endpoints"] == there["endpoints"]


def test_a_model_that_somebody_deleted_under_its_endpoint_is_made_again(stage: Stage) -> None:
    there = stage.contents()
    (model,) = there["models"]
    stage.client("sagemaker").delete_model(ModelName=model)
    (change,) = stage.plan(refresh_only=True).changes
    assert (change.action, change.drift) == (Action.ROLL, True)
    run = stage.apply()
    assert (run.state, len(run.performed)) == (RunState.CONVERGED, 1)
    assert stage.contents() == there


def test_an_endpoint_whose_tags_somebody_took_away_is_drift_and_left_alone(stage: Stage) -> None:
    sagemaker = stage.client("sagemaker")
    arn = sagemaker.describe_endpoint(EndpointName="open-bot")["EndpointArn"]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["reconciler:project"])
    plan = stage.plan(refresh_only=True)
    assert [(change.drift, change.stalled) for change in plan.changes] == [(True, True)]
    assert [found.code for found in plan.diagnostics if found.is_error] == ["foreign-resource"]


COUNTED = SAGEMAKER.replace("deployment: {", "deployment: {instanceCount: 1, ")


@pytest.fixture
def counted(tmp_path: Path) -> Stage:
    """The manifest names how many instances there are."""
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", COUNTED)
    assert stage.apply().state is RunState.CONVERGED
    return stage


def instances(stage: Stage) -> int:
    (variant,) = stage.client("sagemaker").describe_endpoint(EndpointName="open-bot")["ProductionVariants"]
    return int(variant["CurrentInstanceCount"])


def test_instances_that_somebody_added_are_drift_and_taken_away(counted: Stage) -> None:
    counted.scale("open-bot", 2)
    (change,) = counted.plan(refresh_only=True).changes
    assert (change.action, change.drift) == (Action.ROLL, True)
    assert [(field.path, field.before, field.after) for field in change.fields] == [
        ("spec.deployment.instanceCount", 2, 1)
    ]
    assert counted.apply().state is RunState.CONVERGED
    assert instances(counted) == 1
    assert not counted.plan().pending


def test_instances_that_autoscaling_added_are_left_alone(counted: Stage) -> None:
    counted.client("application-autoscaling").register_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId="endpoint/open-bot/variant/AllTraffic",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
        MinCapacity=1,
        MaxCapacity=4,
    )
    counted.scale("open-bot", 2)
    assert not counted.plan().pending


def test_instances_that_no_manifest_counts_are_left_alone(stage: Stage) -> None:
    stage.scale("open-bot", 2)
    assert not stage.plan().pending


def test_instances_are_left_alone_where_nobody_may_tell_whether_they_are_autoscaled(counted: Stage) -> None:
    counted.scale("open-bot", 2)
    counted.fault("error", "application-autoscaling:.*", code="AccessDeniedException")
    assert not counted.plan().pending
