"""Endpoints: created, updated to another configuration (and sometimes rolled back), scaled, deleted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.sagemaker.kinds import ENDPOINT, ENDPOINT_CONFIG, MODEL, get, make
from reconciler.localcloud.service import Call, Cloud

IN_PROGRESS = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
ROLLED_BACK = "The update was rolled back to the previous endpoint configuration."


def create_endpoint(call: Call) -> dict[str, Any]:
    config = get(call, ENDPOINT_CONFIG, call.params["EndpointConfigName"])
    _check_models(call, config)
    endpoint = make(call, ENDPOINT, call.params["EndpointName"], status="Creating")
    endpoint.facts |= {"config": config.name, "variants": _variants(config), "models": _models(call, config)}
    call.cloud.runtime.host(call.cloud, endpoint, call.fate("fail", "capacity"))
    return {"EndpointArn": endpoint.arn}


def describe_endpoint(call: Call) -> dict[str, Any]:
    return describe(get(call, ENDPOINT, call.params["EndpointName"]))


def update_endpoint(call: Call) -> dict[str, Any]:
    endpoint = get(call, ENDPOINT, call.params["EndpointName"])
    _check_updatable(endpoint)
    config = get(call, ENDPOINT_CONFIG, call.params["EndpointConfigName"])
    get(call, ENDPOINT_CONFIG, endpoint.facts["config"])
    if config.name == endpoint.facts["config"]:
        raise invalid(f'Cannot update endpoint "{endpoint.arn}" with the endpoint configuration that it already has.')
    _check_models(call, config)
    wanted = _variants(config)
    if call.params.get("RetainAllVariantProperties"):
        wanted = _retained(wanted, endpoint, call.params.get("ExcludeRetainedVariantProperties") or ())
    endpoint.facts["deployment"] = call.params.get("DeploymentConfig")
    target = {"config": config.name, "variants": wanted, "models": _models(call, config)}
    _begin_update(call, endpoint, target)
    return {"EndpointArn": endpoint.arn}


def update_weights(call: Call) -> dict[str, Any]:
    """UpdateEndpointWeightsAndCapacities."""
    endpoint = get(call, ENDPOINT, call.params["EndpointName"])
    _check_updatable(endpoint)
    variants = {variant["VariantName"]: dict(variant) for variant in endpoint.facts["variants"]}
    for desired in call.params["DesiredWeightsAndCapacities"]:
        variant = variants.get(desired["VariantName"])
        if variant is None:
            raise invalid(f'Could not find variant "{desired["VariantName"]}" of endpoint "{endpoint.arn}".')
        variant["CurrentWeight"] = desired.get("DesiredWeight", variant.get("CurrentWeight"))
        variant["CurrentInstanceCount"] = desired.get("DesiredInstanceCount", variant.get("CurrentInstanceCount"))
    target = {key: endpoint.facts[key] for key in ("config", "models")} | {"variants": list(variants.values())}
    _begin_update(call, endpoint, target)
    return {"EndpointArn": endpoint.arn}


def delete_endpoint(call: Call) -> dict[str, Any]:
    endpoint = get(call, ENDPOINT, call.params["EndpointName"])
    if endpoint.status in IN_PROGRESS:
        raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    call.world.cancel(endpoint)
    endpoint.enter("Deleting", call.now)
    call.cloud.runtime.unhost(call.cloud, endpoint)
    return {}


def describe(endpoint: Resource) -> dict[str, Any]:
    """The endpoint as DescribeEndpoint and Search show it: the configuration that serves, never the one wished for."""
    target = endpoint.facts.get("target") or endpoint.facts
    failed = endpoint.status == "Failed"
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "EndpointConfigName": endpoint.facts["config"],
        "ProductionVariants": None if failed else list(_shown(endpoint.facts["variants"], target["variants"])),
        "EndpointStatus": endpoint.status,
        "FailureReason": endpoint.failure,
        "CreationTime": moment(endpoint.created),
        "LastModifiedTime": moment(endpoint.updated),
        "LastDeploymentConfig": endpoint.facts.get("deployment") or endpoint.spec.get("DeploymentConfig"),
    }


def summary(endpoint: Resource) -> dict[str, Any]:
    return {
        "EndpointName": endpoint.name,
        "EndpointArn": endpoint.arn,
        "CreationTime": moment(endpoint.created),
        "LastModifiedTime": moment(endpoint.updated),
        "EndpointStatus": endpoint.status,
    }


# -- steps


def ready(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    """In service, with the configuration that was asked for; unless its model data is not there."""
    target = endpoint.facts.pop("target", None) or {}
    missing = _missing_artifact(cloud, target or endpoint.facts)
    if missing is None:
        endpoint.facts |= target
        endpoint.enter("InService", at)
    elif endpoint.status == "Updating":
        endpoint.enter("InService", at, failure=missing)
    else:
        endpoint.enter("Failed", at, failure=missing)


def fail(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    """A creation ends as Failed; an update that fails leaves the old configuration in service, with the reason."""
    endpoint.facts.pop("target", None)
    endpoint.enter("InService" if endpoint.status == "Updating" else "Failed", at, failure=data["reason"])


def roll_back(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    endpoint.facts.pop("target", None)
    endpoint.enter("RollingBack", at)


def rolled_back(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    """In service again with the configuration from before, and nothing says why: so it is on AWS."""
    endpoint.enter("InService", at)


def gone(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    cloud.world.drop(endpoint)


# -- helpers


def _begin_update(call: Call, endpoint: Resource, target: Mapping[str, Any]) -> None:
    call.world.cancel(endpoint)
    endpoint.facts["target"] = dict(target)
    endpoint.enter("Updating", call.now)
    call.cloud.runtime.host(call.cloud, endpoint, call.fate("fail", "capacity", "rollback"))


def _check_updatable(endpoint: Resource) -> None:
    """Only an endpoint in service can be updated; a failed one can only be deleted."""
    if endpoint.status in IN_PROGRESS:
        raise invalid(f'Cannot update in-progress endpoint "{endpoint.arn}".')
    if endpoint.status != "InService":
        raise invalid(f'Cannot update endpoint "{endpoint.arn}" in status {endpoint.status}; it can only be deleted.')


def _check_models(call: Call, config: Resource) -> None:
    for variant in config.spec["ProductionVariants"]:
        if variant.get("ModelName"):
            get(call, MODEL, variant["ModelName"])


def _models(call: Call, config: Resource) -> list[str]:
    """The S3 artifacts that the configuration's models load."""
    names = [variant["ModelName"] for variant in config.spec["ProductionVariants"] if variant.get("ModelName")]
    return [uri for name in names for uri in _artifacts(get(call, MODEL, name))]


