"""The HTTP contract, in front of an engine that needs no model."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Generator, Iterator
from http.client import HTTPConnection
from typing import Any

import pytest

from reconciler.serving.engine import End
from reconciler.serving.requests import Ask, BadRequest
from reconciler.serving.server import MAX_BODY, Hosted, ModelServer

HELLO = {"messages": [{"role": "user", "content": "Hello"}]}


class Echo:
    """Says what it was told, a word at a time. ``gate``: opened before the last word; ``closed``: nobody listens any more."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.gate.set()
        self.begun = threading.Event()
        self.closed = threading.Event()

    def generate(self, ask: Ask) -> Generator[str | End, None, None]:
        said = ask.prompt or ask.messages[-1]["content"]
        if said == "refuse":
            raise BadRequest("no")
        if said == "break":
            raise RuntimeError("the model broke")
        try:
            yield "You said: "
            self.begun.set()
            self.gate.wait(10)
            if said == "break off":
                raise RuntimeError("half way")
            yield said
            yield End(3, 2, "stop")
        finally:
            self.closed.set()


@pytest.fixture
def engine() -> Echo:
    return Echo()


@pytest.fixture
def server(engine: Echo) -> Iterator[ModelServer]:
    hosted = Hosted("bot")
    hosted.engine = engine
    server = ModelServer(("127.0.0.1", 0), hosted)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def request(server: ModelServer, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    connection = connect(server)
    connection.request(method, path, body if isinstance(body, bytes | None) else json.dumps(body))
    answer = connection.getresponse()
    told = json.loads(answer.read())
    connection.close()
    return answer.status, told


def connect(server: ModelServer) -> HTTPConnection:
    return HTTPConnection("127.0.0.1", server.server_address[1], timeout=10)


def events(text: bytes) -> list[Any]:
    lines = [line.removeprefix("data: ") for line in text.decode().split("\n\n") if line]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


@pytest.mark.parametrize("path", ["/ping", "/health", "/v1/models"])
def test_health(server: ModelServer, path: str) -> None:
    hosted, engine = server.hosted, server.hosted.engine
    assert request(server, "GET", path)[0] == 200
    hosted.engine = None
    assert request(server, "GET", path) == (503, error("the model is still loading", 503, "server_error"))
    hosted.failure = "no weights"
    assert request(server, "GET", path) == (500, error("no weights", 500, "server_error"))
    hosted.engine = engine


@pytest.mark.parametrize("path", ["/invocations", "/v1/chat/completions", "/invocations?x=1"])
def test_a_conversation(server: ModelServer, path: str) -> None:
    status, answer = request(server, "POST", path, HELLO)
    assert status == 200
    assert {key: answer[key] for key in ("object", "model", "choices", "usage")} == {
        "object": "chat.completion",
        "model": "bot",
        "choices": [
            {"index": 0, "message": {"role": "assistant", "content": "You said: Hello"}, "finish_reason": "stop"}
        ],
        "usage": {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5},
    }
    assert answer["id"].startswith("chatcmpl-")


def test_inputs_are_answered_as_hugging_face_does(server: ModelServer) -> None:
    assert request(server, "POST", "/invocations", {"inputs": "Once"}) == (200, [{"generated_text": "You said: Once"}])


def test_no_requests_before_the_model_is_there(server: ModelServer) -> None:
    server.hosted.engine = None
    assert request(server, "POST", "/invocations", HELLO)[0] == 503


@pytest.mark.parametrize(
    ("body", "status", "message"),
    [
        ({"messages": [{"role": "user", "content": "refuse"}]}, 400, "no"),
        ({"messages": [{"role": "user", "content": "refuse"}], "stream": True}, 400, "no"),
        ({}, 400, "the request has neither `messages` nor `inputs`"),
        ({"messages": [{"role": "user", "content": "break"}]}, 500, "RuntimeError: the model broke"),
        ({"messages": [{"role": "user", "content": "break"}], "stream": True}, 500, "RuntimeError: the model broke"),
    ],
)
def test_errors_are_json(server: ModelServer, body: Any, status: int, message: str) -> None:
    kind = "invalid_request_error" if status == 400 else "server_error"
    assert request(server, "POST", "/invocations", body) == (status, error(message, status, kind))


def test_other_paths(server: ModelServer) -> None:
    assert request(server, "GET", "/")[0] == 404
    assert request(server, "POST", "/nowhere", HELLO)[0] == 404


def test_bodies_without_a_length_or_beyond_the_limit(server: ModelServer) -> None:
    for headers, status in ((b"", b"411"), (b"Content-Length: %d\r\n" % (MAX_BODY + 1), b"413")):
        with socket.create_connection(("127.0.0.1", server.server_address[1]), 10) as raw:
            raw.sendall(b"POST /invocations HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
            assert raw.makefile("rb").readline().split()[1] == status


def test_a_connection_is_kept(server: ModelServer) -> None:
    connection = connect(server)
    for body in (HELLO, {}, HELLO):
        connection.request("POST", "/invocations", json.dumps(body))
        answer = connection.getresponse()
        answer.read()
        assert not answer.will_close
    connection.close()


def test_a_stream(server: ModelServer) -> None:
    connection = connect(server)
    connection.request("POST", "/invocations", json.dumps({**HELLO, "stream": True}))
    answer = connection.getresponse()
    assert answer.headers["Content-Type"].startswith("text/event-stream")
    role, first, second, end, done = events(answer.read())
    assert [chunk["choices"][0]["delta"] for chunk in (role, first, second, end)] == [
        {"role": "assistant", "content": ""},
        {"content": "You said: "},
        {"content": "Hello"},
        {},
    ]
    assert [chunk["choices"][0]["finish_reason"] for chunk in (second, end)] == [None, "stop"]
    assert end["usage"] == {"prompt_tokens": 3, "completion_tokens": 2, "total_tokens": 5}
    assert done == "[DONE]"
    assert len({chunk["id"] for chunk in (role, first, second, end)}) == 1
    connection.close()


def test_usage_in_a_chunk_of_its_own_where_that_is_asked_for(server: ModelServer) -> None:
    connection = connect(server)
    options = {"stream": True, "stream_options": {"include_usage": True}}
    connection.request("POST", "/invocations", json.dumps({**HELLO, **options}))
    *_, end, usage, _done = events(connection.getresponse().read())
    assert "usage" not in end
    assert (usage["choices"], usage["usage"]["total_tokens"]) == ([], 5)
    connection.close()


def test_pieces_arrive_as_they_come(server: ModelServer, engine: Echo) -> None:
    engine.gate.clear()
    connection = connect(server)
    connection.request("POST", "/invocations", json.dumps({**HELLO, "stream": True}))
    answer = connection.getresponse()
    assert b"You said: " in answer.read1() + answer.read1()
    assert not engine.closed.is_set()
    engine.gate.set()
    assert answer.read().endswith(b"data: [DONE]\n\n")
    connection.close()


def test_a_stream_that_breaks_off_says_so(server: ModelServer) -> None:
    connection = connect(server)
    body = {"messages": [{"role": "user", "content": "break off"}], "stream": True}
    connection.request("POST", "/invocations", json.dumps(body))
    told = events(connection.getresponse().read())
    assert told[-1] == error("RuntimeError: half way", 500, "server_error")
    connection.close()


def test_the_work_stops_when_the_client_has_gone(server: ModelServer, engine: Echo) -> None:
    engine.gate.clear()
    connection = connect(server)
    said = "x" * 4_000_000  # more than the sockets hold
    body = {"messages": [{"role": "user", "content": said}], "stream": True}
    connection.request("POST", "/invocations", json.dumps(body))
    connection.getresponse().read1()
    connection.close()
    engine.gate.set()
    assert engine.closed.wait(10)


def test_draining_waits_for_the_answers_on_their_way(server: ModelServer, engine: Echo) -> None:
    engine.gate.clear()
    connection = connect(server)
    connection.request("POST", "/invocations", json.dumps(HELLO))
    assert engine.begun.wait(10)
    assert not server.drain(0.05), "an answer is on its way"
    engine.gate.set()
    assert server.drain(10)
    answer = connection.getresponse()
    assert answer.status == 200
    assert answer.headers["Connection"] == "close"
    connection.close()


def error(message: str, status: int, kind: str) -> dict[str, Any]:
    return {"error": {"message": message, "type": kind, "code": status}}
