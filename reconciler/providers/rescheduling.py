"""Schedules of what exists, brought to what the manifest says."""

from __future__ import annotations

from collections.abc import Callable

from reconciler.domain.desired import DesiredModel, UndeployRule
from reconciler.domain.ports import DeployOrder, UpdateOrder
from reconciler.providers.aws.schedules import Schedule, Schedules


def reschedule(schedules: Schedules, order: UpdateOrder, wanted: Callable[[DeployOrder], tuple[Schedule, ...]]) -> None:
    """
    ================== ============ ======================================================================
    rule               deployed     schedules
    ================== ============ ======================================================================
    none               either       removed
    ``after``, ``at``  no           what has fired stays while its rule does: it tells why nothing is deployed
    ``after``, ``at``  yes          written
    ``hours``          either       written, for the wanted version, once that is trained and promoted
    ================== ============ ======================================================================

    After a rename a schedule that has fired goes, because it names the former model.
    """
    rule = rule_of(order.model)
    deployable = schedulable(order)
    former = order.observed.schedules
    if rule is None:
        schedules.remove(old.name for old in former)
    elif rule.hours is None and not order.observed.deployments:
        schedules.remove(old.name for old in former if old.rule != rule or order.former_name)
    elif deployable is not None:
        schedules.bring_to(wanted(deployable), former=former)


def rule_of(model: DesiredModel) -> UndeployRule | None:
    """None for a model that the manifest does not want deployed: nothing may deploy it again."""
    deployment = model.resolved.deployment
    return deployment.undeploy if deployment.deployed else None


def schedulable(order: UpdateOrder) -> DeployOrder | None:
    """What the schedules act on: the wanted version, under the name in use; none before it is trained and promoted."""
    version = order.observed.version(order.model.fingerprint)
    if version is None or version.artifact is None or not order.deployable:
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
