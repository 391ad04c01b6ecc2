"""Prompts to custom models that Bedrock serves.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any

from reconciler.domain.conversing import Ending, Question
from reconciler.domain.observation import Deployment
from reconciler.providers.aws.faults import looks_through
from reconciler.providers.settings import ProviderSettings


class BedrockConversation:
    """See :class:`reconciler.domain.conversing.Conversation`."""

    def __init__(self, settings: ProviderSettings) -> None:
        self._aws = settings.aws

    @looks_through("asking Bedrock")
    def ask(self, deployment: Deployment, question: Question) -> Iterator[str | Ending]:
        answer = self._aws.asking("bedrock-runtime").converse_stream(modelId=deployment.identifier, **request(question))
        with closing(answer["stream"]) as events:
            yield from pieces(events)


def request(question: Question) -> dict[str, Any]:
    options = {"maxTokens": question.max_tokens, "temperature": question.temperature}
    given = {name: value for name, value in options.items() if value is not None}
    return {
        "messages": [{"role": "user", "content": [{"text": question.prompt}]}],
        **({"system": [{"text": question.system}]} if question.system else {}),
        **({"inferenceConfig": given} if given else {}),
    }


def pieces(events: Iterable[Mapping[str, Any]]) -> Iterator[str | Ending]:
    """Reasoning and tools' input are no part of the answer."""
    ending = Ending()
    for event in events:
        ending = _told(ending, event)
        text = (event.get("contentBlockDelta") or {}).get("delta", {}).get("text")
        if text:
            yield str(text)
    yield ending


def _told(ending: Ending, event: Mapping[str, Any]) -> Ending:
    stop, usage = event.get("messageStop") or {}, (event.get("metadata") or {}).get("usage") or {}
    more = stop.get("additionalModelResponseFields") or {}
    return Ending(
        input_tokens=usage.get("inputTokens", ending.input_tokens),
        output_tokens=usage.get("outputTokens", ending.output_tokens),
        finish_reason=stop.get("stopReason", ending.finish_reason),
        simulated=bool(more.get("simulated", ending.simulated)),
    )
