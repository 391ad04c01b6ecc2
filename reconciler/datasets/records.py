"""One row or line → one record: CSV, JSONL with prompt and completion, JSONL with chat messages. The rules, one record at a time."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from reconciler.datasets.source import Flaw


class Before(NamedTuple):
    """What a conversation has before its last exchange."""

    system: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    """What the user and the assistant said, exchange by exchange."""

    @property
    def texts(self) -> list[str]:
        return [self.system, *(text for exchange in self.earlier for text in exchange)]


class Record(NamedTuple):
    """One example. A conversation has its last exchange in ``prompt`` and ``completion``, what came before in the rest."""

    prompt: str
    completion: str
    row: int
    """In CSV the row as a spreadsheet counts, the header being row 1; in JSONL the line."""
    system: str = ""
    earlier: tuple[tuple[str, str], ...] = ()

    @property
    def is_conversation(self) -> bool:
        """More than a prompt and a completion."""
        return bool(self.system or self.earlier)


def checked(record: Record) -> Record | Flaw:
    """Whether every text says something."""
    before = [text for exchange in record.earlier for text in exchange]
    parts = (("prompt", [record.prompt]), ("completion", [record.completion]), ("earlier turn", before))
    empty = [name for name, texts in parts if any(not text.strip() for text in texts)]
    return Flaw("empty-cell", record.row, f"empty {' and '.join(empty)}") if empty else record


def json_record(line: str, row: int) -> Record | Flaw:
    """One JSON object: ``prompt`` and ``completion``, or ``messages`` in the chat or the Bedrock conversation format."""
    try:
        value = json.loads(line.rstrip())
    except json.JSONDecodeError as trouble:
        return Flaw("not-json", row, f"{trouble.msg} at column {trouble.colno}")
    except (ValueError, RecursionError):
        return Flaw("not-json", row, "a number is too long, or values are nested too deeply")
    made = value_record(value, row)
    return _encodable(made) if isinstance(made, Record) and "\\ud" in line.lower() else made


def value_record(value: Any, row: int) -> Record | Flaw:
    """Of what the JSON of a line says."""
    if not isinstance(value, dict):
        return Flaw("not-an-object", row, f"a JSON {_JSON_NAMES.get(type(value), 'value')}")
    return _conversation(value, row) if "messages" in value else _pair(value, row)


_JSON_NAMES: dict[type, str] = {
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def _pair(value: Mapping[str, Any], row: int) -> Record | Flaw:
    fields = {plain(name): text for name, text in value.items()}
    names = ("prompt", COMPLETION if COMPLETION in fields else "completion")
    missing = [f"no `{name}`" for name in names if name not in fields]
    if missing:
        return Flaw("missing-field", row, " and ".join(missing))
    prompt, completion = fields[names[0]], fields[names[1]]
    if not isinstance(prompt, str) or not isinstance(completion, str):
        wrong = names[0] if not isinstance(prompt, str) else names[1]
        return Flaw("wrong-type", row, f"`{wrong}` is not a string")
    return checked(Record(prompt, completion, row))


def _conversation(value: Mapping[str, Any], row: int) -> Record | Flaw:
    messages = value["messages"]
    if not isinstance(messages, list) or not all(isinstance(message, dict) for message in messages):
        return Flaw("wrong-type", row, "`messages` is not a list of objects")
    turns = [(message.get("role"), _spoken(message.get("content"))) for message in messages]
    if any(text is None for _, text in turns):
        return Flaw("wrong-type", row, "a message's `content` is neither text nor a list of texts")
    if "system" in value:
        turns.insert(0, ("system", _spoken(value["system"])))
    return _from_turns(turns, row)


def _from_turns(turns: list[tuple[Any, str | None]], row: int) -> Record | Flaw:
    system = turns.pop(0)[1] if turns and turns[0][0] == "system" else ""
    if system is None:
        return Flaw("wrong-type", row, "`system` is neither text nor a list of texts")
    roles = [role for role, _ in turns]
    if not roles or len(roles) % 2 or roles != ["user", "assistant"] * (len(roles) // 2):
        return Flaw("wrong-turns", row, " → ".join(str(role)[:20] for role in roles[:8]) or "no messages")
    said = [text or "" for _, text in turns]
    exchanges = list(zip(said[::2], said[1::2], strict=True))
    prompt, completion = exchanges.pop()
    return checked(Record(prompt, completion, row, system, tuple(exchanges)))


def _spoken(content: Any) -> str | None:
    """The text of a message: a string, or a list with one ``{text: …}``, as Bedrock and chat APIs write it."""
    match content:
        case str():
            return content
        case [{"text": str(text)}]:
            return text
        case _:
            return None


def _encodable(record: Record) -> Record | Flaw:
    """JSON can spell half a surrogate pair, which is no character and has no UTF-8."""
    texts = (record.prompt, record.completion, *Before(record.system, record.earlier).texts)
    if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
        return Flaw("invalid-text", record.row, "half a surrogate pair (\\ud800 to \\udfff)")
    return record


COMPLETION = "expected completion"


def plain(name: Any) -> str:
    """``Expected_Completion`` and `` expected completion`` name one column."""
    return " ".join(str(name).replace("_", " ").lower().split())
