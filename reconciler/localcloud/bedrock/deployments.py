"""Custom model deployments: a custom model served on demand, paid by the token; only for some base models.

| Status | Update status | Next |
|---|---|---|
| Creating | | Active, Failed |
| Active | | Updating (another model), gone (deleted) |
| Active | Updating | UpdateCompleted with the new model, UpdateFailed with the old one |
| Failed | | gone (deleted) |
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.bedrock import durations
from reconciler.localcloud.bedrock.identifiers import DEPLOYMENT, MODEL, foundation_of, named, once, own_arn
from reconciler.localcloud.bedrock.lists import created_after, created_before, listing, name_contains, status_equals
from reconciler.localcloud.bedrock.tags import tags_of
from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call, Cloud

IDENTIFIER = "customModelDeploymentIdentifier"


def create_deployment(call: Call) -> Mapping[str, Any]:
    return {"customModelDeploymentArn": once(call, _create)}


def get_deployment(call: Call) -> Mapping[str, Any]:
    deployment = named(call, DEPLOYMENT, call.params[IDENTIFIER])
    status = deployment.facts["update_status"]
    update = {"modelArn": deployment.facts["desired_model_arn"], "updateStatus": status} if status else None
    return {
        **_summary(deployment),
        "modelDeploymentName": deployment.name,
        "description": deployment.spec.get("description"),
        "updateDetails": update,
    }


def update_deployment(call: Call) -> Mapping[str, Any]:
    deployment = named(call, DEPLOYMENT, call.params[IDENTIFIER])
    if deployment.status != "Active" or deployment.facts["update_status"] == "Updating":
        raise invalid(f"The deployment {deployment.name} is {deployment.status} and cannot be updated.")
    model = _servable(call)
    if model.facts["foundation"] != deployment.facts["foundation"]:
        raise invalid(f"{model.arn} is not made from {deployment.facts['foundation']}, as the current model is.")
    deployment.facts |= {"desired_model_arn": model.arn, "update_status": "Updating"}
    deployment.updated = call.now
    _plan_update(call, deployment)
    return {"customModelDeploymentArn": deployment.arn}


def delete_deployment(call: Call) -> None:
    deployment = named(call, DEPLOYMENT, call.params[IDENTIFIER])
    if deployment.status == "Creating" or deployment.facts["update_status"] == "Updating":
        raise AwsError("ConflictException", f"The deployment {deployment.name} is being created or updated.")
    call.world.drop(deployment)


def _create(call: Call) -> Resource:
    name = call.params["modelDeploymentName"]
    model = _servable(call)
    if call.world.find(call.region, DEPLOYMENT, name):
        raise invalid(f"A custom model deployment with the name {name} already exists.")
    deployment = call.world.add(
        Resource(
            kind=DEPLOYMENT,
            name=name,
            arn=own_arn(call.world, call.region, "custom-model-deployment"),
            region=call.region,
            created=call.now,
            status="Creating",
            spec=dict(call.params),
            tags=tags_of(call.params.get("tags")),
            facts={
                "foundation": model.facts["foundation"],
                "model_arn": model.arn,
                "desired_model_arn": model.arn,
                "update_status": None,
            },
        )
    )
    _plan_creation(call, deployment)
    return deployment


def _servable(call: Call) -> Resource:
    model = named(call, MODEL, call.params["modelArn"])
    if model.status != "Active":
        raise invalid(f"The model {model.arn} is {model.status}, not Active.")
    if not foundation_of(model).on_demand:
        raise invalid(f"Custom models of {foundation_of(model).name} cannot be deployed on demand.")
    return model


def _plan_creation(call: Call, deployment: Resource) -> None:
    fault = call.fate("fail", "capacity")
    if fault is None:
        call.world.at(call.now + durations.DEPLOYMENT_CREATION, deployment, "bedrock.deployment.active")
    else:
        struck = call.now + fault.at * durations.DEPLOYMENT_CREATION
        call.world.at(struck, deployment, "bedrock.deployment.failed", reason=fault.message)


def _plan_update(call: Call, deployment: Resource) -> None:
    fault = call.fate("fail", "capacity", "rollback")
    if fault is None:
        call.world.at(call.now + durations.DEPLOYMENT_UPDATE, deployment, "bedrock.deployment.updated")
    else:
        struck = call.now + fault.at * durations.DEPLOYMENT_UPDATE
        reason = None if fault.kind == "rollback" else fault.message
        call.world.at(struck, deployment, "bedrock.deployment.update_failed", reason=reason)


def active(_: Cloud, deployment: Resource, at: float, __: Mapping[str, Any]) -> None:
    deployment.enter("Active", at)


def failed(_: Cloud, deployment: Resource, at: float, data: Mapping[str, Any]) -> None:
    deployment.enter("Failed", at, failure=data["reason"])


def updated(_: Cloud, deployment: Resource, at: float, __: Mapping[str, Any]) -> None:
    deployment.facts |= {"model_arn": deployment.facts["desired_model_arn"], "update_status": "UpdateCompleted"}
    deployment.enter("Active", at)


def update_failed(_: Cloud, deployment: Resource, at: float, data: Mapping[str, Any]) -> None:
    """The old model goes on serving; `updateDetails` still names the model that was wanted."""
    deployment.facts["update_status"] = "UpdateFailed"
    deployment.enter("Active", at, failure=data["reason"])


def _summary(deployment: Resource) -> dict[str, Any]:
    return {
        "customModelDeploymentArn": deployment.arn,
        "modelArn": deployment.facts["model_arn"],
        "createdAt": moment(deployment.created),
        "status": deployment.status,
        "lastUpdatedAt": moment(deployment.updated),
        "failureMessage": deployment.failure,
    }


list_deployments = listing(
    DEPLOYMENT,
    "modelDeploymentSummaries",
    lambda deployment: {**_summary(deployment), "customModelDeploymentName": deployment.name},
    {
        "createdAfter": created_after,
        "createdBefore": created_before,
        "nameContains": name_contains,
        "statusEquals": status_equals,
        "modelArnEquals": lambda deployment, arn: deployment.facts["model_arn"] == arn,
    },
)
