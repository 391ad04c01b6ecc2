"""The services that are ours; what they lack, and every other service, is told as such."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.localcloud.autoscaling import AUTOSCALING
from reconciler.localcloud.bedrock import BEDROCK, BEDROCK_RUNTIME
from reconciler.localcloud.cloudtrail import CLOUDTRAIL
from reconciler.localcloud.sagemaker import SAGEMAKER, SAGEMAKER_RUNTIME
from reconciler.localcloud.scheduler import SCHEDULER
from reconciler.localcloud.service import Service, Step

SERVICES: Mapping[str, Service] = {
    "sagemaker": SAGEMAKER,
    "sagemaker-runtime": SAGEMAKER_RUNTIME,
    "bedrock": BEDROCK,
    "bedrock-runtime": BEDROCK_RUNTIME,
    "scheduler": SCHEDULER,
    "cloudtrail": CLOUDTRAIL,
    "application-autoscaling": AUTOSCALING,
}
"""By botocore's name. Services that share a signing name are asked in this order which of them a request is for."""

STEPS: Mapping[str, Step] = {name: step for service in SERVICES.values() for name, step in service.steps.items()}
"""What can happen to a resource when its time has come: "sagemaker.training.enter" and so on."""
