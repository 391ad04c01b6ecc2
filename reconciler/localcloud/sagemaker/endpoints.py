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
    endpoint.facts |= _target(call, config, _variants(config))
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
    _begin_update(call, endpoint, _target(call, config, wanted))
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
    kept = {key: endpoint.facts[key] for key in ("config", "models", "containers") if key in endpoint.facts}
    target = kept | {"variants": list(variants.values())}
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
    _emit_life(cloud, endpoint, at)
    cloud.runtime.hosted(cloud, endpoint)


def _emit_life(cloud: Cloud, endpoint: Resource, at: float) -> None:
    """AWS emits it every minute; once is enough to tell an endpoint that nobody calls from one that nobody measures."""
    for variant in endpoint.facts.get("variants") or () if endpoint.status == "InService" else ():
        dimensions = {"EndpointName": endpoint.name, "VariantName": variant["VariantName"]}
        cloud.metrics.count(endpoint.region, "/aws/sagemaker/Endpoints", "CPUUtilization", dimensions, at)


def fail(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    """A creation ends as Failed; an update that fails leaves the old configuration in service, with the reason."""
    endpoint.facts.pop("target", None)
    endpoint.enter("InService" if endpoint.status == "Updating" else "Failed", at, failure=data["reason"])
    cloud.runtime.hosted(cloud, endpoint)


def roll_back(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    endpoint.facts.pop("target", None)
    endpoint.enter("RollingBack", at)


def rolled_back(cloud: Cloud, endpoint: Resource, at: float, data: Mapping[str, Any]) -> None:
    """In service again with the configuration from before, and nothing says why: so it is on AWS."""
    endpoint.enter("InService", at)
    cloud.runtime.hosted(cloud, endpoint)


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


def _target(call: Call, config: Resource, variants: list[dict[str, Any]]) -> dict[str, Any]:
    """What an endpoint of this configuration serves, whatever becomes of the configuration and its models later.

    models: the S3 artifacts. containers: by variant, the artifact of its one container, what else it is given by name, its environment.
    """
    named = {v["VariantName"]: v["ModelName"] for v in config.spec["ProductionVariants"] if v.get("ModelName")}
    found = {variant: list(_containers(get(call, MODEL, name))) for variant, name in named.items()}
    return {
        "config": config.name,
        "variants": variants,
        "models": [uri for containers in found.values() for uri in filter(None, map(_artifact, containers))],
        "containers": {
            variant: {
                "artifact": _artifact(only[0]),
                "beside": dict(_beside(only[0])),
                "environment": dict(only[0].get("Environment") or {}),
            }
            for variant, only in found.items()
            if len(only) == 1
        },
    }


def _containers(model: Resource) -> Iterator[Mapping[str, Any]]:
    primary = model.spec.get("PrimaryContainer")
    yield from [primary] if primary else []
    yield from model.spec.get("Containers") or ()


def _artifact(container: Mapping[str, Any]) -> str | None:
    source = (container.get("ModelDataSource") or {}).get("S3DataSource") or {}
    uri = container.get("ModelDataUrl") or source.get("S3Uri")
    return str(uri) if uri and uri.startswith("s3://") else None


def _beside(container: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """AdditionalModelDataSources: the base model of adapters, say."""
    for source in container.get("AdditionalModelDataSources") or ():
        yield source["ChannelName"], source["S3DataSource"]["S3Uri"]


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
