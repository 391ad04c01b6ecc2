"""The first signal asks to stop, the second stops at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.signals import StopRequest, obeyed


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, ExitCode.INTERRUPTED), (signal.SIGTERM, ExitCode.TERMINATED)]
)
def test_the_first_signal_asks(number: signal.Signals, code: ExitCode) -> None:
    before = signal.getsignal(number)
    with obeyed(StopRequest()) as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(5)
    assert stop.exit_code is code
    assert signal.getsignal(number) is before


def test_waiting_ends_by_itself() -> None:
    assert StopRequest().wait(0.01) is False


def test_the_second_signal_ends_at_once() -> None:
    script = (
        "import os, signal, time\n"
        "from reconciler.cli.signals import StopRequest, obeyed\n"
        "with obeyed(StopRequest()):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    time.sleep(30)\n"
    )
    finished = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=20, check=False)
    assert finished.returncode == 130
    assert "the lock is released. Again to stop at once." in finished.stderr
    assert "The lock stays until it expires" in finished.stderr
