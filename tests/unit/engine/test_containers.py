"""Images, the program and base weights, through manifests, plan and apply."""

from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.domain.errors import InvalidInput
from reconciler.domain.plan import Action
from reconciler.engine.reconverge import RunState
from tests.stage import SAGEMAKER, Stage

OWN = "111122223333.dkr.ecr.us-east-1.amazonaws.com/vllm-of-ours:7"


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    stage = Stage(tmp_path)
    stage.write("open-bot.yaml", SAGEMAKER)
    return stage


def the_job(stage: Stage) -> dict[str, object]:
    sagemaker = stage.client("sagemaker")
    names = [job["TrainingJobName"] for job in sagemaker.list_training_jobs(MaxResults=100)["TrainingJobSummaries"]]
    job: dict[str, object] = sagemaker.describe_training_job(TrainingJobName=names[0])
    return job


def upload(stage: Stage, prefix: str, content: bytes) -> None:
    s3 = stage.client("s3")
    s3.create_bucket(Bucket="acme-models")
    s3.put_object(Bucket="acme-models", Key=f"{prefix}config.json", Body=b"{}")
    s3.put_object(Bucket="acme-models", Key=f"{prefix}model.safetensors", Body=content)


def test_the_program_lies_in_the_bucket_where_the_job_says(stage: Stage) -> None:
    assert stage.apply().state is RunState.CONVERGED
    told = the_job(stage)["HyperParameters"]
    assert isinstance(told, dict)
    bucket, _, key = told["sagemaker_submit_directory"].removeprefix("s3://").partition("/")
    assert stage.client("s3").head_object(Bucket=bucket, Key=key)["ContentLength"] > 1000
    assert told["sagemaker_program"] == "train.py"


def test_another_program_trains_nothing_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    assert stage.apply().state is RunState.CONVERGED
    monkeypatch.setattr("reconciler.stores.program.archive", lambda: b"another version of the program")
    assert not stage.plan().pending
    stage.edit("open-bot.yaml", "epochs: 2", "epochs: 3")
    assert stage.apply().state is RunState.CONVERGED
    assert stage.paid_jobs() == 2


def test_another_serving_image_is_a_roll_and_no_training(stage: Stage) -> None:
    assert stage.apply().state is RunState.CONVERGED
    stage.edit("open-bot.yaml", "instanceType: ml.g5.xlarge}", f"instanceType: ml.g5.xlarge, image: '{OWN}'}}")
    [change] = stage.plan().pending
    assert (change.action, [field.path for field in change.fields]) == (Action.ROLL, ["spec.deployment.image"])
    assert stage.apply().state is RunState.CONVERGED
    assert (not stage.plan().pending, stage.paid_jobs()) == (True, 1)
    stage.edit("open-bot.yaml", f", image: '{OWN}'", "")
    assert not stage.plan().pending, "what serves is kept until there is another reason to roll"


def test_another_training_image_changes_nothing(stage: Stage) -> None:
    assert stage.apply().state is RunState.CONVERGED
    stage.edit("open-bot.yaml", "instanceType: ml.g5.2xlarge}", f"instanceType: ml.g5.2xlarge, image: '{OWN}'}}")
    assert not stage.plan().pending


def test_weights_of_the_users_own_are_a_channel_and_count_by_their_content(stage: Stage) -> None:
    upload(stage, "qwen/", b"weights")
    stage.edit(
        "open-bot.yaml", "baseModel: qwen3-1.7b", "baseModel: {key: qwen3-1.7b, weights: 's3://acme-models/qwen'}"
    )
    assert stage.apply().state is RunState.CONVERGED
    channels = the_job(stage)["InputDataConfig"]
    assert isinstance(channels, list)
    uris = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
    assert uris["model"] == "s3://acme-models/qwen/"

    upload(stage, "moved/qwen/", b"weights")
    stage.edit("open-bot.yaml", "s3://acme-models/qwen'", "s3://acme-models/moved/qwen'")
    assert not stage.plan().pending, "the same weights in another place"

    upload(stage, "moved/qwen/", b"other weights")
    [change] = stage.plan().pending
    assert change.action is Action.TRAIN
    assert "spec.baseModel.digest" in [field.path for field in change.fields]


@pytest.mark.parametrize("wrong", ["acme-models/qwem", "nobodys-models/qwen"])
def test_weights_that_are_not_there_stop_the_plan(stage: Stage, wrong: str) -> None:
    upload(stage, "qwen/", b"weights")
    stage.edit("open-bot.yaml", "baseModel: qwen3-1.7b", f"baseModel: {{key: qwen3-1.7b, weights: 's3://{wrong}'}}")
    with pytest.raises(InvalidInput) as refused:
        stage.plan()
    assert [problem.code for problem in refused.value.diagnostics] == ["weights-not-found"]
