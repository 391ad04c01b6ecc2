"""The native request and answer bodies of InvokeModel, by family of models.

Source: the Bedrock user guide's pages on inference request parameters and response fields for each family.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from reconciler.localcloud.errors import AwsError, invalid
from reconciler.localcloud.runtime import Reply

Conversation = list[Mapping[str, Any]]


@dataclass(frozen=True)
class Payload:
    """`read` raises KeyError, TypeError or AttributeError for a body that does not look like `shape`."""

    shape: str
    read: Callable[[Any], Conversation]
    write: Callable[[Reply], Mapping[str, Any]]


def bad_input(payload: Payload) -> AwsError:
    return invalid(
        f"Malformed input request, expected a JSON body such as {payload.shape}. Please reformat your input."
    )


def _prompt(key: str) -> Callable[[Any], Conversation]:
    return lambda body: [{"role": "user", "content": str(body[key])}]


def _turns(body: Any) -> Conversation:
    return [
        {"role": str(turn["role"]), "content": "\n".join(str(block["text"]) for block in turn["content"])}
        for turn in body["messages"]
    ]


def _nova(said: Reply) -> Mapping[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": [{"text": said.text}]}},
        "stopReason": "end_turn",
        "usage": {"inputTokens": said.input_tokens, "outputTokens": said.output_tokens},
    }


def _titan(said: Reply) -> Mapping[str, Any]:
    result = {"tokenCount": said.output_tokens, "outputText": said.text, "completionReason": "FINISH"}
    return {"inputTextTokenCount": said.input_tokens, "results": [result]}


def _cohere(said: Reply) -> Mapping[str, Any]:
    return {"generations": [{"text": said.text, "finish_reason": "COMPLETE"}]}


def _llama(said: Reply) -> Mapping[str, Any]:
    return {
        "generation": said.text,
        "prompt_token_count": said.input_tokens,
        "generation_token_count": said.output_tokens,
        "stop_reason": "stop",
    }


PAYLOADS: Mapping[str, Payload] = {
    "amazon.nova": Payload('{"messages": [{"role": "user", "content": [{"text": "…"}]}]}', _turns, _nova),
    "amazon.titan": Payload('{"inputText": "…"}', _prompt("inputText"), _titan),
    "cohere.command": Payload('{"prompt": "…"}', _prompt("prompt"), _cohere),
    "meta.llama3": Payload('{"prompt": "…"}', _prompt("prompt"), _llama),
}
"""By the family of the model id: what stands before its first hyphen."""
