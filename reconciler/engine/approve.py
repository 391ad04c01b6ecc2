"""What a person (or ``--auto-approve``) approved, and whether what is about to be done lies within it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from reconciler.domain.errors import PlanChanged
from reconciler.domain.plan import Action, Change, Plan

_Key = tuple[str, str, str | None]

_FAMILY = {Action.DEPLOY: "serve", Action.ROLL: "serve"}
"""Deploying and rolling lead to the same thing: which of the two it takes depends on what is there when the time comes."""

_BY_TARGET = (Action.DELETE, Action.STOP)
"""Destruction is approved thing by thing."""


@dataclass(frozen=True)
class Approval:
    """The digest that was shown, and everything that plan said it would do, follow-ups included."""

    digest: str | None
    granted: frozenset[_Key]

    @classmethod
    def of(cls, plan: Plan) -> Approval:
        return cls(digest=plan.digest, granted=frozenset(key for change in plan.changes for key in _granted_by(change)))

    @classmethod
    def by_digest(cls, digest: str) -> Approval:
        """For pipelines that approved a digest and plan again: what it covers is read from the first plan that matches it."""
        return cls(digest=digest, granted=frozenset())

    @classmethod
    def of_whatever_is_planned_first(cls) -> Approval:
        """``--auto-approve`` without a saved plan."""
        return cls(digest=None, granted=frozenset())

    def confirmed(self, plan: Plan) -> Approval:
        """The approval, bound to a fresh first plan. Raises PlanChanged where the digests differ."""
        if self.digest is not None and plan.digest != self.digest:
            raise PlanChanged(
                f"the plan is now {plan.digest}, but {self.digest} was approved",
                hint="Look at the new plan and approve that one.",
            )
        return Approval.of(plan)

    def covers(self, change: Change) -> bool:
        """Whether a change of a later plan of the same run was approved. Tags and schedules follow what they belong to."""
        return change.action is Action.UPDATE or _key(change.action, change, change.target) in self.granted


def outside_of(approval: Approval, changes: Iterable[Change]) -> tuple[Change, ...]:
    return tuple(change for change in changes if change.action.mutates and not approval.covers(change))


def _granted_by(change: Change) -> Iterable[_Key]:
    yield _key(change.action, change, change.target)
    if _awaits_training(change):
        yield _key(Action.TRAIN, change, change.target)
    for follow_up in change.then:
        yield _key(follow_up.action, change, follow_up.target)


def _awaits_training(change: Change) -> bool:
    """One that was begun before this run. Its retries and fallbacks are the manifest's, as those of one that begins now."""
    return change.action is Action.WAIT and change.attempt is not None


def _key(action: Action, change: Change, target: str) -> _Key:
    scope = target if action in _BY_TARGET else change.fingerprint
    return _FAMILY.get(action, str(action)), change.address, scope
