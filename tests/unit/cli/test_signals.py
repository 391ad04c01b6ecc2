"""The first signal asks to stop, or is raised; the second stops at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import pytest

from reconciler.cli.exit_codes import ExitCode
from reconciler.cli.signals import Signalled, StopRequest, obeyed, signal_behind
from reconciler.cli.wiring import _WokenTimer
from reconciler.domain.errors import Interrupted


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


def test_waiting_for_the_lock_ends_with_the_first_signal() -> None:
    stop = StopRequest()
    stop.receive(signal.SIGINT)
    began = time.monotonic()
    _WokenTimer(stop).sleep(600)
    assert time.monotonic() - began < 300


def test_what_gave_up_for_a_signal_is_told_as_the_signals() -> None:
    def gave_up() -> None:
        with obeyed(StopRequest()):
            os.kill(os.getpid(), signal.SIGTERM)
            raise Interrupted("stopped while waiting")

    with pytest.raises(Interrupted) as raised:
        gave_up()
    assert signal_behind(raised.value) == signal.SIGTERM


@pytest.mark.parametrize(
    ("trouble", "number"),
    [(Signalled(15), 15), (Signalled(2), 2), (KeyboardInterrupt(), 2), (ValueError("a bug"), None)],
)
def test_the_signal_behind_what_is_raised(trouble: BaseException, number: int | None) -> None:
    assert signal_behind(trouble) == number


def test_what_goes_wrong_on_the_way_out_is_the_signals_doing() -> None:
    def cleaned_up_badly() -> None:
        try:
            raise Signalled(15)
        finally:
            raise OSError("gone")

    with pytest.raises(OSError, match="gone") as raised:
        cleaned_up_badly()
    assert signal_behind(raised.value) == signal.SIGTERM


PROGRAM = """
import hashlib, os, signal, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from reconciler.cli import signals
from reconciler.cli.signals import Signalled, StopRequest, heard, obeyed

def kill(name):
    os.kill(os.getpid(), getattr(signal, name))

"""


def ran(script: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", PROGRAM + script]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


def test_a_program_that_hears_a_signal_cleans_up() -> None:
    finished = ran("""
with heard():
    try:
        kill("SIGTERM")
        time.sleep(30)
    except KeyboardInterrupt as told:
        print("cleaned up after", told)
""")
    assert (finished.returncode, finished.stdout, finished.stderr) == (0, "cleaned up after SIGTERM\n", "")


@pytest.mark.parametrize(
    "wait",
    [
        "with ThreadPoolExecutor() as pool: pool.submit(threading.Event().wait), kill('SIGTERM')",
        "threading.Timer(0.1, kill, ['SIGTERM']).start(), hashlib.pbkdf2_hmac('sha256', b'', b'', 2_000_000_000)",
    ],
    ids=["a pool's threads are waited for", "the main thread is in a call that no signal ends"],
)
def test_a_program_that_cannot_clean_up_ends_all_the_same(wait: str) -> None:
    finished = ran(f"signals.PATIENCE = 0.3\nwith heard():\n    {wait}")
    assert finished.returncode == 143
    assert finished.stderr == "Stopped without the answer that was waited for.\n"


def test_while_a_program_cleans_up_a_second_signal_ends_it_at_once() -> None:
    finished = ran("""
with heard():
    try:
        kill("SIGINT")
    finally:
        kill("SIGTERM")
        time.sleep(30)
""")
    assert (finished.returncode, finished.stderr) == (130, "Stopped at once.\n")


def test_what_a_program_was_started_to_ignore_it_ignores() -> None:
    finished = ran("""
signal.signal(signal.SIGINT, signal.SIG_IGN)
with heard(), obeyed(StopRequest()) as stop:
    kill("SIGINT")
    print(stop.is_set())
""")
    assert (finished.returncode, finished.stdout) == (0, "False\n")


def test_the_second_signal_ends_at_once() -> None:
    finished = ran("""
with heard(), obeyed(StopRequest()):
    kill("SIGINT")
    kill("SIGINT")
    time.sleep(30)
""")
    assert finished.returncode == 130
    assert "the lock is released. Again to stop at once." in finished.stderr
    assert "The lock stays until it expires" in finished.stderr
