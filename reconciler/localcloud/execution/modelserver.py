"""One process that serves one model: its artifact unpacked, started, asked whether it is ready, asked, drained, stopped."""

from __future__ import annotations

import http.client
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

from reconciler.localcloud import model_hub
from reconciler.localcloud.errors import AwsError
from reconciler.localcloud.execution import environment
from reconciler.localcloud.execution.archives import BadArchive, unpack
from reconciler.localcloud.execution.container import NotPrepared, download
from reconciler.localcloud.execution.process import Process
from reconciler.localcloud.execution.settings import ExecutionSettings
from reconciler.localcloud.runtime import Invocation
from reconciler.localcloud.sagemaker.invocations import container_error
from reconciler.localcloud.service import Objects

HOST = "127.0.0.1"
PACKAGE = Path(__file__).resolve().parents[3]
ADDITIONAL = "additional-model-data-sources"
"""Below /opt/ml: "AdditionalModelDataSource", SageMaker API reference."""
PING_SECONDS = 0.1
PING_TIMEOUT = 2.0
ANSWER_TIMEOUT = 60.0
"""Seconds for an answer, and between the parts of one that is streamed: "InvokeEndpoint", SageMaker Runtime API reference."""
DRAIN_SECONDS = 120.0
STOP_GRACE = 30.0
"""Seconds between SIGTERM and SIGKILL: "Use your own inference code with hosting services", SageMaker developer guide."""
PART_BYTES = 65_536


class NotServing(Exception):
    """The model is not served. The message says why."""


