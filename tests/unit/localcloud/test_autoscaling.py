"""Application Auto Scaling: which variants are scalable targets."""

from __future__ import annotations

from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

DIMENSION = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}


@pytest.fixture
def scaling(aws: boto3.Session) -> Any:
    return aws.client("application-autoscaling")


def named(scaling: Any, *names: str) -> list[str]:
    asked = {"ResourceIds": [*names]} if names else {}
    targets = scaling.describe_scalable_targets(ServiceNamespace="sagemaker", **asked)["ScalableTargets"]
    return [target["ResourceId"] for target in targets]


def test_none_at_first(scaling: Any) -> None:
    assert named(scaling) == []


def test_registered_found_by_name_and_deregistered(scaling: Any) -> None:
    for name in ("endpoint/a/variant/v", "endpoint/b/variant/v"):
        scaling.register_scalable_target(**DIMENSION, ResourceId=name, MinCapacity=1, MaxCapacity=4)
    assert named(scaling, "endpoint/b/variant/v") == ["endpoint/b/variant/v"]
    scaling.deregister_scalable_target(**DIMENSION, ResourceId="endpoint/a/variant/v")
    assert named(scaling) == ["endpoint/b/variant/v"]
    with pytest.raises(ClientError, match="ObjectNotFoundException"):
        scaling.deregister_scalable_target(**DIMENSION, ResourceId="endpoint/a/variant/v")


def test_registering_again_changes_the_limits(scaling: Any) -> None:
    for most in (4, 9):
        scaling.register_scalable_target(
            **DIMENSION, ResourceId="endpoint/a/variant/v", MinCapacity=1, MaxCapacity=most
        )
    (target,) = scaling.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 9)


def test_targets_of_other_services_are_others(scaling: Any) -> None:
    dimension = {"ServiceNamespace": "ecs", "ScalableDimension": "ecs:service:DesiredCount"}
    scaling.register_scalable_target(**dimension, ResourceId="service/c/s", MinCapacity=1, MaxCapacity=2)
    assert named(scaling) == []
