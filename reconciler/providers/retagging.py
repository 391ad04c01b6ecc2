"""Tags of what exists, brought to what the manifest says: which to write, and which to remove."""

from __future__ import annotations

from reconciler.domain.ports import DeployOrder, UpdateOrder
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


def schedulable(order: UpdateOrder) -> DeployOrder | None:
    """What the schedules of an updated model act on: the wanted version, under the name in use; none before it is trained."""
    version = order.observed.version(order.model.fingerprint)
    if version is None or version.artifact is None:
        return None
    deployed = next(iter(order.observed.deployments), None)
    asked = order.model.resolved.deployment.instance_count
    return DeployOrder(
        name=deployed.name if deployed else order.model.name,
        owner=order.owner.model_copy(update={"fingerprint": version.fingerprint, "attempt": version.last_attempt or 1}),
        model=order.model,
        version=version,
        current=deployed,
        instance_count=asked or (deployed.instance_count if deployed else None),
    )
