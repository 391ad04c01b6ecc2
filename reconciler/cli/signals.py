"""Ctrl-C and SIGTERM. The first lets the program end in order: an apply between two calls, everything else where it stands.

============== ============================================== ===================================================
.              first signal                                   second signal
============== ============================================== ===================================================
``obeyed``     :class:`StopRequest` is set; the calls in      the program ends at once, and the lock stays until it
               flight are finished                            expires
``heard``      :class:`Signalled` is raised in the main       the program ends at once
               thread: what was begun is cleaned up on the
               way out. After ``PATIENCE`` seconds the
               program ends even if that is not done
============== ============================================== ===================================================
"""

from __future__ import annotations

import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from reconciler.cli.exit_codes import ExitCode

_OBEYED = (signal.SIGINT, signal.SIGTERM)

PATIENCE = 5.0
"""Seconds for cleaning up. GitHub sends SIGINT, after 7.5 seconds SIGTERM, and after 2.5 more SIGKILL."""

Handler = Callable[[int, FrameType | None], None]


class Signalled(KeyboardInterrupt):
    """SIGINT or SIGTERM came. Libraries clean up after a KeyboardInterrupt: transfers, prompts, the terminal."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


def exit_code_for(number: int | None) -> ExitCode:
    return ExitCode.TERMINATED if number == signal.SIGTERM else ExitCode.INTERRUPTED


def signal_behind(trouble: BaseException) -> int | None:
    """The signal that somebody was told of as ``trouble``, or on whose way out it came about. ``None``: no signal did it."""
    seen: BaseException | None = trouble
    while seen is not None:
        if isinstance(seen, Signalled):
            return seen.number
        if isinstance(seen, KeyboardInterrupt):
            return signal.SIGINT
        seen = seen.__cause__ or seen.__context__
    return None


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
        return exit_code_for(self.signal)

    def receive(self, number: int) -> None:
        """Called in a signal handler."""
        if self.is_set():
            _end_at_once(number, "Stopped at once. The lock stays until it expires: see `reconciler lock show`.")
        self.signal = number
        self._asked.set()
        _say("Stopping: the call in flight is finished, then the lock is released. Again to stop at once.")


@contextmanager
def obeyed(stop: StopRequest) -> Iterator[StopRequest]:
    """Signals go to ``stop`` inside, and to whom they went before outside. What gave up for it is told as the signal's."""
    from reconciler.domain.errors import Interrupted

    with _handled(lambda number, _frame: stop.receive(number), wakes=_NOBODY):
        try:
            yield stop
        except Interrupted as trouble:
            raise trouble from Signalled(stop.signal or signal.SIGINT)


@contextmanager
def heard() -> Iterator[None]:
    """For a whole program. What comes after it is Python's own end, during which a signal ends the process as it ends others."""
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    threading.Thread(target=_see_it_end, args=[reading], name="signals", daemon=True).start()
    with _handled(_raise_the_first(), wakes=writing):
        yield
    for number in _ours():
        signal.signal(number, signal.SIG_DFL)


def _raise_the_first() -> Handler:
    """The handler. Who cleans up after the first is not disturbed by a second: it is the thread that ends the program then."""
    begun = threading.Event()

    def receive(number: int, _frame: FrameType | None) -> None:
        if not begun.is_set():
            begun.set()
            raise Signalled(number)

    return receive


def _see_it_end(signals: int) -> None:
    """In a thread, which gets signals through a pipe: Python's handlers wait while the main thread is in a call of the system's, and
    what they raise waits for the threads of a pool, or is lost where nobody may raise."""
    number = next(number for number in iter(lambda: os.read(signals, 1)[0], None) if number in _OBEYED)
    again, _, _ = select.select([signals], [], [], PATIENCE)
    _end_at_once(number, "Stopped at once." if again else "Stopped without the answer that was waited for.")


_NOBODY = -1


@contextmanager
def _handled(handle: Handler, *, wakes: int) -> Iterator[None]:
    """``wakes``: the file descriptor that gets the number of each signal as a byte, whatever the main thread does."""
    numbers = _ours()
    woken = signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    before = [signal.signal(number, handle) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
        signal.set_wakeup_fd(woken, warn_on_full_buffer=False)


def _ours() -> list[signal.Signals]:
    """What we were started to ignore stays ignored: of a shell's ``command &`` its Ctrl-C is no business."""
    return [number for number in _OBEYED if signal.getsignal(number) is not signal.SIG_IGN]


def _end_at_once(number: int, message: str) -> None:
    _say(message, end=_SHOW_CURSOR)
    os._exit(128 + number)


_SHOW_CURSOR = "\x1b[?25h"
"""A live line hides it, and had no time to show it again."""


def _say(message: str, end: str = "") -> None:
    """By file descriptor: a buffered stream may be in use where a handler is called."""
    stream = sys.__stderr__.fileno() if sys.__stderr__ else 2
    told = f"{message}\n"
    if os.isatty(stream):
        told = f"\n{told}{end}"  # a terminal shows ^C, and the cursor behind it
    os.write(stream, told.encode())
