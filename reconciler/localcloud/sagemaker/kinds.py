"""The kinds of SageMaker resources: how they are named in ARNs, made, found, and missed in AWS's words."""

from __future__ import annotations

from typing import Any

from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.sagemaker import tags
from reconciler.localcloud.service import Call

TRAINING_JOB = "sagemaker:training-job"
MODEL = "sagemaker:model"
ENDPOINT_CONFIG = "sagemaker:endpoint-config"
ENDPOINT = "sagemaker:endpoint"

WORDS = {MODEL: "model", ENDPOINT_CONFIG: "endpoint configuration", ENDPOINT: "endpoint"}


def arn(call: Call, kind: str, name: str) -> str:
    return call.arn(f"{kind.partition(':')[2]}/{name}", service="sagemaker")


def make(call: Call, kind: str, name: str, *, status: str, secondary: str = "") -> Resource:
    """Add a resource of the call's parameters. Raises the kind's own error for a name that is taken."""
    if call.world.find(call.region, kind, name) is not None:
        raise taken(call, kind, name)
    spec = {key: value for key, value in call.params.items() if key != "Tags"}
    return call.world.add(
        Resource(
            kind=kind,
            name=name,
            arn=arn(call, kind, name),
            region=call.region,
            created=call.now,
            status=status,
            secondary=secondary,
            spec=spec,
            tags=tags.from_list(call.params.get("Tags")),
        )
    )


def get(call: Call, kind: str, name: str) -> Resource:
    """Raises ValidationException, which is SageMaker's word for "not found"."""
    resource = call.find(kind, name)
    if resource is None:
        raise missing(call, kind, name)
    return resource


def missing(call: Call, kind: str, name: str) -> AwsError:
    if kind == TRAINING_JOB:
        return invalid("Requested resource not found.")
    return invalid(f'Could not find {WORDS[kind]} "{arn(call, kind, name)}".')


def taken(call: Call, kind: str, name: str) -> AwsError:
    if kind == TRAINING_JOB:
        text = "Training job names must be unique within an AWS account and region, and a training job with this name"
        return AwsError("ResourceInUse", f"{text} already exists ({arn(call, kind, name)})")
    return invalid(f'Cannot create already existing {WORDS[kind]} "{arn(call, kind, name)}".')


def sent(resource: Resource) -> dict[str, Any]:
    """What the client sent, as Describe gives it back."""
    return dict(resource.spec)
