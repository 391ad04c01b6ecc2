"""What a service of the embedded cloud is made of, and what an operation gets to work with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from reconciler.localcloud.errors import AwsError, LostResponse
from reconciler.localcloud.faults import STATUS_BY_CODE, Fault
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.world import World

if TYPE_CHECKING:
    import re

    from reconciler.localcloud.runtime import Runtime

OUTCOME_KINDS = frozenset({"fail", "capacity", "rollback", "interrupt"})


class Objects(Protocol):
    """The embedded cloud's S3, as its other services see it. URIs are s3://bucket/key; others find nothing."""

    def list(self, uri: str) -> Mapping[str, int] | None:
        """Sizes in bytes by key, of all objects whose key starts with the URI's; None when there is no such bucket."""

    def get(self, uri: str) -> bytes | None:
        """An object's content; None when it is not there."""

    def put(self, uri: str, content: bytes) -> None:
        """Write an object. Raises AwsError(NoSuchBucket)."""

    def delete(self, uri: str) -> None:
        """Delete an object, as S3 does: one that is not there is deleted already."""

    def make_bucket(self, name: str) -> None:
        """Make a bucket if there is none of this name."""


class Logs(Protocol):
    """The embedded cloud's CloudWatch Logs, as its other services see it."""

    def write(self, region: str, group: str, stream: str, at: float, lines: Sequence[str]) -> None:
        """Append lines with the time `at` (seconds since the epoch) to a stream; group and stream are made if missing."""


class Metrics(Protocol):
    """The embedded cloud's CloudWatch, as its other services see it."""

    def count(self, region: str, namespace: str, name: str, dimensions: Mapping[str, str], at: float) -> None:
        """One more, at the time `at` (seconds since the epoch)."""


class Cloud(Protocol):
    """The embedded cloud, as its services see it."""

    world: World
    objects: Objects
    logs: Logs
    metrics: Metrics
    runtime: Runtime
    on_change: Callable[[], None]

    def call(
        self, service: str, operation: str, params: Mapping[str, Any], *, region: str, caller: str
    ) -> Mapping[str, Any]:
        """Carry out an operation of one of our own services, checked and logged like a client's. Raises AwsError."""

    def happen(self, resource: Resource, step: str, **data: Any) -> None:
        """Let a step happen to the resource now: for what runs beside the cloud. Takes the world's lock; nothing where it is gone."""


@dataclass(frozen=True)
class Later:
    """The rest of an operation that waits for something beside the cloud: finished without the world's lock. Raises AwsError."""

    finish: Callable[[], Mapping[str, Any]]


@dataclass(frozen=True)
class Call:
    """One operation being carried out. The world's lock is held, and everything that is due has happened."""

    cloud: Cloud
    service: str
    operation: str
    params: Mapping[str, Any]
    region: str
    caller: str = "client"
    name: str = ""
    hidden: re.Pattern[str] | None = None

    @property
    def world(self) -> World:
        return self.cloud.world

    @property
    def now(self) -> float:
        return self.world.clock.now()

    def arn(self, path: str, *, service: str | None = None, account: str | None = None) -> str:
        """`path` is "training-job/name"; `account=""` for what belongs to AWS."""
        owner = self.world.account if account is None else account
        return f"arn:aws:{service or self.service}:{self.region}:{owner}:{path}"

    def find(self, kind: str, name: str) -> Resource | None:
        """The resource as this call sees it: a stale read does not see it yet."""
        resource = self.world.find(self.region, kind, name)
        return None if resource is None or self._hides(resource) else resource

    def find_arn(self, arn: str) -> Resource | None:
        resource = self.world.by_arn(arn)
        return None if resource is None or resource.region != self.region or self._hides(resource) else resource

    def all(self, kind: str) -> Iterator[Resource]:
        """The resources of a kind as this call sees them, oldest first."""
        return (resource for resource in self.world.table(self.region, kind).values() if not self._hides(resource))

    def fate(self, *kinds: str) -> Fault | None:
        """What was ordered to become of that which this call starts; among these kinds, by default all."""
        wanted = frozenset(kinds) & OUTCOME_KINDS if kinds else OUTCOME_KINDS
        return self.world.fault(wanted, f"{self.service}:{self.operation}", self.name)

    def _hides(self, resource: Resource) -> bool:
        return self.hidden is not None and self.hidden.fullmatch(resource.name) is not None


Result = Mapping[str, Any] | Later | None
Operation = Callable[[Call], Result]
Step = Callable[[Cloud, Resource, float, Mapping[str, Any]], None]
"""What happens when an event is due: cloud, resource, the event's time, the event's data."""


@dataclass(frozen=True, kw_only=True)
class Service:
    """`name` is botocore's; `name_keys` are the members that name what a call is about, the first one present wins."""

    name: str
    operations: Mapping[str, Operation]
    name_keys: tuple[str, ...] = ()
    steps: Mapping[str, Step] = field(default_factory=lambda: MappingProxyType({}))

    def subject(self, params: Mapping[str, Any]) -> str:
        """The name of what the call is about, for faults and the request log; an ARN gives its last part."""
        named = str(params.get(self.named_by(params), ""))
        return named.rsplit("/", 1)[-1] if named.startswith("arn:") else named

    def named_by(self, params: Mapping[str, Any]) -> str:
        """The parameter that names it; empty where none does."""
        return next((key for key in self.name_keys if params.get(key)), "")


def refused(fault: Fault) -> AwsError:
    """The error that an ordered fault asks for."""
    return AwsError(fault.code, fault.message, status=STATUS_BY_CODE.get(fault.code))


def spoil(fault: Fault | None) -> None:
    """What an API fault does once the effect is there. Raises AwsError or LostResponse."""
    if fault is not None and fault.kind == "lost-response":
        raise LostResponse("the answer was lost, as ordered")
    if fault is not None and fault.kind == "error-after-effect":
        raise refused(fault)
