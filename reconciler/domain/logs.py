"""What trainings and deployments wrote while they ran."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from reconciler.domain.base import Value
from reconciler.domain.observation import Deployment, TrainingRun


class LogLine(Value):
    at: datetime
    source: str
    """Who wrote it: ``algo-1`` is the first host of a training, ``AllTraffic/i-0a1b`` an instance of an endpoint."""
    text: str


class Log(Protocol):
    """One log, written by one or more sources. It remembers what was read. Both methods raise CloudUnavailable."""

    def tail(self, lines: int) -> tuple[LogLine, ...]:
        """The last lines, oldest first; what is before them will not be read any more."""
        ...

    def unread(self) -> Iterator[LogLine]:
        """What was not read yet, each source in its order, and the sources merged by time.

        A line counts as read once it is handed out: where reading breaks off, the next call goes on behind the last one.
        """
        ...


class Logs(Protocol):
    """What a provider keeps. ``None``: it keeps no log of such a thing, ever."""

    def of_training(self, run: TrainingRun) -> Log | None: ...

    def of_deployment(self, deployment: Deployment) -> Log | None: ...

    def look(self, run: TrainingRun) -> TrainingRun | None:
        """The training as it is now; ``None`` where it is gone. Raises CloudUnavailable."""
        ...
