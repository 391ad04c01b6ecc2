"""The part of a plan that no manifest asked for."""

from __future__ import annotations

from reconciler.domain.plan import Plan


def drift_of(plan: Plan) -> Plan:
    """The plan with nothing but drift; sealed anew, since it is another plan."""
    drifted = tuple(change for change in plan.changes if change.drift)
    kept = {change.id for change in drifted}
    alone = tuple(c.model_copy(update={"depends_on": tuple(d for d in c.depends_on if d in kept)}) for c in drifted)
    return plan.model_copy(update={"changes": alone}).sealed()
