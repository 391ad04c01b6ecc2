"""Sums from CloudWatch: whether something was used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from reconciler.domain.survey import Traffic
from reconciler.providers.aws.faults import AwsTrouble
from reconciler.providers.aws.session import AwsSession

DAY = timedelta(days=1)


@dataclass(frozen=True)
class Metric:
    namespace: str
    name: str
    dimensions: Mapping[str, str]

    def query(self, key: str, period: timedelta = DAY) -> dict[str, Any]:
        """A sum for each period."""
        dimensions = [{"Name": name, "Value": value} for name, value in self.dimensions.items()]
        metric = {"Namespace": self.namespace, "MetricName": self.name, "Dimensions": dimensions}
        return {"Id": key, "MetricStat": {"Metric": metric, "Period": int(period.total_seconds()), "Stat": "Sum"}}


def endpoint_metrics(name: str, variant: str) -> tuple[Metric, Metric]:
    """Invocations of a SageMaker endpoint's variant; and what it emits as long as it runs, called or not."""
    dimensions = {"EndpointName": name, "VariantName": variant}
    return (
        Metric("AWS/SageMaker", "Invocations", dimensions),
        Metric("/aws/sagemaker/Endpoints", "CPUUtilization", dimensions),
    )


def bedrock_invocations(arn: str) -> Metric:
    """Under the ARN that clients call; nothing is emitted for what nobody calls."""
    return Metric("AWS/Bedrock", "Invocations", {"ModelId": arn})


def traffic(aws: AwsSession, used: Metric, now: datetime, days: int, *, alive: Metric | None = None) -> Traffic | None:
    """How often ``used`` counted something in the last ``days``.

    CloudWatch has no data for a metric that nobody emitted, so silence alone does not mean idle: it does where ``alive``,
    which a running resource emits whether it is used or not, has data. ``None``: it cannot be told, or CloudWatch does not answer,
    which is no reason to fail: use is told beside what is sure.
    """
    queries = [used.query("used"), *([alive.query("alive")] if alive else ())]
    try:
        counted = samples(aws, queries, now - timedelta(days=days), now)
    except AwsTrouble:
        return None
    days_used = {moment: value for moment, value in counted.get("used", {}).items() if value > 0}
    if not counted.get("used") and not counted.get("alive"):
        return None
    return Traffic(days=days, invocations=int(sum(days_used.values())), last_at=max(days_used, default=None))


def samples(
    aws: AwsSession, queries: list[dict[str, Any]], start: datetime, end: datetime
) -> dict[str, dict[datetime, float]]:
    """By query and the period's start. A query may be spread over pages. Raises AwsTrouble."""
    found: dict[str, dict[datetime, float]] = {}
    request: dict[str, Any] = {"MetricDataQueries": queries, "StartTime": start, "EndTime": end}
    client: Any = aws.reading("cloudwatch")
    while True:
        page = client.get_metric_data(**request)
        for result in page.get("MetricDataResults", ()):
            found.setdefault(result["Id"], {}).update(zip(result["Timestamps"], result["Values"], strict=True))
        if not page.get("NextToken"):
            return found
        request["NextToken"] = page["NextToken"]
