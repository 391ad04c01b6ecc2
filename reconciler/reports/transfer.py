"""How far a transfer is: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType

from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from reconciler.reports.figures import size
from reconciler.reports.screen import Screen

EVERY = 30.0
"""Seconds between two plain lines."""

Now = Callable[[], float]


class Bar(AbstractContextManager["Bar"]):
    """Is gone once it is left; what it told then stands in the result."""

    def __init__(self, screen: Screen) -> None:
        columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=screen.console, transient=True)
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Bar:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def tell(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)


class Lines(AbstractContextManager["Lines"]):
    """``1.2 GB of 16.1 GB``, every half minute."""

    def __init__(self, screen: Screen, now: Now = time.monotonic) -> None:
        self._screen = screen
        self._now = now
        self._told = now()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    def tell(self, done: int, total: int) -> None:
        if self._now() - self._told >= EVERY:
            self._told = self._now()
            self._screen.line(f"{size(done)} of {size(total)}")
