"""Being told to stop: SIGTERM, or :mod:`reconciler.training.watching`. SageMaker sends SIGKILL 120 seconds after it.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_StopTrainingJob.html
"""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from pathlib import Path
from types import FrameType

FILE_VARIABLE = "RECONCILER_STOP_FILE"
"""For processes that the program starts: a file that is there once it was told to stop."""


class Stopped(Exception):
    """It was told to stop where nothing is worth keeping yet, or where the work can only be left by leaving it."""


class StopRequest:
    """Whether to stop. ``watch`` hears the signal; a process of several looks at the file as well."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        told = environment.get(FILE_VARIABLE)
        self._file = Path(told) if told else None
        self._told = False

    def __bool__(self) -> bool:
        return self._told or (self._file is not None and self._file.exists())

    def watch(self) -> None:
        signal.signal(signal.SIGTERM, self._hear)

    def unless_told(self) -> None:
        """Raises Stopped."""
        if self:
            raise Stopped

    def tell(self, why: str) -> None:
        """As the signal would. From any thread."""
        if not self._told:
            os.write(1, f"{why}: saving and stopping\n".encode())  # print is not safe in a handler of signals
        self._told = True

    def _hear(self, number: int, frame: FrameType | None) -> None:
        self.tell("SIGTERM")
