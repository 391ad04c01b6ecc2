"""The changes of what no manifest wants: trainings stopped, deployments undeployed, versions deleted, in this order.

A deletion never stands beside something that is still on its way: it follows a ``wait`` instead.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from reconciler.domain.catalog import ProviderName
from reconciler.domain.desired import DesiredModel
from reconciler.domain.naming import endpoint_name, short
from reconciler.domain.observation import (
    Deployment,
    DeploymentPhase,
    ModelObservation,
    TrainingPhase,
    TrainingRun,
    Version,
)
from reconciler.domain.plan import Action, Change, Effect, FieldChange, FollowUp, Reason
from reconciler.domain.status import Status
from reconciler.planner.reasons import committed
from reconciler.planner.situation import active_versions, is_committed, name_in_cloud
from reconciler.planner.status import status_of
from reconciler.planner.training import live_runs

_AT_REST = (DeploymentPhase.IN_SERVICE, DeploymentPhase.FAILED, DeploymentPhase.UPDATE_FAILED)


@dataclass(frozen=True)
class Farewell:
    """What goes, and why. ``instead`` is the model that replaces it, where one does (on another provider)."""

    seen: ModelObservation
    now: datetime
    why: Reason
    instead: DesiredModel | None = None
    hold: tuple[str, ...] = ()
    """Ids of changes that come before anything is deleted."""
    blocked_by: Change | None = None
    """A change of a model that builds on this one, which is not deleted yet."""

    @property
    def name(self) -> str:
        return self.seen.name

    @property
    def fingerprint(self) -> str | None:
        return self.instead.fingerprint if self.instead else None


def teardown(farewell: Farewell) -> tuple[Change, ...]:
    """Empty where nothing is left."""
    seen = farewell.seen
    stops = [_stop(farewell, v, run) for v in seen.versions for run in live_runs(v) if _runs(run)]
    undeploys = [_undeploy(farewell, deployment) for deployment in seen.deployments]
    if seen.schedules and not seen.deployments:
        undeploys = [_change(farewell, Action.UNDEPLOY, endpoint_name(seen.name), (farewell.why,))]
    waits = [_wait(farewell, run.name, f"training {run.name} is being stopped") for run in _stopping(seen)]
    versions = active_versions(seen)
    all_first = [*stops, *undeploys, *waits, *(_held_back(farewell) if versions else ())]
    first = _deduplicated(all_first)
    if len(first) < len(all_first) or any(not change.action.mutates for change in first):
        return _deletions_after(first, versions, seen.name)
    before = (*farewell.hold, *(change.id for change in first))
    return (*first, *(_delete(farewell, version, before) for version in versions))


def stop_trainings(farewell: Farewell) -> tuple[Change, ...]:
    """Only that: for what serves until its successor does."""
    runs = [(v, run) for v in farewell.seen.versions for run in live_runs(v) if _runs(run)]
    return tuple(_stop(farewell, version, run) for version, run in runs)


def _deletions_after(first: Sequence[Change], versions: Sequence[Version], model: str) -> tuple[Change, ...]:
    """What is on its way comes first; the deletions are told as what follows it. What is stalled leads nowhere."""
    deletions = tuple(
        FollowUp(action=Action.DELETE, target=name_in_cloud(model, version), why="once nothing moves any more")
        for version in versions
    )
    if any(change.stalled for change in first):
        return tuple(first)
    leading = next((change for change in first if change.action is Action.WAIT), first[0])
    told = leading.model_copy(update={"then": (*leading.then, *deletions)})
    return tuple(told if change is leading else change for change in first)


def _runs(run: TrainingRun) -> bool:
    return run.phase is TrainingPhase.IN_PROGRESS


def _stopping(seen: ModelObservation) -> list[TrainingRun]:
    return [run for v in seen.versions for run in live_runs(v) if run.phase is TrainingPhase.STOPPING]


def _stop(farewell: Farewell, version: Version, run: TrainingRun) -> Change:
    delete = FollowUp(action=Action.DELETE, target=name_in_cloud(farewell.name, version), why="once it is stopped")
    then = () if farewell.instead else (delete,)
    return _change(
        farewell,
        Action.STOP,
        run.name,
        (farewell.why,),
        fingerprint=version.fingerprint,
        attempt=run.attempt,
        then=then,
    )


def _undeploy(farewell: Farewell, deployment: Deployment) -> Change:
    if is_committed(deployment, farewell.now):
        told = (farewell.why, committed(deployment))
        return _change(farewell, Action.NO_OP, deployment.name, told, stalled=True)
    if deployment.phase in _AT_REST:
        return _change(farewell, Action.UNDEPLOY, deployment.name, (farewell.why,), deployment=deployment.identifier)
    undeploy = FollowUp(action=Action.UNDEPLOY, target=deployment.name, why="once it stands still")
    then = () if deployment.phase is DeploymentPhase.DELETING else (undeploy,)
    return _wait(farewell, deployment.name, f"{deployment.kind} {deployment.name} is {deployment.phase}", then)


def _wait(farewell: Farewell, target: str, message: str, then: tuple[FollowUp, ...] = ()) -> Change:
    moving = Reason(code="moving", message=message)
    return _change(farewell, Action.WAIT, target, (farewell.why, moving), then=then)


def _held_back(farewell: Farewell) -> tuple[Change, ...]:
    """What builds on a model goes before it."""
    blocker = farewell.blocked_by
    if blocker is None:
        return ()
    message = f"{blocker.address} builds on it and goes first"
    if not blocker.stalled:
        return (_wait(farewell, endpoint_name(farewell.name), message),)
    told = (farewell.why, Reason(code="has-children", message=message))
    return (_change(farewell, Action.NO_OP, endpoint_name(farewell.name), told, stalled=True),)


def _delete(farewell: Farewell, version: Version, before: tuple[str, ...]) -> Change:
    reasons = (farewell.why, *_fate(farewell.seen, version))
    target = name_in_cloud(farewell.name, version)
    return _change(farewell, Action.DELETE, target, reasons, fingerprint=version.fingerprint, depends_on=before)


def _fate(seen: ModelObservation, version: Version) -> tuple[Reason, ...]:
    """What becomes of the trained model."""
    if version.artifact is None:
        return ()
    what = f"version {short(version.fingerprint)}"
    if seen.deletion_policy == "retain":
        return (
            Reason(code="retained", message=f"{what} stays in the cloud, no longer owned: `deletionPolicy: retain`"),
        )
    if seen.provider is ProviderName.BEDROCK:
        return (Reason(code="final", message=f"{what} is deleted for good: Bedrock keeps no copy"),)
    return (Reason(code="trashed", message=f"{what} goes to the trash prefix and can be restored for 30 days"),)


def _change(farewell: Farewell, action: Action, target: str, reasons: tuple[Reason, ...], **more: Any) -> Change:
    now = status_of(farewell.seen, None)
    final = (
        Status.DEPLOYED if farewell.instead and farewell.instead.resolved.deployment.deployed else Status.NOT_DEPLOYED
    )
    removed = (FieldChange(path="metadata.name", before=farewell.name, after=None, effect=Effect.NONE),)
    fields = {
        "address": f"FineTunedModel/{farewell.name}",
        "provider": farewell.seen.provider,
        "fingerprint": farewell.fingerprint,
        "reasons": reasons,
        "fields": removed if farewell.instead is None and action.destroys else (),
        "status": {"now": now, "then": now if more.get("stalled") else final if farewell.instead else Status.ABSENT},
    }
    return Change(action=action, target=target, **(fields | more))


def _deduplicated(changes: Sequence[Change]) -> list[Change]:
    """Two kinds of deployment may carry one name: one after the other."""
    return list({change.id: change for change in reversed(changes)}.values())[::-1]
