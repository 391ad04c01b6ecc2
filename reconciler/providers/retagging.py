"""Tags of what exists: brought to what the manifest says, written on what is taken over, removed from what is kept and no longer owned."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from reconciler.domain.outcome import Outcome
from reconciler.domain.ports import UpdateOrder
from reconciler.domain.survey import Importable
from reconciler.domain.tags import LABEL_PREFIX, PARENT, Owner
from reconciler.providers.aws.tags import KEPT_BY_RESOURCE, resource_tags

_OURS = "reconciler:"
"""How every tag of ours begins."""


class Tagging(Protocol):
    """A service's tags, resource by resource."""

    def tags(self, arn: str) -> Mapping[str, str] | None: ...

    def add_tags(self, arn: str, tags: Mapping[str, str]) -> None: ...

    def remove_tags(self, arn: str, keys: list[str]) -> None: ...


def retag(service: Tagging, arns: Iterable[str], order: UpdateOrder) -> None:
    tags, gone = _renewed(order), _outdated_keys(order)
    for arn in arns:
        service.add_tags(arn, tags)
        if gone:
            service.remove_tags(arn, gone)


def adopt(service: Tagging, found: Importable, owner: Owner, labels: dict[str, str]) -> Outcome:
    tags = resource_tags(owner, labels)
    for holding in found.holdings:
        service.add_tags(holding.identifier, tags | holding.extra)
    return Outcome.done(f"{len(found.holdings)} resources carry the project's tags", found.found.identifier)


def disown(service: Tagging, arns: Iterable[str]) -> None:
    for arn in arns:
        keys = [key for key in service.tags(arn) or {} if key.startswith(_OURS)]
        if keys:
            service.remove_tags(arn, keys)


def _renewed(order: UpdateOrder) -> dict[str, str]:
    """All owner tags and labels, but for those that belong to each resource's own history."""
    tags = resource_tags(order.owner, order.model.resolved.labels)
    return {key: value for key, value in tags.items() if key not in KEPT_BY_RESOURCE}


def _outdated_keys(order: UpdateOrder) -> list[str]:
    """Labels that the manifest no longer has, and the parent of a model that no longer builds on one."""
    labels = [LABEL_PREFIX + key for key in order.observed.labels if key not in order.model.resolved.labels]
    return labels + ([PARENT] if order.observed.parent and order.owner.parent is None else [])
