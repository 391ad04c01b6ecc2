"""Schedules through boto3: kept and checked as AWS does, and carried out when the cloud's clock says so."""

from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.world import World
from tests.unit.localcloud_bedrock.embedded import checked_session, refused

if TYPE_CHECKING:
    from mypy_boto3_bedrock import BedrockClient
    from mypy_boto3_sagemaker import SageMakerClient

MONDAY = datetime(2026, 6, 1, 6, tzinfo=UTC)
ROLE = "arn:aws:iam::123456789012:role/scheduler"
SDK = "arn:aws:scheduler:::aws-sdk"
NOVA = "amazon.nova-micro-v1:0:128k"
PROVISION = {"ModelUnits": 1, "ProvisionedModelName": "bot", "ModelId": NOVA}
HOUR, DAY = 3600, 24 * 3600


class Embedded:
    def __init__(self) -> None:
        self.cloud = LocalCloud(world=World(clock=Clock(speed=0, start=MONDAY.timestamp())))
        self.session = checked_session(self.cloud)
        self.scheduler = self.session.client("scheduler")

    @cached_property
    def bedrock(self) -> BedrockClient:
        return self.session.client("bedrock")

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        return self.session.client("sagemaker")

    def schedule(self, expression: str, action: str, parameters: Any, *, name: str = "s", **changes: Any) -> str:
        target = {
            "Arn": f"{SDK}:{action}",
            "RoleArn": ROLE,
            "Input": json.dumps(parameters),
            **changes.pop("Target", {}),
        }
        request = {
            "Name": name,
            "ScheduleExpression": expression,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **changes,
        }
        return str(self.scheduler.create_schedule(**request)["ScheduleArn"])

    def names(self, **asked: Any) -> list[str]:
        return [schedule["Name"] for schedule in self.scheduler.list_schedules(**asked)["Schedules"]]

    def throughputs(self) -> list[str]:
        rows = self.bedrock.list_provisioned_model_throughputs()["provisionedModelSummaries"]
        return [row["provisionedModelName"] for row in rows]

    def calls(self, operation: str) -> list[tuple[datetime, str, int]]:
        """When the scheduler made this call, about what, and the HTTP status that it got."""
        return [
            (datetime.fromtimestamp(entry.at, UTC), entry.name, entry.status)
            for entry in self.cloud.world.requests
            if entry.operation == operation and entry.caller == "scheduler"
        ]

    @property
    def failures(self) -> list[dict[str, Any]]:
        return list(self.cloud.world.notes.get("schedulerFailures", []))


@pytest.fixture
def aws() -> Embedded:
    return Embedded()


# -- keeping


def test_gives_back_what_was_sent_with_defaults(aws: Embedded) -> None:
    arn = aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", {"EndpointName": "e"}, Description="d")
    seen = aws.scheduler.get_schedule(Name="s")
    assert seen["Arn"] == arn == "arn:aws:scheduler:us-east-1:123456789012:schedule/default/s"
    assert (seen["State"], seen["ScheduleExpressionTimezone"], seen["GroupName"]) == ("ENABLED", "UTC", "default")
    assert (seen["ActionAfterCompletion"], seen["Description"]) == ("NONE", "d")
    assert seen["Target"]["RetryPolicy"] == {"MaximumEventAgeInSeconds": 86400, "MaximumRetryAttempts": 185}
    assert json.loads(seen["Target"]["Input"]) == {"EndpointName": "e"}
    assert seen["CreationDate"] == MONDAY


def test_a_token_makes_one_schedule_and_a_name_is_taken_once(aws: Embedded) -> None:
    parameters = {"EndpointName": "e"}
    first = aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", parameters, ClientToken="t")
    assert aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", parameters, ClientToken="t") == first
    with refused("ConflictException", "already exists", status=409):
        aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", parameters, ClientToken="u")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ScheduleExpression": "cron(banana)"}, ["Invalid Schedule Expression cron(banana)", "6 fields"]),
        ({"ScheduleExpressionTimezone": "Mars/Olympus"}, ["ScheduleExpressionTimezone", "Mars/Olympus"]),
        ({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}, ["MaximumWindowInMinutes"]),
        ({"StartDate": MONDAY - timedelta(minutes=6)}, ["cannot be earlier than 5 minutes ago"]),
        ({"EndDate": MONDAY - timedelta(minutes=6)}, ["EndDate"]),
        ({"Target": {"Arn": f"{SDK}:sagemaker:listEndpoints"}}, ["Invalid Target", "only read"]),
        ({"Target": {"Input": "{"}}, ["Invalid Target", "not valid JSON"]),
        ({"Name": "bad name"}, ["'name' failed to satisfy constraint"]),
        ({"ScheduleExpression": "at(now)", "EndDate": MONDAY}, ["Invalid Schedule Expression", "EndDate"]),
    ],
)
def test_refuses(aws: Embedded, changes: dict[str, Any], words: list[str]) -> None:
    with refused("ValidationException", *words):
        aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", {"EndpointName": "e"}, **{"name": "s", **changes})
    assert aws.names() == []


