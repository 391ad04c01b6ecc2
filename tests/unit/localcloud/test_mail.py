"""Events of jobs go through rules to topics, and from there by mail; other events go nowhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.moto_bridge import target_input
from reconciler.localcloud.snapshot import load, save
from reconciler.localcloud.world import World

ROLE = "arn:aws:iam::123456789012:role/training"
PATTERN = {
    "source": ["aws.sagemaker"],
    "detail-type": ["SageMaker Training Job State Change"],
    "detail": {"TrainingJobStatus": ["Completed", "Stopped", "Failed"], "RoleArn": [ROLE]},
}


@pytest.fixture
def cloud() -> LocalCloud:
    return LocalCloud(world=World(clock=Clock(speed=0, start=1_770_000_000)))


def mailing(cloud: LocalCloud, pattern: dict[str, Any], **target: Any) -> str:
    made = session(cloud)
    topic = made.client("sns").create_topic(Name="ends")["TopicArn"]
    made.client("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ana@example.com")
    events = made.client("events")
    events.put_rule(Name="ends", EventPattern=json.dumps(pattern))
    events.put_targets(Rule="ends", Targets=[{"Id": "topic", "Arn": topic, **target}])
    return str(topic)


def train(cloud: LocalCloud, name: str = "bot", role: str = ROLE) -> Any:
    made = session(cloud)
    made.client("s3").create_bucket(Bucket="data")
    made.client("s3").put_object(Bucket="data", Key="in/a.jsonl", Body=b"{}")
    source = {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://data/in/"}}
    client: Any = made.client("sagemaker")
    client.create_training_job(
        TrainingJobName=name,
        RoleArn=role,
        AlgorithmSpecification={"TrainingImage": "image:1", "TrainingInputMode": "File"},
        InputDataConfig=[{"ChannelName": "training", "DataSource": source}],
        OutputDataConfig={"S3OutputPath": "s3://data/out/"},
        ResourceConfig={"InstanceType": "ml.g5.xlarge", "InstanceCount": 1, "VolumeSizeInGB": 50},
        StoppingCondition={"MaxRuntimeInSeconds": 3600},
        Tags=[{"Key": "team", "Value": "support"}],
    )
    return client


def test_a_training_that_ends_is_mailed_once(cloud: LocalCloud) -> None:
    mailing(cloud, PATTERN)
    train(cloud)
    assert cloud.mail.mails() == []
    cloud.advance(86_400)
    (mail,) = cloud.mail.mails()
    assert (mail["to"], mail["topic"], mail["subject"]) == ("ana@example.com", "ends", "AWS Notification Message")
    event = json.loads(mail["text"])
    assert (event["detail"]["TrainingJobStatus"], event["detail"]["Tags"]) == ("Completed", {"team": "support"})
    assert event["detail"]["CreationTime"] == 1_770_000_000_000
    assert event["time"].startswith("2026-02-02T")


def test_of_every_status(cloud: LocalCloud) -> None:
    mailing(cloud, {"source": ["aws.sagemaker"]})
    client = train(cloud)
    client.stop_training_job(TrainingJobName="bot")
    cloud.advance(86_400)
    told = [json.loads(mail["text"])["detail"]["TrainingJobStatus"] for mail in cloud.mail.mails()]
    assert told == ["InProgress", "Stopping", "Stopped"]


def test_another_role_is_not_mailed(cloud: LocalCloud) -> None:
    mailing(cloud, PATTERN)
    train(cloud, role="arn:aws:iam::123456789012:role/somebody")
    cloud.advance(86_400)
    assert cloud.mail.mails() == []


def test_a_disabled_rule_is_silent(cloud: LocalCloud) -> None:
    mailing(cloud, PATTERN)
    session(cloud).client("events").disable_rule(Name="ends")
    train(cloud)
    cloud.advance(86_400)
    assert cloud.mail.mails() == []


def test_mail_outlives_the_process(cloud: LocalCloud, tmp_path: Path) -> None:
    mailing(cloud, PATTERN)
    train(cloud)
    save(cloud, tmp_path / "state")
    again = LocalCloud()
    load(again, tmp_path / "state")
    again.advance(86_400)
    assert len(again.mail.mails()) == 1


EVENT = {"time": "now", "detail": {"job": 'the "bot"', "loss": 1.5, "what": {"a": 1}}}


@pytest.mark.parametrize(
    ("target", "text"),
    [
        ({}, json.dumps(EVENT)),
        ({"Input": "fixed"}, "fixed"),
        ({"InputTransformer": {"InputTemplate": '"at <t>"', "InputPathsMap": {"t": "$.time"}}}, "at now"),
        ({"InputTransformer": {"InputTemplate": '"<j>!"', "InputPathsMap": {"j": "$.detail.job"}}}, 'the "bot"!'),
        ({"InputTransformer": {"InputTemplate": '"<l>"', "InputPathsMap": {"l": "$.detail.loss"}}}, "1.5"),
        ({"InputTransformer": {"InputTemplate": '"<n>."', "InputPathsMap": {"n": "$.detail.no.such"}}}, "."),
        ({"InputTransformer": {"InputTemplate": '{"a": "<t>"}', "InputPathsMap": {"t": "$.time"}}}, '{"a": "now"}'),
    ],
)
def test_what_a_target_is_sent(target: dict[str, Any], text: str) -> None:
    assert target_input(target, EVENT) == text
