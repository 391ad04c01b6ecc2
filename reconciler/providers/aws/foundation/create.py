"""Makes a foundation in an account, step by step; each step may be repeated, and what is not the project's is never touched.

What is there already keeps what others set on it: of a bucket's lifecycle and policy only the rules of ours are replaced.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.tags import PROJECT
from reconciler.providers.aws.faults import code_of, looks
from reconciler.providers.aws.session import AwsSession
from reconciler.providers.aws.tags import read_tags, sagemaker_tags

OWN = "reconciler-"
_POLICY = "reconciler"
_ABSENT = frozenset({"404", "NoSuchEntity", "NoSuchBucket", "NoSuchBucketPolicy", "NoSuchLifecycleConfiguration"})


@dataclass(frozen=True)
class Step:
    """``what``: ``role shop-plan``. ``made``: it was not there before."""

    what: str
    made: bool


@looks("making the project's foundation")
def create(aws: AwsSession, foundation: Mapping[str, Any]) -> tuple[Step, ...]:
    """Everything of ``layout.layout``. Raises CloudUnavailable; what was made until then stays, and a repetition goes on."""
    return tuple(_steps(aws, foundation))


def _steps(aws: AwsSession, foundation: Mapping[str, Any]) -> Iterator[Step]:
    tags = sagemaker_tags(foundation["tags"])
    yield _bucket(aws.changing("s3"), foundation["bucket"], foundation["region"])
    if not aws.settings.is_embedded:  # it speaks no TLS, which the policy asks for
        refuse_plain_connections(aws.changing("s3"), foundation["bucket"])
    if foundation["oidc"]:
        yield _oidc(aws.changing("iam"), foundation["oidc"])
    for role in foundation["roles"]:
        yield _role(aws.changing("iam"), role, tags)
    yield _topic(aws.changing("sns"), foundation["topic"], tags)
    for email in foundation["emails"]:
        yield _subscription(aws.changing("sns"), foundation["topic"]["arn"], email)
    for rule in foundation["rules"]:
        yield _rule(aws.changing("events"), rule, foundation["topic"]["arn"], tags)


def _bucket(s3: Any, bucket: Mapping[str, Any], region: str) -> Step:
    name = bucket["name"]
    made = _unless_absent(s3.head_bucket, Bucket=name) is None
    if made:
        where = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        s3.create_bucket(Bucket=name, **where)
        rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
        s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    closed = ("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets")
    s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=dict.fromkeys(closed, True))
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": _lifecycle(s3, bucket)})
    return Step(f"bucket {name}", made)


def refuse_plain_connections(s3: Any, bucket: Mapping[str, Any]) -> None:
    """By the bucket's policy, whose statements of others stay."""
    s3.put_bucket_policy(Bucket=bucket["name"], Policy=json.dumps(_bucket_policy(s3, bucket)))


def _bucket_policy(s3: Any, bucket: Mapping[str, Any]) -> dict[str, Any]:
    """What is there, with our statements in place of those of the same name."""
    found = _unless_absent(s3.get_bucket_policy, Bucket=bucket["name"])
    ours = bucket["policy"]["Statement"]
    names = {statement["Sid"] for statement in ours}
    kept = json.loads(found["Policy"])["Statement"] if found else []
    return {**bucket["policy"], "Statement": [*(s for s in kept if s.get("Sid") not in names), *ours]}


def _lifecycle(s3: Any, bucket: Mapping[str, Any]) -> list[dict[str, Any]]:
    found = _unless_absent(s3.get_bucket_lifecycle_configuration, Bucket=bucket["name"])
    kept = [rule for rule in (found or {}).get("Rules", ()) if not rule.get("ID", "").startswith(OWN)]
    return [*kept, *lifecycle_rules(bucket)]


def lifecycle_rules(bucket: Mapping[str, Any]) -> list[dict[str, Any]]:
    days = bucket["trash_days"]
    everything = {"Status": "Enabled", "Filter": {"Prefix": ""}}
    return [
        {
            "ID": f"{OWN}trash",
            "Status": "Enabled",
            "Filter": {"Prefix": bucket["trash"]},
            "Expiration": {"Days": days},
        },
        {"ID": f"{OWN}versions", **everything, "NoncurrentVersionExpiration": {"NoncurrentDays": days}},
        {
            "ID": f"{OWN}uploads",
            **everything,
            "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": bucket["multipart_days"]},
        },
    ]


