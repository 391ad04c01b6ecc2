"""The status table: NAME PROVIDER STATUS VERSION READY AGE, and more with ``wide``."""

from __future__ import annotations

from collections.abc import Sequence

from reconciler.domain.status import ConditionType, Status
from reconciler.reports.figures import age
from reconciler.reports.screen import Part, Screen
from reconciler.reports.view.status import ModelRow, StatusView

STYLES = {
    Status.ABSENT: "dim",
    Status.TRAINING: "cyan",
    Status.TRAINING_FAILED: "bold red",
    Status.STOPPING_TRAINING: "cyan",
    Status.TRAINING_STOPPED: "yellow",
    Status.NOT_DEPLOYED: "",
    Status.DEPLOYING: "cyan",
    Status.DEPLOYED: "green",
}

_WIDE = (ConditionType.TRAINED, ConditionType.EVALUATED, ConditionType.DEPLOYED, ConditionType.SYNCED)


def draw_status(screen: Screen, view: StatusView, *, wide: bool = False) -> None:
    if not view.rows:
        screen.line("No models: neither in the manifests nor in the cloud.")
        return
    header = ["NAME", "PROVIDER", "STATUS", "VERSION", "READY", "AGE"]
    more = ["DEPLOYMENT", *(kind.upper() for kind in _WIDE), "MESSAGE"] if wide else []
    screen.table([*header, *more], [[*_usual(row, view), *(_wide(row) if wide else ())] for row in view.rows])
    if view.note:
        screen.line((view.note, "dim"))


def _usual(row: ModelRow, view: StatusView) -> Sequence[Part]:
    ready = row.condition(ConditionType.READY)
    status = (str(row.status), STYLES[row.status])
    return row.name, str(row.provider), status, row.version or "-", ready, age(row.created_at, view.observed_at)


def _wide(row: ModelRow) -> Sequence[Part]:
    return row.deployment or "-", *(row.condition(kind) for kind in _WIDE), row.message
