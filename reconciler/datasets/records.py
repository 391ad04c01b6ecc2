"""Lines → records: CSV, JSONL with prompt and completion, JSONL with chat messages."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from reconciler.datasets.source import MAX_LINE, Flaw, Text, Unreadable

PROMPT = "prompt"
COMPLETION = "expected completion"
_COMPLETIONS = (COMPLETION, "completion")

csv.field_size_limit(
    MAX_LINE
)  # of the whole process: the csv module has no other way; its default is 131,072 characters


class Record(NamedTuple):
    """One example. A conversation has its last exchange in ``prompt`` and ``completion``, what came before in the rest."""

    prompt: str
    completion: str
    row: int
    """In CSV the row as a spreadsheet counts, the header being row 1; in JSONL the line."""
    system: str = ""
    earlier: tuple[tuple[str, str], ...] = ()
    """What the user and the assistant said before, exchange by exchange."""

    @property
    def is_conversation(self) -> bool:
        """More than a prompt and a completion."""
        return bool(self.system or self.earlier)


def read(text: Text, name: str) -> Iterator[Record | Flaw]:
    """Every record, and every flaw in its place. ``name`` (a path or address) tells the format; where it does not, a ``{`` does."""
    try:
        yield from _reader(text, name)(text)
    except Unreadable as trouble:
        yield trouble.flaw
    yield from text.flaws


def _reader(text: Text, name: str) -> Callable[[Iterable[str]], Iterator[Record | Flaw]]:
    match name.lower().removesuffix(".gz").rpartition(".")[2]:
        case "csv" if text.first_character() == "{":
            raise Unreadable(Flaw("missing-columns", 0, "the file begins with `{`: JSON Lines end in .jsonl"))
        case "csv":
            return read_csv
        case "jsonl" | "ndjson" | "json":
            return read_jsonl
        case _:
            return read_jsonl if text.first_character() in ("{", "[") else read_csv


_Rows = Iterator[tuple[int, list[str] | Flaw]]


def read_csv(lines: Iterable[str]) -> Iterator[Record | Flaw]:
    """RFC 4180 with a header. Columns are found by name in any case and order; others are ignored."""
    rows = _csv_rows(lines)
    for _, header in rows:
        if header:
            yield from _below_header(header, rows)
            return


def _below_header(header: list[str] | Flaw, rows: _Rows) -> Iterator[Record | Flaw]:
    names = [] if isinstance(header, Flaw) else [_plain(cell) for cell in header]
    if flaw := header if isinstance(header, Flaw) else _header_flaw(names):
        yield flaw
    else:
        yield from _csv_records(rows, names)


def _csv_rows(lines: Iterable[str]) -> _Rows:
    reader = csv.reader(iter(lines), strict=True)
    row = 0
    while True:
        row += 1
        try:
            yield row, next(reader)
        except StopIteration:
            return
        except csv.Error as trouble:
            yield row, Flaw("bad-quoting", row, f"line {reader.line_num}: {trouble}")


def _header_flaw(names: list[str]) -> Flaw | None:
    missing = [
        f"`{name}`" for name, found in ((PROMPT, PROMPT in names), (COMPLETION, _has_completion(names))) if not found
    ]
    repeated = sorted({name for name in names if names.count(name) > 1 and name in (PROMPT, *_COMPLETIONS)})
    if missing:
        separated = " (it seems to be separated by `;`)" if len(names) == 1 and ";" in names[0] else ""
        shown = ", ".join(names)[:200]
        return Flaw("missing-columns", 1, f"{' and '.join(missing)} not found among: {shown}{separated}")
    if repeated or all(name in names for name in _COMPLETIONS):
        return Flaw("repeated-columns", 1, ", ".join(repeated) or "both `expected completion` and `completion`")
    return None


def _has_completion(names: Iterable[str]) -> bool:
    return any(name in _COMPLETIONS for name in names)


def _csv_records(rows: _Rows, names: list[str]) -> Iterator[Record | Flaw]:
    prompt, width = names.index(PROMPT), len(names)
    completion = next(position for position, name in enumerate(names) if name in _COMPLETIONS)
    for row, cells in rows:
        if isinstance(cells, Flaw):
            yield cells
        elif len(cells) == width:
            yield _checked(Record(cells[prompt], cells[completion], row))
        elif cells:
            yield Flaw("wrong-cells", row, f"{len(cells)} cells, the header has {width}")


def read_jsonl(lines: Iterable[str]) -> Iterator[Record | Flaw]:
    """One JSON object a line: ``prompt`` and ``completion``, or ``messages`` in the chat or the Bedrock conversation format."""
    for row, line in enumerate(lines, start=1):
        if line.strip():
            yield _json_record(line, row)


def _json_record(line: str, row: int) -> Record | Flaw:
    try:
        value = json.loads(line.rstrip())
    except json.JSONDecodeError as trouble:
        return Flaw("not-json", row, f"{trouble.msg} at column {trouble.colno}")
    except (ValueError, RecursionError):
        return Flaw("not-json", row, "a number is too long, or values are nested too deeply")
    if not isinstance(value, dict):
        return Flaw("not-an-object", row, f"a JSON {_JSON_NAMES.get(type(value), 'value')}")
    made = _conversation(value, row) if "messages" in value else _pair(value, row)
    return _encodable(made) if isinstance(made, Record) and "\\ud" in line.lower() else made


_JSON_NAMES: dict[type, str] = {
    list: "array",
    str: "string",
    int: "number",
    float: "number",
    bool: "boolean",
    type(None): "null",
}


def _pair(value: Mapping[str, Any], row: int) -> Record | Flaw:
    fields = {_plain(key): text for key, text in value.items()}
    if PROMPT not in fields or not _has_completion(fields):
        missing = PROMPT if PROMPT not in fields else "completion"
        return Flaw("missing-field", row, f"no `{missing}`")
    prompt = fields[PROMPT]
    completion = next(fields[name] for name in _COMPLETIONS if name in fields)
    if not isinstance(prompt, str) or not isinstance(completion, str):
        wrong = PROMPT if not isinstance(prompt, str) else "completion"
        return Flaw("wrong-type", row, f"`{wrong}` is not a string")
    return _checked(Record(prompt, completion, row))


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
    return _checked(Record(prompt, completion, row, system, tuple(exchanges)))


def _spoken(content: Any) -> str | None:
    """The text of a message: a string, or a list with one ``{text: …}``, as Bedrock and chat APIs write it."""
    match content:
        case str():
            return content
        case [{"text": str(text)}]:
            return text
        case _:
            return None


def _checked(record: Record) -> Record | Flaw:
    before = [text for exchange in record.earlier for text in exchange]
    parts = (("prompt", [record.prompt]), ("completion", [record.completion]), ("earlier turn", before))
    empty = [name for name, texts in parts if any(_is_blank(text) for text in texts)]
    return Flaw("empty-cell", record.row, f"empty {' and '.join(empty)}") if empty else record


def _is_blank(text: str) -> bool:
    return not text or text.isspace()


def _encodable(record: Record) -> Record | Flaw:
    """JSON can spell half a surrogate pair, which is no character and has no UTF-8."""
    texts = (
        record.prompt,
        record.completion,
        record.system,
        *(text for exchange in record.earlier for text in exchange),
    )
    if any("\ud800" <= character <= "\udfff" for text in texts for character in text):
        return Flaw("invalid-text", record.row, "half a surrogate pair (\\ud800 to \\udfff)")
    return record


def _plain(name: Any) -> str:
    """``Expected_Completion`` and `` expected completion`` name one column."""
    return " ".join(str(name).replace("_", " ").lower().split())
