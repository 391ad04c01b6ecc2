"""Reading a training's log on until the training has ended."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.domain.errors import CloudUnavailable
from reconciler.domain.logs import Log, LogLine, Logs
from reconciler.domain.observation import TrainingRun
from reconciler.domain.ports import Event, EventKind, Progress
from reconciler.engine.choosing import ENDED
from reconciler.engine.outside import Pause

PATIENCE = 10
"""Looks in a row that may find the cloud too busy, or the network away, before following ends."""


def follow(
    log: Log | None, logs: Logs, run: TrainingRun, pause: Pause, progress: Progress, *, every: float, late: int
) -> Iterator[LogLine]:
    """The lines as they come, each once. ``log``: ``None`` waits for the end alone. ``every``: seconds between two looks;
    ``late``: looks after the end, for lines that CloudWatch does not show at once.

    Raises CloudUnavailable where looking fails for good, or ``PATIENCE`` times in a row.
    """
    patience = _Patience(progress)
    while True:
        try:
            ended = _has_ended(logs.look(run))  # before reading: nothing is written after the end
            yield from log.unread() if log else ()
        except CloudUnavailable as trouble:
            patience.bear(trouble)
        else:
            patience.restore()
            if ended and late <= 0:
                return
            late -= ended
        pause(every)


def watch(log: Log, pause: Pause, progress: Progress, *, every: float) -> Iterator[LogLine]:
    """What has no end: the lines of a deployment, until somebody interrupts. Raises as ``follow``."""
    patience = _Patience(progress)
    while True:
        try:
            yield from log.unread()
            patience.restore()
        except CloudUnavailable as trouble:
            patience.bear(trouble)
        pause(every)


def _has_ended(run: TrainingRun | None) -> bool:
    """What is gone writes nothing more."""
    return run is None or run.phase in ENDED


class _Patience:
    """Bears what may pass, and tells of it."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._failures = 0

    def bear(self, trouble: CloudUnavailable) -> None:
        self._failures += 1
        if not trouble.transient or self._failures > PATIENCE:
            raise trouble
        self._progress.report(Event(kind=EventKind.NOTE, message=f"{trouble}; looking again"))

    def restore(self) -> None:
        self._failures = 0
