"""What serves a custom model: a provisioned throughput, or a custom model deployment on demand. One shape for both."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import ClientError

from reconciler.domain.desired import DeploymentKind
from reconciler.domain.observation import Deployment, DeploymentPhase
from reconciler.domain.outcome import FaultKind, Outcome
from reconciler.domain.ports import DeployOrder
from reconciler.domain.tags import Owner
from reconciler.providers.aws.faults import Refused
from reconciler.providers.aws.schedules import ScheduledCall
from reconciler.providers.bedrock import translate
from reconciler.providers.bedrock.client import BedrockApi, Described
from reconciler.providers.bedrock.statuses import deployment_phase, throughput_phase
from reconciler.providers.ownership import require_ours


@dataclass(frozen=True)
class Service:
    """One way to serve, in Bedrock's calls."""

    kind: DeploymentKind
    words: str
    arn: str
    """Key of the ARN in a description."""
    request: Callable[[DeployOrder], dict[str, Any]]
    get: Callable[[BedrockApi, str], Described | None]
    create: Callable[[BedrockApi, Mapping[str, Any]], str]
    update: Callable[[BedrockApi, str, str], None]
    delete: Callable[[BedrockApi, str], None]
    phase: Callable[[Described], DeploymentPhase]
    create_action: str
    delete_action: str
    identifier: str
    """The parameter that names what a scheduled call deletes."""

    def deploy_call(self, order: DeployOrder) -> ScheduledCall:
        return ScheduledCall("bedrock", self.create_action, translate.scheduled(self.request(order)))

    def undeploy_call(self, name: str) -> ScheduledCall:
        return ScheduledCall("bedrock", self.delete_action, {self.identifier: name})


def _throughput_phase(facts: Described) -> DeploymentPhase:
    return throughput_phase(facts["status"], serves_what_was_asked=facts["modelArn"] == facts["desiredModelArn"])


def _deployment_phase(facts: Described) -> DeploymentPhase:
    return deployment_phase(facts["status"], (facts.get("updateDetails") or {}).get("updateStatus"))


PROVISIONED = Service(
    kind=DeploymentKind.PROVISIONED,
    words="provisioned throughput",
    arn="provisionedModelArn",
    request=translate.throughput,
    get=BedrockApi.throughput,
    create=BedrockApi.create_throughput,
    update=BedrockApi.update_throughput,
    delete=BedrockApi.delete_throughput,
    phase=_throughput_phase,
    create_action="createProvisionedModelThroughput",
    delete_action="deleteProvisionedModelThroughput",
    identifier="ProvisionedModelId",
)

ON_DEMAND = Service(
    kind=DeploymentKind.ON_DEMAND,
    words="custom model deployment",
    arn="customModelDeploymentArn",
    request=translate.deployment,
    get=BedrockApi.deployment,
    create=BedrockApi.create_deployment,
    update=BedrockApi.update_deployment,
    delete=BedrockApi.delete_deployment,
    phase=_deployment_phase,
    create_action="createCustomModelDeployment",
    delete_action="deleteCustomModelDeployment",
    identifier="CustomModelDeploymentIdentifier",
)

SERVICES = {DeploymentKind.PROVISIONED: PROVISIONED, DeploymentKind.ON_DEMAND: ON_DEMAND}


def deploy(api: BedrockApi, order: DeployOrder) -> Outcome:
    """Look by name first (see ``translate.throughput``), then create. What is ours already is adopted as it is."""
    service = SERVICES[order.model.resolved.deployment.kind]
    existing = service.get(api, order.name)
    if existing is not None:
        return _adopted(api, service, existing, order)
    try:
        arn = service.create(api, service.request(order))
    except ClientError:
        existing = service.get(api, order.name)
        if existing is None:
            raise
        return _adopted(api, service, existing, order)
    return Outcome.started(f"{service.words} {order.name} is being created", arn)


