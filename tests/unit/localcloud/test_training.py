from __future__ import annotations

import io
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.timeline import epochs, training_seconds
from tests.unit.localcloud.story import BUCKET, DATA, channel, error_of, job_request, put_data

HOUR = 3600


@pytest.fixture
def sagemaker(aws: Any) -> Any:
    put_data(aws)
    return aws.client("sagemaker")


def _describe(sagemaker: Any, name: str = "job") -> dict[str, Any]:
    return dict(sagemaker.describe_training_job(TrainingJobName=name))


def test_a_job_goes_through_its_phases_and_leaves_a_model(cloud: LocalCloud, aws: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("job"))
    seen = []
    for _ in range(100):
        job = _describe(sagemaker)
        seen += [job["SecondaryStatus"]] if job["SecondaryStatus"] not in seen else []
        cloud.advance(30)
    assert seen == ["Starting", "Downloading", "Training", "Uploading", "Completed"]
    assert [entry["Status"] for entry in job["SecondaryStatusTransitions"]] == seen
    assert job["TrainingJobStatus"] == "Completed"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{BUCKET}/out/job/output/model.tar.gz"
    assert job["TrainingTimeInSeconds"] == (job["TrainingEndTime"] - job["TrainingStartTime"]).total_seconds()
    assert job["BillableTimeInSeconds"] == job["TrainingTimeInSeconds"]
    assert [metric["MetricName"] for metric in job["FinalMetricDataList"]] == ["train:loss"]
    body = aws.client("s3").get_object(Bucket=BUCKET, Key="out/job/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(body)) as archive:
        readme = archive.extractfile("README.md")
        assert readme is not None
        assert b"simulated" in readme.read()


def test_the_artifact_appears_though_nobody_looks_at_the_job(cloud: LocalCloud, aws: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("job"))
    cloud.world.clock.advance(HOUR)
    listed = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="out/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["out/job/output/model.tar.gz"]


def test_describe_gives_back_what_was_sent(sagemaker: Any) -> None:
    request = job_request("job", Environment={"A": "b"}, EnableManagedSpotTraining=False)
    sagemaker.create_training_job(**request)
    job = _describe(sagemaker)
    assert {key: job[key] for key in request if key != "Tags"} == {k: v for k, v in request.items() if k != "Tags"}


def test_a_name_is_unique_until_the_job_is_deleted(cloud: LocalCloud, sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("job"))
    with pytest.raises(ClientError) as raised:
        sagemaker.create_training_job(**job_request("job"))
    code, message = error_of(raised)
    assert code == "ResourceInUse"
    assert message.startswith("Training job names must be unique within an AWS account and region")
    with pytest.raises(ClientError) as raised:
        sagemaker.delete_training_job(TrainingJobName="job")
    assert error_of(raised)[0] == "ResourceInUse"
    cloud.advance(HOUR)
    sagemaker.delete_training_job(TrainingJobName="job")
    sagemaker.create_training_job(**job_request("job"))
    assert _describe(sagemaker)["TrainingJobStatus"] == "InProgress"


def test_a_missing_job_is_a_validation_exception(sagemaker: Any) -> None:
    for call in (sagemaker.describe_training_job, sagemaker.stop_training_job, sagemaker.delete_training_job):
        with pytest.raises(ClientError) as raised:
            call(TrainingJobName="none")
        assert error_of(raised) == ("ValidationException", "Requested resource not found.")


def test_stopping_takes_a_while_and_leaves_nothing(cloud: LocalCloud, aws: Any, sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("job"))
    cloud.advance(240)
    sagemaker.stop_training_job(TrainingJobName="job")
    sagemaker.stop_training_job(TrainingJobName="job")
    assert _describe(sagemaker)["TrainingJobStatus"] == "Stopping"
    cloud.advance(HOUR)
    job = _describe(sagemaker)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix="out/")
    with pytest.raises(ClientError) as raised:
        sagemaker.stop_training_job(TrainingJobName="job")
    text = "The request was rejected because the training job is in status Stopped."
    assert error_of(raised) == ("ValidationException", text)


