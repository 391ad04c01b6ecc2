"""Drift, for whoever has to decide whether the cloud or the manifest is right."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.domain.plan import Plan
from reconciler.reports.figures import counted
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.plan import draw_plan
from reconciler.reports.view.drift import DriftView, since_text


def draw_drift(screen: Screen, plan: Plan, view: DriftView, sources: Mapping[str, str] | None = None) -> None:
    """``plan``: what would bring the cloud back, without what is ignored."""
    if view.items:
        draw_plan(screen, plan, sources)
        screen.blank()
    for item in view.items:
        if item.was or item.found:
            screen.entry("drifted   ", f"{item.address} {item.path}: {item.was} -> {item.found}")
        if item.since or item.act:
            screen.entry("drifted   ", f"{item.address} {item.path}: {since_text(item, view.observed)}")
    for item in view.ignored:
        screen.entry(("ignored   ", "dim"), f"{item.address} {item.path}: {item.message} ({item.ignored})")
    for line in view.pending:
        screen.entry(("pending   ", "dim"), f"{line}: asked by the manifests, which is no drift")
    if not view.items:
        screen.line(("No drift. The cloud is as it was last applied.", "bold"))
        return
    screen.line((f"Drift: {counted(len(plan.changes), 'change')} that no manifest asked for.", "bold yellow"))
    screen.line(_way_back(plan))


def _way_back(plan: Plan) -> str:
    if not plan.can_apply:
        return "No apply brings the cloud back before the errors above are settled."
    if all(change.stalled for change in plan.changes):
        return "No apply brings the cloud back by itself: the reasons above say what to do."
    return "`reconciler apply` brings the cloud back to what the manifests say."