def _artifacts(model: Resource) -> Iterator[str]:
    primary = model.spec.get("PrimaryContainer")
    for container in [*([primary] if primary else []), *(model.spec.get("Containers") or ())]:
        source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
        uri = container.get("ModelDataUrl") or source.get("S3Uri")
        if uri and uri.startswith("s3://"):
            yield uri


def _missing_artifact(cloud: Cloud, hosted: Mapping[str, Any]) -> str | None:
    lost = next((uri for uri in hosted["models"] if not cloud.objects.list(uri)), None)
    return None if lost is None else f"Failed to download model data from URL: {lost}: no object found in S3."


def _variants(config: Resource) -> list[dict[str, Any]]:
    return [
        {
            "VariantName": variant["VariantName"],
            "CurrentInstanceCount": variant.get("InitialInstanceCount"),
            "CurrentWeight": variant.get("InitialVariantWeight", 1.0),
        }
        for variant in config.spec["ProductionVariants"]
    ]


def _retained(
    wanted: list[dict[str, Any]], endpoint: Resource, excluded: tuple[()] | list[Mapping[str, str]]
) -> list[dict[str, Any]]:
    """RetainAllVariantProperties: counts and weights as they stand, but for the kinds that are excluded."""
    dropped = {exclusion["VariantPropertyType"] for exclusion in excluded}
    kept = {"DesiredInstanceCount": "CurrentInstanceCount", "DesiredWeight": "CurrentWeight"}
    standing = {variant["VariantName"]: variant for variant in endpoint.facts["variants"]}
    keys = [key for property_type, key in kept.items() if property_type not in dropped]
    return [variant | {key: standing.get(variant["VariantName"], variant)[key] for key in keys} for variant in wanted]


def _shown(current: list[dict[str, Any]], target: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Each variant with what it has and what it is on its way to."""
    wanted = {variant["VariantName"]: variant for variant in target}
    for variant in current:
        goal = wanted.get(variant["VariantName"], variant)
        yield {
            **variant,
            "DesiredInstanceCount": goal["CurrentInstanceCount"],
            "DesiredWeight": goal["CurrentWeight"],
        }
