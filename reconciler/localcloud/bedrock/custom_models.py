"""Custom models: made by a job that completes, served by a throughput or deployment, deleted when nothing uses them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.localcloud.bedrock.identifiers import (
    DEPLOYMENT,
    JOB,
    MODEL,
    THROUGHPUT,
    foundation_arn,
    named,
    own_arn,
)
from reconciler.localcloud.bedrock.lists import CREATION_TIME, listing, status_equals
from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call, Cloud
from reconciler.localcloud.world import World

FROM_JOB = ("customizationType", "hyperParameters", "trainingDataConfig", "outputDataConfig", "customizationConfig")


def get_model(call: Call) -> Mapping[str, Any]:
    return model_view(named(call, MODEL, call.params["modelIdentifier"]))


def delete_model(call: Call) -> None:
    model = named(call, MODEL, call.params["modelIdentifier"])
    users = list(_users(call.world, model))
    if users:
        raise AwsError("ConflictException", f"The model {model.arn} is in use by {', '.join(users)}.")
    call.world.drop(model)


def add_model(cloud: Cloud, job: Resource, at: float) -> Resource:
    """The model that a completed job leaves behind."""
    return cloud.world.add(
        Resource(
            kind=MODEL,
            name=job.spec["customModelName"],
            arn=own_arn(cloud.world, job.region, f"custom-model/{job.facts['foundation']}"),
            region=job.region,
            created=at,
            status="Active",
            spec={key: job.spec.get(key) for key in (*FROM_JOB, "validationDataConfig", "customModelKmsKeyId")},
            tags=dict(job.facts["model_tags"]),
            facts={
                "foundation": job.facts["foundation"],
                "base_arn": job.facts["base_arn"],
                "job_arn": job.arn,
                "job_name": job.name,
                "training_loss": job.facts["training_loss"],
                "validation_losses": job.facts["validation_losses"],
            },
        )
    )


def _users(world: World, model: Resource) -> Iterator[str]:
    """ARNs of what would break without the model."""
    for kind in (THROUGHPUT, DEPLOYMENT):
        for user in world.table(model.region, kind).values():
            if model.arn in (user.facts["model_arn"], user.facts.get("desired_model_arn")):
                yield user.arn
    for job in world.table(model.region, JOB).values():
        if job.status == "InProgress" and job.facts["base_arn"] == model.arn:
            yield job.arn


def model_view(model: Resource) -> Mapping[str, Any]:
    losses = model.facts["validation_losses"]
    return {
        **{key: model.spec[key] for key in FROM_JOB},
        **_summary(model),
        "jobArn": model.facts["job_arn"],
        "jobName": model.facts["job_name"],
        "modelKmsKeyArn": model.spec["customModelKmsKeyId"],
        "validationDataConfig": model.spec["validationDataConfig"],
        "trainingMetrics": {"trainingLoss": model.facts["training_loss"]},
        "validationMetrics": [{"validationLoss": loss} for loss in losses] if losses else None,
        "failureMessage": model.failure,
    }


def model_row(model: Resource) -> Mapping[str, Any]:
    return {
        **_summary(model),
        "baseModelName": model.facts["foundation"].partition(":")[0],
        "customizationType": model.spec["customizationType"],
        "ownerAccountId": model.arn.split(":")[4],
    }


def _summary(model: Resource) -> dict[str, Any]:
    return {
        "modelArn": model.arn,
        "modelName": model.name,
        "baseModelArn": model.facts["base_arn"],
        "creationTime": moment(model.created),
        "modelStatus": model.status,
    }


list_models = listing(
    MODEL,
    "modelSummaries",
    model_row,
    {
        **CREATION_TIME,
        "modelStatus": status_equals,
        "baseModelArnEquals": lambda model, arn: model.facts["base_arn"] == arn,
        "foundationModelArnEquals": lambda model, arn: foundation_arn(model.facts["foundation"], model.region) == arn,
        "isOwned": lambda model, owned: bool(owned),
    },
)
