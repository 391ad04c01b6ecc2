"""Starting, asking and stopping an embedded cloud that runs as a process of its own. Light: it imports no moto."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

from reconciler.localcloud.execution.settings import can_execute
from reconciler.localcloud.state import TOKEN_HEADER, Announcement, StateDir

START_TIMEOUT = 60.0
CALL_TIMEOUT = 60.0
STOP_TIMEOUT = 60.0
LOG_LINES = 20
EXECUTE, SIMULATE = "execute", "simulate"
FORBIDDEN = 403
"""Our token is refused: the server that it was for is gone, and another one has its port."""


class LocalCloudError(Exception):
    """The embedded cloud could not be started, reached or driven. The message says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class LocalStatus:
    """A running embedded cloud. `now` and `next_event_at` are cloud time, ISO 8601; `details` has all it told."""

    endpoint_url: str
    pid: int
    port: int
    state_dir: Path
    now: str
    speed: float
    account_id: str
    region: str
    resources: Mapping[str, int]
    pending_events: int
    next_event_at: str | None
    details: Mapping[str, Any]

    @property
    def mode(self) -> str:
        """Whether what this machine can is executed, or everything is simulated."""
        return str(self.details["execution"]["mode"])

    @property
    def in_motion(self) -> int:
        """How many trainings and endpoints are on their way in real time, whatever the clock says."""
        return int(self.details["execution"].get("inMotion", 0))

    def as_dict(self) -> dict[str, Any]:
        """As JSON shows it, in camelCase."""
        found = {"endpointUrl": self.endpoint_url, "pid": self.pid, "port": self.port, "stateDir": str(self.state_dir)}
        return {**found, **self.details}


@dataclass(frozen=True, kw_only=True)
class Execution:
    """What is asked of a cloud that is started.

    mode:    execute or simulate; None: as was last asked for on this folder, else execute where the extra [train] is installed.
    threads: of computation, of each process. jobs: trainings at a time.
    """

    mode: str | None = None
    threads: int = 1
    jobs: int = 1


def up(
    state_dir: Path,
    *,
    port: int = 0,
    speed: float | None = None,
    execution: Execution | None = None,
    timeout: float = START_TIMEOUT,
) -> LocalStatus:
    """A cloud that answers: the one that runs on this folder, else a new process on its saved state.

    Two that call at once get the same. A `speed` is set on one that runs, too. Raises LocalCloudError, also when a running
    one listens on another port than the wanted one or runs in another mode.
    """
    from filelock import FileLock

    state = StateDir(state_dir.resolve())
    execution = execution or Execution()
    _prepare(state, execution)
    with FileLock(state.starting_lock):
        running = status(state_dir)
        if running is None:
            _start(state, port=port, speed=speed, execution=execution, timeout=timeout)
        elif execution.mode not in (None, running.mode):
            raise LocalCloudError(
                f"the embedded cloud of {state_dir} already runs with --{running.mode}; `reconciler local down` stops it"
            )
        elif port not in (0, running.port):
            raise LocalCloudError(f"the embedded cloud of {state_dir} already listens on port {running.port}")
        elif speed is not None and speed != running.speed:
            set_speed(state_dir, speed)
        return _require(state_dir)


def down(state_dir: Path, *, timeout: float = STOP_TIMEOUT) -> bool:
    """Stop the cloud of this folder; its state stays for the next `up`. False when none runs. Raises LocalCloudError."""
    from filelock import FileLock, Timeout

    state = StateDir(state_dir.resolve())
    if not state.path.exists():
        return False
    with FileLock(state.starting_lock):
        running = status(state_dir)
        if running is None:
            return False
        with suppress(ConnectionError):  # it was ending by itself
            _ask(state, "POST", "shutdown")
        try:
            with FileLock(state.running_lock, timeout=timeout):
                _await_child(running.pid, timeout)
                return True
        except Timeout as stuck:
            raise LocalCloudError(
                f"process {running.pid} has not ended after {timeout:g} s; see {state.log}"
            ) from stuck


def status(state_dir: Path) -> LocalStatus | None:
    """What the cloud of this folder tells of itself; None when none runs. Raises LocalCloudError when it is stuck."""
    state = StateDir(state_dir.resolve())
    found = state.announced()
    if found is None:
        return None
    try:
        told = _ask(state, "GET", "status")
    except ConnectionError:
        return None
    return LocalStatus(
        endpoint_url=found.endpoint_url,
        pid=found.pid,
        port=found.port,
        state_dir=state.path,
        now=told["now"],
        speed=told["speed"],
        account_id=told["accountId"],
        region=told["region"],
        resources=told["resources"],
        pending_events=told["pendingEvents"],
        next_event_at=told["nextEventAt"],
        details=told,
    )


def advance(state_dir: Path, seconds: float) -> LocalStatus:
    """Set the cloud's clock ahead; what falls into that time has happened when this returns."""
    _drive(state_dir, "POST", "clock", {"advance": seconds})
    return _require(state_dir)


def set_speed(state_dir: Path, speed: float) -> LocalStatus:
    """Let the cloud's clock run at another speed; 0 stands still."""
    _drive(state_dir, "POST", "clock", {"speed": speed})
    return _require(state_dir)


def add_fault(state_dir: Path, kind: str, **order: Any) -> list[dict[str, Any]]:
    """Order a fault (see `faults.Fault`); answers all that are ordered. Raises LocalCloudError for a wrong order."""
    return list(_drive(state_dir, "POST", "faults", {"kind": kind, **order})["faults"])


def clear_faults(state_dir: Path) -> None:
    _drive(state_dir, "DELETE", "faults")


