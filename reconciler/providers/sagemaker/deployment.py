"""Endpoints: created, rolled to another version in place, deleted. Every step may be repeated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from botocore.exceptions import ClientError

from reconciler.domain.observation import DeploymentPhase
from reconciler.domain.outcome import FaultKind, Outcome
from reconciler.domain.ports import DeployOrder
from reconciler.domain.tags import ROLLING_TO
from reconciler.providers.aws.faults import Refused, code_of
from reconciler.providers.ownership import require_ours
from reconciler.providers.sagemaker import translate
from reconciler.providers.sagemaker.client import Described, SageMakerApi
from reconciler.providers.sagemaker.statuses import endpoint_phase
from reconciler.providers.settings import ProviderSettings

CONSISTENCY_WAITS = (1.0, 2.0, 4.0, 8.0, 15.0)
"""Seconds between attempts, 30 in all: CreateEndpoint reads a new configuration eventually-consistently, and AWS's manual
tells callers to try again. Nothing else in a provider waits."""


def deploy(api: SageMakerApi, order: DeployOrder, settings: ProviderSettings) -> Outcome:
    """SageMaker model, configuration, endpoint. An endpoint of ours that is there already is adopted as it is."""
    existing = api.endpoint(order.name)
    if existing is not None:
        return _adopted(api, existing, order)
    prepare(api, order, settings)
    request = translate.endpoint(order, settings)
    try:
        arn = _when_config_is_seen(lambda: api.create_endpoint(request), settings)
    except ClientError:
        existing = api.endpoint(order.name)
        if existing is None:
            raise
        return _adopted(api, existing, order)
    return Outcome.started(f"endpoint {order.name} is being created", arn)


def roll(api: SageMakerApi, order: DeployOrder, settings: ProviderSettings) -> Outcome:
    """Bring the endpoint to the order's configuration; clients keep its name.

    One tag says where to before the update, the others say what was asked for after it was accepted. So a crash in between
    is told from a roll-back by AWS. What the endpoint stands on is made again where somebody deleted it.
    """
    existing = api.endpoint(order.name)
    if existing is None:
        return deploy(api, order, settings)
    arn = existing["EndpointArn"]
    require_ours(f"endpoint {order.name}", api.tags(arn), order.owner)
    config = translate.config_name(order, settings)
    phase = endpoint_phase(existing["EndpointStatus"])
    _require_rollable(order.name, phase, existing)
    prepare(api, order, settings)
    if existing["EndpointConfigName"] != config:
        api.add_tags(arn, {ROLLING_TO: config})
        _update(api, order.name, config, settings)
        phase = DeploymentPhase.UPDATING
    elif phase is DeploymentPhase.IN_SERVICE and (count := _count_to_restore(order)):
        # SageMaker refuses an update to the configuration that serves, so its count is asked for by itself.
        api.scale_endpoint(order.name, translate.VARIANT, count)
        phase = DeploymentPhase.UPDATING
    api.add_tags(arn, translate.endpoint_tags(order.owner, config, order.version.fingerprint))
    if phase is DeploymentPhase.IN_SERVICE:
        return Outcome.done(f"endpoint {order.name} has configuration {config} already", arn)
    return Outcome.started(f"endpoint {order.name} is moving to {config}", arn)


def _count_to_restore(order: DeployOrder) -> int | None:
    """Where somebody scaled it by hand."""
    current = order.current
    if current is None or current.autoscaled or current.instance_count in (None, order.instance_count):
        return None
    return order.instance_count


def _update(api: SageMakerApi, name: str, config: str, settings: ProviderSettings) -> None:
    """The endpoint was in service a moment ago: if it moves now, an update whose answer was lost has arrived."""
    try:
        _when_config_is_seen(lambda: api.update_endpoint(name, config), settings)
    except ClientError:
        existing = api.endpoint(name)
        if existing is None or endpoint_phase(existing["EndpointStatus"]) is not DeploymentPhase.UPDATING:
            raise


def undeploy(api: SageMakerApi, name: str, require: Callable[[str, Mapping[str, str]], None]) -> Outcome:
    """Delete the endpoint, if it is ours: ``require`` refuses otherwise."""
    existing = api.endpoint(name)
    if existing is None:
        return Outcome.done(f"endpoint {name} is gone already")
    require(f"endpoint {name}", api.tags(existing["EndpointArn"]))
    if endpoint_phase(existing["EndpointStatus"]) is not DeploymentPhase.DELETING:
        try:
            api.delete_endpoint(name)
        except ClientError:
            existing = api.endpoint(name)
            if existing is not None and endpoint_phase(existing["EndpointStatus"]) is not DeploymentPhase.DELETING:
                raise
    return Outcome.started(f"endpoint {name} is being deleted")


def prepare(api: SageMakerApi, order: DeployOrder, settings: ProviderSettings) -> None:
    """What an endpoint of this order stands on: the SageMaker model and the configuration."""
    model = translate.model(order, settings)
    _ensure(
        f"model {model['ModelName']}",
        create=lambda: api.create_model(model),
        describe=lambda: api.model(model["ModelName"]),
        arn="ModelArn",
        api=api,
        order=order,
    )
    config = translate.endpoint_config(order, settings)
    _ensure(
        f"endpoint configuration {config['EndpointConfigName']}",
        create=lambda: api.create_endpoint_config(config),
        describe=lambda: api.endpoint_config(config["EndpointConfigName"]),
        arn="EndpointConfigArn",
        api=api,
        order=order,
    )


def in_use(api: SageMakerApi, name: str) -> frozenset[str]:
    """Names of the configuration and the SageMaker models that an endpoint stands on right now."""
    existing = api.endpoint(name)
    if existing is None:
        return frozenset()
    config = existing["EndpointConfigName"]
    variants = (api.endpoint_config(config) or {}).get("ProductionVariants") or ()
    return frozenset({config, *(variant["ModelName"] for variant in variants if variant.get("ModelName"))})


def _ensure(
    what: str,
    *,
    create: Callable[[], Any],
    describe: Callable[[], Described | None],
    arn: str,
    api: SageMakerApi,
    order: DeployOrder,
) -> None:
    """Create it; what is there already is fine when it is ours. Both kinds are immutable and named by their content."""
    try:
        create()
    except ClientError:
        existing = describe()
        if existing is None:
            raise
        require_ours(what, api.tags(existing[arn]), order.owner)


def _adopted(api: SageMakerApi, endpoint: Described, order: DeployOrder) -> Outcome:
    """
    ===================== =========================================
    the endpoint          the outcome
    ===================== =========================================
    not ours              conflict
    in service            done; whether it must be rolled the next look tells
    being deleted         transient: create it once it is gone
    failed                terminal: it must be undeployed first
    in motion             started
    ===================== =========================================
    """
    arn, status = endpoint["EndpointArn"], endpoint["EndpointStatus"]
    require_ours(f"endpoint {order.name}", api.tags(arn), order.owner)
    match endpoint_phase(status):
        case DeploymentPhase.IN_SERVICE:
            return Outcome.done(f"endpoint {order.name} is in service already", arn)
        case DeploymentPhase.DELETING:
            raise Refused(FaultKind.TRANSIENT, "Deleting", f"endpoint {order.name} of before is still being deleted")
        case DeploymentPhase.FAILED | DeploymentPhase.UPDATE_FAILED:
            reason = endpoint.get("FailureReason") or status
            raise Refused(FaultKind.TERMINAL, status, f"endpoint {order.name} must be undeployed first: {reason}")
        case _:
            return Outcome.started(f"endpoint {order.name} exists already ({status})", arn)


def _require_rollable(name: str, phase: DeploymentPhase, endpoint: Described) -> None:
    match phase:
        case DeploymentPhase.IN_SERVICE:
            return
        case DeploymentPhase.FAILED | DeploymentPhase.UPDATE_FAILED:
            reason = endpoint.get("FailureReason") or endpoint["EndpointStatus"]
            raise Refused(
                FaultKind.TERMINAL, endpoint["EndpointStatus"], f"endpoint {name} can only be deleted: {reason}"
            )
        case _:
            raise Refused(FaultKind.TRANSIENT, "InProgress", f"endpoint {name} is {endpoint['EndpointStatus']}")


def _when_config_is_seen(call: Callable[[], Any], settings: ProviderSettings) -> Any:
    """Try again for a while where SageMaker does not see the configuration that was just created."""
    for wait in CONSISTENCY_WAITS:
        try:
            return call()
        except ClientError as error:
            if not _config_not_seen(error):
                raise
        settings.sleep(wait)
    return call()


def _config_not_seen(error: ClientError) -> bool:
    text = str(error.response.get("Error", {}).get("Message", "")).lower()
    return code_of(error) == "ValidationException" and "could not find endpoint configuration" in text
