"""Customization jobs through boto3: their course, their names, their refusals, their failures."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.config import Config

from reconciler.localcloud.bedrock import durations
from reconciler.localcloud.faults import Fault
from tests.unit.localcloud_bedrock.embedded import DAY, NOVA, NOVA_ARN, TITAN, Embedded, refused


def phases(job: dict[str, dict[str, dict[str, str]]]) -> tuple[str, ...]:
    details = job["statusDetails"]
    return tuple(details[f"{phase}Details"]["status"] for phase in ("validation", "dataProcessing", "training"))


def test_goes_through_its_phases_and_leaves_a_model(aws: Embedded) -> None:
    arn = aws.start_job("job-1", customModelTags=[{"key": "owner", "value": "me"}])
    assert f":model-customization-job/{NOVA}/" in arn
    seen = []
    for seconds in (0, durations.VALIDATION, durations.DATA_PROCESSING, DAY):
        aws.cloud.advance(seconds)
        job = aws.job("job-1")
        seen.append((job["status"], *phases(job), "outputModelArn" in job))
    assert seen == [
        ("InProgress", "InProgress", "NotStarted", "NotStarted", False),
        ("InProgress", "Completed", "InProgress", "NotStarted", False),
        ("InProgress", "Completed", "Completed", "InProgress", False),
        ("Completed", "Completed", "Completed", "Completed", True),
    ]


def test_nothing_of_the_model_is_there_before_the_end(aws: Embedded) -> None:
    aws.start_job("job-1")
    aws.cloud.advance(durations.VALIDATION + durations.DATA_PROCESSING)
    assert aws.bedrock.list_custom_models()["modelSummaries"] == []
    with refused("ResourceNotFoundException", status=404):
        aws.bedrock.get_custom_model(modelIdentifier="job-1-model")


def test_gives_back_what_was_sent(aws: Embedded) -> None:
    validation = {"validators": [{"s3Uri": "s3://data/talks.jsonl"}]}
    hyper_parameters = {"epochCount": "2", "learningRate": "0.00001"}
    aws.start_job("job-1", validationDataConfig=validation, hyperParameters=hyper_parameters)
    job = aws.job("job-1")
    assert job["validationDataConfig"] == validation
    assert job["hyperParameters"] == hyper_parameters
    assert job["baseModelArn"] == NOVA_ARN
    assert job["customizationType"] == "FINE_TUNING"


@pytest.mark.parametrize("base", ["amazon.nova-micro-v1:0", NOVA, NOVA_ARN])
def test_a_base_may_be_named_in_three_ways(aws: Embedded, base: str) -> None:
    assert f"/{NOVA}/" in aws.start_job(baseModelIdentifier=base)


def test_completion_brings_metrics_and_artifacts(aws: Embedded) -> None:
    validation = {"validators": [{"s3Uri": "s3://data/talks.jsonl"}]}
    arn = aws.start_job(validationDataConfig=validation)
    aws.cloud.advance(DAY)
    job = aws.job(arn)
    assert job["trainingMetrics"]["trainingLoss"] > 0
    assert len(job["validationMetrics"]) == 1
    assert job["endTime"] == job["lastModifiedTime"] > job["creationTime"]
    prefix = f"out/model-customization-job-{arn[-12:]}"
    keys = [item["Key"] for item in aws.s3.list_objects_v2(Bucket="data", Prefix=prefix)["Contents"]]
    assert f"{prefix}/training_artifacts/step_wise_training_metrics.csv" in keys
    note = aws.s3.get_object(Bucket="data", Key=f"{prefix}/training_artifacts/README.txt")["Body"].read()
    assert b"simulated" in note


def test_more_data_and_more_epochs_take_longer(aws: Embedded) -> None:
    aws.put("long.jsonl", [{"prompt": "a" * 20_000, "completion": "b"}] * 300)
    for name, epochs in (("short", "1"), ("long", "10")):
        aws.start_job(
            name,
            baseModelIdentifier=TITAN,
            trainingDataConfig={"s3Uri": "s3://data/long.jsonl"},
            hyperParameters={"epochCount": epochs},
        )
    aws.cloud.advance(DAY)
    took = {
        name: (aws.job(name)["endTime"] - aws.job(name)["creationTime"]).total_seconds() for name in ("short", "long")
    }
    assert took["long"] - took["short"] == pytest.approx(9 * 6_000_000 / 6 / 1000, rel=0.01)


def test_the_same_token_makes_nothing_new(aws: Embedded) -> None:
    first = aws.start_job("job-1", clientRequestToken="token-1")
    assert aws.start_job("job-1", clientRequestToken="token-1") == first
    assert len(aws.bedrock.list_model_customization_jobs()["modelCustomizationJobSummaries"]) == 1


def test_a_job_name_is_taken_for_ever(aws: Embedded) -> None:
    aws.train("job-1")
    aws.bedrock.delete_custom_model(modelIdentifier="job-1-model")
    with refused("ValidationException", "The provided job name is currently in use."):
        aws.start_job("job-1", customModelName="other")


def test_a_model_name_is_taken_by_a_model_and_by_a_job_underway(aws: Embedded) -> None:
    aws.start_job("job-1", customModelName="m")
    with refused("ValidationException", "The provided model name is currently in use."):
        aws.start_job("job-2", customModelName="m")
    aws.cloud.advance(DAY)
    with refused("ValidationException", "The provided model name is currently in use."):
        aws.start_job("job-3", customModelName="m")


def test_refuses_with_all_problems_at_once(aws: Embedded) -> None:
    aws.start_job("job-1")
    wrong = {"customizationType": "CONTINUED_PRE_TRAINING", "hyperParameters": {"epochCount": "6", "batchSize": "1"}}
    with refused("ValidationException", "job name", "CONTINUED_PRE_TRAINING", "epochCount must be", "batchSize is not"):
        aws.start_job("job-1", **wrong)


def test_refuses_unknown_bases_and_bad_names(aws: Embedded) -> None:
    with refused("ValidationException", "amazon.nova-mega-v1:0 is invalid"):
        aws.start_job(baseModelIdentifier="amazon.nova-mega-v1:0")
    with refused("ValidationException", "'jobName' failed to satisfy constraint"):
        aws.start_job("bad name", customModelName="m")
    with refused("ValidationException", "Duplicate tag keys"):
        aws.start_job(jobTags=[{"key": "a", "value": "1"}, {"key": "a", "value": "2"}])


def test_missing_data_fails_the_job_in_validation(aws: Embedded) -> None:
    aws.start_job(trainingDataConfig={"s3Uri": "s3://data/nothing.jsonl"}, outputDataConfig={"s3Uri": "s3://nowhere/x"})
    aws.cloud.advance(DAY)
    job = aws.job("job-1")
    assert (job["status"], phases(job)) == ("Failed", ("Failed", "NotStarted", "NotStarted"))
    assert "s3://data/nothing.jsonl" in job["failureMessage"]
    assert "output bucket" in job["failureMessage"]
    assert (job["endTime"] - job["creationTime"]).total_seconds() == durations.VALIDATION


def test_bad_data_fails_the_job_and_names_the_line(aws: Embedded) -> None:
    aws.put("bad.jsonl", [{"prompt": "a", "completion": "b"}, {"prompt": "a"}])
    aws.start_job(baseModelIdentifier=TITAN, trainingDataConfig={"s3Uri": "s3://data/bad.jsonl"})
    aws.cloud.advance(DAY)
    assert "line 2: `completion` must be a non-empty string" in aws.job("job-1")["failureMessage"]


def test_stops(aws: Embedded) -> None:
    aws.start_job()
    aws.cloud.advance(durations.VALIDATION)
    aws.bedrock.stop_model_customization_job(jobIdentifier="job-1")
    job = aws.job("job-1")
    assert (job["status"], phases(job)) == ("Stopping", ("Completed", "Stopping", "NotStarted"))
    aws.cloud.advance(DAY)
    job = aws.job("job-1")
    assert (job["status"], phases(job)) == ("Stopped", ("Completed", "Stopped", "NotStarted"))
    assert aws.bedrock.list_custom_models()["modelSummaries"] == []
    with refused("ConflictException"):
        aws.bedrock.stop_model_customization_job(jobIdentifier="job-1")


def test_is_found_by_name_and_arn_only_in_its_region(aws: Embedded) -> None:
    arn = aws.start_job()
    assert aws.job("job-1")["jobArn"] == aws.job(arn)["jobArn"] == arn
    elsewhere = aws.session.client("bedrock", region_name="us-west-2")
    for identifier in ("job-1", arn):
        with refused("ResourceNotFoundException", status=404):
            elsewhere.get_model_customization_job(jobIdentifier=identifier)


def test_a_failure_can_be_ordered(aws: Embedded) -> None:
    operation = "bedrock:CreateModelCustomizationJob"
    aws.cloud.world.faults = [
        Fault("fail", operation, name="job-1", message="the loss diverged", at=0.9),
        Fault("capacity", operation, name="job-2"),
    ]
    for name in ("job-1", "job-2", "job-3"):
        aws.start_job(name)
    aws.cloud.advance(DAY)
    ends = [(aws.job(name)["status"], aws.job(name).get("failureMessage", "")) for name in ("job-1", "job-2", "job-3")]
    assert ends[0] == ("Failed", "the loss diverged")
    assert ends[1][0] == "Failed"
    assert "capacity" in ends[1][1]
    assert ends[2] == ("Completed", "")


def test_throttling_is_429(aws: Embedded) -> None:
    aws.cloud.world.faults = [Fault("error", "bedrock:GetModelCustomizationJob")]
    aws.start_job()
    impatient = aws.session.client("bedrock", config=Config(retries={"total_max_attempts": 1}))
    with refused("ThrottlingException", status=429):
        impatient.get_model_customization_job(jobIdentifier="job-1")


def test_trains_on_top_of_a_custom_model(aws: Embedded) -> None:
    parent = aws.train("first")
    for name, base in (("by-arn", parent), ("by-name", "first-model")):
        child = aws.train(name, baseModelIdentifier=base)
        model = aws.bedrock.get_custom_model(modelIdentifier=child)
        assert model["baseModelArn"] == parent
        assert aws.job(name)["baseModelArn"] == NOVA_ARN


def test_lists_in_pages_with_filters(aws: Embedded) -> None:
    for number in range(5):
        aws.start_job(f"job-{number}")
        aws.cloud.advance(60)
    aws.bedrock.stop_model_customization_job(jobIdentifier="job-3")
    pages = list(aws.bedrock.get_paginator("list_model_customization_jobs").paginate(PaginationConfig={"PageSize": 2}))
    names = [row["jobName"] for page in pages for row in page["modelCustomizationJobSummaries"]]
    assert (len(pages), names) == (3, ["job-4", "job-3", "job-2", "job-1", "job-0"])

    def found(**asked: Any) -> list[str]:
        rows = aws.bedrock.list_model_customization_jobs(**asked)["modelCustomizationJobSummaries"]
        return [row["jobName"] for row in rows]

    assert found(statusEquals="Stopping") == ["job-3"]
    assert found(nameContains="b-2") == ["job-2"]
    assert found(sortBy="CreationTime", sortOrder="Ascending", maxResults=1) == ["job-0"]
    assert found(creationTimeAfter=aws.job("job-3")["creationTime"]) == ["job-4"]
    assert found(creationTimeBefore=aws.job("job-1")["creationTime"]) == ["job-0"]
    with refused("ValidationException", "maxResults"):
        found(maxResults=1001)
