"""Tags of what exists, brought to what the manifest says: which to write, and which to remove."""

from __future__ import annotations

from reconciler.domain.ports import UpdateOrder
from reconciler.domain.tags import LABEL_PREFIX, PARENT
from reconciler.providers.aws.tags import KEPT_BY_RESOURCE, resource_tags

OURS = "reconciler:"
"""How every tag of ours begins."""


def renewed(order: UpdateOrder) -> dict[str, str]:
    """All owner tags and labels, but for those that belong to each resource's own history."""
    tags = resource_tags(order.owner, order.model.resolved.labels)
    return {key: value for key, value in tags.items() if key not in KEPT_BY_RESOURCE}


def outdated_keys(order: UpdateOrder) -> list[str]:
    """Labels that the manifest no longer has, and the parent of a model that no longer builds on one."""
    labels = [LABEL_PREFIX + key for key in order.observed.labels if key not in order.model.resolved.labels]
    return labels + ([PARENT] if order.observed.parent and order.owner.parent is None else [])
