"""Plans, drift and problems as Markdown for GitHub and GitLab: templates, and what is dropped where a comment would be too long."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields, replace
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from reconciler.domain.diagnostic import Diagnostic, Severity
from reconciler.domain.plan import Plan
from reconciler.reports.escaping import Markdown, comment_text, markdown_code, markdown_text
from reconciler.reports.view.drift import DriftView, since_text
from reconciler.reports.view.plan import Tone, view_plan

GITHUB_COMMENT = 65_536
"""Characters of a comment on GitHub (answered with "body is too long (maximum is 65536 characters)")."""

GITLAB_NOTE = 1_000_000
"""Characters of a note on GitLab (docs.gitlab.com, "Instance limits")."""

GITHUB_SUMMARY = 1024 * 1024
"""Bytes of a step's summary on GitHub (docs.github.com, "Workflow commands")."""

REST = "The whole of it: `reconciler plan`, or the job's log and artifact."

_ADDRESS = re.compile(r"https?://[A-Za-z0-9._:/~-]+", re.ASCII)

_SHORTEST_PLAN = 2_000
"""Bytes: a plan in less says nothing."""


@dataclass(frozen=True)
class Frame:
    """What stands around the text in a comment, an issue or a summary."""

    mark: Markdown | None = None
    """Invisible lines at the top, in place of the usual marker."""
    foot: Markdown | None = None
    rest: str | Markdown = REST
    """Where all of it is, of what is cut."""


_BARE = Frame()


@dataclass(frozen=True)
class Outcome:
    """How an apply ended, in prose."""

    project: str
    title: str
    lines: tuple[str, ...] = ()
    """What failed, what is left, how to go on."""
    plan: Plan | None = None
    """What would be done now, where that was not approved."""


def marker(kind: str, project: str, environment: str = "") -> Markdown:
    """The invisible line by which a comment is found again, so that it is updated and not repeated."""
    return Markdown(f"<!-- reconciler:{comment_text(kind)}:{comment_text(project)}:{comment_text(environment)} -->")


def run_foot(commit: str, url: str, *, approvable: bool = False) -> Markdown | None:
    """Which commit this is of, and where its log is. An address that is none is left out."""
    parts = ["Merging this approves exactly this plan"] if approvable else []
    parts += [f"Commit {markdown_code(commit[:12])}"] if commit else []
    parts += [f"[log]({url})"] if _ADDRESS.fullmatch(url) else []
    return Markdown(" · ".join(parts)) if parts else None


def plan_markdown(plan: Plan, *, limit: int = GITHUB_COMMENT, frame: Frame = _BARE) -> str:
    """The plan in at most ``limit`` bytes of UTF-8, which is never more characters.

    Details are dropped first, then rows, problems and assumptions; the headline, what is destroyed and the cost stay.
    """
    view = view_plan(plan)
    shown = {
        **_framed(frame, marker("plan", plan.project, plan.environment)),
        "title": f"Plan for {plan.project}",
        "view": view,
        "destroyed": [change for change in view.changes if change.tone is Tone.DESTROY],
        "problems": _worst_first(view.diagnostics),
    }
    return _fitting(lambda cut: _rendered("plan.md.j2", cut=cut, **shown), limit)


def drift_markdown(view: DriftView, *, digest: str = "", limit: int = GITHUB_COMMENT, frame: Frame = _BARE) -> str:
    """What drifted, in at most ``limit`` bytes of UTF-8. ``digest``: of the plan that would bring it back, in a pipeline."""
    shown = {**_framed(frame, marker("drift", view.project, view.environment)), "view": view, "digest": digest}
    return _fitting(lambda cut: _rendered("drift.md.j2", cut=cut, **shown), limit)


def problems_markdown(
    problems: Sequence[Diagnostic],
    *,
    title: str = "No plan",
    limit: int = GITHUB_COMMENT,
    frame: Frame = _BARE,
) -> str:
    """Problems alone, where there is no plan because of them."""
    shown = {**_framed(frame, marker("problems", "")), "problems": _worst_first(problems), "title": title}
    return _fitting(lambda cut: _rendered("problems.md.j2", cut=cut, **shown), limit)


def outcome_markdown(outcome: Outcome, *, limit: int = GITHUB_COMMENT, frame: Frame = _BARE) -> str:
    """What came of an approved plan; below it the plan that would have to be approved, where another one would."""
    shown = {**_framed(frame, marker("apply", outcome.project)), "outcome": outcome}
    text = _fitting(lambda cut: _rendered("outcome.md.j2", cut=cut, **shown), limit)
    if outcome.plan is None or limit - _size(text) < _SHORTEST_PLAN:
        return text
    below = replace(frame, mark=Markdown(""), foot=None)
    return text + plan_markdown(outcome.plan, limit=limit - _size(text), frame=below)


def _framed(frame: Frame, usual: Markdown) -> dict[str, object]:
    return {"marker": usual if frame.mark is None else frame.mark, "foot": frame.foot, "rest": frame.rest}


@dataclass(frozen=True)
class Cut:
    """How many of each are shown; what stands first is dropped first."""

    details: int
    assumptions: int
    rows: int
    problems: int
    unknowns: int
    reasons: int
    """Of what is destroyed."""
    destroyed: int


_ALL = 100_000


def _fitting(render: Callable[[Cut], str], limit: int) -> str:
    """The longest text within the limit, found by halving, one part after the other."""
    cut = Cut(*(_ALL for _ in fields(Cut)))
    text = render(cut)
    for field in fields(Cut):
        if _size(text) <= limit:
            return text
        cut, text = _halved(render, cut, field.name, limit)
    return text


def _halved(render: Callable[[Cut], str], cut: Cut, name: str, limit: int) -> tuple[Cut, str]:
    """With as many of one part as fit; with none of it where that is still too long."""
    few, many = replace(cut, **{name: 0}), _ALL
    text = render(few)
    if _size(text) > limit:
        return few, text
    kept = 0
    while many - kept > 1:
        middle = (kept + many) // 2
        tried = render(replace(cut, **{name: middle}))
        if _size(tried) <= limit:
            kept, text = middle, tried
        else:
            many = middle
    return replace(cut, **{name: kept}), text


def _size(text: str) -> int:
    return len(text.encode())


def _worst_first(problems: Iterable[Diagnostic]) -> list[Diagnostic]:
    order = list(Severity)
    return sorted(problems, key=lambda problem: order.index(problem.severity))


def _rendered(template: str, **values: Any) -> str:
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    """Whatever a template prints is escaped as prose, unless it is a filter's Markdown."""
    environment = Environment(  # noqa: S701 - Markdown, not HTML: finalize escapes for both
        loader=PackageLoader("reconciler.reports"),
        undefined=StrictUndefined,
        finalize=_escaped,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"code": markdown_code, "since": since_text}
    return environment


def _escaped(value: object) -> Markdown:
    return value if isinstance(value, Markdown) else markdown_text(value)
