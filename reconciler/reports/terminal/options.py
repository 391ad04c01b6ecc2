"""The machines that a training could run on, on a terminal."""

from __future__ import annotations

from reconciler.reports.screen import Screen
from reconciler.reports.terminal.scatter import scatter_lines
from reconciler.reports.view.options import HEADER, OptionsView


def draw_estimate(screen: Screen, view: OptionsView) -> None:
    screen.line((view.title, "bold"))
    screen.paragraph(view.about)
    screen.blank()
    screen.table(HEADER, [[(cell, "bold") if row[0] else cell for cell in row] for row in view.rows])
    if view.notes:
        screen.blank()
    for note in view.notes:
        screen.paragraph((note, "dim"))
    if view.scatter is not None:
        screen.blank()
        screen.line((view.scatter.title, "bold"))
        for line in scatter_lines(view.scatter, plain=not screen.draws):
            screen.line(line)
