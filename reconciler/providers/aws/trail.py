"""Who did it: CloudTrail's event history, which every account has for the last 90 days, without a trail being set up.

LookupEvents takes one attribute, and which resources an event names differs between services; what a call asked for is in every
event. So events are looked up by operation, and their parameters are searched for the name. AWS answers two lookups a second for
each account and region, and shows an event some minutes after the call ("Looking up events with the AWS CLI", CloudTrail user guide).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.domain.catalog import ProviderName
from reconciler.domain.trail import Act, Aspect
from reconciler.providers.aws.faults import AwsTrouble
from reconciler.providers.aws.session import AwsSession

PAGES = 4
"""Of 50 events, newest first, that are read of each operation."""

_SCHEDULING = ("DeleteSchedule", "UpdateSchedule")

OPERATIONS: Mapping[ProviderName, Mapping[Aspect, tuple[str, ...]]] = {
    ProviderName.SAGEMAKER: {
        Aspect.TRAINING: ("StopTrainingJob", "DeleteTrainingJob"),
        Aspect.DEPLOYMENT: ("DeleteEndpoint", "UpdateEndpoint", "UpdateEndpointWeightsAndCapacities"),
        Aspect.TAGS: ("AddTags", "DeleteTags"),
        Aspect.SCHEDULES: _SCHEDULING,
    },
    ProviderName.BEDROCK: {
        Aspect.TRAINING: ("StopModelCustomizationJob", "DeleteCustomModel"),
        Aspect.DEPLOYMENT: (
            "DeleteProvisionedModelThroughput",
            "UpdateProvisionedModelThroughput",
            "DeleteCustomModelDeployment",
            "UpdateCustomModelDeployment",
        ),
        Aspect.TAGS: ("TagResource", "UntagResource"),
        Aspect.SCHEDULES: _SCHEDULING,
    },
}
"""What makes things drift."""

CREATIONS: Mapping[ProviderName, tuple[str, ...]] = {
    ProviderName.SAGEMAKER: (),
    ProviderName.BEDROCK: ("CreateProvisionedModelThroughput", "CreateCustomModelDeployment"),
}
"""Where AWS makes up the ARN: calls that come later name that alone, and what is gone cannot be asked for it."""

SOURCES = {ProviderName.SAGEMAKER: "sagemaker.amazonaws.com", ProviderName.BEDROCK: "bedrock.amazonaws.com"}
SCHEDULER = "scheduler.amazonaws.com"


@dataclass(frozen=True)
class Sighting:
    """``named``: every text in what was asked and answered; the last parts of ARNs too."""

    act: Act
    named: frozenset[str]


class CloudTrail:
    """Answers are kept: each operation is looked up once, whatever number of things drifted."""

    def __init__(self, aws: AwsSession) -> None:
        self._aws = aws
        self._seen: dict[tuple[str, tuple[str, ...]], list[Sighting]] = {}

    def last_act(
        self, provider: ProviderName, aspect: Aspect, names: Iterable[str], *, group: str | None = None
    ) -> Act | None:
        scheduling = aspect is Aspect.SCHEDULES
        wanted = frozenset(names) if scheduling else self._with_arns(provider, frozenset(names))
        seen = self._sightings(SCHEDULER if scheduling else SOURCES[provider], OPERATIONS[provider][aspect])
        return next((each.act for each in seen if each.named & wanted and group in (None, *each.named)), None)

    def _with_arns(self, provider: ProviderName, names: frozenset[str]) -> frozenset[str]:
        """What their creations named, too."""
        made = self._sightings(SOURCES[provider], CREATIONS[provider])
        return names.union(*(each.named for each in made if each.named & names))

    def _sightings(self, source: str, operations: tuple[str, ...]) -> list[Sighting]:
        """Newest first. Nothing where the trail cannot be read."""
        key = source, operations
        if key not in self._seen:
            try:
                found = [each for operation in operations for each in self._of(source, operation)]
            except AwsTrouble:
                found = []
            self._seen[key] = sorted(found, key=lambda each: each.act.at, reverse=True)
        return self._seen[key]

    def _of(self, source: str, operation: str) -> Iterator[Sighting]:
        for event in self._events(operation):
            told = _told(event)
            if told.get("eventSource") == source and not told.get("errorCode"):
                parts = (told.get("requestParameters"), told.get("responseElements"))
                yield Sighting(_act(event, told), frozenset(name for part in parts for name in _named(part)))

    def _events(self, operation: str) -> Iterator[Mapping[str, Any]]:
        client: Any = self._aws.reading("cloudtrail")
        asked: dict[str, Any] = {
            "LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": operation}],
            "MaxResults": 50,
        }
        for _ in range(PAGES):
            page = client.lookup_events(**asked)
            yield from page.get("Events", ())
            if not page.get("NextToken"):
                return
            asked["NextToken"] = page["NextToken"]


def _told(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event as CloudTrail wrote it; nothing where that is no JSON object."""
    try:
        told = json.loads(event.get("CloudTrailEvent") or "{}")
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _act(event: Mapping[str, Any], told: Mapping[str, Any]) -> Act:
    """``invokedBy`` is the service that called in somebody's name, as EventBridge Scheduler does."""
    identity = told.get("userIdentity") or {}
    by = identity.get("arn") or event.get("Username") or identity.get("invokedBy") or identity.get("type") or "unknown"
    return Act(at=event["EventTime"], by=str(by), operation=str(event["EventName"]))


def _named(parameters: object) -> Iterator[str]:
    """Every text in them, and the last part of every ARN."""
    match parameters:
        case str():
            yield parameters
            if parameters.startswith("arn:"):
                yield parameters.rsplit("/", 1)[-1]
        case dict():
            for value in parameters.values():
                yield from _named(value)
        case list():
            for value in parameters:
                yield from _named(value)
