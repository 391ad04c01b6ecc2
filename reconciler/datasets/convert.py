"""Records → the JSON Lines that a base model takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from reconciler.datasets.records import Record

PROMPT_COMPLETION = "prompt-completion"
BEDROCK_CONVERSATION = "bedrock-conversation-2024"


def line(record: Record, format: str) -> bytes:
    """One line with its line feed, of a record that fits. ``format`` as in ``DatasetRules``."""
    return json.dumps(_FORMATS[format](record), ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def fits(record: Record, format: str) -> bool:
    """``prompt-completion`` has no room for a conversation."""
    return format != PROMPT_COMPLETION or not record.is_conversation


def _prompt_completion(record: Record) -> dict[str, Any]:
    return {"prompt": record.prompt, "completion": record.completion}


def _bedrock_conversation(record: Record) -> dict[str, Any]:
    messages = [{"role": role, "content": [{"text": text}]} for role, text in _turns(record)]
    system = {"system": [{"text": record.system}]} if record.system else {}
    return {"schemaVersion": BEDROCK_CONVERSATION, **system, "messages": messages}


def _chat(record: Record) -> dict[str, Any]:
    system = [{"role": "system", "content": record.system}] if record.system else []
    return {"messages": [*system, *({"role": role, "content": text} for role, text in _turns(record))]}


_FORMATS: dict[str, Callable[[Record], dict[str, Any]]] = {
    PROMPT_COMPLETION: _prompt_completion,
    BEDROCK_CONVERSATION: _bedrock_conversation,
    "chat": _chat,
}


def _turns(record: Record) -> Iterator[tuple[str, str]]:
    for user, assistant in (*record.earlier, (record.prompt, record.completion)):
        yield "user", user
        yield "assistant", assistant
