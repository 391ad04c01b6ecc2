"""``show``: one model on one page."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.domain.status import Condition
from reconciler.reports.figures import moment
from reconciler.reports.screen import Screen
from reconciler.reports.terminal.sparkline import sparkline
from reconciler.reports.terminal.status import STYLES
from reconciler.reports.view.model import LossView, ModelView, Pairs, Setting

_LABEL = 13


def draw_model(screen: Screen, view: ModelView) -> None:
    screen.line((view.title, "bold"), "  ", (str(view.status), STYLES[view.status]))
    _draw_pairs(screen, view.about)
    for title, pairs in (("Data", view.data), ("Costs", view.costs)):
        if pairs:
            _title(screen, title)
            _draw_pairs(screen, pairs)
    for title, settings in (("Hyperparameters", view.hyperparameters), ("Settings", view.settings)):
        _draw_settings(screen, title, settings)
    for title, table in view.tables:
        _title(screen, title)
        screen.table(table.header, table.rows, indent=2)
    _draw_losses(screen, view.losses)
    _draw_conditions(screen, view.conditions)
    if view.pending:
        _title(screen, "Pending")
        for line in view.pending:
            screen.paragraph(line, indent=2)


def _title(screen: Screen, title: str) -> None:
    screen.blank()
    screen.line((title, "bold"))


def _draw_pairs(screen: Screen, pairs: Pairs) -> None:
    for label, text in pairs:
        screen.entry((label.ljust(_LABEL), "dim"), text, indent=2)


def _draw_settings(screen: Screen, title: str, settings: Sequence[Setting]) -> None:
    if not settings:
        return
    _title(screen, title)
    width = max(len(setting.name) for setting in settings) + 2
    for setting in settings:
        note = f"  # {setting.source}" if setting.source else ""
        screen.line("  ", (setting.name.ljust(width), "dim"), setting.value, (note, "dim"))


def _draw_losses(screen: Screen, losses: Sequence[LossView]) -> None:
    """With a drawing on a terminal; the figures alone in a log."""
    if not losses:
        return
    _title(screen, "Losses")
    header = ("TRAINING", "DATA", *(("CURVE",) if screen.draws else ()), "LOSS")
    rows = [
        (each.run, each.series, *((sparkline(each.heights),) if screen.draws else ()), each.told) for each in losses
    ]
    screen.table(header, rows, indent=2)
    if any(each.simulated for each in losses):
        screen.paragraph("Simulated by the embedded cloud: nothing was computed.", indent=2)


def _draw_conditions(screen: Screen, conditions: Sequence[Condition]) -> None:
    if not conditions:
        return
    _title(screen, "Conditions")
    header = ("TYPE", "STATUS", "REASON", "SINCE", "MESSAGE")
    rows = [(str(c.type), str(c.status), c.reason, moment(c.last_transition_time), c.message) for c in conditions]
    screen.table(header, rows, indent=2)
