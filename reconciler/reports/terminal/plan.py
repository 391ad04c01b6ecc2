"""The plan, for a reviewer with two minutes: what, why, for how much; destruction first and loudest."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from reconciler.domain.plan import Plan
from reconciler.reports.screen import Part, Screen
from reconciler.reports.terminal.diagnostics import draw_diagnostics
from reconciler.reports.view.plan import ChangeView, FieldView, PlanView, Tone, view_plan

STYLES = {
    Tone.CREATE: "green",
    Tone.CHANGE: "yellow",
    Tone.DESTROY: "bold red",
    Tone.WAIT: "cyan",
    Tone.STALLED: "bold magenta",
}

_LABEL = 10


def draw_plan(screen: Screen, plan: Plan, sources: Mapping[str, str] | None = None, *, wide: bool = False) -> None:
    """``sources``: the manifests' text by file, for excerpts in diagnostics. ``wide``: with every assumption behind the costs."""
    view = view_plan(plan)
    _draw_opening(screen, view)
    for change in view.changes:
        screen.blank()
        _draw_change(screen, change)
    screen.blank()
    _draw_closing(screen, view, wide=wide)
    if view.diagnostics:
        screen.blank()
        draw_diagnostics(screen, view.diagnostics, sources or {})
    if view.verdict:
        screen.headline("", (view.verdict, "bold red"))


def _draw_opening(screen: Screen, view: PlanView) -> None:
    screen.headline("", (view.header, "bold"))
    for notice in view.notices:
        screen.paragraph((notice, "dim"))
    if view.legend:
        screen.blank()
        screen.line(*_legend(view))


def _legend(view: PlanView) -> list[Part]:
    parts: list[Part] = []
    for symbol, meaning, tone in view.legend:
        parts += ["   " if parts else "", (symbol, STYLES[tone]), f" {meaning}"]
    return parts


def _draw_change(screen: Screen, change: ChangeView) -> None:
    style = STYLES[change.tone]
    drift: Part = ("  # drift: changed outside", "yellow") if change.drift else ""
    whole = change.tone is Tone.DESTROY
    what: Part = (f"  {change.what}", style if whole else "")
    screen.headline((f"  {change.symbol} ", style), (change.address, style if whole else "bold"), what, drift)
    _listed(screen, "because", change.reasons)
    for field in change.fields:
        _draw_field(screen, field)
    _labelled(screen, "status", change.status)
    _listed(screen, "cost", change.costs)
    if change.fit:
        _labelled(screen, "fit", change.fit)
    _listed(screen, "then", change.then)
    if change.waits_for:
        _labelled(screen, "after", ", ".join(change.waits_for))
    _listed(screen, "with", change.made_with)
    _listed(screen, "project", change.from_project)
    _listed(screen, "defaults", change.by_default, style="dim")


def _listed(screen: Screen, label: str, lines: Sequence[str], style: str = "") -> None:
    """The label once, then a paragraph a line."""
    for number, line in enumerate(lines):
        _labelled(screen, "" if number else label, (line, style))


def _labelled(screen: Screen, label: str, *parts: Part) -> None:
    screen.entry((label.ljust(_LABEL), "dim"), *parts, indent=6)


def _draw_field(screen: Screen, field: FieldView) -> None:
    note: Part = (f"  # {field.note}", "dim") if field.note else ""
    _labelled(screen, "change", f"{field.path}: ", (field.before, "red"), " -> ", (field.after, "green"), note)


def _draw_closing(screen: Screen, view: PlanView, *, wide: bool) -> None:
    for address, why in view.left_alone:
        screen.entry(("  = ", "dim"), (address, "bold"), f"  {why}")
    if view.left_alone:
        screen.blank()
    if view.unchanged:
        screen.line(view.unchanged)
        screen.blank()
    screen.headline("", (view.summary, "bold"))
    for line in view.standing:
        screen.headline("", line)
    if view.totals:
        screen.blank()
        for label, amount in view.totals:
            screen.entry((label.ljust(_LABEL), "dim"), amount)
    for number, assumption in enumerate(_told_assumptions(view, wide=wide)):
        screen.entry((("" if number else "assuming").ljust(_LABEL), "dim"), (assumption, "dim"))
    if view.digest:
        screen.entry(("digest".ljust(_LABEL), "dim"), (view.digest, "dim"))


def _told_assumptions(view: PlanView, *, wide: bool) -> tuple[str, ...]:
    """Those that a reader has to know, and how many there are beside; all of them where ``wide``."""
    more = len(set(view.assumptions) - set(view.caveats))
    if wide or not more:
        return tuple(dict.fromkeys((*view.caveats, *view.assumptions)))
    return (*view.caveats, f"and {more} more: `reconciler plan --wide` tells them, `--json` too")
