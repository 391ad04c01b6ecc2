"""Who made the cloud drift."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from reconciler.domain.naming import schedule_group, schedule_name
from reconciler.domain.observation import ModelObservation, Snapshot
from reconciler.domain.plan import Action, Change, Plan
from reconciler.domain.status import Status
from reconciler.domain.trail import Act, Aspect, Trail
from reconciler.planner.rest import AUTO_UNDEPLOY, DEPLOY, UNDEPLOY
from reconciler.planner.status import training_status

MOST_SCHEDULES = 14
"""Of one purpose that are looked for: hours with two windows on every day of the week have no more."""


def witnesses(plan: Plan, snapshot: Snapshot, trail: Trail) -> Mapping[str, Act]:
    """By change id: the last call that changed what drifted. What nobody called for, such as a failure, is not in it."""
    drifted = (change for change in plan.changes if change.drift)
    found = {change.id: _acts(change, snapshot, trail) for change in drifted}
    return {key: max(acts, key=lambda act: act.at) for key, acts in found.items() if acts}


def _acts(change: Change, snapshot: Snapshot, trail: Trail) -> list[Act]:
    """The last one of each aspect that drifted."""
    found = [_last_act(change, aspect, snapshot, trail) for aspect in aspects_of(change)]
    return [act for act in found if act is not None]


def _last_act(change: Change, aspect: Aspect, snapshot: Snapshot, trail: Trail) -> Act | None:
    if aspect is Aspect.SCHEDULES:
        group = schedule_group(snapshot.project)
        return trail.last_act(change.provider, aspect, _schedules(change, snapshot), group=group)
    act = trail.last_act(change.provider, aspect, _names(change, snapshot))
    return None if act is None or act.at < _made(change, aspect, snapshot) else act


def aspects_of(change: Change) -> tuple[Aspect, ...]:
    """
    ======================== ================================== ==========================================
    an apply would           the status now                     somebody's call about
    ======================== ================================== ==========================================
    deploy, roll, undeploy   any                                the deployment
    train, delete            any                                the training
    update of the schedules  any                                the schedules
    update of anything else  any                                the tags
    nothing, or wait         training stopped, or stopping      the training, whatever serves meanwhile
    nothing: it is stalled   any other                          none: it failed, or AWS rolled it back
    wait                     any other                          the deployment, which is on its way out
    anything else            any                                none
    ======================== ================================== ==========================================
    """
    match change.action, training_status(change) or change.status_now:
        case ((Action.DEPLOY | Action.ROLL | Action.UNDEPLOY), _):
            return (Aspect.DEPLOYMENT,)
        case ((Action.TRAIN | Action.DELETE), _):
            return (Aspect.TRAINING,)
        case Action.UPDATE, _:
            scheduling = {field.path == AUTO_UNDEPLOY for field in change.fields}
            return tuple(Aspect.SCHEDULES if each else Aspect.TAGS for each in sorted(scheduling))
        case ((Action.NO_OP | Action.WAIT), (Status.TRAINING_STOPPED | Status.STOPPING_TRAINING)):
            return (Aspect.TRAINING,)
        case Action.WAIT, _ if not change.stalled:
            return (Aspect.DEPLOYMENT,)
        case _:
            return ()


def _names(change: Change, snapshot: Snapshot) -> frozenset[str]:
    """In the cloud: of what is to be changed, and the identifiers of what has that name."""
    owned = _owned(change, snapshot)
    deployed = {each.identifier for model in owned for each in model.deployments if each.name == change.target}
    return frozenset({change.target, *deployed})


def _made(change: Change, aspect: Aspect, snapshot: Snapshot) -> datetime:
    """When what serves now was made: a call from before that was about another one of its name."""
    serving = [each for model in _owned(change, snapshot) for each in model.deployments if each.name == change.target]
    made = [each.created_at for each in serving if each.created_at and aspect is Aspect.DEPLOYMENT]
    return min(made, default=datetime.min.replace(tzinfo=UTC))


def _schedules(change: Change, snapshot: Snapshot) -> frozenset[str]:
    """Those that are there, and those that a rule may have: what is gone cannot be asked for its name."""
    there = {schedule.name for model in _owned(change, snapshot) for schedule in model.schedules}
    numbers, model = range(1, MOST_SCHEDULES + 1), _model(change)
    return frozenset(there | {schedule_name(model, purpose, n) for purpose in (DEPLOY, UNDEPLOY) for n in numbers})


def _owned(change: Change, snapshot: Snapshot) -> list[ModelObservation]:
    return [model for model in snapshot.models if model.name == _model(change) and model.provider == change.provider]


def _model(change: Change) -> str:
    return change.address.partition("/")[2]
