"""Everything the embedded cloud knows: its resources, its clock, and what will happen when. Plain data; no threads.

The future is a heap of events. Whoever asks the cloud something first lets it catch up (`due`), so a run with the same
requests at the same cloud times gives the same world, however long the machine took.
"""

from __future__ import annotations

import heapq
import random
import string
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.localcloud.clock import Clock
from reconciler.localcloud.faults import Fault
from reconciler.localcloud.requests import RequestLog
from reconciler.localcloud.resource import Resource

ACCOUNT = "123456789012"
"""The account that everything belongs to: the one that moto gives to unknown access keys."""


@dataclass(frozen=True, order=True)
class Event:
    """At `at`, `step` happens to the resource, unless its generation has moved on. Ordered by time, then by age."""

    at: float
    sequence: int
    arn: str = field(compare=False)
    generation: int = field(compare=False)
    step: str = field(compare=False)
    data: Mapping[str, Any] = field(compare=False)


class World:
    """The state of one embedded cloud. Hold `lock` while reading or changing it."""

    def __init__(self, *, clock: Clock | None = None, seed: int = 7, account: str = ACCOUNT) -> None:
        self.clock = clock or Clock()
        self.account = account
        self.seed = seed
        self.lock = threading.RLock()
        self.revision = 0
        self.reset()

    def reset(self) -> None:
        """Forget everything but the clock. `revision` goes on counting whatever may have changed the world."""
        self.revision += 1
        self.chance = random.Random(self.seed)  # noqa: S311 - the same world each time is what is wanted
        self.faults: list[Fault] = []
        self.requests = RequestLog()
        self.tokens: dict[tuple[str, ...], str] = {}
        self.notes: dict[str, Any] = {}
        self._tables: dict[tuple[str, str], dict[str, Resource]] = {}
        self._by_arn: dict[str, Resource] = {}
        self._events: list[Event] = []
        self._sequence = 0

    # -- resources

    def table(self, region: str, kind: str) -> dict[str, Resource]:
        """The resources of one kind in one region, by name, oldest first. Change it through `add` and `drop` only."""
        return self._tables.setdefault((region, kind), {})

    def find(self, region: str, kind: str, name: str) -> Resource | None:
        return self.table(region, kind).get(name)

    def by_arn(self, arn: str) -> Resource | None:
        return self._by_arn.get(arn)

    def resources(self) -> Iterator[Resource]:
        return iter(self._by_arn.values())

    def add(self, resource: Resource) -> Resource:
        self.table(resource.region, resource.kind)[resource.name] = resource
        self._by_arn[resource.arn] = resource
        resource.enter(resource.status, resource.created, secondary=resource.secondary, failure=resource.failure)
        return resource

    def drop(self, resource: Resource) -> None:
        """Forget it; whatever was to happen to it will not."""
        resource.generation += 1
        self.table(resource.region, resource.kind).pop(resource.name, None)
        self._by_arn.pop(resource.arn, None)

    def new_id(self, length: int = 12) -> str:
        """Lower-case letters and digits, as AWS ends many ARNs with; from the seeded generator."""
        return "".join(self.chance.choices(string.ascii_lowercase + string.digits, k=length))

    # -- the future

    def at(self, when: float, resource: Resource, step: str, **data: Any) -> None:
        """Plan one event for the resource as it stands; `step` names a handler of its service (see `Service.steps`)."""
        self._sequence += 1
        heapq.heappush(self._events, Event(when, self._sequence, resource.arn, resource.generation, step, data))

    def cancel(self, resource: Resource) -> None:
        """Void everything that was planned for the resource."""
        resource.generation += 1

    def due(self) -> Iterator[tuple[Event, Resource]]:
        """Events whose time has come, one by one, oldest first; what they plan in turn is given too if it is due.

        Let each happen with the clock held at its time: then one long wait ends like many short ones.
        """
        now = self.clock.now()
        while self._events and self._events[0].at <= now:
            event = heapq.heappop(self._events)
            resource = self._by_arn.get(event.arn)
            if resource is not None and resource.generation == event.generation:
                yield event, resource

    @property
    def pending_events(self) -> int:
        """Events that will still happen."""
        return sum(1 for event in self._events if self._is_live(event))

    def next_event_at(self) -> float | None:
        """Cloud time of the next event, None when nothing is planned."""
        return min((event.at for event in self._events if self._is_live(event)), default=None)

    def _is_live(self, event: Event) -> bool:
        resource = self._by_arn.get(event.arn)
        return resource is not None and resource.generation == event.generation

    # -- faults

    def fault(self, kinds: frozenset[str], operation: str, name: str) -> Fault | None:
        """The first ordered fault of these kinds that strikes this call ("service:Operation" on `name`)."""
        return next((f for f in self.faults if f.kind in kinds and f.strikes(operation, name, self.chance)), None)

    # -- pickling: all but the lock, and the request log, which only tells of this process

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in ("lock", "requests")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.lock = threading.RLock()
        self.requests = RequestLog()
