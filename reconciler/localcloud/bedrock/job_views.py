"""What callers see of a customization job, alone and in a list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reconciler.localcloud.bedrock.identifiers import foundation_arn
from reconciler.localcloud.clock import moment
from reconciler.localcloud.resource import Resource

PHASES = ("validation", "dataProcessing", "training")
GIVEN_BACK = (
    "clientRequestToken",
    "roleArn",
    "customizationType",
    "hyperParameters",
    "trainingDataConfig",
    "outputDataConfig",
    "vpcConfig",
    "customizationConfig",
)


def job_view(job: Resource) -> Mapping[str, Any]:
    completed = job.status == "Completed"
    losses = job.facts.get("validation_losses")
    return {
        **{key: job.spec.get(key) for key in GIVEN_BACK},
        **_summary(job),
        "outputModelName": job.spec["customModelName"],
        "outputModelArn": job.facts.get("model_arn"),
        "outputModelKmsKeyArn": job.spec.get("customModelKmsKeyId"),
        "failureMessage": job.failure,
        "validationDataConfig": job.spec.get("validationDataConfig") or {"validators": []},
        "trainingMetrics": {"trainingLoss": job.facts["training_loss"]} if completed else None,
        "validationMetrics": [{"validationLoss": loss} for loss in losses] if losses else None,
    }


def job_row(job: Resource) -> Mapping[str, Any]:
    return {
        **_summary(job),
        "customModelArn": job.facts.get("model_arn"),
        "customModelName": job.spec["customModelName"],
        "customizationType": job.spec["customizationType"],
    }


def _summary(job: Resource) -> dict[str, Any]:
    return {
        "jobArn": job.arn,
        "jobName": job.name,
        "baseModelArn": foundation_arn(job.facts["foundation"], job.region),
        "status": job.status,
        "statusDetails": {f"{phase}Details": _phase_view(job, phase) for phase in PHASES},
        "creationTime": moment(job.created),
        "lastModifiedTime": moment(job.updated),
        "endTime": moment(job.ended),
    }


def _phase_view(job: Resource, phase: str) -> Mapping[str, Any]:
    seen = job.facts["phases"].get(phase)
    if seen is None:
        return {"status": "NotStarted"}
    return {
        "status": seen["status"],
        "creationTime": moment(seen["started"]),
        "lastModifiedTime": moment(seen["updated"]),
    }
