"""What the cloud tells the world of itself: events of jobs whose status changed, as SageMaker and Bedrock give them to EventBridge.

Shapes: "Automating Amazon SageMaker AI with Amazon EventBridge" (the detail is what DescribeTrainingJob tells, times in
milliseconds) and "Monitor Amazon Bedrock job state changes using Amazon EventBridge".
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from reconciler.localcloud.bedrock.identifiers import JOB
from reconciler.localcloud.bedrock.job_views import job_view
from reconciler.localcloud.clock import moment
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.sagemaker.kinds import TRAINING_JOB
from reconciler.localcloud.sagemaker.training import describe
from reconciler.localcloud.world import World


def announcement(world: World, resource: Resource, at: float) -> dict[str, Any] | None:
    """The event of a status that the resource has just entered; None for what announces nothing."""
    tell = _TELLERS.get(resource.kind)
    if tell is None:
        return None
    source, kind, detail = tell(resource, at)
    return {
        "version": "0",
        "id": world.new_id(36),
        "detail-type": kind,
        "source": source,
        "account": world.account,
        "time": _iso(moment(at)),
        "region": resource.region,
        "resources": [resource.arn],
        "detail": detail,
    }


def _training_job(job: Resource, at: float) -> tuple[str, str, dict[str, Any]]:
    told = describe(job, now=at) | {"Tags": dict(job.tags)}
    return "aws.sagemaker", "SageMaker Training Job State Change", _plain(told, _milliseconds)


def _customization_job(job: Resource, _: float) -> tuple[str, str, dict[str, Any]]:
    told = {key: value for key, value in job_view(job).items() if key not in ("status", "statusDetails")}
    detail = {"version": "0.0", "jobStatus": job.status, **told}
    return "aws.bedrock", "Model Customization Job State Change", _plain(detail, _iso)


_TELLERS: Mapping[str, Callable[[Resource, float], tuple[str, str, dict[str, Any]]]] = {
    TRAINING_JOB: _training_job,
    JOB: _customization_job,
}
"""By kind: source, detail-type and detail."""


def _plain(value: Any, written: Callable[[datetime | None], object]) -> Any:
    """Without what is not there, and with times as the service writes them."""
    match value:
        case Mapping():
            return {key: _plain(item, written) for key, item in value.items() if item is not None}
        case list() | tuple():
            return [_plain(item, written) for item in value]
        case datetime():
            return written(value)
        case _:
            return value


def _iso(at: datetime | None) -> str:
    return "" if at is None else at.isoformat(timespec="seconds").replace("+00:00", "Z")


def _milliseconds(at: datetime | None) -> int:
    return 0 if at is None else int(at.timestamp() * 1000)
