"""When deployments were invoked last, from CloudWatch: two looks at each, all in one request for up to 100 of them.

CloudWatch has no data for a metric that nobody emitted, so silence alone does not mean that nobody calls. An endpoint in service emits
CPUUtilization whether it is called or not; Bedrock emits nothing for what nobody calls. ("Amazon SageMaker AI metrics in Amazon
CloudWatch", SageMaker developer guide; "Monitor Amazon Bedrock with CloudWatch", Bedrock user guide.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from reconciler.domain.desired import DeploymentKind
from reconciler.domain.observation import Deployment
from reconciler.domain.usage import Use
from reconciler.providers.aws.faults import AwsTrouble
from reconciler.providers.aws.metrics import Metric, bedrock_invocations, endpoint_metrics, samples
from reconciler.providers.aws.session import AwsSession

WINDOW = timedelta(days=60)
RECENT = timedelta(hours=3)
HOUR, MINUTES = timedelta(hours=1), timedelta(minutes=5)
AT_ONCE = 100
"""Of three queries each: GetMetricData takes 500 queries (CloudWatch API reference)."""
VARIANT = "AllTraffic"
"""Where the configuration does not tell it."""


class CloudWatchMeter:
    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws

    def uses(self, deployments: Sequence[Deployment], now: datetime) -> Mapping[str, Use]:
        try:
            parts = [deployments[start : start + AT_ONCE] for start in range(0, len(deployments), AT_ONCE)]
            return {name: use for part in parts for name, use in self._some(part, now)}
        except AwsTrouble:
            return {}

    def _some(self, deployments: Sequence[Deployment], now: datetime) -> Iterator[tuple[str, Use]]:
        metrics = {f"d{index}": _metrics(deployment) for index, deployment in enumerate(deployments)}
        long = [used.query(f"{key}used", HOUR) for key, (used, _) in metrics.items()]
        alive = [found.query(f"{key}alive", HOUR) for key, (_, found) in metrics.items() if found is not None]
        short = [used.query(f"{key}used", MINUTES) for key, (used, _) in metrics.items()]
        hours = samples(self._aws, [*long, *alive], now - WINDOW, now)
        minutes = samples(self._aws, short, now - RECENT, now)
        for key, deployment in zip(metrics, deployments, strict=True):
            last = _latest(hours.get(f"{key}used"), HOUR, now), _latest(minutes.get(f"{key}used"), MINUTES, now)
            if any(last) or hours.get(f"{key}used") or hours.get(f"{key}alive"):
                yield deployment.identifier, Use(last_invoked_at=last[1] or last[0], counted_since=now - WINDOW)


def _latest(counted: Mapping[datetime, float] | None, period: timedelta, now: datetime) -> datetime | None:
    """The end of the last period with an invocation: no call was later."""
    used = [at for at, value in (counted or {}).items() if value > 0]
    return min(max(used) + period, now) if used else None


def _metrics(deployment: Deployment) -> tuple[Metric, Metric | None]:
    """Invocations; and what is emitted without any."""
    if deployment.kind is not DeploymentKind.REAL_TIME:
        return bedrock_invocations(deployment.identifier), None
    return endpoint_metrics(deployment.name, deployment.variant or VARIANT)
