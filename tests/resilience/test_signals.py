"""The program is interrupted and terminated while it reads data in several processes, and while it waits for a lock.

Judged from outside: the exit code, one line on stderr, no process, no file.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reconciler.localcloud import control
from tests.resilience.test_sigkill import project

PATIENCE = 60.0
ENDS = {signal.SIGINT: (130, "Interrupted.\n"), signal.SIGTERM: (143, "Terminated.\n")}


class Running:
    """A session of its own: the program, and whatever it started."""

    def __init__(self, folder: Path, temporary: Path, *arguments: str) -> None:
        temporary.mkdir()
        self.temporary = temporary
        self.program = subprocess.Popen(
            [sys.executable, "-m", "reconciler", "-C", str(folder), *arguments],
            env={**os.environ, "TMPDIR": str(temporary)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + PATIENCE
        while not holds():
            assert self.program.poll() is None, f"it ended with {self.program.communicate()}"
            assert time.monotonic() < deadline, "what was waited for did not come"
            time.sleep(0.01)

    def ended(self) -> tuple[int, str]:
        """Once all its processes have ended, as each holds the pipes that are read to their end."""
        _, err = self.program.communicate(timeout=PATIENCE)
        return self.program.returncode, err


@pytest.fixture
def short() -> Iterator[Path]:
    """A temporary folder whose path leaves room for that of a socket in it, as pytest's own may not."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder) / "t"


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than is read before an interrupt can come."""
    drawn = random.Random(7)
    words = ["".join(drawn.choices("abcdefgh", k=6)) for _ in range(500)]
    line = '{{"prompt": "{0} {1}", "completion": "{2}"}}\n'.format
    file = tmp_path_factory.mktemp("data") / "large.jsonl"
    texts = [" ".join(drawn.choices(words, k=60)) for _ in range(50)]
    with file.open("w") as out:
        out.writelines(line(number, texts[number % 50], texts[number % 49]) for number in range(150_000))
    return file


@pytest.mark.slow
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one processor reads alone")
@pytest.mark.parametrize("tell", [os.kill, os.killpg], ids=["the program", "its group"])
@pytest.mark.parametrize("number", ENDS)
def test_reading_data_in_several_processes(
    number: signal.Signals, tell: Callable[[int, int], None], data: Path, short: Path
) -> None:
    running = Running(data.parent, short, "data", "check", data.name)
    running.until(lambda: any(file.stat().st_size for file in running.temporary.glob("reconciler-*/*")))
    tell(running.program.pid, number)
    assert running.ended() == ENDS[number]
    assert list(running.temporary.iterdir()) == []


@pytest.mark.slow
def test_where_a_socket_has_no_room_one_process_reads(data: Path, tmp_path: Path) -> None:
    running = Running(data.parent, tmp_path / ("long" * 30), "data", "check", data.name)
    assert running.ended() == (0, "")
    assert list(running.temporary.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", ENDS)
def test_waiting_for_the_lock(number: signal.Signals, tmp_path: Path) -> None:
    arguments = ("apply", "--auto-approve", "--lock-timeout", "10m")
    with project(tmp_path / "project") as one:
        control.set_speed(one.state, 0)
        holder = Running(one.folder, tmp_path / "holder", *arguments)
        holder.until(lambda: bool(one.changing_calls()))
        os.kill(holder.program.pid, signal.SIGSTOP)
        waiting = Running(one.folder, tmp_path / "waiting", *arguments)
        waiting.until(lambda: _asks_for_the_lock(one.state))
        os.kill(waiting.program.pid, number)
        code, err = waiting.ended()
        os.kill(holder.program.pid, signal.SIGKILL)
        holder.ended()
    assert code == ENDS[number][0]
    assert "stopped while waiting for the lock" in err
    assert "Traceback" not in err


def _asks_for_the_lock(state: Path) -> bool:
    asked = [entry for entry in control.requests(state, changes=True) if entry["operation"] == "PutObject"]
    return any(entry["error"] == "PreconditionFailed" for entry in asked)
