"""Records → the JSON Lines that a base model takes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

from reconciler.datasets.columns import Columns
from reconciler.datasets.records import Before

PROMPT_COMPLETION = "prompt-completion"
BEDROCK_CONVERSATION = "bedrock-conversation-2024"


def _dumped(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


_dumps: Callable[[Any], bytes] = _dumped
with suppress(ImportError):
    from orjson import dumps as _dumps  # the same, several times faster


def lines(columns: Columns, format: str, system: str = "") -> list[bytes]:
    """One line with its line feed for each record, in their order. ``format`` as in ``DatasetRules``.

    ``system``: what the base model is told where a record has no system text of its own. ``prompt-completion`` has no room for
    either, nor for a conversation: see :func:`fits`.
    """
    spell = _FORMATS[format]
    line = _template(spell, Before(system))
    pairs = zip(columns.prompts.decoded, columns.completions.decoded, strict=True)
    made = [line % (_dumps(prompt), _dumps(completion)) for prompt, completion in pairs]
    for position, before in columns.before.items():
        own = before if before.system else before._replace(system=system)
        prompt, completion = columns.prompts.decoded[position], columns.completions.decoded[position]
        made[position] = _dumps(spell(own, prompt, completion)) + b"\n"
    return made


def _template(spell: Callable[[Before, str, str], dict[str, Any]], before: Before) -> bytes:
    """A line with ``%b`` for the prompt and the completion, which are its last texts."""
    rest, _, end = _dumps(spell(before, _PROMPT, _COMPLETION)).rpartition(_dumps(_COMPLETION))
    start, _, middle = rest.rpartition(_dumps(_PROMPT))
    return b"%b".join(part.replace(b"%", b"%%") for part in (start, middle, end + b"\n"))


_PROMPT, _COMPLETION = "<the prompt>", "<the completion>"


def fits(columns: Columns, format: str) -> bool:
    """``prompt-completion`` has no room for a conversation."""
    return format != PROMPT_COMPLETION or not columns.before


def _prompt_completion(before: Before, prompt: str, completion: str) -> dict[str, Any]:
    return {"prompt": prompt, "completion": completion}


def _bedrock_conversation(before: Before, prompt: str, completion: str) -> dict[str, Any]:
    messages = [{"role": role, "content": [{"text": text}]} for role, text in _turns(before, prompt, completion)]
    system = {"system": [{"text": before.system}]} if before.system else {}
    return {"schemaVersion": BEDROCK_CONVERSATION, **system, "messages": messages}


def _chat(before: Before, prompt: str, completion: str) -> dict[str, Any]:
    system = [{"role": "system", "content": before.system}] if before.system else []
    turns = _turns(before, prompt, completion)
    return {"messages": [*system, *({"role": role, "content": text} for role, text in turns)]}


_FORMATS: dict[str, Callable[[Before, str, str], dict[str, Any]]] = {
    PROMPT_COMPLETION: _prompt_completion,
    BEDROCK_CONVERSATION: _bedrock_conversation,
    "chat": _chat,
}


def _turns(before: Before, prompt: str, completion: str) -> Iterator[tuple[str, str]]:
    for user, assistant in (*before.earlier, (prompt, completion)):
        yield "user", user
        yield "assistant", assistant
