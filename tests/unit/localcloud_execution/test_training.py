"""Training jobs that run: statuses, logs, metrics, artifacts, stops, failures."""

from __future__ import annotations

import io
import json
import os
import tarfile
from typing import Any

import pytest

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.execution.settings import ExecutionSettings
from reconciler.localcloud.faults import Fault
from tests.unit.localcloud.story import BUCKET, DATA, channel
from tests.unit.localcloud_execution.programs import (
    CRASHES,
    EXPLAINS_ITS_FAILURE,
    REFUSES,
    REMOVES_ITS_CHECKPOINT,
    TRAINS,
    UNTIL_STOPPED,
)
from tests.unit.localcloud_execution.story import ended, job, keys, lines, order, until

METRICS = [{"Name": "loss", "Regex": r"'loss': ([0-9.]+)"}, {"Name": "eval_loss", "Regex": r"'eval_loss': ([0-9.]+)"}]
CHECKPOINTS = {"S3Uri": f"s3://{BUCKET}/checkpoints/job"}


def _files(aws: Any, key: str) -> dict[str, bytes]:
    body = aws.client("s3").get_object(Bucket=BUCKET, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as tar:
        return {name: found.read() for name in tar.getnames() if (found := tar.extractfile(name))}


def test_a_job_runs_its_program_and_leaves_its_model(aws: Any, settings: ExecutionSettings) -> None:
    algorithm = {"TrainingImage": "image", "TrainingInputMode": "File", "MetricDefinitions": METRICS}
    order(aws, TRAINS, AlgorithmSpecification=algorithm)
    found = ended(aws)
    assert (found["TrainingJobStatus"], found.get("FailureReason")) == ("Completed", None)
    phases = [entry["Status"] for entry in found["SecondaryStatusTransitions"]]
    assert phases == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/job/output/model.tar.gz"
    config = json.loads(_files(aws, "out/job/output/model.tar.gz")["config.json"])
    assert config == {"read": "x" * 1000, "argv": True}
    assert _files(aws, "out/job/output/output.tar.gz") == {"notes.txt": b"kept"}
    assert [(m["MetricName"], m["Value"]) for m in found["FinalMetricDataList"]] == [("loss", 1.0)]
    assert lines(aws)[1:] == [
        "{'loss': 3.00, 'epoch': 1.0}",
        "{'loss': 1.50, 'epoch': 2.0}",
        "{'loss': 1.00, 'epoch': 3.0}",
    ]
    until(lambda: not (settings.folder / "training" / "job").exists(), "the end of its folder")


def test_without_an_archive_the_files_lie_below_a_prefix(aws: Any) -> None:
    order(aws, TRAINS, OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/out", "CompressionType": "NONE"})
    found = ended(aws)
    assert found["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/job/output/model/"
    assert keys(aws, "out/job/output/model/") == ["out/job/output/model/config.json"]


def test_two_runs_of_one_program_leave_the_same_bytes(aws: Any) -> None:
    for name in ("job", "again"):
        order(aws, TRAINS, name)
        ended(aws, name)
    first, second = (
        aws.client("s3").get_object(Bucket=BUCKET, Key=f"out/{name}/output/model.tar.gz")["Body"].read()
        for name in ("job", "again")
    )
    assert first == second


def test_a_crash_fails_the_job_with_its_last_lines(aws: Any) -> None:
    order(aws, CRASHES)
    found = ended(aws)
    assert found["TrainingJobStatus"] == "Failed"
    assert found["FailureReason"].startswith('AlgorithmError: ExecuteUserScriptError:\nExitCode 1\nErrorMessage "')
    told = 'RuntimeError: CUDA out of memory"\nCommand "python train.py", exit code: 1'
    assert found["FailureReason"].endswith(told)
    assert keys(aws, "out/") == []
    assert "RuntimeError: CUDA out of memory" in lines(aws)


def test_what_the_program_says_of_its_failure_is_the_reason(aws: Any) -> None:
    order(aws, EXPLAINS_ITS_FAILURE)
    reason = ended(aws)["FailureReason"]
    assert reason.startswith("AlgorithmError: the column `prompt` is missing xxx")
    assert reason.endswith(", exit code: 1")  # AWS's launcher ends so, whatever the program ended with
    assert len(reason) == 1024


def test_a_refusal_reads_as_on_aws(aws: Any) -> None:
    order(aws, REFUSES)
    assert ended(aws)["FailureReason"] == "AlgorithmError: BadInput: the model has no nope, exit code: 1"


def test_a_stop_leaves_a_checkpoint_and_a_model(aws: Any) -> None:
    order(aws, UNTIL_STOPPED, CheckpointConfig=CHECKPOINTS)
    until(lambda: "training, process" in " ".join(lines(aws)), "training")
    aws.client("sagemaker").stop_training_job(TrainingJobName="job")
    found = ended(aws)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Stopping" in [entry["Status"] for entry in found["SecondaryStatusTransitions"]]
    assert found["ModelArtifacts"]["S3ModelArtifacts"].endswith("/job/output/model.tar.gz")
    assert keys(aws, "checkpoints/job/") == [
        "checkpoints/job/checkpoint-1/stopped.txt",
        "checkpoints/job/checkpoint-1/weights.bin",
    ]
    assert lines(aws)[-1] == "saving"


def test_a_checkpoint_that_the_program_removes_is_deleted_from_s3(aws: Any) -> None:
    order(aws, REMOVES_ITS_CHECKPOINT, CheckpointConfig=CHECKPOINTS)
    until(lambda: keys(aws, "checkpoints/job/") == ["checkpoints/job/first"], "the first checkpoint")
    aws.client("sagemaker").stop_training_job(TrainingJobName="job")
    ended(aws)
    assert keys(aws, "checkpoints/job/") == ["checkpoints/job/second"]


def test_the_time_limit_stops_it(aws: Any) -> None:
    order(aws, UNTIL_STOPPED, StoppingCondition={"MaxRuntimeInSeconds": 1})
    found = ended(aws)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")


def test_spot_instances_are_taken_away_and_it_goes_on_from_its_checkpoint(cloud: LocalCloud, aws: Any) -> None:
    cloud.world.faults.append(Fault("interrupt", times=1))
    spot: dict[str, Any] = {
        "EnableManagedSpotTraining": True,
        "StoppingCondition": {"MaxRuntimeInSeconds": 3600, "MaxWaitTimeInSeconds": 3600},
        "CheckpointConfig": CHECKPOINTS,
        "Environment": {"FINISH_WHEN_RESUMED": "yes"},
    }
    order(aws, UNTIL_STOPPED, **spot)
    found = ended(aws)
    assert found["TrainingJobStatus"] == "Completed"
    phases = [entry["Status"] for entry in found["SecondaryStatusTransitions"]]
    assert phases == [
        *("Starting", "Downloading", "Training", "Interrupted"),
        *("Starting", "Downloading", "Training", "Uploading", "Completed"),
    ]
    assert lines(aws)[-1] == "resumed"


def test_one_trains_at_a_time_and_one_that_waits_can_be_stopped(aws: Any) -> None:
    for name in ("first", "second"):
        order(aws, UNTIL_STOPPED, name)
    until(lambda: job(aws, "first")["SecondaryStatus"] == "Training", "training")
    assert job(aws, "second")["SecondaryStatus"] == "Starting"
    aws.client("sagemaker").stop_training_job(TrainingJobName="second")
    assert ended(aws, "second")["SecondaryStatus"] == "Stopped"
    assert job(aws, "first")["TrainingJobStatus"] == "InProgress"


def test_a_program_that_is_not_there_fails_the_job(aws: Any) -> None:
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": f"s3://{BUCKET}/none.tar.gz"}
    order(aws, TRAINS, HyperParameters=given)
    assert "none.tar.gz" in ended(aws)["FailureReason"]


@pytest.mark.parametrize("without", ["model", "sagemaker_program"])
def test_what_this_machine_cannot_run_is_simulated(cloud: LocalCloud, aws: Any, without: str) -> None:
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": f"s3://{BUCKET}/code/job.tar.gz"}
    channels = [channel("training", DATA), channel("model", f"s3://{BUCKET}/base/")]
    order(
        aws,
        TRAINS,
        HyperParameters={name: value for name, value in given.items() if name != without},
        InputDataConfig=[each for each in channels if each["ChannelName"] != without],
    )
    cloud.advance(3600)
    assert job(aws)["TrainingJobStatus"] == "Completed"
    assert "(simulated)" in lines(aws)[-1]


def test_an_ordered_failure_needs_no_program(cloud: LocalCloud, aws: Any) -> None:
    cloud.world.faults.append(Fault("capacity", times=1))
    order(aws, TRAINS)
    cloud.advance(3600)
    assert job(aws)["FailureReason"].startswith("CapacityError")


def test_nothing_of_this_machines_secrets_reaches_the_program(aws: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_TOKEN", "hidden")
    order(aws, "import os\nprint(sorted(os.environ))")
    ended(aws)
    told = " ".join(lines(aws))
    assert "GITHUB_TOKEN" not in told
    assert "'SM_HP_EPOCHS'" in told
    assert "'OMP_NUM_THREADS'" in told


def test_when_the_cloud_closes_the_program_ends_and_goes_on_with_the_next(cloud: LocalCloud, aws: Any) -> None:
    order(aws, UNTIL_STOPPED, Environment={"FINISH_WHEN_RESUMED": "yes"})
    until(lambda: "training, process" in " ".join(lines(aws)), "training")
    pid = int(next(line for line in lines(aws) if "training, process" in line).rpartition(" ")[2])
    cloud.runtime.close()
    assert not _lives(pid)
    assert job(aws)["TrainingJobStatus"] == "InProgress"
    runtime: Any = cloud.runtime
    cloud.runtime = type(runtime)(runtime.settings)
    cloud.resume()
    assert ended(aws)["TrainingJobStatus"] == "Completed"
    assert lines(aws)[-1] == "resumed"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
