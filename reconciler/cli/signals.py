"""Ctrl-C and SIGTERM during an apply: the first lets the call in flight finish, the second ends at once."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from reconciler.cli.exit_codes import ExitCode

_OBEYED = (signal.SIGINT, signal.SIGTERM)


class StopRequest:
    """Set by the first signal; what the engine looks at between two calls."""

    def __init__(self) -> None:
        self._asked = threading.Event()
        self.signal: int | None = None

    def is_set(self) -> bool:
        return self._asked.is_set()

    def wait(self, seconds: float) -> bool:
        """Sleep that ends early when somebody asks to stop."""
        return self._asked.wait(seconds)

    @property
    def exit_code(self) -> ExitCode:
        return ExitCode.TERMINATED if self.signal == signal.SIGTERM else ExitCode.INTERRUPTED

    def receive(self, number: int) -> None:
        """Called in a signal handler: writes by file descriptor, since a buffered stream may be in use."""
        if self.is_set():
            _say("Stopped at once. The lock stays until it expires: see `reconciler lock show`.")
            os._exit(128 + number)
        self.signal = number
        self._asked.set()
        _say("Stopping: the call in flight is finished, then the lock is released. Again to stop at once.")


@contextmanager
def obeyed(stop: StopRequest) -> Iterator[StopRequest]:
    """Signals go to ``stop`` inside, and to whom they went before outside."""

    def handle(number: int, _frame: FrameType | None) -> None:
        stop.receive(number)

    before = {number: signal.signal(number, handle) for number in _OBEYED}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _say(message: str) -> None:
    os.write(sys.__stderr__.fileno() if sys.__stderr__ else 2, f"\n{message}\n".encode())