def _oidc(iam: Any, oidc: Mapping[str, str]) -> Step:
    """One that is there gets our audience where it lacks it; nothing else of it is touched."""
    found = _unless_absent(iam.get_open_id_connect_provider, OpenIDConnectProviderArn=oidc["arn"])
    if found is None:
        iam.create_open_id_connect_provider(Url=f"https://{oidc['host']}", ClientIDList=[oidc["audience"]])
    elif oidc["audience"] not in found.get("ClientIDList", ()):
        iam.add_client_id_to_open_id_connect_provider(OpenIDConnectProviderArn=oidc["arn"], ClientID=oidc["audience"])
    return Step(f"OIDC provider {oidc['host']}", found is None)


def _role(iam: Any, role: Mapping[str, Any], tags: list[dict[str, str]]) -> Step:
    name, trusted = role["name"], json.dumps(role["trust"])
    told = {"Description": role["description"], "MaxSessionDuration": role["session_seconds"]}
    found = _unless_absent(iam.get_role, RoleName=name)
    if found is None:
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=trusted, Tags=tags, **told)
    else:
        _require_ours(f"role {name}", found["Role"].get("Tags", ()), tags)
        iam.update_assume_role_policy(RoleName=name, PolicyDocument=trusted)
        iam.update_role(RoleName=name, **told)
    iam.put_role_policy(RoleName=name, PolicyName=_POLICY, PolicyDocument=json.dumps(role["policy"]))
    return Step(f"role {name}", found is None)


def _topic(sns: Any, topic: Mapping[str, Any], tags: list[dict[str, str]]) -> Step:
    arn = topic["arn"]
    found = _unless(("NotFound",), sns.get_topic_attributes, TopicArn=arn)
    if found is None:
        sns.create_topic(Name=topic["name"], Tags=tags)
    else:
        _require_ours(f"topic {topic['name']}", sns.list_tags_for_resource(ResourceArn=arn)["Tags"], tags)
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps(topic["policy"]))
    return Step(f"topic {topic['name']}", found is None)


def _subscription(sns: Any, topic: str, email: str) -> Step:
    """Subscribing twice would ask for a second confirmation."""
    pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic)
    there = any(each["Endpoint"] == email for page in pages for each in page["Subscriptions"])
    if not there:
        sns.subscribe(TopicArn=topic, Protocol="email", Endpoint=email)
    return Step(f"mail to {email}", not there)


def _rule(events: Any, rule: Mapping[str, Any], topic: str, tags: list[dict[str, str]]) -> Step:
    name = rule["name"]
    found = _unless(("ResourceNotFoundException",), events.describe_rule, Name=name)
    if found is not None:
        _require_ours(f"rule {name}", events.list_tags_for_resource(ResourceARN=found["Arn"])["Tags"], tags)
    told = {"Name": name, "Description": rule["description"], "EventPattern": json.dumps(rule["pattern"])}
    events.put_rule(**told, State="ENABLED", **({"Tags": tags} if found is None else {}))
    transformer = {"InputPathsMap": rule["paths"], "InputTemplate": rule["template"]}
    answer = events.put_targets(Rule=name, Targets=[{"Id": "topic", "Arn": topic, "InputTransformer": transformer}])
    if answer.get("FailedEntryCount"):
        raise CloudUnavailable(f"rule {name}: its target was refused: {answer['FailedEntries'][0]['ErrorMessage']}")
    return Step(f"rule {name}", found is None)


def _require_ours(what: str, found: Any, wanted: list[dict[str, str]]) -> None:
    owner = read_tags(found).get(PROJECT)
    project = read_tags(wanted)[PROJECT]
    if owner != project:
        raise CloudUnavailable(
            f"{what} exists and is not of project {project}: its tag {PROJECT} is {owner or 'missing'}",
            hint=f"Rename or remove it, or write the tag on it: {PROJECT}={project}.",
        )


def _unless_absent(ask: Callable[..., Any], **request: Any) -> dict[str, Any] | None:
    return _unless(_ABSENT, ask, **request)


def _unless(codes: tuple[str, ...] | frozenset[str], ask: Callable[..., Any], **request: Any) -> dict[str, Any] | None:
    """The answer; ``None`` where it is an error of these codes."""
    try:
        return dict(ask(**request))
    except ClientError as error:
        if code_of(error) in codes:
            return None
        raise
