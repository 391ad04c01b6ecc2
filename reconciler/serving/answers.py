"""Answers as OpenAI's chat completions have them, whole or as server-sent events; and Hugging Face's for ``inputs``."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.serving.engine import End
from reconciler.serving.requests import Ask

Json = dict[str, Any]


@dataclass(frozen=True)
class Heading:
    """What every chunk of one answer carries."""

    model: str
    id: str = field(default_factory=lambda: f"chatcmpl-{uuid.uuid4().hex}")
    created: int = field(default_factory=lambda: int(time.time()))

    def over(self, kind: str, choices: list[Json], **more: Any) -> Json:
        return {
            "id": self.id,
            "object": kind,
            "created": self.created,
            "model": self.model,
            "choices": choices,
            **more,
        }


def whole(ask: Ask, model: str, pieces: Iterable[str | End]) -> Any:
    """The answer's JSON, once all of it is there."""
    made = list(pieces)
    text = "".join(piece for piece in made if isinstance(piece, str))
    end = next(piece for piece in made if isinstance(piece, End))
    if ask.prompt is not None:
        return [{"generated_text": text}]
    choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": end.finish_reason}
    return Heading(model).over("chat.completion", [choice], usage=_usage(end))


def events(ask: Ask, model: str, pieces: Iterable[str | End]) -> Iterator[bytes]:
    """Server-sent events: the role, the pieces, the end with its usage, ``[DONE]``.

    Usage is in the chunk that ends the answer; in a chunk of its own, without choices, where the client asks for that.
    """
    heading = Heading(model)
    yield _event(_chunk(heading, {"role": "assistant", "content": ""}))
    for piece in pieces:
        if isinstance(piece, str):
            yield _event(_chunk(heading, {"content": piece}))
        elif ask.usage_apart:
            yield _event(_chunk(heading, {}, finish=piece.finish_reason))
            yield _event(heading.over(_CHUNK, [], usage=_usage(piece)))
        else:
            yield _event(_chunk(heading, {}, finish=piece.finish_reason, usage=_usage(piece)))
    yield b"data: [DONE]\n\n"


def error(message: str, status: int) -> Json:
    """As OpenAI's API tells errors."""
    kind = "invalid_request_error" if status < 500 else "server_error"
    return {"error": {"message": message, "type": kind, "code": status}}


def error_event(message: str) -> bytes:
    """For an answer that breaks off after it has begun."""
    return _event(error(message, 500))


_CHUNK = "chat.completion.chunk"


def _chunk(heading: Heading, delta: Mapping[str, str], *, finish: str | None = None, **more: Any) -> Json:
    return heading.over(_CHUNK, [{"index": 0, "delta": dict(delta), "finish_reason": finish}], **more)


def _usage(end: End) -> Json:
    return {
        "prompt_tokens": end.prompt_tokens,
        "completion_tokens": end.completion_tokens,
        "total_tokens": end.prompt_tokens + end.completion_tokens,
    }


def _event(chunk: Json) -> bytes:
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"
