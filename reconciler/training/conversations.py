"""The records of a channel: JSON Lines, a conversation or a pair of prompt and completion each."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reconciler.training.failure import BadInput

Message = Mapping[str, str]


@dataclass(frozen=True)
class Conversation:
    """``is_pair``: it came as prompt and completion, and needs no chat template."""

    messages: tuple[Message, ...]
    is_pair: bool = False


def read_conversations(folder: Path) -> list[Conversation]:
    """All ``*.jsonl`` of the channel, by name. Raises BadInput, with file and line, for a record that is neither."""
    files = sorted(path for path in folder.rglob("*.jsonl") if path.is_file())
    if not files:
        found = ", ".join(sorted(path.name for path in folder.iterdir())[:10]) or "nothing"
        raise BadInput(f"the channel {folder.name} has no file *.jsonl; there is {found}")
    conversations = [conversation for path in files for conversation in _records(path)]
    if not conversations:
        raise BadInput(f"the channel {folder.name} has no records")
    return conversations


def _records(path: Path) -> Iterator[Conversation]:
    with path.open(encoding="utf-8-sig") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                yield _conversation(line, f"{path.parent.name}/{path.name}, line {number}")


def _conversation(line: str, where: str) -> Conversation:
    try:
        record = json.loads(line)
    except ValueError as wrong:
        raise BadInput(f"{where}: it is not JSON ({wrong})") from wrong
    match record:
        case {"messages": [*messages]}:
            told = tuple(_message(message, where) for message in messages)
            return _checked(Conversation(told), where)
        case {"prompt": str(prompt), "completion": str(completion)} if prompt and completion:
            pair = ({"role": "user", "content": prompt}, {"role": "assistant", "content": completion})
            return Conversation(pair, is_pair=True)
        case {"prompt": [*prompt], "completion": [*completion]}:
            told = tuple(_message(message, where) for message in [*prompt, *completion])
            return _checked(Conversation(told), where)
        case _:
            raise BadInput(f"{where}: it has neither `messages` nor `prompt` and `completion` with text in both")


def _message(message: Any, where: str) -> Message:
    match message:
        case {"role": str(role), "content": str(content)}:
            return {"role": role, "content": content}
        case _:
            raise BadInput(f"{where}: a message needs `role` and `content`, both texts")


def _checked(conversation: Conversation, where: str) -> Conversation:
    if not any(message["role"] == "assistant" and message["content"] for message in conversation.messages):
        raise BadInput(f"{where}: no message of the assistant, so there is nothing to learn")
    return conversation