class ModelServer:
    """Starts at once, in a thread. `heard` gets each line of its log."""

    def __init__(
        self,
        *,
        name: str,
        folder: Path,
        container: Mapping[str, Any],
        objects: Objects,
        settings: ExecutionSettings,
        region: str,
        startup_seconds: float,
        heard: Callable[[str], None],
    ) -> None:
        self.folder = folder
        self.port = 0
        self.process: Process | None = None
        self._name = name
        self._container = container
        self._objects = objects
        self._settings = settings
        self._region = region
        self._startup = startup_seconds
        self._heard = heard
        self._state = threading.Condition()
        self._ready = False
        self._failure: str | None = None
        self._retired = False
        self._answering = 0
        self._starting = threading.Thread(target=self._start, name=f"start of {name}", daemon=True)
        self._starting.start()

    # -- standing

    @property
    def is_ready(self) -> bool:
        return self._ready and not self.has_ended

    @property
    def has_ended(self) -> bool:
        return self._failure is not None or (self.process is not None and self.process.code is not None)

    def await_ready(self, timeout: float | None = None) -> None:
        """Raises NotServing where it does not load or was told to go, or is not ready in time."""
        with self._state:
            settled = self._state.wait_for(lambda: self._ready or self._failure is not None, timeout)
        if self._failure is not None:
            raise NotServing(self._failure)
        if not settled:
            raise NotServing(f"the model is still loading after {timeout:g} s")

    # -- answering

    def invoke(self, invocation: Invocation) -> ContainerAnswer | None:
        """Ask it; None where it does not take requests any more. Raises AwsError."""
        with self._state:
            if self._retired or self.has_ended:
                return None
            self._answering += 1
        try:
            self.await_ready(ANSWER_TIMEOUT)
            return self._ask(invocation)
        except NotServing as wrong:
            self._answered()
            raise container_error(500, str(wrong)) from wrong
        except BaseException:
            self._answered()
            raise

    def _ask(self, invocation: Invocation) -> ContainerAnswer:
        headers = {
            "Content-Type": invocation.content_type or "application/json",
            "Accept": invocation.accept or "*/*",
            "Connection": "close",
            "X-Amzn-SageMaker-Custom-Attributes": invocation.custom_attributes,
        }
        connection = http.client.HTTPConnection(HOST, self.port, timeout=ANSWER_TIMEOUT)
        try:
            given = {name: value for name, value in headers.items() if value is not None}
            connection.request("POST", "/invocations", body=invocation.body, headers=given)
            response = connection.getresponse()
        except (OSError, http.client.HTTPException) as broken:
            connection.close()
            raise container_error(0, f"the container does not answer: {broken}") from broken
        if response.status >= 400:
            raise _refused(connection, response)
        return ContainerAnswer(connection, response, self._answered)

    def _answered(self) -> None:
        with self._state:
            self._answering -= 1
            self._state.notify_all()

    # -- ending

    def retire(self) -> None:
        """No more requests; those under way are answered, then it is stopped. Returns at once."""
        with self._state:
            if self._retired:
                return
            self._retired = True
        threading.Thread(target=self._drain, name=f"end of {self._name}", daemon=True).start()

    def stop(self, grace: float) -> None:
        """End it now. Returns at once."""
        with self._state:
            self._retired = True
            if self.process is not None:
                self.process.stop(grace)

    def wait(self, timeout: float) -> None:
        """Until it has ended and its folder is gone."""
        self._starting.join(timeout)
        if self.process is not None:
            self.process.wait(timeout)
        shutil.rmtree(self.folder, ignore_errors=True)

    def _drain(self) -> None:
        with self._state:
            self._state.wait_for(lambda: self._answering == 0, DRAIN_SECONDS)
        self.stop(STOP_GRACE)
        self.wait(2 * STOP_GRACE)

    # -- starting

    def _start(self) -> None:
        try:
            self._unpack()
            self._launch()
            self._await_ping()
        except NotServing as wrong:
            self._settle(failure=str(wrong))
        except Exception as broken:
            self._settle(failure=f"{type(broken).__name__}: {broken}")
        else:
            self._settle()

    def _settle(self, *, failure: str | None = None) -> None:
        if failure is not None and self.process is not None:
            self.process.stop(0)
            self.process.wait(STOP_GRACE)
        with self._state:
            self._ready, self._failure = failure is None, failure
            self._state.notify_all()

    def _unpack(self) -> None:
        """The artifact as /opt/ml/model, and what else the container is given, where SageMaker puts it."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._fetch(str(self._container["artifact"]), self.folder / "model")
        for name, uri in self._container["beside"].items():
            self._make(uri)
            self._fetch(uri, self.folder / ADDITIONAL / name)

    def _make(self, uri: str) -> None:
        """A model of the hub that is not there yet."""
        try:
            model_hub.provide(uri, self._objects, self._surroundings())
        except model_hub.NotMade as wrong:
            raise NotServing(f"The base model could not be made: {wrong}") from wrong

    def _fetch(self, uri: str, model: Path) -> None:
        """An archive, or all objects below a prefix."""
        model.mkdir(parents=True)
        content = None if uri.endswith("/") else self._objects.get(uri)
        try:
            if content is not None:
                unpack(content, model)
            elif not download(uri, model, self._objects):
                raise NotServing(f"Failed to download model data from URL: {uri}: no object found in S3.")
        except BadArchive as wrong:
            raise NotServing(f"Failed to extract model data archive from URL: {uri}: {wrong}") from wrong
        except NotPrepared as wrong:
            raise NotServing(str(wrong)) from wrong

    def _launch(self) -> None:
        self.port = _free_port()
        variables = {
            **self._surroundings(),
            "PYTHONPATH": str(PACKAGE),
            "SAGEMAKER_BASE_DIR": str(self.folder),
            "SM_MODEL_DIR": str(self.folder / "model"),
            "SAGEMAKER_BIND_TO_PORT": str(self.port),
            **self._container["environment"],
        }
        with self._state:
            if self._retired:
                raise NotServing("it was told to go before it was started")
            self.process = Process(self._settings.server, folder=self.folder, environment=variables, heard=self._heard)

    def _surroundings(self) -> dict[str, str]:
        return environment.of_any_process(
            threads=self._settings.threads,
            endpoint_url=self._settings.endpoint_url,
            region=self._region,
            cache=self.folder / "cache",
        )

    def _await_ping(self) -> None:
        assert self.process is not None
        deadline = time.monotonic() + self._startup
        while not self._pings():
            if self.process.wait(PING_SECONDS) is not None:
                raise NotServing(self._last_words())
            if time.monotonic() > deadline:
                raise NotServing(f"It was not ready within {self._startup:g} s. {self._last_words()}")

    def _pings(self) -> bool:
        connection = http.client.HTTPConnection(HOST, self.port, timeout=PING_TIMEOUT)
        try:
            connection.request("GET", "/ping", headers={"Connection": "close"})
            with connection.getresponse() as answer:
                return answer.status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def _last_words(self) -> str:
        assert self.process is not None
        lines = [*self.process.lines]
        return lines[-1] if lines else "It wrote no log."


class ContainerAnswer:
    """See `runtime.Invoked`. `over` is called once, when it is closed."""

    def __init__(
        self, connection: http.client.HTTPConnection, response: http.client.HTTPResponse, over: Callable[[], None]
    ) -> None:
        self.status = response.status
        self.content_type = response.getheader("Content-Type", "application/octet-stream")
        self.custom_attributes = response.getheader("X-Amzn-SageMaker-Custom-Attributes")
        self._connection = connection
        self._response = response
        self._over: Callable[[], None] | None = over

    def __iter__(self) -> Iterator[bytes]:
        try:
            while part := self._response.read1(PART_BYTES):
                yield part
        except http.client.HTTPException as broken:
            raise ConnectionResetError(f"{type(broken).__name__}: {broken}") from broken

    def close(self) -> None:
        over, self._over = self._over, None
        with suppress(OSError):
            self._response.close()
            self._connection.close()
        if over is not None:
            over()


def _refused(connection: http.client.HTTPConnection, response: http.client.HTTPResponse) -> AwsError:
    with closing(connection), response:
        body = response.read(PART_BYTES).decode(errors="replace")
    return container_error(response.status, body)


def _free_port() -> int:
    with socket.socket() as asked:
        asked.bind((HOST, 0))
        return int(asked.getsockname()[1])
