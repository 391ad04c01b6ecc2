"""Bedrock's lists: filters, order by creation time, pages of up to 1000."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from reconciler.localcloud.paging import page
from reconciler.localcloud.resource import Resource
from reconciler.localcloud.service import Call, Operation

Filter = Callable[[Resource, Any], bool]

DEFAULT_PAGE = 100
"""Bedrock does not publish its default; ours is small enough that clients must page."""


def listing(
    kind: str, answer_key: str, row: Callable[[Resource], Mapping[str, Any]], filters: Mapping[str, Filter]
) -> Operation:
    """The operation that lists one kind. `filters` are by parameter; newest first unless asked otherwise."""

    def carry_out(call: Call) -> Mapping[str, Any]:
        asked = {key: call.params[key] for key in filters if call.params.get(key) is not None}
        wanted = [r for r in call.all(kind) if all(filters[key](r, value) for key, value in asked.items())]
        wanted.sort(key=lambda r: r.created, reverse=call.params.get("sortOrder") != "Ascending")
        rows, token = page(wanted, call.params.get("nextToken"), call.params.get("maxResults"), default=DEFAULT_PAGE)
        return {answer_key: [row(resource) for resource in rows], "nextToken": token}

    return carry_out


def name_contains(resource: Resource, part: str) -> bool:
    return part in resource.name


def status_equals(resource: Resource, status: str) -> bool:
    return resource.status == status


def created_after(resource: Resource, when: datetime) -> bool:
    return resource.created > when.timestamp()


def created_before(resource: Resource, when: datetime) -> bool:
    return resource.created < when.timestamp()


CREATION_TIME: Mapping[str, Filter] = {
    "creationTimeAfter": created_after,
    "creationTimeBefore": created_before,
    "nameContains": name_contains,
}
