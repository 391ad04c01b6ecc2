"""Supervised processes: they are stopped as asked, and never outlive whoever started them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

from reconciler.localcloud.execution.process import Process
from tests.unit.localcloud_execution.story import until

ROOT = Path(__file__).parents[3]
STUBBORN = """
    import os, signal, subprocess, sys, time
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    print("pids", os.getpid(), child.pid, flush=True)
    time.sleep(600)
"""


def _start(tmp_path: Path, program: str) -> tuple[Process, list[str]]:
    heard: list[str] = []
    command = [sys.executable, "-c", textwrap.dedent(program)]
    environment = {"PATH": os.environ["PATH"], "PYTHONUNBUFFERED": "1"}
    return Process(command, folder=tmp_path, environment=environment, heard=heard.append), heard


def _pids(heard: list[str]) -> list[int]:
    until(lambda: heard, "the program's first line")
    return [int(word) for word in heard[0].split()[1:]]


def _lives(pid: int) -> bool:
    """A zombie has ended: where nobody waits for orphans, it stays one."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_lines_and_exit_code(tmp_path: Path) -> None:
    process, heard = _start(tmp_path, "print('one'); print(); print('two'); raise SystemExit(3)")
    assert process.wait(30) == 3
    assert heard == ["one", "two"]


def test_a_signal_is_told_as_a_shell_does(tmp_path: Path) -> None:
    process, _ = _start(tmp_path, "import os, signal; os.kill(os.getpid(), signal.SIGKILL)")
    assert process.wait(30) == 128 + signal.SIGKILL


def test_a_command_that_is_not_there(tmp_path: Path) -> None:
    heard: list[str] = []
    process = Process(["/no/such/command"], folder=tmp_path, environment={}, heard=heard.append)
    assert process.wait(30) == 127
    assert heard == ["/no/such/command: No such file or directory"]


def test_what_does_not_obey_is_killed_with_its_children(tmp_path: Path) -> None:
    process, heard = _start(tmp_path, STUBBORN)
    pids = _pids(heard)
    process.stop(0.1)
    assert process.wait(30) == 128 + signal.SIGKILL
    until(lambda: not any(map(_lives, pids)), "the end of its children")


STARTER = """
    import os, sys
    from pathlib import Path
    from reconciler.localcloud.execution import process
    process.GRACE = 0.1
    started = process.Process([sys.executable, "-c", sys.argv[1]], folder=Path("."), environment=dict(os.environ), heard=print)
    started.wait()
"""


def test_when_whoever_started_it_is_killed_it_ends_with_its_children(tmp_path: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-u", "-c", textwrap.dedent(STARTER), textwrap.dedent(STUBBORN)],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert starter.stdout is not None
    with starter.stdout as told:
        pids = [int(word) for word in told.readline().split()[1:]]
        assert all(map(_lives, pids))
        starter.kill()
        starter.wait()
    until(lambda: not any(map(_lives, pids)), "the end of what it had started")
