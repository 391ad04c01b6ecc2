"""Models built on a folder of weights of one's own, through manifests, plan and apply."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

import pytest

from reconciler.domain.errors import InvalidInput
from reconciler.domain.plan import Change, Verdict
from reconciler.engine.reconverge import RunState
from tests.folders import LLAMA, write_folder
from tests.stage import Stage

OWN = """
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: own-bot}
spec:
  baseModel: {path: base}
  dataset: {training: data.csv}
  resources: {instanceType: ml.g5.2xlarge}
  hyperparameters: {epochs: 2, optional: {use_lora: true}}
"""
CHILD = """
apiVersion: reconciler/v1
kind: FineTunedModel
metadata: {name: child-bot}
spec:
  baseModel: {fineTunedModel: own-bot}
  dataset: {training: data.csv}
  resources: {instanceType: ml.g5.2xlarge}
  hyperparameters: {epochs: 1}
"""


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("own-bot.yaml", OWN)
    write_folder(tmp_path / "base")
    return stage


def the_training(stage: Stage, name: str = "own-bot") -> Change:
    [change] = [change for change in stage.plan().pending if change.address == f"FineTunedModel/{name}"]
    return change


def test_memory_time_and_cost_are_told_as_of_a_model_of_the_catalog(stage: Stage) -> None:
    change = the_training(stage)
    assert change.fit is not None
    assert change.fit.verdict is Verdict.FITS
    assert change.cost is not None
    assert change.cost.one_off.is_complete
    assert change.cost.one_off.likely


def test_the_cheapest_type_that_fits_can_be_picked(stage: Stage) -> None:
    stage.edit("own-bot.yaml", "instanceType: ml.g5.2xlarge", "instanceType: auto")
    assert the_training(stage).instance_type != "auto"


def test_weights_in_full_precision_take_more_memory(stage: Stage) -> None:
    wide = LLAMA | {"hidden_size": 4096, "intermediate_size": 4096, "num_attention_heads": 32}
    write_folder(stage.root / "base", wide)
    half = the_training(stage).fit
    write_folder(stage.root / "base", wide | {"torch_dtype": "float32"}, dtype="F32")
    full = the_training(stage).fit
    assert half is not None
    assert full is not None
    assert (full.needed_gib or 0) > (half.needed_gib or 0)


def test_what_is_not_known_of_it_is_told_and_stops_nothing(stage: Stage) -> None:
    write_folder(stage.root / "base", LLAMA | {"model_type": "gemma2"})
    change = the_training(stage)
    assert change.fit is not None
    assert change.fit.verdict is Verdict.UNKNOWN
    [told] = change.fit.assumptions
    assert told.startswith("memory: config.json: `model_type: gemma2` is none of those that are estimated")
    assert told.endswith("(base)")
    assert stage.apply().state is RunState.CONVERGED


def test_then_no_type_can_be_picked(stage: Stage) -> None:
    write_folder(stage.root / "base", LLAMA | {"model_type": "gemma2"})
    stage.edit("own-bot.yaml", "instanceType: ml.g5.2xlarge", "instanceType: auto")
    with pytest.raises(InvalidInput) as caught:
        stage.plan()
    [problem] = [found for found in caught.value.diagnostics if found.is_error]
    assert problem.code == "no-instance-fits"
    assert "`model_type: gemma2` is none of those" in problem.detail


def test_what_is_built_on_it_is_estimated_too(stage: Stage) -> None:
    stage.write("child-bot.yaml", CHILD)
    proposal = stage.propose()
    [own, child] = proposal.desired
    assert own.root_weights == child.root_weights
    assert child.data.weights is None
    fit = the_training(stage, "child-bot").fit
    assert fit is not None
    assert fit.verdict is Verdict.FITS


def test_records_longer_than_it_attends_to_are_noticed(stage: Stage) -> None:
    write_folder(stage.root / "base", LLAMA | {"max_position_embeddings": 4})
    [found] = [found for found in stage.plan().diagnostics if found.code == "record-may-be-over-context"]
    assert "base" in found.detail


def test_each_folder_has_a_history_of_its_own(stage: Stage) -> None:
    assert stage.apply().state is RunState.CONVERGED
    history = stage.outside().artifacts.history()
    [measured] = history.measurements
    [model] = stage.propose().desired
    assert model.data.weights is not None
    assert measured.base_model == f"local-folder@{model.data.weights.digest[7:15]}"
    assert measured.predicted.hours is not None


def test_a_broken_configuration_is_told_where_the_manifest_names_the_folder(stage: Stage) -> None:
    (stage.root / "base/config.json").write_text(json.dumps(LLAMA)[:-4])
    with pytest.raises(InvalidInput) as caught:
        stage.plan()
    [problem] = caught.value.diagnostics
    assert problem.where is not None
    assert (problem.code, problem.where.line) == ("unusable-weights", 6)
    assert "config.json:1:" in problem.detail


def copies(stage: Stage) -> set[str]:
    """Names below ``bases/`` in the bucket."""
    listed = stage.client("s3").list_objects_v2(Bucket="stage-artifacts", Prefix="stage/bases/").get("Contents", ())
    return {each["Key"].split("/")[2] for each in listed}


def train(stage: Stage, epochs: int) -> None:
    """Another version, and what an apply after it deletes."""
    stage.write("own-bot.yaml", OWN.replace("epochs: 2", f"epochs: {epochs}"))
    for _ in range(2):
        assert stage.apply().state is RunState.CONVERGED


def told_unused(stage: Stage) -> list[str]:
    return [found.summary for found in stage.plan().diagnostics if found.code == "unused-weights"]


def test_a_copy_goes_once_the_last_version_made_from_it_has_left_the_trash(stage: Stage) -> None:
    train(stage, 2)
    [first] = copies(stage)
    write_folder(stage.root / "base", LLAMA | {"num_hidden_layers": 3})
    train(stage, 2)
    train(stage, 3)
    [second] = copies(stage) - {first}
    assert [entry.version.fingerprint for entry in stage.outside().artifacts.discarded()]
    assert told_unused(stage) == []
    stage.cloud.advance(timedelta(days=31).total_seconds())
    train(stage, 4)
    assert copies(stage) == {first, second}, "it was in use when the run began"
    [told] = told_unused(stage)
    assert told.startswith(f"s3://stage-artifacts/stage/bases/{first}/")
    train(stage, 5)
    assert copies(stage) == {second}
    assert told_unused(stage) == []


def test_an_apply_that_does_not_end_well_deletes_no_copy(stage: Stage) -> None:
    stage.client("s3").create_bucket(Bucket="stage-artifacts")
    stage.client("s3").put_object(Bucket="stage-artifacts", Key=f"stage/bases/{'0' * 16}/config.json", Body=b"{}")
    stage.fault("error", "sagemaker:CreateTrainingJob", code="ValidationException")
    assert stage.apply().state is not RunState.CONVERGED
    assert "0" * 16 in copies(stage)
    assert len(told_unused(stage)) == 1
