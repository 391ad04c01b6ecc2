"""Models and endpoint configurations: entries without a life of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import invalid
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.sagemaker.kinds import ENDPOINT_CONFIG, MODEL, get, make, sent
from reconciler.localcloud.service import Call

READY = "Available"
"""Neither kind has a status on AWS; nobody sees this one."""


def create_model(call: Call) -> dict[str, Any]:
    if call.params.get("PrimaryContainer") and call.params.get("Containers"):
        raise invalid("Specify either PrimaryContainer or Containers, not both.")
    return {"ModelArn": make(call, MODEL, call.params["ModelName"], status=READY).arn}


def describe_model(call: Call) -> dict[str, Any]:
    return describe(get(call, MODEL, call.params["ModelName"]))


def delete_model(call: Call) -> dict[str, Any]:
    """AWS deletes a model that endpoints use, too: they go on serving."""
    call.world.drop(get(call, MODEL, call.params["ModelName"]))
    return {}


def describe(model: Resource) -> dict[str, Any]:
    primary = model.spec.get("PrimaryContainer")
    shown = {"PrimaryContainer": _container(primary)} if primary else {}
    return {
        "EnableNetworkIsolation": False,
        **sent(model),
        **shown,
        "ModelArn": model.arn,
        "CreationTime": moment(model.created),
    }


def model_summary(model: Resource) -> dict[str, Any]:
    return {"ModelName": model.name, "ModelArn": model.arn, "CreationTime": moment(model.created)}


def create_endpoint_config(call: Call) -> dict[str, Any]:
    variants = call.params["ProductionVariants"]
    names = [variant["VariantName"] for variant in variants]
    if len(set(names)) != len(names):
        raise invalid(f"Variant names must be unique: {', '.join(names)}")
    for variant in variants:
        if variant.get("ModelName"):
            get(call, MODEL, variant["ModelName"])
        elif not call.params.get("ExecutionRoleArn"):
            raise invalid(f"Production variant {variant['VariantName']} needs a ModelName.")
    return {"EndpointConfigArn": make(call, ENDPOINT_CONFIG, call.params["EndpointConfigName"], status=READY).arn}


def describe_endpoint_config(call: Call) -> dict[str, Any]:
    config = get(call, ENDPOINT_CONFIG, call.params["EndpointConfigName"])
    variants = [_variant(variant) for variant in config.spec["ProductionVariants"]]
    return {
        **sent(config),
        "ProductionVariants": variants,
        "EndpointConfigArn": config.arn,
        "CreationTime": moment(config.created),
    }


def delete_endpoint_config(call: Call) -> dict[str, Any]:
    """AWS deletes a configuration in use, too, though its manual forbids that: UpdateEndpoint then fails."""
    call.world.drop(get(call, ENDPOINT_CONFIG, call.params["EndpointConfigName"]))
    return {}


def config_summary(config: Resource) -> dict[str, Any]:
    return {
        "EndpointConfigName": config.name,
        "EndpointConfigArn": config.arn,
        "CreationTime": moment(config.created),
    }


def _container(container: Mapping[str, Any]) -> dict[str, Any]:
    """As Describe shows it: the mode is filled in."""
    return {"Mode": "SingleModel", **container}


def _variant(variant: Mapping[str, Any]) -> dict[str, Any]:
    """As Describe shows it: the weight is filled in."""
    return {"InitialVariantWeight": 1.0, **variant}