def test_what_is_missing_is_404(aws: Embedded) -> None:
    with refused("ResourceNotFoundException", "Schedule s does not exist.", status=404):
        aws.scheduler.get_schedule(Name="s")
    with refused("ResourceNotFoundException", "Schedule group g does not exist.", status=404):
        aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", {}, GroupName="g")
    with refused("ResourceNotFoundException", status=404):
        aws.scheduler.delete_schedule(Name="s")


def test_lists_in_pages_with_filters(aws: Embedded) -> None:
    for name in ("a1", "a2", "b1"):
        aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", {}, name=name, State="DISABLED")
    aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", {}, name="b2")
    pages = aws.scheduler.get_paginator("list_schedules").paginate(PaginationConfig={"PageSize": 3})
    assert [[schedule["Name"] for schedule in page["Schedules"]] for page in pages] == [["a1", "a2", "b1"], ["b2"]]
    assert aws.names(NamePrefix="a") == ["a1", "a2"]
    assert aws.names(State="ENABLED") == ["b2"]


def test_groups_hold_schedules_and_tags(aws: Embedded) -> None:
    arn = aws.scheduler.create_schedule_group(Name="g", Tags=[{"Key": "a", "Value": "1"}])["ScheduleGroupArn"]
    with refused("ConflictException", status=409):
        aws.scheduler.create_schedule_group(Name="g")
    aws.scheduler.tag_resource(ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
    aws.scheduler.untag_resource(ResourceArn=arn, TagKeys=["a"])
    assert aws.scheduler.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "b", "Value": "2"}]
    for group in ("g", "default"):
        aws.schedule("rate(1 hours)", "sagemaker:deleteEndpoint", {}, name="same", GroupName=group)
    assert aws.names(GroupName="g") == ["same"]
    assert [group["Name"] for group in aws.scheduler.list_schedule_groups()["ScheduleGroups"]] == ["default", "g"]
    aws.scheduler.delete_schedule_group(Name="g")
    assert aws.names() == ["same"]
    with refused("ValidationException", "default"):
        aws.scheduler.delete_schedule_group(Name="default")


# -- firing


def test_at_makes_its_call_at_its_time_and_is_deleted(aws: Embedded) -> None:
    aws.bedrock.create_provisioned_model_throughput(modelUnits=1, provisionedModelName="bot", modelId=NOVA)
    aws.schedule(
        "at(2026-06-01T20:00:00)",
        "bedrock:deleteProvisionedModelThroughput",
        {"ProvisionedModelId": "bot"},
        ScheduleExpressionTimezone="Europe/Berlin",
        ActionAfterCompletion="DELETE",
    )
    aws.cloud.advance(11 * HOUR + 3599)
    assert (aws.throughputs(), aws.names()) == (["bot"], ["s"])
    aws.cloud.advance(1)
    assert (aws.throughputs(), aws.names()) == ([], [])
    when = datetime(2026, 6, 1, 18, tzinfo=UTC)
    assert aws.calls("DeleteProvisionedModelThroughput") == [(when, "bot", 200)]


def test_without_the_order_to_delete_it_stays(aws: Embedded) -> None:
    aws.schedule("at(2026-06-01T07:00:00)", "sagemaker:deleteEndpoint", {"EndpointName": "e"})
    aws.cloud.advance(DAY)
    assert aws.names() == ["s"]


