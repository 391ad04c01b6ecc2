"""Provisioned throughput and a deployment on demand may have one name while one replaces the other."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.engine.reconverge import RunState
from tests.stage import BEDROCK, Stage

ON_DEMAND, PROVISIONED = "onDemand: true", "throughput: {modelUnits: 1, commitment: none}"


@pytest.mark.parametrize(("kept", "extra"), [(ON_DEMAND, PROVISIONED), (PROVISIONED, ON_DEMAND)])
def test_the_unwanted_kind_goes_and_the_wanted_one_serves_on(tmp_path: Path, kept: str, extra: str) -> None:
    stage = Stage(tmp_path)
    stage.write("nova-bot.yaml", BEDROCK.replace(ON_DEMAND, kept))
    stage.apply()
    before = stage.contents()
    _add(stage, extra)
    (change,) = stage.plan().pending
    assert (change.action, change.target) == ("undeploy", "nova-bot")
    assert stage.apply().state is RunState.CONVERGED
    assert stage.contents() == before


def test_both_go_with_the_manifest(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("nova-bot.yaml", BEDROCK)
    stage.apply()
    _add(stage, PROVISIONED)
    stage.remove("nova-bot.yaml")
    assert stage.apply().state is RunState.CONVERGED
    there = stage.contents()
    assert (there["provisioned throughputs"], there["custom model deployments"]) == ({}, {})
    assert there["custom models"] == []


def _add(stage: Stage, kind: str) -> None:
    """A second kind of deployment beside the first, with the same tags: as an apply leaves it that was cut off."""
    bedrock = stage.client("bedrock")
    (model,) = bedrock.list_custom_models()["modelSummaries"]
    tags = bedrock.list_tags_for_resource(resourceARN=model["modelArn"])["tags"]
    if kind == ON_DEMAND:
        bedrock.create_custom_model_deployment(modelDeploymentName="nova-bot", modelArn=model["modelArn"], tags=tags)
    else:
        bedrock.create_provisioned_model_throughput(
            provisionedModelName="nova-bot", modelId=model["modelArn"], modelUnits=1, tags=tags
        )
    stage.cloud.advance(7200)
