"""Where a pipeline's results go: the job's summary, annotations, outputs, and comments and issues on its forge."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from reconciler.cli.invocation import Invocation

if TYPE_CHECKING:
    from reconciler.domain.diagnostic import Diagnostic
    from reconciler.domain.errors import ReconcilerError
    from reconciler.domain.plan import Plan
    from reconciler.domain.quantity import Cost
    from reconciler.forges.approved import Approved
    from reconciler.forges.pipeline import Pipeline
    from reconciler.reports.escaping import Markdown
    from reconciler.reports.markdown import Frame

Page = Callable[[int, "Frame"], str]
"""At most so many bytes of Markdown, in this frame."""

DRIFT_LABEL = "reconciler-drift"


def publisher(invocation: Invocation, kind: str) -> Publisher:
    """``kind``: ``plan``, ``apply``, ``drift``. Raises ReconcilerError where the pipeline's variables make no sense."""
    from reconciler.cli.repository import folder_in_repository
    from reconciler.forges.pipeline import pipeline
    from reconciler.stores.manifests import find_project

    root = find_project(invocation.directory) or invocation.directory
    return Publisher(invocation, kind, pipeline(os.environ), folder_in_repository(root))


@dataclass(frozen=True)
class Publisher:
    invocation: Invocation
    kind: str
    pipeline: Pipeline
    folder: str
    """Of the project in its repository: with the environment it tells apart the comments of several projects."""

    def outputs(self, values: Mapping[str, object]) -> None:
        """What later steps read. Every value is one line."""
        if self.pipeline.outputs:
            with self.pipeline.outputs.open("a", encoding="utf-8") as file:
                file.writelines(f"{name}={_one_line(value)}\n" for name, value in values.items())

    def summary(self, page: Page) -> None:
        from reconciler.reports.markdown import GITHUB_SUMMARY

        if self.pipeline.summary:
            with self.pipeline.summary.open("a", encoding="utf-8") as file:
                file.write(page(GITHUB_SUMMARY - 1, self._frame()) + "\n")

    def annotate(self, problems: Iterable[Diagnostic]) -> None:
        from reconciler.reports.annotations import workflow_commands

        if self.pipeline.system == "github":
            click.echo(workflow_commands(problems, folder=self.folder), nl=False)

    def comment(self, pull_request: int, page: Page, *, approvable: Plan | None = None) -> None:
        """In place of what was told there before. ``approvable``: the plan that merging approves."""
        from reconciler.forges.sticky import keep_comment

        body = page(self._largest(), self._frame(approvable))
        kept = keep_comment(self.pipeline.asked(), pull_request, body)
        self._told(f"Comment on pull request {pull_request}: {kept}.")

    def comment_if_possible(self, pull_request: int, page: Page) -> None:
        """Where what is told matters more than telling it there: trouble is a warning."""
        from reconciler.domain.diagnostic import warning
        from reconciler.domain.errors import ReconcilerError

        try:
            self.comment(pull_request, page)
        except ReconcilerError as trouble:
            self._told(f"Nothing could be told on pull request {pull_request}: {trouble}")
            title = f"Nothing could be told on pull request {pull_request}"
            self.annotate([warning("comment", title, detail=str(trouble), hint=trouble.hint)])

    def keep_issue(self, title: str, page: Page) -> int | None:
        from reconciler.forges.sticky import keep_issue

        issue = keep_issue(self.pipeline.asked(), title, page(self._largest(), self._frame()), DRIFT_LABEL)
        self._told(f"Issue {issue.number}: {issue.kept}.")
        return issue.number

    def close_issue(self, note: str) -> int | None:
        """The issue that is open, if one is."""
        from reconciler.forges.sticky import close_issue

        issue = close_issue(self.pipeline.asked(), self._marker(), DRIFT_LABEL, note)
        if issue.number is not None:
            self._told(f"Issue {issue.number}: {issue.kept}.")
        return issue.number

    def approved(self) -> Approved:
        """What the merge that started this pipeline approved."""
        from reconciler.forges.approved import approved_by_merge

        plans = Publisher(self.invocation, "plan", self.pipeline, self.folder)
        return approved_by_merge(self.pipeline.asked(), self.pipeline.commit, plans._marker())

    @contextmanager
    def telling(self, title: str, *, pull_request: int | None = None) -> Iterator[None]:
        """Whatever is raised inside is told where a result would have been, and raised on."""
        from reconciler.domain.errors import ReconcilerError

        try:
            yield
        except ReconcilerError as trouble:
            self._failed(title, trouble, pull_request)
            raise

    def _failed(self, title: str, trouble: ReconcilerError, pull_request: int | None) -> None:
        from reconciler.cli.endings import expected_code, problems_of
        from reconciler.reports.markdown import problems_markdown

        problems = problems_of(trouble)

        def page(limit: int, frame: Frame) -> str:
            return problems_markdown(problems, title=title, limit=limit, frame=frame)

        self.outputs({"exit-code": int(expected_code(trouble))})
        self.summary(page)
        self.annotate(problems)
        if pull_request:
            self.comment_if_possible(pull_request, page)

    def _frame(self, approvable: Plan | None = None) -> Frame:
        from reconciler.forges.approved import Record
        from reconciler.reports.escaping import Markdown
        from reconciler.reports.markdown import Frame, run_foot

        lines, commit = [self._marker()], self.pipeline.commit
        if approvable:
            digests = approvable.digest, approvable.manifests_digest, approvable.snapshot_digest
            lines.append(Markdown(Record(commit, *digests).line))
        foot = run_foot(commit, self.pipeline.run_url, approvable=approvable is not None)
        return Frame(mark=Markdown("\n".join(lines)), foot=foot)

    def _marker(self) -> Markdown:
        from reconciler.reports.markdown import marker

        return marker(self.kind, self.folder or ".", self.invocation.environment or "")

    def _largest(self) -> int:
        from reconciler.reports.markdown import GITHUB_COMMENT, GITLAB_NOTE

        return GITLAB_NOTE if self.pipeline.system == "gitlab" else GITHUB_COMMENT

    def _told(self, message: str) -> None:
        self.invocation.screen(sys.stderr).line(message)


def plan_outputs(plan: Plan) -> dict[str, object]:
    """``has-changes``, ``digest``, and costs in dollars: what is likely, as a plain number, or ``unknown`` where a part has no price.

    Monthly is what hosting costs, before and once the plan is applied.
    """
    now, then = plan.totals.hosting_monthly_now, plan.totals.hosting_monthly_then
    return {
        "has-changes": bool(plan.pending),
        "digest": plan.digest,
        "cost-once": _figure(plan.totals.one_off),
        "cost-monthly": _figure(then),
        "cost-monthly-before": _figure(now),
    }


def _figure(cost: Cost) -> str:
    if cost.amount is None or not cost.is_complete:
        return "unknown"
    return f"{cost.amount.likely:.2f}"


def _one_line(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    assert "\n" not in text, "an output is one line"
    assert "\r" not in text, "an output is one line"
    return text