def test_office_hours_bring_a_throughput_up_and_down_in_order(aws: Embedded) -> None:
    """A week passes at once: each call must still see the world as it was at its own time."""
    aws.schedule("cron(0 8 ? * MON-FRI *)", "bedrock:createProvisionedModelThroughput", PROVISION, name="up")
    stop = {"ProvisionedModelId": "bot"}
    aws.schedule("cron(0 20 ? * MON-FRI *)", "bedrock:deleteProvisionedModelThroughput", stop, name="down")
    aws.cloud.advance(7 * DAY)
    ups, downs = aws.calls("CreateProvisionedModelThroughput"), aws.calls("DeleteProvisionedModelThroughput")
    days = [datetime(2026, 6, day, tzinfo=UTC) for day in (1, 2, 3, 4, 5)]
    assert ups == [(day + timedelta(hours=8), "bot", 200) for day in days]
    assert downs == [(day + timedelta(hours=20), "bot", 200) for day in days]
    assert aws.failures == []
    aws.cloud.advance(2 * HOUR + 60)
    assert aws.throughputs() == ["bot"]
    created = aws.bedrock.get_provisioned_model_throughput(provisionedModelId="bot")["creationTime"]
    assert created == datetime(2026, 6, 8, 8, tzinfo=UTC)


def test_an_endpoint_is_deleted_and_created_again(aws: Embedded) -> None:
    aws.sagemaker.create_model(ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"Image": "image"})
    variant: Any = {
        "VariantName": "v",
        "ModelName": "m",
        "InstanceType": "ml.g5.xlarge",
        "InitialInstanceCount": 1,
    }
    aws.sagemaker.create_endpoint_config(EndpointConfigName="c", ProductionVariants=[variant])
    aws.sagemaker.create_endpoint(EndpointName="e", EndpointConfigName="c")
    aws.schedule("at(2026-06-01T20:00:00)", "sagemaker:deleteEndpoint", {"EndpointName": "e"}, name="down")
    again = {"EndpointName": "e", "EndpointConfigName": "c", "Tags": [{"Key": "a", "Value": "b"}]}
    aws.schedule("at(2026-06-02T08:00:00)", "sagemaker:createEndpoint", again, name="up")
    aws.cloud.advance(15 * HOUR)
    assert aws.sagemaker.list_endpoints()["Endpoints"] == []
    aws.cloud.advance(12 * HOUR)
    assert aws.sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"
    assert aws.failures == []


def test_rate_fires_at_once_and_until_its_end(aws: Embedded) -> None:
    aws.schedule(
        "rate(2 hours)",
        "bedrock:stopModelCustomizationJob",
        {"JobIdentifier": "j"},
        EndDate=MONDAY + timedelta(hours=5),
        ActionAfterCompletion="DELETE",
    )
    aws.cloud.advance(DAY)
    hours = [when - MONDAY for when, _, _ in aws.calls("StopModelCustomizationJob")]
    assert hours == [timedelta(hours=hour) for hour in (0, 2, 4)]
    assert aws.names() == []


def test_a_start_date_holds_back(aws: Embedded) -> None:
    start = MONDAY + timedelta(days=2)
    aws.schedule("cron(0 8 * * ? *)", "sagemaker:stopTrainingJob", {"TrainingJobName": "t"}, StartDate=start)
    aws.cloud.advance(3 * DAY)
    assert [when for when, _, _ in aws.calls("StopTrainingJob")] == [datetime(2026, 6, 3, 8, tzinfo=UTC)]


def test_disabled_never_fires_until_it_is_enabled(aws: Embedded) -> None:
    parameters = {"EndpointName": "e"}
    aws.schedule("cron(0 8 * * ? *)", "sagemaker:deleteEndpoint", parameters, State="DISABLED")
    aws.cloud.advance(DAY)
    assert aws.calls("DeleteEndpoint") == []
    target = aws.scheduler.get_schedule(Name="s")["Target"]
    aws.scheduler.update_schedule(
        Name="s", ScheduleExpression="cron(0 9 * * ? *)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    assert aws.scheduler.get_schedule(Name="s")["State"] == "ENABLED"
    aws.cloud.advance(DAY)
    assert [when for when, _, _ in aws.calls("DeleteEndpoint")] == [datetime(2026, 6, 2, 9, tzinfo=UTC)]


def test_deleted_and_updated_schedules_forget_their_old_times(aws: Embedded) -> None:
    for name in ("gone", "moved"):
        aws.schedule("at(2026-06-01T08:00:00)", "sagemaker:deleteEndpoint", {"EndpointName": name}, name=name)
    aws.scheduler.delete_schedule(Name="gone")
    target = aws.scheduler.get_schedule(Name="moved")["Target"]
    aws.scheduler.update_schedule(
        Name="moved", ScheduleExpression="at(2026-06-01T10:00:00)", FlexibleTimeWindow={"Mode": "OFF"}, Target=target
    )
    aws.cloud.advance(DAY)
    assert [(when, name) for when, name, _ in aws.calls("DeleteEndpoint")] == [(MONDAY + timedelta(hours=4), "moved")]


def test_a_flexible_window_delays_by_at_most_its_length(aws: Embedded) -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30}
    parameters = {"EndpointName": "e"}
    aws.schedule("cron(0 8 * * ? *)", "sagemaker:deleteEndpoint", parameters, FlexibleTimeWindow=window)
    aws.cloud.advance(20 * DAY)
    minutes = [when.hour * 60 + when.minute - 480 for when, _, _ in aws.calls("DeleteEndpoint")]
    assert len(minutes) == 20
    assert all(0 <= minute <= 30 for minute in minutes)
    assert len(set(minutes)) > 1


