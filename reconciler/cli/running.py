"""From a request to an exit code: plan, approve, go round until quiet, tell how it ended. ``apply`` and ``destroy`` share it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from reconciler.cli.approval import ask, needs_approval
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation
from reconciler.cli.project import Proposed, proposed
from reconciler.cli.signals import StopRequest, obeyed
from reconciler.cli.telling import Teller, teller

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan, PlanOptions
    from reconciler.engine.approve import Approval
    from reconciler.engine.outside import RunSettings
    from reconciler.engine.reconverge import RunResult


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line. ``approved``: a saved plan, or a digest, that somebody approved before."""

    options: PlanOptions
    settings: RunSettings
    auto_approve: bool = False
    approved: Plan | str | None = None
    question: str = "Do you want to carry out these changes?"
    unattended: str = (
        "Use --auto-approve, a saved plan (plan --out FILE, apply FILE), or --digest with the digest that was approved."
    )
    """What approves where nobody can be asked."""


def carry_out(invocation: Invocation, request: Request) -> ExitCode:
    """Raises what the engine raises; every way in which a run ends by itself becomes an exit code."""
    stop = StopRequest()
    told = teller(invocation, request.settings.operation)
    made = proposed(invocation, request.options, progress=told.progress, stop=stop)
    told.planned(made.plan)
    if not made.plan.can_apply:
        return ExitCode.ERROR
    approval = _approval(invocation, request, made.plan)
    if approval is None:
        told.cancelled()
        return ExitCode.ERROR
    if not made.plan.pending:
        return ExitCode.OK
    result = run_approved(made, request, approval, stop, told)
    return exit_code_of(result, stop)


def _approval(invocation: Invocation, request: Request, plan: Plan) -> Approval | None:
    """What may be done. ``None``: a person was asked and did not say yes. Raises PlanChanged, and what asking raises."""
    from reconciler.engine.approve import Approval

    match request.approved:
        case str() as digest:
            return Approval.by_digest(digest)
        case None:
            if request.auto_approve or not needs_approval(plan):
                return Approval.of_whatever_is_planned_first()
            return Approval.of(plan) if ask(invocation, plan, request.question, unattended=request.unattended) else None
        case saved:
            _require_same(saved, plan)
            return Approval.of(saved)


def _require_same(saved: Plan, fresh: Plan) -> None:
    from reconciler.domain.errors import PlanChanged
    from reconciler.reports.view.difference import differences

    if saved.digest != fresh.digest:
        lines = differences(saved, fresh) or (f"its digest was {saved.digest} and is {fresh.digest}",)
        told = "\n".join(("the saved plan no longer holds:", *(f"- {line}" for line in lines)))
        raise PlanChanged(told, hint="Plan again, look at it, and apply that: reconciler plan --out FILE.")


def run_approved(made: Proposed, request: Request, approval: Approval, stop: StopRequest, told: Teller) -> RunResult:
    """Go round until quiet, and tell how it ended. Raises what the engine raises."""
    from reconciler.engine.reconverge import reconverge

    with told.progress, obeyed(stop):
        result = reconverge(made.configuration, made.outside, request.options, approval, request.settings, stop)
    told.finished(result)
    return result


def exit_code_of(result: RunResult, stop: StopRequest) -> ExitCode:
    from reconciler.engine.reconverge import RunState

    match result.state:
        case RunState.CONVERGED | RunState.WAITING:
            return ExitCode.OK
        case RunState.INTERRUPTED:
            return stop.exit_code
        case RunState.LOCK_LOST:
            return ExitCode.LOCK_HELD
        case RunState.STALLED | RunState.FAILED | RunState.TIMED_OUT | RunState.NEEDS_APPROVAL:
            return ExitCode.ERROR
