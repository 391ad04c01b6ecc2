"""Who made the cloud drift."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.observation import Snapshot
from reconciler.domain.plan import Action, Change, Plan
from reconciler.domain.status import Status
from reconciler.domain.trail import Act, Aspect, Trail


def witnesses(plan: Plan, snapshot: Snapshot, trail: Trail) -> Mapping[str, Act]:
    """By change id: the last call that changed what drifted. What nobody called for, such as a failure, is not in it."""
    drifted = ((change, aspect_of(change)) for change in plan.changes if change.drift)
    found = {
        change.id: trail.last_act(change.provider, aspect, _names(change, snapshot))
        for change, aspect in drifted
        if aspect is not None
    }
    return {key: act for key, act in found.items() if act is not None}


def aspect_of(change: Change) -> Aspect | None:
    """
    ======================== ================================== ==========================================
    an apply would           the status now                     somebody's call about
    ======================== ================================== ==========================================
    deploy, roll, undeploy   any                                the deployment
    train, delete            any                                the training
    update                   any                                the tags
    nothing, or wait         training stopped, or stopping      the training
    nothing: it is stalled   any other                          none: it failed, or AWS rolled it back
    wait                     any other                          the deployment, which is on its way out
    anything else            any                                none
    ======================== ================================== ==========================================
    """
    match change.action, change.status_now:
        case ((Action.DEPLOY | Action.ROLL | Action.UNDEPLOY), _):
            return Aspect.DEPLOYMENT
        case ((Action.TRAIN | Action.DELETE), _):
            return Aspect.TRAINING
        case Action.UPDATE, _:
            return Aspect.TAGS
        case ((Action.NO_OP | Action.WAIT), (Status.TRAINING_STOPPED | Status.STOPPING_TRAINING)):
            return Aspect.TRAINING
        case Action.WAIT, _ if not change.stalled:
            return Aspect.DEPLOYMENT
        case _:
            return None


def _names(change: Change, snapshot: Snapshot) -> frozenset[str]:
    """In the cloud: of what is to be changed, and the identifiers of what has that name."""
    name = change.address.partition("/")[2]
    owned = [model for model in snapshot.models if model.name == name and model.provider == change.provider]
    deployed = {each.identifier for model in owned for each in model.deployments if each.name == change.target}
    return frozenset({change.target, *deployed})
