"""Invariants that every plan satisfies. A breach is our own mistake, never the user's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from reconciler.domain.observation import Snapshot
from reconciler.domain.plan import Action, Change, Plan


class BrokenPlan(AssertionError):
    """For the authors: which promise of the planner does not hold."""


def check(plan: Plan, snapshot: Snapshot) -> Plan:
    """The plan itself. Raises BrokenPlan naming every breach."""
    breaches = [breach for rule in _RULES for breach in rule(plan, snapshot)]
    if breaches:
        raise BrokenPlan("the plan contradicts itself: " + "; ".join(breaches))
    return plan


def _ids_are_unique(plan: Plan, _: Snapshot) -> Iterator[str]:
    counts = Counter(change.id for change in plan.changes)
    yield from (f"{count} changes are called {identifier}" for identifier, count in counts.items() if count > 1)


def _dependencies_come_before(plan: Plan, _: Snapshot) -> Iterator[str]:
    before: set[str] = set()
    for change in plan.changes:
        missing = [needed for needed in change.depends_on if needed not in before]
        yield from (f"{change.id} comes before {needed}, which it depends on" for needed in missing)
        before.add(change.id)


def _deletions_wait_for_nothing_on_its_way(plan: Plan, _: Snapshot) -> Iterator[str]:
    """One pass carries out what mutates: it would not be held back by a ``wait``."""
    by_id = {change.id: change for change in plan.changes}
    for change in plan.changes:
        held = [n for n in change.depends_on if n in by_id and not by_id[n].action.mutates]
        if change.action.mutates and held:
            yield f"{change.id} mutates but depends on {', '.join(held)}"


def _everything_has_a_reason(plan: Plan, _: Snapshot) -> Iterator[str]:
    yield from (f"{change.id} has no reason" for change in plan.changes if not change.reasons)


def _stalled_changes_do_nothing(plan: Plan, _: Snapshot) -> Iterator[str]:
    stalled = [change for change in plan.changes if change.stalled]
    yield from (f"{change.id} is stalled but acts" for change in stalled if change.action is not Action.NO_OP)


def _trainings_are_single(plan: Plan, _: Snapshot) -> Iterator[str]:
    trains = [change for change in plan.changes if change.action is Action.TRAIN]
    counts = Counter((change.address, change.fingerprint) for change in trains)
    yield from (f"{address} trains one version {count} times" for (address, _f), count in counts.items() if count > 1)
    yield from (f"{change.id} names no attempt" for change in trains if not change.attempt or not change.fingerprint)


def _attempts_are_new(plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    taken = {(m.provider, run.name) for m in snapshot.models for v in m.versions for run in v.runs}
    trains = [change for change in plan.changes if change.action is Action.TRAIN]
    yield from (f"{change.id} exists already" for change in trains if (change.provider, change.target) in taken)


def _what_serves_is_not_deleted(plan: Plan, snapshot: Snapshot) -> Iterator[str]:
    """Unless it is undeployed first."""
    for change in (change for change in plan.changes if change.action is Action.DELETE):
        serving = _serving(change, snapshot)
        undeployed = {needed for needed in change.depends_on if needed.startswith(f"{Action.UNDEPLOY}:")}
        left = serving - {identifier.partition(":")[2] for identifier in undeployed}
        yield from (f"{change.id} deletes what {name} serves" for name in sorted(left))


def _serving(change: Change, snapshot: Snapshot) -> set[str]:
    """``provider:name`` of every deployment that stands on the change's version."""
    return {
        f"{model.provider}:{deployment.name}"
        for model in snapshot.models
        if model.provider is change.provider and f"FineTunedModel/{model.name}" == change.address
        for deployment in model.deployments
        if change.fingerprint in (deployment.fingerprint, deployment.target_fingerprint)
    }


_RULES: tuple[Callable[[Plan, Snapshot], Iterator[str]], ...] = (
    _ids_are_unique,
    _dependencies_come_before,
    _deletions_wait_for_nothing_on_its_way,
    _everything_has_a_reason,
    _stalled_changes_do_nothing,
    _trainings_are_single,
    _attempts_are_new,
    _what_serves_is_not_deleted,
)