def roll(api: BedrockApi, order: DeployOrder) -> Outcome:
    """Another custom model under the same name and ARN. Tags that say what was asked for are written once it is accepted."""
    service = SERVICES[order.model.resolved.deployment.kind]
    existing = service.get(api, order.name)
    if existing is None:
        return deploy(api, order)
    arn = existing[service.arn]
    require_ours(f"{service.words} {order.name}", api.tags(arn) or {}, order.owner)
    model = translate.artifact(order).identifier
    phase = service.phase(existing)
    if phase is DeploymentPhase.FAILED or _moves_to(existing) != model:
        _require_rollable(service, order.name, phase, existing)
        _update(api, service, arn, model)
        phase = DeploymentPhase.UPDATING
    api.add_tags(arn, {tag["key"]: tag["value"] for tag in translate.deployment_tags(order)})
    if phase is DeploymentPhase.IN_SERVICE:
        return Outcome.done(f"{service.words} {order.name} serves it already", arn)
    return Outcome.started(f"{service.words} {order.name} is moving to {model}", arn)


def _update(api: BedrockApi, service: Service, arn: str, model: str) -> None:
    """A refusal may follow an update whose answer was lost: then it moves there already."""
    try:
        service.update(api, arn, model)
    except ClientError:
        existing = service.get(api, arn)
        if existing is None or _moves_to(existing) != model:
            raise


def undeploy(api: BedrockApi, deployed: Deployment, owner: Owner) -> Outcome:
    """Delete it, if it is ours. Bedrock refuses while a commitment runs."""
    service = SERVICES[deployed.kind]
    existing = service.get(api, deployed.name)
    if existing is None:
        return Outcome.done(f"{service.words} {deployed.name} is gone already")
    require_ours(f"{service.words} {deployed.name}", api.tags(existing[service.arn]) or {}, owner)
    try:
        service.delete(api, existing[service.arn])
    except ClientError:
        if service.get(api, deployed.name) is not None:
            raise
    gone = service.get(api, deployed.name) is None
    told = f"{service.words} {deployed.name} is deleted"
    return Outcome.done(told) if gone else Outcome.started(told)


def serves(api: BedrockApi, name: str, model: str) -> bool:
    """Whether anything of this name serves the custom model, or is about to, right now."""
    found = [service.get(api, name) for service in SERVICES.values()]
    return any(model in (facts["modelArn"], _moves_to(facts)) for facts in found if facts is not None)


def _moves_to(facts: Described) -> str:
    """The custom model that it serves or will; a failed update moves nowhere."""
    update = facts.get("updateDetails") or {}
    moving = update.get("modelArn") if update.get("updateStatus") == "Updating" else None
    return str(moving or facts.get("desiredModelArn") or facts["modelArn"])


def _adopted(api: BedrockApi, service: Service, facts: Described, order: DeployOrder) -> Outcome:
    """
    ================= =========================================
    what is there     the outcome
    ================= =========================================
    not ours          conflict
    in service        done; whether it must be rolled the next look tells
    failed            terminal: it must be undeployed first
    in motion         started
    ================= =========================================
    """
    arn, what = facts[service.arn], f"{service.words} {order.name}"
    require_ours(what, api.tags(arn) or {}, order.owner)
    match service.phase(facts):
        case DeploymentPhase.IN_SERVICE | DeploymentPhase.UPDATE_FAILED:
            return Outcome.done(f"{what} is in service already", arn)
        case DeploymentPhase.FAILED:
            reason = facts.get("failureMessage") or "Bedrock gave no reason"
            raise Refused(FaultKind.TERMINAL, "Failed", f"{what} must be undeployed first: {reason}")
        case _:
            return Outcome.started(f"{what} exists already ({facts['status']})", arn)


def _require_rollable(service: Service, name: str, phase: DeploymentPhase, facts: Described) -> None:
    match phase:
        case DeploymentPhase.IN_SERVICE:
            return
        case DeploymentPhase.UPDATE_FAILED if facts["status"] != "Failed":
            return
        case DeploymentPhase.FAILED | DeploymentPhase.UPDATE_FAILED:
            reason = facts.get("failureMessage") or "Bedrock gave no reason"
            raise Refused(FaultKind.TERMINAL, "Failed", f"{service.words} {name} can only be deleted: {reason}")
        case _:
            raise Refused(FaultKind.TRANSIENT, "InProgress", f"{service.words} {name} is {facts['status']}")
