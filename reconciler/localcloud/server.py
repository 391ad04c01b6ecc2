"""The embedded cloud behind a socket: loopback only, for this user only, saved as it changes."""

from __future__ import annotations

import ipaddress
import json
import logging
import os
import secrets
import select
import signal
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from filelock import FileLock, Timeout
from moto.moto_server.werkzeug_app import MotoRequestHandler
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from reconciler.localcloud import snapshot
from reconciler.localcloud.admin import PREFIX, Admin
from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.clock import Clock
from reconciler.localcloud.execution.runtime import Executing
from reconciler.localcloud.execution.settings import ExecutionSettings
from reconciler.localcloud.moto_bridge import StartResponse
from reconciler.localcloud.state import StateDir
from reconciler.localcloud.world import World

HOST = "127.0.0.1"
HOME_SECONDS = 5.0
"""How often it is looked whether the state folder is still there: a deleted project must not leave a server behind."""


class AlreadyRunning(Exception):
    """Another server works on the same state directory."""


class Guarded:
    """The cloud as browsers and networks may meet it: only under loopback names, never for pages of other origins.

    An answer leaves once all that it may tell of is saved: what was told is there after a SIGKILL, too.
    """

    def __init__(self, cloud: LocalCloud, admin: Admin, saver: snapshot.Saver) -> None:
        self._cloud = cloud
        self._admin = admin
        self._saver = saver

    def __call__(self, environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
        request = Request(environ)
        refusal = stranger(request)
        if refusal is not None:
            return Response(refusal, 403, content_type="text/plain")(environ, start_response)
        try:
            if request.path.startswith(PREFIX):
                return self._admin.answer(request)(environ, start_response)
            return self._cloud(environ, start_response)
        finally:
            self._saver.keep()


class Handler(MotoRequestHandler):
    """One request a connection; an answer that is lost on purpose closes it."""

    protocol_version = "HTTP/1.0"
    # Headers and body leave together. AWS's SDK for Go may close its side once the headers are there, and ask again for
    # what has been carried out (aws-sdk-go-v2, issue 1825).
    wbufsize = 64 * 1024

    def run_wsgi(self) -> None:
        """Whoever asks first whether to send a body (boto3, of objects) waits a second for an answer that stays in the buffer."""
        if self.headers.get("Expect", "").strip().lower() == "100-continue":
            del self.headers["Expect"]
            self.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            self.wfile.flush()
        super().run_wsgi()

    def connection_dropped(self, error: BaseException, environ: dict[str, Any] | None = None) -> None:
        self.close_connection = True


def stranger(request: Request) -> str | None:
    """Why a request is refused: another host name means DNS rebinding, another origin a web page. None lets it in."""
    if not is_loopback(urlsplit(f"//{request.headers.get('Host', '')}").hostname):
        return "This server answers under loopback names only.\n"
    origin = request.headers.get("Origin")
    if origin is not None and not is_loopback(urlsplit(origin).hostname):
        return "This server does not answer pages of other origins.\n"
    if request.headers.get("Sec-Fetch-Site") == "cross-site":
        return "This server does not answer pages of other sites.\n"
    return None


def is_loopback(host: str | None) -> bool:
    """localhost, names below it, and loopback addresses."""
    if host is None:
        return False
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def serve(
    state_dir: Path,
    *,
    host: str = HOST,
    port: int = 0,
    speed: float | None = None,
    execution: ExecutionSettings | None = None,
    ready_fd: int | None = None,
) -> None:
    """Run until SIGTERM, SIGINT or a shutdown request; then save and return.

    port:     0 takes the one used last, else any free one. speed: None keeps the saved clock's.
    execution: how jobs and endpoints really run on this machine; None simulates them all.
    ready_fd: a file descriptor that gets one line once requests are answered.
    Raises ValueError for an address that is not loopback, AlreadyRunning, UnreadableSnapshot, OSError for a taken port.
    """
    if not is_loopback(host):
        raise ValueError(f"the embedded cloud listens on loopback addresses only, not on {host}")
    state = StateDir(state_dir)
    state.create()
    try:
        with FileLock(state.running_lock, timeout=0):
            _serve(state, host=host, port=port, speed=speed, execution=execution, ready_fd=ready_fd)
    except Timeout as held:
        raise AlreadyRunning(f"another server works on {state_dir}") from held


def _serve(
    state: StateDir,
    *,
    host: str,
    port: int,
    speed: float | None,
    execution: ExecutionSettings | None,
    ready_fd: int | None,
) -> None:
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    cloud = _cloud(state, speed, execution)
    token = secrets.token_urlsafe(32)
    stop = _Stop()
    saver = snapshot.Saver(cloud, state.snapshot)
    cloud.on_change = saver.look
    admin = Admin(cloud, token=token, shut_down=stop.ask)
    server = _listen(host, port or state.last_port(), Guarded(cloud, admin, saver), any_port=port == 0)
    if execution is not None:
        execution.endpoint_url = f"http://{host}:{server.server_port}"
    cloud.resume()
    stop.on_signals(signal.SIGTERM, signal.SIGINT)
    serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    serving.start()
    state.announce(port=server.server_port, host=host, token=token)
    _tell(ready_fd, server.server_port)
    homeless = stop.wait(state.path.exists)
    server.shutdown()
    server.server_close()
    cloud.runtime.close()
    if not homeless:
        saver.close()
        state.withdraw()


class _Stop:
    """The wish to stop, told through a pipe: a signal that any thread may catch wakes the one that waits."""

    def __init__(self) -> None:
        self._reading, self._writing = os.pipe()
        os.set_blocking(self._writing, False)

    def on_signals(self, *numbers: signal.Signals) -> None:
        signal.set_wakeup_fd(self._writing, warn_on_full_buffer=False)
        for number in numbers:
            signal.signal(number, lambda *_: None)

    def ask(self) -> None:
        with suppress(BlockingIOError):
            os.write(self._writing, b".")

    def wait(self, has_home: Callable[[], bool]) -> bool:
        """Until somebody asks (False), or the project and the state folder in it are gone (True)."""
        while not select.select([self._reading], [], [], HOME_SECONDS)[0]:
            if not has_home():
                return True
        return False


def _cloud(state: StateDir, speed: float | None, execution: ExecutionSettings | None) -> LocalCloud:
    runtime = None if execution is None else Executing(execution)
    cloud = LocalCloud(world=World(clock=Clock(speed=1.0)), runtime=runtime)
    snapshot.sweep(state.snapshot)
    if state.snapshot.exists():
        snapshot.load(cloud, state.snapshot)
    if speed is not None:
        cloud.world.clock.run_at(speed)
    return cloud


def _listen(host: str, port: int, app: Guarded, *, any_port: bool) -> BaseWSGIServer:
    """A listening server; with `any_port` another port will do where the wanted one is taken."""
    try:
        return _make_server(host, port, app)
    except OSError:
        if not any_port or port == 0:
            raise
    return _make_server(host, 0, app)


def _make_server(host: str, port: int, app: Guarded) -> BaseWSGIServer:
    return make_server(host, port, app, threaded=True, request_handler=Handler)


def _tell(ready_fd: int | None, port: int) -> None:
    if ready_fd is not None:
        with suppress(OSError), os.fdopen(ready_fd, "w") as pipe:
            pipe.write(json.dumps({"port": port}) + "\n")