# -- failing


def test_a_refused_call_is_noted_and_not_repeated(aws: Embedded) -> None:
    aws.schedule("at(2026-06-01T07:00:00)", "bedrock:deleteProvisionedModelThroughput", {"ProvisionedModelId": "bot"})
    aws.cloud.advance(DAY)
    (failure,) = aws.failures
    assert failure["error"] == "ResourceNotFoundException"
    assert failure["attempts"] == 1
    assert failure["schedule"].endswith("schedule/default/s")
    assert failure["at"] == (MONDAY + timedelta(hours=1)).timestamp()


@pytest.mark.parametrize(
    ("action", "parameters", "error"),
    [
        ("sagemaker:deleteEndpoint", {}, "ValidationException"),
        ("sagemaker:deleteEndpoint", {"Name": "e"}, "InvalidTarget"),
        ("sns:publish", {"Message": "m", "TopicArn": "t"}, "NotImplemented"),
    ],
)
def test_a_call_that_cannot_be_made_is_noted(aws: Embedded, action: str, parameters: Any, error: str) -> None:
    aws.schedule("rate(1 days)", action, parameters, ActionAfterCompletion="DELETE")
    aws.cloud.advance(0)
    assert [failure["error"] for failure in aws.failures] == [error]


def test_other_targets_are_kept_but_not_called(aws: Embedded) -> None:
    function = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:f"}
    aws.schedule("rate(1 days)", "ignored", {}, Target=function)
    aws.cloud.advance(0)
    assert "only universal targets" in aws.failures[0]["message"]


@pytest.mark.parametrize("kind", ["error", "lost-response"])
def test_throttled_and_lost_calls_are_tried_again(aws: Embedded, kind: str) -> None:
    aws.cloud.world.faults = [Fault(kind, "bedrock:CreateProvisionedModelThroughput", times=2)]
    aws.schedule(
        "at(2026-06-01T07:00:00)",
        "bedrock:createProvisionedModelThroughput",
        {**PROVISION, "ClientRequestToken": "token"},
        ActionAfterCompletion="DELETE",
    )
    aws.cloud.advance(HOUR)
    assert aws.names() == ["s"]
    aws.cloud.advance(DAY)
    minutes = [when - MONDAY - timedelta(hours=1) for when, _, _ in aws.calls("CreateProvisionedModelThroughput")]
    assert minutes == [timedelta(minutes=minute) for minute in (0, 1, 3)]
    assert (aws.throughputs(), aws.failures, aws.names()) == (["bot"], [], [])


def test_the_retry_policy_ends_it(aws: Embedded) -> None:
    aws.cloud.world.faults = [Fault("error", "bedrock:DeleteProvisionedModelThroughput")]
    policy = {"RetryPolicy": {"MaximumRetryAttempts": 2, "MaximumEventAgeInSeconds": 86400}}
    target = {"ProvisionedModelId": "bot"}
    aws.schedule("at(2026-06-01T07:00:00)", "bedrock:deleteProvisionedModelThroughput", target, Target=policy)
    aws.cloud.advance(DAY)
    (failure,) = aws.failures
    assert (failure["error"], failure["attempts"]) == ("ThrottlingException", 3)


def test_schedules_survive_a_snapshot(aws: Embedded) -> None:
    aws.schedule("cron(0 8 ? * MON-FRI *)", "bedrock:createProvisionedModelThroughput", PROVISION)
    aws.cloud.advance(HOUR)
    cloud = LocalCloud(world=pickle.loads(pickle.dumps(aws.cloud.world)))
    cloud.advance(HOUR)
    assert [entry.at for entry in cloud.world.requests if entry.caller == "scheduler"] == [
        (MONDAY + timedelta(hours=2)).timestamp()
    ]
