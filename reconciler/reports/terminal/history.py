"""Predicted against real, on a terminal."""

from __future__ import annotations

from reconciler.reports.screen import Screen
from reconciler.reports.view.history import HEADER, NOTHING, HistoryView


def draw_history(screen: Screen, view: HistoryView) -> None:
    if not view.rows:
        screen.paragraph(NOTHING)
        return
    screen.table(HEADER, view.rows)
    screen.blank()
    screen.line(("Estimates are corrected by", "bold"))
    for line in view.corrections or ("nothing: what was simulated or ran on spot instances corrects no estimate",):
        screen.paragraph(line, indent=2)
