from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock
from reconciler.localcloud.inprocess import session
from reconciler.localcloud.world import World
from tests.unit.localcloud.story import BUCKET, NO_RETRIES, ROLE, error_of, put_config, put_data, put_model


def test_clouds_in_one_process_share_nothing() -> None:
    clouds = [LocalCloud(), LocalCloud()]
    for number, cloud in enumerate(clouds):
        aws: Any = session(cloud)
        put_data(aws)
        aws.client("s3").put_object(Bucket=BUCKET, Key=f"only-{number}", Body=b"")
        aws.client("secretsmanager").create_secret(Name=f"only-{number}", SecretString="x")
        put_model(aws, f"only-{number}")
    for number, cloud in enumerate(clouds):
        aws = session(cloud)
        keys = [entry["Key"] for entry in aws.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
        assert keys == ["data/train.jsonl", f"only-{number}"]
        secrets = aws.client("secretsmanager").list_secrets()["SecretList"]
        assert [secret["Name"] for secret in secrets] == [f"only-{number}"]
        assert [model["ModelName"] for model in aws.client("sagemaker").list_models()["Models"]] == [f"only-{number}"]


def test_reset_empties_all_services(cloud: LocalCloud, aws: Any) -> None:
    put_data(aws)
    put_model(aws, "m")
    cloud.reset()
    assert aws.client("s3").list_buckets()["Buckets"] == []
    assert aws.client("sagemaker").list_models()["Models"] == []


def test_the_tagging_api_sees_our_resources(cloud: LocalCloud, aws: Any) -> None:
    arn = aws.client("sagemaker").create_model(ModelName="m", Tags=[{"Key": "owner", "Value": "us"}])["ModelArn"]
    tagging = aws.client("resourcegroupstaggingapi")
    found = tagging.get_resources(TagFilters=[{"Key": "owner", "Values": ["us"]}])["ResourceTagMappingList"]
    assert [entry["ResourceARN"] for entry in found] == [arn]
    tagging.tag_resources(ResourceARNList=[arn], Tags={"more": "1"})
    assert {"Key": "more", "Value": "1"} in aws.client("sagemaker").list_tags(ResourceArn=arn)["Tags"]


def test_motos_services_work_together(aws: Any) -> None:
    assert aws.client("sts").get_caller_identity()["Account"] == "123456789012"
    topic = aws.client("sns").create_topic(Name="news")["TopicArn"]
    aws.client("sns").publish(TopicArn=topic, Message="hello")
    aws.client("logs").create_log_group(logGroupName="/aws/sagemaker/TrainingJobs")
    role = aws.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument="{}")
    assert role["Role"]["Arn"] == "arn:aws:iam::123456789012:role/r"


def test_s3_writes_can_be_conditional(aws: Any) -> None:
    put_data(aws)
    s3 = aws.client("s3")
    etag = s3.put_object(Bucket=BUCKET, Key="lock", Body=b"1", IfNoneMatch="*")["ETag"]
    with pytest.raises(ClientError) as raised:
        s3.put_object(Bucket=BUCKET, Key="lock", Body=b"2", IfNoneMatch="*")
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 412
    s3.delete_object(Bucket=BUCKET, Key="lock", IfMatch=etag)


def test_presigned_urls_lead_to_s3(cloud: LocalCloud, aws: Any) -> None:
    from werkzeug.test import Client

    put_data(aws)
    url = aws.client("s3").generate_presigned_url("get_object", Params={"Bucket": BUCKET, "Key": "data/train.jsonl"})
    answer = Client(cloud).get(url)
    assert answer.status_code == 200
    assert answer.data == b"x" * 1000


def test_every_request_is_logged_and_reads_are_told_from_changes(cloud: LocalCloud, aws: Any) -> None:
    put_model(aws, "m")
    aws.client("sagemaker").describe_model(ModelName="m")
    with pytest.raises(ClientError):
        aws.client("sagemaker").describe_model(ModelName="none")
    with pytest.raises(ClientError):
        aws.client("bedrock").get_custom_model(modelIdentifier="none")
    seen = [(e.service, e.operation, e.name, e.status, e.error, e.changes) for e in cloud.world.requests]
    assert seen == [
        ("sagemaker", "CreateModel", "m", 200, "", True),
        ("sagemaker", "DescribeModel", "m", 200, "", False),
        ("sagemaker", "DescribeModel", "none", 400, "ValidationException", False),
        ("bedrock", "GetCustomModel", "none", 404, "ResourceNotFoundException", False),
    ]


def test_equal_requests_have_equal_digests(cloud: LocalCloud, aws: Any) -> None:
    for name in ("a", "b"):
        for _ in range(2):
            aws.client("sagemaker").list_models(NameContains=name)
    first, again, other, _ = (entry.params for entry in cloud.world.requests)
    assert first == again != other


def test_a_call_from_within_is_checked_and_logged(cloud: LocalCloud) -> None:
    answer = cloud.call("sagemaker", "CreateModel", {"ModelName": "m"}, region="us-east-1", caller="scheduler")
    assert answer["ModelArn"].endswith("model/m")
    (entry,) = cloud.world.requests
    assert (entry.caller, entry.operation) == ("scheduler", "CreateModel")


def test_one_long_wait_ends_like_many_short_ones() -> None:
    ends = []
    for steps in (1, 50):
        cloud = LocalCloud(world=World(clock=Clock(speed=0, start=1_800_000_000)))
        aws: Any = session(cloud)
        put_model(aws, "m")
        put_config(aws, "c", "m")
        aws.client("sagemaker").create_endpoint(EndpointName="e", EndpointConfigName="c")
        aws.client("scheduler").create_schedule(
            Name="off",
            ScheduleExpression="rate(1 hours)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={
                "Arn": "arn:aws:scheduler:::aws-sdk:sagemaker:updateEndpointWeightsAndCapacities",
                "RoleArn": ROLE,
                "Input": json.dumps({"EndpointName": "e", "DesiredWeightsAndCapacities": [{"VariantName": "main"}]}),
            },
        )
        for _ in range(steps):
            cloud.advance(10 * 3600 / steps)
        endpoint = cloud.world.find("us-east-1", "sagemaker:endpoint", "e")
        assert endpoint is not None
        ends.append([(transition.status, round(transition.at, 3)) for transition in endpoint.transitions])
    assert ends[0] == ends[1]
    assert len(ends[0]) > 15


def test_a_failure_of_our_own_is_answered_as_one(cloud: LocalCloud, aws: Any, caplog: Any) -> None:
    put_model(aws, "m")
    model = cloud.world.find("us-east-1", "sagemaker:model", "m")
    assert model is not None
    model.spec = None  # type: ignore[assignment]
    with pytest.raises(ClientError) as raised:
        aws.client("sagemaker", config=NO_RETRIES).describe_model(ModelName="m")
    assert error_of(raised)[0] == "InternalFailure"
    assert "Traceback" in caplog.text
