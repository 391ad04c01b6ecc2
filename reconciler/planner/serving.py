"""How what serves stands to what should serve."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from reconciler.domain.desired import DeploymentKind, DesiredDeployment, DesiredModel
from reconciler.domain.naming import endpoint_name
from reconciler.domain.observation import Deployment, DeploymentPhase, ModelObservation
from reconciler.domain.plan import Effect, FieldChange


class Serving(StrEnum):
    """The deployment under the model's own name, compared with the wanted one."""

    ABSENT = "absent"
    LOST = "lost"
    """It was deployed as it is wanted, and is gone."""
    MOVING = "moving"
    """Being created, updated or rolled back, towards what is wanted: never interrupted."""
    MOVING_ELSEWHERE = "moving elsewhere"
    """The same, towards what is no longer wanted."""
    MOVING_APART = "moving apart"
    """The same, towards what cannot be changed into what is wanted."""
    DELETING = "deleting"
    VANISHING = "vanishing"
    """Being deleted, and it was deployed as it is wanted: about to be lost."""
    AS_DESIRED = "as desired"
    OUTDATED = "outdated"
    """Serves another version, or on other instances: can be rolled."""
    CHANGED = "changed"
    """As outdated, but nobody asked for what it serves now, or for the instances it runs on."""
    IMMUTABLE = "immutable"
    """Differs in what cannot be changed in place: kind, model units, commitment."""
    ROLLED_BACK = "rolled back"
    """The wanted version was asked for, and the cloud went back."""
    FAILED = "failed"
    """Failed as it is wanted now."""
    FAILED_BEFORE = "failed before"
    """Failed, but something else is wanted now."""


_MOVING = (DeploymentPhase.CREATING, DeploymentPhase.UPDATING, DeploymentPhase.ROLLING_BACK)


def current_deployment(want: DesiredModel, seen: ModelObservation) -> Deployment | None:
    """Of the model's own name; the wanted kind first, where two kinds have that name."""
    named = [d for d in seen.deployments if d.name == endpoint_name(want.name)]
    return min(named, key=lambda d: (d.kind is not want.resolved.deployment.kind, d.identifier), default=None)


def serving(want: DesiredModel, current: Deployment | None, recorded: DesiredModel | None) -> Serving:
    """``recorded`` is what was written beside the wanted version when it was last deployed or rolled to."""
    if current is None:
        return Serving.LOST if was_deployed_so(want, recorded) else Serving.ABSENT
    if current.phase is DeploymentPhase.DELETING:
        return Serving.VANISHING if was_deployed_so(want, recorded) else Serving.DELETING
    as_wanted = _is_as_wanted(want, current)
    if current.phase in _MOVING:
        return _moving(want, current, as_wanted=as_wanted)
    if current.phase is DeploymentPhase.FAILED:
        return Serving.FAILED if as_wanted else Serving.FAILED_BEFORE
    if immutable_fields(want.resolved.deployment, current):
        return Serving.IMMUTABLE
    if _went_back(current) and _was_asked_for(want, current, recorded):
        return Serving.ROLLED_BACK
    if as_wanted:
        return Serving.AS_DESIRED
    return Serving.CHANGED if _nobody_asked(want, current, recorded) else Serving.OUTDATED


def _moving(want: DesiredModel, current: Deployment, *, as_wanted: bool) -> Serving:
    if as_wanted:
        return Serving.MOVING
    apart = immutable_fields(want.resolved.deployment, current)
    return Serving.MOVING_APART if apart else Serving.MOVING_ELSEWHERE


def was_deployed_so(want: DesiredModel, recorded: DesiredModel | None) -> bool:
    """It was deployed once as it is wanted now, so that no manifest asked for a difference."""
    return recorded is not None and recorded.resolved.deployment.deployed and _same(want, recorded)


def leads_to(current: Deployment) -> str | None:
    """The fingerprint of what it serves, or will once it stands still; of what failed, where it failed."""
    if current.phase in (DeploymentPhase.IN_SERVICE, DeploymentPhase.UPDATE_FAILED):
        return current.fingerprint
    asked = current.owner.fingerprint if current.owner else None
    return current.target_fingerprint or asked or current.fingerprint


def rolling_fields(wanted: DesiredDeployment, current: Deployment) -> tuple[FieldChange, ...]:
    """Differences that a roll settles. A count that autoscaling set, or that no manifest names, is kept."""
    count = None if current.autoscaled else wanted.instance_count
    pairs = (
        ("spec.deployment.instanceType", current.instance_type, wanted.instance_type),
        ("spec.deployment.instanceCount", current.instance_count, count),
        ("spec.deployment.image", current.image, wanted.image),
    )
    return _differences(pairs) if current.kind is wanted.kind is DeploymentKind.REAL_TIME else ()


def immutable_fields(wanted: DesiredDeployment, current: Deployment) -> tuple[FieldChange, ...]:
    """Differences that only a new deployment settles."""
    if current.kind is not wanted.kind:
        return _differences((("spec.deployment.kind", str(current.kind), str(wanted.kind)),))
    pairs = (
        ("spec.deployment.throughput.modelUnits", current.model_units, wanted.model_units),
        ("spec.deployment.throughput.commitment", current.commitment, wanted.commitment),
    )
    return _differences(pairs) if wanted.kind is DeploymentKind.PROVISIONED else ()


def _differences(pairs: tuple[tuple[str, Any, Any], ...]) -> tuple[FieldChange, ...]:
    """What the cloud does not tell, or the manifest does not ask for, is no difference."""
    found = [(path, before, after) for path, before, after in pairs if None not in (before, after) and before != after]
    return tuple(FieldChange(path=path, before=b, after=a, effect=Effect.ROLL) for path, b, a in found)


def _is_as_wanted(want: DesiredModel, current: Deployment) -> bool:
    wanted = want.resolved.deployment
    differs = rolling_fields(wanted, current) or immutable_fields(wanted, current)
    return leads_to(current) == want.fingerprint and not differs


def _went_back(current: Deployment) -> bool:
    return current.rolled_back or current.phase is DeploymentPhase.UPDATE_FAILED


def _nobody_asked(want: DesiredModel, current: Deployment, recorded: DesiredModel | None) -> bool:
    """It serves nothing of ours, or the wanted version in another way than when that was last deployed."""
    serves = leads_to(current)
    return serves is None or (serves == want.fingerprint and was_deployed_so(want, recorded))


def _was_asked_for(want: DesiredModel, current: Deployment, recorded: DesiredModel | None) -> bool:
    """Asking again for what the cloud just refused would go round for ever."""
    asked = current.owner.fingerprint if current.owner else current.target_fingerprint
    return asked == want.fingerprint and (recorded is None or _same(want, recorded))


_HOW: tuple[Callable[[DesiredDeployment], object], ...] = (
    lambda deployment: deployment.kind,
    lambda deployment: deployment.instance_type,
    lambda deployment: deployment.instance_count,
    lambda deployment: deployment.image,
    lambda deployment: deployment.model_units,
    lambda deployment: deployment.commitment,
)
"""How a version is served; not when."""


def _same(one: DesiredModel, other: DesiredModel) -> bool:
    return all(of(one.resolved.deployment) == of(other.resolved.deployment) for of in _HOW)
