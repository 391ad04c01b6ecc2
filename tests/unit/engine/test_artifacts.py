"""Trained models in the bucket: missed when somebody deletes them, discarded only when nothing serves them."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.plan import Action
from reconciler.engine.reconverge import RunState
from tests.stage import SAGEMAKER, Stage

BUCKET = "stage-artifacts"
UNDEPLOYED = SAGEMAKER.replace("state: deployed", "state: undeployed")


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", UNDEPLOYED)
    assert stage.apply().state is RunState.CONVERGED
    return stage


def trained_models(stage: Stage, below: str = "stage/models/") -> list[str]:
    listed = stage.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=below).get("Contents", [])
    return [found["Key"] for found in listed if found["Key"].endswith("model.tar.gz")]


def test_an_artifact_that_somebody_deleted_is_drift_and_is_trained_again(stage: Stage) -> None:
    (key,) = trained_models(stage)
    stage.client("s3").delete_object(Bucket=BUCKET, Key=key)
    stage.cloud.advance(600)
    (change,) = stage.plan(refresh_only=True).changes
    assert (change.action, change.drift, change.attempt) == (Action.TRAIN, True, 2)
    assert stage.apply().state is RunState.CONVERGED
    assert [key.count("-r2/") for key in trained_models(stage)] == [1]
    assert stage.plan().pending == ()


def test_sizes_and_presence_follow_a_renamed_model(stage: Stage) -> None:
    stage.edit("open-bot.yaml", "name: open-bot", "name: help-bot, renamedFrom: open-bot")
    assert stage.apply().state is RunState.CONVERGED
    assert stage.paid_jobs() == 1
    (model,) = stage.propose().snapshot.models
    artifact = model.versions[0].artifact
    assert artifact is not None
    assert artifact.size_bytes
    stage.remove("open-bot.yaml")
    assert stage.apply().state is RunState.CONVERGED
    assert trained_models(stage) == []
    assert len(trained_models(stage, "stage/trash/")) == 1


def test_what_a_strangers_endpoint_serves_stays_where_it_is(stage: Stage) -> None:
    stage.write("open-bot.yaml", SAGEMAKER)
    stage.apply()
    stage.write("open-bot.yaml", UNDEPLOYED)
    stage.apply()
    sagemaker = stage.client("sagemaker")
    (config,) = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    sagemaker.create_endpoint(EndpointName="open-bot", EndpointConfigName=config["EndpointConfigName"])
    stage.cloud.advance(3600)
    there, models = stage.contents(), trained_models(stage)
    stage.remove("open-bot.yaml")
    run = stage.apply()
    assert run.state is RunState.FAILED
    assert "not deleted" in run.failures[0].outcome.message
    assert (stage.contents(), trained_models(stage)) == (there, models)
