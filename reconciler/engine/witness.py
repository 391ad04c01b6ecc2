"""Who made the cloud drift."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.observation import Snapshot
from reconciler.domain.plan import Change, Plan
from reconciler.domain.trail import Act, Trail


def witnesses(plan: Plan, snapshot: Snapshot, trail: Trail) -> Mapping[str, Act]:
    """By change id: the last call that touched what drifted. What nobody called for, such as a failure, is not in it."""
    found = {
        change.id: trail.last_act(change.provider, _names(change, snapshot)) for change in plan.changes if change.drift
    }
    return {key: act for key, act in found.items() if act is not None}


def _names(change: Change, snapshot: Snapshot) -> frozenset[str]:
    """In the cloud: of what is to be changed, and the identifiers of what has that name."""
    name = change.address.partition("/")[2]
    owned = [model for model in snapshot.models if model.name == name and model.provider == change.provider]
    deployed = {each.identifier for model in owned for each in model.deployments if each.name == change.target}
    return frozenset({change.target, *deployed})