def requests(state_dir: Path, *, since: int = 0, changes: bool = False) -> list[dict[str, Any]]:
    """The request log after entry number `since`; with `changes` only what can change the cloud."""
    query = f"requests?since={since}&changes={str(changes).lower()}"
    return list(_drive(state_dir, "GET", query)["requests"])


def mails(state_dir: Path) -> list[dict[str, str]]:
    """What the cloud's topics mailed: `to`, `topic`, `subject`, `text`."""
    return list(_drive(state_dir, "GET", "mails")["mails"])


# -- starting


def _prepare(state: StateDir, execution: Execution) -> None:
    """Raises LocalCloudError for a folder that cannot be used, and where an extra is not installed that it needs."""
    if find_spec("moto") is None:
        raise LocalCloudError("the embedded cloud needs the extra [local]: pip install 'llm-reconciler[local]'")
    if execution.mode == EXECUTE and not can_execute():
        raise LocalCloudError(
            "to execute, the embedded cloud needs the extra [train]: pip install 'llm-reconciler[train]'"
        )
    try:
        state.create()
    except OSError as wrong:
        raise LocalCloudError(f"{state.path} cannot hold the embedded cloud's state: {wrong.strerror}") from wrong


def _start(state: StateDir, *, port: int, speed: float | None, execution: Execution, timeout: float) -> None:
    """Start the process and wait for its line on the pipe; its death closes the pipe."""
    _reap()
    if execution.mode is not None:
        state.remember(execution.mode)
    reading, writing = os.pipe()
    command = [sys.executable, "-m", "reconciler.localcloud", "--state-dir", str(state.path), "--port", str(port)]
    command += ["--ready-fd", str(writing)] + ([] if speed is None else ["--speed", str(speed)])
    if _mode(state) == EXECUTE:
        command += ["--execute", "--threads", str(execution.threads), "--jobs", str(execution.jobs)]
    with open(reading, "rb") as pipe, state.log.open("wb") as log:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=(writing,),
            env=_environment(),
        )
        os.close(writing)
        _children.append(process)
        readable, _, _ = select.select([pipe], [], [], timeout)
        if readable and pipe.readline():
            return
    if readable:
        process.wait()
        raise LocalCloudError(f"the embedded cloud did not start:\n{_last_lines(state.log)}")
    process.kill()
    process.wait()
    raise LocalCloudError(f"the embedded cloud did not answer within {timeout:g} s:\n{_last_lines(state.log)}")


def _mode(state: StateDir) -> str:
    """
    ================== ============== ==========
    chosen here before [train]        mode
    ================== ============== ==========
    simulate           any            simulate
    execute or nothing installed      execute
    execute or nothing not installed  simulate
    ================== ============== ==========
    """
    return EXECUTE if state.chosen_mode() != SIMULATE and can_execute() else SIMULATE


def _reap() -> None:
    """Take note of the servers of this process that have ended."""
    _children[:] = [child for child in _children if child.poll() is None]


def _await_child(pid: int, timeout: float) -> None:
    """Wait for the end of a server that has let go of its folder, if it is a child of this process."""
    for child in _children:
        if child.pid == pid:
            child.wait(timeout)
    _reap()


_children: list[subprocess.Popen[bytes]] = []
"""Servers that this process started. They outlive it; only while it lives must it take note of their end."""


def _environment() -> dict[str, str]:
    """This process's environment without anything of AWS's, and with this package on the path."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AWS_", "MOTO_"))}
    package = str(Path(__file__).resolve().parents[2])
    paths = [package, *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(paths), "AWS_EC2_METADATA_DISABLED": "true"}


def _last_lines(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
    return "\n".join(lines) or f"(nothing in {log})"


# -- asking


def _require(state_dir: Path) -> LocalStatus:
    found = status(state_dir)
    if found is None:
        raise LocalCloudError(f"no embedded cloud runs on {state_dir}: `reconciler local up` starts it")
    return found


def _drive(state_dir: Path, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Like `_ask`, for a cloud that must be running."""
    try:
        return _ask(StateDir(state_dir.resolve()), method, path, body)
    except ConnectionError as gone:
        raise LocalCloudError(f"no embedded cloud runs on {state_dir}: `reconciler local up` starts it") from gone


def _ask(state: StateDir, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """One admin request. Raises ConnectionError when no server is there, LocalCloudError for its refusals."""
    found = state.announced()
    if found is None:
        raise ConnectionRefusedError(f"no server is announced in {state.path}")
    request = _request(found, method, path, body)
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=CALL_TIMEOUT) as answer:
            return dict(json.load(answer))
    except HTTPError as refused:
        if refused.code == FORBIDDEN:
            raise ConnectionRefusedError(f"{found.endpoint_url} is now somebody else's") from refused
        raise LocalCloudError(_refusal(refused)) from refused
    except URLError as broken:
        if isinstance(broken.reason, ConnectionError):
            raise broken.reason from broken
        raise LocalCloudError(f"{found.endpoint_url} does not answer: {broken.reason}; see {state.log}") from broken


def _request(found: Announcement, method: str, path: str, body: Mapping[str, Any] | None) -> Request:
    return Request(  # noqa: S310 - always http on loopback
        f"{found.endpoint_url}/_local/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
        headers={TOKEN_HEADER: found.token, "Content-Type": "application/json"},
    )


def _refusal(refused: HTTPError) -> str:
    try:
        return str(json.load(refused)["error"])
    except (ValueError, KeyError):
        return f"the embedded cloud answered HTTP {refused.code}"
