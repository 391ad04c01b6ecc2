"""What the embedded cloud was asked: a log that tests and people can read."""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

KEPT = 20_000
READING_VERBS = ("Describe", "List", "Get", "Head", "Search", "Invoke", "Converse", "Batch", "Filter", "Lookup")


@dataclass(frozen=True)
class LoggedRequest:
    """One request and its answer. `at` is cloud time; `params` a digest, so that no secret is kept.

    `status` is the HTTP status, or 0 when the answer was lost on purpose; `error` the error code, or "".
    """

    sequence: int
    at: float
    service: str
    operation: str
    name: str
    region: str
    params: str
    status: int
    error: str
    caller: str
    changes: bool
    named_by: str = ""
    """The parameter that `name` stood in."""
    access_key: str = ""
    """Whose: the embedded cloud checks no signature and knows no users."""
    group: str = ""
    """Of schedules: whose name it is."""
    made: Mapping[str, str] = field(default_factory=dict)
    """ARNs in the answer of what creates."""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


class RequestLog:
    """The last requests, oldest first."""

    def __init__(self, kept: int = KEPT) -> None:
        self._entries: deque[LoggedRequest] = deque(maxlen=kept)
        self._sequence = 0

    def add(
        self,
        *,
        at: float,
        service: str,
        operation: str,
        name: str,
        region: str,
        params: Mapping[str, Any],
        status: int,
        error: str = "",
        caller: str = "client",
        named_by: str = "",
        access_key: str = "",
        made: Mapping[str, str] | None = None,
    ) -> LoggedRequest:
        self._sequence += 1
        entry = LoggedRequest(
            sequence=self._sequence,
            at=at,
            service=service,
            operation=operation,
            name=name,
            region=region,
            params=digest(params),
            group=str(params.get("GroupName") or ""),
            status=status,
            error=error,
            caller=caller,
            changes=changes(operation),
            named_by=named_by,
            access_key=access_key,
            made=made or {},
        )
        self._entries.append(entry)
        return entry

    @property
    def total(self) -> int:
        """How many there were, kept or not."""
        return self._sequence

    def since(self, sequence: int = 0) -> list[LoggedRequest]:
        """Entries after the one with this number."""
        return [entry for entry in self._entries if entry.sequence > sequence]

    def clear(self) -> None:
        self._entries.clear()

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)


def changes(operation: str) -> bool:
    """Whether the operation can change the cloud, judged by its verb."""
    return not operation.startswith(READING_VERBS)


def digest(params: Mapping[str, Any]) -> str:
    """Sixteen hexadecimal digits that are the same for the same parameters in any order."""
    canonical = json.dumps(params, sort_keys=True, default=str, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:16]