def test_a_job_that_takes_too_long_is_stopped(cloud: LocalCloud, sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("job", StoppingCondition={"MaxRuntimeInSeconds": 200}))
    cloud.advance(HOUR)
    job = _describe(sagemaker)
    assert (job["TrainingJobStatus"], job["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    assert job["TrainingTimeInSeconds"] == 200


def test_missing_input_fails_the_job_while_it_downloads(cloud: LocalCloud, sagemaker: Any) -> None:
    inputs = [channel("training", DATA), channel("validation", f"s3://{BUCKET}/nothing/")]
    sagemaker.create_training_job(**job_request("job", InputDataConfig=inputs))
    cloud.advance(HOUR)
    job = _describe(sagemaker)
    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("ClientError: Data download failed:")
    assert "nothing/" in job["FailureReason"]
    assert job["SecondaryStatusTransitions"][-2]["Status"] == "Downloading"


def test_an_address_outside_s3_finds_nothing(cloud: LocalCloud, sagemaker: Any) -> None:
    inputs = [channel("training", "https://example.com/data")]
    sagemaker.create_training_job(**job_request("job", InputDataConfig=inputs))
    cloud.advance(HOUR)
    assert _describe(sagemaker)["FailureReason"].startswith("ClientError: Data download failed:")


def test_a_bucket_that_is_not_there_fails_the_upload(cloud: LocalCloud, sagemaker: Any) -> None:
    sagemaker.create_training_job(**job_request("job", OutputDataConfig={"S3OutputPath": "s3://nowhere/out"}))
    cloud.advance(HOUR)
    assert "nowhere" in _describe(sagemaker)["FailureReason"]


def test_the_log_tells_of_each_epoch_and_of_the_failure(cloud: LocalCloud, aws: Any, sagemaker: Any) -> None:
    cloud.world.faults.append(Fault("fail", name="broken", message="AlgorithmError: CUDA out of memory", at=0.7))
    for name in ("job", "broken"):
        sagemaker.create_training_job(**job_request(name))
    cloud.advance(HOUR)
    assert _log(aws, "job")[-1] == "epoch 3/3 train_loss=0.95 (simulated)"
    assert len(_log(aws, "job")) == 4
    assert _log(aws, "broken")[-1] == "AlgorithmError: CUDA out of memory"


def _log(aws: Any, job: str) -> list[str]:
    logs, group = aws.client("logs"), "/aws/sagemaker/TrainingJobs"
    (stream,) = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=f"{job}/")["logStreams"]
    found = logs.get_log_events(logGroupName=group, logStreamName=stream["logStreamName"], startFromHead=True)
    return [event["message"] for event in found["events"]]


def test_ordered_capacity_failure(cloud: LocalCloud, sagemaker: Any) -> None:
    cloud.world.faults.append(Fault("capacity", name="job", times=1))
    sagemaker.create_training_job(**job_request("job"))
    cloud.advance(HOUR)
    job = _describe(sagemaker)
    assert job["FailureReason"].startswith("CapacityError: Unable to provision requested ML compute capacity")
    assert "BillableTimeInSeconds" not in job


def test_ordered_failure_with_a_reason(cloud: LocalCloud, sagemaker: Any) -> None:
    cloud.world.faults.append(Fault("fail", name="job", message="AlgorithmError: CUDA out of memory", times=1))
    sagemaker.create_training_job(**job_request("job"))
    sagemaker.create_training_job(**job_request("other"))
    cloud.advance(HOUR)
    assert _describe(sagemaker)["FailureReason"] == "AlgorithmError: CUDA out of memory"
    assert _describe(sagemaker, "other")["TrainingJobStatus"] == "Completed"


def test_spot_instances_are_taken_away_and_the_job_begins_anew(cloud: LocalCloud, sagemaker: Any) -> None:
    cloud.world.faults.append(Fault("interrupt", times=1))
    stopping = {"MaxRuntimeInSeconds": HOUR, "MaxWaitTimeInSeconds": 2 * HOUR}
    request = job_request("job", EnableManagedSpotTraining=True, StoppingCondition=stopping)
    sagemaker.create_training_job(**request)
    cloud.advance(2 * HOUR)
    job = _describe(sagemaker)
    statuses = [entry["Status"] for entry in job["SecondaryStatusTransitions"]]
    phases = ["Starting", "Downloading", "Training"]
    assert statuses == [*phases, "Interrupted", *phases, "Uploading", "Completed"]
    assert job["BillableTimeInSeconds"] < job["TrainingTimeInSeconds"]


def test_rules_that_the_model_cannot_say(sagemaker: Any) -> None:
    with pytest.raises(ClientError) as raised:
        sagemaker.create_training_job(**job_request("job", EnableManagedSpotTraining=True, ResourceConfig=None))
    message = error_of(raised)[1]
    assert "MaxWaitTimeInSeconds" in message
    assert "ResourceConfig is required" in message


def test_training_time_grows_with_data_and_epochs(cloud: LocalCloud, aws: Any, sagemaker: Any) -> None:
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/more.jsonl", Body=b"x" * 4_000_000)
    for passes in ("1", "2"):
        sagemaker.create_training_job(**job_request(f"job-{passes}", HyperParameters={"epochs": passes}))
    jobs = [cloud.world.find("us-east-1", "sagemaker:training-job", f"job-{passes}") for passes in "12"]
    once, twice = (training_seconds(cloud, job) for job in jobs if job is not None)
    assert once == pytest.approx(4_001_000 / 8192)
    assert twice == 2 * once


@pytest.mark.parametrize(
    ("given", "number"),
    [({"epochs": "3"}, 3), ({"num_train_epochs": "0.5"}, 0.5), ({"epochs": '"2"'}, 2), ({}, 1), ({"epochs": "x"}, 1)],
)
def test_epochs_are_found_under_their_usual_names(given: dict[str, str], number: float) -> None:
    assert epochs(given) == number
