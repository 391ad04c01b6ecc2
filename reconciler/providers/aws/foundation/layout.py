"""The whole foundation of a project as plain data: what is created by API calls, and what the printed forms are made of."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from reconciler.domain.tags import PROJECT
from reconciler.providers.aws.foundation import notices, trust
from reconciler.providers.aws.foundation.blueprint import TRASH_DAYS, Blueprint
from reconciler.providers.aws.foundation.policies import POLICIES

_PURPOSES = {
    "plan": "Reads what {project} owns; changes nothing.",
    "apply": "Brings what {project} owns to what its manifests say.",
    "ask": "Asks what {project} has deployed, and reads what {project} owns.",
    "training": "SageMaker trains and serves models of {project} with it.",
    "bedrock": "Bedrock customizes models of {project} with it.",
    "scheduler": "EventBridge Scheduler keeps the deployment hours of {project} with it.",
}


_SESSION = 3600
"""IAM's default for a role's longest session."""

_APPLY_SESSION = 6 * 3600
"""An apply waits for trainings, and a job on GitHub's own runners ends after six hours. IAM allows twelve."""


def layout(blueprint: Blueprint) -> dict[str, Any]:
    """Keys: project, region, account, tags, bucket, roles, oidc (or None), topic, emails, rules."""
    return {
        "project": blueprint.project,
        "region": blueprint.region,
        "account": blueprint.account,
        "tags": {PROJECT: blueprint.project},
        "bucket": _bucket(blueprint),
        "roles": [_role(blueprint, purpose) for purpose in _PURPOSES],
        "oidc": _oidc(blueprint),
        "topic": {
            "name": blueprint.topic_name,
            "arn": blueprint.topic_arn,
            "policy": notices.topic_policy(blueprint),
        },
        "emails": list(blueprint.emails),
        "rules": [asdict(rule) for rule in notices.rules(blueprint)],
    }


def _bucket(blueprint: Blueprint) -> dict[str, Any]:
    """Noncurrent versions go after as long as the trash is kept: bucket versioning is there to undo accidents, not to hoard."""
    return {
        "name": blueprint.bucket,
        "trash": f"{blueprint.project}/trash/",
        "trash_days": TRASH_DAYS,
        "multipart_days": 7,
        "policy": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "ReconcilerOnlyEncryptedTransport",
                    "Effect": "Deny",
                    "Principal": "*",
                    "Action": "s3:*",
                    "Resource": [blueprint.bucket_arn(blueprint.bucket), blueprint.bucket_arn(blueprint.bucket, "*")],
                    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
                }
            ],
        },
    }


def _role(blueprint: Blueprint, purpose: str) -> dict[str, Any]:
    return {
        "purpose": purpose,
        "name": blueprint.role_name(purpose),
        "arn": blueprint.role_arn(purpose),
        "description": _PURPOSES[purpose].format(project=blueprint.project),
        "session_seconds": _APPLY_SESSION if purpose == "apply" else _SESSION,
        "trust": trust.TRUST[purpose](blueprint),
        "policy": POLICIES[purpose](blueprint),
    }


def _oidc(blueprint: Blueprint) -> dict[str, str] | None:
    """An account has one provider for GitHub; it is left alone where it is there already."""
    if blueprint.github is None or not blueprint.oidc_provider:
        return None
    return {"host": trust.OIDC_HOST, "audience": trust.OIDC_AUDIENCE, "arn": trust.provider_arn(blueprint)}
