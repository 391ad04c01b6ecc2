"""A command that runs under the warden: its lines as they come, its end, its stopping. It never outlives this process."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

WARDEN = Path(__file__).with_name("warden.py")
NICENESS = 10
"""People work on this machine, too."""
GRACE = 10.0
"""Seconds that a command has between SIGTERM and SIGKILL where the cloud is gone or shuts down."""
LAST_LINES = 20
LINGERING = 5.0
"""Seconds that the last lines of a command that has ended may take."""


class Process:
    """`heard` is called with each line of its output, from a thread of its own; `lines` are the last ones."""

    def __init__(
        self, command: Sequence[str], *, folder: Path, environment: Mapping[str, str], heard: Callable[[str], None]
    ) -> None:
        self.lines: deque[str] = deque(maxlen=LAST_LINES)
        self._heard = heard
        self._ordering = threading.Lock()
        reading, self._orders = os.pipe()
        try:
            self._warden = subprocess.Popen(
                [sys.executable, "-I", str(WARDEN), str(reading), str(NICENESS), str(GRACE), *command],
                cwd=folder,
                env=dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                encoding="utf-8",
                errors="replace",
                pass_fds=(reading,),
                start_new_session=True,
            )
        finally:
            os.close(reading)
        self._reader = threading.Thread(target=self._listen, name=f"output of {self.pid}", daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        """Of the warden."""
        return self._warden.pid

    @property
    def code(self) -> int | None:
        """The exit code, 128 + n for an end by signal n; None while it runs."""
        return self._warden.poll()

    def wait(self, timeout: float | None = None) -> int | None:
        """Its exit code once it has ended and all its lines were heard; None where it has not within `timeout` seconds."""
        try:
            code = self._warden.wait(timeout)
        except subprocess.TimeoutExpired:
            return None
        self._reader.join(LINGERING)
        self._let_go()
        return code

    def stop(self, grace: float = GRACE) -> None:
        """SIGTERM now, SIGKILL after `grace` seconds. Returns at once; may be called again with less grace."""
        with self._ordering, suppress(OSError):  # it has ended, and nobody reads orders any more
            if self._orders >= 0:
                os.write(self._orders, f"{grace:g}\n".encode())

    def _listen(self) -> None:
        assert self._warden.stdout is not None
        with self._warden.stdout as output:
            for line in output:
                told = line.rstrip()
                if told:
                    self.lines.append(told)
                    self._heard(told)

    def _let_go(self) -> None:
        with self._ordering:
            if self._orders >= 0:
                os.close(self._orders)
            self._orders = -1
