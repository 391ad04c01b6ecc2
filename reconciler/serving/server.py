"""The HTTP side of SageMaker's hosting contract.

https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html

| Request | While it loads | Ready | Failed |
|---|---|---|---|
| GET /ping, /health | 503 | 200 | 500 |
| GET /v1/models | 503 | 200 | 500 |
| POST /invocations, /v1/chat/completions | 503 | 200, 400 | 500 |
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from reconciler.serving import answers
from reconciler.serving.engine import End, Engine
from reconciler.serving.requests import Ask, BadRequest, parse

MAX_BODY = 25 * 1024 * 1024
"""Bytes: what SageMaker's InvokeEndpoint takes at most."""
IDLE_SECONDS = 60.0
"""After which a connection that sends nothing is closed."""
_LOG = logging.getLogger("reconciler.serving")


class Hosted:
    """The model, once it is there; before that, why it is not. Shared between threads: each field is set once."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.engine: Engine | None = None
        self.failure: str | None = None

    @property
    def status(self) -> int:
        if self.engine is not None:
            return 200
        return 503 if self.failure is None else 500

    @property
    def trouble(self) -> str:
        return self.failure or "the model is still loading"


class ModelServer(ThreadingHTTPServer):
    """One thread a connection. Stops in two steps: no more connections, then no more answers on their way."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], hosted: Hosted) -> None:
        self.hosted = hosted
        self.draining = False
        self._answering = 0
        self._changed = threading.Condition()
        super().__init__(address, _Handler)

    @contextmanager
    def answering(self) -> Iterator[None]:
        with self._changed:
            self._answering += 1
        try:
            yield
        finally:
            with self._changed:
                self._answering -= 1
                self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Stop accepting, and wait for the answers on their way; whether all were given in time."""
        self.draining = True
        self.shutdown()
        with self._changed:
            return self._changed.wait_for(lambda: self._answering == 0, timeout=seconds)


class _Handler(BaseHTTPRequestHandler):
    server: ModelServer
    protocol_version = "HTTP/1.1"
    timeout = IDLE_SECONDS
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        hosted = self.server.hosted
        match self.path.partition("?")[0]:
            case "/ping" | "/health":
                self._send(hosted.status, {"status": "ok"} if hosted.engine else self._error(hosted.status))
            case "/v1/models":
                listed = {"object": "list", "data": [{"id": hosted.name, "object": "model", "owned_by": "reconciler"}]}
                self._send(hosted.status, listed if hosted.engine else self._error(hosted.status))
            case path:
                self._send(404, answers.error(f"there is no {path} here", 404))

    def do_POST(self) -> None:
        with self.server.answering():
            match self.path.partition("?")[0]:
                case "/invocations" | "/v1/chat/completions":
                    self._answer()
                case path:
                    self.close_connection = True  # its body is not read
                    self._send(404, answers.error(f"there is no {path} here", 404))

    def _answer(self) -> None:
        body = self._body()
        if body is None:
            return
        engine = self.server.hosted.engine
        if engine is None:
            self._send(self.server.hosted.status, self._error(self.server.hosted.status))
            return
        try:
            ask = parse(body)
            with closing(engine.generate(ask)) as pieces:
                self._stream(ask, pieces) if ask.stream else self._whole(ask, pieces)
        except BadRequest as refused:
            self._send(400, answers.error(str(refused), 400))
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client has gone; closing the pieces stopped the work
        except Exception as trouble:
            _LOG.exception("cannot answer")
            self._send(500, answers.error(f"{type(trouble).__name__}: {trouble}", 500))

    def _whole(self, ask: Ask, pieces: Iterator[str | End]) -> None:
        with _logged(self.path) as seen:
            answer = answers.whole(ask, self.server.hosted.name, seen(pieces))
            self._send(200, answer)

    def _stream(self, ask: Ask, pieces: Generator[str | End, None, None]) -> None:
        """The first piece is waited for, so that a request that is refused gets its status."""
        first = next(pieces)
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-cache")
        self.send_header("Transfer-Encoding", "chunked")
        self._say_whether_it_closes()
        self.end_headers()
        try:
            with _logged(self.path) as seen:
                for event in answers.events(ask, self.server.hosted.name, seen(_again(first, pieces))):
                    self._chunk(event)
        except OSError:
            raise
        except Exception as trouble:
            _LOG.exception("the answer breaks off")
            self._chunk(answers.error_event(f"{type(trouble).__name__}: {trouble}"))
        self._chunk(b"")

    def _chunk(self, data: bytes) -> None:
        """One chunk of HTTP/1.1's chunked coding; an empty one ends the body."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()

    def _body(self) -> bytes | None:
        """``None`` where an answer was already sent, since it cannot be read."""
        length = self.headers.get("Content-Length", "")
        if not length.isdigit():
            self.close_connection = True
            self._send(411, answers.error("a request needs its Content-Length", 411))
            return None
        if int(length) > MAX_BODY:
            self.close_connection = True
            self._send(413, answers.error(f"a request has at most {MAX_BODY} bytes", 413))
            return None
        return self.rfile.read(int(length))

    def _error(self, status: int) -> dict[str, Any]:
        return answers.error(self.server.hosted.trouble, status)

    def _send(self, status: int, answer: Any) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self._say_whether_it_closes()
        self.end_headers()
        self.wfile.write(body)

    def _say_whether_it_closes(self) -> None:
        if self.server.draining or self.close_connection:
            self.close_connection = True
            self.send_header("Connection", "close")

    def log_message(self, format: str, *arguments: Any) -> None:
        """Health checks come every few seconds: only answers are logged."""


def _again(first: str | End, rest: Iterator[str | End]) -> Iterator[str | End]:
    yield first
    yield from rest


@contextmanager
def _logged(path: str) -> Iterator[Callable[[Iterable[str | End]], Iterator[str | End]]]:
    """A line for each answer that was given whole: what passes through is looked at for its end."""
    began = time.monotonic()
    ends: list[End] = []

    def seen(pieces: Iterable[str | End]) -> Iterator[str | End]:
        for piece in pieces:
            ends.extend([piece] if isinstance(piece, End) else [])
            yield piece

    yield seen
    _LOG.info("%s: %s tokens in %.2f s", path, ends[0].completion_tokens, time.monotonic() - began)
