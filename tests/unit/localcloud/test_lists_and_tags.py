from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from reconciler.localcloud.app import LocalCloud
from tests.unit.localcloud.story import error_of, job_request, put_config, put_data, put_model


def test_lists_filter_sort_and_page(cloud: LocalCloud, aws: Any) -> None:
    sagemaker = aws.client("sagemaker")
    for number in range(25):
        put_model(aws, f"model-{number:02}")
        cloud.advance(1)
    assert len(sagemaker.list_models()["Models"]) == 10
    newest = sagemaker.list_models(MaxResults=1)["Models"][0]["ModelName"]
    assert newest == "model-24"
    named = sagemaker.list_models(NameContains="-1", SortBy="Name", SortOrder="Ascending", MaxResults=100)["Models"]
    assert [model["ModelName"] for model in named] == [f"model-1{digit}" for digit in range(10)]
    third = sagemaker.describe_model(ModelName="model-03")["CreationTime"]
    before = sagemaker.list_models(CreationTimeBefore=third)["Models"]
    assert sorted(model["ModelName"] for model in before) == ["model-00", "model-01", "model-02"]
    pages = sagemaker.get_paginator("list_models").paginate(PaginationConfig={"PageSize": 7})
    assert [len(page["Models"]) for page in pages] == [7, 7, 7, 4]


def test_a_status_is_looked_at_after_the_page_was_cut(cloud: LocalCloud, aws: Any) -> None:
    put_data(aws)
    sagemaker = aws.client("sagemaker")
    for number in range(4):
        sagemaker.create_training_job(**job_request(f"job-{number}"))
        cloud.advance(1)
    sagemaker.stop_training_job(TrainingJobName="job-3")
    first = sagemaker.list_training_jobs(StatusEquals="Stopping", MaxResults=2)
    assert first["TrainingJobSummaries"] == []
    rest = sagemaker.list_training_jobs(StatusEquals="Stopping", MaxResults=2, NextToken=first["NextToken"])
    assert [job["TrainingJobName"] for job in rest["TrainingJobSummaries"]] == ["job-3"]


def test_endpoints_are_filtered_before_they_are_paged(cloud: LocalCloud, aws: Any) -> None:
    put_model(aws, "m")
    put_config(aws, "c", "m")
    sagemaker = aws.client("sagemaker")
    for number in range(3):
        sagemaker.create_endpoint(EndpointName=f"e-{number}", EndpointConfigName="c")
        cloud.advance(200)
    listed = sagemaker.list_endpoints(StatusEquals="InService", MaxResults=1)
    assert [endpoint["EndpointName"] for endpoint in listed["Endpoints"]] == ["e-1"]
    assert "NextToken" in listed


def test_tags_are_overwritten_listed_and_deleted(aws: Any) -> None:
    sagemaker = aws.client("sagemaker")
    arn = sagemaker.create_model(ModelName="m", Tags=[{"Key": "a", "Value": "1"}])["ModelArn"]
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": "3"}]
    sagemaker.delete_tags(ResourceArn=arn, TagKeys=["a", "absent"])
    assert sagemaker.list_tags(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "3"}]


def test_limits_of_tags(aws: Any) -> None:
    sagemaker = aws.client("sagemaker")
    fifty = [{"Key": f"k{number}", "Value": ""} for number in range(50)]
    arn = sagemaker.create_model(ModelName="m", Tags=fifty)["ModelArn"]
    for tags in ([{"Key": "one-more", "Value": ""}], [{"Key": "aws:mine", "Value": ""}]):
        with pytest.raises(ClientError) as raised:
            sagemaker.add_tags(ResourceArn=arn, Tags=tags)
        assert error_of(raised)[0] == "ValidationException"
    sagemaker.add_tags(ResourceArn=arn, Tags=[{"Key": "k1", "Value": "changed"}])
    with pytest.raises(ClientError, match="Could not find resource"):
        sagemaker.list_tags(ResourceArn=arn + "x")


def test_regions_do_not_see_each_other(cloud: LocalCloud, aws: Any) -> None:
    put_model(aws, "m")
    elsewhere = aws.client("sagemaker", region_name="eu-west-1")
    assert elsewhere.list_models()["Models"] == []
    assert elsewhere.create_model(ModelName="m")["ModelArn"].split(":")[3] == "eu-west-1"
