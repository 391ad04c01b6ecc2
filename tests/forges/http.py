"""A forge's HTTP on loopback: JSON in and out, requests kept, and trouble on demand."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit


@dataclass(frozen=True)
class Call:
    """``path`` as it was sent, still encoded."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Trouble:
    """What the next call that fits gets. ``obeyed``: it is done all the same, and only the answer is lost. ``None``: no answer at all."""

    reply: Reply | None
    fits: str = ""
    obeyed: bool = False


class Api(Protocol):
    url: str

    def answer(self, call: Call) -> Reply: ...


@dataclass
class Clock:
    """Moves on by a second whenever something is changed; forges tell whole seconds."""

    now: datetime = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)

    def tick(self) -> str:
        self.now += timedelta(seconds=1)
        return self.text()

    def text(self) -> str:
        return self.now.isoformat().replace("+00:00", "Z")


class Server:
    """Serves one API while it is open, and keeps what was asked."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, str, int]] = []
        self.troubles: list[Trouble] = []
        self.lock = threading.Lock()

    @contextmanager
    def serving(self, api: Api) -> Iterator[None]:
        server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, api))
        api.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            server.server_close()
            thread.join()

    def answer(self, api: Api, call: Call) -> Reply | None:
        with self.lock:
            trouble = self._trouble(call)
            reply = api.answer(call) if trouble is None or trouble.obeyed else None
            given = reply if trouble is None else trouble.reply
            self.calls.append((call.method, call.path, given.status if given else 0))
            return given

    def _trouble(self, call: Call) -> Trouble | None:
        fits = (each for each in self.troubles if re.search(each.fits, f"{call.method} {call.path}"))
        found = next(fits, None)
        if found is not None:
            self.troubles.remove(found)
        return found


def paged(call: Call, items: list[Any], url: str, *, usual: int) -> Reply:
    """The page that was asked for, with ``Link`` to the next and the last (RFC 8288)."""
    size = min(int(call.query.get("per_page", usual)), 100)
    page, last = int(call.query.get("page", "1")), max(1, -(-len(items) // size))
    rest = "&".join(f"{key}={value}" for key, value in call.query.items() if key != "page")
    links = {"next": page + 1, "last": last} if page < last else {}
    link = ", ".join(f'<{url}{call.path}?{rest}&page={number}>; rel="{rel}"' for rel, number in links.items())
    return Reply(200, items[(page - 1) * size : page * size], {"Link": link} if link else {})


def _handler(server: Server, api: Api) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[-1] for key, values in parse_qs(parts.query).items()}
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            call = Call(self.command, parts.path, query, headers, json.loads(content) if content else None)
            reply = server.answer(api, call)
            if reply is None:
                self.close_connection = True
                return
            body = b"" if reply.body is None else json.dumps(reply.body).encode()
            self.send_response(reply.status)
            for name, value in {"Content-Type": "application/json; charset=utf-8", **reply.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PATCH = do_PUT = _answer

        def log_message(self, *_: Any) -> None:
            pass

    return Handler
