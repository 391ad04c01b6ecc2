"""LookupEvents: the request log in CloudTrail's shape."""

from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest
from botocore.exceptions import ClientError

from reconciler.localcloud.app import LocalCloud
from tests.unit.localcloud.story import ROLE


def made(aws: boto3.Session, *names: str) -> None:
    for name in names:
        aws.client("sagemaker").create_model(ModelName=name, PrimaryContainer={"Image": "i"}, ExecutionRoleArn=ROLE)


def test_an_event_tells_who_asked_for_what(cloud: LocalCloud, aws: boto3.Session) -> None:
    made(aws, "bot")
    (event,) = aws.client("cloudtrail").lookup_events()["Events"]
    told = json.loads(event["CloudTrailEvent"])
    assert (event["EventName"], event["EventSource"], event["ReadOnly"]) == (
        "CreateModel",
        "sagemaker.amazonaws.com",
        "false",
    )
    assert event["EventTime"].timestamp() == cloud.world.clock.now()
    assert told["requestParameters"] == {"modelName": "bot"}
    assert told["userIdentity"]["arn"].endswith(f":user/{event['Username']}")


def test_newest_first_in_pages_and_by_one_attribute(cloud: LocalCloud, aws: boto3.Session) -> None:
    trail = aws.client("cloudtrail")
    for name in ("first", "second"):
        made(aws, name)
        cloud.advance(60)
    aws.client("sagemaker").describe_model(ModelName="first")
    pages = trail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateModel"}],
        PaginationConfig={"PageSize": 1},
    )
    assert [event["Resources"][0]["ResourceName"] for page in pages for event in page["Events"]] == ["second", "first"]
    by_name = [{"AttributeKey": "ResourceName", "AttributeValue": "first"}]
    names = [event["EventName"] for event in trail.lookup_events(LookupAttributes=by_name)["Events"]]
    assert names == ["DescribeModel", "CreateModel"]


def test_a_range_of_time(cloud: LocalCloud, aws: boto3.Session) -> None:
    made(aws, "early")
    cloud.advance(3600)
    made(aws, "late")
    (late,) = aws.client("cloudtrail").lookup_events()["Events"][:1]
    since = late["EventTime"] - timedelta(minutes=1)
    found = aws.client("cloudtrail").lookup_events(StartTime=since)["Events"]
    assert [event["EventId"] for event in found] == [late["EventId"]]


def test_a_refused_call_bears_its_error(aws: boto3.Session) -> None:
    with pytest.raises(ClientError):
        aws.client("sagemaker").delete_model(ModelName="nobody")
    (event,) = aws.client("cloudtrail").lookup_events()["Events"]
    assert json.loads(event["CloudTrailEvent"])["errorCode"] == "ValidationException"


def test_two_attributes_and_a_backward_range_are_refused(aws: boto3.Session) -> None:
    trail = aws.client("cloudtrail")
    both = [{"AttributeKey": key, "AttributeValue": "x"} for key in ("EventName", "Username")]
    with pytest.raises(trail.exceptions.InvalidLookupAttributesException):
        trail.lookup_events(LookupAttributes=both)
    with pytest.raises(trail.exceptions.InvalidTimeRangeException):
        trail.lookup_events(StartTime=2_000_000_000, EndTime=1_900_000_000)
