"""Applying what a merge approved: the plan is made again, and carried out where it is that very plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from reconciler.cli.approval import needs_approval
from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.invocation import Invocation
from reconciler.cli.project import Proposed, proposed
from reconciler.cli.publishing import Publisher, plan_outputs
from reconciler.cli.running import Request, exit_code_of, run_approved
from reconciler.cli.signals import StopRequest
from reconciler.cli.telling import teller
from reconciler.domain.diagnostic import error
from reconciler.domain.errors import PlanChanged

if TYPE_CHECKING:
    from reconciler.domain.plan import Plan
    from reconciler.engine.reconverge import RunResult
    from reconciler.forges.approved import Approved, Record
    from reconciler.reports.markdown import Frame


_AGAIN = "Look at the plan as it is now. To carry out that one, start the pipeline by hand with its digest."


def apply_merged(invocation: Invocation, results: Publisher, request: Request, *, comment: bool) -> ExitCode:
    """``request.approved``: a digest that goes before what the merge approved. Raises what applying raises."""
    with results.telling("Not applied"):
        approved = _approved(results, request.approved)
    return _Merged(invocation, results, request, approved, approved.pull_request if comment else None).apply()


class _Merged:
    """One run, and the pull request that is told what came of it."""

    def __init__(
        self, invocation: Invocation, results: Publisher, request: Request, approved: Approved, where: int | None
    ) -> None:
        self._invocation, self._results, self._request = invocation, results, request
        self._approved, self._where = approved, where
        self._stop = StopRequest()
        self._teller = teller(invocation, request.settings.operation)

    def apply(self) -> ExitCode:
        """What was done is told, whether or not the forge can be told.

        ==================== ========================================
        the plan has errors  1, and they are told
        nothing is pending   0, approved or not
        nobody approved it   PlanChanged, once the plan was shown
        otherwise            as the run ended
        ==================== ========================================
        """
        made = self._planned()
        plan = made.plan
        if not plan.can_apply:
            return self._publish(plan, ExitCode.ERROR, "Not applied: the plan has errors", shown=plan)
        if not plan.pending:
            return self._publish(plan, ExitCode.OK, "Nothing to apply: the cloud is as the manifests say")
        if why_not := _why_not(plan, self._approved):
            self._publish(plan, ExitCode.ERROR, "Not applied", why_not, _AGAIN, shown=plan)
            raise PlanChanged(f"nothing was applied: {why_not}", hint=f"{_AGAIN} It is {plan.digest}")
        return self._carried_out(made)

    def _planned(self) -> Proposed:
        with self._results.telling("Not applied", pull_request=self._where):
            made = proposed(self._invocation, self._request.options, progress=self._teller.progress, stop=self._stop)
        self._teller.planned(made.plan)
        return made

    def _carried_out(self, made: Proposed) -> ExitCode:
        from reconciler.cli.results import applied_sentence, result_lines
        from reconciler.engine.approve import Approval

        with self._results.telling("Not applied", pull_request=self._where):
            result = run_approved(made, self._request, Approval.of(made.plan), self._stop, self._teller)
        title = applied_sentence(result, self._request.settings.operation)
        code = exit_code_of(result, self._stop)
        return self._publish(made.plan, code, title, *result_lines(result), shown=_unapproved(result))

    def _publish(self, plan: Plan, code: ExitCode, title: str, *lines: str, shown: Plan | None = None) -> ExitCode:
        from reconciler.reports.markdown import Outcome, outcome_markdown

        outcome = Outcome(plan.project, title, lines, shown)

        def page(limit: int, frame: Frame) -> str:
            return outcome_markdown(outcome, limit=limit, frame=frame)

        self._results.outputs({**plan_outputs(plan), "exit-code": int(code)})
        self._results.summary(page)
        failed = () if code is ExitCode.OK else (error("apply", title, detail="\n".join(lines)),)
        self._results.annotate((*plan.diagnostics, *failed))
        if self._where:
            self._results.comment_if_possible(self._where, page)
        return code


def _approved(results: Publisher, digest: object) -> Approved:
    """A given digest is enough; where there is a forge, the pull request is found all the same, to be told."""
    from reconciler.forges.approved import Approved

    if not isinstance(digest, str):
        return results.approved()
    if results.pipeline.forge is None:
        return Approved(digest, None)
    return replace(results.approved(), digest=digest, why_not="", record=None)


def _why_not(plan: Plan, approved: Approved) -> str:
    """Empty where the plan may be carried out: what was approved is what would be done, or it only waits."""
    if approved.digest == plan.digest or not needs_approval(plan):
        return ""
    if approved.digest is None:
        return approved.why_not
    return f"{approved.digest} was approved, but the plan is now {plan.digest}{_moved(plan, approved.record)}"


def _moved(plan: Plan, record: Record | None) -> str:
    if record is None:
        return ""
    manifests = "the manifests are others than were planned" if record.manifests != plan.manifests_digest else ""
    cloud = "the cloud is not as it was observed" if record.cloud != plan.snapshot_digest else ""
    return f": {' and '.join(part for part in (manifests, cloud) if part) or 'it was asked for otherwise'}"


def _unapproved(result: RunResult) -> Plan | None:
    """The last plan, where something in it still waits for an approval."""
    from reconciler.engine.reconverge import RunState

    return result.plan if result.state is RunState.NEEDS_APPROVAL else None
