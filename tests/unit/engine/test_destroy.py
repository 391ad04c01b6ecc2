"""destroy: guarded, finished by the next run where a call failed, and never beyond what the project owns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reconciler.domain.catalog import ProviderName
from reconciler.domain.errors import InvalidInput
from reconciler.domain.survey import ResourceKind
from reconciler.engine.reconverge import RunState
from tests.stage import BEDROCK, SAGEMAKER, Stage
from tests.unit.engine import adoption
from tests.unit.engine.test_import import brought_in

NOTHING_SERVES: dict[str, Any] = {"endpoints": {}, "custom model deployments": {}, "provisioned throughputs": {}}


def test_everything_of_the_project_goes_and_nothing_else(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage)
    before = stage.contents()
    stage.write("open.yaml", SAGEMAKER)
    stage.write("nova.yaml", BEDROCK)
    stage.apply()
    assert stage.apply(destroy=True).state is RunState.CONVERGED
    after = stage.contents()
    del after["customization jobs"], before["customization jobs"]  # Bedrock keeps them for ever
    assert after == before
    assert stage.apply(destroy=True).performed == ()


def test_one_protected_model_keeps_everything(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    stage.write("open.yaml", SAGEMAKER + "  lifecycle: {preventDestroy: true}\n")
    stage.write("nova.yaml", BEDROCK)
    stage.apply()
    before = stage.contents()
    with pytest.raises(InvalidInput, match="protected model would be destroyed"):
        stage.apply(destroy=True)
    assert stage.contents() == before
    assert stage.lock_is_free()


def test_what_failed_is_told_and_the_next_run_finishes_it(tmp_path: Path) -> None:
    stage = Stage(tmp_path, attempts=1)
    stage.write("open.yaml", SAGEMAKER)
    stage.write("nova.yaml", BEDROCK)
    stage.apply()
    stage.fault("error", "sagemaker:DeleteEndpoint", code="AccessDeniedException")
    run = stage.apply(destroy=True)
    assert run.state is RunState.FAILED
    assert [failed.change.target for failed in run.failures] == ["open-bot"]
    assert [*stage.contents()["endpoints"]] == ["open-bot"]
    assert stage.contents()["training jobs"]
    assert in_trash(stage) == []
    stage.cloud.world.faults.clear()
    assert stage.apply(destroy=True).state is RunState.CONVERGED
    assert any(key.endswith("model.tar.gz") for key in in_trash(stage))
    after = stage.contents()
    assert {key: after[key] for key in NOTHING_SERVES} == NOTHING_SERVES
    assert (after["training jobs"], after["models"], after["custom models"]) == ({}, [], [])


def test_of_what_was_imported_only_what_serves_goes(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    adoption.their_endpoint(stage)
    brought_in(stage, ResourceKind.ENDPOINT, "prod-llm")
    with pytest.raises(InvalidInput):
        stage.apply(destroy=True)
    assert stage.apply(destroy=True, allow=("prevent-destroy",)).state is RunState.CONVERGED
    there = stage.contents()
    assert (there["endpoints"], [*there["training jobs"]], there["models"]) == ({}, ["my-old-job"], ["their-model"])
    (job,) = (one for one in stage.outside().surveyors[ProviderName.SAGEMAKER].survey() if one.name == "my-old-job")
    assert job.owner is None


def in_trash(stage: Stage) -> list[str]:
    """Of the model on SageMaker. What serves must keep its artifact."""
    listed = stage.client("s3").list_objects_v2(Bucket="stage-artifacts", Prefix="stage/trash/")
    return [entry["Key"] for entry in listed.get("Contents", ()) if "/open-bot/" in entry["Key"]]
