"""Prompts to endpoints, in OpenAI's chat format, which AWS's containers for language models take.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_runtime_InvokeEndpointWithResponseStream.html
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from reconciler.domain.conversing import SERVED, Ending, Question
from reconciler.domain.errors import ReconcilerError
from reconciler.domain.observation import Deployment
from reconciler.providers.aws.faults import looks_through
from reconciler.providers.settings import ProviderSettings

DONE = "[DONE]"


class EndpointConversation:
    """See :class:`reconciler.domain.conversing.Conversation`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._aws = settings.aws

    @looks_through("asking the endpoint")
    def ask(self, deployment: Deployment, question: Question) -> Iterator[str | Ending]:
        answer = self._aws.asking("sagemaker-runtime").invoke_endpoint_with_response_stream(
            EndpointName=deployment.name, ContentType="application/json", Body=json.dumps(body(question)).encode()
        )
        with closing(answer["Body"]) as events:
            yield from pieces(event["PayloadPart"]["Bytes"] for event in events if "PayloadPart" in event)


def body(question: Question) -> dict[str, Any]:
    system = [{"role": "system", "content": question.system}] if question.system else []
    options = {"max_tokens": question.max_tokens, "temperature": question.temperature}
    return {
        "model": SERVED,
        "messages": [*system, {"role": "user", "content": question.prompt}],
        **{name: value for name, value in options.items() if value is not None},
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def pieces(parts: Iterable[bytes]) -> Iterator[str | Ending]:
    """The answer in a stream of bytes, however it is cut: server-sent events, or one JSON document of a container that cannot stream."""
    ending = Ending()
    for document in _documents(_lines(parts)):
        if "error" in document:
            raise ReconcilerError(f"the model's container refused or broke off: {_reason(document['error'])}")
        ending = _told(ending, document)
        text = _text(document)
        if text:
            yield text
    yield ending


def _lines(parts: Iterable[bytes]) -> Iterator[str]:
    """Parts end anywhere, within a character too."""
    decoder, held = codecs.getincrementaldecoder("utf-8")(errors="replace"), ""
    for part in parts:
        *whole, held = (held + decoder.decode(part)).split("\n")
        yield from whole
    yield held + decoder.decode(b"", final=True)


def _documents(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Comments and other fields of events say nothing here. What is no JSON is the answer of a container that speaks otherwise."""
    for line in lines:
        told = line.strip().removeprefix("data:").strip()
        if not told or told == DONE or told.startswith((":", "event:", "id:", "retry:")):
            continue
        try:
            document = json.loads(told)
        except ValueError:
            document = None
        if not isinstance(document, Mapping):
            raise ReconcilerError(
                f"the endpoint does not answer in OpenAI's chat format: {told[:200]}",
                hint="`reconciler ask` talks to containers that do, as AWS's vLLM and LMI containers.",
            )
        yield document


def _text(document: Mapping[str, Any]) -> str:
    choice = _choice(document)
    said = choice.get("delta") or choice.get("message") or {}
    return str(said.get("content") or "")


def _told(ending: Ending, document: Mapping[str, Any]) -> Ending:
    choice = _choice(document)
    usage = document.get("usage") or {}
    return Ending(
        input_tokens=usage.get("prompt_tokens", ending.input_tokens),
        output_tokens=usage.get("completion_tokens", ending.output_tokens),
        finish_reason=choice.get("finish_reason") or ending.finish_reason,
        simulated=document.get("simulated", ending.simulated),
    )


def _choice(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """The only one; none in a chunk of usage."""
    choices = document.get("choices") or [{}]
    return choices[0] if isinstance(choices[0], Mapping) else {}


def _reason(error: Any) -> str:
    return str(error.get("message", error)) if isinstance(error, Mapping) else str(error)
