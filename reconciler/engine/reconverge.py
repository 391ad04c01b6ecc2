"""Go round until the cloud is as the manifests say: look, plan, act, look again.

The plan is rebuilt in every round, never resumed: after a crash the first step is always to look. A run goes on while
what remains lies within what was approved, and stops to ask otherwise.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass, field
from enum import StrEnum
from time import monotonic

from reconciler.domain.desired import Configuration
from reconciler.domain.errors import InvalidInput
from reconciler.domain.outcome import Fault, FaultKind, Outcome, OutcomeState
from reconciler.domain.plan import Action, Change, Plan, PlanOptions
from reconciler.domain.ports import Event, EventKind, Lease
from reconciler.engine.approve import Approval, outside_of
from reconciler.engine.execute import Pass, Performed, execute
from reconciler.engine.measure import record_measurements
from reconciler.engine.outside import Outside, RunSettings, StopSignal
from reconciler.engine.propose import Proposal, propose
from reconciler.engine.unused import delete_unused


class RunState(StrEnum):
    """How a run ended.

    =============== ==========================================================
    converged       the cloud is as the manifests say
    waiting         what is left is on its way, and we were told not to wait
    stalled         what is left needs a person
    failed          a call failed for good
    interrupted     asked to stop between two calls
    timed-out       ``--timeout`` passed
    needs-approval  something that was not approved would have to be done
    lock-lost       the lock was taken over: nothing more was begun
    =============== ==========================================================
    """

    CONVERGED = "converged"
    WAITING = "waiting"
    STALLED = "stalled"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    TIMED_OUT = "timed-out"
    NEEDS_APPROVAL = "needs-approval"
    LOCK_LOST = "lock-lost"


@dataclass(frozen=True)
class RunResult:
    """``plan`` is the last one made; ``left`` what it still holds; ``postponed`` deletions that a later apply will plan."""

    run: str
    state: RunState
    passes: int
    performed: tuple[Performed, ...]
    plan: Plan
    left: tuple[Change, ...] = ()
    postponed: tuple[Change, ...] = ()

    @property
    def failures(self) -> tuple[Performed, ...]:
        return tuple(done for done in self.performed if done.outcome.state is OutcomeState.FAILED)


def reconverge(
    configuration: Configuration,
    outside: Outside,
    options: PlanOptions,
    approval: Approval,
    settings: RunSettings,
    stop: StopSignal,
) -> RunResult:
    """Apply. Raises LockHeld, PlanChanged (before anything is done), InvalidInput (the plan has errors), CloudUnavailable."""
    outside.artifacts.prepare()
    lease = outside.lock.acquire(settings.operation, timeout=settings.lock_timeout)
    try:
        return _Run(configuration, outside, options, settings, stop, lease).until_quiet(approval)
    finally:
        lease.release()


@dataclass
class _Run:
    """One apply, under one lock."""

    configuration: Configuration
    outside: Outside
    options: PlanOptions
    settings: RunSettings
    stop: StopSignal
    lease: Lease
    run: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    performed: list[Performed] = field(default_factory=list)
    given_up: set[str] = field(default_factory=set)
    stumbles: Counter[str] = field(default_factory=Counter)
    unseen: Counter[str] = field(default_factory=Counter)
    """How often in a row what the last pass did was done."""
    started: float = field(default_factory=monotonic)

    def until_quiet(self, approval: Approval) -> RunResult:
        proposal = self._look()
        if not proposal.plan.can_apply:
            raise InvalidInput([d for d in proposal.plan.diagnostics if d.is_error])
        approval = approval.confirmed(proposal.plan)
        unused, passes = proposal.unused_weights, 1
        while (end := self._next_step(proposal, approval)) is None:
            proposal = self._look()
            passes += 1
        if end is RunState.CONVERGED and self.lease.still_held():
            delete_unused(unused, proposal.unused_weights, self.outside)
        return self._result(end, proposal.plan, approval, passes)

    def _look(self) -> Proposal:
        proposal = propose(self.configuration, self.outside, self.options)
        if self.lease.still_held():
            record_measurements(proposal.snapshot, proposal.history, self.outside)
        return proposal

    def _next_step(self, proposal: Proposal, approval: Approval) -> RunState | None:
        """Do what can be done now, or wait. ``None``: look again."""
        changes = self._within_this_run(proposal.plan, approval)
        if self.stop.is_set():
            return RunState.INTERRUPTED
        if not self.lease.still_held():
            return RunState.LOCK_LOST
        if not proposal.plan.can_apply or outside_of(approval, changes):
            return RunState.NEEDS_APPROVAL
        todo = [change for change in changes if change.action.mutates]
        if todo:
            return self._act(proposal, todo)
        return self._wait(proposal.plan, changes)

    def _within_this_run(self, plan: Plan, approval: Approval) -> list[Change]:
        """Pending changes, without what this run gave up, deletions that only became due during it, and what comes after those."""
        late = {change.id for change in _late_deletions(plan, approval)}
        held = _with_what_follows(self.given_up | late, plan)
        return [change for change in plan.pending if change.id not in held]

    def _act(self, proposal: Proposal, todo: list[Change]) -> RunState | None:
        work = Pass(self.run, self.configuration, proposal, self.outside, self.settings, self.stop, self.lease)
        done = execute(work, todo)
        self.performed.extend(done)
        self.options = _asked_once(self.options, done)
        for each in (each for each in done if each.outcome.state is OutcomeState.FAILED):
            self._note_failure(each)
        return None if self._news(done) or not self.lease.still_held() else self._rest()

    def _news(self, done: tuple[Performed, ...]) -> bool:
        """Whether something came about that the pass before had not done already. Where the cloud does not show yet what it
        accepted, the same is planned again: that is no reason to look again at once, and none to go on for ever."""
        came_about = {each.change.id: each.change for each in done if each.outcome.state is not OutcomeState.FAILED}
        self.unseen = Counter({identifier: self.unseen[identifier] + 1 for identifier in came_about})
        for identifier, times in self.unseen.items():
            if times > self.settings.unseen_attempts:
                self.given_up.add(identifier)
                self.performed.append(Performed(came_about[identifier], _never_seen(times)))
        return any(times == 1 for times in self.unseen.values())

    def _note_failure(self, failure: Performed) -> None:
        """Transient failures are tried again in the next rounds; everything else is given up for this run."""
        self.stumbles[failure.change.id] += 1
        fault = failure.outcome.fault
        passing = fault is not None and fault.kind is FaultKind.TRANSIENT
        if not passing or self.stumbles[failure.change.id] >= self.settings.transient_attempts:
            self.given_up.add(failure.change.id)

    def _wait(self, plan: Plan, changes: list[Change]) -> RunState | None:
        """What was given up and is no longer planned came about all the same: the answer was lost, not the call."""
        moving = tuple(change for change in changes if change.action is Action.WAIT and not change.stalled)
        if not moving:
            if self.given_up.intersection(change.id for change in plan.pending):
                return RunState.FAILED
            return RunState.STALLED if changes else RunState.CONVERGED
        if not self.settings.wait:
            return RunState.WAITING
        self.outside.progress.report(Event(kind=EventKind.WAITING, waiting=moving))
        return self._rest()

    def _rest(self) -> RunState | None:
        if self.stop.is_set():
            return RunState.INTERRUPTED
        limit = self.settings.timeout
        if limit is not None and monotonic() - self.started >= limit.total_seconds():
            return RunState.TIMED_OUT
        self.outside.pause(self.settings.poll_seconds)
        return None

    def _result(self, end: RunState, plan: Plan, approval: Approval, passes: int) -> RunResult:
        postponed = _late_deletions(plan, approval)
        return RunResult(
            run=self.run,
            state=end,
            passes=passes,
            performed=tuple(self.performed),
            plan=plan,
            left=tuple(change for change in plan.pending if change not in postponed),
            postponed=postponed,
        )


def _never_seen(times: int) -> Outcome:
    told = f"AWS accepted this {times} times, and does not show that it was done"
    return Outcome.failed(Fault(kind=FaultKind.TRANSIENT, code="NotSeen", message=told))


def _with_what_follows(ids: set[str], plan: Plan) -> set[str]:
    """Also the changes that wait for one of them, over any number of steps: neither begun nor awaited."""
    held = set(ids)
    for change in plan.changes:
        if held.intersection(change.depends_on):
            held.add(change.id)
    return held


def _asked_once(options: PlanOptions, done: tuple[Performed, ...]) -> PlanOptions:
    """``--retrain`` and ``--redeploy`` ask for one more try, not for tries without end."""
    tried = [each.change for each in done if each.outcome.state is not OutcomeState.FAILED]
    trained = {change.address.partition("/")[2] for change in tried if change.action is Action.TRAIN}
    served = {change.address.partition("/")[2] for change in tried if change.action in (Action.DEPLOY, Action.ROLL)}
    left = {
        "retrain": tuple(name for name in options.retrain if name not in trained),
        "redeploy": tuple(name for name in options.redeploy if name not in served),
    }
    return options.model_copy(update=left)


def _late_deletions(plan: Plan, approval: Approval) -> tuple[Change, ...]:
    """A version is never deleted in the run that replaced it: a check right before a delete would still race."""
    return tuple(c for c in plan.pending if c.action is Action.DELETE and not approval.covers(c))
