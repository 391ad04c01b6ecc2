"""Mail when a training ends or fails: EventBridge rules, the text that they send, and the topic's policy.

The events' shapes: "Automating Amazon SageMaker AI with Amazon EventBridge" and "Monitor Amazon Bedrock job state changes using
Amazon EventBridge". Both carry the job's role, which is the project's own: that is how a project's jobs are told from others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.providers.aws.foundation.blueprint import Blueprint

ENDED = ["Completed", "Failed", "Stopped"]


@dataclass(frozen=True, kw_only=True)
class Rule:
    """``paths`` and ``template`` are an input transformer's; the template is one JSON string, which SNS mails as plain text."""

    key: str
    name: str
    description: str
    pattern: dict[str, Any]
    paths: dict[str, str]
    template: str


def rules(blueprint: Blueprint) -> tuple[Rule, ...]:
    return (_sagemaker(blueprint), _bedrock(blueprint))


def topic_policy(blueprint: Blueprint) -> dict[str, Any]:
    """Only the project's rules publish."""
    sources = [blueprint.arn("events", f"rule/{rule.name}") for rule in rules(blueprint)]
    statement = {
        "Sid": "PublishFromRules",
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sns:Publish",
        "Resource": blueprint.topic_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": sources}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}


def _sagemaker(blueprint: Blueprint) -> Rule:
    return Rule(
        key="sagemaker",
        name=blueprint.rule_name("sagemaker"),
        description=f"{blueprint.project}: a SageMaker training ended",
        pattern={
            "source": ["aws.sagemaker"],
            "detail-type": ["SageMaker Training Job State Change"],
            "detail": {"TrainingJobStatus": ENDED, "RoleArn": [blueprint.role_arn("training")]},
        },
        paths={
            "job": "$.detail.TrainingJobName",
            "status": "$.detail.TrainingJobStatus",
            "reason": "$.detail.FailureReason",
            "time": "$.time",
            "region": "$.region",
        },
        template=_text(blueprint),
    )


def _bedrock(blueprint: Blueprint) -> Rule:
    return Rule(
        key="bedrock",
        name=blueprint.rule_name("bedrock"),
        description=f"{blueprint.project}: a Bedrock model customization ended",
        pattern={
            "source": ["aws.bedrock"],
            "detail-type": ["Model Customization Job State Change"],
            "detail": {"jobStatus": ENDED, "roleArn": [blueprint.role_arn("bedrock")]},
        },
        paths={
            "job": "$.detail.jobName",
            "status": "$.detail.jobStatus",
            "reason": "$.detail.failureMessage",
            "time": "$.time",
            "region": "$.region",
        },
        template=_text(blueprint),
    )


def _text(blueprint: Blueprint) -> str:
    """A reason that is not there is left empty by EventBridge."""
    return f'"{blueprint.project}: training <job> is <status> (<time>, <region>). <reason>"'
