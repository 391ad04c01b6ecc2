"""Who may take each role: a repository's workflows by their OIDC token, and the AWS services on the project's behalf.

Claims of GitHub's token (``sub``, ``aud``): "About security hardening with OpenID Connect", GitHub Docs. The confused-deputy
conditions (``aws:SourceAccount``, ``aws:SourceArn``): the services' own pages on their roles.
"""

from __future__ import annotations

from typing import Any

from reconciler.providers.aws.foundation.blueprint import Blueprint, GitHub

OIDC_HOST = "token.actions.githubusercontent.com"
OIDC_AUDIENCE = "sts.amazonaws.com"


def plan(blueprint: Blueprint) -> dict[str, Any]:
    """Pull requests, and for drift on a schedule the branch that is applied."""
    github = blueprint.github
    if github is None:
        return _person(blueprint)
    return _workflows(blueprint, [f"repo:{github.repository}:pull_request", _branch(github)])


def apply(blueprint: Blueprint) -> dict[str, Any]:
    """The environment whose reviewers approve, or else the branch: never a pull request."""
    github = blueprint.github
    if github is None:
        return _person(blueprint)
    environment = f"repo:{github.repository}:environment:{github.environment}"
    return _workflows(blueprint, [environment if github.environment else _branch(github)])


def ask(blueprint: Blueprint) -> dict[str, Any]:
    """People, whoever takes the other roles: no workflow of a repository asks models."""
    return _person(blueprint)


def training(blueprint: Blueprint) -> dict[str, Any]:
    return _service(blueprint, "sagemaker")


def bedrock(blueprint: Blueprint) -> dict[str, Any]:
    jobs = blueprint.arn("bedrock", "model-customization-job/*")
    return _service(blueprint, "bedrock", ArnLike={"aws:SourceArn": jobs})


def scheduler(blueprint: Blueprint) -> dict[str, Any]:
    group = blueprint.arn("scheduler", f"schedule-group/{blueprint.schedule_group}")
    return _service(blueprint, "scheduler", ArnLike={"aws:SourceArn": group})


TRUST = {
    "plan": plan,
    "apply": apply,
    "ask": ask,
    "training": training,
    "bedrock": bedrock,
    "scheduler": scheduler,
}
"""By the role's purpose."""


def provider_arn(blueprint: Blueprint) -> str:
    return f"arn:{blueprint.partition}:iam::{blueprint.account}:oidc-provider/{OIDC_HOST}"


def _branch(github: GitHub) -> str:
    return f"repo:{github.repository}:ref:refs/heads/{github.branch}"


def _workflows(blueprint: Blueprint, subjects: list[str]) -> dict[str, Any]:
    return _document(
        "sts:AssumeRoleWithWebIdentity",
        {"Federated": provider_arn(blueprint)},
        StringEquals={f"{OIDC_HOST}:aud": OIDC_AUDIENCE, f"{OIDC_HOST}:sub": subjects},
    )


def _person(blueprint: Blueprint) -> dict[str, Any]:
    account = f"arn:{blueprint.partition}:iam::{blueprint.account}:root"
    return _document("sts:AssumeRole", {"AWS": blueprint.principal or account})


def _service(blueprint: Blueprint, service: str, **conditions: Any) -> dict[str, Any]:
    own = {"StringEquals": {"aws:SourceAccount": blueprint.account}}
    return _document("sts:AssumeRole", {"Service": f"{service}.amazonaws.com"}, **own, **conditions)


def _document(action: str, principal: dict[str, str], **conditions: Any) -> dict[str, Any]:
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": principal, "Action": action}
    return {"Version": "2012-10-17", "Statement": [statement | ({"Condition": conditions} if conditions else {})]}
