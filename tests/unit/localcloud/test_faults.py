from __future__ import annotations

import random
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.faults import Fault, fault_from
from tests.unit.localcloud.story import BUCKET, NO_RETRIES, error_of, job_request, put_data, put_model


def test_a_throttled_call_is_refused_and_does_nothing(cloud: LocalCloud, aws: Any) -> None:
    put_data(aws)
    cloud.world.faults.append(Fault("error", operation="sagemaker:Create.*", name="job-.*", times=2))
    sagemaker = aws.client("sagemaker", config=NO_RETRIES)
    for _ in range(2):
        with pytest.raises(ClientError) as raised:
            sagemaker.create_training_job(**job_request("job-1"))
        assert error_of(raised) == ("ThrottlingException", "Rate exceeded")
    assert sagemaker.list_training_jobs()["TrainingJobSummaries"] == []
    sagemaker.create_training_job(**job_request("job-1"))


def test_botocore_gets_over_two_throttled_calls_by_itself(cloud: LocalCloud, aws: Any) -> None:
    cloud.world.faults.append(Fault("error", operation="sagemaker:ListModels", times=2))
    assert aws.client("sagemaker").list_models()["Models"] == []


def test_a_lost_response_leaves_the_effect(cloud: LocalCloud, aws: Any) -> None:
    put_data(aws)
    cloud.world.faults.append(Fault("lost-response", operation="sagemaker:CreateTrainingJob", times=1))
    sagemaker = aws.client("sagemaker", config=NO_RETRIES)
    with pytest.raises(ConnectionClosedError):
        sagemaker.create_training_job(**job_request("job-1"))
    assert sagemaker.describe_training_job(TrainingJobName="job-1")["TrainingJobStatus"] == "InProgress"
    lost = next(entry for entry in cloud.world.requests if entry.operation == "CreateTrainingJob")
    assert (lost.status, lost.error) == (0, "LostResponse")


def test_an_error_after_the_effect_is_http_500(cloud: LocalCloud, aws: Any) -> None:
    cloud.world.faults.append(Fault("error-after-effect", operation="sagemaker:CreateModel", code="InternalFailure"))
    with pytest.raises(ClientError) as raised:
        aws.client("sagemaker", config=NO_RETRIES).create_model(ModelName="m")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert [model["ModelName"] for model in aws.client("sagemaker").list_models()["Models"]] == ["m"]


def test_s3_can_be_spoiled_too(cloud: LocalCloud, aws: Any) -> None:
    put_data(aws)
    s3 = aws.client("s3", config=NO_RETRIES)
    cloud.world.faults.append(Fault("lost-response", operation="s3:PutObject", name=f"{BUCKET}/lock", times=1))
    with pytest.raises(ConnectionClosedError):
        s3.put_object(Bucket=BUCKET, Key="lock", Body=b"mine", IfNoneMatch="*")
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket=BUCKET, Key="lock", Body=b"mine", IfNoneMatch="*")
    assert error_of(raised)[0] == "PreconditionFailed"
    cloud.world.faults.append(Fault("error", operation="s3:GetObject", code="SlowDown", times=1))
    with pytest.raises(ClientError) as raised:
        s3.get_object(Bucket=BUCKET, Key="lock")
    assert error_of(raised)[0] == "SlowDown"
    assert s3.get_object(Bucket=BUCKET, Key="lock")["Body"].read() == b"mine"


def test_a_stale_read_does_not_see_what_was_just_made(cloud: LocalCloud, aws: Any) -> None:
    put_model(aws, "new")
    put_model(aws, "other")
    cloud.world.faults.append(Fault("stale-read", operation="sagemaker:(Describe|List)Model.*", name="new", times=2))
    sagemaker = aws.client("sagemaker")
    with pytest.raises(ClientError, match="Could not find model"):
        sagemaker.describe_model(ModelName="new")
    assert [model["ModelName"] for model in sagemaker.list_models()["Models"]] == ["other"]
    assert sagemaker.describe_model(ModelName="new")["ModelName"] == "new"


def test_probability_is_drawn_from_the_seed() -> None:
    fault = Fault("error", probability=0.5)
    drawn = [fault.strikes("s:O", "", random.Random(seed)) for seed in range(200)]
    assert 60 < sum(drawn) < 140
    assert drawn == [fault.strikes("s:O", "", random.Random(seed)) for seed in range(200)]


@pytest.mark.parametrize(
    ("order", "problem"),
    [
        ({"kind": "error", "speling": 1}, "no speling"),
        ({}, "needs a kind"),
        ({"kind": "nonsense"}, "not one of error"),
        ({"kind": "error", "operation": "("}, "no regular expression"),
        ({"kind": "error", "probability": 2}, "between 0 and 1"),
        ({"kind": "error", "times": -1}, "whole number"),
    ],
)
def test_a_wrong_order_says_what_is_wrong(order: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        fault_from(order)
