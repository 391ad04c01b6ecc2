"""Application Auto Scaling, as far as it tells which endpoints are scaled: scalable targets, and no policy that would scale them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.clock import moment
from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.paging import page
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call, Service

TARGET = "application-autoscaling:scalable-target"
PAGE = 50


def register_target(call: Call) -> Mapping[str, Any]:
    """A new one, or other limits for one that is there."""
    known = call.find(TARGET, _key(call.params))
    if known is not None:
        known.spec |= call.params
        return {"ScalableTargetARN": known.arn}
    arn = call.arn(f"scalable-target/{call.world.new_id(36)}")
    call.world.add(Resource(TARGET, _key(call.params), arn, call.region, call.now, "Active", spec=dict(call.params)))
    return {"ScalableTargetARN": arn}


def deregister_target(call: Call) -> None:
    known = call.find(TARGET, _key(call.params))
    if known is None:
        raise AwsError("ObjectNotFoundException", f"No scalable target found for {_key(call.params)}")
    call.world.drop(known)


def describe_targets(call: Call) -> Mapping[str, Any]:
    wanted = [target for target in call.all(TARGET) if _is_asked_for(target.spec, call.params)]
    rows, token = page(wanted, call.params.get("NextToken"), call.params.get("MaxResults"), default=PAGE)
    return {"ScalableTargets": [_view(target) for target in rows], **({"NextToken": token} if token else {})}


def _key(params: Mapping[str, Any]) -> str:
    return f"{params['ServiceNamespace']}:{params['ResourceId']}:{params['ScalableDimension']}"


def _is_asked_for(target: Mapping[str, Any], asked: Mapping[str, Any]) -> bool:
    dimension, identifiers = asked.get("ScalableDimension"), asked.get("ResourceIds") or ()
    return (
        target["ServiceNamespace"] == asked["ServiceNamespace"]
        and dimension in (None, target["ScalableDimension"])
        and (not identifiers or target["ResourceId"] in identifiers)
    )


def _view(target: Resource) -> Mapping[str, Any]:
    shown = ("ServiceNamespace", "ResourceId", "ScalableDimension")
    return {
        **{key: target.spec[key] for key in shown},
        "MinCapacity": target.spec.get("MinCapacity", 0),
        "MaxCapacity": target.spec.get("MaxCapacity", 0),
        "RoleARN": _role(target),
        "CreationTime": moment(target.created),
        "ScalableTargetARN": target.arn,
    }


def _role(target: Resource) -> str:
    """The role that was given, else the one that AWS makes for each service."""
    account = target.arn.split(":")[4]
    made = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    path = f"aws-service-role/sagemaker.application-autoscaling.amazonaws.com/{made}"
    return str(target.spec.get("RoleARN") or f"arn:aws:iam::{account}:role/{path}")


AUTOSCALING = Service(
    name="application-autoscaling",
    operations={
        "RegisterScalableTarget": register_target,
        "DeregisterScalableTarget": deregister_target,
        "DescribeScalableTargets": describe_targets,
    },
    name_keys=("ResourceId",),
)
