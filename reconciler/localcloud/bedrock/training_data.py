"""What Bedrock checks in training data: JSON Lines, one record a line, in a format that the base model takes.

Sources: the Bedrock user guide on preparing data (`prompt`/`completion`, `input`) and the Nova guide on conversations
(`schemaVersion`, alternating turns that end with the assistant). The wording of the complaints is ours.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.localcloud.bedrock.foundation import CONTINUED_PRE_TRAINING, FoundationModel

CONVERSATION = "bedrock-conversation-2024"
SHOWN = 5
RESERVED = ("System:", "User:", "Bot:", "Assistant:", "Thought:", "[EOS]", "<image>", "<video>", "<unk>")
"""What Amazon's Nova models refuse in any text (the sample validator that AWS publishes for them)."""


class InvalidData(ValueError):
    """Everything that is wrong with a file, the first few problems spelled out."""


def check_records(lines: Iterable[bytes], *, model: FoundationModel, customization: str) -> int:
    """Counts the records. Raises InvalidData with line numbers, or when there are too few or too many."""
    records = 0
    problems = Problems()
    for number, line in enumerate(lines, start=1):
        if line.strip():
            records += 1
            problems.add(f"line {number}: {problem}" for problem in _record_problems(line, model, customization))
    problems.add(_count_problems(records, model))
    if problems.found:
        raise InvalidData(str(problems))
    return records


@dataclass
class Problems:
    """Counts problems and keeps the first few: a broken file may have millions."""

    found: int = 0
    shown: list[str] = field(default_factory=list)

    def add(self, problems: Iterable[str]) -> None:
        for problem in problems:
            self.found += 1
            if self.found <= SHOWN:
                self.shown.append(problem)

    def __str__(self) -> str:
        hidden = self.found - len(self.shown)
        return "; ".join(self.shown) + (f" (and {hidden} more)" if hidden else "")


def _count_problems(count: int, model: FoundationModel) -> Iterator[str]:
    fewest, most = model.records or (1, count)
    if count < fewest:
        yield f"{count} records found, {model.name} needs at least {fewest}"
    if count > max(most, 1):
        yield f"{count} records found, {model.name} takes at most {most}"


def _record_problems(line: bytes, model: FoundationModel, customization: str) -> Iterator[str]:
    try:
        record = json.loads(line)
    except ValueError:
        yield "not valid JSON"
        return
    if not isinstance(record, dict):
        yield "not a JSON object"
    elif customization == CONTINUED_PRE_TRAINING:
        yield from _text_problems(record, ("input",))
    elif "messages" in record and "conversation" in model.formats:
        yield from _conversation_problems(record)
        yield from _reserved_problems(record, model)
    elif "prompt-completion" in model.formats:
        yield from _text_problems(record, ("prompt", "completion"))
    else:
        yield f"not a conversation: {model.name} takes only {CONVERSATION}"


def _text_problems(record: Mapping[str, Any], keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        value = record.get(key)
        if not isinstance(value, str) or not value:
            yield f"`{key}` must be a non-empty string"


def _conversation_problems(record: Mapping[str, Any]) -> Iterator[str]:
    if record.get("schemaVersion") != CONVERSATION:
        yield f"`schemaVersion` must be {CONVERSATION}"
    messages = record["messages"]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        yield "`messages` must be a list of objects"
        return
    roles = [message.get("role") for message in messages]
    if not roles or roles != [("user", "assistant")[turn % 2] for turn in range(len(roles))] or len(roles) % 2:
        yield "the turns must alternate, begin with the user and end with the assistant"
    if not all(isinstance(message.get("content"), list) and message["content"] for message in messages):
        yield "every message needs a non-empty `content` list"


def _reserved_problems(record: Mapping[str, Any], model: FoundationModel) -> Iterator[str]:
    text = json.dumps(record, ensure_ascii=False) if model.provider == "Amazon" else ""
    found = [token for token in RESERVED if token in text]
    if found:
        yield f"{model.name} does not allow {', '.join(found)} in a text"
