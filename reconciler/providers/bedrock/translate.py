"""Orders of the engine as Bedrock's requests. Pure; the limits are those of botocore 1.44's service model."""

from __future__ import annotations

import hashlib
from typing import Any

from reconciler.domain.catalog import BedrockOffer, FoundationModel, ProviderName
from reconciler.domain.desired import DeploymentKind, DesiredModel
from reconciler.domain.observation import Artifact
from reconciler.domain.outcome import FaultKind
from reconciler.domain.ports import DeployOrder, TrainOrder
from reconciler.providers.aws.faults import Refused
from reconciler.providers.aws.tags import bedrock_tags, resource_tags
from reconciler.providers.bedrock.statuses import COMMITMENT
from reconciler.providers.hyperparameters import wire
from reconciler.providers.settings import ProviderSettings

FINE_TUNING = "FINE_TUNING"

Request = dict[str, Any]


def job(order: TrainOrder, settings: ProviderSettings) -> Request:
    """CreateModelCustomizationJob, complete. The job and the custom model that it makes have one name and the same tags."""
    base = foundation(order.model, settings)
    tags = bedrock_tags(resource_tags(order.owner, order.model.resolved.labels))
    return {
        "jobName": order.name,
        "customModelName": order.name,
        "roleArn": settings.roles.bedrock,
        "clientRequestToken": request_token(order.owner.project, order.name),
        "baseModelIdentifier": order.parent.identifier if order.parent else _offer(base).model_id,
        "customizationType": FINE_TUNING,
        "hyperParameters": wire(base, ProviderName.BEDROCK, order.model.resolved.hyperparameters),
        "trainingDataConfig": {"s3Uri": order.data.training_uri},
        **_validation(order),
        "outputDataConfig": {"s3Uri": order.output_uri},
        "jobTags": tags,
        "customModelTags": tags,
    }


def throughput(order: DeployOrder) -> Request:
    """CreateProvisionedModelThroughput.

    No token of ours: Bedrock ignores a request whose token it knows, so one made from the name would keep a throughput that
    was deleted from ever coming back. Two creations are told apart by the name, which is looked up first.
    """
    wanted = order.model.resolved.deployment
    commitment = _COMMITMENT_DURATION[wanted.commitment or "none"]
    return {
        "provisionedModelName": order.name,
        "modelId": artifact(order).identifier,
        "modelUnits": wanted.model_units or 1,
        **({"commitmentDuration": commitment} if commitment else {}),
        "tags": deployment_tags(order),
    }


def deployment(order: DeployOrder) -> Request:
    """CreateCustomModelDeployment; as for the token see :func:`throughput`."""
    return {
        "modelDeploymentName": order.name,
        "modelArn": artifact(order).identifier,
        "tags": deployment_tags(order),
    }


def scheduled(request: Request) -> Request:
    """A request as EventBridge Scheduler wants it: every parameter with a capital first letter."""
    return {_capital(key): _scheduled_value(value) for key, value in request.items()}


def deployment_tags(order: DeployOrder) -> list[dict[str, str]]:
    owner = order.owner.model_copy(update={"fingerprint": order.version.fingerprint})
    return bedrock_tags(resource_tags(owner, order.model.resolved.labels))


def artifact(order: DeployOrder) -> Artifact:
    found = order.version.artifact
    assert found is not None, f"{order.name} is deployed from a version without an artifact"
    return found


def foundation(desired: DesiredModel, settings: ProviderSettings) -> FoundationModel:
    key = desired.resolved.base_model
    found = settings.catalog.model(key)
    if found is None or found.bedrock is None:
        raise Refused(FaultKind.TERMINAL, "UnknownBaseModel", f"the catalog does not offer {key} on Bedrock")
    return found


def require_servable(desired: DesiredModel, settings: ProviderSettings) -> None:
    """Raises Refused where the base model's custom models cannot be served in the wanted way."""
    offer = _offer(foundation(desired, settings))
    kind = desired.resolved.deployment.kind
    possible = {
        DeploymentKind.ON_DEMAND: offer.supports_on_demand,
        DeploymentKind.PROVISIONED: offer.supports_throughput,
    }
    if not possible.get(kind, False):
        told = f"custom models of {desired.resolved.base_model} cannot be deployed as {kind} on Bedrock"
        raise Refused(FaultKind.TERMINAL, "NotDeployable", told)


def request_token(project: str, name: str) -> str:
    """The same for the same attempt, on any machine: a repeated request starts nothing new."""
    return hashlib.sha256(f"{project}/{name}".encode()).hexdigest()


def _offer(base: FoundationModel) -> BedrockOffer:
    assert base.bedrock is not None
    return base.bedrock


def _validation(order: TrainOrder) -> Request:
    uri = order.data.validation_uri
    return {"validationDataConfig": {"validators": [{"s3Uri": uri}]}} if uri else {}


def _scheduled_value(value: Any) -> Any:
    match value:
        case dict():
            return scheduled(value)
        case list():
            return [_scheduled_value(item) for item in value]
        case _:
            return value


def _capital(key: str) -> str:
    return key[:1].upper() + key[1:]


_COMMITMENT_DURATION = {words: duration for duration, words in COMMITMENT.items()}
