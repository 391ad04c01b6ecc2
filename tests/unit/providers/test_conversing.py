"""Answers of deployed models, however they come: cut anywhere, in one piece, broken off, refused."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto.core.eventstream import EventStreamEncoder

from reconciler.catalog import load as load_catalog
from reconciler.domain.conversing import SERVED, Ending, Question
from reconciler.domain.desired import DeploymentKind
from reconciler.domain.errors import CloudUnavailable, ReconcilerError
from reconciler.domain.kinds.project import Roles
from reconciler.domain.observation import Deployment, DeploymentPhase
from reconciler.providers.aws.session import AwsSession, AwsSettings
from reconciler.providers.bedrock import conversing as bedrock
from reconciler.providers.sagemaker import conversing as sagemaker
from reconciler.providers.settings import ProviderSettings
from tests.unit.providers.stubbing import StandingClock

SAID = "Grüße, 日本 😀\n"


def event(**document: Any) -> bytes:
    return b"data: " + json.dumps(document, ensure_ascii=False).encode() + b"\n\n"


def delta(text: str, finish: str | None = None) -> bytes:
    return event(choices=[{"index": 0, "delta": {"content": text}, "finish_reason": finish}])


VLLM = b"".join(
    (
        b": ping\n\n",
        event(choices=[{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]),
        *(delta(character) for character in SAID),
        delta("", "length"),
        event(choices=[], usage={"prompt_tokens": 7, "completion_tokens": 5, "total_tokens": 12}),
        b"data: [DONE]\n\n",
    )
)


@given(st.sets(st.integers(1, len(VLLM) - 1)))
def test_an_answer_may_be_cut_anywhere(cuts: set[int]) -> None:
    ends = [0, *sorted(cuts), len(VLLM)]
    parts = [VLLM[start:end] for start, end in pairwise(ends)]
    *said, ending = sagemaker.pieces(parts)
    assert "".join(str(piece) for piece in said) == SAID
    assert ending == Ending(input_tokens=7, output_tokens=5, finish_reason="length")


def test_a_container_that_does_not_stream_answers_whole() -> None:
    whole = {"choices": [{"message": {"content": "Hi."}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
    said = list(sagemaker.pieces([json.dumps(whole).encode()]))
    assert said == ["Hi.", Ending(input_tokens=1, finish_reason="stop")]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        (delta("Hal") + event(error={"message": "out of memory", "code": 500}), "broke off: out of memory"),
        (event(error="too long"), "too long"),
        (b'[{"generated_text": "Hi."}]', "does not answer in OpenAI's chat format"),
        (b"<html>", "does not answer in OpenAI's chat format: <html>"),
    ],
)
def test_what_is_no_answer_is_told(told: bytes, why: str) -> None:
    with pytest.raises(ReconcilerError, match=why):
        list(sagemaker.pieces([told]))


def test_what_is_asked_is_written_as_each_api_has_it() -> None:
    bare, full = Question(prompt="Hi?"), Question(prompt="Hi?", system="Be kind.", max_tokens=9, temperature=0.0)
    assert sagemaker.body(bare) == {
        "model": SERVED,
        "messages": [{"role": "user", "content": "Hi?"}],
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    assert sagemaker.body(full) == {
        **sagemaker.body(bare),
        "messages": [{"role": "system", "content": "Be kind."}, {"role": "user", "content": "Hi?"}],
        "max_tokens": 9,
        "temperature": 0.0,
    }
    assert bedrock.request(bare) == {"messages": [{"role": "user", "content": [{"text": "Hi?"}]}]}
    assert bedrock.request(full) == {
        **bedrock.request(bare),
        "system": [{"text": "Be kind."}],
        "inferenceConfig": {"maxTokens": 9, "temperature": 0.0},
    }


def test_the_events_of_bedrock() -> None:
    events: list[dict[str, Any]] = [
        {"messageStart": {"role": "assistant"}},
        {"contentBlockDelta": {"delta": {"reasoningContent": {"text": "Hm."}}, "contentBlockIndex": 0}},
        {"contentBlockDelta": {"delta": {"text": "Hi."}, "contentBlockIndex": 1}},
        {"contentBlockStop": {"contentBlockIndex": 1}},
        {"messageStop": {"stopReason": "max_tokens"}},
        {"metadata": {"usage": {"inputTokens": 3, "outputTokens": 1}, "metrics": {"latencyMs": 5}}},
    ]
    assert list(bedrock.pieces(events)) == [
        "Hi.",
        Ending(input_tokens=3, output_tokens=1, finish_reason="max_tokens"),
    ]


# -- over a connection that breaks


PART = EventStreamEncoder().encode_message({":message-type": "event", ":event-type": "PayloadPart"}, delta("Half"))
REFUSAL = EventStreamEncoder().encode_message(
    {":message-type": "exception", ":exception-type": "ModelStreamError", ":content-type": "application/json"},
    b'{"Message": "the container is gone", "ErrorCode": "StreamBroken"}',
)


@pytest.mark.parametrize(
    ("sent", "why"),
    [
        (PART, "asking the endpoint failed: .*(ProtocolError|InvalidChunkLength)"),
        (PART + b"\0" * 16, "asking the endpoint failed: .*[Cc]hecksum"),
        (PART + REFUSAL, "the container is gone .*ModelStreamError"),
    ],
)
def test_what_breaks_off_is_told_after_what_was_said(sent: bytes, why: str) -> None:
    with serving(sent) as url:
        given = settings(url)
        said = sagemaker.EndpointConversation(given).ask(endpoint(), Question(prompt="Hi?"))
        assert next(said) == "Half"
        with pytest.raises(CloudUnavailable, match=why):
            list(said)
        given.aws.asking("sagemaker-runtime").close()


def endpoint() -> Deployment:
    return Deployment(name="bot", identifier="arn", kind=DeploymentKind.REAL_TIME, phase=DeploymentPhase.IN_SERVICE)


def settings(url: str) -> ProviderSettings:
    aws = AwsSession(AwsSettings(region="us-east-1", endpoint_url=url, attempts=1))
    return ProviderSettings(project="p", aws=aws, catalog=load_catalog(), clock=StandingClock(), roles=Roles())


@contextmanager
def serving(sent: bytes) -> Iterator[str]:
    """A server that sends one chunk of an answer, and hangs up."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Type", "application/vnd.amazon.eventstream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            self.wfile.write(f"{len(sent):x}\r\n".encode() + sent + b"\r\n")
            self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
