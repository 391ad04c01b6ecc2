"""A project's foundation: trusted by whom, made how, and what is not ours is left alone."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
from botocore.exceptions import ClientError

from reconciler.domain.errors import CloudUnavailable
from reconciler.providers.aws.foundation import policies, trust
from reconciler.providers.aws.foundation.blueprint import Blueprint, GitHub
from reconciler.providers.aws.foundation.create import create, refuse_plain_connections
from reconciler.providers.aws.foundation.layout import layout
from reconciler.providers.aws.session import AwsSession, AwsSettings
from tests.stage import BEDROCK, PROJECT, SAGEMAKER, Stage

BLUEPRINT = Blueprint(
    project="stage",
    region="us-east-1",
    account="123456789012",
    bucket="stage-artifacts",
    emails=("ana@example.com", "bo@example.com"),
    github=GitHub(repository="acme/llms"),
)
OURS = "ReconcilerOnlyEncryptedTransport"
LONGEST_ROLE_POLICY = 10_240
"""Characters of all inline policies of a role, white space not counted: "IAM and AWS STS quotas"."""


def aws(stage: Stage) -> AwsSession:
    return AwsSession(AwsSettings(region="us-east-1", endpoint_url="http://127.0.0.1:1"), session=stage.raw)


def subjects(document: dict[str, Any]) -> list[str]:
    condition = document["Statement"][0]["Condition"]["StringEquals"]
    assert condition[f"{trust.OIDC_HOST}:aud"] == "sts.amazonaws.com"
    return list(condition[f"{trust.OIDC_HOST}:sub"])


def test_pull_requests_plan_and_the_branch_applies() -> None:
    assert subjects(trust.plan(BLUEPRINT)) == ["repo:acme/llms:pull_request", "repo:acme/llms:ref:refs/heads/main"]
    assert subjects(trust.apply(BLUEPRINT)) == ["repo:acme/llms:ref:refs/heads/main"]


def test_where_an_environment_is_named_only_that_applies() -> None:
    reviewed = replace(BLUEPRINT, github=GitHub(repository="acme/llms", environment="production"))
    assert subjects(trust.apply(reviewed)) == ["repo:acme/llms:environment:production"]


def test_without_a_repository_the_account_decides() -> None:
    by_hand = replace(BLUEPRINT, github=None)
    assert trust.plan(by_hand)["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::123456789012:root"}
    named = replace(by_hand, principal="arn:aws:iam::123456789012:role/runner")
    assert trust.apply(named)["Statement"][0]["Principal"] == {"AWS": "arn:aws:iam::123456789012:role/runner"}
    assert layout(by_hand)["oidc"] is None


@pytest.mark.parametrize("purpose", ["training", "bedrock", "scheduler"])
def test_a_service_acts_for_this_account_alone(purpose: str) -> None:
    (statement,) = trust.TRUST[purpose](BLUEPRINT)["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:SourceAccount": "123456789012"}


@pytest.mark.parametrize("region", ["us-east-1", "cn-north-1", "us-gov-west-1"])
def test_policies_fit_into_roles_of_every_partition(region: str) -> None:
    project = "p" * 63
    wide = replace(BLUEPRINT, project=project, region=region, data=("d" * 63, "e" * 63), adopts=True)
    for role in layout(wide)["roles"]:
        assert len(role["name"]) <= 64
        assert len(json.dumps(role["policy"], separators=(",", ":"))) <= LONGEST_ROLE_POLICY
        assert json.dumps(role["policy"]).count("arn:aws:") == (
            json.dumps(role["policy"]).count("arn:") if region == "us-east-1" else 0
        )


def test_made_once_and_brought_up_to_date_after_that(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    first = create(aws(stage), layout(BLUEPRINT))
    assert all(step.made for step in first)
    again = create(aws(stage), layout(replace(BLUEPRINT, emails=("ana@example.com", "cy@example.com"))))
    assert [step.what for step in again if step.made] == ["mail to cy@example.com"]
    topic = stage.client("sns").list_subscriptions_by_topic(TopicArn=BLUEPRINT.topic_arn)
    assert sorted(each["Endpoint"] for each in topic["Subscriptions"]) == [
        "ana@example.com",
        "bo@example.com",
        "cy@example.com",
    ]


def test_the_bucket_is_versioned_encrypted_closed_and_empties_its_trash(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    create(aws(stage), layout(BLUEPRINT))
    s3, name = stage.client("s3"), {"Bucket": "stage-artifacts"}
    assert s3.get_bucket_versioning(**name)["Status"] == "Enabled"
    assert s3.get_bucket_encryption(**name)["ServerSideEncryptionConfiguration"]["Rules"]
    closed = s3.get_public_access_block(**name)["PublicAccessBlockConfiguration"]
    assert closed == dict.fromkeys(
        ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True
    )
    rules = {rule["ID"]: rule for rule in s3.get_bucket_lifecycle_configuration(**name)["Rules"]}
    assert rules["reconciler-trash"]["Filter"]["Prefix"] == "stage/trash/"
    assert rules["reconciler-trash"]["Expiration"]["Days"] == 30
    assert "Expiration" not in rules["reconciler-versions"]


def test_rules_of_others_in_a_bucket_stay(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    s3 = stage.client("s3")
    s3.create_bucket(Bucket="stage-artifacts")
    theirs = {"ID": "theirs", "Status": "Enabled", "Filter": {"Prefix": "tmp/"}, "Expiration": {"Days": 1}}
    s3.put_bucket_lifecycle_configuration(Bucket="stage-artifacts", LifecycleConfiguration={"Rules": [theirs]})
    create(aws(stage), layout(BLUEPRINT))
    create(aws(stage), layout(BLUEPRINT))
    rules = s3.get_bucket_lifecycle_configuration(Bucket="stage-artifacts")["Rules"]
    assert [rule["ID"] for rule in rules] == ["theirs", "reconciler-trash", "reconciler-versions", "reconciler-uploads"]


def test_a_bucket_keeps_what_others_say_of_it_and_refuses_plain_connections(tmp_path: Path) -> None:
    """On AWS alone: the embedded cloud speaks no TLS."""
    stage = Stage(tmp_path)
    create(aws(stage), layout(BLUEPRINT))
    s3 = stage.client("s3")
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket="stage-artifacts")
    theirs = {"Sid": "Theirs", "Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::x/*"}
    found = {"get_bucket_policy.return_value": {"Policy": json.dumps({"Statement": [theirs, {"Sid": OURS}]})}}
    client = Mock(**found)
    refuse_plain_connections(client, layout(BLUEPRINT)["bucket"])
    written = json.loads(client.put_bucket_policy.call_args.kwargs["Policy"])
    assert [statement["Sid"] for statement in written["Statement"]] == ["Theirs", OURS]
    assert written["Statement"][1]["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_role_that_is_not_ours_is_not_touched(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    iam = stage.client("iam")
    theirs = json.dumps({"Version": "2012-10-17", "Statement": []})
    iam.create_role(RoleName="stage-apply", AssumeRolePolicyDocument=theirs)
    with pytest.raises(CloudUnavailable, match="role stage-apply exists and is not of project stage"):
        create(aws(stage), layout(BLUEPRINT))
    assert iam.list_role_policies(RoleName="stage-apply")["PolicyNames"] == []
    with pytest.raises(ClientError):
        iam.get_role(RoleName="stage-training")


def test_what_is_written_is_the_policy(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    create(aws(stage), layout(BLUEPRINT))
    iam = stage.client("iam")
    for purpose, make in policies.POLICIES.items():
        written = iam.get_role_policy(RoleName=f"stage-{purpose}", PolicyName="reconciler")["PolicyDocument"]
        assert written == make(BLUEPRINT)
        assert iam.get_role(RoleName=f"stage-{purpose}")["Role"]["AssumeRolePolicyDocument"] == trust.TRUST[purpose](
            BLUEPRINT
        )


def test_mail_when_a_training_ends_and_when_one_fails(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    create(aws(stage), layout(replace(BLUEPRINT, emails=("ana@example.com",))))
    roles = ", ".join(f"{purpose}: {BLUEPRINT.role_arn(purpose)}" for purpose in ("training", "bedrock", "scheduler"))
    stage.write("reconciler.yaml", PROJECT.replace("spec: {", f"spec: {{roles: {{{roles}}}, "))
    stage.write("open-bot.yaml", SAGEMAKER)
    stage.write("nova-bot.yaml", BEDROCK)
    stage.fault("fail", "bedrock:CreateModelCustomizationJob", message="The data is bad.", times=1)
    stage.apply()
    texts = [mail["text"] for mail in stage.cloud.mail.mails()]
    assert sum("training open-bot-" in text and "is Completed" in text for text in texts) == 1
    assert (
        sum("training nova-bot-" in text and "is Failed" in text and "The data is bad." in text for text in texts) == 1
    )
