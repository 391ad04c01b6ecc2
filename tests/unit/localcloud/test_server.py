"""The server's side of a connection."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator

import pytest
from werkzeug.serving import BaseWSGIServer, make_server
from werkzeug.wrappers import Request, Response

from reconciler.localcloud.admin import PREFIX, Admin
from reconciler.localcloud.app import LocalCloud
from reconciler.localcloud.server import HOST, Handler
from reconciler.localcloud.state import TOKEN_HEADER


@Request.application
def app(request: Request) -> Response:
    return Response(b"the body" if request.path == "/whole" else _parts())


def _parts() -> Iterable[bytes]:
    yield b"one"
    yield b"two"


@pytest.fixture
def server() -> Iterator[BaseWSGIServer]:
    made = make_server(HOST, 0, app, threaded=True, request_handler=Handler)
    yield made
    made.server_close()


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, socket.socket]]:
    """Of a connection that keeps apart what was sent apart."""
    one, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with one, other:
        yield one, other


def sent(server: BaseWSGIServer, ends: tuple[socket.socket, socket.socket], path: str) -> list[bytes]:
    """The pieces in which an answer leaves."""
    ours, theirs = ends
    ours.sendall(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    ours.shutdown(socket.SHUT_WR)
    Handler(theirs, (HOST, 0), server)
    theirs.shutdown(socket.SHUT_WR)
    return list(iter(lambda: ours.recv(65_536), b""))


def test_headers_and_body_leave_together(server: BaseWSGIServer, ends: tuple[socket.socket, socket.socket]) -> None:
    (whole,) = sent(server, ends, "/whole")
    assert whole.startswith(b"HTTP/1.0 200 OK")
    assert whole.endswith(b"the body")


def test_a_part_of_a_stream_leaves_when_it_is_there(
    server: BaseWSGIServer, ends: tuple[socket.socket, socket.socket]
) -> None:
    first, *others = sent(server, ends, "/parts")
    assert first.endswith(b"one")
    assert others == [b"two"]


def test_who_asks_whether_to_send_a_body_is_answered_at_once(
    server: BaseWSGIServer, ends: tuple[socket.socket, socket.socket]
) -> None:
    """boto3 asks so before each object, and waits a second for the answer."""
    ours, theirs = ends
    ours.sendall(b"PUT /whole HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n")
    ours.shutdown(socket.SHUT_WR)
    Handler(theirs, (HOST, 0), server)
    theirs.shutdown(socket.SHUT_WR)
    first, answer = iter(lambda: ours.recv(65_536), b"")
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert answer.startswith(b"HTTP/1.0 200 OK")


def test_it_is_asked_to_end_once_the_answer_has_left(ends: tuple[socket.socket, socket.socket]) -> None:
    ours, theirs = ends
    seen: list[bytes] = []
    admin = Admin(LocalCloud(), token="token", shut_down=lambda: seen.append(ours.recv(65_536)))
    server = make_server(HOST, 0, Request.application(admin.answer), threaded=True, request_handler=Handler)
    ours.setblocking(False)
    ours.sendall(f"POST {PREFIX}shutdown HTTP/1.1\r\nHost: localhost\r\n{TOKEN_HEADER}: token\r\n\r\n".encode())
    ours.shutdown(socket.SHUT_WR)
    Handler(theirs, (HOST, 0), server)
    server.server_close()
    assert seen[0].startswith(b"HTTP/1.0 200 OK")
